/* SPDX-License-Identifier: MIT */
/*
 * Events in, a snapshot out: a correlator whose requests feed a snapshot that is cut into intervals
 * by the events' own times. It is the same for a live session and for a recording.
 */
#ifndef VBT_MONITOR_H
#define VBT_MONITOR_H

#include <stddef.h>
#include <stdint.h>

#include "lib/snapshot.h"

struct vbt_monitor;

/* Called at the end of each interval, behind vbt_snapshot_tick; may be NULL. */
typedef void vbt_tick_fn(void *context);

struct vbt_monitor_options {
	const struct vbt_trace_info *info; /* must outlive the monitor; may grow meanwhile */
	uint64_t interval_ns;              /* 0: 1 s */
	uint64_t stuck_ns;                 /* 0: 1 s */
	vbt_tick_fn *tick;
	void *context;
};

struct vbt_monitor *vbt_monitor_new(const struct vbt_monitor_options *options);
void vbt_monitor_free(struct vbt_monitor *monitor);

/* Take events, in the order of their times. 0 or -ENOMEM. */
int vbt_monitor_events(struct vbt_monitor *monitor, const struct vbt_event *events, size_t count);

/* There are no more events up to this time: intervals that have ended end. 0 or -ENOMEM. */
int vbt_monitor_time(struct vbt_monitor *monitor, uint64_t now_ns);

/* The trace ends: what is in flight goes out, and the interval under way ends here. 0 or -ENOMEM. */
int vbt_monitor_finish(struct vbt_monitor *monitor);

/* Which targets run, a bit each (at first: all): the requests of others are not called stuck. */
void vbt_monitor_alive(struct vbt_monitor *monitor, uint32_t targets);

/* From the next interval on. */
void vbt_monitor_interval(struct vbt_monitor *monitor, uint64_t interval_ns);

const struct vbt_snapshot *vbt_monitor_snapshot(const struct vbt_monitor *monitor);
const struct vbt_correlator *vbt_monitor_correlator(const struct vbt_monitor *monitor);

#endif
