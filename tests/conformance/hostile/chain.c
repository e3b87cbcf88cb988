/* SPDX-License-Identifier: MIT */
/* HD: chains and indirect tables. */
#include <stdlib.h>
#include <sys/mman.h>

#include "tests/conformance/hostile/hostile.h"

/* A chain of links, and the table of the same, must both come to the same set of reactions. */
static void direct_and_table(struct world *w, const struct link *links, unsigned count,
			     uint64_t status, unsigned allowed, uint32_t most)
{
	expect_reaction(w, try_links(&w->q[0], links, count, status), allowed, most);
	gset(w, status, NO_STATUS, 1);
	expect_reaction(w, try_table(&w->q[0], links, count, status), allowed, most);
}

TEST(HD_01, SPLIT | VIEWS | MODES)
{
	/* Where the last of three descriptors goes on. */
	open_and_start(w, NULL, 0, 0);
	for (uint16_t to = 0; to < 3; to++) {
		struct bait b = bait_new(w, BLK_T_IN, 0, 512);
		const struct link links[3] = {{b.header, 16, D_NEXT, 1},
					      {b.header, 16, D_NEXT, 2},
					      {b.header, 16, D_NEXT, to}};
		const struct link writes[3] = {{b.header, 16, D_NEXT, 1},
					       {b.data, 512, D_NEXT | D_WRITE, 2},
					       {b.status, 1, D_NEXT | D_WRITE, to}};

		direct_and_table(w, links, 3, b.status, IS_BRK | IS_DROP0, 0);
		direct_and_table(w, writes, 3, b.status, IS_BRK | IS_DROP0, 0);
		CHECK(gall(w, b.data, POISON, 1024));
	}
}

TEST(HD_01b, SPLIT | VIEWS | MODES)
{
	/* Empty descriptors in a circle: nothing ever comes of them, in table or ring. */
	const struct link links[2] = {{0, 0, D_NEXT, 1}, {0, 0, D_NEXT, 0}};

	open_and_start(w, NULL, 0, 0);
	direct_and_table(w, links, 2, galloc(w, 1, 1), IS_BRK | IS_DROP0, 0);
}

TEST(HD_02, RINGS | VIEWS | MODES)
{
	struct bait b;
	struct link links[64];

	open_and_start(w, NULL, 0, 0);
	b = bait_new(w, BLK_T_IN, 0, 512);
	/* One more than there are, by way of the first again. */
	for (unsigned i = 0; i < 64; i++)
		links[i] = (struct link){b.header, 16, D_NEXT, (uint16_t)((i + 1) % 64)};
	expect_reaction(w, try_links(&w->q[0], links, 64, b.status), IS_BRK, 0);
}

TEST(HD_03, SPLIT | VIEWS | MODES)
{
	static const uint16_t nexts[] = {3, 4, 64, 65, 1000, 0x7fff, 0xffff};

	open_and_start(w, NULL, 0, 0);
	for (unsigned i = 0; i < COUNT(nexts); i++) {
		struct bait b = bait_new(w, BLK_T_IN, 0, 512);
		const struct link links[3] = {{b.header, 16, D_NEXT, 1},
					      {b.data, 512, D_NEXT | D_WRITE, nexts[i]},
					      {b.status, 1, D_WRITE, 0}};

		if (nexts[i] >= 64)
			expect_reaction(w, try_links(&w->q[0], links, 3, b.status), IS_BRK, 0);
		expect_reaction(w, try_table(&w->q[0], links, 3, b.status), IS_BRK, 0);
		CHECK(gall(w, b.data, POISON, 1024));
	}
}

TEST(HD_04, SPLIT | VIEWS | MODES)
{
	struct bait b;

	open_and_start(w, NULL, 0, 0);
	for (uint16_t count = 1; count <= 3; count++) {
		struct link links[3];

		b = bait_new(w, BLK_T_IN, 0, 512);
		links[0] = (struct link){b.header, 16, D_NEXT, 1};
		links[1] = (struct link){b.data, 512, D_NEXT | D_WRITE, 2};
		links[2] = (struct link){b.status, 1, D_NEXT | D_WRITE, 3};
		links[count - 1].next = count;
		expect_reaction(w, try_table(&w->q[0], links, count, b.status), IS_BRK | IS_ERR, 0);
		CHECK(gall(w, b.data, POISON, 1024));
	}
}

TEST(HD_05, SPLIT | VIEWS | MODES)
{
	open_and_start(w, NULL, 0, 0);
	for (unsigned place = 0; place < 3; place++) {
		struct bait b = bait_new(w, BLK_T_IN, 0, 512);
		uint64_t inner = galloc(w, 48, 16);
		struct link parts[3] = {{b.header, 16, D_NEXT, 1},
					{b.data, 512, D_NEXT | D_WRITE, 2},
					{b.status, 1, D_WRITE, 0}};

		put_table(w, inner, parts, 3);
		parts[place].addr = inner;
		parts[place].len = 48;
		parts[place].flags |= D_INDIRECT;
		expect_reaction(w, try_table(&w->q[0], parts, 3, b.status), IS_BRK | IS_ERR, 0);
		CHECK(gall(w, b.data, POISON, 1024));
	}
}

/* A read of one sector in a table of three. */
static uint64_t good_table(struct world *w, const struct bait *b, uint64_t at)
{
	const struct link parts[3] = {{b->header, 16, D_NEXT, 1},
				      {b->data, 512, D_NEXT | D_WRITE, 2},
				      {b->status, 1, D_WRITE, 0}};

	put_table(w, at, parts, 3);
	return at;
}

static struct result try_head(struct world *w, uint64_t table, uint32_t length, uint64_t status)
{
	const struct link head = {table, length, D_INDIRECT, 0};

	return try_links(&w->q[0], &head, 1, status);
}

TEST(HD_06, RINGS | VIEWS | MODES)
{
	struct bait b;

	open_and_start(w, NULL, 0, FEATURE(F_INDIRECT_DESC));
	b = bait_new(w, BLK_T_IN, 0, 512);
	expect_reaction(w, try_head(w, good_table(w, &b, galloc(w, 48, 16)), 48, b.status),
			IS_BRK | IS_ERR, 0);
	CHECK(gall(w, b.data, POISON, 1024));
}

TEST(HD_07, SPLIT | VIEWS | MODES)
{
	open_and_start(w, NULL, 0, 0);
	for (unsigned place = 0; place < 2; place++) {
		struct bait b = bait_new(w, BLK_T_IN, 0, 512);
		uint64_t table = good_table(w, &b, galloc(w, 48, 16));
		const struct link first[2] = {{table, 48, D_INDIRECT | D_NEXT, 1},
					      {b.status, 1, D_WRITE, 0}};
		const struct link middle[3] = {{b.header, 16, D_NEXT, 1},
					       {table + 16, 32, D_INDIRECT | D_NEXT, 2},
					       {b.status, 1, D_WRITE, 0}};

		expect_reaction(
		    w, try_links(&w->q[0], place ? middle : first, place ? 3 : 2, b.status),
		    IS_BRK | IS_ERR, 0);
		CHECK(gall(w, b.data, POISON, 1024));
	}
}

TEST(HD_08, RINGS | VIEWS | MODES)
{
	struct bait b;

	open_and_start(w, NULL, 0, 0);
	b = bait_new(w, BLK_T_IN, 0, 512);
	expect_reaction(w, try_head(w, good_table(w, &b, galloc(w, 48, 16)), 0, b.status),
			IS_BRK | IS_ERR, 0);
	CHECK(gall(w, b.data, POISON, 1024));
}

TEST(HD_09, RINGS | VIEWS | MODES)
{
	static const uint32_t lengths[] = {1, 8, 15, 17, 31, 47, 49, 0xffffffff};

	open_and_start(w, NULL, 0, 0);
	for (unsigned i = 0; i < COUNT(lengths); i++) {
		struct bait b = bait_new(w, BLK_T_IN, 0, 512);
		uint64_t table = good_table(w, &b, galloc(w, 64, 16));

		expect_reaction(w, try_head(w, table, lengths[i], b.status), IS_BRK | IS_ERR, 0);
		CHECK(gall(w, b.data, POISON, 1024));
	}
}

/*
 * Memory for the largest table there can be. Between its first MiB and its last page it is trapped:
 * whoever reads a table as long as the guest says goes down.
 */
#define HUGE_BASE 0x1000000000ull
#define HUGE_SIZE 0x100001000ull
#define HUGE_OPEN 0x100000ull

static void add_huge_memory(struct world *w)
{
	uint8_t *at =
	    mmap(NULL, HUGE_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (at == MAP_FAILED || mprotect(at, HUGE_OPEN, PROT_READ | PROT_WRITE))
		FAIL("no address space");
	CHECK_EQ(guest_mem_add(&w->mem, GPA(HUGE_BASE), HUGE_SIZE, at, false), 0);
}

TEST(HD_10, RINGS | VIEWS | MODES)
{
	static const uint32_t lengths[] = {0xfffffff0, 0x80000000, 0x7ffffff0, 16 * 65537,
					   16 * 65536};

	add_huge_memory(w);
	open_and_start(w, NULL, 0, 0);
	for (unsigned i = 0; i < COUNT(lengths); i++) {
		struct bait b = bait_new(w, BLK_T_IN, 0, 512);
		uint64_t last = HUGE_BASE + lengths[i] - 16;
		const struct link status = {b.status, 1, D_WRITE, 0};

		CHECK(!mprotect(gptr(w, last & ~4095ull, 1), 4096, PROT_READ | PROT_WRITE));
		/* Nearly all of it is empty entries: on a split ring a circle of one. */
		if (!w->packed)
			put_table(w, HUGE_BASE, (struct link[]){{0, 0, D_NEXT, 0}}, 1);
		put_table(w, last, &status, 1);
		expect_reaction(w, try_head(w, HUGE_BASE, lengths[i], b.status),
				w->packed ? IS_ERR : IS_BRK, 1);
	}
}

/* The same with entries that hold something: more than are kept. */
TEST(HD_10b, RINGS | VIEWS | MODES)
{
	enum { COUNT_OF_IT = 40000 };
	struct link *links = calloc(COUNT_OF_IT, sizeof(*links));
	struct result result;
	struct bait b;

	open_and_start(w, NULL, 0, 0);
	b = bait_new(w, BLK_T_IN, 0, 512);
	for (unsigned i = 0; i < COUNT_OF_IT; i++)
		links[i] = (struct link){b.data, 1, D_WRITE | D_NEXT, (uint16_t)(i % 30000 + 1)};
	links[0] = (struct link){b.header, 16, D_NEXT, 1};
	links[COUNT_OF_IT - 1] = (struct link){b.status, 1, D_WRITE, 0};
	links[30000] = links[COUNT_OF_IT - 1];
	result = try_table(&w->q[0], links, COUNT_OF_IT, b.status);
	expect_reaction(w, result, IS_ERR, 0);
	CHECK(gall(w, b.data, POISON, 1024));
	free(links);
}

TEST(HD_11, RINGS | VIEWS | MODES)
{
	static const uint64_t places[] = {NOWHERE,
					  RAM_END - 16,
					  RAM_END - 47,
					  RAM_END,
					  HIGH_END - 32,
					  HIGH_BASE - 16,
					  ROM_BASE + ROM_SIZE - 16,
					  ~0ull - 47,
					  ~0ull - 15,
					  1ull << 63};

	open_and_start(w, NULL, 0, 0);
	for (unsigned i = 0; i < COUNT(places); i++) {
		uint64_t status = galloc(w, 1, 1);

		gset(w, status, NO_STATUS, 1);
		expect_reaction(w, try_head(w, places[i], 48, status), IS_BRK | IS_ERR, 0);
	}
}

TEST(HD_12, RINGS | VIEWS | IRQS | MODES)
{
	uint8_t status_before, isr;

	open_and_start(w, NULL, 0, 0);
	for (unsigned bar = 1; bar <= 4; bar += 3) {
		const uint64_t places[] = {w->bar[bar], w->bar[bar] + 0x1000, w->bar[bar] + 0x3000};

		for (unsigned i = 0; w->bar[bar] && i < COUNT(places); i++) {
			uint64_t status = galloc(w, 1, 1);

			gset(w, status, NO_STATUS, 1);
			fence(&w->q[0]); /* leaves something in the ISR that a read would take */
			fresh(w);
			fence(&w->q[0]);
			fresh(w);
			expect_reaction(w, try_head(w, places[i], 48, status), IS_BRK | IS_ERR, 0);
		}
	}
	/* What a read of the register would have cleared is still there. */
	if (w->msix || w->legacy)
		return;
	fence(&w->q[0]);
	expect_irq(w, 0);
	status_before = status(w);
	gset(w, w->q[0].desc, 0, 16ull * w->q[0].size);
	if (w->packed)
		put_desc(&w->q[0], w->q[0].avail, w->isr, 16, 0,
			 (uint16_t)(packed_avail_flags(&w->q[0]) | D_INDIRECT));
	else
		put_desc(&w->q[0], 0, w->isr, 16, D_INDIRECT, 0);
	if (!w->packed)
		avail_put(&w->q[0], 0);
	vq_kick(&w->q[0]);
	expect_broken(w);
	isr = isr_read(w);
	CHECK_EQ(isr, ISR_QUEUE | ISR_CONFIG);
	CHECK_EQ(status(w), status_before | STATUS_NEEDS_RESET);
}

TEST(HD_13, RINGS | VIEWS | MODES)
{
	uint64_t low = galloc(w, 4096, 4096);

	open_and_start(w, NULL, 0, 0);
	for (unsigned i = 0; i < 17; i++) {
		struct bait b = bait_new(w, BLK_T_IN, 0, 512);

		expect_reaction(w, try_head(w, good_table(w, &b, low + 100 * i + i), 48, b.status),
				IS_OK, 513);
		CHECK(gall(w, b.data, 0, 512));
	}
}

TEST(HD_14, RINGS | VIEWS | MODES)
{
	open_and_start(w, NULL, 0, 0);
	for (unsigned first = 0; first < 2; first++) {
		struct bait b = bait_new(w, BLK_T_OUT, 0, 512);
		const struct link early[3] = {{b.status, 1, D_WRITE | D_NEXT, 1},
					      {b.header, 16, D_NEXT, 2},
					      {b.data, 512, 0, 0}};
		const struct link between[3] = {{b.header, 16, D_NEXT, 1},
						{b.status, 1, D_WRITE | D_NEXT, 2},
						{b.data, 512, 0, 0}};

		direct_and_table(w, first ? early : between, 3, b.status, IS_BRK | IS_ERR, 1);
		CHECK_EQ(w->ram->data[0], 0);
	}
}

TEST(HD_15, RINGS | VIEWS | MODES)
{
	open_and_start(w, NULL, 0, 0);
	for (unsigned i = 0; i < 4; i++) {
		struct bait b = bait_new(w, BLK_T_IN, 0, 512);
		struct link links[4];
		unsigned at = 0;

		/* In each of the four places, with an address that is none. */
		for (unsigned k = 0; k < 4; k++)
			links[k] = k == i    ? (struct link){NOWHERE, 0, i > 1 ? D_WRITE : 0, 0}
				   : at == 0 ? (at++, (struct link){b.header, 16, 0, 0})
				   : at == 1 ? (at++, (struct link){b.data, 512, D_WRITE, 0})
					     : (at++, (struct link){b.status, 1, D_WRITE, 0});
		for (unsigned k = 0; k < 3; k++) {
			links[k].flags |= D_NEXT;
			links[k].next = (uint16_t)(k + 1);
		}
		direct_and_table(w, links, 4, b.status, IS_OK, 513);
		CHECK(gall(w, b.data, 0, 512));
		CHECK(gall(w, b.data + 512, POISON, 512));
	}
}

TEST(HD_16, RINGS | VIEWS | MODES)
{
	struct link links[40];

	open_and_start(w, NULL, 0, 0);
	for (unsigned count = 1; count <= 40; count += 13) {
		uint64_t status = galloc(w, 1, 1);

		for (unsigned i = 0; i < count; i++)
			links[i] = (struct link){status, 0,
						 (uint16_t)((i + 1 < count ? D_NEXT : 0) |
							    (i > count / 2 ? D_WRITE : 0)),
						 (uint16_t)(i + 1)};
		gset(w, status, NO_STATUS, 1);
		direct_and_table(w, links, count, status, IS_DROP0, 0);
	}
}

/* `count` pieces of `length` at `addr`, between header and status. */
static void try_many(struct world *w, uint32_t type, uint64_t addr, uint32_t length, unsigned count,
		     unsigned allowed, uint32_t most)
{
	struct link *links = calloc(count + 2, sizeof(*links));
	struct bait b = bait_new(w, type, 0, 512);
	uint16_t flags = type_reads(type) ? D_NEXT : D_NEXT | D_WRITE;

	links[0] = (struct link){b.header, 16, D_NEXT, 1};
	for (unsigned i = 1; i <= count; i++)
		links[i] = (struct link){addr, length, flags, (uint16_t)(i + 1)};
	links[count + 1] = (struct link){b.status, 1, D_WRITE, 0};
	expect_reaction(w, try_table(&w->q[0], links, count + 2, b.status), allowed, most);
	free(links);
}

TEST(HD_17, RINGS | VIEWS | MODES)
{
	open_and_start(w, NULL, 0, 0);
	/* 4 GiB and a little more, and just under; of a disk of 8 MiB. */
	try_many(w, BLK_T_IN, 0, 16 << 20, 256, IS_ERR, 0);
	try_many(w, BLK_T_IN, 0, 16 << 20, 257, IS_ERR, 0);
	try_many(w, BLK_T_OUT, 0, 16 << 20, 256, IS_ERR, 1);
	try_many(w, BLK_T_OUT, 0, 16 << 20, 257, IS_ERR, 1);
	try_many(w, BLK_T_IN, 512, (16 << 20) - 512, 256, IS_ERR, 0);
}

TEST(HD_18, RINGS | VIEWS | MODES)
{
	uint64_t page = galloc(w, 4096, 4096);
	unsigned long before;

	open_and_start(w, NULL, 0, 0);
	before = private_kib();
	/* What a page can be named as in 1000 pieces, and what a large piece can. */
	try_many(w, BLK_T_IN, page, 4096, 1000, IS_OK, 1000 * 4096 + 1);
	try_many(w, BLK_T_IN, 0, RAM_SIZE, 127, IS_ERR, 0);
	try_many(w, BLK_T_GET_ID, 0, RAM_SIZE, 127, IS_OK | IS_ERR, 20);
	CHECK(private_kib() < before + 16384);
}

TEST(HD_19, RINGS | VIEWS | MODES)
{
	static const uint64_t places[] = {0, 1 << 20, RAM_SIZE, HIGH_BASE, NOWHERE, 1ull << 40};

	open_and_start(w, NULL, 0, 0);
	for (unsigned i = 0; i < COUNT(places); i++) {
		try_many(w, BLK_T_IN, places[i], 0xffffffff, 1, IS_ERR, 0);
		try_many(w, BLK_T_OUT, places[i], 0xffffffff, 1, IS_ERR, 1);
	}
}

TEST(HD_20, RINGS | VIEWS | MODES)
{
	static const unsigned counts[] = {1021, 1022, 1023, 1024, 1025, 2000};
	uint64_t data = galloc(w, 2048ull * 512, 4096);

	open_and_start(w, NULL, 0, 0);
	for (unsigned i = 0; i < COUNT(counts); i++) {
		struct link *links = calloc(counts[i] + 2, sizeof(*links));
		struct bait b = bait_new(w, BLK_T_IN, 0, 512);
		unsigned n = counts[i];
		struct result result;

		pattern(w->ram->data, 2048ull * 512, i);
		/* Never neighbours, so that they cannot be joined. */
		for (unsigned k = 0; k < n; k++)
			links[k + 1] = (struct link){data + 512ull * (k ^ 1), 512, D_NEXT | D_WRITE,
						     (uint16_t)(k + 2)};
		links[0] = (struct link){b.header, 16, D_NEXT, 1};
		links[n + 1] = (struct link){b.status, 1, D_WRITE, 0};
		result = try_table(&w->q[0], links, n + 2, b.status);
		if (result.reaction == IS_OK)
			for (unsigned k = 0; k < n; k++)
				CHECK(gsame(w, data + 512ull * (k ^ 1), w->ram->data + 512ull * k,
					    512));
		expect_reaction(w, result, IS_OK | IS_ERR,
				result.reaction == IS_OK ? 512 * n + 1 : 0);
		free(links);
	}
}

TEST(HD_21, RINGS | VIEWS | MODES)
{
	/* On a packed ring two of the bits have a meaning. */
	uint16_t reserved = (uint16_t) ~(D_NEXT | D_WRITE | D_INDIRECT);
	enum reaction first = 0;

	open_and_start(w, NULL, 0, 0);
	if (w->packed)
		reserved &= (uint16_t) ~(D_AVAIL | D_USED);
	for (unsigned bit = 0; bit <= 16; bit++) {
		uint16_t odd = bit < 16 ? (uint16_t)(1u << bit & reserved) : reserved;
		struct bait b = bait_new(w, BLK_T_IN, 0, 512);
		const struct link links[3] = {{b.header, 16, D_NEXT | odd, 1},
					      {b.data, 512, D_NEXT | D_WRITE | odd, 2},
					      {b.status, 1, D_WRITE | odd, 0}};
		struct result direct;

		if (!odd)
			continue;
		direct = try_links(&w->q[0], links, 3, b.status);
		expect_reaction(w, direct, IS_OK | IS_ERR | IS_BRK, 513);
		CHECK(!first || first == direct.reaction);
		first = direct.reaction;
		gset(w, b.status, NO_STATUS, 1);
		expect_reaction(w, try_table(&w->q[0], links, 3, b.status), first, 513);
	}
}

TEST(HD_22, RINGS | VIEWS | MODES)
{
	static const uint32_t lengths[] = {1, 15, 16, 17, 4096};

	open_and_start(w, NULL, 0, 0);
	for (unsigned i = 0; i < COUNT(lengths); i++) {
		struct bait b = bait_new(w, BLK_T_IN, 0, 4096);
		const struct link head = {b.header, lengths[i], 0, 0};
		const struct link writable = {b.data, lengths[i], D_WRITE, 0};

		direct_and_table(w, &head, 1, b.status, IS_DROP0, 0);
		/* The last writable byte is a status byte, of a request without a header. */
		expect_reaction(w, try_links(&w->q[0], &writable, 1, b.data + lengths[i] - 1),
				IS_ERR, lengths[i] == 1);
		CHECK(gall(w, b.data, POISON, lengths[i] - 1));
	}
	/* No slot was lost: the queue goes on for many times its size. */
	for (unsigned i = 0; i < 200; i++) {
		const struct piece head = {put_header(w, BLK_T_IN, 0), 16, false};

		CHECK_EQ(run_pieces(&w->q[0], &head, 1), 0);
	}
	expect_alive(w);
}

static uint64_t walked;

static void flip_entry(struct world *w, unsigned turn)
{
	/* Address, length, flags and next of the second entry, each by itself. */
	static const uint16_t flags[] = {D_NEXT | D_WRITE, D_WRITE, D_NEXT, D_INDIRECT | D_NEXT};

	s64(w, walked + 16, turn & 1 ? NOWHERE : 0x200000);
	s32(w, walked + 24, turn & 2 ? 512 : 0xffffffff);
	s16(w, walked + (w->packed ? 30 : 28), flags[turn >> 2 & 3]);
	if (!w->packed)
		s16(w, walked + 30, (uint16_t)(turn & 16 ? 2 : 700));
}

TEST(HD_23, RINGS | VIEWS | MODES)
{
	struct meddler m;
	struct bait b;

	open_and_start(w, NULL, 0, 0);
	walked = galloc(w, 64, 64);
	w->next_free = 0x300000; /* above what is written to */
	b = bait_new(w, BLK_T_IN, 0, 512);
	good_table(w, &b, walked);
	meddle(&m, w, flip_entry);
	for (unsigned i = 0; i < 400; i++) {
		struct result result = try_head(w, walked, 48, b.status);

		if (result.reaction & (IS_OK | IS_ERR))
			CHECK(result.written == 0 || result.written == 1 || result.written == 513);
		gset(w, b.status, NO_STATUS, 1);
		fresh(w);
	}
	meddle_end(&m);
	expect_alive(w);
}

TEST(HD_24, RINGS | VIEWS | MODES)
{
	open_and_start(w, NULL, 0, 0);
	for (unsigned i = 0; i < 3; i++) {
		struct bait b = bait_new(w, BLK_T_IN, 0, 512);
		uint64_t table = good_table(w, &b, galloc(w, 512, 512));
		/* The data goes over the table; the status byte stays where it was to be. */
		struct link data = {table, 512, D_NEXT | D_WRITE, 2};

		memset(w->ram->data, i == 1 ? 0xff : 0, 512);
		if (i == 2)
			pattern(w->ram->data, 512, 9);
		put_table(w, table + 16, &data, 1);
		expect_reaction(w, try_head(w, table, 48, b.status), IS_OK, 513);
		memset(w->ram->data + 9 * 512, 0, 512);
	}
}

TEST(HD_25, SPLIT | VIEWS | MODES)
{
	/* What comes before the bad descriptor is a good flush, or a good write. */
	static const uint32_t types[] = {BLK_T_FLUSH, BLK_T_OUT};

	open_and_start(w, NULL, 0, 0);
	for (unsigned i = 0; i < COUNT(types); i++) {
		struct bait b = bait_new(w, types[i], 0, 512);
		const struct link bad_next[3] = {
		    {b.header, 16, D_NEXT, 1},
		    {b.data, 512, (uint16_t)(D_NEXT | (i ? 0 : D_WRITE)), 2},
		    {b.status, 1, D_WRITE | D_NEXT, 200}};
		const struct link bad_addr[4] = {{b.header, 16, D_NEXT, 1},
						 {b.data, i ? 512 : 1, D_NEXT, 2},
						 {NOWHERE, 512, D_NEXT, 3},
						 {b.status, 1, D_WRITE, 0}};

		direct_and_table(w, bad_next, 3, b.status, IS_BRK, 0);
		direct_and_table(w, bad_addr, 4, b.status, IS_ERR, 1);
		CHECK_EQ(w->ram->data[0], 0);
		CHECK_EQ(w->ram->flushes, 0);
	}
}

TEST(HD_25b, PACKED | MODERN | MODES)
{
	struct bait b;

	open_and_start(w, NULL, 0, 0);
	b = bait_new(w, BLK_T_OUT, 0, 512);
	direct_and_table(w,
			 (struct link[]){{b.header, 16, D_NEXT, 0},
					 {b.data, 512, D_NEXT, 0},
					 {NOWHERE, 512, D_NEXT, 0},
					 {b.status, 1, D_WRITE, 0}},
			 4, b.status, IS_ERR, 1);
	CHECK_EQ(w->ram->data[0], 0);
}
