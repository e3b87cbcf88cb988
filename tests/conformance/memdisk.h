/* SPDX-License-Identifier: MIT */
/*
 * A disk in memory that a test looks into: it can hold requests back, fail them, change its size,
 * and it knows what would survive a power cut.
 */
#ifndef TESTS_CONFORMANCE_MEMDISK_H
#define TESTS_CONFORMANCE_MEMDISK_H

#include <pthread.h>

#include "vmm-lite/disk/backend.h"

#define MEMDISK_LOG      4096
#define MEMDISK_CHANNELS 64

struct memdisk_entry {
	enum disk_op op;
	unsigned flags;
	uint64_t offset, length;
	int iov_count;
};

struct memdisk_channel {
	struct disk_channel base; /* first */
	int event;                /* something that was held may have been released */
	struct disk_request *held, **last;
};

struct memdisk {
	struct disk base; /* first */
	pthread_mutex_t lock;
	uint8_t *data;
	uint8_t *stable; /* what a power cut leaves */
	uint64_t allocated;
	uint64_t wanted_size; /* what the next refresh finds */
	struct memdisk_channel *channels[MEMDISK_CHANNELS];
	unsigned channel_count;

	/* Set by tests, under the lock or before the device is started. */
	bool hold;        /* requests wait for memdisk_release */
	bool hold_reads;  /* only reads do */
	bool stubborn;    /* cancelling does not help */
	bool empty_reads; /* complete without touching the buffer, claiming nothing */
	/* 0 or an errno for this request; *done: how much is transferred nevertheless. */
	int (*fault)(struct memdisk *disk, const struct disk_request *request, uint64_t *done);
	uint64_t fault_at; /* for the function's use */

	/* Atomic counters and the log. */
	unsigned submitted, completed, flushes, cancelled, in_channels;
	struct memdisk_entry log[MEMDISK_LOG];
	unsigned logged;
};

struct memdisk *memdisk_new(uint64_t size);
/* The disk as the device takes it; disk_close frees it. */
static inline struct disk *memdisk_disk(struct memdisk *disk)
{
	return &disk->base;
}

/* Hold everything that comes from now on; let go of all that waits, or of one request. */
void memdisk_hold(struct memdisk *disk);
void memdisk_release(struct memdisk *disk);
/* Let the waiting request number `index` (in order of arrival on channel 0) finish. */
void memdisk_release_one(struct memdisk *disk, unsigned index);
unsigned memdisk_held(struct memdisk *disk);
void memdisk_resize(struct memdisk *disk, uint64_t size);
void memdisk_power_cut(struct memdisk *disk);

/* How often an operation was submitted. */
unsigned memdisk_count(struct memdisk *disk, enum disk_op op);

#endif
