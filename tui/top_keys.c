/* SPDX-License-Identifier: MIT */
#include "tui/top_keys.h"

#include <curses.h>

const char *const top_view_names[] = {
#define X(id, name) name,
    TOP_VIEWS(X)
#undef X
	NULL,
};

#define IN(id) (1u << VIEW_##id)
#define ALL    ((1u << VIEW_COUNT) - 1)
#define ROWS   (IN(TABLE) | IN(REQUESTS))
#define LONG   (IN(DETAIL) | IN(WATERFALL) | IN(HELP))
#define DATA   (IN(TABLE) | IN(DETAIL) | IN(REQUESTS) | IN(HEAT))

const struct key_binding top_keys[] = {
    {ACTION_HELP, ALL & ~IN(HELP), {KEY_F(1), 'h', '?'}, "Help", "show what the keys do"},
    {ACTION_OPEN, IN(TABLE), {KEY_ENTER}, "Open", "open the row: its stages"},
    {ACTION_OPEN, IN(REQUESTS), {KEY_ENTER}, "Open", "open the request: its waterfall"},
    {ACTION_BACK,
     ALL & ~IN(TABLE),
     {KEY_ESC, KEY_BACKSPACE},
     "Back",
     "go back to where one came from"},
    {ACTION_VIEW, DATA, {'\t'}, "View", "go to the next view: table, detail, requests, heat map"},
    {ACTION_FILTER,
     IN(TABLE),
     {KEY_F(3), '/', KEY_F(4), '\\'},
     "Filter",
     "show only rows that contain a text; Esc takes it away"},
    {ACTION_LEVEL,
     IN(TABLE),
     {KEY_F(5), 't'},
     "Fold",
     "unfold all rows to queues, to operations, fold them"},
    {ACTION_SORT, IN(TABLE), {KEY_F(6), '>'}, "Sort", "sort by the next column"},
    {ACTION_LIST, IN(REQUESTS), {'l'}, "List", "go to the next list: slowest, latest, stuck"},
    {ACTION_SERIES, IN(HEAT), {'s', KEY_RIGHT}, "Stage", "show the next stage or layer"},
    {ACTION_SERIES_BACK, IN(HEAT), {'S', KEY_LEFT}, NULL, "show the stage or layer before"},
    {ACTION_PERCENTILE, IN(TABLE), {KEY_F(9), 'p'}, "Pct", "choose the percentile that is shown"},
    {ACTION_WINDOW,
     IN(TABLE) | IN(DETAIL),
     {'w'},
     "Window",
     "show the last interval, or all since the start"},
    {ACTION_FREEZE, ALL, {' '}, "Freeze", "freeze what is shown, or pause a replay; go on"},
    {ACTION_QUIT, ALL, {'q', KEY_F(10)}, "Quit", "end"},
    {ACTION_UP, ROWS | LONG, {KEY_UP, 'k'}, NULL, "one row up"},
    {ACTION_DOWN, ROWS | LONG, {KEY_DOWN, 'j'}, NULL, "one row down"},
    {ACTION_PAGE_UP, ROWS | LONG, {KEY_PPAGE}, NULL, "a page up"},
    {ACTION_PAGE_DOWN, ROWS | LONG, {KEY_NPAGE}, NULL, "a page down"},
    {ACTION_FIRST, ROWS, {KEY_HOME}, NULL, "the first row"},
    {ACTION_LAST, ROWS, {KEY_END, 'G'}, NULL, "the last row"},
    {ACTION_UNFOLD, IN(TABLE), {'+', '='}, NULL, "unfold the row: its queues, its operations"},
    {ACTION_FOLD, IN(TABLE), {'-'}, NULL, "fold the row, or the one above it"},
    {ACTION_SORT_BACK, IN(TABLE), {'<'}, NULL, "sort by the column before"},
    {ACTION_INVERT, IN(TABLE), {'I'}, NULL, "sort the other way round"},
    {ACTION_TABLE, DATA | IN(WATERFALL), {'T'}, NULL, "go to the table"},
    {ACTION_DETAIL, DATA | IN(WATERFALL), {'d'}, NULL, "go to the detail of the row"},
    {ACTION_REQUESTS, DATA | IN(WATERFALL), {'r'}, NULL, "go to the requests of the row"},
    {ACTION_HEAT, DATA | IN(WATERFALL), {'m'}, NULL, "go to the heat map of the row"},
    {ACTION_SHORTER, DATA, {KEY_F(7), '['}, NULL, "make the interval shorter"},
    {ACTION_LONGER, DATA, {KEY_F(8), ']'}, NULL, "make the interval longer"},
    {ACTION_STEP_BACK,
     IN(TABLE) | IN(DETAIL) | IN(REQUESTS),
     {KEY_LEFT},
     NULL,
     "a recording: an interval back"},
    {ACTION_STEP,
     IN(TABLE) | IN(DETAIL) | IN(REQUESTS),
     {KEY_RIGHT},
     NULL,
     "a recording: an interval on"},
    {ACTION_SLOWER, DATA, {','}, NULL, "a recording: half as fast"},
    {ACTION_FASTER, DATA, {'.'}, NULL, "a recording: twice as fast"},
    {ACTION_SEEK, DATA, {'g'}, NULL, "a recording: go to a time"},
    {ACTION_START, DATA, {'0', '^'}, NULL, "a recording: to its beginning"},
    {ACTION_END, DATA, {'$'}, NULL, "a recording: to its end"},
    {ACTION_REDRAW, ALL, {'L' - 64}, NULL, "draw the screen anew"},
    {0},
};
