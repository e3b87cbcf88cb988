/* SPDX-License-Identifier: MIT */
/*
 * Exporters: a trace in other tools' formats.
 *
 * An exporter is a file, lib/export_NAME.c, that fills one `struct vbt_exporter`, and one line in
 * VBT_EXPORTERS. It is handed requests, or events with their requests in the order of their times,
 * and writes into the stream that the caller gave; memory does not depend on the trace's length.
 *
 *	export = vbt_export_new(&options, out, info);
 *	while (events)
 *		vbt_export_events(export, events, count);
 *	vbt_export_finish(export);
 *	vbt_export_free(export);
 *
 * Errors of the stream are the caller's to look at (ferror). One thread at a time.
 */
#ifndef VBT_EXPORT_H
#define VBT_EXPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "lib/correlate.h"
#include "lib/payload.h"
#include "lib/timeline.h"
#include "lib/trace_info.h"

/* The formats, in the order in which help lists them. */
#define VBT_EXPORTERS(X) \
	X(csv)           \
	X(json)          \
	X(blkparse)      \
	X(pcap)          \
	X(perfetto)      \
	X(otlp)

/* What a row, frame or line of the output stands for. */
enum vbt_export_unit {
	VBT_UNIT_REQUESTS = 1,
	VBT_UNIT_EVENTS = 2,
};

struct vbt_exporter;

struct vbt_export_options {
	const struct vbt_exporter *exporter;
	enum vbt_export_unit unit; /* 0: the exporter's own */
	unsigned payload;          /* bytes of each request's data, up to VBT_DATA_MAX */
	/* NULL: all. An event goes out with a request that is wanted. */
	bool (*wanted)(void *context, const struct vbt_request *request);
	void *context;
};

/* What an exporter sees of its run. */
struct vbt_export {
	FILE *out;
	const struct vbt_trace_info *info;
	enum vbt_export_unit unit;
	void *state;                   /* exporter->state_size bytes, zero at first */
	struct vbt_payloads *payloads; /* the requests' data; NULL: not wanted */
	uint64_t taken;                /* how many of them went out */
	int64_t realtime_offset; /* ns to add to an event's time for CLOCK_REALTIME; 0 if unknown */
};

/* Each function returns 0 or -errno. What is NULL is not called. */
struct vbt_exporter {
	const char *name;
	const char *purpose;       /* one line, lower case */
	unsigned units;            /* bits of enum vbt_export_unit */
	enum vbt_export_unit unit; /* the default one */
	unsigned needs_events;     /* units for which `event` is called; `request` for the others */
	bool frames;               /* its units are called frames, not rows */
	bool binary;               /* nothing for a terminal */
	bool data;                 /* can have the requests' data; others never see any */
	size_t state_size;
	int (*begin)(struct vbt_export *export);
	int (*request)(struct vbt_export *export, const struct vbt_request *request);
	int (*event)(struct vbt_export *export, const struct vbt_linked_event *event);
	int (*end)(struct vbt_export *export);
	void (*release)(struct vbt_export *export); /* what `state` owns */
};

/* The index-th exporter, NULL behind the last; and by name, NULL if there is none. */
const struct vbt_exporter *vbt_exporter_at(unsigned index);
const struct vbt_exporter *vbt_exporter_find(const char *name);

struct vbt_export_run;

/* The stream and the info stay the caller's; info may grow. NULL if memory is short. */
struct vbt_export_run *vbt_export_new(const struct vbt_export_options *options, FILE *out,
				      const struct vbt_trace_info *info);
void vbt_export_free(struct vbt_export_run *run); /* NULL is fine */

/* Events in the order of their times. 0 or -errno: memory, or what the exporter said. */
int vbt_export_events(struct vbt_export_run *run, const struct vbt_event *events, size_t count);
/* No event before this time (ns) is still to come: lets go what waited for that. */
int vbt_export_time(struct vbt_export_run *run, uint64_t ns);
/* The trace ends. */
int vbt_export_finish(struct vbt_export_run *run);

/* For statistics, and the times of the trace. */
const struct vbt_correlator *vbt_export_correlator(const struct vbt_export_run *run);
/* Marks whose events had gone out before it was known whose they are; see lib/timeline.h. */
uint64_t vbt_export_unlinked(const struct vbt_export_run *run);
/* How many requests' data went out; and how many had to go before, for there was no room. */
uint64_t vbt_export_payloads(const struct vbt_export_run *run);
uint64_t vbt_export_payloads_pushed_out(const struct vbt_export_run *run);
/* Requests that went out, all that were wanted. */
uint64_t vbt_export_requests(const struct vbt_export_run *run);

/* What exporters share. The request that stands for a linked event: its first; NULL if none. */
static inline const struct vbt_request *vbt_linked_request(const struct vbt_linked_event *event)
{
	return event->requests ? event->request[0] : NULL;
}

/* Does the event itself say which device and queue it is of? */
static inline bool vbt_event_names_queue(const struct vbt_event *event)
{
	return vbt_point_is_vmm(event->point) && event->point != VBT_AUX_device &&
	       event->point != VBT_AUX_mark_clock && event->point != VBT_AUX_pause;
}

/* Is the event's link to the request inferred? */
static inline bool vbt_link_inferred(const struct vbt_linked_event *event,
				     const struct vbt_request *request)
{
	return event->event->point < VBT_MARK_COUNT && request->inferred >> event->event->point & 1;
}

#endif
