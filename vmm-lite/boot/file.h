/* SPDX-License-Identifier: MIT */
/* A file to boot from: opened and checked before anything starts, read into guest memory later. */
#ifndef VMM_BOOT_FILE_H
#define VMM_BOOT_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "vmm-lite/guest_mem.h"

struct boot_file {
	const char *option; /* "--kernel": for messages */
	const char *path;
	int fd;
	uint64_t size;
};

/* Open a regular, readable file that is not empty. 0, or -errno with a sentence in err. */
int boot_file_open(struct boot_file *file, const char *option, const char *path, char *err,
		   size_t err_size);
void boot_file_close(struct boot_file *file);

/* Read exactly len bytes at offset: into dst, or into guest RAM. 0, or -errno with a sentence. */
int boot_file_read(const struct boot_file *file, uint64_t offset, void *dst, uint64_t len,
		   char *err, size_t err_size);
int boot_file_load(const struct boot_file *file, uint64_t offset, const struct guest_mem *mem,
		   gpa_t to, uint64_t len, char *err, size_t err_size);

#endif
