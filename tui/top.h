/* SPDX-License-Identifier: MIT */
/* The program that `vbtrace top` is on a terminal: views over the snapshot of a feed. */
#ifndef TUI_TOP_H
#define TUI_TOP_H

#include <stdio.h>

#include "tui/feed.h"
#include "tui/theme.h"

struct top_settings {
	enum theme_choice theme;
	enum vbt_node_level level; /* down to which rows are unfolded at first */
	bool at_given;             /* a recording: begin at `at_ns`, and pause there */
	uint64_t at_ns;            /* UINT64_MAX: its end */
	const char *state;         /* file that the last view is kept in; NULL: it is not kept */
};

/* Run until the user or a signal ends it. 0, or -1 with one line in err; the terminal is given back
 * in either case. */
int top_run(struct feed *feed, const struct top_settings *settings, char *err, size_t err_size);

/* The keys of all views, as Markdown. */
void top_write_keys(FILE *out);

#endif
