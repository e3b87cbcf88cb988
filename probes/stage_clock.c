/* SPDX-License-Identifier: MIT */
/*
 * The clock of the records. The TSC costs a third of clock_gettime and a hundredth where the
 * latter needs a system call, but it counts something of its own: calibration pairs tie it to
 * CLOCK_MONOTONIC, which the kernel's tracepoints are stamped with.
 */
#include <time.h>

#include "lib/now.h"
#include "probes/stage_point.h"
#include "probes/stage_shm.h"
#include "probes/stage_tsc.h"

#define BRACKETS 32
#define FIRST_GAP_NS \
	2000000 /* between the first two pairs: their frequency is good to some 10 ppm */

bool stage_clock_is_tsc;

/* One pair: the clock read between two reads of the TSC; the narrowest of several brackets. */
static struct vbt_shm_clock_pair take_pair(uint64_t *width)
{
	struct vbt_shm_clock_pair pair = {0};

	*width = UINT64_MAX;
	for (int i = 0; i < BRACKETS; i++) {
		uint64_t before = stage_now(), ns = vbt_now_ns(), after = stage_now();

		if (after - before < *width) {
			*width = after - before;
			pair.tsc = before + (after - before) / 2;
			pair.monotonic_ns = ns;
		}
	}
	return pair;
}

void stage_clock_calibrate(struct vbt_shm_header *header)
{
	uint32_t count = header->clock_count;
	const struct vbt_shm_clock_pair *first = &header->clocks[0];
	struct vbt_shm_clock_pair pair;
	uint64_t width, error;

	pair = take_pair(&width);
	/* The frequency, from the oldest pair there is; good to the error over the distance. */
	if (stage_clock_is_tsc && count > 0 && count < VBT_SHM_CLOCKS &&
	    pair.monotonic_ns > first->monotonic_ns) {
		uint64_t ns = pair.monotonic_ns - first->monotonic_ns;

		header->tsc_khz =
		    (uint64_t)((unsigned __int128)(pair.tsc - first->tsc) * 1000000 / ns);
	}
	error = width / 2 + 1;
	if (stage_clock_is_tsc && header->tsc_khz)
		error = error * 1000000 / header->tsc_khz + 1;
	pair.error_ns = error < UINT32_MAX ? (uint32_t)error : UINT32_MAX;
	header->clocks[count % VBT_SHM_CLOCKS] = pair;
	__atomic_store_n(&header->clock_count, count + 1, __ATOMIC_RELEASE);
	STAGE_POINT(mark_clock, 0, 0, 0, 0, pair.monotonic_ns, pair.error_ns, 0, 0);
}

void stage_clock_init(struct vbt_shm_header *header)
{
	const struct timespec gap = {.tv_nsec = FIRST_GAP_NS};

	stage_clock_is_tsc = stage_tsc_usable();
	header->clock = stage_clock_is_tsc ? VBT_CLOCK_TSC : VBT_CLOCK_MONOTONIC;
	header->tsc_khz = stage_clock_is_tsc ? 0 : 1000000;
	stage_clock_calibrate(header);
	if (!stage_clock_is_tsc)
		return;
	/* One pair has no frequency, and a VMM can be killed any time after this. */
	nanosleep(&gap, NULL);
	stage_clock_calibrate(header);
}
