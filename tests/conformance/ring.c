/* SPDX-License-Identifier: MIT */
/* Rings as a driver sees them, with nothing hidden. */
#include <stdlib.h>

#include "tests/conformance/world.h"

_Static_assert(sizeof(struct desc) == 16, "as on the ring");

void vq_init(struct world *w, struct vq *q, unsigned index, uint16_t size, bool packed)
{
	uint64_t used_at;

	free(q->lengths);
	free(q->next);
	free(q->done);
	free(q->written);
	*q = (struct vq){.w = w,
			 .index = index,
			 .packed = packed,
			 .size = size,
			 .vector = q->vector,
			 .avail_wrap = true,
			 .used_wrap = true,
			 .free_slots = size};
	if (packed) {
		q->desc = galloc(w, 16ull * size, 16);
		q->driver = galloc(w, 4, 4);
		q->device = galloc(w, 4, 4);
		gset(w, q->desc, 0, 16ull * size);
		s32(w, q->driver, 0);
		s32(w, q->device, 0);
	} else {
		/* One block as the legacy interface wants it; good for the modern one, too. */
		used_at = (16ull * size + 6 + 2ull * size + 4095) & ~4095ull;
		q->desc = galloc(w, used_at + 6 + 8ull * size, 4096);
		q->driver = q->desc + 16ull * size;
		q->device = q->desc + used_at;
		gset(w, q->desc, 0, used_at + 6 + 8ull * size);
	}
	q->lengths = calloc(size, sizeof(*q->lengths));
	q->next = calloc(size, sizeof(*q->next));
	q->done = calloc(65536, sizeof(*q->done));
	q->written = calloc(65536, sizeof(*q->written));
	for (unsigned i = 0; i < size; i++)
		q->next[i] = (uint16_t)(i + 1);
}

void vq_place(struct vq *q)
{
	struct world *w = q->w;

	c_write(w, C_QUEUE_SELECT, q->index);
	c_write(w, C_QUEUE_SIZE, q->size);
	c_write(w, C_QUEUE_DESC, q->desc);
	c_write(w, C_QUEUE_DRIVER, q->driver);
	c_write(w, C_QUEUE_DEVICE, q->device);
}

void vq_enable(struct vq *q)
{
	struct world *w = q->w;

	if (w->legacy) {
		l_write(w, L_SELECT, q->index);
		l_write(w, L_PAGE, (uint32_t)(q->desc >> 12));
		return;
	}
	vq_place(q);
	c_write(w, C_QUEUE_ENABLE, 1);
}

void put_desc(struct vq *q, unsigned at, uint64_t addr, uint32_t len, uint16_t a, uint16_t b)
{
	struct desc *desc = (struct desc *)gptr(q->w, q->desc + 16ull * at, 16);

	desc->addr = addr;
	desc->len = len;
	if (!q->packed) {
		desc->a = a;
		desc->b = b;
		return;
	}
	desc->a = a;
	__atomic_store_n(&desc->b, b, __ATOMIC_RELEASE);
}

struct desc get_desc(struct vq *q, unsigned at)
{
	struct desc desc;
	uint16_t flags = g16(q->w, q->desc + 16ull * at + 14);

	memcpy(&desc, gptr(q->w, q->desc + 16ull * at, 16), 16);
	desc.b = q->packed ? flags : desc.b;
	return desc;
}

void avail_set_idx(struct vq *q, uint16_t idx)
{
	q->avail = idx;
	s16(q->w, q->driver + 2, idx);
}

void avail_put(struct vq *q, uint16_t head)
{
	s16(q->w, q->driver + 4 + 2ull * (q->avail % q->size), head);
	avail_set_idx(q, (uint16_t)(q->avail + 1));
}

void avail_set_flags(struct vq *q, uint16_t flags)
{
	s16(q->w, q->driver, flags);
}

void set_used_event(struct vq *q, uint16_t event)
{
	s16(q->w, q->driver + 4 + 2ull * q->size, event);
}

uint16_t avail_event(struct vq *q)
{
	return g16(q->w, q->device + 4 + 8ull * q->size);
}

uint16_t used_idx(struct vq *q)
{
	return g16(q->w, q->device + 2);
}

uint16_t used_flags(struct vq *q)
{
	return g16(q->w, q->device);
}

uint32_t used_id(struct vq *q, uint16_t at)
{
	return g32(q->w, q->device + 4 + 8ull * (at % q->size));
}

uint32_t used_len(struct vq *q, uint16_t at)
{
	return g32(q->w, q->device + 8 + 8ull * (at % q->size));
}

uint16_t packed_avail_flags(struct vq *q)
{
	return q->avail_wrap ? D_AVAIL : D_USED;
}

void packed_event(struct vq *q, uint32_t area)
{
	s32(q->w, q->driver, area);
}

uint32_t packed_device_event(struct vq *q)
{
	return g32(q->w, q->device);
}

static void advance(struct vq *q, unsigned slots)
{
	unsigned at = q->avail + slots;

	if (at >= q->size) {
		at -= q->size;
		q->avail_wrap = !q->avail_wrap;
	}
	q->avail = (uint16_t)at;
}

/* The first slot's flags last: until then nothing of the list is available. */
static uint16_t add_packed(struct vq *q, const struct piece *pieces, unsigned count, uint16_t extra)
{
	uint16_t id = q->free_first, first = q->avail, first_flags = 0;
	bool wrap = q->avail_wrap;

	q->free_first = q->next[id];
	q->lengths[id] = (uint16_t)count;
	q->done[id] = false;
	q->free_slots = (uint16_t)(q->free_slots - count);
	for (unsigned i = 0; i < count; i++) {
		unsigned at = (first + i) % q->size;
		uint16_t mark = (first + i >= q->size) != wrap ? D_AVAIL : D_USED;
		uint16_t flags = (uint16_t)(mark | extra | (i + 1 < count ? D_NEXT : 0) |
					    (pieces[i].write ? D_WRITE : 0));

		if (i)
			put_desc(q, at, pieces[i].addr, pieces[i].len, id, flags);
		else
			first_flags = flags;
	}
	put_desc(q, first, pieces[0].addr, pieces[0].len, id, first_flags);
	advance(q, count);
	return id;
}

static uint16_t add_split(struct vq *q, const struct piece *pieces, unsigned count, uint16_t extra)
{
	uint16_t head = q->free_first, at = head;

	for (unsigned i = 0; i < count; i++) {
		uint16_t next = q->next[at];

		put_desc(q, at, pieces[i].addr, pieces[i].len,
			 (uint16_t)((pieces[i].write ? D_WRITE : 0) | extra |
				    (i + 1 < count ? D_NEXT : 0)),
			 i + 1 < count ? next : 0);
		at = next;
	}
	q->free_first = at;
	q->lengths[head] = (uint16_t)count;
	q->free_slots = (uint16_t)(q->free_slots - count);
	q->done[head] = false;
	avail_put(q, head);
	return head;
}

uint16_t vq_add(struct vq *q, const struct piece *pieces, unsigned count)
{
	if (count > q->free_slots)
		FAIL("the test's queue is full");
	return q->packed ? add_packed(q, pieces, count, 0) : add_split(q, pieces, count, 0);
}

uint16_t vq_add_indirect(struct vq *q, const struct piece *pieces, unsigned count)
{
	uint64_t table = galloc(q->w, 16ull * count, 16);
	struct piece ref = {table, 16 * count, false};

	for (unsigned i = 0; i < count; i++) {
		struct desc *desc = (struct desc *)gptr(q->w, table + 16ull * i, 16);
		uint16_t flags = pieces[i].write ? D_WRITE : 0;

		desc->addr = pieces[i].addr;
		desc->len = pieces[i].len;
		if (q->packed) {
			desc->a = 0;
			desc->b = flags;
		} else {
			desc->a = (uint16_t)(flags | (i + 1 < count ? D_NEXT : 0));
			desc->b = (uint16_t)(i + 1 < count ? i + 1 : 0);
		}
	}
	return q->packed ? add_packed(q, &ref, 1, D_INDIRECT) : add_split(q, &ref, 1, D_INDIRECT);
}

void vq_kick(struct vq *q)
{
	struct world *w = q->w;
	uint32_t value = q->index;
	unsigned size = 2;

	if (w->legacy) {
		l_write(w, L_NOTIFY, q->index);
		return;
	}
	if (w->negotiated & FEATURE(F_NOTIF_CONFIG_DATA))
		value = (uint32_t)cq_read(w, q->index, C_NOTIF_DATA);
	if (w->negotiated & FEATURE(F_NOTIFICATION_DATA)) {
		value |= q->packed ? (uint32_t)q->avail << 16 | (uint32_t)q->avail_wrap << 31
				   : (uint32_t)q->avail << 16;
		size = 4;
	}
	mmio_write(w,
		   w->notify + cq_read(w, q->index, C_NOTIFY_OFF) * (uint64_t)w->notify_multiplier,
		   size, value);
}

/* Split: the index jumps. Packed: a list without an end. */
void vq_break(struct vq *q)
{
	if (q->packed)
		for (unsigned i = 0; i < q->size; i++)
			put_desc(q, i, 0x1000, 1, 0, (uint16_t)(packed_avail_flags(q) | D_NEXT));
	else
		avail_set_idx(q, (uint16_t)(q->avail + q->size + 1));
	vq_kick(q);
}

struct part {
	uint64_t at, size;
};

static unsigned parts_of(const struct vq *q, struct part parts[3])
{
	uint64_t driver = q->packed ? 4 : 6 + 2ull * q->size;
	uint64_t device = q->packed ? 4 : 6 + 8ull * q->size;

	parts[0] = (struct part){q->desc, 16ull * q->size};
	parts[1] = (struct part){q->driver, driver};
	parts[2] = (struct part){q->device, device};
	return 3;
}

void vq_poison(struct vq *q)
{
	struct part parts[3];

	for (unsigned i = 0; i < parts_of(q, parts); i++)
		gset(q->w, parts[i].at, POISON, parts[i].size);
}

bool vq_is_poisoned(struct vq *q)
{
	struct part parts[3];
	bool all = true;

	for (unsigned i = 0; i < parts_of(q, parts); i++)
		all &= gall(q->w, parts[i].at, POISON, parts[i].size);
	return all;
}

static void note(struct vq *q, uint32_t id, uint32_t written)
{
	q->done[id] = true;
	q->written[id] = written;
	q->order[q->returned % 65536] = (uint16_t)id;
	q->returned++;
}

static unsigned poll_split(struct vq *q)
{
	unsigned count = 0;

	for (; q->used != used_idx(q); q->used++, count++) {
		uint32_t id = used_id(q, q->used);
		uint16_t at;

		if (id >= q->size || !q->lengths[id])
			FAIL("used entry %u has id %u, which was not in flight", q->used, id);
		at = (uint16_t)id;
		for (unsigned i = 1; i < q->lengths[id]; i++)
			at = q->next[at];
		q->next[at] = q->free_first;
		q->free_first = (uint16_t)id;
		q->free_slots = (uint16_t)(q->free_slots + q->lengths[id]);
		q->lengths[id] = 0;
		note(q, id, used_len(q, q->used));
	}
	return count;
}

static unsigned poll_packed(struct vq *q)
{
	unsigned count = 0;

	for (;; count++) {
		struct desc desc = get_desc(q, q->used);
		unsigned at;

		if (!!(desc.b & D_AVAIL) != q->used_wrap || !!(desc.b & D_USED) != q->used_wrap)
			return count;
		memcpy(&desc, gptr(q->w, q->desc + 16ull * q->used, 16), 16);
		if (desc.a >= q->size || !q->lengths[desc.a])
			FAIL("used slot %u has id %u, which was not in flight", q->used, desc.a);
		at = q->used + q->lengths[desc.a];
		if (at >= q->size) {
			at -= q->size;
			q->used_wrap = !q->used_wrap;
		}
		q->used = (uint16_t)at;
		q->free_slots = (uint16_t)(q->free_slots + q->lengths[desc.a]);
		q->lengths[desc.a] = 0;
		q->next[desc.a] = q->free_first;
		q->free_first = desc.a;
		note(q, desc.a, desc.len);
	}
}

unsigned vq_poll(struct vq *q)
{
	return q->packed ? poll_packed(q) : poll_split(q);
}

void vq_interrupts(struct vq *q, bool on)
{
	if (q->packed)
		packed_event(q, EVENT(on ? 0 : 1, 0, 0));
	else
		avail_set_flags(q, on ? 0 : 1);
}

void vq_event_after(struct vq *q, unsigned after, unsigned slots)
{
	unsigned at = q->used + after * slots;
	bool wrap = q->used_wrap;

	if (!q->packed) {
		set_used_event(q, (uint16_t)(q->used + after));
		return;
	}
	if (at >= q->size) {
		at -= q->size;
		wrap = !wrap;
	}
	packed_event(q, EVENT(2, wrap, at));
}

/* 2.7.10 and 2.8.14: flags, or the index or position at which the device wants to be told. */
bool vq_kick_wanted(struct vq *q, uint16_t before, bool before_wrap)
{
	bool event_idx = q->w->negotiated & FEATURE(F_EVENT_IDX);
	unsigned size = q->size, from, to, at;
	uint32_t area;

	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!q->packed && !event_idx)
		return !(used_flags(q) & 1);
	if (!q->packed)
		return (uint16_t)(q->avail - avail_event(q) - 1) < (uint16_t)(q->avail - before);
	area = packed_device_event(q);
	if ((area >> 16 & 3) != 2)
		return !(area >> 16 & 3);
	/* Two laps in one line. */
	from = before + (before_wrap ? 0 : size);
	to = q->avail + (q->avail_wrap ? 0 : size);
	at = (area & 0x7fff) + (area & 0x8000 ? 0 : size);
	return (at + 2 * size - from) % (2 * size) < (to + 2 * size - from) % (2 * size);
}

void watch_flushes(struct world *w, void (*check)(struct vq *q, unsigned argument),
		   unsigned argument)
{
	struct vq *q = &w->q[0];
	struct piece pieces[2] = {{put_header(w, BLK_T_FLUSH, 0), 16, false},
				  {galloc(w, 1, 1), 1, true}};

	for (unsigned round = 0; round < 2000; round++) {
		for (unsigned i = 0; i < 8; i++)
			vq_add(q, pieces, 2);
		/* Not suppressed now: nothing is under way. */
		vq_kick(q);
		for (unsigned got = 0; got < 8; got += vq_poll(q))
			check(q, argument);
	}
}

void obey_kicks(struct vq *q, unsigned times)
{
	struct world *w = q->w;
	struct piece pieces[2] = {{put_header(w, BLK_T_FLUSH, 0), 16, false},
				  {galloc(w, 1, 1), 1, true}};
	unsigned added = 0, back = 0, seed = 1;
	uint64_t moved = test_now_ms();

	while (back < times) {
		unsigned batch = 1 + (unsigned)rand_r(&seed) % 5, got;
		uint16_t before = q->avail;
		bool wrap = q->avail_wrap;

		for (; batch && added < times && q->free_slots >= 2; batch--, added++)
			vq_add(q, pieces, 2);
		if (before != q->avail && vq_kick_wanted(q, before, wrap))
			vq_kick(q);
		/* Now and then until all is back, so that the device goes to sleep. */
		do {
			got = vq_poll(q);
			back += got;
			if (got)
				moved = test_now_ms();
			else if (test_now_ms() > moved + PATIENCE_MS)
				FAIL("it stalls after %u of %u", back, added);
		} while (back < added && !(added % 7));
	}
}
