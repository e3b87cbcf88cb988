/* SPDX-License-Identifier: MIT */
/*
 * The correlator: events in, requests out.
 *
 * It streams: events come in the order of their times (vbt_reorder or the trace file see to that),
 * a request goes out as soon as all that can be known of it is known, and memory depends on what
 * is in flight only. docs/LINKING.md states each rule and why it may say `exact`.
 *
 * One thread at a time. Nothing is printed; nothing is global.
 */
#ifndef VBT_CORRELATE_H
#define VBT_CORRELATE_H

#include <stddef.h>
#include <stdint.h>

#include "lib/event.h"
#include "lib/request.h"
#include "lib/trace_info.h"

struct vbt_correlator;

/* Called with each finished request, which is valid during the call only. */
typedef void vbt_request_fn(void *context, const struct vbt_request *request);

struct vbt_correlator_options {
	const struct vbt_trace_info *info; /* must outlive the correlator; may grow meanwhile */
	vbt_request_fn *request;
	void *context;
	uint64_t timeout_ns;    /* how long a pushed request waits for its interrupt; 0: 10 s */
	uint32_t max_in_flight; /* requests, all queues together; 0: 262144 */
	uint32_t max_queues;    /* 0: 1024 */
};

struct vbt_correlator_stats {
	uint64_t events;
	uint64_t requests; /* emitted: complete + incomplete */
	uint64_t complete, incomplete;
	uint64_t unseen;  /* requests of which no event came, known by gaps in their numbers */
	uint64_t evicted; /* of the incomplete: given up because too many were in flight */
	uint64_t errors;  /* complete requests with a virtio status other than OK */
	uint64_t exact, inferred; /* links (present marks) of all emitted requests */
	uint64_t lost;            /* events that the sources said they lost, all together */
	uint64_t
	    stray; /* kernel events that belong to no request, as interrupts of other devices */
	uint64_t invalid; /* events with impossible fields, or beyond the limits: ignored */
	uint64_t late;    /* events behind one of a later time */
	uint64_t in_flight;
	uint64_t first_ns, last_ns; /* times of the first and the latest event */
};

/* Events of one queue that are no request's: shown by `top`, counted for tests. */
struct vbt_queue_stats {
	uint8_t target, device;
	uint16_t queue;
	uint64_t kicks; /* seen in the kernel */
	uint64_t wakes[VBT_WAKE_REASON_COUNT];
	uint64_t pops, pushes;
	uint64_t signals[VBT_SIGNAL_REASON_COUNT];
	uint64_t interrupts;                 /* signals whose entry into KVM was seen */
	uint32_t in_flight;                  /* popped and not pushed */
	uint64_t last_kick_ns, last_wake_ns; /* times of the last ones; 0: none yet */
};

/* NULL if memory is short. */
struct vbt_correlator *vbt_correlator_new(const struct vbt_correlator_options *options);
void vbt_correlator_free(struct vbt_correlator *correlator);

/* Take events. 0, or -ENOMEM (what was taken stays good). */
int vbt_correlator_events(struct vbt_correlator *correlator, const struct vbt_event *events,
			  size_t count);

/*
 * The trace ends: emit all that is in flight. Requests whose rest is missing are incomplete
 * ("after"). The correlator may then be freed, or asked for its statistics.
 */
void vbt_correlator_finish(struct vbt_correlator *correlator);

/*
 * No request that is still to come has a mark before this time (ns), but for what is wildly late: a
 * doorbell's kick whose wake is more than `timeout_ns` away. `now`: no event before it is still to
 * come; 0: before the last one. Takes time in proportion to what is in flight: ask once for many
 * events.
 */
uint64_t vbt_correlator_horizon(const struct vbt_correlator *correlator, uint64_t now);

const struct vbt_correlator_stats *vbt_correlator_stats(const struct vbt_correlator *correlator);

/* Events lost by a source (index, or VBT_SOURCE_ALL for holes in the file). */
uint64_t vbt_correlator_lost(const struct vbt_correlator *correlator, unsigned source);

/* Statistics of the index-th queue, in the order in which they were first seen; NULL behind the
 * last. The pointer is valid until the next call with events. */
const struct vbt_queue_stats *vbt_correlator_queue(const struct vbt_correlator *correlator,
						   unsigned index);

/*
 * Show each request under way as it is now, in no order: the marks that have come so far, `complete`
 * false, the reasons of absent ones not decided.
 */
void vbt_correlator_each(struct vbt_correlator *correlator, vbt_request_fn *request, void *context);

#endif
