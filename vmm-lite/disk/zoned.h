/* SPDX-License-Identifier: MIT */
/*
 * The parts of a zoned disk, shared by zoned.c (reads, writes, the disk's operations), zoned_job.c (what
 * changes the state of whole zones) and zoned_open.c (where the zones come from).
 */
#ifndef VMM_DISK_ZONED_H
#define VMM_DISK_ZONED_H

#include <pthread.h>

#include "vmm-lite/disk/backend.h"
#include "vmm-lite/disk/zone_file.h"

struct zone_use {
	unsigned writers;                 /* writes under way */
	const struct disk_request *owner; /* has it, or waits for it, for itself alone */
};

struct zoned_disk {
	struct disk base; /* first */
	struct disk *inner;
	int host_fd;          /* of a zoned device; -1: emulated */
	bool stable;          /* cache=writethrough */
	bool discard;         /* a reset gives the space back */
	pthread_mutex_t lock; /* of all that follows */
	struct zones zones;
	struct zone_use *use;
	struct zone_file file;
};

struct zoned_channel {
	struct disk_channel base; /* first */
	struct disk_channel *inner;
	struct disk_request *parked, **last; /* by request->next */
	bool cancelling;
};

extern const struct disk_ops zoned_ops;

static inline struct zoned_disk *zoned_disk_of(struct zoned_channel *channel)
{
	return (struct zoned_disk *)channel->base.disk;
}

/* What the request was before it became one of the inner disk. */
enum disk_op zoned_op(const struct disk_request *request);
void zoned_restore(struct disk_request *request);

/* Of a job over zones: the zone that is next. */
unsigned zoned_position(const struct disk_request *request);
void zoned_set_position(struct disk_request *request, unsigned index);

/* The zone of the request's last byte. */
unsigned zoned_last(const struct zoned_disk *disk, const struct disk_request *request);

/* To be tried again at the channel's next poll. */
void zoned_park(struct zoned_channel *channel, struct disk_request *request);

/* The request is over; what it changed is on the disk if it has to be. */
void zoned_complete(struct zoned_channel *channel, struct disk_request *request, int error);

/* With the lock: what the host's device says of a zone is right, whatever we thought. */
void zoned_look_again(struct zoned_disk *disk, unsigned index);

/* Open or close a zone: at once. */
void zoned_open_or_close(struct zoned_channel *channel, struct disk_request *request);

/* Reset, reset all, finish, secure erase: begin, or go on. False: it has to wait. */
bool zoned_job_start(struct zoned_channel *channel, struct disk_request *request);
/* The inner disk is done with what the job gave it. */
void zoned_job_io_ended(struct zoned_channel *channel, struct disk_request *request, int error);
/* Whatever it is, it lets go of the zone that it waited for, and ends. */
void zoned_job_cancel(struct zoned_channel *channel, struct disk_request *request);

/* Free all but the inner disk. */
void zoned_release(struct zoned_disk *disk);

#endif
