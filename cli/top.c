/* SPDX-License-Identifier: MIT */
/* vbtrace top: where the time of requests goes now, or went in a recording. */
#include <stdlib.h>
#include <string.h>

#include "cli/live.h"
#include "cli/options.h"
#include "cli/replay.h"
#include "cli/top.h"
#include "tui/term.h"
#include "tui/theme.h"
#include "tui/top.h"

#define MIN_INTERVAL_NS 10000000u

static int parse_speed(const char *text, void *at, char *why, size_t why_size)
{
	struct speed *speed = at;
	char *end;

	speed->given = true;
	if (!strcmp(text, "max"))
		return 0;
	speed->factor = strtod(text, &end);
	if (text[0] >= '0' && text[0] <= '9' && !*end && speed->factor >= 0.001 &&
	    speed->factor <= 1000)
		return 0;
	snprintf(why, why_size, "is not a factor from 0.001 to 1000, nor 'max'");
	return -1;
}

static int parse_position(const char *text, void *at, char *why, size_t why_size)
{
	struct position *position = at;

	position->given = true;
	position->ns = UINT64_MAX;
	if (!strcmp(text, "end") || !parse_time(text, &position->ns))
		return 0;
	snprintf(why, why_size, "is not a time such as 1.5s, nor 'end'");
	return -1;
}

static const struct option_row top_rows[] = {
    {.letter = 'p',
     .name = "pid",
     .kind = OPTION_OTHER,
     .at = offsetof(struct top_options, pids),
     .argument = "PID",
     .parse = attach_parse_pids,
     .help = "a running VMM; several with commas, or by giving it again (default: all, also "
	     "those that start later)"},
    {.letter = 'i',
     .name = "input",
     .kind = OPTION_TEXT,
     .at = offsetof(struct top_options, input),
     .argument = "FILE",
     .help = "replay a recording instead; - is standard input"},
    {.letter = 'b',
     .name = "batch",
     .kind = OPTION_FLAG,
     .at = offsetof(struct top_options, batch),
     .help = "print a table per interval, for logs"},
    {.name = "json",
     .kind = OPTION_FLAG,
     .at = offsetof(struct top_options, json),
     .help = "print a JSON object per interval, one a line"},
    {.name = "by",
     .kind = OPTION_CHOICE,
     .at = offsetof(struct top_options, by),
     .choices = "device|queue|op",
     .help = "rows down to which level (default device)"},
    {.name = "speed",
     .kind = OPTION_OTHER,
     .at = offsetof(struct top_options, speed),
     .argument = "N",
     .parse = parse_speed,
     .help = "of a replay: 2 is twice as fast as it was; max: as fast as it can be read (the "
	     "default of -b and --json)"},
    {.name = "at",
     .kind = OPTION_OTHER,
     .at = offsetof(struct top_options, at),
     .argument = "TIME",
     .parse = parse_position,
     .help = "begin a replay there, and pause: 1.5s behind its start, or end"},
    {.name = "stuck",
     .kind = OPTION_TIME,
     .at = offsetof(struct top_options, stuck_ns),
     .argument = "TIME",
     .help = "call a request stuck when it waits for longer (default 1s)"},
    {.name = "source",
     .kind = OPTION_CHOICE,
     .at = offsetof(struct top_options, source),
     .choices = "auto|ring|usdt",
     .help = "how the VMM's marks are had, as for record"},
    {.name = "theme",
     .kind = OPTION_CHOICE,
     .at = offsetof(struct top_options, theme),
     .choices = THEME_CHOICES,
     .help = "colours (default: dark; none with NO_COLOR)"},
    {.name = "state",
     .kind = OPTION_TEXT,
     .at = offsetof(struct top_options, state),
     .argument = "FILE",
     .help = "begin with the view, the order and the percentile that are kept in FILE, and keep "
	     "the last ones there; without it nothing is remembered"},
    {.name = "keys",
     .kind = OPTION_FLAG,
     .at = offsetof(struct top_options, keys),
     .help = "print the keys of all views, as a Markdown table"},
    {0},
};

static int usage(const char *text)
{
	complain("top: %s", text);
	return CLI_USAGE;
}

/* [interval [count]] */
static int parse_plain(const struct arguments *arguments, uint64_t *interval, uint64_t *count)
{
	uint64_t seconds;

	*interval = *count = 0;
	if (arguments->count && !parse_number(arguments->plain[0], &seconds) && seconds <= 3600)
		*interval = seconds * 1000000000u;
	else if (arguments->count && parse_time(arguments->plain[0], interval))
		*interval = 0;
	if (arguments->count && (*interval < MIN_INTERVAL_NS || *interval > 3600000000000u)) {
		complain("top: interval '%s' is not a number of seconds, or a time from 10ms to 1h",
			 arguments->plain[0]);
		return CLI_USAGE;
	}
	if (arguments->count > 1 && (parse_number(arguments->plain[1], count) || !*count)) {
		complain("top: count '%s' is not a number of intervals", arguments->plain[1]);
		return CLI_USAGE;
	}
	return CLI_SUCCESS;
}

static int check(const struct top_options *options)
{
	if (options->input && options->pids.count)
		return usage("--pid and --input exclude each other");
	if (!options->input && (options->speed.given || options->at.given))
		return usage("--speed and --at are for a recording: give --input");
	return CLI_SUCCESS;
}

static int show(struct feed *feed, const struct top_options *options, bool batch, uint64_t count)
{
	const struct top_settings settings = {
	    .theme = (enum theme_choice)options->theme,
	    .level = (enum vbt_node_level)options->by,
	    .at_given = options->at.given,
	    .at_ns = options->at.ns,
	    .state = options->state,
	};
	char err[300];

	if (batch)
		return top_batch(feed, options, count);
	return top_run(feed, &settings, err, sizeof(err)) ? complain("top: %s", err) : CLI_SUCCESS;
}

static int run_replay(const struct top_options *options, bool batch, uint64_t interval,
		      uint64_t count)
{
	const struct replay_options replay = {
	    .interval_ns = interval,
	    .stuck_ns = options->stuck_ns,
	    .speed = options->speed.given ? options->speed.factor
		     : batch              ? 0
					  : 1,
	};
	struct input *input = input_open(options->input);
	char err[300];
	struct feed *feed;
	int status;

	if (!input)
		return CLI_FAILURE;
	feed = replay_new(input, &replay, err, sizeof(err));
	status = feed ? show(feed, options, batch, count)
		      : complain("cannot replay '%s': %s", options->input, err);
	replay_free(feed);
	input_close(input);
	return status;
}

static int run_live(const struct top_options *options, bool batch, uint64_t interval,
		    uint64_t count)
{
	const struct live_options live = {
	    .pids = &options->pids,
	    .road = (enum session_road)options->source,
	    .interval_ns = interval ? interval : 1000000000u,
	    .stuck_ns = options->stuck_ns,
	};
	char err[320];
	struct feed *feed = live_new(&live, err, sizeof(err));
	int status;

	if (!feed)
		return complain("%s", err);
	status = show(feed, options, batch, count);
	live_free(feed);
	return status;
}

static int run_top(const void *values, const struct arguments *arguments)
{
	const struct top_options *options = values;
	bool batch = options->batch || options->json;
	uint64_t interval, count;
	int status = check(options);

	if (options->keys) {
		top_write_keys(stdout);
		return CLI_SUCCESS;
	}
	if (!status)
		status = parse_plain(arguments, &interval, &count);
	if (status)
		return status;
	if (!batch && !term_usable()) {
		complain("top: no terminal that can do it here: printing as with -b");
		batch = true;
	}
	return options->input ? run_replay(options, batch, interval, count)
			      : run_live(options, batch, interval, count);
}

const struct command command_top = {
    .name = "top",
    .purpose = "show which layer costs the time, live or from a recording",
    .arguments = "[INTERVAL [COUNT]]",
    .notes = "INTERVAL is in seconds, or a time such as 500ms (default 1s; of a recording shorter "
	     "than a minute, a sixtieth of it or so). COUNT ends it after so many intervals, and "
	     "counts with -b and --json only. Without a terminal, or with TERM=dumb, it prints as "
	     "with -b.",
    .options = top_rows,
    .size = sizeof(struct top_options),
    .max_plain = 2,
    .run = run_top,
};
