/* SPDX-License-Identifier: MIT */
/* The front of all disks: checks and the list of finished requests. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "probes/stage_point.h"
#include "vmm-lite/disk/backend.h"

void disk_close(struct disk *disk)
{
	if (disk)
		disk->ops->free(disk);
}

const struct disk_info *disk_info(const struct disk *disk)
{
	return &disk->info;
}

bool disk_refresh(struct disk *disk)
{
	return disk->ops->refresh && disk->ops->refresh(disk);
}

bool disk_lifetime(struct disk *disk, struct disk_lifetime *lifetime)
{
	if (!disk->info.has_lifetime)
		return false;
	if (disk->ops->lifetime && !disk->fixed_lifetime)
		return disk->ops->lifetime(disk, lifetime);
	*lifetime = disk->lifetime;
	return true;
}

int disk_zones(struct disk *disk, uint64_t offset, struct disk_zone *zone, unsigned max)
{
	return disk->info.zoned.model ? disk->ops->zones(disk, offset, zone, max) : -EOPNOTSUPP;
}

struct disk_channel *disk_channel_open(struct disk *disk, unsigned depth, char *err,
				       size_t err_size)
{
	struct disk_channel *channel;

	if (disk->ops->channel_new) {
		channel = disk->ops->channel_new(disk, depth, err, err_size);
	} else {
		channel = calloc(1, sizeof(*channel));
		if (!channel)
			snprintf(err, err_size, "no memory for a disk channel");
	}
	if (!channel)
		return NULL;
	channel->disk = disk;
	channel->depth = depth;
	channel->last = &channel->first;
	channel->wake_fd = -1;
	return channel;
}

void disk_channel_close(struct disk_channel *channel)
{
	if (!channel)
		return;
	if (channel->disk->ops->channel_free)
		channel->disk->ops->channel_free(channel);
	else
		free(channel);
}

void disk_complete(struct disk_channel *channel, struct disk_request *request, int error)
{
	request->error = error;
	request->next = NULL;
	*channel->last = request;
	channel->last = &request->next;
	channel->ready++;
}

/* What no backend shall ever see. 0 or an errno. */
static int check(const struct disk *disk, const struct disk_request *request)
{
	const struct disk_info *info = &disk->info;
	uint64_t size = disk_size(disk);
	uint32_t unit = info->alignment > 512 ? info->alignment : 512;

	if (request->op == DISK_FLUSH)
		return 0;
	if (request->op >= DISK_OPS)
		return EINVAL;
	if (request->op != DISK_READ && info->read_only)
		return EROFS;
	if (request->op >= DISK_ZONE_APPEND)
		return info->zoned.model ? 0 : EOPNOTSUPP;
	if ((request->offset | request->length) & (unit - 1))
		return EINVAL;
	if (request->offset > size || request->length > size - request->offset)
		return EIO;
	return 0;
}

void disk_submit(struct disk_channel *channel, struct disk_request *request)
{
	int error = check(channel->disk, request);

	request->done = 0;
	request->error = 0;
	request->method = VBT_IO_none;
	channel->in_flight++;
	if (error ||
	    (!request->length && request->op != DISK_FLUSH && request->op < DISK_ZONE_APPEND))
		disk_complete(channel, request, error);
	else
		channel->disk->ops->submit(channel, request);
}

void disk_commit(struct disk_channel *channel)
{
	if (channel->disk->ops->commit)
		channel->disk->ops->commit(channel);
}

unsigned disk_reap(struct disk_channel *channel, struct disk_request **done, unsigned max)
{
	struct disk_request *request;
	unsigned count = 0;

	if (channel->ready < max && channel->in_flight > channel->ready && channel->disk->ops->poll)
		channel->disk->ops->poll(channel);
	for (request = channel->first; request && count < max; request = request->next)
		done[count++] = request;
	channel->first = request;
	if (!request)
		channel->last = &channel->first;
	channel->ready -= count;
	channel->in_flight -= count;
	return count;
}

int disk_wait(struct disk_channel *channel, int wake_fd, int64_t timeout_ns, uint64_t *wakes)
{
	int64_t end = timeout_ns > 0 ? disk_now() + timeout_ns : 0;
	int result = 0;

	disk_commit(channel);
	for (;;) {
		if (channel->ready)
			return DISK_WAIT_DONE;
		if (channel->disk->ops->wait)
			result = channel->disk->ops->wait(channel, wake_fd, timeout_ns, wakes);
		else
			result = disk_sleep(channel, wake_fd, timeout_ns, wakes);
		if (result || channel->ready)
			break;
		if (!timeout_ns)
			return 0;
		if (timeout_ns > 0) {
			timeout_ns = end - disk_now();
			if (timeout_ns <= 0)
				return 0;
		}
	}
	return result < 0 || !channel->ready ? result : result | DISK_WAIT_DONE;
}

void disk_cancel(struct disk_channel *channel)
{
	disk_commit(channel);
	if (channel->disk->ops->cancel)
		channel->disk->ops->cancel(channel);
}

unsigned disk_in_flight(const struct disk_channel *channel)
{
	return channel->in_flight;
}

uint64_t disk_size(const struct disk *disk)
{
	return __atomic_load_n(&disk->info.size, __ATOMIC_RELAXED);
}

void disk_set_size(struct disk *disk, uint64_t size)
{
	__atomic_store_n(&disk->info.size, size, __ATOMIC_RELAXED);
}

int64_t disk_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ll + now.tv_nsec;
}

bool disk_fd_blocks(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags >= 0 && !(flags & O_NONBLOCK);
}

int disk_sleep(struct disk_channel *channel, int wake_fd, int64_t timeout_ns, uint64_t *wakes)
{
	struct timespec limit = {timeout_ns / 1000000000, timeout_ns % 1000000000};
	struct pollfd pfd = {.fd = wake_fd, .events = POLLIN};
	int ready = 1;

	if (wake_fd < 0 && timeout_ns < 0)
		return -EDEADLK;
	if (wake_fd >= 0 && wake_fd != channel->wake_fd) {
		channel->wake_fd = wake_fd;
		channel->wake_blocks = disk_fd_blocks(wake_fd);
	}
	/* Without a limit a blocking read is all it takes: one system call instead of two. */
	if (timeout_ns >= 0 || !channel->wake_blocks)
		ready = ppoll(&pfd, wake_fd >= 0, timeout_ns < 0 ? NULL : &limit, NULL);
	if (ready > 0) {
		if (read(wake_fd, wakes, sizeof(*wakes)) == sizeof(*wakes))
			return DISK_WAIT_WAKE;
		ready = -1;
	}
	if (ready < 0 && errno != EINTR && errno != EAGAIN)
		return -errno;
	return 0;
}
