/* SPDX-License-Identifier: MIT */
#include "vmm-lite/options.h"

#include <stdlib.h>
#include <string.h>

#include "vmm-lite/options_value.h"
#include "vmm-lite/value.h"

static int check(struct option_context *ctx, const struct options *o)
{
	if (o->command == VMM_RUN) {
		if (!o->kernel && !o->payload)
			return option_refuse(ctx,
					     "nothing to run; give --kernel FILE or --payload ELF");
		if (o->kernel && o->payload)
			return option_refuse(ctx,
					     "--kernel '%s' and --payload '%s' exclude each other",
					     o->kernel, o->payload);
		if (o->initrd && !o->kernel)
			return option_refuse(ctx, "--initrd '%s' needs --kernel", o->initrd);
		if (o->append && !o->kernel)
			return option_refuse(ctx, "--append '%s' needs --kernel", o->append);
	}
	if (o->memory % (1 << 20))
		return option_refuse(ctx, "--memory has to be a multiple of 1 MiB");
	if (o->command == VMM_QTEST && !o->disk_count)
		return option_refuse(ctx, "qtest needs a --disk PATH[,key=value...]");
	if (o->command == VMM_BENCH && o->disk_count != 1)
		return option_refuse(ctx, "bench takes exactly one --disk, not %u", o->disk_count);
	if (o->command == VMM_BENCH && o->disks[0].zoned)
		return option_refuse(
		    ctx, "bench writes anywhere, which zones do not allow; leave zoned= "
			 "out");
	for (unsigned i = 0; i < o->disk_count; i++)
		for (unsigned j = 0; j < i; j++)
			if (!strcmp(o->disks[i].path, o->disks[j].path) &&
			    o->disks[i].aio != AIO_NULL &&
			    !(o->disks[i].read_only && o->disks[j].read_only))
				return option_refuse(
				    ctx,
				    "--disk '%s' is given twice; two disks may share "
				    "an image only if both are readonly=on",
				    o->disks[i].path);
	return 0;
}

static int parse_command(struct option_context *ctx, struct options *options, const char *word)
{
	static const char names[] = "run|bench|qtest|help";
	static const enum vmm_command commands[] = {VMM_RUN, VMM_BENCH, VMM_QTEST, VMM_HELP};
	int index;

	if (!strcmp(word, "--version") || !strcmp(word, "version")) {
		options->command = VMM_VERSION;
		return 0;
	}
	if (!strcmp(word, "--help") || !strcmp(word, "-h"))
		word = "help";
	index = value_choice(names, word);
	if (index < 0) {
		snprintf(ctx->subject, sizeof(ctx->subject), "command ");
		return option_refuse_choice(ctx, names, word);
	}
	options->command = commands[index];
	options->help_for = VMM_HELP;
	return 0;
}

int options_parse(struct options *options, int argc, char **argv, char *err, size_t err_size)
{
	struct option_context ctx = {.err = err, .err_size = err_size};
	uint64_t given = 0;

	*options = (struct options){
	    .cpus = 1,
	    .memory = 256ull << 20,
	    .bench = {.rw = "randread", .block_size = 4096, .depth = 32, .seed = 1},
	};
	if (argc < 2)
		return option_refuse(&ctx, "no command; try 'vmm-lite --help'");
	if (parse_command(&ctx, options, argv[1]))
		return OPTION_USAGE;
	if (options->command == VMM_HELP && argc > 2 && !strcmp(argv[2], "--tables"))
		options->command = VMM_TABLES;
	if (options->command >= VMM_HELP)
		return 0;

	for (int i = 2; i < argc; i++) {
		char name[32], *equals;
		const struct option_row *row;
		const char *value = NULL;

		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) {
			options->help_for = options->command;
			options->command = VMM_HELP;
			return 0;
		}
		if (strncmp(argv[i], "--", 2) != 0)
			return option_refuse(&ctx, "'%s' is no option; options begin with --",
					     argv[i]);
		equals = strchr(argv[i], '=');
		snprintf(name, sizeof(name), "%.*s",
			 equals ? (int)(equals - argv[i] - 2) : (int)sizeof(name), argv[i] + 2);
		row = option_find(option_rows, option_row_count, name);
		if (!row || !(row->commands & (1u << options->command)))
			return option_refuse_name(
			    &ctx, option_rows, option_row_count, 1u << options->command,
			    "option --", name,
			    options->command == VMM_RUN     ? "try 'vmm-lite run --help'"
			    : options->command == VMM_BENCH ? "try 'vmm-lite bench --help'"
							    : "try 'vmm-lite qtest --help'");
		if (row->kind == OPTION_FLAG && equals)
			return option_refuse(&ctx, "--%s takes no value, not '%s'", name,
					     equals + 1);
		if (row->kind != OPTION_FLAG) {
			value = equals ? equals + 1 : argv[++i];
			if (!value)
				return option_refuse(&ctx, "--%s needs a value: %s", name,
						     row->argument ? row->argument : row->choices);
		}
		if (given & (1ull << (row - option_rows)) && row->kind != OPTION_DISK)
			return option_refuse(&ctx, "--%s is given twice", name);
		given |= 1ull << (row - option_rows);
		snprintf(ctx.subject, sizeof(ctx.subject), "--%s ", name);
		if (option_parse_value(&ctx, row, options, value))
			return OPTION_USAGE;
	}
	if (!options->bench.count && !options->bench.time_ns)
		options->bench.time_ns = 5000000000ull;
	return check(&ctx, options);
}

void options_release(struct options *options)
{
	for (unsigned i = 0; i < options->disk_count; i++)
		options_release_disk(&options->disks[i]);
	free(options->storage);
	options->storage = NULL;
}
