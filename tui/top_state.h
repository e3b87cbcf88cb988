/* SPDX-License-Identifier: MIT */
/* The last view in a file, if it was asked for: which view, sorted by what, which percentile, unfolded how
 * far. What the file says is taken as far as it makes sense. */
#ifndef TUI_TOP_STATE_H
#define TUI_TOP_STATE_H

#include "tui/top_impl.h"

/* A file that is not there yet says nothing. */
void top_state_read(struct top *top, const char *path);

/* 0, or -errno. */
int top_state_write(const struct top *top, const char *path);

#endif
