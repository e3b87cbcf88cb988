/* SPDX-License-Identifier: MIT */
#include "lib/clock.h"

#include <string.h>

#define SLOPE_BITS      48
#define MIN_SPAN_NS     50000000u
#define MAX_OFF_NOMINAL 16

static uint64_t slope_of(uint64_t ns, uint64_t ticks)
{
	unsigned __int128 slope = ((unsigned __int128)ns << SLOPE_BITS) / ticks;

	return slope > UINT64_MAX ? UINT64_MAX : (uint64_t)slope;
}

/* ns + ticks * slope, saturated. */
static uint64_t project(uint64_t ns, bool back, uint64_t ticks, uint64_t slope)
{
	unsigned __int128 step = ((unsigned __int128)ticks * slope) >> SLOPE_BITS;

	if (back)
		return step > ns ? 0 : ns - (uint64_t)step;
	return step > UINT64_MAX - ns ? UINT64_MAX : ns + (uint64_t)step;
}

void vbt_clock_init(struct vbt_clock *clock, uint32_t kind, uint64_t tsc_khz)
{
	memset(clock, 0, sizeof(*clock));
	clock->identity = kind == VBT_CLOCK_MONOTONIC;
	if (tsc_khz)
		clock->nominal = slope_of(1000000, tsc_khz);
	clock->outer = clock->nominal ? clock->nominal : 1ULL << SLOPE_BITS;
}

static bool plausible(const struct vbt_clock *clock, const struct vbt_shm_clock_pair *a,
		      const struct vbt_shm_clock_pair *b)
{
	uint64_t slope;

	if (a->tsc >= b->tsc || a->monotonic_ns > b->monotonic_ns)
		return false;
	/* Over a short distance the pairs' own errors decide; only a real stretch has a slope. */
	if (!clock->nominal || b->monotonic_ns - a->monotonic_ns < 1000000)
		return true;
	slope = slope_of(b->monotonic_ns - a->monotonic_ns, b->tsc - a->tsc);
	return slope / MAX_OFF_NOMINAL <= clock->nominal &&
	       slope >= clock->nominal / MAX_OFF_NOMINAL;
}

static void update_slopes(struct vbt_clock *clock)
{
	const struct vbt_shm_clock_pair *first = &clock->pair[0];
	const struct vbt_shm_clock_pair *last = &clock->pair[clock->count - 1];
	uint64_t span = last->monotonic_ns - first->monotonic_ns;

	for (uint32_t i = 0; i + 1 < clock->count; i++)
		clock->slope[i] =
		    slope_of(clock->pair[i + 1].monotonic_ns - clock->pair[i].monotonic_ns,
			     clock->pair[i + 1].tsc - clock->pair[i].tsc);
	if (clock->count >= 2 && (span >= MIN_SPAN_NS || !clock->nominal) && span)
		clock->outer = slope_of(span, last->tsc - first->tsc);
	clock->hint = 0;
}

/* Drop the inner pair whose neighbours are closest: the others say the same better. */
static void thin_out(struct vbt_clock *clock)
{
	uint32_t drop = 1;
	uint64_t best = UINT64_MAX;

	for (uint32_t i = 1; i + 1 < clock->count; i++) {
		uint64_t gap = clock->pair[i + 1].tsc - clock->pair[i - 1].tsc;

		if (gap < best) {
			best = gap;
			drop = i;
		}
	}
	memmove(&clock->pair[drop], &clock->pair[drop + 1],
		(clock->count - drop - 1) * sizeof(clock->pair[0]));
	clock->count--;
}

bool vbt_clock_add(struct vbt_clock *clock, const struct vbt_shm_clock_pair *pair)
{
	uint32_t at = clock->count;

	while (at && clock->pair[at - 1].tsc > pair->tsc)
		at--;
	if (at && !plausible(clock, &clock->pair[at - 1], pair))
		return false;
	if (at < clock->count && !plausible(clock, pair, &clock->pair[at]))
		return false;
	if (clock->count == VBT_CLOCK_PAIRS) {
		thin_out(clock);
		return vbt_clock_add(clock, pair);
	}
	memmove(&clock->pair[at + 1], &clock->pair[at],
		(clock->count - at) * sizeof(clock->pair[0]));
	clock->pair[at] = *pair;
	clock->count++;
	update_slopes(clock);
	return true;
}

uint64_t vbt_clock_ns(struct vbt_clock *clock, uint64_t tsc)
{
	uint32_t i = clock->hint, last = clock->count - 1;

	if (clock->identity)
		return tsc;
	if (!clock->count)
		return project(0, false, tsc, clock->outer);
	if (tsc < clock->pair[0].tsc)
		return project(clock->pair[0].monotonic_ns, true, clock->pair[0].tsc - tsc,
			       clock->outer);
	if (tsc >= clock->pair[last].tsc)
		return project(clock->pair[last].monotonic_ns, false, tsc - clock->pair[last].tsc,
			       clock->outer);
	while (tsc < clock->pair[i].tsc)
		i--;
	while (tsc >= clock->pair[i + 1].tsc)
		i++;
	clock->hint = i;
	return project(clock->pair[i].monotonic_ns, false, tsc - clock->pair[i].tsc,
		       clock->slope[i]);
}

uint64_t vbt_clock_error(const struct vbt_clock *clock)
{
	uint64_t stated = 0, bend = 0;

	if (clock->identity)
		return 0;
	for (uint32_t i = 0; i < clock->count; i++) {
		const struct vbt_shm_clock_pair *p = &clock->pair[i];

		if (p->error_ns > stated)
			stated = p->error_ns;
		if (i && i + 1 < clock->count) {
			uint64_t slope =
			    slope_of(p[1].monotonic_ns - p[-1].monotonic_ns, p[1].tsc - p[-1].tsc);
			uint64_t line =
			    project(p[-1].monotonic_ns, false, p->tsc - p[-1].tsc, slope);
			uint64_t off = line > p->monotonic_ns ? line - p->monotonic_ns
							      : p->monotonic_ns - line;

			if (off > bend)
				bend = off;
		}
	}
	return stated + bend;
}
