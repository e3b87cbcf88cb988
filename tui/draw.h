/* SPDX-License-Identifier: MIT */
/*
 * Writing on the screen, clipped to a width in columns. Text may come from a trace: letters that
 * would move the cursor, or that the locale has no place for, are shown as '?'.
 */
#ifndef TUI_DRAW_H
#define TUI_DRAW_H

#include <stdint.h>

#include "tui/theme.h"

/* Write at (row, column), at most `width` columns; outside of the screen nothing. attr is a
 * theme's. Returns the columns that were written. */
int draw_text(int row, int column, int width, unsigned attr, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* The same, flush with the right end of the `width` columns. */
int draw_right(int row, int column, int width, unsigned attr, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* Blanks. */
void draw_fill(int row, int column, int width, unsigned attr);

/*
 * One bar of `width` columns shared out among the layers by `ns` (VBT_LAYER_COUNT values): the
 * widths sum to `width`, whatever is rounded. Names stand inside where there is room; without
 * colours the layer's first letter fills its part.
 */
void draw_layers(int row, int column, int width, const uint64_t *ns, const struct theme *theme);

/* How draw_layers shares out: cells by layer, largest remainder; all 0 if all ns are. */
void draw_share_cells(const uint64_t *ns, unsigned count, unsigned width, unsigned *cells);

/*
 * One row of bars, a value a column, the newest at the right end; `top` is as high as the row, 0 is a
 * blank. Without the block letters: _.-=+*#
 */
void draw_spark(int row, int column, int width, const uint64_t *values, unsigned count,
		uint64_t top, unsigned attr, const struct term *term);

/* A bar from the left, in eighths of a column where the letters allow. share: 0 to 1. */
void draw_bar(int row, int column, int width, double share, unsigned attr, const struct term *term);

/* Numbers in at most five columns: "999ns" "1.2us" "45ms"; "999" "1.2k" "45M"; "4.1M" (bytes). Each
 * returns its buffer. The micro sign is a mu where the letters allow. */
#define DRAW_NUMBER         16
#define DRAW_NUMBER_COLUMNS 5
const char *draw_time(const struct term *term, uint64_t ns, char buf[DRAW_NUMBER]);
const char *draw_count(double count, char buf[DRAW_NUMBER]);
const char *draw_bytes(double bytes, char buf[DRAW_NUMBER]);

#endif
