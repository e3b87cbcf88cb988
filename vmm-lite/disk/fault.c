/* SPDX-License-Identifier: MIT */
/*
 * Faults put in front of another disk: a known delay gives a tracer a known truth, and errors
 * show what a guest makes of them.
 *
 * A delay is the least time from submit to completion: the inner disk starts at once, and what is
 * finished early waits here for its deadline. So any number of requests wait side by side. A
 * request that shall fail never reaches the inner disk. Which ones fail is drawn from a generator
 * with a fixed seed per channel: the same run fails the same way.
 *
 * Uses backend[5] of the request for its deadline.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>

#include "vmm-lite/disk/backend.h"
#include "vmm-lite/disk/backends.h"
#include "vmm-lite/options.h"

#define FAULT_BATCH 64

struct fault_disk {
	struct disk base; /* first */
	struct disk *inner;
	struct fault_options options;
	unsigned channels; /* ever opened: seeds the generator */
};

/* A request that is finished but not due. */
struct held {
	int64_t due;
	uint64_t order; /* equal deadlines keep the order of arrival */
	struct disk_request *request;
	int error;
};

struct fault_channel {
	struct disk_channel base; /* first */
	struct disk_channel *inner;
	uint64_t random;
	struct held *heap; /* the first is due first */
	unsigned held;
	uint64_t arrivals;
	struct disk_request *stuck;
	bool cancelling; /* until the inner disk is empty, nothing waits for its deadline */
	bool precise;    /* this thread's timers are */
};

static uint64_t next_random(struct fault_channel *channel)
{
	uint64_t x = channel->random += 0x9e3779b97f4a7c15ull;

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
	return x ^ (x >> 31);
}

static bool before(const struct held *a, const struct held *b)
{
	return a->due != b->due ? a->due < b->due : a->order < b->order;
}

static void hold(struct fault_channel *channel, struct held item)
{
	unsigned at = channel->held++;

	item.order = channel->arrivals++;
	for (; at && before(&item, &channel->heap[(at - 1) / 2]); at = (at - 1) / 2)
		channel->heap[at] = channel->heap[(at - 1) / 2];
	channel->heap[at] = item;
}

static struct held take_first(struct fault_channel *channel)
{
	struct held first = channel->heap[0], last = channel->heap[--channel->held];
	unsigned at = 0, child;

	while ((child = 2 * at + 1) < channel->held) {
		if (child + 1 < channel->held &&
		    before(&channel->heap[child + 1], &channel->heap[child]))
			child++;
		if (!before(&channel->heap[child], &last))
			break;
		channel->heap[at] = channel->heap[child];
		at = child;
	}
	channel->heap[at] = last;
	return first;
}

static bool kind_matches(enum fault_kind kind, enum disk_op op)
{
	switch (kind) {
	case FAULT_READ: return op == DISK_READ;
	case FAULT_WRITE:
		return op == DISK_WRITE || op == DISK_WRITE_ZEROES || op == DISK_ZONE_APPEND;
	case FAULT_FLUSH: return op == DISK_FLUSH;
	default: return true;
	}
}

static bool hits_sectors(const struct fault_options *options, const struct disk_request *request)
{
	return options->error_sectors && request->length && request->op != DISK_FLUSH &&
	       request->offset / 512 <= options->error_last &&
	       (request->offset + request->length - 1) / 512 >= options->error_first;
}

static bool shall_fail(struct fault_channel *channel, const struct fault_options *options,
		       const struct disk_request *request)
{
	bool drawn = false;

	if (!kind_matches(options->error_kind, request->op))
		return false;
	if (options->error_rate > 0)
		drawn = (double)(next_random(channel) >> 11) * 0x1p-53 < options->error_rate;
	return drawn || hits_sectors(options, request);
}

static int64_t draw_delay(struct fault_channel *channel, const struct fault_options *options)
{
	uint64_t span = 0;

	if (options->delay_max_ns > options->delay_ns)
		span = options->delay_max_ns - options->delay_ns;
	return options->delay_ns + (span ? next_random(channel) % (span + 1) : 0);
}

/* The request is finished: give it to the caller now or when it is due. */
static void settle(struct fault_channel *channel, struct disk_request *request, int64_t due,
		   int error)
{
	if (due && !channel->cancelling)
		hold(channel, (struct held){.due = due, .request = request, .error = error});
	else
		disk_complete(&channel->base, request, error);
}

static void fault_submit(struct disk_channel *base, struct disk_request *request)
{
	struct fault_channel *channel = (struct fault_channel *)base;
	const struct fault_options *options = &((struct fault_disk *)base->disk)->options;
	int64_t delay = draw_delay(channel, options);
	int64_t due = delay ? disk_now() + delay : 0;

	if (!shall_fail(channel, options, request)) {
		disk_submit(channel->inner, request);
		request->backend[5] = due;
	} else if (options->error_kind == FAULT_STUCK) {
		request->next = channel->stuck;
		channel->stuck = request;
	} else {
		settle(channel, request, due, EIO);
	}
}

static void fault_commit(struct disk_channel *base)
{
	disk_commit(((struct fault_channel *)base)->inner);
}

static void fault_poll(struct disk_channel *base)
{
	struct fault_channel *channel = (struct fault_channel *)base;
	struct disk_request *done[FAULT_BATCH];
	unsigned i, count;
	int64_t now;

	do {
		count = disk_reap(channel->inner, done, FAULT_BATCH);
		for (i = 0; i < count; i++)
			settle(channel, done[i], done[i]->backend[5], done[i]->error);
	} while (count == FAULT_BATCH);
	if (channel->cancelling && !disk_in_flight(channel->inner))
		channel->cancelling = false;
	if (!channel->held)
		return;
	now = disk_now();
	while (channel->held && channel->heap[0].due <= now) {
		struct held first = take_first(channel);

		disk_complete(base, first.request, first.error);
	}
}

static int fault_wait(struct disk_channel *base, int wake_fd, int64_t timeout_ns, uint64_t *wakes)
{
	struct fault_channel *channel = (struct fault_channel *)base;
	int result;

	/* The kernel lets timers of a thread be 50 us late unless told otherwise. */
	if (!channel->precise)
		prctl(PR_SET_TIMERSLACK, 1ul, 0, 0, 0);
	channel->precise = true;
	if (channel->held) {
		int64_t left = channel->heap[0].due - disk_now();

		if (left < 0)
			left = 0;
		if (timeout_ns < 0 || left < timeout_ns)
			timeout_ns = left;
	}
	result = disk_wait(channel->inner, wake_fd, timeout_ns, wakes);
	fault_poll(base);
	return result < 0 ? result : result & DISK_WAIT_WAKE;
}

static void fault_cancel(struct disk_channel *base)
{
	struct fault_channel *channel = (struct fault_channel *)base;

	channel->cancelling = disk_in_flight(channel->inner) > 0;
	disk_cancel(channel->inner);
	while (channel->held) {
		struct held first = take_first(channel);

		disk_complete(base, first.request, first.error);
	}
	while (channel->stuck) {
		struct disk_request *request = channel->stuck;

		channel->stuck = request->next;
		disk_complete(base, request, ECANCELED);
	}
}

static struct disk_channel *fault_channel_new(struct disk *disk, unsigned depth, char *err,
					      size_t err_size)
{
	struct fault_disk *fault = (struct fault_disk *)disk;
	struct fault_channel *channel = calloc(1, sizeof(*channel));

	if (channel)
		channel->heap = calloc(depth, sizeof(*channel->heap));
	if (!channel || !channel->heap) {
		snprintf(err, err_size, "no memory for a disk channel");
		goto fail;
	}
	channel->random = __atomic_fetch_add(&fault->channels, 1, __ATOMIC_RELAXED);
	channel->inner = disk_channel_open(fault->inner, depth, err, err_size);
	if (channel->inner)
		return &channel->base;
fail:
	if (channel)
		free(channel->heap);
	free(channel);
	return NULL;
}

static void fault_channel_free(struct disk_channel *base)
{
	struct fault_channel *channel = (struct fault_channel *)base;

	disk_channel_close(channel->inner);
	free(channel->heap);
	free(channel);
}

static bool fault_refresh(struct disk *disk)
{
	struct fault_disk *fault = (struct fault_disk *)disk;

	if (!disk_refresh(fault->inner))
		return false;
	disk_set_size(disk, disk_size(fault->inner));
	return true;
}

static bool fault_lifetime(struct disk *disk, struct disk_lifetime *lifetime)
{
	return disk_lifetime(((struct fault_disk *)disk)->inner, lifetime);
}

static int fault_zones(struct disk *disk, uint64_t offset, struct disk_zone *zone, unsigned max)
{
	return disk_zones(((struct fault_disk *)disk)->inner, offset, zone, max);
}

static void fault_free(struct disk *disk)
{
	disk_close(((struct fault_disk *)disk)->inner);
	free(disk);
}

static const struct disk_ops fault_ops = {
    .name = "fault",
    .free = fault_free,
    .refresh = fault_refresh,
    .lifetime = fault_lifetime,
    .zones = fault_zones,
    .channel_new = fault_channel_new,
    .channel_free = fault_channel_free,
    .submit = fault_submit,
    .commit = fault_commit,
    .poll = fault_poll,
    .wait = fault_wait,
    .cancel = fault_cancel,
};

struct disk *disk_fault_wrap(struct disk *inner, const struct fault_options *options, char *err,
			     size_t err_size)
{
	struct fault_disk *fault = calloc(1, sizeof(*fault));

	if (!fault) {
		snprintf(err, err_size, "no memory for the faults of a disk");
		return NULL;
	}
	fault->base.ops = &fault_ops;
	fault->base.info = inner->info;
	fault->inner = inner;
	fault->options = *options;
	return &fault->base;
}
