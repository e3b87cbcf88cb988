/* SPDX-License-Identifier: MIT */
/* The packed virtqueue. (virtio 1.3, 2.8) */
#include "lib/stage.h"
#include "vmm-lite/virtio/ring.h"

/* An event area: offset and wrap bit in the low half, flags in the high half. (2.8.14) */
#define EVENT_ENABLE       0u
#define EVENT_DISABLE      1u
#define EVENT_DESC         2u
#define EVENT_FLAGS(area)  ((area) >> 16 & 3)
#define EVENT_OFFSET(area) ((area)&0x7fff)
#define EVENT_WRAP(area)   ((area) >> 15 & 1)
#define EVENT_AREA(flags, wrap, offset) \
	((uint32_t)(flags) << 16 | (uint32_t)(wrap) << 15 | (offset))

static const char *packed_enable(struct queue *queue)
{
	const struct queue_layout *l = &queue->layout;
	struct packed_ring *r = &queue->packed;

	if (l->desc.value % 16 || l->driver.value % 4 || l->device.value % 4)
		return "a ring is not aligned";
	r->desc = guest_mem_ptr(queue->mem, l->desc, 16ull * l->size, GUEST_WRITE);
	r->driver_event = guest_mem_ptr(queue->mem, l->driver, 4, GUEST_READ);
	r->device_event = guest_mem_ptr(queue->mem, l->device, 4, GUEST_WRITE);
	if (!r->desc || !r->driver_event || !r->device_event)
		return "a ring is not in memory";
	r->avail_wrap = r->used_wrap = r->signal_wrap = true;
	return NULL;
}

/* The acquire pairs with the driver's barrier between a descriptor's fields and its flags. */
static bool available(const struct packed_ring *r)
{
	return packed_is_available(r, __atomic_load_n(&r->desc[r->avail_next].b, __ATOMIC_ACQUIRE));
}

static void advance(uint16_t *next, bool *wrap, unsigned slots, uint16_t size)
{
	unsigned at = *next + slots;

	if (at >= size) {
		at -= size;
		*wrap = !*wrap;
	}
	*next = (uint16_t)at;
}

/* The entries of a table follow one another; of their flags only WRITE counts. (2.8.7) */
static const char *walk_table(struct queue *queue, struct queue_chain *chain,
			      const struct ring_desc *head)
{
	const char *why = NULL;
	const uint8_t *table = indirect_table(queue, head->addr, head->len, &why);
	uint32_t count = head->len / sizeof(struct ring_desc), at;

	if (!table)
		return why;
	for (at = 0; at < count && !why; at++) {
		struct ring_desc desc;

		/*
		 * All that can be kept is there, or all that is looked at: only the last entry
		 * matters now, for the status.
		 */
		if (chain->oversize || at == MAX_TABLE_WALK) {
			chain->oversize = true;
			at = count - 1;
		}
		desc = ring_desc_copy(table + (size_t)at * sizeof(desc));
		why = chain_append(chain, desc.addr, desc.len, desc.b & DESC_WRITE);
	}
	return why;
}

static enum queue_status packed_pop(struct queue *queue, struct queue_chain *chain)
{
	struct packed_ring *r = &queue->packed;
	uint16_t size = queue->layout.size, at = r->avail_next;
	const char *why;
	unsigned slots = 0;

	if (!available(r))
		return QUEUE_EMPTY;
	chain->index = at;
	for (;;) {
		struct ring_desc desc = ring_desc_copy(&r->desc[at]);

		if (r->busy_slots + ++slots > size)
			return queue_break(queue, "more descriptors are available than there are");
		chain->head = desc.a; /* the buffer id is that of the last one (2.8.6) */
		if (desc.b & DESC_INDIRECT) {
			if (slots > 1 || desc.b & DESC_NEXT)
				return queue_break(queue,
						   "a list with an indirect descriptor in it");
			why = walk_table(queue, chain, &desc);
		} else {
			why = chain_append(chain, desc.addr, desc.len, desc.b & DESC_WRITE);
		}
		if (why)
			return queue_break(queue, why);
		if (!(desc.b & DESC_NEXT))
			break;
		at = at + 1u == size ? 0 : (uint16_t)(at + 1);
	}
	chain->slots = (uint16_t)slots;
	r->busy_slots = (uint16_t)(r->busy_slots + slots);
	advance(&r->avail_next, &r->avail_wrap, slots, size);
	return QUEUE_CHAIN;
}

/*
 * One used descriptor at the next used position, whatever slots the chain came from. The first of
 * a batch keeps its old flags until publish: the driver reads in order and sees all or none.
 */
static void packed_push(struct queue *queue, const struct queue_chain *chain, uint32_t written)
{
	struct packed_ring *r = &queue->packed;
	struct ring_desc *desc = &r->desc[r->used_next];
	uint16_t flags = r->used_wrap ? DESC_AVAIL | DESC_USED : 0;

	if (chain->writable)
		flags |= DESC_WRITE;
	__atomic_store_n(&desc->a, chain->head, __ATOMIC_RELAXED);
	__atomic_store_n(&desc->len, written, __ATOMIC_RELAXED);
	if (r->batch_open) {
		__atomic_store_n(&desc->b, flags, __ATOMIC_RELEASE);
	} else {
		r->batch_open = true;
		r->batch_first = r->used_next;
		r->batch_flags = flags;
	}
	r->busy_slots = (uint16_t)(r->busy_slots - chain->slots);
	r->signal_slots += chain->slots;
	advance(&r->used_next, &r->used_wrap, chain->slots, queue->layout.size);
}

static void packed_publish(struct queue *queue)
{
	struct packed_ring *r = &queue->packed;

	if (r->batch_open)
		__atomic_store_n(&r->desc[r->batch_first].b, r->batch_flags, __ATOMIC_RELEASE);
	r->batch_open = false;
}

static unsigned packed_needs_signal(struct queue *queue)
{
	struct packed_ring *r = &queue->packed;
	uint32_t area = __atomic_load_n(r->driver_event, __ATOMIC_RELAXED);
	unsigned size = queue->layout.size, flags = EVENT_FLAGS(area), slots = r->signal_slots;
	/* Positions of two laps in one line, so that the wrap bit is part of the number. */
	unsigned from = r->signal_from + (r->signal_wrap ? 0 : size);
	unsigned event = EVENT_OFFSET(area) + (EVENT_WRAP(area) ? 0 : size);

	r->signal_slots = 0;
	r->signal_from = r->used_next;
	r->signal_wrap = r->used_wrap;
	if (flags == EVENT_DISABLE)
		return VBT_SIGNAL_no_interrupt;
	if (flags != EVENT_DESC || !queue->layout.event_idx)
		return VBT_SIGNAL_sent;
	return (event + 2 * size - from) % (2 * size) < slots ? VBT_SIGNAL_sent
							      : VBT_SIGNAL_event_idx;
}

static void packed_suppress(struct queue *queue)
{
	__atomic_store_n(queue->packed.device_event, EVENT_AREA(EVENT_DISABLE, 0, 0),
			 __ATOMIC_RELAXED);
}

static bool packed_rearm(struct queue *queue)
{
	struct packed_ring *r = &queue->packed;
	uint32_t area = queue->layout.event_idx
			    ? EVENT_AREA(EVENT_DESC, r->avail_wrap, r->avail_next)
			    : EVENT_AREA(EVENT_ENABLE, 0, 0);

	__atomic_store_n(r->device_event, area, __ATOMIC_RELAXED);
	/* Whoever made a descriptor available before it could see this does not kick: look again. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return available(r);
}

const struct ring_ops ring_packed_ops = {
    .enable = packed_enable,
    .pop = packed_pop,
    .push = packed_push,
    .publish = packed_publish,
    .needs_signal = packed_needs_signal,
    .suppress = packed_suppress,
    .rearm = packed_rearm,
};
