/* SPDX-License-Identifier: MIT */
/* Single requests that are worth to be kept: the slowest, and those that wait for too long. */
#include <stdlib.h>
#include <string.h>

#include "lib/snapshot_impl.h"

#define GONE_KEPT_NS 60000000000u /* what gave up is shown for a minute */

/* Where a request with this last mark waits. */
static const char *const waits[VBT_MARK_COUNT] = {
    [VBT_MARK_kick] = "kicked, never popped: the VMM did not wake",
    [VBT_MARK_wake] = "woken, never popped",
    [VBT_MARK_pop] = "popped, not read: the VMM holds it",
    [VBT_MARK_parse] = "read, not submitted: the VMM holds it",
    [VBT_MARK_submit] = "submitted, never came back from the host",
    [VBT_MARK_queue] = "queued in the host's block layer, not issued",
    [VBT_MARK_issue] = "issued, the host's disk has not completed it",
    [VBT_MARK_complete] = "completed by the disk, the VMM has not seen it",
    [VBT_MARK_reap] = "reaped, not pushed: the VMM holds it",
    [VBT_MARK_push] = "pushed, no interrupt seen",
    [VBT_MARK_signal] = "interrupt decided, not seen in KVM",
    [VBT_MARK_msi] = "interrupt in KVM, not delivered to a vCPU",
    [VBT_MARK_inject] = "interrupt delivered, the guest has not ended its handler",
    [VBT_MARK_eoi] = "done",
};

const char *vbt_wait_text(int mark)
{
	return mark >= 0 && mark < VBT_MARK_COUNT ? waits[mark] : "no mark seen";
}

/* The last mark of a request in the order of its life; -1 if it has none. */
static int last_mark(const struct vbt_request *request)
{
	return request->present ? 31 - __builtin_clz(request->present) : -1;
}

static void keep_slowest(struct vbt_snapshot *s, const struct vbt_request *request)
{
	const uint64_t total = vbt_request_total(request);
	uint32_t at = s->slow;

	if (at == VBT_SNAPSHOT_SLOWEST && total <= vbt_request_total(&s->slowest[at - 1]))
		return;
	if (at < VBT_SNAPSHOT_SLOWEST)
		s->slow++;
	else
		at--;
	for (; at && total > vbt_request_total(&s->slowest[at - 1]); at--)
		s->slowest[at] = s->slowest[at - 1];
	s->slowest[at] = *request;
}

/* It was waited for, until the patience or the recording came to its end. */
static bool waited(const struct vbt_request *request)
{
	for (unsigned mark = 0; mark < VBT_MARK_COUNT; mark++)
		if (request->absent[mark] == VBT_ABSENT_timeout ||
		    request->absent[mark] == VBT_ABSENT_after)
			return true;
	return false;
}

void vbt_snapshot_keep(struct vbt_snapshot *s, const struct vbt_request *request)
{
	int mark = last_mark(request);

	if (request->complete)
		keep_slowest(s, request);
	else if (mark >= 0 && waited(request))
		s->gone[s->gones++ % VBT_SNAPSHOT_STUCK] = (struct vbt_stuck){
		    .request = *request,
		    .since_ns = request->mark[mark],
		    .mark = mark,
		    .gave_up = true,
		};
}

static void add_stuck(struct vbt_snapshot *s, const struct vbt_stuck *stuck)
{
	uint32_t at = s->stuck_count;

	if (!(s->alive >> stuck->request.target % 32 & 1))
		return;
	s->stuck_all++;
	if (at == VBT_SNAPSHOT_STUCK && stuck->since_ns >= s->stuck[at - 1].since_ns)
		return;
	if (at < VBT_SNAPSHOT_STUCK)
		s->stuck_count++;
	else
		at--;
	for (; at && stuck->since_ns < s->stuck[at - 1].since_ns; at--)
		s->stuck[at] = s->stuck[at - 1];
	s->stuck[at] = *stuck;
}

static void look_at(void *context, const struct vbt_request *request)
{
	struct vbt_snapshot *s = context;
	int mark = last_mark(request);
	struct vbt_stuck stuck = {.request = *request, .mark = mark};
	struct vbt_node *node;

	if (mark < 0)
		return;
	node = vbt_request_has(request, VBT_MARK_push) ? NULL : vbt_snapshot_node_of(s, request);
	if (node)
		node->in_flight++;
	stuck.since_ns = request->mark[mark];
	if (stuck.since_ns < s->now_ns && s->now_ns - stuck.since_ns > s->stuck_ns)
		add_stuck(s, &stuck);
}

/* A queue that was kicked and did not wake: there is no request yet, but the guest waits for one. */
static void look_at_kick(struct vbt_snapshot *s, const struct vbt_queue_stats *stats)
{
	struct vbt_stuck stuck = {
	    .request = {.target = stats->target,
			.device = stats->device,
			.queue = stats->queue,
			.present = 1u << VBT_MARK_kick,
			.vcpu = -1},
	    .since_ns = stats->last_kick_ns,
	    .mark = VBT_MARK_kick,
	};

	stuck.request.mark[VBT_MARK_kick] = stats->last_kick_ns;
	if (stats->last_kick_ns > stats->last_wake_ns && s->now_ns > stats->last_kick_ns &&
	    s->now_ns - stats->last_kick_ns > s->stuck_ns)
		add_stuck(s, &stuck);
}

void vbt_snapshot_find_stuck(struct vbt_snapshot *s, struct vbt_correlator *correlator)
{
	const struct vbt_queue_stats *stats;

	s->stuck_count = 0;
	s->stuck_all = 0;
	for (uint32_t i = 0; i < s->nodes; i++)
		if (s->node[i]->level == VBT_NODE_OP)
			s->node[i]->in_flight = 0;
	vbt_correlator_each(correlator, look_at, s);
	for (unsigned i = 0; (stats = vbt_correlator_queue(correlator, i)); i++)
		look_at_kick(s, stats);
	for (uint64_t i = 0; i < s->gones && i < VBT_SNAPSHOT_STUCK; i++)
		if (s->now_ns > s->gone[i].since_ns + s->stuck_ns &&
		    s->now_ns - s->gone[i].since_ns < GONE_KEPT_NS)
			add_stuck(s, &s->gone[i]);
}
