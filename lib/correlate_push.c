/* SPDX-License-Identifier: MIT */
/*
 * Push to signal: what the VMM has pushed waits in the order of the push numbers until a signal covers
 * it. A signal that is sent becomes an interrupt, which opens the window of its task.
 */
#include "lib/correlate_impl.h"

void vbt_on_push(struct vbt_correlator *c, struct queue *q, const struct vbt_event *event)
{
	struct flight *f = vbt_flight_get(c, q, event), *tail;

	if (!f || vbt_request_has(&f->r, VBT_MARK_push)) {
		c->stats.stray++;
		return;
	}
	vbt_flight_mark(f, VBT_MARK_push, event->time);
	f->r.push_seq = event->arg;
	f->r.used = event->val;
	f->r.status = event->code;
	f->r.head = event->head;
	q->stats.pushes++;
	q->stats.in_flight--;
	if (event->time < q->doubt_until) {
		/* Its signal may be among what was lost: the next one need not be its own. */
		f->flags |= FLIGHT_SUSPECT;
		vbt_flight_emit(c, q, f, VBT_ABSENT_lost);
		return;
	}
	tail = q->push_tail ? vbt_flight_find(q, q->push_tail) : NULL;
	f->flags |= FLIGHT_PENDING;
	f->next = 0;
	if (tail)
		tail->next = event->seq;
	else
		q->push_head = event->seq;
	q->push_tail = event->seq;
}

static struct flight *first_pending(struct queue *q)
{
	struct flight *f = q->push_head ? vbt_flight_find(q, q->push_head) : NULL;

	if (!f)
		q->push_head = q->push_tail = 0;
	return f;
}

/* Take one out of the list; `before` is the one (seq) that it follows, 0 if it is the first. */
static void unlink_after(struct queue *q, uint32_t before, struct flight *f)
{
	struct flight *previous = before ? vbt_flight_find(q, before) : NULL;

	f->flags &= (uint8_t)~FLIGHT_PENDING;
	if (previous)
		previous->next = f->next;
	else
		q->push_head = f->next;
	if (!f->next)
		q->push_tail = before;
}

static void unlink_first(struct queue *q, struct flight *f)
{
	unlink_after(q, 0, f);
}

void vbt_push_give_up(struct vbt_correlator *c, struct queue *q, unsigned rest)
{
	struct flight *f;

	while ((f = first_pending(q))) {
		unlink_first(q, f);
		vbt_flight_emit(c, q, f, rest);
	}
}

void vbt_push_expire(struct vbt_correlator *c, struct queue *q, uint64_t until)
{
	struct flight *f;

	while ((f = first_pending(q)) && vbt_flight_latest(f) < until) {
		unlink_first(q, f);
		/* Held back and never sent: the decision's own reason says so. */
		vbt_flight_emit(c, q, f, VBT_ABSENT_timeout);
	}
}

static unsigned absent_by_signal(unsigned reason)
{
	static const uint8_t absent[VBT_SIGNAL_REASON_COUNT] = {
	    [VBT_SIGNAL_sent] = VBT_ABSENT_lost,
	    [VBT_SIGNAL_no_interrupt] = VBT_ABSENT_no_interrupt,
	    [VBT_SIGNAL_event_idx] = VBT_ABSENT_event_idx,
	    [VBT_SIGNAL_no_vector] = VBT_ABSENT_no_vector,
	    [VBT_SIGNAL_masked] = VBT_ABSENT_masked,
	    [VBT_SIGNAL_intx_disabled] = VBT_ABSENT_intx_disabled,
	    [VBT_SIGNAL_stopped] = VBT_ABSENT_stopped,
	    [VBT_SIGNAL_failed] = VBT_ABSENT_failed,
	};

	return absent[reason];
}

static void decide(struct flight *f, const struct vbt_event *event)
{
	unsigned reason = absent_by_signal(event->code);

	vbt_flight_mark(f, VBT_MARK_signal, event->time);
	f->r.signal_reason = event->code;
	f->r.irq_seq = event->code == VBT_SIGNAL_sent ? event->arg : 0;
	for (unsigned mark = VBT_MARK_msi; mark <= VBT_MARK_eoi; mark++)
		f->r.absent[mark] = event->code == VBT_SIGNAL_sent ? 0 : (uint8_t)reason;
}

static bool covered(const struct flight *f, const struct vbt_event *event)
{
	return (int32_t)(event->val - (uint32_t)f->r.push_seq) >= 0;
}

static void not_sent(struct vbt_correlator *c, struct queue *q, const struct vbt_event *event)
{
	bool held = event->code == VBT_SIGNAL_masked || event->code == VBT_SIGNAL_intx_disabled;
	uint32_t keep = 0, next;
	struct flight *f;

	if (held) {
		/* It stays where it is: the interrupt that is sent in the end tells of it too. */
		for (uint32_t seq = q->push_head; seq; seq = f->next) {
			f = vbt_flight_find(q, seq);
			if (!f || !covered(f, event))
				return;
			f->flags |= FLIGHT_HELD;
			decide(f, event);
		}
		return;
	}
	/* What is held back stays, whatever is decided for younger pushes; until a reset ends it. */
	for (uint32_t seq = q->push_head; seq; seq = next) {
		f = vbt_flight_find(q, seq);
		if (!f || !covered(f, event))
			return;
		next = f->next;
		if (f->flags & FLIGHT_HELD && event->code != VBT_SIGNAL_stopped) {
			keep = seq;
			continue;
		}
		unlink_after(q, keep, f);
		decide(f, event);
		vbt_flight_emit(c, q, f, VBT_ABSENT_lost);
	}
}

/* What the VMM had taken and not given back when the queue was stopped never comes back. */
static void end_by_reset(struct vbt_correlator *c, struct queue *q, struct flight *f, void *context)
{
	if (!vbt_request_has(&f->r, VBT_MARK_push))
		vbt_flight_emit(c, q, f, VBT_ABSENT_reset);
}

/* The front of the list, as it is, becomes the interrupt's. */
static void take_covered(struct queue *q, struct irq *irq, const struct vbt_event *event)
{
	struct flight *f = first_pending(q), *last = NULL;

	irq->head = q->push_head;
	for (; f && covered(f, event); f = first_pending(q)) {
		f->flags &= (uint8_t)~FLIGHT_PENDING;
		decide(f, event);
		irq->count++;
		q->push_head = f->next;
		last = f;
	}
	if (last)
		last->next = 0;
	else
		irq->head = 0;
}

void vbt_on_signal(struct vbt_correlator *c, struct queue *q, const struct vbt_event *event)
{
	struct thread *thread;
	struct irq *irq;

	q->stats.signals[event->code]++;
	if (event->time < q->doubt_until ||
	    (event->code == VBT_SIGNAL_sent && q->irq_seq && event->arg != q->irq_seq + 1)) {
		/* A decision may be missing: what waits need not be this one's. */
		vbt_push_give_up(c, q, VBT_ABSENT_lost);
	}
	if (event->code != VBT_SIGNAL_sent) {
		not_sent(c, q, event);
		if (event->code == VBT_SIGNAL_stopped)
			vbt_queue_each(c, q, end_by_reset, NULL);
		return;
	}
	q->irq_seq = event->arg;
	irq = vbt_irq_new(c);
	if (!irq)
		return;
	irq->queue = q->index;
	irq->seq = event->arg;
	irq->intx = q->intx;
	irq->doubt = event->time < c->irq_doubt_until;
	vbt_irq_mark(irq, VBT_MARK_signal, event->time, false);
	take_covered(q, irq, event);
	/* In doubt its signal_done may be lost, and the window would stay open for others. */
	if (!vbt_irq_expected(c, q) || event->time < q->doubt_until) {
		irq->doubt |= event->time < q->doubt_until;
		vbt_irq_finish(c, irq, VBT_ABSENT_lost);
		return;
	}
	thread = vbt_thread(c, event);
	if (!thread)
		return;
	vbt_window_open(c, thread, irq, event);
}
