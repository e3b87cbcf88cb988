/* SPDX-License-Identifier: MIT */
/*
 * The Linux/x86 boot protocol, 64-bit entry: a bzImage of protocol 2.12 (Linux 3.8) or later.
 * (Documentation/arch/x86/boot.rst)
 */
#ifndef VMM_BOOT_LINUX_H
#define VMM_BOOT_LINUX_H

#include <stddef.h>
#include <stdint.h>

#include "vmm-lite/boot/entry.h"
#include "vmm-lite/boot/file.h"

#define BZIMAGE_HEAD 1024 /* bytes of the file that bzimage_parse wants to see */

struct bzimage {
	uint16_t version;
	uint32_t header_size;  /* of the setup header at 0x1f1 */
	uint64_t code_offset;  /* of the protected-mode code in the file */
	uint64_t code_size;    /* to the end of the file */
	uint64_t load_address; /* where it wants to be */
	uint64_t init_size;    /* bytes it needs there before it looks at the memory map */
	uint32_t cmdline_max;  /* without the final zero */
	uint64_t initrd_max;   /* highest address that the initrd may touch */
};

/*
 * Understand the first `len` bytes of a file of `file_size` bytes. Pure; every field is checked
 * before it is used. 0, or -EINVAL with a sentence fragment in err ("is no bzImage: ...").
 */
int bzimage_parse(struct bzimage *image, const uint8_t *head, size_t len, uint64_t file_size,
		  char *err, size_t err_size);

struct linux_boot {
	struct boot_file kernel;
	struct boot_file initrd; /* fd -1: none */
	struct bzimage image;
	const char *append;
	uint8_t head[BZIMAGE_HEAD];
};

/* Open and check the files; reads nothing but the header. 0, or -errno with a sentence. */
int linux_boot_open(struct linux_boot *boot, const char *kernel, const char *initrd,
		    const char *append, char *err, size_t err_size);
void linux_boot_close(struct linux_boot *boot);

/* Is there RAM for kernel and initrd? Touches nothing. 0, or -errno with a sentence. */
int linux_boot_fits(const struct linux_boot *boot, const struct guest_mem *mem, char *err,
		    size_t err_size);

/* Put kernel, initrd, command line and boot parameters into RAM. 0, or -errno with a sentence. */
int linux_boot_load(const struct linux_boot *boot, const struct guest_mem *mem, uint64_t rsdp,
		    struct boot_entry *entry, char *err, size_t err_size);

#endif
