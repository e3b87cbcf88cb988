/* SPDX-License-Identifier: MIT */
/* FEAT: feature negotiation. */
#include <linux/pci_regs.h>
#include <stdlib.h>

#include "tests/conformance/world.h"

#define EVERY_EXTRA "features=+mq:+in-order:+notification-data:+notif-config-data,ring=both"

/* Bits that a block device over PCI may have. */
#define LEGACY_BITS (FEATURE(F_NOTIFY_ON_EMPTY) | FEATURE(F_ANY_LAYOUT))
#define BLK_BITS    0x3fe76ull /* 1, 2, 4 to 6, 9 to 17 */
#define RING_BITS                                                                              \
	(0x30000000ull | FEATURE(F_VERSION_1) | FEATURE(F_RING_PACKED) | FEATURE(F_IN_ORDER) | \
	 FEATURE(F_NOTIFICATION_DATA) | FEATURE(F_NOTIF_CONFIG_DATA) | FEATURE(F_RING_RESET))

static const char *const configurations[] = {
    NULL,
    EVERY_EXTRA,
    "readonly=on",
    "queues=4",
    "features=-flush",
    "features=-config-wce:-mq:-discard:-write-zeroes:-secure-erase",
    "cache=writethrough",
    "irq=intx",
};

/* Make the device anew, another way each time. False: those were all. */
static bool configure(struct world *w, unsigned index)
{
	if (index == sizeof(configurations) / sizeof(configurations[0]))
		return false;
	world_close(w);
	world_open(w, configurations[index]);
	return true;
}

static bool accepted(struct world *w, uint64_t features)
{
	bool ok;

	set_status(w, 0);
	EVENTUALLY(!status(w));
	set_status(w, STATUS_ACKNOWLEDGE);
	set_status(w, STATUS_ACKNOWLEDGE | STATUS_DRIVER);
	set_features(w, features);
	set_status(w, STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK);
	ok = status(w) & STATUS_FEATURES_OK;
	return ok;
}

static uint32_t window(struct world *w, uint32_t select)
{
	c_write(w, C_DEVICE_FEATURE_SELECT, select);
	return (uint32_t)c_read(w, C_DEVICE_FEATURE);
}

static uint32_t driver_window(struct world *w, uint32_t select)
{
	c_write(w, C_DRIVER_FEATURE_SELECT, select);
	return (uint32_t)c_read(w, C_DRIVER_FEATURE);
}

TEST(FEAT_01, VIEWS)
{
	for (unsigned i = 0; configure(w, i); i++) {
		uint64_t f = offered(w);

		CHECK(!(f & FEATURE(F_CONFIG_WCE)) || f & FEATURE(F_FLUSH));
		CHECK(!(f & FEATURE(F_NOTIF_CONFIG_DATA)) || f & FEATURE(F_VERSION_1));
		CHECK(!(f & FEATURE(37)));
		CHECK(!(f & FEATURE(F_RO)) || !(f & (FEATURE(F_DISCARD) | FEATURE(F_WRITE_ZEROES) |
						     FEATURE(F_SECURE_ERASE))));
	}
}

TEST(FEAT_02, MODERN)
{
	unsigned seed = 7;
	uint64_t all;

	world_open(w, EVERY_EXTRA);
	all = offered(w);
	for (unsigned bit = 0; bit < 64; bit++)
		if (all & FEATURE(bit) && bit != F_VERSION_1 && !accepted(w, all & ~FEATURE(bit)))
			FAIL("all but bit %u is refused", bit);
	for (unsigned i = 0; i < 300; i++) {
		uint64_t subset =
		    (((uint64_t)rand_r(&seed) << 32 | (unsigned)rand_r(&seed)) & all) |
		    FEATURE(F_VERSION_1);

		if (!accepted(w, subset))
			FAIL("the subset %#llx is refused", (unsigned long long)subset);
	}
	CHECK(accepted(w, FEATURE(F_VERSION_1)));
	setup_queue(w, 0, 0);
	driver_ok(w);
	expect_alive(w);
}

TEST(FEAT_03, MODERN)
{
	world_open(w, NULL);
	for (unsigned bit = 0; bit < 64; bit++)
		if (!(offered(w) & FEATURE(bit)) && accepted(w, usual_features(w) | FEATURE(bit)))
			FAIL("bit %u was not offered and is accepted", bit);
	CHECK(accepted(w, usual_features(w)));
}

TEST(FEAT_04, VIEWS)
{
	for (unsigned i = 0; configure(w, i); i++) {
		uint64_t may = BLK_BITS | (w->legacy ? LEGACY_BITS | 0x30000000ull : RING_BITS);

		CHECK_EQ(offered(w) & ~may, 0);
		if (!w->legacy)
			CHECK_EQ(window(w, 2), 0);
	}
}

TEST(FEAT_05, MODERN)
{
	for (unsigned i = 0; configure(w, i); i++) {
		CHECK_EQ(window(w, 1) & 1, 1);
	}
}

TEST(FEAT_06, MODERN)
{
	world_open(w, NULL);
	CHECK(!accepted(w, usual_features(w) & ~FEATURE(F_VERSION_1)));
	CHECK(accepted(w, usual_features(w)));
}

TEST(FEAT_07, RINGS | MODERN)
{
	struct req *r[6];
	struct vq *q = &w->q[0];

	open_and_start(w, "features=+in-order", FEATURE(F_IN_ORDER), 0);
	ram_disk_hold(w->ram);
	for (unsigned i = 0; i < 6; i++)
		r[i] = submit(q, i % 2 ? BLK_T_OUT : BLK_T_IN, 64 * i, galloc(w, 512, 512), 512);
	EVENTUALLY(ram_disk_held(w->ram) == 6);
	/* The later ones finish first, and wait. */
	for (unsigned i = 0; i < 5; i++) {
		ram_disk_release_one(w->ram, 1);
		EVENTUALLY(ram_disk_held(w->ram) == 5 - i);
	}
	settle();
	CHECK(!vq_poll(q));
	ram_disk_release(w->ram);
	for (unsigned i = 0; i < 6; i++)
		CHECK_EQ(finish(r[i]), BLK_S_OK);
	for (unsigned i = 0; i < 6; i++)
		CHECK_EQ(q->order[i], r[i]->id);
}

/* The bit is not offered, and cannot be asked for. */
static void check_never_offered(struct world *w, unsigned bit, const char *keys)
{
	for (unsigned i = 0; configure(w, i); i++) {
		CHECK(!(offered(w) & FEATURE(bit)));
		CHECK(!accepted(w, usual_features(w) | FEATURE(bit)));
	}
	world_close(w);
	CHECK(world_try_open(w, keys));
	world_close(w);
}

NOT_APPLICABLE(FEAT_08, "ACCESS_PLATFORM is not offered: there is no IOMMU, addresses are those of "
			"guest memory")
{
	check_never_offered(w, 33, "features=+access-platform");
	open_and_start(w, NULL, 0, 0);
	expect_alive(w);
}

NOT_APPLICABLE(FEAT_09, "ORDER_PLATFORM is not offered: the device is software on coherent memory")
{
	check_never_offered(w, 36, "features=+order-platform");
	open_and_start(w, NULL, 0, 0);
	expect_alive(w);
}

TEST(FEAT_10, MODERN)
{
	check_never_offered(w, 37, "features=+sr-iov");
}

TEST(FEAT_11, MODERN)
{
	static const uint32_t beyond[] = {2, 3, 4, 0x80000000, 0xffffffff};
	uint32_t low, high;

	world_open(w, EVERY_EXTRA);
	low = window(w, 0);
	high = window(w, 1);
	CHECK(low & FEATURE(F_FLUSH) && low & FEATURE(F_EVENT_IDX));
	CHECK(high & 1 && high & 4 && high & 8 && high & 256);
	CHECK(low != high);
	for (unsigned i = 0; i < 5; i++) {
		CHECK_EQ(window(w, beyond[i]), 0);
		CHECK_EQ(c_read(w, C_DEVICE_FEATURE_SELECT), beyond[i]);
	}
	CHECK_EQ(window(w, 0), low);
	CHECK_EQ(window(w, 1), high);
}

TEST(FEAT_12, MODERN)
{
	uint64_t f;

	world_open(w, EVERY_EXTRA);
	f = offered(w) & ~FEATURE(F_MQ);
	set_status(w, STATUS_ACKNOWLEDGE | STATUS_DRIVER);
	set_features(w, f);
	for (unsigned round = 0; round < 2; round++) {
		CHECK_EQ(driver_window(w, 0), (uint32_t)f);
		CHECK_EQ(driver_window(w, 1), f >> 32);
		CHECK_EQ(driver_window(w, 2), 0);
	}
	c_write(w, C_DRIVER_FEATURE_SELECT, 7);
	c_write(w, C_DRIVER_FEATURE, 0xffffffff);
	CHECK_EQ(driver_window(w, 0), (uint32_t)f);
	CHECK_EQ(driver_window(w, 1), f >> 32);
}

TEST(FEAT_13, RINGS | MODERN | IRQS)
{
	uint64_t f;

	world_open(w, "ring=both");
	f = usual_features(w);
	negotiate(w, f);
	/* Too late: another ring format, event indices. */
	set_features(w,
		     f ^ FEATURE(F_RING_PACKED) ^ FEATURE(F_EVENT_IDX) ^ FEATURE(F_INDIRECT_DESC));
	CHECK(status(w) & STATUS_FEATURES_OK);
	w->negotiated = f;
	setup_queue(w, 0, 0);
	driver_ok(w);
	set_features(w, f ^ FEATURE(F_RING_PACKED) ^ FEATURE(F_EVENT_IDX));
	w->negotiated = f;
	expect_flags_rule(w);
	vq_add_indirect(&w->q[0],
			(struct piece[]){{put_header(w, BLK_T_FLUSH, 0), 16, false},
					 {galloc(w, 1, 1), 1, true}},
			2);
	vq_kick(&w->q[0]);
	EVENTUALLY(vq_poll(&w->q[0]));
	expect_alive(w);
}

TEST(FEAT_14, RINGS | MODERN | IRQS)
{
	uint64_t f;

	world_open(w, NULL);
	f = usual_features(w);
	set_status(w, STATUS_ACKNOWLEDGE | STATUS_DRIVER);
	set_features(w, ~0ull);
	set_features(w, f | FEATURE(F_EVENT_IDX));
	c_write(w, C_DRIVER_FEATURE_SELECT, 0);
	c_write(w, C_DRIVER_FEATURE, (uint32_t)f);
	CHECK_EQ(driver_window(w, 0), (uint32_t)f);
	CHECK_EQ(driver_window(w, 1), f >> 32);
	w->negotiated = f;
	set_status(w, STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK);
	CHECK(status(w) & STATUS_FEATURES_OK);
	setup_queue(w, 0, 0);
	driver_ok(w);
	expect_flags_rule(w);
}

TEST(FEAT_15, RINGS | VIEWS | IRQS)
{
	open_and_start(w, NULL, FEATURE(F_EVENT_IDX), 0);
	vq_event_after(&w->q[0], 1000 % w->q[0].size, 1);
	fence(&w->q[0]);
	reset(w);
	if (!w->legacy) {
		CHECK_EQ(driver_window(w, 0), 0);
		CHECK_EQ(driver_window(w, 1), 0);
	} else {
		CHECK_EQ(l_read(w, L_GUEST_FEATURES), 0);
	}
	start(w, 0, 0);
	expect_flags_rule(w);
}

TEST(FEAT_16, LEGACY | IRQS | MODES)
{
	static const char *const views[] = {"transport=transitional", "transport=legacy"};

	for (unsigned i = 0; i < 2; i++) {
		world_close(w);
		open_and_start(w, views[i], 0, 0);
		CHECK_EQ(w->negotiated >> 32, 0);
		expect_alive(w);
		expect_irq(w, 0);
		irq_ack(w);
		/* The legacy block: desc, avail, used from one page number. */
		CHECK_EQ(l_read(w, L_PAGE), w->q[0].desc >> 12);
		CHECK_EQ(status(w) & STATUS_FEATURES_OK, 0);
	}
}

TEST(FEAT_17, VIEWS)
{
	for (unsigned i = 0; configure(w, i); i++) {
		uint64_t f = offered(w);

		if (f & FEATURE(F_CONFIG_WCE))
			CHECK(f & FEATURE(F_FLUSH));
	}
	world_close(w);
	world_open(w, NULL);
	CHECK(offered(w) & FEATURE(F_CONFIG_WCE));
}

TEST(FEAT_18, VIEWS)
{
	static const char *const keys[] = {NULL, "readonly=on", "cache=writethrough", "queues=4",
					   "irq=intx"};

	for (unsigned i = 0; i < 5; i++) {
		world_close(w);
		world_open(w, keys[i]);
		CHECK(offered(w) & FEATURE(F_FLUSH));
	}
}

TEST(FEAT_20, VIEWS)
{
	for (unsigned i = 0; configure(w, i); i++) {
		CHECK(!(offered(w) & FEATURE(F_ZONED)));
	}
	world_close(w);
	CHECK(world_try_open(w, "features=+zoned"));
	world_close(w);
}

TEST(FEAT_23, MODERN)
{
	uint32_t legacy;

	world_open(w, "transport=transitional");
	legacy = l_read(w, L_HOST_FEATURES);
	CHECK(legacy & FEATURE(F_NOTIFY_ON_EMPTY) && legacy & FEATURE(F_ANY_LAYOUT));
	CHECK_EQ(window(w, 0) & (1u | 1u << 7 | 1u << 24 | 1u << 27 | 1u << 30), 0);
	CHECK_EQ(window(w, 0), legacy & ~(1u | 1u << 7 | 1u << 24 | 1u << 27 | 1u << 30));
}
