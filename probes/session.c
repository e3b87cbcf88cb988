/* SPDX-License-Identifier: MIT */
#include "probes/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/touched.h"
#include "probes/session_impl.h"
#include "probes/session_info.h"

#define SETTLE_NS     2000000u /* a record may be stamped this long before it is visible */
#define SETTLE_PAUSES 20       /* of 5 ms, for the last bios of a process that ended */
#define LAST_ROUNDS   1000     /* of 1 ms, for what was under way when the probes went */
#define BUSY_FILL     16   /* 256ths of a buffer; twice this a poll later is still far from full */
#define BUSY_EVENTS   8192 /* more would not stay in a cache on their way into one order and out */

struct session *session_new(const struct session_options *options, char *err, size_t err_size)
{
	const struct vbt_source kernel = {.kind = VBT_SOURCE_KERNEL, .name = "kernel"};
	struct session *session = vbt_calloc_touched(1, sizeof(*session));

	if (!session) {
		snprintf(err, err_size, "cannot start a session: out of memory");
		return NULL;
	}
	session->options = *options;
	vbt_trace_info_init(&session->info);
	session_info_host(&session->info.host);
	if (vbt_trace_info_set_source(&session->info, KERNEL_SOURCE, &kernel) < 0) {
		snprintf(err, err_size, "cannot start a session: out of memory");
		session_free(session);
		return NULL;
	}
	if (options->no_kernel)
		snprintf(session->problem, sizeof(session->problem), "not asked for");
	else
		session->kernel =
		    kernel_source_open(options->buffer, session->problem, sizeof(session->problem));
	if (!session->kernel && options->road == SESSION_USDT) {
		snprintf(err, err_size, "%s", session->problem);
		session_free(session);
		return NULL;
	}
	if (session->kernel && options->unknown)
		kernel_source_watch(session->kernel, VBT_PROBES_kvm, true);
	session->lost_time = session->last_second = vbt_now_ns();
	session->pause = SESSION_POLL_NS;
	return session;
}

void session_free(struct session *session)
{
	if (!session)
		return;
	session_detach(session);
	kernel_source_close(session->kernel);
	for (unsigned i = 0; i < VBT_MAX_TARGETS; i++)
		session_target_free(session->targets[i]);
	vbt_trace_info_release(&session->info);
	free(session);
}

/* What need not be done at every poll. */
static void each_second(struct session *session, uint64_t now)
{
	if (now - session->last_second < SECOND_NS)
		return;
	session->last_second = now;
	for (unsigned i = 0; i < session->info.targets; i++)
		if (session->targets[i]->reader && !session->targets[i]->usdt &&
		    !session->targets[i]->ended)
			ring_reader_keepalive(session->targets[i]->reader);
}

long session_poll(struct session *session, vbt_event_fn *sink, void *context)
{
	uint64_t start = vbt_now_ns(), reserved = 0;
	unsigned fill = 0;
	bool drained = true, alive[VBT_MAX_TARGETS] = {false};

	session->sink = sink;
	session->context = context;
	session->delivered = session->stopped = 0;
	if (session->kernel) {
		reserved = kernel_source_reserved(session->kernel);
		fill = kernel_source_fill(session->kernel);
	}
	if (!session->detached)
		each_second(session, start);
	for (unsigned i = 0; i < session->info.targets; i++) {
		/* Asked before its last records are read. */
		alive[i] = session_target_runs(session->targets[i]);
		session_target_update(session, i);
	}
	if (session->kernel)
		drained &= session_read_kernel(session, reserved);
	for (unsigned i = 0; i < session->info.targets; i++)
		if (session->targets[i]->reader && !session->targets[i]->usdt)
			drained &= session_read_rings(session, i, &fill);
	/* Less often while little comes: waking up is most of what that costs. */
	if (fill >= BUSY_FILL || session->delivered >= BUSY_EVENTS)
		session->pause = SESSION_POLL_NS;
	else
		session->pause *= 2;
	if (session->pause > SESSION_IDLE_NS)
		session->pause = SESSION_IDLE_NS;
	for (unsigned i = 0; i < session->info.targets && session->kernel; i++)
		if (!session->targets[i]->ended &&
		    !session_target_settled(session->targets[i], start))
			session->pause = SESSION_WATCH_NS;
	for (unsigned i = 0; i < session->info.targets && drained; i++)
		session->targets[i]->ended |= !alive[i];
	if (drained && session->detached)
		session->watermark = UINT64_MAX;
	else if (drained && start - SETTLE_NS > session->watermark)
		session->watermark = start - SETTLE_NS;
	return session->stopped < 0 ? session->stopped : session->delivered;
}

uint64_t session_pause(const struct session *session)
{
	return session->pause;
}

uint64_t session_watermark(const struct session *session)
{
	return session->watermark;
}

const struct vbt_trace_info *session_info(const struct session *session)
{
	return &session->info;
}

bool session_alive(const struct session *session)
{
	for (unsigned i = 0; i < session->info.targets; i++)
		if (!session->targets[i]->ended)
			return true;
	return false;
}

bool session_target_alive(const struct session *session, unsigned index)
{
	return index < session->info.targets && !session->targets[index]->ended;
}

const char *session_kernel_problem(const struct session *session)
{
	return session->kernel ? NULL : session->problem;
}

const char *session_missing_probe(const struct session *session, unsigned n)
{
	for (int probe = 0; session->kernel && probe < VBT_KERNEL_PROBE_COUNT; probe++) {
		const char *missing =
		    kernel_source_missing(session->kernel, (enum vbt_kernel_probe)probe);

		if (missing &&
		    kernel_source_stand_in(session->kernel, (enum vbt_kernel_probe)probe))
			continue;
		if (missing && n-- == 0)
			return missing;
	}
	return NULL;
}

/*
 * A process that ended has no I/O left, but its last bios may take a moment. What is left then
 * completed without being seen: the kernel does not run programs everywhere, and says so nowhere.
 */
static void settle_bios(struct session *session)
{
	const struct timespec pause = {.tv_nsec = 5000000};

	for (unsigned i = 0; i < session->info.targets; i++) {
		if (session_target_runs(session->targets[i]))
			continue;
		for (int wait = 0; wait < SETTLE_PAUSES; wait++) {
			if (kernel_source_bios(session->kernel, i, false) == 0)
				break;
			nanosleep(&pause, NULL);
		}
		kernel_source_bios(session->kernel, i, true);
	}
}

void session_detach(struct session *session)
{
	if (session->detached)
		return;
	session->detached = true;
	/* The VMM's side first: else it would go on, unread, for as long as the kernel's takes. */
	for (unsigned i = 0; i < session->info.targets; i++)
		if (session->targets[i]->reader)
			ring_reader_stop(session->targets[i]->reader);
	if (session->kernel) {
		settle_bios(session);
		kernel_source_detach(session->kernel);
	}
}

/*
 * One round takes a bounded number of events, and a CPU may be held up with a record half written: until
 * the watermark says that it was all.
 */
int session_finish(struct session *session, int (*round)(void *context), void *context)
{
	const struct timespec pause = {.tv_nsec = 1000000};
	int error = 0;

	session_detach(session);
	for (int i = 0; i < LAST_ROUNDS && !error; i++) {
		error = round(context);
		if (session_watermark(session) == UINT64_MAX)
			break;
		nanosleep(&pause, NULL);
	}
	return error;
}
