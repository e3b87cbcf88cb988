/* SPDX-License-Identifier: MIT */
/* HB-16 to 25: segments of discard, write zeroes and secure erase. */
#include <stdlib.h>

#include "tests/conformance/hostile/hostile.h"

#define SECTORS (WORLD_DISK_SIZE / 512)

static const struct kind {
	uint32_t type;
	unsigned max_sectors, max_segments; /* where the configuration has them */
} kinds[] = {
    {BLK_T_DISCARD, 36, 40},
    {BLK_T_WRITE_ZEROES, 48, 52},
    {BLK_T_SECURE_ERASE, 60, 64},
};

/* The disk full of a pattern; nothing of it may go but sectors [from, to). */
static void fill(struct world *w)
{
	memset(w->ram->data, 0x77, WORLD_DISK_SIZE);
}

static void expect_kept(struct world *w, uint64_t from, uint64_t to)
{
	for (uint64_t i = 0; i < WORLD_DISK_SIZE; i++)
		if ((i < from * 512 || i >= to * 512) && (i < 9 * 512 || i >= 10 * 512) &&
		    w->ram->data[i] != 0x77)
			FAIL("the disk was changed in sector %llu", (unsigned long long)i / 512);
}

/* `length` bytes of segments at `data` as the request's data. */
static struct result try_ranges(struct world *w, uint32_t type, uint64_t data, uint32_t length)
{
	uint64_t status = galloc(w, 1, 1);
	struct piece pieces[3] = {{put_header(w, type, 0), 16, false}};
	unsigned count = 1;

	gset(w, status, NO_STATUS, 1);
	if (length)
		pieces[count++] = (struct piece){data, length, false};
	pieces[count++] = (struct piece){status, 1, true};
	return try_pieces(&w->q[0], pieces, count, status);
}

TEST(HB_16, RINGS | VIEWS | MODES)
{
	static const uint32_t lengths[] = {0, 1, 8, 15, 17, 24, 31, 33, 255};
	uint64_t data = galloc(w, 512, 512);

	open_and_start(w, NULL, 0, 0);
	fill(w);
	for (unsigned at = 0; at < 512; at += 16)
		put_range(w, data + at, 0, 8, 0);
	for (unsigned k = 0; k < COUNT(kinds); k++)
		for (unsigned i = 0; i < COUNT(lengths); i++)
			expect_reaction(w, try_ranges(w, kinds[k].type, data, lengths[i]), IS_ERR,
					1);
	expect_kept(w, 0, 0);
}

TEST(HB_17, RINGS | VIEWS | MODES)
{
	uint64_t data = galloc(w, 1 << 20, 512);

	open_and_start(w, NULL, 0, 0);
	fill(w);
	for (unsigned at = 0; at < 1 << 20; at += 16)
		put_range(w, data + at, 0, 8, 0);
	for (unsigned k = 0; k < COUNT(kinds); k++) {
		uint32_t max = (uint32_t)config_read(w, kinds[k].max_segments, 4);

		CHECK(max && max < 60000);
		expect_reaction(w, try_ranges(w, kinds[k].type, data, 16 * (max + 1)), IS_ERR, 1);
		expect_reaction(w, try_ranges(w, kinds[k].type, data, 1 << 20), IS_ERR, 1);
		expect_kept(w, 0, 0);
	}
	expect_reaction(
	    w, try_ranges(w, BLK_T_WRITE_ZEROES, data, 16 * (uint32_t)config_read(w, 52, 4)), IS_OK,
	    1);
}

TEST(HB_18, RINGS | VIEWS | MODES)
{
	static const uint64_t sectors[] = {0, 5, SECTORS - 1, SECTORS};
	uint64_t data = galloc(w, 16, 16);

	open_and_start(w, NULL, 0, 0);
	fill(w);
	for (unsigned k = 0; k < COUNT(kinds); k++)
		for (unsigned i = 0; i < COUNT(sectors); i++) {
			put_range(w, data, sectors[i], 0, 0);
			expect_reaction(w, try_ranges(w, kinds[k].type, data, 16), IS_OK | IS_ERR,
					1);
		}
	expect_kept(w, 0, 0);
}

TEST(HB_19, RINGS | VIEWS | MODES)
{
	uint64_t data = galloc(w, 16, 16);
	/* So large that it has more sectors than a segment may: of zeroes that are sent, few. */
	struct ram_disk *ram = ram_disk_new(RAM_DISK_MAX);

	ram->base.info.write_zeroes = false;
	world_open_ram(w, ram, NULL);
	start(w, 0, 0);
	memset(w->ram->data, 0x77, RAM_DISK_MAX);
	for (unsigned k = 0; k < COUNT(kinds); k++) {
		uint64_t max = config_read(w, kinds[k].max_sectors, 4);
		const uint64_t counts[] = {max + 1, max + 8, 0x80000000, 0xffffffff};

		CHECK(max);
		if (kinds[k].type == BLK_T_WRITE_ZEROES)
			CHECK(max < RAM_DISK_MAX / 512);
		for (unsigned i = 0; i < COUNT(counts); i++) {
			put_range(w, data, 0, (uint32_t)counts[i], 0);
			if (counts[i] > 0xffffffff)
				continue;
			expect_reaction(w, try_ranges(w, kinds[k].type, data, 16), IS_ERR, 1);
			CHECK(w->ram->data[0] == 0x77 && w->ram->data[RAM_DISK_MAX - 1] == 0x77);
		}
	}
}

TEST(HB_20, RINGS | VIEWS | MODES)
{
	static const struct {
		uint64_t sector;
		uint32_t count;
	} rows[] = {{SECTORS, 1},    {SECTORS - 1, 2}, {SECTORS - 8, 9},
		    {~0ull, 1},      {~0ull, 8},       {~0ull - 7, 16},
		    {1ull << 55, 8}, {1ull << 63, 8},  {(1ull << 55) + 1, 1},
		    {0 - 4ull, 8},   {SECTORS + 5, 0}};
	uint64_t data = galloc(w, 64, 16);

	open_and_start(w, NULL, 0, 0);
	fill(w);
	for (unsigned k = 0; k < COUNT(kinds); k++)
		for (unsigned i = 0; i < COUNT(rows); i++) {
			/* Alone, and behind one that is good: checked before any is done. */
			put_range(w, data, rows[i].sector, rows[i].count, 0);
			expect_reaction(w, try_ranges(w, kinds[k].type, data, 16), IS_ERR, 1);
			put_range(w, data + 16, 16, 8, 0);
			put_range(w, data + 32, rows[i].sector, rows[i].count, 0);
			expect_reaction(w, try_ranges(w, kinds[k].type, data + 16, 32), IS_ERR, 1);
			expect_kept(w, 16, 24);
		}
	for (uint64_t i = WORLD_DISK_SIZE; i < WORLD_DISK_SIZE + 65536; i++)
		CHECK_EQ(w->ram->data[i], 0);
}

TEST(HB_21, RINGS | VIEWS | MODES)
{
	uint64_t data = galloc(w, 32, 16);

	open_and_start(w, NULL, 0, 0);
	fill(w);
	for (unsigned k = 0; k < COUNT(kinds); k++)
		for (unsigned bit = kinds[k].type == BLK_T_WRITE_ZEROES; bit < 32; bit++) {
			put_range(w, data, 0, 8, 1u << bit);
			expect_reaction(w, try_ranges(w, kinds[k].type, data, 16), IS_UNSUPP, 1);
			/* Behind a good one as well. */
			put_range(w, data, 0, 8, 0);
			put_range(w, data + 16, 8, 8, 1u << bit);
			expect_reaction(w, try_ranges(w, kinds[k].type, data, 32), IS_UNSUPP, 1);
		}
	expect_kept(w, 0, 0);
}

TEST(HB_22, RINGS | VIEWS | MODES)
{
	uint64_t data = galloc(w, 128, 16);

	open_and_start(w, NULL, 0, 0);
	fill(w);
	for (unsigned k = 0; k < COUNT(kinds); k++) {
		for (unsigned i = 0; i < 8; i++)
			put_range(w, data + 16 * i, 64 + 4 * (i / 2), 16, 0);
		expect_reaction(w, try_ranges(w, kinds[k].type, data, 128), IS_OK, 1);
		expect_kept(w, 64, 92);
	}
	for (uint64_t i = 64 * 512; i < 92 * 512; i++)
		CHECK_EQ(w->ram->data[i], 0);
}

TEST(HB_23, RINGS | VIEWS | MODES)
{
	uint64_t area = galloc(w, 5 * 4096, 4096), status = galloc(w, 1, 1);

	open_and_start(w, NULL, 0, 0);
	/* 80 bytes of segments, cut at every place, each piece at the end of a page of its own. */
	for (unsigned cut = 1; cut < 40; cut++) {
		unsigned lengths[3] = {cut, 33, 80 - 33 - cut}, at = 0;
		uint8_t bytes[80];
		struct piece pieces[5] = {{put_header(w, BLK_T_WRITE_ZEROES, 0), 16, false}};
		uint64_t flat = galloc(w, 80, 16);

		fill(w);
		for (unsigned i = 0; i < 5; i++)
			put_range(w, flat + 16 * i, 100 + 10 * i, 5, 0);
		memcpy(bytes, gptr(w, flat, 80), 80);
		for (unsigned i = 0; i < 3; i++) {
			uint64_t to = area + 4096 * (i + 1) - lengths[i];

			memcpy(gptr(w, to, lengths[i]), bytes + at, lengths[i]);
			pieces[i + 1] = (struct piece){to, lengths[i], false};
			at += lengths[i];
		}
		pieces[4] = (struct piece){status, 1, true};
		gset(w, status, NO_STATUS, 1);
		CHECK_EQ(run_pieces(&w->q[0], pieces, 5), 1);
		CHECK_EQ(status_at(w, status), BLK_S_OK);
		for (unsigned i = 100; i < 150; i++)
			CHECK_EQ(w->ram->data[512 * i], i % 10 < 5 ? 0 : 0x77);
		expect_kept(w, 100, 150);
	}
}

static uint64_t flipped;

/* From a good segment to one that is far too long, beyond the end, or with a flag. */
static void flip_range(struct world *w, unsigned turn)
{
	s64(w, flipped, turn & 1 ? 32 : SECTORS - 4);
	s32(w, flipped + 8, turn & 2 ? 8 : 0x10000);
	s32(w, flipped + 12, turn & 4 ? 0 : 0x100);
}

/* Whatever the guest writes meanwhile: what was checked is what is done. */
static void ranges_race(struct world *w)
{
	struct meddler m;

	open_and_start(w, NULL, 0, 0);
	fill(w);
	flipped = galloc(w, 16, 16);
	flip_range(w, 7);
	meddle(&m, w, flip_range);
	for (unsigned i = 0; i < 400; i++) {
		uint64_t mark = w->next_free, status = galloc(w, 1, 1);
		struct piece pieces[3] = {{put_header(w, kinds[i % 3].type, 0), 16, false},
					  {flipped, 16, false},
					  {status, 1, true}};
		uint8_t got;

		gset(w, status, NO_STATUS, 1);
		run_pieces(&w->q[0], pieces, 3);
		got = status_at(w, status);
		CHECK(got == BLK_S_OK || got == BLK_S_IOERR || got == BLK_S_UNSUPP);
		w->next_free = mark;
	}
	meddle_end(&m);
	for (unsigned i = 0; i < w->ram->logged; i++) {
		const struct ram_disk_entry *e = &w->ram->log[i];

		CHECK(e->offset + e->length <= WORLD_DISK_SIZE && e->length == 8 * 512);
	}
	for (uint64_t i = WORLD_DISK_SIZE; i < WORLD_DISK_SIZE + 65536; i++)
		CHECK_EQ(w->ram->data[i], 0);
	expect_kept(w, 32, SECTORS);
	expect_alive(w);
}

TEST(HB_24, RINGS | VIEWS | MODES)
{
	ranges_race(w);
}

/* The array changes while the first of its segments is at the disk. */
TEST(HT_03, RINGS | VIEWS)
{
	uint64_t data = galloc(w, 64, 16);
	struct req *r;

	open_and_start(w, NULL, 0, 0);
	fill(w);
	for (unsigned i = 0; i < 4; i++)
		put_range(w, data + 16 * i, 100 + 10 * i, 5, 0);
	ram_disk_hold(w->ram);
	r = submit(&w->q[0], BLK_T_WRITE_ZEROES, 0, data, 64);
	EVENTUALLY(ram_disk_held(w->ram) == 1);
	for (unsigned i = 0; i < 4; i++)
		put_range(w, data + 16 * i, i % 2 ? SECTORS - 1 : 5000, 500, i % 2 ? 0xff : 0);
	ram_disk_release(w->ram);
	CHECK_EQ(finish(r), BLK_S_OK);
	for (unsigned i = 0; i < 40; i++)
		CHECK_EQ(w->ram->data[512 * (100 + i)], i % 10 < 5 ? 0 : 0x77);
	expect_kept(w, 100, 140);
	expect_alive(w);
}

TEST(HT_03b, RINGS | VIEWS | MODES)
{
	ranges_race(w);
}

/* Zeroes for all of the disk, over and over: the queue has as many as it has descriptors, a reset
 * ends them. */
TEST(HB_25, RINGS | VIEWS)
{
	struct vq *q = &w->q[0];
	uint64_t data = galloc(w, 16 * 16, 16);
	struct piece pieces[3] = {{put_header(w, BLK_T_WRITE_ZEROES, 0), 16, false},
				  {data, 16 * 16, false},
				  {galloc(w, 1, 1), 1, true}};

	open_and_start(w, "queues=2", 0, 0);
	for (unsigned i = 0; i < 16; i++)
		put_range(w, data + 16 * i, 0, SECTORS, 0);
	for (unsigned round = 0; round < 3; round++) {
		ram_disk_hold(w->ram);
		while (q->free_slots)
			vq_add_indirect(q, pieces, 3);
		vq_kick(q);
		/* One segment of each at a time. */
		EVENTUALLY(ram_disk_held(w->ram) == q->size);
		settle();
		CHECK_EQ(ram_disk_held(w->ram), q->size);
		w->ram->submitted = 0;
		reset(w);
		/* What was under way was let go, and nothing of the rest was begun. */
		CHECK_EQ(ram_disk_held(w->ram), 0);
		CHECK_EQ(w->ram->submitted, 0);
		ram_disk_release(w->ram);
		start(w, 0, 0);
		/* Another queue is not held up by them. */
		w->ram->hold = true;
		vq_add_indirect(q, pieces, 3);
		vq_kick(q);
		EVENTUALLY(ram_disk_held(w->ram) == 1);
		w->ram->hold = false;
		CHECK_EQ(blk(&w->q[1], BLK_T_GET_ID, 0, data, 16), BLK_S_OK);
		ram_disk_release(w->ram);
		EVENTUALLY((vq_poll(q), q->free_slots == q->size));
		expect_alive(w);
		reset(w);
		start(w, 0, 0);
	}
}
