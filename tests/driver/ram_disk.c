/* SPDX-License-Identifier: MIT */
#include "tests/driver/ram_disk.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "probes/stage_point.h"

static struct ram_disk *of(struct disk *disk)
{
	return (struct ram_disk *)disk;
}

static void ring(int fd)
{
	uint64_t one = 1;

	if (write(fd, &one, sizeof(one)) < 0)
		abort();
}

static void move(struct ram_disk *d, struct disk_request *r, uint64_t length)
{
	uint64_t at = r->offset;

	for (int i = 0; i < r->iov_count && length; i++) {
		size_t part = r->iov[i].iov_len < length ? r->iov[i].iov_len : length;

		if (r->op == DISK_READ)
			memcpy(r->iov[i].iov_base, d->data + at, part);
		else
			memcpy(d->data + at, r->iov[i].iov_base, part);
		at += part;
		length -= part;
	}
}

static int failure(struct ram_disk *d, const struct disk_request *r, uint64_t *done)
{
	uint64_t first = r->offset / 512, last = (r->offset + r->length) / 512;

	if (d->fault)
		return d->fault(d, r, done);
	if (!d->fail_error || r->op == DISK_FLUSH || first > d->fail_last || last <= d->fail_first)
		return 0;
	*done = d->fail_done < r->length ? d->fail_done : r->length;
	return d->fail_error;
}

static void changed(struct ram_disk *d, const struct disk_request *r, uint64_t done)
{
	if (!done || r->op == DISK_READ)
		return;
	if (d->dirty_from >= d->dirty_to)
		d->dirty_from = d->dirty_to = r->offset;
	if (d->dirty_from > r->offset)
		d->dirty_from = r->offset;
	if (d->dirty_to < r->offset + done)
		d->dirty_to = r->offset + done;
}

/* Do it and say that it is done. With the lock. */
static void perform(struct ram_disk *d, struct ram_disk_channel *c, struct disk_request *r)
{
	uint64_t done = 0;
	int error = failure(d, r, &done);

	if (!error)
		done = r->length;
	changed(d, r, done);
	r->done = done;
	r->method = VBT_IO_sync;
	switch (r->op) {
	case DISK_READ:
		if (!d->empty_reads)
			move(d, r, done);
		break;
	case DISK_WRITE: move(d, r, done); break;
	case DISK_FLUSH:
		d->flushes++;
		if (!error) {
			memcpy(d->stable + d->dirty_from, d->data + d->dirty_from,
			       d->dirty_to - d->dirty_from);
			d->dirty_from = d->dirty_to = 0;
		}
		break;
	case DISK_DISCARD: break;
	default: memset(d->data + r->offset, 0, done); break;
	}
	if (r->flags & DISK_FUA && r->op != DISK_READ)
		memcpy(d->stable + r->offset, d->data + r->offset, done);
	d->completed++;
	disk_complete(&c->base, r, error);
}

static void mem_submit(struct disk_channel *channel, struct disk_request *r)
{
	struct ram_disk_channel *c = (struct ram_disk_channel *)channel;
	struct ram_disk *d = of(channel->disk);

	pthread_mutex_lock(&d->lock);
	d->submitted++;
	if (d->logged < RAM_DISK_LOG)
		d->log[d->logged++] =
		    (struct ram_disk_entry){r->op, r->flags, r->offset, r->length, r->iov_count};
	if (d->hold || (d->hold_reads && r->op == DISK_READ)) {
		r->next = NULL;
		*c->last = r;
		c->last = &r->next;
		r->backend[0] = 0; /* 1: may finish */
	} else {
		perform(d, c, r);
	}
	pthread_mutex_unlock(&d->lock);
}

/* By the channel's thread: finish what was released, or everything. */
static void finish(struct disk_channel *channel, bool all)
{
	struct ram_disk_channel *c = (struct ram_disk_channel *)channel;
	struct ram_disk *d = of(channel->disk);
	struct disk_request **at, *r;

	pthread_mutex_lock(&d->lock);
	for (at = &c->held; (r = *at);) {
		bool held = d->hold || (d->hold_reads && r->op == DISK_READ);

		if (held && !r->backend[0] && !(all && d->yield)) {
			at = &r->next;
			continue;
		}
		*at = r->next;
		perform(d, c, r);
	}
	c->last = at;
	pthread_mutex_unlock(&d->lock);
}

static void mem_poll(struct disk_channel *channel)
{
	finish(channel, false);
}

static int mem_wait(struct disk_channel *channel, int wake_fd, int64_t timeout_ns, uint64_t *wakes)
{
	struct ram_disk_channel *c = (struct ram_disk_channel *)channel;
	struct pollfd fds[2] = {{.fd = c->event, .events = POLLIN},
				{.fd = wake_fd, .events = POLLIN}};
	struct timespec timeout = {timeout_ns / 1000000000, timeout_ns % 1000000000};
	uint64_t count;
	int ready;

	if (wake_fd < 0)
		finish(channel, true);
	if (channel->ready)
		return 0;
	__atomic_store_n(&c->sleeps, timeout_ns != 0, __ATOMIC_SEQ_CST);
	ready = ppoll(fds, wake_fd < 0 ? 1 : 2, timeout_ns < 0 ? NULL : &timeout, NULL);
	__atomic_store_n(&c->sleeps, false, __ATOMIC_SEQ_CST);
	if (ready < 0)
		return 0;
	if (fds[0].revents && read(c->event, &count, sizeof(count)) > 0)
		mem_poll(channel);
	if (wake_fd >= 0 && fds[1].revents) {
		if (read(wake_fd, wakes, sizeof(*wakes)) == sizeof(*wakes))
			return DISK_WAIT_WAKE;
	}
	return 0;
}

static void mem_cancel(struct disk_channel *channel)
{
	struct ram_disk_channel *c = (struct ram_disk_channel *)channel;
	struct ram_disk *d = of(channel->disk);
	struct disk_request *r, *next;

	pthread_mutex_lock(&d->lock);
	d->cancelled++;
	if (!d->stubborn) {
		for (r = c->held; r; r = next) {
			next = r->next;
			disk_complete(channel, r, ECANCELED);
		}
		c->held = NULL;
		c->last = &c->held;
	}
	pthread_mutex_unlock(&d->lock);
}

static struct disk_channel *mem_channel_new(struct disk *disk, unsigned depth, char *err,
					    size_t err_size)
{
	struct ram_disk *d = of(disk);
	struct ram_disk_channel *c = calloc(1, sizeof(*c));

	c->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	c->last = &c->held;
	d->channels[d->channel_count++] = c;
	d->in_channels++;
	return &c->base;
}

static void mem_channel_free(struct disk_channel *channel)
{
	struct ram_disk_channel *c = (struct ram_disk_channel *)channel;

	of(channel->disk)->in_channels--;
	close(c->event);
	free(c);
}

static bool mem_refresh(struct disk *disk)
{
	struct ram_disk *d = of(disk);

	if (d->wanted_size == disk_size(disk))
		return false;
	disk_set_size(disk, d->wanted_size);
	return true;
}

static void mem_free(struct disk *disk)
{
	struct ram_disk *d = of(disk);

	munmap(d->data, RAM_DISK_MAX);
	munmap(d->stable, RAM_DISK_MAX);
	free(d);
}

static const struct disk_ops mem_ops = {
    .name = "memory",
    .free = mem_free,
    .refresh = mem_refresh,
    .channel_new = mem_channel_new,
    .channel_free = mem_channel_free,
    .submit = mem_submit,
    .poll = mem_poll,
    .wait = mem_wait,
    .cancel = mem_cancel,
};

static uint8_t *map(void)
{
	void *at =
	    mmap(NULL, RAM_DISK_MAX, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return at == MAP_FAILED ? NULL : at;
}

struct ram_disk *ram_disk_new(uint64_t size)
{
	struct ram_disk *d = calloc(1, sizeof(*d));

	d->base.ops = &mem_ops;
	d->base.info = (struct disk_info){
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
	pthread_mutex_init(&d->lock, NULL);
	d->data = map();
	d->stable = map();
	d->wanted_size = size;
	if (!d->data || !d->stable)
		abort();
	return d;
}

void ram_disk_fail(struct ram_disk *d, uint64_t first, uint64_t last, int error, uint64_t done)
{
	pthread_mutex_lock(&d->lock);
	d->fail_first = first;
	d->fail_last = last;
	d->fail_error = error;
	d->fail_done = done;
	pthread_mutex_unlock(&d->lock);
}

void ram_disk_hold(struct ram_disk *d)
{
	pthread_mutex_lock(&d->lock);
	d->hold = true;
	pthread_mutex_unlock(&d->lock);
}

static void wake_all(struct ram_disk *d)
{
	for (unsigned i = 0; i < d->channel_count; i++)
		ring(d->channels[i]->event);
}

void ram_disk_release(struct ram_disk *d)
{
	pthread_mutex_lock(&d->lock);
	d->hold = d->hold_reads = false;
	pthread_mutex_unlock(&d->lock);
	wake_all(d);
}

void ram_disk_release_one(struct ram_disk *d, unsigned index)
{
	struct disk_request *r;

	pthread_mutex_lock(&d->lock);
	for (r = d->channels[0]->held; r && index; r = r->next)
		index--;
	if (r)
		r->backend[0] = 1;
	pthread_mutex_unlock(&d->lock);
	wake_all(d);
}

unsigned ram_disk_held(struct ram_disk *d)
{
	unsigned count = 0;

	pthread_mutex_lock(&d->lock);
	for (unsigned i = 0; i < d->channel_count; i++)
		for (struct disk_request *r = d->channels[i]->held; r; r = r->next)
			count++;
	pthread_mutex_unlock(&d->lock);
	return count;
}

bool ram_disk_sleeps(struct ram_disk *d, unsigned channel)
{
	struct ram_disk_channel *c = d->channels[channel];
	struct pollfd event = {.fd = c->event, .events = POLLIN};

	return poll(&event, 1, 0) == 0 && __atomic_load_n(&c->sleeps, __ATOMIC_SEQ_CST);
}

void ram_disk_resize(struct ram_disk *d, uint64_t size)
{
	pthread_mutex_lock(&d->lock);
	d->wanted_size = size;
	pthread_mutex_unlock(&d->lock);
}

void ram_disk_power_cut(struct ram_disk *d)
{
	pthread_mutex_lock(&d->lock);
	memcpy(d->data + d->dirty_from, d->stable + d->dirty_from, d->dirty_to - d->dirty_from);
	pthread_mutex_unlock(&d->lock);
}

unsigned ram_disk_count(struct ram_disk *d, enum disk_op op)
{
	unsigned count = 0;

	pthread_mutex_lock(&d->lock);
	for (unsigned i = 0; i < d->logged; i++)
		count += d->log[i].op == op;
	pthread_mutex_unlock(&d->lock);
	return count;
}
