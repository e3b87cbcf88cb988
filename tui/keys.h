/* SPDX-License-Identifier: MIT */
/*
 * Key bindings: a program declares one table, and from it come what a key does, the bar at the
 * bottom, the help screen and the documentation.
 */
#ifndef TUI_KEYS_H
#define TUI_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "tui/term.h"
#include "tui/theme.h"

#define KEYS_EACH 6

/* One binding; the table ends with a row whose action is 0. */
struct key_binding {
	int action;         /* the program's own number, from 1 */
	unsigned views;     /* where it holds: a bit per view of the program (1u << view) */
	int key[KEYS_EACH]; /* letters or KEY_…, the first is shown in the bar; 0 ends them */
	const char *bar;    /* one word for the bar; NULL: not shown there */
	const char *help;   /* a sentence without a full stop */
};

/* The action of a key in a view; 0: it has none. */
int keys_action(const struct key_binding *table, unsigned view, int key);

/* "F5", "Enter", "PgUp", "Ctrl-L", "q", "é". Made in buf (16 bytes). */
const char *keys_name(int key, char buf[16]);

/* All keys of a binding: "F1 h ?". Cut off at the end of buf. */
const char *keys_names(const struct key_binding *binding, char *buf, size_t size);

/* Draw the bar of a view into the terminal's last row. The first bindings go first if it is
 * narrow. */
void keys_draw_bar(const struct key_binding *table, unsigned view, const struct term *term,
		   const struct theme *theme);

/* The action of the bar's field at a column, as drawn; 0: none. */
int keys_bar_at(const struct key_binding *table, unsigned view, const struct term *term,
		int column);

/* Draw help as pages: the bindings of a view from the `first` on; returns how many there are. */
unsigned keys_draw_help(const struct key_binding *table, unsigned view, unsigned first,
			const struct term *term, const struct theme *theme);

/* The table as Markdown, for the documentation. views: their names, NULL at the end. */
void keys_write_markdown(const struct key_binding *table, const char *const *views, FILE *out);

#endif
