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

/* Marks that were absent as often and for the same reason are one line. */
struct absence_lines {
	struct absence_line {
		unsigned marks; /* bits */
		uint64_t count; /* requests */
		const char *why;
		bool broken; /* they are incomplete by it */
	} line[VBT_MARK_COUNT * (VBT_ABSENT_COUNT + VBT_MAX_TARGETS)];
	unsigned count;
};

void absence_add(struct absence *absence, const struct vbt_request *request);

/* Their texts are those of the info. */
void absence_collect(const struct absence *absence, const struct vbt_trace_info *info,
		     struct absence_lines *lines);

/* A line for each reason; nothing at all if no mark was absent. */
void absence_print(const struct absence *absence, const struct vbt_trace_info *info,
		   const struct screen *screen);

#endif
