/* SPDX-License-Identifier: MIT */
/* --help, made from the tables that the parser reads. */
#include "cli/options.h"

#include <string.h>

#define TEXT_COLUMN 26
#define LAST_COLUMN 80

/* Prints text from column `from` on, wrapped at words, later lines indented as far. */
static void print_wrapped(FILE *out, const char *text, int from)
{
	int column = from;

	while (*text) {
		int length = (int)strcspn(text, " \n");

		if (column > from && column + 1 + length > LAST_COLUMN) {
			fprintf(out, "\n%*s", from, "");
			column = from;
		}
		if (column > from)
			column += fprintf(out, " ");
		column += fprintf(out, "%.*s", length, text);
		text += length;
		if (*text == '\n') {
			fprintf(out, "\n%*s", text[1] ? from : 0, "");
			column = from;
		}
		text += *text != '\0';
	}
	fputc('\n', out);
}

static void print_option(FILE *out, char letter, const char *name, const char *argument,
			 const char *help)
{
	int column;

	if (letter)
		column = fprintf(out, "  -%c, --%s", letter, name);
	else
		column = fprintf(out, "      --%s", name);
	if (argument)
		column += fprintf(out, " %s", argument);
	if (column > TEXT_COLUMN - 2) {
		fputc('\n', out);
		column = 0;
	}
	fprintf(out, "%*s", TEXT_COLUMN - column, "");
	print_wrapped(out, help, TEXT_COLUMN);
}

void options_help(FILE *out, const struct command *command)
{
	fprintf(out, "vbtrace %s: %s\n\nusage: vbtrace %s [OPTION...]%s%s\n\n", command->name,
		command->purpose, command->name, *command->arguments ? " " : "",
		command->arguments);
	for (const struct option_row *row = command->options; row->name; row++) {
		const char *argument = row->argument ? row->argument : row->choices;

		print_option(out, row->letter, row->name,
			     row->kind == OPTION_FLAG ? NULL : argument, row->help);
	}
	print_option(out, 'h', "help", NULL, "this text");
	if (command->notes) {
		fputc('\n', out);
		print_wrapped(out, command->notes, 0);
	}
	if (command->more_help)
		command->more_help(out);
}

void options_help_all(FILE *out)
{
	fputs("vbtrace shows every virtio-blk request of a KVM guest as one linked life, from the\n"
	      "guest's kick to the guest's end-of-interrupt.\n\n"
	      "usage: vbtrace COMMAND [OPTION...] [ARGUMENT...]\n\n",
	      out);
	for (const struct command *const *command = commands; *command; command++)
		fprintf(out, "  %-10s %s\n", (*command)->name, (*command)->purpose);
	fputs("  help       this text; with a command's name, its options\n\n"
	      "Start with:\n\n"
	      "  vbtrace list                        what could be recorded now\n"
	      "  vbtrace record --duration 10s       record all of it, into vbtrace.vbt\n"
	      "  vbtrace report                      where the time went\n"
	      "  vbtrace show --slowest 1            the life of the slowest request\n\n"
	      "A FILE is a trace, or the flight recorder of a VMM; - is standard input or output;\n"
	      "the default is vbtrace.vbt. Exit status: 0 success, 1 failure, 2 usage.\n",
	      out);
}
