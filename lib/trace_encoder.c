/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <zstd.h>

#include "lib/trace_codec.h"
#include "lib/trace_walk.h"

#define MIN_COMPRESS 48 /* shorter columns do not get smaller */
#define SHAPE_TABLE  (VBT_MAX_SHAPES * 2)
#define RESERVE      256 /* events that room is made for at once */
#define MAX_VARINTS  20  /* bytes that an event can put into one column: two varints */

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

struct vbt_encoder {
	int level;
	ZSTD_CCtx *zstd;
	uint32_t count, shapes;
	uint64_t time_first, time_last;
	struct predictor predictor;
	struct vbt_buffer column[VBT_COLUMN_COUNT];
	uint16_t table[SHAPE_TABLE];      /* shape number + 1, by hash */
	uint16_t latest[VBT_POINT_COUNT]; /* the same, of each point's latest event */
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

static inline bool is_shape(const struct vbt_encoder *encoder, uint32_t number,
			    const struct shape_words *shape)
{
	const uint8_t *shapes = encoder->column[VBT_COLUMN_SHAPES].data;

	return !memcmp(shapes + number * VBT_SHAPE_SIZE, shape, VBT_SHAPE_SIZE);
}

/* The number of a shape, made if it is new. There is room for one more. */
static uint32_t look_up_shape(struct vbt_encoder *encoder, const struct shape_words *shape)
{
	struct vbt_buffer *shapes = &encoder->column[VBT_COLUMN_SHAPES];
	uint64_t hash = 0;
	uint32_t slot;

	for (unsigned i = 0; i < VBT_SHAPE_SIZE / 8; i++)
		hash = (hash ^ shape->word[i]) * 0x9e3779b97f4a7c15ULL;
	slot = (uint32_t)(hash >> 40) % SHAPE_TABLE;
	for (; encoder->table[slot]; slot = (slot + 1) % SHAPE_TABLE)
		if (is_shape(encoder, encoder->table[slot] - 1u, shape))
			return encoder->table[slot] - 1u;
	memcpy(shapes->data + shapes->size, shape, VBT_SHAPE_SIZE);
	shapes->size += VBT_SHAPE_SIZE;
	encoder->table[slot] = (uint16_t)++encoder->shapes;
	return encoder->shapes - 1;
}

/* As a rule a point's event has the shape of the one before it, which costs a third to find. */
static inline uint32_t find_shape(struct vbt_encoder *encoder, const struct shape_words *shape,
				  uint8_t point)
{
	uint16_t *latest = &encoder->latest[point];

	if (!*latest || !is_shape(encoder, *latest - 1u, shape))
		*latest = (uint16_t)(look_up_shape(encoder, shape) + 1);
	return *latest - 1u;
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
	walk_event(&w, p, q, predict_kick_index(event), event->point, &e);
	w.mask |= back ? VBT_FIELD_BACK : 0;
	shape = shape_of(&e, w.mask);
	number = find_shape(encoder, &shape, e.point);
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

/*
 * Append one column, compressed if that saves at least an eighth; its entry goes into the table. What is nearly
 * random would take as long to unpack as any other.
 */
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
		if (ZSTD_isError(stored) || stored > column->size - column->size / 8)
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
	memset(encoder->latest, 0, sizeof(encoder->latest));
	encoder->count = encoder->shapes = 0;
	predict_reset(&encoder->predictor);
	return error;
}
