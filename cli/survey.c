/* SPDX-License-Identifier: MIT */
#include "cli/survey.h"

#include <stdio.h>
#include <string.h>

#include "lib/event.h"
#include "probes/host_facts.h"
#include "probes/kernel_source.h"
#include "probes/session_info.h"

#define SMALL_BUFFER 65536

static const struct {
	const char *name;
	unsigned point;
} table[] = {
#define X(tracepoint, point, pointers) {#tracepoint, VBT_##point},
    VBT_KERNEL_PROBES(X)
#undef X
};

/* One name or the other, depending on the kernel's version. */
static void spare(struct survey *survey, enum vbt_kernel_probe probe, enum vbt_kernel_probe other)
{
	struct survey_probe *mine = &survey->probe[probe];

	if (mine->state != SURVEY_MISSING || survey->probe[other].state == SURVEY_MISSING)
		return;
	mine->state = SURVEY_SPARE;
	snprintf(mine->why, sizeof(mine->why), "this kernel calls it %s",
		 survey->probe[other].name);
}

void survey_take(struct survey *survey)
{
	struct host_tracepoints described;
	struct kernel_source *source;

	memset(survey, 0, sizeof(*survey));
	host_tracepoints(&described);
	survey->btf = described.btf;
	source = kernel_source_open(SMALL_BUFFER, survey->problem, sizeof(survey->problem));
	survey->loaded = source != NULL;
	for (int i = 0; i < VBT_KERNEL_PROBE_COUNT; i++) {
		struct survey_probe *probe = &survey->probe[i];
		const char *missing =
		    source ? kernel_source_missing(source, (enum vbt_kernel_probe)i) : NULL;

		probe->name = table[i].name;
		probe->point = table[i].point;
		if (source)
			probe->state = missing ? SURVEY_MISSING : SURVEY_READY;
		else
			probe->state = described.has[i] ? SURVEY_UNKNOWN : SURVEY_MISSING;
		if (missing)
			snprintf(probe->why, sizeof(probe->why), "%s", missing);
		else if (probe->state == SURVEY_UNKNOWN)
			snprintf(probe->why, sizeof(probe->why), "%s", survey->problem);
		else if (probe->state == SURVEY_MISSING && described.btf)
			snprintf(probe->why, sizeof(probe->why), "this kernel has no tracepoint %s",
				 probe->name);
		else if (probe->state == SURVEY_MISSING)
			snprintf(probe->why, sizeof(probe->why), "no kernel BTF for %s",
				 probe->name);
	}
	spare(survey, VBT_PROBE_io_uring_submit_req, VBT_PROBE_io_uring_submit_sqe);
	spare(survey, VBT_PROBE_io_uring_submit_sqe, VBT_PROBE_io_uring_submit_req);
	session_info_marks(&survey->marks, source, "BPF programs cannot be loaded", false);
	if (source)
		kernel_source_close(source);
}

const char *survey_point(unsigned point, char buf[32])
{
	if (point < VBT_MARK_COUNT)
		snprintf(buf, 32, "%c %s", vbt_mark_letter(point), vbt_point_name(point));
	else
		snprintf(buf, 32, "%s",
			 point < VBT_POINT_COUNT ? vbt_point_name(point) : "context");
	return buf;
}

const char *survey_state_name(enum survey_state state)
{
	static const char *const names[] = {"ready", "not needed", "not permitted", "missing"};

	return names[state];
}
