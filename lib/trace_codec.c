/* SPDX-License-Identifier: MIT */
#include "lib/trace_codec.h"

#include <errno.h>
#include <stdlib.h>
#include <zstd.h>

#include "lib/trace_predict.h"

#define MIN_COMPRESS 48 /* shorter columns do not get smaller */
#define SHAPE_TABLE  (VBT_MAX_SHAPES * 2)
#define RESERVE      64 /* events that room is made for at once */
#define MAX_VARINTS  20 /* bytes that an event can put into one column: two varints */

int vbt_buffer_reserve(struct vbt_buffer *buffer, size_t more)
{
	size_t room = buffer->room ? buffer->room : 256;
	uint8_t *bigger;

	if (buffer->room - buffer->size >= more)
		return 0;
	while (room - buffer->size < more)
		room *= 2;
	bigger = realloc(buffer->data, room);
	if (!bigger)
		return -ENOMEM;
	buffer->data = bigger;
	buffer->room = room;
	return 0;
}

int vbt_buffer_add(struct vbt_buffer *buffer, const void *data, size_t size)
{
	int error = vbt_buffer_reserve(buffer, size);

	if (!error && size) {
		memcpy(buffer->data + buffer->size, data, size);
		buffer->size += size;
	}
	return error;
}

/* What all events of one kind have in common, and which of their fields are stored. */
struct shape {
	struct vbt_event event; /* the common fields; the others are 0 */
	uint8_t mask;
	uint8_t queue; /* index in predictor.queue */
	uint16_t kick; /* index in predictor.kick */
};

/* A column being read. */
struct reading {
	const uint8_t *at, *end;
};

/*
 * One walk over an event's fields serves both directions. Encoding: e is complete, residuals are
 * written. Decoding: e has the shape's fields, the others are predicted and corrected.
 */
struct walk {
	bool encoding;
	bool failed; /* decoding: a column ended early */
	uint8_t mask;
	struct vbt_buffer *written; /* encoding: the columns, which have room */
	struct reading *columns;    /* decoding */
};

static uint64_t read_varint(struct walk *w, unsigned column)
{
	struct reading *r = &w->columns[column];
	uint64_t value = 0;

	for (unsigned shift = 0; shift < 64 && r->at < r->end; shift += 7) {
		uint8_t byte = *r->at++;

		value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return value;
	}
	w->failed = true;
	return 0;
}

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

static inline __attribute__((always_inline)) uint64_t
field(struct walk *w, uint64_t actual, uint64_t predicted, unsigned bit, unsigned column)
{
	if (w->encoding) {
		if (actual != predicted)
			put_residual(w, bit, column, zigzag((int64_t)(actual - predicted)));
		return actual;
	}
	if (__builtin_expect(w->mask & bit, 0))
		return predicted + (uint64_t)unzigzag(read_varint(w, column));
	return predicted;
}

#define KEY(p) e->key = field(w, e->key, (p), VBT_FIELD_KEY, VBT_COLUMN_KEY)
#define ARG(p) e->arg = field(w, e->arg, (p), VBT_FIELD_ARG, VBT_COLUMN_ARG)
#define SEQ(p) e->seq = (uint32_t)field(w, e->seq, (uint32_t)(p), VBT_FIELD_SEQ, VBT_COLUMN_SEQ)
#define VAL(p) e->val = (uint32_t)field(w, e->val, (uint32_t)(p), VBT_FIELD_VAL, VBT_COLUMN_VAL)
#define HEAD(p) \
	e->head = (uint16_t)field(w, e->head, (uint16_t)(p), VBT_FIELD_HEAD, VBT_COLUMN_HEAD)
#define SECTOR(p) e->arg = field(w, e->arg, (p), VBT_FIELD_ARG, VBT_COLUMN_SECTOR)

/* An I/O key as a place in a list: 0 says "not in it", and the key itself follows. */
static inline __attribute__((always_inline)) unsigned
key_field(struct walk *w, struct vbt_event *e, const struct predict_keys *keys, unsigned guess)
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
	place = read_varint(w, VBT_COLUMN_KEY);
	e->key = place ? keys_at(keys, (unsigned)(place - 1)) : read_varint(w, VBT_COLUMN_KEY);
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

static inline void walk_submit(struct walk *w, struct predictor *p, struct predict_queue *q,
			       struct vbt_event *e)
{
	struct predict_slot *s;
	struct predict_io *io;
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
	io = &p->io[predict_hash(key, PREDICT_IO)];
	*io = (struct predict_io){.key = key,
				  .sector = s->sector + q->sector_base,
				  .seq = e->seq,
				  .sectors = (uint16_t)(s->bytes / 512),
				  .queue = (uint8_t)(q - p->queue),
				  .used = true};
	keys_put(&p->submitted, key, e->tid);
}

static inline void walk_bio(struct walk *w, struct predictor *p, struct vbt_event *e)
{
	struct predict_keys *keys = e->point == VBT_MARK_queue   ? &p->submitted
				    : e->point == VBT_MARK_issue ? &p->queued
								 : &p->issued;
	unsigned guess = e->point == VBT_MARK_complete ? 0 : keys_of(keys, e->tid), i;
	struct predict_io *io;

	i = key_field(w, e, keys, guess);
	io = &p->io[predict_hash(e->key, PREDICT_IO)];
	ARG(io->sector);
	HEAD(io->sectors);
	keys_remove(keys, i);
	if (e->point == VBT_MARK_queue) {
		if (io->used && io->key == e->key)
			p->queue[io->queue].sector_base += e->arg - io->sector;
		keys_put(&p->queued, e->key, e->tid);
	} else if (e->point == VBT_MARK_issue) {
		keys_put(&p->issued, e->key, e->tid);
	} else if (io->used && io->key == e->key) {
		fifo_put(&p->queue[io->queue].done, io->seq);
	}
	io->sector = e->arg;
	io->sectors = e->head;
}

static inline __attribute__((always_inline)) void walk_event(struct walk *w, struct predictor *p,
							     struct predict_queue *q, unsigned kick,
							     struct vbt_event *e)
{
	struct predict_slot *s;

	switch (e->point) {
	case VBT_MARK_kick:
		ARG((uint64_t)(p->kick[kick].count + 1) << 32 | (uint32_t)e->arg);
		HEAD(p->kick[kick].aux);
		p->kick[kick].count = (uint32_t)(e->arg >> 32);
		p->kick[kick].aux = e->head;
		return;
	case VBT_MARK_wake:
		VAL(e->code < VBT_WAKE_recheck);
		ARG(q->kicks + e->val);
		q->kicks = e->arg;
		break;
	case VBT_MARK_pop:
		SEQ(q->pop + 1);
		HEAD(q->free_heads ? q->free_head[q->free_heads - 1] : q->last_head);
		ARG(q->kicks);
		VAL(q->avail + 1);
		q->pop = e->seq;
		q->avail = e->val;
		q->kicks = e->arg;
		predict_use_head(q, e->head);
		s = slot_of(q, e->seq);
		*s = (struct predict_slot){.seq = e->seq, .head = e->head};
		return;
	case VBT_MARK_parse:
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
		return;
	case VBT_MARK_submit: walk_submit(w, p, q, e); return;
	case VBT_MARK_queue:
	case VBT_MARK_issue:
	case VBT_MARK_complete: walk_bio(w, p, e); return;
	case VBT_MARK_reap:
		SEQ(q->done.count ? q->done.item[q->done.head] : q->reap + 1);
		s = slot_of(q, e->seq);
		HEAD(s->head);
		ARG(s->cookie);
		VAL(0);
		q->reap = e->seq;
		fifo_take(&q->done, e->seq);
		fifo_put(&q->reaped, e->seq);
		if (p->submitted.count) /* it did no block I/O */
			keys_remove(&p->submitted, keys_find(&p->submitted, submit_key(e)));
		return;
	case VBT_MARK_push:
		SEQ(q->reaped.count ? q->reaped.item[q->reaped.head] : q->push + 1);
		s = slot_of(q, e->seq);
		HEAD(s->head);
		VAL(s->op == 0 || s->op == 8 ? s->bytes + 1 : 1);
		ARG(q->push_number + 1);
		q->push = e->seq;
		q->push_number = e->arg;
		fifo_take(&q->reaped, e->seq);
		predict_free_head(q, e->head);
		return;
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

/*
 * The fields that are part of the shape: those with few values. What a walk neither predicts nor
 * finds in the shape is always 0 in events of that point. As it is stored, in words.
 */
struct shape_words {
	uint64_t word[VBT_SHAPE_SIZE / 8];
};

static inline struct shape_words shape_of(const struct vbt_event *e, uint8_t mask)
{
	struct shape_words s = {{
	    e->point | (uint64_t)mask << 8 | (uint64_t)e->target << 16 | (uint64_t)e->device << 24 |
		(uint64_t)e->source << 32 | (uint64_t)e->queue << 48,
	    e->tid | (uint64_t)e->op << 32 | (uint64_t)e->code << 40,
	}};

	switch (e->point) {
	case VBT_MARK_kick:
		s.word[2] = e->key;
		s.word[3] = (uint32_t)e->arg;
		break;
	case VBT_MARK_msi:
	case VBT_AUX_apic_accept:
	case VBT_MARK_eoi:
		s.word[2] = e->key;
		s.word[3] = e->arg;
		break;
	case VBT_MARK_inject: s.word[2] = e->key; break;
	default: break;
	}
	return s;
}

/* --- encoder -------------------------------------------------------------------------------- */

struct vbt_encoder {
	int level;
	ZSTD_CCtx *zstd;
	uint32_t count, shapes;
	uint64_t time_first, time_last;
	struct predictor predictor;
	struct vbt_buffer column[VBT_COLUMN_COUNT];
	uint16_t table[SHAPE_TABLE]; /* shape number + 1, by hash */
	struct vbt_buffer packed;
};

struct vbt_encoder *vbt_encoder_new(int level)
{
	struct vbt_encoder *encoder = calloc(1, sizeof(*encoder));

	if (!encoder)
		return NULL;
	encoder->level = level;
	encoder->zstd = ZSTD_createCCtx();
	if (!encoder->zstd) {
		free(encoder);
		return NULL;
	}
	return encoder;
}

void vbt_encoder_free(struct vbt_encoder *encoder)
{
	if (!encoder)
		return;
	for (unsigned i = 0; i < VBT_COLUMN_COUNT; i++)
		free(encoder->column[i].data);
	free(encoder->packed.data);
	ZSTD_freeCCtx(encoder->zstd);
	free(encoder);
}

uint32_t vbt_encoder_count(const struct vbt_encoder *encoder)
{
	return encoder->count;
}

/* The number of a shape, made if it is new. There is room for one more. */
static inline uint32_t find_shape(struct vbt_encoder *encoder, const struct shape_words *shape)
{
	struct vbt_buffer *shapes = &encoder->column[VBT_COLUMN_SHAPES];
	uint64_t hash = 0;
	uint32_t slot;

	for (unsigned i = 0; i < VBT_SHAPE_SIZE / 8; i++)
		hash = (hash ^ shape->word[i]) * 0x9e3779b97f4a7c15ULL;
	slot = (uint32_t)(hash >> 40) % SHAPE_TABLE;
	for (; encoder->table[slot]; slot = (slot + 1) % SHAPE_TABLE) {
		uint32_t number = encoder->table[slot] - 1u;

		if (!memcmp(shapes->data + number * VBT_SHAPE_SIZE, shape, VBT_SHAPE_SIZE))
			return number;
	}
	memcpy(shapes->data + shapes->size, shape, VBT_SHAPE_SIZE);
	shapes->size += VBT_SHAPE_SIZE;
	encoder->table[slot] = (uint16_t)++encoder->shapes;
	return encoder->shapes - 1;
}

/* All that the next events can need, so that nothing fails half way through, nor is looked at often. */
static int reserve(struct vbt_encoder *encoder)
{
	static const uint8_t varints[] = {VBT_COLUMN_LONG_TIMES, VBT_COLUMN_KEY, VBT_COLUMN_ARG,
					  VBT_COLUMN_SEQ,        VBT_COLUMN_VAL, VBT_COLUMN_HEAD,
					  VBT_COLUMN_SECTOR};
	int error = 0;

	for (size_t i = 0; i < sizeof(varints); i++)
		error |= vbt_buffer_reserve(&encoder->column[varints[i]], RESERVE * MAX_VARINTS);
	error |= vbt_buffer_reserve(&encoder->column[VBT_COLUMN_SHAPES], RESERVE * VBT_SHAPE_SIZE);
	error |= vbt_buffer_reserve(&encoder->column[VBT_COLUMN_KINDS], RESERVE);
	error |= vbt_buffer_reserve(&encoder->column[VBT_COLUMN_KINDS_HIGH], RESERVE);
	for (unsigned i = VBT_COLUMN_TIME; i < VBT_COLUMN_COUNT; i++)
		error |= vbt_buffer_reserve(&encoder->column[i], RESERVE);
	return error ? -ENOMEM : 0;
}

int vbt_encoder_add(struct vbt_encoder *encoder, const struct vbt_event *event)
{
	struct predictor *p = &encoder->predictor;
	struct predict_queue *q = &p->queue[predict_queue_index(event)];
	struct vbt_buffer *column = encoder->column;
	struct vbt_buffer *time = &column[VBT_COLUMN_TIME + 2 * event->point];
	struct walk w = {.encoding = true, .written = column};
	struct vbt_event e = *event;
	struct shape_words shape;
	bool back = encoder->count && e.time < p->time;
	uint64_t step;
	uint32_t number;

	if (encoder->count >= VBT_CHUNK_MAX_EVENTS || encoder->shapes >= VBT_MAX_SHAPES)
		return -ENOSPC;
	if (encoder->count % RESERVE == 0 && reserve(encoder))
		return -ENOMEM;
	if (!encoder->count)
		p->time = encoder->time_first = encoder->time_last = e.time;
	q->used = true;
	walk_event(&w, p, q, predict_kick_index(event), &e);
	w.mask |= back ? VBT_FIELD_BACK : 0;
	shape = shape_of(&e, w.mask);
	number = find_shape(encoder, &shape);
	put_byte(&column[VBT_COLUMN_KINDS], (uint8_t)number);
	put_byte(&column[VBT_COLUMN_KINDS_HIGH], (uint8_t)(number >> 8));
	step = back ? p->time - e.time : e.time - p->time;
	if (step >= VBT_TIME_LONG) {
		put_varint(&column[VBT_COLUMN_LONG_TIMES], step);
		step = VBT_TIME_LONG;
	}
	put_byte(time, (uint8_t)step);
	put_byte(time + 1, (uint8_t)(step >> 8));
	p->time = e.time;
	if (e.time > encoder->time_last)
		encoder->time_last = e.time;
	encoder->count++;
	return 0;
}

/* Append one column, compressed if that makes it smaller; its entry goes into the table. */
static int pack_column(struct vbt_encoder *encoder, const struct vbt_buffer *column, unsigned id,
		       uint8_t *entry, struct vbt_buffer *out)
{
	size_t bound = ZSTD_compressBound(column->size), stored = 0;
	int error = vbt_buffer_reserve(out, bound);

	if (error)
		return error;
	if (column->size >= MIN_COMPRESS) {
		stored = ZSTD_compressCCtx(encoder->zstd, out->data + out->size, bound,
					   column->data, column->size, encoder->level);
		if (ZSTD_isError(stored) || stored >= column->size)
			stored = 0;
	}
	entry[0] = (uint8_t)id;
	entry[1] = stored ? VBT_COLUMN_ZSTD : VBT_COLUMN_RAW;
	vbt_put16(entry + 2, 0);
	vbt_put32(entry + 4, (uint32_t)column->size);
	if (!stored) {
		stored = column->size;
		memcpy(out->data + out->size, column->data, stored);
	}
	vbt_put32(entry + 8, (uint32_t)stored);
	out->size += stored;
	return 0;
}

int vbt_encoder_finish(struct vbt_encoder *encoder, struct vbt_buffer *out,
		       struct vbt_chunk_header *header)
{
	uint8_t table[4 + VBT_COLUMN_COUNT * VBT_COLUMN_ENTRY_SIZE] = {0};
	size_t used = 4;
	int error = 0;

	if (encoder->shapes <= 256)
		encoder->column[VBT_COLUMN_KINDS_HIGH].size = 0;
	encoder->packed.size = 0;
	for (unsigned i = 0; i < VBT_COLUMN_COUNT && !error; i++) {
		if (!encoder->column[i].size)
			continue;
		error =
		    pack_column(encoder, &encoder->column[i], i, table + used, &encoder->packed);
		used += VBT_COLUMN_ENTRY_SIZE;
	}
	vbt_put32(table, (uint32_t)((used - 4) / VBT_COLUMN_ENTRY_SIZE));
	if (!error)
		error = vbt_buffer_add(out, table, used);
	if (!error)
		error = vbt_buffer_add(out, encoder->packed.data, encoder->packed.size);
	header->count = encoder->count;
	header->time_first = encoder->time_first;
	header->time_last = encoder->time_last;
	for (unsigned i = 0; i < VBT_COLUMN_COUNT; i++)
		encoder->column[i].size = 0;
	memset(encoder->table, 0, sizeof(encoder->table));
	encoder->count = encoder->shapes = 0;
	predict_reset(&encoder->predictor);
	return error;
}

/* --- decoder -------------------------------------------------------------------------------- */

struct vbt_decoder {
	ZSTD_DCtx *zstd;
	struct vbt_buffer raw; /* all columns of the chunk */
	struct reading column[VBT_COLUMN_COUNT];
	struct shape *shape;
	uint32_t shapes, shape_room;
	uint32_t count, done;
	struct predictor predictor;
};

struct vbt_decoder *vbt_decoder_new(void)
{
	struct vbt_decoder *decoder = calloc(1, sizeof(*decoder));

	if (!decoder)
		return NULL;
	decoder->zstd = ZSTD_createDCtx();
	if (!decoder->zstd) {
		free(decoder);
		return NULL;
	}
	return decoder;
}

void vbt_decoder_free(struct vbt_decoder *decoder)
{
	if (!decoder)
		return;
	ZSTD_freeDCtx(decoder->zstd);
	free(decoder->raw.data);
	free(decoder->shape);
	free(decoder);
}

static int unpack_columns(struct vbt_decoder *decoder, const struct vbt_chunk_header *header,
			  const uint8_t *payload)
{
	uint32_t columns = header->stored >= 4 ? vbt_get32(payload) : 0;
	size_t data = 4 + (size_t)columns * VBT_COLUMN_ENTRY_SIZE, total = 0, used = 0;
	int error;

	if (columns > VBT_COLUMN_COUNT || data > header->stored)
		return -EBADMSG;
	for (uint32_t i = 0; i < columns; i++)
		total += vbt_get32(payload + 4 + i * VBT_COLUMN_ENTRY_SIZE + 4);
	if (total > VBT_CHUNK_MAX_RAW)
		return -EBADMSG;
	decoder->raw.size = 0;
	error = vbt_buffer_reserve(&decoder->raw, total + 1);
	if (error)
		return error;
	memset(decoder->column, 0, sizeof(decoder->column));
	for (uint32_t i = 0; i < columns; i++) {
		const uint8_t *entry = payload + 4 + i * VBT_COLUMN_ENTRY_SIZE;
		uint32_t raw = vbt_get32(entry + 4), stored = vbt_get32(entry + 8);
		uint8_t *to = decoder->raw.data + used;

		if (entry[0] >= VBT_COLUMN_COUNT || stored > header->stored - data ||
		    decoder->column[entry[0]].at)
			return -EBADMSG;
		if (entry[1] == VBT_COLUMN_RAW && raw == stored)
			memcpy(to, payload + data, raw);
		else if (entry[1] != VBT_COLUMN_ZSTD ||
			 ZSTD_decompressDCtx(decoder->zstd, to, raw, payload + data, stored) != raw)
			return -EBADMSG;
		decoder->column[entry[0]] = (struct reading){to, to + raw};
		data += stored;
		used += raw;
	}
	return data == header->stored ? 0 : -EBADMSG;
}

static size_t column_size(const struct vbt_decoder *decoder, unsigned id)
{
	return (size_t)(decoder->column[id].end - decoder->column[id].at);
}

static int decode_shapes(struct vbt_decoder *decoder)
{
	const uint8_t *in = decoder->column[VBT_COLUMN_SHAPES].at;
	size_t size = column_size(decoder, VBT_COLUMN_SHAPES);

	decoder->shapes = (uint32_t)(size / VBT_SHAPE_SIZE);
	if (size % VBT_SHAPE_SIZE || decoder->shapes > VBT_MAX_SHAPES)
		return -EBADMSG;
	if (decoder->shapes > decoder->shape_room) {
		struct shape *bigger = realloc(decoder->shape, decoder->shapes * sizeof(*bigger));

		if (!bigger)
			return -ENOMEM;
		decoder->shape = bigger;
		decoder->shape_room = decoder->shapes;
	}
	for (uint32_t i = 0; i < decoder->shapes; i++, in += VBT_SHAPE_SIZE) {
		struct shape *s = &decoder->shape[i];

		s->event = (struct vbt_event){
		    .point = in[0],
		    .target = in[2],
		    .device = in[3],
		    .source = vbt_get16(in + 4),
		    .queue = vbt_get16(in + 6),
		    .tid = vbt_get32(in + 8),
		    .op = in[12],
		    .code = in[13],
		    .key = vbt_get64(in + 16),
		    .arg = vbt_get64(in + 24),
		};
		s->mask = in[1];
		s->queue = (uint8_t)predict_queue_index(&s->event);
		s->kick = (uint16_t)predict_kick_index(&s->event);
		if (in[0] >= VBT_POINT_COUNT)
			return -EBADMSG;
	}
	return 0;
}

/* Every event has a shape that exists and a time: checked once, so that the loop need not. */
static int check_kinds(const struct vbt_decoder *decoder)
{
	const uint8_t *low = decoder->column[VBT_COLUMN_KINDS].at;
	const uint8_t *high = decoder->column[VBT_COLUMN_KINDS_HIGH].at;
	size_t times[VBT_POINT_COUNT] = {0};
	uint32_t low_counts[256] = {0};

	if (column_size(decoder, VBT_COLUMN_KINDS) != decoder->count)
		return -EBADMSG;
	if (column_size(decoder, VBT_COLUMN_KINDS_HIGH) != (high ? decoder->count : 0))
		return -EBADMSG;
	for (uint32_t i = 0; high && i < decoder->count; i++) {
		uint32_t kind = low[i] | (uint32_t)high[i] << 8;

		if (kind >= decoder->shapes)
			return -EBADMSG;
		times[decoder->shape[kind].event.point]++;
	}
	/* As a rule there are fewer than 256 shapes. */
	for (uint32_t i = 0; !high && i < decoder->count; i++)
		low_counts[low[i]]++;
	for (uint32_t kind = 0; kind < 256; kind++) {
		if (low_counts[kind] && kind >= decoder->shapes)
			return -EBADMSG;
		if (low_counts[kind])
			times[decoder->shape[kind].event.point] += low_counts[kind];
	}
	for (unsigned point = 0; point < VBT_POINT_COUNT; point++)
		if (column_size(decoder, VBT_COLUMN_TIME + 2 * point) != times[point] ||
		    column_size(decoder, VBT_COLUMN_TIME + 2 * point + 1) != times[point])
			return -EBADMSG;
	return 0;
}

int vbt_decoder_begin(struct vbt_decoder *decoder, const struct vbt_chunk_header *header,
		      const uint8_t *payload)
{
	int error;

	decoder->count = decoder->done = 0;
	if (header->count > VBT_CHUNK_MAX_EVENTS)
		return -EBADMSG;
	error = unpack_columns(decoder, header, payload);
	if (!error)
		error = decode_shapes(decoder);
	if (error)
		return error;
	decoder->count = header->count;
	error = check_kinds(decoder);
	if (error)
		decoder->count = 0;
	predict_reset(&decoder->predictor);
	decoder->predictor.time = header->time_first;
	return error;
}

int vbt_decoder_next(struct vbt_decoder *decoder, struct vbt_event *events, unsigned room)
{
	const uint8_t *low = decoder->column[VBT_COLUMN_KINDS].at;
	const uint8_t *high = decoder->column[VBT_COLUMN_KINDS_HIGH].at;
	struct predictor *p = &decoder->predictor;
	struct walk w = {.columns = decoder->column};
	uint32_t left = decoder->count - decoder->done;
	unsigned n = left < room ? left : room;
	uint64_t now = p->time;

	for (unsigned i = 0; i < n; i++) {
		uint32_t at = decoder->done + i;
		uint32_t kind = low[at] | (high ? (uint32_t)high[at] << 8 : 0);
		const struct shape *shape = &decoder->shape[kind];
		struct vbt_event *e = &events[i];
		struct reading *time = &decoder->column[VBT_COLUMN_TIME + 2 * shape->event.point];
		struct predict_queue *q = &p->queue[shape->queue];
		uint64_t step = *time[0].at++ | (uint64_t)*time[1].at++ << 8;

		*e = shape->event;
		w.mask = shape->mask;
		q->used = true;
		walk_event(&w, p, q, shape->kick, e);
		if (__builtin_expect(step == VBT_TIME_LONG, 0))
			step = read_varint(&w, VBT_COLUMN_LONG_TIMES);
		now = shape->mask & VBT_FIELD_BACK ? now - step : now + step;
		e->time = now;
		if (__builtin_expect(w.failed, 0)) {
			decoder->done = decoder->count;
			return -EBADMSG;
		}
	}
	p->time = now;
	decoder->done += n;
	return (int)n;
}
