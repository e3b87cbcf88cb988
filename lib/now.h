/* SPDX-License-Identifier: MIT */
/* The clock of everything here: nanoseconds of CLOCK_MONOTONIC, as the kernel's events have it too. */
#ifndef VBT_NOW_H
#define VBT_NOW_H

#include <stdint.h>
#include <time.h>

static inline uint64_t vbt_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

#endif
