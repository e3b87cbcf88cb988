/* SPDX-License-Identifier: MIT */
/* What happens now, exported as it happens. */
#ifndef CLI_CAPTURE_H
#define CLI_CAPTURE_H

#include "cli/attach.h"
#include "cli/sink.h"
#include "lib/export.h"

struct capture_options {
	const struct pid_list *pids; /* none: all that run */
	enum session_road road;
	struct vbt_export_options to;
};

/*
 * Until SIGINT or SIGTERM comes, the last target has ended, or the reader of the sink has gone,
 * which is no failure. Each event is out a fraction of a second after its requests are done.
 * CLI_SUCCESS, or CLI_FAILURE after a complaint. The sink stays the caller's.
 */
int capture_run(const struct capture_options *options, struct sink *sink);

#endif
