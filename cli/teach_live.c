/* SPDX-License-Identifier: MIT */
/*
 * vbtrace teach --live: a VMM in slow motion. Its threads stand at their marks until they are told
 * to go on (probes/stage_step.c); what they recorded until then, and what the kernel saw, is read as
 * `record` reads it. One request is followed at a time, all others pass without a stop.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/teach.h"
#include "lib/correlate.h"
#include "lib/lesson.h"
#include "lib/now.h"
#include "lib/reorder.h"
#include "probes/session.h"

#define WAITING     65536u
#define SLICE_MS    2
#define SETTLE_MS   1000 /* for what has happened to be read */
#define LIFE_END_MS 1000 /* after the interrupt was sent: for the guest to take it */

/* Where a thread stands. */
struct stop {
	bool there;
	unsigned mark, device, queue, request;
};

struct teach_live {
	int fd;
	bool ended, failed;
	struct session *session;
	struct vbt_reorder *merger;
	struct vbt_correlator *correlator;
	struct teach_views views;
	struct teach_subject subject;
	struct stop stop;
	unsigned stops, pauses; /* seen on the socket, and among the events */
	unsigned page;          /* that comes next; VBT_PAGE_COUNT: none */
	unsigned until;         /* pages up to this one can be shown */
	bool following;         /* a request; its number is known from its pop on */
	uint64_t told;          /* when the VMM was let go after the interrupt; 0: not yet */
	uint64_t kick, wake;    /* latest of the queue that is followed, without pauses */
	struct vbt_pauses clock;
};

/* Finished or under way: the one that is followed is kept as it is now. */
static void on_request(void *context, const struct vbt_request *request)
{
	struct teach_live *live = context;
	struct vbt_request *ours = &live->subject.request;

	if (live->following && ours->seq && request->seq == ours->seq &&
	    request->queue == ours->queue && request->device == ours->device)
		*ours = *request;
}

static void note_event(struct teach_live *live, const struct vbt_event *event)
{
	uint64_t time = vbt_pauses_time(&live->clock, event);

	if (event->point == VBT_AUX_pause)
		live->pauses += event->code;
	if (event->point == VBT_MARK_kick)
		live->kick = time;
	if (event->point == VBT_MARK_wake)
		live->wake = time;
	if (teach_views_event(&live->views, event) < 0)
		live->failed = true;
}

static int take_events(void *context, const struct vbt_event *events, size_t count)
{
	struct teach_live *live = context;

	for (size_t i = 0; i < count; i++)
		note_event(live, &events[i]);
	return vbt_correlator_events(live->correlator, events, count);
}

/* Read what is there, in order as far as it is certain. */
static void poll_events(struct teach_live *live)
{
	if (session_poll(live->session, vbt_reorder_take, live->merger) < 0 ||
	    vbt_reorder_drain(live->merger, session_watermark(live->session)) < 0)
		live->failed = true;
}

/* Until the records of the stop that we know of have arrived. */
static void catch_up(struct teach_live *live)
{
	const struct timespec slice = {.tv_nsec = SLICE_MS * 1000000L};
	uint64_t start = vbt_now_ns();

	do {
		poll_events(live);
		if (live->pauses >= live->stops && session_watermark(live->session) >= start)
			break;
		nanosleep(&slice, NULL);
	} while (vbt_now_ns() - start < SETTLE_MS * 1000000ull && !live->failed);
	vbt_correlator_each(live->correlator, on_request, live);
}

static int poll_again(void *context)
{
	struct teach_live *live = context;

	poll_events(live);
	return live->failed ? -EIO : 0;
}

/* All that will come: the VMM has ended. */
static void read_rest(struct teach_live *live)
{
	int error = session_finish(live->session, poll_again, live);

	if (vbt_reorder_drain(live->merger, UINT64_MAX) < 0 || error)
		live->failed = true;
	vbt_correlator_finish(live->correlator);
}

static bool answer(struct teach_live *live)
{
	live->stop.there = false;
	return send(live->fd, "\n", 1, MSG_NOSIGNAL) == 1;
}

static int mark_of(const char *name)
{
	for (unsigned mark = 0; mark < VBT_MARK_COUNT; mark++)
		if (!strcmp(vbt_point_name(mark), name))
			return (int)mark;
	return -1;
}

/* A line from the VMM within the time. False: none yet, or it has ended. */
static bool read_stop(struct teach_live *live, int timeout_ms)
{
	struct pollfd p = {.fd = live->fd, .events = POLLIN};
	char line[128], name[16];
	size_t used = 0;
	int mark;

	if (poll(&p, 1, timeout_ms) <= 0)
		return false;
	while (used + 1 < sizeof(line)) {
		ssize_t got = read(live->fd, line + used, 1);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0) {
			live->ended = true;
			return false;
		}
		if (line[used] == '\n')
			break;
		used++;
	}
	line[used] = '\0';
	if (!strcmp(line, "at start"))
		return false;
	if (sscanf(line, "at %15s disk %u queue %u request %u", name, &live->stop.device,
		   &live->stop.queue, &live->stop.request) != 4 ||
	    (mark = mark_of(name)) < 0) {
		live->ended = true;
		return false;
	}
	live->stop.mark = (unsigned)mark;
	live->stop.there = true;
	live->stops++;
	return true;
}

/* Is the thread that stands at work on the request that is followed? */
static bool concerns(const struct teach_live *live)
{
	const struct vbt_request *r = &live->subject.request;
	const struct stop *stop = &live->stop;
	bool same_queue = stop->queue == r->queue && stop->device == r->device;

	if (!live->following)
		return stop->mark == VBT_MARK_wake || stop->mark == VBT_MARK_pop;
	if (!same_queue)
		return false;
	if (stop->mark == VBT_MARK_pop && !r->seq)
		return true;
	if (stop->mark == VBT_MARK_signal)
		return live->page > VBT_PAGE_OF(VBT_MARK_push);
	return r->seq && stop->request == r->seq;
}

/* A new request is followed: from a kick, or from its pop if it has none of its own. */
static void follow(struct teach_live *live)
{
	memset(&live->subject, 0, sizeof(live->subject));
	live->following = true;
	live->told = 0;
	live->page = 0;
	live->subject.request.device = (uint8_t)live->stop.device;
	live->subject.request.queue = (uint16_t)live->stop.queue;
	live->subject.request.vcpu = -1;
}

/* What is known of the request before its pop: its kick and the wake. */
static void guess_beginning(struct teach_live *live)
{
	struct vbt_request *r = &live->subject.request;

	if (live->wake) {
		r->mark[VBT_MARK_wake] = live->wake;
		r->present |= 1u << VBT_MARK_wake;
	}
	if (live->kick && live->kick <= live->wake) {
		r->mark[VBT_MARK_kick] = live->kick;
		r->present |= 1u << VBT_MARK_kick;
	}
}

/* Did the queue's thread find a chain when it was woken last? */
static bool waits(const struct teach_live *live)
{
	for (unsigned i = live->views.views; i-- > 0;) {
		const struct vbt_ring_view *view = &live->views.view[i];

		if (view->moment == VBT_RING_AT_kick && view->device == live->stop.device &&
		    view->queue == live->stop.queue)
			return view->has_chain;
	}
	return false;
}

static void at_stop(struct teach_live *live)
{
	catch_up(live);
	if (!concerns(live)) {
		if (!answer(live))
			live->ended = true;
		return;
	}
	/* The queue is looked at, and nothing is there. */
	if (live->stop.mark == VBT_MARK_wake && !waits(live)) {
		if (!answer(live))
			live->ended = true;
		return;
	}
	/* A wake without a pop after it is followed by another: begin anew. */
	if (!live->following || (live->stop.mark == VBT_MARK_wake && !live->subject.request.seq))
		follow(live);
	if (live->stop.mark == VBT_MARK_pop) {
		live->subject.request.seq = live->stop.request;
		vbt_correlator_each(live->correlator, on_request, live);
	} else if (live->stop.mark == VBT_MARK_wake) {
		guess_beginning(live);
	}
	live->until = VBT_PAGE_OF(live->stop.mark);
}

/* The interrupt was sent: the guest's side of it is complete, or has had its time. */
static bool life_is_over(const struct teach_live *live)
{
	const struct vbt_request *r = &live->subject.request;

	return live->ended || live->stop.there || vbt_request_has(r, VBT_MARK_eoi) ||
	       vbt_now_ns() - live->told > LIFE_END_MS * 1000000ull;
}

/* A page that can be shown now. */
static bool take_page(struct teach_live *live, unsigned *page)
{
	const struct vbt_trace_info *info = session_info(live->session);

	if (!live->following || live->page > live->until || live->page >= VBT_PAGE_COUNT)
		return false;
	*page = live->page++;
	teach_views_take(&live->views, &live->subject);
	teach_describe(&live->subject, info);
	if (live->page == VBT_PAGE_COUNT)
		live->following = false;
	return true;
}

int teach_live_next(struct teach_live *live, int timeout_ms, unsigned *page)
{
	uint64_t start = vbt_now_ns();

	for (;;) {
		if (live->failed)
			return complain("cannot follow the VMM: its records cannot be read"), -1;
		if (take_page(live, page))
			return 1;
		/* Every page up to the mark at which the thread stands was seen. */
		if (live->stop.there && !live->told) {
			if (live->following && live->stop.mark == VBT_MARK_signal)
				live->told = vbt_now_ns();
			if (!answer(live))
				live->ended = true;
			continue;
		}
		if (live->told && live->following && life_is_over(live)) {
			if (live->ended)
				read_rest(live);
			else
				catch_up(live);
			live->until = VBT_PAGE_COUNT - 1;
			continue;
		}
		if (live->told && !live->following) {
			live->told = 0;
			if (live->stop.there)
				at_stop(live);
			continue;
		}
		if (live->ended)
			return -1;
		if (vbt_now_ns() - start > (uint64_t)timeout_ms * 1000000u)
			return 0;
		if (read_stop(live, SLICE_MS)) {
			if (!live->told)
				at_stop(live);
		} else {
			/* Also tells the kernel's probes of doorbells before they ring. */
			poll_events(live);
			vbt_correlator_each(live->correlator, on_request, live);
		}
	}
}

struct teach_subject *teach_live_subject(struct teach_live *live)
{
	return &live->subject;
}

/* Connect to the VMM, and find out which process it is. */
static pid_t connect_vmm(int fd, const char *path, char *err, size_t err_size)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct ucred peer = {0};
	socklen_t size = sizeof(peer);

	if (strlen(path) >= sizeof(address.sun_path)) {
		snprintf(err, err_size, "the path of a socket is not so long: '%s'", path);
		return -1;
	}
	memcpy(address.sun_path, path, strlen(path));
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) ||
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size)) {
		snprintf(err, err_size,
			 "no VMM at '%s': %s; start one with vmm-lite run --step '%s' first", path,
			 strerror(errno), path);
		return -1;
	}
	return peer.pid;
}

struct teach_live *teach_live_open(const char *path)
{
	const struct session_options options = {.road = SESSION_RING, .snapshots = true};
	struct vbt_correlator_options correlate = {.request = on_request};
	struct teach_live *live = calloc(1, sizeof(*live));
	char err[256] = "out of memory";
	const char *problem;
	pid_t pid;

	if (!live)
		goto fail;
	live->page = VBT_PAGE_COUNT;
	live->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	pid = connect_vmm(live->fd, path, err, sizeof(err));
	if (pid < 0)
		goto fail;
	live->session = session_new(&options, err, sizeof(err));
	if (!live->session || session_add(live->session, pid, err, sizeof(err)) < 0)
		goto fail;
	correlate.info = session_info(live->session);
	correlate.context = live;
	live->correlator = vbt_correlator_new(&correlate);
	live->merger = vbt_reorder_new(WAITING, take_events, live);
	if (!live->correlator || !live->merger) {
		snprintf(err, sizeof(err), "out of memory");
		goto fail;
	}
	problem = session_kernel_problem(live->session);
	if (problem)
		complain("the kernel's marks are missing: %s", problem);
	if (answer(live))
		return live;
	snprintf(err, sizeof(err), "the VMM at '%s' has hung up", path);
fail:
	complain("%s", err);
	teach_live_close(live);
	return NULL;
}

void teach_live_close(struct teach_live *live)
{
	if (!live)
		return;
	if (live->fd >= 0)
		close(live->fd);
	vbt_reorder_free(live->merger);
	vbt_correlator_free(live->correlator);
	session_free(live->session);
	teach_views_release(&live->views);
	free(live);
}
