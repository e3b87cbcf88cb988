/* SPDX-License-Identifier: MIT */
/* Where vmm-lite makes its marks: the table comes from the program that was built (probes/rules.mk). */
#include <stdio.h>
#include <string.h>

#include "cli/teach.h"
#include "lib/event.h"

static const struct {
	const char *name, *file, *function;
	unsigned line;
} sites[] = {
#include "stage_sites.h"
};

const char *teach_source(unsigned mark, char *buf, size_t size)
{
	const char *name = vbt_point_name(mark);

	buf[0] = '\0';
	for (size_t i = 0; i < sizeof(sites) / sizeof(sites[0]) && !buf[0]; i++)
		if (name && !strcmp(sites[i].name, name))
			snprintf(buf, size, "%s:%u %s()", sites[i].file, sites[i].line,
				 sites[i].function);
	return buf;
}
