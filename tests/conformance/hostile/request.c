/* SPDX-License-Identifier: MIT */
/* HB-01 to 15, 26 to 30, 33: requests that are not quite requests. */
#include <errno.h>
#include <stdlib.h>

#include "tests/conformance/hostile/hostile.h"

#define SECTORS (WORLD_DISK_SIZE / 512)

/* The disk is untouched apart from what expect_alive writes. */
static void expect_disk_zero(struct world *w, uint64_t from, uint64_t size)
{
	for (uint64_t i = from; i < from + size; i++)
		if (w->ram->data[i] && (i < 9 * 512 || i >= 10 * 512))
			FAIL("the disk was changed at %llu", (unsigned long long)i);
}

/* A request as a driver makes it. `most`: bytes that may be said to be written. */
static void try_blk(struct world *w, uint32_t type, uint64_t sector, uint32_t length,
		    unsigned allowed, uint32_t most)
{
	struct bait b = bait_new(w, type, sector, length);
	struct piece pieces[3] = {{b.header, 16, false}};
	unsigned count = 1;
	struct snapshot before;
	struct result result;

	if (length)
		pieces[count++] = (struct piece){b.data, length, !type_reads(type)};
	pieces[count++] = (struct piece){b.status, 1, true};
	before = snapshot_take(w);
	result = try_pieces(&w->q[0], pieces, count, b.status);
	if (result.reaction != IS_OK && result.written > most)
		FAIL("type %u, sector %#llx, %u bytes: %u are said to be written", type,
		     (unsigned long long)sector, length, result.written);
	/* Of the guest only the status byte, and no more of the data than was said. */
	if (result.reaction != IS_OK) {
		if (!type_reads(type) && result.written < length)
			CHECK(gall(w, b.data + result.written, POISON, length - result.written));
		snapshot_check(w, &before, b.status, 1);
	} else {
		free(before.bytes);
	}
	expect_reaction(w, result, allowed, length + 1);
}

TEST(HB_01, RINGS | VIEWS | MODES)
{
	open_and_start(w, NULL, 0, 0);
	for (uint32_t length = 1; length < 16; length++) {
		struct bait b = bait_new(w, BLK_T_IN, 0, 512);
		const struct piece with_data[3] = {
		    {b.header, length, false}, {b.data, 512, true}, {b.status, 1, true}};
		const struct piece cut[3] = {
		    {b.header, length - 1, false}, {b.header, 1, false}, {b.status, 1, true}};
		const struct piece alone[1] = {{b.header, length, false}};

		expect_reaction(w, try_pieces(&w->q[0], with_data, 3, b.status), IS_ERR, 0);
		CHECK(gall(w, b.data, POISON, 512));
		gset(w, b.status, NO_STATUS, 1);
		expect_reaction(w, try_pieces(&w->q[0], cut, 3, b.status), IS_ERR, 1);
		gset(w, b.status, NO_STATUS, 1);
		expect_reaction(w, try_pieces(&w->q[0], alone, 1, b.status), IS_DROP0, 0);
	}
}

TEST(HB_02, RINGS | VIEWS | MODES)
{
	open_and_start(w, NULL, 0, 0);
	for (unsigned i = 0; i < 4; i++) {
		struct bait b = bait_new(w, BLK_T_IN, 0, 512);
		/* Whole, with what would be a sector behind it, in part, as the only descriptor. */
		const struct piece pieces[4][3] = {
		    {{b.header, 16, true}, {b.data, 512, true}, {b.status, 1, true}},
		    {{b.header, 16, true}, {b.data, 496, true}, {b.status, 1, true}},
		    {{b.header, 8, false}, {b.header + 8, 8, true}, {b.status, 1, true}},
		    {{b.header, 16, true}, {b.status, 1, true}, {b.status, 0, true}}};

		expect_reaction(w, try_pieces(&w->q[0], pieces[i], 3, b.status), IS_ERR, 0);
		CHECK(gall(w, b.header, 0, 16));
		CHECK(gall(w, b.data, POISON, 512));
	}
}

TEST(HB_03, RINGS | VIEWS | MODES)
{
	static const uint32_t types[] = {BLK_T_IN,     BLK_T_OUT,     BLK_T_FLUSH,
					 BLK_T_GET_ID, BLK_T_DISCARD, 99};

	open_and_start(w, NULL, 0, 0);
	for (unsigned i = 0; i < COUNT(types); i++) {
		struct bait b = bait_new(w, types[i], 0, 512);
		const struct piece pieces[3] = {
		    {b.header, 16, false}, {b.data, 512, false}, {b.status, 1, false}};
		struct snapshot before = snapshot_take(w);
		struct result result = try_pieces(&w->q[0], pieces, 3, b.status);

		snapshot_check(w, &before, 0, 0);
		expect_disk_zero(w, 0, 65536);
		expect_reaction(w, result, IS_DROP0, 0);
	}
}

TEST(HB_04, RINGS | VIEWS | MODES)
{
	static const uint32_t tails[] = {1, 2, 3, 16, 511};

	open_and_start(w, NULL, 0, 0);
	for (unsigned i = 0; i < COUNT(tails); i++) {
		uint64_t area = galloc(w, 2048, 512);
		const struct piece flush[2] = {{put_header(w, BLK_T_FLUSH, 0), 16, false},
					       {area, tails[i], true}};
		const struct piece read[2] = {{put_header(w, BLK_T_IN, 0), 16, false},
					      {area, 513, true}};

		gset(w, area, POISON, 2048);
		gset(w, area + tails[i] - 1, NO_STATUS, 1);
		expect_reaction(w, try_pieces(&w->q[0], flush, 2, area + tails[i] - 1), IS_OK,
				tails[i]);
		CHECK(gall(w, area, POISON, tails[i] - 1));
		gset(w, area, POISON, 2048);
		gset(w, area + 512, NO_STATUS, 1);
		expect_reaction(w, try_pieces(&w->q[0], read, 2, area + 512), IS_OK, 513);
		CHECK(gall(w, area, 0, 512));
		CHECK(gall(w, area + 513, POISON, 1024));
	}
}

TEST(HB_05, RINGS | VIEWS | MODES)
{
	/* Times 512 they come round to the disk's beginning. */
	static const uint64_t sectors[] = {
	    1ull << 55, (1ull << 55) + 1, 1ull << 56,   (1ull << 63) | 8,
	    ~0ull,      ~0ull - 7,        (1ull << 54), 0xff80000000000000ull};

	open_and_start(w, NULL, 0, 0);
	for (unsigned i = 0; i < COUNT(sectors); i++) {
		try_blk(w, BLK_T_IN, sectors[i], 512, IS_ERR, 0);
		try_blk(w, BLK_T_OUT, sectors[i], 512, IS_ERR, 1);
		try_blk(w, BLK_T_OUT, sectors[i], 4096, IS_ERR, 1);
	}
	expect_disk_zero(w, 0, WORLD_DISK_SIZE);
}

TEST(HB_06, RINGS | VIEWS | MODES)
{
	static const struct {
		uint64_t sector;
		uint32_t length;
	} rows[] = {{SECTORS, 512},      {SECTORS + 1, 512},        {SECTORS - 1, 1024},
		    {SECTORS - 7, 4096}, {SECTORS - 2047, 1 << 20}, {1 << 20, 512}};

	open_and_start(w, NULL, 0, 0);
	for (unsigned i = 0; i < COUNT(rows); i++) {
		try_blk(w, BLK_T_IN, rows[i].sector, rows[i].length, IS_ERR, 0);
		try_blk(w, BLK_T_OUT, rows[i].sector, rows[i].length, IS_ERR, 1);
	}
	/* Nothing of them was written, not what would have fitted, nor behind the disk. */
	expect_disk_zero(w, 0, WORLD_DISK_SIZE + (2 << 20));
	try_blk(w, BLK_T_OUT, SECTORS - 1, 512, IS_OK, 1);
}

TEST(HB_07, RINGS | VIEWS | MODES)
{
	static const uint32_t lengths[] = {1, 15, 511, 513, 1023, 4095, 4097};

	open_and_start(w, NULL, 0, 0);
	for (unsigned i = 0; i < COUNT(lengths); i++) {
		try_blk(w, BLK_T_IN, 0, lengths[i], IS_ERR, 0);
		try_blk(w, BLK_T_OUT, 0, lengths[i], IS_ERR, 1);
	}
	expect_disk_zero(w, 0, 65536);
}

TEST(HB_08, RINGS | VIEWS | MODES)
{
	open_and_start(w, NULL, 0, 0);
	for (unsigned i = 0; i < 4; i++) {
		struct bait read = bait_new(w, BLK_T_IN, 0, 512),
			    write = bait_new(w, BLK_T_OUT, 0, 512);
		/* Data on the wrong side, without and with some on the right one. */
		const struct piece pieces[4][4] = {
		    {{read.header, 16, false}, {read.data, 512, false}, {read.status, 1, true}},
		    {{write.header, 16, false}, {write.data, 512, true}, {write.status, 1, true}},
		    {{read.header, 16, false},
		     {read.data + 512, 512, false},
		     {read.data, 512, true},
		     {read.status, 1, true}},
		    {{write.header, 16, false},
		     {write.data, 512, false},
		     {write.data + 512, 512, true},
		     {write.status, 1, true}}};
		struct result result = try_pieces(&w->q[0], pieces[i], i < 2 ? 3 : 4,
						  i % 2 ? write.status : read.status);

		/* What the driver gave to be read is not written to. */
		if (i == 0)
			CHECK(gall(w, read.data, POISON, 1024));
		if (i == 1)
			CHECK(gpattern_is(w, write.data, 512, 5));
		if (i == 2)
			CHECK(gall(w, read.data + 512, POISON, 512));
		if (i == 3)
			CHECK(gpattern_is(w, write.data, 512, 5) &&
			      gall(w, write.data + 512, POISON, 512));
		expect_reaction(w, result, IS_OK | IS_ERR, i == 2 ? 513 : i == 0 ? 1 : 0);
		memset(w->ram->data, 0, 512);
	}
}

TEST(HB_09, RINGS | VIEWS | MODES)
{
	static const uint64_t sectors[] = {0, 5, SECTORS, SECTORS + 1, ~0ull};

	open_and_start(w, NULL, 0, 0);
	for (unsigned i = 0; i < COUNT(sectors); i++) {
		try_blk(w, BLK_T_IN, sectors[i], 0, IS_OK | IS_ERR, 1);
		try_blk(w, BLK_T_OUT, sectors[i], 0, IS_OK | IS_ERR, 1);
	}
	expect_disk_zero(w, 0, WORLD_DISK_SIZE);
}

TEST(HB_10, RINGS | VIEWS | MODES)
{
	struct bait b;

	open_and_start(w, NULL, 0, 0);
	b = bait_new(w, BLK_T_IN, 0, 512);
	expect_reaction(w,
			try_pieces(&w->q[0],
				   (struct piece[]){{b.header, 16, false}, {b.status, 1, true}}, 2,
				   b.status),
			IS_OK | IS_ERR, 1);
	CHECK(gall(w, b.data, POISON, 512));
}

TEST(HB_11, RINGS | VIEWS | MODES)
{
	struct piece pieces[64];
	struct bait b;
	uint32_t seg_max;

	open_and_start(w, "queue-size=64", 0, 0);
	seg_max = (uint32_t)config_read(w, 12, 4);
	/* One that is longer than a segment may be, and more of them than there may be. */
	try_blk(w, BLK_T_IN, 0, (uint32_t)config_read(w, 8, 4) + 512, IS_OK | IS_ERR, 0);
	b = bait_new(w, BLK_T_IN, 0, 512 * (seg_max + 20));
	pieces[0] = (struct piece){b.header, 16, false};
	for (unsigned i = 0; i < 62; i++)
		pieces[i + 1] = (struct piece){b.data + 1024 * (i / 2), 256, true};
	pieces[63] = (struct piece){b.status, 1, true};
	expect_reaction(w, try_pieces(&w->q[0], pieces, 64, b.status), IS_OK | IS_ERR,
			62 * 256 + 1);
}

TEST(HB_12, RINGS | VIEWS | MODES)
{
	/* Types there are none of, those of other times, and good ones with a bit too many. */
	static const uint32_t types[] = {
	    2,          3,          6,          7,          9,       12,        17,
	    19,         27,         99,         255,        256,     0x100,     0x7fffffff,
	    0x80000000, 0x80000001, 0x80000004, 0x80000008, 0x10000, 0xffffffff};

	open_and_start(w, NULL, 0, 0);
	for (unsigned i = 0; i < COUNT(types); i++) {
		try_blk(w, types[i], 0, 512, IS_UNSUPP, 0);
		try_blk(w, types[i], 0, 0, IS_UNSUPP, 1);
	}
	expect_disk_zero(w, 0, WORLD_DISK_SIZE);
	CHECK_EQ(w->ram->flushes, 0);
}

TEST(HB_13, RINGS | VIEWS | MODES)
{
	open_and_start(w, NULL, 0, 0);
	CHECK(!(offered(w) & FEATURE(7)));
	for (uint32_t type = 2; type <= 3; type++)
		for (unsigned sense = 0; sense <= 96; sense += 48) {
			struct bait b = bait_new(w, type, 0, 512);
			uint64_t cdb = galloc(w, 16, 16), area = galloc(w, 128, 16);
			/* Header, command, data, sense, what the host answers; short or missing. */
			struct piece pieces[5] = {{b.header, 16, false},
						  {cdb, 6, false},
						  {b.data, 512, true},
						  {area, sense, true},
						  {b.status, 1, true}};

			gset(w, cdb, 0x12, 16);
			gset(w, area, POISON, 128);
			expect_reaction(w, try_pieces(&w->q[0], pieces, 5, b.status), IS_UNSUPP, 0);
			CHECK(gall(w, b.data, POISON, 512));
			CHECK(gall(w, area, POISON, 128));
		}
}

TEST(HB_14, RINGS | VIEWS | MODES)
{
	static const uint32_t lengths[] = {0, 1, 7, 19, 20, 21, 100, 4096, 65536};
	uint8_t want[20] = "0123456789abcdefghij";

	open_and_start(w, "serial=0123456789abcdefghij", 0, 0);
	for (unsigned i = 0; i < COUNT(lengths); i++) {
		uint32_t length = lengths[i], part = length < 20 ? length : 20;
		struct bait b = bait_new(w, BLK_T_GET_ID, 0, length);
		struct piece pieces[4] = {{b.header, 16, false}};
		unsigned count = 1;
		struct result result;

		/* Cut after the third byte. */
		if (length > 3)
			pieces[count++] = (struct piece){b.data, 3, true};
		if (length)
			pieces[count++] = (struct piece){b.data + (length > 3 ? 3 : 0),
							 length - (length > 3 ? 3 : 0), true};
		pieces[count++] = (struct piece){b.status, 1, true};
		result = try_pieces(&w->q[0], pieces, count, b.status);
		if (result.reaction == IS_OK)
			CHECK(!memcmp(gptr(w, b.data, 1), want, part));
		/* Nothing of the host behind the twenty bytes. */
		CHECK(gall(w, b.data + part, POISON, length - part) ||
		      gall(w, b.data + part, 0, length - part));
		CHECK(gall(w, b.data + length, POISON, 512));
		expect_reaction(w, result, IS_OK | IS_ERR, part + 1);
	}
}

TEST(HB_15, RINGS | VIEWS | MODES)
{
	struct ram_disk *ram = ram_disk_new(WORLD_DISK_SIZE);

	ram->base.info.has_lifetime = true;
	world_open_ram(w, ram, NULL);
	start(w, 0, 0);
	for (uint32_t length = 0; length < 6; length++)
		try_blk(w, BLK_T_GET_LIFETIME, 0, length, IS_ERR, length ? 0 : 1);
	try_blk(w, BLK_T_GET_LIFETIME, 0, 6, IS_OK, 7);
	try_blk(w, BLK_T_GET_LIFETIME, 0, 64, IS_OK, 64);
}

TEST(HB_26, RINGS | VIEWS | MODES)
{
	static const uint64_t sectors[] = {0, 1, SECTORS, 1ull << 60, ~0ull};

	open_and_start(w, NULL, 0, 0);
	for (unsigned i = 0; i < COUNT(sectors); i++) {
		struct bait b = bait_new(w, BLK_T_FLUSH, sectors[i], 512);
		const struct piece both[4] = {{b.header, 16, false},
					      {b.data + 512, 300, false},
					      {b.data, 333, true},
					      {b.status, 1, true}};

		try_blk(w, BLK_T_FLUSH, sectors[i], 0, IS_OK, 1);
		expect_reaction(w, try_pieces(&w->q[0], both, 4, b.status), IS_OK, 0);
		CHECK(gall(w, b.data, POISON, 512));
	}
	CHECK(w->ram->flushes >= 2 * COUNT(sectors));
}

/* More flushes at once than anybody needs: as many as the ring has, and all come back. */
TEST(HB_27, RINGS | VIEWS | MODES)
{
	struct vq *q = &w->q[0];
	struct piece pieces[2] = {{put_header(w, BLK_T_FLUSH, 0), 16, false},
				  {galloc(w, 1, 1), 1, true}};
	unsigned files;

	open_and_start(w, "queue-size=256", 0, 0);
	spin(q, 1);
	files = open_files();
	for (unsigned round = 0; round < 100; round++) {
		uint64_t mark = w->next_free;

		while (q->free_slots)
			vq_add_indirect(q, pieces, 2);
		vq_kick(q);
		EVENTUALLY((vq_poll(q), q->free_slots == q->size));
		w->next_free = mark;
	}
	CHECK_EQ(q->returned, 25601);
	CHECK(w->ram->submitted - w->ram->completed == 0);
	CHECK_EQ(open_files(), files);
	expect_alive(w);
}

/* The disk gives up in the middle of the data. */
TEST(HB_28, RINGS | VIEWS | MODES)
{
	static const uint32_t done[] = {0, 1, 511, 512, 1000, 1024, 1535};

	open_and_start(w, NULL, 0, 0);
	for (unsigned i = 0; i < COUNT(done); i++) {
		struct bait b = bait_new(w, BLK_T_IN, 100, 1536);
		const struct piece pieces[5] = {{b.header, 16, false},
						{b.data, 512, true},
						{b.data + 512, 512, true},
						{b.data + 1024, 512, true},
						{b.status, 1, true}};
		struct result result;

		pattern(w->ram->data + 100 * 512, 1536, 12);
		ram_disk_fail(w->ram, 100, 102, EIO, done[i]);
		result = try_pieces(&w->q[0], pieces, 5, b.status);
		ram_disk_fail(w->ram, 0, 0, 0, 0);
		CHECK(!memcmp(gptr(w, b.data, 1536), w->ram->data + 100 * 512, result.written));
		CHECK(gall(w, b.data + done[i], POISON, 1536 - done[i]));
		expect_reaction(w, result, IS_ERR, done[i]);
	}
}

/* The disk says that it read, and did not touch the buffer: no byte of the host shows up. */
TEST(HB_28b, RINGS | VIEWS | MODES)
{
	struct bait b;

	open_and_start(w, NULL, 0, 0);
	b = bait_new(w, BLK_T_IN, 100, 1536);
	w->ram->empty_reads = true;
	CHECK_EQ(blk(&w->q[0], BLK_T_IN, 100, b.data, 1536), BLK_S_OK);
	CHECK(gall(w, b.data, POISON, 1536) || gall(w, b.data, 0, 1536));
}

/* Every way to fail that there is, and what is said to be written then. */
TEST(HB_29, RINGS | VIEWS | MODES)
{
	open_and_start(w, NULL, 0, 0);
	for (unsigned i = 0; i < sample_count; i++)
		if (samples[i].status != BLK_S_OK)
			try_blk(w, samples[i].type, samples[i].sector, samples[i].length,
				samples[i].status == BLK_S_UNSUPP ? IS_UNSUPP : IS_ERR,
				type_reads(samples[i].type));
	ram_disk_fail(w->ram, 200, 300, EIO, 0);
	try_blk(w, BLK_T_IN, 200, 4096, IS_ERR, 0);
	try_blk(w, BLK_T_OUT, 200, 4096, IS_ERR, 1);
	ram_disk_fail(w->ram, 200, 300, ENOSPC, 512);
	try_blk(w, BLK_T_OUT, 200, 4096, IS_ERR, 1);
	ram_disk_fail(w->ram, 200, 300, EOPNOTSUPP, 0);
	try_blk(w, BLK_T_OUT, 200, 4096, IS_UNSUPP, 1);
}

TEST(HB_30, RINGS | VIEWS | MODES)
{
	static const uint32_t types[] = {BLK_T_OUT, BLK_T_DISCARD, BLK_T_WRITE_ZEROES,
					 BLK_T_SECURE_ERASE};
	static const uint32_t lengths[] = {512, 4096, 16, 0};

	world_open(w, "readonly=on");
	pattern(w->ram->data, WORLD_DISK_SIZE, 3);
	start(w, 0, 0);
	for (unsigned i = 0; i < COUNT(types); i++)
		for (unsigned k = 0; k < COUNT(lengths); k++) {
			struct bait b = bait_new(w, types[i], 0, lengths[k]);

			if (types[i] != BLK_T_OUT && lengths[k] >= 16)
				put_range(w, b.data, 0, 8, 0);
			CHECK_EQ(blk(&w->q[0], types[i], 0, b.data, lengths[k]), BLK_S_IOERR);
		}
	CHECK_EQ(ram_disk_count(w->ram, DISK_WRITE) + ram_disk_count(w->ram, DISK_DISCARD) +
		     ram_disk_count(w->ram, DISK_WRITE_ZEROES) +
		     ram_disk_count(w->ram, DISK_SECURE_ERASE),
		 0);
	fence(&w->q[0]);
}

TEST(HB_33, RINGS | VIEWS | MODES)
{
	static const uint32_t words[] = {1, 2, 0x7fff, 0x8000, 0x80000000, ~0u};

	open_and_start(w, NULL, 0, 0);
	for (unsigned i = 0; i < COUNT(words); i++)
		for (uint32_t type = BLK_T_IN; type <= BLK_T_OUT; type++) {
			struct req *r =
			    submit_quietly(&w->q[0], type, 20, galloc(w, 512, 512), 512);

			s32(w, r->header + 4, words[i]);
			vq_kick(&w->q[0]);
			CHECK_EQ(finish(r), BLK_S_OK);
		}
	for (unsigned i = 0; i < w->ram->logged; i++)
		CHECK_EQ(w->ram->log[i].flags, 0);
	expect_alive(w);
}
