/* SPDX-License-Identifier: MIT */
/* Queues and their requests in flight: found by number, made at the first event, sent out. */
#include <stddef.h>
#include <string.h>

#include "lib/correlate_impl.h"

#define FIRST_SLOTS    64
#define MAX_STRAGGLERS 32
#define GRACE          50000000u /* ns: how much later than others a source's events may be */

/* What of this queue can be seen at all, from the metadata: marks, and why not. */
void vbt_queue_setup(struct vbt_correlator *c, struct queue *q)
{
	const struct vbt_trace_info *info = c->options.info;
	const struct vbt_target *target = NULL;
	const struct vbt_device *device = NULL;
	const uint32_t kvm_marks = BIT(VBT_MARK_kick) | IRQ_MARKS;

	if (info) {
		target = vbt_trace_info_target(info, q->stats.target);
		device = vbt_trace_info_device(info, q->stats.target, q->stats.device);
	}
	q->expect = (uint16_t)(BIT(VBT_MARK_COUNT) - 1);
	memset(q->why_not, VBT_ABSENT_none, sizeof(q->why_not));
	for (unsigned mark = 0; mark < VBT_MARK_COUNT; mark++) {
		if (device && device->shm.flags & VBT_DEVICE_NO_KVM && kvm_marks & BIT(mark))
			q->why_not[mark] = VBT_ABSENT_no_kvm;
		else if (target && target->hidden[mark][0])
			q->why_not[mark] = VBT_ABSENT_hidden;
		else if (target && !(target->points & BIT(mark)))
			q->why_not[mark] = VBT_ABSENT_not_recorded;
		else if (target && mark > VBT_MARK_msi &&
			 !(target->points & BIT(VBT_AUX_apic_accept)))
			q->why_not[mark] = VBT_ABSENT_not_recorded;
		if (q->why_not[mark])
			q->expect &= (uint16_t)~BIT(mark);
	}
	q->from_start = target && target->from_start;
	if (q->from_start && !q->offset_fixed) {
		q->offset = 0;
		q->offset_known = q->offset_fixed = true;
	}
	if (!device)
		return;
	q->intx = !(device->shm.flags & VBT_DEVICE_MSIX);
	q->irqfd = device->shm.flags & VBT_DEVICE_IRQFD;
	q->gsi = device->shm.gsi;
	q->direct = device->shm.flags & VBT_DEVICE_DIRECT;
	q->address_known = device->shm.pio_notify || device->shm.mmio_notify;
}

static struct queue *new_queue(struct vbt_correlator *c, unsigned target, unsigned device,
			       unsigned queue)
{
	struct queue *q;

	if (c->queues >= c->options.max_queues)
		return NULL;
	q = calloc(1, sizeof(*q));
	if (!q)
		goto no_memory;
	q->slot = calloc(FIRST_SLOTS, sizeof(*q->slot));
	if (!q->slot)
		goto no_memory;
	q->mask = FIRST_SLOTS - 1;
	q->index = c->queues;
	q->doorbell = NONE;
	q->stats.target = (uint8_t)target;
	q->stats.device = (uint8_t)device;
	q->stats.queue = (uint16_t)queue;
	if (!vbt_table_set(&c->queue_table, (uint64_t)target << 24 | device << 16 | queue, q->index,
			   NONE, NULL, NULL))
		goto no_memory;
	vbt_queue_setup(c, q);
	c->queue[c->queues++] = q;
	return q;

no_memory:
	c->no_memory = true;
	if (q)
		free(q->slot);
	free(q);
	return NULL;
}

struct queue *vbt_queue_search(struct vbt_correlator *c, unsigned target, unsigned device,
			       unsigned queue)
{
	uint64_t index =
	    vbt_table_get(&c->queue_table, (uint64_t)target << 24 | device << 16 | queue);
	struct queue *q =
	    index == VBT_TABLE_NONE ? new_queue(c, target, device, queue) : c->queue[index];

	if (q)
		c->recent_queue[vbt_queue_slot(target, device, queue)] = q;
	return q;
}

void vbt_queue_free(struct queue *q)
{
	free(q->slot);
	free(q->straggler);
	free(q->kick);
	free(q);
}

/* Is sequence number a older than b? They may wrap. */
static bool older(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

struct flight *vbt_flight_search(struct queue *q, uint32_t seq)
{
	for (uint32_t i = 0; i < q->stragglers; i++)
		if (q->straggler[i].r.seq == seq)
			return &q->straggler[i];
	return NULL;
}

static bool grow_slots(struct vbt_correlator *c, struct queue *q)
{
	uint32_t size = (q->mask + 1) * 2, kept = 0;
	struct flight *bigger;

	if (size > c->options.max_in_flight)
		return false;
	bigger = calloc(size, sizeof(*bigger));
	if (!bigger) {
		c->no_memory = true;
		return false;
	}
	/* The gone ones move too: late events must still find that they are gone. */
	for (uint32_t i = 0; i <= q->mask; i++)
		if (q->slot[i].state != FLIGHT_FREE)
			bigger[q->slot[i].r.seq & (size - 1)] = q->slot[i];
	for (uint32_t i = 0; i < q->stragglers; i++) {
		struct flight *home = &bigger[q->straggler[i].r.seq & (size - 1)];

		if (home->state == FLIGHT_LIVE ||
		    (home->state == FLIGHT_GONE && older(q->straggler[i].r.seq, home->r.seq)))
			q->straggler[kept++] = q->straggler[i];
		else
			*home = q->straggler[i];
	}
	q->stragglers = kept;
	free(q->slot);
	q->slot = bigger;
	q->mask = size - 1;
	return true;
}

static void evict_oldest(struct vbt_correlator *c, struct queue *q)
{
	struct flight *oldest = NULL;

	for (uint32_t i = 0; i <= q->mask; i++)
		if (q->slot[i].state == FLIGHT_LIVE &&
		    (!oldest || older(q->slot[i].r.seq, oldest->r.seq)))
			oldest = &q->slot[i];
	for (uint32_t i = 0; i < q->stragglers; i++)
		if (!oldest || older(q->straggler[i].r.seq, oldest->r.seq))
			oldest = &q->straggler[i];
	if (!oldest)
		return;
	c->stats.evicted++;
	vbt_flight_emit(c, q, oldest, VBT_ABSENT_evicted);
}

/* Give up a request of the queue that has most of them in flight. */
static void evict(struct vbt_correlator *c)
{
	struct queue *most = NULL;

	for (uint32_t i = 0; i < c->queues; i++)
		if (!most || c->queue[i]->live > most->live)
			most = c->queue[i];
	if (most)
		evict_oldest(c, most);
}

/* Make the home slot of seq free. false: there is a newer one in it; seq is too old. */
static bool clear_home(struct vbt_correlator *c, struct queue *q, uint32_t seq)
{
	for (;;) {
		struct flight *home = &q->slot[seq & q->mask];

		if (home->state != FLIGHT_FREE && older(seq, home->r.seq))
			return false;
		if (home->state != FLIGHT_LIVE)
			return true;
		/* A request that lost events may never end: no reason to grow for it. */
		if (home->flags & FLIGHT_SUSPECT && q->stragglers >= MAX_STRAGGLERS) {
			vbt_flight_emit(c, q, home, VBT_ABSENT_lost);
			return true;
		}
		if (q->stragglers < MAX_STRAGGLERS) {
			if (q->stragglers == q->straggler_room &&
			    !vbt_grow((void **)&q->straggler, q->stragglers, &q->straggler_room,
				      sizeof(*q->straggler))) {
				c->no_memory = true;
				return false;
			}
			q->straggler[q->stragglers++] = *home;
			home->state = FLIGHT_GONE;
			return true;
		}
		if (!grow_slots(c, q)) {
			c->stats.evicted++;
			vbt_flight_emit(c, q, &q->straggler[0], VBT_ABSENT_evicted);
		}
	}
}

struct flight *vbt_flight_make(struct vbt_correlator *c, struct queue *q,
			       const struct vbt_event *event)
{
	uint32_t seq = event->seq;
	struct flight *f;

	if (!seq)
		return NULL;
	if (q->slot[seq & q->mask].state == FLIGHT_GONE && q->slot[seq & q->mask].r.seq == seq)
		return NULL;
	/* Recorded from the start: a first request that is not number 1 has lost predecessors. */
	if (!q->first_pop && q->from_start)
		q->first_pop = 1;
	if (c->stats.in_flight >= c->options.max_in_flight)
		evict(c);
	if (!clear_home(c, q, seq))
		return NULL;
	f = &q->slot[seq & q->mask];
	/* All but the marks, which are there if they are present; in pieces so small that they are a few stores. */
	f->r.sector = f->r.cookie = 0;
	memset(&f->r.kick_seq, 0, sizeof(f->r) - offsetof(struct vbt_request, kick_seq));
	memset(&f->io_latest, 0, sizeof(*f) - offsetof(struct flight, io_latest));
	f->state = FLIGHT_LIVE;
	f->r.seq = seq;
	f->r.id = ++c->next_id;
	f->r.target = q->stats.target;
	f->r.device = q->stats.device;
	f->r.queue = q->stats.queue;
	f->r.head = event->head;
	f->r.vcpu = -1;
	if (event->point != VBT_MARK_pop && (!q->first_pop || older(seq, q->first_pop)))
		f->flags |= FLIGHT_BEFORE;
	if (event->time < q->doubt_until)
		f->flags |= FLIGHT_SUSPECT;
	if (q->first_pop && !older(seq, q->first_pop))
		q->created++;
	if (!q->newest || older(q->newest, seq))
		q->newest = seq;
	q->live++;
	q->stats.in_flight++;
	c->stats.in_flight++;
	return f;
}

uint64_t vbt_flight_latest(const struct flight *f)
{
	uint64_t latest = 0;

	for (unsigned left = f->r.present; left; left &= left - 1) {
		uint64_t time = f->r.mark[__builtin_ctz(left)];

		latest = time > latest ? time : latest;
	}
	return latest;
}

/* How many are set. As a rule all, or none. */
static unsigned bits(unsigned marks)
{
	unsigned count = 0;

	if (marks == BIT(VBT_MARK_COUNT) - 1)
		return VBT_MARK_COUNT;
	for (; marks; marks &= marks - 1)
		count++;
	return count;
}

static unsigned missing(const struct vbt_request *r)
{
	return ~(unsigned)r->present & (BIT(VBT_MARK_COUNT) - 1);
}

/* Give every mark that is missing its reason. */
static void explain(struct vbt_correlator *c, struct queue *q, struct flight *f, unsigned rest)
{
	struct vbt_request *r = &f->r;
	bool pushed = vbt_request_has(r, VBT_MARK_push);
	unsigned gap = f->flags & FLIGHT_BEFORE    ? VBT_ABSENT_before
		       : f->flags & FLIGHT_SUSPECT ? VBT_ABSENT_lost
						   : VBT_ABSENT_none;

	if (!(f->flags & FLIGHT_KICK_DONE))
		vbt_kick_resolve(c, q, f, true);
	vbt_io_finish(c, q, f, rest);
	if (!missing(r)) {
		memset(r->absent, VBT_ABSENT_none, sizeof(r->absent));
		return;
	}
	for (unsigned left = r->present; left; left &= left - 1)
		r->absent[__builtin_ctz(left)] = VBT_ABSENT_none;
	for (unsigned left = missing(r); left; left &= left - 1) {
		unsigned mark = (unsigned)__builtin_ctz(left), reason = r->absent[mark];

		if (reason)
			continue;
		if (q->why_not[mark])
			reason = q->why_not[mark];
		else if (mark >= VBT_MARK_push)
			reason = f->flags & FLIGHT_SUSPECT ? VBT_ABSENT_lost : rest;
		else if (gap)
			reason = gap;
		else if (mark == VBT_MARK_parse && pushed)
			reason = VBT_ABSENT_refused;
		else if ((mark == VBT_MARK_submit || mark == VBT_MARK_reap) && pushed &&
			 !vbt_request_has(r, VBT_MARK_submit))
			reason = f->refused || !vbt_request_has(r, VBT_MARK_parse)
				     ? VBT_ABSENT_refused
				     : VBT_ABSENT_no_host_io;
		else
			reason = pushed ? VBT_ABSENT_lost : rest;
		r->absent[mark] = (uint8_t)reason;
	}
}

void vbt_flight_emit(struct vbt_correlator *c, struct queue *q, struct flight *f, unsigned rest)
{
	struct vbt_request *r = &f->r;
	unsigned present, inferred, reasons = 0;

	explain(c, q, f, rest);
	r->inferred &= r->present; /* what was to be a guess may not have come */
	for (unsigned left = missing(r); left; left &= left - 1)
		reasons |= BIT(r->absent[__builtin_ctz(left)]);
	r->complete = !(reasons & VBT_ABSENT_BROKEN);
	present = bits(r->present);
	inferred = bits(r->inferred);
	c->stats.requests++;
	c->stats.complete += r->complete;
	c->stats.incomplete += !r->complete;
	c->stats.errors += r->complete && r->status;
	c->stats.exact += present - inferred;
	c->stats.inferred += inferred;
	c->stats.in_flight--;
	q->live--;
	if (!vbt_request_has(r, VBT_MARK_push))
		q->stats.in_flight--;
	f->state = FLIGHT_GONE;
	c->options.request(c->options.context, r);
	if (q->stragglers && f >= q->straggler && f < q->straggler + q->stragglers) {
		uint32_t i = (uint32_t)(f - q->straggler);

		memmove(f, f + 1, (q->stragglers - i - 1) * sizeof(*f));
		q->stragglers--;
	}
}

void vbt_queue_each(struct vbt_correlator *c, struct queue *q, flight_fn *fn, void *context)
{
	/* Backwards: the callback may remove the straggler that it is given. */
	for (uint32_t i = q->stragglers; i-- > 0;)
		fn(c, q, &q->straggler[i], context);
	for (uint32_t i = 0; i <= q->mask && q->live; i++) {
		/* From the oldest on, so that what goes out goes in order. */
		struct flight *f = &q->slot[(q->newest + 1 + i) & q->mask];

		if (f->state == FLIGHT_LIVE)
			fn(c, q, f, context);
	}
}

/* The oldest kick that no wake has answered; UINT64_MAX if there is none. */
static uint64_t oldest_unserved(const struct vbt_correlator *c, const struct queue *q)
{
	const struct wake *wake = &q->wake[(q->wakes - 1) % WAKE_HISTORY];
	uint64_t number = q->kick_number;

	if (!q->kick || !q->offset_known)
		return q->kick ? q->kick[number & (KICK_HISTORY - 1)].time : UINT64_MAX;
	if (q->wakes && wake->valid)
		number = wake->count - (uint64_t)q->offset + 1;
	if (number > q->kick_number)
		return UINT64_MAX;
	if (q->kick_number - number >= KICK_HISTORY)
		number = q->kick_number - KICK_HISTORY + 1;
	return q->kick[number & (KICK_HISTORY - 1)].time;
}

/* Not later than a flight's first mark; its kick may still have to be found. */
static uint64_t begin_of(const struct vbt_correlator *c, const struct flight *f)
{
	uint64_t time = f->r.mark[__builtin_ctz(f->r.present)];
	uint64_t before = vbt_slack(c, f->r.target);

	if (!(f->flags & FLIGHT_KICK_DONE))
		before += GRACE;
	return time > before ? time - before : 0;
}

uint64_t vbt_correlator_horizon(const struct vbt_correlator *c, uint64_t now)
{
	uint64_t patience = c->options.timeout_ns, horizon;

	if (now < c->now)
		now = c->now;
	horizon = now > GRACE ? now - GRACE : 0;

	for (uint32_t i = 0; i < c->queues; i++) {
		const struct queue *q = c->queue[i];
		uint64_t kick = oldest_unserved(c, q);

		if (kick < horizon && now - kick < patience)
			horizon = kick;
		for (uint32_t j = 0; j <= q->mask + q->stragglers; j++) {
			const struct flight *f =
			    j <= q->mask ? &q->slot[j] : &q->straggler[j - q->mask - 1];

			if (f->state == FLIGHT_LIVE && f->r.present && begin_of(c, f) < horizon)
				horizon = begin_of(c, f);
		}
	}
	return horizon;
}

static void emit_it(struct vbt_correlator *c, struct queue *q, struct flight *f, void *context)
{
	vbt_flight_emit(c, q, f, *(unsigned *)context);
}

void vbt_queue_restart(struct vbt_correlator *c, struct queue *q, unsigned rest)
{
	vbt_push_give_up(c, q, rest);
	vbt_queue_each(c, q, emit_it, &rest);
	if (q->first_pop)
		c->stats.unseen += (uint64_t)(q->newest - q->first_pop) + 1 - q->created;
	memset(q->slot, 0, (q->mask + 1) * sizeof(*q->slot));
	q->newest = q->first_pop = 0;
	q->created = 0;
	q->irq_seq = 0;
	q->last_submit = 0;
	vbt_kick_forget(q);
}
