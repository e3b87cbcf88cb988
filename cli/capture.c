/* SPDX-License-Identifier: MIT */
#include "cli/capture.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "cli/command.h"
#include "lib/reorder.h"

#define ROUND_NS 20000000 /* of the output; the kernel's buffer is for longer */
#define WAITING  262144   /* events that may wait for those of slower sources */

struct capture {
	struct session *session;
	struct vbt_reorder *merger;
	struct vbt_export_run *run;
	struct sink *sink;
};

static int in_order(void *context, const struct vbt_event *events, size_t count)
{
	struct capture *capture = context;

	return vbt_export_events(capture->run, events, count);
}

static int do_round(void *context)
{
	struct capture *capture = context;
	long count = session_poll(capture->session, vbt_reorder_take, capture->merger);
	uint64_t watermark = session_watermark(capture->session);
	int error = count < 0 ? (int)count : vbt_reorder_drain(capture->merger, watermark);

	if (!error && watermark != UINT64_MAX)
		error = vbt_export_time(capture->run, watermark);
	fflush(sink_file(capture->sink));
	return error;
}

static int finish(struct capture *capture)
{
	int error = session_finish(capture->session, do_round, capture);

	if (!error)
		error = vbt_reorder_drain(capture->merger, UINT64_MAX);
	return error ? error : vbt_export_finish(capture->run);
}

static int run_rounds(struct capture *capture, const sigset_t *signals)
{
	const struct timespec pause = {.tv_nsec = ROUND_NS};
	int error = 0;

	while (!error && !sink_failed(capture->sink) && session_alive(capture->session)) {
		error = do_round(capture);
		if (sigtimedwait(signals, NULL, &pause) > 0)
			break;
	}
	return error || sink_failed(capture->sink) ? error : finish(capture);
}

int capture_run(const struct capture_options *options, struct sink *sink)
{
	const struct session_options session = {.road = options->road, .data = options->to.payload};
	struct capture capture = {.sink = sink};
	int status = CLI_FAILURE, error;
	char err[320] = "out of memory";
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	capture.session = session_new(&session, err, sizeof(err));
	if (!capture.session || attach_running(capture.session, options->pids, err, sizeof(err))) {
		complain("%s", err);
	} else {
		capture.run =
		    vbt_export_new(&options->to, sink_file(sink), session_info(capture.session));
		capture.merger = vbt_reorder_new(WAITING, in_order, &capture);
		error = capture.run && capture.merger ? run_rounds(&capture, &signals) : -ENOMEM;
		status = error ? complain("cannot capture: %s", strerror(-error)) : CLI_SUCCESS;
	}
	vbt_reorder_free(capture.merger);
	vbt_export_free(capture.run);
	session_free(capture.session);
	return status;
}
