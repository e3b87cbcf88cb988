/* SPDX-License-Identifier: MIT */
/* The kernel's probes as a table, for whoever names or counts them; declared in probe_table.h. */
#ifndef VBT_KERNEL_PROBE_H
#define VBT_KERNEL_PROBE_H

#include <stdbool.h>

#include "probes/probe_table.h"

struct kernel_probe {
	const char *name; /* of the tracepoint, or of the function */
	unsigned point;   /* what its events are; VBT_POINT_none: context only */
	unsigned
	    missed; /* what is lost where the kernel skips the program; VBT_POINT_none: it shows otherwise */
	bool pointers; /* it follows kernel structures, and needs the kernel's BTF */
	enum vbt_probe_group group;
};

/* By enum vbt_kernel_probe. */
extern const struct kernel_probe kernel_probes[VBT_KERNEL_PROBE_COUNT];

#endif
