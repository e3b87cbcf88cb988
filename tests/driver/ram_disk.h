/* SPDX-License-Identifier: MIT */
/*
 * A disk in memory that a test looks into: it can hold requests back, fail them, change its size,
 * and it knows what would survive a power cut.
 */
#ifndef TESTS_RAM_DISK_H
#define TESTS_RAM_DISK_H

#include <pthread.h>

#include "vmm-lite/disk/backend.h"

#define RAM_DISK_LOG      4096
#define RAM_DISK_CHANNELS 64
#define RAM_DISK_MAX      (64ull << 20)

struct ram_disk_entry {
	enum disk_op op;
	unsigned flags;
	uint64_t offset, length;
	int iov_count;
};

struct ram_disk_channel {
	struct disk_channel base; /* first */
	int event;                /* something that was held may have been released */
	struct disk_request *held, **last;
	bool sleeps; /* atomic; cleared before the wake-up is read */
};

struct ram_disk {
	struct disk base; /* first */
	pthread_mutex_t lock;
	uint8_t *data;
	uint8_t *stable;               /* what a power cut leaves */
	uint64_t dirty_from, dirty_to; /* where the two may differ */
	uint64_t wanted_size;          /* what the next refresh finds */
	struct ram_disk_channel *channels[RAM_DISK_CHANNELS];
	unsigned channel_count;

	/* Set by tests, under the lock or before the device is started. */
	bool hold;       /* requests wait for ram_disk_release */
	bool hold_reads; /* only reads do */
	bool stubborn;   /* cancelling does not help */
	/*
	 * Held requests finish as soon as somebody waits for nothing else: a queue that stops, or
	 * one that is served on the thread that kicks. So no test waits for a grace period.
	 */
	bool yield;
	bool empty_reads; /* complete without touching the buffer, claiming nothing */
	/* 0 or an errno for this request; *done: how much is transferred nevertheless. */
	int (*fault)(struct ram_disk *disk, const struct disk_request *request, uint64_t *done);
	uint64_t fault_at;                         /* for the function's use */
	uint64_t fail_first, fail_last, fail_done; /* see ram_disk_fail */
	int fail_error;

	/* Atomic counters and the log. */
	unsigned submitted, completed, flushes, cancelled, in_channels;
	struct ram_disk_entry log[RAM_DISK_LOG];
	unsigned logged;
};

struct ram_disk *ram_disk_new(uint64_t size); /* at most RAM_DISK_MAX */
/* The disk as the device takes it; disk_close frees it. */
static inline struct disk *ram_disk_base(struct ram_disk *disk)
{
	return &disk->base;
}

/* Hold everything that comes from now on; let go of all that waits, or of one request. */
void ram_disk_hold(struct ram_disk *disk);
void ram_disk_release(struct ram_disk *disk);
/* Let the waiting request number `index` (in order of arrival on channel 0) finish. */
void ram_disk_release_one(struct ram_disk *disk, unsigned index);
unsigned ram_disk_held(struct ram_disk *disk);
/* The thread of that channel sleeps, and nothing was released that it has to take. */
bool ram_disk_sleeps(struct ram_disk *disk, unsigned channel);
/* The next disk_refresh finds this size. */
void ram_disk_resize(struct ram_disk *disk, uint64_t size);
void ram_disk_power_cut(struct ram_disk *disk);

/* Requests that touch sectors [first, last] fail with this errno after `done` bytes. 0: none. */
void ram_disk_fail(struct ram_disk *disk, uint64_t first, uint64_t last, int error, uint64_t done);

/* How often an operation was submitted. */
unsigned ram_disk_count(struct ram_disk *disk, enum disk_op op);

#endif
