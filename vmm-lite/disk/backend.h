/* SPDX-License-Identifier: MIT */
/*
 * What stands behind disk.h: the base structs and operations that backends (io_uring, sync, null),
 * wrappers (fault) and the disks of tests implement.
 *
 * disk.c is the front. It checks each request against the disk (range, alignment, read-only),
 * counts what is in flight and keeps the list of requests that are finished but not yet reaped,
 * so that a backend which completes at once only has to call disk_complete():
 *
 *	static void ram_submit(struct disk_channel *channel, struct disk_request *request)
 *	{
 *		... move the bytes ...
 *		disk_complete(channel, request, 0);
 *	}
 *	static const struct disk_ops ram_ops = {
 *		.name = "ram", .free = ram_free, .submit = ram_submit,
 *	};
 *	... disk->base.ops = &ram_ops; disk->base.info.size = ...; disk->base.info.logical_block = 512;
 *
 * Operations that are left NULL get a default: `refresh` never changes, `channel_new` gives a bare
 * struct disk_channel, `commit` and `cancel` do nothing, `poll` finds nothing, `wait` sleeps on
 * wake_fd alone (right for every disk that never has anything pending).
 */
#ifndef VMM_DISK_BACKEND_H
#define VMM_DISK_BACKEND_H

#include "vmm-lite/disk/disk.h"

struct disk_ops {
	const char *name; /* of the method: "io_uring", "sync", "null" */

	void (*free)(struct disk *disk);

	/* Bring info.size up to date. True if it changed. */
	bool (*refresh)(struct disk *disk);

	/* As disk_lifetime; NULL: it is what struct disk says. */
	bool (*lifetime)(struct disk *disk, struct disk_lifetime *lifetime);

	/* As disk_zones; needed if info.zoned.model is not DISK_ZONES_NONE. */
	int (*zones)(struct disk *disk, uint64_t offset, struct disk_zone *zone, unsigned max);

	/* Allocate a channel; the front fills its base. NULL with a sentence in err. */
	struct disk_channel *(*channel_new)(struct disk *disk, unsigned depth, char *err,
					    size_t err_size);
	void (*channel_free)(struct disk_channel *channel);

	/*
	 * Take a request; checked by the front, length not 0 except for a flush and zone management
	 * (which only a disk with zones gets, and an append, whose range it has to check itself);
	 * error, done and method are 0. Ends in disk_complete, here or later (in poll, wait or cancel).
	 */
	void (*submit)(struct disk_channel *channel, struct disk_request *request);
	void (*commit)(struct disk_channel *channel);

	/* Look for completions without sleeping; calls disk_complete for each. */
	void (*poll)(struct disk_channel *channel);

	/*
	 * As disk_wait; called only when nothing is finished. Returns DISK_WAIT_WAKE or 0, or -errno;
	 * the front adds DISK_WAIT_DONE if disk_complete was called meanwhile. May return 0 early.
	 */
	int (*wait)(struct disk_channel *channel, int wake_fd, int64_t timeout_ns, uint64_t *wakes);

	/* Bring what is in flight to an early end. */
	void (*cancel)(struct disk_channel *channel);
};

struct disk {
	const struct disk_ops *ops;
	struct disk_info info;
	struct disk_lifetime lifetime; /* with info.has_lifetime and no operation for it */
	bool fixed_lifetime;           /* … or with one, which is then not asked */
};

struct disk_channel {
	struct disk *disk;
	unsigned depth;
	unsigned in_flight;                 /* submitted and not reaped */
	unsigned ready;                     /* of them, finished */
	struct disk_request *first, **last; /* the finished ones, in order, by request->next */
	int wake_fd;                        /* the last fd that disk_sleep saw, and … */
	bool wake_blocks;                   /* … whether reading it blocks */
};

/* The backend is done with this request. error: 0 or a positive errno; request->done is set. */
void disk_complete(struct disk_channel *channel, struct disk_request *request, int error);

/*
 * Sleep on wake_fd alone and read it: the `wait` of disks with nothing pending. wake_fd < 0 sleeps
 * for the time given; with no limit either that would be forever: -EDEADLK.
 */
int disk_sleep(struct disk_channel *channel, int wake_fd, int64_t timeout_ns, uint64_t *wakes);

/* True if a read of this fd blocks: no O_NONBLOCK. */
bool disk_fd_blocks(int fd);

/* The size of the disk; it may change in another thread (refresh) while requests are checked. */
uint64_t disk_size(const struct disk *disk);
void disk_set_size(struct disk *disk, uint64_t size);

/* CLOCK_MONOTONIC in ns. */
int64_t disk_now(void);

#endif
