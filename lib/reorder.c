/* SPDX-License-Identifier: MIT */
#include "lib/reorder.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define MAX_STREAMS      1024
#define OUT_EVENTS       256
#define DEFAULT_CAPACITY 65536

/* A stream's waiting events, in order, in a ring that grows. */
struct stream {
	struct vbt_event *event;
	size_t room; /* a power of two, or 0 */
	size_t head, count;
};

struct vbt_reorder {
	vbt_event_fn *sink;
	void *context;
	size_t capacity;
	struct vbt_reorder_stats stats;
	uint64_t gone; /* the latest time that went out */
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
	return reorder;
}

void vbt_reorder_free(struct vbt_reorder *reorder)
{
	if (!reorder)
		return;
	for (unsigned i = 0; i < reorder->streams; i++)
		free(reorder->stream[i].event);
	free(reorder->stream);
	free(reorder);
}

static struct vbt_event *at(const struct stream *stream, size_t index)
{
	return &stream->event[(stream->head + index) & (stream->room - 1)];
}

/* Does the first event of stream a go before that of stream b? Equal times: lower number first. */
static bool before(const struct vbt_reorder *reorder, unsigned a, unsigned b)
{
	uint64_t x = at(&reorder->stream[a], 0)->time, y = at(&reorder->stream[b], 0)->time;

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

static inline int put_out(struct vbt_reorder *reorder, const struct vbt_event *event)
{
	struct vbt_event *out = &reorder->out[reorder->out_count++];

	*out = *event;
	out->late = event->time < reorder->gone;
	reorder->stats.late += out->late;
	reorder->stats.events++;
	if (event->time > reorder->gone)
		reorder->gone = event->time;
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
	time = at(&reorder->stream[reorder->heap[second]], 0)->time;
	return reorder->heap[0] < reorder->heap[second] ? time : time - 1;
}

/* Hand out the oldest events of all, which are of one stream: up to a time, at most so many. */
static int pop(struct vbt_reorder *reorder, uint64_t until, size_t most)
{
	struct stream *stream = &reorder->stream[reorder->heap[0]];
	uint64_t turn = turn_of_first(reorder);
	const struct vbt_event *event = at(stream, 0);
	int error;

	if (until > turn)
		until = turn;
	do {
		stream->head++;
		stream->count--;
		reorder->stats.waiting--;
		error = put_out(reorder, event); /* the slot is not reused before the copy */
		event = at(stream, 0);
	} while (!error && --most && stream->count && event->time <= until);
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

static int make_room(struct stream *stream)
{
	size_t room = stream->room ? stream->room * 2 : 256;
	struct vbt_event *bigger;

	bigger = malloc(room * sizeof(*bigger));
	if (!bigger)
		return -ENOMEM;
	for (size_t i = 0; i < stream->count; i++)
		bigger[i] = *at(stream, i);
	free(stream->event);
	stream->event = bigger;
	stream->room = room;
	stream->head = 0;
	return 0;
}

/* Sort one event into its stream, from the back; and the stream into the heap if its first event
 * is another now. */
static inline int insert(struct vbt_reorder *reorder, unsigned number,
			 const struct vbt_event *event)
{
	struct stream *stream = &reorder->stream[number];
	size_t i = stream->count;

	if (stream->count == stream->room && make_room(stream))
		return -ENOMEM;
	stream->count++;
	reorder->stats.waiting++;
	/* As a rule it is the latest of many. */
	if (__builtin_expect(i && at(stream, i - 1)->time <= event->time, 1)) {
		*at(stream, i) = *event;
		return 0;
	}
	for (; i && at(stream, i - 1)->time > event->time; i--)
		*at(stream, i) = *at(stream, i - 1);
	*at(stream, i) = *event;
	if (i)
		return 0;
	if (stream->count == 1) {
		reorder->heap[reorder->heap_size] = (uint16_t)number;
		sift_up(reorder, reorder->heap_size++);
	} else {
		for (unsigned j = 0; j < reorder->heap_size; j++)
			if (reorder->heap[j] == number)
				sift_up(reorder, j);
	}
	return 0;
}

int vbt_reorder_push(struct vbt_reorder *reorder, unsigned stream, const struct vbt_event *events,
		     size_t count)
{
	int error = ensure_stream(reorder, stream);

	for (size_t i = 0; i < count && !error; i++) {
		/* What comes too late goes out at once: waiting would only make it later. */
		if (events[i].time < reorder->gone) {
			error = put_out(reorder, &events[i]);
			continue;
		}
		error = insert(reorder, stream, &events[i]);
		if (!error && reorder->stats.waiting > reorder->capacity) {
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
	       at(&reorder->stream[reorder->heap[0]], 0)->time <= watermark)
		error = pop(reorder, watermark, SIZE_MAX);
	return error ? error : send(reorder);
}

const struct vbt_reorder_stats *vbt_reorder_stats(const struct vbt_reorder *reorder)
{
	return &reorder->stats;
}
