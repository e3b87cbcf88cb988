/* SPDX-License-Identifier: MIT */
/* May the TSC be the clock of the stage records? */
#include "probes/stage_tsc.h"

#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

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
bool stage_tsc_is_clock(const char *cpuinfo, const char *clocksource)
{
	static const char *const from_tsc[] = {"kvm-clock", "hyperv_clocksource_tsc_page"};
	bool paravirtual = false;

	if (has_word(clocksource, "tsc"))
		return true;
	for (size_t i = 0; i < sizeof(from_tsc) / sizeof(*from_tsc); i++)
		paravirtual |= has_word(clocksource, from_tsc[i]);
	return paravirtual && has_word(cpuinfo, "constant_tsc") && has_word(cpuinfo, "nonstop_tsc");
}

/* The first bytes of a small file as a string; empty if it cannot be read. */
static void read_text(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, text, size - 1);

	text[n > 0 ? n : 0] = '\0';
	if (fd >= 0)
		close(fd);
}

bool stage_tsc_usable(void)
{
#ifdef __x86_64__
	char cpuinfo[4096],
	    clocksource[64]; /* the first processor's flags are in the first 4 KiB */

	read_text("/proc/cpuinfo", cpuinfo, sizeof(cpuinfo));
	read_text("/sys/devices/system/clocksource/clocksource0/current_clocksource", clocksource,
		  sizeof(clocksource));
	return stage_tsc_is_clock(cpuinfo, clocksource);
#else
	return false;
#endif
}
