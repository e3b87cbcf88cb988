/* SPDX-License-Identifier: MIT */
/* A request in one line, as tcpdump shows a packet. */
#ifndef CLI_LINE_H
#define CLI_LINE_H

#include "cli/screen.h"
#include "lib/request.h"
#include "lib/trace_info.h"

void line_print_heading(const struct screen *screen);

/* `start_ns`: the time that counts as 0. */
void line_print(const struct screen *screen, const struct vbt_request *request,
		const struct vbt_trace_info *info, uint64_t start_ns);

/* "12.345678": seconds between two times, 6 digits behind the point. */
const char *text_clock(uint64_t ns, uint64_t start_ns, char buf[TEXT_SIZE]);

#endif
