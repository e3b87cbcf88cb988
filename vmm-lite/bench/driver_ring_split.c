/* SPDX-License-Identifier: MIT */
/* The driver's side of a split virtqueue. (virtio 1.3, 2.7) */
#include "vmm-lite/bench/driver_ring.h"

#define DESC_NEXT      1u
#define DESC_WRITE     2u
#define DESC_INDIRECT  4u
#define NO_INTERRUPT   1u /* in the available ring's flags */
#define USED_NO_NOTIFY 1u /* in the used ring's flags */

struct avail_ring {
	uint16_t flags, index;
	uint16_t heads[]; /* then: used_event */
};

struct used_ring {
	uint16_t flags, index;
	struct {
		uint32_t id, len;
	} elements[]; /* then: avail_event */
};

static struct avail_ring *avail_of(const struct driver_ring *ring)
{
	return ring->driver_host;
}

static struct used_ring *used_of(const struct driver_ring *ring)
{
	return ring->device_host;
}

static uint16_t *used_event_of(const struct driver_ring *ring)
{
	return &avail_of(ring)->heads[ring->options.size];
}

static uint16_t *avail_event_of(const struct driver_ring *ring)
{
	return (uint16_t *)&used_of(ring)->elements[ring->options.size];
}

/* Fill in a list of descriptors in a table, each linked to the one behind it. */
static void fill_table(struct driver_ring_desc *table, const struct driver_ring_piece *pieces,
		       unsigned readable, unsigned total)
{
	unsigned i;

	for (i = 0; i < total; i++)
		table[i] = (struct driver_ring_desc){.addr = pieces[i].addr.value,
						     .len = pieces[i].len,
						     .a = (i >= readable ? DESC_WRITE : 0) |
							  (i + 1 < total ? DESC_NEXT : 0),
						     .b = i + 1 < total ? i + 1 : 0};
}

static uint16_t add_indirect(struct driver_ring *ring, const struct driver_ring_piece *pieces,
			     unsigned readable, unsigned total, void *token)
{
	uint16_t head = driver_ring_take_id(ring, token);
	unsigned first = head * RING_MAX_PIECES;
	struct driver_ring_desc *desc = ring->desc_host;

	fill_table(&ring->tables[first], pieces, readable, total);
	desc[head] = (struct driver_ring_desc){.addr = ring->tables_gpa.value +
						       first * sizeof(struct driver_ring_desc),
					       .len = total * sizeof(struct driver_ring_desc),
					       .a = DESC_INDIRECT};
	return head;
}

/* Only the head carries the token; the descriptors of the chain are linked by their own `next`. */
static uint16_t add_chain(struct driver_ring *ring, const struct driver_ring_piece *pieces,
			  unsigned readable, unsigned total, void *token)
{
	struct driver_ring_desc *desc = ring->desc_host;
	uint16_t ids[RING_MAX_PIECES] = {0};
	unsigned i;

	for (i = 0; i < total; i++)
		ids[i] = driver_ring_take_id(ring, i ? NULL : token);
	for (i = 0; i < total; i++)
		desc[ids[i]] = (struct driver_ring_desc){.addr = pieces[i].addr.value,
							 .len = pieces[i].len,
							 .a = (i >= readable ? DESC_WRITE : 0) |
							      (i + 1 < total ? DESC_NEXT : 0),
							 .b = i + 1 < total ? ids[i + 1] : 0};
	return ids[0];
}

static bool split_add(struct driver_ring *ring, const struct driver_ring_piece *pieces,
		      unsigned readable, unsigned writable, void *token)
{
	unsigned total = readable + writable;
	struct avail_ring *avail = avail_of(ring);
	uint16_t head;

	if (ring->free_count < (ring->options.indirect ? 1 : total))
		return false;
	head = ring->options.indirect ? add_indirect(ring, pieces, readable, total, token)
				      : add_chain(ring, pieces, readable, total, token);
	__atomic_store_n(&avail->heads[ring->avail & (ring->options.size - 1)], head,
			 __ATOMIC_RELAXED);
	/* The device may begin with it now: everything above has to be seen before the index. */
	__atomic_store_n(&avail->index, ++ring->avail, __ATOMIC_RELEASE);
	return true;
}

static bool split_kick_needed(struct driver_ring *ring)
{
	uint16_t from = ring->kicked, to = ring->avail;

	if (from == to)
		return false;
	ring->kicked = to;
	/* The index before the device's wish: else both may believe that the other one acts. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (ring->options.event_idx)
		return driver_ring_passed(__atomic_load_n(avail_event_of(ring), __ATOMIC_RELAXED),
					  to, from);
	return !(__atomic_load_n(&used_of(ring)->flags, __ATOMIC_RELAXED) & USED_NO_NOTIFY);
}

static void free_chain(struct driver_ring *ring, uint16_t head)
{
	const struct driver_ring_desc *desc = ring->desc_host;
	bool more;

	do {
		/* Our own words: a device that wrote into its read-only table gets caught later. */
		uint16_t next = desc[head].b & (ring->options.size - 1);

		more = desc[head].a & DESC_NEXT && !ring->options.indirect;
		driver_ring_give_id(ring, head);
		head = next;
	} while (more);
}

static void *split_take(struct driver_ring *ring, uint32_t *written)
{
	struct used_ring *used = used_of(ring);
	uint16_t slot = ring->used & (ring->options.size - 1);
	uint32_t id;
	void *token;

	if (ring->broken || ring->used == __atomic_load_n(&used->index, __ATOMIC_ACQUIRE))
		return NULL;
	id = __atomic_load_n(&used->elements[slot].id, __ATOMIC_RELAXED);
	*written = __atomic_load_n(&used->elements[slot].len, __ATOMIC_RELAXED);
	if (id >= ring->options.size || !ring->tokens[id]) {
		ring->broken = "the device used a descriptor that was not available";
		return NULL;
	}
	token = ring->tokens[id];
	free_chain(ring, id);
	ring->used++;
	return token;
}

static void split_disable_interrupts(struct driver_ring *ring)
{
	/* With the event index, none comes anyway once the index has passed used_event. */
	if (!ring->options.event_idx)
		__atomic_store_n(&avail_of(ring)->flags, NO_INTERRUPT, __ATOMIC_RELAXED);
}

static bool split_enable_interrupts(struct driver_ring *ring)
{
	if (ring->options.event_idx)
		__atomic_store_n(used_event_of(ring), ring->used, __ATOMIC_RELAXED);
	else
		__atomic_store_n(&avail_of(ring)->flags, 0, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return ring->used != __atomic_load_n(&used_of(ring)->index, __ATOMIC_ACQUIRE);
}

const struct driver_ring_ops driver_ring_split_ops = {
    .add = split_add,
    .kick_needed = split_kick_needed,
    .take = split_take,
    .disable_interrupts = split_disable_interrupts,
    .enable_interrupts = split_enable_interrupts,
};
