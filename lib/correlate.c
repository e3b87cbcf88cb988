/* SPDX-License-Identifier: MIT */
/* The correlator's frame: takes events apart, follows threads, losses and time. */
#include "lib/correlate.h"

#include <errno.h>
#include <string.h>

#include "lib/correlate_impl.h"

#define DEFAULT_TIMEOUT   10000000000u
#define DEFAULT_IN_FLIGHT 262144u
#define DEFAULT_QUEUES    1024u
#define MAX_THREADS       16384u

struct vbt_correlator *vbt_correlator_new(const struct vbt_correlator_options *options)
{
	struct vbt_correlator *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->options = *options;
	c->changes = options->info ? options->info->changes - 1 : 0; /* not read yet */
	if (!c->options.timeout_ns)
		c->options.timeout_ns = DEFAULT_TIMEOUT;
	if (!c->options.max_in_flight)
		c->options.max_in_flight = DEFAULT_IN_FLIGHT;
	if (!c->options.max_queues)
		c->options.max_queues = DEFAULT_QUEUES;
	c->irq_free = c->irq_oldest = c->irq_newest = NONE;
	c->queue = calloc(c->options.max_queues, sizeof(*c->queue));
	c->lost = calloc(LOST_SLOTS, sizeof(*c->lost));
	if (!c->queue || !c->lost) {
		vbt_correlator_free(c);
		return NULL;
	}
	return c;
}

void vbt_correlator_free(struct vbt_correlator *c)
{
	if (!c)
		return;
	for (uint32_t i = 0; i < c->queues; i++)
		vbt_queue_free(c->queue[i]);
	vbt_table_release(&c->queue_table);
	vbt_table_release(&c->thread_table);
	vbt_table_release(&c->vector_table);
	vbt_table_release(&c->doorbell_table);
	vbt_table_release(&c->io_table);
	free(c->queue);
	free(c->thread);
	free(c->vector);
	free(c->line);
	free(c->doorbell);
	free(c->irq);
	free(c->lost);
	free(c);
}

bool vbt_grow(void **array, uint32_t count, uint32_t *room, size_t size)
{
	uint32_t more = *room ? *room * 2 : 16;
	void *bigger;

	if (count < *room)
		return true;
	bigger = realloc(*array, more * size);
	if (!bigger)
		return false;
	*array = bigger;
	*room = more;
	return true;
}

struct thread *vbt_thread_search(struct vbt_correlator *c, uint32_t tid)
{
	uint64_t index = tid ? vbt_table_get(&c->thread_table, tid) : VBT_TABLE_NONE;

	if (index == VBT_TABLE_NONE)
		return NULL;
	c->recent_thread[tid % RECENT] = (uint32_t)index;
	return &c->thread[index];
}

/* The thread of an event, made if it is new; NULL in interrupt context or if there are too many. */
struct thread *vbt_thread(struct vbt_correlator *c, const struct vbt_event *event)
{
	struct thread *thread = vbt_thread_find(c, event->tid);
	int vcpu;

	if (!thread) {
		if (!event->tid ||
		    !vbt_grow((void **)&c->thread, c->threads, &c->thread_room, sizeof(*thread)) ||
		    !vbt_table_set(&c->thread_table, event->tid, c->threads, MAX_THREADS, NULL,
				   NULL))
			return NULL;
		thread = &c->thread[c->threads++];
		*thread = (struct thread){
		    .tid = event->tid,
		    .target = event->target,
		    .vcpu = -1,
		    .vcpu_changes = c->changes - 1,
		    .told = {NONE, 0},
		    .line = NONE,
		};
	}
	if (thread->vcpu_changes != c->changes && c->options.info) {
		thread->vcpu_changes = c->changes;
		vcpu = vbt_trace_info_vcpu(c->options.info, thread->target, thread->tid);
		if (vcpu >= 0)
			thread->vcpu = vcpu;
	}
	return thread;
}

/* --- losses --------------------------------------------------------------------------------- */

static void suspect(struct vbt_correlator *c, struct queue *q, struct flight *f, void *context)
{
	f->flags |= FLIGHT_SUSPECT | FLIGHT_UNBOUND;
}

static void doubt_io(struct vbt_correlator *c, struct queue *q, struct flight *f, void *context)
{
	if (vbt_request_has(&f->r, VBT_MARK_submit) && !vbt_request_has(&f->r, VBT_MARK_reap))
		f->io_doubt |= *(const uint16_t *)context;
}

/* A thread can have several sources: a ring's, and that of what it lost of it. */
static bool same_thread(const struct vbt_correlator *c, unsigned index,
			const struct vbt_source *source)
{
	const struct vbt_source *other = vbt_trace_info_source(c->options.info, index);

	return !other || (other->target == source->target && other->tid == source->tid);
}

static void lose_vmm(struct vbt_correlator *c, const struct vbt_event *event,
		     const struct vbt_source *source)
{
	/* Of no thread, it may be any's. */
	bool one_thread = source && source->kind == VBT_SOURCE_RING && source->tid;

	for (uint32_t i = 0; i < c->queues; i++) {
		struct queue *q = c->queue[i];

		if (source && source->target != q->stats.target)
			continue;
		if (one_thread && !q->several_sources && !same_thread(c, q->source, source))
			continue;
		vbt_push_give_up(c, q, VBT_ABSENT_lost);
		vbt_queue_each(c, q, suspect, NULL);
		for (unsigned j = 0; j < WAKE_HISTORY; j++)
			q->wake[j].valid = false;
		q->offset_wake.valid = false;
		q->last_submit = 0;
		if (event->key > q->doubt_until)
			q->doubt_until = event->key;
	}
	for (uint32_t i = 0; i < c->threads; i++)
		if (!source || (source->target == c->thread[i].target &&
				(!one_thread || source->tid == c->thread[i].tid)))
			vbt_thread_close(c, c->thread[i].tid);
}

/*
 * A submission through io_uring that the kernel's side did not notice: its bios were taken for those of the one
 * that its task had submitted before.
 */
static void lose_submission(struct vbt_correlator *c, const struct vbt_event *event)
{
	uint16_t mark = BIT(VBT_MARK_submit);
	uint64_t until = event->key;

	for (uint32_t i = 0; i < c->queues; i++)
		vbt_queue_each(c, c->queue[i], doubt_io, &mark);
	for (unsigned i = 0; i < VBT_MAX_TARGETS; i++)
		if (event->key + c->slack[i] > until)
			until = event->key + c->slack[i];
	if (until > c->submit_doubt_until)
		c->submit_doubt_until = until;
}

static void lose_kernel(struct vbt_correlator *c, const struct vbt_event *event)
{
	unsigned point = event->val;
	bool io = point >= VBT_MARK_queue && point <= VBT_MARK_complete;
	bool irq = (point >= VBT_MARK_msi && point <= VBT_MARK_eoi) || point == VBT_AUX_apic_accept;

	if (point == VBT_MARK_submit) {
		lose_submission(c, event);
		return;
	}
	/* Kicks carry their count: a lost one is missed by number, but a wake may be its own. */
	if (point == VBT_MARK_kick || (!io && !irq)) {
		for (uint32_t i = 0; i < c->queues; i++) {
			c->queue[i]->kicks_known = false;
			c->queue[i]->offset_wake.valid = false;
		}
		if (event->key > c->kick_doubt_until)
			c->kick_doubt_until = event->key;
	}
	if (point == VBT_MARK_kick)
		return;
	if (io || !irq) {
		uint16_t marks = io ? (uint16_t)BIT(point) : IO_MARKS;

		for (uint32_t i = 0; i < c->queues; i++)
			vbt_queue_each(c, c->queue[i], doubt_io, &marks);
		for (unsigned i = 0; i < IO_POINTS; i++)
			if (marks & BIT(VBT_MARK_queue + i) && event->key > c->io_doubt_until[i])
				c->io_doubt_until[i] = event->key;
	}
	if (irq || !io) {
		for (uint32_t i = 0; i < c->threads; i++)
			vbt_window_forget(&c->thread[i]);
		vbt_irq_expire(c, UINT64_MAX, VBT_ABSENT_lost);
		if (event->key > c->irq_doubt_until)
			c->irq_doubt_until = event->key;
	}
}

static void on_lost(struct vbt_correlator *c, const struct vbt_event *event)
{
	const struct vbt_source *source = NULL;

	if (c->options.info)
		source = vbt_trace_info_source(c->options.info, event->source);
	c->stats.lost += event->arg;
	c->lost[event->source < VBT_MAX_SOURCES ? event->source : VBT_MAX_SOURCES] += event->arg;
	if (!source || source->kind == VBT_SOURCE_KERNEL)
		lose_kernel(c, event);
	if (!source || source->kind != VBT_SOURCE_KERNEL)
		lose_vmm(c, event, source);
}

/* --- time ----------------------------------------------------------------------------------- */

/* What lost its way: pushed but held by no list, or struck by a loss and silent since. */
static void expire(struct vbt_correlator *c, struct queue *q, struct flight *f, void *context)
{
	uint64_t until = *(uint64_t *)context;

	if (f->flags & FLIGHT_PENDING || vbt_flight_latest(f) >= until)
		return;
	if (f->flags & (FLIGHT_SUSPECT | FLIGHT_BEFORE))
		vbt_flight_emit(c, q, f,
				f->flags & FLIGHT_SUSPECT ? VBT_ABSENT_lost : VBT_ABSENT_timeout);
	else if (vbt_request_has(&f->r, VBT_MARK_push))
		vbt_flight_emit(c, q, f, VBT_ABSENT_timeout);
}

static void sweep(struct vbt_correlator *c)
{
	uint64_t timeout = c->options.timeout_ns;
	uint64_t until = c->now > timeout ? c->now - timeout : 0;
	uint64_t long_ago = c->now / 4 > timeout ? c->now - 4 * timeout : 0;

	c->next_sweep = c->now + timeout / 4 + 1;
	vbt_irq_expire(c, until, VBT_ABSENT_timeout);
	for (uint32_t i = 0; i < c->queues; i++) {
		vbt_push_expire(c, c->queue[i], until);
		if (c->queue[i]->live)
			vbt_queue_each(c, c->queue[i], expire, &long_ago);
	}
}

/* --- events --------------------------------------------------------------------------------- */

static void on_parse(struct vbt_correlator *c, struct queue *q, const struct vbt_event *event)
{
	struct flight *f = vbt_flight_get(c, q, event);

	if (!f) {
		c->stats.stray++;
		return;
	}
	vbt_flight_mark(f, VBT_MARK_parse, event->time);
	f->r.sector = event->arg;
	f->r.bytes = event->val;
	f->r.op = event->op;
	f->refused = event->code != 0;
}

/*
 * The queue of a VMM's event. NULL, and counted, if there are too many, or the event has a field that
 * is not possible: codes that index tables are checked here, once.
 */
static inline __attribute__((always_inline)) struct queue *
queue_of(struct vbt_correlator *c, const struct vbt_event *event, bool possible)
{
	struct queue *q =
	    possible ? vbt_queue(c, event->target, event->device, event->queue) : NULL;

	if (!q) {
		c->stats.invalid++;
		return NULL;
	}
	if (q->source != event->source) {
		q->several_sources |= q->newest != 0;
		q->source = event->source;
	}
	return q;
}

/* Inlined into the loop over events: a call for each costs as much as most of them. */
static inline __attribute__((always_inline)) void on_event(struct vbt_correlator *c,
							   const struct vbt_event *event)
{
	struct queue *q;

	if (event->time < c->now) {
		c->stats.late++;
	} else {
		c->now = event->time;
		if (c->now >= c->next_sweep)
			sweep(c);
	}
	if (event->target >= VBT_MAX_TARGETS) {
		c->stats.invalid++;
		return;
	}
	switch (event->point) {
	case VBT_MARK_kick: vbt_on_kick(c, event); break;
	case VBT_MARK_wake:
		if ((q = queue_of(c, event, event->code < VBT_WAKE_REASON_COUNT)))
			vbt_on_wake(c, q, event);
		break;
	case VBT_MARK_pop:
		if ((q = queue_of(c, event, event->seq)))
			vbt_on_pop(c, q, event);
		break;
	case VBT_MARK_parse:
		if ((q = queue_of(c, event, event->seq)))
			on_parse(c, q, event);
		break;
	case VBT_MARK_submit:
		if ((q = queue_of(c, event, event->op < VBT_IO_METHOD_COUNT && event->seq)))
			vbt_on_submit(c, q, event);
		break;
	case VBT_MARK_queue: vbt_on_queue(c, event); break;
	case VBT_MARK_issue: vbt_on_issue(c, event); break;
	case VBT_MARK_complete: vbt_on_complete(c, event); break;
	case VBT_MARK_reap:
		if ((q = queue_of(c, event, event->seq)))
			vbt_on_reap(c, q, event);
		break;
	case VBT_MARK_push:
		if ((q = queue_of(c, event, event->seq)))
			vbt_on_push(c, q, event);
		break;
	case VBT_MARK_signal:
		if ((q = queue_of(c, event, event->code < VBT_SIGNAL_REASON_COUNT)))
			vbt_on_signal(c, q, event);
		break;
	case VBT_MARK_msi: vbt_on_msi(c, event); break;
	case VBT_AUX_apic_accept: vbt_on_accept(c, event); break;
	case VBT_MARK_inject: vbt_on_inject(c, event); break;
	case VBT_MARK_eoi: vbt_on_eoi(c, event); break;
	case VBT_AUX_signal_done: vbt_on_signal_done(c, event); break;
	case VBT_POINT_LOST: on_lost(c, event); break;
	default: c->stats.invalid += event->point >= VBT_POINT_COUNT; break;
	}
}

/* Somebody has stepped through: the time that the VMM stood still is no latency. */
static void on_shifted(struct vbt_correlator *c, const struct vbt_event *event)
{
	struct vbt_event shifted = *event;

	shifted.time = vbt_pauses_time(&c->pauses, event);
	on_event(c, &shifted);
}

int vbt_correlator_events(struct vbt_correlator *c, const struct vbt_event *events, size_t count)
{
	const struct vbt_trace_info *info = c->options.info;
	bool shifted = c->pauses.standing || c->pauses.total;

	if (info && info->changes != c->changes) {
		c->changes = info->changes;
		for (uint32_t i = 0; i < info->targets; i++)
			c->slack[i] = info->target[i].clock_error_ns;
		for (uint32_t i = 0; i < c->queues; i++)
			vbt_queue_setup(c, c->queue[i]);
	}
	if (count && !c->stats.events) {
		c->stats.first_ns = events[0].time;
		c->next_sweep = events[0].time + c->options.timeout_ns;
	}
	for (size_t i = 0; i < count; i++) {
		if (events[i].point == VBT_AUX_pause || shifted) {
			on_shifted(c, &events[i]);
			shifted = c->pauses.standing || c->pauses.total;
		} else {
			on_event(c, &events[i]);
		}
	}
	c->stats.events += count;
	c->stats.last_ns = c->now > c->stats.first_ns ? c->now : c->stats.first_ns;
	return c->no_memory ? -ENOMEM : 0;
}

static void end_flight(struct vbt_correlator *c, struct queue *q, struct flight *f, void *context)
{
	vbt_flight_emit(c, q, f, VBT_ABSENT_after);
}

void vbt_correlator_finish(struct vbt_correlator *c)
{
	vbt_irq_expire(c, UINT64_MAX, VBT_ABSENT_after);
	for (uint32_t i = 0; i < c->queues; i++) {
		struct queue *q = c->queue[i];

		vbt_push_give_up(c, q, VBT_ABSENT_after);
		vbt_queue_each(c, q, end_flight, NULL);
		if (q->first_pop)
			c->stats.unseen += (uint64_t)(q->newest - q->first_pop) + 1 - q->created;
		q->first_pop = q->newest + 1;
		q->created = 0;
	}
}

struct viewer {
	vbt_request_fn *request;
	void *context;
};

static void show_flight(struct vbt_correlator *c, struct queue *q, struct flight *f, void *context)
{
	const struct viewer *viewer = context;

	viewer->request(viewer->context, &f->r);
}

void vbt_correlator_each(struct vbt_correlator *c, vbt_request_fn *request, void *context)
{
	struct viewer viewer = {request, context};

	for (uint32_t i = 0; i < c->queues; i++)
		if (c->queue[i]->live)
			vbt_queue_each(c, c->queue[i], show_flight, &viewer);
}

const struct vbt_correlator_stats *vbt_correlator_stats(const struct vbt_correlator *c)
{
	return &c->stats;
}

uint64_t vbt_correlator_lost(const struct vbt_correlator *c, unsigned source)
{
	return c->lost[source < VBT_MAX_SOURCES ? source : VBT_MAX_SOURCES];
}

const struct vbt_queue_stats *vbt_correlator_queue(const struct vbt_correlator *c, unsigned index)
{
	return index < c->queues ? &c->queue[index]->stats : NULL;
}
