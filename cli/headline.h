/* SPDX-License-Identifier: MIT */
/* What a report says first: the recording, its devices, how whole it is. */
#ifndef CLI_HEADLINE_H
#define CLI_HEADLINE_H

#include "cli/screen.h"
#include "lib/correlate.h"
#include "lib/trace_info.h"

struct headline {
	const char *name; /* of the file */
	const struct vbt_trace_info *info;
	const struct vbt_correlator *correlator;
	const char *damage; /* "" if none */
	uint64_t bytes;     /* of data, of the complete requests */
	bool flight;
};

void headline_print(const struct headline *headline, const struct screen *screen);

/* "kernel 12, disk0-q0 3" into buf: lost events by source. Returns their sum. */
uint64_t losses_text(const struct vbt_correlator *correlator, const struct vbt_trace_info *info,
		     char *buf, size_t size);

#endif
