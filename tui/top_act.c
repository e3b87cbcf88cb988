/* SPDX-License-Identifier: MIT */
/* What keys and the mouse do. */
#include <curses.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "tui/top_impl.h"

#define PAGE 10

void top_say(struct top *top, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	vsnprintf(top->message, sizeof(top->message), format, list);
	va_end(list);
}

static void go(struct top *top, enum top_view view)
{
	top->scrolled = 0;
	top->back = top->view;
	top->view = view;
}

static void move_by(struct top *top, int by)
{
	unsigned *at = top->view == VIEW_REQUESTS ? &top->request_cursor : &top->cursor;
	unsigned count = top->view == VIEW_REQUESTS ? top->requests : top->rows;

	if (top->view == VIEW_HELP) {
		top->help_first =
		    by < 0 && top->help_first < (unsigned)-by ? 0 : top->help_first + (unsigned)by;
		return;
	}
	if (top->view == VIEW_DETAIL || top->view == VIEW_WATERFALL) {
		top->scrolled += by;
		if (top->scrolled > top->scroll_end)
			top->scrolled = top->scroll_end;
		if (top->scrolled < 0)
			top->scrolled = 0;
		return;
	}
	if (by < 0)
		*at = *at < (unsigned)-by ? 0 : *at - (unsigned)-by;
	else
		*at = *at + (unsigned)by < count ? *at + (unsigned)by : count ? count - 1 : 0;
	top->moved |= top->view == VIEW_TABLE;
	if (top->view == VIEW_TABLE)
		top->node = top->rows ? top->row[top->cursor] : VBT_NODE_NONE;
}

static void open_it(struct top *top)
{
	if (top->view == VIEW_TABLE && top_node(top)) {
		top->moved = true;
		go(top, VIEW_DETAIL);
	} else if (top->view == VIEW_REQUESTS && top->request_at) {
		top->request = *top->request_at;
		go(top, VIEW_WATERFALL);
	}
}

static void go_back(struct top *top)
{
	top->scrolled = 0;
	if (top->view == VIEW_HELP)
		top->view = top->before_help;
	else if (top->view == VIEW_WATERFALL)
		top->view = VIEW_REQUESTS;
	else
		top->view = VIEW_TABLE;
}

static void fold(struct top *top, bool unfold)
{
	const struct vbt_node *node = top_node(top);

	if (!node)
		return;
	top->moved = true;
	if (unfold || top->open[top->node]) {
		top->open[top->node] = unfold && node->level < VBT_NODE_OP;
	} else if (node->parent != VBT_NODE_NONE) {
		top->node = node->parent;
		top->open[top->node] = false;
	}
}

static void next_level(struct top *top)
{
	top->level = (top->level + 1) % VBT_NODE_LEVELS;
	for (uint32_t i = 0; i < top->snapshot->nodes; i++)
		top->open[i] = top->snapshot->node[i]->level < top->level;
}

/* A recording that has stopped and is to be shown as of another time; `to` is a position. */
static int seek(struct top *top, uint64_t to)
{
	char err[200];
	int error;

	if (!top->feed->class->seek) {
		top_say(top, "this is live: there is no other time to go to");
		return 0;
	}
	error = top->feed->class->seek(top->feed, to, err, sizeof(err));
	if (error)
		top_say(top, "%s", err);
	return error == -ESPIPE ? 0 : error;
}

static int step(struct top *top, int intervals)
{
	const uint64_t by = top->feed->interval_ns, at = top->status.position_ns;

	if (!top->feed->class->seek)
		return 0;
	top->feed->class->pause(top->feed, true);
	return seek(top, intervals > 0 ? at + by : at > by ? at - by : 0);
}

static void change_speed(struct top *top, double factor)
{
	double speed = top->status.speed * factor;

	if (!top->feed->class->speed)
		top_say(top, "this is live: it goes as it goes");
	else if (speed >= 0.01 && speed <= 1000)
		top->feed->class->speed(top->feed, speed);
}

static int change_interval(struct top *top, bool longer)
{
	static const uint64_t steps[] = {10,   20,   50,   100,   200,   500,
					 1000, 2000, 5000, 10000, 30000, 60000};
	const unsigned count = sizeof(steps) / sizeof(steps[0]);
	unsigned i = 0;
	uint64_t to;
	char err[200];
	int error;

	while (i < count && steps[i] * 1000000 < top->feed->interval_ns)
		i++;
	if (longer)
		i += i < count && steps[i] * 1000000 == top->feed->interval_ns;
	else
		i = i ? i - 1 : 0;
	to = steps[i < count ? i : count - 1] * 1000000;
	error = top->feed->class->interval(top->feed, to, err, sizeof(err));
	if (error)
		top_say(top, "%s", err);
	return error == -ESPIPE ? 0 : error;
}

/* A recording is paused; of what happens now a copy is looked at, while it goes on. */
static void freeze(struct top *top)
{
	if (top->feed->class->pause) {
		top->feed->class->pause(top->feed, !top->status.paused);
		return;
	}
	if (top->frozen) {
		vbt_snapshot_free(top->frozen);
		top->frozen = NULL;
	} else {
		top->frozen = vbt_snapshot_copy(top->snapshot);
		if (!top->frozen)
			top_say(top, "cannot freeze: out of memory");
	}
}

static void next_series(struct top *top, int by)
{
	const struct vbt_node *node = top_node(top);
	unsigned count = node ? node->heat->count : 1;

	/* Those without a value are passed over. */
	for (unsigned i = 0; i < count; i++) {
		top->series = (top->series + count + (unsigned)(by + (int)count)) % count;
		if (!node || node->heat->series[top->series].column)
			return;
	}
}

static void show_list(struct top *top, enum top_list list)
{
	top->list = list;
	top->request_cursor = top->request_first = 0;
}

static void begin_prompt(struct top *top, enum top_prompt prompt)
{
	if (prompt == PROMPT_SEEK && !top->feed->class->seek) {
		seek(top, 0);
		return;
	}
	top->prompt = prompt;
	snprintf(top->typed, sizeof(top->typed), "%s", prompt == PROMPT_FILTER ? top->filter : "");
}

int top_act(struct top *top, enum top_action action)
{
	switch (action) {
	case ACTION_UP: move_by(top, -1); break;
	case ACTION_DOWN: move_by(top, 1); break;
	case ACTION_PAGE_UP: move_by(top, -PAGE); break;
	case ACTION_PAGE_DOWN: move_by(top, PAGE); break;
	case ACTION_FIRST: move_by(top, -VBT_SNAPSHOT_RECENT); break;
	case ACTION_LAST: move_by(top, VBT_SNAPSHOT_RECENT); break;
	case ACTION_OPEN: open_it(top); break;
	case ACTION_BACK: go_back(top); break;
	case ACTION_VIEW: go(top, (top->view + 1) % (VIEW_HEAT + 1)); break;
	case ACTION_TABLE: go(top, VIEW_TABLE); break;
	case ACTION_DETAIL: go(top, VIEW_DETAIL); break;
	case ACTION_REQUESTS: go(top, VIEW_REQUESTS); break;
	case ACTION_HEAT: go(top, VIEW_HEAT); break;
	case ACTION_LIST: show_list(top, (top->list + 1) % LIST_COUNT); break;
	case ACTION_FILTER: begin_prompt(top, PROMPT_FILTER); break;
	case ACTION_FOLD: fold(top, false); break;
	case ACTION_UNFOLD: fold(top, true); break;
	case ACTION_LEVEL: next_level(top); break;
	case ACTION_SORT: top_sort_by(top, 1); break;
	case ACTION_SORT_BACK: top_sort_by(top, -1); break;
	case ACTION_INVERT: top->ascending = !top->ascending; break;
	case ACTION_PERCENTILE:
		top->percentile = (top->percentile + 1) % VBT_PERCENTILE_COUNT;
		break;
	case ACTION_WINDOW:
		top->all = !top->all;
		top->window_chosen = true;
		break;
	case ACTION_SERIES: next_series(top, 1); break;
	case ACTION_SERIES_BACK: next_series(top, -1); break;
	case ACTION_FREEZE: freeze(top); break;
	case ACTION_SLOWER: change_speed(top, 0.5); break;
	case ACTION_FASTER: change_speed(top, 2); break;
	case ACTION_STEP_BACK: return step(top, -1);
	case ACTION_STEP: return step(top, 1);
	case ACTION_START: return seek(top, 0);
	case ACTION_END: return seek(top, UINT64_MAX);
	case ACTION_SEEK: begin_prompt(top, PROMPT_SEEK); break;
	case ACTION_SHORTER: return change_interval(top, false);
	case ACTION_LONGER: return change_interval(top, true);
	case ACTION_REDRAW: clearok(stdscr, TRUE); break;
	case ACTION_HELP:
		top->before_help = top->view;
		top->view = VIEW_HELP;
		top->help_first = 0;
		break;
	case ACTION_QUIT: top->over = true; break;
	case ACTION_NONE: break;
	}
	return 0;
}

/* --- typing --------------------------------------------------------------------------------- */

static int end_prompt(struct top *top)
{
	enum top_prompt prompt = top->prompt;
	char *end;
	double seconds;

	top->prompt = PROMPT_NONE;
	if (prompt != PROMPT_SEEK)
		return 0;
	seconds = strtod(top->typed, &end);
	end += *end == 's';
	if (end == top->typed || *end || !(seconds >= 0 && seconds < 1e9)) {
		top_say(top, "'%s' is not a number of seconds", top->typed);
		return 0;
	}
	top->feed->class->pause(top->feed, true);
	return seek(top, (uint64_t)(seconds * 1e9 + 0.5));
}

int top_type(struct top *top, int key)
{
	size_t length = strlen(top->typed);

	if (key == '\r' || key == '\n' || key == KEY_ENTER)
		return end_prompt(top);
	if (key == KEY_ESC) {
		if (top->prompt == PROMPT_FILTER)
			top->filter[0] = '\0';
		top->prompt = PROMPT_NONE;
		return 0;
	}
	if (key == KEY_BACKSPACE || key == 127 || key == '\b') {
		if (length)
			top->typed[length - 1] = '\0';
	} else if (key >= 32 && key < 127 && length + 1 < sizeof(top->typed)) {
		top->typed[length] = (char)key;
		top->typed[length + 1] = '\0';
	}
	if (top->prompt == PROMPT_FILTER)
		memcpy(top->filter, top->typed, sizeof(top->filter));
	return 0;
}

/* A row of a list was pointed at: `line` of those that are shown. */
static int point(struct top *top, unsigned line, bool twice)
{
	unsigned *at = top->view == VIEW_REQUESTS ? &top->request_cursor : &top->cursor;
	const unsigned first = top->view == VIEW_REQUESTS ? top->request_first : top->first;
	const unsigned count = top->view == VIEW_REQUESTS ? top->requests : top->rows;

	if (line >= top->room || first + line >= count)
		return 0;
	move_by(top, (int)(first + line) - (int)*at);
	/* What a request is, the view knows when it has drawn the cursor there. */
	if (twice && top->view == VIEW_REQUESTS)
		top_draw_requests(top);
	return twice ? top_act(top, ACTION_OPEN) : 0;
}

int top_click(struct top *top, const struct term_input *input)
{
	const int line = input->row - TOP_HEADER;
	enum top_list list;

	if (input->row == top->term.rows - 1)
		return top_act(top, (enum top_action)keys_bar_at(top_keys, top->view, &top->term,
								 input->column));
	if (line < 0)
		return 0;
	if (top->view == VIEW_TABLE && !line)
		top_sort_at(top, input->column);
	else if (top->view == VIEW_TABLE)
		return point(top, (unsigned)line - 1, input->twice);
	else if (top->view == VIEW_REQUESTS && line > 1)
		return point(top, (unsigned)line - 2, input->twice);
	else if (top->view == VIEW_REQUESTS && !line &&
		 (list = top_list_at(top, input->column)) != LIST_COUNT)
		show_list(top, list);
	return 0;
}
