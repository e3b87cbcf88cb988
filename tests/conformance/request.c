/* SPDX-License-Identifier: MIT */
/* Block requests. */
#include <stdlib.h>

#include "tests/conformance/world.h"

bool type_reads(uint32_t type)
{
	return type == 1 || type == 11 || type == 13 || type == 14;
}

uint64_t put_header(struct world *w, uint32_t type, uint64_t sector)
{
	uint64_t at = galloc(w, 16, 16);

	s32(w, at, type);
	s32(w, at + 4, 0);
	s64(w, at + 8, sector);
	return at;
}

struct req *submit_quietly(struct vq *q, uint32_t type, uint64_t sector, uint64_t data,
			   uint32_t length)
{
	struct req *r = calloc(1, sizeof(*r));
	struct piece pieces[3];
	unsigned count = 0;

	*r = (struct req){.q = q, .data = data, .length = length};
	r->header = put_header(q->w, type, sector);
	r->status = galloc(q->w, 1, 1);
	gset(q->w, r->status, 0xff, 1);
	pieces[count++] = (struct piece){r->header, 16, false};
	if (length)
		pieces[count++] = (struct piece){data, length, !type_reads(type)};
	pieces[count++] = (struct piece){r->status, 1, true};
	r->id = vq_add(q, pieces, count);
	return r;
}

struct req *submit(struct vq *q, uint32_t type, uint64_t sector, uint64_t data, uint32_t length)
{
	struct req *r = submit_quietly(q, type, sector, data, length);

	vq_kick(q);
	return r;
}

bool is_done(struct req *r)
{
	vq_poll(r->q);
	if (!r->q->done[r->id])
		return false;
	r->written = r->q->written[r->id];
	return true;
}

uint8_t status_at(struct world *w, uint64_t addr)
{
	return *(volatile uint8_t *)gptr(w, addr, 1);
}

uint8_t finish(struct req *r)
{
	EVENTUALLY(is_done(r));
	return status_at(r->q->w, r->status);
}

uint8_t blk(struct vq *q, uint32_t type, uint64_t sector, uint64_t data, uint32_t length)
{
	struct req *r = submit(q, type, sector, data, length);
	uint8_t result = finish(r);

	free(r);
	return result;
}

void fence(struct vq *q)
{
	uint64_t data = galloc(q->w, 512, 16);

	CHECK_EQ(blk(q, BLK_T_IN, 0, data, 512), BLK_S_OK);
}

uint32_t run_pieces(struct vq *q, const struct piece *pieces, unsigned count)
{
	uint16_t id = vq_add(q, pieces, count);

	vq_kick(q);
	EVENTUALLY((vq_poll(q), q->done[id]));
	return q->written[id];
}

void spin(struct vq *q, unsigned times)
{
	struct piece pieces[2] = {{put_header(q->w, BLK_T_FLUSH, 0), 16, false},
				  {galloc(q->w, 1, 1), 1, true}};

	for (unsigned i = 0; i < times; i++) {
		gset(q->w, pieces[1].addr, 0xff, 1);
		/* Through a table, so that a queue of one will do. */
		if (q->size == 1) {
			uint64_t mark = q->w->next_free;
			uint16_t id = vq_add_indirect(q, pieces, 2);

			vq_kick(q);
			while (!(vq_poll(q), q->done[id]))
				test_pause();
			q->w->next_free = mark;
		} else {
			run_pieces(q, pieces, 2);
		}
		CHECK_EQ(status_at(q->w, pieces[1].addr), BLK_S_OK);
	}
}

/* A misleading event index: just used, or far off. */
static void mislead(struct vq *q, bool now)
{
	if (!q->packed)
		set_used_event(q, (uint16_t)(q->used + (now ? 0 : 1000)));
}

void expect_flags_rule(struct world *w)
{
	struct vq *q = &w->q[0];

	for (unsigned round = 0; round < 2; round++) {
		mislead(q, true);
		vq_interrupts(q, false);
		irq_ack(w);
		fence(q);
		fence(q);
		expect_no_irq_at_all(w);
		mislead(q, false);
		vq_interrupts(q, true);
		fence(q);
		expect_irq(w, 0);
	}
	irq_ack(w);
}

const struct sample samples[] = {
    {BLK_T_IN, 512, 0, BLK_S_OK},
    {BLK_T_IN, 4096, 24, BLK_S_OK},
    {BLK_T_OUT, 1024, 8, BLK_S_OK},
    {BLK_T_FLUSH, 0, 0, BLK_S_OK},
    {BLK_T_GET_ID, 20, 0, BLK_S_OK},
    {BLK_T_DISCARD, 16, 0, BLK_S_OK},
    {BLK_T_WRITE_ZEROES, 32, 0, BLK_S_OK},
    {BLK_T_SECURE_ERASE, 16, 0, BLK_S_OK},
    {BLK_T_IN, 512, 1ull << 40, BLK_S_IOERR},
    {BLK_T_IN, 511, 0, BLK_S_IOERR},
    {BLK_T_OUT, 1024, WORLD_DISK_SIZE / 512 - 1, BLK_S_IOERR},
    {BLK_T_OUT, 513, 0, BLK_S_IOERR},
    {BLK_T_DISCARD, 15, 0, BLK_S_IOERR},
    {99, 512, 0, BLK_S_UNSUPP},
};
const unsigned sample_count = sizeof(samples) / sizeof(samples[0]);

struct req *add_sample(struct vq *q, const struct sample *sample)
{
	struct world *w = q->w;
	uint64_t data = galloc(w, sample->length + 1, 16);

	if (!type_reads(sample->type))
		gset(w, data, POISON, sample->length);
	else if (sample->type == BLK_T_OUT)
		gpattern(w, data, sample->length, sample->type);
	else
		for (unsigned at = 0; at + 16 <= sample->length; at += 16)
			put_range(w, data + at, 32 + at, 8, 0);
	return submit_quietly(q, sample->type, sample->sector, data, sample->length);
}

void expect_alive(struct world *w)
{
	uint64_t data = galloc(w, 1024, 16);

	gpattern(w, data, 512, 4711);
	CHECK_EQ(blk(&w->q[0], BLK_T_OUT, 9, data, 512), BLK_S_OK);
	gset(w, data + 512, 0, 512);
	CHECK_EQ(blk(&w->q[0], BLK_T_IN, 9, data + 512, 512), BLK_S_OK);
	CHECK(gpattern_is(w, data + 512, 512, 4711));
	CHECK(!needs_reset(w));
}

void put_range(struct world *w, uint64_t addr, uint64_t sector, uint32_t sectors, uint32_t flags)
{
	s64(w, addr, sector);
	s32(w, addr + 8, sectors);
	s32(w, addr + 12, flags);
}
