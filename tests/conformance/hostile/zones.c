/* SPDX-License-Identifier: MIT */
/* HZ: requests for zones. */
#include <stdlib.h>

#include "tests/conformance/hostile/hostile.h"
#include "tests/conformance/zone.h"

static const uint32_t zone_types[] = {BLK_T_ZONE_APPEND,   BLK_T_ZONE_REPORT, BLK_T_ZONE_OPEN,
				      BLK_T_ZONE_CLOSE,    BLK_T_ZONE_FINISH, BLK_T_ZONE_RESET,
				      BLK_T_ZONE_RESET_ALL};
static const uint32_t manage_types[] = {BLK_T_ZONE_OPEN, BLK_T_ZONE_CLOSE, BLK_T_ZONE_FINISH,
					BLK_T_ZONE_RESET};

TEST(HZ_01, RINGS | VIEWS | MODES)
{
	static const char *const keys[] = {NULL, AWARE};

	/* On a disk without zones, and on one with zones that the driver did not ask for. */
	for (unsigned k = 0; k < COUNT(keys); k++) {
		uint64_t data = galloc(w, 4096, 4096);

		world_close(w);
		open_and_start(w, keys[k], 0, FEATURE(F_ZONED));
		gset(w, data, POISON, 4096);
		for (unsigned i = 0; i < COUNT(zone_types); i++) {
			CHECK_EQ(blk(&w->q[0], zone_types[i], 0, data, 4096), BLK_S_UNSUPP);
			CHECK_EQ(blk(&w->q[0], zone_types[i], 0, 0, 0), BLK_S_UNSUPP);
		}
		CHECK(gall(w, data, POISON, 4096));
		expect_alive(w);
	}
}

TEST(HZ_02, RINGS | MODERN | MODES)
{
	static const uint32_t lengths[] = {0, 1, 63, 64, 65, 127, 128, 129, 200, 4095};
	uint64_t data = galloc(w, 8192, 4096);
	unsigned long before;

	open_zoned(w, MANAGED, NULL);
	for (unsigned i = 0; i < COUNT(lengths); i++) {
		uint32_t length = lengths[i];
		uint64_t fit = length < 64 ? 0 : length / 64 - 1;
		struct req *r;
		uint8_t got;

		gset(w, data, POISON, 8192);
		r = submit(&w->q[0], BLK_T_ZONE_REPORT, 0, data, length);
		got = finish(r);
		CHECK_EQ(got, length < 64 ? BLK_S_IOERR : BLK_S_OK);
		if (got == BLK_S_OK)
			CHECK_EQ(g64(w, data), fit);
		CHECK(r->written <= (got ? !length : 64 * (fit + 1) + (length % 64 == 0)));
		CHECK(gall(w, data + length, POISON, 4096));
		free(r);
	}
	/* As much room as a guest can name: by many names for the same memory. */
	before = private_kib();
	for (unsigned i = 0; i < 2; i++) {
		static struct piece pieces[130];

		pieces[0] = (struct piece){put_header(w, BLK_T_ZONE_REPORT, 0), 16, false};
		for (unsigned k = 1; k <= 128; k++)
			pieces[k] =
			    (struct piece){8 << 20, i ? (32u << 20) - (8 << 20) : 16 << 20, true};
		pieces[129] = (struct piece){galloc(w, 1, 1), 1, true};
		vq_add_indirect(&w->q[0], pieces, 130);
		vq_kick(&w->q[0]);
		EVENTUALLY(vq_poll(&w->q[0]));
		CHECK_EQ(status_at(w, pieces[129].addr), BLK_S_OK);
		CHECK_EQ(g64(w, 8 << 20), ZONES);
	}
	CHECK(private_kib() < before + 4096);
	CHECK_EQ(zone_write(w, 0, 8, 1), BLK_S_OK);
}

TEST(HZ_03, RINGS | MODERN | MODES)
{
	static const uint64_t sectors[] = {ZONES * ZONE, ZONES * ZONE + 1, 1ull << 55, 1ull << 63,
					   ~0ull};
	uint64_t data = galloc(w, 4096, 4096);

	open_zoned(w, MANAGED, NULL);
	gset(w, data, POISON, 4096);
	for (unsigned i = 0; i < COUNT(sectors); i++) {
		CHECK_EQ(blk(&w->q[0], BLK_T_ZONE_REPORT, sectors[i], data, 4096),
			 BLK_S_ZONE_INVALID_CMD);
		CHECK(gall(w, data, POISON, 4096));
	}
	CHECK_EQ(zone_write(w, 0, 8, 1), BLK_S_OK);
}

TEST(HZ_04, RINGS | MODERN | MODES)
{
	static const uint64_t sectors[] = {
	    1,          ZONE - 1,   ZONE + 1, ZONES * ZONE - 1, ZONES * ZONE, ZONES * ZONE + ZONE,
	    1ull << 55, 1ull << 63, ~0ull,    ~0ull - ZONE + 1};

	open_zoned(w, MANAGED, NULL);
	zone_bring(w, 0, ZONE_CLOSED);
	for (unsigned k = 0; k < COUNT(manage_types); k++)
		for (unsigned i = 0; i < COUNT(sectors); i++)
			CHECK_EQ(blk(&w->q[0], manage_types[k], sectors[i], 0, 0),
				 BLK_S_ZONE_INVALID_CMD);
	CHECK_EQ(zone_state_of(w, 0), ZONE_CLOSED);
	CHECK_EQ(zone_state_of(w, 1), ZONE_EMPTY);
	CHECK_EQ(zone_state_of(w, ZONES - 1), ZONE_EMPTY);
}

TEST(HZ_05, RINGS | MODERN | MODES)
{
	uint64_t data = galloc(w, 4096, 4096), answer = galloc(w, 16, 16);

	open_zoned(w, MANAGED, NULL);
	for (uint32_t room = 0; room < 9; room++) {
		struct piece pieces[3] = {{put_header(w, BLK_T_ZONE_APPEND, 0), 16, false},
					  {data, 4096, false},
					  {answer, room, true}};
		uint32_t written;

		gset(w, answer, POISON, 16);
		written = run_pieces(&w->q[0], pieces, room ? 3 : 2);
		CHECK(written <= (room == 1));
		if (room)
			CHECK_EQ(status_at(w, answer + room - 1), BLK_S_IOERR);
		CHECK(gall(w, answer, POISON, room ? room - 1 : 0));
		CHECK(gall(w, answer + room, POISON, 16 - room));
	}
	CHECK_EQ(zone_wp(w, 0), 0);
	CHECK_EQ(zone_write(w, 0, 8, 1), BLK_S_OK);
}

TEST(HZ_06, RINGS | MODERN | MODES)
{
	struct ram_disk *ram = ram_disk_new(WORLD_DISK_SIZE);
	uint32_t max;
	uint64_t at;

	ram->base.info.logical_block = 4096;
	world_open_ram(w, ram, MANAGED);
	start(w, FEATURE(F_ZONED), 0);
	max = (uint32_t)config_read(w, 84, 4);
	CHECK_EQ(config_read(w, 88, 4), 4096);
	for (unsigned sectors = 0; sectors < 8; sectors++) {
		uint8_t got = zone_append(w, 0, sectors, 1, &at);

		if (sectors == 0 && got == BLK_S_OK)
			FAIL("an append of nothing succeeds");
		CHECK(got == BLK_S_ZONE_INVALID_CMD || got == BLK_S_ZONE_UNALIGNED_WP);
	}
	CHECK_EQ(zone_append(w, 0, max + 8, 1, &at), BLK_S_ZONE_INVALID_CMD);
	CHECK_EQ(zone_wp(w, 0), 0);
	CHECK_EQ(zone_append(w, 0, 8, 1, &at), BLK_S_OK);
	CHECK_EQ(at, 0);
}

/* Above the maximum, where the zone would have room for it. */
TEST(HZ_06b, RINGS | MODERN | MODES)
{
	uint32_t max;
	uint64_t at;

	world_open(w, "zoned=host-managed,zone-size=8M");
	start(w, FEATURE(F_ZONED), 0);
	max = (uint32_t)config_read(w, 84, 4);
	CHECK(max && max + 8 < config_read(w, 72, 4));
	CHECK_EQ(zone_append(w, 0, max + 8, 1, &at), BLK_S_ZONE_INVALID_CMD);
	CHECK_EQ(zone_append(w, 0, max, 1, &at), BLK_S_OK);
}

TEST(HZ_07, RINGS | MODERN | MODES)
{
	static const uint64_t sectors[] = {1, ZONES * ZONE, 1ull << 55, ~0ull};

	open_zoned(w, MANAGED, NULL);
	for (unsigned i = 0; i < COUNT(sectors); i++) {
		zone_bring(w, 0, ZONE_FULL);
		zone_bring(w, 5, ZONE_CLOSED);
		CHECK_EQ(blk(&w->q[0], BLK_T_ZONE_RESET_ALL, sectors[i], 0, 0), BLK_S_OK);
		CHECK_EQ(zone_state_of(w, 0), ZONE_EMPTY);
		CHECK_EQ(zone_state_of(w, 5), ZONE_EMPTY);
	}
}

/* Every queue appends to the same zone; each has a place of its own, and all of it is there. */
TEST(HZ_08, RINGS | MODERN)
{
	enum { QUEUES = 4, EACH = 12 };
	uint64_t data = galloc(w, QUEUES * EACH * 512ull, 512),
		 answers = galloc(w, QUEUES * EACH * 16, 16);

	open_zoned(w, MANAGED, ",queues=4");
	for (unsigned round = 0; round < 10; round++) {
		bool taken[ZONE] = {false};
		unsigned wanted = 0, got = 0;

		CHECK_EQ(zone_manage(w, BLK_T_ZONE_RESET, 3), BLK_S_OK);
		for (unsigned i = 0; i < EACH; i++)
			for (unsigned k = 0; k < QUEUES; k++) {
				unsigned n = k * EACH + i;
				struct piece pieces[3] = {
				    {put_header(w, BLK_T_ZONE_APPEND, 3 * ZONE), 16, false},
				    {data + 512 * n, 512, false},
				    {answers + 16 * n, 9, true}};

				gpattern(w, data + 512 * n, 512, n);
				gset(w, answers + 16 * n, NO_STATUS, 9);
				vq_add(&w->q[k], pieces, 3);
				vq_kick(&w->q[k]);
				wanted++;
			}
		for (unsigned k = 0; k < QUEUES; k++)
			EVENTUALLY((vq_poll(&w->q[k]), w->q[k].free_slots == w->q[k].size));
		for (unsigned n = 0; n < QUEUES * EACH; n++) {
			uint64_t at = g64(w, answers + 16 * n) - 3 * ZONE;

			CHECK_EQ(status_at(w, answers + 16 * n + 8), BLK_S_OK);
			CHECK(at < ZONE && !taken[at]);
			taken[at] = true;
			got++;
			CHECK(gsame(w, data + 512 * n, w->ram->data + 512 * (3 * ZONE + at), 512));
		}
		CHECK_EQ(got, wanted);
		CHECK_EQ(zone_wp(w, 3), 3 * ZONE + wanted);
	}
	/* And with resets among them: the pointer is what was written since the last. */
	for (unsigned round = 0; round < 20; round++) {
		struct req *r[QUEUES];
		uint64_t wp;

		for (unsigned k = 0; k < QUEUES; k++)
			r[k] = submit(&w->q[k], k % 2 ? BLK_T_ZONE_RESET : BLK_T_OUT, 3 * ZONE,
				      k % 2 ? 0 : data, k % 2 ? 0 : 512);
		for (unsigned k = 0; k < QUEUES; k++) {
			uint8_t got = finish(r[k]);

			CHECK(got == BLK_S_OK || (k % 2 == 0 && (got == BLK_S_ZONE_UNALIGNED_WP ||
								 got == BLK_S_ZONE_INVALID_CMD ||
								 got == BLK_S_IOERR)));
			free(r[k]);
		}
		wp = zone_wp(w, 3) - 3 * ZONE;
		CHECK(wp <= 1 || round == 0);
		CHECK_EQ(zone_manage(w, BLK_T_ZONE_RESET, 3), BLK_S_OK);
		CHECK_EQ(zone_wp(w, 3), 3 * ZONE);
	}
}

TEST(HZ_09, RINGS | MODERN)
{
	uint64_t data = galloc(w, 4096, 4096);

	open_zoned(w, MANAGED, ",queues=2");
	for (unsigned i = 0; i < 10; i++) {
		struct req *write, *zone_reset;
		uint8_t got;

		ram_disk_hold(w->ram);
		write = submit(&w->q[0], BLK_T_OUT, 0, data, 4096);
		EVENTUALLY(ram_disk_held(w->ram) == 1);
		zone_reset = submit(&w->q[1], BLK_T_ZONE_RESET, 0, 0, 0);
		settle();
		ram_disk_release(w->ram);
		got = finish(write);
		CHECK_EQ(finish(zone_reset), BLK_S_OK);
		/* The write was before the reset or it failed: nothing of it is left. */
		CHECK(got == BLK_S_OK || got == BLK_S_IOERR || got >= BLK_S_ZONE_INVALID_CMD);
		CHECK_EQ(zone_wp(w, 0), 0);
		CHECK_EQ(zone_state_of(w, 0), ZONE_EMPTY);
		CHECK_EQ(zone_write(w, 0, 8, i), BLK_S_OK);
		CHECK_EQ(zone_manage(w, BLK_T_ZONE_RESET, 0), BLK_S_OK);
	}
}

TEST(HZ_10, RINGS | MODERN | MODES)
{
	open_zoned(w, MANAGED, ",zone-max-open=2,zone-max-active=3");
	for (unsigned zone = 0; zone < 2; zone++)
		CHECK_EQ(zone_manage(w, BLK_T_ZONE_OPEN, zone), BLK_S_OK);
	for (unsigned i = 0; i < 5; i++) {
		CHECK_EQ(zone_manage(w, BLK_T_ZONE_OPEN, 2 + i), BLK_S_ZONE_OPEN_RESOURCE);
		CHECK_EQ(zone_state_of(w, 2 + i), ZONE_EMPTY);
	}
	/* Closed with something in them they stay active. */
	for (unsigned zone = 0; zone < 2; zone++) {
		CHECK_EQ(zone_write(w, zone * ZONE, 8, 1), BLK_S_OK);
		CHECK_EQ(zone_manage(w, BLK_T_ZONE_CLOSE, zone), BLK_S_OK);
	}
	CHECK_EQ(zone_manage(w, BLK_T_ZONE_OPEN, 2), BLK_S_OK);
	CHECK_EQ(zone_manage(w, BLK_T_ZONE_OPEN, 3), BLK_S_ZONE_ACTIVE_RESOURCE);
	CHECK_EQ(zone_write(w, 3 * ZONE, 8, 1), BLK_S_ZONE_ACTIVE_RESOURCE);
	CHECK_EQ(zone_state_of(w, 3), ZONE_EMPTY);
	CHECK_EQ(zone_manage(w, BLK_T_ZONE_RESET, 0), BLK_S_OK);
	CHECK_EQ(zone_manage(w, BLK_T_ZONE_OPEN, 3), BLK_S_OK);
}

TEST(HZ_11, RINGS | MODERN)
{
	uint64_t features;

	world_open(w, MANAGED);
	features = usual_features(w) | FEATURE(F_ZONED);
	CHECK(!(offered(w) & FEATURE(F_DISCARD)));
	set_status(w, STATUS_ACKNOWLEDGE | STATUS_DRIVER);
	set_features(w, features | FEATURE(F_DISCARD));
	set_status(w, STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK);
	CHECK(!(status(w) & STATUS_FEATURES_OK));
	reset(w);
	start(w, FEATURE(F_ZONED), 0);
	CHECK_EQ(zone_write(w, 0, 8, 1), BLK_S_OK);
	CHECK_EQ(blk(&w->q[0], BLK_T_DISCARD, 0, galloc(w, 16, 16), 16), BLK_S_UNSUPP);
}
