/* SPDX-License-Identifier: MIT */
#include "cli/live.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "lib/reorder.h"
#include "probes/ring_find.h"

#define SEARCH_NS 1000000000u /* between two looks for new VMMs */
#define COST_NS   1000000000u /* own cost is measured over so long */
#define WAITING   262144      /* events that may wait for those of slower sources */
#define BUFFER    (4u << 20)  /* bytes of the kernel's: it counts twice in our memory */
#define REFUSED   64          /* processes that need not be tried again */

struct live {
	struct feed feed; /* first */
	struct live_options options;
	struct session *session;
	struct vbt_reorder *merger;
	uint64_t searched;
	pid_t refused[REFUSED];
	unsigned refused_count, denied;
	char problem[200]; /* why the last one could not be traced */
	/* own cost */
	uint64_t cost_wall, cost_cpu;
	double own_cpu;
};

static void on_tick(void *context)
{
	struct live *live = context;

	if (live->feed.tick)
		live->feed.tick(live->feed.tick_context);
}

static int take_events(void *context, const struct vbt_event *events, size_t count)
{
	struct live *live = context;

	return vbt_monitor_events(live->feed.monitor, events, count);
}

/* A session without targets, and what turns its events into a snapshot. */
static int start(struct live *live, char *err, size_t err_size)
{
	const struct session_options options = {.road = live->options.road, .buffer = BUFFER};
	struct vbt_monitor_options monitor = {
	    .interval_ns = live->feed.interval_ns,
	    .stuck_ns = live->options.stuck_ns,
	    .tick = on_tick,
	    .context = live,
	};

	live->session = session_new(&options, err, err_size);
	if (!live->session)
		return -1;
	live->feed.info = monitor.info = session_info(live->session);
	live->feed.monitor = vbt_monitor_new(&monitor);
	live->merger = vbt_reorder_new(WAITING, take_events, live);
	if (!live->feed.monitor || !live->merger) {
		snprintf(err, err_size, "out of memory");
		return -1;
	}
	vbt_reorder_touch(live->merger);
	return 0;
}

static void stop(struct live *live)
{
	if (live->session)
		session_detach(live->session);
	vbt_reorder_free(live->merger);
	vbt_monitor_free(live->feed.monitor);
	session_free(live->session);
	live->merger = NULL;
	live->feed.monitor = NULL;
	live->session = NULL;
}

static bool is_refused(const struct live *live, pid_t pid)
{
	for (unsigned i = 0; i < live->refused_count; i++)
		if (live->refused[i] == pid)
			return true;
	return false;
}

static bool is_traced(const struct live *live, pid_t pid)
{
	for (uint32_t i = 0; i < live->feed.info->targets; i++)
		if (live->feed.info->target[i].pid == (uint32_t)pid &&
		    session_target_alive(live->session, i))
			return true;
	return false;
}

/* VMMs that came since; what cannot be traced is tried once. */
static void search(struct live *live)
{
	struct ring_found *found = NULL;
	size_t count = 0;

	if (ring_find(&found, &count, &live->denied))
		return;
	for (size_t i = 0; i < count; i++) {
		int ret;

		if (is_traced(live, found[i].pid) || is_refused(live, found[i].pid))
			continue;
		ret =
		    session_add(live->session, found[i].pid, live->problem, sizeof(live->problem));
		if (ret >= 0)
			live->problem[0] = '\0';
		/* -ENOENT: it is just starting. */
		else if (ret != -ENOENT && live->refused_count < REFUSED)
			live->refused[live->refused_count++] = found[i].pid;
	}
	free(found);
}

/* A session keeps its targets for ever, and has room for some: with none alive, begin a new one. */
static int renew(struct live *live)
{
	char err[200];

	if (live->feed.info->targets < VBT_MAX_TARGETS || session_alive(live->session))
		return 0;
	stop(live);
	return start(live, err, sizeof(err)) ? -ENOMEM : 0;
}

static uint64_t own_cpu_ns(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000000u +
	       (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000u;
}

static void measure_cost(struct live *live, uint64_t wall_ns)
{
	uint64_t cpu;

	if (live->cost_wall && wall_ns - live->cost_wall < COST_NS)
		return;
	cpu = own_cpu_ns();
	if (live->cost_wall)
		live->own_cpu =
		    (double)(cpu - live->cost_cpu) / (double)(wall_ns - live->cost_wall);
	live->cost_wall = wall_ns;
	live->cost_cpu = cpu;
}

static uint32_t alive(const struct live *live)
{
	uint32_t targets = 0;

	for (uint32_t i = 0; i < live->feed.info->targets; i++)
		if (session_target_alive(live->session, i))
			targets |= 1u << i;
	return targets;
}

static int advance(struct feed *feed, uint64_t wall_ns)
{
	struct live *live = (struct live *)feed;
	long count;
	int error = 0;

	if (!live->options.pids->count && wall_ns - live->searched >= SEARCH_NS) {
		error = renew(live);
		if (error)
			return error;
		search(live);
		live->searched = wall_ns;
	}
	count = session_poll(live->session, vbt_reorder_take, live->merger);
	if (count < 0)
		return (int)count;
	vbt_monitor_alive(feed->monitor, alive(live));
	error = vbt_reorder_drain(live->merger, session_watermark(live->session));
	if (!error && session_watermark(live->session))
		error = vbt_monitor_time(feed->monitor, session_watermark(live->session));
	measure_cost(live, wall_ns);
	return error;
}

static uint64_t resident(void)
{
	unsigned long long pages = 0;
	FILE *file = fopen("/proc/self/statm", "re");

	if (!file)
		return 0;
	if (fscanf(file, "%*u %llu", &pages) != 1)
		pages = 0;
	fclose(file);
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void say_note(const struct live *live, struct feed_status *status)
{
	const char *problem = session_kernel_problem(live->session);
	const char *missing = session_missing_probe(live->session, 0);

	if (!status->alive && live->options.pids->count)
		snprintf(status->note, sizeof(status->note), "the processes named have ended");
	else if (!status->alive && live->problem[0])
		snprintf(status->note, sizeof(status->note), "%s", live->problem);
	else if (!status->alive && live->denied)
		snprintf(
		    status->note, sizeof(status->note),
		    "waiting for a VMM that offers stage points; %u processes cannot be looked "
		    "into: run as root",
		    live->denied);
	else if (!status->alive)
		snprintf(status->note, sizeof(status->note),
			 "waiting for a VMM that offers stage points, such as vmm-lite, to start");
	else if (problem)
		snprintf(status->note, sizeof(status->note), "no kernel marks: %s", problem);
	else if (missing)
		snprintf(status->note, sizeof(status->note), "not seen: %s", missing);
}

static void get_status(const struct feed *feed, struct feed_status *status)
{
	const struct live *live = (const struct live *)feed;

	*status = (struct feed_status){
	    .live = true,
	    .speed = 1,
	    .events = vbt_correlator_stats(vbt_monitor_correlator(feed->monitor))->events,
	    .own_cpu = live->own_cpu,
	    .own_memory = resident(),
	    .start_realtime = feed->info->host.start_realtime_ns,
	};
	for (uint32_t i = 0; i < feed->info->sources; i++)
		status->lost += feed->info->source[i].lost;
	status->alive = alive(live);
	status->ended = live->options.pids->count && !status->alive;
	if (gethostname(status->name, sizeof(status->name) - 1))
		snprintf(status->name, sizeof(status->name), "this host");
	say_note(live, status);
}

static int set_interval(struct feed *feed, uint64_t interval_ns, char *err, size_t err_size)
{
	feed->interval_ns = interval_ns;
	vbt_monitor_interval(feed->monitor, interval_ns);
	return 0;
}

static const struct feed_class live_class = {
    .advance = advance,
    .status = get_status,
    .interval = set_interval,
};

struct feed *live_new(const struct live_options *options, char *err, size_t err_size)
{
	struct live *live = calloc(1, sizeof(*live));

	snprintf(err, err_size, "out of memory");
	if (!live)
		return NULL;
	live->feed.class = &live_class;
	live->feed.interval_ns = options->interval_ns;
	live->options = *options;
	live->own_cpu = -1;
	if (!start(live, err, err_size) &&
	    (!options->pids->count || !attach_running(live->session, options->pids, err, err_size)))
		return &live->feed;
	live_free(&live->feed);
	return NULL;
}

void live_free(struct feed *feed)
{
	if (!feed)
		return;
	stop((struct live *)feed);
	free(feed);
}
