/* SPDX-License-Identifier: MIT */
/* vbtrace show: requests, one a line, or each with its whole life. */
#include <errno.h>
#include <string.h>

#include "cli/filter.h"
#include "cli/input.h"
#include "cli/life.h"
#include "cli/line.h"
#include "cli/selection.h"
#include "lib/json.h"

#define LIVES 1000 /* shown if nobody set a limit */

enum view { VIEW_LINE, VIEW_LIFE, VIEW_AUTO };

struct show_options {
	const char *input;
	struct filter filter;
	uint64_t slowest, limit;
	unsigned view;
	bool json;
};

static const struct option_row show_rows[] = {
    {.letter = 'i',
     .name = "input",
     .kind = OPTION_TEXT,
     .at = offsetof(struct show_options, input),
     .argument = "FILE",
     .help = "the trace (default vbtrace.vbt); - is standard input"},
    {.name = "slowest",
     .kind = OPTION_NUMBER,
     .at = offsetof(struct show_options, slowest),
     .argument = "N",
     .min = 1,
     .max = SELECTION_MAX,
     .help = "the N slowest complete requests, the slowest first"},
    FILTER_OPTIONS(struct show_options, filter),
    {.name = "limit",
     .kind = OPTION_NUMBER,
     .at = offsetof(struct show_options, limit),
     .argument = "N",
     .min = 1,
     .help = "stop after N requests"},
    {.name = "view",
     .kind = OPTION_CHOICE,
     .at = offsetof(struct show_options, view),
     .choices = "line|life",
     .help = "a line for each request, or the whole life of each; life is the default with --id "
	     "and --slowest, line otherwise"},
    {.name = "json",
     .kind = OPTION_FLAG,
     .at = offsetof(struct show_options, json),
     .help = "a JSON object for each request, one a line"},
    {0},
};

static const struct show_options show_defaults = {.view = VIEW_AUTO};

struct show {
	const struct show_options *options;
	const struct vbt_trace_info *info;
	struct vbt_correlator *correlator;
	struct screen screen;
	struct selection selection;
	bool keep, stop; /* keep: shown at the end, not at once */
	uint64_t shown, left_out;
	int error;
};

static void print_one(struct show *show, const struct vbt_request *request)
{
	if (show->options->json)
		vbt_json_request(stdout, request, show->info);
	else
		line_print(&show->screen, request, show->info,
			   vbt_correlator_stats(show->correlator)->first_ns);
	show->shown++;
}

static void take_request(void *context, const struct vbt_request *request)
{
	struct show *show = context;
	const struct show_options *options = show->options;
	int error;

	if (show->stop || !filter_matches(&options->filter, request, show->info))
		return;
	if (options->slowest && !request->complete && !options->filter.incomplete)
		return;
	if (!show->keep) {
		print_one(show, request);
		show->stop = options->limit && show->shown >= options->limit;
		return;
	}
	error = selection_add(&show->selection, request);
	if (error == -ENOSPC)
		show->left_out++;
	else if (error)
		show->error = error;
	/* --id names each request once: behind the last one there is nothing to find. */
	if (options->filter.id.given &&
	    show->selection.count > options->filter.id.last - options->filter.id.first)
		show->stop = true;
}

static void count_request(void *context, const struct vbt_request *request)
{
	struct show *show = context;

	selection_count(&show->selection, request);
}

/* With how many requests each kept one shares its kick: a second pass, where there can be one. */
static void count_shared(struct show *show, const char *path)
{
	struct vbt_correlator *correlator = NULL;
	struct input *again;

	if (!strcmp(path, "-") || selection_index(&show->selection))
		return;
	again = input_open(path);
	if (again)
		input_correlate(again, count_request, show, NULL, &correlator);
	vbt_correlator_free(correlator);
	input_close(again);
}

static void print_kept(struct show *show, bool lives)
{
	uint64_t start = vbt_correlator_stats(show->correlator)->first_ns;

	for (size_t i = 0; i < show->selection.count; i++) {
		const struct selected *entry = &show->selection.entry[i];
		const struct life_shared shared = {entry->kick_shared};

		if (!lives) {
			print_one(show, &entry->request);
			continue;
		}
		if (i)
			fputc('\n', stdout);
		life_print(&show->screen, &entry->request, show->info, &shared, start);
		show->shown++;
	}
	if (show->left_out)
		complain("%llu more: raise --limit, or use --view line",
			 (unsigned long long)show->left_out);
}

static int show_file(struct show *show, struct input *input, const char *path, bool lives)
{
	char damage[256];
	int status;

	if (!lives && !show->options->json)
		line_print_heading(&show->screen);
	status = input_correlate(input, take_request, show, &show->stop, &show->correlator);
	if (!show->correlator)
		return status;
	if (lives && show->selection.count)
		count_shared(show, path);
	selection_sort(&show->selection);
	print_kept(show, lives);
	if (show->error)
		return complain("out of memory");
	if (*input_damage(input, damage, sizeof(damage)) && !show->stop)
		complain("'%s' is %s", input_name(input), damage);
	if (!show->shown && !status) {
		complain("no request %s", vbt_correlator_stats(show->correlator)->requests
					      ? "matches"
					      : "in this trace");
		return show->options->filter.id.given ? CLI_FAILURE : CLI_SUCCESS;
	}
	return status;
}

static int run_show(const void *values, const struct arguments *arguments)
{
	const struct show_options *options = values;
	bool detailed =
	    options->view == VIEW_LIFE ||
	    (options->view == VIEW_AUTO && (options->slowest || options->filter.id.given));
	bool lives = detailed && !options->json;
	struct show show = {.options = options, .keep = lives || options->slowest};
	const char *path = input_choose(options->input, arguments);
	uint64_t limit = options->limit ? options->limit : LIVES;
	struct input *input;
	int status;

	if (!path)
		return CLI_USAGE;
	if (options->slowest && (!options->limit || options->slowest < options->limit))
		limit = options->slowest;
	input = input_open(path);
	if (!input)
		return CLI_FAILURE;
	screen_init(&show.screen, stdout);
	show.info = input_info(input);
	selection_init(&show.selection, limit, options->slowest != 0);
	status = show_file(&show, input, path, lives);
	selection_release(&show.selection);
	vbt_correlator_free(show.correlator);
	input_close(input);
	return status;
}

const struct command command_show = {
    .name = "show",
    .purpose = "requests: a line for each, or the whole life of each",
    .arguments = "[FILE]",
    .notes = "Conditions that are given together must all hold. In a life, the deeper a mark is "
	     "indented the further it is from the guest; each bar spans the step that ends there, "
	     "in the colour of its layer. A mark that is absent says why.",
    .options = show_rows,
    .defaults = &show_defaults,
    .size = sizeof(struct show_options),
    .max_plain = 1,
    .run = run_show,
};
