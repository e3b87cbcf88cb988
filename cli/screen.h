/* SPDX-License-Identifier: MIT */
/*
 * How a stream is to be written on: how wide it is, whether it takes colours and which letters it
 * has; and numbers in the form that people read.
 */
#ifndef CLI_SCREEN_H
#define CLI_SCREEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct screen {
	FILE *out;
	unsigned width; /* columns */
	bool colour;
	bool utf8;
};

enum colour {
	COLOUR_NONE,
	COLOUR_BOLD,
	COLOUR_DIM,
	COLOUR_RED,
	COLOUR_YELLOW,
	COLOUR_GREEN,
	COLOUR_FIRST_LAYER /* each layer's: see COLOUR_LAYER */
};

/* A layer's colour. */
#define COLOUR_LAYER(layer) ((enum colour)(COLOUR_FIRST_LAYER + (layer)))

/* NO_COLOR, TERM=dumb and a stream that is no terminal: no colours. No terminal: 80 columns, or
 * what COLUMNS says. */
void screen_init(struct screen *screen, FILE *out);

/* It is a pipe, and nobody reads it any more. */
bool screen_reader_left(FILE *out);

/* The escape sequence of a colour (COLOUR_NONE: back to normal), "" where there are none. */
const char *screen_colour(const struct screen *screen, enum colour colour);

/* Columns that a text takes: escape sequences take none, a UTF-8 letter takes one. */
unsigned text_width(const char *text);
/* Prints text padded with blanks to `width` columns, on its right side or its left. */
void print_left(const struct screen *screen, const char *text, unsigned width);
void print_right(const struct screen *screen, const char *text, unsigned width);

#define TEXT_SIZE 32

/* "1.23 µs": three digits, at most 7 columns; "0" as "0 ns". Each returns its buffer. */
const char *text_time(const struct screen *screen, uint64_t ns, char buf[TEXT_SIZE]);
/* "+1.23 µs", "-5 ns", "0 ns" */
const char *text_shift(const struct screen *screen, int64_t ns, char buf[TEXT_SIZE]);
/* "123456"; "1.23M" where that is too long for a column. */
const char *text_count(uint64_t count, char buf[TEXT_SIZE]);
/* "4 KiB", "1.5 MiB", "0 B" */
const char *text_bytes(uint64_t bytes, char buf[TEXT_SIZE]);
/* "12.3%", "100.0%", "<0.1%" */
const char *text_share(double share, char buf[TEXT_SIZE]);

/* A bar of at most `width` columns, as long as `share` (0 to 1), in eighths where letters allow.
 * buf holds 4 * width + 1 bytes. */
const char *text_bar(const struct screen *screen, double share, unsigned width, char *buf);

#endif
