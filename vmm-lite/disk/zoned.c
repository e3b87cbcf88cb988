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

#include "vmm-lite/disk/backend.h"
#include "vmm-lite/disk/backends.h"
#include "vmm-lite/disk/zone_file.h"
#include "vmm-lite/disk/zone_host.h"
#include "vmm-lite/options.h"

#define ZONED_BATCH    64
#define PARKED_STEP_NS 1000000 /* another channel may make way without a word */
#define OP_BITS        8

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

static struct zoned_disk *disk_of(struct zoned_channel *channel)
{
	return (struct zoned_disk *)channel->base.disk;
}

static enum disk_op op_of(const struct disk_request *request)
{
	return (enum disk_op)(request->backend[4] & ((1u << OP_BITS) - 1));
}

/* Of resets and the like: the zone that is next. */
static unsigned position(const struct disk_request *request)
{
	return (unsigned)(request->backend[4] >> OP_BITS);
}

static void set_position(struct disk_request *request, unsigned index)
{
	request->backend[4] = op_of(request) | (uint64_t)index << OP_BITS;
}

static void save(struct disk_request *request)
{
	request->backend[4] = request->op;
	request->backend[6] = request->offset;
	request->backend[7] = request->length;
}

static void restore(struct disk_request *request)
{
	request->op = op_of(request);
	request->offset = request->backend[6];
	request->length = request->backend[7];
}

static void park(struct zoned_channel *channel, struct disk_request *request)
{
	request->next = NULL;
	*channel->last = request;
	channel->last = &request->next;
}

static void complete(struct zoned_channel *channel, struct disk_request *request, int error)
{
	struct zoned_disk *disk = disk_of(channel);

	restore(request);
	if (!error && (request->op == DISK_FLUSH || request->flags & DISK_FUA || disk->stable))
		error = zone_file_sync(&disk->file);
	disk_complete(&channel->base, request, error);
}

/* What the host's device says of a zone is right, whatever we thought. */
static void look_again(struct zoned_disk *disk, unsigned index)
{
	struct zone zone;

	if (zone_host_report(disk->host_fd, zones_start(&disk->zones, index), &zone, 1) == 1)
		zones_set(&disk->zones, index, &zone);
}

/* --- writes ------------------------------------------------------------------------------ */

static unsigned last_zone(const struct zoned_disk *disk, const struct disk_request *request)
{
	return zones_index(&disk->zones, request->offset + request->length - 1);
}

/* With the lock: are the zones of this write free for one more? */
static bool writable_now(const struct zoned_disk *disk, const struct disk_request *request)
{
	unsigned last = request->op == DISK_ZONE_APPEND ? zones_index(&disk->zones, request->offset)
							: last_zone(disk, request);

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
	last = last_zone(disk, request);
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
	struct zoned_disk *disk = disk_of(channel);
	bool ready;
	int error = 0;

	if (request->offset >= disk->zones.shape.disk_size) {
		complete(channel, request, ZONE_INVALID);
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
		complete(channel, request, error);
	else
		disk_submit(channel->inner, request);
	return true;
}

static void write_ended(struct zoned_channel *channel, struct disk_request *request, int error)
{
	struct zoned_disk *disk = disk_of(channel);
	unsigned first = zones_index(&disk->zones, request->offset);
	unsigned last = last_zone(disk, request);

	pthread_mutex_lock(&disk->lock);
	for (unsigned i = first; i <= last; i++)
		disk->use[i].writers--;
	if (error && disk->host_fd >= 0) {
		for (unsigned i = first; i <= last; i++)
			look_again(disk, i);
		error = zone_host_error(error);
	} else if (error) {
		zones_write_failed(&disk->zones, request->offset, request->length, request->done);
		/* The write's own error is the one to tell. */
		zone_file_store(&disk->file, &disk->zones, first);
	}
	pthread_mutex_unlock(&disk->lock);
	complete(channel, request, error);
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
	struct zoned_disk *disk = disk_of(channel);
	int error;

	pthread_mutex_lock(&disk->lock);
	error = (int)zones_read(&disk->zones, request->offset, request->length);
	pthread_mutex_unlock(&disk->lock);
	if (error)
		complete(channel, request, error);
	else
		disk_submit(channel->inner, request);
}

/* --- zone management --------------------------------------------------------------------- */

static void start_open_or_close(struct zoned_channel *channel, struct disk_request *request)
{
	struct zoned_disk *disk = disk_of(channel);
	bool open = request->op == DISK_ZONE_OPEN;
	int error;

	pthread_mutex_lock(&disk->lock);
	error = (int)(open ? zones_open(&disk->zones, request->offset)
			   : zones_close(&disk->zones, request->offset));
	if (!error && disk->host_fd >= 0) {
		unsigned index = zones_index(&disk->zones, request->offset);

		error = zone_host_command(disk->host_fd, open ? ZONE_CMD_OPEN : ZONE_CMD_CLOSE,
					  request->offset, zones_length(&disk->zones, index));
		if (error)
			look_again(disk, index);
	}
	pthread_mutex_unlock(&disk->lock);
	complete(channel, request, error);
}

/* Where a job over zones ends. */
static unsigned job_end(const struct zoned_disk *disk, const struct disk_request *request)
{
	switch (op_of(request)) {
	case DISK_ZONE_RESET_ALL: return disk->zones.count;
	case DISK_SECURE_ERASE: return last_zone(disk, request) + 1;
	default: return zones_index(&disk->zones, request->offset) + 1;
	}
}

/* With the lock: the zone is to be this request's alone. False: it has to wait for that. */
static bool own(struct zoned_disk *disk, const struct disk_request *request, unsigned index)
{
	struct zone_use *use = &disk->use[index];

	if (use->owner && use->owner != request)
		return false;
	use->owner = request;
	return !use->writers;
}

static void disown(struct zoned_disk *disk, const struct disk_request *request, unsigned index)
{
	if (index < disk->zones.count && disk->use[index].owner == request)
		disk->use[index].owner = NULL;
}

static int allowed(const struct zoned_disk *disk, const struct disk_request *request,
		   unsigned index)
{
	uint64_t start = zones_start(&disk->zones, index);

	if (op_of(request) == DISK_SECURE_ERASE &&
	    disk->zones.zone[index].type == ZONE_CONVENTIONAL)
		return 0;
	return (int)(op_of(request) == DISK_ZONE_FINISH ? zones_can_finish(&disk->zones, start)
							: zones_can_reset(&disk->zones, start));
}

/* With the lock: the zone's new state, here and at the host. */
static int settle(struct zoned_disk *disk, struct disk_request *request, unsigned index)
{
	bool finish = op_of(request) == DISK_ZONE_FINISH;
	uint64_t start = zones_start(&disk->zones, index);
	int error = 0;

	if (disk->zones.zone[index].type != ZONE_CONVENTIONAL) {
		if (disk->host_fd >= 0)
			error = zone_host_command(disk->host_fd,
						  finish ? ZONE_CMD_FINISH : ZONE_CMD_RESET, start,
						  zones_length(&disk->zones, index));
		if (error)
			look_again(disk, index);
		else
			error = (int)(finish ? zones_finish(&disk->zones, start)
					     : zones_reset(&disk->zones, start));
		if (!error)
			error = zone_file_store(&disk->file, &disk->zones, index);
	}
	disown(disk, request, index);
	return error;
}

/* Does the zone's content have to go first? Then the request is made into that. */
static bool needs_io(const struct zoned_disk *disk, struct disk_request *request, unsigned index)
{
	enum disk_op op = op_of(request);

	if (op == DISK_SECURE_ERASE)
		request->op = DISK_SECURE_ERASE;
	else if (op != DISK_ZONE_FINISH && disk->discard && disk->zones.zone[index].written)
		request->op = DISK_DISCARD;
	else
		return false;
	request->offset = zones_start(&disk->zones, index);
	request->length = zones_length(&disk->zones, index);
	return true;
}

/* Go on with a job over zones. False: it has to wait. */
static bool run_job(struct zoned_channel *channel, struct disk_request *request)
{
	struct zoned_disk *disk = disk_of(channel);
	unsigned end = job_end(disk, request);
	bool ready = true, io = false;
	int error = 0;

	pthread_mutex_lock(&disk->lock);
	for (unsigned i = position(request); i < end; i++) {
		set_position(request, i);
		if (op_of(request) == DISK_ZONE_RESET_ALL && !disk->use[i].writers &&
		    !zones_reset_all_means(&disk->zones, i)) {
			disown(disk, request, i);
			continue;
		}
		ready = own(disk, request, i);
		if (!ready)
			break;
		error = allowed(disk, request, i);
		io = !error && needs_io(disk, request, i);
		if (io)
			break;
		if (error)
			disown(disk, request, i);
		else
			error = settle(disk, request, i);
		if (error)
			break;
	}
	pthread_mutex_unlock(&disk->lock);
	if (!ready)
		return false;
	if (io)
		disk_submit(channel->inner, request);
	else
		complete(channel, request, error);
	return true;
}

static void job_io_ended(struct zoned_channel *channel, struct disk_request *request, int error)
{
	struct zoned_disk *disk = disk_of(channel);
	unsigned index = position(request);

	restore(request);
	/* Space that a reset cannot give back is no reason not to reset. */
	if (op_of(request) != DISK_SECURE_ERASE && error != ECANCELED)
		error = 0;
	if (!error && channel->cancelling)
		error = ECANCELED;
	pthread_mutex_lock(&disk->lock);
	if (error)
		disown(disk, request, index);
	else
		error = settle(disk, request, index);
	pthread_mutex_unlock(&disk->lock);
	set_position(request, index + 1);
	if (error || position(request) >= job_end(disk, request))
		complete(channel, request, error);
	else if (!run_job(channel, request))
		park(channel, request);
}

static bool start_job(struct zoned_channel *channel, struct disk_request *request)
{
	const struct zones *zones = &disk_of(channel)->zones;
	uint64_t size = zones->shape.zone_size, end = request->offset + request->length;

	/* Whole zones only; the last one may be shorter. */
	if (request->offset >= zones->shape.disk_size || request->offset % size ||
	    (request->op == DISK_SECURE_ERASE && end % size && end != zones->shape.disk_size)) {
		complete(channel, request, ZONE_INVALID);
		return true;
	}
	set_position(request, zones_index(zones, request->offset));
	return run_job(channel, request);
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
	case DISK_ZONE_CLOSE: start_open_or_close(channel, request); return true;
	case DISK_SECURE_ERASE:
	case DISK_ZONE_FINISH:
	case DISK_ZONE_RESET:
	case DISK_ZONE_RESET_ALL:
		return position(request) ? run_job(channel, request) : start_job(channel, request);
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
		park(channel, request);
}

static void zoned_commit(struct disk_channel *base)
{
	disk_commit(((struct zoned_channel *)base)->inner);
}

static void ended(struct zoned_channel *channel, struct disk_request *request)
{
	struct zoned_disk *disk = disk_of(channel);
	int error = request->error;

	switch (op_of(request)) {
	case DISK_WRITE:
	case DISK_WRITE_ZEROES:
	case DISK_ZONE_APPEND: write_ended(channel, request, error); break;
	case DISK_SECURE_ERASE:
	case DISK_ZONE_RESET:
	case DISK_ZONE_RESET_ALL: job_io_ended(channel, request, error); break;
	case DISK_READ:
		if (!error && disk->host_fd < 0)
			clear_unwritten(disk, request);
		complete(channel, request, error);
		break;
	default: complete(channel, request, error);
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
			park(channel, request);
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
	struct zoned_disk *disk = disk_of(channel);
	struct disk_request *request = channel->parked, *next;

	channel->cancelling = true;
	channel->parked = NULL;
	channel->last = &channel->parked;
	for (; request; request = next) {
		next = request->next;
		pthread_mutex_lock(&disk->lock);
		disown(disk, request, position(request));
		pthread_mutex_unlock(&disk->lock);
		complete(channel, request, ECANCELED);
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

static void release(struct zoned_disk *disk)
{
	zone_file_close(&disk->file);
	zones_release(&disk->zones);
	free(disk->use);
	pthread_mutex_destroy(&disk->lock);
	free(disk);
}

static void zoned_free(struct disk *base)
{
	struct zoned_disk *disk = (struct zoned_disk *)base;

	disk_close(disk->inner);
	release(disk);
}

/* No `refresh`: the zones of a disk are as many as when it was opened. */
static const struct disk_ops zoned_ops = {
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

/* --- opening ----------------------------------------------------------------------------- */

static enum disk_zone_model wanted_model(const struct disk_options *options)
{
	static const enum disk_zone_model models[] = {
	    [ZONED_NONE] = DISK_ZONES_NONE,
	    [ZONED_HOST_AWARE] = DISK_ZONES_HOST_AWARE,
	    [ZONED_HOST_MANAGED] = DISK_ZONES_HOST_MANAGED,
	};

	return models[options->zoned];
}

/* The zones that a device of the host has. 0, or -1 with a sentence. */
static int take_host(struct zoned_disk *disk, int fd, const struct disk_options *options, char *err,
		     size_t err_size)
{
	const struct disk_zone_info *info = &disk->base.info.zoned;
	int error;

	if (!info->model || (options->zoned && wanted_model(options) != info->model)) {
		snprintf(err, err_size,
			 "disk '%s' is a block device %s: zones can be emulated over an image "
			 "file only; leave zoned= out",
			 options->path,
			 !info->model                             ? "without zones"
			 : info->model == DISK_ZONES_HOST_MANAGED ? "that is host-managed"
								  : "that is host-aware");
		return -1;
	}
	if (options->zone_size || options->zone_capacity || options->zone_conventional ||
	    options->zone_max_open || options->zone_max_active) {
		snprintf(err, err_size, "disk '%s' has zones of its own; leave the zone-… keys out",
			 options->path);
		return -1;
	}
	if (!options->direct && !options->read_only) {
		snprintf(
		    err, err_size,
		    "disk '%s' is zoned: the page cache would mix up its writes; use direct=on",
		    options->path);
		return -1;
	}
	disk->host_fd = fd;
	error = zones_init(&disk->zones,
			   &(struct zones_shape){
			       .disk_size = disk->base.info.size,
			       .zone_size = info->size,
			       .capacity = info->size,
			       .granularity = info->granularity,
			   })
		    ? zone_host_load(fd, &disk->zones)
		    : ENOMEM;
	if (!error)
		return 0;
	snprintf(err, err_size, "cannot read the zones of disk '%s': %s", options->path,
		 strerror(error));
	return -1;
}

/* The zones that the options make. 0, or -1 with a sentence. */
static int make_up(struct zoned_disk *disk, int fd, const struct disk_options *options, char *err,
		   size_t err_size)
{
	const struct disk_info *info = &disk->base.info;
	uint64_t size = options->zone_size ? options->zone_size : ZONES_DEFAULT_SIZE;
	struct zones_shape shape = {
	    .disk_size = info->size,
	    .zone_size = size,
	    .capacity = options->zone_capacity ? options->zone_capacity : size,
	    .granularity = info->logical_block,
	    .conventional = options->zone_conventional,
	    .preferred = options->zoned == ZONED_HOST_AWARE,
	    .max_open = options->zone_max_open,
	    .max_active = options->zone_max_active,
	};

	if (shape.capacity % shape.granularity) {
		snprintf(err, err_size,
			 "disk '%s': zone-capacity=%" PRIu64 " is no multiple of its block of %u",
			 options->path, shape.capacity, shape.granularity);
		return -1;
	}
	if (!zones_init(&disk->zones, &shape)) {
		snprintf(err, err_size,
			 "disk '%s' would have more than %u zones of %" PRIu64
			 " bytes; use a larger zone-size",
			 options->path, ZONES_MAX, size);
		return -1;
	}
	if (shape.conventional >= disk->zones.count) {
		snprintf(
		    err, err_size,
		    "disk '%s' has %u zones; zone-conventional=%u leaves none to be sequential",
		    options->path, disk->zones.count, shape.conventional);
		return -1;
	}
	if (fd < 0)
		return 0;
	return zone_file_open(&disk->file, options->path, fd, info->read_only, &disk->zones, err,
			      err_size);
}

static void describe(struct zoned_disk *disk, const struct disk_options *options)
{
	struct disk_info *info = &disk->base.info;
	const struct zones_shape *shape = &disk->zones.shape;

	disk->discard = info->discard_granularity && disk->host_fd < 0;
	if (disk->host_fd < 0) {
		info->zoned.model = wanted_model(options);
		info->zoned.max_open = shape->max_open;
		info->zoned.max_active = shape->max_active;
	}
	info->zoned.size = shape->zone_size;
	info->zoned.capacity = shape->capacity;
	info->zoned.granularity = shape->granularity;
	/* A discard would leave the write pointer where it is. (virtio 1.3, 5.2.5.1) */
	if (info->zoned.model == DISK_ZONES_HOST_MANAGED)
		info->discard_granularity = 0;
}

struct disk *disk_zoned_wrap(struct disk *inner, int fd, const struct disk_options *options,
			     char *err, size_t err_size)
{
	struct zoned_disk *disk = calloc(1, sizeof(*disk));
	int error;

	if (!disk) {
		snprintf(err, err_size, "no memory for the zones of disk '%s'", options->path);
		return NULL;
	}
	pthread_mutex_init(&disk->lock, NULL);
	disk->base.ops = &zoned_ops;
	disk->base.info = inner->info;
	disk->inner = inner;
	disk->host_fd = disk->file.fd = -1;
	disk->stable = options->cache == CACHE_WRITETHROUGH;
	error = inner->info.block_device ? take_host(disk, fd, options, err, err_size)
					 : make_up(disk, fd, options, err, err_size);
	if (!error) {
		disk->use = calloc(disk->zones.count, sizeof(*disk->use));
		if (!disk->use) {
			snprintf(err, err_size, "no memory for the zones of disk '%s'",
				 options->path);
			error = -1;
		}
	}
	if (error) {
		release(disk);
		return NULL;
	}
	describe(disk, options);
	return &disk->base;
}

struct zones *disk_zoned_zones(struct disk *disk)
{
	return &((struct zoned_disk *)disk)->zones;
}
