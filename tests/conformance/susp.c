/* SPDX-License-Identifier: MIT */
/*
 * SUSP: VIRTIO_F_SUSPEND, new in virtio 1.4. It is not offered; each test shows that what its line
 * is about cannot come about.
 */
#include "tests/conformance/world.h"

#define SUSPEND        43
#define STATUS_SUSPEND 0x10u
#define NOT_OFFERED    "SUSPEND (virtio 1.4) is not offered: a guest that sleeps resets its device"

static void open_without(struct world *w)
{
	world_open(w, "queues=2");
	CHECK(!(offered(w) & FEATURE(SUSPEND)));
	/* Nor can it be taken. */
	set_status(w, STATUS_ACKNOWLEDGE | STATUS_DRIVER);
	set_features(w, usual_features(w) | FEATURE(SUSPEND));
	set_status(w, STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK);
	CHECK(!(status(w) & STATUS_FEATURES_OK));
	reset(w);
}

/* Ask a running device to suspend: it goes on. */
static void ask(struct world *w)
{
	open_without(w);
	start(w, 0, 0);
	set_status(w, 15 | STATUS_SUSPEND);
	CHECK_EQ(status(w), 15);
}

NOT_APPLICABLE(SUSP_01, NOT_OFFERED)
{
	open_without(w);
	set_status(w, STATUS_SUSPEND);
	CHECK_EQ(status(w), 0);
	set_status(w, STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_SUSPEND);
	CHECK_EQ(status(w), STATUS_ACKNOWLEDGE | STATUS_DRIVER);
}

NOT_APPLICABLE(SUSP_02, NOT_OFFERED)
{
	ask(w);
	settle();
	CHECK_EQ(status(w), 15);
}

NOT_APPLICABLE(SUSP_03, NOT_OFFERED)
{
	struct req *r;

	ask(w);
	ram_disk_hold(w->ram);
	r = submit(&w->q[0], BLK_T_IN, 0, galloc(w, 512, 512), 512);
	EVENTUALLY(ram_disk_held(w->ram) == 1);
	set_status(w, 15 | STATUS_SUSPEND);
	ram_disk_release(w->ram);
	CHECK_EQ(finish(r), BLK_S_OK);
	expect_irq(w, 0);
}

NOT_APPLICABLE(SUSP_04, NOT_OFFERED)
{
	ask(w);
	expect_alive(w);
	expect_irq(w, 0);
}

NOT_APPLICABLE(SUSP_05, NOT_OFFERED)
{
	ask(w);
	config_write(w, 32, 1, 0);
	CHECK_EQ(config_read(w, 32, 1), 0);
}

NOT_APPLICABLE(SUSP_06, NOT_OFFERED)
{
	ask(w);
	ram_disk_resize(w->ram, 2 * WORLD_DISK_SIZE);
	virtio_blk_refresh(w->blk);
	EVENTUALLY(config_irq_pending(w));
}

NOT_APPLICABLE(SUSP_07, NOT_OFFERED)
{
	ask(w);
	set_status(w, 15);
	CHECK_EQ(status(w), 15);
	expect_alive(w);
}
