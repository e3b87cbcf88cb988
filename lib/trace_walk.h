/* SPDX-License-Identifier: MIT */
/*
 * One walk over an event's fields serves both directions of the trace codec, so that they cannot
 * disagree. Encoding: the event is complete, what was not predicted is written. Decoding: it has its
 * shape's fields, the others are predicted and corrected. docs/TRACE_FORMAT.md states the rules.
 *
 * Internal to trace_encoder.c and trace_decoder.c. All of it is inlined there: which direction it is
 * and which point are constants then.
 */
#ifndef VBT_TRACE_WALK_H
#define VBT_TRACE_WALK_H

#include "lib/trace_predict.h"

#define VBT_ALWAYS_INLINE static inline __attribute__((always_inline))

/* A column being read. A varint may be fetched 8 bytes at once: so many are readable behind it. */
struct vbt_reading {
	const uint8_t *at, *end;
};

struct vbt_columns {
	struct vbt_reading column[VBT_COLUMN_COUNT];
	bool failed; /* a column ended early: what was read is nonsense from there on */
};

struct walk {
	bool encoding;
	uint8_t mask;               /* fields that are not as predicted */
	struct vbt_buffer *written; /* encoding: the columns, which have room */
	struct vbt_columns *read;   /* decoding */
};

/* The next varint of a column; 0 and `failed` behind its end. In trace_decoder.c. */
uint64_t vbt_read_varint(struct vbt_columns *columns, unsigned column);

/* These two write where room was reserved. */
static inline void put_byte(struct vbt_buffer *buffer, uint8_t byte)
{
	buffer->data[buffer->size++] = byte;
}

static inline void put_varint(struct vbt_buffer *buffer, uint64_t value)
{
	for (; value >= 0x80; value >>= 7)
		put_byte(buffer, (uint8_t)(value | 0x80));
	put_byte(buffer, (uint8_t)value);
}

static inline uint64_t zigzag(int64_t value)
{
	return (uint64_t)value << 1 ^ -((uint64_t)value >> 63);
}

static inline int64_t unzigzag(uint64_t value)
{
	return (int64_t)(value >> 1 ^ -(value & 1));
}

static inline void put_residual(struct walk *w, unsigned bit, unsigned column, uint64_t residual)
{
	w->mask |= (uint8_t)bit;
	put_varint(&w->written[column], residual);
}

VBT_ALWAYS_INLINE uint64_t walk_field(struct walk *w, uint64_t actual, uint64_t predicted,
				      unsigned bit, unsigned column)
{
	if (w->encoding) {
		if (actual != predicted)
			put_residual(w, bit, column, zigzag((int64_t)(actual - predicted)));
		return actual;
	}
	if (__builtin_expect(w->mask & bit, 0))
		return predicted + (uint64_t)unzigzag(vbt_read_varint(w->read, column));
	return predicted;
}

#define KEY(p) e->key = walk_field(w, e->key, (p), VBT_FIELD_KEY, VBT_COLUMN_KEY)
#define ARG(p) e->arg = walk_field(w, e->arg, (p), VBT_FIELD_ARG, VBT_COLUMN_ARG)
#define SEQ(p) \
	e->seq = (uint32_t)walk_field(w, e->seq, (uint32_t)(p), VBT_FIELD_SEQ, VBT_COLUMN_SEQ)
#define VAL(p) \
	e->val = (uint32_t)walk_field(w, e->val, (uint32_t)(p), VBT_FIELD_VAL, VBT_COLUMN_VAL)
#define HEAD(p) \
	e->head = (uint16_t)walk_field(w, e->head, (uint16_t)(p), VBT_FIELD_HEAD, VBT_COLUMN_HEAD)
#define SECTOR(p) e->arg = walk_field(w, e->arg, (p), VBT_FIELD_ARG, VBT_COLUMN_SECTOR)

/* An I/O key as a place in a list: 0 says "not in it", and the key itself follows. */
VBT_ALWAYS_INLINE unsigned walk_key(struct walk *w, struct vbt_event *e,
				    const struct predict_keys *keys, unsigned guess)
{
	uint64_t place;
	unsigned i = guess;

	if (w->encoding) {
		if (keys->count && e->key == keys_at(keys, guess))
			return guess;
		i = keys_find(keys, e->key);
		place = i < keys->count ? i + 1 : 0;
		put_residual(w, VBT_FIELD_KEY, VBT_COLUMN_KEY, place);
		if (!place)
			put_residual(w, VBT_FIELD_KEY, VBT_COLUMN_KEY, e->key);
		return i;
	}
	if (__builtin_expect(!(w->mask & VBT_FIELD_KEY), 1)) {
		e->key = keys_at(keys, guess);
		return guess;
	}
	place = vbt_read_varint(w->read, VBT_COLUMN_KEY);
	e->key =
	    place ? keys_at(keys, (unsigned)(place - 1)) : vbt_read_varint(w->read, VBT_COLUMN_KEY);
	return place && place <= keys->count ? (unsigned)(place - 1) : PREDICT_LIST;
}

static inline struct predict_slot *slot_of(struct predict_queue *q, uint32_t seq)
{
	return &q->slot[seq % PREDICT_SLOTS];
}

/* The I/O key by which the kernel will know a submission; 0: by none. */
static inline uint64_t submit_key(const struct vbt_event *e)
{
	if (e->op == VBT_IO_io_uring)
		return e->arg;
	return e->op == VBT_IO_sync ? VBT_KEY_TASK | e->tid : 0;
}

VBT_ALWAYS_INLINE void walk_kick(struct walk *w, struct predict_kick *kick, struct vbt_event *e)
{
	ARG((uint64_t)(kick->count + 1) << 32 | (uint32_t)e->arg);
	HEAD(kick->aux);
	kick->count = (uint32_t)(e->arg >> 32);
	kick->aux = e->head;
}

VBT_ALWAYS_INLINE void walk_pop(struct walk *w, struct predict_queue *q, struct vbt_event *e)
{
	SEQ(q->pop + 1);
	HEAD(q->free_heads ? q->free_head[q->free_heads - 1] : q->last_head);
	ARG(q->kicks);
	VAL(q->avail + 1);
	q->pop = e->seq;
	q->avail = e->val;
	q->kicks = e->arg;
	predict_use_head(q, e->head);
	*slot_of(q, e->seq) = (struct predict_slot){.head = e->head};
}

VBT_ALWAYS_INLINE void walk_parse(struct walk *w, struct predict_queue *q, struct vbt_event *e)
{
	struct predict_slot *s;

	SEQ(q->parse + 1);
	s = slot_of(q, e->seq);
	HEAD(s->head);
	VAL(q->bytes);
	SECTOR(q->next_sector);
	q->parse = e->seq;
	q->bytes = s->bytes = e->val;
	q->next_sector = e->arg + e->val / 512;
	s->sector = e->arg;
	s->op = e->op;
}

VBT_ALWAYS_INLINE void walk_submit(struct walk *w, struct predictor *p, struct predict_queue *q,
				   struct vbt_event *e)
{
	struct predict_slot *s;
	uint64_t key;

	SEQ(q->submit + 1);
	s = slot_of(q, e->seq);
	HEAD(s->head);
	ARG(q->head_cookie[e->head % PREDICT_SLOTS]);
	VAL(s->bytes);
	q->submit = e->seq;
	s->cookie = e->arg;
	q->head_cookie[e->head % PREDICT_SLOTS] = e->arg;
	key = submit_key(e);
	if (!key || e->code)
		return;
	*predict_io_of(p, key) = (struct predict_io){.key = key,
						     .sector = s->sector + q->sector_base,
						     .queue = q,
						     .seq = e->seq,
						     .sectors = (uint16_t)(s->bytes / 512)};
	keys_put(&p->submitted, key, e->tid);
}

/* What the three points of the block layer share: the key is one of those that wait for this step. */
VBT_ALWAYS_INLINE struct predict_io *walk_io(struct walk *w, struct predictor *p,
					     struct predict_keys *keys, unsigned guess,
					     struct vbt_event *e)
{
	unsigned place = walk_key(w, e, keys, guess);
	struct predict_io *io = predict_io_of(p, e->key);

	ARG(io->sector);
	HEAD(io->sectors);
	keys_remove(keys, place);
	return io;
}

VBT_ALWAYS_INLINE void walk_queue(struct walk *w, struct predictor *p, struct vbt_event *e)
{
	struct predict_io *io = walk_io(w, p, &p->submitted, keys_of(&p->submitted, e->tid), e);

	if (io->queue && io->key == e->key)
		io->queue->sector_base += e->arg - io->sector;
	keys_put(&p->queued, e->key, e->tid);
	io->sector = e->arg;
	io->sectors = e->head;
}

VBT_ALWAYS_INLINE void walk_issue(struct walk *w, struct predictor *p, struct vbt_event *e)
{
	struct predict_io *io = walk_io(w, p, &p->queued, keys_of(&p->queued, e->tid), e);

	keys_put(&p->issued, e->key, e->tid);
	io->sector = e->arg;
	io->sectors = e->head;
}

VBT_ALWAYS_INLINE void walk_complete(struct walk *w, struct predictor *p, struct vbt_event *e)
{
	struct predict_io *io = walk_io(w, p, &p->issued, 0, e);

	if (io->queue && io->key == e->key)
		fifo_put(&io->queue->done, io->seq);
	io->sector = e->arg;
	io->sectors = e->head;
}

VBT_ALWAYS_INLINE void walk_reap(struct walk *w, struct predictor *p, struct predict_queue *q,
				 struct vbt_event *e)
{
	struct predict_slot *s;

	SEQ(fifo_first(&q->done, q->reap + 1));
	s = slot_of(q, e->seq);
	HEAD(s->head);
	ARG(s->cookie);
	VAL(0);
	q->reap = e->seq;
	fifo_take(&q->done, e->seq);
	fifo_put(&q->reaped, e->seq);
	if (p->submitted.count) /* it did no block I/O */
		keys_remove(&p->submitted, keys_find(&p->submitted, submit_key(e)));
}

VBT_ALWAYS_INLINE void walk_push(struct walk *w, struct predict_queue *q, struct vbt_event *e)
{
	struct predict_slot *s;

	SEQ(fifo_first(&q->reaped, q->push + 1));
	s = slot_of(q, e->seq);
	HEAD(s->head);
	VAL(s->op == 0 || s->op == 8 ? s->bytes + 1 : 1);
	ARG(q->push_number + 1);
	q->push = e->seq;
	q->push_number = e->arg;
	fifo_take(&q->reaped, e->seq);
	predict_free_head(q, e->head);
}

/*
 * `kick` is the event's index of its kick counter (predict_kick_index). `point` is e->point, from where
 * it is known first: a jump that was foreseen wrongly is noticed as much earlier.
 */
VBT_ALWAYS_INLINE void walk_event(struct walk *w, struct predictor *p, struct predict_queue *q,
				  unsigned kick, unsigned point, struct vbt_event *e)
{
	switch (point) {
	case VBT_MARK_kick: walk_kick(w, &p->kick[kick], e); return;
	case VBT_MARK_wake:
		VAL(e->code < VBT_WAKE_recheck);
		ARG(q->kicks + e->val);
		q->kicks = e->arg;
		break;
	case VBT_MARK_pop: walk_pop(w, q, e); return;
	case VBT_MARK_parse: walk_parse(w, q, e); return;
	case VBT_MARK_submit: walk_submit(w, p, q, e); return;
	case VBT_MARK_queue: walk_queue(w, p, e); return;
	case VBT_MARK_issue: walk_issue(w, p, e); return;
	case VBT_MARK_complete: walk_complete(w, p, e); return;
	case VBT_MARK_reap: walk_reap(w, p, q, e); return;
	case VBT_MARK_push: walk_push(w, q, e); return;
	case VBT_MARK_signal:
		VAL(q->push_number);
		ARG(q->irq_number + (e->code == VBT_SIGNAL_sent));
		q->irq_number = e->arg;
		break;
	case VBT_AUX_signal_done:
		ARG(q->irq_number);
		VAL(0);
		break;
	case VBT_MARK_msi:
	case VBT_AUX_apic_accept:
	case VBT_MARK_eoi: HEAD(0); return;
	case VBT_MARK_inject:
		ARG(0);
		HEAD(0);
		return;
	default:
		KEY(0);
		ARG(0);
		VAL(0);
		break;
	}
	SEQ(0);
	HEAD(0);
}

#undef KEY
#undef ARG
#undef SEQ
#undef VAL
#undef HEAD
#undef SECTOR

#endif
