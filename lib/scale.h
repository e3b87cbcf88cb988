/* SPDX-License-Identifier: MIT */
/* Times for people: the unit in which a time has one to three digits before the point. */
#ifndef VBT_SCALE_H
#define VBT_SCALE_H

#include <stdbool.h>
#include <stdint.h>

struct vbt_scaled {
	double value;
	const char *unit; /* "ns" (the value is whole), "us" (with a mu if `utf8`), "ms", "s" */
};

static inline struct vbt_scaled vbt_scale_time(uint64_t ns, bool utf8)
{
	const double value = (double)ns;

	if (ns < 1000)
		return (struct vbt_scaled){value, "ns"};
	/* What rounds to a thousand is one of the next unit. */
	if (value < 999.5e3)
		return (struct vbt_scaled){value / 1e3, utf8 ? "\302\265s" : "us"};
	if (value < 999.5e6)
		return (struct vbt_scaled){value / 1e6, "ms"};
	return (struct vbt_scaled){value / 1e9, "s"};
}

#endif
