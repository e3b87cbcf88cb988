/* SPDX-License-Identifier: MIT */
/*
 * Merges the streams of several sources into one by time, in bounded memory.
 *
 * Each stream is ordered by itself, or nearly (a BPF ring buffer that many CPUs write): an event is
 * sorted into its own stream first. Events wait until the watermark passes them. If more than
 * `capacity` wait, the oldest go out early. An event that comes behind what already went out is
 * handed through at once, with `late` set, and counted.
 *
 * One thread at a time.
 */
#ifndef VBT_REORDER_H
#define VBT_REORDER_H

#include <stddef.h>
#include <stdint.h>

#include "lib/event.h"

struct vbt_reorder;

/* Takes merged events, `count` at a time; valid during the call only. 0 or -errno: stops the drain. */
typedef int vbt_event_fn(void *context, const struct vbt_event *events, size_t count);

struct vbt_reorder_stats {
	uint64_t events;
	uint64_t late;   /* handed through behind a later one */
	uint64_t forced; /* went out before the watermark because too many waited */
	size_t waiting;
};

/*
 * capacity: events that may wait, all streams together; 0: 65536. Their memory is set aside at once, and
 * is taken from the system as it is first used. NULL if memory is short.
 */
struct vbt_reorder *vbt_reorder_new(size_t capacity, vbt_event_fn *sink, void *context);
void vbt_reorder_free(struct vbt_reorder *reorder);

/* Take it all from the system now: what the process has then does not grow when it is held up once. */
void vbt_reorder_touch(struct vbt_reorder *reorder);

/* Add events of a stream (any number below 1024; a source's index does). 0, -EINVAL, -ENOMEM, or
 * what the sink returned. */
int vbt_reorder_push(struct vbt_reorder *reorder, unsigned stream, const struct vbt_event *events,
		     size_t count);

/* A vbt_event_fn with the reorder buffer as its context: adds events of one source, by its index. */
int vbt_reorder_take(void *reorder, const struct vbt_event *events, size_t count);

/* Hand out everything up to and including time `watermark`: the caller knows that no source has an
 * older event left (it read them all at that time). UINT64_MAX empties it. */
int vbt_reorder_drain(struct vbt_reorder *reorder, uint64_t watermark);

const struct vbt_reorder_stats *vbt_reorder_stats(const struct vbt_reorder *reorder);

#endif
