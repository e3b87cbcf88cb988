/* SPDX-License-Identifier: MIT */
/*
 * Raw TSC values to nanoseconds of CLOCK_MONOTONIC, by calibration pairs.
 *
 * Between two pairs the time is interpolated; before the first and behind the last it is
 * extrapolated with the nearest slope. All arithmetic is 128 bits wide, so no distance overflows.
 * The pairs are those that the VMM measured (struct vbt_shm_clock_pair); each states its own
 * error, and vbt_clock_error adds what a slope that changed between them can hide.
 *
 * The structure owns nothing and may be copied. Not thread-safe while pairs are added.
 */
#ifndef VBT_CLOCK_H
#define VBT_CLOCK_H

#include <stdint.h>

#include "lib/record.h"

#define VBT_CLOCK_PAIRS 64 /* the newest; older ones are thinned out, never the first */

struct vbt_clock {
	struct vbt_shm_clock_pair pair[VBT_CLOCK_PAIRS]; /* by tsc, ascending */
	uint32_t count;
	uint32_t hint;    /* where the last conversion found its place */
	uint64_t khz;     /* nominal, used while there is only one pair; 0: pass times through */
	uint64_t inv_mul; /* nominal ns per tick in 2^-32 */
};

/*
 * Start a clock without pairs. `kind` is enum vbt_shm_clock: for VBT_CLOCK_MONOTONIC (and for
 * khz 0 without pairs) times pass through unchanged.
 */
void vbt_clock_init(struct vbt_clock *clock, uint32_t kind, uint64_t tsc_khz);

/*
 * Add a pair. Pairs may come in any order; one with a known tsc, or that would make the time run
 * backwards or by more than a factor of 16 off the nominal speed, is refused: false.
 */
int vbt_clock_add(struct vbt_clock *clock, const struct vbt_shm_clock_pair *pair);

/* Convert one value; saturates at 0 and UINT64_MAX. Updates only the hint. */
uint64_t vbt_clock_ns(struct vbt_clock *clock, uint64_t tsc);

/*
 * Bound on the error of any conversion between the first and the last pair, in ns: the largest
 * stated error of a pair plus the largest distance of a pair from the line of its neighbours.
 * 0 if times pass through.
 */
uint64_t vbt_clock_error(const struct vbt_clock *clock);

#endif
