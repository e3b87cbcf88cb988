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

/* Of the kicks the latest before its pop belongs to a request, of the interrupts the first after. */
static bool belongs(const struct vbt_ring_view *view, const struct vbt_request *r)
{
	if (view->target != r->target || view->device != r->device || view->queue != r->queue)
		return false;
	switch (view->moment) {
	case VBT_RING_AT_kick:
		return !vbt_request_has(r, VBT_MARK_pop) || view->time <= r->mark[VBT_MARK_pop];
	case VBT_RING_AT_interrupt:
		return vbt_request_has(r, VBT_MARK_push) && view->time >= r->mark[VBT_MARK_push];
	default: return r->seq && view->seq == r->seq;
	}
}

void teach_views_take(const struct teach_views *views, struct teach_subject *subject)
{
	memset(subject->has_view, 0, sizeof(subject->has_view));
	for (unsigned i = 0; i < views->views; i++) {
		const struct vbt_ring_view *view = &views->view[i];
		bool *has = &subject->has_view[view->moment];

		if (!belongs(view, &subject->request) ||
		    (*has && view->moment == VBT_RING_AT_interrupt))
			continue;
		subject->view[view->moment] = *view;
		*has = true;
	}
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
			 vbt_request_has(r, mark) ? ""
			 : r->complete || r->absent[mark] != VBT_ABSENT_none
			     ? vbt_absent_reason(r, mark, info)
			     : "it was not seen until now");
}
