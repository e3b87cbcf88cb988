/* SPDX-License-Identifier: MIT */
/*
 * Push to signal to the guest's end of interrupt.
 *
 * A signal covers all pushes up to a number. What enters KVM between `signal` and `signal_done` in
 * the same task is that interrupt; what a local APIC accepts there names its vCPU and vector. All
 * that a vCPU accepted of a vector since its last injection is delivered by the next injection,
 * and all that was injected is ended by the next EOI.
 */
#include "lib/correlate_impl.h"

#define HIDDEN_AFTER 64 /* injections without any EOI until we believe that none can be seen */
#define MAX_IRQS     65536

static struct irq *get_irq(struct vbt_correlator *c, struct irq_ref ref)
{
	struct irq *irq = ref.index < c->irqs ? &c->irq[ref.index] : NULL;

	return irq && irq->used && irq->generation == ref.generation ? irq : NULL;
}

static uint32_t index_of(const struct vbt_correlator *c, const struct irq *irq)
{
	return (uint32_t)(irq - c->irq);
}

void vbt_irq_append(struct vbt_correlator *c, uint32_t *head, struct irq *irq)
{
	while (*head != NONE)
		head = &c->irq[*head].next;
	irq->next = NONE;
	*head = index_of(c, irq);
}

static void list_remove(struct vbt_correlator *c, uint32_t *head, const struct irq *irq)
{
	while (*head != NONE && *head != index_of(c, irq))
		head = &c->irq[*head].next;
	if (*head != NONE)
		*head = irq->next;
}

void vbt_irq_in_service(struct vbt_correlator *c, struct irq *irq, struct vector *v)
{
	irq->accepted = true;
	irq->vector = (uint32_t)(v - c->vector);
	irq->where = IRQ_IN_SERVICE;
	vbt_irq_append(c, &v->in_service, irq);
}

static void leave_list(struct vbt_correlator *c, struct irq *irq)
{
	switch (irq->where) {
	case IRQ_ACCEPTED: list_remove(c, &c->vector[irq->vector].accepted, irq); break;
	case IRQ_IN_SERVICE: list_remove(c, &c->vector[irq->vector].in_service, irq); break;
	case IRQ_ASSERTED: list_remove(c, &c->line[irq->line].asserted, irq); break;
	default: break;
	}
	irq->where = IRQ_NOWHERE;
}

void vbt_irq_mark(struct irq *irq, unsigned mark, uint64_t time, bool inferred)
{
	irq->time[mark] = time;
	irq->have |= (uint16_t)BIT(mark);
	if (inferred)
		irq->inferred |= (uint16_t)BIT(mark);
}

/* The marks that this interrupt still can get. */
static unsigned expected(const struct vbt_correlator *c, const struct queue *q)
{
	const struct target_state *target = &c->target[q->stats.target % VBT_MAX_TARGETS];
	unsigned expect = q->expect & IRQ_MARKS;

	if (!target->end_seen && target->injects >= HIDDEN_AFTER)
		expect &= ~BIT(VBT_MARK_eoi);
	return expect;
}

/* Nothing more will be known: tell the interrupt's requests, and send them out. */
void vbt_irq_finish(struct vbt_correlator *c, struct irq *irq, unsigned rest)
{
	struct queue *q = c->queue[irq->queue];
	unsigned expect = expected(c, q);
	uint32_t seq = irq->head, left = irq->count;

	leave_list(c, irq);
	for (; seq && left; left--) {
		struct flight *f = vbt_flight_find(q, seq);

		if (!f)
			break;
		seq = f->next;
		for (unsigned mark = VBT_MARK_msi; mark <= VBT_MARK_eoi; mark++) {
			if (irq->have & BIT(mark))
				vbt_flight_mark(f, mark, irq->time[mark]);
			else if (irq->coalesced & BIT(mark))
				f->r.absent[mark] = VBT_ABSENT_coalesced;
			else if (irq->doubt)
				f->r.absent[mark] =
				    q->expect & BIT(mark) ? VBT_ABSENT_lost : q->why_not[mark];
			else if (q->expect & BIT(mark) && !(expect & BIT(mark)))
				f->r.absent[mark] = VBT_ABSENT_hidden;
		}
		f->r.inferred |= irq->inferred;
		f->r.pushes = irq->count;
		if (f->r.vcpu < 0 && irq->accepted)
			f->r.vcpu = (int32_t)(c->vector[irq->vector].apic & INT32_MAX);
		vbt_flight_emit(c, q, f, rest);
	}
	if (irq->older != NONE)
		c->irq[irq->older].newer = irq->newer;
	else
		c->irq_oldest = irq->newer;
	if (irq->newer != NONE)
		c->irq[irq->newer].older = irq->older;
	else
		c->irq_newest = irq->older;
	irq->used = false;
	irq->generation++;
	irq->next = c->irq_free;
	c->irq_free = index_of(c, irq);
}

/* Send out what has all that can be seen of it. */
void vbt_irq_finish_if_done(struct vbt_correlator *c, struct irq *irq)
{
	unsigned expect = expected(c, c->queue[irq->queue]);

	if (!(expect & ~(irq->have | irq->coalesced)))
		vbt_irq_finish(c, irq, VBT_ABSENT_lost);
}

static struct irq *new_irq(struct vbt_correlator *c)
{
	struct irq *irq;
	uint32_t generation;

	if (c->irq_free == NONE && c->irqs >= MAX_IRQS)
		vbt_irq_finish(c, &c->irq[c->irq_oldest], VBT_ABSENT_evicted);
	if (c->irq_free == NONE) {
		if (!vbt_grow((void **)&c->irq, c->irqs, &c->irq_room, sizeof(*irq))) {
			c->no_memory = true;
			return NULL;
		}
		c->irq[c->irqs].generation = 0;
		c->irq[c->irqs].next = NONE;
		c->irq_free = c->irqs++;
	}
	irq = &c->irq[c->irq_free];
	c->irq_free = irq->next;
	generation = irq->generation;
	*irq = (struct irq){
	    .used = true,
	    .generation = generation,
	    .older = c->irq_newest,
	    .newer = NONE,
	    .next = NONE,
	};
	if (c->irq_newest != NONE)
		c->irq[c->irq_newest].newer = index_of(c, irq);
	else
		c->irq_oldest = index_of(c, irq);
	c->irq_newest = index_of(c, irq);
	return irq;
}

/* --- push and signal ------------------------------------------------------------------------ */

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

	while ((f = first_pending(q)) && f->touched < until) {
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

/* Marks that came before the signal by less than the clocks differ. */
static void take_early(struct vbt_correlator *c, struct thread *thread, struct irq *irq,
		       const struct vbt_event *event);

void vbt_on_signal(struct vbt_correlator *c, struct queue *q, const struct vbt_event *event)
{
	struct thread *thread;
	struct flight *f;
	struct irq *irq;

	q->stats.signals[event->code]++;
	if (event->time < q->doubt_until ||
	    (event->code == VBT_SIGNAL_sent && q->irq_seq && event->arg != q->irq_seq + 1)) {
		/* A decision may be missing: what waits need not be this one's. */
		vbt_push_give_up(c, q, VBT_ABSENT_lost);
	}
	if (event->code != VBT_SIGNAL_sent) {
		not_sent(c, q, event);
		return;
	}
	q->irq_seq = event->arg;
	irq = new_irq(c);
	if (!irq)
		return;
	irq->queue = q->index;
	irq->seq = event->arg;
	irq->intx = q->intx;
	irq->doubt = event->time < c->irq_doubt_until;
	vbt_irq_mark(irq, VBT_MARK_signal, event->time, false);
	while ((f = first_pending(q)) && covered(f, event)) {
		unlink_first(q, f);
		decide(f, event);
		if (!irq->head)
			irq->head = f->r.seq;
		else
			vbt_flight_find(q, irq->tail)->next = f->r.seq;
		irq->tail = f->r.seq;
		f->next = 0;
		irq->count++;
	}
	/* In doubt its signal_done may be lost, and the window would stay open for others. */
	if (!expected(c, q) || event->time < q->doubt_until) {
		irq->doubt |= event->time < q->doubt_until;
		vbt_irq_finish(c, irq, VBT_ABSENT_lost);
		return;
	}
	thread = vbt_thread(c, event);
	if (!thread)
		return;
	thread->open = (struct irq_ref){index_of(c, irq), irq->generation};
	thread->closed = (struct irq_ref){NONE, 0};
	take_early(c, thread, irq, event);
}

void vbt_on_signal_done(struct vbt_correlator *c, const struct vbt_event *event)
{
	struct thread *thread = vbt_thread_find(c, event->tid);
	struct irq *irq;

	if (!thread)
		return;
	irq = get_irq(c, thread->open);
	thread->closed = thread->open;
	thread->closed_time = event->time;
	thread->open = (struct irq_ref){NONE, 0};
	if (!irq)
		return;
	irq->sent = true;
	/* Accepts and injections from here on cannot be told apart from others that were lost. */
	if (irq->doubt)
		vbt_irq_finish(c, irq, VBT_ABSENT_lost);
	else if (irq->intx)
		vbt_line_sent(c, irq);
}

void vbt_thread_close(struct vbt_correlator *c, uint32_t tid)
{
	struct thread *thread = vbt_thread_find(c, tid);

	struct irq *irq = thread ? get_irq(c, thread->open) : NULL;

	if (!thread)
		return;
	thread->open = thread->closed = (struct irq_ref){NONE, 0};
	/* What was to come in its window cannot be told any more. */
	if (irq && !irq->accepted) {
		irq->doubt = true;
		vbt_irq_finish(c, irq, VBT_ABSENT_lost);
	}
}

/* The interrupt that a task is sending at a time. */
struct irq *vbt_irq_window(struct vbt_correlator *c, const struct thread *thread, uint64_t time)
{
	struct irq *irq = thread ? get_irq(c, thread->open) : NULL;

	if (!irq && thread && time <= thread->closed_time + vbt_slack(c, thread->target))
		irq = get_irq(c, thread->closed);
	return irq;
}

/* --- vectors -------------------------------------------------------------------------------- */

static uint64_t vector_key(unsigned target, uint32_t apic, unsigned vector)
{
	return (uint64_t)target << 40 | (uint64_t)apic << 8 | vector;
}

static struct vector *find_vector(struct vbt_correlator *c, unsigned target, uint32_t apic,
				  unsigned vector)
{
	uint64_t index = vbt_table_get(&c->vector_table, vector_key(target, apic, vector));

	return index == VBT_TABLE_NONE ? NULL : &c->vector[index];
}

struct vector *vbt_vector(struct vbt_correlator *c, unsigned target, uint32_t apic, unsigned vector)
{
	struct vector *v = find_vector(c, target, apic, vector);

	if (v)
		return v;
	if (!vbt_grow((void **)&c->vector, c->vectors, &c->vector_room, sizeof(*v)) ||
	    !vbt_table_set(&c->vector_table, vector_key(target, apic, vector), c->vectors, 16384,
			   NULL, NULL))
		return NULL;
	v = &c->vector[c->vectors++];
	*v = (struct vector){
	    .accepted = NONE,
	    .in_service = NONE,
	    .target = (uint8_t)target,
	    .apic = apic,
	    .vector = (uint8_t)vector,
	};
	return v;
}

void vbt_irq_accepted(struct vbt_correlator *c, struct irq *irq, struct vector *v, bool inferred)
{
	leave_list(c, irq);
	irq->accepted = true;
	irq->vector = (uint32_t)(v - c->vector);
	if (inferred)
		irq->inferred |= (uint16_t)(BIT(VBT_MARK_inject) | BIT(VBT_MARK_eoi));
	if (irq->doubt)
		return; /* not followed: an injection may have been lost */
	irq->where = IRQ_ACCEPTED;
	vbt_irq_append(c, &v->accepted, irq);
}

/* --- kernel events -------------------------------------------------------------------------- */

void vbt_on_msi(struct vbt_correlator *c, const struct vbt_event *event)
{
	struct thread *thread;
	struct irq *irq;

	if (event->flags == VBT_MSI_LINE) {
		vbt_on_line(c, event);
		return;
	}
	thread = vbt_thread_find(c, event->tid);
	irq = vbt_irq_window(c, thread, event->time);
	if (irq && !(irq->have & BIT(VBT_MARK_msi))) {
		vbt_irq_mark(irq, VBT_MARK_msi, event->time, false);
		c->queue[irq->queue]->stats.interrupts++;
		vbt_irq_finish_if_done(c, irq);
		return;
	}
	thread = vbt_slack(c, event->target) ? vbt_thread(c, event) : NULL;
	if (thread && !thread->has_early_msi) {
		thread->has_early_msi = true;
		thread->has_early_accept = thread->has_early_inject = false;
		thread->early_msi = event->time;
		return;
	}
	c->stats.stray++;
}

void vbt_on_accept(struct vbt_correlator *c, const struct vbt_event *event)
{
	struct thread *thread = vbt_thread_find(c, event->tid);
	struct irq *irq = vbt_irq_window(c, thread, event->time);
	uint32_t apic = (uint32_t)event->key;
	uint8_t vector = (uint8_t)event->arg;
	struct vector *v;
	struct line *line;

	if (irq && !irq->accepted) {
		irq->accepted_at = event->time;
		if (irq->where == IRQ_ASSERTED)
			vbt_line_accepted(c, &c->line[irq->line], apic, vector);
		else if ((v = vbt_vector(c, event->target, apic, vector)))
			vbt_irq_accepted(c, irq, v, false);
		return;
	}
	if (thread && thread->line != NONE) {
		vbt_line_accepted(c, &c->line[thread->line], apic, vector);
		thread->line = NONE;
		return;
	}
	/* The I/O APIC sends again what is still high after the EOI, in the vCPU's task. */
	line = vbt_line_of_vector(c, event->target, apic, vector);
	if (line) {
		vbt_line_accepted(c, line, apic, vector);
		return;
	}
	/* The entry is made now, so that an injection in front of the signal is kept. */
	if (thread && thread->has_early_msi && !thread->has_early_accept &&
	    vbt_vector(c, event->target, apic, vector)) {
		thread->has_early_accept = true;
		thread->early_accept = event->time;
		thread->early_apic = apic;
		thread->early_vector = vector;
	}
}

/* All that the vCPU accepted of this vector has it now. */
static void injected(struct vbt_correlator *c, struct vector *v, const struct vbt_event *event,
		     bool inferred)
{
	struct target_state *target = &c->target[v->target % VBT_MAX_TARGETS];
	uint32_t i, *end;

	if (v->in_service != NONE && target->end_seen)
		return; /* the vector is in service: the same injection, tried again */
	v->injected_before = v->injected;
	v->injected = event->time;
	v->service_tid = event->tid;
	if (v->accepted == NONE)
		return;
	while (v->in_service != NONE)
		vbt_irq_finish(c, &c->irq[v->in_service], VBT_ABSENT_hidden);
	target->injects += target->injects < HIDDEN_AFTER;
	v->in_service = v->accepted;
	v->accepted = NONE;
	for (i = v->in_service; i != NONE; i = c->irq[i].next) {
		c->irq[i].where = IRQ_IN_SERVICE;
		vbt_irq_mark(&c->irq[i], VBT_MARK_inject, event->time, inferred);
		if (inferred)
			c->irq[i].inferred |= BIT(VBT_MARK_eoi);
	}
	for (end = &v->in_service; *end != NONE;) {
		struct irq *irq = &c->irq[*end];

		if (expected(c, c->queue[irq->queue]) & BIT(VBT_MARK_eoi))
			end = &irq->next;
		else
			vbt_irq_finish(c, irq, VBT_ABSENT_lost);
	}
}

/*
 * A vCPU's task is known to run the APIC of some id once an EOI showed both. Before that: the one
 * APIC that waits for this vector, if there is only one; else the one of the thread's name.
 */
static struct vector *guess_vector(struct vbt_correlator *c, const struct thread *thread,
				   const struct vbt_event *event)
{
	struct vector *only = NULL;
	unsigned waiting = 0;

	for (uint32_t i = 0; i < c->vectors; i++) {
		struct vector *v = &c->vector[i];

		if (v->target != event->target || v->vector != event->key || v->accepted == NONE)
			continue;
		if (thread && thread->vcpu >= 0 && v->apic != (uint32_t)thread->vcpu)
			continue;
		only = v;
		waiting++;
	}
	return waiting == 1 ? only : NULL;
}

void vbt_on_inject(struct vbt_correlator *c, const struct vbt_event *event)
{
	struct thread *thread = vbt_thread_find(c, event->tid);
	struct vector *v;
	struct irq *irq;

	if (event->flags == VBT_INJECT_APICV) {
		/* Posted in the task that sends: the window tells which one. */
		irq = vbt_irq_window(c, thread, event->time);
		if (irq && irq->accepted && !(irq->have & BIT(VBT_MARK_inject)) &&
		    c->vector[irq->vector].vector == event->key) {
			leave_list(c, irq);
			vbt_irq_mark(irq, VBT_MARK_inject, event->time, false);
			vbt_irq_finish_if_done(c, irq);
		} else if (thread && thread->has_early_accept) {
			thread->has_early_inject = true;
			thread->early_inject = event->time;
		}
		return;
	}
	if (thread && thread->apic_known) {
		v = find_vector(c, event->target, thread->apic, (uint8_t)event->key);
		if (v)
			injected(c, v, event, false);
		return;
	}
	thread = vbt_thread(c, event);
	v = guess_vector(c, thread, event);
	if (v) {
		injected(c, v, event, true);
	} else if (thread) {
		thread->lone_inject = event->time;
		thread->lone_vector = (uint8_t)event->key;
	}
}

/* The EOI shows whose injection it was that could not be told at its time. */
static void injected_lone(struct vbt_correlator *c, struct vector *v, const struct thread *thread)
{
	uint32_t next;

	for (uint32_t i = v->accepted; i != NONE; i = next) {
		struct irq *irq = &c->irq[i];

		next = irq->next;
		if (irq->accepted_at > thread->lone_inject)
			continue;
		leave_list(c, irq);
		vbt_irq_mark(irq, VBT_MARK_inject, thread->lone_inject, false);
		vbt_irq_in_service(c, irq, v);
	}
	v->service_tid = thread->tid;
}

void vbt_on_eoi(struct vbt_correlator *c, const struct vbt_event *event)
{
	struct vector *v = find_vector(c, event->target, (uint32_t)event->arg, (uint8_t)event->key);
	struct target_state *target = &c->target[event->target % VBT_MAX_TARGETS];
	struct thread *thread = vbt_thread(c, event);
	bool learned = thread && !thread->apic_known;

	if (learned) {
		thread->apic_known = true;
		thread->apic = (uint32_t)event->arg;
		if (thread->vcpu < 0)
			thread->vcpu = (int32_t)(event->arg & INT32_MAX);
	}
	target->end_seen = true;
	if (!v)
		return;
	v->ended = event->time;
	if (learned && v->in_service == NONE && thread->lone_inject &&
	    thread->lone_vector == v->vector)
		injected_lone(c, v, thread);
	while (v->in_service != NONE) {
		struct irq *irq = &c->irq[v->in_service];

		/* The same task ends what it injected: now that injection is no guess any more. */
		if (learned && v->service_tid == event->tid && !irq->intx)
			irq->inferred = 0;
		vbt_irq_mark(irq, VBT_MARK_eoi, event->time, false);
		vbt_irq_finish(c, irq, VBT_ABSENT_lost);
	}
	/* Where injections cannot be seen, the EOI ends what was accepted. */
	while (v->accepted != NONE) {
		struct irq *irq = &c->irq[v->accepted];

		if (expected(c, c->queue[irq->queue]) & BIT(VBT_MARK_inject))
			break;
		vbt_irq_mark(irq, VBT_MARK_eoi, event->time, true);
		vbt_irq_finish(c, irq, VBT_ABSENT_lost);
	}
}

/* It was even delivered before the clocks let us know of it: by the first injection since. */
static void injected_early(struct vbt_correlator *c, struct vector *v, struct irq *irq,
			   uint64_t accept)
{
	bool inferred = v->injected_before >= accept;

	vbt_irq_mark(irq, VBT_MARK_inject, v->injected, inferred);
	if (inferred)
		irq->inferred |= BIT(VBT_MARK_eoi);
	vbt_irq_in_service(c, irq, v);
	if (v->ended >= v->injected)
		vbt_irq_mark(irq, VBT_MARK_eoi, v->ended, inferred);
}

static void take_early(struct vbt_correlator *c, struct thread *thread, struct irq *irq,
		       const struct vbt_event *event)
{
	bool msi = thread->has_early_msi, accept = thread->has_early_accept;
	struct vector *v;

	thread->has_early_msi = thread->has_early_accept = false;
	if (!msi || event->time - thread->early_msi > vbt_slack(c, event->target))
		return;
	vbt_irq_mark(irq, VBT_MARK_msi, thread->early_msi, false);
	c->queue[irq->queue]->stats.interrupts++;
	v = accept ? find_vector(c, event->target, thread->early_apic, thread->early_vector) : NULL;
	irq->accepted_at = thread->early_accept;
	if (v && thread->has_early_inject) {
		vbt_irq_accepted(c, irq, v, false);
		leave_list(c, irq);
		vbt_irq_mark(irq, VBT_MARK_inject, thread->early_inject, false);
	} else if (v && v->injected >= thread->early_accept) {
		injected_early(c, v, irq, thread->early_accept);
	} else if (v) {
		vbt_irq_accepted(c, irq, v, false);
	}
	vbt_irq_finish_if_done(c, irq);
}

void vbt_irq_expire(struct vbt_correlator *c, uint64_t until, unsigned rest)
{
	while (c->irq_oldest != NONE && c->irq[c->irq_oldest].time[VBT_MARK_signal] < until) {
		struct irq *irq = &c->irq[c->irq_oldest];

		/* An irqfd that was not rung: the guest had noticed before. */
		if (irq->intx && irq->sent && !irq->doubt && !(irq->have & BIT(VBT_MARK_msi)))
			irq->coalesced |= IRQ_MARKS;
		/* Given up in the middle of a doubt: what is missing is lost. */
		vbt_irq_finish(c, irq, irq->doubt ? VBT_ABSENT_lost : rest);
	}
}
