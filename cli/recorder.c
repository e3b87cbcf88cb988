/* SPDX-License-Identifier: MIT */
#include "cli/recorder.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/now.h"
#include "lib/reorder.h"
#include "lib/trace_writer.h"

#define WAITING 262144 /* events that may wait for those of slower sources */

struct recorder {
	struct session *session;
	struct vbt_trace_writer *writer;
	struct vbt_reorder *merger;
	uint32_t changes; /* of the session's info when it was written last */
	uint64_t requests;
};

/* In order: into the file. */
static int write_events(void *context, const struct vbt_event *events, size_t count)
{
	struct recorder *recorder = context;

	for (size_t i = 0; i < count; i++)
		recorder->requests += events[i].point == VBT_MARK_push;
	return vbt_trace_writer_events(recorder->writer, events, count);
}

/* As they come, one source at a time: to be put in order. */
/* Losses are statements among the events: here only what identifies a source counts. */
static bool same_source(const struct vbt_source *a, const struct vbt_source *b)
{
	return a && a->kind == b->kind && a->target == b->target && a->tid == b->tid &&
	       !strcmp(a->name, b->name);
}

/* What the session knows by now and the file does not. */
static int write_news(struct recorder *recorder)
{
	const struct vbt_trace_info *news = session_info(recorder->session);
	const struct vbt_trace_info *known = vbt_trace_writer_get_info(recorder->writer);
	int error = 0;

	if (recorder->changes == news->changes)
		return 0;
	if (memcmp(&known->host, &news->host, sizeof(news->host)) != 0)
		error = vbt_trace_writer_host(recorder->writer, &news->host);
	for (uint32_t i = 0; i < news->targets && !error; i++) {
		const struct vbt_target *target = vbt_trace_info_target(known, i);

		if (!target || memcmp(target, &news->target[i], sizeof(*target)) != 0)
			error = vbt_trace_writer_target(recorder->writer, i, &news->target[i]);
	}
	for (uint32_t i = 0; i < news->sources && !error; i++) {
		struct vbt_source source = news->source[i];

		source.lost = 0;
		if (!same_source(vbt_trace_info_source(known, i), &source))
			error = vbt_trace_writer_source(recorder->writer, i, &source);
	}
	for (uint32_t i = 0; i < news->devices && !error; i++) {
		const struct vbt_device *device =
		    vbt_trace_info_device(known, news->device[i].target, news->device[i].index);

		if (!device || device->generation != news->device[i].generation ||
		    memcmp(&device->shm, &news->device[i].shm, sizeof(device->shm)) != 0)
			error = vbt_trace_writer_device(recorder->writer, &news->device[i]);
	}
	if (!error)
		recorder->changes = news->changes;
	return error;
}

struct recorder *recorder_new(struct session *session, int fd, bool data, char *err,
			      size_t err_size)
{
	const struct vbt_trace_writer_options options = {.data = data};
	struct recorder *recorder = calloc(1, sizeof(*recorder));

	snprintf(err, err_size, "out of memory");
	if (!recorder)
		return NULL;
	recorder->session = session;
	recorder->changes = session_info(session)->changes - 1;
	recorder->merger = vbt_reorder_new(WAITING, write_events, recorder);
	if (recorder->merger)
		recorder->writer = vbt_trace_writer_new(fd, &options, err, err_size);
	if (recorder->writer)
		return recorder;
	recorder_free(recorder);
	return NULL;
}

void recorder_free(struct recorder *recorder)
{
	if (!recorder)
		return;
	vbt_reorder_free(recorder->merger);
	vbt_trace_writer_free(recorder->writer);
	free(recorder);
}

int recorder_option(struct recorder *recorder, const char *name, const char *value)
{
	return vbt_trace_writer_option(recorder->writer, name, value);
}

int recorder_poll(struct recorder *recorder)
{
	long count = session_poll(recorder->session, vbt_reorder_take, recorder->merger);
	int error = count < 0 ? (int)count : write_news(recorder);

	if (!error)
		error = vbt_reorder_drain(recorder->merger, session_watermark(recorder->session));
	if (!error)
		error = vbt_trace_writer_tick(recorder->writer, vbt_now_ns());
	return error;
}

static int poll_again(void *recorder)
{
	return recorder_poll(recorder);
}

int recorder_finish(struct recorder *recorder)
{
	int error = session_finish(recorder->session, poll_again, recorder);

	if (!error)
		error = vbt_reorder_drain(recorder->merger, UINT64_MAX);
	return error ? error : vbt_trace_writer_finish(recorder->writer);
}

void recorder_get_stats(const struct recorder *recorder, struct recorder_stats *stats)
{
	const struct vbt_trace_info *info = session_info(recorder->session);

	*stats = (struct recorder_stats){
	    .events = vbt_trace_writer_stats(recorder->writer)->events,
	    .bytes = vbt_trace_writer_stats(recorder->writer)->bytes,
	    .requests = recorder->requests,
	    .late = vbt_reorder_stats(recorder->merger)->late,
	};
	for (uint32_t i = 0; i < info->sources; i++)
		stats->lost += info->source[i].lost;
}

const char *recorder_error(const struct recorder *recorder, int error)
{
	const char *text = vbt_trace_writer_error(recorder->writer);

	return *text ? text : strerror(-error);
}
