/* SPDX-License-Identifier: MIT */
/* AMB: places where the specification is unclear, and how this device reads them. */
#include <linux/pci_regs.h>
#include <linux/virtio_pci.h>
#include <string.h>

#include "tests/conformance/zone.h"

/* A header has 16 bytes, also on the legacy interface: 8 are too few. */
TEST(AMB_01, LEGACY)
{
	uint64_t header = put_header(w, BLK_T_IN, 0), data = galloc(w, 512, 16);
	uint64_t status = galloc(w, 1, 1);
	struct piece pieces[3] = {{header, 8, false}, {data, 512, true}, {status, 1, true}};

	open_and_start(w, NULL, 0, 0);
	run_pieces(&w->q[0], pieces, 3);
	CHECK_EQ(status_at(w, status), BLK_S_IOERR);
	pieces[0].len = 16;
	CHECK_EQ(run_pieces(&w->q[0], pieces, 3), 513);
	CHECK_EQ(status_at(w, status), BLK_S_OK);
}

TEST(AMB_02, RINGS | VIEWS)
{
	open_and_start(w, NULL, 0, 0);
	expect_alive(w);
	CHECK_EQ(blk(&w->q[0], BLK_T_FLUSH_OUT, ~0ull, 0, 0), BLK_S_OK);
	CHECK_EQ(w->ram->flushes, 1);
	CHECK(!memcmp(w->ram->stable, w->ram->data, 65536));
}

TEST(AMB_03, LEGACY)
{
	static const char *const keys[] = {"queue-size=2", "queue-size=256", "queue-size=1024"};
	static const unsigned used_at[] = {4096, 8192, 20480};

	for (unsigned i = 0; i < 3; i++) {
		world_close(w);
		open_and_start(w, keys[i], 0, 0);
		spin(&w->q[0], 3);
		CHECK_EQ(g16(w, w->q[0].desc + used_at[i] + 2), 3);
	}
}

/* It is bit 39 that decides what is written, with bit 38 or without. */
TEST(AMB_04, RINGS | MODERN)
{
	static const uint64_t sets[] = {
	    0, FEATURE(F_NOTIFICATION_DATA), FEATURE(F_NOTIF_CONFIG_DATA),
	    FEATURE(F_NOTIFICATION_DATA) | FEATURE(F_NOTIF_CONFIG_DATA)};

	world_open(w, "queues=2,features=+notification-data:+notif-config-data");
	for (unsigned i = 0; i < 4; i++) {
		start(w, sets[i], 0);
		CHECK_EQ(!!cq_read(w, 1, C_NOTIF_DATA), !!(sets[i] & FEATURE(F_NOTIF_CONFIG_DATA)));
		fence(&w->q[1]);
		fence(&w->q[0]);
		reset(w);
	}
}

TEST(AMB_05, MODERN)
{
	world_open(w, "queues=64");
	CHECK_EQ(w->notify_multiplier, 4);
}

TEST(AMB_06, VIEWS)
{
	world_open(w, "queues=4");
	CHECK_EQ(cfg_read(w, w->cap_msix + PCI_MSIX_FLAGS, 2) & PCI_MSIX_FLAGS_QSIZE, 4);
	set_config_vector(w, 4);
	CHECK_EQ(config_vector(w), 4);
	set_config_vector(w, 5);
	CHECK_EQ(config_vector(w), NONE);
}

TEST(AMB_07, RINGS | MODERN)
{
	uint64_t at, most;

	open_zoned(w, MANAGED, ",queue-size=4");
	most = config_read(w, 12, 4) * config_read(w, 8, 4);
	CHECK(config_read(w, 84, 4) * 512 <= most);
	CHECK_EQ(config_read(w, 84, 4), ZONE);
	CHECK_EQ(zone_append(w, 0, ZONE, 1, &at), BLK_S_OK);
	open_zoned(w, MANAGED, ",features=-size-max:-seg-max");
	CHECK_EQ(config_read(w, 84, 4), 0);
	CHECK_EQ(zone_append(w, 0, 1, 1, &at), BLK_S_UNSUPP);
}

TEST(AMB_08, PACKED | MODERN | IRQS | MODES)
{
	struct vq *q = &w->q[0];

	open_and_start(w, NULL, FEATURE(F_EVENT_IDX), 0);
	for (unsigned i = 0; i < 10; i++) {
		packed_event(q, EVENT(1, 0, 0));
		irq_ack(w);
		fence(q);
		expect_no_irq_at_all(w);
		packed_event(q, EVENT(0, 0, 0));
		fence(q);
		expect_irq(w, 0);
		packed_event(q, EVENT(2, !q->used_wrap, q->used));
		irq_ack(w);
		fence(q);
		expect_no_irq_at_all(w);
		packed_event(q, EVENT(2, q->used_wrap, q->used));
		fence(q);
		expect_irq(w, 0);
	}
}

/* A list with an indirect descriptor in it is no list: neither part is followed. */
TEST(AMB_09, PACKED | MODERN | MODES)
{
	struct vq *q = &w->q[0];
	uint64_t table = galloc(w, 16, 16), status = galloc(w, 1, 1);
	struct desc entry = {galloc(w, 512, 16), 512, 0, 0};

	open_and_start(w, NULL, 0, 0);
	gset(w, entry.addr, 0x99, 512);
	gset(w, status, 0xff, 1);
	memcpy(gptr(w, table, 16), &entry, 16);
	put_desc(q, 2, status, 1, 0, D_AVAIL | D_WRITE);
	put_desc(q, 1, table, 16, 0, D_AVAIL | D_NEXT | D_INDIRECT);
	put_desc(q, 0, put_header(w, BLK_T_OUT, 0), 16, 0, D_AVAIL | D_NEXT);
	vq_kick(q);
	EVENTUALLY(needs_reset(w) || status_at(w, status) == BLK_S_IOERR);
	CHECK_EQ(w->ram->submitted, 0);
	CHECK_EQ(w->ram->data[0], 0);
	reset(w);
	start(w, 0, 0);
	expect_alive(w);
}

/* The end of a write, in bytes, decides; not how its sectors are counted. */
TEST(AMB_10, RINGS | MODERN)
{
	struct ram_disk *ram = ram_disk_new(WORLD_DISK_SIZE);

	ram->base.info.logical_block = 2048;
	world_open_ram(w, ram, MANAGED);
	start(w, FEATURE(F_ZONED), 0);
	CHECK_EQ(config_read(w, 88, 4), 2048);
	for (unsigned sectors = 1; sectors <= 12; sectors++) {
		uint64_t wp = zone_wp(w, 3);
		bool aligned = (wp + sectors) * 512 % 2048 == 0;

		CHECK_EQ(zone_write(w, wp, sectors, 1), aligned ? 0 : BLK_S_ZONE_UNALIGNED_WP);
		CHECK_EQ(zone_wp(w, 3), aligned ? wp + sectors : wp);
	}
}

TEST(AMB_11, RINGS | MODERN | MODES)
{
	open_and_start(w, "queues=2", 0, 0);
	cq_write(w, 1, C_QUEUE_RESET, 1);
	EVENTUALLY(!cq_read(w, 1, C_QUEUE_RESET));
	CHECK_EQ(cq_read(w, 1, C_QUEUE_SIZE), 64);
	CHECK_EQ(cq_read(w, 1, C_QUEUE_VECTOR), NONE);
	CHECK_EQ(cq_read(w, 0, C_QUEUE_VECTOR), 1);
}

TEST(AMB_12, RINGS | VIEWS)
{
	static const uint32_t types[] = {BLK_T_DISCARD, BLK_T_WRITE_ZEROES, BLK_T_SECURE_ERASE};
	uint64_t range = galloc(w, 16, 16);

	open_and_start(w, "readonly=on", 0, 0);
	memset(w->ram->data, 0x33, 65536);
	put_range(w, range, 0, 8, 0);
	for (unsigned i = 0; i < 3; i++)
		CHECK_EQ(blk(&w->q[0], types[i], 0, range, 16), BLK_S_IOERR);
	CHECK_EQ(w->ram->submitted, 0);
}

TEST(AMB_13, RINGS | VIEWS)
{
	uint64_t data = galloc(w, 512, 16);

	open_and_start(w, "readonly=on", 0, FEATURE(F_RO));
	CHECK(!(w->negotiated & FEATURE(F_RO)));
	gset(w, data, 1, 512);
	CHECK_EQ(blk(&w->q[0], BLK_T_OUT, 0, data, 512), BLK_S_IOERR);
	CHECK_EQ(w->ram->data[0], 0);
}

/* Header, data and status each in descriptors of their own: always good. */
TEST(AMB_14, LEGACY | MODES)
{
	open_and_start(w, NULL, 0, FEATURE(F_ANY_LAYOUT));
	for (unsigned i = 0; i < 20; i++)
		expect_alive(w);
	reset(w);
	start(w, FEATURE(F_ANY_LAYOUT), 0);
	expect_framings(w);
}

/* A read that fails without data: nothing is claimed to be written, not even the status. */
TEST(AMB_15, RINGS | VIEWS)
{
	uint64_t data = galloc(w, 512, 16);
	struct req *r;

	open_and_start(w, NULL, 0, 0);
	gset(w, data, POISON, 512);
	r = submit(&w->q[0], BLK_T_IN, ~0ull, data, 512);
	CHECK_EQ(finish(r), BLK_S_IOERR);
	CHECK_EQ(r->written, 0);
	CHECK(gall(w, data, POISON, 512));
}
