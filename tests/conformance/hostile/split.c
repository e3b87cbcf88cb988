/* SPDX-License-Identifier: MIT */
/* HR: split rings that make no sense, and those that look like it. */
#include <stdlib.h>

#include "tests/conformance/hostile/hostile.h"

/* An available ring of good chains, so that only its index is wrong. */
static void fill_available(struct world *w)
{
	struct vq *q = &w->q[0];
	uint64_t table = galloc(w, 32, 16), status = galloc(w, 1, 1);
	const struct link flush[2] = {{put_header(w, BLK_T_FLUSH, 0), 16, D_NEXT, 1},
				      {status, 1, D_WRITE, 0}};

	put_table(w, table, flush, 2);
	for (unsigned i = 0; i < q->size; i++) {
		put_desc(q, i, table, 32, D_INDIRECT, 0);
		s16(w, q->driver + 4 + 2ull * i, (uint16_t)i);
	}
}

TEST(HR_01, SPLIT | VIEWS | IRQS | MODES)
{
	static const uint16_t jumps[] = {65, 66, 1000, 0x7fff, 0x8000, 0xfffe};

	open_and_start(w, NULL, 0, 0);
	for (unsigned i = 0; i < COUNT(jumps); i++) {
		fill_available(w);
		avail_set_idx(&w->q[0], (uint16_t)(w->q[0].avail + jumps[i]));
		vq_kick(&w->q[0]);
		expect_broken_and_quiet(w);
		fresh(w);
	}
}

/* A broken queue is a broken device: no other queue is touched until the reset. */
TEST(HR_01b, RINGS | VIEWS | MODES)
{
	struct req *r;

	open_and_start(w, "queues=2", 0, 0);
	vq_break(&w->q[0]);
	expect_broken(w);
	irq_ack(w);
	r = submit(&w->q[1], BLK_T_FLUSH, 0, 0, 0);
	settle();
	CHECK(!is_done(r));
	CHECK_EQ(status_at(w, r->status), NO_STATUS);
	expect_no_irq_at_all(w);
	fresh(w);
	fence(&w->q[1]);
	expect_alive(w);
}

TEST(HR_02, SPLIT | VIEWS | MODES)
{
	open_and_start(w, NULL, 0, 0);
	for (unsigned back = 1; back < 5; back++) {
		spin(&w->q[0], 5);
		fill_available(w);
		avail_set_idx(&w->q[0], (uint16_t)(w->q[0].avail - back));
		vq_kick(&w->q[0]);
		expect_broken_and_quiet(w);
		fresh(w);
	}
}

/* An interrupt handler that fills the ring again before it returns: the ring is never empty. */
static struct piece flush_pieces[2];
static pthread_mutex_t refilling = PTHREAD_MUTEX_INITIALIZER;

static void refill(struct world *w)
{
	struct vq *q = &w->q[0];

	pthread_mutex_lock(&refilling);
	vq_poll(q);
	while (q->free_slots >= 2)
		vq_add(q, flush_pieces, 2);
	pthread_mutex_unlock(&refilling);
}

static void *one_kick(void *opaque)
{
	struct world *w = opaque;

	mmio_write(w, w->notify, 2, 0);
	return NULL;
}

static void *start_it(void *opaque)
{
	struct world *w = opaque;

	set_status(w, STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK | STATUS_DRIVER_OK);
	return NULL;
}

static uint32_t returned(const struct vq *q)
{
	return __atomic_load_n(&q->returned, __ATOMIC_RELAXED);
}

/* The ring is never empty from when the thread has begun. Others get on meanwhile, and in. */
static void never_empty(struct world *w, void *(*begin)(void *opaque))
{
	struct vq *q = &w->q[0];
	pthread_t thread;
	uint32_t before;

	flush_pieces[0] = (struct piece){put_header(w, BLK_T_FLUSH, 0), 16, false};
	flush_pieces[1] = (struct piece){galloc(w, 1, 1), 1, true};
	w->wires.handler = refill;
	refill(w);
	if (pthread_create(&thread, NULL, begin, w))
		FAIL("no thread");
	EVENTUALLY(returned(q) > 20 * q->size);
	for (unsigned i = 1; i < 4; i++) {
		/* Another queue, the registers, and whoever changes the disk. */
		fence(&w->q[1]);
		CHECK(status(w) & STATUS_DRIVER_OK);
		ram_disk_resize(w->ram, WORLD_DISK_SIZE + 512 * i);
		virtio_blk_refresh(w->blk);
		CHECK_EQ(config_read(w, 0, 8), WORLD_DISK_SIZE / 512 + i);
		/* And it goes on, without another kick. */
		before = returned(q);
		EVENTUALLY(returned(q) != before);
	}
	reset(w);
	pthread_join(thread, NULL);
	w->wires.handler = NULL;
	start(w, 0, 0);
	expect_alive(w);
}

TEST(HR_03, RINGS | MODES)
{
	open_and_start(w, "queues=2", 0, 0);
	never_empty(w, one_kick);
}

/* The same when the device finds the ring full as it begins. */
TEST(HR_03b, RINGS | MODES)
{
	world_open(w, "queues=2");
	negotiate(w, usual_features(w));
	set_config_vector(w, 0);
	setup_queue(w, 0, 0);
	setup_queue(w, 1, 0);
	never_empty(w, start_it);
}

TEST(HR_04, SPLIT | VIEWS | MODES)
{
	static const uint16_t heads[] = {64, 65, 127, 0x7fff, 0xffff};

	open_and_start(w, NULL, 0, 0);
	for (unsigned i = 0; i < COUNT(heads); i++) {
		avail_put(&w->q[0], heads[i]);
		vq_kick(&w->q[0]);
		expect_broken_and_quiet(w);
		fresh(w);
	}
}

TEST(HR_05, SPLIT | VIEWS | MODES)
{
	struct vq *q = &w->q[0];
	struct req *r;

	open_and_start(w, NULL, 0, 0);
	/* Both in one batch. */
	r = submit_quietly(q, BLK_T_IN, 0, galloc(w, 512, 512), 512);
	avail_put(q, r->id);
	vq_kick(q);
	expect_broken_and_quiet(w);
	free(r);
	if (w->inline_mode)
		return;
	/* The second while the first is at the disk. */
	fresh(w);
	hold(w, &r, 1, BLK_T_IN);
	avail_put(q, r->id);
	vq_kick(q);
	expect_broken(w);
	reset(w);
	ram_disk_release(w->ram);
	start(w, 0, 0);
	expect_alive(w);
}

/* As many chains as there are descriptors wait at the disk; then comes one more. */
TEST(HR_06, RINGS | VIEWS)
{
	static const uint16_t sizes[] = {0, 16};
	struct vq *q = &w->q[0];

	for (unsigned i = 0; i < COUNT(sizes); i++) {
		struct piece pieces[3] = {{put_header(w, BLK_T_IN, 0), 16, false},
					  {galloc(w, 512, 512), 512, true},
					  {galloc(w, 1, 1), 1, true}};
		uint64_t table;

		if (w->legacy && sizes[i])
			continue;
		world_close(w);
		world_open(w, NULL);
		start_sized(w, 0, sizes[i]);
		ram_disk_hold(w->ram);
		for (unsigned k = 0; k < q->size; k++)
			vq_add_indirect(q, pieces, 3);
		vq_kick(q);
		EVENTUALLY(ram_disk_held(w->ram) == q->size);
		CHECK(!needs_reset(w));
		table = get_desc(q, 0).addr;
		if (q->packed)
			put_desc(q, q->avail, table, 48, 0,
				 (uint16_t)(packed_avail_flags(q) | D_INDIRECT));
		else
			avail_put(q, 0);
		vq_kick(q);
		expect_broken(w);
		reset(w);
		CHECK_EQ(ram_disk_held(w->ram), 0);
		ram_disk_release(w->ram);
		start(w, 0, 0);
		expect_alive(w);
	}
}

TEST(HR_07, SPLIT | VIEWS | MODES)
{
	struct vq *q = &w->q[0];

	open_and_start(w, NULL, 0, 0);
	for (unsigned i = 1; i <= 100; i++) {
		s16(w, q->device + 2, (uint16_t)(i * 7919));
		s16(w, q->device, (uint16_t)(i * 31));
		vq_add(q,
		       (struct piece[]){{put_header(w, BLK_T_FLUSH, 0), 16, false},
					{galloc(w, 1, 1), 1, true}},
		       2);
		vq_kick(q);
		/* The next slot and index are the device's own, whatever stood there. */
		EVENTUALLY(used_idx(q) == i);
		CHECK_EQ(vq_poll(q), 1);
	}
}

TEST(HR_08, SPLIT | VIEWS)
{
	struct vq *q = &w->q[0];
	struct req *r[4];

	open_and_start(w, NULL, 0, 0);
	pattern(w->ram->data, 32 * 512, 3);
	hold(w, r, 4, BLK_T_IN);
	for (unsigned i = 0; i < 64; i++)
		s16(w, q->driver + 4 + 2ull * i, 0xffff);
	gset(w, q->desc, 0xff, 16ull * q->size);
	for (unsigned i = 0; i < 4; i++)
		gset(w, r[i]->header, 0xff, 16);
	ram_disk_release(w->ram);
	for (unsigned i = 0; i < 4; i++) {
		CHECK_EQ(finish(r[i]), BLK_S_OK);
		CHECK(gsame(w, r[i]->data, w->ram->data + 8ull * i * 512, 512));
	}
}

static void flip_event(struct world *w, unsigned turn)
{
	if (w->packed)
		packed_event(&w->q[0], turn * 0x9e3779b1u);
	else
		set_used_event(&w->q[0], (uint16_t)(turn * 40503u));
}

TEST(HR_09, RINGS | VIEWS | MODES)
{
	struct meddler m;

	open_and_start(w, NULL, FEATURE(F_EVENT_IDX), 0);
	meddle(&m, w, flip_event);
	spin(&w->q[0], 3000);
	meddle_end(&m);
	expect_alive(w);
	/* With sense again the interrupt comes. */
	vq_event_after(&w->q[0], 0, 3);
	irq_ack(w);
	fence(&w->q[0]);
	expect_irq(w, 0);
}

TEST(HR_10, RINGS | MODERN | MODES)
{
	struct vq *q = &w->q[0];
	struct piece pieces[2] = {{put_header(w, BLK_T_FLUSH, 0), 16, false},
				  {galloc(w, 1, 1), 1, true}};

	world_open(w, "queue-size=32768");
	start_sized(w, FEATURE(F_EVENT_IDX), 32768);
	/* All slots, and the index passes 65536. */
	for (unsigned round = 0; round < 5; round++) {
		uint64_t mark = w->next_free;

		for (unsigned i = 0; i < 32768 / 2; i++)
			vq_add(q, pieces, 2);
		vq_kick(q);
		EVENTUALLY((vq_poll(q), q->free_slots == 32768));
		w->next_free = mark;
	}
	CHECK_EQ(q->returned, 5 * 16384);
	expect_alive(w);
}

/* A queue with its parts at these places. */
static void place(struct world *w, uint64_t desc, uint64_t driver, uint64_t device)
{
	struct vq *q = &w->q[0];

	reset(w);
	negotiate(w, usual_features(w));
	if (w->msix)
		set_config_vector(w, 0);
	vq_init(w, q, 0, 16, w->packed);
	q->desc = desc;
	q->driver = driver;
	q->device = device;
	vq_enable(q);
	driver_ok(w);
}

TEST(HR_11, RINGS | MODERN | MODES)
{
	/* Offsets of driver and device area against the descriptors, in bytes. */
	static const int offsets[][2] = {{0, 0},     {2, 0},     {0, 4},    {16, 16}, {256, 256},
					 {256, 252}, {254, 256}, {-4, -36}, {64, -4}, {8, 260}};
	uint64_t block = galloc(w, 4096, 4096) + 1024;

	world_open(w, NULL);
	start(w, 0, 0);
	w->queue_count = 1;
	for (unsigned i = 0; i < COUNT(offsets); i++) {
		struct vq *q = &w->q[0];
		int64_t driver = offsets[i][0], device = offsets[i][1];

		if (w->packed)
			driver &= ~3ll;
		place(w, block, block + (uint64_t)driver, block + (uint64_t)device);
		gset(w, block - 512, 0, 2048);
		for (unsigned k = 0; k < 40; k++) {
			put_desc(q, k % 16, block + 32 * (k % 8), 64, w->packed ? k : D_WRITE,
				 (uint16_t)(w->packed ? D_AVAIL | D_WRITE : k));
			s16(w, q->driver + 4 + 2ull * (k % 16), (uint16_t)(k % 16));
			s16(w, q->driver + 2, (uint16_t)(k + 1));
			vq_kick(q);
		}
		settle();
		/* Where its memory comes to point is the guest's affair; the host stands. */
		reset(w);
		start(w, 0, 0);
		expect_alive(w);
	}
}

/* Reads into rings and tables: what the device goes by becomes what the disk holds. */
TEST(HR_12, RINGS | VIEWS | MODES)
{
	open_and_start(w, NULL, 0, 0);
	for (unsigned seed = 0; seed < 4; seed++)
		for (unsigned part = 0; part < 4; part++) {
			struct vq *q = &w->q[0];
			uint64_t table = galloc(w, 512, 512);
			const uint64_t parts[] = {q->desc, q->driver & ~1ull, q->device, table};
			struct bait b = bait_new(w, BLK_T_IN, 0, 512);
			struct link links[3] = {{b.header, 16, D_NEXT, 1},
						{parts[part], 512, D_WRITE | D_NEXT, 2},
						{b.status, 1, D_WRITE, 0}};
			const struct link head = {table, 48, D_INDIRECT, 0};

			pattern(w->ram->data, 512, seed * 77);
			if (!seed)
				memset(w->ram->data, 0xff, 512);
			put_table(w, table, links, 3);
			if (w->packed)
				put_desc(q, 0, head.addr, head.len, 0, D_INDIRECT | D_AVAIL);
			else
				put_desc(q, 0, head.addr, head.len, D_INDIRECT, 0);
			if (!w->packed)
				avail_put(q, 0);
			for (unsigned k = 0; k < 5; k++)
				vq_kick(q);
			settle();
			CHECK_EQ(status_at(w, b.status), BLK_S_OK);
			reset(w);
			w->ram->logged = 0;
			start(w, 0, 0);
			expect_alive(w);
			fresh(w);
		}
}

TEST(HR_13, RINGS | MODERN | MODES)
{
	struct vq *q = &w->q[0];
	/* Heads in no order, descriptors of a chain in none either. */
	static const uint16_t heads[] = {40, 3, 63, 0, 17, 9, 58, 22};
	uint64_t status = galloc(w, 8, 16);

	open_and_start(w, "features=+in-order", FEATURE(F_IN_ORDER), 0);
	for (unsigned i = 0; i < 8; i++) {
		uint64_t header = put_header(w, BLK_T_FLUSH, 0);

		s64(w, status, ~0ull);
		if (q->packed) {
			put_desc(q, 2 * i + 1, status + i, 1, heads[i], D_WRITE | D_AVAIL);
			put_desc(q, 2 * i, header, 16, 0xffff, D_NEXT | D_AVAIL);
		} else {
			put_desc(q, heads[i], header, 16, D_NEXT, (uint16_t)(heads[i] ^ 1));
			put_desc(q, heads[i] ^ 1u, status + i, 1, D_WRITE, 0xfffe);
			avail_put(q, heads[i]);
		}
		/* What the driver counts: slots, or descriptors from its own free list. */
		q->lengths[heads[i]] = q->packed ? 2 : 1;
	}
	q->avail = 16;
	vq_kick(q);
	EVENTUALLY((vq_poll(q), q->returned == 8));
	for (unsigned i = 0; i < 8; i++)
		CHECK_EQ(q->order[i], heads[i]);
	fresh(w);
	expect_alive(w);
}

TEST(HR_14, SPLIT | MODERN)
{
	struct vq *q = &w->q[0];

	world_open(w, NULL);
	/* The used ring fits, avail_event behind it does not. */
	negotiate(w, usual_features(w) | FEATURE(F_EVENT_IDX));
	vq_init(w, q, 0, 16, false);
	q->device = RAM_END - 4 - 8ull * 16;
	vq_enable(q);
	CHECK(needs_reset(w));
	reset(w);
	start(w, FEATURE(F_EVENT_IDX), 0);
	expect_alive(w);
}

static void flip_interrupts(struct world *w, unsigned turn)
{
	vq_interrupts(&w->q[0], turn & 1);
}

TEST(HR_15, RINGS | VIEWS | IRQS | MODES)
{
	struct meddler m;

	open_and_start(w, NULL, 0, 0);
	meddle(&m, w, flip_interrupts);
	spin(&w->q[0], 3000);
	meddle_end(&m);
	vq_interrupts(&w->q[0], true);
	irq_ack(w);
	fence(&w->q[0]);
	expect_irq(w, 0);
	expect_alive(w);
}

TEST(HR_16, RINGS | VIEWS | MODES)
{
	open_and_start(w, NULL, 0, 0);
	log_begin();
	for (unsigned i = 0; i < 300000; i++)
		if (w->legacy)
			pio_write(w, w->bar[0] + 16, 2, 0);
		else
			mmio_write(w, w->notify, 2, 0);
	settle();
	CHECK_EQ(vq_poll(&w->q[0]), 0);
	expect_no_irq_at_all(w);
	CHECK_EQ(log_lines(), 0);
	expect_alive(w);
}

/* Index and flags are moved on while the device looks at them, over every byte border. */
TEST(HR_17, RINGS | VIEWS | MODES)
{
	open_and_start(w, NULL, 0, 0);
	obey_kicks(&w->q[0], 70000);
	CHECK(!needs_reset(w));
	expect_alive(w);
}
