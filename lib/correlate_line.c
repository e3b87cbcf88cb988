/* SPDX-License-Identifier: MIT */
/*
 * INTx: from signal to line to vector.
 *
 * A line is a level. A signal raises it, and enters KVM, only if it is low; the guest lowers it when
 * it reads the ISR, and that read takes note of all signals up to then. So a signal that never
 * entered KVM itself belongs to the assertion that was under way: its interrupt told of this one too.
 * That is known from the level alone, not carried by any event: all of it is inferred.
 */
#include "lib/correlate_impl.h"

#define MAX_LINES 256

static struct line *get_line(struct vbt_correlator *c, unsigned target, uint32_t gsi)
{
	struct line *line;

	for (uint32_t i = 0; i < c->lines; i++)
		if (c->line[i].gsi == gsi && c->line[i].target == target)
			return &c->line[i];
	if (c->lines >= MAX_LINES ||
	    !vbt_grow((void **)&c->line, c->lines, &c->line_room, sizeof(*line)))
		return NULL;
	line = &c->line[c->lines++];
	*line =
	    (struct line){.gsi = gsi, .target = (uint8_t)target, .asserted = NONE, .vector = NONE};
	return line;
}

static void await_accept(struct vbt_correlator *c, struct line *line, struct irq *irq)
{
	/* Accepted already, by a trace that has it in the wrong order: it is in another list. */
	if (irq->where != IRQ_NOWHERE)
		return;
	irq->line = (uint32_t)(line - c->line);
	irq->where = IRQ_ASSERTED;
	vbt_irq_append(c, &line->asserted, irq);
}

static void raise_line(struct vbt_correlator *c, struct line *line, struct irq *irq, uint64_t time,
		       bool inferred)
{
	vbt_irq_mark(irq, VBT_MARK_msi, time, inferred);
	c->queue[irq->queue]->stats.interrupts++;
	await_accept(c, line, irq);
	vbt_irq_finish_if_done(c, irq);
}

/* What happened to the assertion at `time` is this one's too, unless it was before its signal. */
static void share(struct irq *irq, unsigned mark, uint64_t time)
{
	if (time >= irq->time[VBT_MARK_signal])
		vbt_irq_mark(irq, mark, time, true);
	else
		irq->coalesced |= (uint16_t)BIT(mark);
}

/* Make the interrupt one of those that the assertion under way, or else the last one, told of. */
static void join(struct vbt_correlator *c, struct line *line, struct irq *irq)
{
	struct vector *v = line->vector == NONE ? NULL : &c->vector[line->vector];

	share(irq, VBT_MARK_msi, line->raised);
	irq->inferred |= IRQ_MARKS;
	if (line->asserted != NONE) {
		await_accept(c, line, irq);
	} else if (v && v->accepted != NONE) {
		vbt_irq_accepted(c, irq, v, true);
	} else if (v && v->in_service != NONE) {
		share(irq, VBT_MARK_inject, c->irq[v->in_service].time[VBT_MARK_inject]);
		vbt_irq_in_service(c, irq, v);
	} else {
		share(irq, VBT_MARK_inject, v ? v->injected : 0);
		share(irq, VBT_MARK_eoi, v ? v->ended : 0);
	}
	vbt_irq_finish_if_done(c, irq);
}

/* It is one of this line's, and has not entered KVM yet. */
static bool may_raise(const struct vbt_correlator *c, const struct line *line,
		      const struct irq *irq)
{
	const struct queue *q = c->queue[irq->queue];

	return irq->intx && !(irq->have & BIT(VBT_MARK_msi)) && q->gsi == line->gsi &&
	       q->stats.target == line->target;
}

/* It was sent and did not enter KVM: the line was high, or the guest was faster. */
static bool may_join(const struct vbt_correlator *c, const struct line *line, const struct irq *irq)
{
	return may_raise(c, line, irq) && irq->sent && !irq->doubt && irq->where == IRQ_NOWHERE &&
	       !c->queue[irq->queue]->irqfd;
}

/* The guest read the ISR: who signalled before has been told. */
static void lower_line(struct vbt_correlator *c, struct line *line, uint64_t time)
{
	for (uint32_t i = c->irq_oldest, newer; i != NONE; i = newer) {
		newer = c->irq[i].newer;
		if (may_join(c, line, &c->irq[i]))
			join(c, line, &c->irq[i]);
	}
	line->high = false;
	line->lowered = time;
	/* Raised while it was in service, and lowered: the interrupt before told of these too. */
	while (line->asserted != NONE) {
		struct irq *irq = &c->irq[line->asserted];

		irq->coalesced |= BIT(VBT_MARK_inject) | BIT(VBT_MARK_eoi);
		vbt_irq_finish(c, irq, VBT_ABSENT_lost);
	}
}

void vbt_line_sent(struct vbt_correlator *c, struct irq *irq)
{
	const struct queue *q = c->queue[irq->queue];
	struct line *line = get_line(c, q->stats.target, q->gsi);

	/* Lowered in the meantime: by the one who noticed this signal, else it would be high now. */
	if (line && !line->high && may_join(c, line, irq) &&
	    irq->time[VBT_MARK_signal] <= line->lowered + vbt_slack(c, q->stats.target))
		join(c, line, irq);
}

void vbt_on_line(struct vbt_correlator *c, const struct vbt_event *event)
{
	struct line *line = get_line(c, event->target, (uint32_t)event->key);
	struct thread *thread = vbt_thread_find(c, event->tid);
	struct irq *irq;
	bool any = false;

	if (!line)
		return;
	if (!event->arg) {
		lower_line(c, line, event->time);
		return;
	}
	if (!line->high)
		line->raised = event->time;
	line->high = true;
	irq = thread ? vbt_window_line(c, thread, event->time) : NULL;
	if (irq) {
		raise_line(c, line, irq, event->time, false);
		return;
	}
	/* A kernel worker raises the line for an irqfd: everything sent to this line so far. */
	for (uint32_t i = c->irq_oldest, newer; i != NONE; i = newer) {
		newer = c->irq[i].newer;
		if (!may_raise(c, line, &c->irq[i]))
			continue;
		raise_line(c, line, &c->irq[i], event->time, true);
		any = true;
	}
	if (!any)
		c->stats.stray++;
	thread = vbt_thread(c, event);
	if (thread)
		thread->line = (uint32_t)(line - c->line);
}

void vbt_line_accepted(struct vbt_correlator *c, struct line *line, uint32_t apic, unsigned vector)
{
	struct vector *v = vbt_vector(c, line->target, apic, vector);

	if (!v)
		return;
	line->vector = (uint32_t)(v - c->vector);
	while (line->asserted != NONE)
		vbt_irq_accepted(c, &c->irq[line->asserted], v, true);
}

struct line *vbt_line_of_vector(struct vbt_correlator *c, unsigned target, uint32_t apic,
				unsigned vector)
{
	for (uint32_t i = 0; i < c->lines; i++) {
		struct line *line = &c->line[i];

		if (line->asserted != NONE && line->target == target && line->vector != NONE &&
		    c->vector[line->vector].vector == vector &&
		    c->vector[line->vector].apic == apic)
			return line;
	}
	return NULL;
}
