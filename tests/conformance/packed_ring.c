/* SPDX-License-Identifier: MIT */
/* PACKED: events, places, sizes, and what a reset leaves. */
#include <string.h>

#include "tests/conformance/world.h"

static void try_places(struct world *w, uint64_t desc, uint64_t driver, uint64_t device)
{
	struct vq *q = &w->q[0];

	reset(w);
	negotiate(w, usual_features(w));
	vq_init(w, q, 0, 64, true);
	q->desc = desc;
	q->driver = driver;
	q->device = device;
	gset(w, desc, 0, 16 * 64);
	s32(w, driver, 0);
	s32(w, device, 0);
	set_queue_vector(w, 0, 1);
	vq_enable(q);
	driver_ok(w);
	for (unsigned i = 0; i < 40; i++)
		expect_alive(w);
	expect_flags_rule(w);
}

TEST(PACKED_16, PACKED | MODERN)
{
	world_open(w, NULL);
	try_places(w, 0x10000, 0x10000 + 16 * 64, 0x10000 + 16 * 64 + 4);
	try_places(w, 0x20010, 0x2000c, 0x20008);
	try_places(w, HIGH_BASE + 0x10, HIGH_END - 4, RAM_END - 4);
	try_places(w, RAM_SIZE - 16 * 64, HIGH_BASE, 0x0);
	try_places(w, 0x0, 0x10004, 0x20004);
}

TEST(PACKED_17, PACKED | MODERN | MODES)
{
	static const uint16_t sizes[] = {1, 2, 3, 5, 7, 64, 100, 127, 1000, 32767, 32768};

	world_open(w, "queue-size=32768");
	/* The largest ones take many requests for a lap: on the thread that kicks only. */
	for (unsigned i = 0; i < (w->inline_mode ? 11 : 9); i++) {
		uint64_t mark = w->next_free;
		struct vq *q = &w->q[0];

		start_sized(w, 0, sizes[i]);
		CHECK_EQ(cq_read(w, 0, C_QUEUE_SIZE), sizes[i]);
		if (sizes[i] > 2)
			expect_alive(w);
		spin(q, sizes[i] > 100 ? 40000 : 3u * sizes[i] + 2);
		reset(w);
		w->next_free = mark;
	}
}

TEST(PACKED_18, PACKED | MODERN)
{
	struct vq *q = &w->q[0];
	uint64_t areas = galloc(w, 64, 64);

	world_open(w, NULL);
	negotiate(w, usual_features(w) | FEATURE(F_EVENT_IDX));
	vq_init(w, q, 0, 64, true);
	gset(w, areas, POISON, 64);
	q->driver = areas + 16;
	q->device = areas + 32;
	s32(w, q->driver, EVENT(2, 1, 33));
	s32(w, q->device, 0);
	vq_enable(q);
	driver_ok(w);
	for (unsigned i = 0; i < 100; i++)
		expect_alive(w);
	CHECK_EQ(g32(w, q->driver), EVENT(2, 1, 33));
	CHECK(gall(w, areas, POISON, 16));
	CHECK(gall(w, areas + 20, POISON, 12));
	CHECK(gall(w, areas + 36, POISON, 28));
	/* And it is the device's area in which the device says what it wants. */
	EVENTUALLY(g32(w, q->device) == EVENT(2, q->avail_wrap, q->avail));
}

TEST(PACKED_19, PACKED | MODERN | IRQS | MODES)
{
	open_and_start(w, NULL, 0, 0);
	packed_event(&w->q[0], EVENT(1, 0, 0));
	for (unsigned i = 0; i < 30; i++)
		fence(&w->q[0]);
	expect_no_irq_at_all(w);
}

TEST(PACKED_19b, PACKED | MODERN | IRQS)
{
	open_and_start(w, NULL, FEATURE(F_EVENT_IDX), 0);
	packed_event(&w->q[0], EVENT(1, 1, 0));
	for (unsigned i = 0; i < 30; i++)
		fence(&w->q[0]);
	expect_no_irq_at_all(w);
}

TEST(PACKED_20, PACKED | MODERN | IRQS | MODES)
{
	open_and_start(w, NULL, 0, 0);
	for (unsigned i = 0; i < 30; i++) {
		packed_event(&w->q[0], EVENT(0, i & 1, i));
		fence(&w->q[0]);
		expect_irq(w, 0);
		irq_ack(w);
	}
}

TEST(PACKED_20b, PACKED | MODERN | IRQS)
{
	open_and_start(w, NULL, FEATURE(F_EVENT_IDX), 0);
	for (unsigned i = 0; i < 30; i++) {
		packed_event(&w->q[0], EVENT(0, i & 1, i));
		fence(&w->q[0]);
		expect_irq(w, 0);
		irq_ack(w);
	}
}

/* One list of three slots after another; the event is at each slot once, on several laps. */
TEST(PACKED_21, PACKED | MODERN | IRQS | MODES)
{
	struct vq *q = &w->q[0];

	open_and_start(w, "queue-size=16", FEATURE(F_EVENT_IDX), 0);
	for (unsigned k = 0; k < 40; k++) {
		unsigned ahead = k % 12, at = q->used + ahead;
		bool wrap = q->used_wrap;

		if (at >= q->size) {
			at -= q->size;
			wrap = !wrap;
		}
		packed_event(q, EVENT(2, wrap, at));
		irq_ack(w);
		for (unsigned i = 0; i < ahead / 3; i++)
			fence(q);
		expect_no_irq_at_all(w);
		fence(q);
		expect_irq(w, 0);
		if (!w->msix)
			continue;
		/* Once: the same offset on the next lap has another wrap bit. */
		for (unsigned i = 0; i < 7; i++)
			fence(q);
		settle();
		CHECK_EQ(irq_messages(w, q->vector), 1);
	}
}

TEST(PACKED_21b, PACKED | MODERN)
{
	struct vq *q = &w->q[0];

	open_and_start(w, NULL, FEATURE(F_EVENT_IDX), 0);
	for (unsigned k = 0; k < 24; k++) {
		unsigned at = q->used + k;
		bool wrap = q->used_wrap;
		struct req *r[8];

		if (at >= q->size) {
			at -= q->size;
			wrap = !wrap;
		}
		irq_ack(w);
		packed_event(q, EVENT(2, wrap, at));
		ram_disk_hold(w->ram);
		for (unsigned i = 0; i < 8; i++)
			r[i] = submit(q, BLK_T_IN, i, galloc(w, 512, 512), 512);
		EVENTUALLY(ram_disk_held(w->ram) == 8);
		ram_disk_release(w->ram);
		for (unsigned i = 0; i < 8; i++)
			CHECK_EQ(finish(r[i]), BLK_S_OK);
		expect_irq(w, 0);
		settle();
		CHECK_EQ(irq_messages(w, q->vector), 1);
	}
	/* The wrong wrap bit: not on this lap. */
	packed_event(q, EVENT(2, !q->used_wrap, q->used + 1u < q->size ? q->used + 1 : 0));
	irq_ack(w);
	if (q->used + 3u <= q->size) {
		fence(q);
		expect_no_irq_at_all(w);
	}
}

static void check_area(struct vq *q, unsigned most)
{
	uint32_t area = packed_device_event(q), flags = area >> 16;

	if (flags > most)
		FAIL("the device's event area is %#x", area);
	if (flags == 2 && (area & 0x7fff) >= q->size)
		FAIL("the device asks for position %u of %u", area & 0x7fff, q->size);
}

TEST(PACKED_22, PACKED | MODERN)
{
	open_and_start(w, NULL, 0, 0);
	watch_flushes(w, check_area, 1);
	reset(w);
	start(w, FEATURE(F_EVENT_IDX), 0);
	watch_flushes(w, check_area, 2);
}

TEST(PACKED_23, PACKED | MODERN)
{
	open_and_start(w, "queue-size=256", 0, 0);
	obey_kicks(&w->q[0], 250000);
}

TEST(PACKED_23b, PACKED | MODERN)
{
	world_open(w, "queue-size=128");
	start_sized(w, FEATURE(F_EVENT_IDX), 100);
	obey_kicks(&w->q[0], 250000);
}

TEST(PACKED_24, PACKED | MODERN | MODES)
{
	struct vq *q = &w->q[0];

	open_and_start(w, "queue-size=16", 0, 0);
	for (unsigned round = 0; round < 6; round++) {
		/* Stops on any lap, at any place. */
		spin(q, 3 + 5 * round);
		if (round % 2) {
			reset(w);
			start(w, 0, 0);
		} else {
			cq_write(w, 0, C_QUEUE_RESET, 1);
			EVENTUALLY(!cq_read(w, 0, C_QUEUE_RESET));
			setup_queue(w, 0, 0);
		}
		CHECK(q->avail == 0 && q->avail_wrap);
		spin(q, 1);
		CHECK_EQ(get_desc(q, 0).b & (D_AVAIL | D_USED), D_AVAIL | D_USED);
	}
}

TEST(PACKED_25, PACKED | MODERN | MODES)
{
	world_open(w, NULL);
	for (unsigned round = 0; round < 4; round++) {
		w->packed = !(round % 2);
		start(w, 0, w->packed ? 0 : FEATURE(F_RING_PACKED));
		CHECK_EQ(!!(w->negotiated & FEATURE(F_RING_PACKED)), w->packed);
		for (unsigned i = 0; i < 50; i++)
			expect_alive(w);
		reset(w);
	}
}

TEST(PACKED_26, PACKED | MODERN | MODES)
{
	struct vq *q = &w->q[0];
	uint64_t status = galloc(w, 2, 1);
	uint64_t header = put_header(w, BLK_T_FLUSH, 0);

	open_and_start(w, NULL, 0, 0);
	gset(w, status, 0xff, 2);
	/* All but the first slot. */
	put_desc(q, 3, status + 1, 1, 1, D_WRITE | D_AVAIL);
	put_desc(q, 2, header, 16, 1, D_NEXT | D_AVAIL);
	put_desc(q, 1, status, 1, 0, D_WRITE | D_AVAIL);
	vq_kick(q);
	settle();
	CHECK_EQ(status_at(w, status), 0xff);
	CHECK_EQ(status_at(w, status + 1), 0xff);
	CHECK_EQ(get_desc(q, 2).b, D_NEXT | D_AVAIL);
	put_desc(q, 0, header, 16, 0, D_NEXT | D_AVAIL);
	vq_kick(q);
	EVENTUALLY(status_at(w, status + 1) == BLK_S_OK);
	CHECK_EQ(status_at(w, status), BLK_S_OK);
}
