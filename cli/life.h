/* SPDX-License-Identifier: MIT */
/* One request's life as a waterfall: down from the guest through the VMM to the disk, and back. */
#ifndef CLI_LIFE_H
#define CLI_LIFE_H

#include "cli/screen.h"
#include "lib/request.h"
#include "lib/trace_info.h"

/* What others shared with it; counted over the whole trace. */
struct life_shared {
	uint64_t kick; /* requests of the same kick, this one included; 0: not known */
};

void life_print(const struct screen *screen, const struct vbt_request *request,
		const struct vbt_trace_info *info, const struct life_shared *shared,
		uint64_t start_ns);

#endif
