/* SPDX-License-Identifier: MIT */
#include "cli/screen.h"

#include <langinfo.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lib/layer_colour.h"
#include "lib/scale.h"

#define MIN_WIDTH 60
#define MAX_WIDTH 240

void screen_init(struct screen *screen, FILE *out)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
	const char *columns = getenv("COLUMNS");
	bool terminal = isatty(fileno(out));
	struct winsize size = {0};

	screen->out = out;
	screen->width = columns ? (unsigned)strtoul(columns, NULL, 10) : 0;
	if (!screen->width && terminal && !ioctl(fileno(out), TIOCGWINSZ, &size))
		screen->width = size.ws_col;
	if (!screen->width)
		screen->width = 80;
	if (screen->width < MIN_WIDTH)
		screen->width = MIN_WIDTH;
	if (screen->width > MAX_WIDTH)
		screen->width = MAX_WIDTH;
	screen->colour = terminal && !(no_color && *no_color) && term && strcmp(term, "dumb") != 0;
	screen->utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8");
}

bool screen_reader_left(FILE *out)
{
	struct pollfd fd = {.fd = fileno(out)};

	return poll(&fd, 1, 0) > 0 && fd.revents & POLLERR;
}

const char *screen_colour(const struct screen *screen, enum colour colour)
{
	static const char *const sequences[] = {
	    [COLOUR_NONE] = "\033[0m", [COLOUR_BOLD] = "\033[1m",    [COLOUR_DIM] = "\033[2m",
	    [COLOUR_RED] = "\033[31m", [COLOUR_YELLOW] = "\033[33m", [COLOUR_GREEN] = "\033[32m",
#define X(id, dark, light, contrast, eight) [COLOUR_LAYER(VBT_LAYER_##id)] = "\033[3" #eight "m",
	    VBT_LAYER_COLOURS(X)
#undef X
	};

	return screen->colour ? sequences[colour] : "";
}

unsigned text_width(const char *text)
{
	unsigned width = 0;

	for (; *text; text++) {
		if (*text == '\033') {
			text += strcspn(text, "m");
			if (!*text)
				break;
			continue;
		}
		width += ((unsigned char)*text & 0xc0) != 0x80;
	}
	return width;
}

void print_left(const struct screen *screen, const char *text, unsigned width)
{
	unsigned have = text_width(text);

	fprintf(screen->out, "%s%*s", text, have < width ? (int)(width - have) : 0, "");
}

void print_right(const struct screen *screen, const char *text, unsigned width)
{
	unsigned have = text_width(text);

	fprintf(screen->out, "%*s%s", have < width ? (int)(width - have) : 0, "", text);
}

/* Three digits of a value, as "1.23", "12.3", "123". */
static void three_digits(double value, const char *unit, char buf[TEXT_SIZE])
{
	snprintf(buf, TEXT_SIZE, "%.*f %s", value < 9.995 ? 2 : value < 99.95 ? 1 : 0, value, unit);
}

const char *text_time(const struct screen *screen, uint64_t ns, char buf[TEXT_SIZE])
{
	const struct vbt_scaled time = vbt_scale_time(ns, screen->utf8);

	if (ns < 1000)
		snprintf(buf, TEXT_SIZE, "%u ns", (unsigned)ns);
	else
		three_digits(time.value, time.unit, buf);
	return buf;
}

const char *text_shift(const struct screen *screen, int64_t ns, char buf[TEXT_SIZE])
{
	char size[TEXT_SIZE];

	text_time(screen, ns < 0 ? -(uint64_t)ns : (uint64_t)ns, size);
	snprintf(buf, TEXT_SIZE, "%s%.16s", ns < 0 ? "-" : ns > 0 ? "+" : "", size);
	return buf;
}

const char *text_count(uint64_t count, char buf[TEXT_SIZE])
{
	if (count < 1000000)
		snprintf(buf, TEXT_SIZE, "%u", (unsigned)count);
	else if (count < 1000000000)
		snprintf(buf, TEXT_SIZE, "%.2fM", (double)count / 1e6);
	else
		snprintf(buf, TEXT_SIZE, "%.2fG", (double)count / 1e9);
	return buf;
}

const char *text_bytes(uint64_t bytes, char buf[TEXT_SIZE])
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	unsigned unit = 0;
	double value = (double)bytes;

	while (value >= 1024 && unit + 1 < sizeof(units) / sizeof(units[0])) {
		value /= 1024;
		unit++;
	}
	if (value >= 99.95 || value == (double)(unsigned)value)
		snprintf(buf, TEXT_SIZE, "%.0f %s", value, units[unit]);
	else
		snprintf(buf, TEXT_SIZE, "%.1f %s", value, units[unit]);
	return buf;
}

const char *text_share(double share, char buf[TEXT_SIZE])
{
	if (share > 0 && share < 0.0005)
		snprintf(buf, TEXT_SIZE, "<0.1%%");
	else
		snprintf(buf, TEXT_SIZE, "%.1f%%", share * 100);
	return buf;
}

const char *text_bar(const struct screen *screen, double share, unsigned width, char *buf)
{
	/* The lower eighths of U+2588: U+258F is one eighth, U+2589 seven. */
	unsigned eighths = (unsigned)(share * width * 8 + 0.5), full;
	char *at = buf;

	if (eighths > width * 8)
		eighths = width * 8;
	if (!eighths && share > 0)
		eighths = 1;
	if (!screen->utf8) {
		full = (eighths + 4) / 8;
		memset(buf, '#', full ? full : eighths != 0);
		buf[full ? full : eighths != 0] = '\0';
		return buf;
	}
	full = eighths / 8;
	for (unsigned i = 0; i < full; i++, at += 3)
		memcpy(at, "\342\226\210", 3);
	if (eighths % 8) {
		memcpy(at, "\342\226\210", 3);
		at[2] = (char)(0x90 - eighths % 8);
		at += 3;
	}
	*at = '\0';
	return buf;
}
