/* SPDX-License-Identifier: MIT */
/* The heat map of a row: latency upwards, time to the right, colour by count. */
#include <math.h>
#include <stdio.h>

#include "tui/top_impl.h"

#define LABELS    8
#define MAX_SCALE 3

struct map {
	const struct vbt_heat *heat;
	unsigned series, low, high; /* bins */
	unsigned step;              /* bins in a row */
	int rows, width;
	int tall, wide; /* rows and columns of the screen that a cell takes */
	unsigned most;  /* the largest count of a cell */
};

static unsigned cell(const struct map *map, int row, unsigned back)
{
	const uint16_t *column = vbt_heat_column(map->heat, map->series, back);
	unsigned first = map->low + (unsigned)(map->rows - 1 - row) * map->step, sum = 0;

	for (unsigned bin = first; column && bin < first + map->step && bin < VBT_HEAT_BINS; bin++)
		sum += column[bin];
	return sum;
}

/* What of the map is used: the lowest and the highest bin, the largest count. What is small is
 * drawn large. */
static void measure(struct map *map, int room)
{
	const uint64_t known =
	    map->heat->columns < VBT_HEAT_COLUMNS ? map->heat->columns : VBT_HEAT_COLUMNS;

	map->wide = known && (uint64_t)map->width / known < MAX_SCALE
			? (int)((uint64_t)map->width / known)
			: MAX_SCALE;
	map->wide = map->wide < 1 ? 1 : map->wide;
	map->width /= map->wide;
	map->low = VBT_HEAT_BINS;
	map->high = 0;
	for (unsigned back = 0; back < (unsigned)map->width; back++) {
		const uint16_t *column = vbt_heat_column(map->heat, map->series, back);

		for (unsigned bin = 0; column && bin < VBT_HEAT_BINS; bin++) {
			if (!column[bin])
				continue;
			map->low = bin < map->low ? bin : map->low;
			map->high = bin > map->high ? bin : map->high;
		}
	}
	if (map->low > map->high)
		return;
	map->step = (map->high - map->low + (unsigned)room) / (unsigned)room;
	map->rows = (int)((map->high - map->low) / map->step) + 1;
	map->tall = room / map->rows < MAX_SCALE ? room / map->rows : MAX_SCALE;
	for (unsigned back = 0; back < (unsigned)map->width; back++)
		for (int row = 0; row < map->rows; row++) {
			unsigned count = cell(map, row, back);

			map->most = count > map->most ? count : map->most;
		}
}

/* Few and many differ by orders of magnitude: steps are by the logarithm. */
static unsigned heat_of(const struct map *map, unsigned count)
{
	double share = map->most > 1 ? log((double)count) / log((double)map->most) : 1;
	unsigned heat = (unsigned)(share * (THEME_HEATS - 1) + 0.5);

	return heat < THEME_HEATS ? heat : THEME_HEATS - 1;
}

static void draw_heat(struct top *top, int row, int column, unsigned heat)
{
	static const char letters[THEME_HEATS + 1] = ".:-=+*%#@M";
	const unsigned attr = top->theme.attr[THEME_HEAT + heat];

	if (top->theme.colours >= 256)
		draw_fill(row, column, 1, attr);
	else
		draw_text(row, column, 1, attr, "%c", letters[heat]);
}

static void draw_legend(struct top *top, const struct map *map, int row)
{
	const unsigned dim = top->theme.attr[THEME_dim];
	int at = LABELS;

	at += draw_text(row, at, 10, dim, "1 ");
	for (unsigned heat = 0; heat < THEME_HEATS; heat++, at += 2) {
		draw_heat(top, row, at, heat);
		draw_heat(top, row, at + 1, heat);
	}
	draw_text(row, at, 40, dim, " %u requests in a cell", map->most);
}

static void draw_map(struct top *top, const struct map *map, int top_row)
{
	const unsigned dim = top->theme.attr[THEME_dim];
	char low[DRAW_NUMBER], span[DRAW_NUMBER], clock[16];
	const struct vbt_node *node = top_node(top);
	const struct vbt_point *oldest = NULL;
	unsigned shown = 0;
	int row;

	for (row = 0; row < map->rows * map->tall; row++) {
		const int of = row / map->tall;
		unsigned bin = map->low + (unsigned)(map->rows - 1 - of) * map->step;

		if (row % map->tall == map->tall - 1)
			draw_right(top_row + row, 0, LABELS - 2, dim, "%s",
				   draw_time(&top->term, vbt_heat_low(bin), low));
		draw_text(top_row + row, LABELS - 1, 1, dim, "%s",
			  top->term.utf8 ? "\342\224\202" : "|");
		for (int i = 0; i < map->width * map->wide; i++) {
			unsigned count = cell(map, of, (unsigned)(i / map->wide));

			if (count)
				draw_heat(top, top_row + row,
					  LABELS + map->width * map->wide - 1 - i,
					  heat_of(map, count));
		}
	}
	for (; shown < (unsigned)map->width && vbt_node_point(node, shown); shown++)
		oldest = vbt_node_point(node, shown);
	row += top_row;
	if (oldest)
		draw_text(row, LABELS + map->wide * (map->width - (int)shown), 30, dim, "-%s %s",
			  draw_time(&top->term, top->snapshot->now_ns - oldest->end_ns + oldest->ns,
				    span),
			  top_clock(top, oldest->end_ns - oldest->ns, clock));
	draw_right(row, LABELS, map->width * map->wide, dim, "now");
	draw_legend(top, map, row + 1);
}

void top_draw_heat(struct top *top)
{
	const struct vbt_node *node = top_node(top);
	struct map map = {.width = top->term.columns - LABELS - 1};
	char name[96], series[16];
	int row;

	if (!top_begin_view(top, node))
		return;
	map.heat = node->heat;
	map.series = top->series < map.heat->count ? top->series : 0;
	row = draw_text(TOP_HEADER, 1, 60, top->theme.attr[THEME_strong], "%s",
			top_node_name(top, node, name, sizeof(name)));
	row += draw_text(TOP_HEADER, row + 1, 40, top->theme.attr[THEME_dim],
			 ", latency over time of ");
	draw_text(TOP_HEADER, row + 1, 20,
		  map.series >= 1 && map.series <= VBT_LAYER_COUNT
		      ? theme_layer_text(&top->theme, map.series - 1)
		      : top->theme.attr[THEME_strong],
		  "%s", vbt_heat_name(map.heat, map.series, series));
	measure(&map, top->term.rows - TOP_HEADER - 5);
	if (map.rows)
		draw_map(top, &map, TOP_HEADER + 1);
	else
		draw_text(TOP_HEADER + 2, 2, 60, top->theme.attr[THEME_dim], "no requests had it");
}
