/* SPDX-License-Identifier: MIT */
/* HN: kicks that nobody asked for. */
#include <stdlib.h>

#include "tests/conformance/hostile/hostile.h"

static const char *const roads[] = {"queues=2,notify=exit", "queues=2,notify=ioeventfd"};

/* A queue that the kicking thread serves has only the first of them. */
static unsigned road_count(const struct world *w, unsigned count)
{
	return w->inline_mode ? 1 : count;
}

static void kick_raw(struct world *w, uint64_t offset, unsigned size, uint64_t value)
{
	if (w->legacy)
		pio_write(w, w->bar[0] + 16, size, (uint32_t)value);
	else
		mmio_write(w, w->notify + offset, size, value);
}

TEST(HN_01, RINGS | VIEWS | MODES)
{
	static const uint16_t beyond[] = {2, 3, 63, 64, 65, 1000, 0x7fff, 0xffff};

	for (unsigned k = 0; k < road_count(w, COUNT(roads)); k++) {
		struct req *r;

		world_close(w);
		open_and_start(w, roads[k], 0, 0);
		settle();
		r = submit_quietly(&w->q[0], BLK_T_FLUSH, 0, 0, 0);
		for (unsigned i = 0; i < COUNT(beyond); i++)
			kick_raw(w, 4ull * beyond[i], 2, beyond[i]);
		settle();
		CHECK(!is_done(r));
		CHECK(!needs_reset(w));
		vq_kick(&w->q[0]);
		CHECK_EQ(finish(r), BLK_S_OK);
		expect_alive(w);
	}
}

TEST(HN_02, RINGS | VIEWS | MODES)
{
	for (unsigned k = 0; k < road_count(w, COUNT(roads)); k++) {
		world_close(w);
		world_open(w, roads[k]);
		/* Before anything is set up, and with one queue of two. */
		for (unsigned i = 0; i < 2; i++)
			kick_raw(w, 4 * i, 2, i);
		start(w, 0, FEATURE(F_MQ));
		for (unsigned i = 0; i < 10; i++)
			kick_raw(w, 4, 2, 1);
		settle();
		CHECK(!needs_reset(w));
		expect_alive(w);
	}
}

TEST(HN_03, RINGS | VIEWS | MODES)
{
	static const unsigned sizes[] = {1, 2, 4, 8};

	for (unsigned k = 0; k < road_count(w, COUNT(roads)); k++) {
		world_close(w);
		open_and_start(w, roads[k], 0, 0);
		for (unsigned queue = 0; queue < 2; queue++)
			for (unsigned i = 0; i < (w->legacy ? 3 : 4); i++) {
				struct req *r;

				settle();
				r = submit_quietly(&w->q[queue], BLK_T_FLUSH, 0, 0, 0);
				/* The low half counts, or the address does: either road. */
				kick_raw(w, 4 * queue, sizes[i], 0x1234567800000000ull | queue);
				CHECK_EQ(finish(r), BLK_S_OK);
				free(r);
			}
		expect_alive(w);
	}
}

TEST(HN_04, RINGS | MODERN | MODES)
{
	static const char *const keys[] = {
	    "features=+notification-data,notify=exit",
	    "features=+notification-data,notify=ioeventfd",
	};
	static const uint16_t hints[] = {0, 1, 63, 64, 65, 0x7fff, 0x8000, 0x8001, 0xffff, 0xbeef};

	for (unsigned k = 0; k < road_count(w, COUNT(keys)); k++) {
		world_close(w);
		open_and_start(w, keys[k], FEATURE(F_NOTIFICATION_DATA), 0);
		for (unsigned i = 0; i < COUNT(hints); i++) {
			struct req *r;

			/* With nothing there, and with something there that it does not tell of. */
			kick_raw(w, 0, 4, (uint32_t)hints[i] << 16);
			settle();
			CHECK_EQ(vq_poll(&w->q[0]), 0);
			CHECK(!needs_reset(w));
			r = submit_quietly(&w->q[0], BLK_T_FLUSH, 0, 0, 0);
			kick_raw(w, 0, 4, (uint32_t)hints[i] << 16);
			CHECK_EQ(finish(r), BLK_S_OK);
			free(r);
		}
		expect_alive(w);
	}
}

/* The device gave out other values than queue numbers: these are none of them. */
TEST(HN_05, RINGS | MODERN | MODES)
{
	static const char *const keys[] = {
	    "queues=2,features=+notif-config-data,notify=exit",
	    "queues=2,features=+notif-config-data,notify=ioeventfd",
	    "queues=2,features=+notif-config-data:+notification-data,notify=ioeventfd",
	};

	for (unsigned k = 0; k < road_count(w, COUNT(keys)); k++) {
		uint64_t more = k == 2 ? FEATURE(F_NOTIFICATION_DATA) : 0;
		uint16_t good;
		struct req *r;

		world_close(w);
		open_and_start(w, keys[k], FEATURE(F_NOTIF_CONFIG_DATA) | more, 0);
		good = (uint16_t)cq_read(w, 0, C_NOTIF_DATA);
		settle();
		r = submit_quietly(&w->q[0], BLK_T_FLUSH, 0, 0, 0);
		for (unsigned value = 0; value < 0x10000; value += 61)
			if (value != good)
				kick_raw(w, 0, more ? 4 : 2, value);
		kick_raw(w, 0, 2, cq_read(w, 1, C_NOTIF_DATA));
		settle();
		CHECK(!is_done(r));
		CHECK(!needs_reset(w));
		/* Of any width, as without it. */
		kick_raw(w, 0, k ? 4 : 8, good);
		CHECK_EQ(finish(r), BLK_S_OK);
		/* A driver that does not ask for it next time is not held to it. */
		reset(w);
		start(w, 0, 0);
		expect_alive(w);
	}
}

TEST(HN_06, RINGS | MODERN | MODES)
{
	for (unsigned k = 0; k < road_count(w, COUNT(roads)); k++) {
		struct req *r;

		world_close(w);
		open_and_start(w, roads[k], 0, 0);
		settle();
		r = submit_quietly(&w->q[0], BLK_T_FLUSH, 0, 0, 0);
		for (uint64_t at = 1; at < 0xff8; at++)
			if (at != 4)
				for (unsigned size = 1; size <= 8; size *= 2)
					kick_raw(w, at, size, 0);
		settle();
		CHECK(!is_done(r));
		CHECK(!needs_reset(w));
		vq_kick(&w->q[0]);
		CHECK_EQ(finish(r), BLK_S_OK);
		expect_alive(w);
	}
}

/* At a queue's own address the address says which queue: by an exit as by an ioeventfd. */
TEST(HN_07, RINGS | MODERN | MODES)
{
	static const uint16_t values[] = {1, 2, 77, 0xffff};

	for (unsigned k = 0; k < road_count(w, COUNT(roads)); k++) {
		world_close(w);
		open_and_start(w, roads[k], 0, 0);
		for (unsigned i = 0; i < COUNT(values); i++) {
			struct req *r[2];

			settle();
			for (unsigned q = 0; q < 2; q++)
				r[q] = submit_quietly(&w->q[q], BLK_T_FLUSH, 0, 0, 0);
			kick_raw(w, 0, 2, values[i]);
			CHECK_EQ(finish(r[0]), BLK_S_OK);
			settle();
			CHECK(!is_done(r[1]));
			kick_raw(w, 4, 2, 0);
			CHECK_EQ(finish(r[1]), BLK_S_OK);
		}
		expect_alive(w);
	}
}

static void kick_both(struct world *w, unsigned turn)
{
	kick_raw(w, turn % 3 * 4, 2, turn % 3);
}

TEST(HN_08, RINGS | VIEWS | MODES)
{
	for (unsigned k = 0; k < road_count(w, COUNT(roads)); k++) {
		struct meddler m;

		world_close(w);
		open_and_start(w, roads[k], 0, 0);
		meddle(&m, w, kick_both);
		for (unsigned i = 0; i < 60; i++) {
			uint64_t mark = w->next_free;

			submit(&w->q[0], BLK_T_FLUSH, 0, 0, 0);
			reset(w);
			w->next_free = i % 8 ? mark : w->next_free;
			start(w, 0, 0);
			fence(&w->q[1]);
		}
		meddle_end(&m);
		/* Right after the reset nothing comes of it. */
		reset(w);
		vq_poison(&w->q[0]);
		for (unsigned i = 0; i < 100; i++)
			kick_both(w, i);
		settle();
		CHECK(vq_is_poisoned(&w->q[0]));
		start(w, 0, 0);
		expect_alive(w);
	}
}
