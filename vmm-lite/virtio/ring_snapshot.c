/* SPDX-License-Identifier: MIT */
#include "vmm-lite/virtio/ring_snapshot.h"

#include "vmm-lite/virtio/ring.h"
#include "vmm-lite/virtio/spec.h"

#define PAGE_SHIFT 12

struct item {
	uint64_t arg;
	uint32_t seq, val;
	uint16_t head;
	uint8_t kind, code;
};

/* A snapshot in the making, and the parts of the chain that the rest is found by. */
struct snapshot {
	const struct queue *queue;
	struct ring_focus focus;
	struct item items[VBT_RING_MAX_ITEMS];
	unsigned count, descs;
	bool cut;
	uint8_t header[sizeof(struct blk_header)];
	unsigned header_bytes;
	uint64_t status; /* guest address of the last writable byte; 0: none */
};

static void add(struct snapshot *s, struct item item)
{
	if (s->count < VBT_RING_MAX_ITEMS)
		s->items[s->count++] = item;
	else
		s->cut = true;
}

static uint32_t pair(uint16_t low, uint16_t high)
{
	return low | (uint32_t)high << 16;
}

static uint16_t load(const uint16_t *at)
{
	return __atomic_load_n(at, __ATOMIC_RELAXED);
}

static void add_layout(struct snapshot *s)
{
	const struct queue_layout *l = &s->queue->layout;
	const uint32_t size = l->size;
	const struct {
		gpa_t at;
		uint32_t bytes;
	} areas[] = {
	    {l->desc, 16 * size},
	    {l->driver, l->packed ? 4 : 6 + 2 * size},
	    {l->device, l->packed ? 4 : 6 + 8 * size},
	};
	const struct guest_mem *mem = s->queue->mem;
	uint32_t flags = (l->packed ? VBT_RING_PACKED : 0) |
			 (l->event_idx ? VBT_RING_EVENT_IDX : 0) |
			 (l->indirect ? VBT_RING_INDIRECT : 0);

	for (uint8_t i = 0; i < 3; i++)
		add(s, (struct item){.kind = VBT_RING_ITEM_area,
				     .seq = flags,
				     .head = l->size,
				     .arg = areas[i].at.value,
				     .val = areas[i].bytes,
				     .code = i});
	for (unsigned i = 0; i < mem->count; i++)
		add(s, (struct item){.kind = VBT_RING_ITEM_region,
				     .seq = (uint32_t)(mem->regions[i].base.value >> PAGE_SHIFT),
				     .arg = (uintptr_t)mem->regions[i].host,
				     .val = (uint32_t)(mem->regions[i].size >> PAGE_SHIFT)});
}

static void add_place(struct snapshot *s)
{
	const struct queue *q = s->queue;
	const struct split_ring *split = &q->split;
	const struct packed_ring *packed = &q->packed;
	const struct ring_focus *f = &s->focus;

	add(s, (struct item){
		   .kind = VBT_RING_ITEM_place,
		   .seq = q->layout.packed ? pair(packed->avail_next, packed->used_next)
					   : pair(split->avail_next, split->used_next),
		   .head = (uint16_t)(q->in_flight < UINT16_MAX ? q->in_flight : UINT16_MAX),
		   .arg = pair(f->index, f->used) | (uint64_t)f->slots << 32,
		   .val = q->layout.packed ? packed->avail_wrap | packed->used_wrap << 1 : 0,
		   .code = f->chain,
	       });
}

/* The available and the used ring, each around the entry that matters now. */
static void add_split_rings(struct snapshot *s)
{
	const struct queue_layout *l = &s->queue->layout;
	const struct split_ring *r = &s->queue->split;
	unsigned window = l->size < VBT_RING_WINDOW ? l->size : VBT_RING_WINDOW;
	uint16_t avail_at = s->focus.chain ? s->focus.index : (uint16_t)(r->avail_next - 1);
	uint16_t used_at = s->focus.moment == VBT_RING_AT_push        ? s->focus.used
			   : s->focus.moment == VBT_RING_AT_interrupt ? (uint16_t)(r->used_next - 1)
								      : r->used_next;
	struct item driver = {.kind = VBT_RING_ITEM_driver, .code = (uint8_t)window};
	struct item device = {.kind = VBT_RING_ITEM_device};

	driver.head = (uint16_t)((avail_at & (l->size - 1u)) / window * window);
	for (unsigned i = 0; i < window; i++)
		driver.arg |= (uint64_t)load(&r->avail[RING_ENTRIES + driver.head + i]) << 16 * i;
	driver.seq = pair(load(&r->avail[RING_FLAGS]), load(&r->avail[RING_IDX]));
	driver.val = load(&r->avail[RING_ENTRIES + l->size]);
	device.seq = pair(load(&r->used[RING_FLAGS]), load(&r->used[RING_IDX]));
	device.val = load(&r->used[RING_ENTRIES + 4 * l->size]);
	add(s, driver);
	add(s, device);
	used_at = (uint16_t)((used_at & (l->size - 1u)) / window * window);
	for (unsigned i = 0; i < window; i++, used_at++) {
		const uint32_t *element = (const uint32_t *)&r->used[RING_ENTRIES + 4 * used_at];

		add(s, (struct item){.kind = VBT_RING_ITEM_used,
				     .head = used_at,
				     .seq = __atomic_load_n(&element[0], __ATOMIC_RELAXED),
				     .val = __atomic_load_n(&element[1], __ATOMIC_RELAXED)});
	}
}

static void add_packed_areas(struct snapshot *s)
{
	const struct packed_ring *r = &s->queue->packed;

	add(s, (struct item){.kind = VBT_RING_ITEM_driver,
			     .val = __atomic_load_n(r->driver_event, __ATOMIC_RELAXED)});
	add(s, (struct item){.kind = VBT_RING_ITEM_device,
			     .val = __atomic_load_n(r->device_event, __ATOMIC_RELAXED)});
}

/* Header and status are found as the device finds them: by the bytes, not by the descriptors. */
static void follow(struct snapshot *s, const struct ring_desc *desc, bool writable)
{
	unsigned have = s->header_bytes, room = sizeof(s->header) - have;

	if (writable && desc->len)
		s->status = desc->addr + desc->len - 1;
	if (writable || !room)
		return;
	room = desc->len < room ? desc->len : room;
	if (!guest_mem_read(s->queue->mem, GPA(desc->addr), s->header + have, room))
		s->header_bytes += room;
}

static bool add_desc(struct snapshot *s, uint16_t index, const struct ring_desc *desc,
		     bool indirect)
{
	bool packed = s->queue->layout.packed;
	uint16_t flags = packed ? desc->b : desc->a;

	if (s->descs++ == VBT_RING_MAX_DESCS) {
		s->cut = true;
		return false;
	}
	add(s, (struct item){.kind = VBT_RING_ITEM_desc,
			     .head = index,
			     .arg = desc->addr,
			     .val = desc->len,
			     .seq = pair(desc->a, desc->b),
			     .code = indirect});
	if (!(flags & DESC_INDIRECT))
		follow(s, desc, flags & DESC_WRITE);
	return true;
}

static void add_indirect(struct snapshot *s, const struct ring_desc *head)
{
	const struct queue *q = s->queue;
	uint32_t count = head->len / sizeof(struct ring_desc), at = 0;
	const uint8_t *table = guest_mem_ptr(q->mem, GPA(head->addr), head->len, GUEST_READ);

	s->descs = 0;
	if (!table || !count)
		return;
	for (unsigned steps = 0; steps < count; steps++) {
		struct ring_desc desc = ring_desc_copy(table + (size_t)at * sizeof(desc));

		if (!add_desc(s, (uint16_t)at, &desc, true))
			return;
		if (!q->layout.packed && !(desc.a & DESC_NEXT))
			return;
		at = q->layout.packed ? at + 1 : desc.b;
		if (at >= count)
			return;
	}
}

static void add_split_chain(struct snapshot *s)
{
	const struct split_ring *r = &s->queue->split;
	uint16_t size = s->queue->layout.size, at = s->focus.head;

	for (unsigned steps = 0; at < size && steps < size; steps++) {
		struct ring_desc desc = ring_desc_copy(&r->desc[at]);

		if (!add_desc(s, at, &desc, false))
			return;
		if (desc.a & DESC_INDIRECT)
			add_indirect(s, &desc);
		if (!(desc.a & DESC_NEXT) || desc.a & DESC_INDIRECT)
			return;
		at = desc.b;
	}
}

/* The slots that the chain took, and the one that the used descriptor went to. */
static void add_packed_chain(struct snapshot *s)
{
	const struct packed_ring *r = &s->queue->packed;
	const struct ring_focus *f = &s->focus;
	uint16_t size = s->queue->layout.size;
	bool used_shown = f->moment != VBT_RING_AT_push;

	for (unsigned i = 0; i < f->slots; i++) {
		uint16_t at = (uint16_t)((f->index + i) % size);
		struct ring_desc desc = ring_desc_copy(&r->desc[at]);

		used_shown |= at == f->used;
		if (!add_desc(s, at, &desc, false))
			return;
		if (desc.b & DESC_INDIRECT && f->moment != VBT_RING_AT_push)
			add_indirect(s, &desc);
	}
	if (!used_shown) {
		struct ring_desc desc = ring_desc_copy(&r->desc[f->used % size]);

		add_desc(s, f->used, &desc, false);
	}
}

/* Without a chain a packed ring shows what lies before the next used position. */
static void add_packed_neighbours(struct snapshot *s)
{
	const struct packed_ring *r = &s->queue->packed;
	uint16_t size = s->queue->layout.size;
	unsigned count = size < VBT_RING_WINDOW ? size : VBT_RING_WINDOW;

	for (unsigned i = count; i > 0; i--) {
		uint16_t at = (uint16_t)((r->used_next + size - i) % size);
		struct ring_desc desc = ring_desc_copy(&r->desc[at]);

		add_desc(s, at, &desc, false);
	}
	s->header_bytes = 0;
	s->status = 0;
}

/* The first chain that waits, if any. */
static void find_waiting(struct snapshot *s)
{
	const struct split_ring *split = &s->queue->split;
	const struct packed_ring *packed = &s->queue->packed;
	uint16_t size = s->queue->layout.size, flags;
	struct ring_focus *f = &s->focus;

	if (!s->queue->layout.packed) {
		f->index = split->avail_next;
		f->chain = load(&split->avail[RING_IDX]) != f->index;
		f->head = load(&split->avail[RING_ENTRIES + (f->index & (size - 1u))]);
		f->slots = 1;
		return;
	}
	f->index = packed->avail_next;
	flags = load(&packed->desc[f->index].b);
	f->chain = packed_is_available(packed, flags);
	do {
		struct ring_desc desc = ring_desc_copy(&packed->desc[(f->index + f->slots) % size]);

		f->head = desc.a;
		flags = desc.b;
	} while (++f->slots < size && flags & DESC_NEXT);
}

static uint64_t guest_address(const struct guest_mem *mem, const uint8_t *host)
{
	for (unsigned i = 0; i < mem->count; i++) {
		const struct guest_region *r = &mem->regions[i];

		if (host >= r->host && (uint64_t)(host - r->host) < r->size)
			return r->base.value + (uint64_t)(host - r->host);
	}
	return 0;
}

static void add_request(struct snapshot *s)
{
	struct item header = {.kind = VBT_RING_ITEM_header, .head = (uint16_t)s->header_bytes};
	struct item status = {.kind = VBT_RING_ITEM_status, .arg = s->status};
	uint8_t byte = 0;

	if (s->focus.status)
		status.arg = guest_address(s->queue->mem, s->focus.status);
	memcpy(&header.arg, s->header, sizeof(header.arg));
	memcpy(&header.seq, s->header + 8, sizeof(header.seq));
	memcpy(&header.val, s->header + 12, sizeof(header.val));
	if (s->header_bytes)
		add(s, header);
	if (!status.arg || guest_mem_read(s->queue->mem, GPA(status.arg), &byte, 1))
		return;
	status.val = byte;
	add(s, status);
}

static void emit(const struct snapshot *s)
{
	const struct ring_focus *f = &s->focus;

	STAGE_POINT(ring, f->device, f->queue, f->seq, f->head, f->number, s->count,
		    VBT_RING_ITEM_begin, (uint8_t)(f->moment | (s->cut ? VBT_RING_CUT : 0)));
	for (unsigned i = 0; i < s->count; i++) {
		const struct item *item = &s->items[i];

		STAGE_POINT(ring, f->device, f->queue, item->seq, item->head, item->arg, item->val,
			    item->kind, item->code);
	}
}

void ring_snapshot(const struct queue *queue, const struct ring_focus *focus)
{
	struct snapshot s = {.queue = queue, .focus = *focus};

	if (!queue->ops || queue->why)
		return;
	if (focus->moment == VBT_RING_AT_kick)
		find_waiting(&s);
	add_layout(&s);
	add_place(&s);
	if (queue->layout.packed) {
		add_packed_areas(&s);
		if (s.focus.chain)
			add_packed_chain(&s);
		else
			add_packed_neighbours(&s);
	} else {
		add_split_rings(&s);
		if (s.focus.chain)
			add_split_chain(&s);
	}
	if (s.focus.chain)
		add_request(&s);
	emit(&s);
}

uint16_t ring_snapshot_used(const struct queue *queue, unsigned later)
{
	uint16_t size = queue->layout.size;

	if (!queue->layout.packed)
		return (uint16_t)(queue->split.used_next - later);
	return (uint16_t)((queue->packed.used_next + 2u * size - later % (2u * size)) % size);
}
