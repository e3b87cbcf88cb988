/* SPDX-License-Identifier: MIT */
/*
 * A command of vbtrace is one constant structure in one file: its name, what it is for, its
 * options, and the function that runs it. The parser, --help and the list of commands are made
 * from these structures, so they cannot drift apart.
 */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { CLI_SUCCESS = 0, CLI_FAILURE = 1, CLI_USAGE = 2 };

enum option_kind {
	OPTION_FLAG,   /* bool; takes no value */
	OPTION_TEXT,   /* const char * */
	OPTION_NUMBER, /* uint64_t, min to max */
	OPTION_TIME,   /* uint64_t ns: "5ms" */
	OPTION_CHOICE, /* unsigned: index in `choices` */
	OPTION_RANGE,  /* struct range: "A-B", or "A" for A-A */
	OPTION_OTHER,  /* what `parse` stores */
};

struct range {
	uint64_t first, last; /* both belong to it */
	bool given;
};

/* One option. The table of a command ends with a row without a name. */
struct option_row {
	char letter;      /* 0: none */
	const char *name; /* long name, without the dashes */
	enum option_kind kind;
	size_t at;            /* offset of the value in the command's options */
	const char *argument; /* how help calls the value; NULL: the choices */
	const char *help;
	const char *choices; /* CHOICE: "a|b|c" */
	uint64_t min, max;   /* NUMBER; max 0: no bound */
	/* OTHER: 0, or -1 with what is wrong with the value in `why`. */
	int (*parse)(const char *text, void *at, char *why, size_t why_size);
};

/* What stands on the command line beside the options; points into argv. */
struct arguments {
	char **plain; /* `count` of them, before any "--" */
	unsigned count;
	char **rest; /* all behind "--", NULL-terminated; NULL if there was no "--" */
};

struct command {
	const char *name;
	const char *purpose;   /* one line, lower case */
	const char *arguments; /* for the usage line, as "[FILE]" */
	const char *notes;     /* paragraphs below the options, or NULL */
	const struct option_row *options;
	const void *defaults; /* of the options; NULL: all zero */
	size_t size;          /* of the options structure */
	unsigned max_plain;
	void (*more_help)(FILE *out); /* behind the options; NULL: nothing */
	bool takes_rest;
	int (*run)(const void *options, const struct arguments *arguments);
};

extern const struct command command_record, command_top, command_report, command_show, command_diff,
    command_teach, command_export, command_extcap, command_list, command_doctor;

/* All commands, NULL at the end. */
extern const struct command *const commands[];

/* "vbtrace: …" and a line feed to standard error; returns CLI_FAILURE. */
int complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
