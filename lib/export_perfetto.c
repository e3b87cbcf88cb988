/* SPDX-License-Identifier: MIT */
/*
 * Perfetto's native trace: a slice for each request with its stages inside, on lanes of its queue;
 * the VMM's points on its threads, kicks and interrupts on the vCPUs; a flow from each kick over
 * the requests that it brought to the interrupt that told of them; counters of what is in flight and
 * of requests a second. docs/EXPORT.md says what is where.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/export_perfetto.h"

#define WINDOW_NS 10000000u /* of the requests a second */

struct perfetto {
	struct tracks tracks;
	uint64_t window; /* end of the current one; 0: none yet */
	uint64_t *flow;
	size_t flow_room;
};

static int begin(struct vbt_export *export)
{
	struct perfetto *p = export->state;

	p->tracks.export = export;
	perfetto_clocks(&p->tracks);
	return p->tracks.no_memory ? -ENOMEM : 0;
}

static void release(struct vbt_export *export)
{
	struct perfetto *p = export->state;

	tracks_release(&p->tracks);
	free(p->flow);
}

static void note(struct point *point, const char *name, uint64_t number, const char *text)
{
	point->note[point->notes++] = (struct note){name, text, number};
}

/* A request and its stages, all of it where it begins: the lane is its own until it ends. */
static void put_request(struct perfetto *p, const struct vbt_request *request)
{
	bool parsed = vbt_request_has(request, VBT_MARK_parse);
	unsigned first = (unsigned)__builtin_ctz(vbt_request_life(request)), count;
	uint64_t time = request->mark[first], end = time + vbt_request_total(request);
	struct track *lane = track_lane(&p->tracks, TRACK_REQUESTS, request->target,
					request->device, request->queue, time, end);
	struct vbt_segment segment[VBT_MARK_COUNT - 1];
	struct point point = {
	    .time = time, .category = "request", .flow = &request->id, .flows = 1};
	char stage[48], inferred[VBT_MARK_COUNT + 1] = "";
	unsigned letters = 0;
	uint64_t track;

	if (!lane)
		return;
	track = point.track = lane->uuid; /* the pointer is not for long */
	point.name = parsed ? vbt_op_name(request->op) : "request";
	note(&point, "request", request->id, NULL);
	if (parsed) {
		note(&point, "sector", request->sector, NULL);
		note(&point, "bytes", request->bytes, NULL);
	}
	note(&point, "head", request->head, NULL);
	if (vbt_request_has(request, VBT_MARK_push))
		note(&point, "status", 0, vbt_status_name(request->status));
	for (unsigned left = request->inferred; left; left &= left - 1)
		inferred[letters++] = vbt_mark_letter((unsigned)__builtin_ctz(left));
	if (letters)
		note(&point, "inferred", 0, inferred);
	if (!request->complete)
		note(&point, "complete", 0, "no: it lost a mark");
	perfetto_begin(&p->tracks, &point);
	count = vbt_request_segments(request, segment);
	for (unsigned i = 0; i < count; i++) {
		snprintf(stage, sizeof(stage), "%c2%c %s", vbt_mark_letter(segment[i].from),
			 vbt_mark_letter(segment[i].to), vbt_layer_name(segment[i].layer));
		perfetto_begin(&p->tracks,
			       &(struct point){.time = time,
					       .track = track,
					       .name = stage,
					       .category = vbt_layer_name(segment[i].layer)});
		time += segment[i].ns;
		perfetto_end(&p->tracks, time, track);
	}
	perfetto_end(&p->tracks, end, track);
}

/* The requests of an event as flows. */
static size_t put_flows(struct perfetto *p, const struct vbt_linked_event *linked)
{
	if (linked->requests > p->flow_room) {
		uint64_t *bigger = realloc(p->flow, linked->requests * sizeof(*bigger));

		if (!bigger) {
			p->tracks.no_memory = true;
			return 0;
		}
		p->flow = bigger;
		p->flow_room = linked->requests;
	}
	for (unsigned i = 0; i < linked->requests; i++)
		p->flow[i] = linked->request[i]->id;
	return linked->requests;
}

/* On the thread that it happened in: an instant; an interrupt lasts until the guest has ended it. */
static void put_on_thread(struct perfetto *p, const struct vbt_linked_event *linked)
{
	const struct vbt_event *event = linked->event;
	const struct vbt_request *request = vbt_linked_request(linked);
	bool interrupt = event->point == VBT_MARK_inject;
	uint64_t end = request && vbt_request_has(request, VBT_MARK_eoi)
			   ? request->mark[VBT_MARK_eoi]
			   : event->time;
	struct point point = {.time = event->time,
			      .name = interrupt ? "interrupt" : vbt_point_name(event->point),
			      .category = vbt_point_is_vmm(event->point) ? "vmm" : "kvm"};
	struct track *track;

	if (!event->tid || (interrupt && !request))
		return;
	if (interrupt && end > event->time)
		track = track_lane(&p->tracks, TRACK_INTERRUPTS, event->target, event->tid, 0,
				   event->time, end);
	else
		track = track_get(&p->tracks, TRACK_THREAD, event->target, event->tid, 0, 0);
	if (!track)
		return;
	point.track = track->uuid;
	if (event->point == VBT_MARK_kick || interrupt) {
		point.flows = put_flows(p, linked);
		point.flow = p->flow;
	}
	if (linked->requests == 1)
		note(&point, "request", request->id, NULL);
	else if (linked->requests)
		note(&point, "requests", linked->requests, NULL);
	if (!interrupt || end == event->time) {
		perfetto_instant(&p->tracks, &point);
		return;
	}
	perfetto_begin(&p->tracks, &point);
	perfetto_end(&p->tracks, end, point.track);
}

/* Requests a second of each device, at the end of each window. */
static void end_windows(struct perfetto *p, uint64_t time)
{
	if (!p->window)
		p->window = time + WINDOW_NS;
	if (time < p->window)
		return;
	for (uint32_t i = 0; i < p->tracks.count; i++) {
		struct track *track = &p->tracks.track[i];

		if (track->key >> 60 != TRACK_RATE)
			continue;
		perfetto_count(&p->tracks, p->window - WINDOW_NS, track,
			       track->value * (1000000000u / WINDOW_NS));
		track->value = 0;
		/* Nothing in the windows that were skipped. */
		if (time - p->window >= WINDOW_NS)
			perfetto_count(&p->tracks, p->window, track, 0);
	}
	p->window += (time - p->window) / WINDOW_NS * WINDOW_NS + WINDOW_NS;
}

static void count_event(struct perfetto *p, const struct vbt_event *event)
{
	struct track *depth;

	end_windows(p, event->time);
	if (event->point != VBT_MARK_pop && event->point != VBT_MARK_push)
		return;
	depth = track_get(&p->tracks, TRACK_DEPTH, event->target, event->device, event->queue, 0);
	if (!depth)
		return;
	if (event->point == VBT_MARK_pop)
		depth->value++;
	else if (depth->value)
		depth->value--;
	perfetto_count(&p->tracks, event->time, depth, depth->value);
	if (event->point == VBT_MARK_push) {
		struct track *rate =
		    track_get(&p->tracks, TRACK_RATE, event->target, event->device, 0, 0);

		if (rate)
			rate->value++;
	}
}

static int take_event(struct vbt_export *export, const struct vbt_linked_event *linked)
{
	const struct vbt_event *event = linked->event;
	struct perfetto *p = export->state;

	/* Block events happen in whatever task there is: they are in the requests only. */
	if (vbt_point_is_vmm(event->point)
		? event->point < VBT_MARK_COUNT
		: event->point == VBT_MARK_kick || event->point == VBT_MARK_inject)
		put_on_thread(p, linked);
	for (unsigned i = 0; i < linked->requests; i++) {
		unsigned life = vbt_request_life(linked->request[i]);

		if (life && (unsigned)__builtin_ctz(life) == event->point)
			put_request(p, linked->request[i]);
	}
	count_event(p, event);
	return p->tracks.no_memory ? -ENOMEM : 0;
}

static int end(struct vbt_export *export)
{
	struct perfetto *p = export->state;

	if (p->window)
		end_windows(p, p->window);
	return 0;
}

const struct vbt_exporter vbt_exporter_perfetto = {
    .name = "perfetto",
    .purpose = "a native trace for ui.perfetto.dev: slices, flows from kick to interrupt, counters",
    .units = VBT_UNIT_EVENTS,
    .unit = VBT_UNIT_EVENTS,
    .needs_events = VBT_UNIT_EVENTS,
    .binary = true,
    .state_size = sizeof(struct perfetto),
    .begin = begin,
    .event = take_event,
    .end = end,
    .release = release,
};
