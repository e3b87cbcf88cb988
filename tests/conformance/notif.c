/* SPDX-License-Identifier: MIT */
/* NOTIF: what a driver writes to say that there is something. */
#include <linux/virtio_pci.h>

#include "tests/conformance/world.h"

#define DATA "features=+notification-data"

/* Where queue `i` is kicked. */
static uint64_t doorbell(struct world *w, unsigned i)
{
	return w->notify + cq_read(w, i, C_NOTIFY_OFF) * (uint64_t)w->notify_multiplier;
}

/* A flush in each queue; only the one whose doorbell is rung goes on. */
static void ring_one_by_one(struct world *w, uint32_t (*value)(struct vq *q), unsigned size)
{
	struct req *r[4];

	settle(); /* until the device sleeps */
	for (unsigned i = 0; i < 4; i++)
		r[i] = submit_quietly(&w->q[i], BLK_T_FLUSH, 0, 0, 0);
	for (unsigned k = 0; k < 4; k++) {
		unsigned i = (k * 3 + 2) % 4;

		settle();
		CHECK(!is_done(r[i]));
		mmio_write(w, doorbell(w, i), size, value(&w->q[i]));
		CHECK_EQ(finish(r[i]), BLK_S_OK);
	}
}

static uint32_t index_of(struct vq *q)
{
	return q->index;
}

static uint32_t position(struct vq *q)
{
	return q->packed ? (uint32_t)q->avail | (uint32_t)q->avail_wrap << 15 : q->avail;
}

static uint32_t index_and_position(struct vq *q)
{
	return q->index | position(q) << 16;
}

static uint32_t cookie(struct vq *q)
{
	return (uint32_t)cq_read(q->w, q->index, C_NOTIF_DATA);
}

static uint32_t cookie_and_position(struct vq *q)
{
	return cookie(q) | position(q) << 16;
}

TEST(NOTIF_01, RINGS | MODERN | MODES)
{
	open_and_start(w, "queues=4", 0, 0);
	CHECK(doorbell(w, 0) != doorbell(w, 1));
	for (unsigned round = 0; round < 3; round++)
		ring_one_by_one(w, index_of, 2);
}

TEST(NOTIF_02, RINGS | VIEWS | IRQS)
{
	static const char *const keys[] = {"notify=ioeventfd,signal=irqfd",
					   "notify=ioeventfd,signal=ioctl",
					   "notify=exit,signal=irqfd", "notify=exit,signal=ioctl",
					   "notify=exit,signal=ioctl,iothread=off"};

	for (unsigned k = 0; k < 5; k++) {
		char text[128];

		world_close(w);
		snprintf(text, sizeof(text), "queues=4,%s", keys[k]);
		open_and_start(w, text, 0, 0);
		CHECK_EQ(w->queue_count, 4);
		for (unsigned i = 0; i < 40; i++) {
			struct vq *q = &w->q[i % 4];
			uint64_t mark = w->next_free;

			irq_ack(w);
			fence(q);
			expect_irq(w, i % 4);
			w->next_free = mark;
		}
		irq_ack(w);
		expect_flags_rule(w);
		reset(w);
		start(w, 0, 0);
		expect_alive(w);
	}
}

TEST(NOTIF_03, RINGS | MODERN | MODES)
{
	open_and_start(w, DATA ",queues=4,queue-size=8", FEATURE(F_NOTIFICATION_DATA), 0);
	for (unsigned round = 0; round < 20; round++)
		ring_one_by_one(w, index_and_position, 4);
	for (unsigned i = 0; i < 100; i++)
		fence(&w->q[0]);
}

TEST(NOTIF_04, RINGS | MODERN | MODES)
{
	static const uint32_t hints[] = {0, 0, 0x7fff, 0xffff, 0x8000, 5, 5, 1};
	struct vq *q = &w->q[0];

	open_and_start(w, DATA, FEATURE(F_NOTIFICATION_DATA), 0);
	for (unsigned i = 0; i < 64; i++) {
		struct req *r = submit_quietly(q, BLK_T_FLUSH, 0, 0, 0);
		uint32_t value = hints[i % 8] << 16;

		mmio_write(w, doorbell(w, 0), 4, value);
		mmio_write(w, doorbell(w, 0), 4, value);
		CHECK_EQ(finish(r), BLK_S_OK);
		mmio_write(w, doorbell(w, 0), 4, value);
	}
	settle();
	CHECK_EQ(vq_poll(q), 0);
	expect_alive(w);
}

TEST(NOTIF_05, RINGS | MODERN | MODES)
{
	open_and_start(w, "queues=4,features=+notif-config-data", FEATURE(F_NOTIF_CONFIG_DATA), 0);
	for (unsigned i = 0; i < 4; i++)
		CHECK(cq_read(w, i, C_NOTIF_DATA) != i);
	CHECK(cq_read(w, 0, C_NOTIF_DATA) != cq_read(w, 1, C_NOTIF_DATA));
	for (unsigned round = 0; round < 3; round++)
		ring_one_by_one(w, cookie, 2);
}

TEST(NOTIF_05b, RINGS | MODERN | MODES)
{
	open_and_start(w, "queues=4,features=+notif-config-data:+notification-data",
		       FEATURE(F_NOTIF_CONFIG_DATA) | FEATURE(F_NOTIFICATION_DATA), 0);
	for (unsigned round = 0; round < 3; round++)
		ring_one_by_one(w, cookie_and_position, 4);
}

static const char *const plain[] = {"queues=1", "queues=4", "queues=64", "queue-size=1024"};
static const char *const with_data[] = {"queues=1," DATA, "queues=4," DATA, "queues=64," DATA,
					"queue-size=1024," DATA};

static void each(struct world *w, const char *const *keys, void (*check)(struct world *w))
{
	for (unsigned i = 0; i < 4; i++) {
		world_close(w);
		world_open(w, keys[i]);
		CHECK_EQ(!!(offered(w) & FEATURE(F_NOTIFICATION_DATA)), keys == with_data);
		check(w);
	}
}

static uint32_t notify_offset(struct world *w)
{
	return cfg_read(w, w->cap_notify + VIRTIO_PCI_CAP_OFFSET, 4);
}

static void check_offset(struct world *w)
{
	CHECK_EQ(notify_offset(w) % 2, 0);
}

static void check_offset_data(struct world *w)
{
	CHECK_EQ(notify_offset(w) % 4, 0);
}

static void check_multiplier(struct world *w)
{
	uint32_t m = w->notify_multiplier;

	CHECK_EQ(m & (m - 1), 0);
	CHECK(m != 1);
}

static void check_multiplier_data(struct world *w)
{
	check_multiplier(w);
	CHECK_EQ(w->notify_multiplier % 4, 0);
}

static void check_length(struct world *w)
{
	unsigned width = offered(w) & FEATURE(F_NOTIFICATION_DATA) ? 4 : 2;

	for (unsigned i = 0; i < c_read(w, C_NUM_QUEUES); i++)
		CHECK(w->notify_length >=
		      cq_read(w, i, C_NOTIFY_OFF) * w->notify_multiplier + width);
}

TEST(NOTIF_06, MODERN)
{
	each(w, plain, check_offset);
}

TEST(NOTIF_07, MODERN)
{
	each(w, plain, check_multiplier);
}

TEST(NOTIF_08, MODERN)
{
	each(w, plain, check_length);
}

TEST(NOTIF_09, MODERN)
{
	each(w, with_data, check_multiplier_data);
}

TEST(NOTIF_10, MODERN)
{
	each(w, with_data, check_offset_data);
}

TEST(NOTIF_11, MODERN)
{
	each(w, with_data, check_length);
}

TEST(NOTIF_12, MODERN)
{
	unsigned at, found = 0;

	open_and_start(w, "queues=2", 0, 0);
	for (at = cfg_read(w, 0x34, 1); at; at = cfg_read(w, at + 1, 1)) {
		if (cfg_read(w, at, 1) != 9 || cfg_read(w, at + 3, 1) != VIRTIO_PCI_CAP_NOTIFY_CFG)
			continue;
		found++;
		w->cap_notify = (uint8_t)at;
		w->notify = w->bar[cfg_read(w, at + VIRTIO_PCI_CAP_BAR, 1)] + notify_offset(w);
		w->notify_multiplier = cfg_read(w, at + VIRTIO_PCI_NOTIFY_CAP_MULT, 4);
		fence(&w->q[0]);
		fence(&w->q[1]);
	}
	CHECK(found >= 1);
}

TEST(NOTIF_13, RINGS | MODERN | MODES)
{
	open_and_start(w, "queues=4," DATA, 0, 0);
	CHECK(offered(w) & FEATURE(F_NOTIFICATION_DATA));
	for (unsigned round = 0; round < 3; round++)
		ring_one_by_one(w, index_of, 2);
}

TEST(NOTIF_14, MODERN)
{
	world_open(w, "queues=4,features=+notif-config-data");
	for (unsigned i = 0; i < 4; i++)
		CHECK_EQ(cq_read(w, i, C_NOTIF_DATA), 0);
	start(w, 0, 0);
	for (unsigned i = 0; i < 4; i++)
		CHECK_EQ(cq_read(w, i, C_NOTIF_DATA), 0);
	reset(w);
	start(w, FEATURE(F_NOTIF_CONFIG_DATA), 0);
	for (unsigned i = 0; i < 4; i++)
		CHECK(cq_read(w, i, C_NOTIF_DATA));
	CHECK_EQ(cq_read(w, 4, C_NOTIF_DATA), 0);
	reset(w);
	CHECK_EQ(cq_read(w, 0, C_NOTIF_DATA), 0);
}
