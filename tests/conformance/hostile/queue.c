/* SPDX-License-Identifier: MIT */
/* HQ: queues, features and status as no driver sets them up. */
#include <stdlib.h>

#include "tests/conformance/hostile/hostile.h"

#define ALIVE (STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK)

/* Up to the point where queues are set up. */
static void half_way(struct world *w, const char *keys, uint64_t add)
{
	if (!w->blk)
		world_open(w, keys);
	reset(w);
	negotiate(w, usual_features(w) | add);
	if (w->msix)
		set_config_vector(w, 0);
	w->queue_count = 1;
}

static void works_after_reset(struct world *w)
{
	reset(w);
	start(w, 0, 0);
	expect_alive(w);
}

TEST(HQ_01, RINGS | MODERN)
{
	half_way(w, NULL, 0);
	cq_write(w, 0, C_QUEUE_SIZE, 0);
	CHECK_EQ(cq_read(w, 0, C_QUEUE_SIZE), 64);
	/* What was refused leaves a queue that works. */
	setup_queue(w, 0, 0);
	cq_write(w, 0, C_QUEUE_SIZE, 0);
	driver_ok(w);
	CHECK_EQ(cq_read(w, 0, C_QUEUE_SIZE), 64);
	expect_alive(w);
}

TEST(HQ_02, RINGS | MODERN)
{
	static const uint16_t sizes[] = {3, 5, 6, 7, 33, 48, 63};

	for (unsigned i = 0; i < COUNT(sizes); i++) {
		half_way(w, NULL, 0);
		cq_write(w, 0, C_QUEUE_SIZE, sizes[i]);
		CHECK_EQ(cq_read(w, 0, C_QUEUE_SIZE), w->packed ? sizes[i] : 64);
	}
	works_after_reset(w);
}

TEST(HQ_03, RINGS | MODERN)
{
	static const uint16_t sizes[] = {65, 128, 32768, 65535};

	half_way(w, NULL, 0);
	for (unsigned i = 0; i < COUNT(sizes); i++) {
		cq_write(w, 0, C_QUEUE_SIZE, sizes[i]);
		CHECK_EQ(cq_read(w, 0, C_QUEUE_SIZE), 64);
	}
	setup_queue(w, 0, 0);
	driver_ok(w);
	expect_alive(w);
}

/* The register may not move once the queue is enabled, and behaviour even less. */
static void check_size_latched(struct world *w)
{
	static const uint16_t sizes[] = {1, 8, 32, 128, 32768};
	struct vq *q = &w->q[0];
	uint16_t was = (uint16_t)cq_read(w, 0, C_QUEUE_SIZE);

	for (unsigned i = 0; i < COUNT(sizes); i++) {
		cq_write(w, 0, C_QUEUE_SIZE, sizes[i]);
		CHECK_EQ(cq_read(w, 0, C_QUEUE_SIZE), was);
	}
	if (status(w) & STATUS_DRIVER_OK)
		spin(q, 3 * q->size);
}

TEST(HQ_04, RINGS | MODERN | MODES)
{
	half_way(w, NULL, 0);
	setup_queue(w, 0, 16);
	check_size_latched(w);
	driver_ok(w);
	check_size_latched(w);
	expect_alive(w);
}

TEST(HQ_05, RINGS | MODERN | MODES)
{
	static const unsigned fields[] = {C_QUEUE_DESC, C_QUEUE_DRIVER, C_QUEUE_DEVICE};
	uint64_t elsewhere = galloc(w, 65536, 4096);

	gset(w, elsewhere, POISON, 65536);
	half_way(w, NULL, 0);
	setup_queue(w, 0, 0);
	for (unsigned round = 0; round < 2; round++) {
		for (unsigned i = 0; i < COUNT(fields); i++) {
			uint64_t was = cq_read(w, 0, fields[i]);

			cq_write(w, 0, fields[i], elsewhere + 4096 * i);
			CHECK_EQ(cq_read(w, 0, fields[i]), was);
			/* Each half by itself, and all at once. */
			mmio_write(w, w->common + (fields[i] >> 8) + 4, 4, 0xdead);
			mmio_write(w, w->common + (fields[i] >> 8), 8, ~0ull);
			CHECK_EQ(cq_read(w, 0, fields[i]), was);
		}
		if (!round)
			driver_ok(w);
		spin(&w->q[0], 100);
	}
	CHECK(gall(w, elsewhere, POISON, 65536));
	expect_alive(w);
}

TEST(HQ_06, RINGS | MODERN | MODES)
{
	struct snapshot before;

	half_way(w, NULL, 0);
	before = snapshot_take(w);
	cq_write(w, 0, C_QUEUE_ENABLE, 1);
	set_status(w, ALIVE | STATUS_DRIVER_OK);
	for (unsigned i = 0; i < 3; i++)
		mmio_write(w, w->notify, 2, 0);
	settle();
	/* Address 0 is memory; all three parts are on top of one another there. */
	w->q[0] = (struct vq){.size = 64, .packed = w->packed};
	snapshot_check(w, &before, 0, 16 * 64);
	memset(&w->q[0], 0, sizeof(w->q[0]));
	works_after_reset(w);
}

TEST(HQ_07, RINGS | MODERN | MODES)
{
	struct req *r[3];
	unsigned threads, files;

	half_way(w, NULL, 0);
	setup_queue(w, 0, 0);
	driver_ok(w);
	spin(&w->q[0], 10);
	threads = running_threads();
	files = open_files();
	if (!w->inline_mode)
		hold(w, r, 3, BLK_T_IN);
	for (unsigned i = 0; i < 20; i++)
		cq_write(w, 0, C_QUEUE_ENABLE, 1);
	CHECK_EQ(running_threads(), threads);
	CHECK_EQ(open_files(), files);
	ram_disk_release(w->ram);
	for (unsigned i = 0; i < 3 && !w->inline_mode; i++)
		CHECK_EQ(finish(r[i]), BLK_S_OK);
	/* The ring was not begun anew. */
	spin(&w->q[0], 100);
	expect_alive(w);
}

TEST(HQ_08, RINGS | MODERN)
{
	static const uint16_t values[] = {2, 3, 0x100, 0x8000, 0xffff, 0};

	half_way(w, NULL, 0);
	vq_init(w, &w->q[0], 0, 64, w->packed);
	vq_place(&w->q[0]);
	for (unsigned i = 0; i < COUNT(values); i++) {
		cq_write(w, 0, C_QUEUE_ENABLE, values[i]);
		CHECK_EQ(cq_read(w, 0, C_QUEUE_ENABLE), 0);
		CHECK(!needs_reset(w));
	}
	vq_enable(&w->q[0]);
	CHECK_EQ(cq_read(w, 0, C_QUEUE_ENABLE), 1);
	for (unsigned i = 0; i < COUNT(values); i++) {
		cq_write(w, 0, C_QUEUE_ENABLE, values[i]);
		CHECK_EQ(cq_read(w, 0, C_QUEUE_ENABLE), 1);
	}
	driver_ok(w);
	expect_alive(w);
}

TEST(HQ_09, RINGS | MODERN)
{
	struct vq *q = &w->q[0];

	/* Split: driver and device area lack their event field. Packed: half of an area. */
	for (unsigned part = 0; part < 2; part++) {
		uint64_t driver, device;

		half_way(w, NULL, FEATURE(F_EVENT_IDX));
		vq_init(w, q, 0, 64, w->packed);
		driver = w->packed ? 4 : 6 + 2 * 64;
		device = w->packed ? 4 : 6 + 8 * 64;
		*(part ? &q->device : &q->driver) = RAM_END - (part ? device : driver) + 2;
		vq_enable(q);
		set_status(w, ALIVE | STATUS_DRIVER_OK);
		CHECK(needs_reset(w));
		works_after_reset(w);
	}
	/* Right up to the end is good, where alignment allows it. */
	half_way(w, NULL, 0);
	vq_init(w, q, 0, 64, w->packed);
	q->driver = RAM_END - (w->packed ? 4 : 6 + 2 * 64);
	vq_enable(q);
	driver_ok(w);
	spin(q, 70);
	CHECK(!needs_reset(w));
}

TEST(HQ_10, RINGS | MODERN | MODES)
{
	struct req *r[2];

	open_and_start(w, NULL, 0, 0);
	if (!w->inline_mode)
		hold(w, r, 2, BLK_T_IN);
	cq_write(w, 0, C_QUEUE_ENABLE, 0);
	CHECK_EQ(cq_read(w, 0, C_QUEUE_ENABLE), 1);
	ram_disk_release(w->ram);
	for (unsigned i = 0; i < 2 && !w->inline_mode; i++)
		CHECK_EQ(finish(r[i]), BLK_S_OK);
	expect_alive(w);
}

TEST(HQ_11, MODERN | IRQS)
{
	static const unsigned fields[] = {C_QUEUE_SIZE,   C_QUEUE_VECTOR, C_QUEUE_ENABLE,
					  C_NOTIFY_OFF,   C_QUEUE_DESC,   C_QUEUE_DRIVER,
					  C_QUEUE_DEVICE, C_NOTIF_DATA,   C_QUEUE_RESET};
	static const uint16_t beyond[] = {2, 3, 64, 65, 0x7fff, 0xffff};

	open_and_start(w, "queues=2", FEATURE(F_RING_RESET), 0);
	for (unsigned i = 0; i < COUNT(beyond); i++)
		for (unsigned k = 0; k < COUNT(fields); k++) {
			uint64_t want = fields[k] == C_QUEUE_VECTOR ? NONE : 0;

			CHECK_EQ(cq_read(w, beyond[i], fields[k]), want);
			cq_write(w, beyond[i], fields[k], 1);
			CHECK_EQ(cq_read(w, beyond[i], fields[k]), want);
		}
	CHECK_EQ(cq_read(w, 1, C_QUEUE_SIZE), 64);
	CHECK_EQ(cq_read(w, 0, C_QUEUE_ENABLE), 1);
	CHECK(!needs_reset(w));
	fence(&w->q[1]);
	expect_alive(w);
}

TEST(HQ_12, LEGACY | IRQS)
{
	static const uint16_t beyond[] = {1, 2, 64, 0x7fff, 0xffff};

	open_and_start(w, NULL, 0, 0);
	for (unsigned i = 0; i < COUNT(beyond); i++) {
		l_write(w, L_SELECT, beyond[i]);
		CHECK_EQ(l_read(w, L_SIZE), 0);
		CHECK_EQ(l_read(w, L_PAGE), 0);
		l_write(w, L_PAGE, 0x100);
		CHECK_EQ(l_read(w, L_PAGE), 0);
		l_write(w, L_PAGE, 0xffffffff);
		if (w->msix) {
			l_write(w, L_QUEUE_VECTOR, 1);
			CHECK_EQ(l_read(w, L_QUEUE_VECTOR), NONE);
		}
		l_write(w, L_NOTIFY, beyond[i]);
	}
	CHECK(!needs_reset(w));
	expect_alive(w);
}

/* No register of these interfaces sets an alignment; a page of 0 is a queue that is switched off. */
TEST(HQ_13, LEGACY | MODES)
{
	open_and_start(w, NULL, 0, 0);
	l_write(w, L_SELECT, 0);
	for (unsigned i = 0; i < 3; i++) {
		l_write(w, L_PAGE, 0);
		CHECK_EQ(l_read(w, L_PAGE), 0);
		l_write(w, L_NOTIFY, 0);
	}
	CHECK_EQ(l_read(w, L_SIZE), 64);
	setup_queue(w, 0, 0);
	expect_alive(w);
}

TEST(HQ_14, RINGS | MODERN | MODES)
{
	/* Sequences of status writes; which of them makes the device run is the last column. */
	static const struct {
		uint8_t writes[5];
		bool runs;
	} rows[] = {
	    {{STATUS_DRIVER_OK}, false},
	    {{STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_DRIVER_OK}, false},
	    {{STATUS_DRIVER_OK, STATUS_DRIVER, STATUS_ACKNOWLEDGE}, false},
	    {{STATUS_FEATURES_OK, STATUS_FEATURES_OK | STATUS_DRIVER_OK}, true},
	    {{ALIVE, ALIVE | STATUS_DRIVER_OK, STATUS_DRIVER_OK}, true},
	    {{ALIVE, STATUS_ACKNOWLEDGE, ALIVE | STATUS_DRIVER_OK}, true},
	};

	world_open(w, NULL);
	for (unsigned i = 0; i < COUNT(rows); i++) {
		struct req *r;

		reset(w);
		set_features(w, usual_features(w));
		for (unsigned k = 0; k < 5 && rows[i].writes[k]; k++) {
			/* The queue is there as soon as it can be. */
			if (rows[i].writes[k] & STATUS_DRIVER_OK &&
			    !cq_read(w, 0, C_QUEUE_ENABLE)) {
				vq_init(w, &w->q[0], 0, 64, w->packed);
				vq_enable(&w->q[0]);
			}
			set_status(w, rows[i].writes[k]);
		}
		CHECK_EQ(!!(status(w) & STATUS_DRIVER_OK), rows[i].runs);
		r = submit(&w->q[0], BLK_T_FLUSH, 0, 0, 0);
		settle();
		CHECK_EQ(is_done(r), rows[i].runs);
		CHECK(!needs_reset(w));
		free(r);
	}
	/* Without a single queue. */
	half_way(w, NULL, 0);
	driver_ok(w);
	mmio_write(w, w->notify, 2, 0);
	settle();
	CHECK(!needs_reset(w));
	works_after_reset(w);
}

TEST(HQ_15, RINGS | VIEWS | MODES)
{
	uint8_t bits = STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_DRIVER_OK;
	unsigned threads, files;

	open_and_start(w, NULL, 0, 0);
	bits |= w->legacy ? 0 : STATUS_FEATURES_OK;
	spin(&w->q[0], 10);
	threads = running_threads();
	files = open_files();
	for (unsigned i = 0; i < 20; i++) {
		set_status(w, i & 1 ? bits : bits & (uint8_t)~STATUS_DRIVER_OK);
		CHECK_EQ(status(w), bits);
		spin(&w->q[0], 5);
	}
	CHECK_EQ(running_threads(), threads);
	CHECK_EQ(open_files(), files);
	expect_alive(w);
}

TEST(HQ_16, RINGS | MODERN | IRQS | MODES)
{
	uint64_t was;

	half_way(w, NULL, 0);
	for (unsigned round = 0; round < 2; round++) {
		was = w->negotiated;
		for (unsigned k = 0; k < 4; k++) {
			static const uint64_t sets[] = {0, ~0ull, FEATURE(F_EVENT_IDX),
							FEATURE(F_RING_PACKED)};

			set_features(w, sets[k]);
			w->negotiated = was;
			for (unsigned i = 0; i < 2; i++) {
				c_write(w, C_DRIVER_FEATURE_SELECT, i);
				CHECK_EQ(c_read(w, C_DRIVER_FEATURE), (uint32_t)(was >> (32 * i)));
			}
		}
		if (!round) {
			setup_queue(w, 0, 0);
			driver_ok(w);
		}
		/* Still no event indices, and the ring that was chosen. */
		expect_flags_rule(w);
	}
	expect_alive(w);
}

TEST(HQ_17, RINGS | MODERN)
{
	world_open(w, NULL);
	for (unsigned bit = 0; bit < 64; bit++) {
		uint64_t odd = FEATURE(bit);

		if (offered(w) & odd)
			continue;
		reset(w);
		set_status(w, STATUS_ACKNOWLEDGE | STATUS_DRIVER);
		set_features(w, usual_features(w) | odd);
		set_status(w, ALIVE);
		if (status(w) & STATUS_FEATURES_OK)
			FAIL("feature %u was not offered and is accepted", bit);
		set_status(w, ALIVE | STATUS_DRIVER_OK);
		CHECK(!(status(w) & STATUS_DRIVER_OK));
	}
	works_after_reset(w);
}

TEST(HQ_18, MODERN)
{
	static const uint32_t windows[] = {2,  3,  4,          31,         32, 33,
					   63, 64, 0x7fffffff, 0x80000000, ~0u};
	uint64_t features;

	world_open(w, NULL);
	features = usual_features(w);
	set_status(w, STATUS_ACKNOWLEDGE | STATUS_DRIVER);
	set_features(w, features);
	for (unsigned i = 0; i < COUNT(windows); i++) {
		c_write(w, C_DEVICE_FEATURE_SELECT, windows[i]);
		CHECK_EQ(c_read(w, C_DEVICE_FEATURE), 0);
		c_write(w, C_DRIVER_FEATURE_SELECT, windows[i]);
		c_write(w, C_DRIVER_FEATURE, ~0u);
		CHECK_EQ(c_read(w, C_DRIVER_FEATURE), 0);
	}
	for (unsigned i = 0; i < 2; i++) {
		c_write(w, C_DRIVER_FEATURE_SELECT, i);
		CHECK_EQ(c_read(w, C_DRIVER_FEATURE), (uint32_t)(features >> (32 * i)));
	}
	set_status(w, ALIVE);
	CHECK(status(w) & STATUS_FEATURES_OK);
	works_after_reset(w);
}

TEST(HQ_19, RINGS | VIEWS | MODES)
{
	open_and_start(w, NULL, 0, 0);
	spin(&w->q[0], 5);
	set_status(w, status(w) | STATUS_FAILED);
	CHECK(status(w) & STATUS_FAILED);
	/* It goes on here. */
	expect_alive(w);
	works_after_reset(w);
	CHECK(!(status(w) & STATUS_FAILED));
}

TEST(HQ_20, RINGS | VIEWS | MODES)
{
	world_open(w, NULL);
	set_status(w, STATUS_NEEDS_RESET);
	CHECK(!needs_reset(w));
	reset(w);
	start(w, 0, 0);
	irq_ack(w);
	set_status(w, status(w) | STATUS_NEEDS_RESET);
	CHECK(!needs_reset(w));
	expect_no_irq_at_all(w);
	expect_alive(w);
	/* Nor can it be taken away. */
	irq_ack(w);
	vq_break(&w->q[0]);
	expect_broken(w);
	set_status(w, (uint8_t)(status(w) & ~STATUS_NEEDS_RESET));
	CHECK(needs_reset(w));
	works_after_reset(w);
}

TEST(HQ_21, RINGS | MODERN | IRQS | MODES)
{
	struct bait b;
	struct req *r;

	half_way(w, NULL, 0);
	setup_queue(w, 0, 0);
	b = bait_new(w, BLK_T_IN, 0, 512);
	r = submit(&w->q[0], BLK_T_IN, 0, b.data, 512);
	for (unsigned i = 0; i < 5; i++)
		vq_kick(&w->q[0]);
	settle();
	CHECK(!is_done(r));
	CHECK(gall(w, b.data, POISON, 512));
	CHECK_EQ(w->ram->submitted, 0);
	expect_no_irq_at_all(w);
	/* No further kick: it is looked at now. */
	driver_ok(w);
	CHECK_EQ(finish(r), BLK_S_OK);
	expect_alive(w);
}

/* A ring that is broken already when the device comes to run it, and one that cannot be run. */
TEST(HQ_22, RINGS | MODERN | IRQS | MODES)
{
	half_way(w, NULL, 0);
	setup_queue(w, 0, 0);
	vq_break(&w->q[0]);
	settle();
	CHECK(!needs_reset(w));
	irq_ack(w);
	driver_ok(w);
	expect_broken(w);
	CHECK_EQ(config_read(w, 0, 8), WORLD_DISK_SIZE / 512);
	works_after_reset(w);
	/* With DRIVER_OK set already: the queue that cannot be enabled is told of at once. */
	half_way(w, NULL, 0);
	driver_ok(w);
	irq_ack(w);
	vq_init(w, &w->q[0], 0, 64, w->packed);
	w->q[0].device = NOWHERE;
	vq_enable(&w->q[0]);
	expect_broken(w);
	works_after_reset(w);
}

TEST(HQ_23, RINGS | MODERN | MODES)
{
	struct req *r[2];

	world_open(w, "queues=2");
	start(w, FEATURE(F_RING_RESET), FEATURE(F_MQ));
	/* None of that number; one that is not enabled. */
	cq_write(w, 7, C_QUEUE_RESET, 1);
	CHECK_EQ(cq_read(w, 7, C_QUEUE_RESET), 0);
	cq_write(w, 1, C_QUEUE_RESET, 1);
	CHECK_EQ(cq_read(w, 1, C_QUEUE_RESET), 0);
	CHECK_EQ(cq_read(w, 1, C_QUEUE_SIZE), 64);
	cq_write(w, 0, C_QUEUE_RESET, 2);
	expect_alive(w);
	if (w->inline_mode)
		return;
	/* One that is being reset. */
	w->ram->stubborn = true;
	hold(w, r, 2, BLK_T_IN);
	cq_write(w, 0, C_QUEUE_RESET, 1);
	for (unsigned i = 0; i < 5; i++)
		cq_write(w, 0, C_QUEUE_RESET, 1);
	CHECK_EQ(cq_read(w, 0, C_QUEUE_RESET), 1);
	ram_disk_release(w->ram);
	EVENTUALLY(!cq_read(w, 0, C_QUEUE_RESET));
	CHECK_EQ(cq_read(w, 0, C_QUEUE_ENABLE), 0);
	setup_queue(w, 0, 0);
	expect_alive(w);
}

TEST(HQ_24, RINGS | MODERN)
{
	struct req *r[2];
	uint64_t elsewhere;

	open_and_start(w, NULL, FEATURE(F_RING_RESET), 0);
	w->ram->stubborn = true;
	hold(w, r, 2, BLK_T_IN);
	for (unsigned i = 0; i < 2; i++)
		gset(w, r[i]->data, POISON, 512);
	cq_write(w, 0, C_QUEUE_RESET, 1);
	/* At once again, somewhere else. */
	elsewhere = galloc(w, 16384, 4096);
	gset(w, elsewhere, 0, 16384);
	cq_write(w, 0, C_QUEUE_DESC, elsewhere);
	cq_write(w, 0, C_QUEUE_DRIVER, elsewhere + 4096);
	cq_write(w, 0, C_QUEUE_DEVICE, elsewhere + 8192);
	cq_write(w, 0, C_QUEUE_ENABLE, 1);
	CHECK_EQ(cq_read(w, 0, C_QUEUE_ENABLE), 0);
	vq_poison(&w->q[0]);
	mmio_write(w, w->notify, 2, 0);
	ram_disk_release(w->ram);
	EVENTUALLY(!cq_read(w, 0, C_QUEUE_RESET));
	settle();
	CHECK(vq_is_poisoned(&w->q[0]));
	for (unsigned i = 0; i < 2; i++)
		CHECK_EQ(status_at(w, r[i]->status), NO_STATUS);
	CHECK(gall(w, elsewhere, 0, 16384));
	/* Now it is heard. */
	setup_queue(w, 0, 0);
	CHECK_EQ(cq_read(w, 0, C_QUEUE_ENABLE), 1);
	expect_alive(w);
}

TEST(HQ_25, RINGS | MODERN | MODES)
{
	open_and_start(w, NULL, 0, FEATURE(F_RING_RESET));
	for (unsigned i = 0; i < 3; i++) {
		cq_write(w, 0, C_QUEUE_RESET, 1);
		CHECK_EQ(cq_read(w, 0, C_QUEUE_RESET), 0);
		CHECK_EQ(cq_read(w, 0, C_QUEUE_ENABLE), 1);
		expect_alive(w);
	}
}

/* The largest device there is: what it takes is known before a guest runs, and no more comes. */
TEST(HQ_26, RINGS | MODERN)
{
	unsigned long before, after;

	world_open(w, "queue-size=32768,queues=16");
	before = private_kib();
	for (unsigned round = 0; round < 3; round++) {
		negotiate(w, usual_features(w));
		for (unsigned i = 0; i < 16; i++) {
			uint64_t mark = w->next_free;

			/* All of them in the same memory: HQ-28 has that. */
			setup_queue(w, i, 32768);
			w->next_free = mark;
		}
		driver_ok(w);
		reset(w);
	}
	after = private_kib();
	/* The driver's own tables, and a thread's stack each. */
	CHECK(after < before + 64 * 1024);
	start(w, 0, FEATURE(F_MQ));
	expect_alive(w);
}

TEST(HQ_27, RINGS | VIEWS)
{
	static const uint16_t odd[] = {2, 3, 64, 65, 127, 128, 0x7fff, 0xfffe, 0xffff};

	open_and_start(w, NULL, 0, 0);
	CHECK_EQ(w->vectors, 2);
	for (unsigned i = 0; i < COUNT(odd); i++) {
		set_config_vector(w, 0);
		set_config_vector(w, odd[i]);
		CHECK_EQ(config_vector(w), NONE);
		set_queue_vector(w, 0, 1);
		set_queue_vector(w, 0, odd[i]);
		CHECK_EQ(queue_vector(w, 0), NONE);
		irq_ack(w);
		fence(&w->q[0]);
		expect_no_irq_at_all(w);
	}
	set_queue_vector(w, 0, 1);
	fence(&w->q[0]);
	expect_irq(w, 0);
	expect_alive(w);
}

TEST(HQ_28, RINGS | MODERN | MODES)
{
	struct vq *q = w->q;

	world_open(w, "queues=2");
	negotiate(w, usual_features(w));
	setup_queue(w, 0, 0);
	vq_init(w, &q[1], 1, 64, w->packed);
	q[1].desc = q[0].desc;
	q[1].driver = q[0].driver;
	q[1].device = q[0].device;
	vq_enable(&q[1]);
	driver_ok(w);
	for (unsigned i = 0; i < 10; i++) {
		struct req *r = submit_quietly(&q[0], BLK_T_FLUSH, 0, 0, 0);

		/* Both see it, and both may serve it, each by its own account. */
		vq_kick(&q[0]);
		vq_kick(&q[1]);
		settle();
		CHECK(status_at(w, r->status) == BLK_S_OK || needs_reset(w));
		free(r);
		if (needs_reset(w))
			break;
	}
	works_after_reset(w);
}
