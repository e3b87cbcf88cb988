/* SPDX-License-Identifier: MIT */
/*
 * Discard, write zeroes and secure erase: which means of the host to try, in which order.
 *
 * Each operation has a plan of steps. A step that turns out not to be supported is skipped, and
 * remembered for the whole disk, so that it is tried once and not per request.
 */
#ifndef VMM_DISK_RANGE_H
#define VMM_DISK_RANGE_H

#include "vmm-lite/disk/file.h"

enum range_step {
	RANGE_NOTHING,    /* success without doing anything */
	RANGE_PUNCH_HOLE, /* fallocate: deallocate, reads as zeroes afterwards */
	RANGE_ZERO_RANGE, /* fallocate: zeroes, space stays allocated */
	RANGE_IOCTL,      /* disk_range_ioctl */
	RANGE_WRITE,      /* send zeroes, as transfer.h does it */
	RANGE_REFUSE,     /* EOPNOTSUPP */
};

/* The step that is due at `position` in the plan, which moves over what is known not to work. */
enum range_step disk_range_step(struct disk_file *file, const struct disk_request *request,
				unsigned *position);

/* The mode of the two fallocate steps. */
int disk_range_mode(enum range_step step);

/* True if this errno of this step means "not here", which is remembered: go on in the plan. */
bool disk_range_unsupported(struct disk_file *file, enum range_step step, int error);

/* Discard or secure erase of a block device in the caller's thread. 0 or an errno. */
int disk_range_ioctl(struct disk_file *file, const struct disk_request *request);

#endif
