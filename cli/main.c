/* SPDX-License-Identifier: MIT */
/* Finds the command, parses its options by its table, runs it. */
#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/options.h"
#include "cli/screen.h"

const struct command *const commands[] = {
    &command_record,
    &command_top,
    &command_report,
    &command_show,
    &command_diff,
    &command_teach,
    &command_export,
    &command_extcap,
    &command_list,
    &command_doctor,
    NULL,
};

int complain(const char *format, ...)
{
	va_list list;

	fflush(stdout);
	fputs("vbtrace: ", stderr);
	va_start(list, format);
	vfprintf(stderr, format, list);
	va_end(list);
	fputc('\n', stderr);
	return CLI_FAILURE;
}

static const struct command *find_command(const char *name)
{
	for (const struct command *const *command = commands; *command; command++)
		if (!strcmp((*command)->name, name))
			return *command;
	return NULL;
}

static int unknown_command(const char *name)
{
	for (const struct command *const *command = commands; *command; command++)
		if (similar(name, (*command)->name)) {
			complain("unknown command '%s': did you mean '%s'?", name,
				 (*command)->name);
			return CLI_USAGE;
		}
	complain("unknown command '%s': 'vbtrace help' lists them", name);
	return CLI_USAGE;
}

/* Whoever reads what is printed may have seen enough, as `head` has: that is no failure. What writes
 * a file into a pipe takes the error instead. */
static void on_closed_pipe(int number)
{
	_exit(CLI_SUCCESS);
}

/* What could not be written is a failure, also if only the last flush shows it. */
static int finish_output(int status)
{
	if ((!fflush(stdout) && !ferror(stdout)) || screen_reader_left(stdout))
		return status;
	return complain("cannot write to standard output: %s", strerror(errno));
}

static int run_command(const struct command *command, int argc, char **argv)
{
	void *options = calloc(1, command->size);
	struct arguments arguments = {0};
	char err[256] = "";
	bool help = false;
	int status;

	if (!options)
		return complain("out of memory");
	status = options_parse_command(command, argc, argv, options, &arguments, &help, err,
				       sizeof(err));
	if (help) {
		options_help(stdout, command);
		status = CLI_SUCCESS;
	} else if (status) {
		complain("%s: %s", command->name, err);
	} else {
		status = command->run(options, &arguments);
	}
	free(arguments.plain);
	free(options);
	return finish_output(status);
}

static int run_help(int argc, char **argv)
{
	const struct command *command;

	if (argc < 1) {
		options_help_all(stdout);
		return finish_output(CLI_SUCCESS);
	}
	if (!strcmp(argv[0], "--tables")) {
		options_tables(stdout);
		return finish_output(CLI_SUCCESS);
	}
	command = find_command(argv[0]);
	if (!command)
		return unknown_command(argv[0]);
	options_help(stdout, command);
	return finish_output(CLI_SUCCESS);
}

int main(int argc, char **argv)
{
	const struct command *command;
	const char *name = argc > 1 ? argv[1] : NULL;

	signal(SIGPIPE, on_closed_pipe);
	/* Only what letters are: numbers keep their point. */
	setlocale(LC_CTYPE, "");
	if (!name) {
		options_help_all(stderr);
		return CLI_USAGE;
	}
	if (!strcmp(name, "help") || !strcmp(name, "--help") || !strcmp(name, "-h"))
		return run_help(argc - 2, argv + 2);
	if (!strcmp(name, "--version") || !strcmp(name, "-V")) {
		puts("vbtrace " VBTRACE_VERSION);
		return finish_output(CLI_SUCCESS);
	}
	command = find_command(name);
	if (command)
		return run_command(command, argc - 2, argv + 2);
	if (name[0] != '-')
		return unknown_command(name);
	complain("unknown option '%s': 'vbtrace help' lists the commands", name);
	return CLI_USAGE;
}
