/* SPDX-License-Identifier: MIT */
/* What `vbtrace doctor` says of one thing: is it good, what is it, and what would change it. */
#ifndef CLI_DOCTOR_H
#define CLI_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>

#include "probes/host_facts.h"
#include "probes/kernel_source.h"

struct verdict {
	bool good;
	char text[400];
	char remedy[HOST_REMEDY_SIZE]; /* empty: nothing to do, or nothing that would help */
};

/* What was found out once and is judged from all sides. */
struct doctor_facts {
	struct host_tracepoints tracepoints;
	struct kernel_source
	    *source;       /* the probes, attached as for a recording; NULL: not possible */
	char problem[512]; /* why not */
};

void verdict_text(struct verdict *verdict, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void verdict_remedy(struct verdict *verdict, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* doctor_probes.c: a kernel probe by its number in VBT_KERNEL_PROBES, a mark by its number. */
const char *doctor_probe_name(unsigned probe);
void doctor_check_probe(const struct doctor_facts *facts, unsigned probe, struct verdict *verdict);
void doctor_check_mark(const struct doctor_facts *facts, unsigned mark, struct verdict *verdict);

#endif
