/* SPDX-License-Identifier: MIT */
/* Single requests of a row: the slowest, the latest, and those that are stuck. */
#include <stdio.h>
#include <string.h>

#include "lib/event.h"
#include "tui/top_impl.h"

#define MAX_LIST VBT_SNAPSHOT_RECENT

struct entry {
	const struct vbt_request *request;
	const struct vbt_stuck *stuck; /* NULL: it is not */
};

/* The index-th request of the list that is of the node; entry->request NULL behind the last. The
 * lists are short, but for the latest: `from` is where the one before was found. */
static bool next_entry(const struct top *top, const struct vbt_node *node, uint64_t *from,
		       struct entry *entry)
{
	const struct vbt_snapshot *s = top->snapshot;

	for (;; (*from)++) {
		*entry = (struct entry){0};
		switch (top->list) {
		case LIST_SLOWEST:
			if (*from >= s->slow)
				return false;
			entry->request = &s->slowest[*from];
			break;
		case LIST_LATEST:
			if (*from >= s->requests || *from >= VBT_SNAPSHOT_RECENT)
				return false;
			entry->request =
			    &s->recent[(s->requests - 1 - *from) % VBT_SNAPSHOT_RECENT];
			break;
		default:
			if (*from >= s->stuck_count)
				return false;
			entry->stuck = &s->stuck[*from];
			entry->request = &entry->stuck->request;
			break;
		}
		/* What is stuck is shown whatever the row. */
		if (top->list == LIST_STUCK || !node || vbt_node_has(node, entry->request)) {
			(*from)++;
			return true;
		}
	}
}

static uint64_t first_time(const struct vbt_request *request)
{
	unsigned life = vbt_request_life(request);

	return life ? request->mark[__builtin_ctz(life)] : 0;
}

static const char *const lists[LIST_COUNT] = {"slowest", "latest", "stuck"};

/* The column behind a list's name, blanks and all; `stuck` has its number behind it. */
static int tab_end(enum top_list list)
{
	int at = 1;

	for (unsigned i = 0; i <= list; i++)
		at += (int)strlen(lists[i]) + 3;
	return at;
}

enum top_list top_list_at(const struct top *top, int column)
{
	enum top_list list = LIST_SLOWEST;

	while (list < LIST_COUNT && column >= tab_end(list))
		list++;
	return column < 1 ? LIST_COUNT : list;
}

static void draw_tabs(struct top *top, const struct vbt_node *node, int row)
{
	char name[96];
	int at = 1;

	draw_fill(row, 0, top->term.columns, top->theme.attr[THEME_text]);
	for (unsigned i = 0; i < LIST_COUNT; i++) {
		unsigned attr = top->theme.attr[i == top->list ? THEME_selected : THEME_dim];

		at += draw_text(row, at, 24, attr, " %s ", lists[i]);
		if (i == LIST_STUCK && top->snapshot->stuck_all)
			at += draw_text(row, at, 12, top->theme.attr[THEME_bad], " %llu ",
					(unsigned long long)top->snapshot->stuck_all);
		at++;
	}
	draw_text(row, at + 1, top->term.columns - at - 2, top->theme.attr[THEME_strong], "%s",
		  top->list == LIST_STUCK ? "of all rows"
		  : node                  ? top_node_name(top, node, name, sizeof(name))
					  : "");
}

static int draw_what(struct top *top, const struct vbt_request *request, int row, unsigned attr)
{
	const bool parsed = vbt_request_has(request, VBT_MARK_parse);
	const bool pushed = vbt_request_has(request, VBT_MARK_push);
	char disk[24], bytes[DRAW_NUMBER], clock[16];

	draw_right(row, 0, 8, attr, "%llu", (unsigned long long)request->id);
	draw_text(row, 10, 8, attr, "%s", top_clock(top, first_time(request), clock));
	draw_text(
	    row, 20, 11, attr, "%s/%u",
	    vbt_trace_info_device_name(top->feed->info, request->target, request->device, disk),
	    request->queue);
	draw_text(row, 29, 7, attr, "%s", parsed ? vbt_op_name(request->op) : "?");
	draw_right(row, 35, 10, attr, "%llu", (unsigned long long)(parsed ? request->sector : 0));
	draw_right(row, 45, 6, attr, "%s", draw_bytes(parsed ? request->bytes : 0, bytes));
	if (pushed && request->status)
		draw_text(row, 52, 6, top->theme.attr[THEME_bad], "%s",
			  vbt_status_name(request->status));
	return 58;
}

static void draw_entry(struct top *top, const struct entry *entry, int row, bool selected)
{
	const unsigned attr = top->theme.attr[selected ? THEME_selected : THEME_text];
	const struct vbt_request *request = entry->request;
	uint64_t layer[VBT_LAYER_COUNT];
	char time[DRAW_NUMBER];
	int at;

	draw_fill(row, 0, top->term.columns, attr);
	at = draw_what(top, request, row, attr);
	if (entry->stuck) {
		uint64_t age = top->snapshot->now_ns - entry->stuck->since_ns;

		/* Where it waits is what matters here: it begins where the status would be. */
		draw_right(row, at - 7, 6, top->theme.attr[THEME_bad], "%s",
			   draw_time(&top->term, age, time));
		draw_text(row, at, top->term.columns - at - 1, attr, "at %s: %s%s",
			  vbt_point_name((unsigned)entry->stuck->mark),
			  vbt_wait_text(entry->stuck->mark),
			  entry->stuck->gave_up ? " (given up)" : "");
		return;
	}
	draw_right(row, at, 6, top->theme.attr[selected ? THEME_selected : THEME_strong], "%s",
		   draw_time(&top->term, vbt_request_total(request), time));
	vbt_request_layers(request, layer);
	draw_layers(row, at + 7, top->term.columns - at - 8, layer, &top->theme);
}

void top_draw_requests(struct top *top)
{
	const struct vbt_node *node = top_node(top);
	const int room = top->term.rows - TOP_HEADER - 3, head = TOP_HEADER + 1;
	struct entry entry;
	uint64_t from = 0;

	top->room = (unsigned)room;
	top->requests = 0;
	while (next_entry(top, node, &from, &entry))
		top->requests++;
	if (top->request_cursor >= top->requests)
		top->request_cursor = top->requests ? top->requests - 1 : 0;
	if (top->request_cursor < top->request_first)
		top->request_first = top->request_cursor;
	if (top->request_cursor >= top->request_first + (unsigned)room)
		top->request_first = top->request_cursor - (unsigned)room + 1;
	draw_tabs(top, node, TOP_HEADER);
	draw_fill(head, 0, top->term.columns, top->theme.attr[THEME_heading]);
	draw_text(head, 0, top->term.columns, top->theme.attr[THEME_heading],
		  " REQUEST  begun     disk/q   op         sector bytes%s",
		  top->list == LIST_STUCK ? "   since waits" : "        total time by layer");
	for (int row = head + 1; row < top->term.rows - 1; row++)
		draw_fill(row, 0, top->term.columns, top->theme.attr[THEME_text]);
	top->request_at = NULL;
	from = 0;
	for (unsigned i = 0; next_entry(top, node, &from, &entry); i++) {
		const bool selected = i == top->request_cursor;

		if (selected)
			top->request_at = entry.request;
		if (i >= top->request_first && i < top->request_first + (unsigned)room)
			draw_entry(top, &entry, head + 1 + (int)(i - top->request_first), selected);
	}
	if (!top->requests)
		draw_text(head + 2, 2, 60, top->theme.attr[THEME_dim],
			  top->list == LIST_STUCK ? "no request waits for too long"
						  : "no requests yet");
}
