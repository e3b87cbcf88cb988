/* SPDX-License-Identifier: MIT */
/* The program: waits, takes what the feed has, does what keys say, has the views drawn. */
#include "tui/top.h"

#include <curses.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/now.h"
#include "tui/top_impl.h"
#include "tui/top_state.h"

#define LIVE_MS   10  /* between two looks at a live feed */
#define REPLAY_MS 50  /* at one that is replayed */
#define PAUSED_MS 250 /* at one that stands still */

/* What is smaller is not drawn on: the views have no room to be told apart. */
#define MIN_ROWS    16
#define MIN_COLUMNS 72

const struct vbt_node *top_node(const struct top *top)
{
	return top->node < top->snapshot->nodes ? top->snapshot->node[top->node] : NULL;
}

const struct vbt_window *top_window(const struct top *top, const struct vbt_node *node)
{
	return top->all ? node->all : node->now;
}

/* Below the keys, if they leave room: what the layers are. */
static void draw_layers_help(struct top *top, int row)
{
	if (row + VBT_LAYER_COUNT > top->term.rows - 2)
		return;
	for (unsigned layer = 0; layer < VBT_LAYER_COUNT; layer++, row++) {
		draw_text(row, 2, 8, theme_layer_text(&top->theme, layer), "%s",
			  vbt_layer_name(layer));
		draw_text(row, 24, top->term.columns - 24, top->theme.attr[THEME_text], "%s",
			  vbt_layer_meaning(layer));
	}
}

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
	draw_layers_help(top, 3 + (int)(count - top->help_first));
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
			  "too small: %dx%d at least", MIN_COLUMNS, MIN_ROWS);
		refresh();
		return;
	}
	top_make_rows(top);
	views[top->view](top);
	/* What was larger than the screen and is not, because that became larger. */
	if (top->scrolled > top->scroll_end) {
		top->scrolled = top->scroll_end;
		views[top->view](top);
	}
	if (top->view != VIEW_HELP)
		top_draw_header(top);
	keys_draw_bar(top_keys, top->view, &top->term, &top->theme);
	if (top->view == VIEW_DETAIL || top->view == VIEW_WATERFALL)
		top_draw_scrolled(top);
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
			return top_type(top, input->key);
		return top_act(top, keys_action(top_keys, top->view, input->key));
	case TERM_CLICK:
		top->dirty = true;
		top->message[0] = '\0';
		return top_click(top, input);
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
			error = feed->class->advance(feed, vbt_now_ns());
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
