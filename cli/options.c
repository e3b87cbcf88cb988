/* SPDX-License-Identifier: MIT */
#include "cli/options.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct parser {
	const struct command *command;
	char *options;
	char *err;
	size_t err_size;
};

static int wrong(const struct parser *parser, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static int wrong(const struct parser *parser, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	vsnprintf(parser->err, parser->err_size, format, list);
	va_end(list);
	return CLI_USAGE;
}

static int choice_index(const char *choices, const char *text)
{
	int index = 0;

	for (const char *at = choices;; at++, index++) {
		size_t length = strcspn(at, "|");

		if (length == strlen(text) && !strncmp(at, text, length))
			return index;
		at += length;
		if (!*at)
			return -1;
	}
}

static int set_choice(const struct parser *parser, const struct option_row *row, const char *text,
		      unsigned *at)
{
	int index = choice_index(row->choices, text);
	char buf[32];
	const char *meant;

	if (index >= 0) {
		*at = (unsigned)index;
		return 0;
	}
	meant = suggest_choice(text, row->choices, buf, sizeof(buf));
	return wrong(parser, "--%s '%s' is none of %s%s%s%s", row->name, text, row->choices,
		     meant ? ": did you mean '" : "", meant ? meant : "", meant ? "'?" : "");
}

static int set_number(const struct parser *parser, const struct option_row *row, const char *text,
		      uint64_t *at)
{
	if (parse_number(text, at))
		return wrong(parser, "--%s '%s' is not a whole number", row->name, text);
	if (*at >= row->min && (!row->max || *at <= row->max))
		return 0;
	if (!row->max)
		return wrong(parser, "--%s '%s' is too small: at least %llu", row->name, text,
			     (unsigned long long)row->min);
	return wrong(parser, "--%s '%s' is out of range: %llu to %llu", row->name, text,
		     (unsigned long long)row->min, (unsigned long long)row->max);
}

static int set_value(const struct parser *parser, const struct option_row *row, const char *text)
{
	void *at = parser->options + row->at;
	char why[160];

	switch (row->kind) {
	case OPTION_FLAG: *(bool *)at = true; return 0;
	case OPTION_TEXT:
		*(const char **)at = text;
		return *text ? 0 : wrong(parser, "--%s is empty", row->name);
	case OPTION_NUMBER: return set_number(parser, row, text, at);
	case OPTION_TIME:
		if (!parse_time(text, at))
			return 0;
		return wrong(parser, "--%s '%s' is not a time such as 250us, 5ms or 1.5s",
			     row->name, text);
	case OPTION_CHOICE: return set_choice(parser, row, text, at);
	case OPTION_RANGE:
		if (!parse_range(text, at))
			return 0;
		return wrong(parser, "--%s '%s' is not a number or a range such as 100-199",
			     row->name, text);
	case OPTION_OTHER:
		if (!row->parse(text, at, why, sizeof(why)))
			return 0;
		return wrong(parser, "--%s '%s' %s", row->name, text, why);
	}
	return CLI_USAGE;
}

static const struct option_row *find_long(const struct command *command, const char *name,
					  size_t length)
{
	for (const struct option_row *row = command->options; row->name; row++)
		if (strlen(row->name) == length && !strncmp(row->name, name, length))
			return row;
	return NULL;
}

static const struct option_row *find_letter(const struct command *command, char letter)
{
	for (const struct option_row *row = command->options; row->name; row++)
		if (row->letter == letter)
			return row;
	return NULL;
}

static int unknown_long(const struct parser *parser, const char *name, size_t length)
{
	const char *meant = NULL;
	char typed[32];

	if (length < sizeof(typed)) {
		memcpy(typed, name, length);
		typed[length] = '\0';
		for (const struct option_row *row = parser->command->options; row->name; row++)
			if (!meant && similar(typed, row->name))
				meant = row->name;
		if (meant)
			return wrong(parser, "unknown option '--%s': did you mean '--%s'?", typed,
				     meant);
	}
	return wrong(parser, "unknown option '--%.*s': 'vbtrace help %s' lists them",
		     length > 60 ? 60 : (int)length, name, parser->command->name);
}

/* Takes argv[*i], and its value from argv[*i + 1] if it needs one. */
static int take_long(const struct parser *parser, int argc, char **argv, int *i)
{
	const char *name = argv[*i] + 2, *equals = strchr(name, '=');
	size_t length = equals ? (size_t)(equals - name) : strlen(name);
	const struct option_row *row = find_long(parser->command, name, length);

	if (!row)
		return unknown_long(parser, name, length);
	if (row->kind == OPTION_FLAG && equals)
		return wrong(parser, "--%s takes no value", row->name);
	if (row->kind == OPTION_FLAG || equals)
		return set_value(parser, row, equals ? equals + 1 : "");
	if (*i + 1 >= argc)
		return wrong(parser, "--%s needs a value: %s", row->name,
			     row->argument ? row->argument : row->choices);
	return set_value(parser, row, argv[++*i]);
}

static int take_letters(const struct parser *parser, int argc, char **argv, int *i)
{
	for (const char *at = argv[*i] + 1; *at; at++) {
		const struct option_row *row = find_letter(parser->command, *at);
		int status;

		if (!row)
			return wrong(parser, "unknown option '-%c': 'vbtrace help %s' lists them",
				     *at, parser->command->name);
		if (row->kind == OPTION_FLAG) {
			set_value(parser, row, "");
			continue;
		}
		if (at[1])
			return set_value(parser, row, at + 1);
		if (*i + 1 >= argc)
			return wrong(parser, "-%c needs a value: %s", *at, row->argument);
		status = set_value(parser, row, argv[++*i]);
		return status;
	}
	return 0;
}

static int take_plain(const struct parser *parser, struct arguments *arguments, char *text)
{
	const struct command *command = parser->command;

	if (arguments->count < command->max_plain) {
		arguments->plain[arguments->count++] = text;
		return 0;
	}
	return wrong(parser, "unexpected argument '%s'%s", text,
		     command->takes_rest ? ": put -- before a command to start" : "");
}

int options_parse_command(const struct command *command, int argc, char **argv, void *options,
			  struct arguments *arguments, bool *help, char *err, size_t err_size)
{
	const struct parser parser = {command, options, err, err_size};
	int status = 0;

	*help = false;
	if (command->defaults)
		memcpy(options, command->defaults, command->size);
	else
		memset(options, 0, command->size);
	memset(arguments, 0, sizeof(*arguments));
	arguments->plain = calloc((size_t)argc + 1, sizeof(*arguments->plain));
	if (!arguments->plain)
		return wrong(&parser, "out of memory");
	for (int i = 0; i < argc && !status; i++) {
		if (!strcmp(argv[i], "--")) {
			if (command->takes_rest) {
				arguments->rest = argv + i + 1;
				break;
			}
			while (++i < argc && !status)
				status = take_plain(&parser, arguments, argv[i]);
		} else if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) {
			*help = true;
			break;
		} else if (argv[i][0] == '-' && argv[i][1] == '-') {
			status = take_long(&parser, argc, argv, &i);
		} else if (argv[i][0] == '-' && argv[i][1]) {
			status = take_letters(&parser, argc, argv, &i);
		} else {
			status = take_plain(&parser, arguments, argv[i]);
		}
	}
	return status;
}
