/* SPDX-License-Identifier: MIT */
/*
 * Runs the tests, each in a process of its own, and says which lines pass.
 *
 *	conformance [--list] [--quiet] [--verbose] [--hasty] [--jobs=N] [--patience=SECONDS]
 *	            [--markdown=FILE] [--hostile|--all] [ID|GROUP]...
 *
 * --quiet prints only what does not pass, --verbose every failing run and what the device says.
 * --hasty lets a line rest once one of its runs has failed; --patience says when what does not
 * happen counts as failed (30 s).
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/conformance/lines.h"
#include "tests/conformance/suite.h"
#include "tests/conformance/world.h"

#define MAX_JOBS      8
#define TIME_LIMIT_MS 90000
#define MESSAGE_SIZE  300

extern const struct test_case *const __start_conformance_cases[];
extern const struct test_case *const __stop_conformance_cases[];

enum outcome { PASS, BAD, NOT_APPLICABLE_LINE, NO_TEST };

struct demand {
	const char *id, *level, *section, *text;
	bool hostile;
	unsigned passed, failed;
	const char *not_applicable;
	char message[MESSAGE_SIZE + 80]; /* of the first failure */
};

static struct demand demands[] = {
#define X(id, level, section, text) {id, level, section, text, false, 0, 0, NULL, ""},
    CONFORMANCE_LINES(X)
#undef X
#define X(id, level, section, text) {id, level, section, text, true, 0, 0, NULL, ""},
	HOSTILE_LINES(X)
#undef X
};
#define DEMANDS (sizeof(demands) / sizeof(demands[0]))

struct job {
	pid_t pid; /* 0: free */
	int pipe;
	struct demand *demand;
	const struct test_case *test;
	unsigned variant;
	uint64_t end;
	bool late;
};

static bool verbose, quiet, hasty;
uint64_t test_patience_ms = 30000;
static int message_fd = STDERR_FILENO;

void test_pause(void)
{
	nanosleep(&(struct timespec){.tv_nsec = 10000}, NULL);
}

uint64_t test_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void test_fail(const char *file, int line, const char *format, ...)
{
	char text[MESSAGE_SIZE], *name = strrchr(file, '/');
	int length;
	va_list args;

	length = snprintf(text, sizeof(text), "%s:%d: ", name ? name + 1 : file, line);
	va_start(args, format);
	length += vsnprintf(text + length, sizeof(text) - (size_t)length, format, args);
	va_end(args);
	if ((size_t)length >= sizeof(text))
		length = sizeof(text) - 1;
	if (write(message_fd, text, (size_t)length) < 0)
		_exit(3);
	_exit(1);
}

/* SPLIT_13b proves SPLIT-13. */
static struct demand *demand_of(const struct test_case *test)
{
	char id[32];
	size_t length;

	snprintf(id, sizeof(id), "%s", test->name);
	length = strlen(id);
	while (length && id[length - 1] >= 'a' && id[length - 1] <= 'z')
		id[--length] = 0;
	for (char *c = id; *c; c++)
		if (*c == '_')
			*c = '-';
	for (size_t i = 0; i < DEMANDS; i++)
		if (!strcmp(demands[i].id, id))
			return &demands[i];
	fprintf(stderr, "conformance: test '%s' belongs to no line\n", test->name);
	exit(2);
}

static bool named(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (argv[i][0] != '-')
			return true;
	return false;
}

static bool selected(const struct demand *d, int argc, char **argv, bool hostile, bool both)
{
	for (int i = 1; i < argc; i++) {
		size_t length = strlen(argv[i]);

		if (argv[i][0] == '-')
			continue;
		if (!strncmp(d->id, argv[i], length) && (!d->id[length] || d->id[length] == '-'))
			return true;
	}
	return !named(argc, argv) && (both || d->hostile == hostile);
}

static const char *variant_name(unsigned v)
{
	static char name[64];

	snprintf(name, sizeof(name), "%s %s %s%s", v & PACKED ? "packed" : "split",
		 v & LEGACY ? "legacy" : "modern", v & INTX ? "intx" : "msix",
		 v & INLINE ? " inline" : "");
	return name;
}

static unsigned first_of(unsigned axes, unsigned mask, unsigned fallback)
{
	return axes & mask ? axes & mask : fallback;
}

/* The next combination after `variant` (0: the first), or 0. */
static unsigned next_variant(unsigned axes, unsigned variant)
{
	unsigned rings = first_of(axes, RINGS, SPLIT), views = first_of(axes, VIEWS, MODERN);
	unsigned irqs = first_of(axes, IRQS, MSIX), modes = first_of(axes, MODES, THREADED);
	unsigned all = rings | views | irqs | modes;

	for (unsigned v = variant + 1; v <= 255; v++) {
		bool one_each =
		    __builtin_popcount(v & RINGS) == 1 && __builtin_popcount(v & VIEWS) == 1 &&
		    __builtin_popcount(v & IRQS) == 1 && __builtin_popcount(v & MODES) == 1;

		/* There is no packed ring on the legacy interface. */
		if (one_each && !(v & ~all) && !(v & PACKED && v & LEGACY))
			return v;
	}
	return 0;
}

static void child(const struct test_case *test, unsigned variant)
{
	struct world *w;

	prctl(PR_SET_TIMERSLACK, 1000);
	alarm(TIME_LIMIT_MS / 1000 + 5);
	if (!verbose) {
		int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

		dup2(null, STDERR_FILENO);
	}
	w = world_new(variant);
	test->run(w);
	world_free(w);
	_exit(0);
}

static void job_start(struct job *job, struct demand *demand, const struct test_case *test,
		      unsigned variant)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC)) {
		perror("conformance: pipe");
		exit(2);
	}
	fflush(stdout);
	*job = (struct job){.pipe = ends[0],
			    .demand = demand,
			    .test = test,
			    .variant = variant,
			    .end = test_now_ms() + TIME_LIMIT_MS};
	job->pid = fork();
	if (job->pid < 0) {
		perror("conformance: fork");
		exit(2);
	}
	if (!job->pid) {
		message_fd = ends[1];
		child(test, variant);
	}
	close(ends[1]);
}

static void job_end(struct job *job, int status)
{
	char text[MESSAGE_SIZE] = "";
	ssize_t n = read(job->pipe, text, sizeof(text) - 1);
	struct demand *d = job->demand;

	text[n > 0 ? n : 0] = 0;
	close(job->pipe);
	if (job->late)
		snprintf(text, sizeof(text), "hangs");
	else if (WIFSIGNALED(status))
		snprintf(text, sizeof(text), "crashes: %s", strsignal(WTERMSIG(status)));
	else if (WEXITSTATUS(status) && !*text)
		snprintf(text, sizeof(text), "exits with status %d", WEXITSTATUS(status));
	if (WIFEXITED(status) && !WEXITSTATUS(status)) {
		d->passed++;
		if (job->test->not_applicable)
			d->not_applicable = job->test->not_applicable;
	} else {
		if (!d->failed++)
			snprintf(d->message, sizeof(d->message), "[%s] %s",
				 variant_name(job->variant), text);
		if (verbose)
			printf("%s [%s]: %s\n", job->test->name, variant_name(job->variant), text);
	}
	job->pid = 0;
}

static void wait_for_one(struct job *jobs, unsigned count)
{
	for (;;) {
		for (unsigned i = 0; i < count; i++) {
			int status;

			if (!jobs[i].pid)
				continue;
			if (waitpid(jobs[i].pid, &status, WNOHANG) == jobs[i].pid) {
				job_end(&jobs[i], status);
				return;
			}
			if (test_now_ms() > jobs[i].end && !jobs[i].late) {
				jobs[i].late = true;
				kill(jobs[i].pid, SIGKILL);
			}
		}
		nanosleep(&(struct timespec){.tv_nsec = 300000}, NULL);
	}
}

static void run_all(unsigned parallel, int argc, char **argv, bool hostile, bool both)
{
	struct job jobs[MAX_JOBS] = {0};
	unsigned running = 0;

	for (const struct test_case *const *t = __start_conformance_cases;
	     t < __stop_conformance_cases; t++) {
		struct demand *d = demand_of(*t);

		if (!selected(d, argc, argv, hostile, both))
			continue;
		for (unsigned v = next_variant((*t)->axes, 0); v; v = next_variant((*t)->axes, v)) {
			unsigned at = 0;

			if (hasty && d->failed)
				break;

			if (running == parallel) {
				wait_for_one(jobs, parallel);
				running--;
			}
			while (jobs[at].pid)
				at++;
			job_start(&jobs[at], d, *t, v);
			running++;
		}
	}
	for (; running; running--)
		wait_for_one(jobs, parallel);
}

static enum outcome outcome_of(const struct demand *d)
{
	if (d->failed)
		return BAD;
	if (!d->passed)
		return NO_TEST;
	return d->not_applicable ? NOT_APPLICABLE_LINE : PASS;
}

static const char *const outcome_names[] = {
    [PASS] = "pass",
    [BAD] = "FAIL",
    [NOT_APPLICABLE_LINE] = "n/a",
    [NO_TEST] = "FAIL",
};

static const char *remark(const struct demand *d)
{
	switch (outcome_of(d)) {
	case BAD: return d->message;
	case NOT_APPLICABLE_LINE: return d->not_applicable;
	case NO_TEST: return "there is no test";
	default: return "";
	}
}

/* A cell of a markdown table. */
static void print_cell(FILE *out, const char *text)
{
	for (; *text; text++)
		if (*text == '|')
			fputs("\\|", out);
		else
			putc(*text, out);
}

static const char *const headings[] = {
    [false] = "| line | level | the device has to | result | remark |\n|---|---|---|---|---|\n",
    [true] = "| line | hostile input | reaction | result | remark |\n|---|---|---|---|---|\n",
};

static void print_row(FILE *out, const struct demand *d)
{
	fprintf(out, "| %s | ", d->id);
	print_cell(out, d->hostile ? d->text : d->level);
	fputs(" | ", out);
	print_cell(out, d->hostile ? d->section : d->text);
	fprintf(out, " | %s | ", outcome_names[outcome_of(d)]);
	print_cell(out, remark(d));
	fputs(" |\n", out);
}

static void print_line(const struct demand *d)
{
	printf("%-10s %-4s %3u  %s\n", d->id, outcome_names[outcome_of(d)], d->passed + d->failed,
	       *remark(d) ? remark(d) : d->text);
}

/* One of the two lists. 1: a line of it failed or has no test. */
static int report(int argc, char **argv, bool hostile, FILE *markdown)
{
	unsigned counts[4] = {0}, total = 0, runs = 0;
	char summary[160];

	for (size_t i = 0; i < DEMANDS; i++) {
		const struct demand *d = &demands[i];

		if (d->hostile != hostile || !selected(d, argc, argv, hostile, false))
			continue;
		if (markdown && !total)
			fputs(headings[hostile], markdown);
		if (markdown)
			print_row(markdown, d);
		if (!quiet || outcome_of(d) == BAD || outcome_of(d) == NO_TEST)
			print_line(d);
		counts[outcome_of(d)]++;
		runs += d->passed + d->failed;
		total++;
	}
	if (!total)
		return 0;
	snprintf(summary, sizeof(summary),
		 "%s: %u lines: %u pass, %u fail, %u without a test, %u not applicable (%u runs)",
		 hostile ? "hostile" : "conformance", total, counts[PASS], counts[BAD],
		 counts[NO_TEST], counts[NOT_APPLICABLE_LINE], runs);
	puts(summary);
	if (markdown)
		fprintf(markdown, "\n%s\n%s", summary, hostile ? "" : "\n");
	return counts[BAD] || counts[NO_TEST];
}

static int list(int argc, char **argv, bool hostile, bool both)
{
	for (size_t i = 0; i < DEMANDS; i++)
		if (selected(&demands[i], argc, argv, hostile, both))
			printf("%-10s %s  %s\n", demands[i].id, demands[i].level, demands[i].text);
	return 0;
}

static void usage(void)
{
	fputs("usage: conformance [--list] [--quiet] [--verbose] [--hasty] [--jobs=N] "
	      "[--patience=SECONDS] [--markdown=FILE] [--hostile|--all] [ID|GROUP]...\n",
	      stderr);
	exit(2);
}

static FILE *create(const char *path)
{
	FILE *file = fopen(path, "we");

	if (!file) {
		perror(path);
		exit(2);
	}
	return file;
}

int main(int argc, char **argv)
{
	bool hostile = false, both = false, only_list = false;
	FILE *markdown = NULL;
	unsigned parallel = 3;
	int failed = 0;

	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--hostile"))
			hostile = true;
		else if (!strcmp(argv[i], "--all"))
			both = true;
		else if (!strcmp(argv[i], "--list"))
			only_list = true;
		else if (!strcmp(argv[i], "--quiet"))
			quiet = true;
		else if (!strcmp(argv[i], "--verbose"))
			verbose = true;
		else if (!strcmp(argv[i], "--hasty"))
			hasty = true;
		else if (!strncmp(argv[i], "--patience=", 11))
			test_patience_ms = 1000ull * (unsigned)atoi(argv[i] + 11);
		else if (!strncmp(argv[i], "--markdown=", 11))
			markdown = create(argv[i] + 11);
		else if (!strncmp(argv[i], "--jobs=", 7))
			parallel = (unsigned)atoi(argv[i] + 7);
		else if (argv[i][0] == '-')
			usage();
	}
	parallel = parallel < 1 ? 1 : parallel > MAX_JOBS ? MAX_JOBS : parallel;
	if (only_list)
		return list(argc, argv, hostile, both);
	run_all(parallel, argc, argv, hostile, both);
	/* Lines that are named are of either list. */
	for (unsigned kind = 0; kind < 2; kind++)
		if (both || named(argc, argv) || hostile == kind)
			failed |= report(argc, argv, kind, markdown);
	return failed;
}
