/* SPDX-License-Identifier: MIT */
#include "vmm-lite/virtio/blk_queue.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "probes/stage_point.h"
#include "vmm-lite/virtio/ring_snapshot.h"

/* A reset lets I/O end by itself for this long; then it is cancelled. */
#define STOP_GRACE_NS 500000000ll
#define STOP_STEP_NS  20000000ll
/* How often a thread that waits inside an exit looks whether it shall stop. */
#define INLINE_STEP_NS 100000000ll

static const uint8_t methods[] = {
    [AIO_IO_URING] = VBT_IO_io_uring,
    [AIO_SYNC] = VBT_IO_sync,
    [AIO_NULL] = VBT_IO_null,
};

static bool get(const bool *flag)
{
	return __atomic_load_n(flag, __ATOMIC_ACQUIRE);
}

static void set(bool *flag, bool value)
{
	__atomic_store_n(flag, value, __ATOMIC_RELEASE);
}

/*
 * Take the lock. Whoever serves has it back at once, and a mutex would let nobody else in: who holds
 * the gate is next.
 */
static void enter(struct blk_queue *q)
{
	pthread_mutex_lock(&q->gate);
	pthread_mutex_lock(&q->lock);
	pthread_mutex_unlock(&q->gate);
}

static void leave(struct blk_queue *q)
{
	pthread_mutex_unlock(&q->lock);
}

static void wake(struct blk_queue *q, uint64_t count)
{
	/* Fails only if 2^64 wake-ups are unread. */
	if (write(q->kick_fd, &count, sizeof(count)) < 0)
		complain(&q->dev->complaints, "%s: a wake-up was lost: %s", q->name,
			 strerror(errno));
}

static void show_kick(const struct blk_queue *q)
{
	ring_snapshot(q->ring, &(struct ring_focus){.device = q->trace,
						    .queue = (uint16_t)q->index,
						    .moment = VBT_RING_AT_kick,
						    .number = q->kicks});
}

static void served(struct blk_queue *q, uint32_t kicks, enum vbt_wake_reason reason)
{
	q->kicks += kicks;
	STAGE_POINT_SHOW(wake, q->trace, q->index, 0, 0, q->kicks, kicks, 0, (uint8_t)reason, ring,
			 show_kick(q));
}

void blk_queue_unasked(struct blk_queue *q)
{
	q->unasked = false;
	served(q, 0, VBT_WAKE_recheck);
}

/*
 * One pass: give back what has finished, take what is there, at most a ringful of it. True if
 * more is waiting that no kick will come for.
 */
static bool serve(struct blk_queue *q)
{
	unsigned budget = q->dev->max_size, taken;

	blk_io_reap(q);
	if (get(&q->stop) || !q->live || q->why || get(&q->dev->broken) || !get(&q->dev->dma))
		return false;
	queue_suppress_kicks(q->ring);
	for (;;) {
		taken = blk_io_take(q, &budget);
		if (taken)
			disk_commit(q->channel);
		blk_io_reap(q);
		if (q->why)
			return false;
		if (!budget)
			return true;
		/* What is left is taken when a request has finished, which makes room. */
		if (q->starved)
			return false;
		if (!queue_rearm_kicks(q->ring))
			return false;
		served(q, 0, VBT_WAKE_recheck);
		queue_suppress_kicks(q->ring);
	}
}

/* Report a broken ring. Without the queue's lock; `epoch` is the life in which it broke. */
static void report(struct blk_queue *q, const char *why, uint32_t epoch)
{
	virtio_device_lock(q->dev);
	if (q->epoch == epoch)
		virtio_device_fail(q->dev, q->index, why);
	virtio_device_unlock(q->dev);
}

/* Wait for, and then cancel, what is in flight; none of it reaches the guest any more. */
static void drain(struct blk_queue *q)
{
	int64_t waited = 0;
	uint64_t none;

	blk_io_drop(q);
	while (disk_in_flight(q->channel)) {
		int ready = disk_wait(q->channel, -1, STOP_STEP_NS, &none);

		if (!(ready > 0 && ready & DISK_WAIT_DONE))
			waited += STOP_STEP_NS;
		if (waited >= STOP_GRACE_NS) {
			disk_cancel(q->channel);
			waited = 0;
		}
		blk_io_drop(q);
	}
}

/* With the queue's lock. The channel is the serving thread's: only a served queue has used it. */
static void disable(struct blk_queue *q)
{
	if (q->live) {
		drain(q);
		blk_io_stopped(q);
	}
	set(&q->live, false);
	q->why = NULL;
	q->starved = false;
	q->first = NULL;
	q->last = &q->first;
	queue_disable(q->ring);
	set(&q->stop, false);
}

/* The queue's own thread. */

static enum vbt_wake_reason wake_reason(const struct blk_queue *q, uint64_t wakes)
{
	if (!(uint32_t)wakes)
		return VBT_WAKE_start;
	return q->kick_by_exit ? VBT_WAKE_exit : VBT_WAKE_ioeventfd;
}

static void *thread_main(void *opaque)
{
	const struct timespec pause = {.tv_nsec = 10000000};
	struct blk_queue *q = opaque;
	bool more = false, stopped;
	const char *why;
	uint32_t epoch;

	pthread_setname_np(pthread_self(), q->name);
	stage_thread_begin(q->name);
	while (!get(&q->quit)) {
		uint64_t wakes = 0;
		int ready = disk_wait(q->channel, q->kick_fd, more ? 0 : -1, &wakes);

		if (ready < 0) {
			complain(&q->dev->complaints, "%s: waiting failed: %s", q->name,
				 strerror(-ready));
			nanosleep(&pause, NULL);
		}
		if (more)
			enter(q);
		else
			pthread_mutex_lock(&q->lock);
		if (wakes)
			served(q, (uint32_t)wakes, wake_reason(q, wakes));
		/* What an earlier pass left in the ring is still answered to that pass's kick. */
		q->unasked = !wakes && !more && !q->starved;
		more = serve(q);
		why = q->why;
		epoch = q->epoch;
		stopped = get(&q->stop);
		if (stopped)
			disable(q);
		leave(q);
		if (stopped)
			virtio_device_queue_stopped(q->dev, q->index);
		else if (why)
			report(q, why, epoch);
	}
	stage_thread_end();
	return NULL;
}

/*
 * Served on the thread that kicks: until all is done and the ring is empty. With the queue's lock,
 * which others get between two passes: the queue may be another one then, or none.
 */
static void serve_inline(struct blk_queue *q)
{
	bool more, waited;
	uint64_t none;

	q->unasked = false;
	for (;;) {
		more = serve(q);
		if (get(&q->stop) || (!more && !disk_in_flight(q->channel)))
			return;
		waited = !more;
		if (waited)
			disk_wait(q->channel, -1, INLINE_STEP_NS, &none);
		leave(q);
		enter(q);
		if (!q->live)
			return;
		q->unasked = waited && !q->starved;
	}
}

void blk_queue_kick(struct blk_queue *q, bool guest)
{
	const char *why = NULL;
	uint32_t epoch;

	if (!get(&q->live))
		return;
	if (q->threaded) {
		wake(q, guest ? 1 : BLK_OWN_WAKE);
		return;
	}
	enter(q);
	if (q->live && !get(&q->stop)) {
		served(q, guest, guest ? VBT_WAKE_exit : VBT_WAKE_start);
		serve_inline(q);
		why = q->why;
	}
	epoch = q->epoch;
	leave(q);
	if (why)
		report(q, why, epoch);
}

int blk_queue_enable(struct blk_queue *q, const struct queue_layout *layout, bool in_order,
		     const char **why)
{
	int err;

	enter(q);
	q->epoch++;
	q->in_order = in_order;
	err = queue_enable(q->ring, layout, why);
	leave(q);
	return err;
}

int blk_queue_start(struct blk_queue *q, const char **why)
{
	if (q->threaded && !q->thread_runs) {
		int err = pthread_create(&q->thread, NULL, thread_main, q);

		if (err) {
			*why = "no thread could be started to serve it";
			return -err;
		}
		q->thread_runs = true;
	}
	enter(q);
	set(&q->live, true);
	leave(q);
	return 0;
}

bool blk_queue_stop(struct blk_queue *q)
{
	bool mine;

	set(&q->stop, true);
	mine = !q->threaded || !get(&q->live);
	if (mine) {
		enter(q);
		disable(q);
		leave(q);
	} else {
		wake(q, BLK_OWN_WAKE);
	}
	return mine;
}

void blk_queue_set_rules(struct blk_queue *q, const struct blk_rules *rules)
{
	enter(q);
	q->rules = *rules;
	leave(q);
}

int blk_queue_init(struct blk_queue *q, const struct blk_queue_config *config, char *err,
		   size_t err_size)
{
	const struct disk_options *options = config->options;
	unsigned size = options->queue_size, bigs = size < BLK_BIG_COUNT ? size : BLK_BIG_COUNT;

	/* Two at least: one for a merged write, one for the next chain. */
	bigs = bigs < 2 ? 2 : bigs;
	*q = (struct blk_queue){
	    .dev = config->dev,
	    .index = config->index,
	    .trace = config->trace,
	    .method = methods[options->aio],
	    .threaded = options->iothread,
	    .merge = options->merge,
	    .kick_by_exit = options->notify == NOTIFY_EXIT,
	    .stable = config->stable,
	    .serial = options->serial,
	    .disk = config->disk,
	    .mem = config->mem,
	};
	pthread_mutex_init(&q->lock, NULL);
	pthread_mutex_init(&q->gate, NULL);
	q->last = &q->first;
	snprintf(q->name, sizeof(q->name), "%.10s-q%u", config->dev->name, config->index);
	q->kick_fd = eventfd(0, EFD_CLOEXEC);
	q->ring = queue_new(config->mem, (uint16_t)size);
	q->ios = calloc(size, sizeof(*q->ios));
	q->bigs = calloc(bigs, sizeof(*q->bigs));
	q->segments = calloc(QUEUE_MAX_SEGMENTS, sizeof(*q->segments));
	if (q->kick_fd < 0 || !q->ring || !q->ios || !q->bigs || !q->segments) {
		snprintf(err, err_size, "%s: no memory or file descriptors for a queue of %u",
			 q->name, size);
		return -ENOMEM;
	}
	for (unsigned i = 0; i < size; i++) {
		q->ios[i].next = q->free;
		q->free = &q->ios[i];
	}
	for (q->free_bigs = 0; q->free_bigs < bigs; q->free_bigs++) {
		q->bigs[q->free_bigs].next = q->free_big;
		q->free_big = &q->bigs[q->free_bigs];
	}
	q->channel = disk_channel_open(config->disk, size, err, err_size);
	return q->channel ? 0 : -EIO;
}

void blk_queue_release(struct blk_queue *q)
{
	if (q->thread_runs) {
		set(&q->quit, true);
		wake(q, BLK_OWN_WAKE);
		pthread_join(q->thread, NULL);
	}
	disk_channel_close(q->channel);
	if (q->kick_fd >= 0)
		close(q->kick_fd);
	queue_free(q->ring);
	free(q->ios);
	free(q->bigs);
	free(q->segments);
	pthread_mutex_destroy(&q->lock);
	pthread_mutex_destroy(&q->gate);
}
