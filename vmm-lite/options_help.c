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

void options_print_help(FILE *out, enum vmm_command command)
{
	fputs(
	    "vmm-lite: a small KVM virtual machine monitor with a virtio-blk reference device\n\n",
	    out);
	if (command == VMM_HELP || command == VMM_RUN) {
		fputs(
		    "usage: vmm-lite run --kernel FILE [--initrd FILE] [--append TEXT] [OPTION...]\n"
		    "       vmm-lite run --payload ELF [OPTION...]\n",
		    out);
		print_rows(out, VMM_RUN);
	}
	if (command == VMM_HELP)
		fputs("\n", out);
	if (command == VMM_HELP || command == VMM_BENCH) {
		fputs("usage: vmm-lite bench --disk PATH[,key=value...] [OPTION...]\n", out);
		print_rows(out, VMM_BENCH);
	}
	if (command == VMM_HELP)
		fputs("\n", out);
	if (command == VMM_HELP || command == VMM_QTEST) {
		fputs("usage: vmm-lite qtest --disk PATH[,key=value...] [OPTION...]\n", out);
		print_rows(out, VMM_QTEST);
	}
	fputs("\nkeys of --disk (a comma in PATH is written twice):\n", out);
	for (size_t i = 0; i < disk_row_count; i++)
		print_row(out, "", "=", &disk_rows[i]);
	fputs("\nSIZE takes K, M, G, T; TIME takes ns, us, ms, s.\n"
	      "On the console Ctrl-A x ends the machine, Ctrl-A h lists the other keys.\n"
	      "Exit status: 0 success, 1 failure, 2 usage.\n",
	      out);
}
