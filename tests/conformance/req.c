/* SPDX-License-Identifier: MIT */
/* REQ: the types of requests. */
#include <stdlib.h>
#include <string.h>

#include "tests/conformance/world.h"

#define SECTORS (WORLD_DISK_SIZE / 512)

TEST(REQ_01, RINGS | VIEWS | MODES)
{
	open_and_start(w, NULL, 0, 0);
	expect_framings(w);
}

/* The status is the last writable byte, also behind data that is longer than needed. */
TEST(REQ_01b, RINGS | VIEWS)
{
	uint64_t at = galloc(w, 64, 16);
	struct piece pieces[2] = {{put_header(w, BLK_T_FLUSH, 0), 16, false}, {at, 33, true}};

	open_and_start(w, NULL, 0, 0);
	gset(w, at, POISON, 64);
	run_pieces(&w->q[0], pieces, 2);
	CHECK(gall(w, at, POISON, 32));
	CHECK_EQ(status_at(w, at + 32), BLK_S_OK);
	CHECK(gall(w, at + 33, POISON, 31));
}

static const uint32_t lengths[] = {512, 1024, 1536, 4096, 4608, 65536, 131072, 1 << 20};

TEST(REQ_02, RINGS | VIEWS | MODES)
{
	uint64_t data = galloc(w, 2 << 20, 512);

	open_and_start(w, NULL, 0, 0);
	pattern(w->ram->data, WORLD_DISK_SIZE, 9);
	for (unsigned i = 0; i < 8; i++)
		for (unsigned sector = 0; sector < 20; sector += 7) {
			gset(w, data, POISON, lengths[i] + 512);
			CHECK_EQ(blk(&w->q[0], BLK_T_IN, sector, data, lengths[i]), BLK_S_OK);
			CHECK(gsame(w, data, w->ram->data + 512 * sector, lengths[i]));
			CHECK(gall(w, data + lengths[i], POISON, 512));
		}
	CHECK_EQ(blk(&w->q[0], BLK_T_IN, SECTORS - 1, data, 512), BLK_S_OK);
	CHECK(gsame(w, data, w->ram->data + WORLD_DISK_SIZE - 512, 512));
}

TEST(REQ_03, RINGS | VIEWS | MODES)
{
	uint64_t data = galloc(w, 2 << 20, 512);
	static uint8_t want[WORLD_DISK_SIZE];

	open_and_start(w, NULL, 0, 0);
	for (unsigned i = 0; i < 8; i++)
		for (unsigned sector = 0; sector < 20; sector += 7) {
			gpattern(w, data, lengths[i], i * 100 + sector);
			memcpy(want + 512 * sector, gptr(w, data, lengths[i]), lengths[i]);
			CHECK_EQ(blk(&w->q[0], BLK_T_OUT, sector, data, lengths[i]), BLK_S_OK);
			CHECK(!memcmp(w->ram->data, want, WORLD_DISK_SIZE));
		}
	memcpy(want + WORLD_DISK_SIZE - 512, gptr(w, data, 512), 512);
	CHECK_EQ(blk(&w->q[0], BLK_T_OUT, SECTORS - 1, data, 512), BLK_S_OK);
	CHECK(!memcmp(w->ram->data, want, WORLD_DISK_SIZE));
}

static void write_sector(struct world *w, struct vq *q, unsigned sector, unsigned seed)
{
	uint64_t data = galloc(w, 512, 16);

	gpattern(w, data, 512, seed);
	CHECK_EQ(blk(q, BLK_T_OUT, sector, data, 512), BLK_S_OK);
}

/* Is that what stays when the power is cut? */
static bool is_stable(struct world *w, unsigned sector, unsigned seed)
{
	uint8_t want[512];

	pattern(want, 512, seed);
	return !memcmp(w->ram->stable + 512 * sector, want, 512);
}

TEST(REQ_04, RINGS | VIEWS | MODES)
{
	open_and_start(w, NULL, 0, 0);
	for (unsigned i = 0; i < 10; i++) {
		write_sector(w, &w->q[0], i, 50 + i);
		CHECK(!is_stable(w, i, 50 + i));
		CHECK_EQ(blk(&w->q[0], BLK_T_FLUSH, i % 2 ? 0 : ~0ull >> i, 0, 0), BLK_S_OK);
		CHECK_EQ(w->ram->flushes, i + 1);
		CHECK(is_stable(w, i, 50 + i));
	}
}

TEST(REQ_05, RINGS | VIEWS)
{
	static const char *const serials[] = {"", "abcde", "1234567890123456789",
					      "12345678901234567890"};
	uint64_t data = galloc(w, 64, 16);

	for (unsigned i = 0; i < 4; i++) {
		char keys[64], want[20] = "";

		memcpy(want, serials[i], strlen(serials[i]));
		snprintf(keys, sizeof(keys), "serial=%s", serials[i]);
		world_close(w);
		open_and_start(w, keys, 0, 0);
		gset(w, data, POISON, 64);
		CHECK_EQ(blk(&w->q[0], BLK_T_GET_ID, 0, data, 20), BLK_S_OK);
		CHECK(gsame(w, data, (uint8_t *)want, 20));
		CHECK(gall(w, data + 20, POISON, 44));
	}
}

/* A disk whose wear is known. */
static void open_worn(struct world *w, uint16_t eol, uint16_t a, uint16_t b)
{
	struct ram_disk *ram = ram_disk_new(WORLD_DISK_SIZE);

	ram->base.info.has_lifetime = true;
	ram->base.lifetime = (struct disk_lifetime){eol, a, b};
	world_close(w);
	world_open_ram(w, ram, NULL);
	start(w, 0, 0);
}

TEST(REQ_06, RINGS | VIEWS)
{
	uint64_t data = galloc(w, 64, 16);

	open_and_start(w, NULL, 0, 0);
	CHECK(!(offered(w) & FEATURE(F_LIFETIME)));
	CHECK_EQ(blk(&w->q[0], BLK_T_GET_LIFETIME, 0, data, 6), BLK_S_UNSUPP);
	open_worn(w, 2, 3, 11);
	CHECK(offered(w) & FEATURE(F_LIFETIME));
	gset(w, data, POISON, 64);
	CHECK_EQ(blk(&w->q[0], BLK_T_GET_LIFETIME, 0, data, 6), BLK_S_OK);
	CHECK_EQ(g16(w, data), 2);
	CHECK_EQ(g16(w, data + 2), 3);
	CHECK_EQ(g16(w, data + 4), 11);
	CHECK(gall(w, data + 6, POISON, 58));
	CHECK_EQ(blk(&w->q[0], BLK_T_GET_LIFETIME, 0, data, 5), BLK_S_IOERR);
}

/* Whatever the storage says. */
TEST(REQ_07, RINGS | VIEWS)
{
	static const uint16_t said[][3] = {{0, 0, 0},   {3, 11, 11}, {4, 0, 0},
					   {0, 12, 0},  {0, 0, 12},  {0xffff, 0xffff, 0xffff},
					   {1, 1, 0x80}};
	uint64_t data = galloc(w, 64, 16);

	for (unsigned i = 0; i < 7; i++) {
		open_worn(w, said[i][0], said[i][1], said[i][2]);
		gset(w, data, 0xff, 64);
		CHECK_EQ(blk(&w->q[0], BLK_T_GET_LIFETIME, 0, data, 6), BLK_S_OK);
		CHECK(g16(w, data) <= 3);
		CHECK(g16(w, data + 2) <= 11);
		CHECK(g16(w, data + 4) <= 11);
	}
}

/* `count` ranges of four sectors, eight apart, from sector 100 on; all else stays. */
static void try_ranges(struct world *w, uint32_t type, unsigned count, uint32_t flags, bool zeroed)
{
	uint64_t ranges = galloc(w, 16 * 32, 16);
	static uint8_t want[WORLD_DISK_SIZE];

	pattern(w->ram->data, WORLD_DISK_SIZE, type + count);
	memcpy(want, w->ram->data, WORLD_DISK_SIZE);
	for (unsigned i = 0; i < count; i++) {
		/* Not in order. */
		unsigned sector = 100 + 8 * ((i * 5) % 16);

		put_range(w, ranges + 16 * i, sector, 4, flags);
		if (zeroed)
			memset(want + 512 * sector, 0, 4 * 512);
		else
			memcpy(want + 512 * sector, w->ram->data + 512 * sector, 4 * 512);
	}
	CHECK_EQ(blk(&w->q[0], type, 0, ranges, 16 * count), BLK_S_OK);
	CHECK(!memcmp(w->ram->data, want, WORLD_DISK_SIZE));
}

TEST(REQ_08, RINGS | VIEWS | MODES)
{
	unsigned max;

	open_and_start(w, NULL, 0, 0);
	max = (unsigned)config_read(w, 40, 4);
	CHECK_EQ(max, 16);
	for (unsigned count = 1; count <= max; count++) {
		unsigned before = ram_disk_count(w->ram, DISK_DISCARD);

		try_ranges(w, BLK_T_DISCARD, count, 0, false);
		CHECK_EQ(ram_disk_count(w->ram, DISK_DISCARD) - before, count);
	}
}

TEST(REQ_09, RINGS | VIEWS)
{
	uint64_t range = galloc(w, 16, 16);

	open_and_start(w, NULL, 0, 0);
	try_ranges(w, BLK_T_DISCARD, 3, 0, false);
	/* Not on the granularity, or all of the disk. */
	put_range(w, range, 1, 1, 0);
	CHECK_EQ(blk(&w->q[0], BLK_T_DISCARD, 0, range, 16), BLK_S_OK);
	put_range(w, range, 0, SECTORS, 0);
	CHECK_EQ(blk(&w->q[0], BLK_T_DISCARD, 0, range, 16), BLK_S_OK);
	expect_alive(w);
}

TEST(REQ_10, RINGS | VIEWS | MODES)
{
	open_and_start(w, NULL, 0, 0);
	for (unsigned count = 1; count <= 16; count++) {
		try_ranges(w, BLK_T_WRITE_ZEROES, count, 0, true);
		try_ranges(w, BLK_T_WRITE_ZEROES, count, 1, true);
	}
}

TEST(REQ_12, RINGS | VIEWS | MODES)
{
	struct ram_disk *ram;

	open_and_start(w, NULL, 0, 0);
	CHECK(offered(w) & FEATURE(F_SECURE_ERASE));
	CHECK(config_read(w, 60, 4) && config_read(w, 64, 4) && config_read(w, 68, 4));
	for (unsigned count = 1; count <= config_read(w, 64, 4); count++)
		try_ranges(w, BLK_T_SECURE_ERASE, count, 0, true);
	CHECK_EQ(ram_disk_count(w->ram, DISK_SECURE_ERASE), 16 * 17 / 2);
	/* A disk that cannot truly erase does not say so. */
	ram = ram_disk_new(WORLD_DISK_SIZE);
	ram->base.info.secure_erase = false;
	world_close(w);
	world_open_ram(w, ram, NULL);
	CHECK(!(offered(w) & FEATURE(F_SECURE_ERASE)));
	start(w, 0, 0);
	CHECK_EQ(blk(&w->q[0], BLK_T_SECURE_ERASE, 0, galloc(w, 16, 16), 16), BLK_S_UNSUPP);
}

/* The same from Linux, whose driver has the segments in device-writable descriptors. */
TEST(REQ_12b, RINGS | VIEWS | MODES)
{
	uint64_t segments = galloc(w, 48, 16), status = galloc(w, 1, 1);
	uint8_t *before;

	open_and_start(w, NULL, 0, 0);
	memset(w->ram->data, 0x55, 65536);
	put_range(w, segments, 8, 8, 0);
	put_range(w, segments + 16, 32, 16, 0);
	put_range(w, segments + 32, 100, 1, 0);
	before = gcopy(w, segments, 48);
	for (uint32_t length = 48; length; length -= 12) {
		bool good = length % 16 == 0;
		struct piece pieces[] = {{put_header(w, BLK_T_SECURE_ERASE, 0), 16, false},
					 {segments, length, true},
					 {status, 1, true}};

		gset(w, status, 0xff, 1);
		CHECK_EQ(run_pieces(&w->q[0], pieces, 3), 0);
		CHECK_EQ(status_at(w, status), good ? BLK_S_OK : BLK_S_IOERR);
		CHECK(gsame(w, segments, before, 48));
	}
	CHECK_EQ(ram_disk_count(w->ram, DISK_SECURE_ERASE), 3);
	for (unsigned sector = 0; sector < 128; sector++) {
		bool erased =
		    (sector >= 8 && sector < 16) || (sector >= 32 && sector < 48) || sector == 100;

		CHECK_EQ(w->ram->data[512 * sector], erased ? 0 : 0x55);
	}
	free(before);
	expect_alive(w);
}

/* Writes of all kinds; each has to be stable the moment it completes. */
static void expect_stable_writes(struct world *w, bool stable)
{
	uint64_t range = galloc(w, 16, 16);

	for (unsigned i = 0; i < 8; i++) {
		write_sector(w, &w->q[0], 20 + i, 70 + i);
		CHECK_EQ(is_stable(w, 20 + i, 70 + i), stable);
	}
	memset(w->ram->stable + 512 * 40, 0x77, 512);
	memset(w->ram->data + 512 * 40, 0x77, 512);
	put_range(w, range, 40, 1, 0);
	CHECK_EQ(blk(&w->q[0], BLK_T_WRITE_ZEROES, 0, range, 16), BLK_S_OK);
	CHECK_EQ(w->ram->stable[512 * 40], stable ? 0 : 0x77);
}

TEST(REQ_13, RINGS | VIEWS | MODES)
{
	open_and_start(w, NULL, 0, FEATURE(F_FLUSH) | FEATURE(F_CONFIG_WCE));
	CHECK(offered(w) & FEATURE(F_FLUSH));
	expect_stable_writes(w, true);
	reset(w);
	memset(w->ram->stable, 0, 65536);
	start(w, 0, 0);
	expect_stable_writes(w, false);
}

TEST(REQ_14, RINGS | VIEWS | MODES)
{
	open_and_start(w, NULL, 0, 0);
	for (unsigned round = 0; round < 2; round++) {
		config_write(w, 32, 1, 0);
		expect_stable_writes(w, true);
		memset(w->ram->stable, 0, 65536);
		config_write(w, 32, 1, 1);
		expect_stable_writes(w, false);
		CHECK_EQ(blk(&w->q[0], BLK_T_FLUSH, 0, 0, 0), BLK_S_OK);
		memset(w->ram->stable, 0, 65536);
	}
	/* Nor is a flush needed if there is none. */
	reset(w);
	start(w, 0, FEATURE(F_FLUSH));
	config_write(w, 32, 1, 0);
	expect_stable_writes(w, true);
}

TEST(REQ_15, RINGS | VIEWS | MODES)
{
	open_and_start(w, NULL, 0, 0);
	for (unsigned round = 0; round < 5; round++) {
		for (unsigned i = 0; i < 20; i++)
			write_sector(w, &w->q[0], i, 100 * round + i);
		CHECK_EQ(blk(&w->q[0], BLK_T_FLUSH, 0, 0, 0), BLK_S_OK);
		write_sector(w, &w->q[0], 21, 100 * round + 21);
		ram_disk_power_cut(w->ram);
		for (unsigned i = 0; i < 20; i++) {
			uint8_t want[512];

			pattern(want, 512, 100 * round + i);
			CHECK(!memcmp(w->ram->data + 512 * i, want, 512));
		}
	}
}
