/* SPDX-License-Identifier: MIT */
/* vbtrace teach: one request of a recording, mark by mark. */
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/input.h"
#include "cli/teach.h"
#include "tui/term.h"

#define SAMPLE  "first-request.vbt"
#define WAIT_MS 1000

struct teach_options {
	const char *input;
	uint64_t request;
	const char *live;
	bool plain;
};

static const struct option_row teach_rows[] = {
    {.letter = 'i',
     .name = "input",
     .kind = OPTION_TEXT,
     .at = offsetof(struct teach_options, input),
     .argument = "FILE",
     .help = "a trace recorded with --snapshot rings (default: the sample that came along)"},
    {.name = "request",
     .kind = OPTION_NUMBER,
     .at = offsetof(struct teach_options, request),
     .argument = "ID",
     .min = 1,
     .help = "its number, as `vbtrace show` has it (default: the first with most marks)"},
    {.name = "live",
     .kind = OPTION_TEXT,
     .at = offsetof(struct teach_options, live),
     .argument = "SOCKET",
     .help = "a guest in slow motion, started with vmm-lite run --step SOCKET"},
    {.name = "plain",
     .kind = OPTION_FLAG,
     .at = offsetof(struct teach_options, plain),
     .help = "print all pages as text; also what happens if this is no terminal"},
    {0},
};

/*
 * The sample: installed beside the program, or in the checkout that it was built in. In `path`; NULL
 * if it is in neither place.
 */
static const char *find_sample(char path[PATH_MAX])
{
	static const char *const places[] = {"../share/vbtrace/samples/traces",
					     "../../samples/traces"};
	char program[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", program, sizeof(program) - 1);
	const char *folder;

	if (length < 0)
		return NULL;
	program[length] = '\0';
	folder = dirname(program);
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		if (snprintf(path, PATH_MAX, "%s/%s/%s", folder, places[i], SAMPLE) < PATH_MAX &&
		    !access(path, R_OK))
			return path;
	}
	return NULL;
}

/* Page by page as text; each waits for a line on standard input, its end is no reason to wait. */
static int print_live(struct teach_live *live)
{
	struct teach_subject *subject = teach_live_subject(live);
	unsigned page;
	int got, c = '\n';

	while ((got = teach_live_next(live, WAIT_MS, &page)) >= 0) {
		if (!got)
			continue;
		if (!page)
			puts("\nA request begins");
		if (teach_print_page(subject, page))
			return CLI_FAILURE;
		fflush(stdout);
		do
			c = c == EOF ? EOF : getchar();
		while (c != '\n' && c != EOF);
	}
	puts("\nThe VMM has ended");
	return CLI_SUCCESS;
}

static int run_live(const struct teach_options *options)
{
	struct teach_live *live = teach_live_open(options->live);
	int status;

	if (!live)
		return CLI_FAILURE;
	status = options->plain || !term_usable() ? print_live(live)
						  : teach_screen(teach_live_subject(live), live);
	teach_live_close(live);
	return status;
}

static int run_teach(const void *values, const struct arguments *arguments)
{
	const struct teach_options *options = values;
	const char *file = options->input;
	char sample[PATH_MAX];
	struct teach_subject *subject;
	int status;

	if (options->live) {
		if (!file && !arguments->count && !options->request)
			return run_live(options);
		complain(
		    "teach: --live takes no file and no request: it follows what the guest does");
		return CLI_USAGE;
	}
	if (file || arguments->count)
		file = input_choose(options->input, arguments);
	else if (!(file = find_sample(sample)))
		return complain(
		    "teach: the sample trace is not installed; give a file with --input");
	if (!file)
		return CLI_USAGE;
	subject = calloc(1, sizeof(*subject));
	if (!subject)
		return complain("out of memory");
	status = teach_load(file, options->request, subject);
	if (status == CLI_SUCCESS)
		status = options->plain || !term_usable() ? teach_print(subject)
							  : teach_screen(subject, NULL);
	free(subject);
	return status;
}

const struct command command_teach = {
    .name = "teach",
    .purpose = "walk through one request, mark by mark",
    .arguments = "[FILE]",
    .notes =
	"Seven chapters and fourteen marks: who is at work, what the rings hold and what has "
	"just changed, what the time was spent on, where it stands in the virtio specification "
	"and in the sources. Needs neither KVM nor root.",
    .options = teach_rows,
    .size = sizeof(struct teach_options),
    .max_plain = 1,
    .run = run_teach,
};
