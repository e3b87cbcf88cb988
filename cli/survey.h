/* SPDX-License-Identifier: MIT */
/* Which kernel probes and which marks this host has, found out by attaching for a moment. */
#ifndef CLI_SURVEY_H
#define CLI_SURVEY_H

#include <stdbool.h>

#include "lib/trace_info.h"
#include "probes/probe_table.h"

#define SURVEY_TEXT 256

enum survey_state {
	SURVEY_READY,
	SURVEY_SPARE,   /* missing, and not missed: another kernel version's name for a probe */
	SURVEY_UNKNOWN, /* the kernel has it, but we may not attach */
	SURVEY_MISSING
};

struct survey {
	struct survey_probe {
		const char *name;
		unsigned point; /* that its events are; VBT_POINT_none: context only */
		enum survey_state state;
		char why[SURVEY_TEXT]; /* it is not ready */
	} probe[VBT_KERNEL_PROBE_COUNT];
	bool loaded;               /* programs can be loaded at all */
	char problem[SURVEY_TEXT]; /* why not */
	bool btf;
	struct vbt_target marks; /* points and hidden, of a VMM that would be traced now */
};

void survey_take(struct survey *survey);

/* "K kick", "apic_accept", "context"; returns its buffer. */
const char *survey_point(unsigned point, char buf[32]);

/* "ready", "not needed", "not permitted", "missing" */
const char *survey_state_name(enum survey_state state);

#endif
