/* SPDX-License-Identifier: MIT */
/* The questions of `vbtrace doctor`, and this host's answers. */
#ifndef CLI_CHECKUP_H
#define CLI_CHECKUP_H

#include "cli/survey.h"

enum check_state {
	CHECK_OK,
	CHECK_NOTE,   /* costs nothing that cannot be done without */
	CHECK_MISSING /* costs marks, or a way of recording */
};

#define MAX_CHECKS 48

struct checkup {
	struct check {
		const char *name;
		enum check_state state;
		char detail[320];
		char remedy[320]; /* the command that changes it; "" if there is none */
	} check[MAX_CHECKS];
	unsigned count;
	struct survey survey;
};

void checkup_run(struct checkup *checkup);

#endif
