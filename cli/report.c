/* SPDX-License-Identifier: MIT */
/* vbtrace report: where the time of a trace's requests goes. */
#include <stdlib.h>
#include <string.h>

#include "cli/absence.h"
#include "cli/groups.h"
#include "cli/headline.h"
#include "cli/html.h"
#include "cli/input.h"
#include "cli/options.h"
#include "cli/sink.h"
#include "lib/breakdown.h"
#include "lib/json.h"

struct report_options {
	const char *input;
	struct by {
		unsigned set;
		bool given;
	} by;
	bool json;
	const char *html;
};

static int parse_by(const char *text, void *at, char *why, size_t why_size)
{
#define X(id, bit) "," #id
	static const char names[] = VBT_DIMENSIONS(X);
#undef X
	struct by *by = at;
	const char *bad, *meant;
	char typed[32], buf[32];
	size_t length;

	by->given = true;
	if (!vbt_breakdown_parse_by(text, &by->set, &bad, &length))
		return 0;
	snprintf(typed, sizeof(typed), "%.*s", length > 30 ? 30 : (int)length, bad);
	meant = suggest_choice(typed, names + 1, buf, sizeof(buf));
	if (meant)
		snprintf(why, why_size, "has '%s': did you mean '%s'?", typed, meant);
	else
		snprintf(why, why_size, "has '%s', which is none of %s", typed, names + 1);
	return -1;
}

static const struct option_row report_rows[] = {
    {.letter = 'i',
     .name = "input",
     .kind = OPTION_TEXT,
     .at = offsetof(struct report_options, input),
     .argument = "FILE",
     .help = "the trace (default vbtrace.vbt); - is standard input"},
    {.name = "by",
     .kind = OPTION_OTHER,
     .at = offsetof(struct report_options, by),
     .argument = "LIST",
     .parse = parse_by,
     .help = "a report for each target, device, queue, op, vcpu, size, or several of them: "
	     "device,op"},
    {.name = "json",
     .kind = OPTION_FLAG,
     .at = offsetof(struct report_options, json),
     .help = "one JSON object instead of tables"},
    {.name = "html",
     .kind = OPTION_TEXT,
     .at = offsetof(struct report_options, html),
     .argument = "FILE",
     .help = "a page that needs nothing else, with drawings: to attach to a bug; - is standard "
	     "output"},
    {0},
};

struct report {
	struct vbt_breakdown breakdown;
	struct absence absence;
	struct heat_map *heat; /* NULL: no page is made */
	struct selection slowest;
	int error;
};

static void add_request(void *context, const struct vbt_request *request)
{
	struct report *report = context;
	int error = vbt_breakdown_add(&report->breakdown, request);

	if (error)
		report->error = error;
	absence_add(&report->absence, request);
	if (!report->heat)
		return;
	heat_map_add(report->heat, request);
	if (request->complete && selection_add(&report->slowest, request))
		report->error = 1;
}

static void print_group(const struct vbt_group *group, const struct screen *screen)
{
	group_print_layers(group, screen);
	fputc('\n', screen->out);
	group_print_stages(group, screen);
}

/* The overview, then each group for itself. */
static void print_groups(const struct report *report, const struct vbt_trace_info *info,
			 const struct screen *screen)
{
	char title[128], bytes[TEXT_SIZE];

	groups_print_overview(&report->breakdown, info, screen);
	for (uint32_t i = 0; i < report->breakdown.groups; i++) {
		const struct vbt_group *group = report->breakdown.group[i];

		group_title(&report->breakdown, group, info, title, sizeof(title));
		fprintf(screen->out, "\n%s%s%s: %llu complete, %llu incomplete, %llu errors, %s\n",
			screen_colour(screen, COLOUR_BOLD), title,
			screen_colour(screen, COLOUR_NONE), (unsigned long long)group->count,
			(unsigned long long)group->incomplete, (unsigned long long)group->errors,
			text_bytes(group->bytes, bytes));
		if (group->count)
			print_group(group, screen);
	}
}

static int print_text(const struct report *report, struct headline *headline, bool grouped)
{
	struct vbt_group *sum = group_sum(&report->breakdown);
	struct screen screen;

	if (!sum)
		return complain("out of memory");
	screen_init(&screen, stdout);
	headline->bytes = sum->bytes;
	headline_print(headline, &screen);
	fputc('\n', stdout);
	if (!sum->count)
		fputs("no complete request: nothing to sum up\n", stdout);
	else if (grouped)
		print_groups(report, headline->info, &screen);
	else
		print_group(sum, &screen);
	if (sum->count && !grouped && report->breakdown.groups > 1) {
		fputc('\n', stdout);
		groups_print_overview(&report->breakdown, headline->info, &screen);
	}
	if (report->breakdown.ungrouped)
		fprintf(stdout, "and %llu requests of further groups: too many to be told apart\n",
			(unsigned long long)report->breakdown.ungrouped);
	absence_print(&report->absence, headline->info, &screen);
	group_free(sum);
	return CLI_SUCCESS;
}

static int write_page(struct report *report, const char *path, struct headline *headline)
{
	struct vbt_group *sum = group_sum(&report->breakdown);
	const struct html_report page = {&report->breakdown, sum,          &report->absence,
					 &report->slowest,   report->heat, headline};
	struct sink *sink;

	if (!sum)
		return complain("out of memory");
	sink = sink_open(path, false, false);
	if (sink) {
		headline->bytes = sum->bytes;
		selection_sort(&report->slowest);
		html_print(sink_file(sink), &page);
	}
	group_free(sum);
	return sink ? sink_close(sink, true) : CLI_FAILURE;
}

static int print_report(struct report *report, const struct report_options *options,
			struct input *input, const struct vbt_correlator *correlator)
{
	struct headline headline = {.name = input_name(input),
				    .info = input_info(input),
				    .correlator = correlator,
				    .flight = input_is_flight(input)};
	char damage[256];

	vbt_breakdown_sort(&report->breakdown);
	headline.damage = input_damage(input, damage, sizeof(damage));
	if (options->html)
		return write_page(report, options->html, &headline);
	if (options->json) {
		const struct vbt_report json = {&report->breakdown, correlator, headline.info,
						headline.damage};

		vbt_json_report(stdout, &json);
		return CLI_SUCCESS;
	}
	return print_text(report, &headline, options->by.given);
}

static int run_report(const void *values, const struct arguments *arguments)
{
	const struct report_options *options = values;
	const char *path = input_choose(options->input, arguments);
	struct vbt_correlator *correlator = NULL;
	struct report report = {.error = 0};
	struct input *input;
	int status;

	if (!path)
		return CLI_USAGE;
	if (options->json && options->html) {
		complain("report: --json and --html exclude each other");
		return CLI_USAGE;
	}
	input = input_open(path);
	if (!input)
		return CLI_FAILURE;
	if (vbt_breakdown_init(&report.breakdown,
			       options->by.given ? options->by.set : VBT_BY_DEFAULT))
		report.error = 1;
	if (options->html) {
		report.heat = calloc(1, sizeof(*report.heat));
		report.error |= !report.heat;
		selection_init(&report.slowest, HTML_SLOWEST, true);
	}
	status = report.error ? CLI_FAILURE
			      : input_correlate(input, add_request, &report, NULL, &correlator);
	if (correlator && !report.error) {
		int printed = print_report(&report, options, input, correlator);

		status = status ? status : printed;
	}
	if (report.error)
		status = complain("out of memory");
	vbt_correlator_free(correlator);
	vbt_breakdown_release(&report.breakdown);
	selection_release(&report.slowest);
	free(report.heat);
	input_close(input);
	return status;
}

const struct command command_report = {
    .name = "report",
    .purpose = "where the time of a trace's requests goes, by layer and by stage",
    .arguments = "[FILE]",
    .notes = "The six layers of a request always sum to its total. A stage is the step between "
	     "two neighbouring marks and is named by their letters: D2C is from issue to complete "
	     "('vbtrace list --stages' has all of them). Incomplete requests are counted, and are "
	     "in no distribution. A percentile is off by at most 1.6 % of itself; count, mean, "
	     "and max are exact.",
    .options = report_rows,
    .size = sizeof(struct report_options),
    .max_plain = 1,
    .run = run_report,
};
