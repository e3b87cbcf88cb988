/* SPDX-License-Identifier: MIT */
/*
 * All commands and options as lines for docs/generate, which makes the manual pages and the shell
 * completions of them: what it is, then its fields, separated by tabs.
 */
#include "cli/options.h"

/* A field; what would end it or the line is written as \t or \n, a backslash as \\. */
static void print_field(FILE *out, const char *text)
{
	fputc('\t', out);
	for (; text && *text; text++) {
		if (*text == '\t' || *text == '\n' || *text == '\\')
			fprintf(out, "\\%c", *text == '\t' ? 't' : *text == '\n' ? 'n' : '\\');
		else
			fputc(*text, out);
	}
}

static void print_option(FILE *out, const struct command *command, const struct option_row *row)
{
	const char letter[] = {row->letter, '\0'};
	const char *argument = row->argument ? row->argument : row->choices;

	fputs("option", out);
	print_field(out, command->name);
	print_field(out, letter);
	print_field(out, row->name);
	print_field(out, row->kind == OPTION_FLAG ? "" : argument);
	print_field(out, row->choices);
	print_field(out, row->help);
	fputc('\n', out);
}

void options_tables(FILE *out)
{
	fputs("program\tvbtrace\n", out);
	for (const struct command *const *command = commands; *command; command++) {
		fputs("command", out);
		print_field(out, (*command)->name);
		print_field(out, (*command)->purpose);
		print_field(out, (*command)->arguments);
		print_field(out, (*command)->notes);
		fputc('\n', out);
		for (const struct option_row *row = (*command)->options; row->name; row++)
			print_option(out, *command, row);
	}
}
