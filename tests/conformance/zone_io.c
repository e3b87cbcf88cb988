/* SPDX-License-Identifier: MIT */
/* ZONE: reads, writes and appends. */
#include <string.h>

#include "tests/conformance/zone.h"

#define INVALID   BLK_S_ZONE_INVALID_CMD
#define UNALIGNED BLK_S_ZONE_UNALIGNED_WP

TEST(ZONE_10, RINGS | MODERN)
{
	uint64_t at;

	open_zoned(w, MANAGED, ",zone-conventional=2");
	CHECK_EQ(zone_append(w, 0, 1, 1, &at), INVALID);
	CHECK_EQ(zone_append(w, ZONE, 1, 1, &at), INVALID);
	CHECK_EQ(zone_append(w, 2 * ZONE, 1, 1, &at), BLK_S_OK);
	open_zoned(w, AWARE, NULL);
	CHECK_EQ(zone_append(w, 2 * ZONE, 1, 1, &at), INVALID);
}

TEST(ZONE_16, RINGS | MODERN | MODES)
{
	uint64_t at;

	open_zoned(w, MANAGED, ",zone-max-open=2,zone-max-active=3");
	CHECK_EQ(zone_write(w, 0, 1, 1), BLK_S_OK);
	CHECK_EQ(zone_state_of(w, 0), ZONE_IMPLICIT_OPEN);
	CHECK_EQ(zone_manage(w, BLK_T_ZONE_CLOSE, 0), BLK_S_OK);
	CHECK_EQ(zone_append(w, 0, 1, 1, &at), BLK_S_OK);
	CHECK_EQ(zone_state_of(w, 0), ZONE_IMPLICIT_OPEN);
	CHECK_EQ(zone_manage(w, BLK_T_ZONE_CLOSE, 0), BLK_S_OK);
	/* Nothing that could be closed for it. */
	CHECK_EQ(zone_manage(w, BLK_T_ZONE_OPEN, 1), BLK_S_OK);
	CHECK_EQ(zone_manage(w, BLK_T_ZONE_OPEN, 2), BLK_S_OK);
	CHECK_EQ(zone_write(w, 2, 1, 1), BLK_S_ZONE_OPEN_RESOURCE);
	CHECK_EQ(zone_append(w, 0, 1, 1, &at), BLK_S_ZONE_OPEN_RESOURCE);
	CHECK_EQ(zone_state_of(w, 0), ZONE_CLOSED);
	CHECK_EQ(zone_wp(w, 0), 2);
	CHECK_EQ(zone_write(w, 3 * ZONE, 1, 1), BLK_S_ZONE_ACTIVE_RESOURCE);
	CHECK_EQ(zone_append(w, 3 * ZONE, 1, 1, &at), BLK_S_ZONE_ACTIVE_RESOURCE);
	CHECK_EQ(zone_state_of(w, 3), ZONE_EMPTY);
	/* An open one needs no more. */
	CHECK_EQ(zone_write(w, ZONE, 1, 1), BLK_S_OK);
	CHECK_EQ(zone_state_of(w, 1), ZONE_EXPLICIT_OPEN);
}

TEST(ZONE_17, RINGS | MODERN)
{
	uint64_t at;

	open_zoned(w, MANAGED, NULL);
	CHECK_EQ(zone_append(w, 3 * ZONE, 4, 1, &at), BLK_S_OK);
	CHECK_EQ(zone_append(w, 3 * ZONE + 4, 4, 1, &at), INVALID);
	CHECK_EQ(zone_append(w, 3 * ZONE + 1, 4, 1, &at), INVALID);
	CHECK_EQ(zone_append(w, 4 * ZONE - 1, 1, 1, &at), INVALID);
	CHECK_EQ(zone_append(w, ZONES * ZONE, 1, 1, &at), INVALID);
	CHECK_EQ(zone_append(w, ~0ull, 1, 1, &at), INVALID);
	CHECK_EQ(zone_wp(w, 3), 3 * ZONE + 4);
}

TEST(ZONE_18, RINGS | MODERN | MODES)
{
	uint64_t at;

	open_zoned(w, MANAGED, ",zone-capacity=32K");
	CHECK_EQ(zone_look(w, 0).capacity, 64);
	CHECK_EQ(zone_write(w, 0, 65, 1), INVALID);
	CHECK_EQ(zone_state_of(w, 0), ZONE_EMPTY);
	CHECK_EQ(zone_write(w, 0, 60, 1), BLK_S_OK);
	CHECK_EQ(zone_write(w, 60, 5, 1), INVALID);
	CHECK_EQ(zone_append(w, 0, 5, 1, &at), INVALID);
	CHECK_EQ(zone_wp(w, 0), 60);
	CHECK_EQ(zone_append(w, 0, 4, 1, &at), BLK_S_OK);
	CHECK_EQ(at, 60);
	CHECK_EQ(zone_state_of(w, 0), ZONE_FULL);
	CHECK_EQ(zone_write(w, 64, 1, 1), INVALID);
	CHECK_EQ(zone_append(w, 0, 1, 1, &at), INVALID);
}

TEST(ZONE_19, RINGS | MODERN | MODES)
{
	uint64_t data = galloc(w, 64 * 512, 512), at;
	uint64_t expected = 5 * ZONE;

	open_zoned(w, MANAGED, NULL);
	for (unsigned i = 1; i < 10; i++) {
		CHECK_EQ(zone_append(w, 5 * ZONE, i, 40 + i, &at), BLK_S_OK);
		CHECK_EQ(at, expected);
		expected += i;
		CHECK_EQ(zone_wp(w, 5), expected);
		CHECK_EQ(zone_read(w, at, i, data), BLK_S_OK);
		CHECK(gpattern_is(w, data, 512 * i, 40 + i));
	}
	/* A write in between counts. */
	CHECK_EQ(zone_write(w, expected, 3, 1), BLK_S_OK);
	CHECK_EQ(zone_append(w, 5 * ZONE, 1, 1, &at), BLK_S_OK);
	CHECK_EQ(at, expected + 3);
}

/* Nothing is asked of append_sector if it fails; but the status is told, and the zone is whole. */
TEST(ZONE_20, RINGS | MODERN)
{
	uint64_t at;

	open_zoned(w, MANAGED, NULL);
	CHECK_EQ(zone_append(w, 3 * ZONE + 1, 4, 1, &at), INVALID);
	ram_disk_fail(w->ram, 4 * ZONE, 5 * ZONE, 5, 0);
	CHECK_EQ(zone_append(w, 4 * ZONE, 4, 1, &at), BLK_S_IOERR);
	ram_disk_fail(w->ram, 0, 0, 0, 0);
	CHECK_EQ(zone_append(w, 4 * ZONE, 4, 1, &at), BLK_S_OK);
	CHECK_EQ(at, 4 * ZONE);
}

TEST(ZONE_21, RINGS | MODERN)
{
	uint64_t at;
	unsigned most;

	/* Zones that are larger than an append may be. */
	open_zoned(w, "zoned=host-managed,zone-size=4M", ",zone-capacity=4096K,queue-size=8");
	most = (unsigned)config_read(w, 84, 4);
	CHECK(most >= 8);
	if (most < 8192)
		CHECK_EQ(zone_append(w, 0, most + 1, 1, &at), INVALID);
	open_zoned(w, MANAGED, NULL);
	most = (unsigned)config_read(w, 84, 4);
	CHECK_EQ(zone_append(w, 0, most + 1, 1, &at), INVALID);
	CHECK_EQ(zone_append(w, 0, most + 100, 1, &at), INVALID);
	CHECK_EQ(zone_append(w, 0, most, 1, &at), BLK_S_OK);
	open_zoned(w, MANAGED, ",features=-size-max");
	CHECK_EQ(config_read(w, 84, 4), 0);
	CHECK_EQ(zone_append(w, 0, 1, 1, &at), BLK_S_UNSUPP);
	CHECK_EQ(zone_append(w, 0, 100, 1, &at), BLK_S_UNSUPP);
	CHECK_EQ(zone_state_of(w, 0), ZONE_EMPTY);
}

TEST(ZONE_22, RINGS | MODERN | MODES)
{
	uint64_t data = galloc(w, 2 * ZONE * 512, 512), at;

	open_zoned(w, MANAGED, NULL);
	CHECK_EQ(zone_read(w, ZONE - 1, 2, data), INVALID);
	CHECK_EQ(zone_read(w, 0, ZONE + 1, data), INVALID);
	CHECK_EQ(zone_read(w, 0, 2 * ZONE, data), INVALID);
	CHECK_EQ(zone_write(w, 0, ZONE - 1, 1), BLK_S_OK);
	CHECK_EQ(zone_write(w, ZONE - 1, 2, 1), INVALID);
	CHECK_EQ(zone_append(w, 0, 2, 1, &at), INVALID);
	CHECK_EQ(zone_wp(w, 0), ZONE - 1);
	CHECK_EQ(zone_state_of(w, 1), ZONE_EMPTY);
	CHECK_EQ(zone_read(w, 0, ZONE, data), BLK_S_OK);
}

TEST(ZONE_23, RINGS | MODERN | MODES)
{
	static const unsigned wrong[] = {0, 7, 9, 1, 100, ZONE - 1};

	open_zoned(w, MANAGED, NULL);
	CHECK_EQ(zone_write(w, ZONE + 1, 1, 1), UNALIGNED);
	CHECK_EQ(zone_state_of(w, 1), ZONE_EMPTY);
	CHECK_EQ(zone_write(w, ZONE, 8, 1), BLK_S_OK);
	for (unsigned i = 0; i < 6; i++)
		CHECK_EQ(zone_write(w, ZONE + wrong[i], 1, 1), UNALIGNED);
	CHECK_EQ(zone_wp(w, 1), ZONE + 8);
	CHECK_EQ(zone_write(w, ZONE + 8, 1, 1), BLK_S_OK);
}

TEST(ZONE_24, RINGS | MODERN)
{
	struct ram_disk *ram = ram_disk_new(WORLD_DISK_SIZE);
	uint64_t at;

	ram->base.info.logical_block = 4096;
	world_open_ram(w, ram, MANAGED);
	start(w, FEATURE(F_ZONED), 0);
	CHECK_EQ(config_read(w, 88, 4), 4096);
	CHECK_EQ(zone_write(w, 0, 1, 1), UNALIGNED);
	CHECK_EQ(zone_write(w, 0, 7, 1), UNALIGNED);
	CHECK_EQ(zone_write(w, 0, 9, 1), UNALIGNED);
	CHECK_EQ(zone_append(w, 0, 9, 1, &at), UNALIGNED);
	CHECK_EQ(zone_state_of(w, 0), ZONE_EMPTY);
	CHECK_EQ(zone_write(w, 0, 8, 1), BLK_S_OK);
	CHECK_EQ(zone_write(w, 8, 16, 1), BLK_S_OK);
	CHECK_EQ(zone_append(w, 0, 8, 1, &at), BLK_S_OK);
	CHECK_EQ(at, 24);
}

/* Zone 2 can only be read any more, zone 3 not even that; a conventional one of each kind, too. */
static void damage(struct zones *zones)
{
	static const struct {
		unsigned zone;
		uint8_t type, state;
	} bad[] = {{0, ZONE_CONVENTIONAL, ZONE_READ_ONLY},
		   {1, ZONE_CONVENTIONAL, ZONE_OFFLINE},
		   {2, ZONE_SEQUENTIAL, ZONE_READ_ONLY},
		   {3, ZONE_SEQUENTIAL, ZONE_OFFLINE}};

	for (unsigned i = 0; i < 4; i++) {
		struct zone zone = {
		    .capacity = ZONE * 512, .type = bad[i].type, .state = bad[i].state};

		if (bad[i].zone == 2)
			zone.wp = zone.written = 8 * 512;
		CHECK(zones_set(zones, bad[i].zone, &zone));
	}
}

static void open_damaged(struct world *w)
{
	w->prepare = damage;
	open_zoned(w, MANAGED, ",zone-conventional=2");
	CHECK_EQ(zone_state_of(w, 2), ZONE_READ_ONLY);
	CHECK_EQ(zone_state_of(w, 3), ZONE_OFFLINE);
}

static const uint32_t commands[] = {BLK_T_ZONE_OPEN, BLK_T_ZONE_CLOSE, BLK_T_ZONE_FINISH,
				    BLK_T_ZONE_RESET};

TEST(ZONE_25, RINGS | MODERN)
{
	uint64_t data = galloc(w, 512, 16), at;

	open_damaged(w);
	CHECK_EQ(zone_write(w, 2 * ZONE + 8, 1, 1), INVALID);
	CHECK_EQ(zone_write(w, 2 * ZONE, 1, 1), INVALID);
	CHECK_EQ(zone_write(w, 0, 1, 1), INVALID);
	CHECK_EQ(zone_append(w, 2 * ZONE, 1, 1, &at), INVALID);
	for (unsigned i = 0; i < 4; i++)
		CHECK_EQ(zone_manage(w, commands[i], 2), INVALID);
	CHECK_EQ(zone_state_of(w, 2), ZONE_READ_ONLY);
	CHECK_EQ(zone_read(w, 2 * ZONE, 1, data), BLK_S_OK);
	CHECK_EQ(zone_read(w, 0, 1, data), BLK_S_OK);
	CHECK_EQ(blk(&w->q[0], BLK_T_ZONE_RESET_ALL, 0, 0, 0), BLK_S_OK);
	CHECK_EQ(zone_state_of(w, 2), ZONE_READ_ONLY);
}

TEST(ZONE_26, RINGS | MODERN)
{
	uint64_t data = galloc(w, 4 * 512, 16), at;

	open_damaged(w);
	CHECK_EQ(zone_write(w, 3 * ZONE, 1, 1), INVALID);
	CHECK_EQ(zone_write(w, ZONE, 1, 1), INVALID);
	CHECK_EQ(zone_append(w, 3 * ZONE, 1, 1, &at), INVALID);
	CHECK_EQ(zone_read(w, 3 * ZONE, 1, data), INVALID);
	CHECK_EQ(zone_read(w, ZONE, 1, data), INVALID);
	/* From a good one into it. */
	CHECK_EQ(zone_read(w, ZONE - 1, 2, data), INVALID);
	for (unsigned i = 0; i < 4; i++)
		CHECK_EQ(zone_manage(w, commands[i], 3), INVALID);
	CHECK_EQ(blk(&w->q[0], BLK_T_ZONE_RESET_ALL, 0, 0, 0), BLK_S_OK);
	CHECK_EQ(zone_state_of(w, 3), ZONE_OFFLINE);
	CHECK_EQ(zone_state_of(w, 1), ZONE_OFFLINE);
}

TEST(ZONE_27, RINGS | MODERN | MODES)
{
	uint64_t data = galloc(w, 16 * 512, 512);

	open_zoned(w, MANAGED, NULL);
	/* What lies on the disk behind the write pointer is nobody's. */
	memset(w->ram->data, 0xbb, 65536);
	CHECK_EQ(zone_write(w, 0, 4, 9), BLK_S_OK);
	gset(w, data, POISON, 16 * 512);
	CHECK_EQ(zone_read(w, 0, 16, data), BLK_S_OK);
	CHECK(gpattern_is(w, data, 4 * 512, 9));
	CHECK(gall(w, data + 4 * 512, 0, 12 * 512));
	CHECK_EQ(zone_read(w, 100, 16, data), BLK_S_OK);
	CHECK(gall(w, data, 0, 16 * 512));
	CHECK_EQ(zone_manage(w, BLK_T_ZONE_RESET, 0), BLK_S_OK);
	CHECK_EQ(zone_read(w, 0, 16, data), BLK_S_OK);
	CHECK(gall(w, data, 0, 16 * 512));
}

TEST(ZONE_28, RINGS | MODERN)
{
	uint64_t at;

	open_zoned(w, MANAGED, ",zone-max-open=2,zone-max-active=2");
	CHECK_EQ(zone_manage(w, BLK_T_ZONE_OPEN, 0), BLK_S_OK);
	CHECK_EQ(zone_manage(w, BLK_T_ZONE_OPEN, 1), BLK_S_OK);
	CHECK_EQ(zone_manage(w, BLK_T_ZONE_OPEN, 2), BLK_S_ZONE_ACTIVE_RESOURCE);
	CHECK_EQ(zone_write(w, 2 * ZONE, 1, 1), BLK_S_ZONE_ACTIVE_RESOURCE);
	CHECK_EQ(zone_append(w, 2 * ZONE, 1, 1, &at), BLK_S_ZONE_ACTIVE_RESOURCE);
	CHECK_EQ(zone_state_of(w, 2), ZONE_EMPTY);
}

TEST(ZONE_30, RINGS | MODERN | MODES)
{
	uint64_t at;

	open_zoned(w, MANAGED, NULL);
	zone_bring(w, 0, ZONE_FULL);
	CHECK_EQ(zone_write(w, 0, 1, 1), INVALID);
	CHECK_EQ(zone_append(w, 0, 1, 1, &at), INVALID);
	CHECK_EQ(zone_append(w, ZONE, 0, 1, &at), INVALID);
	for (unsigned i = 0; i < 4; i++) {
		CHECK_EQ(blk(&w->q[0], commands[i], ZONE + 1, 0, 0), INVALID);
		CHECK_EQ(blk(&w->q[0], commands[i], ZONES * ZONE, 0, 0), INVALID);
		CHECK_EQ(blk(&w->q[0], commands[i], 1ull << 63, 0, 0), INVALID);
	}
	CHECK_EQ(zone_manage(w, BLK_T_ZONE_OPEN, 0), INVALID);
	CHECK_EQ(zone_manage(w, BLK_T_ZONE_CLOSE, 0), INVALID);
	CHECK_EQ(zone_manage(w, BLK_T_ZONE_CLOSE, 5), INVALID);
}

TEST(ZONE_31, RINGS | MODERN | MODES)
{
	uint64_t range = galloc(w, 16, 16), data = galloc(w, 512, 16);

	open_zoned(w, MANAGED, NULL);
	CHECK(offered(w) & FEATURE(F_SECURE_ERASE));
	CHECK_EQ(config_read(w, 68, 4) % ZONE, 0);
	CHECK_EQ(config_read(w, 60, 4) % ZONE, 0);
	zone_bring(w, 0, ZONE_FULL);
	zone_bring(w, 1, ZONE_CLOSED);
	zone_bring(w, 2, ZONE_IMPLICIT_OPEN);
	put_range(w, range, 0, 2 * ZONE, 0);
	CHECK_EQ(blk(&w->q[0], BLK_T_SECURE_ERASE, 0, range, 16), BLK_S_OK);
	CHECK_EQ(zone_state_of(w, 0), ZONE_EMPTY);
	CHECK_EQ(zone_state_of(w, 1), ZONE_EMPTY);
	CHECK_EQ(zone_state_of(w, 2), ZONE_IMPLICIT_OPEN);
	CHECK_EQ(zone_read(w, 0, 1, data), BLK_S_OK);
	CHECK(gall(w, data, 0, 512));
	/* Parts of a zone are not erased. */
	put_range(w, range, 2 * ZONE, 8, 0);
	CHECK(blk(&w->q[0], BLK_T_SECURE_ERASE, 0, range, 16) != BLK_S_OK);
	put_range(w, range, 2 * ZONE + 1, ZONE, 0);
	CHECK(blk(&w->q[0], BLK_T_SECURE_ERASE, 0, range, 16) != BLK_S_OK);
	CHECK_EQ(zone_state_of(w, 2), ZONE_IMPLICIT_OPEN);
	CHECK_EQ(zone_wp(w, 2), 2 * ZONE + 8);
}

TEST(ZONE_33, RINGS | MODERN | MODES)
{
	uint64_t data = galloc(w, 8 * 512, 512), at;

	open_zoned(w, AWARE, NULL);
	CHECK_EQ(zone_look(w, 1).type, ZONE_PREFERRED);
	CHECK_EQ(zone_write(w, ZONE + 50, 4, 1), BLK_S_OK);
	CHECK_EQ(zone_write(w, ZONE + 10, 4, 2), BLK_S_OK);
	CHECK_EQ(zone_write(w, ZONE + 10, 4, 3), BLK_S_OK);
	CHECK_EQ(zone_write(w, 2 * ZONE - 2, 4, 4), BLK_S_OK);
	CHECK_EQ(zone_read(w, ZONE + 50, 4, data), BLK_S_OK);
	CHECK(gpattern_is(w, data, 2048, 1));
	CHECK_EQ(zone_read(w, ZONE + 10, 4, data), BLK_S_OK);
	CHECK(gpattern_is(w, data, 2048, 3));
	CHECK_EQ(zone_read(w, 2 * ZONE - 2, 4, data), BLK_S_OK);
	CHECK(gpattern_is(w, data, 2048, 4));
	CHECK_EQ(zone_append(w, ZONE, 1, 1, &at), INVALID);
	expect_alive(w);
}
