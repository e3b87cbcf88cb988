/* SPDX-License-Identifier: MIT */
/* A feed of what happens now: a session on the VMMs that run, those that come later included. */
#ifndef CLI_LIVE_H
#define CLI_LIVE_H

#include "cli/attach.h"
#include "tui/feed.h"

struct live_options {
	const struct pid_list *pids; /* none: all, also those that start later */
	enum session_road road;
	uint64_t interval_ns, stuck_ns;
};

/* NULL with a sentence in err: a process that was named cannot be traced. */
struct feed *live_new(const struct live_options *options, char *err, size_t err_size);
void live_free(struct feed *feed); /* NULL is fine */

#endif
