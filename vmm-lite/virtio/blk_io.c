/* SPDX-License-Identifier: MIT */
/* The requests of a queue: from the ring to the disk, and back to the guest. */
#include <errno.h>
#include <string.h>

#include "probes/stage_point.h"
#include "vmm-lite/disk/zones.h"
#include "vmm-lite/virtio/blk_answer.h"
#include "vmm-lite/virtio/blk_queue.h"
#include "vmm-lite/virtio/ring_snapshot.h"

static uint32_t clamp32(uint64_t value)
{
	return value < UINT32_MAX ? (uint32_t)value : UINT32_MAX;
}

static bool silenced(const struct blk_queue *q)
{
	return __atomic_load_n(&q->stop, __ATOMIC_ACQUIRE) ||
	       __atomic_load_n(&q->dev->broken, __ATOMIC_ACQUIRE);
}

/* As the points have it: 255 for what does not fit. */
static uint8_t short_type(const struct blk_request *r)
{
	return (uint8_t)(r->type < 255 ? r->type : 255);
}

static void give_big(struct blk_queue *q, struct blk_io *io)
{
	if (!io->big)
		return;
	io->big->next = q->free_big;
	q->free_big = io->big;
	q->free_bigs++;
	io->big = NULL;
}

static struct iovec *take_big(struct blk_queue *q, struct blk_io *io)
{
	io->big = q->free_big;
	q->free_big = io->big->next;
	q->free_bigs--;
	return io->big->iov;
}

static void release(struct blk_queue *q, struct blk_io *io)
{
	give_big(q, io);
	io->next = q->free;
	q->free = io;
	q->busy--;
}

/* Back to the guest. */

/* What was pushed as number `i` of the batch, which is visible as a whole by now. */
static void show_push(const struct blk_queue *q, unsigned i)
{
	const struct blk_pushed *p = &q->batch[i];
	unsigned later = 0;

	for (unsigned k = i; k < q->batched; k++)
		later += q->batch[k].slots;
	ring_snapshot(q->ring, &(struct ring_focus){.device = q->trace,
						    .queue = (uint16_t)q->index,
						    .moment = VBT_RING_AT_push,
						    .seq = p->seq,
						    .number = q->push_seq - (q->batched - 1 - i),
						    .chain = true,
						    .head = p->head,
						    .index = p->index,
						    .slots = p->slots,
						    .used = ring_snapshot_used(q->ring, later),
						    .status = p->status_at});
}

static void show_interrupt(const struct blk_queue *q)
{
	ring_snapshot(q->ring, &(struct ring_focus){.device = q->trace,
						    .queue = (uint16_t)q->index,
						    .moment = VBT_RING_AT_interrupt,
						    .number = q->irq_seq});
}

static void show_pop(const struct blk_queue *q, const struct blk_io *io)
{
	ring_snapshot(q->ring, &(struct ring_focus){.device = q->trace,
						    .queue = (uint16_t)q->index,
						    .moment = VBT_RING_AT_pop,
						    .seq = io->seq,
						    .number = q->kicks,
						    .chain = true,
						    .head = io->chain.head,
						    .index = io->chain.index,
						    .slots = io->chain.slots});
}

/* What a request moves. The guest may write to its memory meanwhile: it is only looked at. */
static void show_data(const struct blk_queue *q, const struct blk_io *io, bool given,
		      uint64_t length)
{
	const struct blk_request *r = &io->request;
	bool gives = r->action == BLK_WRITE || r->action == BLK_ZONE_APPEND;

	if (given ? gives : r->action == BLK_READ)
		stage_data(q->trace, (uint16_t)q->index, io->seq, given, r->data, r->data_count,
			   length);
}

/* Make the batch visible, and say so. */
static void flush_batch(struct blk_queue *q)
{
	uint64_t first = q->push_seq + 1, visible = 0;

	if (!q->batched)
		return;
	queue_publish(q->ring);
	q->push_seq += q->batched;
	for (unsigned i = 0; i < q->batched; i++)
		STAGE_POINT_AT_SHOW(visible, push, q->trace, q->index, q->batch[i].seq,
				    q->batch[i].head, first + i, q->batch[i].used, 0,
				    q->batch[i].status, STAGE_SHOW(visible, ring, show_push(q, i)));
	q->batched = 0;
	q->seen = 0;
	q->unsignalled = true;
}

static void push(struct blk_queue *q, struct blk_io *io)
{
	uint32_t used = 0;

	if (!silenced(q)) {
		if (io->request.status) {
			__atomic_store_n(io->request.status, io->status, __ATOMIC_RELAXED);
			used = blk_request_used(&io->request, io->written);
		}
		queue_push(q->ring, &io->chain, used);
		q->batch[q->batched++] = (struct blk_pushed){.seq = io->seq,
							     .used = used,
							     .head = io->chain.head,
							     .index = io->chain.index,
							     .slots = io->chain.slots,
							     .status = io->status,
							     .status_at = io->request.status};
	} else {
		q->dropped = true;
	}
	release(q, io);
	if (q->batched == BLK_BATCH)
		flush_batch(q);
}

/* The request has its result. With IN_ORDER it waits for those before it. (2.7.9, 2.8.11) */
static void finish(struct blk_queue *q, struct blk_io *io)
{
	if (!q->in_order) {
		push(q, io);
		return;
	}
	io->finished = true;
	while (q->first && q->first->finished) {
		struct blk_io *next = q->first->next;

		push(q, q->first);
		q->first = next;
	}
	if (!q->first)
		q->last = &q->first;
}

static void signal_guest(struct blk_queue *q)
{
	const struct virtio_transport_ops *t = q->dev->transport_ops;
	uint16_t vector = __atomic_load_n(&q->dev->queues[q->index].vector, __ATOMIC_RELAXED);
	struct irq_shot shot = {.vector = (uint8_t)vector};
	unsigned reason;

	if (!q->unsignalled)
		return;
	q->unsignalled = false;
	if (silenced(q)) {
		reason = VBT_SIGNAL_stopped;
	} else {
		reason = queue_needs_signal(q->ring);
		if (reason == VBT_SIGNAL_sent)
			reason = t->irq_decide(q->dev->transport, q->index, &shot);
	}
	if (reason == VBT_SIGNAL_sent)
		q->irq_seq++;
	STAGE_POINT_SHOW(signal, q->trace, q->index, 0, 0, q->irq_seq, (uint32_t)q->push_seq,
			 shot.vector, (uint8_t)reason, ring, show_interrupt(q));
	if (reason == VBT_SIGNAL_sent) {
		int err = t->irq_fire(q->dev->transport, &shot);

		STAGE_POINT(signal_done, q->trace, q->index, 0, 0, q->irq_seq, (uint32_t)-err,
			    shot.vector, 0);
		if (err)
			complain(&q->dev->complaints,
				 "%s: an interrupt of queue %u could not be sent: %s; check the "
				 "MSI-X message of the guest",
				 q->dev->name, q->index, strerror(-err));
	}
}

/* To the disk. */

static void say_submit(struct blk_queue *q, const struct blk_io *io, const struct blk_io *leader,
		       uint8_t method, uint64_t *moment)
{
	STAGE_POINT_AT(*moment, submit, q->trace, q->index, io->seq, io->chain.head,
		       (uintptr_t)&leader->disk, clamp32(io->request.data_length), method,
		       io != leader);
}

/* What the disk gives back at once is seen at once. */
static void say_reap(struct blk_queue *q, const struct blk_io *io, const struct blk_io *leader)
{
	const struct disk_request *disk = &leader->disk;
	uint64_t read = disk->error ? disk->done : io->request.data_length;

	STAGE_POINT_AT_SHOW(q->seen, reap, q->trace, q->index, io->seq, io->chain.head,
			    (uintptr_t)disk, (uint32_t)disk->error, disk->method, 0,
			    STAGE_SHOW(q->seen, data, show_data(q, io, false, read)));
}

/* Hand the plugged write to the disk, with all that were merged into it. `moment`: now, for what follows. */
static void unplug(struct blk_queue *q, uint64_t *moment)
{
	struct blk_io *leader = q->plugged;

	if (!leader)
		return;
	q->plugged = NULL;
	if (leader->last) {
		for (struct blk_io *io = leader; io; io = io->next)
			say_submit(q, io, leader, q->method, moment);
	} else {
		say_submit(q, leader, leader, q->method, moment);
	}
	disk_submit(q->channel, &leader->disk);
	*moment = 0;
}

/* Append a write to the plugged one if it goes on where that ends. */
static bool merge(struct blk_queue *q, struct blk_io *io)
{
	struct blk_io *leader = q->plugged;
	int have, more = io->disk.iov_count;

	if (!leader || leader->disk.flags != io->disk.flags ||
	    leader->disk.offset + leader->disk.length != io->disk.offset)
		return false;
	have = leader->disk.iov_count;
	if (have + more > QUEUE_MAX_SEGMENTS)
		return false;
	if (!leader->big) {
		/* One has to be left for the next chain. */
		if (q->free_bigs < 2)
			return false;
		leader->disk.iov = memcpy(take_big(q, leader), leader->disk.iov,
					  (size_t)have * sizeof(struct iovec));
	} else if (leader->disk.iov != leader->big->iov) {
		leader->disk.iov = memmove(leader->big->iov, leader->disk.iov,
					   (size_t)have * sizeof(struct iovec));
	}
	memcpy(leader->big->iov + have, io->disk.iov, (size_t)more * sizeof(struct iovec));
	leader->disk.iov_count += more;
	leader->disk.length += io->disk.length;
	(leader->last ? leader->last : leader)->next = io;
	leader->last = io;
	io->next = NULL;
	return true;
}

static void prepare_range(struct blk_io *io)
{
	const struct blk_range *range = &io->request.ranges[io->range];

	io->disk.offset = range->sector * BLK_SECTOR;
	io->disk.length = (uint64_t)range->sectors * BLK_SECTOR;
	io->disk.flags =
	    (io->disk.flags & DISK_FUA) | (range->flags & BLK_RANGE_UNMAP ? DISK_UNMAP : 0);
}

/* The answer is known without the disk. */
static void answer(struct blk_queue *q, struct blk_io *io, uint8_t status)
{
	uint64_t moment = 0;

	io->disk.error = 0;
	io->disk.method = VBT_IO_none;
	io->status = status;
	say_submit(q, io, io, VBT_IO_none, &moment);
	q->seen = moment;
	say_reap(q, io, io);
	finish(q, io);
}

static const enum disk_op disk_ops[] = {
    [BLK_READ] = DISK_READ,
    [BLK_WRITE] = DISK_WRITE,
    [BLK_FLUSH] = DISK_FLUSH,
    [BLK_DISCARD] = DISK_DISCARD,
    [BLK_WRITE_ZEROES] = DISK_WRITE_ZEROES,
    [BLK_SECURE_ERASE] = DISK_SECURE_ERASE,
    [BLK_ZONE_APPEND] = DISK_ZONE_APPEND,
    [BLK_ZONE_OPEN] = DISK_ZONE_OPEN,
    [BLK_ZONE_CLOSE] = DISK_ZONE_CLOSE,
    [BLK_ZONE_FINISH] = DISK_ZONE_FINISH,
    [BLK_ZONE_RESET] = DISK_ZONE_RESET,
    [BLK_ZONE_RESET_ALL] = DISK_ZONE_RESET_ALL,
};

/* `moment`: that at which it was parsed. */
static void start(struct blk_queue *q, struct blk_io *io, uint64_t moment)
{
	struct blk_request *r = &io->request;
	bool append = r->action == BLK_ZONE_APPEND;
	bool transfer = append || r->action == BLK_READ || r->action == BLK_WRITE;
	bool at_sector = transfer || (r->action >= BLK_ZONE_OPEN && r->action <= BLK_ZONE_RESET);
	uint8_t status;

	/* Most requests move data: they need no question. */
	if (!(transfer && r->data_length) && blk_answer(q, io, &status)) {
		answer(q, io, status);
		return;
	}
	io->disk.op = disk_ops[r->action];
	io->disk.flags = r->action != BLK_READ && r->action != BLK_FLUSH &&
				 __atomic_load_n(q->stable, __ATOMIC_ACQUIRE)
			     ? DISK_FUA
			     : 0;
	io->disk.offset = at_sector ? r->sector * BLK_SECTOR : 0;
	io->disk.length = transfer ? r->data_length : 0;
	io->disk.iov = r->data;
	io->disk.iov_count = transfer ? r->data_count : 0;
	io->disk.owner = io;
	if (r->range_count)
		prepare_range(io);
	if (q->merge && r->action == BLK_WRITE && !q->in_order) {
		if (merge(q, io))
			return;
		unplug(q, &moment);
		q->plugged = io;
		return;
	}
	unplug(q, &moment);
	say_submit(q, io, io, q->method, &moment);
	disk_submit(q->channel, &io->disk);
}

/* There is one left: the ring lets no more chains be in flight than it has descriptors. */
static struct blk_io *new_io(struct blk_queue *q, const struct queue_chain *chain)
{
	struct blk_io *io = q->free;

	q->free = io->next;
	q->busy++;
	io->chain = *chain;
	io->seq = ++q->seq;
	io->next = io->last = NULL;
	io->range = 0;
	io->written = 0;
	io->finished = false;
	if (q->in_order) {
		*q->last = io;
		q->last = &io->next;
	}
	return io;
}

unsigned blk_io_take(struct blk_queue *q, unsigned *budget)
{
	struct queue_chain chain;
	uint64_t moment, length;
	unsigned taken = 0;

	q->starved = false;
	for (; *budget; (*budget)--, taken++) {
		const struct blk_request *r;
		enum queue_status status;
		struct blk_io *io;
		int pieces;

		if (!q->free_big) {
			q->starved = true;
			break;
		}
		status = queue_pop(q->ring, &chain, q->segments);
		if (status == QUEUE_EMPTY)
			break;
		if (status == QUEUE_BROKEN) {
			q->why = queue_why(q->ring);
			break;
		}
		if (q->unasked)
			blk_queue_unasked(q);
		io = new_io(q, &chain);
		STAGE_POINT_SHOW(pop, q->trace, q->index, io->seq, chain.head, q->kicks,
				 chain.index, 0, 0, ring, show_pop(q, io));
		pieces = chain.readable + chain.writable;
		if (pieces <= BLK_SMALL_IOV)
			blk_request_parse(&io->request, &q->rules, q->mem, &chain, io->small,
					  BLK_SMALL_IOV);
		else
			blk_request_parse(&io->request, &q->rules, q->mem, &chain, take_big(q, io),
					  BLK_BIG_IOV);
		moment = 0;
		r = &io->request;
		length = r->data_length;
		STAGE_POINT_AT_SHOW(moment, parse, q->trace, q->index, io->seq, chain.head,
				    r->sector, clamp32(length), short_type(r),
				    blk_error_status(r->error),
				    STAGE_SHOW(moment, data, show_data(q, io, true, length)));
		start(q, io, moment);
	}
	moment = 0;
	unplug(q, &moment);
	/* Requests that were answered without the disk. */
	flush_batch(q);
	return taken;
}

static uint8_t status_of(int error)
{
	switch (error) {
	case 0: return BLK_S_OK;
	case EOPNOTSUPP: return BLK_S_UNSUPP;
	case ZONE_INVALID: return BLK_S_ZONE_INVALID_CMD;
	case ZONE_UNALIGNED: return BLK_S_ZONE_UNALIGNED_WP;
	case ZONE_OPEN_RESOURCE: return BLK_S_ZONE_OPEN_RESOURCE;
	case ZONE_ACTIVE_RESOURCE: return BLK_S_ZONE_ACTIVE_RESOURCE;
	default: return BLK_S_IOERR;
	}
}

/* Tell the driver where its data went. */
static void put_append_sector(struct blk_io *io)
{
	uint64_t sector = io->disk.append_offset / BLK_SECTOR;

	for (unsigned i = 0; i < BLK_APPEND_BYTES; i++)
		__atomic_store_n(io->request.append[i], (uint8_t)(sector >> (8 * i)),
				 __ATOMIC_RELAXED);
	if (io->request.room == BLK_APPEND_BYTES)
		io->written = BLK_APPEND_BYTES;
}

/* A merged write failed: each of its parts has a try of its own, so that one cannot spoil others. */
static void retry_apart(struct blk_queue *q, struct blk_io *leader)
{
	struct blk_io *io = leader, *next;

	leader->last = NULL;
	leader->disk.iov_count = leader->request.data_count;
	leader->disk.length = leader->request.data_length;
	for (; io; io = next) {
		next = io->next;
		io->next = NULL;
		disk_submit(q->channel, &io->disk);
	}
}

/* The disk is done with what it was given. */
static void done(struct blk_queue *q, struct blk_io *leader)
{
	int error = leader->disk.error;
	struct blk_io *io = leader, *next;

	if (leader->last && error && !silenced(q)) {
		retry_apart(q, leader);
		return;
	}
	if (!error && ++leader->range < leader->request.range_count && !silenced(q)) {
		prepare_range(leader);
		disk_submit(q->channel, &leader->disk);
		return;
	}
	/* Stage points first: pushing frees the leader, whose request all of them share. */
	for (struct blk_io *each = leader; each; each = leader->last ? each->next : NULL)
		say_reap(q, each, leader);
	if (leader->request.action == BLK_READ)
		leader->written = error ? leader->disk.done : leader->request.data_length;
	if (leader->request.action == BLK_ZONE_APPEND && !error && !silenced(q))
		put_append_sector(leader);
	if (!leader->last) {
		leader->status = status_of(error);
		finish(q, leader);
		return;
	}
	for (; io; io = next) {
		next = io->next;
		io->status = status_of(error);
		finish(q, io);
	}
}

unsigned blk_io_reap(struct blk_queue *q)
{
	struct disk_request *requests[BLK_BATCH];
	unsigned count, total = 0;

	do {
		count = disk_reap(q->channel, requests, BLK_BATCH);
		q->seen = 0;
		for (unsigned i = 0; i < count; i++)
			done(q, requests[i]->owner);
		total += count;
	} while (count == BLK_BATCH);
	flush_batch(q);
	signal_guest(q);
	return total;
}

void blk_io_drop(struct blk_queue *q)
{
	while (blk_io_reap(q))
		;
	q->dropped |= q->batched;
	q->batched = 0;
	q->unsignalled = false;
}

void blk_io_stopped(struct blk_queue *q)
{
	q->unsignalled = q->dropped || q->first;
	signal_guest(q); /* which is silenced */
	q->dropped = false;
}
