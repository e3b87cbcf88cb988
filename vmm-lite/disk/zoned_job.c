/* SPDX-License-Identifier: MIT */
/*
 * What changes the state of whole zones. Opening and closing are done at once. A job (reset, reset all,
 * finish, secure erase) goes from zone to zone: it makes each its own, waits until the writes that are
 * under way there have ended, gives the content away if it has to, and settles the new state.
 */
#include <errno.h>

#include "vmm-lite/disk/zone_host.h"
#include "vmm-lite/disk/zoned.h"

void zoned_open_or_close(struct zoned_channel *channel, struct disk_request *request)
{
	struct zoned_disk *disk = zoned_disk_of(channel);
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
			zoned_look_again(disk, index);
	}
	pthread_mutex_unlock(&disk->lock);
	zoned_complete(channel, request, error);
}

/* Where a job over zones ends. */
static unsigned job_end(const struct zoned_disk *disk, const struct disk_request *request)
{
	switch (zoned_op(request)) {
	case DISK_ZONE_RESET_ALL: return disk->zones.count;
	case DISK_SECURE_ERASE: return zoned_last(disk, request) + 1;
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

	if (zoned_op(request) == DISK_SECURE_ERASE &&
	    disk->zones.zone[index].type == ZONE_CONVENTIONAL)
		return 0;
	return (int)(zoned_op(request) == DISK_ZONE_FINISH ? zones_can_finish(&disk->zones, start)
							   : zones_can_reset(&disk->zones, start));
}

/* With the lock: the zone's new state, here and at the host. */
static int settle(struct zoned_disk *disk, struct disk_request *request, unsigned index)
{
	bool finish = zoned_op(request) == DISK_ZONE_FINISH;
	uint64_t start = zones_start(&disk->zones, index);
	int error = 0;

	if (disk->zones.zone[index].type != ZONE_CONVENTIONAL) {
		if (disk->host_fd >= 0)
			error = zone_host_command(disk->host_fd,
						  finish ? ZONE_CMD_FINISH : ZONE_CMD_RESET, start,
						  zones_length(&disk->zones, index));
		if (error)
			zoned_look_again(disk, index);
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
	enum disk_op op = zoned_op(request);

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
	struct zoned_disk *disk = zoned_disk_of(channel);
	unsigned end = job_end(disk, request);
	bool ready = true, io = false;
	int error = 0;

	pthread_mutex_lock(&disk->lock);
	for (unsigned i = zoned_position(request); i < end; i++) {
		zoned_set_position(request, i);
		if (zoned_op(request) == DISK_ZONE_RESET_ALL && !disk->use[i].writers &&
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
		zoned_complete(channel, request, error);
	return true;
}

void zoned_job_io_ended(struct zoned_channel *channel, struct disk_request *request, int error)
{
	struct zoned_disk *disk = zoned_disk_of(channel);
	unsigned index = zoned_position(request);

	zoned_restore(request);
	/* Space that a reset cannot give back is no reason not to reset. */
	if (zoned_op(request) != DISK_SECURE_ERASE && error != ECANCELED)
		error = 0;
	if (!error && channel->cancelling)
		error = ECANCELED;
	pthread_mutex_lock(&disk->lock);
	if (error)
		disown(disk, request, index);
	else
		error = settle(disk, request, index);
	pthread_mutex_unlock(&disk->lock);
	zoned_set_position(request, index + 1);
	if (error || zoned_position(request) >= job_end(disk, request))
		zoned_complete(channel, request, error);
	else if (!run_job(channel, request))
		zoned_park(channel, request);
}

bool zoned_job_start(struct zoned_channel *channel, struct disk_request *request)
{
	const struct zones *zones = &zoned_disk_of(channel)->zones;
	uint64_t size = zones->shape.zone_size, end = request->offset + request->length;

	if (zoned_position(request))
		return run_job(channel, request);
	/* Whole zones only; the last one may be shorter. */
	if (request->offset >= zones->shape.disk_size || request->offset % size ||
	    (request->op == DISK_SECURE_ERASE && end % size && end != zones->shape.disk_size)) {
		zoned_complete(channel, request, ZONE_INVALID);
		return true;
	}
	zoned_set_position(request, zones_index(zones, request->offset));
	return run_job(channel, request);
}

void zoned_job_cancel(struct zoned_channel *channel, struct disk_request *request)
{
	struct zoned_disk *disk = zoned_disk_of(channel);

	pthread_mutex_lock(&disk->lock);
	disown(disk, request, zoned_position(request));
	pthread_mutex_unlock(&disk->lock);
	zoned_complete(channel, request, ECANCELED);
}
