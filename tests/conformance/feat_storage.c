/* SPDX-License-Identifier: MIT */
/* FEAT-19 to 22: features that the kind of storage decides. */
#include "tests/conformance/world.h"

#define MANAGED "zoned=host-managed,zone-size=64K"

TEST(FEAT_19, RINGS | MODERN)
{
	world_open(w, MANAGED);
	CHECK(offered(w) & FEATURE(F_ZONED));
	for (unsigned i = 0; i < 2; i++) {
		set_status(w, STATUS_ACKNOWLEDGE | STATUS_DRIVER);
		set_features(w, usual_features(w) & ~FEATURE(F_ZONED));
		set_status(w, STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK);
		CHECK(!(status(w) & STATUS_FEATURES_OK));
		reset(w);
	}
	negotiate(w, usual_features(w) | FEATURE(F_ZONED));
	setup_queue(w, 0, 0);
	driver_ok(w);
	fence(&w->q[0]);
}

/* A host-aware one does without. */
TEST(FEAT_19b, RINGS | VIEWS)
{
	open_and_start(w, "zoned=host-aware,zone-size=64K", 0, FEATURE(F_ZONED));
	expect_alive(w);
}

TEST(FEAT_21, MODERN)
{
	world_open(w, MANAGED);
	CHECK(offered(w) & FEATURE(F_ZONED));
	CHECK(!(offered(w) & FEATURE(F_DISCARD)));
	CHECK_EQ(config_read(w, 36, 4), 0);
	world_close(w);
	CHECK(world_try_open(w, MANAGED ",features=+discard"));
	world_close(w);
}

TEST(FEAT_22, VIEWS)
{
	struct ram_disk *ram = ram_disk_new(WORLD_DISK_SIZE);

	world_open(w, NULL);
	CHECK(!(offered(w) & FEATURE(F_LIFETIME)));
	world_close(w);
	CHECK(world_try_open(w, "features=+lifetime"));
	world_close(w);
	ram->base.info.has_lifetime = true;
	ram->base.lifetime = (struct disk_lifetime){1, 2, 3};
	world_open_ram(w, ram, NULL);
	CHECK(offered(w) & FEATURE(F_LIFETIME));
}
