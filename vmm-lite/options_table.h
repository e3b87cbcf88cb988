/* SPDX-License-Identifier: MIT */
/*
 * The table of options and disk keys: one row has name, kind, place, range and help of one of
 * them. Parsing, --help, the man page and the shell completion all read it.
 */
#ifndef VMM_OPTIONS_TABLE_H
#define VMM_OPTIONS_TABLE_H

#include <stddef.h>
#include <stdint.h>

enum option_kind {
	OPTION_FLAG,     /* bool, takes no value */
	OPTION_SWITCH,   /* bool, on|off */
	OPTION_TEXT,     /* const char *; max is the longest length */
	OPTION_WORD,     /* const char *, one of choices */
	OPTION_CHOICE,   /* enum in the order of choices */
	OPTION_NUMBER,   /* uint64_t */
	OPTION_UNSIGNED, /* unsigned */
	OPTION_POWER2,   /* unsigned, a power of two */
	OPTION_SIZE,     /* uint64_t bytes, a multiple of min */
	OPTION_SIZE32,   /* uint32_t bytes, a power of two */
	OPTION_TIME,     /* uint64_t ns */
	OPTION_DISK,
	OPTION_RECORDER, /* FILE[,size=SIZE] */
	OPTION_DELAY,
	OPTION_ERROR,
	OPTION_FEATURES,
	OPTION_LIFETIME, /* uint16_t[3], A:B:C */
};

#define ON_RUN   (1u << VMM_RUN)
#define ON_BENCH (1u << VMM_BENCH)
#define ON_QTEST (1u << VMM_QTEST)

struct option_row {
	const char *name;
	enum option_kind kind;
	size_t at;            /* in struct options or struct disk_options */
	const char *choices;  /* a|b|c */
	uint64_t min, max;    /* of numbers and sizes */
	unsigned commands;    /* ON_*; disk keys: all */
	const char *argument; /* how help calls the value; NULL: choices */
	const char *help;
};

extern const struct option_row option_rows[];
extern const size_t option_row_count;
extern const struct option_row disk_rows[];
extern const size_t disk_row_count;

#endif
