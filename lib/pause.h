/* SPDX-License-Identifier: MIT */
/*
 * Time without the pauses of slow motion. A VMM that is stepped through stands still for as long as
 * a learner reads; that is no latency. All events, in order, pass through here: while some thread
 * stands (the point `pause`) the clock stands, afterwards it is late by as much.
 */
#ifndef VBT_PAUSE_H
#define VBT_PAUSE_H

#include <stdint.h>

#include "lib/event.h"

/* All zero: no pause has been seen. */
struct vbt_pauses {
	uint64_t since; /* when the first of those who stand now began to */
	uint64_t total; /* ns of the pauses that are over */
	unsigned standing;
};

/* Take an event, and return its time without the pauses until then. */
static inline uint64_t vbt_pauses_time(struct vbt_pauses *pauses, const struct vbt_event *event)
{
	uint64_t time = event->time;

	if (event->point == VBT_AUX_pause && event->code) {
		if (!pauses->standing++)
			pauses->since = time;
	} else if (event->point == VBT_AUX_pause && pauses->standing && !--pauses->standing &&
		   time > pauses->since) {
		pauses->total += time - pauses->since;
	}
	if (pauses->standing && time > pauses->since)
		time = pauses->since;
	return time > pauses->total ? time - pauses->total : 0;
}

#endif
