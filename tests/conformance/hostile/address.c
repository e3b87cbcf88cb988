/* SPDX-License-Identifier: MIT */
/* HA: addresses that are no memory, or not all of it. */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/conformance/hostile/hostile.h"

/* Which of a request's three parts is moved. */
enum part { HEADER, DATA, STATUS };

/*
 * A read or a write of `length` bytes, one of whose parts is at `addr`. The data has to stay as it
 * was; the queue goes on.
 */
static void try_at(struct world *w, uint32_t type, enum part part, uint64_t addr, uint32_t length,
		   unsigned allowed)
{
	bool reads = type_reads(type);
	struct bait b = bait_new(w, type, 0, length < 8192 ? length : 8192);
	struct link links[3] = {{b.header, 16, D_NEXT, 1},
				{b.data, length, (uint16_t)(D_NEXT | (reads ? 0 : D_WRITE)), 2},
				{b.status, 1, D_WRITE, 0}};
	struct snapshot before;
	struct result result;

	links[part].addr = addr;
	before = snapshot_take(w);
	result = try_links(&w->q[0], links, 3, b.status);
	snapshot_check(w, &before, b.status, 1);
	CHECK_EQ(w->ram->data[0], 0);
	expect_reaction(w, result, allowed, result.reaction == IS_ERR && reads);
}

/* The same place for each part, by a read and by a write. */
static void try_everywhere(struct world *w, uint64_t addr, uint32_t length)
{
	static const uint32_t types[] = {BLK_T_IN, BLK_T_OUT};

	for (unsigned i = 0; i < COUNT(types); i++) {
		try_at(w, types[i], HEADER, addr, length, IS_ERR);
		try_at(w, types[i], DATA, addr, length, IS_ERR);
		try_at(w, types[i], STATUS, addr, length, IS_DROP0);
	}
}

TEST(HA_01, RINGS | VIEWS | MODES)
{
	static const uint64_t places[] = {RAM_END, NOWHERE, HIGH_END, 1ull << 40, 1ull << 63};

	open_and_start(w, NULL, 0, 0);
	for (unsigned i = 0; i < COUNT(places); i++)
		try_everywhere(w, places[i], 512);
}

TEST(HA_02, RINGS | VIEWS | MODES)
{
	static const uint32_t lengths[] = {512, 1024, 4096};

	open_and_start(w, NULL, 0, 0);
	/* Over the end of all addresses, back into memory that there is. */
	for (unsigned i = 0; i < COUNT(lengths); i++) {
		try_at(w, BLK_T_IN, DATA, 0 - 256ull, lengths[i], IS_ERR);
		try_at(w, BLK_T_OUT, DATA, 0 - 256ull, lengths[i], IS_ERR);
		try_at(w, BLK_T_IN, DATA, 0 - (uint64_t)lengths[i], lengths[i], IS_ERR);
	}
	try_at(w, BLK_T_IN, HEADER, 0 - 8ull, 512, IS_ERR);
	try_at(w, BLK_T_IN, STATUS, ~0ull, 512, IS_DROP0);
}

TEST(HA_02b, RINGS | VIEWS | MODES)
{
	struct bait b;

	open_and_start(w, NULL, 0, 0);
	/* The status byte is said to be at 99, by way of the end of all addresses. */
	b = bait_new(w, BLK_T_IN, 0, 512);
	gset(w, 0, POISON, 512);
	expect_reaction(
	    w,
	    try_links(&w->q[0],
		      (struct link[]){{b.header, 16, D_NEXT, 1}, {0 - 413ull, 513, D_WRITE, 0}}, 2,
		      b.status),
	    IS_DROP0, 0);
	CHECK(gall(w, 0, POISON, 512));
}

TEST(HA_03, RINGS | VIEWS | MODES)
{
	static const uint64_t ends[] = {RAM_END, HIGH_END};

	open_and_start(w, NULL, 0, 0);
	for (unsigned i = 0; i < COUNT(ends); i++) {
		uint64_t last = ends[i] - 512;

		gset(w, last, POISON, 512);
		try_at(w, BLK_T_IN, DATA, last, 1024, IS_ERR);
		try_at(w, BLK_T_IN, DATA, ends[i] - 1, 512, IS_ERR);
		try_at(w, BLK_T_OUT, DATA, ends[i] - 511, 512, IS_ERR);
		try_at(w, BLK_T_IN, HEADER, ends[i] - 15, 512, IS_ERR);
		CHECK(gall(w, last, POISON, 512));
	}
}

/* No part of a range is touched that is not memory as a whole: not the status byte, either. */
TEST(HA_03b, RINGS | VIEWS | MODES)
{
	struct bait b;

	open_and_start(w, NULL, 0, 0);
	b = bait_new(w, BLK_T_IN, 0, 512);
	gset(w, HIGH_BASE, POISON, 512);
	expect_reaction(w,
			try_links(&w->q[0],
				  (struct link[]){{b.header, 16, D_NEXT, 1},
						  {HIGH_BASE - 512, 513, D_WRITE, 0}},
				  2, b.status),
			IS_DROP0, 0);
	CHECK(gall(w, HIGH_BASE, POISON, 512));
}

TEST(HA_04, RINGS | VIEWS | MODES)
{
	struct bait b;

	open_and_start(w, NULL, 0, 0);
	/* From below 4 GiB into what is above it, and over the hole between. */
	try_at(w, BLK_T_IN, DATA, HIGH_BASE - 512, 1024, IS_ERR);
	try_at(w, BLK_T_OUT, DATA, HIGH_BASE - 512, 1024, IS_ERR);
	try_at(w, BLK_T_OUT, DATA, ROM_BASE + ROM_SIZE - 512, 1024, IS_ERR);
	try_at(w, BLK_T_IN, DATA, RAM_END - 512, 0x80000000, IS_ERR);
	/* Two pieces of memory that are neighbours are one. */
	b = bait_new(w, BLK_T_IN, 0, 512);
	pattern(w->ram->data, 1024, 7);
	expect_reaction(w,
			try_links(&w->q[0],
				  (struct link[]){{b.header, 16, D_NEXT, 1},
						  {RAM2_BASE - 300, 1024, D_NEXT | D_WRITE, 2},
						  {b.status, 1, D_WRITE, 0}},
				  3, b.status),
			IS_OK, 1025);
	CHECK(gpattern_is(w, RAM2_BASE - 300, 300, 7));
	CHECK(!memcmp(gptr(w, RAM2_BASE, 724), w->ram->data + 300, 724));
}

/* So many pieces over such a border that they are more than the host takes: the status byte is
 * found nevertheless. */
TEST(HA_04b, RINGS | VIEWS | MODES)
{
	enum { PIECES = 1000 };
	struct link *links = calloc(PIECES + 2, sizeof(*links));
	struct result result;
	struct bait b;

	open_and_start(w, NULL, 0, 0);
	b = bait_new(w, BLK_T_IN, 0, 512);
	links[0] = (struct link){b.header, 16, D_NEXT, 1};
	for (unsigned i = 1; i <= PIECES; i++)
		links[i] = (struct link){RAM2_BASE - 256, 512, D_NEXT | D_WRITE, (uint16_t)(i + 1)};
	links[PIECES + 1] = (struct link){b.status, 1, D_WRITE, 0};
	result = try_table(&w->q[0], links, PIECES + 2, b.status);
	expect_reaction(w, result, IS_OK | IS_ERR, result.reaction == IS_OK ? PIECES * 512 + 1 : 0);
	free(links);
}

TEST(HA_05, RINGS | VIEWS | MODES)
{
	uint8_t *before;

	open_and_start(w, NULL, 0, 0);
	before = gcopy(w, ROM_BASE, ROM_SIZE);
	try_at(w, BLK_T_IN, DATA, ROM_BASE, 512, IS_ERR);
	try_at(w, BLK_T_IN, DATA, ROM_BASE + ROM_SIZE - 512, 512, IS_ERR);
	try_at(w, BLK_T_IN, STATUS, ROM_BASE + 5, 512, IS_DROP0);
	try_at(w, BLK_T_OUT, STATUS, ROM_BASE, 512, IS_DROP0);
	CHECK(gsame(w, ROM_BASE, before, ROM_SIZE));
	free(before);
}

TEST(HA_06, RINGS | VIEWS | MODES)
{
	static const uint64_t places[] = {0xfee00000, 0xfec00000, 0xfed00000, 0xe0000000};

	open_and_start(w, NULL, 0, 0);
	for (unsigned i = 0; i < COUNT(places); i++)
		try_everywhere(w, places[i], 512);
}

TEST(HA_07, RINGS | VIEWS | IRQS | MODES)
{
	open_and_start(w, NULL, 0, 0);
	for (unsigned bar = 1; bar <= 4; bar += 3)
		for (uint64_t at = 0; w->bar[bar] && at < 0x4000; at += 0x1000) {
			uint8_t was;

			if (bar == 1 && at)
				break;
			was = status(w);
			try_everywhere(w, w->bar[bar] + at, 512);
			/* Nothing was written to a register: not the status, nor a doorbell. */
			CHECK_EQ(status(w), was);
		}
}

/* Ring parts at `addr`: nothing comes of them but the need for a reset. */
static void try_ring_at(struct world *w, unsigned part, uint64_t addr)
{
	struct vq *q = &w->q[0];

	reset(w);
	negotiate(w, usual_features(w));
	if (w->msix)
		set_config_vector(w, 0);
	vq_init(w, q, 0, 64, w->packed);
	*(part == 0 ? &q->desc : part == 1 ? &q->driver : &q->device) = addr;
	irq_ack(w);
	vq_enable(q);
	set_status(w, STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK | STATUS_DRIVER_OK);
	if (!needs_reset(w))
		FAIL("part %u of a ring at %#llx is accepted", part, (unsigned long long)addr);
	for (unsigned i = 0; i < 3; i++)
		mmio_write(w, w->notify, 2, 0);
	settle();
	CHECK(needs_reset(w));
	reset(w);
	start(w, 0, 0);
	expect_alive(w);
}

TEST(HA_08, RINGS | MODERN | MODES)
{
	open_and_start(w, NULL, 0, 0);
	for (unsigned part = 0; part < 3; part++) {
		try_ring_at(w, part, w->bar[4]);
		try_ring_at(w, part, w->bar[4] + 0x3000);
		try_ring_at(w, part, w->bar[1]);
		try_ring_at(w, part, 0xfee00000);
	}
}

TEST(HA_09, RINGS | MODERN | MODES)
{
	static const uint64_t ends[] = {RAM_END, HIGH_END};

	open_and_start(w, NULL, 0, 0);
	for (unsigned part = 0; part < 3; part++) {
		unsigned most = part == 0 ? 16 * 64 : w->packed ? 4 : part == 1 ? 134 : 518;
		unsigned align = part == 0 ? 16 : 4;

		for (unsigned i = 0; i < COUNT(ends); i++) {
			try_ring_at(w, part, ends[i]);
			try_ring_at(w, part, (ends[i] - most + align) & ~(uint64_t)(align - 1));
		}
		try_ring_at(w, part, NOWHERE);
		try_ring_at(w, part,
			    RAM2_BASE - (most > 64 ? 64 : 0) + (most > 64 ? 0 : RAM2_SIZE));
	}
	/* What the device writes cannot lie in read-only memory. */
	try_ring_at(w, 2, ROM_BASE);
}

TEST(HA_10, RINGS | MODERN | MODES)
{
	open_and_start(w, NULL, 0, 0);
	for (unsigned part = 0; part < 3; part++) {
		/* 16 for descriptors; 2 and 4 for the two rings; 4 for the event areas. */
		unsigned align = part == 0 ? 16 : part == 1 && !w->packed ? 2 : 4;

		for (unsigned off = 1; off < align; off++)
			try_ring_at(w, part, 0x400000 + off);
	}
}

TEST(HA_11, RINGS | MODERN | MODES)
{
	static const uint64_t odd[] = {1ull << 33, 0xdeadbeef00400000ull, 0xffffffff00400000ull,
				       ~15ull, 1ull << 63};

	open_and_start(w, NULL, 0, 0);
	for (unsigned part = 0; part < 3; part++)
		for (unsigned i = 0; i < COUNT(odd); i++)
			try_ring_at(w, part, odd[i]);
}

CASE(HA_12, 0, "memory is added before the guest runs and never taken away: there is no hotplug")
{
	/* What the device goes by does not move when a region comes. */
	open_and_start(w, NULL, 0, 0);
	fence(&w->q[0]);
	CHECK(guest_mem_add(&w->mem, GPA(RAM_SIZE / 2), 4096, NULL, false) < 0);
	CHECK_EQ(guest_mem_add(&w->mem, GPA(0x80000000), 1 << 20, NULL, false), 0);
	expect_alive(w);
}

TEST(HA_13, RINGS | VIEWS | MODES)
{
	/* Where boot data, the interrupt table and a kernel lie. */
	static const uint64_t places[] = {0, 0x400, 0x7000, 0x90000, 0x9fc00, 0xf0000};

	open_and_start(w, NULL, 0, 0);
	pattern(w->ram->data, 512, 8);
	for (unsigned i = 0; i < COUNT(places); i++) {
		struct bait b = bait_new(w, BLK_T_IN, 0, 512);

		expect_reaction(w,
				try_links(&w->q[0],
					  (struct link[]){{b.header, 16, D_NEXT, 1},
							  {places[i], 512, D_NEXT | D_WRITE, 2},
							  {b.status, 1, D_WRITE, 0}},
					  3, b.status),
				IS_OK, 513);
		CHECK(gpattern_is(w, places[i], 512, 8));
	}
}

/* A page of guest memory that the host cannot touch: the disk says EFAULT. */
TEST(HA_14, RINGS | VIEWS | MODES)
{
	static const char *const keys[] = {"aio=sync", "aio=io_uring"};
	char path[TEMPORARY_PATH];
	int fd = temporary_file(path, WORLD_DISK_SIZE);
	uint64_t page = galloc(w, 8192, 4096) + 4096;
	void *at = gptr(w, page, 4096);

	galloc(w, 4096, 4096);
	for (unsigned i = 0; i < COUNT(keys); i++) {
		world_close(w);
		world_open_file(w, path, keys[i]);
		start(w, 0, 0);
		CHECK(!mprotect(at, 4096, PROT_NONE));
		CHECK_EQ(blk(&w->q[0], BLK_T_IN, 0, page, 512), BLK_S_IOERR);
		CHECK_EQ(blk(&w->q[0], BLK_T_OUT, 0, page, 512), BLK_S_IOERR);
		CHECK(!mprotect(at, 4096, PROT_READ));
		CHECK_EQ(blk(&w->q[0], BLK_T_IN, 0, page, 4096), BLK_S_IOERR);
		CHECK(!mprotect(at, 4096, PROT_READ | PROT_WRITE));
		CHECK_EQ(blk(&w->q[0], BLK_T_IN, 0, page, 4096), BLK_S_OK);
		expect_alive(w);
	}
	close(fd);
	unlink(path);
}

TEST(HA_15, RINGS | VIEWS | MODES)
{
	enum { BYTES = 1020 };
	uint64_t data = galloc(w, BYTES * 4096ull, 4096);
	struct link *links = calloc(BYTES + 2, sizeof(*links));

	open_and_start(w, NULL, 0, 0);
	/* As many bytes as sectors want, each on a page of its own; and a number that is odd. */
	for (unsigned n = 512; n <= BYTES; n += BYTES - 512) {
		struct bait b = bait_new(w, BLK_T_IN, 0, 512);
		struct result result;

		pattern(w->ram->data, 1024, n);
		links[0] = (struct link){b.header, 16, D_NEXT, 1};
		for (unsigned i = 0; i < n; i++)
			links[i + 1] = (struct link){data + 4096ull * i, 1, D_NEXT | D_WRITE,
						     (uint16_t)(i + 2)};
		links[n + 1] = (struct link){b.status, 1, D_WRITE, 0};
		result = try_table(&w->q[0], links, n + 2, b.status);
		for (unsigned i = 0; n == 512 && i < n; i++)
			CHECK_EQ(*gptr(w, data + 4096ull * i, 1), w->ram->data[i]);
		expect_reaction(w, result, n == 512 ? IS_OK : IS_ERR, n == 512 ? 513 : 0);
	}
	free(links);
}
