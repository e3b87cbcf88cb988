/* SPDX-License-Identifier: MIT */
#include "lib/reorder.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define MAX_STREAMS      1024
#define OUT_EVENTS       256
#define DEFAULT_CAPACITY 65536
#define USUAL_STREAMS    64

/* Waiting events lie in chunks of one pool: what one stream does not need, another one may have. */
#define CHUNK_EVENTS 16
#define NONE         UINT32_MAX

struct chunk {
	uint32_t before, behind; /* of the same stream; free ones are linked by `behind` */
	struct vbt_event event[CHUNK_EVENTS];
};

/* A stream's waiting events, in order: from `head` of its first chunk to before `tail` of its last. */
struct stream {
	uint32_t first, last;
	uint32_t head, tail;
	size_t count;
};

struct vbt_reorder {
	vbt_event_fn *sink;
	void *context;
	size_t capacity;
	struct vbt_reorder_stats stats;
	uint64_t gone; /* the latest time that went out */
	struct chunk *chunk;
	uint32_t chunks, used; /* those from `used` on never had an event */
	uint32_t free;
	struct stream *stream;
	unsigned streams;
	/* Streams that have events: a heap by the time of the first, then by number. */
	uint16_t heap[MAX_STREAMS];
	unsigned heap_size;
	size_t out_count;
	struct vbt_event out[OUT_EVENTS];
};

struct vbt_reorder *vbt_reorder_new(size_t capacity, vbt_event_fn *sink, void *context)
{
	struct vbt_reorder *reorder = calloc(1, sizeof(*reorder));

	if (!reorder)
		return NULL;
	reorder->sink = sink;
	reorder->context = context;
	reorder->capacity = capacity ? capacity : DEFAULT_CAPACITY;
	reorder->free = NONE;
	/* A stream fills two chunks in part at most: there is always one for the next event. */
	if (reorder->capacity < (UINT32_MAX - 2 * MAX_STREAMS) * (size_t)CHUNK_EVENTS)
		reorder->chunks = (uint32_t)(reorder->capacity / CHUNK_EVENTS) + 2 * MAX_STREAMS;
	reorder->chunk = reorder->chunks ? malloc(reorder->chunks * sizeof(*reorder->chunk)) : NULL;
	if (reorder->chunk)
		return reorder;
	free(reorder);
	return NULL;
}

void vbt_reorder_free(struct vbt_reorder *reorder)
{
	if (!reorder)
		return;
	free(reorder->chunk);
	free(reorder->stream);
	free(reorder);
}

void vbt_reorder_touch(struct vbt_reorder *reorder)
{
	/* All that may wait, and some streams that are filled in part. The first ones are used first. */
	const uint32_t most = (uint32_t)(reorder->capacity / CHUNK_EVENTS) + 2 * USUAL_STREAMS;

	for (uint32_t i = reorder->used; i < most && i < reorder->chunks; i++)
		memset(&reorder->chunk[i], 0xff, sizeof(reorder->chunk[i]));
}

static const struct vbt_event *first_of(const struct vbt_reorder *reorder,
					const struct stream *stream)
{
	return &reorder->chunk[stream->first].event[stream->head];
}

/* Does the first event of stream a go before that of stream b? Equal times: lower number first. */
static bool before(const struct vbt_reorder *reorder, unsigned a, unsigned b)
{
	uint64_t x = first_of(reorder, &reorder->stream[a])->time;
	uint64_t y = first_of(reorder, &reorder->stream[b])->time;

	return x != y ? x < y : a < b;
}

static void sift_up(struct vbt_reorder *reorder, unsigned i)
{
	uint16_t *heap = reorder->heap, moving = heap[i];

	for (; i && before(reorder, moving, heap[(i - 1) / 2]); i = (i - 1) / 2)
		heap[i] = heap[(i - 1) / 2];
	heap[i] = moving;
}

static void sift_down(struct vbt_reorder *reorder, unsigned i)
{
	uint16_t *heap = reorder->heap, moving = heap[i];

	for (;;) {
		unsigned child = 2 * i + 1;

		if (child >= reorder->heap_size)
			break;
		if (child + 1 < reorder->heap_size && before(reorder, heap[child + 1], heap[child]))
			child++;
		if (!before(reorder, heap[child], moving))
			break;
		heap[i] = heap[child];
		i = child;
	}
	heap[i] = moving;
}

static int send(struct vbt_reorder *reorder)
{
	size_t count = reorder->out_count;

	reorder->out_count = 0;
	return count ? reorder->sink(reorder->context, reorder->out, count) : 0;
}

/* An event that comes too late to be put in its place. */
static int hand_through(struct vbt_reorder *reorder, const struct vbt_event *event)
{
	struct vbt_event *out = &reorder->out[reorder->out_count++];

	*out = *event;
	out->late = true;
	reorder->stats.late++;
	reorder->stats.events++;
	return reorder->out_count == OUT_EVENTS ? send(reorder) : 0;
}

/* The time up to which the first stream of the heap goes before all others. */
static uint64_t turn_of_first(const struct vbt_reorder *reorder)
{
	unsigned second = 1;
	uint64_t time;

	if (reorder->heap_size < 2)
		return UINT64_MAX;
	if (reorder->heap_size > 2 && before(reorder, reorder->heap[2], reorder->heap[1]))
		second = 2;
	time = first_of(reorder, &reorder->stream[reorder->heap[second]])->time;
	return reorder->heap[0] < reorder->heap[second] ? time : time - 1;
}

/* The stream's first events, all of one chunk, are gone: the next one's place, and what is empty to the pool. */
static void step(struct vbt_reorder *reorder, struct stream *stream, size_t count)
{
	struct chunk *chunk = &reorder->chunk[stream->first];
	uint32_t emptied = stream->first;

	stream->count -= count;
	reorder->stats.waiting -= count;
	stream->head += (uint32_t)count;
	if (stream->head < CHUNK_EVENTS && stream->count)
		return;
	stream->first = chunk->behind;
	stream->head = 0;
	chunk->behind = reorder->free;
	reorder->free = emptied;
}

/* Hand out a stream's first event and those behind it in its chunk: up to a time, at most so many. */
static size_t put_out(struct vbt_reorder *reorder, struct stream *stream, uint64_t until,
		      size_t most)
{
	const struct vbt_event *event = first_of(reorder, stream);
	struct vbt_event *out = &reorder->out[reorder->out_count];
	size_t room = CHUNK_EVENTS - stream->head, count = 0;

	if (room > stream->count)
		room = stream->count;
	if (room > OUT_EVENTS - reorder->out_count)
		room = OUT_EVENTS - reorder->out_count;
	if (room > most)
		room = most;
	do {
		out[count] = event[count];
		out[count].late = false;
		count++;
	} while (count < room && event[count].time <= until);
	/* What waits is no earlier than what went out: see vbt_reorder_push(). */
	reorder->gone = event[count - 1].time;
	reorder->out_count += count;
	reorder->stats.events += count;
	step(reorder, stream, count);
	return count;
}

/* Hand out the oldest events of all, which are of one stream: up to a time, at most so many. */
static int pop(struct vbt_reorder *reorder, uint64_t until, size_t most)
{
	struct stream *stream = &reorder->stream[reorder->heap[0]];
	uint64_t turn = turn_of_first(reorder);
	int error = 0;

	if (until > turn)
		until = turn;
	do {
		most -= put_out(reorder, stream, until, most);
		if (reorder->out_count == OUT_EVENTS)
			error = send(reorder);
	} while (!error && most && stream->count && first_of(reorder, stream)->time <= until);
	if (!stream->count)
		reorder->heap[0] = reorder->heap[--reorder->heap_size];
	if (reorder->heap_size)
		sift_down(reorder, 0);
	return error;
}

static int ensure_stream(struct vbt_reorder *reorder, unsigned number)
{
	struct stream *bigger;

	if (number < reorder->streams)
		return 0;
	if (number >= MAX_STREAMS)
		return -EINVAL;
	bigger = realloc(reorder->stream, (number + 1) * sizeof(*bigger));
	if (!bigger)
		return -ENOMEM;
	memset(bigger + reorder->streams, 0, (number + 1 - reorder->streams) * sizeof(*bigger));
	reorder->stream = bigger;
	reorder->streams = number + 1;
	return 0;
}

/* A place behind the stream's last event, in a chunk more if need be. */
static inline void add_place(struct vbt_reorder *reorder, struct stream *stream)
{
	uint32_t index = reorder->free;

	if (stream->count && stream->tail < CHUNK_EVENTS) {
		stream->tail++;
		return;
	}
	if (index == NONE)
		index = reorder->used++;
	else
		reorder->free = reorder->chunk[index].behind;
	reorder->chunk[index].behind = NONE;
	reorder->chunk[index].before = stream->count ? stream->last : NONE;
	if (stream->count) {
		reorder->chunk[stream->last].behind = index;
	} else {
		stream->first = index;
		stream->head = 0;
	}
	stream->last = index;
	stream->tail = 1;
}

/* A place in a stream, from the back to the front. */
struct place {
	uint32_t chunk, index;
};

static struct vbt_event *event_at(const struct vbt_reorder *reorder, struct place place)
{
	return &reorder->chunk[place.chunk].event[place.index];
}

static struct place before_it(const struct vbt_reorder *reorder, struct place place)
{
	if (place.index)
		return (struct place){place.chunk, place.index - 1};
	return (struct place){reorder->chunk[place.chunk].before, CHUNK_EVENTS - 1};
}

/* Sort one event into its stream, from the back; and the stream into the heap if its first event
 * is another now. */
static inline void insert(struct vbt_reorder *reorder, unsigned number,
			  const struct vbt_event *event)
{
	struct stream *stream = &reorder->stream[number];
	size_t left = stream->count;
	struct place place;

	add_place(reorder, stream);
	stream->count++;
	reorder->stats.waiting++;
	/* As a rule it is the latest of many. */
	for (place = (struct place){stream->last, stream->tail - 1}; left; left--) {
		const struct place back = before_it(reorder, place);

		if (__builtin_expect(event_at(reorder, back)->time <= event->time, 1))
			break;
		*event_at(reorder, place) = *event_at(reorder, back);
		place = back;
	}
	*event_at(reorder, place) = *event;
	if (left)
		return;
	if (stream->count == 1) {
		reorder->heap[reorder->heap_size] = (uint16_t)number;
		sift_up(reorder, reorder->heap_size++);
	} else {
		for (unsigned j = 0; j < reorder->heap_size; j++)
			if (reorder->heap[j] == number)
				sift_up(reorder, j);
	}
}

/*
 * Events that are in order behind the stream's last one, as nearly all are, up to the end of its chunk: how many
 * were taken.
 */
static size_t append(struct vbt_reorder *reorder, struct stream *stream,
		     const struct vbt_event *events, size_t count)
{
	struct vbt_event *place;
	uint64_t last;
	size_t room, taken = 0;

	if (!stream->count || stream->tail == CHUNK_EVENTS)
		return 0;
	place = &reorder->chunk[stream->last].event[stream->tail];
	last = place[-1].time;
	room = CHUNK_EVENTS - stream->tail;
	if (room > reorder->capacity - reorder->stats.waiting)
		room = reorder->capacity - reorder->stats.waiting;
	if (room > count)
		room = count;
	for (; taken < room && events[taken].time >= last; taken++) {
		place[taken] = events[taken];
		last = events[taken].time;
	}
	stream->tail += (uint32_t)taken;
	stream->count += taken;
	reorder->stats.waiting += taken;
	return taken;
}

int vbt_reorder_push(struct vbt_reorder *reorder, unsigned stream, const struct vbt_event *events,
		     size_t count)
{
	int error = ensure_stream(reorder, stream);

	for (size_t i = 0; i < count && !error; i++) {
		i += append(reorder, &reorder->stream[stream], events + i, count - i);
		if (i == count)
			break;
		/* What comes too late goes out at once: waiting would only make it later. */
		if (events[i].time < reorder->gone) {
			error = hand_through(reorder, &events[i]);
			continue;
		}
		insert(reorder, stream, &events[i]);
		if (reorder->stats.waiting > reorder->capacity) {
			reorder->stats.forced++;
			error = pop(reorder, UINT64_MAX, 1);
		}
	}
	return error;
}

int vbt_reorder_take(void *reorder, const struct vbt_event *events, size_t count)
{
	return count ? vbt_reorder_push(reorder, events[0].source, events, count) : 0;
}

int vbt_reorder_drain(struct vbt_reorder *reorder, uint64_t watermark)
{
	int error = 0;

	while (!error && reorder->heap_size &&
	       first_of(reorder, &reorder->stream[reorder->heap[0]])->time <= watermark)
		error = pop(reorder, watermark, SIZE_MAX);
	return error ? error : send(reorder);
}

const struct vbt_reorder_stats *vbt_reorder_stats(const struct vbt_reorder *reorder)
{
	return &reorder->stats;
}
