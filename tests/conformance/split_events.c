/* SPDX-License-Identifier: MIT */
/* SPLIT: who is told when: flags and event indices of a split ring, and nothing of it lost. */
#include "tests/conformance/world.h"

TEST(SPLIT_11, SPLIT | VIEWS | IRQS)
{
	open_and_start(w, NULL, 0, 0);
	expect_flags_rule(w);
}

TEST(SPLIT_12, SPLIT | VIEWS | IRQS | MODES)
{
	open_and_start(w, NULL, 0, 0);
	for (unsigned i = 0; i < 10; i++) {
		fence(&w->q[0]);
		expect_irq(w, 0);
		irq_ack(w);
	}
}

TEST(SPLIT_13, SPLIT | VIEWS | IRQS | MODES)
{
	open_and_start(w, NULL, 0, 0);
	avail_set_flags(&w->q[0], 1);
	for (unsigned i = 0; i < 10; i++)
		fence(&w->q[0]);
	expect_no_irq_at_all(w);
	avail_set_flags(&w->q[0], 0);
	fence(&w->q[0]);
	expect_irq(w, 0);
}

TEST(SPLIT_14, SPLIT | VIEWS | IRQS | MODES)
{
	struct vq *q = &w->q[0];

	open_and_start(w, NULL, FEATURE(F_EVENT_IDX), 0);
	avail_set_flags(q, 1);
	for (unsigned i = 0; i < 5; i++) {
		set_used_event(q, q->used);
		fence(q);
		expect_irq(w, 0);
		irq_ack(w);
	}
	avail_set_flags(q, 0);
	set_used_event(q, (uint16_t)(q->used + 10));
	fence(q);
	expect_no_irq_at_all(w);
}

TEST(SPLIT_15, SPLIT | VIEWS | IRQS | MODES)
{
	struct vq *q = &w->q[0];

	open_and_start(w, NULL, FEATURE(F_EVENT_IDX), 0);
	for (unsigned k = 0; k < 6; k++) {
		set_used_event(q, (uint16_t)(q->used + k));
		for (unsigned i = 0; i < k; i++)
			fence(q);
		expect_no_irq_at_all(w);
		fence(q);
		expect_irq(w, 0);
		for (unsigned i = 0; i < 3; i++)
			fence(q);
		settle();
		if (w->msix)
			CHECK_EQ(irq_messages(w, w->q[0].vector), 1);
		irq_ack(w);
	}
}

/* A batch that jumps over the index. */
TEST(SPLIT_15b, SPLIT | VIEWS)
{
	struct vq *q = &w->q[0];

	open_and_start(w, NULL, FEATURE(F_EVENT_IDX), 0);
	for (unsigned k = 0; k < 8; k++) {
		struct req *r[8];

		irq_ack(w);
		set_used_event(q, (uint16_t)(q->used + k));
		ram_disk_hold(w->ram);
		for (unsigned i = 0; i < 8; i++)
			r[i] = submit(q, BLK_T_IN, i, galloc(w, 512, 512), 512);
		EVENTUALLY(ram_disk_held(w->ram) == 8);
		ram_disk_release(w->ram);
		for (unsigned i = 0; i < 8; i++)
			CHECK_EQ(finish(r[i]), BLK_S_OK);
		expect_irq(w, 0);
		settle();
		CHECK_EQ(irq_messages(w, w->q[0].vector), 1);
	}
}

TEST(SPLIT_16, SPLIT | VIEWS | MSIX | INLINE)
{
	struct vq *q = &w->q[0];

	open_and_start(w, "queue-size=8", FEATURE(F_EVENT_IDX), 0);
	set_used_event(q, 30000);
	spin(q, 30000);
	expect_no_irq_at_all(w);
	spin(q, 1);
	CHECK_EQ(irq_messages(w, q->vector), 1);
	irq_ack(w);
	/* Already passed: the next time round. */
	set_used_event(q, 30000);
	spin(q, 65535);
	CHECK_EQ(irq_messages(w, q->vector), 0);
	spin(q, 1);
	CHECK_EQ(irq_messages(w, q->vector), 1);
	irq_ack(w);
	/* From 65535 to 0. */
	set_used_event(q, 2);
	spin(q, (65536 - 30001) + 2);
	CHECK_EQ(used_idx(q), 2);
	CHECK_EQ(irq_messages(w, q->vector), 0);
	spin(q, 1);
	CHECK_EQ(irq_messages(w, q->vector), 1);
	irq_ack(w);
	set_used_event(q, 65535);
	spin(q, 65532);
	CHECK_EQ(used_idx(q), 65535);
	CHECK_EQ(irq_messages(w, q->vector), 0);
	spin(q, 1);
	CHECK_EQ(used_idx(q), 0);
	CHECK_EQ(irq_messages(w, q->vector), 1);
}

static void check_flags(struct vq *q, unsigned allowed)
{
	uint16_t flags = used_flags(q);

	if (flags & ~allowed)
		FAIL("the used ring's flags are %#x", flags);
}

TEST(SPLIT_17, SPLIT | VIEWS)
{
	open_and_start(w, NULL, 0, 0);
	CHECK(used_flags(&w->q[0]) <= 1);
	watch_flushes(w, check_flags, 1);
}

TEST(SPLIT_18, SPLIT | VIEWS)
{
	open_and_start(w, NULL, FEATURE(F_EVENT_IDX), 0);
	watch_flushes(w, check_flags, 0);
}

TEST(SPLIT_19, SPLIT | VIEWS)
{
	open_and_start(w, "queue-size=256", 0, 0);
	obey_kicks(&w->q[0], 250000);
}

TEST(SPLIT_19b, SPLIT | VIEWS)
{
	open_and_start(w, "queue-size=256", FEATURE(F_EVENT_IDX), 0);
	obey_kicks(&w->q[0], 250000);
}

TEST(SPLIT_20, SPLIT | VIEWS | MODES)
{
	struct vq *q = &w->q[0];

	open_and_start(w, NULL, 0, 0);
	for (unsigned i = 0; i < 20; i++)
		vq_kick(q);
	settle();
	CHECK_EQ(used_idx(q), 0);
	CHECK(!needs_reset(w));
	expect_no_irq_at_all(w);
	for (unsigned i = 0; i < 20; i++) {
		struct req *r = submit(q, BLK_T_FLUSH, 0, 0, 0);

		vq_kick(q);
		vq_kick(q);
		CHECK_EQ(finish(r), BLK_S_OK);
		vq_kick(q);
	}
	settle();
	CHECK_EQ(used_idx(q), 20);
	expect_alive(w);
}
