/* SPDX-License-Identifier: MIT */
/* The split virtqueue. (virtio 1.3, 2.7) */
#include "lib/stage.h"
#include "vmm-lite/virtio/ring.h"

#define AVAIL_NO_INTERRUPT 0x1u
#define USED_NO_NOTIFY     0x1u

static uint16_t load(const uint16_t *at)
{
	return __atomic_load_n(at, __ATOMIC_RELAXED);
}

static void store(uint16_t *at, uint16_t value)
{
	__atomic_store_n(at, value, __ATOMIC_RELAXED);
}

static uint16_t *used_event(struct queue *queue)
{
	return &queue->split.avail[RING_ENTRIES + queue->layout.size];
}

static uint16_t *avail_event(struct queue *queue)
{
	return &queue->split.used[RING_ENTRIES + 4 * queue->layout.size];
}

static const char *split_enable(struct queue *queue)
{
	const struct queue_layout *l = &queue->layout;
	struct split_ring *r = &queue->split;

	if (l->size & (l->size - 1))
		return "its size is no power of two";
	if (l->desc.value % 16 || l->driver.value % 2 || l->device.value % 4)
		return "a ring is not aligned";
	r->desc = guest_mem_ptr(queue->mem, l->desc, 16ull * l->size, GUEST_READ);
	r->avail = guest_mem_ptr(queue->mem, l->driver, 6 + 2ull * l->size, GUEST_READ);
	r->used = guest_mem_ptr(queue->mem, l->device, 6 + 8ull * l->size, GUEST_WRITE);
	if (!r->desc || !r->avail || !r->used)
		return "a ring is not in memory";
	r->busy = queue->busy;
	return NULL;
}

/*
 * Entries that can be taken, or more than the queue's size if the guest's index makes no sense.
 * The acquire pairs with the guest's barrier between entries and index.
 */
static unsigned available(struct queue *queue)
{
	struct split_ring *r = &queue->split;

	if (r->avail_next == r->avail_seen)
		r->avail_seen = __atomic_load_n(&r->avail[RING_IDX], __ATOMIC_ACQUIRE);
	return (uint16_t)(r->avail_seen - r->avail_next);
}

/* Follow an indirect table through `next`. NULL, or why the ring is broken. */
static const char *walk_table(struct queue *queue, struct queue_chain *chain,
			      const struct ring_desc *head)
{
	const char *why = NULL;
	const uint8_t *table = indirect_table(queue, head->addr, head->len, &why);
	uint32_t count = head->len / sizeof(struct ring_desc), at = 0;

	if (!table)
		return why;
	for (unsigned steps = 0; steps < count && steps < MAX_TABLE_WALK; steps++) {
		struct ring_desc desc = ring_desc_copy(table + (size_t)at * sizeof(desc));

		if (desc.a & DESC_INDIRECT)
			return "an indirect descriptor inside an indirect table";
		why = chain_append(chain, desc.addr, desc.len, desc.a & DESC_WRITE);
		if (why || !(desc.a & DESC_NEXT))
			return why;
		at = desc.b;
		if (at >= count)
			return "a descriptor's next is beyond its indirect table";
	}
	return "a loop in an indirect table";
}

static enum queue_status split_pop(struct queue *queue, struct queue_chain *chain)
{
	struct split_ring *r = &queue->split;
	uint16_t size = queue->layout.size, at;
	unsigned n = available(queue);
	const char *why;

	if (!n)
		return QUEUE_EMPTY;
	/* What is available and what is in flight have a descriptor each, at least. */
	if (n + queue->in_flight > size)
		return queue_break(queue,
				   "the available index moved by more than the queue's size");
	at = load(&r->avail[RING_ENTRIES + (r->avail_next & (size - 1))]);
	if (at >= size)
		return queue_break(queue, "an available entry is beyond the queue's size");
	if (r->busy[at / 64] >> (at % 64) & 1)
		return queue_break(queue, "a chain was made available twice");
	r->busy[at / 64] |= 1ull << (at % 64);
	chain->head = at;
	chain->index = r->avail_next++;

	for (unsigned steps = 0; steps < size; steps++) {
		struct ring_desc desc = ring_desc_copy(&r->desc[at]);

		if (desc.a & DESC_INDIRECT) {
			if (desc.a & DESC_NEXT)
				return queue_break(queue,
						   "a descriptor with both INDIRECT and NEXT");
			why = walk_table(queue, chain, &desc);
			return why ? queue_break(queue, why) : QUEUE_CHAIN;
		}
		why = chain_append(chain, desc.addr, desc.len, desc.a & DESC_WRITE);
		if (why)
			return queue_break(queue, why);
		if (!(desc.a & DESC_NEXT))
			return QUEUE_CHAIN;
		at = desc.b;
		if (at >= size)
			return queue_break(queue, "a descriptor's next is beyond the queue's size");
	}
	return queue_break(queue, "a loop of descriptors, or a chain longer than the queue");
}

static void split_push(struct queue *queue, const struct queue_chain *chain, uint32_t written)
{
	struct split_ring *r = &queue->split;
	uint16_t slot = r->used_next++ & (queue->layout.size - 1);
	uint32_t *element = (uint32_t *)&r->used[RING_ENTRIES + 4 * slot];

	__atomic_store_n(&element[0], chain->head, __ATOMIC_RELAXED);
	__atomic_store_n(&element[1], written, __ATOMIC_RELAXED);
	r->busy[chain->head / 64] &= ~(1ull << (chain->head % 64));
}

static void split_publish(struct queue *queue)
{
	struct split_ring *r = &queue->split;

	__atomic_store_n(&r->used[RING_IDX], r->used_next, __ATOMIC_RELEASE);
}

static unsigned split_needs_signal(struct queue *queue)
{
	struct split_ring *r = &queue->split;
	uint16_t old = r->used_signalled;

	r->used_signalled = r->used_next;
	if (queue->layout.notify_on_empty && !queue->in_flight && !available(queue))
		return VBT_SIGNAL_sent;
	if (queue->layout.event_idx)
		return ring_event_reached(load(used_event(queue)), r->used_next, old)
			   ? VBT_SIGNAL_sent
			   : VBT_SIGNAL_event_idx;
	return load(&r->avail[RING_FLAGS]) & AVAIL_NO_INTERRUPT ? VBT_SIGNAL_no_interrupt
								: VBT_SIGNAL_sent;
}

static void split_suppress(struct queue *queue)
{
	/* With event indices an index that is not moved on has the same effect. */
	if (!queue->layout.event_idx)
		store(&queue->split.used[RING_FLAGS], USED_NO_NOTIFY);
}

static bool split_rearm(struct queue *queue)
{
	struct split_ring *r = &queue->split;

	if (queue->layout.event_idx)
		store(avail_event(queue), r->avail_next);
	else
		store(&r->used[RING_FLAGS], 0);
	/* Whoever made a chain available before it could see this does not kick: look again. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return available(queue);
}

const struct ring_ops ring_split_ops = {
    .enable = split_enable,
    .pop = split_pop,
    .push = split_push,
    .publish = split_publish,
    .needs_signal = split_needs_signal,
    .suppress = split_suppress,
    .rearm = split_rearm,
};
