/* SPDX-License-Identifier: MIT */
/* A channel of io_uring.c, as io_uring_sleep.c has to know it. */
#ifndef VMM_DISK_IO_URING_H
#define VMM_DISK_IO_URING_H

#include <liburing.h>

#include "vmm-lite/disk/backend.h"
#include "vmm-lite/disk/transfer.h"

#define URING_OWN_ENTRIES 8u /* room for the entries of enum own_entry */

enum own_entry { OWN_WAKE = 1, OWN_CANCEL = 2, OWN_END = 4096 };

struct uring_channel {
	struct disk_channel base; /* first */
	struct io_uring ring;
	struct transfer_pool pool;
	bool enabled;    /* the ring belongs to its thread now */
	bool wake_armed; /* an OWN_WAKE entry is in flight, for … */
	int wake_fd;
	bool wake_blocks;
	uint64_t wake_value; /* where the armed READ puts what it read */
	uint64_t wakes;      /* read and not reported yet */
};

/* The thread that gets here first is the ring's only submitter, if the ring has such a thing. */
void uring_enable(struct uring_channel *channel);

/* An empty entry of the ring's own, or NULL: the kernel takes none for now. */
struct io_uring_sqe *uring_own_entry(struct uring_channel *channel, enum own_entry which);

/* As poll and wait of struct disk_ops. */
void uring_collect(struct disk_channel *base);
int uring_sleep(struct disk_channel *base, int wake_fd, int64_t timeout_ns, uint64_t *wakes);

/* The armed entry has ended. */
void uring_woken(struct uring_channel *channel, int result);

/* Take back the armed entry; a count that it had read already goes back to the eventfd. */
void uring_disarm(struct uring_channel *channel);

#endif
