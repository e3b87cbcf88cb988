/* SPDX-License-Identifier: MIT */
/*
 * A zoned disk: zones.h decides what is allowed, the inner disk has the data, the zones themselves
 * are those of the host's device (zone_host.h) or emulated (zone_file.h).
 *
 * A write moves the write pointer when it is submitted, so that any number of them can follow each
 * other into a zone. Only a host's device gets one at a time, since its kernel promises no order.
 * Resetting and finishing a zone wait for the writes that are under way in it, and writes that
 * come later wait for them: both are parked in their channel, and tried again at its next poll.
 *
 * Uses backend[4], [6] and [7] of a request: what it was before it became a request of the inner disk.
 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm-lite/disk/zone_host.h"
#include "vmm-lite/disk/zoned.h"

#define ZONED_BATCH    64
#define PARKED_STEP_NS 1000000 /* another channel may make way without a word */
#define OP_BITS        8

enum disk_op zoned_op(const struct disk_request *request)
{
	return (enum disk_op)(request->backend[4] & ((1u << OP_BITS) - 1));
}

unsigned zoned_position(const struct disk_request *request)
{
	return (unsigned)(request->backend[4] >> OP_BITS);
}

void zoned_set_position(struct disk_request *request, unsigned index)
{
	request->backend[4] = zoned_op(request) | (uint64_t)index << OP_BITS;
}

static void save(struct disk_request *request)
{
	request->backend[4] = request->op;
	request->backend[6] = request->offset;
	request->backend[7] = request->length;
}

void zoned_restore(struct disk_request *request)
{
	request->op = zoned_op(request);
	request->offset = request->backend[6];
	request->length = request->backend[7];
}

void zoned_park(struct zoned_channel *channel, struct disk_request *request)
{
	request->next = NULL;
	*channel->last = request;
	channel->last = &request->next;
}

void zoned_complete(struct zoned_channel *channel, struct disk_request *request, int error)
{
	struct zoned_disk *disk = zoned_disk_of(channel);

	zoned_restore(request);
	if (!error && (request->op == DISK_FLUSH || request->flags & DISK_FUA || disk->stable))
		error = zone_file_sync(&disk->file);
	disk_complete(&channel->base, request, error);
}

void zoned_look_again(struct zoned_disk *disk, unsigned index)
{
	struct zone zone;

	if (zone_host_report(disk->host_fd, zones_start(&disk->zones, index), &zone, 1) == 1)
		zones_set(&disk->zones, index, &zone);
}

unsigned zoned_last(const struct zoned_disk *disk, const struct disk_request *request)
{
	return zones_index(&disk->zones, request->offset + request->length - 1);
}

/* --- writes ------------------------------------------------------------------------------ */

/* With the lock: are the zones of this write free for one more? */
static bool writable_now(const struct zoned_disk *disk, const struct disk_request *request)
{
	unsigned last = request->op == DISK_ZONE_APPEND ? zones_index(&disk->zones, request->offset)
							: zoned_last(disk, request);

	for (unsigned i = zones_index(&disk->zones, request->offset); i <= last; i++) {
		const struct zone_use *use = &disk->use[i];

		if (use->owner || (use->writers && disk->host_fd >= 0 &&
				   disk->zones.zone[i].type != ZONE_CONVENTIONAL))
			return false;
	}
	return true;
}

/* With the lock: move the write pointers. An append becomes the write that it turns out to be. */
static int begin_write(struct zoned_disk *disk, struct disk_request *request)
{
	unsigned first, last;
	int error;

	if (request->op == DISK_ZONE_APPEND) {
		error = (int)zones_append(&disk->zones, request->offset, request->length,
					  &request->append_offset);
		if (error)
			return error;
		request->op = DISK_WRITE;
		request->offset = request->append_offset;
	} else {
		error = (int)zones_write(&disk->zones, request->offset, request->length);
		if (error)
			return error;
	}
	first = zones_index(&disk->zones, request->offset);
	last = zoned_last(disk, request);
	for (unsigned i = first; i <= last && !error; i++)
		error = zone_file_store(&disk->file, &disk->zones, i);
	if (error) {
		zones_write_failed(&disk->zones, request->offset, request->length, 0);
		return error;
	}
	for (unsigned i = first; i <= last; i++)
		disk->use[i].writers++;
	return 0;
}

/* False: it has to wait. */
static bool start_write(struct zoned_channel *channel, struct disk_request *request)
{
	struct zoned_disk *disk = zoned_disk_of(channel);
	bool ready;
	int error = 0;

	if (request->offset >= disk->zones.shape.disk_size) {
		zoned_complete(channel, request, ZONE_INVALID);
		return true;
	}
	pthread_mutex_lock(&disk->lock);
	ready = writable_now(disk, request);
	if (ready)
		error = begin_write(disk, request);
	pthread_mutex_unlock(&disk->lock);
	if (!ready)
		return false;
	if (error)
		zoned_complete(channel, request, error);
	else
		disk_submit(channel->inner, request);
	return true;
}

static void write_ended(struct zoned_channel *channel, struct disk_request *request, int error)
{
	struct zoned_disk *disk = zoned_disk_of(channel);
	unsigned first = zones_index(&disk->zones, request->offset);
	unsigned last = zoned_last(disk, request);

	pthread_mutex_lock(&disk->lock);
	for (unsigned i = first; i <= last; i++)
		disk->use[i].writers--;
	if (error && disk->host_fd >= 0) {
		for (unsigned i = first; i <= last; i++)
			zoned_look_again(disk, i);
		error = zone_host_error(error);
	} else if (error) {
		zones_write_failed(&disk->zones, request->offset, request->length, request->done);
		/* The write's own error is the one to tell. */
		zone_file_store(&disk->file, &disk->zones, first);
	}
	pthread_mutex_unlock(&disk->lock);
	zoned_complete(channel, request, error);
}

/* --- reads ------------------------------------------------------------------------------- */

static void clear(const struct disk_request *request, uint64_t from, uint64_t length)
{
	uint64_t skip = from - request->offset;

	for (int i = 0; i < request->iov_count && length; i++) {
		const struct iovec *iov = &request->iov[i];
		size_t part;

		if (skip >= iov->iov_len) {
			skip -= iov->iov_len;
			continue;
		}
		part = iov->iov_len - (size_t)skip;
		part = part < length ? part : (size_t)length;
		memset((uint8_t *)iov->iov_base + skip, 0, part);
		length -= part;
		skip = 0;
	}
}

/* What was never written since its zone's reset reads as zeroes, whatever the image has there. */
static void clear_unwritten(struct zoned_disk *disk, const struct disk_request *request)
{
	uint64_t from = request->offset, end = from + request->length, length = request->length;

	pthread_mutex_lock(&disk->lock);
	while (zones_unwritten(&disk->zones, &from, &length)) {
		clear(request, from, length);
		from += length;
		length = end - from;
	}
	pthread_mutex_unlock(&disk->lock);
}

static void start_read(struct zoned_channel *channel, struct disk_request *request)
{
	struct zoned_disk *disk = zoned_disk_of(channel);
	int error;

	pthread_mutex_lock(&disk->lock);
	error = (int)zones_read(&disk->zones, request->offset, request->length);
	pthread_mutex_unlock(&disk->lock);
	if (error)
		zoned_complete(channel, request, error);
	else
		disk_submit(channel->inner, request);
}

/* --- the disk's operations --------------------------------------------------------------- */

/* False: it has to wait. */
static bool start(struct zoned_channel *channel, struct disk_request *request)
{
	switch (request->op) {
	case DISK_READ: start_read(channel, request); return true;
	case DISK_WRITE:
	case DISK_WRITE_ZEROES:
	case DISK_ZONE_APPEND: return start_write(channel, request);
	case DISK_ZONE_OPEN:
	case DISK_ZONE_CLOSE: zoned_open_or_close(channel, request); return true;
	case DISK_SECURE_ERASE:
	case DISK_ZONE_FINISH:
	case DISK_ZONE_RESET:
	case DISK_ZONE_RESET_ALL: return zoned_job_start(channel, request);
	default: disk_submit(channel->inner, request); return true;
	}
}

static void zoned_submit(struct disk_channel *base, struct disk_request *request)
{
	struct zoned_channel *channel = (struct zoned_channel *)base;

	if (base->in_flight == 1)
		channel->cancelling = false;
	save(request);
	/* What is parked is not overtaken: writes to a zone have an order. */
	if ((channel->parked && request->op != DISK_READ && request->op != DISK_FLUSH) ||
	    !start(channel, request))
		zoned_park(channel, request);
}

static void zoned_commit(struct disk_channel *base)
{
	disk_commit(((struct zoned_channel *)base)->inner);
}

static void ended(struct zoned_channel *channel, struct disk_request *request)
{
	struct zoned_disk *disk = zoned_disk_of(channel);
	int error = request->error;

	switch (zoned_op(request)) {
	case DISK_WRITE:
	case DISK_WRITE_ZEROES:
	case DISK_ZONE_APPEND: write_ended(channel, request, error); break;
	case DISK_SECURE_ERASE:
	case DISK_ZONE_RESET:
	case DISK_ZONE_RESET_ALL: zoned_job_io_ended(channel, request, error); break;
	case DISK_READ:
		if (!error && disk->host_fd < 0)
			clear_unwritten(disk, request);
		zoned_complete(channel, request, error);
		break;
	default: zoned_complete(channel, request, error);
	}
}

static void retry_parked(struct zoned_channel *channel)
{
	struct disk_request *request = channel->parked, *next;

	channel->parked = NULL;
	channel->last = &channel->parked;
	for (; request; request = next) {
		next = request->next;
		if (!start(channel, request))
			zoned_park(channel, request);
	}
	disk_commit(channel->inner);
}

static void zoned_poll(struct disk_channel *base)
{
	struct zoned_channel *channel = (struct zoned_channel *)base;
	struct disk_request *done[ZONED_BATCH];
	unsigned count;

	do {
		count = disk_reap(channel->inner, done, ZONED_BATCH);
		for (unsigned i = 0; i < count; i++)
			ended(channel, done[i]);
		if (channel->parked)
			retry_parked(channel);
	} while (count);
}

static int zoned_wait(struct disk_channel *base, int wake_fd, int64_t timeout_ns, uint64_t *wakes)
{
	struct zoned_channel *channel = (struct zoned_channel *)base;
	int result;

	if (channel->parked && (timeout_ns < 0 || timeout_ns > PARKED_STEP_NS))
		timeout_ns = PARKED_STEP_NS;
	result = disk_wait(channel->inner, wake_fd, timeout_ns, wakes);
	zoned_poll(base);
	return result < 0 ? result : result & DISK_WAIT_WAKE;
}

static void zoned_cancel(struct disk_channel *base)
{
	struct zoned_channel *channel = (struct zoned_channel *)base;
	struct disk_request *request = channel->parked, *next;

	channel->cancelling = true;
	channel->parked = NULL;
	channel->last = &channel->parked;
	for (; request; request = next) {
		next = request->next;
		zoned_job_cancel(channel, request);
	}
	disk_cancel(channel->inner);
}

#define DESCRIBE_BATCH 64u

static int zoned_zones(struct disk *base, uint64_t offset, struct disk_zone *zone, unsigned max)
{
	struct zoned_disk *disk = (struct zoned_disk *)base;
	unsigned index = zones_index(&disk->zones, offset), left = disk->zones.count - index;
	struct zone copy[DESCRIBE_BATCH];
	int count = (int)(left < max ? left : max);

	if (count > (int)DESCRIBE_BATCH)
		count = DESCRIBE_BATCH;
	if (disk->host_fd >= 0) {
		count = zone_host_report(disk->host_fd, zones_start(&disk->zones, index), copy,
					 (unsigned)count);
	} else {
		pthread_mutex_lock(&disk->lock);
		memcpy(copy, &disk->zones.zone[index], (unsigned)count * sizeof(copy[0]));
		pthread_mutex_unlock(&disk->lock);
	}
	for (int i = 0; i < count; i++) {
		uint64_t start = zones_start(&disk->zones, index + (unsigned)i);

		zone[i] = (struct disk_zone){
		    .start = start,
		    .capacity = copy[i].capacity,
		    .wp = start + (copy[i].state == ZONE_FULL
				       ? zones_length(&disk->zones, index + (unsigned)i)
				       : copy[i].wp),
		    .type = copy[i].type,
		    .state = copy[i].state,
		};
	}
	return count;
}

static bool zoned_lifetime(struct disk *base, struct disk_lifetime *lifetime)
{
	return disk_lifetime(((struct zoned_disk *)base)->inner, lifetime);
}

static struct disk_channel *zoned_channel_new(struct disk *disk, unsigned depth, char *err,
					      size_t err_size)
{
	struct zoned_channel *channel = calloc(1, sizeof(*channel));

	if (!channel) {
		snprintf(err, err_size, "no memory for a disk channel");
		return NULL;
	}
	channel->last = &channel->parked;
	channel->inner =
	    disk_channel_open(((struct zoned_disk *)disk)->inner, depth, err, err_size);
	if (channel->inner)
		return &channel->base;
	free(channel);
	return NULL;
}

static void zoned_channel_free(struct disk_channel *base)
{
	disk_channel_close(((struct zoned_channel *)base)->inner);
	free(base);
}

static void zoned_free(struct disk *base)
{
	struct zoned_disk *disk = (struct zoned_disk *)base;
	struct disk *inner = disk->inner;

	/* Its lock is the zone file's, too. */
	zoned_release(disk);
	disk_close(inner);
}

/* No `refresh`: the zones of a disk are as many as when it was opened. */
const struct disk_ops zoned_ops = {
    .name = "zoned",
    .free = zoned_free,
    .lifetime = zoned_lifetime,
    .zones = zoned_zones,
    .channel_new = zoned_channel_new,
    .channel_free = zoned_channel_free,
    .submit = zoned_submit,
    .commit = zoned_commit,
    .poll = zoned_poll,
    .wait = zoned_wait,
    .cancel = zoned_cancel,
};
