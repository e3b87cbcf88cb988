/* SPDX-License-Identifier: MIT */
/* A table of texts that is printed when it is complete, each column as wide as it has to be. */
#ifndef CLI_GRID_H
#define CLI_GRID_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/screen.h"

#define GRID_COLUMNS 16

struct grid {
	unsigned columns, gap; /* blanks between two columns */
	const char *title[GRID_COLUMNS];
	bool right[GRID_COLUMNS]; /* numbers: aligned to the right */
	char **cell;              /* rows * columns of them */
	size_t cells, room;
	bool failed; /* memory was short: printing says so */
};

/* A new column; all columns before the first cell. The title is not copied. */
void grid_column(struct grid *grid, const char *title, bool right);

/* The next cell, from left to right, row by row. */
void grid_cell(struct grid *grid, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Print with `indent` blanks ahead of each line. No title, no heading line. */
void grid_print(const struct grid *grid, const struct screen *screen, unsigned indent);

/* The width that it would take. */
unsigned grid_width(const struct grid *grid);

/* Free, and make empty: an all-zero grid is empty as well. */
void grid_release(struct grid *grid);

#endif
