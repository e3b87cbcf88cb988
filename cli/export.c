/* SPDX-License-Identifier: MIT */
/* vbtrace export: a trace in the formats of other tools. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/filter.h"
#include "cli/input.h"
#include "cli/options.h"
#include "cli/sink.h"
#include "lib/export.h"

enum { UNIT_UNSET = 2, FORMAT_UNSET = 255 };

struct export_options {
	unsigned to; /* index of the exporter */
	const char *input, *output;
	unsigned rows, frames;
	uint64_t payload;
	struct filter filter;
};

#define X(name) "|" #name
static const char formats[] = VBT_EXPORTERS(X);
#undef X
#define X(name) " " #name
static const char formats_help[] = "the format, one of" VBT_EXPORTERS(X);
#undef X

static const struct option_row export_rows[] = {
    {.name = "to",
     .kind = OPTION_CHOICE,
     .at = offsetof(struct export_options, to),
     .argument = "FORMAT",
     .choices = formats + 1,
     .help = formats_help},
    {.letter = 'i',
     .name = "input",
     .kind = OPTION_TEXT,
     .at = offsetof(struct export_options, input),
     .argument = "FILE",
     .help = "the trace (default vbtrace.vbt); - is standard input"},
    {.letter = 'o',
     .name = "output",
     .kind = OPTION_TEXT,
     .at = offsetof(struct export_options, output),
     .argument = "FILE",
     .help = "where to; - is standard output (default)"},
    {.name = "rows",
     .kind = OPTION_CHOICE,
     .at = offsetof(struct export_options, rows),
     .choices = "requests|events",
     .help = "csv, json: what a row stands for (requests)"},
    {.name = "frames",
     .kind = OPTION_CHOICE,
     .at = offsetof(struct export_options, frames),
     .choices = "request|event",
     .help = "pcap: a frame for each event (default), or the submission and the completion of "
	     "each request"},
    {.name = "payload",
     .kind = OPTION_NUMBER,
     .at = offsetof(struct export_options, payload),
     .argument = "N",
     .max = VBT_DATA_MAX,
     .help = "pcap: put the first N bytes of what a request moves into its frames, as far as they "
	     "were recorded (default 0: none)"},
    FILTER_OPTIONS(struct export_options, filter),
    {0},
};

static const struct export_options export_defaults = {
    .to = FORMAT_UNSET, .rows = UNIT_UNSET, .frames = UNIT_UNSET};

struct export
{
	const struct export_options *options;
	const struct vbt_trace_info *info;
};

static bool wanted(void *context, const struct vbt_request *request)
{
	const struct export *export = context;

	return filter_matches(&export->options->filter, request, export->info);
}

/* What a row or frame is; 0 after a complaint if the format has none such. */
static enum vbt_export_unit choose_unit(const struct export_options *options)
{
	const struct vbt_exporter *to = vbt_exporter_at(options->to);
	unsigned chosen = to->frames ? options->frames : options->rows;

	if ((to->frames ? options->rows : options->frames) != UNIT_UNSET) {
		complain("export: '%s' has no %s", to->name, to->frames ? "--rows" : "--frames");
		return 0;
	}
	if (options->payload && !to->data) {
		complain("export: '%s' has no --payload", to->name);
		return 0;
	}
	if (chosen == UNIT_UNSET)
		return to->unit;
	if (!(to->units & 1u << chosen)) {
		complain("export: '%s' has no choice of --rows", to->name);
		return 0;
	}
	return chosen ? VBT_UNIT_EVENTS : VBT_UNIT_REQUESTS;
}

/* All of the input into the run. */
static int copy(struct input *input, struct vbt_export_run *run, const struct sink *sink)
{
	const struct vbt_event *events;
	long count = 0;
	int error = 0, status = CLI_SUCCESS;

	while (!error && !sink_failed(sink) && (count = input_next(input, &events)) > 0)
		error = vbt_export_events(run, events, (size_t)count);
	if (count < 0)
		status = complain("cannot read '%s': %s", input_name(input), strerror((int)-count));
	/* What was good until then is worth to be had, and complete in itself. */
	if (!error && !sink_failed(sink))
		error = vbt_export_finish(run);
	if (error)
		status = complain("cannot export '%s': %s", input_name(input), strerror(-error));
	return status;
}

static int export_input(struct input *input, const struct export_options *options,
			enum vbt_export_unit unit)
{
	struct export export = {options, input_info(input)};
	const struct vbt_export_options to = {
	    .exporter = vbt_exporter_at(options->to),
	    .unit = unit,
	    .payload = (unsigned)options->payload,
	    .wanted = filter_given(&options->filter) ? wanted : NULL,
	    .context = &export,
	};
	struct sink *sink = sink_open(options->output ? options->output : "-", to.exporter->binary,
				      options->payload > 0);
	struct vbt_export_run *run;
	int status = CLI_FAILURE, closed;
	uint64_t requests, unlinked, payloads, pushed_out;
	char damage[256];

	if (!sink)
		return CLI_FAILURE;
	run = vbt_export_new(&to, sink_file(sink), export.info);
	if (run)
		status = copy(input, run, sink);
	else
		complain("out of memory");
	requests = run ? vbt_export_requests(run) : 0;
	unlinked = run ? vbt_export_unlinked(run) : 0;
	payloads = run ? vbt_export_payloads(run) : 0;
	pushed_out = run ? vbt_export_payloads_pushed_out(run) : 0;
	vbt_export_free(run);
	closed = sink_close(sink, !status);
	if (status || closed)
		return CLI_FAILURE;
	if (*input_damage(input, damage, sizeof(damage)))
		complain("'%s' is %s", input_name(input), damage);
	if (unlinked)
		complain("%llu marks are not linked: too much happened between them and their "
			 "requests' ends",
			 (unsigned long long)unlinked);
	if (pushed_out)
		complain("the data of %llu requests is left out: that of later ones took its room",
			 (unsigned long long)pushed_out);
	if (!requests)
		complain("no request %s", to.wanted ? "matches" : "in this trace");
	else if (options->payload && !payloads)
		complain("no data of these requests in this trace: 'vbtrace record --payload N' "
			 "records it");
	return CLI_SUCCESS;
}

static int run_export(const void *values, const struct arguments *arguments)
{
	const struct export_options *options = values;
	const char *path = input_choose(options->input, arguments);
	enum vbt_export_unit unit;
	struct input *input;
	int status;

	if (!path)
		return CLI_USAGE;
	if (options->to == FORMAT_UNSET) {
		complain("export: --to FORMAT is missing: 'vbtrace export --help' lists them");
		return CLI_USAGE;
	}
	unit = choose_unit(options);
	if (!unit)
		return CLI_USAGE;
	input = input_open(path);
	if (!input)
		return CLI_FAILURE;
	status = export_input(input, options, unit);
	input_close(input);
	return status;
}

/* The formats, from their table. */
static void list_formats(FILE *out)
{
	const struct vbt_exporter *exporter;

	fputs("\nformats:\n", out);
	for (unsigned i = 0; (exporter = vbt_exporter_at(i)); i++)
		fprintf(out, "  %-10s %s\n", exporter->name, exporter->purpose);
}

const struct command command_export = {
    .name = "export",
    .purpose = "a trace in the formats of other tools",
    .arguments = "--to FORMAT [FILE]",
    .notes = "Only what matches is exported if conditions are given; all of them must hold. A file "
	     "gets its name when it is whole. docs/EXPORT.md describes each format.",
    .options = export_rows,
    .defaults = &export_defaults,
    .size = sizeof(struct export_options),
    .max_plain = 1,
    .more_help = list_formats,
    .run = run_export,
};
