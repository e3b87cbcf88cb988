/* SPDX-License-Identifier: MIT */
/*
 * A request of any shape as a series of host calls that the host accepts.
 *
 * Mostly that is one call with the request's own iovecs. The slow path, which needs a slot of the
 * channel's pool, is taken after a short transfer, by more iovecs than one call may have, by guest
 * memory that direct I/O cannot use (through a bounce buffer, piece by piece), and by zeroes that
 * have to be sent. Slots are bounded, and with them memory: when all are in use a request waits.
 *
 * Uses backend[0] of the request.
 */
#ifndef VMM_DISK_TRANSFER_H
#define VMM_DISK_TRANSFER_H

#include "vmm-lite/disk/file.h"

#define TRANSFER_SLOTS        32
#define TRANSFER_BOUNCE_BYTES (256u << 10)

struct transfer;

struct transfer_pool {
	const struct disk_file *file;
	struct transfer *free;
	unsigned live; /* slots allocated */
	struct disk_request *waiting, **waiting_last;
};

/* What one host call moves. Valid until the next call for the same request. */
struct transfer_piece {
	const struct iovec *iov;
	int count; /* at most IOV_MAX */
	uint64_t offset;
};

void transfer_pool_init(struct transfer_pool *pool, const struct disk_file *file);
void transfer_pool_release(struct transfer_pool *pool);

/*
 * The next call of a read, a write, or zeroes to be sent. 0; EAGAIN: no slot is free, the request
 * waits in the pool; or ENOMEM.
 */
int transfer_next(struct transfer_pool *pool, struct disk_request *request,
		  struct transfer_piece *piece);

/*
 * What the call gave: bytes, or -errno. True: go on with transfer_next (EINTR and EAGAIN too).
 * False: finished, with 0 or an errno in *error; nothing transferred means the image ends here: EIO.
 */
bool transfer_result(struct transfer_pool *pool, struct disk_request *request, int64_t result,
		     int *error);

/* A request that waited and could start now that a slot is free, or NULL. */
struct disk_request *transfer_resume(struct transfer_pool *pool);

#endif
