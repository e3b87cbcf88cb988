/* SPDX-License-Identifier: MIT */
#include "tests/driver/ram_disk.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "lib/stage.h"
#include "vmm-lite/disk/backend.h"

#define MAX_CHANNELS 64

struct ram_channel {
	struct disk_channel base;
	struct disk_request *held; /* newest first */
	int event;
	unsigned slot;
};

struct ram_disk {
	struct disk base;
	pthread_mutex_t lock;
	uint8_t *bytes;
	uint64_t next_size;
	bool hold, newest;
	uint64_t fail_first, fail_last, fail_done;
	int fail_error;
	unsigned counts[DISK_OPS], fua, unmaps, held;
	struct ram_channel *channels[MAX_CHANNELS];
};

static struct ram_disk *disk_of(struct disk_channel *channel)
{
	return (struct ram_disk *)channel->disk;
}

static void ram_free(struct disk *disk)
{
	struct ram_disk *ram = (struct ram_disk *)disk;

	pthread_mutex_destroy(&ram->lock);
	free(ram->bytes);
	free(ram);
}

static bool ram_refresh(struct disk *disk)
{
	struct ram_disk *ram = (struct ram_disk *)disk;
	bool different = ram->next_size != disk->info.size;

	disk->info.size = ram->next_size;
	return different;
}

static struct disk_channel *ram_channel_new(struct disk *disk, unsigned depth, char *err,
					    size_t err_size)
{
	struct ram_disk *ram = (struct ram_disk *)disk;
	struct ram_channel *channel = calloc(1, sizeof(*channel));

	channel->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	pthread_mutex_lock(&ram->lock);
	while (ram->channels[channel->slot])
		channel->slot++;
	ram->channels[channel->slot] = channel;
	pthread_mutex_unlock(&ram->lock);
	return &channel->base;
}

static void ram_channel_free(struct disk_channel *base)
{
	struct ram_channel *channel = (struct ram_channel *)base;
	struct ram_disk *ram = disk_of(base);

	pthread_mutex_lock(&ram->lock);
	ram->channels[channel->slot] = NULL;
	pthread_mutex_unlock(&ram->lock);
	close(channel->event);
	free(channel);
}

static void transfer(struct ram_disk *ram, struct disk_request *r, uint64_t length)
{
	uint64_t at = r->offset;

	for (int i = 0; i < r->iov_count && length; i++) {
		size_t part = r->iov[i].iov_len < length ? r->iov[i].iov_len : (size_t)length;

		if (r->op == DISK_READ)
			memcpy(r->iov[i].iov_base, ram->bytes + at, part);
		else
			memcpy(ram->bytes + at, r->iov[i].iov_base, part);
		at += part;
		length -= part;
		r->done += part;
	}
}

static void perform(struct ram_disk *ram, struct disk_channel *channel, struct disk_request *r)
{
	uint64_t first = r->offset / 512, last = (r->offset + r->length) / 512;
	int error = 0;

	r->method = VBT_IO_sync;
	if (ram->fail_error && r->op != DISK_FLUSH && first <= ram->fail_last &&
	    last > ram->fail_first)
		error = ram->fail_error;
	if (r->op == DISK_READ || r->op == DISK_WRITE)
		transfer(ram, r, error ? ram->fail_done : r->length);
	else if (!error && (r->op == DISK_WRITE_ZEROES || r->op == DISK_SECURE_ERASE))
		memset(ram->bytes + r->offset, 0, r->length);
	disk_complete(channel, r, error);
}

static void ram_submit(struct disk_channel *base, struct disk_request *r)
{
	struct ram_channel *channel = (struct ram_channel *)base;
	struct ram_disk *ram = disk_of(base);

	pthread_mutex_lock(&ram->lock);
	ram->counts[r->op]++;
	ram->fua += !!(r->flags & DISK_FUA);
	ram->unmaps += !!(r->flags & DISK_UNMAP);
	if (ram->hold) {
		r->next = channel->held;
		channel->held = r;
		ram->held++;
	} else {
		perform(ram, base, r);
	}
	pthread_mutex_unlock(&ram->lock);
}

/* Newest first: completions come in another order than submissions. */
static void ram_poll(struct disk_channel *base)
{
	struct ram_channel *channel = (struct ram_channel *)base;
	struct ram_disk *ram = disk_of(base);

	pthread_mutex_lock(&ram->lock);
	while (channel->held && (!ram->hold || ram->newest)) {
		struct disk_request *r = channel->held;

		channel->held = r->next;
		ram->held--;
		ram->newest = false;
		perform(ram, base, r);
	}
	pthread_mutex_unlock(&ram->lock);
}

static int ram_wait(struct disk_channel *base, int wake_fd, int64_t timeout_ns, uint64_t *wakes)
{
	struct ram_channel *channel = (struct ram_channel *)base;
	struct pollfd fds[2] = {{.fd = channel->event, .events = POLLIN},
				{.fd = wake_fd, .events = POLLIN}};
	struct timespec limit = {timeout_ns / 1000000000, timeout_ns % 1000000000};
	uint64_t count;
	int result = 0;

	ram_poll(base);
	if (base->ready)
		return 0;
	if (ppoll(fds, wake_fd >= 0 ? 2 : 1, timeout_ns < 0 ? NULL : &limit, NULL) < 0)
		return errno == EINTR ? 0 : -errno;
	if (fds[0].revents && read(channel->event, &count, sizeof(count)) < 0)
		return -errno;
	if (wake_fd >= 0 && fds[1].revents) {
		if (read(wake_fd, wakes, sizeof(*wakes)) < 0)
			return -errno;
		result = DISK_WAIT_WAKE;
	}
	ram_poll(base);
	return result;
}

static void ram_cancel(struct disk_channel *base)
{
	struct ram_channel *channel = (struct ram_channel *)base;
	struct ram_disk *ram = disk_of(base);

	pthread_mutex_lock(&ram->lock);
	while (channel->held) {
		struct disk_request *r = channel->held;

		channel->held = r->next;
		ram->held--;
		disk_complete(base, r, ECANCELED);
	}
	pthread_mutex_unlock(&ram->lock);
}

static const struct disk_ops ram_ops = {
    .name = "ram",
    .free = ram_free,
    .refresh = ram_refresh,
    .channel_new = ram_channel_new,
    .channel_free = ram_channel_free,
    .submit = ram_submit,
    .poll = ram_poll,
    .wait = ram_wait,
    .cancel = ram_cancel,
};

struct ram_disk *ram_disk_new(uint64_t size)
{
	struct ram_disk *ram = calloc(1, sizeof(*ram));

	pthread_mutex_init(&ram->lock, NULL);
	ram->bytes = calloc(1, size);
	ram->next_size = size;
	ram->base.ops = &ram_ops;
	ram->base.info = (struct disk_info){
	    .size = size,
	    .logical_block = 512,
	    .physical_block = 4096,
	    .min_io = 4096,
	    .opt_io = 65536,
	    .discard_granularity = 4096,
	    .write_zeroes = true,
	    .unmap = true,
	    .secure_erase = true,
	    .alignment = 1,
	};
	return ram;
}

struct disk *ram_disk_base(struct ram_disk *ram)
{
	return &ram->base;
}

uint8_t *ram_disk_bytes(struct ram_disk *ram)
{
	return ram->bytes;
}

struct disk_info *ram_disk_info(struct ram_disk *ram)
{
	return &ram->base.info;
}

static void wake_channels(struct ram_disk *ram)
{
	uint64_t one = 1;

	for (unsigned i = 0; i < MAX_CHANNELS; i++)
		if (ram->channels[i] && write(ram->channels[i]->event, &one, sizeof(one)) < 0)
			perror("ram_disk");
}

void ram_disk_hold(struct ram_disk *ram, bool on)
{
	pthread_mutex_lock(&ram->lock);
	ram->hold = on;
	if (!on)
		wake_channels(ram);
	pthread_mutex_unlock(&ram->lock);
}

void ram_disk_finish_newest(struct ram_disk *ram)
{
	pthread_mutex_lock(&ram->lock);
	ram->newest = true;
	wake_channels(ram);
	pthread_mutex_unlock(&ram->lock);
}

void ram_disk_fail(struct ram_disk *ram, uint64_t first, uint64_t last, int error, uint64_t done)
{
	pthread_mutex_lock(&ram->lock);
	ram->fail_first = first;
	ram->fail_last = last;
	ram->fail_error = error;
	ram->fail_done = done;
	pthread_mutex_unlock(&ram->lock);
}

static unsigned locked(struct ram_disk *ram, const unsigned *value)
{
	unsigned copy;

	pthread_mutex_lock(&ram->lock);
	copy = *value;
	pthread_mutex_unlock(&ram->lock);
	return copy;
}

unsigned ram_disk_count(struct ram_disk *ram, enum disk_op op)
{
	return locked(ram, &ram->counts[op]);
}

unsigned ram_disk_fua(struct ram_disk *ram)
{
	return locked(ram, &ram->fua);
}

unsigned ram_disk_unmaps(struct ram_disk *ram)
{
	return locked(ram, &ram->unmaps);
}

unsigned ram_disk_held(struct ram_disk *ram)
{
	return locked(ram, &ram->held);
}

void ram_disk_resize(struct ram_disk *ram, uint64_t size)
{
	ram->next_size = size;
}
