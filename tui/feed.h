/* SPDX-License-Identifier: MIT */
/*
 * Where a view's figures come from: a live session or a recording, behind one interface. The views
 * know neither; `cli/` has both.
 */
#ifndef TUI_FEED_H
#define TUI_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/monitor.h"
#include "lib/trace_info.h"

struct feed;

struct feed_status {
	bool live;
	bool ended;           /* a recording is at its end; or nothing more can come */
	bool paused;          /* a recording */
	double speed;         /* of a recording: trace time against the clock's */
	uint64_t position_ns; /* of a recording: time since its first event */
	uint64_t length_ns;   /* of a recording; 0: not known */
	uint64_t
	    start_realtime;    /* what position 0 is on the clock on the wall, in ns; 0: unknown */
	uint64_t events, lost; /* since the start */
	uint32_t alive;        /* targets that run, a bit each (of a recording: all) */
	double own_cpu;        /* live: of one core, over the last interval; below 0: not yet */
	uint64_t own_memory;   /* live: bytes resident */
	char name[256];        /* of the recording; of the host when live */
	char note[256];        /* what it waits for, or what is missing; "" */
};

struct feed_class {
	/* Take what is new. wall_ns is a monotonic clock's. 0 or -errno. */
	int (*advance)(struct feed *feed, uint64_t wall_ns);
	void (*status)(const struct feed *feed, struct feed_status *status);
	/*
	 * 0, or -errno with a sentence in err. -ESPIPE: a pipe cannot go back, nothing has changed;
	 * after any other failure the feed can only be freed. A recording's past gets the new
	 * interval too.
	 */
	int (*interval)(struct feed *feed, uint64_t interval_ns, char *err, size_t err_size);
	/* Of recordings, as the rest; NULL of live ones. Position as in the status. */
	int (*seek)(struct feed *feed, uint64_t position_ns, char *err, size_t err_size);
	void (*pause)(struct feed *feed, bool paused);
	void (*speed)(struct feed *feed, double speed);
};

struct feed {
	const struct feed_class *class;
	struct vbt_monitor *monitor; /* both may be other ones after each call */
	const struct vbt_trace_info *info;
	uint64_t interval_ns;
	/* Called at the end of each interval; set by who shows them. May be NULL. */
	vbt_tick_fn *tick;
	void *tick_context;
};

#endif
