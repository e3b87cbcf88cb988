/* SPDX-License-Identifier: MIT */
/*
 * Kick to wake to pop.
 *
 * The kernel counts the kicks of each doorbell, the VMM counts the kicks of each queue that it has
 * served. The two counts differ by a constant, the kicks before the recording began. Before a
 * wake that says "w kicks served" at least w must have happened, so the constant is the largest of
 * (w - kicks seen before that wake) over all wakes; it is reached at every wake that leaves none
 * behind. Eight times the same, and it is fixed.
 */
#include "lib/correlate_impl.h"

#define OFFSET_CONFIRMED 8

/* Which of a device's queues is rung by this; UINT64_MAX: none of them. */
static uint64_t rings(const struct vbt_left *place, const struct vbt_event *event)
{
	const uint64_t distance = event->key - place->mmio;
	uint64_t number = UINT64_MAX;
	uint16_t value = (uint16_t)event->arg;

	if (place->target != event->target)
		return UINT64_MAX;
	if (event->flags == VBT_KICK_PIO) {
		if (place->pio && place->pio == event->key)
			number = value;
	} else if (place->mmio && event->key >= place->mmio) {
		if (!place->stride)
			number = distance ? UINT64_MAX : value;
		else if (distance % place->stride == 0)
			number = distance / place->stride;
	}
	return number < place->queues ? number : UINT64_MAX;
}

/*
 * The queue that a doorbell belongs to, by the device table, and where that says nothing by where devices were before;
 * NULL if no device has or had that address.
 */
static struct queue *resolve(struct vbt_correlator *c, const struct vbt_event *event)
{
	const struct vbt_trace_info *info = c->options.info;
	uint64_t number;

	for (uint32_t i = 0; info && i < info->devices; i++) {
		const struct vbt_device *device = &info->device[i];
		const struct vbt_left place = {.target = device->target,
					       .stride = device->shm.mmio_stride,
					       .queues = device->shm.queues,
					       .pio = device->shm.pio_notify,
					       .mmio = device->shm.mmio_notify};

		number = rings(&place, event);
		if (number != UINT64_MAX)
			return vbt_queue(c, event->target, device->index, (unsigned)number);
	}
	for (uint32_t i = 1; info && i <= info->lefts && i <= VBT_MAX_LEFT; i++) {
		const struct vbt_left *place = &info->left[(info->lefts - i) % VBT_MAX_LEFT];

		number = rings(place, event);
		if (number != UINT64_MAX)
			return vbt_queue(c, event->target, place->index, (unsigned)number);
	}
	return NULL;
}

static struct doorbell *find_doorbell(struct vbt_correlator *c, const struct vbt_event *event)
{
	uint16_t value = (uint16_t)event->arg;
	uint64_t key = event->key * 0xd6e8feb86659fd93ULL + value * 16u + event->target;
	uint64_t index = vbt_table_get(&c->doorbell_table, key);
	struct doorbell *d;
	struct queue *q;

	/* Two doorbells with one key are as good as impossible, and then one stays unknown. */
	if (index != VBT_TABLE_NONE) {
		d = &c->doorbell[index];
		if (d->address != event->key || d->value != value || d->target != event->target)
			return NULL;
	} else {
		q = resolve(c, event);
		if (!q)
			return NULL;
		if (!vbt_grow((void **)&c->doorbell, c->doorbells, &c->doorbell_room, sizeof(*d)) ||
		    !vbt_table_set(&c->doorbell_table, key, c->doorbells, c->options.max_queues * 4,
				   NULL, NULL))
			return NULL;
		d = &c->doorbell[c->doorbells++];
		*d = (struct doorbell){.address = event->key,
				       .value = value,
				       .target = event->target,
				       .queue = q->index,
				       .changes = c->changes};
	}
	/* The device may have moved meanwhile; a doorbell that nobody claims keeps its queue. */
	if (d->changes != c->changes) {
		d->changes = c->changes;
		q = resolve(c, event);
		if (q)
			d->queue = q->index;
	}
	return d;
}

void vbt_on_kick(struct vbt_correlator *c, const struct vbt_event *event)
{
	struct doorbell *d = find_doorbell(c, event);
	uint32_t count = (uint32_t)(event->arg >> 32), index;
	struct thread *thread;
	struct kick *kick;
	struct queue *q;

	if (!d) {
		c->stats.stray++;
		return;
	}
	q = c->queue[d->queue];
	index = (uint32_t)(d - c->doorbell);
	if (!q->kick) {
		q->kick = calloc(KICK_HISTORY, sizeof(*q->kick));
		if (!q->kick) {
			c->no_memory = true;
			return;
		}
	}
	if (q->doorbell != index) {
		/* Another register (the driver went from legacy to modern): its count goes on. */
		q->doorbell = index;
		q->doorbell_base = q->kick_number - d->count;
		if (q->kick_number)
			q->offset_seen = 0;
	}
	/* 32 bits of count: what comes out of order is behind, not 4 billion ahead. */
	q->doorbell_base +=
	    (uint32_t)(count - d->count) < 0x80000000u && count < d->count ? 1ULL << 32 : 0;
	kick = &q->kick[(q->doorbell_base + count) & (KICK_HISTORY - 1)];
	kick->number = q->doorbell_base + count;
	kick->time = event->time;
	kick->tid = event->tid;
	q->stats.last_kick_ns = event->time;
	/* The first one of all, or behind a loss: how many came before it is known, when is not. */
	if (!q->kicks_known && event->time >= c->kick_doubt_until) {
		q->kicks_known = true;
		q->kicks_known_since = kick->number == 1 ? 0 : event->time;
	}
	if ((int32_t)(count - d->count) > 0) {
		d->count = count;
		q->kick_number = kick->number;
	}
	q->stats.kicks++;
	thread = vbt_thread(c, event);
	if (thread) {
		thread->kick_queue = q->index;
		thread->kick_number = kick->number;
		thread->kick_time = event->time;
	}
}

/* Kicks seen up to a time, as the number of the last one. */
static uint64_t kicks_until(const struct queue *q, uint64_t time)
{
	uint64_t number = q->kick_number;

	for (unsigned i = 0; i < KICK_HISTORY && number; i++, number--) {
		const struct kick *kick = &q->kick[number & (KICK_HISTORY - 1)];

		if (kick->number == number && kick->time <= time)
			break;
	}
	return number;
}

/*
 * Learn the constant from the wake before this one. One wake late, because a kick may come in behind
 * the wake that served it, by as much as the two clocks differ.
 */
static void judge_offset(struct vbt_correlator *c, struct queue *q)
{
	struct wake *wake = &q->offset_wake;
	int64_t offset;

	if (!wake->valid || q->offset_fixed || !q->kicks_known || wake->time < q->kicks_known_since)
		return;
	wake->valid = false;
	offset =
	    (int64_t)(wake->count - kicks_until(q, wake->time + vbt_slack(c, q->stats.target)));
	if (!q->offset_known || offset > q->offset) {
		q->offset = offset;
		q->offset_known = true;
		q->offset_seen = 0;
	} else if (offset == q->offset && ++q->offset_seen >= OFFSET_CONFIRMED) {
		q->offset_fixed = true;
	}
}

void vbt_on_wake(struct vbt_correlator *c, struct queue *q, const struct vbt_event *event)
{
	struct wake *wake = &q->wake[q->wakes++ % WAKE_HISTORY];
	struct thread *thread;

	*wake = (struct wake){
	    .valid = event->time >= q->doubt_until,
	    .time = event->time,
	    .count = event->arg,
	    .kicks = event->val,
	    .reason = event->code,
	};
	q->stats.wakes[event->code]++;
	q->stats.last_wake_ns = event->time;
	if (!wake->kicks || event->code >= VBT_WAKE_recheck)
		return;
	/* An exit that is served by the task that made it needs no counting. */
	thread = event->code == VBT_WAKE_exit ? vbt_thread_find(c, event->tid) : NULL;
	if (thread && thread->kick_number && thread->kick_queue == q->index &&
	    thread->kick_time <= event->time + vbt_slack(c, q->stats.target)) {
		wake->kick_known = true;
		wake->kick_time = thread->kick_time;
		wake->kick_tid = thread->tid;
		thread->kick_number = 0;
	}
	judge_offset(c, q);
	q->offset_wake = *wake;
}

void vbt_on_pop(struct vbt_correlator *c, struct queue *q, const struct vbt_event *event)
{
	struct flight *f;
	const struct wake *wake = NULL;

	/* Numbers never restart, but a device index may be given to a new device. */
	if (event->seq == 1 && q->first_pop && q->newest > 1)
		vbt_queue_restart(c, q, VBT_ABSENT_after);
	f = vbt_flight_get(c, q, event);
	if (!f || vbt_request_has(&f->r, VBT_MARK_pop)) {
		c->stats.invalid++;
		return;
	}
	if (!q->first_pop) {
		q->first_pop = event->seq;
		q->created = 1;
	}
	q->stats.pops++;
	vbt_flight_mark(f, VBT_MARK_pop, event->time);
	f->r.head = event->head;
	f->r.kick_seq = event->arg;
	for (uint32_t i = 1; i <= WAKE_HISTORY && i <= q->wakes && !wake; i++) {
		const struct wake *w = &q->wake[(q->wakes - i) % WAKE_HISTORY];

		if (w->valid && w->count == event->arg)
			wake = w;
	}
	if (!wake) {
		unsigned reason =
		    q->wakes || f->flags & FLIGHT_SUSPECT ? VBT_ABSENT_lost : VBT_ABSENT_before;

		f->r.absent[VBT_MARK_wake] = (uint8_t)reason;
		return;
	}
	f->r.wake_reason = wake->reason;
	f->r.kicks = wake->kicks;
	if (wake->reason >= VBT_WAKE_recheck || !wake->kicks) {
		f->r.absent[VBT_MARK_kick] = VBT_ABSENT_suppressed;
		f->r.absent[VBT_MARK_wake] = VBT_ABSENT_suppressed;
		f->flags |= FLIGHT_KICK_DONE;
		return;
	}
	vbt_flight_mark(f, VBT_MARK_wake, wake->time);
	if (wake->kick_known) {
		struct thread *thread = vbt_thread_find(c, wake->kick_tid);

		vbt_flight_mark(f, VBT_MARK_kick, wake->kick_time);
		f->flags |= FLIGHT_KICK_DONE;
		f->r.vcpu = thread ? thread->vcpu : -1;
	} else if (q->offset_fixed) {
		vbt_kick_resolve(c, q, f, false);
	}
}

void vbt_kick_resolve(struct vbt_correlator *c, struct queue *q, struct flight *f, bool final)
{
	uint64_t number = f->r.kick_seq - (uint64_t)q->offset;
	const struct kick *kick = q->kick ? &q->kick[number & (KICK_HISTORY - 1)] : NULL;
	unsigned reason = VBT_ABSENT_lost;

	if (!vbt_request_has(&f->r, VBT_MARK_wake)) {
		/* No wake, no count: the kick shares its fate. */
		if (final && q->expect & BIT(VBT_MARK_kick))
			f->r.absent[VBT_MARK_kick] = f->r.absent[VBT_MARK_wake];
		return;
	}
	/* It may end before the next wake, and then the last one has to do. */
	if (final && q->offset_wake.valid &&
	    q->offset_wake.time + vbt_slack(c, q->stats.target) < c->now) {
		judge_offset(c, q);
		number = f->r.kick_seq - (uint64_t)q->offset;
		kick = q->kick ? &q->kick[number & (KICK_HISTORY - 1)] : NULL;
	}
	if (kick && q->offset_known && kick->number == number && number &&
	    kick->time <= f->r.mark[VBT_MARK_wake] + vbt_slack(c, q->stats.target)) {
		struct thread *thread = vbt_thread_find(c, kick->tid);

		vbt_flight_mark(f, VBT_MARK_kick, kick->time);
		if (!q->offset_fixed)
			f->r.inferred |= BIT(VBT_MARK_kick);
		f->r.vcpu = thread ? thread->vcpu : -1;
		f->flags |= FLIGHT_KICK_DONE;
		return;
	}
	if (!final)
		return;
	if (!(q->expect & BIT(VBT_MARK_kick)))
		reason = q->why_not[VBT_MARK_kick];
	else if (!q->kick && !q->address_known)
		reason = VBT_ABSENT_no_doorbell;
	else if (q->offset_known && (int64_t)number <= 0)
		reason = VBT_ABSENT_before;
	f->r.absent[VBT_MARK_kick] = (uint8_t)reason;
}

/* The counts start anew: a new device at an old index. */
void vbt_kick_forget(struct queue *q)
{
	q->wakes = 0;
	q->offset_wake.valid = false;
	q->offset_known = q->offset_fixed = false;
	q->offset_seen = 0;
}
