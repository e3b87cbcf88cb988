/* SPDX-License-Identifier: MIT */
/* The driver's side of the rings. */
#include <string.h>

#include "tests/driver/rig.h"

void *rig_mem(struct rig *rig, uint64_t addr)
{
	return guest_mem_ptr(&rig->mem, GPA(addr), 1, GUEST_READ);
}

struct desc {
	uint64_t addr;
	uint32_t len;
	uint16_t a, b;
};

static struct desc *desc_at(struct rig_queue *q, unsigned i)
{
	return (struct desc *)rig_mem(q->rig, q->desc) + i;
}

void rig_desc(struct rig_queue *q, unsigned i, uint64_t addr, uint32_t len, uint16_t flags,
	      uint16_t next)
{
	*desc_at(q, i) = (struct desc){addr, len, flags, next};
}

uint16_t *rig_avail_flags(struct rig_queue *q)
{
	return rig_mem(q->rig, q->driver);
}

uint16_t *rig_avail_idx(struct rig_queue *q)
{
	return rig_avail_flags(q) + 1;
}

uint16_t *rig_avail_entry(struct rig_queue *q, unsigned i)
{
	return rig_avail_flags(q) + 2 + i % q->size;
}

uint16_t *rig_used_event(struct rig_queue *q)
{
	return rig_avail_flags(q) + 2 + q->size;
}

uint16_t *rig_used_flags(struct rig_queue *q)
{
	return rig_mem(q->rig, q->device);
}

uint16_t rig_used_index(struct rig_queue *q)
{
	return __atomic_load_n(rig_used_flags(q) + 1, __ATOMIC_ACQUIRE);
}

uint16_t *rig_avail_event(struct rig_queue *q)
{
	return rig_used_flags(q) + 2 + 4 * q->size;
}

void rig_make_available(struct rig_queue *q, uint16_t head)
{
	__atomic_store_n(rig_avail_entry(q, q->avail_idx), head, __ATOMIC_RELAXED);
	__atomic_store_n(rig_avail_idx(q), ++q->avail_idx, __ATOMIC_RELEASE);
}

static uint16_t packed_flags(const struct rig_queue *q)
{
	return q->avail_wrap ? 0x80 : 0x8000;
}

static uint16_t add_packed(struct rig_queue *q, const struct rig_seg *segs, unsigned count,
			   uint16_t extra)
{
	uint16_t first = q->avail_idx, id = (uint16_t)(0x100 + first), first_flags = 0;

	for (unsigned i = 0; i < count; i++) {
		struct desc *d = desc_at(q, q->avail_idx);
		uint16_t flags = (uint16_t)(packed_flags(q) | extra | (segs[i].write ? 2 : 0) |
					    (i + 1 < count ? 1 : 0));

		d->addr = segs[i].addr;
		d->len = segs[i].len;
		d->a = i + 1 < count ? 0xdead : id;
		if (i)
			d->b = flags;
		else
			first_flags = flags;
		if (++q->avail_idx == q->size) {
			q->avail_idx = 0;
			q->avail_wrap = !q->avail_wrap;
		}
	}
	__atomic_store_n(&desc_at(q, first)->b, first_flags, __ATOMIC_RELEASE);
	return id;
}

uint16_t rig_add(struct rig_queue *q, const struct rig_seg *segs, unsigned count)
{
	uint16_t head = q->next_desc;

	if (q->packed)
		return add_packed(q, segs, count, 0);
	for (unsigned i = 0; i < count; i++) {
		uint16_t at = q->next_desc, next = (uint16_t)((at + 1) % q->size);

		rig_desc(q, at, segs[i].addr, segs[i].len,
			 (uint16_t)((segs[i].write ? 2 : 0) | (i + 1 < count ? 1 : 0)), next);
		q->next_desc = next;
	}
	rig_make_available(q, head);
	return head;
}

uint16_t rig_add_indirect(struct rig_queue *q, uint64_t table, const struct rig_seg *segs,
			  unsigned count)
{
	struct rig_seg seg = {table, (uint32_t)(16 * count), false};
	struct desc *t = rig_mem(q->rig, table);
	uint16_t head = q->next_desc;

	for (unsigned i = 0; i < count; i++) {
		uint16_t flags = (uint16_t)((segs[i].write ? 2 : 0) | (i + 1 < count ? 1 : 0));

		t[i] = q->packed
			   ? (struct desc){segs[i].addr, segs[i].len, 0xbeef, flags}
			   : (struct desc){segs[i].addr, segs[i].len, flags, (uint16_t)(i + 1)};
	}
	if (q->packed)
		return add_packed(q, &seg, 1, 4);
	rig_desc(q, head, table, seg.len, 4, 0);
	q->next_desc = (uint16_t)((head + 1) % q->size);
	rig_make_available(q, head);
	return head;
}

void rig_kick(struct rig_queue *q)
{
	rig_set(q->rig, NOTIFY_AT + 4 * q->index, 2, q->index);
}

bool rig_used(struct rig_queue *q, struct rig_used *used)
{
	if (q->packed) {
		struct desc *d = desc_at(q, q->used_idx);
		uint16_t flags = __atomic_load_n(&d->b, __ATOMIC_ACQUIRE);

		if (!!(flags & 0x80) != q->used_wrap || !!(flags & 0x8000) != q->used_wrap)
			return false;
		*used = (struct rig_used){d->a, d->len, flags};
		return true; /* the caller moves on by the list's length: rig_packed_next */
	}
	if (rig_used_index(q) == q->used_idx)
		return false;
	uint32_t *e = (uint32_t *)(rig_used_flags(q) + 2 + 4 * (q->used_idx % q->size));

	*used = (struct rig_used){e[0], e[1], 0};
	q->used_idx++;
	return true;
}

struct waiting {
	struct rig_queue *q;
	struct rig_used *used;
};

static bool has_used(void *opaque)
{
	struct waiting *w = opaque;

	return rig_used(w->q, w->used);
}

bool rig_wait_used(struct rig_queue *q, struct rig_used *used)
{
	struct waiting w = {q, used};

	return rig_eventually(has_used, &w);
}

void rig_put_header(struct rig *rig, uint64_t addr, uint32_t type, uint64_t sector)
{
	struct blk_header header = {type, 0, sector};

	memcpy(rig_mem(rig, addr), &header, sizeof(header));
}

uint8_t rig_request(struct rig_queue *q, uint32_t type, uint64_t sector, uint64_t data,
		    uint32_t len, bool write, struct rig_used *used)
{
	struct rig_seg segs[3] = {
	    {RIG_HEADER, 16, false}, {data, len, write}, {RIG_STATUS, 1, true}};
	volatile uint8_t *status = rig_mem(q->rig, RIG_STATUS);
	struct rig_used dummy;

	used = used ? used : &dummy;
	rig_put_header(q->rig, RIG_HEADER, type, sector);
	*status = 0xee;
	if (!len)
		segs[1] = segs[2];
	rig_add(q, segs, len ? 3 : 2);
	rig_kick(q);
	if (q->rig->options.iothread ? !rig_wait_used(q, used) : !rig_used(q, used))
		used->id = UINT32_MAX;
	else if (q->packed) {
		q->used_idx = (uint16_t)(q->used_idx + (len ? 3 : 2));
		if (q->used_idx >= q->size) {
			q->used_idx = (uint16_t)(q->used_idx - q->size);
			q->used_wrap = !q->used_wrap;
		}
	}
	return *status;
}
