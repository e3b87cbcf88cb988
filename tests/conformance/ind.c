/* SPDX-License-Identifier: MIT */
/* IND: indirect descriptors. */
#include <string.h>

#include "tests/conformance/world.h"

/* Entry `at` of a table; `a` and `b` as in a ring of that kind. */
static void put_entry(struct world *w, uint64_t table, unsigned at, uint64_t addr, uint32_t len,
		      uint16_t a, uint16_t b)
{
	struct desc desc = {addr, len, a, b};

	memcpy(gptr(w, table + 16ull * at, 16), &desc, 16);
}

/* A read of 1024 bytes of sector 8: header, two pieces of data, status. */
struct parts {
	uint64_t header, data, status;
};

static struct parts make_parts(struct world *w)
{
	struct parts p = {put_header(w, BLK_T_IN, 8), galloc(w, 1024, 16), galloc(w, 1, 1)};

	pattern(w->ram->data + 8 * 512, 1024, 77);
	gset(w, p.data, 0, 1024);
	gset(w, p.status, 0xff, 1);
	return p;
}

static void expect_parts(struct world *w, const struct parts *p)
{
	EVENTUALLY(status_at(w, p->status) != 0xff);
	CHECK_EQ(status_at(w, p->status), BLK_S_OK);
	CHECK(gpattern_is(w, p->data, 1024, 77));
}

/* All four in a table, one behind the other. */
static void put_parts(struct world *w, uint64_t table, const struct parts *p)
{
	bool packed = w->packed;

	put_entry(w, table, 0, p->header, 16, packed ? 0 : D_NEXT, packed ? 0 : 1);
	put_entry(w, table, 1, p->data, 512, packed ? 0 : D_NEXT | D_WRITE, packed ? D_WRITE : 2);
	put_entry(w, table, 2, p->data + 512, 512, packed ? 0 : D_NEXT | D_WRITE,
		  packed ? D_WRITE : 3);
	put_entry(w, table, 3, p->status, 1, packed ? 0 : D_WRITE, packed ? D_WRITE : 0);
}

/* One descriptor that refers to a table. */
static void refer(struct vq *q, unsigned slot, uint64_t table, uint32_t length, uint16_t flags,
		  uint16_t id)
{
	if (q->packed) {
		put_desc(q, slot, table, length, id, (uint16_t)(D_INDIRECT | flags | D_AVAIL));
	} else {
		put_desc(q, slot, table, length, (uint16_t)(D_INDIRECT | flags), 0);
		avail_put(q, (uint16_t)slot);
	}
	vq_kick(q);
}

TEST(IND_01, SPLIT | VIEWS)
{
	uint64_t table = galloc(w, 64, 16);
	struct parts p;

	open_and_start(w, NULL, 0, 0);
	p = make_parts(w);
	put_parts(w, table, &p);
	refer(&w->q[0], 3, table, 64, D_WRITE, 0);
	expect_parts(w, &p);
}

TEST(IND_02, SPLIT | VIEWS)
{
	struct vq *q = &w->q[0];

	open_and_start(w, NULL, 0, 0);
	/* `direct` of the four parts come first, the others in a table. */
	for (unsigned direct = 0; direct < 4; direct++) {
		struct parts p = make_parts(w);
		const struct piece all[4] = {{p.header, 16, false},
					     {p.data, 512, true},
					     {p.data + 512, 512, true},
					     {p.status, 1, true}};
		uint64_t table = galloc(w, 64, 16);

		for (unsigned i = 0; i < direct; i++)
			put_desc(q, i, all[i].addr, all[i].len,
				 (uint16_t)(D_NEXT | (all[i].write ? D_WRITE : 0)),
				 (uint16_t)(i + 1));
		for (unsigned i = direct; i < 4; i++)
			put_entry(w, table, i - direct, all[i].addr, all[i].len,
				  (uint16_t)((i < 3 ? D_NEXT : 0) | (all[i].write ? D_WRITE : 0)),
				  (uint16_t)(i + 1 - direct));
		put_desc(q, direct, table, 16 * (4 - direct), D_INDIRECT, 0);
		avail_put(q, 0);
		vq_kick(q);
		expect_parts(w, &p);
		EVENTUALLY(used_idx(q) == direct + 1);
		CHECK_EQ(used_len(q, (uint16_t)direct), 1025);
	}
}

TEST(IND_03, SPLIT | VIEWS)
{
	static const unsigned orders[][4] = {
	    {0, 3, 1, 2}, {0, 2, 1, 3}, {0, 5, 6, 4}, {0, 6, 2, 1}};

	open_and_start(w, NULL, 0, 0);
	for (unsigned k = 0; k < 4; k++) {
		const unsigned *o = orders[k];
		uint64_t table = galloc(w, 7 * 16, 16);
		struct parts p = make_parts(w);

		gset(w, table, 0xff, 7 * 16);
		put_entry(w, table, o[0], p.header, 16, D_NEXT, (uint16_t)o[1]);
		put_entry(w, table, o[1], p.data, 512, D_NEXT | D_WRITE, (uint16_t)o[2]);
		put_entry(w, table, o[2], p.data + 512, 512, D_NEXT | D_WRITE, (uint16_t)o[3]);
		put_entry(w, table, o[3], p.status, 1, D_WRITE, 0xffff);
		refer(&w->q[0], k, table, 7 * 16, 0, 0);
		expect_parts(w, &p);
	}
}

TEST(IND_04, RINGS | VIEWS)
{
	uint64_t tables[20];
	uint64_t low = galloc(w, 4096, 4096);

	open_and_start(w, NULL, 0, 0);
	for (unsigned i = 0; i < 16; i++)
		tables[i] = low + 128 * i + i;
	tables[16] = HIGH_BASE + 1;
	tables[17] = HIGH_END - 64;
	tables[18] = 0;
	tables[19] = ROM_BASE + 3;
	for (unsigned i = 0; i < 19; i++) {
		struct parts p = make_parts(w);

		put_parts(w, tables[i], &p);
		refer(&w->q[0], i, tables[i], 64, 0, (uint16_t)i);
		expect_parts(w, &p);
	}
}

TEST(IND_05, RINGS | VIEWS | MODES)
{
	uint64_t table = galloc(w, 64, 16);

	open_and_start(w, NULL, 0, 0);
	for (unsigned i = 0; i < 60; i++) {
		struct parts p = make_parts(w);

		put_parts(w, table, &p);
		refer(&w->q[0], i, table, 64, 0, (uint16_t)i);
		expect_parts(w, &p);
	}
}

TEST(IND_06, RINGS | VIEWS | MODES)
{
	struct vq *q = &w->q[0];
	uint64_t data = galloc(w, 60 * 512, 512), status = galloc(w, 1, 1);
	struct piece pieces[62];

	open_and_start(w, "queue-size=1", 0, 0);
	CHECK_EQ(q->size, 1);
	pieces[0] = (struct piece){put_header(w, BLK_T_IN, 8), 16, false};
	for (unsigned i = 0; i < 60; i++)
		pieces[1 + i] = (struct piece){data + 512 * i, 512, true};
	pieces[61] = (struct piece){status, 1, true};
	pattern(w->ram->data + 8 * 512, 60 * 512, 4);
	for (unsigned i = 0; i < 20; i++) {
		uint16_t id;

		gset(w, data, 0, 60 * 512);
		gset(w, status, 0xff, 1);
		id = vq_add_indirect(q, pieces, 62);
		vq_kick(q);
		EVENTUALLY((vq_poll(q), q->done[id]));
		CHECK_EQ(q->written[id], 60 * 512 + 1);
		CHECK_EQ(status_at(w, status), BLK_S_OK);
		CHECK(gpattern_is(w, data, 60 * 512, 4));
	}
}

TEST(IND_07, PACKED | MODERN)
{
	static const uint16_t garbage[] = {
	    0, D_NEXT, D_AVAIL, D_USED, D_INDIRECT, D_NEXT | D_INDIRECT | D_AVAIL | D_USED, 0x7f78};

	open_and_start(w, NULL, 0, 0);
	for (unsigned i = 0; i < sizeof(garbage) / sizeof(garbage[0]); i++) {
		uint16_t g = garbage[i];
		uint64_t table = galloc(w, 64, 16);
		struct parts p = make_parts(w);

		put_entry(w, table, 0, p.header, 16, (uint16_t)(i * 7), g);
		put_entry(w, table, 1, p.data, 512, 0xffff, (uint16_t)(D_WRITE | g));
		put_entry(w, table, 2, p.data + 512, 512, 60, (uint16_t)(D_WRITE | g));
		put_entry(w, table, 3, p.status, 1, 0x8000, (uint16_t)(D_WRITE | g));
		refer(&w->q[0], i, table, 64, 0, 5);
		expect_parts(w, &p);
		EVENTUALLY((get_desc(&w->q[0], i).b & D_USED));
		CHECK_EQ(get_desc(&w->q[0], i).a, 5);
	}
}

TEST(IND_08, PACKED | MODERN)
{
	struct vq *q = &w->q[0];

	open_and_start(w, NULL, 0, 0);
	for (unsigned n = 2; n < 40; n++) {
		uint64_t table = galloc(w, 16 * (n + 1), 16), data = galloc(w, 512 * n, 16);
		uint64_t status = galloc(w, 1, 1);

		put_entry(w, table, 0, put_header(w, BLK_T_IN, 0), 16, 0, 0);
		for (unsigned i = 1; i + 1 < n; i++)
			put_entry(w, table, i, data + 512 * i, 512, 0, D_WRITE);
		put_entry(w, table, n - 1, status, 1, 0, D_WRITE);
		/* What follows the table is none of it. */
		put_entry(w, table, n, 0, 4096, 0, D_WRITE);
		gset(w, status, 0xff, 1);
		refer(q, n - 2, table, 16 * n, 0, 1);
		EVENTUALLY(get_desc(q, n - 2).b & D_USED);
		CHECK_EQ(status_at(w, status), BLK_S_OK);
		CHECK_EQ(get_desc(q, n - 2).len, 512 * (n - 2) + 1);
	}
}

TEST(IND_09, PACKED | MODERN)
{
	open_and_start(w, NULL, 0, 0);
	for (unsigned i = 0; i < 20; i++) {
		uint64_t table = galloc(w, 64, 16);
		struct parts p = make_parts(w);

		put_parts(w, table, &p);
		refer(&w->q[0], i, table, 64, i % 2 ? D_WRITE : 0, (uint16_t)(1000 + i));
		expect_parts(w, &p);
		EVENTUALLY(get_desc(&w->q[0], i).b & D_USED);
		CHECK_EQ(get_desc(&w->q[0], i).a, 1000 + i);
	}
}

TEST(IND_10, RINGS | VIEWS | MODES)
{
	struct vq *q = &w->q[0];

	open_and_start(w, NULL, 0, 0);
	for (unsigned i = 0; i < 100; i++) {
		uint64_t mark = w->next_free;
		struct parts p = make_parts(w);
		const struct piece pieces[4] = {{p.header, 16, false},
						{p.data, 512, true},
						{p.data + 512, 512, true},
						{p.status, 1, true}};
		uint16_t direct = 0, table;

		table = vq_add_indirect(q, pieces, 4);
		if (i % 3)
			direct = vq_add(q, pieces, 4);
		vq_kick(q);
		EVENTUALLY((vq_poll(q), q->done[table] && (!(i % 3) || q->done[direct])));
		expect_parts(w, &p);
		w->next_free = mark;
	}
}

TEST(IND_11, RINGS | VIEWS | MODES)
{
	struct vq *q = &w->q[0];
	uint64_t data = galloc(w, 512, 512), status = galloc(w, 1, 1);
	struct piece pieces[3] = {
	    {put_header(w, BLK_T_OUT, 3), 16, false}, {data, 512, false}, {status, 1, true}};

	open_and_start(w, NULL, 0, FEATURE(F_INDIRECT_DESC));
	expect_alive(w);
	gset(w, data, 0x77, 512);
	gset(w, status, 0xff, 1);
	vq_add_indirect(q, pieces, 3);
	vq_kick(q);
	EVENTUALLY(needs_reset(w) || vq_poll(q));
	/* The table was not followed. */
	CHECK_EQ(w->ram->data[3 * 512], 0);
	CHECK_EQ(status_at(w, status), 0xff);
	reset(w);
	start(w, 0, 0);
	vq_add_indirect(q, pieces, 3);
	vq_kick(q);
	EVENTUALLY(vq_poll(q));
	CHECK_EQ(w->ram->data[3 * 512], 0x77);
}

TEST(IND_12, RINGS | VIEWS | MODES)
{
	static const unsigned counts[] = {65, 200, 1024, 1025, 3000};
	struct vq *q = &w->q[0];

	open_and_start(w, NULL, 0, 0);
	for (unsigned k = 0; k < 5; k++) {
		static struct piece pieces[3000];
		uint64_t mark = w->next_free, data = galloc(w, 512 * 3001, 512);
		uint64_t status = galloc(w, 1, 1);
		unsigned n = counts[k];
		uint16_t id;

		pieces[0] = (struct piece){put_header(w, BLK_T_IN, 0), 16, false};
		for (unsigned i = 1; i + 1 < n; i++)
			pieces[i] = (struct piece){data + 512 * i, 512, true};
		pieces[n - 1] = (struct piece){status, 1, true};
		gset(w, data, POISON, 512 * 3001);
		gset(w, status, 0xff, 1);
		id = vq_add_indirect(q, pieces, n);
		vq_kick(q);
		EVENTUALLY((vq_poll(q), q->done[id]));
		CHECK(status_at(w, status) == BLK_S_OK || status_at(w, status) == BLK_S_IOERR);
		CHECK(gall(w, data, POISON, 512));
		CHECK(gall(w, data + 512ull * (n - 1), POISON, 512));
		if (status_at(w, status) == BLK_S_OK)
			CHECK(!memcmp(gptr(w, data + 512, 512ull * (n - 2)), w->ram->data,
				      512ull * (n - 2)));
		expect_alive(w);
		w->next_free = mark;
	}
}
