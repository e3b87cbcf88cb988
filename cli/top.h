/* SPDX-License-Identifier: MIT */
/* Inside `vbtrace top`: its options, and the batch that it is where there is no screen. */
#ifndef CLI_TOP_H
#define CLI_TOP_H

#include "cli/attach.h"
#include "cli/command.h"
#include "tui/feed.h"

struct top_options {
	const char *input;
	struct pid_list pids;
	unsigned source;
	bool batch, json, keys;
	unsigned by; /* enum vbt_node_level: down to which rows are shown at first */
	struct speed {
		double factor;
		bool given;
	} speed;
	struct position {
		uint64_t ns; /* UINT64_MAX: the end */
		bool given;
	} at;
	unsigned theme; /* enum theme_choice */
	uint64_t stuck_ns;
	const char *state;
};

/* Prints `count` intervals (0: no limit). An exit status; complained about. */
int top_batch(struct feed *feed, const struct top_options *options, uint64_t count);

#endif
