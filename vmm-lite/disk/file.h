/* SPDX-License-Identifier: MIT */
/* A raw image or a block device of the host: opened, locked and probed. Base of sync and io_uring. */
#ifndef VMM_DISK_FILE_H
#define VMM_DISK_FILE_H

#include <stdatomic.h>

#include "vmm-lite/disk/backend.h"

struct disk_file {
	struct disk base; /* first: a struct disk * is cast to this */
	int fd;
	bool direct;               /* O_DIRECT; then memory and pieces are aligned as follows */
	uint32_t mem_align;        /* of each iovec's address */
	uint32_t io_align;         /* of each iovec's length and of the offset */
	bool writethrough;         /* every write is stable when it completes */
	atomic_bool no_zero_range; /* learnt: FALLOC_FL_ZERO_RANGE does not work here */
	atomic_bool no_punch_hole; /* likewise */
};

/*
 * Open, lock and probe what the options name; the caller sets file->base.ops. Regular files and
 * block devices whose size is a multiple of the logical block; everything else is refused, a size
 * that is not such a multiple too: a guest would not see the end of its data. 0, or -1 with a
 * sentence in err.
 */
int disk_file_open(struct disk_file *file, const struct disk_options *options, char *err,
		   size_t err_size);
void disk_file_release(struct disk_file *file);

/* Has what the request did to be stable when it completes? */
static inline bool disk_file_stable(const struct disk_file *file,
				    const struct disk_request *request)
{
	return file->writethrough || request->flags & DISK_FUA || request->op == DISK_SECURE_ERASE;
}

/* The operations of such disks. */
bool disk_file_refresh(struct disk *disk);
bool disk_file_lifetime(struct disk *disk, struct disk_lifetime *lifetime);

#endif
