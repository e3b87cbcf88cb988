/* SPDX-License-Identifier: MIT */
/* Inside top: what the views share. top.c runs them; each other file draws one. */
#ifndef TUI_TOP_IMPL_H
#define TUI_TOP_IMPL_H

#include "tui/draw.h"
#include "tui/feed.h"
#include "tui/top.h"
#include "tui/top_keys.h"

#define TOP_HEADER  4 /* rows above every view: title, state, verdict, note */
#define TOP_COLUMNS (8 + VBT_LAYER_COUNT + 2) /* of the table, by which it can be sorted */
#define TOP_TEXT    64

enum top_list { LIST_SLOWEST, LIST_LATEST, LIST_STUCK, LIST_COUNT };
enum top_prompt { PROMPT_NONE, PROMPT_FILTER, PROMPT_SEEK };

struct top {
	struct feed *feed;
	struct term term;
	struct theme theme;
	struct feed_status status;
	const struct vbt_snapshot *snapshot; /* the feed's, or the frozen one */
	struct vbt_snapshot *frozen;
	enum top_view view, back, before_help;
	bool over, dirty;
	uint64_t events_before, events_ns; /* for the events a second */
	double events_rate;

	/* the table */
	bool open[VBT_SNAPSHOT_NODES]; /* unfolded, by node */
	enum vbt_node_level level;     /* nodes above it are unfolded when they appear */
	uint32_t known;                /* nodes that appeared already */
	uint32_t row[VBT_SNAPSHOT_NODES];
	unsigned rows;
	unsigned room; /* rows of this list, or of requests, that the screen has */
	unsigned cursor, first;
	bool moved;    /* by the user: until then the cursor is on the first row */
	uint32_t node; /* that the cursor is on, and all views are about; VBT_NODE_NONE */
	unsigned sort;
	bool ascending, all;
	bool window_chosen; /* by the user; else a recording at its end shows all of it */
	enum vbt_percentile percentile;
	char filter[TOP_TEXT];

	enum top_prompt prompt;
	char typed[TOP_TEXT];
	char message[160]; /* until the next key */

	/* other views */
	unsigned series;
	enum top_list list;
	unsigned request_cursor, request_first, requests;
	const struct vbt_request *request_at; /* that the cursor is on; until the next tick */
	struct vbt_request request;           /* of the waterfall */
	unsigned help_first;
	int scrolled, scroll_end; /* rows of the detail or the waterfall: above, and at most */
};

/* The node that the views are about, NULL if there is none; and its window: the last interval, or
 * all. */
const struct vbt_node *top_node(const struct top *top);
const struct vbt_window *top_window(const struct top *top, const struct vbt_node *node);

/* "188 disk1 queue 0 read": made in buf. */
const char *top_node_name(const struct top *top, const struct vbt_node *node, char *buf,
			  size_t size);

/* Times of the trace on the clock on the wall: "23:00:01"; "" if that is not known. */
const char *top_clock(const struct top *top, uint64_t trace_ns, char buf[16]);

/* The node's process has ended, and nothing of it was in the last interval. */
bool top_is_gone(const struct top *top, const struct vbt_node *node);

/* The rows above a view, and a line that says what it shows. */
void top_draw_header(struct top *top);

/* Empty the place of a view of one node; false if there is none, which is then said there. */
bool top_begin_view(struct top *top, const struct vbt_node *node);

/* The first row of a view that may be longer than the screen, as far as it is scrolled; what is
 * above TOP_HEADER and in the last row is drawn over. Then: `end` is the row behind it. */
int top_scroll_begin(const struct top *top);
void top_scroll_end(struct top *top, int end);
void top_draw_scrolled(const struct top *top); /* what is hidden, into the last row */

/* The views. Each draws from row TOP_HEADER to the last but one. */
void top_draw_table(struct top *top);
void top_draw_detail(struct top *top);
void top_draw_requests(struct top *top);
void top_draw_waterfall(struct top *top);
void top_draw_heat(struct top *top);

/* The table's rows anew: folded, filtered, sorted; the cursor stays on its node. */
void top_make_rows(struct top *top);
/* A column of the table was chosen by its place on the screen; false: there is none. */
bool top_sort_at(struct top *top, int column);
void top_sort_by(struct top *top, int step);
/* The same of the lists of requests; LIST_COUNT: there is none. */
enum top_list top_list_at(const struct top *top, int column);
void top_sort_default(struct top *top); /* what costs the most time first */

/* Do what a key stands for; what is typed at a prompt; what the mouse points at. 0 or -errno. */
int top_act(struct top *top, enum top_action action);
int top_type(struct top *top, int key);
int top_click(struct top *top, const struct term_input *input);

/* Text of a message, shown until the next key. */
void top_say(struct top *top, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
