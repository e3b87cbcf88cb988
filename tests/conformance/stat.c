/* SPDX-License-Identifier: MIT */
/* STAT: status codes and used lengths. */
#include <errno.h>
#include <string.h>

#include "tests/conformance/world.h"

#define SECTORS (WORLD_DISK_SIZE / 512)

static const uint32_t range_types[] = {BLK_T_DISCARD, BLK_T_WRITE_ZEROES, BLK_T_SECURE_ERASE};

/* A disk with a pattern on it, and the means to see that nothing has changed. */
static uint8_t before[WORLD_DISK_SIZE];

static void remember(struct world *w)
{
	pattern(w->ram->data, WORLD_DISK_SIZE, 21);
	memcpy(before, w->ram->data, WORLD_DISK_SIZE);
}

static void expect_unchanged(struct world *w)
{
	CHECK(!memcmp(w->ram->data, before, WORLD_DISK_SIZE));
}

TEST(STAT_01, RINGS | VIEWS | MODES)
{
	uint64_t data = galloc(w, 4096, 16);

	/* Negotiated or not: the rule holds where RO is offered. */
	for (unsigned taken = 0; taken < 2; taken++) {
		world_close(w);
		open_and_start(w, "readonly=on", 0, taken ? 0 : FEATURE(F_RO));
		CHECK(offered(w) & FEATURE(F_RO));
		remember(w);
		gset(w, data, 0x11, 4096);
		CHECK_EQ(blk(&w->q[0], BLK_T_OUT, 0, data, 4096), BLK_S_IOERR);
		CHECK_EQ(blk(&w->q[0], BLK_T_OUT, 0, data, 512), BLK_S_IOERR);
		put_range(w, data, 0, 8, 0);
		for (unsigned i = 0; i < 3; i++)
			CHECK_EQ(blk(&w->q[0], range_types[i], 0, data, 16), BLK_S_IOERR);
		expect_unchanged(w);
		CHECK_EQ(blk(&w->q[0], BLK_T_IN, 0, data, 4096), BLK_S_OK);
		CHECK(gsame(w, data, before, 4096));
		CHECK_EQ(blk(&w->q[0], BLK_T_FLUSH, 0, 0, 0), BLK_S_OK);
		CHECK_EQ(blk(&w->q[0], BLK_T_GET_ID, 0, data, 20), BLK_S_OK);
	}
}

TEST(STAT_02, RINGS | VIEWS)
{
	uint64_t data = galloc(w, 32, 16);

	open_and_start(w, NULL, 0, 0);
	remember(w);
	for (unsigned i = 0; i < 3; i++)
		for (unsigned bit = 1; bit < 32; bit++) {
			put_range(w, data, 0, 8, 1u << bit);
			CHECK_EQ(blk(&w->q[0], range_types[i], 0, data, 16), BLK_S_UNSUPP);
			/* In the second segment, too; and the first is not done then. */
			put_range(w, data, 0, 8, 0);
			put_range(w, data + 16, 8, 8, 1u << bit);
			CHECK_EQ(blk(&w->q[0], range_types[i], 0, data, 32), BLK_S_UNSUPP);
		}
	expect_unchanged(w);
}

TEST(STAT_03, RINGS | VIEWS)
{
	uint64_t data = galloc(w, 16, 16);

	open_and_start(w, NULL, 0, 0);
	remember(w);
	put_range(w, data, 0, 8, 1);
	CHECK_EQ(blk(&w->q[0], BLK_T_DISCARD, 0, data, 16), BLK_S_UNSUPP);
	CHECK_EQ(blk(&w->q[0], BLK_T_SECURE_ERASE, 0, data, 16), BLK_S_UNSUPP);
	CHECK_EQ(ram_disk_count(w->ram, DISK_DISCARD), 0);
	expect_unchanged(w);
}

TEST(STAT_04, RINGS | VIEWS | MODES)
{
	static const uint32_t types[] = {6, 7, 9, 12, 17, 19, 21, 99, 0x7fffffff, 0xffffffff};

	open_and_start(w, "features=-discard:-write-zeroes:-secure-erase", 0, 0);
	remember(w);
	for (unsigned i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		struct req *r = submit(&w->q[0], types[i], 0, 0, 0);

		CHECK_EQ(finish(r), BLK_S_UNSUPP);
		CHECK_EQ(r->written, 1);
		CHECK_EQ(blk(&w->q[0], types[i], 0, galloc(w, 512, 16), 512), BLK_S_UNSUPP);
	}
	for (unsigned i = 0; i < 3; i++)
		CHECK_EQ(blk(&w->q[0], range_types[i], 0, galloc(w, 16, 16), 16), BLK_S_UNSUPP);
	CHECK_EQ(blk(&w->q[0], BLK_T_GET_LIFETIME, 0, galloc(w, 16, 16), 6), BLK_S_UNSUPP);
	expect_unchanged(w);
	expect_alive(w);
}

TEST(STAT_05, RINGS | VIEWS)
{
	static const char *const keys[] = {NULL, "zoned=host-aware,zone-size=64K"};

	for (unsigned k = 0; k < 2; k++) {
		world_close(w);
		open_and_start(w, keys[k], 0, FEATURE(F_ZONED));
		for (uint32_t type = 15; type <= 27; type++) {
			CHECK_EQ(blk(&w->q[0], type, 0, 0, 0), BLK_S_UNSUPP);
			CHECK_EQ(blk(&w->q[0], type, 0, galloc(w, 512, 16), 512), BLK_S_UNSUPP);
		}
		expect_alive(w);
	}
}

TEST(STAT_06, RINGS | VIEWS | MODES)
{
	static const struct {
		uint64_t sector;
		uint32_t length;
	} beyond[] = {
	    {SECTORS, 512},      {SECTORS - 1, 1024},
	    {SECTORS - 7, 4096}, {SECTORS + 1000, 512},
	    {1ull << 55, 512},   {~0ull, 512},
	    {~0ull, 1024},       {~0ull - 1, 4096},
	    {1ull << 63, 1024},  {(1ull << 55) - 1, 1024},
	};
	uint64_t data = galloc(w, 8192, 16);

	open_and_start(w, NULL, 0, 0);
	remember(w);
	for (unsigned i = 0; i < sizeof(beyond) / sizeof(beyond[0]); i++) {
		struct req *r;

		gset(w, data, POISON, 8192);
		CHECK_EQ(blk(&w->q[0], BLK_T_OUT, beyond[i].sector, data, beyond[i].length), 1);
		r = submit(&w->q[0], BLK_T_IN, beyond[i].sector, data, beyond[i].length);
		CHECK_EQ(finish(r), BLK_S_IOERR);
		CHECK_EQ(r->written, 0);
		CHECK(gall(w, data, POISON, 8192));
	}
	expect_unchanged(w);
	CHECK_EQ(blk(&w->q[0], BLK_T_OUT, SECTORS - 1, data, 512), BLK_S_OK);
}

TEST(STAT_07, RINGS | VIEWS | MODES)
{
	static const uint32_t odd[] = {1, 511, 513, 1023, 4095, 4097};
	uint64_t data = galloc(w, 8192, 16);

	open_and_start(w, NULL, 0, 0);
	remember(w);
	for (unsigned i = 0; i < 6; i++) {
		CHECK_EQ(blk(&w->q[0], BLK_T_OUT, 0, data, odd[i]), BLK_S_IOERR);
		CHECK_EQ(blk(&w->q[0], BLK_T_IN, 0, data, odd[i]), BLK_S_IOERR);
	}
	expect_unchanged(w);
}

static uint8_t ranges(struct world *w, uint32_t type, uint64_t sector, uint32_t sectors,
		      uint32_t length)
{
	uint64_t data = galloc(w, 1024, 16);

	for (unsigned i = 0; i < 32; i++)
		put_range(w, data + 16 * i, sector, sectors, 0);
	return blk(&w->q[0], type, 0, data, length);
}

TEST(STAT_08, RINGS | VIEWS | MODES)
{
	static const unsigned max_at[] = {36, 48, 60};

	/* A disk that says it is large, so that a segment above the maximum is inside it. */
	open_and_start(w, NULL, 0, 0);
	remember(w);
	for (unsigned i = 0; i < 3; i++) {
		uint32_t type = range_types[i];
		uint32_t max = (uint32_t)config_read(w, max_at[i], 4);
		uint32_t most = (uint32_t)config_read(w, max_at[i] + 4, 4);

		CHECK_EQ(most, 16);
		CHECK_EQ(ranges(w, type, 0, 8, 16 * (most + 1)), BLK_S_IOERR);
		CHECK_EQ(ranges(w, type, 0, 8, 16 * 32), BLK_S_IOERR);
		CHECK_EQ(ranges(w, type, 0, 8, 0), BLK_S_IOERR);
		for (uint32_t length = 1; length < 16; length++)
			CHECK_EQ(ranges(w, type, 0, 8, length), BLK_S_IOERR);
		CHECK_EQ(ranges(w, type, 0, 8, 17), BLK_S_IOERR);
		CHECK_EQ(ranges(w, type, 0, 8, 31), BLK_S_IOERR);
		CHECK_EQ(ranges(w, type, 0, max + 1, 16), BLK_S_IOERR);
		CHECK_EQ(ranges(w, type, 0, 0xffffffff, 16), BLK_S_IOERR);
		CHECK_EQ(ranges(w, type, SECTORS, 1, 16), BLK_S_IOERR);
		CHECK_EQ(ranges(w, type, SECTORS - 1, 2, 16), BLK_S_IOERR);
		CHECK_EQ(ranges(w, type, ~0ull, 1, 16), BLK_S_IOERR);
		CHECK_EQ(ranges(w, type, ~0ull - 1, 8, 16), BLK_S_IOERR);
		CHECK_EQ(ranges(w, type, 1ull << 55, 8, 16), BLK_S_IOERR);
	}
	expect_unchanged(w);
}

/* Shorter than 20: as many bytes as there is room for. Longer: the first 20. */
TEST(STAT_09, RINGS | VIEWS)
{
	static const uint32_t lengths[] = {0, 8, 19, 20, 21, 512};
	uint64_t data = galloc(w, 600, 16);

	open_and_start(w, "serial=ABCDEFGHIJKLMNOPQRST", 0, 0);
	for (unsigned i = 0; i < 6; i++) {
		uint32_t n = lengths[i] < 20 ? lengths[i] : 20;
		struct req *r;

		gset(w, data, POISON, 600);
		r = submit(&w->q[0], BLK_T_GET_ID, 0, data, lengths[i]);
		CHECK_EQ(finish(r), BLK_S_OK);
		CHECK(gsame(w, data, (const uint8_t *)"ABCDEFGHIJKLMNOPQRST", n));
		CHECK(gall(w, data + n, POISON, 600 - n));
		CHECK_EQ(r->written, lengths[i] <= 20 ? n + 1 : n);
	}
}

TEST(STAT_10, RINGS | VIEWS | MODES)
{
	struct req *r;

	open_and_start(w, NULL, 0, 0);
	for (unsigned done = 0; done < 4096; done += 512) {
		uint64_t data = galloc(w, 4096, 16);

		ram_disk_fail(w->ram, 100, 110, EIO, done);
		pattern(w->ram->data + 51200, 4096, 5);
		gset(w, data, POISON, 4096);
		r = submit(&w->q[0], BLK_T_IN, 100, data, 4096);
		CHECK_EQ(finish(r), BLK_S_IOERR);
		CHECK(r->written <= done);
		CHECK(gsame(w, data, w->ram->data + 51200, r->written));
		r = submit(&w->q[0], BLK_T_OUT, 100, data, 4096);
		CHECK_EQ(finish(r), BLK_S_IOERR);
		CHECK_EQ(r->written, 1);
	}
	/* With a status only there is nothing in between. */
	r = submit(&w->q[0], 99, 0, 0, 0);
	CHECK_EQ(finish(r), BLK_S_UNSUPP);
	CHECK_EQ(r->written, 1);
}

static int fail_all(struct ram_disk *disk, const struct disk_request *request, uint64_t *done)
{
	return (int)disk->fault_at;
}

TEST(STAT_11, RINGS | VIEWS | MODES)
{
	static const int errors[] = {EIO, ENOSPC, EREMOTEIO, ENODATA, EINVAL, ETIMEDOUT};
	uint64_t data = galloc(w, 4096, 16);

	open_and_start(w, NULL, 0, 0);
	for (unsigned i = 0; i < 6; i++) {
		w->ram->fault_at = (uint64_t)errors[i];
		w->ram->fault = fail_all;
		CHECK_EQ(blk(&w->q[0], BLK_T_IN, 0, data, 4096), BLK_S_IOERR);
		CHECK_EQ(blk(&w->q[0], BLK_T_OUT, 0, data, 4096), BLK_S_IOERR);
		CHECK_EQ(blk(&w->q[0], BLK_T_FLUSH, 0, 0, 0), BLK_S_IOERR);
		for (unsigned k = 0; k < 3; k++)
			CHECK_EQ(ranges(w, range_types[k], 0, 8, 16), BLK_S_IOERR);
		w->ram->fault = NULL;
		expect_alive(w);
	}
}

TEST(STAT_12, RINGS | VIEWS | MODES)
{
	uint64_t data = galloc(w, 64, 16);

	open_and_start(w, NULL, 0, 0);
	for (unsigned i = 0; i < 3; i++) {
		remember(w);
		put_range(w, data, 16, 8, 0);
		put_range(w, data + 16, SECTORS - 1, 2, 0);
		put_range(w, data + 32, 64, 8, 0);
		CHECK_EQ(blk(&w->q[0], range_types[i], 0, data, 48), BLK_S_IOERR);
		/* What the legal segments named may have changed; nothing else has. */
		memcpy(w->ram->data + 16 * 512, before + 16 * 512, 8 * 512);
		memcpy(w->ram->data + 64 * 512, before + 64 * 512, 8 * 512);
		expect_unchanged(w);
		/* The same if the host fails in the middle. */
		put_range(w, data + 16, 32, 8, 0);
		ram_disk_fail(w->ram, 32, 39, EIO, 512);
		CHECK_EQ(blk(&w->q[0], range_types[i], 0, data, 48), BLK_S_IOERR);
		ram_disk_fail(w->ram, 0, 0, 0, 0);
		memcpy(w->ram->data + 16 * 512, before + 16 * 512, 8 * 512);
		memcpy(w->ram->data + 32 * 512, before + 32 * 512, 8 * 512);
		memcpy(w->ram->data + 64 * 512, before + 64 * 512, 8 * 512);
		expect_unchanged(w);
	}
}
