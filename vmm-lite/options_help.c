/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "vmm-lite/options.h"
#include "vmm-lite/options_table.h"

static void print_row(FILE *out, const char *prefix, const char *joint,
		      const struct option_row *row)
{
	const char *argument = row->argument ? row->argument : row->choices;
	int width;

	if (row->kind == OPTION_FLAG)
		width = fprintf(out, "  %s%s", prefix, row->name);
	else
		width = fprintf(out, "  %s%s%s%s", prefix, row->name, joint, argument);
	if (width > 30)
		fprintf(out, "\n%*s  %s\n", 30, "", row->help);
	else
		fprintf(out, "%*s  %s\n", 30 - width, "", row->help);
}

static void print_rows(FILE *out, enum vmm_command command)
{
	for (size_t i = 0; i < option_row_count; i++)
		if (option_rows[i].commands & (1u << command))
			print_row(out, "--", " ", &option_rows[i]);
}

static const struct command_row {
	enum vmm_command command;
	const char *name, *purpose;
	const char *usages[2];
} command_rows[] = {
    {VMM_RUN,
     "run",
     "boot a guest",
     {"--kernel FILE [--initrd FILE] [--append TEXT] [OPTION...]", "--payload ELF [OPTION...]"}},
    {VMM_BENCH,
     "bench",
     "the device at full speed under a driver of its own, without KVM",
     {"--disk PATH[,key=value...] [OPTION...]"}},
    {VMM_QTEST,
     "qtest",
     "the device without a CPU, driven over the qtest protocol",
     {"--disk PATH[,key=value...] [OPTION...]"}},
};

#define COMMANDS (sizeof(command_rows) / sizeof(command_rows[0]))

static void print_command(FILE *out, const struct command_row *row)
{
	for (size_t i = 0; i < 2 && row->usages[i]; i++)
		fprintf(out, "%s vmm-lite %s %s\n", i ? "      " : "usage:", row->name,
			row->usages[i]);
	print_rows(out, row->command);
}

void options_print_help(FILE *out, enum vmm_command command)
{
	bool first = true;

	fputs(
	    "vmm-lite: a small KVM virtual machine monitor with a virtio-blk reference device\n\n",
	    out);
	for (size_t i = 0; i < COMMANDS; i++) {
		if (command != VMM_HELP && command != command_rows[i].command)
			continue;
		if (!first)
			fputc('\n', out);
		first = false;
		print_command(out, &command_rows[i]);
	}
	fputs("\nkeys of --disk (a comma in PATH is written twice):\n", out);
	for (size_t i = 0; i < disk_row_count; i++)
		print_row(out, "", "=", &disk_rows[i]);
	fputs("\nSIZE takes K, M, G, T; TIME takes ns, us, ms, s.\n"
	      "On the console Ctrl-A x ends the machine, Ctrl-A h lists the other keys.\n"
	      "Exit status: 0 success, 1 failure, 2 usage.\n",
	      out);
}

/* No text of these tables has a tab, a line end or a backslash. */
static void print_table_row(FILE *out, const char *what, const char *command, const char *letter,
			    const struct option_row *row)
{
	const char *choices = row->choices ? row->choices : "";
	const char *argument = row->argument ? row->argument : choices;

	fprintf(out, "%s\t%s\t%s%s\t%s\t%s\t%s\n", what, command, letter, row->name,
		row->kind == OPTION_FLAG ? "" : argument, choices, row->help);
}

void options_print_tables(FILE *out)
{
	fputs("program\tvmm-lite\n", out);
	for (size_t i = 0; i < COMMANDS; i++) {
		const struct command_row *c = &command_rows[i];

		fprintf(out, "command\t%s\t%s\t%s", c->name, c->purpose, c->usages[0]);
		if (c->usages[1])
			fprintf(out, "\\n%s", c->usages[1]);
		fputs("\t\n", out);
		for (size_t j = 0; j < option_row_count; j++)
			if (option_rows[j].commands & (1u << c->command))
				print_table_row(out, "option", c->name, "\t", &option_rows[j]);
	}
	for (size_t i = 0; i < disk_row_count; i++)
		print_table_row(out, "key", "--disk", "", &disk_rows[i]);
}
