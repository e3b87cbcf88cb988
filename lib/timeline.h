/* SPDX-License-Identifier: MIT */
/*
 * Events in the order of their times, each with the requests that it belongs to.
 *
 * The correlator knows what an event belongs to only when the request is finished. The timeline
 * keeps events until then, in a queue that is bounded: if a request stays in flight for too long,
 * the oldest events go out without it, and are counted as unlinked. One kick or interrupt may
 * belong to many requests; others belong to none.
 *
 *	vbt_timeline_events(t, events, n);           as they come, then
 *	vbt_correlator_events(c, events, n);         whose requests go to vbt_timeline_request
 *	vbt_timeline_release(t, vbt_correlator_horizon(c, 0));
 *
 * One thread at a time.
 */
#ifndef VBT_TIMELINE_H
#define VBT_TIMELINE_H

#include <stddef.h>
#include <stdint.h>

#include "lib/event.h"
#include "lib/request.h"

#define VBT_TIMELINE_EVENTS (1u << 20) /* kept at most */

struct vbt_timeline;

/* An event and its requests, by their ids ascending; all of it is valid during the call only. */
struct vbt_linked_event {
	const struct vbt_event *event;
	const struct vbt_request *const *request;
	unsigned requests;
};

/* 0, or -errno, which ends the call that it is called from. */
typedef int vbt_timeline_fn(void *context, const struct vbt_linked_event *event);

struct vbt_timeline_stats {
	uint64_t events;   /* that went out */
	uint64_t links;    /* of these to requests */
	uint64_t unlinked; /* marks of requests whose events had gone out before */
};

/* NULL if memory is short. `max_events` is a power of two; 0: VBT_TIMELINE_EVENTS. */
struct vbt_timeline *vbt_timeline_new(vbt_timeline_fn *fn, void *context, uint32_t max_events);
void vbt_timeline_free(struct vbt_timeline *timeline); /* NULL is fine */

/* Take events, and let the oldest go if there are too many. 0, -ENOMEM, or what the function said. */
int vbt_timeline_events(struct vbt_timeline *timeline, const struct vbt_event *events,
			size_t count);

/* A finished request: its events are among those that were taken. 0 or -ENOMEM. */
int vbt_timeline_request(struct vbt_timeline *timeline, const struct vbt_request *request);

/* Let go what happened before a time (ns). UINT64_MAX: all. 0, or what the function said. */
int vbt_timeline_release(struct vbt_timeline *timeline, uint64_t before);

const struct vbt_timeline_stats *vbt_timeline_stats(const struct vbt_timeline *timeline);

#endif
