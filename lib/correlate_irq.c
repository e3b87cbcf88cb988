/* SPDX-License-Identifier: MIT */
/*
 * Signal to the guest's end of interrupt.
 *
 * What enters KVM in the window of a signal is that interrupt (correlate_window.c); what a local APIC
 * accepts there names its vCPU and vector. All that a vCPU accepted of a vector since its last injection
 * is delivered by the next injection, and all that was injected is ended by the next EOI.
 */
#include <stddef.h>
#include <string.h>

#include "lib/correlate_impl.h"

#define HIDDEN_AFTER 64 /* injections without any EOI until we believe that none can be seen */
#define MAX_IRQS     65536

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
unsigned vbt_irq_expected(const struct vbt_correlator *c, const struct queue *q)
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
	unsigned expect = vbt_irq_expected(c, q);
	uint32_t seq = irq->head, left = irq->count;

	leave_list(c, irq);
	if (irq->blurred || vbt_window_undecided(c, irq))
		irq->inferred |= IRQ_MARKS;
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
	unsigned expect = vbt_irq_expected(c, c->queue[irq->queue]);

	if (!(expect & ~(irq->have | irq->coalesced)) && !vbt_window_undecided(c, irq))
		vbt_irq_finish(c, irq, VBT_ABSENT_lost);
}

struct irq *vbt_irq_new(struct vbt_correlator *c)
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
	memset(&irq->accepted_at, 0, sizeof(*irq) - offsetof(struct irq, accepted_at));
	irq->used = true;
	irq->generation = generation;
	irq->older = c->irq_newest;
	irq->newer = irq->next = NONE;
	if (c->irq_newest != NONE)
		c->irq[c->irq_newest].newer = index_of(c, irq);
	else
		c->irq_oldest = index_of(c, irq);
	c->irq_newest = index_of(c, irq);
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
	thread = vbt_thread(c, event);
	irq = thread ? vbt_window_msi(c, thread, event->time) : NULL;
	if (!irq)
		return;
	vbt_irq_mark(irq, VBT_MARK_msi, event->time, false);
	c->queue[irq->queue]->stats.interrupts++;
	vbt_irq_finish_if_done(c, irq);
}

void vbt_on_accept(struct vbt_correlator *c, const struct vbt_event *event)
{
	struct thread *thread = vbt_thread_find(c, event->tid);
	struct irq *irq = vbt_window_told(c, thread, event->time);
	uint32_t apic = (uint32_t)event->key;
	uint8_t vector = (uint8_t)event->arg;
	struct early_irq *early;
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
	early = vbt_window_early(thread);
	/* The entry is made now, so that an injection in front of the signal is kept. */
	if (early && !early->accept && vbt_vector(c, event->target, apic, vector)) {
		early->accept = event->time;
		early->apic = apic;
		early->vector = vector;
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

		if (vbt_irq_expected(c, c->queue[irq->queue]) & BIT(VBT_MARK_eoi))
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
	struct early_irq *early;
	struct vector *v;
	struct irq *irq;

	if (event->flags == VBT_INJECT_APICV) {
		/* Posted in the task that sends: the window tells which one. */
		irq = vbt_window_told(c, thread, event->time);
		if (irq && irq->accepted && !(irq->have & BIT(VBT_MARK_inject)) &&
		    c->vector[irq->vector].vector == event->key) {
			leave_list(c, irq);
			vbt_irq_mark(irq, VBT_MARK_inject, event->time, false);
			vbt_irq_finish_if_done(c, irq);
		} else {
			early = vbt_window_early(thread);
			if (early && early->accept)
				early->inject = event->time;
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
	/* For those whose signal is still to come. */
	if (thread->lone_inject > v->injected) {
		v->injected_before = v->injected;
		v->injected = thread->lone_inject;
	}
}

void vbt_on_eoi(struct vbt_correlator *c, const struct vbt_event *event)
{
	struct vector *v = find_vector(c, event->target, (uint32_t)event->arg, (uint8_t)event->key);
	struct target_state *target = &c->target[event->target % VBT_MAX_TARGETS];
	struct thread *thread = vbt_thread(c, event);
	bool learned = thread && !thread->apic_known, in_service;

	if (learned) {
		thread->apic_known = true;
		thread->apic = (uint32_t)event->arg;
		if (thread->vcpu < 0)
			thread->vcpu = (int32_t)(event->arg & INT32_MAX);
	}
	target->end_seen = true;
	/* KVM tells of a paravirtual end twice, first as of any other: that was it. */
	if (!v || (event->flags == VBT_EOI_PARAVIRTUAL && v->ended > v->injected))
		return;
	v->ended = event->time;
	if (learned && v->in_service == NONE && thread->lone_inject &&
	    thread->lone_vector == v->vector)
		injected_lone(c, v, thread);
	in_service = v->in_service != NONE;
	while (v->in_service != NONE) {
		struct irq *irq = &c->irq[v->in_service];

		/* The same task ends what it injected: now that injection is no guess any more. */
		if (learned && v->service_tid == event->tid && !irq->intx)
			irq->inferred = 0;
		vbt_irq_mark(irq, VBT_MARK_eoi, event->time, false);
		vbt_irq_finish(c, irq, VBT_ABSENT_lost);
	}
	/* An injection was not seen, or not known to be of this vCPU: perhaps it was of what still waits. */
	for (uint32_t i = v->accepted; !in_service && i != NONE; i = c->irq[i].next)
		c->irq[i].inferred |= BIT(VBT_MARK_inject) | BIT(VBT_MARK_eoi);
	/* Where injections cannot be seen, the EOI ends what was accepted. */
	while (v->accepted != NONE) {
		struct irq *irq = &c->irq[v->accepted];

		if (vbt_irq_expected(c, c->queue[irq->queue]) & BIT(VBT_MARK_inject))
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
	if (v->ended < v->injected) {
		vbt_irq_in_service(c, irq, v);
		return;
	}
	irq->accepted = true;
	irq->vector = (uint32_t)(v - c->vector);
	vbt_irq_mark(irq, VBT_MARK_eoi, v->ended, inferred);
}

void vbt_irq_begin_early(struct vbt_correlator *c, struct irq *irq, const struct early_irq *early)
{
	unsigned target = c->queue[irq->queue]->stats.target;
	struct vector *v =
	    early->accept ? find_vector(c, target, early->apic, early->vector) : NULL;

	vbt_irq_mark(irq, VBT_MARK_msi, early->msi, false);
	c->queue[irq->queue]->stats.interrupts++;
	irq->accepted_at = early->accept;
	if (v && early->inject) {
		vbt_irq_accepted(c, irq, v, false);
		leave_list(c, irq);
		vbt_irq_mark(irq, VBT_MARK_inject, early->inject, false);
	} else if (v && v->injected >= early->accept) {
		injected_early(c, v, irq, early->accept);
	} else if (v) {
		vbt_irq_accepted(c, irq, v, v->ended >= early->accept);
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
