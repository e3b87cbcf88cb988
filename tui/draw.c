/* SPDX-License-Identifier: MIT */
#include "tui/draw.h"

#include <curses.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>
#include <wctype.h>

#include "lib/scale.h"

#define MAX_TEXT 1024

/* The text as letters that can be drawn. Returns their number; the columns they take in *columns. */
static size_t decode(const char *text, wchar_t *out, size_t room, int width, int *columns)
{
	mbstate_t state = {0};
	size_t count = 0;

	*columns = 0;
	while (*text && count + 1 < room) {
		wchar_t letter;
		size_t length = mbrtowc(&letter, text, MB_CUR_MAX, &state);
		int columns_of_it;

		if (length == (size_t)-1 || length == (size_t)-2) {
			memset(&state, 0, sizeof(state));
			letter = L'?';
			length = 1;
		}
		columns_of_it = wcwidth(letter);
		if (columns_of_it < 0 || iswcntrl((wint_t)letter)) {
			letter = L'?';
			columns_of_it = 1;
		}
		if (*columns + columns_of_it > width)
			break;
		out[count++] = letter;
		*columns += columns_of_it;
		text += length;
	}
	out[count] = L'\0';
	return count;
}

/* Put letters on the screen, cut to what there is of it. */
static int put(int row, int column, int width, unsigned attr, const char *text, bool right)
{
	wchar_t letters[MAX_TEXT];
	int columns;
	size_t count;

	if (row < 0 || row >= LINES || column < 0 || column >= COLS || width <= 0)
		return 0;
	if (width > COLS - column)
		width = COLS - column;
	count = decode(text, letters, MAX_TEXT, width, &columns);
	if (right)
		column += width - columns;
	attrset((attr_t)attr);
	mvaddnwstr(row, column, letters, (int)count);
	return columns;
}

int draw_text(int row, int column, int width, unsigned attr, const char *format, ...)
{
	char text[MAX_TEXT];
	va_list list;

	va_start(list, format);
	vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	return put(row, column, width, attr, text, false);
}

int draw_right(int row, int column, int width, unsigned attr, const char *format, ...)
{
	char text[MAX_TEXT];
	va_list list;

	va_start(list, format);
	vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	return put(row, column, width, attr, text, true);
}

void draw_fill(int row, int column, int width, unsigned attr)
{
	if (row < 0 || row >= LINES || column < 0 || column >= COLS || width <= 0)
		return;
	if (width > COLS - column)
		width = COLS - column;
	attrset((attr_t)attr);
	mvhline(row, column, ' ' | (chtype)attr, width);
}

void draw_share_cells(const uint64_t *ns, unsigned count, unsigned width, unsigned *cells)
{
	unsigned __int128 sum = 0;
	unsigned left = width;

	memset(cells, 0, count * sizeof(*cells));
	for (unsigned i = 0; i < count; i++)
		sum += ns[i];
	if (!sum)
		return;
	for (unsigned i = 0; i < count; i++) {
		cells[i] = (unsigned)(ns[i] * (unsigned __int128)width / sum);
		left -= cells[i];
	}
	/* What the rounding left over goes to those who lost most by it. */
	for (; left; left--) {
		unsigned __int128 most = 0;
		unsigned who = 0;

		for (unsigned i = 0; i < count; i++) {
			unsigned __int128 fair = ns[i] * (unsigned __int128)width;
			unsigned __int128 have = cells[i] * sum;

			if (fair > have && fair - have > most) {
				most = fair - have;
				who = i;
			}
		}
		cells[who]++;
	}
}

void draw_layers(int row, int column, int width, const uint64_t *ns, const struct theme *theme)
{
	unsigned cells[VBT_LAYER_COUNT];

	draw_share_cells(ns, VBT_LAYER_COUNT, width > 0 ? (unsigned)width : 0, cells);
	for (unsigned layer = 0; layer < VBT_LAYER_COUNT; layer++) {
		const char *name = vbt_layer_name(layer);
		unsigned attr = theme_layer_fill(theme, layer), length = (unsigned)strlen(name);

		draw_fill(row, column, (int)cells[layer], attr);
		if (!theme->colours)
			for (unsigned i = 0; i < cells[layer]; i++)
				draw_text(row, column + (int)i, 1, attr, "%c", name[0]);
		if (cells[layer] >= length + 2)
			draw_text(row, column + (int)(cells[layer] - length) / 2, (int)length, attr,
				  "%s", name);
		column += (int)cells[layer];
	}
}

void draw_spark(int row, int column, int width, const uint64_t *values, unsigned count,
		uint64_t top, unsigned attr, const struct term *term)
{
	static const char ascii[] = " _.-=+*#";

	/* The newest is at the right end; what is older than the width is not shown. */
	for (int i = 0; i < width; i++) {
		unsigned back = (unsigned)(width - i);
		uint64_t value = back <= count ? values[count - back] : 0;
		unsigned eighths;

		if (!value)
			continue;
		eighths = top ? (unsigned)((double)value / (double)top * 8 + 0.5) : 0;
		eighths = eighths < 1 ? 1 : eighths > 8 ? 8 : eighths;
		if (term->utf8)
			draw_text(row, column + i, 1, attr, "%lc", (wint_t)(0x2580 + eighths));
		else
			draw_text(row, column + i, 1, attr, "%c", ascii[eighths > 7 ? 7 : eighths]);
	}
}

void draw_bar(int row, int column, int width, double share, unsigned attr, const struct term *term)
{
	int eighths = (int)(share * width * 8 + 0.5), full;

	if (eighths > width * 8)
		eighths = width * 8;
	if (eighths <= 0 && share > 0)
		eighths = 1;
	full = term->utf8 ? eighths / 8 : (eighths + 4) / 8;
	for (int i = 0; i < full; i++)
		draw_text(row, column + i, 1, attr, term->utf8 ? "\342\226\210" : "#");
	if (term->utf8 && eighths % 8)
		draw_text(row, column + full, 1, attr, "%lc", (wint_t)(0x2590 - eighths % 8));
}

/* Two digits at least, four columns at most with the point, and a unit. */
static void short_number(double value, const char *unit, char buf[DRAW_NUMBER])
{
	snprintf(buf, DRAW_NUMBER, "%.*f%s", value < 9.95 ? 1 : 0, value, unit);
}

const char *draw_time(const struct term *term, uint64_t ns, char buf[DRAW_NUMBER])
{
	const struct vbt_scaled time = vbt_scale_time(ns, term->utf8);

	if (ns < 1000)
		snprintf(buf, DRAW_NUMBER, "%uns", (unsigned)ns);
	else
		short_number(time.value, time.unit, buf);
	return buf;
}

static const char *scaled(double value, double step, char buf[DRAW_NUMBER])
{
	static const char *const units[] = {"", "k", "M", "G", "T", "P"};
	unsigned unit = 0;

	while (value >= 999.5 && unit + 1 < sizeof(units) / sizeof(units[0])) {
		value /= step;
		unit++;
	}
	if (!unit && value == (double)(unsigned)value)
		snprintf(buf, DRAW_NUMBER, "%.0f", value);
	else
		short_number(value, units[unit], buf);
	return buf;
}

const char *draw_count(double count, char buf[DRAW_NUMBER])
{
	return scaled(count, 1000, buf);
}

const char *draw_bytes(double bytes, char buf[DRAW_NUMBER])
{
	return scaled(bytes, 1024, buf);
}
