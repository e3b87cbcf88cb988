/* SPDX-License-Identifier: MIT */
/* BLK: the configuration of a block device. */
#include <string.h>

#include "tests/conformance/world.h"

#define AWARE   "zoned=host-aware,zone-size=64K"
#define MANAGED "zoned=host-managed,zone-size=64K,zone-max-open=3,zone-max-active=5"

TEST(BLK_01, VIEWS)
{
	static const uint64_t sizes[] = {512, 4096, (1 << 20) + 512, 8 << 20, 64 << 20};

	for (unsigned i = 0; i < 5; i++) {
		world_close(w);
		world_open_ram(w, ram_disk_new(sizes[i]), NULL);
		CHECK_EQ(config_read(w, 0, 8), sizes[i] / 512);
		start(w, 0, 0);
		CHECK_EQ(config_read(w, 0, 8), sizes[i] / 512);
		CHECK_EQ(blk(&w->q[0], BLK_T_IN, sizes[i] / 512 - 1, galloc(w, 512, 16), 512), 0);
		CHECK_EQ(blk(&w->q[0], BLK_T_IN, sizes[i] / 512, galloc(w, 512, 16), 512), 1);
	}
}

/* The fields of each feature: offset, size, and a value of this disk (0: any but 0). */
static const struct field {
	unsigned feature, offset, size;
	uint64_t value;
} fields[] = {
    {F_SIZE_MAX, 8, 4, 0},      {F_SEG_MAX, 12, 4, 62},     {F_GEOMETRY, 16, 2, 0},
    {F_GEOMETRY, 18, 1, 0},     {F_GEOMETRY, 19, 1, 0},     {F_BLK_SIZE, 20, 4, 512},
    {F_TOPOLOGY, 24, 1, 3},     {F_TOPOLOGY, 26, 2, 8},     {F_TOPOLOGY, 28, 4, 128},
    {F_CONFIG_WCE, 32, 1, 1},   {F_MQ, 34, 2, 2},           {F_DISCARD, 36, 4, 0},
    {F_DISCARD, 40, 4, 0},      {F_DISCARD, 44, 4, 8},      {F_WRITE_ZEROES, 48, 4, 0},
    {F_WRITE_ZEROES, 52, 4, 0}, {F_WRITE_ZEROES, 56, 1, 1}, {F_SECURE_ERASE, 60, 4, 0},
    {F_SECURE_ERASE, 64, 4, 0}, {F_SECURE_ERASE, 68, 4, 8},
};
#define FIELDS (sizeof(fields) / sizeof(fields[0]))

static void check_fields(struct world *w)
{
	for (unsigned i = 0; i < FIELDS; i++) {
		const struct field *f = &fields[i];
		uint64_t value = config_read(w, f->offset, f->size);

		if (!(offered(w) & FEATURE(f->feature)))
			CHECK_EQ(value, 0);
		else if (f->value)
			CHECK_EQ(value, f->value);
		else
			CHECK(value);
	}
}

TEST(BLK_02, VIEWS)
{
	static const char *const keys[] = {
	    "queues=2",
	    "queues=2,features=-size-max:-geometry:-topology:-discard:-secure-erase",
	    "queues=2,features=-seg-max:-blk-size:-config-wce:-mq:-write-zeroes",
	    "queues=2,features=-flush",
	    "queues=2,readonly=on",
	};

	for (unsigned i = 0; i < 5; i++) {
		world_close(w);
		world_open(w, keys[i]);
		check_fields(w);
		for (unsigned at = 72; at < 96; at++)
			CHECK_EQ(config_read(w, at, 1), 0);
	}
}

TEST(BLK_02b, MODERN)
{
	static const char *const keys[] = {MANAGED, AWARE};

	for (unsigned i = 0; i < 2; i++) {
		world_close(w);
		world_open(w, keys[i]);
		CHECK_EQ(config_read(w, 72, 4), 128);
		CHECK_EQ(config_read(w, 76, 4), i ? 0 : 3);
		CHECK_EQ(config_read(w, 80, 4), i ? 0 : 5);
		CHECK(config_read(w, 84, 4));
		CHECK(config_read(w, 88, 4) >= 512);
		CHECK_EQ(config_read(w, 92, 1), 1 + i);
		start(w, FEATURE(F_ZONED), 0);
		CHECK_EQ(config_read(w, 72, 4), 128);
		CHECK_EQ(config_read(w, 92, 1), 1 + i);
	}
}

TEST(BLK_03, VIEWS)
{
	static const char *const keys[] = {"queues=2", AWARE, MANAGED};

	for (unsigned i = 0; i < (w->legacy ? 2 : 3); i++) {
		world_close(w);
		world_open(w, keys[i]);
		CHECK_EQ(config_read(w, 33, 1), 0);
		for (unsigned at = 57; at < 60; at++)
			CHECK_EQ(config_read(w, at, 1), 0);
		for (unsigned at = 93; at < 96; at++)
			CHECK_EQ(config_read(w, at, 1), 0);
	}
}

TEST(BLK_04, RINGS | MODERN)
{
	open_and_start(w, NULL, 0, FEATURE(F_FLUSH));
	CHECK(w->negotiated & FEATURE(F_CONFIG_WCE));
	CHECK_EQ(config_read(w, 32, 1), 0);
	reset(w);
	start(w, 0, 0);
	CHECK_EQ(config_read(w, 32, 1), 1);
}

TEST(BLK_05, VIEWS)
{
	uint8_t was[96];

	open_and_start(w, "queues=2", 0, 0);
	for (unsigned i = 0; i < 4; i++) {
		config_write(w, 32, 1, i % 2);
		CHECK_EQ(config_read(w, 32, 1), i % 2);
	}
	for (unsigned i = 0; i < 96; i++)
		was[i] = (uint8_t)config_read(w, i, 1);
	for (unsigned i = 0; i < 96; i++)
		if (i != 32)
			config_write(w, i, 1, 0xff);
	for (unsigned i = 0; i < 96; i += 4)
		if (i != 32)
			config_write(w, i, 4, 0x5a5a5a5a);
	for (unsigned i = 0; i < 96; i++)
		CHECK_EQ(config_read(w, i, 1), was[i]);
	if (w->legacy)
		return;
	/* Not negotiated, not writable. */
	reset(w);
	start(w, 0, FEATURE(F_CONFIG_WCE));
	config_write(w, 32, 1, 0);
	CHECK_EQ(config_read(w, 32, 1), 1);
}

TEST(BLK_06, RINGS | VIEWS)
{
	static const char *const keys[] = {"block-size=512", "block-size=4096", "block-size=65536"};
	static const unsigned sizes[] = {512, 4096, 65536};
	uint64_t data = galloc(w, 1024, 16);

	for (unsigned i = 0; i < 3; i++) {
		world_close(w);
		open_and_start(w, keys[i], 0, 0);
		CHECK_EQ(config_read(w, 20, 4), sizes[i]);
		CHECK_EQ(config_read(w, 0, 8), WORLD_DISK_SIZE / 512);
		gpattern(w, data, 1024, i);
		CHECK_EQ(blk(&w->q[0], BLK_T_OUT, 3, data, 512), BLK_S_OK);
		CHECK(!memcmp(w->ram->data + 3 * 512, gptr(w, data, 512), 512));
		gset(w, data, 0, 1024);
		CHECK_EQ(blk(&w->q[0], BLK_T_IN, 2, data, 1024), BLK_S_OK);
		CHECK(gpattern_is(w, data + 512, 512, i));
	}
}

TEST(BLK_07, RINGS | VIEWS | MODES)
{
	open_and_start(w, "queues=8", 0, 0);
	CHECK(w->negotiated & FEATURE(F_MQ));
	CHECK_EQ(w->queue_count, 8);
	for (unsigned i = 0; i < 80; i++) {
		struct vq *q = &w->q[(i * 3) % 8];
		uint64_t data = galloc(w, 512, 16);

		gpattern(w, data, 512, i);
		CHECK_EQ(blk(q, BLK_T_OUT, i, data, 512), BLK_S_OK);
		gset(w, data, 0, 512);
		CHECK_EQ(blk(&w->q[i % 8], BLK_T_IN, i, data, 512), BLK_S_OK);
		CHECK(gpattern_is(w, data, 512, i));
	}
	reset(w);
	start(w, 0, FEATURE(F_MQ));
	CHECK_EQ(w->queue_count, 1);
	for (unsigned i = 0; i < 20; i++)
		expect_alive(w);
}

TEST(BLK_08, RINGS | VIEWS | IRQS)
{
	open_and_start(w, NULL, 0, 0);
	for (unsigned i = 1; i < 8; i++) {
		uint64_t size = i % 2 ? WORLD_DISK_SIZE / 2 : WORLD_DISK_SIZE * 2;

		irq_ack(w);
		ram_disk_resize(w->ram, size);
		virtio_blk_refresh(w->blk);
		EVENTUALLY(config_irq_pending(w));
		CHECK_EQ(config_read(w, 0, 8), size / 512);
		CHECK_EQ(blk(&w->q[0], BLK_T_IN, size / 512 - 1, galloc(w, 512, 16), 512), 0);
		CHECK_EQ(blk(&w->q[0], BLK_T_IN, size / 512, galloc(w, 512, 16), 512), 1);
		irq_ack(w);
		/* The same size again is no change. */
		virtio_blk_refresh(w->blk);
		settle();
		CHECK(!config_irq_pending(w));
	}
}

TEST(BLK_09, VIEWS)
{
	for (unsigned unmap = 0; unmap < 2; unmap++) {
		struct ram_disk *ram = ram_disk_new(WORLD_DISK_SIZE);
		uint64_t range = galloc(w, 16, 16);

		ram->base.info.unmap = unmap;
		world_close(w);
		world_open_ram(w, ram, NULL);
		CHECK_EQ(config_read(w, 56, 1), unmap);
		start(w, 0, 0);
		CHECK_EQ(config_read(w, 56, 1), unmap);
		put_range(w, range, 0, 8, 1);
		CHECK_EQ(blk(&w->q[0], BLK_T_WRITE_ZEROES, 0, range, 16), BLK_S_OK);
	}
}

TEST(BLK_10, VIEWS)
{
	static const uint32_t granularities[] = {512, 4096, 65536, 1 << 20};

	for (unsigned i = 0; i < 4; i++) {
		struct ram_disk *ram = ram_disk_new(WORLD_DISK_SIZE);
		uint64_t max, range = galloc(w, 16, 16);

		ram->base.info.discard_granularity = granularities[i];
		world_close(w);
		world_open_ram(w, ram, NULL);
		CHECK_EQ(config_read(w, 44, 4), granularities[i] / 512);
		CHECK_EQ(config_read(w, 68, 4), granularities[i] / 512);
		/* In sectors, too: as many as fit into the disk can be given at once. */
		max = config_read(w, 36, 4);
		CHECK(max >= WORLD_DISK_SIZE / 512);
		CHECK(config_read(w, 48, 4) >= WORLD_DISK_SIZE / 512);
		CHECK(config_read(w, 60, 4) >= WORLD_DISK_SIZE / 512);
		start(w, 0, 0);
		put_range(w, range, 0, WORLD_DISK_SIZE / 512, 0);
		memset(w->ram->data, 1, WORLD_DISK_SIZE);
		CHECK_EQ(blk(&w->q[0], BLK_T_DISCARD, 0, range, 16), BLK_S_OK);
		CHECK_EQ(blk(&w->q[0], BLK_T_WRITE_ZEROES, 0, range, 16), BLK_S_OK);
		CHECK(!w->ram->data[0] && !w->ram->data[WORLD_DISK_SIZE - 1]);
		CHECK_EQ(blk(&w->q[0], BLK_T_SECURE_ERASE, 0, range, 16), BLK_S_OK);
	}
}

TEST(BLK_11, RINGS | MODERN)
{
	open_and_start(w, AWARE, 0, FEATURE(F_ZONED));
	for (unsigned at = 72; at < 96; at++)
		CHECK_EQ(config_read(w, at, 1), 0);
	expect_alive(w);
	CHECK_EQ(blk(&w->q[0], 16, 0, galloc(w, 512, 16), 512), BLK_S_UNSUPP);
	reset(w);
	CHECK_EQ(config_read(w, 92, 1), 2);
}

TEST(BLK_12, MODERN)
{
	static const char *const keys[] = {MANAGED, AWARE};

	for (unsigned i = 0; i < 2; i++) {
		world_close(w);
		open_and_start(w, keys[i], FEATURE(F_ZONED), 0);
		for (unsigned at = 72; at < 96; at += 4) {
			uint64_t was = config_read(w, at, 4);

			config_write(w, at, 4, 0xffffffff);
			config_write(w, at, 1, 0);
			config_write(w, at + 2, 2, 0x1234);
			CHECK_EQ(config_read(w, at, 4), was);
		}
	}
}
