/* SPDX-License-Identifier: MIT */
/* The table: a row per VM and device, unfolded to queues and operations; and the row's own panel. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <wchar.h>

#include "lib/snapshot_json.h"
#include "tui/top_impl.h"

#define PANEL_ROWS   9 /* a title, six layers, the total, a rule */
#define WIDE_COLUMNS 116

enum column_kind {
	KIND_NAME,
	KIND_COUNT,
	KIND_BYTES,
	KIND_NUMBER,
	KIND_TIME,
	KIND_BAR,
	KIND_SPARK
};

/* The columns in their order. Layers come behind `mean`, by number. */
enum column {
	COLUMN_NAME,
	COLUMN_IOPS,
	COLUMN_RATE,
	COLUMN_FLY,
	COLUMN_P50,
	COLUMN_PERCENTILE,
	COLUMN_MAX,
	COLUMN_MEAN,
	COLUMN_LAYER,
	COLUMN_BAR = COLUMN_LAYER + VBT_LAYER_COUNT,
	COLUMN_SPARK,
	COLUMN_COUNT
};
_Static_assert(COLUMN_COUNT == TOP_COLUMNS, "what a state file may name");

static const struct {
	const char *title;
	enum column_kind kind;
	int width; /* 0: what is left */
	bool wide; /* only on wide screens */
} columns[COLUMN_COUNT] = {
    [COLUMN_NAME] = {"VM DISK", KIND_NAME, 17, false},
    [COLUMN_IOPS] = {"IOPS", KIND_COUNT, 6, false},
    [COLUMN_RATE] = {"B/s", KIND_BYTES, 6, false},
    [COLUMN_FLY] = {"FLY", KIND_NUMBER, 5, false},
    [COLUMN_P50] = {"p50", KIND_TIME, 6, false},
    [COLUMN_PERCENTILE] = {"", KIND_TIME, 6, false},
    [COLUMN_MAX] = {"max", KIND_TIME, 6, false},
    [COLUMN_MEAN] = {"mean", KIND_TIME, 6, true},
    [COLUMN_LAYER... COLUMN_BAR - 1] = {"", KIND_TIME, 6, true},
    [COLUMN_BAR] = {"time by layer", KIND_BAR, 0, false},
    [COLUMN_SPARK] = {"", KIND_SPARK, 0, false},
};

static const char *title_of(const struct top *top, enum column column)
{
	if (column == COLUMN_PERCENTILE || column == COLUMN_SPARK)
		return vbt_percentile_name(top->percentile);
	if (column >= COLUMN_LAYER && column < COLUMN_BAR)
		return vbt_layer_name(column - COLUMN_LAYER);
	return columns[column].title;
}

/* Where a column is on the screen; 0 columns wide if it is not. */
static void place(const struct top *top, enum column column, int *at, int *width)
{
	const bool wide = top->term.columns >= WIDE_COLUMNS;
	int left = top->term.columns - 1;

	*at = 0;
	for (unsigned i = 0; i < COLUMN_BAR; i++) {
		int own = columns[i].wide && !wide ? 0 : columns[i].width;

		if (i < column)
			*at += own;
		left -= own;
		if (i == column)
			*width = own;
	}
	if (column < COLUMN_BAR)
		return;
	/* What is left is the bar's and the history's. */
	*width = column == COLUMN_BAR ? left * 2 / 3 - 1 : left - left * 2 / 3 - 1;
	*at += 1;
	if (column == COLUMN_SPARK)
		*at += left * 2 / 3;
}

/* What a column sorts by, and shows. */
static double value_of(const struct top *top, const struct vbt_node *node, enum column column)
{
	const struct vbt_window *window = top_window(top, node);
	const struct vbt_group *group = &window->group;
	double seconds = window->ns ? (double)window->ns / 1e9 : 1;

	switch (column) {
	case COLUMN_IOPS: return (double)(group->count + group->incomplete) / seconds;
	case COLUMN_RATE: return (double)group->bytes / seconds;
	case COLUMN_FLY: return node->in_flight;
	case COLUMN_P50: return (double)vbt_percentile_of(&group->total, VBT_PERCENTILE_p50);
	case COLUMN_PERCENTILE: return (double)vbt_percentile_of(&group->total, top->percentile);
	case COLUMN_MAX: return (double)group->total.max;
	case COLUMN_MEAN: return (double)vbt_histogram_mean(&group->total);
	case COLUMN_BAR: return (double)group->total.sum;
	case COLUMN_SPARK: return (double)vbt_percentile_of(&group->total, top->percentile);
	default: break;
	}
	if (column >= COLUMN_LAYER && column < COLUMN_BAR && group->count)
		return (double)group->layer[column - COLUMN_LAYER].sum / (double)group->count;
	return 0;
}

/* --- rows ----------------------------------------------------------------------------------- */

struct order {
	const struct top *top;
	uint32_t node;
};

/* By the chosen column, and where that is equal by what they are. */
static int compare(const void *a, const void *b)
{
	const struct order *x = a, *y = b;
	const struct top *top = x->top;
	const struct vbt_node *m = top->snapshot->node[x->node], *n = top->snapshot->node[y->node];
	double v = value_of(top, m, top->sort), w = value_of(top, n, top->sort);
	int sign = top->ascending ? 1 : -1;

	if (v != w)
		return v < w ? -sign : sign;
	if (m->key.target != n->key.target)
		return m->key.target < n->key.target ? -1 : 1;
	if (m->key.device != n->key.device)
		return m->key.device < n->key.device ? -1 : 1;
	if (m->key.queue != n->key.queue)
		return m->key.queue < n->key.queue ? -1 : 1;
	return m->key.op < n->key.op ? -1 : m->key.op > n->key.op;
}

static bool contains(const char *text, const char *part)
{
	size_t length = strlen(part);

	for (; *text; text++)
		if (!strncasecmp(text, part, length))
			return true;
	return !length;
}

/* A row fits the filter if its own name does, or one's below it. */
static bool fits(const struct top *top, uint32_t index)
{
	const struct vbt_node *node = top->snapshot->node[index];
	char name[96];

	if (contains(top_node_name(top, node, name, sizeof(name)), top->filter))
		return true;
	for (uint32_t i = index + 1; i < top->snapshot->nodes; i++)
		if (top->snapshot->node[i]->parent == index && fits(top, i))
			return true;
	return false;
}

bool top_is_gone(const struct top *top, const struct vbt_node *node)
{
	return !(top->status.alive >> node->key.target & 1) && !node->now->group.count;
}

static void add_rows(struct top *top, uint32_t parent)
{
	struct order order[VBT_SNAPSHOT_NODES];
	unsigned count = 0;

	for (uint32_t i = 0; i < top->snapshot->nodes; i++)
		if (top->snapshot->node[i]->parent == parent &&
		    !top_is_gone(top, top->snapshot->node[i]) && fits(top, i))
			order[count++] = (struct order){top, i};
	if (!count)
		return;
	qsort(order, count, sizeof(order[0]), compare);
	for (unsigned i = 0; i < count; i++) {
		top->row[top->rows++] = order[i].node;
		if (top->open[order[i].node])
			add_rows(top, order[i].node);
	}
}

void top_make_rows(struct top *top)
{
	for (; top->known < top->snapshot->nodes; top->known++)
		top->open[top->known] = top->snapshot->node[top->known]->level < top->level;
	if (top->known > top->snapshot->nodes)
		top->known = top->snapshot->nodes;
	top->rows = 0;
	add_rows(top, VBT_NODE_NONE);
	for (unsigned i = 0; i < top->rows && top->moved; i++)
		if (top->row[i] == top->node) {
			top->cursor = i;
			return;
		}
	if (!top->moved)
		top->cursor = 0;
	if (top->cursor >= top->rows)
		top->cursor = top->rows ? top->rows - 1 : 0;
	top->node = top->rows ? top->row[top->cursor] : VBT_NODE_NONE;
}

void top_sort_by(struct top *top, int step)
{
	int at, width;

	do {
		top->sort = (top->sort + (unsigned)(step + COLUMN_SPARK)) % COLUMN_SPARK;
		place(top, top->sort, &at, &width);
	} while (!width);
	top->ascending = top->sort == COLUMN_NAME;
	top_make_rows(top);
}

void top_sort_default(struct top *top)
{
	top->sort = COLUMN_BAR;
	top->ascending = false;
}

bool top_sort_at(struct top *top, int column)
{
	for (unsigned i = 0; i < COLUMN_COUNT; i++) {
		int at, width;

		place(top, i, &at, &width);
		if (column < at || column >= at + width)
			continue;
		top->ascending = top->sort == i ? !top->ascending : i == COLUMN_NAME;
		top->sort = i;
		top_make_rows(top);
		return true;
	}
	return false;
}

/* --- drawing -------------------------------------------------------------------------------- */

static void draw_headings(struct top *top, int row)
{
	draw_fill(row, 0, top->term.columns, top->theme.attr[THEME_heading]);
	for (unsigned i = 0; i < COLUMN_COUNT; i++) {
		const bool sorted = i == top->sort;
		const unsigned attr = top->theme.attr[sorted ? THEME_sorted : THEME_heading];
		int at, width;

		place(top, i, &at, &width);
		if (!width)
			continue;
		if (i == COLUMN_NAME || i >= COLUMN_BAR)
			draw_text(row, i == COLUMN_NAME ? 1 : at, width, attr, "%s",
				  title_of(top, i));
		else
			draw_right(row, at, width, attr, " %s", title_of(top, i));
	}
}

static void draw_name(struct top *top, const struct vbt_node *node, uint32_t index, int row,
		      int width, unsigned attr)
{
	static const char *const marks[2][2] = {{"+", "-"}, {"\342\226\270", "\342\226\276"}};
	const char *mark =
	    node->level == VBT_NODE_OP ? " " : marks[top->term.utf8][top->open[index]];
	char name[32];

	if (node->level == VBT_NODE_DEVICE)
		draw_text(row, 1, width, attr, "%s %u %s", mark,
			  vbt_node_pid(node, top->feed->info),
			  vbt_trace_info_device_name(top->feed->info, (unsigned)node->key.target,
						     (unsigned)node->key.device, name));
	else if (node->level == VBT_NODE_QUEUE)
		draw_text(row, 3, width - 2, attr, "%s queue %d", mark, node->key.queue);
	else
		draw_text(row, 5, width - 4, attr, "%s %s", mark, vbt_node_op_name(node));
}

static void draw_history(struct top *top, const struct vbt_node *node, int row, int at, int width)
{
	uint64_t values[VBT_SNAPSHOT_POINTS], highest = 0;
	unsigned count = 0;

	for (unsigned back = (unsigned)width; back-- > 0;) {
		const struct vbt_point *point = vbt_node_point(node, back);

		if (!point)
			continue;
		values[count] = point->percentile[top->percentile];
		if (values[count] > highest)
			highest = values[count];
		count++;
	}
	draw_spark(row, at, width, values, count, highest, top->theme.attr[THEME_accent],
		   &top->term);
}

static void draw_cell(struct top *top, const struct vbt_node *node, enum column column, int row,
		      int at, int width, unsigned attr)
{
	const struct vbt_group *group = &top_window(top, node)->group;
	double value = value_of(top, node, column);
	bool none = columns[column].kind == KIND_TIME && !group->count;
	char buf[DRAW_NUMBER];

	if (column >= COLUMN_LAYER && column < COLUMN_BAR) {
		none = !group->layer[column - COLUMN_LAYER].count;
		if (attr == top->theme.attr[THEME_text])
			attr = theme_layer_text(&top->theme, column - COLUMN_LAYER);
	}
	switch (columns[column].kind) {
	case KIND_COUNT: draw_count(value, buf); break;
	case KIND_BYTES: draw_bytes(value, buf); break;
	case KIND_NUMBER: snprintf(buf, sizeof(buf), "%.0f", value); break;
	default: draw_time(&top->term, (uint64_t)(value + 0.5), buf); break;
	}
	draw_right(row, at, width, attr, " %s", none ? "-" : buf);
}

static void draw_row(struct top *top, unsigned index, int row)
{
	const struct vbt_node *node = top->snapshot->node[top->row[index]];
	const bool selected = index == top->cursor;
	const unsigned attr = top->theme.attr[selected ? THEME_selected : THEME_text];
	uint64_t layer[VBT_LAYER_COUNT];

	draw_fill(row, 0, top->term.columns, attr);
	for (unsigned i = 0; i < COLUMN_COUNT; i++) {
		int at, width;

		place(top, i, &at, &width);
		if (!width)
			continue;
		if (i == COLUMN_NAME) {
			draw_name(top, node, top->row[index], row, width, attr);
		} else if (i == COLUMN_BAR) {
			vbt_group_layer_sums(&top_window(top, node)->group, layer);
			draw_layers(row, at, width, layer, &top->theme);
		} else if (i == COLUMN_SPARK) {
			draw_fill(row, at - 1, width + 2, top->theme.attr[THEME_text]);
			draw_history(top, node, row, at, width);
		} else {
			draw_cell(top, node, i, row, at, width, attr);
		}
	}
}

/* --- the panel: the selected row's layers as numbers, and its history ----------------------- */

static void draw_panel_layers(struct top *top, const struct vbt_node *node, int row, int width)
{
	const struct vbt_group *group = &top_window(top, node)->group;
	uint64_t layer[VBT_LAYER_COUNT], sum = 0;
	char buf[DRAW_NUMBER];

	vbt_group_layer_sums(group, layer);
	for (unsigned i = 0; i < VBT_LAYER_COUNT; i++)
		sum += layer[i];
	for (unsigned i = 0; i < VBT_LAYER_COUNT; i++, row++) {
		const bool none = !group->layer[i].count;

		draw_text(row, 1, 6, theme_layer_text(&top->theme, i), "%s", vbt_layer_name(i));
		draw_right(row, 7, 6, top->theme.attr[none ? THEME_dim : THEME_text], "%s",
			   none ? "-" : draw_time(&top->term, layer[i] / group->count, buf));
		if (none || !sum)
			continue;
		draw_right(row, 13, 5, top->theme.attr[THEME_dim], "%.0f%%",
			   (double)layer[i] * 100 / (double)sum);
		draw_bar(row, 19, width - 20, (double)layer[i] / (double)sum,
			 theme_layer_text(&top->theme, i), &top->term);
	}
	draw_text(row, 1, 6, top->theme.attr[THEME_strong], "mean");
	draw_right(row, 7, 6, top->theme.attr[THEME_strong], "%s",
		   group->count ? draw_time(&top->term, vbt_histogram_mean(&group->total), buf)
				: "-");
	draw_layers(row, 19, width - 20, layer, &top->theme);
}

/* One interval of the history: a column of blocks. */
static void draw_history_column(struct top *top, int bottom, int column, int eighths,
				unsigned layer)
{
	static const char ascii[] = " _.-=+*#";
	const unsigned attr = theme_layer_text(&top->theme, layer);

	for (int row = bottom; eighths > 0; row--, eighths -= 8) {
		const int part = eighths > 8 ? 8 : eighths;

		if (top->term.utf8)
			draw_text(row, column, 1, attr, "%lc", (wint_t)(0x2580 + part));
		else if (part == 8)
			draw_text(row, column, 1, attr, "%c", vbt_layer_name(layer)[0]);
		else
			draw_text(row, column, 1, attr, "%c", ascii[part]);
	}
}

/* The percentile over time, each column in the colour of the layer that cost most. */
static void draw_panel_history(struct top *top, const struct vbt_node *node, int row, int height,
			       int at, int width)
{
	unsigned count = 0, each;
	uint64_t highest = 0;
	char buf[DRAW_NUMBER], span[DRAW_NUMBER];
	const struct vbt_point *point, *oldest = NULL;

	while (count < (unsigned)width && (point = vbt_node_point(node, count))) {
		if (point->percentile[top->percentile] > highest)
			highest = point->percentile[top->percentile];
		oldest = point;
		count++;
	}
	if (!oldest)
		return;
	/* A short history is drawn wide. */
	each = (unsigned)width / count > 4 ? 4 : (unsigned)width / count;
	for (unsigned i = 0; i < count * each && highest; i++) {
		int largest = vbt_layer_largest((point = vbt_node_point(node, i / each))->layer);
		int eighths = (int)((double)point->percentile[top->percentile] / (double)highest *
					height * 8 +
				    0.5);

		if (largest >= 0)
			draw_history_column(top, row + height - 1, at + width - 1 - (int)i,
					    eighths ? eighths : 1, (unsigned)largest);
	}
	draw_text(row - 1, at, width, top->theme.attr[THEME_dim], "%s over time, highest %s",
		  vbt_percentile_name(top->percentile), draw_time(&top->term, highest, buf));
	draw_text(row + height, at + width - (int)(count * each), width, top->theme.attr[THEME_dim],
		  "-%s",
		  draw_time(&top->term, top->snapshot->now_ns - oldest->end_ns + oldest->ns, span));
	draw_right(row + height, at, width, top->theme.attr[THEME_dim], "now");
}

static void draw_panel(struct top *top, int row)
{
	const struct vbt_node *node = top_node(top);
	const int split = top->term.columns >= WIDE_COLUMNS ? top->term.columns * 2 / 5 : 42;
	char name[96], window[DRAW_NUMBER];

	for (int i = 0; i < PANEL_ROWS; i++)
		draw_fill(row + i, 0, top->term.columns, top->theme.attr[THEME_text]);
	for (int i = 0; i < top->term.columns; i++)
		draw_text(row, i, 1, top->theme.attr[THEME_dim], "%s",
			  top->term.utf8 ? "\342\224\200" : "-");
	if (!node)
		return;
	draw_text(row, 2, top->term.columns - 3, top->theme.attr[THEME_strong], " %s, %s %s ",
		  top_node_name(top, node, name, sizeof(name)), top->all ? "all" : "last",
		  draw_time(&top->term, top_window(top, node)->ns, window));
	draw_panel_layers(top, node, row + 1, split);
	draw_panel_history(top, node, row + 2, PANEL_ROWS - 3, split + 1,
			   top->term.columns - split - 2);
}

void top_draw_table(struct top *top)
{
	const int rows = top->term.rows - TOP_HEADER - 2;
	const int panel = rows >= PANEL_ROWS + 4 ? PANEL_ROWS : 0;
	const unsigned room = rows > panel ? (unsigned)(rows - panel) : 1;

	top->room = room;
	top_make_rows(top);
	if (top->cursor < top->first)
		top->first = top->cursor;
	if (top->cursor >= top->first + room)
		top->first = top->cursor - room + 1;
	if (top->first && top->first + room > top->rows)
		top->first = top->rows > room ? top->rows - room : 0;
	draw_headings(top, TOP_HEADER);
	for (unsigned i = 0; i < room; i++) {
		int row = TOP_HEADER + 1 + (int)i;

		draw_fill(row, 0, top->term.columns, top->theme.attr[THEME_text]);
		if (top->first + i < top->rows)
			draw_row(top, top->first + i, row);
	}
	if (!top->rows)
		draw_text(TOP_HEADER + 2, 2, top->term.columns - 4, top->theme.attr[THEME_dim],
			  "%s",
			  top->filter[0]        ? "no row contains this text"
			  : top->status.note[0] ? top->status.note
						: "no requests yet");
	if (panel)
		draw_panel(top, top->term.rows - 1 - panel);
}
