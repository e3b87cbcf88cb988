/* SPDX-License-Identifier: MIT */
/* The driver's side of a packed virtqueue. (virtio 1.3, 2.8) */
#include "vmm-lite/bench/driver_ring.h"

#define DESC_NEXT     1u
#define DESC_WRITE    2u
#define DESC_INDIRECT 4u
#define DESC_AVAIL    (1u << 7)
#define DESC_USED     (1u << 15)

enum event_flags { EVENT_ENABLE, EVENT_DISABLE, EVENT_DESC };
#define EVENT_WRAP (1u << 15)

/* The driver's and the device's event area. */
struct event_area {
	uint16_t offset_wrap, flags;
};

static struct driver_ring_desc *desc_of(const struct driver_ring *ring)
{
	return ring->desc_host;
}

/* Available in this lap: AVAIL as the wrap counter says, USED the opposite. (2.8.1) */
static uint16_t available(bool wrap)
{
	return wrap ? DESC_AVAIL : DESC_USED;
}

static void advance(const struct driver_ring *ring, uint16_t *slot, bool *wrap, unsigned by)
{
	unsigned next = *slot + by;

	if (next >= ring->options.size) {
		next -= ring->options.size;
		*wrap = !*wrap;
	}
	*slot = next;
}

/* Write a list of descriptors; the first one's flags, which hand it all over, come last. */
static void write_list(struct driver_ring *ring, const struct driver_ring_piece *pieces,
		       unsigned readable, unsigned total, uint16_t extra, uint16_t id)
{
	struct driver_ring_desc *first = &desc_of(ring)[ring->avail];
	uint16_t first_flags = 0;
	unsigned i;

	for (i = 0; i < total; i++) {
		struct driver_ring_desc *desc = &desc_of(ring)[ring->avail];
		uint16_t flags = available(ring->avail_wrap) | extra |
				 (i >= readable && !extra ? DESC_WRITE : 0) |
				 (i + 1 < total ? DESC_NEXT : 0);

		desc->addr = pieces[i].addr.value;
		desc->len = pieces[i].len;
		desc->a = id;
		if (i)
			__atomic_store_n(&desc->b, flags, __ATOMIC_RELAXED);
		else
			first_flags = flags;
		advance(ring, &ring->avail, &ring->avail_wrap, 1);
	}
	__atomic_store_n(&first->b, first_flags, __ATOMIC_RELEASE);
	ring->free_slots -= total;
	ring->added += total;
	ring->next[id] = total; /* the id is in flight: the place is free for the list's length */
}

static bool packed_add(struct driver_ring *ring, const struct driver_ring_piece *pieces,
		       unsigned readable, unsigned writable, void *token)
{
	unsigned total = readable + writable, i;
	struct driver_ring_piece table;
	uint16_t id;

	if (!ring->free_count || ring->free_slots < (ring->options.indirect ? 1 : total))
		return false;
	id = driver_ring_take_id(ring, token);
	if (!ring->options.indirect) {
		write_list(ring, pieces, readable, total, 0, id);
		return true;
	}
	for (i = 0; i < total; i++)
		ring->tables[id * RING_MAX_PIECES + i] =
		    (struct driver_ring_desc){.addr = pieces[i].addr.value,
					      .len = pieces[i].len,
					      .b = i >= readable ? DESC_WRITE : 0};
	table.addr =
	    GPA(ring->tables_gpa.value + id * RING_MAX_PIECES * sizeof(struct driver_ring_desc));
	table.len = total * sizeof(struct driver_ring_desc);
	write_list(ring, &table, 1, 1, DESC_INDIRECT, id);
	return true;
}

static bool packed_kick_needed(struct driver_ring *ring)
{
	const struct event_area *device = ring->device_host;
	uint16_t added = ring->added, flags, event;
	int offset;

	if (!added)
		return false;
	ring->added = 0;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	flags = __atomic_load_n(&device->flags, __ATOMIC_ACQUIRE) & 3;
	if (flags != EVENT_DESC)
		return flags != EVENT_DISABLE;
	event = __atomic_load_n(&device->offset_wrap, __ATOMIC_RELAXED);
	offset = event & ~EVENT_WRAP;
	/* An event of the lap before lies that much further back. */
	if (!!(event & EVENT_WRAP) != ring->avail_wrap)
		offset -= ring->options.size;
	return driver_ring_passed(offset, ring->avail, ring->avail - added);
}

static bool is_used(const struct driver_ring *ring)
{
	uint16_t flags = __atomic_load_n(&desc_of(ring)[ring->used].b, __ATOMIC_ACQUIRE);
	bool avail = flags & DESC_AVAIL, used = flags & DESC_USED;

	return avail == used && used == ring->used_wrap;
}

static void *packed_take(struct driver_ring *ring, uint32_t *written)
{
	const struct driver_ring_desc *desc = &desc_of(ring)[ring->used];
	uint16_t id, total;
	void *token;

	if (ring->broken || !is_used(ring))
		return NULL;
	id = desc->a;
	*written = desc->len;
	if (id >= ring->options.size || !ring->tokens[id]) {
		ring->broken = "the device used a buffer id that was not available";
		return NULL;
	}
	token = ring->tokens[id];
	total = ring->next[id];
	driver_ring_give_id(ring, id);
	ring->free_slots += total;
	advance(ring, &ring->used, &ring->used_wrap, total);
	return token;
}

static void packed_disable_interrupts(struct driver_ring *ring)
{
	struct event_area *driver = ring->driver_host;

	__atomic_store_n(&driver->flags, EVENT_DISABLE, __ATOMIC_RELAXED);
}

static bool packed_enable_interrupts(struct driver_ring *ring)
{
	struct event_area *driver = ring->driver_host;

	if (ring->options.event_idx)
		__atomic_store_n(&driver->offset_wrap,
				 ring->used | (ring->used_wrap ? EVENT_WRAP : 0), __ATOMIC_RELAXED);
	__atomic_store_n(&driver->flags, ring->options.event_idx ? EVENT_DESC : EVENT_ENABLE,
			 __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return is_used(ring);
}

const struct driver_ring_ops driver_ring_packed_ops = {
    .add = packed_add,
    .kick_needed = packed_kick_needed,
    .take = packed_take,
    .disable_interrupts = packed_disable_interrupts,
    .enable_interrupts = packed_enable_interrupts,
};
