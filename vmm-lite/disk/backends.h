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

/*
 * Zones over `inner`, which is closed with the wrapper: those of a zoned block device, or the
 * options' emulated ones. `fd` is what `inner` reads and writes: the zones of an image file are
 * kept beside it; -1: in memory.
 */
struct disk *disk_zoned_wrap(struct disk *inner, int fd, const struct disk_options *options,
			     char *err, size_t err_size);
struct zones;
/* The zones of such a disk, for tests that put one into a state: only while no channel is open. */
struct zones *disk_zoned_zones(struct disk *disk);

/* Put faults in front of `inner`, which is closed with the wrapper. */
struct disk *disk_fault_wrap(struct disk *inner, const struct fault_options *options, char *err,
			     size_t err_size);

#endif
