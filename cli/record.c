/* SPDX-License-Identifier: MIT */
/* vbtrace record: the requests of running VMMs, or of one that it starts, into a trace. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/attach.h"
#include "cli/input.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/recorder.h"
#include "cli/screen.h"
#include "cli/spawn.h"
#include "lib/now.h"
#include "lib/record.h"

#define PROGRESS_NS 500000000u
#define EXIT_NS     500000000u  /* for a command whose VMM has ended */
#define PATIENCE_NS 3000000000u /* for a command that was asked to end */

struct record_options {
	const char *output;
	struct pid_list pids;
	unsigned source, snapshot;
	uint64_t payload;
	uint64_t duration_ns, buffer;
};

static int parse_buffer(const char *text, void *at, char *why, size_t why_size)
{
	if (!parse_size(text, at) && *(uint64_t *)at && *(uint64_t *)at <= 1u << 30)
		return 0;
	snprintf(why, why_size, "is not a size from 4K to 1G");
	return -1;
}

static const struct option_row record_rows[] = {
    {.letter = 'o',
     .name = "output",
     .kind = OPTION_TEXT,
     .at = offsetof(struct record_options, output),
     .argument = "FILE",
     .help = "where to (default vbtrace.vbt); - is standard output"},
    {.letter = 'p',
     .name = "pid",
     .kind = OPTION_OTHER,
     .at = offsetof(struct record_options, pids),
     .argument = "PID",
     .parse = attach_parse_pids,
     .help = "a running VMM; several with commas, or by giving it again"},
    {.name = "source",
     .kind = OPTION_CHOICE,
     .at = offsetof(struct record_options, source),
     .choices = "auto|ring|usdt",
     .help = "how the VMM's marks are had: from its ring in shared memory, by USDT probes, or by "
	     "the ring where there is one (default)"},
    {.name = "snapshot",
     .kind = OPTION_CHOICE,
     .at = offsetof(struct record_options, snapshot),
     .choices = "none|rings",
     .help = "rings: also store what the rings, the header and the status byte look like at each "
	     "kick, pop, push and interrupt, never data; slows the VMM down (default none)"},
    {.name = "payload",
     .kind = OPTION_NUMBER,
     .at = offsetof(struct record_options, payload),
     .argument = "N",
     .max = VBT_DATA_MAX,
     .help =
	 "also store the first N bytes of what each request moves, up to 4096: this is the guest's "
	 "data, for 'vbtrace export --to pcap --payload N', in a file that only its owner can "
	 "read; slows the VMM down (default 0: none)"},
    {.name = "duration",
     .kind = OPTION_TIME,
     .at = offsetof(struct record_options, duration_ns),
     .argument = "TIME",
     .help = "end after so long: 500ms, 10s, 5m; a COMMAND is asked to end then"},
    {.name = "buffer",
     .kind = OPTION_OTHER,
     .at = offsetof(struct record_options, buffer),
     .argument = "SIZE",
     .parse = parse_buffer,
     .help = "memory in which the kernel holds its events until they are fetched, 200 times a "
	     "second (default 8M, rounded up to a power of two); what finds no room is lost, and "
	     "counted"},
    {0},
};

struct record {
	const struct record_options *options;
	struct screen screen; /* of standard error */
	struct session *session;
	struct recorder *recorder;
	struct output output;
	struct spawn spawn;
	sigset_t signals, before;
	uint64_t start, progress, asked; /* asked: when the command was asked to end */
	bool interrupted, recording;
	char err[640];
};

/* From here on signals are taken where they suit, by waiting for them. */
static void block_signals(struct record *record)
{
	sigemptyset(&record->signals);
	sigaddset(&record->signals, SIGINT);
	sigaddset(&record->signals, SIGTERM);
	sigaddset(&record->signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &record->signals, &record->before);
	/* A pipe whose reader went away is an error like others: the recording ends in order. */
	signal(SIGPIPE, SIG_IGN);
}

/* Sleep until the next round is due, or a signal came. */
static void wait_round(struct record *record, uint64_t ns)
{
	const struct timespec limit = {.tv_nsec = (long)ns};

	if (sigtimedwait(&record->signals, NULL, &limit) > 0)
		record->interrupted = true;
}

static void print_progress(struct record *record, uint64_t now)
{
	struct recorder_stats stats;
	char time[TEXT_SIZE], events[TEXT_SIZE], rate[TEXT_SIZE], bytes[TEXT_SIZE];
	double seconds = (double)(now - record->start) / 1e9;

	recorder_get_stats(record->recorder, &stats);
	fprintf(stderr, "\r\033[K%s: %s events, %s/s, %s requests, lost %s%llu%s, %s",
		text_time(&record->screen, now - record->start, time),
		text_count(stats.events, events),
		text_count((uint64_t)((double)stats.events / (seconds > 0 ? seconds : 1)), rate),
		text_count(stats.requests, (char[TEXT_SIZE]){0}),
		screen_colour(&record->screen, stats.lost ? COLOUR_RED : COLOUR_NONE),
		(unsigned long long)stats.lost, screen_colour(&record->screen, COLOUR_NONE),
		text_bytes(stats.bytes, bytes));
	record->progress = now;
}

/* Ask the command to end; when it was asked and does not, end it. False: not even that is of any use. */
static bool end_command(struct record *record, uint64_t now)
{
	if (!record->asked) {
		/* Ctrl-C on a terminal reached the command by itself. */
		spawn_signal(&record->spawn, SIGTERM);
		record->asked = now;
	} else if (now - record->asked > PATIENCE_NS) {
		spawn_signal(&record->spawn, SIGKILL);
	}
	return now - record->asked < 2ull * PATIENCE_NS;
}

/* Is there more to come? */
static bool goes_on(struct record *record, uint64_t now)
{
	bool over = record->interrupted || (record->options->duration_ns &&
					    now - record->start >= record->options->duration_ns);
	bool command = record->spawn.pid || record->spawn.ended;

	if (over && command && !spawn_ended(&record->spawn) && end_command(record, now))
		return true;
	if (over || !session_alive(record->session))
		return false;
	return !command || !spawn_ended(&record->spawn);
}

/* As long as the buffers allow, but not beyond the end that was asked for. */
static uint64_t pause_until_next(const struct record *record, uint64_t now)
{
	const uint64_t end = record->start + record->options->duration_ns;
	uint64_t pause = session_pause(record->session);

	if (record->options->duration_ns && end > now && end - now < pause)
		pause = end - now;
	return pause;
}

static int run_rounds(struct record *record)
{
	bool show = isatty(STDERR_FILENO) && !record->spawn.pid;
	uint64_t now = vbt_now_ns();
	int error = 0, end;

	while (!error && goes_on(record, now)) {
		wait_round(record, pause_until_next(record, now));
		error = recorder_poll(record->recorder);
		now = vbt_now_ns();
		if (show && now - record->progress >= PROGRESS_NS)
			print_progress(record, now);
	}
	end = recorder_finish(record->recorder);
	if (show)
		fputs("\r\033[K", stderr);
	return error ? error : end;
}

/* "12 LOST: kernel 9, disk0-q0 3"; cut if there are very many sources. */
static void losses_to_text(const struct vbt_trace_info *info, uint64_t all, char *text, size_t size)
{
	const char *between = ":";
	size_t used = (size_t)snprintf(text, size, "%llu LOST", (unsigned long long)all);

	for (uint32_t i = 0; i < info->sources && used < size; i++) {
		const struct vbt_source *source = &info->source[i];

		if (!source->lost)
			continue;
		used += (size_t)snprintf(text + used, size - used, "%s %s %llu", between,
					 source->name, (unsigned long long)source->lost);
		between = ",";
	}
}

static void print_summary(struct record *record)
{
	struct recorder_stats stats;
	char time[TEXT_SIZE], bytes[TEXT_SIZE], lost[256] = "none lost";

	recorder_get_stats(record->recorder, &stats);
	if (stats.lost)
		losses_to_text(session_info(record->session), stats.lost, lost, sizeof(lost));
	complain("%s: %llu events of %llu requests in %s, %s, %s", record->output.path,
		 (unsigned long long)stats.events, (unsigned long long)stats.requests,
		 text_time(&record->screen, vbt_now_ns() - record->start, time),
		 text_bytes(stats.bytes, bytes), lost);
}

/* What is missing from the start, so that nobody looks for it afterwards. */
static void print_missing(const struct record *record)
{
	const char *problem = session_kernel_problem(record->session), *missing;

	if (problem)
		complain("the kernel's marks are missing: %s", problem);
	for (unsigned i = 0; (missing = session_missing_probe(record->session, i)); i++)
		complain("not recorded: %s", missing);
}

static int attach(struct record *record, const struct arguments *arguments)
{
	const bool to_output = !strcmp(record->output.path, "standard output");
	const struct pid_list *pids = &record->options->pids;
	char self[16];

	if (!arguments->rest)
		return attach_running(record->session, pids, record->err, sizeof(record->err));
	/* A VMM that waits for us until we are attached (lib/record.h): none is short. */
	snprintf(self, sizeof(self), "%d", (int)getpid());
	setenv(VBT_ATTACH_ENV, self, 1);
	if (spawn_start(&record->spawn, arguments->rest, to_output, record->err,
			sizeof(record->err)))
		return -1;
	return attach_command(record->session, &record->spawn,
			      record->options->source == SESSION_USDT, &record->signals,
			      record->err, sizeof(record->err));
}

static void join_words(char *const *words, char *text, size_t size)
{
	size_t used = 0;

	for (; *words && used < size; words++)
		used += (size_t)snprintf(text + used, size - used, "%s%s", used ? " " : "", *words);
}

static int begin(struct record *record, const struct arguments *arguments)
{
	static const char *const sources[] = {"auto", "ring", "usdt"};
	char command[200] = "", bytes[24];

	/* What a guest writes is not for everybody who can read this directory. */
	if (output_begin(&record->output, record->options->payload > 0, record->err,
			 sizeof(record->err)))
		return -1;
	record->recorder =
	    recorder_new(record->session, record->output.fd, record->options->payload > 0,
			 record->err, sizeof(record->err));
	if (!record->recorder)
		return -1;
	record->recording = true;
	recorder_option(record->recorder, "source", sources[record->options->source]);
	if (arguments->rest)
		join_words(arguments->rest, command, sizeof(command));
	if (record->options->snapshot)
		recorder_option(record->recorder, "snapshot", "rings");
	if (record->options->payload) {
		snprintf(bytes, sizeof(bytes), "%llu",
			 (unsigned long long)record->options->payload);
		recorder_option(record->recorder, "payload", bytes);
	}
	if (*command)
		recorder_option(record->recorder, "command", command);
	return 0;
}

static int record_all(struct record *record, const struct arguments *arguments)
{
	const struct session_options options = {
	    .road = (enum session_road)record->options->source,
	    .buffer = (size_t)record->options->buffer,
	    .snapshots = record->options->snapshot,
	    .unknown = arguments->rest,
	    .data = (unsigned)record->options->payload,
	};
	char failed[160];
	int error;

	record->session = session_new(&options, record->err, sizeof(record->err));
	if (!record->session || attach(record, arguments) || begin(record, arguments))
		return complain("%s", record->err);
	print_missing(record);
	record->start = vbt_now_ns();
	error = run_rounds(record);
	if (error)
		complain("cannot write '%s': %s; what was recorded until then is kept",
			 record->output.path, recorder_error(record->recorder, error));
	print_summary(record);
	/* A recording that broke off is no reason to take the guest away. */
	while (error && record->spawn.pid && !spawn_ended(&record->spawn)) {
		wait_round(record, SESSION_POLL_NS);
		if (record->interrupted && !end_command(record, vbt_now_ns()))
			break;
	}
	/* A process that exits has closed its ring before its status can be had. */
	for (uint64_t end = vbt_now_ns(); record->spawn.pid && !record->asked &&
					  !record->interrupted && !spawn_ended(&record->spawn) &&
					  vbt_now_ns() - end < EXIT_NS;)
		wait_round(record, SESSION_POLL_NS);
	if (!record->asked && !record->interrupted &&
	    !spawn_succeeded(&record->spawn, failed, sizeof(failed)))
		return complain("%s", failed);
	return error ? CLI_FAILURE : CLI_SUCCESS;
}

/* A command that was started and not recorded to its end. */
static void reap_command(struct record *record)
{
	while (record->spawn.pid && !spawn_ended(&record->spawn)) {
		if (!end_command(record, vbt_now_ns())) {
			complain("'%s' cannot be ended, and is left behind", record->spawn.name);
			return;
		}
		wait_round(record, SESSION_POLL_NS);
	}
}

static int check(const struct record_options *options, const struct arguments *arguments)
{
	if (options->output && arguments->count) {
		complain("record: two files to write, '%s' and '%s': give one", options->output,
			 arguments->plain[0]);
		return CLI_USAGE;
	}
	if (arguments->rest && !arguments->rest[0]) {
		complain("record: -- is to be followed by a command");
		return CLI_USAGE;
	}
	if ((options->snapshot || options->payload) && options->source == SESSION_USDT) {
		complain("record: %s comes by the VMM's ring: leave --source usdt out",
			 options->snapshot ? "--snapshot rings" : "--payload");
		return CLI_USAGE;
	}
	if (arguments->rest && options->pids.count) {
		complain("record: --pid and a command exclude each other");
		return CLI_USAGE;
	}
	return CLI_SUCCESS;
}

static int run_record(const void *values, const struct arguments *arguments)
{
	const struct record_options *options = values;
	const char *path = options->output    ? options->output
			   : arguments->count ? arguments->plain[0]
					      : INPUT_DEFAULT;
	struct record record = {.options = options};
	int status = check(options, arguments);

	if (status)
		return status;
	screen_init(&record.screen, stderr);
	block_signals(&record);
	if (output_open(&record.output, path, record.err, sizeof(record.err)))
		return complain("%s", record.err);
	status = record_all(&record, arguments);
	reap_command(&record);
	recorder_free(record.recorder);
	session_free(record.session);
	if (output_close(&record.output, record.recording, record.err, sizeof(record.err)))
		status = complain("%s", record.err);
	return status;
}

const struct command command_record = {
    .name = "record",
    .purpose = "record the requests of running VMMs, or of a command",
    .arguments = "[FILE] [-- COMMAND...]",
    .notes = "Without --pid and without a COMMAND all VMMs that offer stage points are recorded. "
	     "The recording ends with Ctrl-C, with its last target, or with --duration; killed "
	     "hard, it loses at most its last second. A FILE that exists is overwritten only if "
	     "it is a trace.",
    .options = record_rows,
    .size = sizeof(struct record_options),
    .max_plain = 1,
    .takes_rest = true,
    .run = run_record,
};
