/* SPDX-License-Identifier: MIT */
/* SPLIT: where rings may lie, how large they may be, and how long they run. */
#include <string.h>

#include "tests/conformance/world.h"

/* A driver that takes one entry for a batch: all up to the one that is named are done. */
TEST(SPLIT_21, SPLIT | MODERN | MODES)
{
	struct vq *q = &w->q[0];
	struct req *r[12];
	unsigned done = 0;

	open_and_start(w, "features=+in-order", FEATURE(F_IN_ORDER), 0);
	for (unsigned round = 0; round < 5; round++) {
		uint16_t from = used_idx(q);

		for (unsigned i = 0; i < 12; i++)
			r[i] = submit_quietly(q, i % 3 ? BLK_T_IN : BLK_T_OUT, i,
					      galloc(w, 512, 512), 512);
		vq_kick(q);
		EVENTUALLY((uint16_t)(used_idx(q) - from) == 12);
		for (done = 0; done < 12;) {
			uint32_t id = used_id(q, (uint16_t)(from + done));
			unsigned last = done;

			while (last < 12 && r[last]->id != id)
				last++;
			CHECK(last < 12);
			done = last + 1;
		}
		CHECK_EQ(done, 12);
		for (unsigned i = 0; i < 12; i++)
			CHECK_EQ(status_at(w, r[i]->status), BLK_S_OK);
		CHECK_EQ(vq_poll(q), 12);
	}
}

/* Everything about a queue that lies where it lies now. */
static void try_places(struct world *w, uint64_t desc, uint64_t avail, uint64_t used)
{
	struct vq *q = &w->q[0];

	reset(w);
	negotiate(w, usual_features(w) | FEATURE(F_EVENT_IDX));
	vq_init(w, q, 0, 64, false);
	q->desc = desc;
	q->driver = avail;
	q->device = used;
	gset(w, desc, 0, 16 * 64);
	gset(w, avail, 0, 6 + 2 * 64);
	gset(w, used, 0, 6 + 8 * 64);
	set_queue_vector(w, 0, 1);
	vq_enable(q);
	driver_ok(w);
	for (unsigned i = 0; i < 40; i++)
		expect_alive(w);
	set_used_event(q, q->used);
	irq_ack(w);
	fence(q);
	expect_irq(w, 0);
}

TEST(SPLIT_22, SPLIT | MODERN)
{
	static const uint64_t places[][3] = {
	    {0x10000, 0x10000 + 16 * 64, 0x11000},
	    {0x20010, 0x1f002, 0x1e004}, /* least alignment, the other way round */
	    {HIGH_BASE + 0x1010, HIGH_BASE + 0x30002, HIGH_BASE + 0x20004},
	    {HIGH_END - 16 * 64, 0x1000, RAM_END - (6 + 8 * 64) - 2},
	    {0x0, HIGH_BASE, RAM2_BASE}, /* 0 is an address like any other */
	    {0x30000, 0x30000 + 16 * 64, 0x30000 + 16 * 64 + 6 + 2 * 64 + 2},
	};

	world_open(w, NULL);
	for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		try_places(w, places[i][0], places[i][1], places[i][2]);
}

/* The legacy interface has one block, in pages. */
TEST(SPLIT_22b, SPLIT | LEGACY)
{
	static const uint64_t pages[] = {0x1000, 0x7000, HIGH_BASE, HIGH_END - 0x2000};

	world_open(w, NULL);
	for (unsigned i = 0; i < 4; i++)
		try_places(w, pages[i], pages[i] + 16 * 64, pages[i] + 0x1000);
}

/* Some laps through indirect tables, so that one slot will do, and the events' places. */
static void try_size(struct world *w, uint16_t size)
{
	struct vq *q = &w->q[0];

	negotiate(w, usual_features(w) | FEATURE(F_EVENT_IDX));
	setup_queue(w, 0, size);
	driver_ok(w);
	for (unsigned i = 0; i < 3u * size && i < 3000; i++) {
		uint64_t mark = w->next_free, data = galloc(w, 512, 16);
		struct piece pieces[3] = {{put_header(w, BLK_T_IN, i % 64), 16, false},
					  {data, 512, true},
					  {galloc(w, 1, 1), 1, true}};
		uint16_t id = vq_add_indirect(q, pieces, 3);

		vq_kick(q);
		EVENTUALLY((vq_poll(q), q->done[id]));
		CHECK_EQ(status_at(w, pieces[2].addr), BLK_S_OK);
		CHECK(!memcmp(gptr(w, data, 512), w->ram->data + i % 64 * 512, 512));
		w->next_free = mark;
	}
	CHECK_EQ(avail_event(q), q->avail);
	irq_ack(w);
	set_used_event(q, (uint16_t)(q->used + 1));
	spin(q, 1);
	expect_no_irq_at_all(w);
	spin(q, 1);
	expect_irq(w, 0);
	irq_ack(w);
	reset(w);
	/* Where a larger queue would have its event index nobody looked. */
	w->next_free = 1 << 20;
}

TEST(SPLIT_23, SPLIT | MODERN | MODES)
{
	world_open(w, "queue-size=1024");
	pattern(w->ram->data, 65536, 5);
	for (unsigned size = 1; size <= 1024; size *= 2)
		try_size(w, (uint16_t)size);
}

TEST(SPLIT_23b, SPLIT | MODERN)
{
	world_open(w, "queue-size=32768");
	pattern(w->ram->data, 65536, 5);
	try_size(w, 32768);
	try_size(w, 2);
}

TEST(SPLIT_23c, SPLIT | LEGACY)
{
	static const char *const keys[] = {"queue-size=1", "queue-size=2", "queue-size=16",
					   "queue-size=1024"};

	for (unsigned i = 0; i < 4; i++) {
		world_close(w);
		world_open(w, keys[i]);
		pattern(w->ram->data, 65536, 5);
		try_size(w, 0);
	}
}

TEST(SPLIT_24, SPLIT | MODERN | INLINE)
{
	open_and_start(w, "queue-size=1", 0, 0);
	spin(&w->q[0], 66000);
	CHECK_EQ(used_idx(&w->q[0]), 66000 - 65536);
	CHECK(!needs_reset(w));
}

TEST(SPLIT_24b, SPLIT | VIEWS | INLINE)
{
	open_and_start(w, "queue-size=1024", 0, 0);
	spin(&w->q[0], 66000);
	CHECK_EQ(used_idx(&w->q[0]), 66000 - 65536);
	expect_alive(w);
}

/* The device runs while the driver writes entries: it never sees half of one. */
TEST(SPLIT_25, RINGS | VIEWS)
{
	struct vq *q = &w->q[0];
	uint64_t headers = galloc(w, 64 * 16, 16), data = galloc(w, 64 * 512, 512);
	uint64_t status = galloc(w, 64, 16);
	unsigned sector_of[64], added = 0;

	open_and_start(w, NULL, 0, 0);
	for (unsigned i = 0; i < 4096; i++)
		pattern(w->ram->data + 512 * i, 512, i);
	for (unsigned finished = 0; finished < 40000;) {
		while (q->free_slots >= 3 && added - finished < 16 && added < 40000) {
			unsigned slot = added % 64, sector = (added * 97) % 4096;
			struct piece pieces[3] = {{headers + 16 * slot, 16, false},
						  {data + 512 * slot, 512, true},
						  {status + slot, 1, true}};

			s64(w, headers + 16 * slot + 8, sector);
			s32(w, headers + 16 * slot, BLK_T_IN);
			s64(w, data + 512 * slot, 0);
			gset(w, status + slot, 0xff, 1);
			sector_of[slot] = sector;
			vq_add(q, pieces, 3);
			added++;
			vq_kick(q);
		}
		vq_poll(q);
		/* One queue, one disk in memory: they finish in order. */
		for (; finished < added && status_at(w, status + finished % 64) != 0xff;
		     finished++) {
			unsigned slot = finished % 64;

			if (q->returned <= finished)
				break;
			CHECK_EQ(status_at(w, status + slot), BLK_S_OK);
			CHECK(!memcmp(gptr(w, data + 512 * slot, 512),
				      w->ram->data + 512 * sector_of[slot], 512));
		}
	}
}

TEST(SPLIT_26, SPLIT | VIEWS)
{
	struct vq *q = &w->q[0];
	uint64_t header, data, status;

	open_and_start(w, NULL, 0, 0);
	header = put_header(w, BLK_T_IN, 0);
	data = galloc(w, 512, 16);
	status = galloc(w, 1, 1);
	for (unsigned bit = 0; bit < 14; bit++) {
		uint16_t odd = bit ? (uint16_t)(4u << bit) : 0;

		gset(w, status, 0xff, 1);
		put_desc(q, 0, header, 16, (uint16_t)(D_NEXT | odd), 1);
		put_desc(q, 1, data, 512, (uint16_t)(D_NEXT | D_WRITE | odd), 2);
		put_desc(q, 2, status, 1, (uint16_t)(D_WRITE | odd), (uint16_t)(0xffff - 7 * bit));
		avail_put(q, 0);
		vq_kick(q);
		EVENTUALLY(used_idx(q) == bit + 1 || needs_reset(w));
		/* Unknown flags may fail the request; garbage behind a missing NEXT may not. */
		if (!bit)
			CHECK_EQ(status_at(w, status), BLK_S_OK);
		CHECK(!needs_reset(w));
		CHECK(status_at(w, status) == BLK_S_OK || status_at(w, status) == BLK_S_IOERR);
	}
}
