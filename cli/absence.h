/* SPDX-License-Identifier: MIT */
/* Which marks were absent, in how many requests, and why: summed up for a report. */
#ifndef CLI_ABSENCE_H
#define CLI_ABSENCE_H

#include "cli/screen.h"
#include "lib/request.h"
#include "lib/trace_info.h"

struct absence {
	/* Complete requests, and the broken reasons of incomplete ones. */
	uint64_t count[VBT_MARK_COUNT][VBT_ABSENT_COUNT];
	uint64_t hidden[VBT_MARK_COUNT][VBT_MAX_TARGETS]; /* by target, which knows why */
};

void absence_add(struct absence *absence, const struct vbt_request *request);

/* A line for each reason; nothing at all if no mark was absent. */
void absence_print(const struct absence *absence, const struct vbt_trace_info *info,
		   const struct screen *screen);

#endif
