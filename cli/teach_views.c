/* SPDX-License-Identifier: MIT */
/* The pictures of a trace, and which of them belong to a request. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/teach.h"
#include "lib/json.h"

#define MAX_SOURCES 1024u
#define MAX_VIEWS   20000u /* about 30 MiB; then the older half goes */

static bool has_room(struct teach_views *views)
{
	unsigned more = views->room ? views->room * 2 : 64;
	struct vbt_ring_view *bigger;

	if (views->views == MAX_VIEWS) {
		views->views = MAX_VIEWS / 2;
		memmove(views->view, views->view + MAX_VIEWS / 2,
			MAX_VIEWS / 2 * sizeof(*views->view));
	}
	if (views->views < views->room)
		return true;
	more = more < MAX_VIEWS ? more : MAX_VIEWS;
	bigger = realloc(views->view, more * sizeof(*bigger));
	if (!bigger)
		return false;
	views->view = bigger;
	views->room = more;
	return true;
}

static bool has_builder(struct teach_views *views, unsigned source)
{
	struct vbt_ring_view_builder *bigger;

	if (source < views->builders)
		return true;
	bigger = realloc(views->builder, (source + 1u) * sizeof(*bigger));
	if (!bigger)
		return false;
	memset(bigger + views->builders, 0, (source + 1u - views->builders) * sizeof(*bigger));
	views->builder = bigger;
	views->builders = source + 1u;
	return true;
}

int teach_views_event(struct teach_views *views, const struct vbt_event *event)
{
	uint64_t time = vbt_pauses_time(&views->pauses, event);
	struct vbt_ring_view_builder *builder;

	if (event->point == VBT_POINT_LOST || event->source >= MAX_SOURCES ||
	    (event->source >= views->builders && event->point != VBT_AUX_ring))
		return 0;
	if (!has_builder(views, event->source))
		return -ENOMEM;
	builder = &views->builder[event->source];
	if (!vbt_ring_view_event(builder, event))
		return 0;
	if (!has_room(views))
		return -ENOMEM;
	builder->snapshot.time = time;
	views->view[views->views++] = builder->snapshot;
	return 0;
}

static bool of_queue(const struct vbt_ring_view *view, const struct vbt_request *r)
{
	return view->target == r->target && view->device == r->device && view->queue == r->queue;
}

/* Of the interrupts the first after its push belongs to a request. */
static bool belongs(const struct vbt_ring_view *view, const struct vbt_request *r)
{
	if (!of_queue(view, r))
		return false;
	switch (view->moment) {
	case VBT_RING_AT_kick: return false; /* precedes() */
	case VBT_RING_AT_interrupt:
		return vbt_request_has(r, VBT_MARK_push) && view->time >= r->mark[VBT_MARK_push];
	default: return r->seq && view->seq == r->seq;
	}
}

/*
 * Of the kicks the latest that has the rings as they were before the chain was taken. A VMM that looks
 * without being asked draws its picture only when it has found, and taken, something.
 */
static bool precedes(const struct vbt_ring_view *view, const struct teach_subject *subject)
{
	const struct vbt_request *r = &subject->request;
	const struct vbt_ring_view *pop = &subject->view[VBT_RING_AT_pop];

	if (view->moment != VBT_RING_AT_kick || !of_queue(view, r))
		return false;
	if (vbt_request_has(r, VBT_MARK_pop) && view->time > r->mark[VBT_MARK_pop])
		return false;
	return !subject->has_view[VBT_RING_AT_pop] || view->avail_next != pop->avail_next ||
	       view->avail_wrap != pop->avail_wrap;
}

/*
 * The VMM's picture at a kick has the first chain that waited. Where the request's is another, put
 * that there as it was taken: no device writes to a chain before, and no driver after it was offered.
 */
static void take_own_chain(struct teach_subject *subject)
{
	struct vbt_ring_view *kick = &subject->view[VBT_RING_AT_kick];
	const struct vbt_ring_view *pop = &subject->view[VBT_RING_AT_pop];

	if (!subject->has_view[VBT_RING_AT_kick] || !subject->has_view[VBT_RING_AT_pop] ||
	    (kick->has_chain && kick->head == pop->head && kick->chain_index == pop->chain_index))
		return;
	subject->other_first = kick->has_chain;
	subject->offered_late =
	    !kick->has_chain || (!(kick->flags & VBT_RING_PACKED) &&
				 (int16_t)(uint16_t)(kick->avail_index - pop->chain_index) <= 0);
	kick->head = pop->head;
	kick->cut = pop->cut;
	kick->has_chain = pop->has_chain;
	kick->chain_index = pop->chain_index;
	kick->slots = pop->slots;
	memcpy(kick->desc, pop->desc, sizeof(kick->desc));
	kick->descs = pop->descs;
	memcpy(kick->indirect, pop->indirect, sizeof(kick->indirect));
	kick->indirects = pop->indirects;
	kick->avail_first = pop->avail_first;
	memcpy(kick->avail_entry, pop->avail_entry, sizeof(kick->avail_entry));
	kick->avail_entries = pop->avail_entries;
	memcpy(kick->header, pop->header, sizeof(kick->header));
	kick->header_bytes = pop->header_bytes;
	kick->status_at = pop->status_at;
	kick->status = pop->status;
}

/* How many requests the VMM took in the pass that took this one, and the how manieth it was. */
static void count_pass(const struct teach_views *views, struct teach_subject *subject)
{
	const struct vbt_request *r = &subject->request;
	bool seen = false;

	subject->taken = subject->turn = 0;
	for (unsigned i = 0; i < views->views; i++) {
		const struct vbt_ring_view *view = &views->view[i];

		if (!of_queue(view, r))
			continue;
		if (view->moment == VBT_RING_AT_kick && seen)
			return;
		if (view->moment == VBT_RING_AT_kick)
			subject->taken = 0;
		if (view->moment != VBT_RING_AT_pop)
			continue;
		subject->taken++;
		if (!seen && r->seq && view->seq == r->seq) {
			subject->turn = subject->taken;
			seen = true;
		}
	}
	if (!seen)
		subject->taken = 0;
}

void teach_views_take(const struct teach_views *views, struct teach_subject *subject)
{
	memset(subject->has_view, 0, sizeof(subject->has_view));
	subject->other_first = subject->offered_late = false;
	for (unsigned i = 0; i < views->views; i++) {
		const struct vbt_ring_view *view = &views->view[i];
		bool *has = &subject->has_view[view->moment];

		if (!belongs(view, &subject->request) ||
		    (*has && view->moment == VBT_RING_AT_interrupt))
			continue;
		subject->view[view->moment] = *view;
		*has = true;
	}
	for (unsigned i = views->views; i-- > 0 && !subject->has_view[VBT_RING_AT_kick];) {
		if (!precedes(&views->view[i], subject))
			continue;
		subject->view[VBT_RING_AT_kick] = views->view[i];
		subject->has_view[VBT_RING_AT_kick] = true;
	}
	take_own_chain(subject);
	count_pass(views, subject);
}

bool teach_views_has(const struct teach_views *views, const struct vbt_request *request)
{
	for (unsigned i = 0; i < views->views; i++)
		if (views->view[i].moment == VBT_RING_AT_pop && belongs(&views->view[i], request))
			return true;
	return false;
}

void teach_views_release(struct teach_views *views)
{
	free(views->view);
	free(views->builder);
	memset(views, 0, sizeof(*views));
}

/* Why a mark is absent, in words that need no other page. */
static const char *absence(const struct vbt_request *r, unsigned mark,
			   const struct vbt_trace_info *info)
{
	if (mark <= VBT_MARK_wake && r->absent[mark] == VBT_ABSENT_suppressed)
		return r->wake_reason == VBT_WAKE_start
			   ? "no kick was waited for: the device had just been started"
			   : "no kick was needed: the VMM was looking at the ring already";
	return r->complete || r->absent[mark] != VBT_ABSENT_none ? vbt_absent_reason(r, mark, info)
								 : "it was not seen until now";
}

void teach_describe(struct teach_subject *subject, const struct vbt_trace_info *info)
{
	const struct vbt_request *r = &subject->request;
	const struct vbt_device *device = vbt_trace_info_device(info, r->target, r->device);
	const struct vbt_source *source = NULL;
	char name[24];

	for (unsigned i = 0; i < VBT_RING_MOMENT_COUNT && !source; i++)
		if (subject->has_view[i])
			source = vbt_trace_info_source(info, subject->view[i].source);
	if (device)
		subject->device = *device;
	snprintf(subject->device_name, sizeof(subject->device_name), "%s",
		 vbt_trace_info_device_name(info, r->target, r->device, name));
	snprintf(subject->thread, sizeof(subject->thread), "%s",
		 source && source->kind == VBT_SOURCE_RING ? source->name : "");
	for (unsigned mark = 0; mark < VBT_MARK_COUNT; mark++)
		snprintf(subject->absent[mark], sizeof(subject->absent[mark]), "%s",
			 vbt_request_has(r, mark) ? "" : absence(r, mark, info));
}
