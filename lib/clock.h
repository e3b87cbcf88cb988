/* SPDX-License-Identifier: MIT */
/*
 * Raw TSC values to nanoseconds of CLOCK_MONOTONIC, by calibration pairs.
 *
 * Between two pairs the time is interpolated; before the first and behind the last it is
 * extrapolated with the slope between the first and the last pair, or with the nominal speed while
 * those are closer than 50 ms. A live reader should therefore add a pair of its own at each poll.
 * All arithmetic is 128 bits wide, so no distance overflows. Each pair states its own error, and
 * vbt_clock_error adds what a slope that changed between them can hide.
 *
 * The structure owns nothing and may be copied. Not thread-safe.
 */
#ifndef VBT_CLOCK_H
#define VBT_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/record.h"

#define VBT_CLOCK_PAIRS 64 /* when more come, the pair that says least is dropped */

struct vbt_clock {
	struct vbt_shm_clock_pair pair[VBT_CLOCK_PAIRS]; /* by tsc, ascending */
	uint64_t slope[VBT_CLOCK_PAIRS]; /* from pair i to i + 1, ns per tick in 2^-48 */
	uint64_t outer;                  /* slope outside of the pairs, likewise */
	uint64_t nominal;                /* by the nominal frequency; 0 if not known */
	uint32_t count;
	uint32_t hint; /* where the last conversion found its place */
	bool identity; /* times are nanoseconds already */
};

/*
 * Start a clock without pairs. `kind` is enum vbt_shm_clock: times of VBT_CLOCK_MONOTONIC pass
 * through unchanged. Without any pair a TSC is taken to start at 0 with the nominal speed.
 */
void vbt_clock_init(struct vbt_clock *clock, uint32_t kind, uint64_t tsc_khz);

/*
 * Add a pair; pairs may come in any order. Refused (false) are a tsc that is known already, and a
 * pair by which time would run backwards, or more than 16 times off the nominal speed.
 */
bool vbt_clock_add(struct vbt_clock *clock, const struct vbt_shm_clock_pair *pair);

/* Convert one value; saturates at 0 and UINT64_MAX. Changes only the hint. */
uint64_t vbt_clock_ns(struct vbt_clock *clock, uint64_t tsc);

/*
 * Bound on the error of a conversion between the first and the last pair, in ns: the largest stated
 * error of a pair, plus the largest distance of a pair from the line through its neighbours.
 */
uint64_t vbt_clock_error(const struct vbt_clock *clock);

#endif
