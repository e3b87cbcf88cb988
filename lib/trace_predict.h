/* SPDX-License-Identifier: MIT */
/*
 * The predictor of the trace codec: what the next event's fields will be, given its shape (point,
 * source, thread, queue, …). Internal to the codec, whose walk (trace_walk.h) keeps it up to date.
 *
 * All tables have a fixed size and are indexed by hashes without looking for collisions: those only
 * make predictions worse.
 */
#ifndef VBT_TRACE_PREDICT_H
#define VBT_TRACE_PREDICT_H

#include "lib/trace_codec.h"

#define PREDICT_QUEUES 64
#define PREDICT_SLOTS  128
#define PREDICT_LIST   64
#define PREDICT_KICKS  256
#define PREDICT_IO     1024

struct predict_slot {
	uint64_t cookie, sector;
	uint32_t bytes;
	uint16_t head;
	uint8_t op;
};

/* A list of numbers, taken from the front as a rule. When full it drops the front. */
struct predict_fifo {
	uint32_t item[PREDICT_LIST];
	unsigned head, count;
};

struct predict_queue {
	bool used;
	uint32_t pop, parse, submit, reap, push; /* last seq at each point */
	uint32_t avail, bytes;
	uint64_t kicks, push_number, irq_number, next_sector, sector_base;
	uint64_t head_cookie[PREDICT_SLOTS];
	struct predict_slot slot[PREDICT_SLOTS];
	struct predict_fifo done, reaped;
	uint16_t free_head[PREDICT_LIST]; /* a stack: Linux uses the last freed head first */
	uint16_t last_head;
	uint16_t free_heads;
};

/* Keys of host I/O that wait for their next step. */
struct predict_keys {
	struct predict_key {
		uint64_t key;
		uint32_t tid;
	} item[PREDICT_LIST];
	unsigned head, count;
};

struct predict_io {
	uint64_t key, sector;
	struct predict_queue *queue; /* NULL: no submit has set it up */
	uint32_t seq;
	uint16_t sectors;
};

struct predict_kick {
	uint32_t count;
	uint16_t aux;
};

struct predictor {
	uint64_t time;
	struct predict_queue queue[PREDICT_QUEUES];
	struct predict_keys submitted, queued, issued;
	struct predict_io io[PREDICT_IO];
	struct predict_kick kick[PREDICT_KICKS];
};

static inline void predict_reset(struct predictor *p)
{
	for (unsigned i = 0; i < PREDICT_QUEUES; i++)
		if (p->queue[i].used)
			memset(&p->queue[i], 0, sizeof(p->queue[i]));
	p->time = 0;
	p->submitted.count = p->queued.count = p->issued.count = 0;
	memset(p->io, 0, sizeof(p->io));
	memset(p->kick, 0, sizeof(p->kick));
}

static inline unsigned predict_hash(uint64_t value, unsigned size)
{
	return (unsigned)((value * 0x9e3779b97f4a7c15ULL) >> 40) & (size - 1);
}

static inline unsigned predict_queue_index(const struct vbt_event *e)
{
	return predict_hash((uint64_t)e->target << 24 | e->device << 16 | e->queue, PREDICT_QUEUES);
}

static inline unsigned predict_kick_index(const struct vbt_event *e)
{
	return predict_hash((e->key << 8 ^ (uint32_t)e->arg) + e->target, PREDICT_KICKS);
}

static inline struct predict_io *predict_io_of(struct predictor *p, uint64_t key)
{
	return &p->io[predict_hash(key, PREDICT_IO)];
}

/* The front, or what is given if the list is empty. */
static inline uint32_t fifo_first(const struct predict_fifo *fifo, uint32_t otherwise)
{
	return fifo->count ? fifo->item[fifo->head] : otherwise;
}

static inline void fifo_put(struct predict_fifo *fifo, uint32_t item)
{
	fifo->item[(fifo->head + fifo->count) % PREDICT_LIST] = item;
	if (fifo->count < PREDICT_LIST)
		fifo->count++;
	else
		fifo->head = (fifo->head + 1) % PREDICT_LIST;
}

/* Take an item out, wherever it is. */
static inline void fifo_take(struct predict_fifo *fifo, uint32_t item)
{
	unsigned i = 0;

	while (i < fifo->count && fifo->item[(fifo->head + i) % PREDICT_LIST] != item)
		i++;
	if (i == fifo->count)
		return;
	for (; i; i--)
		fifo->item[(fifo->head + i) % PREDICT_LIST] =
		    fifo->item[(fifo->head + i - 1) % PREDICT_LIST];
	fifo->head = (fifo->head + 1) % PREDICT_LIST;
	fifo->count--;
}

static inline void keys_put(struct predict_keys *keys, uint64_t key, uint32_t tid)
{
	keys->item[(keys->head + keys->count) % PREDICT_LIST] = (struct predict_key){key, tid};
	if (keys->count < PREDICT_LIST)
		keys->count++;
	else
		keys->head = (keys->head + 1) % PREDICT_LIST;
}

/* Position of the first key of a thread; 0 if there is none. */
static inline unsigned keys_of(const struct predict_keys *keys, uint32_t tid)
{
	for (unsigned i = 0; i < keys->count; i++)
		if (keys->item[(keys->head + i) % PREDICT_LIST].tid == tid)
			return i;
	return 0;
}

static inline unsigned keys_find(const struct predict_keys *keys, uint64_t key)
{
	unsigned i = 0;

	while (i < keys->count && keys->item[(keys->head + i) % PREDICT_LIST].key != key)
		i++;
	return i;
}

static inline uint64_t keys_at(const struct predict_keys *keys, unsigned i)
{
	return i < keys->count ? keys->item[(keys->head + i) % PREDICT_LIST].key : 0;
}

static inline void keys_remove(struct predict_keys *keys, unsigned i)
{
	if (i >= keys->count)
		return;
	for (unsigned to = (keys->head + i) % PREDICT_LIST; i; i--) {
		unsigned from = (to + PREDICT_LIST - 1) % PREDICT_LIST;

		keys->item[to] = keys->item[from];
		to = from;
	}
	keys->head = (keys->head + 1) % PREDICT_LIST;
	keys->count--;
}

static inline void predict_free_head(struct predict_queue *q, uint16_t head)
{
	if (q->free_heads == PREDICT_LIST) {
		memmove(q->free_head, q->free_head + 1, sizeof(q->free_head) - sizeof(head));
		q->free_heads--;
	}
	q->free_head[q->free_heads++] = head;
}

static inline void predict_use_head(struct predict_queue *q, uint16_t head)
{
	unsigned i = q->free_heads;

	q->last_head = head;
	while (i && q->free_head[i - 1] != head)
		i--;
	if (!i)
		return;
	if (i < q->free_heads) /* rarely: Linux takes the topmost one */
		memmove(&q->free_head[i - 1], &q->free_head[i], (q->free_heads - i) * sizeof(head));
	q->free_heads--;
}

#endif
