/* SPDX-License-Identifier: MIT */
/* The detail of a row: its stages and their distributions, fan-outs, suppression, depth, sizes. */
#include <stdio.h>
#include <string.h>

#include "lib/event.h"
#include "lib/snapshot_json.h"
#include "tui/top_impl.h"

#define WIDE         116 /* columns that two fan-outs beside each other need */
#define MAX_STAGES   40
#define TIMES        5
#define SIZE_COLUMNS 18 /* of a class of sizes: "128K:9.9k x 999us" */
#define SHARE        6

struct stages {
	const struct vbt_group_stage *stage[MAX_STAGES];
	unsigned count;
	unsigned low, high; /* bins that have anything: one axis for all of them */
};

static void widen(struct stages *stages, const struct vbt_histogram *histogram)
{
	unsigned low = vbt_heat_bin(vbt_histogram_min(histogram)),
		 high = vbt_heat_bin(histogram->max);

	if (low < stages->low)
		stages->low = low;
	if (high > stages->high)
		stages->high = high;
}

static void find_stages(const struct vbt_group *group, struct stages *stages)
{
	const struct vbt_group_stage *stage;
	unsigned cursor = 0;

	*stages = (struct stages){.low = VBT_HEAT_BINS};
	while ((stage = vbt_group_next_stage(group, &cursor)))
		if (stage->ns.count && stages->count < MAX_STAGES) {
			stages->stage[stages->count++] = stage;
			widen(stages, &stage->ns);
		}
	if (group->total.count)
		widen(stages, &group->total);
}

/* A histogram as one row of bars, by half octaves from the lowest to the highest of all. */
static void draw_histogram(struct top *top, const struct stages *stages,
			   const struct vbt_histogram *histogram, int row, int at, int width,
			   unsigned attr)
{
	uint64_t cells[VBT_SNAPSHOT_POINTS] = {0}, highest = 0;
	const unsigned bins = stages->high - stages->low + 1;

	if (width > VBT_SNAPSHOT_POINTS)
		width = VBT_SNAPSHOT_POINTS;
	if (!histogram->count || width <= 0)
		return;
	for (unsigned i = 0; i < VBT_HISTOGRAM_BUCKETS; i++) {
		unsigned bin = vbt_heat_bin(vbt_histogram_low(i)), cell;

		if (!histogram->bucket[i] || bin < stages->low)
			continue;
		cell = (bin - stages->low) * (unsigned)width / bins;
		cells[cell < (unsigned)width ? cell : (unsigned)width - 1] += histogram->bucket[i];
	}
	for (int i = 0; i < width; i++)
		if (cells[i] > highest)
			highest = cells[i];
	draw_spark(row, at, width, cells, (unsigned)width, highest, attr, &top->term);
}

static void draw_distribution(struct top *top, const struct vbt_histogram *histogram,
			      const struct vbt_histogram *whole, int row, int at)
{
	static const enum vbt_percentile which[TIMES] = {VBT_PERCENTILE_p50, VBT_PERCENTILE_p90,
							 VBT_PERCENTILE_p99, VBT_PERCENTILE_p999,
							 VBT_PERCENTILE_max};
	const unsigned text = top->theme.attr[THEME_text];
	char buf[DRAW_NUMBER];

	draw_right(row, at, 6, text, "%s", draw_count((double)histogram->count, buf));
	for (unsigned i = 0; i < TIMES; i++)
		draw_right(row, at + 6 + (int)i * 6, 6, text, "%s",
			   draw_time(&top->term, vbt_percentile_of(histogram, which[i]), buf));
	draw_right(row, at + 6 + TIMES * 6, SHARE, text, "%.0f%%",
		   whole->sum ? (double)histogram->sum * 100 / (double)whole->sum : 0);
}

/* The stages and the total; returns the row behind. */
static int draw_stages(struct top *top, const struct vbt_group *group, int row)
{
	static const char *const titles[] = {"count", "p50", "p90", "p99", "p99.9", "max"};
	const unsigned heading = top->theme.attr[THEME_heading];
	const int names = 17, histogram = names + 6 + TIMES * 6 + SHARE + 2;
	const int width = top->term.columns - histogram - 1;
	char low[DRAW_NUMBER], high[DRAW_NUMBER];
	struct stages stages;

	row++;
	find_stages(group, &stages);
	draw_fill(row - 1, 0, top->term.columns, heading);
	draw_text(row - 1, 1, names, heading, "STAGE");
	for (unsigned i = 0; i < sizeof(titles) / sizeof(titles[0]); i++)
		draw_right(row - 1, names + (int)i * 6, 6, heading, "%s", titles[i]);
	draw_right(row - 1, names + 6 + TIMES * 6, SHARE, heading, "share");
	if (stages.count) {
		draw_text(row - 1, histogram, width, heading, "%s",
			  draw_time(&top->term, vbt_heat_low(stages.low), low));
		draw_right(row - 1, histogram, width, heading, "%s",
			   draw_time(&top->term, vbt_heat_low(stages.high + 1), high));
	}
	for (unsigned i = 0; i < stages.count; i++, row++) {
		const struct vbt_group_stage *stage = stages.stage[i];
		unsigned attr = theme_layer_text(&top->theme, vbt_layer_of(stage->from, stage->to));

		draw_text(row, 1, names - 1, attr, "%c2%c %s", vbt_mark_letter(stage->from),
			  vbt_mark_letter(stage->to), vbt_point_name(stage->to));
		draw_distribution(top, &stage->ns, &group->total, row, names);
		draw_histogram(top, &stages, &stage->ns, row, histogram, width, attr);
	}
	draw_text(row, 1, names - 1, top->theme.attr[THEME_strong], "total");
	draw_distribution(top, &group->total, &group->total, row, names);
	draw_histogram(top, &stages, &group->total, row, histogram, width,
		       top->theme.attr[THEME_strong]);
	return row + 1;
}

/* "a kick  1.19  1:80% 2:15% 3-4:5%" in one half of a row */
static void draw_fan(struct top *top, int row, int at, int width, const char *title,
		     const uint64_t *fan, double mean)
{
	const unsigned dim = top->theme.attr[THEME_dim], text = top->theme.attr[THEME_text];
	const int end = at + width;
	uint64_t sum = 0;

	for (unsigned i = 0; i < VBT_FAN_CLASSES; i++)
		sum += fan[i];
	at += draw_text(row, at, width, dim, "%s ", title);
	if (!sum) {
		draw_text(row, at, end - at, dim, "not seen");
		return;
	}
	if (mean > 0)
		at += draw_text(row, at, end - at, top->theme.attr[THEME_strong], "%.1f  ", mean);
	for (unsigned i = 0; i < VBT_FAN_CLASSES; i++) {
		if (!fan[i])
			continue;
		at += draw_text(row, at, end - at, dim, "%s:", vbt_fan_class_name(i));
		at += draw_text(row, at, end - at, text, "%.0f%% ",
				(double)fan[i] * 100 / (double)sum);
	}
}

static double ratio(uint64_t part, uint64_t whole)
{
	return whole ? (double)part / (double)whole : 0;
}

static void draw_suppression(struct top *top, const struct vbt_window *window, int row)
{
	const unsigned dim = top->theme.attr[THEME_dim], text = top->theme.attr[THEME_text];
	uint64_t decisions = 0;
	int at = 19;

	for (unsigned i = 0; i < VBT_SIGNAL_REASON_COUNT; i++)
		decisions += window->queue.signals[i];
	draw_text(row, 1, 18, dim, "suppressed");
	at += draw_text(row, at, 10, dim, "kicks ");
	at += draw_text(row, at, 10, text, "%.0f%%  ",
			100 * ratio(window->no_kick, window->own_kick + window->no_kick));
	at += draw_text(row, at, 14, dim, "interrupts ");
	if (!decisions) {
		draw_text(row, at, 30, dim, "no decisions seen at this level");
		return;
	}
	at += draw_text(row, at, 10, text, "%.0f%%  ",
			100 * ratio(decisions - window->queue.signals[VBT_SIGNAL_sent], decisions));
	for (unsigned i = 0; i < VBT_SIGNAL_REASON_COUNT; i++)
		if (window->queue.signals[i])
			at += draw_text(row, at, top->term.columns - at, dim, "%s %llu  ",
					vbt_signal_reason_name(i),
					(unsigned long long)window->queue.signals[i]);
}

static void draw_depth(struct top *top, const struct vbt_node *node, int row)
{
	const unsigned dim = top->theme.attr[THEME_dim];
	uint64_t values[VBT_SNAPSHOT_POINTS], highest = 1;
	int at = 19, width = top->term.columns - at - 27;
	unsigned count = 0;
	const struct vbt_point *last = vbt_node_point(node, 0);

	if (width > VBT_SNAPSHOT_POINTS)
		width = VBT_SNAPSHOT_POINTS;
	draw_text(row, 1, 18, dim, "queue depth");
	if (node->level == VBT_NODE_OP || !last) {
		draw_text(row, at, 40, dim, "of queues and devices only");
		return;
	}
	for (unsigned back = (unsigned)width; back-- > 0;) {
		const struct vbt_point *point = vbt_node_point(node, back);

		if (!point)
			continue;
		/* Hundredths: a mean below 1 is worth to be seen. */
		values[count] = (uint64_t)(point->depth * 100);
		if (values[count] > highest)
			highest = values[count];
		count++;
	}
	draw_spark(row, at, width, values, count, highest, top->theme.attr[THEME_accent],
		   &top->term);
	draw_text(row, at + width + 2, 26, top->theme.attr[THEME_text], "now %u, mean %.1f, max %u",
		  node->in_flight, last->depth, last->depth_max);
}

/* "read 512: 4K 300 1.2ms ..." for the operations below the node; returns the row behind. */
static int draw_sizes(struct top *top, const struct vbt_node *node, int row)
{
	const unsigned dim = top->theme.attr[THEME_dim], text = top->theme.attr[THEME_text];

	for (uint32_t i = 0; i < top->snapshot->nodes; i++) {
		const struct vbt_node *op = top->snapshot->node[i];
		const struct vbt_window *window = top_window(top, op);
		char mean[DRAW_NUMBER], count[DRAW_NUMBER];
		int at = 19;

		if (op->level != VBT_NODE_OP || op->key.target != node->key.target ||
		    op->key.device != node->key.device ||
		    (node->level >= VBT_NODE_QUEUE && op->key.queue != node->key.queue) ||
		    (node->level == VBT_NODE_OP && op != node) || !window->group.count)
			continue;
		draw_text(row, 1, 18, dim, "queue %d %s", op->key.queue, vbt_node_op_name(op));
		for (unsigned size = 0; size < VBT_SIZE_CLASSES; size++) {
			const struct vbt_size_counts *counts = &window->size[size];

			if (!counts->count)
				continue;
			draw_count((double)counts->count, count);
			draw_time(&top->term, counts->ns / counts->count, mean);
			if (at + SIZE_COLUMNS > top->term.columns) {
				at = 19;
				row++;
			}
			draw_text(row,
				  at + draw_text(row, at, 8, dim, "%s:", vbt_size_class_name(size)),
				  SIZE_COLUMNS, text, "%s x %s", count, mean);
			/* Also where it is not on the screen. */
			at += SIZE_COLUMNS;
		}
		row++;
	}
	return row;
}

/* Beside each other, or below: half a figure is another one. */
static int draw_fans(struct top *top, const struct vbt_window *window, int row)
{
	const bool wide = top->term.columns >= WIDE;
	const int at = wide ? top->term.columns / 2 : 1;

	draw_fan(top, row, 1, (wide ? at : top->term.columns) - 2, "requests of a kick",
		 window->kick_fan, ratio(window->own_kick, window->queue.kicks));
	row += !wide;
	draw_fan(top, row, at, top->term.columns - at - 1,
		 wide ? "of an interrupt" : "  of an interrupt ", window->irq_fan,
		 ratio(window->queue.pushes, window->queue.signals[VBT_SIGNAL_sent]));
	return row + 1;
}

void top_draw_detail(struct top *top)
{
	const struct vbt_node *node = top_node(top);
	const struct vbt_window *window;
	char name[96], length[DRAW_NUMBER];
	const struct vbt_device *device;
	const int first = top_scroll_begin(top);
	int row;

	top->scroll_end = 0;
	if (!top_begin_view(top, node))
		return;
	window = top_window(top, node);
	row = 1 + draw_text(first, 1, 60, top->theme.attr[THEME_strong], "%s",
			    top_node_name(top, node, name, sizeof(name)));
	device = vbt_trace_info_device(top->feed->info, (unsigned)node->key.target,
				       (unsigned)node->key.device);
	row += draw_text(first, row, 40, top->theme.attr[THEME_dim], ", %s %s",
			 top->all ? "all" : "last", draw_time(&top->term, window->ns, length));
	if (device)
		draw_text(first, row, top->term.columns - row, top->theme.attr[THEME_dim],
			  ": %s, %s%s, %u queue%s", device->shm.backend, device->shm.method,
			  device->shm.flags & VBT_DEVICE_DIRECT ? " direct" : "",
			  device->shm.queues, device->shm.queues == 1 ? "" : "s");
	row = draw_stages(top, &window->group, first + 1);
	row = draw_fans(top, window, row);
	draw_suppression(top, window, row++);
	draw_depth(top, node, row++);
	top_scroll_end(top, draw_sizes(top, node, row));
}
