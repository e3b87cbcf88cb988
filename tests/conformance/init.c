/* SPDX-License-Identifier: MIT */
/* INIT: device status, life cycle, configuration space. */
#include "tests/conformance/world.h"

/* A read that waits in a queue of a device without DRIVER_OK. */
static struct req *early_request(struct world *w)
{
	uint64_t data = galloc(w, 512, 512);
	struct req *r;

	world_open(w, NULL);
	negotiate(w, usual_features(w));
	if (w->msix)
		set_config_vector(w, 0);
	setup_queue(w, 0, 0);
	gset(w, data, POISON, 512);
	r = submit(&w->q[0], BLK_T_IN, 0, data, 512);
	vq_kick(&w->q[0]);
	settle();
	return r;
}

TEST(INIT_01, RINGS | MODERN | MODES)
{
	struct req *r = early_request(w);

	CHECK(!is_done(r));
	CHECK_EQ(status_at(w, r->status), 0xff);
	CHECK(gall(w, r->data, POISON, 512));
	driver_ok(w);
	vq_kick(&w->q[0]);
	CHECK_EQ(finish(r), BLK_S_OK);
	CHECK(gall(w, r->data, 0, 512));
}

TEST(INIT_02, RINGS | MODERN | IRQS | MODES)
{
	struct req *r = early_request(w);

	expect_no_irq_at_all(w);
	CHECK_EQ(isr_read(w), 0);
	driver_ok(w);
	vq_kick(&w->q[0]);
	CHECK_EQ(finish(r), BLK_S_OK);
	expect_irq(w, 0);
}

TEST(INIT_03, RINGS | VIEWS | MODES)
{
	open_and_start(w, NULL, 0, 0);
	CHECK(!needs_reset(w));
	vq_break(&w->q[0]);
	EVENTUALLY(needs_reset(w));
	CHECK(status(w) & STATUS_DRIVER_OK);
	settle();
	CHECK(needs_reset(w));
	reset(w);
	start(w, 0, 0);
	expect_alive(w);
}

TEST(INIT_04, RINGS | VIEWS | IRQS | MODES)
{
	open_and_start(w, NULL, 0, 0);
	vq_break(&w->q[0]);
	EVENTUALLY(config_irq_pending(w));
	CHECK(needs_reset(w));
	if (w->msix)
		CHECK_EQ(irq_messages(w, 0), 1);
	else
		CHECK_EQ(isr_read(w), ISR_CONFIG);
}

TEST(INIT_05, VIEWS)
{
	world_open(w, NULL);
	CHECK_EQ(status(w), 0);
	start(w, 0, 0);
	CHECK(status(w));
	set_status(w, 0);
	EVENTUALLY(!status(w));
	set_status(w, STATUS_ACKNOWLEDGE);
	CHECK_EQ(status(w), STATUS_ACKNOWLEDGE);
	reset(w);
	CHECK_EQ(status(w), 0);
}

static void hold_reads(struct world *w, struct req **r, unsigned count)
{
	ram_disk_hold(w->ram);
	for (unsigned i = 0; i < count; i++)
		r[i] = submit(&w->q[0], BLK_T_IN, 8 * i, galloc(w, 4096, 4096), 4096);
	EVENTUALLY(ram_disk_held(w->ram) == count);
}

TEST(INIT_06, RINGS | VIEWS)
{
	struct req *r[4];

	open_and_start(w, NULL, 0, 0);
	hold_reads(w, r, 4);
	reset(w);
	CHECK_EQ(ram_disk_held(w->ram), 0);
	ram_disk_release(w->ram);
	start(w, 0, 0);
	expect_alive(w);
}

static void check_untouched(struct world *w, struct req **r, unsigned count)
{
	struct vq *q = &w->q[0];

	isr_read(w);
	irq_ack(w);
	vq_poison(q);
	for (unsigned i = 0; i < count; i++) {
		gset(w, r[i]->data, POISON, 4096);
		gset(w, r[i]->status, POISON, 1);
	}
	ram_disk_release(w->ram);
	vq_kick(q);
	settle();
	CHECK(vq_is_poisoned(q));
	for (unsigned i = 0; i < count; i++) {
		CHECK(gall(w, r[i]->data, POISON, 4096));
		CHECK(gall(w, r[i]->status, POISON, 1));
	}
	expect_no_irq_at_all(w);
	CHECK_EQ(isr_read(w), 0);
}

TEST(INIT_07, RINGS | VIEWS | IRQS)
{
	struct req *r[4];

	open_and_start(w, NULL, 0, 0);
	hold_reads(w, r, 4);
	reset(w);
	check_untouched(w, r, 4);
	start(w, 0, 0);
	expect_alive(w);
}

/* The host cannot give its I/O up: the reset is not over before the I/O is. */
TEST(INIT_07b, RINGS | MODERN | IRQS)
{
	struct req *r[4];

	open_and_start(w, NULL, 0, 0);
	w->ram->stubborn = true;
	hold_reads(w, r, 4);
	set_status(w, 0);
	settle();
	CHECK(status(w));
	ram_disk_release(w->ram);
	EVENTUALLY(!status(w));
	check_untouched(w, r, 4);
	start(w, 0, 0);
	expect_alive(w);
}

TEST(INIT_08, VIEWS)
{
	uint64_t features;

	world_open(w, "queues=3,features=+mq");
	features = offered(w);
	set_status(w, STATUS_ACKNOWLEDGE);
	set_status(w, STATUS_ACKNOWLEDGE | STATUS_DRIVER);
	CHECK_EQ(config_read(w, 0, 8), WORLD_DISK_SIZE / 512);
	CHECK(features & FEATURE(F_SIZE_MAX) && config_read(w, 8, 4));
	CHECK(features & FEATURE(F_SEG_MAX) && config_read(w, 12, 4) >= 62);
	CHECK(features & FEATURE(F_GEOMETRY) && config_read(w, 18, 1) && config_read(w, 19, 1));
	CHECK(features & FEATURE(F_BLK_SIZE));
	CHECK_EQ(config_read(w, 20, 4), 512);
	CHECK(features & FEATURE(F_TOPOLOGY));
	CHECK_EQ(config_read(w, 24, 1), 3);
	CHECK(features & FEATURE(F_CONFIG_WCE));
	CHECK_EQ(config_read(w, 32, 1), 1);
	CHECK(features & FEATURE(F_MQ));
	CHECK_EQ(config_read(w, 34, 2), 3);
	CHECK(features & FEATURE(F_DISCARD) && config_read(w, 36, 4) && config_read(w, 40, 4));
	CHECK(features & FEATURE(F_WRITE_ZEROES) && config_read(w, 48, 4) && config_read(w, 52, 4));
	CHECK(!(status(w) & STATUS_FEATURES_OK));
}

TEST(INIT_09, VIEWS)
{
	unsigned length;

	world_open(w, NULL);
	length = w->legacy ? 96 : w->device_length;
	CHECK(length >= 60);
	CHECK_EQ(config_read(w, 0, 1), (WORLD_DISK_SIZE / 512) & 0xff);
	CHECK_EQ(config_read(w, 1, 1), (WORLD_DISK_SIZE / 512) >> 8);
	for (unsigned at = 0; at + 4 <= length; at += 4) {
		uint64_t bytes = 0, words = 0;

		for (unsigned i = 0; i < 4; i++)
			bytes |= config_read(w, at + i, 1) << (8 * i);
		for (unsigned i = 0; i < 4; i += 2)
			words |= config_read(w, at + i, 2) << (8 * i);
		CHECK_EQ(config_read(w, at, 4), bytes);
		CHECK_EQ(words, bytes);
	}
}

TEST(INIT_10, MODERN)
{
	uint64_t good;

	world_open(w, NULL);
	good = usual_features(w);
	set_status(w, STATUS_ACKNOWLEDGE);
	set_status(w, STATUS_ACKNOWLEDGE | STATUS_DRIVER);
	set_features(w, good | FEATURE(60));
	set_status(w, STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK);
	CHECK_EQ(status(w), STATUS_ACKNOWLEDGE | STATUS_DRIVER);
	set_features(w, good);
	CHECK_EQ(status(w), STATUS_ACKNOWLEDGE | STATUS_DRIVER);
	set_status(w, STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK);
	CHECK_EQ(status(w), STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK);
	setup_queue(w, 0, 0);
	driver_ok(w);
	expect_alive(w);
}

TEST(INIT_11, RINGS | VIEWS)
{
	uint8_t bits = STATUS_ACKNOWLEDGE | STATUS_DRIVER;

	world_open(w, NULL);
	set_status(w, STATUS_ACKNOWLEDGE);
	CHECK_EQ(status(w), STATUS_ACKNOWLEDGE);
	set_status(w, bits);
	CHECK_EQ(status(w), bits);
	start(w, 0, 0);
	set_status(w, (uint8_t)(status(w) | STATUS_FAILED));
	CHECK(status(w) & STATUS_FAILED);
	CHECK(status(w) & STATUS_DRIVER_OK);
	vq_kick(&w->q[0]);
	settle();
	CHECK(status(w) & STATUS_FAILED);
	reset(w);
	start(w, 0, 0);
	expect_alive(w);
}

TEST(INIT_12, RINGS | VIEWS | IRQS)
{
	open_and_start(w, NULL, 0, 0);
	expect_alive(w);
	irq_ack(w);
	ram_disk_resize(w->ram, 2 * WORLD_DISK_SIZE);
	virtio_blk_refresh(w->blk);
	EVENTUALLY(config_irq_pending(w));
	if (!w->msix)
		CHECK_EQ(isr_read(w), ISR_CONFIG);
	CHECK_EQ(config_read(w, 0, 8), 2 * WORLD_DISK_SIZE / 512);
	CHECK_EQ(blk(&w->q[0], BLK_T_IN, 2 * WORLD_DISK_SIZE / 512 - 1, galloc(w, 512, 16), 512),
		 BLK_S_OK);
}

TEST(INIT_13, RINGS | VIEWS | MODES)
{
	struct vq old = {0};
	uint16_t used = 0;

	open_and_start(w, NULL, 0, FEATURE(F_CONFIG_WCE));
	expect_alive(w);
	old = w->q[0];
	w->q[0] = (struct vq){0};
	reset(w);
	/* Nobody looks at the ring of the former life. */
	if (!old.packed)
		used = used_idx(&old);
	vq_add(&old,
	       (struct piece[]){{put_header(w, BLK_T_FLUSH, 0), 16, false},
				{galloc(w, 1, 1), 1, true}},
	       2);
	vq_kick(&old);
	settle();
	CHECK(!vq_poll(&old));
	if (!old.packed)
		CHECK_EQ(used_idx(&old), used);
	negotiate(w, usual_features(w) & ~FEATURE(F_INDIRECT_DESC));
	setup_queue(w, 0, w->legacy ? 0 : 8);
	driver_ok(w);
	for (unsigned i = 0; i < 40; i++)
		expect_alive(w);
	CHECK(!vq_poll(&old));
}

TEST(INIT_14, RINGS | MODERN)
{
	uint64_t all;

	world_open(w, "queues=2,features=+in-order:+notification-data:+notif-config-data");
	all = offered(w);
	for (unsigned round = 0; round < 3; round++) {
		negotiate(w, all);
		CHECK_EQ(status(w), STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK);
		reset(w);
		negotiate(w, FEATURE(F_VERSION_1));
		reset(w);
	}
	start(w, 0, 0);
	expect_alive(w);
}
