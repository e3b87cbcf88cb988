/* SPDX-License-Identifier: MIT */
#include "cli/grid.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void grid_column(struct grid *grid, const char *title, bool right)
{
	grid->title[grid->columns] = title;
	grid->right[grid->columns] = right;
	grid->columns++;
}

void grid_cell(struct grid *grid, const char *format, ...)
{
	va_list list;

	if (grid->cells == grid->room) {
		size_t room = grid->room ? grid->room * 2 : 256;
		void *bigger = realloc(grid->cell, room * sizeof(*grid->cell));

		if (!bigger) {
			grid->failed = true;
			return;
		}
		grid->cell = bigger;
		grid->room = room;
	}
	va_start(list, format);
	if (vasprintf(&grid->cell[grid->cells], format, list) < 0)
		grid->failed = true;
	else
		grid->cells++;
	va_end(list);
}

static unsigned column_width(const struct grid *grid, unsigned column)
{
	unsigned width = text_width(grid->title[column]);

	for (size_t i = column; i < grid->cells; i += grid->columns) {
		unsigned cell = text_width(grid->cell[i]);

		if (cell > width)
			width = cell;
	}
	return width;
}

unsigned grid_width(const struct grid *grid)
{
	unsigned width = 0;

	for (unsigned column = 0; column < grid->columns; column++)
		width += column_width(grid, column) + (column ? grid->gap : 0);
	return width;
}

static void print_line(const struct grid *grid, const struct screen *screen, unsigned indent,
		       const unsigned *width, const char *const *texts)
{
	fprintf(screen->out, "%*s", (int)indent, "");
	for (unsigned column = 0; column < grid->columns; column++) {
		if (column)
			fprintf(screen->out, "%*s", (int)grid->gap, "");
		if (grid->right[column])
			print_right(screen, texts[column], width[column]);
		else if (column + 1 < grid->columns)
			print_left(screen, texts[column], width[column]);
		else
			fputs(texts[column], screen->out); /* no blanks at the end of a line */
	}
	fputc('\n', screen->out);
}

void grid_print(const struct grid *grid, const struct screen *screen, unsigned indent)
{
	unsigned width[GRID_COLUMNS];
	bool titled = false;

	for (unsigned column = 0; column < grid->columns; column++) {
		width[column] = column_width(grid, column);
		titled |= grid->title[column][0] != '\0';
	}
	if (titled) {
		fputs(screen_colour(screen, COLOUR_DIM), screen->out);
		print_line(grid, screen, indent, width, grid->title);
		fputs(screen_colour(screen, COLOUR_NONE), screen->out);
	}
	for (size_t i = 0; i + grid->columns <= grid->cells; i += grid->columns)
		print_line(grid, screen, indent, width, (const char *const *)grid->cell + i);
	if (grid->failed)
		fputs("(out of memory: the table is not complete)\n", screen->out);
}

void grid_release(struct grid *grid)
{
	for (size_t i = 0; i < grid->cells; i++)
		free(grid->cell[i]);
	free(grid->cell);
	memset(grid, 0, sizeof(*grid));
}
