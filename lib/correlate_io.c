/* SPDX-License-Identifier: MIT */
/*
 * Submit to reap: the host's block I/O of a request, by the key that the kernel event carries (the
 * SQE's user_data, or the task that is inside the call).
 */
#include "lib/correlate_impl.h"

/*
 * VIRTIO_BLK_T_FLUSH (virtio 1.3, 5.2.6). The block layer's flush machinery issues a request of its
 * own, which carries no bio, so none of the bios that wait for it has an issue.
 */
#define OP_FLUSH 4

/* One key of one target as a table key. Cookies are addresses: the top bits are free. */
static uint64_t table_key(uint64_t key, unsigned target)
{
	return key ^ (uint64_t)target << 56;
}

static bool is_live(void *context, uint64_t key, uint64_t value)
{
	struct vbt_correlator *c = context;

	return vbt_flight_find(c->queue[value >> 32], (uint32_t)value) != NULL;
}

/* Several bios and requests may carry one I/O: the first Q, the first D, the last C. `point`: the event's. */
static inline __attribute__((always_inline)) void
take_bio(struct flight *f, const struct vbt_event *event, unsigned point)
{
	bool first = !vbt_request_has(&f->r, point);

	if (event->time > f->io_latest)
		f->io_latest = event->time;
	f->blurred |= event->time <= f->not_before;

	switch (point) {
	case VBT_MARK_queue:
		f->bios++;
		f->io_sectors += event->aux;
		break;
	case VBT_MARK_issue:
		f->issues++;
		f->issued_sectors += event->aux;
		break;
	default:
		first = true;
		/* Failed, perhaps because it would have had to wait: then it comes again. */
		if (event->flags && f->bios && f->io_sectors >= event->aux) {
			f->bios--;
			f->io_sectors -= event->aux;
			break;
		}
		f->completions++;
		f->done_sectors += event->aux;
	}
	if (first)
		vbt_flight_mark(f, point, event->time);
}

/*
 * A bio that goes by what its task submitted last may be of an earlier request that the task went on with; and of this
 * one, some may have gone by the next. Neither can be while it is the only one, nor with direct I/O: what that
 * cannot do at once is a worker's.
 */
static void note_guess(const struct vbt_correlator *c, const struct queue *q, struct flight *f,
		       const struct vbt_event *event)
{
	uint32_t in_flight = 0;

	if (event->point != VBT_MARK_queue || event->flags != VBT_BIO_WINDOW || q->direct)
		return;
	for (uint32_t i = 0; i < c->queues; i++)
		if (c->queue[i]->stats.target == event->target)
			in_flight += c->queue[i]->stats.in_flight;
	f->window = true;
	f->blurred |= in_flight > 1;
}

static bool others_since(const struct vbt_correlator *c, const struct flight *f)
{
	for (uint32_t i = 0; i < c->queues; i++)
		if (c->queue[i]->stats.target == f->r.target &&
		    c->queue[i]->submitted > f->r.mark[VBT_MARK_submit])
			return true;
	return false;
}

/* The request that a number was given to last, be it in flight or gone; NULL: nobody knows any more. */
static struct flight *last_of(struct vbt_correlator *c, uint64_t value)
{
	struct queue *q = value != VBT_TABLE_NONE ? c->queue[value >> 32] : NULL;
	uint32_t seq = (uint32_t)value;
	struct flight *f = q ? vbt_flight_find(q, seq) : NULL;

	if (q && !f && q->slot[seq & q->mask].r.seq == seq)
		f = &q->slot[seq & q->mask];
	return f;
}

/* A key is used anew: are the block events of both uses so far apart that the clocks tell them? */
static void part(struct flight *before, struct flight *f, uint64_t slack)
{
	uint64_t submit = f->r.mark[VBT_MARK_submit], reap = 0;

	if (vbt_request_has(&before->r, VBT_MARK_reap))
		reap = before->r.mark[VBT_MARK_reap];
	f->not_before = reap + slack;
	if (before->io_latest + slack >= submit)
		before->blurred = f->blurred = true;
}

static void bind(struct vbt_correlator *c, struct queue *q, struct flight *f,
		 const struct vbt_event *event)
{
	uint64_t slack = vbt_slack(c, event->target), key;
	struct flight *before;

	if (event->op == VBT_IO_io_uring)
		key = event->arg;
	else if (event->op == VBT_IO_sync)
		key = VBT_KEY_TASK | event->tid;
	else
		return;
	before =
	    slack ? last_of(c, vbt_table_get(&c->io_table, table_key(key, event->target))) : NULL;
	if (before && before != f)
		part(before, f, slack);
	if (!vbt_table_set(&c->io_table, table_key(key, event->target),
			   (uint64_t)q->index << 32 | event->seq, c->options.max_in_flight, is_live,
			   c))
		c->no_memory = true;
	/* Most submits have no event before them. */
	if (!slack || c->early_latest + slack < event->time)
		return;
	f->blurred |= c->early_gone + slack >= event->time;
	for (uint32_t i = 0; i < EARLY_BIOS; i++) {
		/* From the oldest on. */
		struct vbt_event *early = &c->early_bio[(c->early_bios + i) % EARLY_BIOS];

		if (early->time && early->key == key && early->target == event->target &&
		    early->time + slack >= event->time) {
			c->stats.stray--;
			note_guess(c, q, f, early);
			take_bio(f, early, early->point);
			early->time = 0;
		}
	}
}

void vbt_on_submit(struct vbt_correlator *c, struct queue *q, const struct vbt_event *event)
{
	struct flight *f = vbt_flight_get(c, q, event), *leader;

	if (!f) {
		c->stats.stray++;
		return;
	}
	vbt_flight_mark(f, VBT_MARK_submit, event->time);
	q->submitted = event->time;
	f->r.cookie = event->arg;
	f->r.method = event->op;
	for (unsigned i = 0; i < IO_POINTS; i++)
		if (event->time < c->io_doubt_until[i])
			f->io_doubt |= (uint16_t)BIT(VBT_MARK_queue + i);
	if (event->time < c->submit_doubt_until)
		f->io_doubt |= BIT(VBT_MARK_submit);
	if (event->time < q->doubt_until) {
		f->flags |= FLIGHT_UNBOUND;
	} else if (event->code) {
		f->r.merged = true;
		leader = q->last_submit ? vbt_flight_find(q, q->last_submit) : NULL;
		if (leader)
			f->leader = leader->leader ? leader->leader : q->last_submit;
		else
			f->flags |= FLIGHT_UNBOUND;
	} else {
		bind(c, q, f, event);
	}
	q->last_submit = event->seq;
}

/* A merged request had its leader's I/O. The leader may be gone: its slot still tells. */
static void take_from_leader(struct queue *q, struct flight *f)
{
	const struct flight *leader = vbt_flight_find(q, f->leader);
	const unsigned marks = IO_MARKS;

	if (!leader)
		leader = &q->slot[f->leader & q->mask];
	if (leader->r.seq != f->leader || leader->state == FLIGHT_FREE)
		return;
	for (unsigned mark = VBT_MARK_queue; mark <= VBT_MARK_complete; mark++)
		if (vbt_request_has(&leader->r, mark))
			vbt_flight_mark(f, mark, leader->r.mark[mark]);
	f->r.inferred |= leader->r.inferred & marks;
	f->flags |= leader->flags & FLIGHT_UNBOUND;
	f->io_doubt |= leader->io_doubt;
	f->blurred |= leader->blurred;
	f->io_latest = leader->io_latest;
	f->bios = leader->bios;
	f->io_sectors = leader->io_sectors;
	f->issues = leader->issues;
	f->issued_sectors = leader->issued_sectors;
	f->completions = leader->completions;
	f->done_sectors = leader->done_sectors;
}

void vbt_on_reap(struct vbt_correlator *c, struct queue *q, const struct vbt_event *event)
{
	struct flight *f = vbt_flight_get(c, q, event);

	if (!f) {
		c->stats.stray++;
		return;
	}
	vbt_flight_mark(f, VBT_MARK_reap, event->time);
	f->blurred |= f->window && others_since(c, f);
	if (f->leader)
		take_from_leader(q, f);
}

/* May the key's next use, of which nothing is known yet, have begun before the last block event? */
static bool undecided(const struct vbt_correlator *c, const struct flight *f)
{
	uint64_t reach = f->io_latest + vbt_slack(c, f->r.target);

	return vbt_slack(c, f->r.target) && c->now <= reach &&
	       !(vbt_request_has(&f->r, VBT_MARK_reap) && f->r.mark[VBT_MARK_reap] > reach);
}

/* Has a completion of its own not been seen? */
static bool lacks_completion(const struct flight *f)
{
	return f->completions < f->bios || f->done_sectors < f->io_sectors;
}

/*
 * The key names the request from its submit to its reap. A task does other I/O before and behind;
 * only what the clocks blur may lie outside.
 */
static bool behind_reap(const struct vbt_correlator *c, const struct flight *f,
			const struct vbt_event *event)
{
	uint64_t reap = f->r.mark[VBT_MARK_reap];

	if (event->time <= reap)
		return true;
	if (event->time > reap + vbt_slack(c, event->target))
		return false;
	/* Its disk was slower than the clocks are wrong: what begins now is not its own. */
	switch (event->point) {
	case VBT_MARK_queue: return false;
	case VBT_MARK_issue: return f->issued_sectors < f->io_sectors;
	default: return lacks_completion(f);
	}
}

static inline bool in_call(const struct vbt_correlator *c, const struct flight *f,
			   const struct vbt_event *event)
{
	return !vbt_request_has(&f->r, VBT_MARK_reap) || behind_reap(c, f, event);
}

static void keep_early(struct vbt_correlator *c, const struct vbt_event *event)
{
	struct vbt_event *early = &c->early_bio[c->early_bios++ % EARLY_BIOS];

	if (early->time > c->early_gone)
		c->early_gone = early->time;
	*early = *event;
	if (event->time > c->early_latest)
		c->early_latest = event->time;
}

/* Inlined for each point: the jump to it has told which one it is. */
static inline __attribute__((always_inline)) void
on_bio(struct vbt_correlator *c, const struct vbt_event *event, unsigned point)
{
	uint64_t value = vbt_table_get(&c->io_table, table_key(event->key, event->target));
	struct flight *f = NULL;

	if (value != VBT_TABLE_NONE)
		f = vbt_flight_find(c->queue[value >> 32], (uint32_t)value);
	if (f && f->flags & FLIGHT_UNBOUND)
		f = NULL;
	if (f && !in_call(c, f, event)) {
		/* Perhaps it is this one's, and then it has others than are known of. */
		f->blurred |= event->time <= f->r.mark[VBT_MARK_reap] + vbt_slack(c, event->target);
		f = NULL;
	}
	if (!f) {
		c->stats.stray++;
		if (vbt_slack(c, event->target))
			keep_early(c, event);
		return;
	}
	note_guess(c, c->queue[value >> 32], f, event);
	take_bio(f, event, point);
}

void vbt_on_queue(struct vbt_correlator *c, const struct vbt_event *event)
{
	on_bio(c, event, VBT_MARK_queue);
}

void vbt_on_issue(struct vbt_correlator *c, const struct vbt_event *event)
{
	on_bio(c, event, VBT_MARK_issue);
}

void vbt_on_complete(struct vbt_correlator *c, const struct vbt_event *event)
{
	on_bio(c, event, VBT_MARK_complete);
}

/* All of its data was queued before our eyes. */
static bool all_queued(const struct flight *f)
{
	return f->r.bytes && (uint64_t)f->io_sectors * 512 == f->r.bytes;
}

/*
 * The marks that may be another's than the first or the last bio's, because events of theirs were lost. A
 * bio whose queueing was not seen has no event at all.
 */
static unsigned doubtful(const struct flight *f)
{
	unsigned marks = 0;

	/* What it seems to have may be another's, and its own another's. A system call's own task is never in doubt. */
	if (f->io_doubt & BIT(VBT_MARK_submit) && f->r.method == VBT_IO_io_uring)
		return IO_MARKS;
	if (f->io_doubt & BIT(VBT_MARK_queue) && !all_queued(f))
		return IO_MARKS;
	if (f->io_doubt & BIT(VBT_MARK_issue) &&
	    (f->issues < f->bios || f->issued_sectors != f->io_sectors))
		marks |= BIT(VBT_MARK_issue);
	if (f->io_doubt & BIT(VBT_MARK_complete) && lacks_completion(f))
		marks |= BIT(VBT_MARK_complete);
	return marks;
}

/*
 * Is each mark the first or the last one that there was? Bios are cut and requeued on the way, so
 * there may be more issues and completions than bios, but never fewer sectors. A loss that nobody
 * stated shows here, before another bio's time passes for the request's.
 */
static unsigned short_marks(const struct flight *f)
{
	unsigned marks = 0;

	if (f->issues && f->issued_sectors < f->io_sectors)
		marks |= BIT(VBT_MARK_issue);
	if (lacks_completion(f))
		marks |= BIT(VBT_MARK_complete);
	return marks;
}

/* No loss of events can have touched it: what it lacks never happened. */
static bool untouched(const struct flight *f)
{
	return !(f->flags & FLIGHT_SUSPECT) && !f->io_doubt;
}

/*
 * Bios that a driver takes as they are make no request of the block layer, which could be issued: brd, pmem.
 * Those of a request that are completed have been issued, or it is counted as a loss that this was not seen.
 */
static bool in_no_request(const struct queue *q, const struct flight *f)
{
	if (!f->bios || f->issues || !untouched(f))
		return false;
	return f->completions ? !lacks_completion(f) : q->direct;
}

/*
 * Behind the page cache a call may start I/O that it does not wait for, read-ahead above all; that
 * then ends while its task is in a later call. Neither is a loss, and neither is this request's.
 */
static bool of_the_cache(const struct queue *q, const struct flight *f)
{
	const struct vbt_request *r = &f->r;
	const uint64_t *mark = r->mark;

	if (q->direct || !untouched(f) || !(r->present & IO_MARKS))
		return false;
	return (r->present & IO_MARKS) != IO_MARKS || short_marks(f) ||
	       mark[VBT_MARK_queue] > mark[VBT_MARK_issue] ||
	       mark[VBT_MARK_issue] > mark[VBT_MARK_complete];
}

void vbt_io_finish(const struct vbt_correlator *c, struct queue *q, struct flight *f, unsigned rest)
{
	struct vbt_request *r = &f->r;
	unsigned reason;

	if (f->leader)
		take_from_leader(q, f);
	if (f->blurred || undecided(c, f))
		r->inferred |= IO_MARKS;
	if (!vbt_request_has(r, VBT_MARK_submit)) {
		/* Never got that far, or nobody knows: the same reason as the submission's. */
		if (vbt_request_has(r, VBT_MARK_push) &&
		    !(f->flags & (FLIGHT_SUSPECT | FLIGHT_BEFORE)))
			reason = f->refused || !vbt_request_has(r, VBT_MARK_parse)
				     ? VBT_ABSENT_refused
				     : VBT_ABSENT_no_host_io;
		else
			return;
	} else if (r->method == VBT_IO_none) {
		reason = VBT_ABSENT_no_host_io;
	} else if (r->method == VBT_IO_null) {
		reason = VBT_ABSENT_null_disk;
	} else if ((q->expect & IO_MARKS) != IO_MARKS && !(r->present & IO_MARKS)) {
		return; /* not recorded, or hidden */
	} else if (doubtful(f) & BIT(VBT_MARK_queue) || f->flags & FLIGHT_UNBOUND) {
		r->present &= (uint16_t)~IO_MARKS;
		reason = VBT_ABSENT_lost;
	} else if (!vbt_request_has(r, VBT_MARK_reap)) {
		/* Which completion is the last one shows at the reap, or when there is nothing left. */
		r->present &= (uint16_t)~doubtful(f);
		if (!all_queued(f) || lacks_completion(f))
			r->present &= (uint16_t)~BIT(VBT_MARK_complete);
		reason = f->flags & FLIGHT_SUSPECT ? VBT_ABSENT_lost : rest;
	} else if (!(r->present & IO_MARKS)) {
		reason = r->op <= 1 && !q->direct ? VBT_ABSENT_cached : VBT_ABSENT_no_bio;
	} else if (r->op == OP_FLUSH && f->completions && !f->issues && untouched(f)) {
		reason = VBT_ABSENT_shared_flush;
	} else if (in_no_request(q, f)) {
		reason = VBT_ABSENT_bio_driver;
	} else if (of_the_cache(q, f)) {
		r->present &= (uint16_t)~IO_MARKS;
		reason = VBT_ABSENT_not_its_own;
	} else {
		r->present &= (uint16_t) ~(short_marks(f) | doubtful(f));
		reason = VBT_ABSENT_lost;
	}
	if ((r->present & IO_MARKS) == IO_MARKS)
		return;
	for (unsigned mark = VBT_MARK_queue; mark <= VBT_MARK_complete; mark++)
		if (!vbt_request_has(r, mark) &&
		    (q->expect & BIT(mark) || reason == VBT_ABSENT_null_disk ||
		     reason == VBT_ABSENT_no_host_io))
			r->absent[mark] = (uint8_t)reason;
}
