/* SPDX-License-Identifier: MIT */
/*
 * A disk of the host: raw file, block device, or nothing at all. Knows no virtio.
 *
 * A disk is opened once; each queue opens a channel of its own to it (with its own io_uring), so
 * that queues share nothing. A channel belongs to one thread at a time. The life of a request:
 *
 *	disk_submit()   takes it; it may complete at once (sync, null), but is always reported by reap
 *	disk_commit()   hands everything taken so far to the host in one call
 *	disk_reap()     gives back what has finished
 *	disk_wait()     sleeps until something finished, wake_fd is readable, or the time is over
 *
 * Where the options say iothread=on, a channel belongs for good to the thread that uses it first
 * (submit, commit, reap, wait, cancel); only open and close may happen in another one. With
 * iothread=off it may move, but two threads never use it at the same time.
 *
 * Backends (disk/io_uring.c, sync.c, null.c) and wrappers (fault.c, …) implement struct
 * disk_ops; a wrapper holds the inner disk. Short transfers, EINTR and EAGAIN are retried below
 * this interface: a request completes in full or with an errno.
 */
#ifndef VMM_DISK_H
#define VMM_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

struct disk_options; /* vmm-lite/options.h */

enum disk_op {
	DISK_READ,
	DISK_WRITE,
	DISK_FLUSH,        /* everything completed before it was submitted is stable */
	DISK_DISCARD,      /* content undefined afterwards; may do nothing */
	DISK_WRITE_ZEROES, /* reads as zeroes afterwards; DISK_UNMAP allows deallocation */
	DISK_SECURE_ERASE, /* like discard, but the old content is gone for good */
	/* Of zoned disks only. The offset is the zone's start; length 0 but for an append. */
	DISK_ZONE_APPEND, /* a write to the zone's write pointer: see append_offset */
	DISK_ZONE_OPEN,
	DISK_ZONE_CLOSE,
	DISK_ZONE_FINISH,
	DISK_ZONE_RESET,
	DISK_ZONE_RESET_ALL, /* offset 0 */
	DISK_OPS
};

#define DISK_UNMAP 0x1u
#define DISK_FUA   0x2u /* stable when it completes */

struct disk_request {
	/* Set by the caller, unchanged until reaped. */
	enum disk_op op;
	unsigned flags;
	uint64_t offset; /* bytes; 512-aligned */
	uint64_t length; /* bytes; the sum of iov for reads and writes */
	const struct iovec *iov;
	int iov_count;
	void *owner; /* the caller's, not looked at */

	/* Set by the disk. */
	int error;      /* 0 or a positive errno, or an enum zone_error (disk/zones.h) */
	uint64_t done;  /* bytes really transferred, from the start; for honest used lengths */
	uint8_t method; /* enum vbt_io_method: how it really went */
	uint64_t append_offset; /* where an append went */

	/* The backend's own while it is in flight. */
	struct disk_request *next;
	uint64_t backend[8];
};

enum disk_zone_model { DISK_ZONES_NONE, DISK_ZONES_HOST_MANAGED, DISK_ZONES_HOST_AWARE };

struct disk_zone_info {
	enum disk_zone_model model;
	uint64_t size;                 /* of a zone, a power of two */
	uint64_t capacity;             /* of a zone: what can be written of it */
	uint32_t granularity;          /* of writes to sequential zones */
	unsigned max_open, max_active; /* 0: no limit */
};

#define DISK_PRE_EOL_MAX  3
#define DISK_ESTIMATE_MAX 11

/* Wear of flash storage, in the units of eMMC (JESD84-B50) and virtio 1.3, 5.2.6. */
struct disk_lifetime {
	uint16_t pre_eol;      /* 0 unknown, 1 normal, 2 warning, 3 urgent */
	uint16_t typ_a, typ_b; /* 0 unknown, 1 to 10: tenths of the life begun, 11: exceeded */
};

/* What a disk is, for the device's configuration space. All in bytes unless said. */
struct disk_info {
	uint64_t size;
	uint32_t logical_block;       /* power of two, at least 512 */
	uint32_t physical_block;      /* power of two, at least logical_block */
	uint32_t min_io, opt_io;      /* 0 if unknown */
	uint32_t discard_granularity; /* 0: no discard */
	bool write_zeroes;            /* the host can do it without sending zeroes */
	bool unmap;                   /* and may deallocate */
	bool secure_erase;
	bool read_only;
	bool rotational;
	bool block_device;
	uint32_t major, minor; /* of the block device, or of the file system's device */
	uint64_t inode;        /* 0 for a block device */
	uint32_t alignment;    /* of offset and length if over 512: direct I/O of such a disk */
	struct disk_zone_info zoned;
	bool has_lifetime; /* the storage tells of its wear: disk_lifetime */
};

/* A zone as it is described to a guest; in bytes. Types and states: disk/zones.h. */
struct disk_zone {
	uint64_t start, capacity;
	uint64_t wp; /* an offset of the disk; of a full zone: its end */
	uint8_t type, state;
};

struct disk;
struct disk_channel;

/*
 * Open the disk that the options describe, with its wrappers, and lock the image against a
 * second writer (against writers, if read-only). Never creates, grows or truncates anything.
 * NULL with one sentence in err that names the path and what to do.
 */
struct disk *disk_open(const struct disk_options *options, char *err, size_t err_size);
void disk_close(struct disk *disk); /* all channels must be closed */

const struct disk_info *disk_info(const struct disk *disk);

/* Re-read the size (a block device or file was resized). true if it changed. */
bool disk_refresh(struct disk *disk);

/* How worn the storage is. False: it does not tell (any more). Any thread. */
bool disk_lifetime(struct disk *disk, struct disk_lifetime *lifetime);

/*
 * Describe the zones of a zoned disk from the one with `offset` (which is inside the disk) on, at
 * most `max` of them. How many, or -errno. Any thread.
 */
int disk_zones(struct disk *disk, uint64_t offset, struct disk_zone *zone, unsigned max);

/* A channel for up to `depth` requests in flight. NULL with a sentence in err. */
struct disk_channel *disk_channel_open(struct disk *disk, unsigned depth, char *err,
				       size_t err_size);
void disk_channel_close(struct disk_channel *channel); /* nothing may be in flight */

/* Never fails and never blocks longer than the I/O itself; errors come with the completion. */
void disk_submit(struct disk_channel *channel, struct disk_request *request);
void disk_commit(struct disk_channel *channel);

/* At most `max` finished requests; 0: none yet. Does not enter the kernel if it can be avoided. */
unsigned disk_reap(struct disk_channel *channel, struct disk_request **done, unsigned max);

#define DISK_WAIT_DONE 0x1 /* disk_reap will give something */
#define DISK_WAIT_WAKE 0x2 /* wake_fd was readable; *wakes is what the eventfd's read returned */

/*
 * Sleep. timeout_ns < 0: no limit. The eventfd is read (so that its count is known exactly and
 * no wake-up is lost), its value goes to *wakes. Set of DISK_WAIT_*, 0 when the time is over, or
 * -errno. wake_fd < 0: wait for completions only. Implementations commit first. With something
 * already finished it returns at once and may leave wake_fd unread until the next call. Once
 * given, the eventfd is read by the channel alone until that is closed; a blocking eventfd (no
 * EFD_NONBLOCK) saves a system call. Interruptions by signals are hidden.
 */
int disk_wait(struct disk_channel *channel, int wake_fd, int64_t timeout_ns, uint64_t *wakes);

/*
 * Ask everything in flight to finish soon: used at device reset. What is not done by then fails
 * with ECANCELED; all of it still has to be reaped. Called by the thread that owns the channel.
 */
void disk_cancel(struct disk_channel *channel);

/* Requests submitted and not yet reaped. */
unsigned disk_in_flight(const struct disk_channel *channel);

/* What a backend or a wrapper implements; see disk/backend.h for the base structs. */

#endif
