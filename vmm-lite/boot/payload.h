/* SPDX-License-Identifier: MIT */
/* A 64-bit ELF program that runs on the bare machine. samples/guests/ has some. */
#ifndef VMM_BOOT_PAYLOAD_H
#define VMM_BOOT_PAYLOAD_H

#include <elf.h>
#include <stddef.h>
#include <stdint.h>

#include "vmm-lite/boot/entry.h"
#include "vmm-lite/boot/file.h"

#define PAYLOAD_MAX_SEGMENTS 16
#define PAYLOAD_LOWEST       0x100000ull /* below are our tables */

struct payload {
	struct boot_file file;
	Elf64_Phdr segments[PAYLOAD_MAX_SEGMENTS]; /* of type PT_LOAD */
	unsigned segment_count;
	uint64_t entry;
};

/*
 * Check the ELF header and the program headers of a file of `file_size` bytes. Pure. 0, or
 * -EINVAL with a sentence fragment in err.
 */
int payload_parse(struct payload *payload, const Elf64_Ehdr *header, const Elf64_Phdr *segments,
		  uint64_t file_size, char *err, size_t err_size);

/* As linux_boot_open, linux_boot_fits and linux_boot_load. */
int payload_open(struct payload *payload, const char *path, char *err, size_t err_size);
void payload_close(struct payload *payload);
int payload_fits(const struct payload *payload, const struct guest_mem *mem, char *err,
		 size_t err_size);
int payload_load(const struct payload *payload, const struct guest_mem *mem, uint64_t rsdp,
		 unsigned cpus, struct boot_entry *entry, char *err, size_t err_size);

#endif
