/* SPDX-License-Identifier: MIT */
/*
 * One value of an option or disk key: parsed as its row of the table says, or refused in one line.
 * What options.c and options_disk.c share; nobody else includes it.
 */
#ifndef VMM_OPTIONS_VALUE_H
#define VMM_OPTIONS_VALUE_H

#include "vmm-lite/options_table.h"

#define OPTION_USAGE 2 /* the exit status of everything that is refused */

/* One message under way: where it goes and what it is about, e.g. "--disk aio=". */
struct option_context {
	char *err;
	size_t err_size;
	char subject[64];
};

/* Write the message. Always OPTION_USAGE, so that it can be returned. */
int option_refuse(struct option_context *ctx, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* The value is none of "a|b|c": all of them, and the one that was probably meant. */
int option_refuse_choice(struct option_context *ctx, const char *choices, const char *value);
/*
 * No row is called that: the one that was probably meant, of those for these commands (0: all),
 * or the hint. `prefix` says what kind of name it is.
 */
int option_refuse_name(struct option_context *ctx, const struct option_row *rows, size_t count,
		       unsigned commands, const char *prefix, const char *name, const char *hint);

/* The row of that name, or NULL. */
const struct option_row *option_find(const struct option_row *rows, size_t count, const char *name);
/*
 * Store one value where its row says; base is a struct options or a struct disk_options. 0, or
 * OPTION_USAGE with the message written.
 */
int option_parse_value(struct option_context *ctx, const struct option_row *row, void *base,
		       const char *value);

#endif
