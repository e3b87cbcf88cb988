/* SPDX-License-Identifier: MIT */
#include "cli/replay.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POINTS 60 /* intervals that a recording is cut into, or so */
#define SHORT  1000000u

struct replay {
	struct feed feed; /* first */
	struct input *input;
	struct replay_options options;
	const struct vbt_event *run; /* what was read and not yet taken */
	size_t left;
	uint64_t first, length; /* time of the first event; 0: not known */
	uint64_t position, wall;
	bool paused, ended;
	char damage[200]; /* of the file, if it was read to its end */
};

static void on_tick(void *context)
{
	struct replay *replay = context;

	if (replay->feed.tick)
		replay->feed.tick(replay->feed.tick_context);
}

/* A new monitor, for the recording from its beginning. */
static int start(struct replay *replay)
{
	const struct vbt_monitor_options options = {
	    .info = input_info(replay->input),
	    .interval_ns = replay->feed.interval_ns,
	    .stuck_ns = replay->options.stuck_ns,
	    .tick = on_tick,
	    .context = replay,
	};

	vbt_monitor_free(replay->feed.monitor);
	replay->feed.monitor = vbt_monitor_new(&options);
	replay->feed.info = options.info;
	replay->left = 0;
	replay->position = 0;
	replay->ended = false;
	return replay->feed.monitor ? 0 : -1;
}

static int rewind_to_start(struct replay *replay, char *err, size_t err_size)
{
	if (!replay->length) {
		snprintf(err, err_size, "cannot go back in a pipe");
		return -ESPIPE;
	}
	if (input_rewind(replay->input, err, err_size))
		return -EIO;
	snprintf(err, err_size, "out of memory");
	return start(replay) ? -ENOMEM : 0;
}

/* Events that are over by a time, of those that were read. */
static size_t count_until(const struct replay *replay, uint64_t until)
{
	size_t count = 0;

	while (count < replay->left && replay->run[count].time <= until)
		count++;
	return count;
}

static int end(struct replay *replay)
{
	replay->ended = true;
	if (replay->length)
		replay->position = replay->length;
	return vbt_monitor_finish(replay->feed.monitor);
}

/* Up to a position. 0 or -errno. */
static int run_until(struct replay *replay, uint64_t position)
{
	while (!replay->ended) {
		size_t count;
		int error;

		if (!replay->left) {
			long got = input_next(replay->input, &replay->run);

			if (got < 0)
				return (int)got;
			if (!got)
				return end(replay);
			replay->left = (size_t)got;
			if (!replay->first)
				replay->first = replay->run[0].time;
		}
		count = position > UINT64_MAX - replay->first
			    ? replay->left
			    : count_until(replay, replay->first + position);
		if (!count) {
			replay->position = position;
			return vbt_monitor_time(replay->feed.monitor, replay->first + position);
		}
		error = vbt_monitor_events(replay->feed.monitor, replay->run, count);
		replay->run += count;
		replay->left -= count;
		if (error)
			return error;
	}
	return 0;
}

static int advance(struct feed *feed, uint64_t wall_ns)
{
	struct replay *replay = (struct replay *)feed;
	uint64_t passed = replay->wall ? wall_ns - replay->wall : 0;

	replay->wall = wall_ns;
	if (replay->paused || replay->ended)
		return 0;
	if (!(replay->options.speed > 0))
		return run_until(replay, UINT64_MAX);
	return run_until(replay,
			 replay->position + (uint64_t)((double)passed * replay->options.speed));
}

static void get_status(const struct feed *feed, struct feed_status *status)
{
	const struct replay *replay = (const struct replay *)feed;
	const struct vbt_host *host = &feed->info->host;
	const struct vbt_correlator_stats *stats =
	    vbt_correlator_stats(vbt_monitor_correlator(feed->monitor));

	*status = (struct feed_status){
	    .paused = replay->paused,
	    .ended = replay->ended,
	    .speed = replay->options.speed,
	    .position_ns = replay->position,
	    .length_ns = replay->length,
	    .events = stats->events,
	    .lost = stats->lost,
	    .alive = UINT32_MAX,
	    .own_cpu = -1,
	};
	if (host->start_realtime_ns)
		status->start_realtime =
		    host->start_realtime_ns + replay->first - host->start_monotonic_ns;
	snprintf(status->name, sizeof(status->name), "%s", input_name(replay->input));
	snprintf(status->note, sizeof(status->note), "%s", replay->damage);
}

static int seek(struct feed *feed, uint64_t position_ns, char *err, size_t err_size)
{
	struct replay *replay = (struct replay *)feed;
	int error = 0;

	if (replay->length && position_ns > replay->length)
		position_ns = replay->length;
	if (position_ns < replay->position || (replay->ended && position_ns != replay->position))
		error = rewind_to_start(replay, err, err_size);
	if (error)
		return error;
	error = run_until(replay, position_ns);
	/* The last event is the end: nothing would come behind it. */
	if (!error && replay->length && position_ns == replay->length)
		error = run_until(replay, UINT64_MAX);
	if (error)
		snprintf(err, err_size, "cannot read '%s': %s", input_name(replay->input),
			 strerror(-error));
	return error;
}

/* What is past gets the new interval too, where one can go back. */
static int set_interval(struct feed *feed, uint64_t interval_ns, char *err, size_t err_size)
{
	struct replay *replay = (struct replay *)feed;
	uint64_t position = replay->position;
	bool ended = replay->ended;
	int error;

	feed->interval_ns = interval_ns;
	if (!replay->length) {
		vbt_monitor_interval(feed->monitor, interval_ns);
		return 0;
	}
	error = rewind_to_start(replay, err, err_size);
	if (error)
		return error;
	return seek(feed, ended ? replay->length : position, err, err_size);
}

static void set_paused(struct feed *feed, bool paused)
{
	((struct replay *)feed)->paused = paused;
}

static void set_speed(struct feed *feed, double speed)
{
	((struct replay *)feed)->options.speed = speed;
}

static const struct feed_class replay_class = {
    .advance = advance,
    .status = get_status,
    .interval = set_interval,
    .seek = seek,
    .pause = set_paused,
    .speed = set_speed,
};

/* 1, 2 or 5 times a power of ten, so that POINTS of them or somewhat more make the length; at most
 * 1 s. */
static uint64_t suitable_interval(uint64_t length)
{
	static const unsigned steps[] = {1, 2, 5};
	uint64_t interval = SHORT, unit = SHORT;

	for (unsigned i = 0; unit * steps[i % 3] <= length / POINTS && interval < 1000000000u;
	     i++) {
		interval = unit * steps[i % 3];
		if (i % 3 == 2)
			unit *= 10;
	}
	return interval;
}

/* How long the recording is, by reading it; a pipe's length is not known. */
static int measure(struct replay *replay, char *err, size_t err_size)
{
	const struct vbt_event *run;
	uint64_t last = 0;
	long count;

	if (!strcmp(input_name(replay->input), "standard input"))
		return 0;
	while ((count = input_next(replay->input, &run)) > 0) {
		if (!replay->first)
			replay->first = run[0].time;
		for (long i = 0; i < count; i++)
			if (run[i].time > last)
				last = run[i].time;
	}
	input_damage(replay->input, replay->damage, sizeof(replay->damage));
	replay->length = last > replay->first ? last - replay->first : 0;
	return input_rewind(replay->input, err, err_size);
}

struct feed *replay_new(struct input *input, const struct replay_options *options, char *err,
			size_t err_size)
{
	struct replay *replay = calloc(1, sizeof(*replay));

	snprintf(err, err_size, "out of memory");
	if (!replay)
		return NULL;
	replay->feed.class = &replay_class;
	replay->input = input;
	replay->options = *options;
	if (measure(replay, err, err_size))
		goto fail;
	replay->feed.interval_ns =
	    options->interval_ns ? options->interval_ns : suitable_interval(replay->length);
	if (!options->interval_ns && !replay->length)
		replay->feed.interval_ns = 1000000000u;
	if (!start(replay))
		return &replay->feed;
fail:
	replay_free(&replay->feed);
	return NULL;
}

void replay_free(struct feed *feed)
{
	struct replay *replay = (struct replay *)feed;

	if (replay)
		vbt_monitor_free(replay->feed.monitor);
	free(replay);
}
