/* SPDX-License-Identifier: MIT */
/* One request's marks on a time axis, and beside it those of the same kick and the same interrupt. */
#include <stdio.h>

#include "lib/event.h"
#include "lib/json.h"
#include "tui/top_impl.h"

#define AXIS_AT    42
#define NAMES_AT   2
#define NEIGHBOURS 64

struct axis {
	uint64_t begin, length;
	int at, width;
};

static int place(const struct axis *axis, uint64_t time)
{
	double share;

	if (time <= axis->begin || !axis->length)
		return axis->at;
	share = (double)(time - axis->begin) / (double)axis->length;
	return axis->at + (share >= 1 ? axis->width - 1 : (int)(share * (axis->width - 1) + 0.5));
}

static void draw_span(struct top *top, int row, const struct axis *axis, uint64_t from, uint64_t to,
		      unsigned layer)
{
	int start = place(axis, from), end = place(axis, to);

	if (end == start)
		end++;
	if (top->theme.colours) {
		draw_fill(row, start, end - start, theme_layer_fill(&top->theme, layer));
		return;
	}
	for (int i = start; i < end; i++)
		draw_text(row, i, 1, top->theme.attr[THEME_text], "%c", vbt_layer_name(layer)[0]);
}

static void draw_mark(struct top *top, const struct vbt_request *request, unsigned mark,
		      const struct vbt_segment *step, const struct axis *axis, int row)
{
	const unsigned dim = top->theme.attr[THEME_dim], text = top->theme.attr[THEME_text];
	const bool inferred = request->inferred >> mark & 1;
	char since[DRAW_NUMBER], took[DRAW_NUMBER] = "";
	uint64_t time = request->mark[mark];

	if (!vbt_request_has(request, mark)) {
		draw_text(row, NAMES_AT, 12, dim, "%c %s", vbt_mark_letter(mark),
			  vbt_point_name(mark));
		draw_text(row, NAMES_AT + 12, top->term.columns - NAMES_AT - 13, dim, "%s",
			  request->absent[mark] ? vbt_absent_reason(request, mark, top->feed->info)
						: "has not come");
		return;
	}
	draw_text(row, NAMES_AT, 12, top->theme.attr[THEME_strong], "%c %s", vbt_mark_letter(mark),
		  vbt_point_name(mark));
	draw_right(row, NAMES_AT + 11, 7, text, "%s",
		   time < axis->begin ? "before"
				      : draw_time(&top->term, time - axis->begin, since));
	if (step)
		draw_time(&top->term, step->ns, took);
	draw_right(row, NAMES_AT + 18, 8, step ? theme_layer_text(&top->theme, step->layer) : dim,
		   "%s%s", step ? "+" : "", took);
	draw_text(row, NAMES_AT + 28, 8, inferred ? top->theme.attr[THEME_warn] : dim,
		  inferred ? "inferred" : "exact");
	if (step)
		draw_span(top, row, axis, time - step->ns, time, step->layer);
	else
		draw_text(row, place(axis, time), 1, text, "|");
}

/* A request of the same queue that shares the kick or the interrupt. */
static bool is_neighbour(const struct vbt_request *a, const struct vbt_request *b, bool *kick,
			 bool *irq)
{
	if (a->id == b->id || a->target != b->target || a->device != b->device ||
	    a->queue != b->queue)
		return false;
	*kick = a->kick_seq && a->kick_seq == b->kick_seq;
	*irq = a->irq_seq && a->irq_seq == b->irq_seq;
	return *kick || *irq;
}

/* Returns the row behind them. */
static int draw_neighbours(struct top *top, const struct vbt_request *request,
			   const struct axis *axis, int row)
{
	const struct vbt_snapshot *s = top->snapshot;
	const uint64_t kept = s->requests < VBT_SNAPSHOT_RECENT ? s->requests : VBT_SNAPSHOT_RECENT;
	const unsigned dim = top->theme.attr[THEME_dim];
	const int head = row++;
	unsigned count = 0;

	for (uint64_t i = s->requests - kept; i < s->requests; i++) {
		const struct vbt_request *other = &s->recent[i % VBT_SNAPSHOT_RECENT];
		struct vbt_segment segment[VBT_MARK_COUNT - 1];
		unsigned segments, life = vbt_request_life(other);
		uint64_t at;
		bool kick, irq;
		char total[DRAW_NUMBER];

		if (!life || !is_neighbour(request, other, &kick, &irq) || count++ >= NEIGHBOURS)
			continue;
		draw_right(row, 0, 8, top->theme.attr[THEME_text], "%llu",
			   (unsigned long long)other->id);
		draw_text(row, 10, 8, top->theme.attr[THEME_text], "%s",
			  vbt_request_has(other, VBT_MARK_parse) ? vbt_op_name(other->op) : "?");
		draw_right(row, 18, 8, top->theme.attr[THEME_text], "%s",
			   draw_time(&top->term, vbt_request_total(other), total));
		draw_text(row, 28, 14, dim, kick && irq ? "kick, irq" : kick ? "kick" : "irq");
		segments = vbt_request_segments(other, segment);
		at = other->mark[__builtin_ctz(life)];
		for (unsigned j = 0; j < segments; at += segment[j++].ns)
			if (at + segment[j].ns > axis->begin && at < axis->begin + axis->length)
				draw_span(top, row, axis, at, at + segment[j].ns, segment[j].layer);
		row++;
	}
	draw_text(head, 1, top->term.columns - 2, dim,
		  count ? "%u other request%s of the same kick or interrupt, on the same axis"
			: "no other request is kept that has the same kick or interrupt",
		  count, count == 1 ? "" : "s");
	return row;
}

void top_draw_waterfall(struct top *top)
{
	const struct vbt_request *request = &top->request;
	const unsigned life = vbt_request_life(request);
	struct vbt_segment segment[VBT_MARK_COUNT - 1];
	unsigned count = vbt_request_segments(request, segment);
	char disk[24], total[DRAW_NUMBER], end[DRAW_NUMBER];
	struct axis axis = {
	    .begin = life ? request->mark[__builtin_ctz(life)] : 0,
	    .length = vbt_request_total(request),
	    .at = AXIS_AT,
	    .width = top->term.columns - AXIS_AT - 1,
	};
	int row = TOP_HEADER, at;

	for (; row < top->term.rows - 1; row++)
		draw_fill(row, 0, top->term.columns, top->theme.attr[THEME_text]);
	row = top_scroll_begin(top);
	at = draw_text(
	    row, 1, top->term.columns - 2, top->theme.attr[THEME_strong],
	    "request %llu: %s of %u bytes at sector %llu, %s queue %u",
	    (unsigned long long)request->id,
	    vbt_request_has(request, VBT_MARK_parse) ? vbt_op_name(request->op) : "?",
	    request->bytes, (unsigned long long)request->sector,
	    vbt_trace_info_device_name(top->feed->info, request->target, request->device, disk),
	    request->queue);
	if (vbt_request_has(request, VBT_MARK_push))
		draw_text(row, at + 2, 20,
			  top->theme.attr[request->status ? THEME_bad : THEME_good], "%s",
			  vbt_status_name(request->status));
	row++;
	draw_fill(row, 0, top->term.columns, top->theme.attr[THEME_heading]);
	draw_text(row, NAMES_AT, 40, top->theme.attr[THEME_heading],
		  "MARK         since    step  link");
	draw_text(row, axis.at, 4, top->theme.attr[THEME_heading], "0");
	draw_right(row, axis.at, axis.width, top->theme.attr[THEME_heading], "%s",
		   draw_time(&top->term, axis.length, end));
	row++;
	for (unsigned mark = 0; mark < VBT_MARK_COUNT; mark++) {
		const struct vbt_segment *step = NULL;

		for (unsigned i = 0; i < count; i++)
			if (segment[i].to == mark)
				step = &segment[i];
		draw_mark(top, request, mark, step, &axis, row++);
	}
	draw_text(row, NAMES_AT, 20, top->theme.attr[THEME_strong], "total %s",
		  draw_time(&top->term, axis.length, total));
	if (!request->complete)
		draw_text(row, NAMES_AT + 14, 24, top->theme.attr[THEME_warn],
			  "incomplete: not counted");
	row++;
	top_scroll_end(top, draw_neighbours(top, request, &axis, row));
}
