/* SPDX-License-Identifier: MIT */
/* PCI-19 to 40: the common configuration and the reset of a single queue. */
#include <linux/pci_regs.h>
#include <string.h>

#include "tests/conformance/world.h"

TEST(PCI_19, RINGS | MODERN)
{
	struct req *r;

	open_and_start(w, NULL, 0, 0);
	ram_disk_hold(w->ram);
	r = submit(&w->q[0], BLK_T_IN, 0, galloc(w, 512, 512), 512);
	EVENTUALLY(ram_disk_held(w->ram) == 1);
	c_write(w, C_STATUS, 0);
	EVENTUALLY(!c_read(w, C_STATUS));
	ram_disk_release(w->ram);
	settle();
	CHECK_EQ(status_at(w, r->status), 0xff);
	CHECK_EQ(c_read(w, C_STATUS), 0);
	start(w, 0, 0);
	expect_alive(w);
}

/* The same by a function reset, which takes configuration space back, too. */
TEST(PCI_19b, RINGS | VIEWS | IRQS)
{
	uint16_t on;
	unsigned af;
	struct req *r;

	open_and_start(w, NULL, 0, 0);
	on = command(w);
	af = w->cap_af;
	CHECK(af);
	CHECK_EQ(cfg_read(w, af + PCI_AF_LENGTH, 1), PCI_CAP_AF_SIZEOF);
	CHECK_EQ(cfg_read(w, af + PCI_AF_CAP, 1), PCI_AF_CAP_TP | PCI_AF_CAP_FLR);
	/* Other bits mean nothing. */
	cfg_write(w, af + PCI_AF_CTRL, 1, 0xfe);
	cfg_write(w, af + PCI_AF_STATUS, 1, 0xff);
	CHECK_EQ(command(w), on);
	expect_alive(w);

	ram_disk_hold(w->ram);
	r = submit(&w->q[0], BLK_T_IN, 0, galloc(w, 512, 512), 512);
	EVENTUALLY(ram_disk_held(w->ram) == 1);
	cfg_write(w, af + PCI_AF_CTRL, 1, PCI_AF_CTRL_FLR);
	ram_disk_release(w->ram);
	settle();
	CHECK_EQ(status_at(w, r->status), 0xff);
	CHECK_EQ(cfg_read(w, af + PCI_AF_CTRL, 1), 0);
	CHECK_EQ(command(w), 0);
	if (w->msix)
		CHECK(!(cfg_read(w, w->cap_msix + PCI_MSIX_FLAGS, 2) & PCI_MSIX_FLAGS_ENABLE));
	set_command(w, on);
	CHECK_EQ(status(w), 0);
	if (w->msix) {
		for (unsigned i = 0; i < w->vectors; i++)
			msix_entry(w, i, MSI_BASE, MSI_DATA(i), false);
		msix_control(w, PCI_MSIX_FLAGS_ENABLE);
	}
	start(w, 0, 0);
	expect_alive(w);
}

TEST(PCI_20, RINGS | MODERN)
{
	world_open(w, "queues=4");
	for (unsigned i = 0; i < 4; i++)
		CHECK_EQ(cq_read(w, i, C_QUEUE_ENABLE), 0);
	start(w, 0, 0);
	for (unsigned i = 0; i < 4; i++)
		CHECK_EQ(cq_read(w, i, C_QUEUE_ENABLE), 1);
	reset(w);
	for (unsigned i = 0; i < 4; i++)
		CHECK_EQ(cq_read(w, i, C_QUEUE_ENABLE), 0);
}

TEST(PCI_21, RINGS | MODERN)
{
	static const unsigned none[] = {4, 5, 64, 0x100, 0x8000, 0xffff};

	world_open(w, "queues=4");
	for (unsigned round = 0; round < 2; round++) {
		for (unsigned i = 0; i < 4; i++)
			CHECK_EQ(cq_read(w, i, C_QUEUE_SIZE), 64);
		for (unsigned i = 0; i < 6; i++) {
			CHECK_EQ(cq_read(w, none[i], C_QUEUE_SIZE), 0);
			cq_write(w, none[i], C_QUEUE_SIZE, 16);
			c_write(w, C_QUEUE_ENABLE, 1);
			CHECK_EQ(c_read(w, C_QUEUE_SIZE), 0);
			CHECK_EQ(c_read(w, C_QUEUE_ENABLE), 0);
		}
		if (!round)
			start(w, 0, 0);
	}
	expect_alive(w);
}

TEST(PCI_22, RINGS | MODERN)
{
	static const uint16_t sizes[] = {3, 5, 7, 63, 33, 65, 1000, 0xffff, 0};

	world_open(w, NULL);
	CHECK_EQ(cq_read(w, 0, C_QUEUE_SIZE), 64);
	if (w->packed) {
		/* Once packed rings were negotiated, and not any longer than that. */
		negotiate(w, usual_features(w));
		cq_write(w, 0, C_QUEUE_SIZE, 7);
		CHECK_EQ(cq_read(w, 0, C_QUEUE_SIZE), 7);
		reset(w);
		CHECK_EQ(cq_read(w, 0, C_QUEUE_SIZE), 64);
	}
	negotiate(w, usual_features(w) & ~FEATURE(F_RING_PACKED));
	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		uint64_t size;

		cq_write(w, 0, C_QUEUE_SIZE, sizes[i]);
		size = c_read(w, C_QUEUE_SIZE);
		CHECK(size <= 64 && !(size & (size - 1)));
	}
	reset(w);
	CHECK_EQ(cq_read(w, 0, C_QUEUE_SIZE), 64);
}

TEST(PCI_23, RINGS | MODERN | MODES)
{
	world_open(w, "queues=2");
	for (uint16_t size = 4; size <= 64; size = (uint16_t)(2 * size)) {
		CHECK_EQ(cq_read(w, 0, C_QUEUE_SIZE), 64);
		start_sized(w, 0, size);
		CHECK_EQ(cq_read(w, 0, C_QUEUE_SIZE), size);
		CHECK_EQ(cq_read(w, 1, C_QUEUE_SIZE), 64);
		for (unsigned i = 0; i < 40; i++)
			expect_alive(w);
		reset(w);
	}
}

TEST(PCI_24, MODERN)
{
	unsigned changes[] = {1, 2, 255, 256, 257, 512};

	open_and_start(w, NULL, 0, 0);
	for (unsigned k = 0; k < 6; k++) {
		uint64_t size = WORLD_DISK_SIZE, generation, capacity;

		generation = c_read(w, C_GENERATION);
		capacity = config_read(w, 0, 8);
		CHECK_EQ(c_read(w, C_GENERATION), generation);
		for (unsigned i = 0; i < changes[k]; i++) {
			size = WORLD_DISK_SIZE + 512 * (1 + (i + k) % 100);
			ram_disk_resize(w->ram, size);
			virtio_blk_refresh(w->blk);
		}
		CHECK_EQ(config_read(w, 0, 8), size / 512);
		CHECK(config_read(w, 0, 8) != capacity);
		CHECK(c_read(w, C_GENERATION) != generation);
		/* Nothing changed: neither does it. */
		generation = c_read(w, C_GENERATION);
		config_read(w, 0, 8);
		CHECK_EQ(c_read(w, C_GENERATION), generation);
	}
}

TEST(PCI_25, MODERN)
{
	static const char *const keys[] = {"queues=1", "queues=4", "queues=64"};
	static const unsigned counts[] = {1, 4, 64};

	for (unsigned i = 0; i < 3; i++) {
		world_close(w);
		world_open(w, keys[i]);
		CHECK_EQ(c_read(w, C_NUM_QUEUES), counts[i]);
		c_write(w, C_NUM_QUEUES, 7);
		CHECK_EQ(c_read(w, C_NUM_QUEUES), counts[i]);
		CHECK_EQ(cq_read(w, counts[i], C_QUEUE_SIZE), 0);
		CHECK_EQ(cq_read(w, counts[i] - 1, C_QUEUE_SIZE), 64);
	}
}

TEST(PCI_26, RINGS | MODERN)
{
	static const unsigned fields[] = {C_DEVICE_FEATURE, C_NUM_QUEUES, C_GENERATION,
					  C_NOTIFY_OFF, C_NOTIF_DATA};

	world_open(w, "queues=2,features=+notif-config-data");
	for (unsigned round = 0; round < 2; round++) {
		c_write(w, C_DEVICE_FEATURE_SELECT, 0);
		c_write(w, C_QUEUE_SELECT, 1);
		for (unsigned i = 0; i < 5; i++) {
			uint64_t was = c_read(w, fields[i]);

			c_write(w, fields[i], ~0ull);
			CHECK_EQ(c_read(w, fields[i]), was);
			c_write(w, fields[i], 0);
			CHECK_EQ(c_read(w, fields[i]), was);
		}
		if (!round)
			start(w, FEATURE(F_NOTIF_CONFIG_DATA), 0);
	}
	expect_alive(w);
}

TEST(PCI_27, RINGS | MODERN)
{
	world_open(w, "queues=2");
	negotiate(w, usual_features(w));
	for (unsigned i = 0; i < 2; i++) {
		cq_write(w, i, C_QUEUE_DESC, 0x123456789abc0 + i);
		cq_write(w, i, C_QUEUE_DRIVER, 0x223456789abc0 + i);
		cq_write(w, i, C_QUEUE_DEVICE, 0x323456789abc0 + i);
		cq_write(w, i, C_QUEUE_VECTOR, 1 + i);
		CHECK_EQ(c_read(w, C_QUEUE_SELECT), i);
		CHECK_EQ(cq_read(w, i, C_QUEUE_DESC), 0x123456789abc0 + i);
		CHECK_EQ(cq_read(w, i, C_QUEUE_DRIVER), 0x223456789abc0 + i);
		CHECK_EQ(cq_read(w, i, C_QUEUE_DEVICE), 0x323456789abc0 + i);
		CHECK_EQ(cq_read(w, i, C_QUEUE_VECTOR), 1 + i);
	}
	c_write(w, C_CONFIG_VECTOR, 2);
	CHECK_EQ(c_read(w, C_CONFIG_VECTOR), 2);
	c_write(w, C_DEVICE_FEATURE_SELECT, 0xabcdef01);
	CHECK_EQ(c_read(w, C_DEVICE_FEATURE_SELECT), 0xabcdef01);
	c_write(w, C_DRIVER_FEATURE_SELECT, 0x10fedcba);
	CHECK_EQ(c_read(w, C_DRIVER_FEATURE_SELECT), 0x10fedcba);
	c_write(w, C_QUEUE_SELECT, 0xfffe);
	CHECK_EQ(c_read(w, C_QUEUE_SELECT), 0xfffe);
}

TEST(PCI_28, RINGS | MODERN)
{
	static const unsigned fields[] = {C_QUEUE_DESC, C_QUEUE_DRIVER, C_QUEUE_DEVICE};

	world_open(w, "queues=4");
	negotiate(w, usual_features(w));
	for (unsigned i = 0; i < 4; i++) {
		for (unsigned f = 0; f < 3; f++)
			cq_write(w, i, fields[f], 0x10000 * (i + 1) + 0x1000 * f);
		cq_write(w, i, C_QUEUE_SIZE, 8u << i);
		cq_write(w, i, C_QUEUE_VECTOR, 4 - i);
	}
	for (unsigned k = 0; k < 8; k++) {
		unsigned i = (k * 3) % 4;

		for (unsigned f = 0; f < 3; f++)
			CHECK_EQ(cq_read(w, i, fields[f]), 0x10000 * (i + 1) + 0x1000 * f);
		CHECK_EQ(cq_read(w, i, C_QUEUE_SIZE), 8u << i);
		CHECK_EQ(cq_read(w, i, C_QUEUE_VECTOR), 4 - i);
		CHECK_EQ(cq_read(w, i, C_QUEUE_ENABLE), 0);
	}
	CHECK(cq_read(w, 1, C_NOTIFY_OFF) != cq_read(w, 2, C_NOTIFY_OFF));
}

TEST(PCI_29, RINGS | MODERN | MODES)
{
	struct vq *idle = &w->q[0];
	struct req *r;

	world_open(w, "queues=2");
	negotiate(w, usual_features(w));
	/* Its places are written, and it is not enabled. */
	vq_init(w, idle, 0, 64, w->packed);
	vq_place(idle);
	setup_queue(w, 1, 0);
	driver_ok(w);
	r = submit(idle, BLK_T_FLUSH, 0, 0, 0);
	for (unsigned i = 0; i < 20; i++) {
		fence(&w->q[1]);
		vq_kick(idle);
	}
	settle();
	CHECK(!is_done(r));
	CHECK_EQ(status_at(w, r->status), 0xff);
	CHECK(!needs_reset(w));
}

TEST(PCI_30, RINGS | MODERN | MODES)
{
	open_and_start(w, NULL, 0, 0);
	for (unsigned i = 0; i < 50; i++) {
		struct req *r = submit(&w->q[0], BLK_T_IN, i, galloc(w, 512, 512), 512);

		cq_write(w, 0, C_QUEUE_ENABLE, 0);
		CHECK_EQ(finish(r), BLK_S_OK);
		CHECK_EQ(cq_read(w, 0, C_QUEUE_ENABLE), 1);
	}
	/* Nor does a second 1, or a new place, change a live queue. */
	cq_write(w, 0, C_QUEUE_DESC, 0x7000);
	cq_write(w, 0, C_QUEUE_SIZE, 2);
	cq_write(w, 0, C_QUEUE_ENABLE, 1);
	expect_alive(w);
}

NOT_APPLICABLE(PCI_31, "ADMIN_VQ is not offered: a block device has no group to administer")
{
	static const char *const keys[] = {NULL, "queues=64", "readonly=on"};

	for (unsigned i = 0; i < 3; i++) {
		world_close(w);
		world_open(w, keys[i]);
		CHECK(!(offered(w) & FEATURE(41)));
		/* admin_queue_index and admin_queue_num */
		CHECK_EQ(mmio_read(w, w->common + 60, 4), 0);
	}
	world_close(w);
	CHECK(world_try_open(w, "features=+admin-vq"));
	world_close(w);
}

/* --- the reset of one queue ---------------------------------------------------------- */

static void reset_queue(struct world *w, unsigned queue)
{
	cq_write(w, queue, C_QUEUE_RESET, 1);
	EVENTUALLY(!cq_read(w, queue, C_QUEUE_RESET));
}

TEST(PCI_32, RINGS | MODERN)
{
	open_and_start(w, "queues=2", 0, 0);
	CHECK(w->negotiated & FEATURE(F_RING_RESET));
	CHECK_EQ(cq_read(w, 0, C_QUEUE_RESET), 0);
	w->ram->stubborn = true;
	ram_disk_hold(w->ram);
	submit(&w->q[0], BLK_T_IN, 0, galloc(w, 512, 512), 512);
	EVENTUALLY(ram_disk_held(w->ram) == 1);
	cq_write(w, 0, C_QUEUE_RESET, 1);
	c_write(w, C_STATUS, 0);
	ram_disk_release(w->ram);
	EVENTUALLY(!status(w));
	for (unsigned i = 0; i < 2; i++)
		CHECK_EQ(cq_read(w, i, C_QUEUE_RESET), 0);
}

TEST(PCI_33, RINGS | MODERN)
{
	open_and_start(w, "queues=2", 0, 0);
	w->ram->stubborn = true;
	ram_disk_hold(w->ram);
	submit(&w->q[0], BLK_T_IN, 0, galloc(w, 512, 512), 512);
	EVENTUALLY(ram_disk_held(w->ram) == 1);
	cq_write(w, 0, C_QUEUE_RESET, 1);
	for (unsigned i = 0; i < 20; i++) {
		CHECK_EQ(cq_read(w, 0, C_QUEUE_RESET), 1);
		CHECK_EQ(cq_read(w, 1, C_QUEUE_RESET), 0);
		test_pause();
	}
	ram_disk_release(w->ram);
	EVENTUALLY(!cq_read(w, 0, C_QUEUE_RESET));
	CHECK_EQ(status(w), 15);
}

TEST(PCI_34, RINGS | MODERN | MODES)
{
	open_and_start(w, NULL, 0, 0);
	fence(&w->q[0]);
	CHECK_EQ(cq_read(w, 0, C_QUEUE_ENABLE), 1);
	reset_queue(w, 0);
	CHECK_EQ(cq_read(w, 0, C_QUEUE_RESET), 0);
	CHECK_EQ(cq_read(w, 0, C_QUEUE_ENABLE), 0);
}

TEST(PCI_35, RINGS | MODERN | MODES)
{
	open_and_start(w, NULL, 0, 0);
	for (unsigned i = 0; i < 10; i++) {
		reset_queue(w, 0);
		setup_queue(w, 0, 0);
		CHECK_EQ(cq_read(w, 0, C_QUEUE_ENABLE), 1);
		CHECK_EQ(cq_read(w, 0, C_QUEUE_RESET), 0);
		expect_alive(w);
	}
}

TEST(PCI_36, RINGS | MODERN | IRQS)
{
	struct req *r[4];

	open_and_start(w, NULL, 0, 0);
	ram_disk_hold(w->ram);
	for (unsigned i = 0; i < 4; i++)
		r[i] = submit(&w->q[0], BLK_T_IN, 8 * i, galloc(w, 4096, 4096), 4096);
	EVENTUALLY(ram_disk_held(w->ram) == 4);
	reset_queue(w, 0);
	irq_ack(w);
	vq_poison(&w->q[0]);
	for (unsigned i = 0; i < 4; i++) {
		gset(w, r[i]->data, POISON, 4096);
		gset(w, r[i]->status, POISON, 1);
	}
	ram_disk_release(w->ram);
	vq_kick(&w->q[0]);
	settle();
	CHECK(vq_is_poisoned(&w->q[0]));
	for (unsigned i = 0; i < 4; i++) {
		CHECK(gall(w, r[i]->data, POISON, 4096));
		CHECK(gall(w, r[i]->status, POISON, 1));
	}
	expect_no_irq_at_all(w);
	CHECK_EQ(isr_read(w), 0);
	setup_queue(w, 0, 0);
	expect_alive(w);
}

TEST(PCI_37, RINGS | MODERN | MODES)
{
	open_and_start(w, NULL, 0, 0);
	for (unsigned i = 0; i < 10; i++) {
		spin(&w->q[0], 7 + i);
		reset_queue(w, 0);
		CHECK_EQ(cq_read(w, 0, C_QUEUE_SIZE), 64);
		CHECK_EQ(cq_read(w, 0, C_QUEUE_VECTOR), NONE);
		CHECK_EQ(cq_read(w, 0, C_QUEUE_DESC), 0);
		setup_queue(w, 0, i % 2 ? 16 : 0);
		spin(&w->q[0], 1);
		if (w->packed)
			CHECK_EQ(get_desc(&w->q[0], 0).b & (D_AVAIL | D_USED), D_AVAIL | D_USED);
		else
			CHECK_EQ(used_idx(&w->q[0]), 1);
	}
}

TEST(PCI_38, RINGS | MODERN | IRQS)
{
	struct vq *q = &w->q[0];

	open_and_start(w, "queues=2", 0, 0);
	for (uint16_t size = 64; size >= 4; size = (uint16_t)(size / 2)) {
		uint64_t old = q->desc;

		reset_queue(w, 0);
		vq_init(w, q, 0, size, w->packed);
		CHECK(q->desc != old);
		if (w->msix)
			set_queue_vector(w, 0, size & 32 ? 2 : 1);
		vq_enable(q);
		CHECK_EQ(cq_read(w, 0, C_QUEUE_SIZE), size);
		irq_ack(w);
		for (unsigned i = 0; i < 40; i++)
			expect_alive(w);
		expect_irq(w, 0);
	}
}

TEST(PCI_39, RINGS | MODERN)
{
	struct req *r;

	open_and_start(w, "queues=2", 0, 0);
	w->ram->stubborn = true;
	ram_disk_hold(w->ram);
	submit(&w->q[0], BLK_T_IN, 0, galloc(w, 512, 512), 512);
	r = submit(&w->q[1], BLK_T_IN, 0, galloc(w, 512, 512), 512);
	EVENTUALLY(ram_disk_held(w->ram) == 2);
	cq_write(w, 0, C_QUEUE_RESET, 1);
	CHECK_EQ(cq_read(w, 0, C_QUEUE_RESET), 1);
	pthread_mutex_lock(&w->ram->lock);
	w->ram->hold = false; /* what comes from now on */
	pthread_mutex_unlock(&w->ram->lock);
	for (unsigned i = 0; i < 20; i++) {
		struct req *more = submit(&w->q[1], BLK_T_FLUSH, 0, 0, 0);

		CHECK_EQ(finish(more), BLK_S_OK);
	}
	ram_disk_release(w->ram);
	CHECK_EQ(finish(r), BLK_S_OK);
	EVENTUALLY(!cq_read(w, 0, C_QUEUE_RESET));
	CHECK_EQ(cq_read(w, 1, C_QUEUE_ENABLE), 1);
	for (unsigned i = 0; i < 20; i++)
		fence(&w->q[1]);
	setup_queue(w, 0, 0);
	fence(&w->q[0]);
}

TEST(PCI_40, RINGS | MODERN | MODES)
{
	open_and_start(w, NULL, 0, FEATURE(F_RING_RESET));
	cq_write(w, 0, C_QUEUE_RESET, 1);
	CHECK_EQ(cq_read(w, 0, C_QUEUE_RESET), 0);
	CHECK_EQ(cq_read(w, 0, C_QUEUE_ENABLE), 1);
	for (unsigned i = 0; i < 40; i++)
		expect_alive(w);
}
