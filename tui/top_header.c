/* SPDX-License-Identifier: MIT */
/* What stands above every view: whose figures these are, what they cost, and the verdict. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lib/snapshot_json.h"
#include "tui/top_impl.h"

const char *top_clock(const struct top *top, uint64_t trace_ns, char buf[16])
{
	const struct vbt_host *host = &top->feed->info->host;
	time_t at;
	struct tm tm;

	buf[0] = '\0';
	if (!host->start_realtime_ns)
		return buf;
	at =
	    (time_t)((host->start_realtime_ns + trace_ns - host->start_monotonic_ns) / 1000000000u);
	if (localtime_r(&at, &tm))
		strftime(buf, 16, "%H:%M:%S", &tm);
	return buf;
}

const char *top_node_name(const struct top *top, const struct vbt_node *node, char *buf,
			  size_t size)
{
	const struct vbt_group_key *key = &node->key;
	char name[24];
	int used = snprintf(buf, size, "%u %s", vbt_node_pid(node, top->feed->info),
			    vbt_trace_info_device_name(top->feed->info, (unsigned)key->target,
						       (unsigned)key->device, name));

	if (node->level >= VBT_NODE_QUEUE && (size_t)used < size)
		used += snprintf(buf + used, size - (size_t)used, " queue %d", key->queue);
	if (node->level >= VBT_NODE_OP && (size_t)used < size)
		snprintf(buf + used, size - (size_t)used, " %s", vbt_node_op_name(node));
	return buf;
}

static void draw_title(struct top *top)
{
	const unsigned attr = top->theme.attr[THEME_title];
	const char *name = top->status.name, *slash = strrchr(name, '/');
	unsigned devices = 0, targets = 0;
	char clock[16];

	for (uint32_t i = 0; i < top->snapshot->nodes; i++)
		devices += top->snapshot->node[i]->level == VBT_NODE_DEVICE &&
			   !top_is_gone(top, top->snapshot->node[i]);
	for (uint32_t i = 0; i < top->feed->info->targets; i++)
		targets += top->status.alive >> i & 1;
	draw_fill(0, 0, top->term.columns, attr);
	draw_text(0, 1, top->term.columns - 12, attr, "vbtrace top  %s  %u VM%s, %u disk%s%s",
		  slash ? slash + 1 : name, targets, targets == 1 ? "" : "s", devices,
		  devices == 1 ? "" : "s", top->frozen ? "  FROZEN" : "");
	draw_right(0, top->term.columns - 10, 9, attr, "%s",
		   top_clock(top, top->snapshot->now_ns, clock));
}

/* Where a recording is: "|> 2x  12.5s of 30s" and a line with a mark on it. */
static int draw_position(struct top *top, int column)
{
	const struct feed_status *status = &top->status;
	const unsigned dim = top->theme.attr[THEME_dim];
	char speed[24] = "", length[32] = "";
	const char *state = status->ended ? "end" : status->paused ? "paused" : "replay";
	/* What is behind it must not be cut. */
	int width = top->term.columns >= 100 ? 30 : top->all ? 8 : 16, at;

	if (!status->ended && !status->paused)
		snprintf(speed, sizeof(speed), " %gx", status->speed);
	if (status->length_ns)
		snprintf(length, sizeof(length), " of %.1f", (double)status->length_ns / 1e9);
	column += draw_text(1, column, 60, top->theme.attr[THEME_strong], "%s%s ", state, speed);
	column += draw_text(1, column, 40, top->theme.attr[THEME_text], "%.1f%s s ",
			    (double)status->position_ns / 1e9, length);
	if (!status->length_ns || column + width > top->term.columns - 40)
		return column + 1;
	at = (int)((double)status->position_ns / (double)status->length_ns * (width - 1) + 0.5);
	for (int i = 0; i < width; i++)
		draw_text(1, column + i, 1, i == at ? top->theme.attr[THEME_strong] : dim, "%s",
			  i == at          ? (top->term.utf8 ? "\342\227\217" : "o")
			  : top->term.utf8 ? "\342\224\200"
					   : "-");
	return column + width + 2;
}

static void draw_state(struct top *top)
{
	const struct feed_status *status = &top->status;
	const unsigned text = top->theme.attr[THEME_text], dim = top->theme.attr[THEME_dim];
	const char *window = top->all ? "all since start" : "";
	const int length = (int)strlen(window);
	char events[DRAW_NUMBER], memory[DRAW_NUMBER], interval[DRAW_NUMBER];
	int at = 1;

	draw_fill(1, 0, top->term.columns, text);
	if (!status->live)
		at = draw_position(top, at);
	at += draw_text(1, at, 10, dim, "events ");
	at += draw_text(1, at, 10, text, "%s/s  ", draw_count(top->events_rate, events));
	at += draw_text(1, at, 10, dim, "lost ");
	at += draw_text(1, at, 12, top->theme.attr[status->lost ? THEME_bad : THEME_text], "%llu",
			(unsigned long long)status->lost);
	at += 2;
	if (status->live) {
		at += draw_text(1, at, 10, dim, "own cost ");
		if (status->own_cpu >= 0)
			at += draw_text(1, at, 24, text, "%.1f%% cpu, ", status->own_cpu * 100);
		at += draw_text(1, at, 24, text, "%s",
				draw_bytes((double)status->own_memory, memory));
		at += 2;
	}
	draw_time(&top->term, top->feed->interval_ns, interval);
	/* Of the two, the interval says less of what all are about. */
	if (!length || at + 6 + DRAW_NUMBER_COLUMNS + 2 + length <= top->term.columns) {
		at += draw_text(1, at, 10, dim, "every ");
		at += draw_text(1, at, 10, text, "%s", interval);
		at += 2;
	}
	if (at + length > top->term.columns)
		at = top->term.columns - length;
	draw_text(1, at, length, top->theme.attr[THEME_accent], "%s", window);
}

/* The device that the most time is spent on; VBT_NODE_NONE: none has requests. */
static const struct vbt_node *busiest(const struct top *top, enum vbt_node_level level,
				      const struct vbt_node *below)
{
	const struct vbt_node *most = NULL;

	for (uint32_t i = 0; i < top->snapshot->nodes; i++) {
		const struct vbt_node *node = top->snapshot->node[i];

		if (node->level != level || (below && top->snapshot->node[node->parent] != below))
			continue;
		if (top_window(top, node)->group.total.sum &&
		    (!most || top_window(top, node)->group.total.sum >
				  top_window(top, most)->group.total.sum))
			most = node;
	}
	return most;
}

static double share_of(const struct top *top, const struct vbt_node *part,
		       const struct vbt_node *whole)
{
	return (double)top_window(top, part)->group.total.sum /
	       (double)top_window(top, whole)->group.total.sum;
}

/* Which layer costs the time, on which device and queue, since when. */
static void draw_verdict(struct top *top)
{
	const struct vbt_node *device = busiest(top, VBT_NODE_DEVICE, NULL), *queue, *op;
	uint64_t layer[VBT_LAYER_COUNT], since;
	const unsigned text = top->theme.attr[THEME_text];
	char name[96], where[80] = "", mean[DRAW_NUMBER], clock[16];
	int largest, at = 1;

	draw_fill(2, 0, top->term.columns, text);
	if (!device) {
		draw_text(2, at, top->term.columns - 2, top->theme.attr[THEME_dim],
			  top->snapshot->nodes ? "no requests in the last interval"
					       : "no requests yet");
		return;
	}
	queue = busiest(top, VBT_NODE_QUEUE, device);
	op = queue ? busiest(top, VBT_NODE_OP, queue) : NULL;
	/* The queue and the operation are named where they stand out. */
	if (queue && share_of(top, queue, device) > 0.6)
		snprintf(where, sizeof(where), " queue %d", queue->key.queue);
	if (op && share_of(top, op, device) > 0.6)
		snprintf(where + strlen(where), sizeof(where) - strlen(where), " %s",
			 vbt_node_op_name(op));
	vbt_group_layer_sums(&top_window(top, device)->group, layer);
	largest = vbt_layer_largest(layer);
	if (largest < 0)
		return;
	at += draw_text(2, at, 12, theme_layer_fill(&top->theme, (unsigned)largest), " %s ",
			vbt_layer_name((unsigned)largest));
	at += draw_text(
	    2, at, top->term.columns - at, top->theme.attr[THEME_strong],
	    " costs %.0f%% of mean %s on VM %s%s",
	    100 * (double)layer[largest] / (double)top_window(top, device)->group.total.sum,
	    draw_time(&top->term, vbt_histogram_mean(&top_window(top, device)->group.total), mean),
	    top_node_name(top, device, name, sizeof(name)), where);
	if (!top->all && vbt_node_since(device, &since)) {
		const double seconds = (double)(top->snapshot->now_ns - since) / 1e9;
		const char *began = top_clock(top, since, clock);
		char length[32];

		snprintf(length, sizeof(length), *began ? " (%.*f s)" : " for %.*f s",
			 seconds < 10 ? 1 : 0, seconds);
		at += draw_text(2, at, top->term.columns - at, text, "%s%s",
				*began ? " since " : "", began);
		/* Whole, or not at all: half a number is another one. */
		if (at + (int)strlen(length) <= top->term.columns)
			draw_text(2, at, top->term.columns - at, top->theme.attr[THEME_dim], "%s",
				  length);
	}
}

/* What is being typed, or a message, or what is missing, or how many are stuck. */
static void draw_note(struct top *top)
{
	static const char *const prompts[] = {
	    [PROMPT_FILTER] = "filter", [PROMPT_SEEK] = "go to time (12.5s)"};
	const int width = top->term.columns - 2;

	draw_fill(3, 0, top->term.columns, top->theme.attr[THEME_text]);
	if (top->prompt)
		draw_text(3, 1, width, top->theme.attr[THEME_strong], "%s: %s_",
			  prompts[top->prompt], top->typed);
	else if (top->message[0])
		draw_text(3, 1, width, top->theme.attr[THEME_warn], "%s", top->message);
	else if (top->snapshot->stuck_all)
		draw_text(3, 1, width, top->theme.attr[THEME_bad],
			  " %llu request%s stuck: %s (r for all) ",
			  (unsigned long long)top->snapshot->stuck_all,
			  top->snapshot->stuck_all == 1 ? "" : "s",
			  vbt_wait_text(top->snapshot->stuck[0].mark));
	else if (top->filter[0])
		draw_text(3, 1, width, top->theme.attr[THEME_accent], "filter: %s", top->filter);
	else if (top->status.note[0])
		draw_text(3, 1, width, top->theme.attr[THEME_warn], "%s", top->status.note);
	else if (top->snapshot->ungrouped)
		draw_text(3, 1, width, top->theme.attr[THEME_warn],
			  "%llu requests of further devices are in no row",
			  (unsigned long long)top->snapshot->ungrouped);
}

void top_draw_header(struct top *top)
{
	draw_title(top);
	draw_state(top);
	draw_verdict(top);
	draw_note(top);
}

bool top_begin_view(struct top *top, const struct vbt_node *node)
{
	for (int row = TOP_HEADER; row < top->term.rows - 1; row++)
		draw_fill(row, 0, top->term.columns, top->theme.attr[THEME_text]);
	if (!node)
		draw_text(TOP_HEADER, 1, 60, top->theme.attr[THEME_dim], "no row to show");
	return node;
}

int top_scroll_begin(const struct top *top)
{
	return TOP_HEADER - top->scrolled;
}

void top_scroll_end(struct top *top, int end)
{
	const int more = end - (top->term.rows - 1) + top->scrolled;

	top->scroll_end = more > 0 ? more : 0;
}

void top_draw_scrolled(const struct top *top)
{
	const int below = top->scroll_end - top->scrolled;

	if (top->scroll_end)
		draw_right(top->term.rows - 1, top->term.columns - 21, 20,
			   top->theme.attr[THEME_accent], "%s: %d more", below ? "Down" : "Up",
			   below ? below : top->scrolled);
}
