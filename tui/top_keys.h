/* SPDX-License-Identifier: MIT */
/* The views of top, and its one table of keys. */
#ifndef TUI_TOP_KEYS_H
#define TUI_TOP_KEYS_H

#include "tui/keys.h"

/* X(id, name): the order is that of Tab, as far as the heat map. */
#define TOP_VIEWS(X)              \
	X(TABLE, "table")         \
	X(DETAIL, "detail")       \
	X(REQUESTS, "requests")   \
	X(HEAT, "heat map")       \
	X(WATERFALL, "waterfall") \
	X(HELP, "help")

enum top_view {
#define X(id, name) VIEW_##id,
	TOP_VIEWS(X)
#undef X
	    VIEW_COUNT
};

enum top_action {
	ACTION_NONE,
	ACTION_UP,
	ACTION_DOWN,
	ACTION_PAGE_UP,
	ACTION_PAGE_DOWN,
	ACTION_FIRST,
	ACTION_LAST,
	ACTION_OPEN,
	ACTION_BACK,
	ACTION_VIEW,
	ACTION_TABLE,
	ACTION_DETAIL,
	ACTION_REQUESTS,
	ACTION_HEAT,
	ACTION_LIST,
	ACTION_FILTER,
	ACTION_FOLD,
	ACTION_UNFOLD,
	ACTION_LEVEL,
	ACTION_SORT,
	ACTION_SORT_BACK,
	ACTION_INVERT,
	ACTION_PERCENTILE,
	ACTION_WINDOW,
	ACTION_SERIES,
	ACTION_SERIES_BACK,
	ACTION_FREEZE,
	ACTION_SLOWER,
	ACTION_FASTER,
	ACTION_STEP_BACK,
	ACTION_STEP,
	ACTION_START,
	ACTION_END,
	ACTION_SEEK,
	ACTION_SHORTER,
	ACTION_LONGER,
	ACTION_REDRAW,
	ACTION_HELP,
	ACTION_QUIT
};

extern const struct key_binding top_keys[];
extern const char *const top_view_names[]; /* NULL at the end */

#endif
