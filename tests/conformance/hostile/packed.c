/* SPDX-License-Identifier: MIT */
/* HP: packed rings that make no sense, and those that look like it. */
#include <stdlib.h>

#include "tests/conformance/hostile/hostile.h"

/* A flush as a list of two slots at `at`, of any id; the first slot's flags come last. */
static void put_flush(struct vq *q, unsigned at, uint16_t id, uint64_t status)
{
	struct world *w = q->w;
	uint16_t mark = packed_avail_flags(q);
	uint64_t header = put_header(w, BLK_T_FLUSH, 0);

	gset(w, status, NO_STATUS, 1);
	put_desc(q, at + 1, status, 1, id, (uint16_t)(mark | D_WRITE));
	put_desc(q, at, header, 16, id, (uint16_t)(mark | D_NEXT));
}

static bool slot_used(struct vq *q, unsigned at)
{
	uint16_t flags = get_desc(q, at).b;

	return flags & D_USED && flags & D_AVAIL;
}

TEST(HP_01, PACKED | MODERN | MODES)
{
	static const uint16_t marks[] = {0, D_USED, D_AVAIL | D_USED, D_USED | D_NEXT | D_WRITE,
					 (uint16_t) ~(D_AVAIL | D_INDIRECT)};
	struct vq *q = &w->q[0];
	uint64_t status = galloc(w, 1, 1);

	open_and_start(w, NULL, 0, 0);
	for (unsigned i = 0; i < COUNT(marks); i++) {
		uint8_t *before;

		for (unsigned at = 0; at < q->size; at++)
			put_desc(q, at, put_header(w, BLK_T_FLUSH, 0), 16, 0, marks[i]);
		before = gcopy(w, q->desc, 16ull * q->size);
		irq_ack(w);
		for (unsigned k = 0; k < 3; k++)
			vq_kick(q);
		settle();
		CHECK(gsame(w, q->desc, before, 16ull * q->size));
		expect_no_irq_at_all(w);
		CHECK(!needs_reset(w));
		free(before);
	}
	gset(w, q->desc, 0, 16ull * q->size);
	put_flush(q, 0, 7, status);
	vq_kick(q);
	EVENTUALLY(slot_used(q, 0));
	CHECK_EQ(status_at(w, status), BLK_S_OK);
}

TEST(HP_02, PACKED | MODERN | IRQS | MODES)
{
	open_and_start(w, NULL, 0, 0);
	vq_break(&w->q[0]);
	expect_broken_and_quiet(w);
	/* And where only the lap before it makes it endless. */
	fresh(w);
	spin(&w->q[0], 11);
	vq_break(&w->q[0]);
	expect_broken_and_quiet(w);
}

TEST(HP_03, PACKED | MODERN | MODES)
{
	static const uint16_t marks[] = {0, D_USED, D_AVAIL | D_USED};

	open_and_start(w, NULL, 0, 0);
	for (unsigned i = 0; i < COUNT(marks); i++) {
		struct vq *q = &w->q[0];
		struct bait b = bait_new(w, BLK_T_IN, 0, 512);

		put_desc(q, 1, b.data, 512, 0, (uint16_t)(marks[i] | D_NEXT | D_WRITE));
		put_desc(q, 2, b.status, 1, 3, (uint16_t)(marks[i] | D_WRITE));
		put_desc(q, 0, b.header, 16, 0, D_AVAIL | D_NEXT);
		vq_kick(q);
		/* The first slot speaks for all. */
		EVENTUALLY(slot_used(q, 0));
		CHECK_EQ(status_at(w, b.status), BLK_S_OK);
		CHECK_EQ(get_desc(q, 0).len, 513);
		CHECK_EQ(get_desc(q, 0).a, 3);
		CHECK(!needs_reset(w));
		fresh(w);
	}
	expect_alive(w);
}

TEST(HP_04, PACKED | MODERN | MODES)
{
	static const uint16_t ids[] = {64, 65, 1000, 0x7fff, 0x8000, 0xffff};
	struct vq *q = &w->q[0];
	uint64_t status = galloc(w, 1, 1);

	open_and_start(w, NULL, 0, 0);
	for (unsigned i = 0; i < COUNT(ids); i++) {
		put_flush(q, 2 * i, ids[i], status);
		vq_kick(q);
		EVENTUALLY(slot_used(q, 2 * i));
		CHECK_EQ(get_desc(q, 2 * i).a, ids[i]);
		CHECK_EQ(status_at(w, status), BLK_S_OK);
	}
	fresh(w);
	expect_alive(w);
}

TEST(HP_05, PACKED | MODERN | MODES)
{
	struct vq *q = &w->q[0];
	uint64_t status = galloc(w, 32, 1);

	open_and_start(w, NULL, 0, 0);
	for (unsigned round = 0; round < 20; round++) {
		/* From behind: all of them are there when the first is. */
		for (unsigned i = 32; i--;)
			put_flush(q, 2 * i, 5, status + i);
		vq_kick(q);
		for (unsigned i = 0; i < 32; i++) {
			EVENTUALLY(slot_used(q, 2 * i));
			CHECK_EQ(get_desc(q, 2 * i).a, 5);
			CHECK_EQ(status_at(w, status + i), BLK_S_OK);
		}
		fresh(w);
	}
	expect_alive(w);
}

TEST(HP_06, PACKED | MODERN | MODES)
{
	open_and_start(w, NULL, 0, 0);
	for (unsigned place = 0; place < 2; place++) {
		struct bait b = bait_new(w, BLK_T_IN, 0, 512);
		uint64_t table = galloc(w, 48, 16);
		const struct link parts[3] = {
		    {b.header, 16, 0, 0}, {b.data, 512, D_WRITE, 0}, {b.status, 1, D_WRITE, 0}};
		const struct link first[2] = {{table, 48, D_INDIRECT | D_NEXT, 0},
					      {b.status, 1, D_WRITE, 0}};
		const struct link last[2] = {{b.header, 16, D_NEXT, 0},
					     {table + 16, 32, D_INDIRECT, 0}};

		put_table(w, table, parts, 3);
		expect_reaction(w, try_links(&w->q[0], place ? last : first, 2, b.status),
				IS_ERR | IS_BRK, 0);
		CHECK(gall(w, b.data, POISON, 512));
	}
}

TEST(HP_07, PACKED | MODERN | MODES)
{
	static const uint16_t odd[] = {D_NEXT, D_INDIRECT, D_NEXT | D_INDIRECT,          D_AVAIL,
				       D_USED, 0x7878,     (uint16_t) ~(uint16_t)D_WRITE};

	open_and_start(w, NULL, 0, 0);
	for (unsigned i = 0; i < COUNT(odd); i++) {
		struct bait b = bait_new(w, BLK_T_IN, 0, 512);
		const struct link parts[3] = {{b.header, 16, odd[i], 0},
					      {b.data, 512, D_WRITE | odd[i], 0},
					      {b.status, 1, D_WRITE | odd[i], 0}};

		expect_reaction(w, try_table(&w->q[0], parts, 3, b.status), IS_OK, 513);
		CHECK(gall(w, b.data, 0, 512));
	}
}

TEST(HP_08, PACKED | MODERN | IRQS | MODES)
{
	static const uint32_t areas[] = {EVENT(3, 0, 0),  EVENT(3, 1, 5), EVENT(2, 0, 0),
					 EVENT(2, 1, 63), 0xffff0000,     0xffffffff & ~(1u << 16)};

	/* Without event indices: every one of them means "tell me". */
	open_and_start(w, NULL, 0, 0);
	for (unsigned i = 0; i < COUNT(areas); i++) {
		packed_event(&w->q[0], areas[i]);
		irq_ack(w);
		fence(&w->q[0]);
		expect_irq(w, 0);
	}
	expect_alive(w);
}

TEST(HP_09, PACKED | MODERN | IRQS | MODES)
{
	static const uint32_t offsets[] = {64, 65, 127, 128, 1000, 0x7fff};

	open_and_start(w, NULL, FEATURE(F_EVENT_IDX), 0);
	for (unsigned i = 0; i < COUNT(offsets); i++)
		for (unsigned wrap = 0; wrap < 2; wrap++) {
			packed_event(&w->q[0], EVENT(2, wrap, offsets[i]));
			spin(&w->q[0], 80);
		}
	vq_event_after(&w->q[0], 0, 3);
	irq_ack(w);
	fence(&w->q[0]);
	expect_irq(w, 0);
	expect_alive(w);
}

/* The second slot of a list, which the device may be reading: two places, two lengths. */
static uint64_t slot_at, choices[2];

static void flip_slot(struct world *w, unsigned turn)
{
	s64(w, slot_at, choices[turn & 1]);
	s32(w, slot_at + 8, turn & 2 ? 512 : 1024);
}

TEST(HP_10, PACKED | MODERN | MODES)
{
	struct meddler m;
	uint64_t data = galloc(w, 8192, 4096), status = galloc(w, 1, 1);

	open_and_start(w, NULL, 0, 0);
	slot_at = w->q[0].desc + 16;
	choices[0] = data;
	choices[1] = NOWHERE;
	gset(w, data + 1024, POISON, 4096);
	meddle(&m, w, flip_slot);
	for (unsigned i = 0; i < 400; i++) {
		struct vq *q = &w->q[0];
		unsigned got;

		gset(w, status, NO_STATUS, 1);
		put_desc(q, 2, status, 1, 0, D_AVAIL | D_WRITE);
		s64(w, q->desc + 16, data);
		s32(w, q->desc + 16 + 8, 512);
		s16(w, q->desc + 16 + 14, D_AVAIL | D_NEXT | D_WRITE);
		put_desc(q, 0, put_header(w, BLK_T_IN, 0), 16, 0, D_AVAIL | D_NEXT);
		vq_kick(q);
		EVENTUALLY(slot_used(q, 0));
		got = status_at(w, status);
		CHECK(got == BLK_S_OK || got == BLK_S_IOERR);
		got = get_desc(q, 0).len;
		CHECK(got == 0 || got == 513 || got == 1025);
		CHECK(gall(w, data + 1024, POISON, 4096));
		fresh(w);
		/* The ring is elsewhere now. */
		__atomic_store_n(&slot_at, w->q[0].desc + 16, __ATOMIC_RELAXED);
	}
	meddle_end(&m);
	fresh(w);
	expect_alive(w);
}

TEST(HP_11, PACKED | MODERN)
{
	struct vq *q = &w->q[0];
	struct req *r[20];

	open_and_start(w, NULL, 0, 0);
	hold(w, r, 20, BLK_T_IN); /* 60 slots */
	for (unsigned i = 0; i < 5; i++) {
		unsigned at = (q->avail + i) % q->size;
		bool wrapped = q->avail + i >= q->size;

		put_desc(q, at, put_header(w, BLK_T_FLUSH, 0), 16, 0,
			 (uint16_t)((wrapped ? D_USED : D_AVAIL) | (i < 4 ? D_NEXT : 0)));
	}
	vq_kick(q);
	expect_broken(w);
	for (unsigned i = 0; i < 20; i++)
		CHECK_EQ(status_at(w, r[i]->status), NO_STATUS);
	fresh(w);
	ram_disk_release(w->ram);
	expect_alive(w);
}

TEST(HP_12, PACKED | MODERN | MODES)
{
	static const uint16_t sizes[] = {1, 2, 3, 5, 7, 13, 33, 63, 64};

	for (unsigned i = 0; i < COUNT(sizes); i++) {
		struct vq *q = &w->q[0];
		struct piece pieces[64];
		uint64_t data = galloc(w, 512 * 64, 512), status = galloc(w, 1, 1);
		unsigned n = sizes[i];

		world_close(w);
		world_open(w, NULL);
		start_sized(w, 0, sizes[i]);
		CHECK_EQ(q->size, n);
		spin(q, 3 * n + 2 > 40 || n < 2 ? 4 : 3 * n + 2);
		if (n < 3) {
			spin(q, 10);
			continue;
		}
		pieces[0] = (struct piece){put_header(w, BLK_T_IN, 0), 16, false};
		for (unsigned k = 1; k + 1 < n; k++)
			pieces[k] = (struct piece){data + 512 * k, 512, true};
		pieces[n - 1] = (struct piece){status, 1, true};
		for (unsigned round = 0; round < 5; round++) {
			CHECK_EQ(run_pieces(q, pieces, n), 512 * (n - 2) + 1);
			CHECK_EQ(status_at(w, status), BLK_S_OK);
			spin(q, 1);
		}
		expect_alive(w);
	}
}

TEST(HP_13, RINGS | MODERN | MODES)
{
	struct vq *q = &w->q[0];
	uint64_t status = galloc(w, 1, 1), header = put_header(w, BLK_T_FLUSH, 0);

	/* Both layouts are offered. What lies there looks like the one that was not chosen. */
	world_open(w, "ring=both");
	w->packed = !w->packed;
	start(w, 0, 0);
	w->packed = !w->packed;
	gset(w, status, NO_STATUS, 1);
	if (w->packed) {
		/* A packed ring where a split one is: no index has moved. */
		q->packed = true;
		put_desc(q, 1, status, 1, 0, D_AVAIL | D_WRITE);
		put_desc(q, 0, header, 16, 0, D_AVAIL | D_NEXT);
	} else {
		q->packed = false;
		put_desc(q, 1, status, 1, D_WRITE, 0);
		put_desc(q, 0, header, 16, D_NEXT, 1);
	}
	q->packed = !w->packed;
	for (unsigned i = 0; i < 3; i++)
		vq_kick(q);
	settle();
	CHECK_EQ(status_at(w, status), NO_STATUS);
	CHECK(!needs_reset(w));
	w->packed = !w->packed;
	fresh(w);
	expect_alive(w);
	w->packed = !w->packed;
}

/* A BAR that is moved over the ring: the ring stays what it was, memory. */
TEST(HP_14, PACKED | MODERN | MODES)
{
	open_and_start(w, NULL, 0, 0);
	for (unsigned bar = 1; bar <= 4; bar += 3) {
		uint64_t home = w->bar[bar];

		cfg_write(w, 0x10 + 4 * bar, 4, (uint32_t)w->q[0].desc & ~0x3fffu);
		if (bar == 4)
			cfg_write(w, 0x14 + 4 * bar, 4, 0);
		world_probe(w);
		for (unsigned i = 0; i < 5; i++)
			fence(&w->q[0]);
		cfg_write(w, 0x10 + 4 * bar, 4, (uint32_t)home);
		if (bar == 4)
			cfg_write(w, 0x14 + 4 * bar, 4, (uint32_t)(home >> 32));
		world_probe(w);
		expect_alive(w);
	}
}
