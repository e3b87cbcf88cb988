/* SPDX-License-Identifier: MIT */
/* Apart from stage_clock.c because the toolkit asks this too, and has no stage points. */
#include <string.h>

#include "probes/stage_shm.h"

static bool has_word(const char *text, const char *word)
{
	size_t length = strlen(word);

	for (const char *p = text; (p = strstr(p, word)); p += length) {
		char before = p == text ? ' ' : p[-1], after = p[length];

		if ((before == ' ' || before == '\t') &&
		    (after == ' ' || after == '\n' || after == '\0'))
			return true;
	}
	return false;
}

/*
 * A kernel whose own clock source is the TSC keeps CLOCK_MONOTONIC by it, and gives it up when it
 * misbehaves. A paravirtual clock is scaled TSC: good if the processor says that the TSC neither
 * changes its pace nor stops.
 */
bool stage_clock_tsc_usable(const char *cpuinfo, const char *clocksource)
{
	static const char *const from_tsc[] = {"kvm-clock", "hyperv_clocksource_tsc_page"};
	bool paravirtual = false;

	if (has_word(clocksource, "tsc"))
		return true;
	for (size_t i = 0; i < sizeof(from_tsc) / sizeof(*from_tsc); i++)
		paravirtual |= has_word(clocksource, from_tsc[i]);
	return paravirtual && has_word(cpuinfo, "constant_tsc") && has_word(cpuinfo, "nonstop_tsc");
}
