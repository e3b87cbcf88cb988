/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <zstd.h>

#include "lib/trace_codec.h"
#include "lib/trace_walk.h"

#define SLACK 8 /* readable bytes behind the columns, for a varint that is fetched at once */

/* What all events of one kind have in common, and which of their fields are stored. */
struct shape {
	struct vbt_event event; /* the common fields; the others are 0 */
	struct predict_queue *queue;
	uint16_t kick; /* predict_kick_index */
	uint8_t mask;
};

/* The next time of a point: its low byte, and how far from it the high one is. check_kinds has seen that there
 * are enough. */
struct times {
	const uint8_t *low;
	ptrdiff_t high;
};

struct vbt_decoder {
	ZSTD_DCtx *zstd;
	struct vbt_buffer raw; /* all columns of the chunk */
	struct vbt_columns columns;
	struct times time[VBT_POINT_COUNT];
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

/* Byte by byte: what ends with its column, and what has nine bytes or ten. */
static uint64_t read_varint_bytes(struct vbt_columns *columns, struct vbt_reading *r)
{
	uint64_t value = 0;

	for (unsigned shift = 0; shift < 64 && r->at < r->end; shift += 7) {
		uint8_t byte = *r->at++;

		value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return value;
	}
	columns->failed = true;
	return 0;
}

uint64_t vbt_read_varint(struct vbt_columns *columns, unsigned column)
{
	struct vbt_reading *r = &columns->column[column];
	uint64_t word = vbt_get64(r->at), last = ~word & 0x8080808080808080u;
	unsigned size;

	if (!(word & 0x80) && r->at < r->end) {
		r->at++;
		return word & 0x7f;
	}
	size = last ? ((unsigned)__builtin_ctzll(last) + 1) / 8 : 9;

	if (size > 8 || r->at + size > r->end)
		return read_varint_bytes(columns, r);
	r->at += size;
	/* Seven bits of each byte up to the last one, pushed together in pairs, fours, and eights. */
	word &= (last ^ (last - 1)) & 0x7f7f7f7f7f7f7f7fu;
	word = (word & 0x007f007f007f007fu) | (word & 0x7f007f007f007f00u) >> 1;
	word = (word & 0x00003fff00003fffu) | (word & 0x3fff00003fff0000u) >> 2;
	return (word & 0x000000000fffffffu) | (word & 0x0fffffff00000000u) >> 4;
}

static int unpack_columns(struct vbt_decoder *decoder, const struct vbt_chunk_header *header,
			  const uint8_t *payload)
{
	uint32_t columns = header->stored >= 4 ? vbt_get32(payload) : 0;
	size_t data = 4 + (size_t)columns * VBT_COLUMN_ENTRY_SIZE, total = 0, used = 0;
	uint64_t seen = 0;
	int error;

	_Static_assert(VBT_COLUMN_COUNT <= 64, "a bit for each column");
	if (columns > VBT_COLUMN_COUNT || data > header->stored)
		return -EBADMSG;
	for (uint32_t i = 0; i < columns; i++)
		total += vbt_get32(payload + 4 + i * VBT_COLUMN_ENTRY_SIZE + 4);
	if (total > VBT_CHUNK_MAX_RAW)
		return -EBADMSG;
	decoder->raw.size = 0;
	error = vbt_buffer_reserve(&decoder->raw, total + SLACK);
	if (error)
		return error;
	for (unsigned i = 0; i < VBT_COLUMN_COUNT; i++)
		decoder->columns.column[i] =
		    (struct vbt_reading){decoder->raw.data, decoder->raw.data};
	decoder->columns.failed = false;
	for (uint32_t i = 0; i < columns; i++) {
		const uint8_t *entry = payload + 4 + i * VBT_COLUMN_ENTRY_SIZE;
		uint32_t raw = vbt_get32(entry + 4), stored = vbt_get32(entry + 8);
		uint8_t *to = decoder->raw.data + used;

		if (entry[0] >= VBT_COLUMN_COUNT || stored > header->stored - data ||
		    seen >> entry[0] & 1)
			return -EBADMSG;
		seen |= 1ULL << entry[0];
		if (entry[1] == VBT_COLUMN_RAW && raw == stored)
			memcpy(to, payload + data, raw);
		else if (entry[1] != VBT_COLUMN_ZSTD ||
			 ZSTD_decompressDCtx(decoder->zstd, to, raw, payload + data, stored) != raw)
			return -EBADMSG;
		decoder->columns.column[entry[0]] = (struct vbt_reading){to, to + raw};
		data += stored;
		used += raw;
	}
	memset(decoder->raw.data + used, 0, SLACK);
	return data == header->stored ? 0 : -EBADMSG;
}

static size_t column_size(const struct vbt_decoder *decoder, unsigned id)
{
	const struct vbt_reading *column = &decoder->columns.column[id];

	return (size_t)(column->end - column->at);
}

static int decode_shapes(struct vbt_decoder *decoder)
{
	const uint8_t *in = decoder->columns.column[VBT_COLUMN_SHAPES].at;
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
		s->queue = &decoder->predictor.queue[predict_queue_index(&s->event)];
		s->queue->used = true;
		s->kick = (uint16_t)predict_kick_index(&s->event);
		if (in[0] >= VBT_POINT_COUNT)
			return -EBADMSG;
	}
	return 0;
}

/* Every event has a shape that exists and a time: checked once, so that the loop need not. */
static int check_kinds(const struct vbt_decoder *decoder)
{
	const uint8_t *low = decoder->columns.column[VBT_COLUMN_KINDS].at;
	const uint8_t *high = decoder->columns.column[VBT_COLUMN_KINDS_HIGH].at;
	const bool wide = column_size(decoder, VBT_COLUMN_KINDS_HIGH) > 0;
	size_t times[VBT_POINT_COUNT] = {0};
	uint32_t low_counts[256] = {0};

	if (column_size(decoder, VBT_COLUMN_KINDS) != decoder->count)
		return -EBADMSG;
	if (wide && column_size(decoder, VBT_COLUMN_KINDS_HIGH) != decoder->count)
		return -EBADMSG;
	for (uint32_t i = 0; wide && i < decoder->count; i++) {
		uint32_t kind = low[i] | (uint32_t)high[i] << 8;

		if (kind >= decoder->shapes)
			return -EBADMSG;
		times[decoder->shape[kind].event.point]++;
	}
	/* As a rule there are fewer than 256 shapes. */
	for (uint32_t i = 0; !wide && i < decoder->count; i++)
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
	const struct vbt_reading *column = decoder->columns.column;
	int error;

	decoder->count = decoder->done = 0;
	if (header->count > VBT_CHUNK_MAX_EVENTS)
		return -EBADMSG;
	predict_reset(&decoder->predictor);
	decoder->predictor.time = header->time_first;
	error = unpack_columns(decoder, header, payload);
	if (!error)
		error = decode_shapes(decoder);
	if (error)
		return error;
	decoder->count = header->count;
	error = check_kinds(decoder);
	if (error)
		decoder->count = 0;
	for (unsigned point = 0; point < VBT_POINT_COUNT; point++) {
		const struct vbt_reading *low = &column[VBT_COLUMN_TIME + 2 * point];

		decoder->time[point] = (struct times){low->at, low[1].at - low->at};
	}
	return error;
}

/* Inlined twice: as a rule kinds are one byte each, and nothing else need be looked at. */
VBT_ALWAYS_INLINE int decode(struct vbt_decoder *decoder, struct vbt_event *events, unsigned room,
			     bool *in_order, const bool wide)
{
	const uint8_t *low = decoder->columns.column[VBT_COLUMN_KINDS].at;
	const uint8_t *high = decoder->columns.column[VBT_COLUMN_KINDS_HIGH].at;
	const struct shape *shapes = decoder->shape;
	struct predictor *p = &decoder->predictor;
	const uint32_t begin = decoder->done, left = decoder->count - begin;
	const uint32_t end = begin + (left < room ? left : room);
	struct vbt_event *e = events;
	const uint64_t first = p->time;
	uint64_t now = first;

	*in_order = true;
	for (uint32_t i = begin; i < end; i++, e++) {
		const struct shape *shape =
		    &shapes[wide ? low[i] | (unsigned)high[i] << 8 : low[i]];
		const unsigned point = shape->event.point;
		struct times *time = &decoder->time[point];
		uint64_t step = time->low[0] | (uint64_t)time->low[time->high] << 8;
		struct walk w = {.mask = shape->mask, .read = &decoder->columns};

		time->low++;
		*e = shape->event;
		walk_event(&w, p, shape->queue, shape->kick, point, e);
		if (__builtin_expect(step == VBT_TIME_LONG || w.mask & VBT_FIELD_BACK, 0)) {
			if (step == VBT_TIME_LONG)
				step = vbt_read_varint(&decoder->columns, VBT_COLUMN_LONG_TIMES);
			if (w.mask & VBT_FIELD_BACK)
				step = -step;
			*in_order &= now + step >= now;
		}
		now += step;
		e->time = now;
	}
	*in_order &= now >= first;
	p->time = now;
	decoder->done = end;
	if (decoder->columns.failed) {
		decoder->done = decoder->count;
		return -EBADMSG;
	}
	return (int)(end - begin);
}

int vbt_decoder_next(struct vbt_decoder *decoder, struct vbt_event *events, unsigned room,
		     bool *in_order)
{
	return column_size(decoder, VBT_COLUMN_KINDS_HIGH) > 0
		   ? decode(decoder, events, room, in_order, true)
		   : decode(decoder, events, room, in_order, false);
}
