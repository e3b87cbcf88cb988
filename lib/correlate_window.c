/* SPDX-License-Identifier: MIT */
/*
 * Windows: what a task does in KVM between `signal` and `signal_done` is that signal's interrupt.
 *
 * Signals and interrupts of a task come in the same order, each has one: an MSI is that of the oldest window
 * without. Both clocks may differ by the stated error, so an MSI can come before its signal, and then waits
 * for it; or behind its window. Where another window is as near as that, the link is inferred. What an
 * APIC does for an MSI follows it in the same task and on the same clock, so there is no doubt there.
 */
#include <string.h>

#include "lib/correlate_impl.h"

static struct window *nth_window(struct thread *thread, uint32_t number)
{
	return &thread->window[number % WINDOWS];
}

static uint32_t first_window(const struct thread *thread)
{
	return thread->windows > WINDOWS ? thread->windows - WINDOWS : 0;
}

static bool reaches(const struct window *w, uint64_t time, uint64_t slack)
{
	return w->closed == UINT64_MAX || time <= w->closed + slack;
}

static struct irq_ref ref_of(const struct vbt_correlator *c, const struct irq *irq)
{
	return (struct irq_ref){(uint32_t)(irq - c->irq), irq->generation};
}

/* Take the oldest ones out. */
static void shift_early(struct thread *thread, uint32_t count)
{
	thread->earlies -= count;
	memmove(thread->early, thread->early + count, thread->earlies * sizeof(*thread->early));
	thread->told_early &= thread->earlies > 0;
}

/* A window opens: whose MSI, taken for that of a window before, could be its own as well? */
static void blur_before(struct vbt_correlator *c, struct thread *thread, uint64_t time,
			uint64_t slack)
{
	for (uint32_t i = thread->windows; i-- > first_window(thread);) {
		const struct window *w = nth_window(thread, i);
		struct irq *irq = vbt_irq_get(c, w->irq);

		if (irq && irq->have & BIT(VBT_MARK_msi)) {
			irq->blurred |= slack && irq->time[VBT_MARK_msi] + slack >= time;
			vbt_irq_finish_if_done(c, irq);
		}
		/* Neither the MSI of this one nor those of older ones can be so late. */
		if (!reaches(w, time, 2 * slack))
			return;
	}
}

/* The oldest of what came before its signal is this window's. */
static void take_early(struct vbt_correlator *c, struct thread *thread, struct irq *irq,
		       uint64_t slack)
{
	uint32_t old = 0;
	struct early_irq early;

	while (old < thread->earlies && thread->early[old].msi + slack < irq->time[VBT_MARK_signal])
		old++;
	c->stats.stray += old;
	shift_early(thread, old);
	if (!thread->earlies)
		return;
	early = thread->early[0];
	if (thread->told_early && thread->earlies == 1)
		thread->told = ref_of(c, irq);
	shift_early(thread, 1);
	irq->blurred |= early.msi <= thread->over_until + slack;
	for (uint32_t i = first_window(thread); i + 1 < thread->windows; i++)
		irq->blurred |= reaches(nth_window(thread, i), early.msi, slack);
	vbt_irq_begin_early(c, irq, &early);
}

/* Close the task's newest window. NULL: it was not open. */
static struct window *close_window(struct thread *thread, uint64_t time)
{
	struct window *w = thread->windows ? nth_window(thread, thread->windows - 1) : NULL;

	if (!w || w->closed != UINT64_MAX)
		return NULL;
	w->closed = time;
	return w;
}

void vbt_window_open(struct vbt_correlator *c, struct thread *thread, struct irq *irq,
		     const struct vbt_event *event)
{
	uint64_t slack = vbt_slack(c, event->target);
	struct window *w = nth_window(thread, thread->windows);

	close_window(thread, event->time);
	blur_before(c, thread, event->time, slack);
	if (thread->windows >= WINDOWS && w->closed > thread->over_until)
		thread->over_until = w->closed;
	*w = (struct window){ref_of(c, irq), UINT64_MAX};
	thread->windows++;
	if (thread->earlies)
		take_early(c, thread, irq, slack);
}

void vbt_on_signal_done(struct vbt_correlator *c, const struct vbt_event *event)
{
	struct thread *thread = vbt_thread_find(c, event->tid);
	struct window *w = thread ? close_window(thread, event->time) : NULL;
	struct irq *irq = w ? vbt_irq_get(c, w->irq) : NULL;

	if (!irq)
		return;
	irq->sent = true;
	irq->sent_at = event->time;
	/* Accepts and injections from here on cannot be told apart from others that were lost. */
	if (irq->doubt)
		vbt_irq_finish(c, irq, VBT_ABSENT_lost);
	else if (irq->intx)
		vbt_line_sent(c, irq);
	else
		vbt_irq_finish_if_done(c, irq);
}

void vbt_thread_close(struct vbt_correlator *c, uint32_t tid)
{
	struct thread *thread = vbt_thread_find(c, tid);
	struct window *w = thread ? close_window(thread, 0) : NULL;
	struct irq *irq = w ? vbt_irq_get(c, w->irq) : NULL;

	if (!thread)
		return;
	thread->windows = 0;
	/* What was to come in its window cannot be told any more. */
	if (irq && !irq->accepted) {
		irq->doubt = true;
		vbt_irq_finish(c, irq, VBT_ABSENT_lost);
	}
}

void vbt_window_forget(struct thread *thread)
{
	thread->earlies = 0;
	thread->told = (struct irq_ref){NONE, 0};
	thread->told_early = false;
}

/* The oldest window that may hold a moment and has no interrupt in KVM yet; NULL: none. */
static struct irq *take(struct vbt_correlator *c, struct thread *thread, uint64_t time, bool intx)
{
	uint64_t slack = vbt_slack(c, thread->target);
	unsigned near = slack && time <= thread->over_until + slack;
	struct irq *oldest = NULL, *irq;

	for (uint32_t i = thread->windows; i-- > first_window(thread);) {
		const struct window *w = nth_window(thread, i);

		if (!reaches(w, time, slack))
			break;
		near++;
		irq = vbt_irq_get(c, w->irq);
		if (irq && irq->intx == intx && !(irq->have & BIT(VBT_MARK_msi)))
			oldest = irq;
	}
	if (oldest && near > 1)
		oldest->blurred = true;
	return oldest;
}

struct irq *vbt_window_msi(struct vbt_correlator *c, struct thread *thread, uint64_t time)
{
	struct irq *irq = take(c, thread, time, false);

	thread->told = irq ? ref_of(c, irq) : (struct irq_ref){NONE, 0};
	thread->told_early = !irq && vbt_slack(c, thread->target);
	if (irq)
		return irq;
	if (!thread->told_early || thread->earlies == EARLY_IRQS)
		c->stats.stray++;
	if (!thread->told_early)
		return NULL;
	if (thread->earlies == EARLY_IRQS)
		shift_early(thread, 1);
	thread->early[thread->earlies++] = (struct early_irq){.msi = time};
	return NULL;
}

struct irq *vbt_window_line(struct vbt_correlator *c, struct thread *thread, uint64_t time)
{
	thread->told = (struct irq_ref){NONE, 0};
	thread->told_early = false;
	return take(c, thread, time, true);
}

struct irq *vbt_window_told(struct vbt_correlator *c, struct thread *thread, uint64_t time)
{
	const struct window *w =
	    thread && thread->windows ? nth_window(thread, thread->windows - 1) : NULL;

	if (!thread || thread->told_early)
		return NULL;
	if (thread->told.index != NONE)
		return vbt_irq_get(c, thread->told);
	/* No MSI is seen here: what the open window is about. */
	return w && reaches(w, time, vbt_slack(c, thread->target)) ? vbt_irq_get(c, w->irq) : NULL;
}

struct early_irq *vbt_window_early(struct thread *thread)
{
	return thread && thread->told_early ? &thread->early[thread->earlies - 1] : NULL;
}

bool vbt_window_undecided(const struct vbt_correlator *c, const struct irq *irq)
{
	uint64_t slack = vbt_slack(c, c->queue[irq->queue]->stats.target);
	uint64_t reach = irq->time[VBT_MARK_msi] + slack;

	if (!slack || irq->blurred || !(irq->have & BIT(VBT_MARK_msi)))
		return false;
	return c->now <= reach && !(irq->sent && irq->sent_at > reach);
}
