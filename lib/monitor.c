/* SPDX-License-Identifier: MIT */
#include "lib/monitor.h"

#include <errno.h>
#include <stdlib.h>

#define DEFAULT_INTERVAL_NS 1000000000u
#define MAX_INTERVAL_NS     3600000000000u
#define SAMPLES             20 /* of the depth, an interval */

struct vbt_monitor {
	struct vbt_monitor_options options;
	struct vbt_correlator *correlator;
	struct vbt_snapshot *snapshot;
	uint64_t now, next_tick, next_sample;
	int error; /* the first one */
};

static void on_request(void *context, const struct vbt_request *request)
{
	struct vbt_monitor *monitor = context;
	int error = vbt_snapshot_request(monitor->snapshot, request);

	if (error && !monitor->error)
		monitor->error = error;
}

struct vbt_monitor *vbt_monitor_new(const struct vbt_monitor_options *options)
{
	struct vbt_monitor *monitor = calloc(1, sizeof(*monitor));
	const struct vbt_correlator_options correlate = {
	    .info = options->info, .request = on_request, .context = monitor};

	if (!monitor)
		return NULL;
	monitor->options = *options;
	vbt_monitor_interval(monitor, options->interval_ns);
	monitor->correlator = vbt_correlator_new(&correlate);
	monitor->snapshot = vbt_snapshot_new(options->stuck_ns);
	if (monitor->correlator && monitor->snapshot)
		return monitor;
	vbt_monitor_free(monitor);
	return NULL;
}

void vbt_monitor_free(struct vbt_monitor *monitor)
{
	if (!monitor)
		return;
	vbt_correlator_free(monitor->correlator);
	vbt_snapshot_free(monitor->snapshot);
	free(monitor);
}

static void begin(struct vbt_monitor *monitor, uint64_t now_ns)
{
	monitor->now = now_ns;
	vbt_snapshot_tick(monitor->snapshot, monitor->correlator, now_ns);
	monitor->next_tick = now_ns + monitor->options.interval_ns;
	monitor->next_sample = now_ns + monitor->options.interval_ns / SAMPLES + 1;
}

static void tick(struct vbt_monitor *monitor, uint64_t now_ns)
{
	int error = vbt_snapshot_tick(monitor->snapshot, monitor->correlator, now_ns);

	if (error && !monitor->error)
		monitor->error = error;
	if (monitor->options.tick)
		monitor->options.tick(monitor->options.context);
}

/* A trace may name any time: from here on sums of times cannot overflow. */
static uint64_t sane(uint64_t ns)
{
	return ns > INT64_MAX / 2 ? INT64_MAX / 2 : ns;
}

/* What is due up to a time: samples, and ends of intervals. */
static void pass(struct vbt_monitor *monitor, uint64_t now_ns)
{
	const uint64_t interval = monitor->options.interval_ns, step = interval / SAMPLES + 1;
	const uint64_t known = VBT_SNAPSHOT_POINTS * interval;

	/* Over a gap that is longer than all history there is one long interval. */
	if (now_ns > known && now_ns - known > monitor->next_tick)
		monitor->next_tick = monitor->next_sample = now_ns - known;
	while (now_ns >= monitor->next_tick || now_ns >= monitor->next_sample) {
		if (monitor->next_sample < monitor->next_tick) {
			vbt_snapshot_sample(monitor->snapshot, monitor->correlator);
			monitor->next_sample += step;
			continue;
		}
		tick(monitor, monitor->next_tick);
		monitor->next_sample = monitor->next_tick + step;
		monitor->next_tick += interval;
	}
	if (now_ns > monitor->now)
		monitor->now = now_ns;
}

static int take_error(struct vbt_monitor *monitor)
{
	int error = monitor->error;

	monitor->error = 0;
	return error;
}

int vbt_monitor_events(struct vbt_monitor *monitor, const struct vbt_event *events, size_t count)
{
	if (count && !monitor->now)
		begin(monitor, sane(events[0].time));
	while (count) {
		uint64_t due = monitor->next_sample < monitor->next_tick ? monitor->next_sample
									 : monitor->next_tick;
		size_t run = 0;
		int error;

		while (run < count && sane(events[run].time) < due)
			run++;
		error = vbt_correlator_events(monitor->correlator, events, run);
		if (error)
			return error;
		if (run && sane(events[run - 1].time) > monitor->now)
			monitor->now = sane(events[run - 1].time);
		events += run;
		count -= run;
		if (count)
			pass(monitor, sane(events[0].time));
	}
	return take_error(monitor);
}

int vbt_monitor_time(struct vbt_monitor *monitor, uint64_t now_ns)
{
	if (!monitor->now)
		begin(monitor, sane(now_ns));
	else
		pass(monitor, sane(now_ns));
	return take_error(monitor);
}

int vbt_monitor_finish(struct vbt_monitor *monitor)
{
	vbt_correlator_finish(monitor->correlator);
	if (monitor->now)
		tick(monitor, monitor->now + 1);
	return take_error(monitor);
}

void vbt_monitor_interval(struct vbt_monitor *monitor, uint64_t interval_ns)
{
	monitor->options.interval_ns = interval_ns ? interval_ns : DEFAULT_INTERVAL_NS;
	if (monitor->options.interval_ns > MAX_INTERVAL_NS)
		monitor->options.interval_ns = MAX_INTERVAL_NS;
}

void vbt_monitor_alive(struct vbt_monitor *monitor, uint32_t targets)
{
	monitor->snapshot->alive = targets;
}

const struct vbt_snapshot *vbt_monitor_snapshot(const struct vbt_monitor *monitor)
{
	return monitor->snapshot;
}

const struct vbt_correlator *vbt_monitor_correlator(const struct vbt_monitor *monitor)
{
	return monitor->correlator;
}
