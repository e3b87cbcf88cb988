/* SPDX-License-Identifier: MIT */
/* ZONE: configuration, reports, and the commands that change a zone's state. */
#include <string.h>

#include "tests/conformance/zone.h"

#define INVALID BLK_S_ZONE_INVALID_CMD
#define OPEN    BLK_T_ZONE_OPEN
#define CLOSE   BLK_T_ZONE_CLOSE
#define FINISH  BLK_T_ZONE_FINISH
#define RESET   BLK_T_ZONE_RESET

TEST(ZONE_01, MODERN)
{
	open_zoned(w, MANAGED, NULL);
	CHECK_EQ(config_read(w, 92, 1), 1);
	open_zoned(w, AWARE, NULL);
	CHECK_EQ(config_read(w, 92, 1), 2);
	world_close(w);
	world_open(w, NULL);
	CHECK_EQ(config_read(w, 92, 1), 0);
}

/* Reports of a whole disk: `data` has room for all of it. */
static unsigned report_all(struct world *w, uint64_t data, uint32_t length)
{
	CHECK_EQ(blk(&w->q[0], BLK_T_ZONE_REPORT, 0, data, length), BLK_S_OK);
	return (unsigned)g64(w, data);
}

TEST(ZONE_02, RINGS | MODERN)
{
	uint64_t data = galloc(w, 64 * (ZONES + 1), 64);
	struct blk_zone_descriptor d;
	unsigned count;

	open_zoned(w, MANAGED, NULL);
	CHECK_EQ(config_read(w, 72, 4), ZONE);
	count = report_all(w, data, 64 * (ZONES + 1));
	CHECK_EQ(count, ZONES);
	for (unsigned i = 0; i < count; i++) {
		memcpy(&d, gptr(w, data + 64 * (i + 1), 64), 64);
		CHECK_EQ(d.start, i * ZONE);
		CHECK_EQ(d.capacity, ZONE);
	}
	/* A disk that ends in the middle of a zone. */
	world_close(w);
	world_open_ram(w, ram_disk_new(WORLD_DISK_SIZE - 40 * 512), MANAGED);
	start(w, FEATURE(F_ZONED), 0);
	CHECK_EQ(report_all(w, data, 64 * (ZONES + 1)), ZONES);
	memcpy(&d, gptr(w, data + 64 * ZONES, 64), 64);
	CHECK_EQ(d.start, (ZONES - 1) * ZONE);
	CHECK_EQ(d.capacity, ZONE - 40);
	CHECK_EQ(zone_write(w, d.start, ZONE - 40, 1), BLK_S_OK);
	CHECK_EQ(zone_state_of(w, ZONES - 1), ZONE_FULL);
}

TEST(ZONE_03, MODERN)
{
	open_zoned(w, MANAGED, NULL);
	CHECK_EQ(config_read(w, 76, 4), 0);
	CHECK_EQ(config_read(w, 80, 4), 0);
	open_zoned(w, MANAGED, ",zone-max-open=2,zone-max-active=7");
	CHECK_EQ(config_read(w, 76, 4), 2);
	CHECK_EQ(config_read(w, 80, 4), 7);
}

TEST(ZONE_04, MODERN)
{
	static const char *const keys[] = {NULL, ",queue-size=4", ",queue-size=1024",
					   ",zone-capacity=32K"};

	for (unsigned i = 0; i < 4; i++) {
		uint64_t most;

		open_zoned(w, MANAGED, keys[i]);
		most = config_read(w, 12, 4) * config_read(w, 8, 4);
		CHECK(config_read(w, 84, 4));
		CHECK(config_read(w, 84, 4) * 512 <= most);
		CHECK(config_read(w, 84, 4) <= ZONE);
	}
	/* A driver that cannot know them is not told of appends. */
	open_zoned(w, MANAGED, ",features=-seg-max");
	CHECK_EQ(config_read(w, 84, 4), 0);
	open_zoned(w, MANAGED, ",features=-size-max");
	CHECK_EQ(config_read(w, 84, 4), 0);
}

/* A disk with blocks of that many bytes. */
static void open_blocks(struct world *w, uint32_t block)
{
	struct ram_disk *ram = ram_disk_new(WORLD_DISK_SIZE);

	ram->base.info.logical_block = block;
	world_close(w);
	world_open_ram(w, ram, MANAGED);
	start(w, FEATURE(F_ZONED), 0);
}

TEST(ZONE_05, MODERN)
{
	open_blocks(w, 512);
	CHECK_EQ(config_read(w, 88, 4), 512);
	open_blocks(w, 4096);
	CHECK_EQ(config_read(w, 88, 4), 4096);
}

TEST(ZONE_06, RINGS | MODERN | MODES)
{
	static const struct {
		uint32_t length, count;
	} rooms[] = {{64, 0},  {65, 0},  {127, 0}, {128, 1},   {191, 1},
		     {192, 2}, {640, 9}, {700, 9}, {4096, 63}, {64 * (ZONES + 5), ZONES - 10}};
	uint64_t data = galloc(w, 64 * (ZONES + 6), 64);

	open_zoned(w, MANAGED, NULL);
	for (unsigned i = 0; i < sizeof(rooms) / sizeof(rooms[0]); i++) {
		unsigned count = rooms[i].count;
		struct req *r;

		gset(w, data, POISON, 64 * (ZONES + 6));
		/* The zone that the sector is in, not the one after it. */
		r = submit(&w->q[0], BLK_T_ZONE_REPORT, 10 * ZONE + 77, data, rooms[i].length);
		CHECK_EQ(finish(r), BLK_S_OK);
		CHECK_EQ(g64(w, data), count);
		CHECK(gall(w, data + 8, 0, 56));
		for (unsigned k = 0; k < count; k++) {
			CHECK_EQ(g64(w, data + 64 * (k + 1) + 8), (10 + k) * ZONE);
			CHECK(gall(w, data + 64 * (k + 1) + 26, 0, 38));
		}
		CHECK(gall(w, data + 64 * (count + 1), POISON, 64 * (ZONES + 5 - count)));
		CHECK(r->written <= 64 * (count + 1) + 1);
	}
	CHECK_EQ(blk(&w->q[0], BLK_T_ZONE_REPORT, ZONES * ZONE - 1, data, 4096), BLK_S_OK);
	CHECK_EQ(g64(w, data), 1);
	CHECK(blk(&w->q[0], BLK_T_ZONE_REPORT, ZONES * ZONE, data, 4096) != BLK_S_OK);
	CHECK(blk(&w->q[0], BLK_T_ZONE_REPORT, ~0ull, data, 4096) != BLK_S_OK);
	CHECK(blk(&w->q[0], BLK_T_ZONE_REPORT, 0, data, 63) != BLK_S_OK);
}

TEST(ZONE_07, RINGS | MODERN | MODES)
{
	struct blk_zone_descriptor d;

	open_zoned(w, MANAGED, ",zone-capacity=32K,zone-conventional=2");
	d = zone_look(w, 0);
	CHECK_EQ(d.type, 1);
	CHECK_EQ(d.state, 0);
	CHECK_EQ(d.capacity, ZONE);
	d = zone_look(w, 2);
	CHECK_EQ(d.type, 2);
	CHECK_EQ(d.state, 1);
	CHECK_EQ(d.capacity, 64);
	CHECK_EQ(d.wp, 2 * ZONE);
	CHECK_EQ(zone_write(w, 2 * ZONE, 5, 1), BLK_S_OK);
	d = zone_look(w, 2);
	CHECK_EQ(d.state, 2);
	CHECK_EQ(d.wp, 2 * ZONE + 5);
	CHECK_EQ(zone_manage(w, OPEN, 2), BLK_S_OK);
	CHECK_EQ(zone_state_of(w, 2), 3);
	CHECK_EQ(zone_manage(w, CLOSE, 2), BLK_S_OK);
	CHECK_EQ(zone_state_of(w, 2), 4);
	CHECK_EQ(zone_wp(w, 2), 2 * ZONE + 5);
	CHECK_EQ(zone_write(w, 2 * ZONE + 5, 59, 2), BLK_S_OK);
	CHECK_EQ(zone_state_of(w, 2), 14);
	CHECK_EQ(zone_manage(w, RESET, 2), BLK_S_OK);
	d = zone_look(w, 2);
	CHECK_EQ(d.state, 1);
	CHECK_EQ(d.wp, 2 * ZONE);
	open_zoned(w, AWARE, NULL);
	CHECK_EQ(zone_look(w, 5).type, 3);
}

TEST(ZONE_08, RINGS | MODERN | MODES)
{
	uint64_t data = galloc(w, 8 * 512, 512);

	open_zoned(w, MANAGED, ",zone-conventional=2");
	/* Anywhere, again and again, and from one into the other. */
	CHECK_EQ(zone_write(w, 77, 4, 1), BLK_S_OK);
	CHECK_EQ(zone_write(w, 3, 4, 2), BLK_S_OK);
	CHECK_EQ(zone_write(w, 3, 4, 3), BLK_S_OK);
	CHECK_EQ(zone_write(w, ZONE - 2, 4, 4), BLK_S_OK);
	CHECK_EQ(zone_read(w, 3, 4, data), BLK_S_OK);
	CHECK(gpattern_is(w, data, 2048, 3));
	CHECK_EQ(zone_read(w, ZONE - 2, 4, data), BLK_S_OK);
	CHECK(gpattern_is(w, data, 2048, 4));
	CHECK_EQ(zone_read(w, ZONE + 50, 4, data), BLK_S_OK);
	for (unsigned i = 0; i < 2; i++) {
		CHECK_EQ(zone_state_of(w, i), ZONE_NOT_WP);
		CHECK_EQ(zone_look(w, i).type, ZONE_CONVENTIONAL);
	}
}

TEST(ZONE_09, RINGS | MODERN)
{
	static const uint32_t types[] = {OPEN, CLOSE, FINISH, RESET};

	open_zoned(w, MANAGED, ",zone-conventional=2");
	for (unsigned i = 0; i < 4; i++) {
		CHECK_EQ(zone_manage(w, types[i], 0), INVALID);
		CHECK_EQ(zone_manage(w, types[i], 1), INVALID);
		CHECK_EQ(zone_state_of(w, 1), ZONE_NOT_WP);
	}
}

static const unsigned all_states[] = {ZONE_EMPTY, ZONE_IMPLICIT_OPEN, ZONE_EXPLICIT_OPEN,
				      ZONE_CLOSED, ZONE_FULL};

/* From each state with one command: the status, and the state then. */
static void transitions(struct world *w, uint32_t type, const uint8_t status_of[5],
			const unsigned state_then[5])
{
	open_zoned(w, MANAGED, NULL);
	for (unsigned i = 0; i < 5; i++) {
		uint64_t wp;

		zone_bring(w, i, all_states[i]);
		wp = zone_wp(w, i);
		CHECK_EQ(zone_manage(w, type, i), status_of[i]);
		CHECK_EQ(zone_state_of(w, i), state_then[i]);
		if (status_of[i] || state_then[i] == all_states[i])
			CHECK_EQ(zone_wp(w, i), wp);
	}
	/* No zone's first sector, or none at all: impossible. */
	CHECK_EQ(blk(&w->q[0], type, 7 * ZONE + 1, 0, 0), INVALID);
	CHECK_EQ(blk(&w->q[0], type, ZONES * ZONE, 0, 0), INVALID);
	CHECK_EQ(blk(&w->q[0], type, ~0ull, 0, 0), INVALID);
	CHECK_EQ(zone_state_of(w, 7), ZONE_EMPTY);
}

TEST(ZONE_11, RINGS | MODERN | MODES)
{
	transitions(w, OPEN, (uint8_t[]){0, 0, 0, 0, INVALID},
		    (unsigned[]){ZONE_EXPLICIT_OPEN, ZONE_EXPLICIT_OPEN, ZONE_EXPLICIT_OPEN,
				 ZONE_EXPLICIT_OPEN, ZONE_FULL});
	/* Explicitly open zones are not closed for another. */
	open_zoned(w, MANAGED, ",zone-max-open=2");
	CHECK_EQ(zone_manage(w, OPEN, 0), BLK_S_OK);
	CHECK_EQ(zone_manage(w, OPEN, 1), BLK_S_OK);
	CHECK_EQ(zone_manage(w, OPEN, 2), BLK_S_ZONE_OPEN_RESOURCE);
	CHECK_EQ(zone_state_of(w, 2), ZONE_EMPTY);
	CHECK_EQ(zone_manage(w, CLOSE, 0), BLK_S_OK);
	CHECK_EQ(zone_manage(w, OPEN, 2), BLK_S_OK);
	open_zoned(w, MANAGED, ",zone-max-active=2");
	zone_bring(w, 0, ZONE_CLOSED);
	zone_bring(w, 1, ZONE_CLOSED);
	CHECK_EQ(zone_manage(w, OPEN, 2), BLK_S_ZONE_ACTIVE_RESOURCE);
	CHECK_EQ(zone_state_of(w, 2), ZONE_EMPTY);
	CHECK_EQ(zone_manage(w, OPEN, 1), BLK_S_OK);
	CHECK_EQ(zone_manage(w, RESET, 0), BLK_S_OK);
	CHECK_EQ(zone_manage(w, OPEN, 2), BLK_S_OK);
}

TEST(ZONE_12, RINGS | MODERN | MODES)
{
	transitions(w, CLOSE, (uint8_t[]){INVALID, 0, 0, 0, INVALID},
		    (unsigned[]){ZONE_EMPTY, ZONE_CLOSED, ZONE_CLOSED, ZONE_CLOSED, ZONE_FULL});
	/* Opened and nothing written: empty again. */
	CHECK_EQ(zone_manage(w, OPEN, 9), BLK_S_OK);
	CHECK_EQ(zone_manage(w, CLOSE, 9), BLK_S_OK);
	CHECK_EQ(zone_state_of(w, 9), ZONE_EMPTY);
}

TEST(ZONE_13, RINGS | MODERN | MODES)
{
	uint64_t data = galloc(w, 512, 16);

	transitions(w, FINISH, (uint8_t[]){0, 0, 0, 0, 0},
		    (unsigned[]){ZONE_FULL, ZONE_FULL, ZONE_FULL, ZONE_FULL, ZONE_FULL});
	/* What was written is there; nothing can be added. */
	CHECK_EQ(zone_read(w, ZONE, 1, data), BLK_S_OK);
	CHECK_EQ(zone_write(w, ZONE + 8, 1, 1), INVALID);
}

TEST(ZONE_14, RINGS | MODERN | MODES)
{
	transitions(w, RESET, (uint8_t[]){0, 0, 0, 0, 0},
		    (unsigned[]){ZONE_EMPTY, ZONE_EMPTY, ZONE_EMPTY, ZONE_EMPTY, ZONE_EMPTY});
	for (unsigned i = 0; i < 5; i++) {
		CHECK_EQ(zone_wp(w, i), i * ZONE);
		CHECK_EQ(zone_write(w, i * ZONE, 1, 1), BLK_S_OK);
	}
}

TEST(ZONE_15, RINGS | MODERN | MODES)
{
	static const uint64_t sectors[] = {0, 5, ZONES * ZONE, ~0ull};

	open_zoned(w, MANAGED, ",zone-conventional=1");
	for (unsigned k = 0; k < 4; k++) {
		for (unsigned i = 0; i < 5; i++)
			zone_bring(w, 1 + i, all_states[i]);
		zone_bring(w, ZONES - 1, ZONE_IMPLICIT_OPEN);
		CHECK_EQ(blk(&w->q[0], BLK_T_ZONE_RESET_ALL, sectors[k], 0, 0), BLK_S_OK);
		CHECK_EQ(zone_state_of(w, 0), ZONE_NOT_WP);
		for (unsigned i = 1; i < ZONES; i++)
			CHECK_EQ(zone_state_of(w, i), ZONE_EMPTY);
	}
}

TEST(ZONE_29, RINGS | MODERN | MODES)
{
	open_zoned(w, MANAGED, ",zone-max-open=2");
	zone_bring(w, 0, ZONE_IMPLICIT_OPEN);
	zone_bring(w, 1, ZONE_IMPLICIT_OPEN);
	/* One of them may be closed for a third; or the third is refused. */
	switch (zone_write(w, 2 * ZONE, 1, 1)) {
	case BLK_S_OK:
		CHECK_EQ(zone_state_of(w, 2), ZONE_IMPLICIT_OPEN);
		CHECK((zone_state_of(w, 0) == ZONE_CLOSED) != (zone_state_of(w, 1) == ZONE_CLOSED));
		break;
	case BLK_S_ZONE_OPEN_RESOURCE: CHECK_EQ(zone_state_of(w, 2), ZONE_EMPTY); break;
	default: FAIL("a third zone is neither opened nor refused");
	}
	CHECK_EQ(zone_manage(w, OPEN, 3), BLK_S_OK);
	CHECK_EQ(zone_manage(w, OPEN, 4), BLK_S_OK);
	CHECK_EQ(zone_state_of(w, 3), ZONE_EXPLICIT_OPEN);
	CHECK_EQ(zone_state_of(w, 4), ZONE_EXPLICIT_OPEN);
	CHECK_EQ(zone_write(w, 5 * ZONE, 1, 1), BLK_S_ZONE_OPEN_RESOURCE);
}

TEST(ZONE_32, RINGS | MODERN | MODES)
{
	open_zoned(w, MANAGED, NULL);
	zone_bring(w, 0, ZONE_EXPLICIT_OPEN);
	zone_bring(w, 1, ZONE_CLOSED);
	zone_bring(w, 2, ZONE_FULL);
	for (unsigned i = 0; i < 3; i++) {
		CHECK_EQ(zone_manage(w, OPEN, 0), BLK_S_OK);
		CHECK_EQ(zone_manage(w, CLOSE, 1), BLK_S_OK);
		CHECK_EQ(zone_manage(w, FINISH, 2), BLK_S_OK);
		CHECK_EQ(zone_manage(w, RESET, 3), BLK_S_OK);
	}
	CHECK_EQ(zone_state_of(w, 0), ZONE_EXPLICIT_OPEN);
	CHECK_EQ(zone_state_of(w, 1), ZONE_CLOSED);
	CHECK_EQ(zone_state_of(w, 2), ZONE_FULL);
	CHECK_EQ(zone_state_of(w, 3), ZONE_EMPTY);
}
