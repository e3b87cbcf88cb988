/* SPDX-License-Identifier: MIT */
/* The doors to the backends, used by disk.c only. Each gives NULL with a sentence in err. */
#ifndef VMM_DISK_BACKENDS_H
#define VMM_DISK_BACKENDS_H

#include <stddef.h>

struct disk;
struct disk_options;
struct fault_options;

struct disk *disk_uring_open(const struct disk_options *options, char *err, size_t err_size);
struct disk *disk_sync_open(const struct disk_options *options, char *err, size_t err_size);
struct disk *disk_null_open(const struct disk_options *options, char *err, size_t err_size);

/* Put faults in front of `inner`, which is closed with the wrapper. */
struct disk *disk_fault_wrap(struct disk *inner, const struct fault_options *options, char *err,
			     size_t err_size);

#endif
