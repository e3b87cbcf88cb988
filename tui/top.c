/* SPDX-License-Identifier: MIT */
/* The program: waits, takes what the feed has, does what keys say, has the views drawn. */
#include "tui/top.h"

#include <curses.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tui/top_impl.h"
#include "tui/top_state.h"

#define LIVE_MS   10  /* between two looks at a live feed */
#define REPLAY_MS 50  /* at one that is replayed */
#define PAUSED_MS 250 /* at one that stands still */
#define PAGE      10

/* What is smaller is not drawn on: the views have no room to be told apart. */
#define MIN_ROWS    16
#define MIN_COLUMNS 72

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

const struct vbt_node *top_node(const struct top *top)
{
	return top->node < top->snapshot->nodes ? top->snapshot->node[top->node] : NULL;
}

const struct vbt_window *top_window(const struct top *top, const struct vbt_node *node)
{
	return top->all ? node->all : node->now;
}

void top_say(struct top *top, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	vsnprintf(top->message, sizeof(top->message), format, list);
	va_end(list);
}

/* --- what keys do --------------------------------------------------------------------------- */

static void go(struct top *top, enum top_view view)
{
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

static void begin_prompt(struct top *top, enum top_prompt prompt)
{
	if (prompt == PROMPT_SEEK && !top->feed->class->seek) {
		seek(top, 0);
		return;
	}
	top->prompt = prompt;
	snprintf(top->typed, sizeof(top->typed), "%s", prompt == PROMPT_FILTER ? top->filter : "");
}

static int act(struct top *top, enum top_action action)
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
	case ACTION_LIST:
		top->list = (top->list + 1) % LIST_COUNT;
		top->request_cursor = top->request_first = 0;
		break;
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
	if (end == top->typed || !(seconds >= 0 && seconds < 1e9)) {
		top_say(top, "'%s' is not a number of seconds", top->typed);
		return 0;
	}
	top->feed->class->pause(top->feed, true);
	return seek(top, (uint64_t)(seconds * 1e9 + 0.5));
}

static int type(struct top *top, int key)
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

static int click(struct top *top, const struct term_input *input)
{
	const unsigned row = (unsigned)(input->row - TOP_HEADER - 1) + top->first;

	if (input->row == top->term.rows - 1)
		return act(top, keys_bar_at(top_keys, top->view, &top->term, input->column));
	if (top->view == VIEW_TABLE && input->row == TOP_HEADER) {
		top_sort_at(top, input->column);
	} else if (top->view == VIEW_TABLE && input->row > TOP_HEADER && row < top->rows) {
		top->cursor = row;
		top->moved = true;
		top->node = top->row[row];
		if (input->twice)
			open_it(top);
	} else if (top->view == VIEW_REQUESTS && input->row > TOP_HEADER + 1 &&
		   (unsigned)(input->row - TOP_HEADER - 2) + top->request_first < top->requests) {
		top->request_cursor = (unsigned)(input->row - TOP_HEADER - 2) + top->request_first;
	}
	return 0;
}

/* --- the screen ----------------------------------------------------------------------------- */

static void draw_help(struct top *top)
{
	unsigned count;

	erase();
	draw_fill(0, 0, top->term.columns, top->theme.attr[THEME_title]);
	draw_text(0, 1, top->term.columns - 2, top->theme.attr[THEME_title],
		  "vbtrace top: keys of the %s", top_view_names[top->before_help]);
	count =
	    keys_draw_help(top_keys, top->before_help, top->help_first, &top->term, &top->theme);
	if (count && top->help_first >= count)
		top->help_first = count - 1;
}

static void draw(struct top *top)
{
	static void (*const views[VIEW_COUNT])(struct top *) = {
	    [VIEW_TABLE] = top_draw_table,         [VIEW_DETAIL] = top_draw_detail,
	    [VIEW_REQUESTS] = top_draw_requests,   [VIEW_HEAT] = top_draw_heat,
	    [VIEW_WATERFALL] = top_draw_waterfall, [VIEW_HELP] = draw_help,
	};

	top->dirty = false;
	top->snapshot = top->frozen ? top->frozen : vbt_monitor_snapshot(top->feed->monitor);
	top->feed->class->status(top->feed, &top->status);
	if (!top->window_chosen)
		top->all = top->status.ended && !top->status.live;
	if (top->term.rows < MIN_ROWS || top->term.columns < MIN_COLUMNS) {
		erase();
		draw_text(top->term.rows / 2, 0, top->term.columns, top->theme.attr[THEME_strong],
			  "too small: %dx%d", MIN_COLUMNS, MIN_ROWS);
		refresh();
		return;
	}
	top_make_rows(top);
	if (top->view != VIEW_HELP)
		top_draw_header(top);
	views[top->view](top);
	keys_draw_bar(top_keys, top->view, &top->term, &top->theme);
	refresh();
}

/* Events a second over the last interval of the trace's own time. */
static void on_tick(void *context)
{
	struct top *top = context;
	struct vbt_monitor *monitor = top->feed->monitor;
	const uint64_t events = vbt_correlator_stats(vbt_monitor_correlator(monitor))->events;
	const uint64_t now = vbt_monitor_snapshot(monitor)->now_ns;

	if (now > top->events_ns && events >= top->events_before && top->events_ns)
		top->events_rate =
		    (double)(events - top->events_before) * 1e9 / (double)(now - top->events_ns);
	top->events_before = events;
	top->events_ns = now;
	top->dirty = true;
}

static int handle(struct top *top, enum term_event event, const struct term_input *input)
{
	switch (event) {
	case TERM_KEY:
		top->dirty = true;
		top->message[0] = '\0';
		if (top->prompt)
			return type(top, input->key);
		return act(top, keys_action(top_keys, top->view, input->key));
	case TERM_CLICK: top->dirty = true; return click(top, input);
	case TERM_RESIZE: top->dirty = true; break;
	case TERM_END: top->over = true; break;
	case TERM_IDLE: break;
	}
	return 0;
}

static int run(struct top *top)
{
	struct feed *feed = top->feed;
	struct term_input input;
	int error = 0;

	while (!error && !top->over) {
		int wait = top->status.live                          ? LIVE_MS
			   : top->status.paused || top->status.ended ? PAUSED_MS
								     : REPLAY_MS;
		bool ended = top->status.ended;

		error = handle(top, term_wait(&top->term, top->dirty ? 0 : wait, &input), &input);
		if (!error)
			error = feed->class->advance(feed, now_ns());
		if (error)
			break;
		/* A replay's position moves without an interval's end. */
		if (!top->status.live && !top->status.paused && !top->status.ended)
			top->dirty = true;
		if (top->dirty)
			draw(top);
		if (!ended && top->status.ended && !top->status.live)
			top->dirty = true;
	}
	return error;
}

static int begin(struct top *top, const struct top_settings *settings, char *err, size_t err_size)
{
	struct feed *feed = top->feed;

	feed->tick = on_tick;
	feed->tick_context = top;
	if (!settings->at_given)
		return 0;
	feed->class->pause(feed, true);
	return feed->class->seek(feed, settings->at_ns, err, err_size);
}

int top_run(struct feed *feed, const struct top_settings *settings, char *err, size_t err_size)
{
	struct top *top = calloc(1, sizeof(*top));
	int error;

	snprintf(err, err_size, "out of memory");
	if (!top)
		return -1;
	top->feed = feed;
	top->level = settings->level;
	top->node = VBT_NODE_NONE;
	top->percentile = VBT_PERCENTILE_p99;
	top_sort_default(top);
	top->dirty = true;
	if (settings->state)
		top_state_read(top, settings->state);
	error = begin(top, settings, err, err_size);
	if (!error) {
		error = term_start(&top->term, err, err_size);
		if (error)
			snprintf(err + strlen(err), err_size - strlen(err), ", or use -b");
	}
	if (!error) {
		theme_init(&top->theme, settings->theme, &top->term);
		draw(top);
		error = run(top);
		if (error)
			snprintf(err, err_size, "cannot go on: %s", strerror(-error));
		term_stop(&top->term);
		if (!error && settings->state) {
			error = top_state_write(top, settings->state);
			if (error)
				snprintf(err, err_size, "cannot write '%s': %s", settings->state,
					 strerror(-error));
		}
	}
	feed->tick = NULL;
	feed->tick_context = NULL;
	vbt_snapshot_free(top->frozen);
	free(top);
	return error ? -1 : 0;
}

void top_write_keys(FILE *out)
{
	keys_write_markdown(top_keys, top_view_names, out);
}
