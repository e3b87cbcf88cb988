/* SPDX-License-Identifier: MIT */
#include "tui/keys.h"

#include <curses.h>
#include <string.h>
#include <wchar.h>

#include "tui/draw.h"

static const struct {
	int key;
	const char *name;
} names[] = {
    {KEY_UP, "Up"},       {KEY_DOWN, "Down"},  {KEY_LEFT, "Left"},  {KEY_RIGHT, "Right"},
    {KEY_PPAGE, "PgUp"},  {KEY_NPAGE, "PgDn"}, {KEY_HOME, "Home"},  {KEY_END, "End"},
    {KEY_ENTER, "Enter"}, {'\r', "Enter"},     {'\n', "Enter"},     {'\t', "Tab"},
    {KEY_BTAB, "S-Tab"},  {' ', "Space"},      {KEY_ESC, "Esc"},    {KEY_BACKSPACE, "Backspace"},
    {KEY_DC, "Del"},      {127, "Backspace"},  {'\b', "Backspace"},
};

static bool holds(const struct key_binding *binding, unsigned view)
{
	return binding->views >> view & 1;
}

/* Terminals send different keys for the same one. */
static int same_key(int key)
{
	if (key == '\r' || key == '\n')
		return KEY_ENTER;
	return key == 127 || key == '\b' ? KEY_BACKSPACE : key;
}

int keys_action(const struct key_binding *table, unsigned view, int key)
{
	for (; table->action; table++)
		for (unsigned i = 0; i < KEYS_EACH && table->key[i] && holds(table, view); i++)
			if (same_key(table->key[i]) == same_key(key))
				return table->action;
	return 0;
}

const char *keys_name(int key, char buf[16])
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].key == key)
			return names[i].name;
	if (key >= KEY_F0 && key <= KEY_F0 + 63)
		snprintf(buf, 16, "F%d", key - KEY_F0);
	else if (key < 32)
		snprintf(buf, 16, "Ctrl-%c", key + 64);
	else
		snprintf(buf, 16, "%lc", (wint_t)key);
	return buf;
}

const char *keys_names(const struct key_binding *binding, char *buf, size_t size)
{
	size_t used = 0;
	char name[16];

	buf[0] = '\0';
	for (unsigned i = 0; i < KEYS_EACH && binding->key[i] && used < size; i++)
		used += (size_t)snprintf(buf + used, size - used, "%s%s", i ? " " : "",
					 keys_name(binding->key[i], name));
	return buf;
}

/* One field of the bar at a column: its width, 0 if it is not shown there. */
static int field_width(const struct key_binding *binding, unsigned view)
{
	char name[16];

	if (!holds(binding, view) || !binding->bar)
		return 0;
	return (int)(strlen(keys_name(binding->key[0], name)) + strlen(binding->bar)) + 1;
}

void keys_draw_bar(const struct key_binding *table, unsigned view, const struct term *term,
		   const struct theme *theme)
{
	int at = 0, row = term->rows - 1;
	char name[16];

	draw_fill(row, 0, term->columns, theme->attr[THEME_text]);
	for (; table->action; table++) {
		int width = field_width(table, view), key;

		if (!width || at + width > term->columns)
			continue;
		key = draw_text(row, at, width, theme->attr[THEME_key], "%s",
				keys_name(table->key[0], name));
		draw_text(row, at + key, width - key, theme->attr[THEME_label], "%s ", table->bar);
		at += width;
	}
}

int keys_bar_at(const struct key_binding *table, unsigned view, const struct term *term, int column)
{
	int at = 0;

	for (; table->action; table++) {
		int width = field_width(table, view);

		if (!width || at + width > term->columns)
			continue;
		if (column >= at && column < at + width)
			return table->action;
		at += width;
	}
	return 0;
}

unsigned keys_draw_help(const struct key_binding *table, unsigned view, unsigned first,
			const struct term *term, const struct theme *theme)
{
	int row = 2, width = 22;
	unsigned count = 0;
	char buf[64];

	for (; table->action; table++) {
		if (!holds(table, view) || !table->help || count++ < first || row > term->rows - 3)
			continue;
		draw_text(row, 2, width, theme->attr[THEME_key], "%s",
			  keys_names(table, buf, sizeof(buf)));
		draw_text(row++, 2 + width, term->columns - width - 2, theme->attr[THEME_text],
			  "%s", table->help);
	}
	return count;
}

void keys_write_markdown(const struct key_binding *table, const char *const *views, FILE *out)
{
	char buf[64];

	fputs("| keys | in | what it does |\n|---|---|---|\n", out);
	for (; table->action; table++) {
		unsigned all = 0, in = 0;

		if (!table->help)
			continue;
		for (; views[all]; all++)
			in += holds(table, all);
		fputs("| `", out);
		for (const char *at = keys_names(table, buf, sizeof(buf)); *at; at++)
			if (*at == ' ')
				fputs("` `", out);
			else
				fputs(*at == '|' ? "\\|" : (const char[]){*at, '\0'}, out);
		fputs("` | ", out);
		if (in == all)
			fputs("all views", out);
		for (unsigned view = 0, first = 1; in < all && views[view]; view++)
			if (holds(table, view)) {
				fprintf(out, "%s%s", first ? "" : ", ", views[view]);
				first = 0;
			}
		fprintf(out, " | %s |\n", table->help);
	}
}
