/* SPDX-License-Identifier: MIT */
/* The tracks of a Perfetto trace, and packets on them. Internal to export_perfetto*.c. */
#ifndef VBT_EXPORT_PERFETTO_H
#define VBT_EXPORT_PERFETTO_H

#include "lib/export.h"
#include "lib/perfetto.pb-c.h"

#define MAX_NOTES 8

enum track_kind {
	TRACK_PROCESS,
	TRACK_DEVICE,
	TRACK_QUEUE,
	TRACK_THREAD,
	TRACK_REQUESTS,   /* a lane of a queue: its requests do not overlap */
	TRACK_INTERRUPTS, /* a lane of a vCPU, likewise */
	TRACK_DEPTH,      /* counters */
	TRACK_RATE,
};

struct track {
	uint64_t key, uuid;
	uint64_t end;   /* of a lane's last slice */
	uint64_t value; /* counters: now; TRACK_RATE: in this window */
};

struct tracks {
	struct vbt_export *export;
	struct track *track;
	uint32_t count, room;
	uint32_t recent[64]; /* by a hash of the key: index, checked by whoever looks */
	uint8_t *packet;     /* to encode into */
	size_t packet_room;
	bool no_memory;
};

void tracks_release(struct tracks *tracks);

/*
 * The track of a kind, described in the trace when it is new. `a` and `b` tell it from others of
 * its kind: device, and queue or lane; for a thread its id. NULL if memory is short; the pointer is
 * valid until the next call.
 */
struct track *track_get(struct tracks *tracks, enum track_kind kind, unsigned target, uint32_t a,
			uint32_t b, uint32_t lane);
/* The first lane that is free from `begin` on; it is taken until `end`. */
struct track *track_lane(struct tracks *tracks, enum track_kind kind, unsigned target, uint32_t a,
			 uint32_t b, uint64_t begin, uint64_t end);

/* What an event on a track says. */
struct point {
	uint64_t time, track;
	const char *name, *category; /* NULL: none */
	const uint64_t *flow;
	size_t flows;
	struct note {
		const char *name, *text; /* text NULL: the number */
		uint64_t number;
	} note[MAX_NOTES];
	unsigned notes;
};

void perfetto_begin(struct tracks *tracks, const struct point *point);
void perfetto_end(struct tracks *tracks, uint64_t time, uint64_t track);
void perfetto_instant(struct tracks *tracks, const struct point *point);
void perfetto_count(struct tracks *tracks, uint64_t time, const struct track *track,
		    uint64_t value);
/* The clocks, at the beginning. */
void perfetto_clocks(struct tracks *tracks);

#endif
