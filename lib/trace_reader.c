/* SPDX-License-Identifier: MIT */
#include "lib/trace_reader.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <xxhash.h>

#include "lib/trace_codec.h"
#include "lib/trace_meta.h"

#define BATCH      512 /* events handed out at once: 24 KB, so that they stay in the cache */
#define READ_AHEAD (64u << 10)

struct vbt_trace_reader {
	int fd;
	/* What was read and not used up yet. */
	struct vbt_buffer in;
	size_t pos;
	uint64_t offset; /* of in.data[pos] in the file */
	bool eof;
	int read_error;

	struct vbt_trace_reader_stats stats;
	struct vbt_trace_info info;
	struct vbt_decoder *decoder;
	uint64_t next_chunk, next_event; /* numbers that should come next */
	uint64_t last_time;
	bool in_hole, any_events;
	struct vbt_event batch[BATCH];
};

/* Have at least `want` bytes at pos, or all that the file has left. Returns how many there are. */
static size_t fill(struct vbt_trace_reader *r, size_t want)
{
	while (r->in.size - r->pos < want && !r->eof) {
		ssize_t n;

		if (r->pos) {
			memmove(r->in.data, r->in.data + r->pos, r->in.size - r->pos);
			r->in.size -= r->pos;
			r->pos = 0;
		}
		if (vbt_buffer_reserve(&r->in, want - r->in.size > READ_AHEAD ? want - r->in.size
									      : READ_AHEAD)) {
			r->read_error = -ENOMEM;
			r->eof = true;
			break;
		}
		n = read(r->fd, r->in.data + r->in.size, r->in.room - r->in.size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			r->read_error = -errno;
		if (n <= 0) {
			r->eof = true;
			break;
		}
		r->in.size += (size_t)n;
		r->stats.bytes += (uint64_t)n;
	}
	return r->in.size - r->pos;
}

static void use(struct vbt_trace_reader *r, size_t bytes)
{
	r->pos += bytes;
	r->offset += bytes;
}

/* Bytes that belong to no intact chunk. */
static void skip(struct vbt_trace_reader *r, size_t bytes)
{
	if (!bytes)
		return;
	if (!r->in_hole) {
		r->in_hole = true;
		r->stats.holes++;
		if (r->stats.holes == 1)
			r->stats.first_hole = r->offset;
	}
	use(r, bytes);
	r->stats.damaged_bytes += bytes;
	if (r->stats.holes == 1)
		r->stats.first_hole_end = r->offset;
}

static bool chunk_at(struct vbt_trace_reader *r, size_t at)
{
	struct vbt_chunk_header header;

	return fill(r, at + VBT_CHUNK_HEADER_SIZE) >= at + VBT_CHUNK_HEADER_SIZE &&
	       !vbt_chunk_header_decode(r->in.data + r->pos + at, &header);
}

static bool check_file_header(struct vbt_trace_reader *r, char *err, size_t err_size)
{
	size_t have = fill(r, VBT_FILE_HEADER_SIZE);
	const uint8_t *h = r->in.data + r->pos;
	unsigned version;
	bool sum, magic;

	if (r->read_error) {
		snprintf(err, err_size, "cannot read the trace: %s", strerror(-r->read_error));
		return false;
	}
	if (!have) {
		snprintf(err, err_size, "not a trace: the file is empty");
		return false;
	}
	magic = have >= 8 && !memcmp(h, VBT_FILE_MAGIC, 8);
	if (have < VBT_FILE_HEADER_SIZE) {
		snprintf(err, err_size,
			 magic ? "the trace is cut off within its header"
			       : "not a vbtrace file: it does not begin like one");
		return false;
	}
	sum = vbt_get32(h + 28) == (uint32_t)XXH3_64bits(h, 28);
	version = vbt_get16(h + 8);
	if (magic && sum && (version < VBT_FILE_VERSION || version > VBT_FILE_VERSION_DATA)) {
		snprintf(err, err_size,
			 "the trace has format version %u, this vbtrace reads %u and %u: use %s",
			 version, VBT_FILE_VERSION, VBT_FILE_VERSION_DATA,
			 version > VBT_FILE_VERSION ? "a newer vbtrace"
						    : "the vbtrace that wrote it");
		return false;
	}
	if (magic && sum && vbt_get16(h + 12) == VBT_FILE_HEADER_SIZE) {
		use(r, VBT_FILE_HEADER_SIZE);
		return true;
	}
	/* A damaged header is damage like any other, if the rest is a trace. */
	if (magic || chunk_at(r, VBT_FILE_HEADER_SIZE)) {
		skip(r, VBT_FILE_HEADER_SIZE);
		return true;
	}
	snprintf(err, err_size, "not a vbtrace file: it does not begin like one");
	return false;
}

struct vbt_trace_reader *vbt_trace_reader_new(int fd, char *err, size_t err_size)
{
	struct vbt_trace_reader *r = calloc(1, sizeof(*r));

	if (r)
		r->decoder = vbt_decoder_new();
	if (!r || !r->decoder) {
		snprintf(err, err_size, "cannot read the trace: %s", strerror(ENOMEM));
		vbt_trace_reader_free(r);
		return NULL;
	}
	r->fd = fd;
	if (!check_file_header(r, err, err_size)) {
		vbt_trace_reader_free(r);
		return NULL;
	}
	return r;
}

void vbt_trace_reader_free(struct vbt_trace_reader *r)
{
	if (!r)
		return;
	vbt_decoder_free(r->decoder);
	vbt_trace_info_release(&r->info);
	free(r->in.data);
	free(r);
}

/* Bytes until the next place where a chunk could begin, at least 1. */
static size_t next_candidate(struct vbt_trace_reader *r)
{
	size_t have = r->in.size - r->pos;
	const uint8_t *from = r->in.data + r->pos, *hit;

	hit = have > 1 ? memchr(from + 1, VBT_CHUNK_MAGIC[0], have - 1) : NULL;
	return hit ? (size_t)(hit - from) : have;
}

/* Go to the next intact chunk: its header, and its payload at in.data[pos]. false: the end. */
static bool find_chunk(struct vbt_trace_reader *r, struct vbt_chunk_header *header)
{
	for (;;) {
		size_t have = fill(r, VBT_CHUNK_HEADER_SIZE), size;

		if (have < VBT_CHUNK_HEADER_SIZE) {
			skip(r, have);
			return false;
		}
		if (vbt_chunk_header_decode(r->in.data + r->pos, header)) {
			skip(r, next_candidate(r));
			continue;
		}
		size = VBT_CHUNK_HEADER_SIZE + (size_t)header->stored;
		if (fill(r, size) >= size &&
		    XXH3_64bits(r->in.data + r->pos + VBT_CHUNK_HEADER_SIZE, header->stored) ==
			header->sum)
			return true;
		/* Its content is damaged or cut off; another chunk may begin inside. */
		skip(r, next_candidate(r));
	}
}

/* Note what the numbers say is missing. Returns the number of missing events. */
static uint64_t account(struct vbt_trace_reader *r, const struct vbt_chunk_header *header)
{
	uint64_t missing = 0;

	r->in_hole = false;
	if (header->number > r->next_chunk)
		r->stats.missing_chunks += header->number - r->next_chunk;
	if (header->first > r->next_event)
		missing = header->first - r->next_event;
	r->stats.missing_events += missing;
	/* Numbers that go back (two traces in one file) are a new beginning. */
	r->next_chunk = header->number + 1;
	r->next_event = header->first + header->count;
	r->stats.chunks++;
	return missing;
}

static void take_meta(struct vbt_trace_reader *r, const uint8_t *payload, size_t size)
{
	int error = vbt_meta_decode(payload, size, &r->info);

	if (error == -ENOMEM)
		r->read_error = error;
}

/*
 * Use up one chunk. An event chunk is left in the decoder; if events are missing before it, that is
 * stated in the batch first: returns 1 then.
 */
static int take_chunk(struct vbt_trace_reader *r, const struct vbt_chunk_header *header)
{
	const uint8_t *payload = r->in.data + r->pos + VBT_CHUNK_HEADER_SIZE;
	uint64_t missing = account(r, header), from = r->last_time;
	int error = 0, stated = 0;

	if (header->type == VBT_CHUNK_META)
		take_meta(r, payload, header->stored);
	else if (header->type == VBT_CHUNK_END)
		r->stats.finished = true;
	else if (header->type == VBT_CHUNK_EVENTS)
		error = vbt_decoder_begin(r->decoder, header, payload);
	/* Chunks of other types come from a later writer of this version: not needed. */
	use(r, VBT_CHUNK_HEADER_SIZE + header->stored);
	if (error) {
		/* The checksum is right and the content is not: no writer of ours made it. */
		r->stats.missing_events += header->count;
		r->stats.holes++;
		return error == -ENOMEM ? error : 0;
	}
	if (missing) {
		uint64_t to = header->type == VBT_CHUNK_EVENTS ? header->time_first : from;

		if (!r->any_events || from > to)
			from = to;
		vbt_event_lost(&r->batch[0], VBT_SOURCE_ALL, from, to, missing);
		stated = 1;
	}
	return stated;
}

static long deliver(struct vbt_trace_reader *r, int count, bool in_order,
		    const struct vbt_event **events)
{
	*events = r->batch;
	if (in_order && r->batch[0].time >= r->last_time) {
		r->last_time = r->batch[count - 1].time;
		return count;
	}
	for (int i = 0; i < count; i++) {
		struct vbt_event *event = &r->batch[i];

		if (event->time < r->last_time) {
			event->late = 1;
			r->stats.late++;
		} else {
			r->last_time = event->time;
		}
	}
	return count;
}

long vbt_trace_reader_next(struct vbt_trace_reader *r, const struct vbt_event **events)
{
	struct vbt_chunk_header header;
	bool in_order;
	int count;

	for (;;) {
		count = vbt_decoder_next(r->decoder, r->batch, BATCH, &in_order);
		if (count > 0) {
			r->any_events = true;
			r->stats.events += (uint64_t)count;
			return deliver(r, count, in_order, events);
		}
		if (count < 0)
			r->stats.holes++;
		if (!find_chunk(r, &header))
			return r->read_error;
		count = take_chunk(r, &header);
		if (count < 0)
			return count;
		if (r->read_error)
			return r->read_error;
		if (count > 0)
			return deliver(r, count, true, events);
	}
}

const struct vbt_trace_info *vbt_trace_reader_info(const struct vbt_trace_reader *reader)
{
	return &reader->info;
}

const struct vbt_trace_reader_stats *vbt_trace_reader_stats(const struct vbt_trace_reader *reader)
{
	return &reader->stats;
}

bool vbt_trace_reader_damage(const struct vbt_trace_reader *reader, char *buf, size_t size)
{
	const struct vbt_trace_reader_stats *s = &reader->stats;
	char where[96] = "";

	if (size)
		*buf = '\0';
	if (!s->holes && !s->missing_chunks && !s->missing_events && s->finished)
		return false;
	if (!s->holes && !s->missing_chunks && !s->missing_events) {
		snprintf(buf, size, "not finished: the recording was cut off, nothing is damaged");
		return true;
	}
	if (s->damaged_bytes)
		snprintf(where, sizeof(where), ", the first at bytes %llu to %llu",
			 (unsigned long long)s->first_hole, (unsigned long long)s->first_hole_end);
	snprintf(buf, size,
		 "damaged: %llu hole%s of %llu bytes%s; %s%llu chunks and %llu events missing%s",
		 (unsigned long long)s->holes, s->holes == 1 ? "" : "s",
		 (unsigned long long)s->damaged_bytes, where, s->finished ? "" : "at least ",
		 (unsigned long long)s->missing_chunks, (unsigned long long)s->missing_events,
		 s->finished ? "" : "; cut off at the end");
	return true;
}
