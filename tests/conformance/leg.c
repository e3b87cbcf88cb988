/* SPDX-License-Identifier: MIT */
/* LEG: the legacy interface of a transitional device. */
#include <errno.h>
#include <linux/pci_regs.h>
#include <string.h>

#include "tests/conformance/world.h"

static const char *const views[] = {"transport=transitional", "transport=legacy"};

TEST(LEG_01, LEGACY)
{
	for (unsigned i = 0; i < 2; i++) {
		world_close(w);
		world_open(w, views[i]);
		CHECK_EQ(cfg_read(w, PCI_REVISION_ID, 1), 0);
		CHECK_EQ(cfg_read(w, PCI_SUBSYSTEM_ID, 2), 2);
		CHECK_EQ(cfg_read(w, PCI_DEVICE_ID, 2), 0x1001);
	}
}

TEST(LEG_02, LEGACY)
{
	for (unsigned i = 0; i < 2; i++) {
		world_close(w);
		world_open(w, views[i]);
		CHECK_EQ(cfg_read(w, PCI_BASE_ADDRESS_0, 4) & 3, PCI_BASE_ADDRESS_SPACE_IO);
		CHECK(pio_read(w, w->bar[0], 4) & FEATURE(F_FLUSH));
	}
}

TEST(LEG_03, LEGACY | INTX)
{
	uint32_t features;

	world_open(w, "queues=2");
	features = pio_read(w, w->bar[0], 4);
	CHECK(features & FEATURE(F_MQ));
	pio_write(w, w->bar[0], 4, 0);
	CHECK_EQ(pio_read(w, w->bar[0], 4), features);
	pio_write(w, w->bar[0] + 4, 4, features & ~(uint32_t)FEATURE(F_TOPOLOGY));
	CHECK_EQ(pio_read(w, w->bar[0] + 4, 4), features & ~(uint32_t)FEATURE(F_TOPOLOGY));
	pio_write(w, w->bar[0] + 14, 2, 1);
	CHECK_EQ(pio_read(w, w->bar[0] + 14, 2), 1);
	CHECK_EQ(pio_read(w, w->bar[0] + 12, 2), 64);
	CHECK_EQ(pio_read(w, w->bar[0] + 8, 4), 0);
	vq_init(w, &w->q[1], 1, 64, false);
	pio_write(w, w->bar[0] + 8, 4, (uint32_t)(w->q[1].desc >> 12));
	CHECK_EQ(pio_read(w, w->bar[0] + 8, 4), w->q[1].desc >> 12);
	pio_write(w, w->bar[0] + 18, 1, 3);
	CHECK_EQ(pio_read(w, w->bar[0] + 18, 1), 3);
	pio_write(w, w->bar[0] + 18, 1, 7);
	CHECK_EQ(pio_read(w, w->bar[0] + 18, 1), 7);
	submit_quietly(&w->q[1], BLK_T_FLUSH, 0, 0, 0);
	pio_write(w, w->bar[0] + 16, 2, 1);
	EVENTUALLY(vq_poll(&w->q[1]));
	expect_irq(w, 1);
	CHECK_EQ(pio_read(w, w->bar[0] + 19, 1), 1);
	CHECK_EQ(pio_read(w, w->bar[0] + 19, 1), 0);
	/* There is no third queue. */
	pio_write(w, w->bar[0] + 14, 2, 2);
	CHECK_EQ(pio_read(w, w->bar[0] + 12, 2), 0);
}

TEST(LEG_04, LEGACY)
{
	open_and_start(w, NULL, 0, 0);
	for (unsigned i = 0; i < 4; i++) {
		msix_control(w, PCI_MSIX_FLAGS_ENABLE);
		CHECK_EQ(pio_read(w, w->bar[0] + 20, 2), 0);
		CHECK_EQ(pio_read(w, w->bar[0] + 22, 2), 1);
		CHECK_EQ(pio_read(w, w->bar[0] + 24, 4), WORLD_DISK_SIZE / 512);
		pio_write(w, w->bar[0] + 20, 2, 1);
		CHECK_EQ(pio_read(w, w->bar[0] + 20, 2), 1);
		pio_write(w, w->bar[0] + 20, 2, 0);
		msix_control(w, 0);
		CHECK_EQ(pio_read(w, w->bar[0] + 20, 4), WORLD_DISK_SIZE / 512);
		/* It is no vector now. */
		pio_write(w, w->bar[0] + 20, 2, 1);
		CHECK_EQ(pio_read(w, w->bar[0] + 20, 4), WORLD_DISK_SIZE / 512);
	}
	msix_control(w, PCI_MSIX_FLAGS_ENABLE);
	CHECK_EQ(pio_read(w, w->bar[0] + 20, 2), 0);
	expect_alive(w);
}

TEST(LEG_05, LEGACY | IRQS)
{
	uint8_t bytes[60];

	world_open(w, NULL);
	for (unsigned i = 0; i < 60; i++)
		bytes[i] = (uint8_t)config_read(w, i, 1);
	for (unsigned at = 0; at < 56; at++) {
		CHECK_EQ(config_read(w, at, 2), bytes[at] | bytes[at + 1] << 8);
		CHECK_EQ(config_read(w, at, 4), bytes[at] | bytes[at + 1] << 8 |
						    bytes[at + 2] << 16 |
						    (uint32_t)bytes[at + 3] << 24);
	}
	CHECK_EQ(bytes[0] | bytes[1] << 8 | bytes[2] << 16, WORLD_DISK_SIZE / 512);
}

TEST(LEG_06, LEGACY)
{
	world_open(w, NULL);
	CHECK_EQ(pio_read(w, w->bar[0] + 24, 4), WORLD_DISK_SIZE / 512);
	CHECK_EQ(pio_read(w, w->bar[0] + 24 + 20, 4), 512);
	msix_control(w, 0);
	CHECK_EQ(pio_read(w, w->bar[0] + 20, 4), WORLD_DISK_SIZE / 512);
	CHECK_EQ(pio_read(w, w->bar[0] + 20 + 20, 4), 512);
}

TEST(LEG_07, LEGACY | MODES)
{
	open_and_start(w, "ring=both,features=+in-order:+notification-data", 0, 0);
	expect_alive(w);
	CHECK_EQ(l_read(w, L_GUEST_FEATURES), w->negotiated);
	/* The modern view of the same driver: nothing of the upper half. */
	c_write(w, C_DRIVER_FEATURE_SELECT, 1);
	CHECK_EQ(c_read(w, C_DRIVER_FEATURE), 0);
	/* And no reset of a queue, which would be RING_RESET. */
	cq_write(w, 0, C_QUEUE_RESET, 1);
	CHECK_EQ(cq_read(w, 0, C_QUEUE_RESET), 0);
	for (unsigned i = 0; i < 40; i++)
		expect_alive(w);
}

TEST(LEG_08, LEGACY)
{
	for (unsigned i = 0; i < 2; i++) {
		world_close(w);
		world_open(w, views[i]);
		CHECK(offered(w) & FEATURE(F_ANY_LAYOUT));
	}
}

TEST(LEG_09, LEGACY | IRQS | MODES)
{
	struct vq *q = &w->q[0];

	open_and_start(w, NULL, FEATURE(F_NOTIFY_ON_EMPTY), 0);
	for (unsigned i = 0; i < 5; i++) {
		avail_set_flags(q, 1);
		irq_ack(w);
		fence(q);
		expect_irq(w, 0);
	}
	reset(w);
	start(w, FEATURE(F_NOTIFY_ON_EMPTY) | FEATURE(F_EVENT_IDX), 0);
	for (unsigned i = 0; i < 5; i++) {
		set_used_event(q, (uint16_t)(q->used + 1000));
		irq_ack(w);
		fence(q);
		expect_irq(w, 0);
	}
}

/* Not as long as something is still to be taken or to be finished. */
TEST(LEG_09b, LEGACY)
{
	struct vq *q = &w->q[0];
	struct req *r[2];

	open_and_start(w, NULL, FEATURE(F_NOTIFY_ON_EMPTY), 0);
	avail_set_flags(q, 1);
	ram_disk_hold(w->ram);
	for (unsigned i = 0; i < 2; i++)
		r[i] = submit(q, BLK_T_IN, i, galloc(w, 512, 512), 512);
	EVENTUALLY(ram_disk_held(w->ram) == 2);
	irq_ack(w);
	ram_disk_release_one(w->ram, 0);
	CHECK_EQ(finish(r[0]), BLK_S_OK);
	expect_no_irq_at_all(w);
	ram_disk_release(w->ram);
	CHECK_EQ(finish(r[1]), BLK_S_OK);
	expect_irq(w, 0);
}

TEST(LEG_10, LEGACY)
{
	for (unsigned i = 0; i < 2; i++) {
		world_close(w);
		world_open(w, views[i]);
		CHECK(!(offered(w) & FEATURE(30)));
		start(w, FEATURE(30), 0);
		CHECK(!needs_reset(w));
		expect_alive(w);
	}
}

TEST(LEG_11, LEGACY)
{
	uint8_t want[512];

	world_open(w, NULL);
	CHECK_EQ(config_read(w, 32, 1), 1);
	config_write(w, 32, 1, 0);
	CHECK_EQ(config_read(w, 32, 1), 0);
	start(w, 0, 0);
	CHECK_EQ(config_read(w, 32, 1), 0);
	expect_alive(w);
	/* It counts: what was written survives a power cut. */
	ram_disk_power_cut(w->ram);
	pattern(want, 512, 4711); /* what expect_alive writes */
	CHECK(!memcmp(w->ram->data + 9 * 512, want, 512));
}

TEST(LEG_12, LEGACY | MODES)
{
	world_open(w, NULL);
	/* No status, no features: just a queue. */
	setup_queue(w, 0, 0);
	expect_alive(w);
	CHECK_EQ(status(w), 0);
	reset(w);
	set_status(w, STATUS_ACKNOWLEDGE | STATUS_DRIVER);
	set_features(w, usual_features(w));
	setup_queue(w, 0, 0);
	expect_alive(w);
	CHECK_EQ(status(w), STATUS_ACKNOWLEDGE | STATUS_DRIVER);
	set_status(w, STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_DRIVER_OK);
	expect_alive(w);
}

TEST(LEG_13, LEGACY | IRQS)
{
	open_and_start(w, NULL, 0, 0);
	CHECK_EQ(status(w), STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_DRIVER_OK);
	expect_alive(w);
	reset(w);
	/* Nor does the bit do anything for one that writes it. */
	set_status(w, STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK);
	CHECK_EQ(status(w), STATUS_ACKNOWLEDGE | STATUS_DRIVER);
	set_features(w, usual_features(w));
	CHECK_EQ(l_read(w, L_GUEST_FEATURES), usual_features(w));
	setup_queue(w, 0, 0);
	driver_ok(w);
	expect_alive(w);
}

TEST(LEG_14, LEGACY | MODES)
{
	static const unsigned sizes[] = {2, 4, 8, 64, 128, 256, 512, 1024, 4096};

	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		unsigned size = sizes[i];
		/* 16 bytes a descriptor; flags, idx, entries, used_event; then to the next page. */
		uint64_t avail_end = 16ull * size + 2 * (3 + size);
		uint64_t used_at = (avail_end + 4095) / 4096 * 4096;
		char keys[32];

		world_close(w);
		snprintf(keys, sizeof(keys), "queue-size=%u", size);
		open_and_start(w, keys, 0, 0);
		CHECK_EQ(w->q[0].size, size);
		CHECK_EQ(w->q[0].device - w->q[0].desc, used_at);
		gset(w, w->q[0].desc + avail_end, POISON, used_at - avail_end);
		spin(&w->q[0], 5);
		CHECK_EQ(g16(w, w->q[0].desc + used_at + 2), 5);
		CHECK(gall(w, w->q[0].desc + avail_end, POISON, used_at - avail_end));
	}
}

TEST(LEG_15, LEGACY | MODES)
{
	open_and_start(w, NULL, 0, 0);
	for (unsigned i = 0; i < 5; i++) {
		struct req *r;

		expect_alive(w);
		l_write(w, L_SELECT, 0);
		l_write(w, L_SIZE, 16);
		CHECK_EQ(l_read(w, L_SIZE), 64);
		l_write(w, L_PAGE, 0);
		CHECK_EQ(l_read(w, L_PAGE), 0);
		r = submit(&w->q[0], BLK_T_FLUSH, 0, 0, 0);
		settle();
		CHECK(!is_done(r));
		setup_queue(w, 0, 0);
		CHECK_EQ(l_read(w, L_PAGE), w->q[0].desc >> 12);
	}
	expect_alive(w);
}

TEST(LEG_16, LEGACY)
{
	struct vq *q = &w->q[0];

	open_and_start(w, NULL, 0, 0);
	spin(q, 0x203);
	/* Least significant byte first, as the processor has it. */
	CHECK_EQ(*gptr(w, q->device + 2, 1), 0x03);
	CHECK_EQ(*gptr(w, q->device + 3, 1), 0x02);
	CHECK_EQ(*gptr(w, q->device + 4 + 8 * 2 + 4, 1), 1);
	CHECK_EQ(*gptr(w, q->device + 4 + 8 * 2 + 5, 1), 0);
}

TEST(LEG_17, LEGACY)
{
	static const uint8_t header[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0x01, 0x02};
	uint64_t data = galloc(w, 512, 16), status = galloc(w, 1, 1), at = galloc(w, 16, 16);
	struct piece pieces[3] = {{at, 16, false}, {data, 512, true}, {status, 1, true}};

	open_and_start(w, NULL, 0, 0);
	CHECK_EQ(config_read(w, 0, 1), (WORLD_DISK_SIZE / 512) & 0xff);
	CHECK_EQ(config_read(w, 1, 1), WORLD_DISK_SIZE / 512 >> 8);
	memcpy(gptr(w, at, 16), header, 16);
	pattern(w->ram->data + 0x201 * 512, 512, 3);
	CHECK_EQ(run_pieces(&w->q[0], pieces, 3), 513);
	CHECK(gpattern_is(w, data, 512, 3));
}

TEST(LEG_18, LEGACY | MODES)
{
	open_and_start(w, NULL, 0, FEATURE(F_ANY_LAYOUT));
	CHECK(!(l_read(w, L_GUEST_FEATURES) & FEATURE(F_ANY_LAYOUT)));
	for (unsigned i = 0; i < 40; i++)
		expect_alive(w);
	reset(w);
	start(w, FEATURE(F_ANY_LAYOUT), 0);
	CHECK(l_read(w, L_GUEST_FEATURES) & FEATURE(F_ANY_LAYOUT));
	expect_framings(w);
}

TEST(LEG_19, LEGACY)
{
	world_open(w, NULL);
	for (unsigned mode = 0; mode < 2; mode++) {
		reset(w);
		config_write(w, 32, 1, mode);
		set_status(w, STATUS_ACKNOWLEDGE);
		CHECK_EQ(config_read(w, 32, 1), mode);
		set_status(w, STATUS_ACKNOWLEDGE | STATUS_DRIVER);
		CHECK_EQ(config_read(w, 32, 1), mode);
		set_features(w, usual_features(w));
		set_status(w, STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_DRIVER_OK);
		CHECK_EQ(config_read(w, 32, 1), mode);
		set_status(w,
			   STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_DRIVER_OK | STATUS_FAILED);
		CHECK_EQ(config_read(w, 32, 1), mode);
	}
}

TEST(LEG_20, LEGACY)
{
	world_open(w, NULL);
	for (unsigned mode = 0; mode < 2; mode++) {
		reset(w);
		config_write(w, 32, 1, mode);
		set_features(w, usual_features(w) & ~FEATURE(F_FLUSH));
		CHECK_EQ(config_read(w, 32, 1), mode);
		set_features(w, 0);
		CHECK_EQ(config_read(w, 32, 1), mode);
		set_features(w, usual_features(w));
		CHECK_EQ(config_read(w, 32, 1), mode);
	}
}

TEST(LEG_21, LEGACY)
{
	world_open(w, "zoned=host-aware,zone-size=64K");
	CHECK(!(offered(w) & FEATURE(F_ZONED)));
	/* The modern view of the same function does offer it. */
	c_write(w, C_DEVICE_FEATURE_SELECT, 0);
	CHECK(c_read(w, C_DEVICE_FEATURE) & FEATURE(F_ZONED));
	start(w, FEATURE(F_ZONED), 0);
	CHECK(!(l_read(w, L_GUEST_FEATURES) & FEATURE(F_ZONED)));
	CHECK_EQ(blk(&w->q[0], 16, 0, galloc(w, 512, 16), 512), BLK_S_UNSUPP);
	expect_alive(w);
}

TEST(LEG_22, RINGS | VIEWS)
{
	struct vq *q = &w->q[0];

	open_and_start(w, NULL, 0, 0);
	expect_alive(w);
	CHECK_EQ(ram_disk_count(w->ram, DISK_FLUSH), 0);
	CHECK_EQ(blk(q, BLK_T_FLUSH_OUT, 0, 0, 0), BLK_S_OK);
	CHECK_EQ(ram_disk_count(w->ram, DISK_FLUSH), 1);
}

/* BARRIER is not offered: a type with its bit is a type that there is not. */
TEST(LEG_23, LEGACY)
{
	static const uint32_t types[] = {0x80000000, 0x80000001, 0x80000004};
	uint64_t data = galloc(w, 512, 16);

	open_and_start(w, NULL, 0, 0);
	CHECK(!(offered(w) & 1));
	for (unsigned i = 0; i < 3; i++) {
		gset(w, data, 0x5a, 512);
		CHECK_EQ(blk(&w->q[0], types[i], 0, data, 512), BLK_S_UNSUPP);
		CHECK(gall(w, data, 0x5a, 512));
		CHECK_EQ(w->ram->submitted, 0);
	}
	expect_alive(w);
}

TEST(LEG_24, RINGS | VIEWS)
{
	open_and_start(w, NULL, 0, 0);
	CHECK(!(offered(w) & FEATURE(7)));
	for (unsigned type = 2; type <= 3; type++) {
		struct req *r = submit(&w->q[0], type, 0, 0, 0);

		CHECK_EQ(finish(r), BLK_S_UNSUPP);
		CHECK_EQ(r->written, 1);
		/* As a SCSI driver frames it: command, data, sense, result, status. */
		CHECK_EQ(blk(&w->q[0], type, 0, galloc(w, 1024, 16), 96 + 16), BLK_S_UNSUPP);
	}
	expect_alive(w);
}

TEST(LEG_25, LEGACY | IRQS)
{
	open_and_start(w, NULL, 0, 0);
	for (unsigned i = 1; i < 5; i++) {
		irq_ack(w);
		ram_disk_resize(w->ram, WORLD_DISK_SIZE + 512 * i);
		virtio_blk_refresh(w->blk);
		EVENTUALLY(config_irq_pending(w));
		CHECK_EQ(isr_read(w) & ISR_CONFIG, ISR_CONFIG);
		CHECK_EQ(config_read(w, 0, 8), WORLD_DISK_SIZE / 512 + i);
	}
}

/* ISR, vectors and the line as BAR0 shows them; PCI-41 to 57 run on this interface as well. */
TEST(LEG_26, LEGACY | IRQS | MODES)
{
	open_and_start(w, "queues=2", 0, 0);
	fence(&w->q[1]);
	expect_irq(w, 1);
	if (w->msix) {
		CHECK_EQ(l_read(w, L_ISR), 0);
		l_write(w, L_SELECT, 1);
		CHECK_EQ(l_read(w, L_QUEUE_VECTOR), 2);
		l_write(w, L_QUEUE_VECTOR, 3);
		CHECK_EQ(l_read(w, L_QUEUE_VECTOR), NONE);
		irq_ack(w);
		fence(&w->q[1]);
		expect_no_irq_at_all(w);
		l_write(w, L_CONFIG_VECTOR, 17);
		CHECK_EQ(l_read(w, L_CONFIG_VECTOR), NONE);
		l_write(w, L_CONFIG_VECTOR, 1);
		CHECK_EQ(l_read(w, L_CONFIG_VECTOR), 1);
	} else {
		CHECK(cfg_read(w, PCI_STATUS, 2) & PCI_STATUS_INTERRUPT);
		CHECK_EQ(l_read(w, L_ISR), ISR_QUEUE);
		CHECK_EQ(l_read(w, L_ISR), 0);
		CHECK(!irq_pending(w, 1));
	}
}

TEST(LEG_27, RINGS | MODERN | IRQS)
{
	world_open(w, "transport=transitional,queues=2");
	start(w, 0, 0);
	expect_alive(w);
	CHECK_EQ(l_read(w, L_STATUS), status(w));
	CHECK_EQ(l_read(w, L_GUEST_FEATURES), (uint32_t)w->negotiated);
	l_write(w, L_SELECT, 1);
	CHECK_EQ(c_read(w, C_QUEUE_SELECT), 1);
	CHECK_EQ(l_read(w, L_SIZE), 64);
	fence(&w->q[0]);
	l_write(w, L_STATUS, 0);
	CHECK_EQ(status(w), 0);
	CHECK_EQ(cq_read(w, 0, C_QUEUE_ENABLE), 0);
	/* And the other way round. */
	w->packed = false;
	w->legacy = true;
	start(w, 0, 0);
	expect_alive(w);
	CHECK_EQ(c_read(w, C_STATUS), 7);
	c_write(w, C_STATUS, 0);
	EVENTUALLY(!l_read(w, L_STATUS));
	CHECK_EQ(l_read(w, L_PAGE), 0);
	CHECK_EQ(l_read(w, L_GUEST_FEATURES), 0);
}
