/* SPDX-License-Identifier: MIT */
/* May the TSC be the clock of the stage records? The VMM decides by it, and the toolkit tells. */
#ifndef VBT_STAGE_TSC_H
#define VBT_STAGE_TSC_H

#include <stdbool.h>

/* By the text of /proc/cpuinfo and the name of the kernel's clock source. */
bool stage_tsc_is_clock(const char *cpuinfo, const char *clocksource);

/* On this machine, now. */
bool stage_tsc_usable(void);

#endif
