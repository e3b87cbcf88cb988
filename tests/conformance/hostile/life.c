/* SPDX-License-Identifier: MIT */
/* HT: what changes while the device works, and resets in the middle of it. */
#include <errno.h>
#include <linux/pci_regs.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/conformance/hostile/hostile.h"

#define SECTORS (WORLD_DISK_SIZE / 512)

static uint64_t flipped;

static void flip_header(struct world *w, unsigned turn)
{
	static const uint64_t sectors[] = {8, SECTORS - 1, SECTORS, 1ull << 55};

	s64(w, flipped + 8, sectors[turn & 3]);
	s32(w, flipped, turn & 4 ? BLK_T_IN : turn & 8 ? BLK_T_OUT : 77);
}

TEST(HT_01, RINGS | VIEWS | MODES)
{
	struct meddler m;
	uint64_t data = galloc(w, 1024, 512), status = galloc(w, 1, 1);

	open_and_start(w, NULL, 0, 0);
	flipped = put_header(w, BLK_T_IN, 8);
	meddle(&m, w, flip_header);
	for (unsigned i = 0; i < 500; i++) {
		struct piece pieces[3] = {
		    {flipped, 16, false}, {data, 1024, i & 1}, {status, 1, true}};
		uint8_t got;

		gset(w, status, NO_STATUS, 1);
		run_pieces(&w->q[0], pieces, 3);
		got = status_at(w, status);
		CHECK(got == BLK_S_OK || got == BLK_S_IOERR || got == BLK_S_UNSUPP);
	}
	meddle_end(&m);
	/* What went to the disk was what had been checked. */
	for (unsigned i = 0; i < w->ram->logged; i++)
		CHECK(w->ram->log[i].offset == 8 * 512 && w->ram->log[i].length == 1024);
	for (unsigned i = 0; i < 65536; i++)
		CHECK_EQ(w->ram->data[WORLD_DISK_SIZE + i], 0);
	expect_alive(w);
}

TEST(HT_01b, RINGS | VIEWS)
{
	struct req *r;

	open_and_start(w, NULL, 0, 0);
	pattern(w->ram->data, 4096, 2);
	hold(w, &r, 1, BLK_T_IN);
	s32(w, r->header, BLK_T_OUT);
	s64(w, r->header + 8, 4);
	ram_disk_release(w->ram);
	CHECK_EQ(finish(r), BLK_S_OK);
	CHECK_EQ(r->written, 513);
	CHECK(gpattern_is(w, r->data, 512, 2));
	CHECK_EQ(ram_disk_count(w->ram, DISK_WRITE), 0);
}

/* The data's descriptor, after the chain was taken: the old one counts, in every field. */
TEST(HT_02, RINGS | VIEWS)
{
	struct req *r;
	uint64_t elsewhere = galloc(w, 8192, 4096);

	open_and_start(w, NULL, 0, 0);
	pattern(w->ram->data, 4096, 2);
	gset(w, elsewhere, POISON, 8192);
	hold(w, &r, 1, BLK_T_IN);
	for (unsigned i = 0; i < 3; i++)
		put_desc(&w->q[0], i, elsewhere, 8192, 0, (uint16_t)(w->packed ? D_WRITE : 0));
	ram_disk_release(w->ram);
	EVENTUALLY(status_at(w, r->status) == BLK_S_OK);
	settle();
	CHECK(gpattern_is(w, r->data, 512, 2));
	CHECK(gall(w, elsewhere, POISON, 8192));
}

static uint64_t second_slot;

static void flip_length(struct world *w, unsigned turn)
{
	static const uint32_t lengths[] = {512, 0xffffffff, 1024, 0x80000000};

	s32(w, second_slot + 8, lengths[turn & 3]);
}

TEST(HT_02b, RINGS | VIEWS | MODES)
{
	struct meddler m;
	uint64_t data = galloc(w, 8192, 4096), status = galloc(w, 1, 1);

	open_and_start(w, NULL, 0, 0);
	gset(w, data + 1024, POISON, 4096);
	second_slot = w->q[0].desc + 16;
	meddle(&m, w, flip_length);
	for (unsigned i = 0; i < 300; i++) {
		const struct link links[3] = {{put_header(w, BLK_T_IN, 0), 16, D_NEXT, 1},
					      {data, 512, D_NEXT | D_WRITE, 2},
					      {status, 1, D_WRITE, 0}};
		struct result result;

		gset(w, status, NO_STATUS, 1);
		result = try_links(&w->q[0], links, 3, status);
		CHECK(result.reaction & (IS_OK | IS_ERR));
		CHECK(result.written == 0 || result.written == 513 || result.written == 1025);
		fresh(w);
		__atomic_store_n(&second_slot, w->q[0].desc + 16, __ATOMIC_RELAXED);
	}
	meddle_end(&m);
	CHECK(gall(w, data + 1024, POISON, 4096));
	expect_alive(w);
}

static void scribble(struct world *w, unsigned turn)
{
	gset(w, flipped + turn % 64 * 64, (uint8_t)turn, 64);
}

TEST(HT_04, RINGS | VIEWS | MODES)
{
	static const char *const engines[] = {"aio=sync", "aio=io_uring"};
	char path[TEMPORARY_PATH];
	int fd = temporary_file(path, WORLD_DISK_SIZE);
	struct meddler m;

	flipped = galloc(w, 8192, 4096);
	for (unsigned i = 0; i < COUNT(engines); i++) {
		uint8_t bytes[8192];

		world_close(w);
		world_open_file(w, path, engines[i]);
		start(w, 0, 0);
		meddle(&m, w, scribble);
		for (unsigned k = 0; k < 200; k++)
			CHECK_EQ(blk(&w->q[0], BLK_T_OUT, 16, flipped, 4096), BLK_S_OK);
		meddle_end(&m);
		/* Nothing but where it belongs. */
		CHECK(pread(fd, bytes, 8192, 0) == 8192);
		for (unsigned k = 0; k < 8192; k++)
			CHECK_EQ(bytes[k], 0);
		world_close(w);
		world_open_file(w, path, engines[i]);
		start(w, 0, 0);
		CHECK_EQ(blk(&w->q[0], BLK_T_OUT, 16, flipped, 4096), BLK_S_OK);
		CHECK(pread(fd, bytes, 4096, 8192) == 4096);
		CHECK(gsame(w, flipped, bytes, 4096));
	}
	close(fd);
	unlink(path);
}

TEST(HT_05, RINGS | VIEWS)
{
	static const uint8_t lies[] = {BLK_S_OK, BLK_S_IOERR, BLK_S_UNSUPP, 0x55, NO_STATUS};

	open_and_start(w, NULL, 0, 0);
	for (unsigned i = 0; i < COUNT(lies); i++) {
		struct req *r;

		hold(w, &r, 1, BLK_T_IN);
		gset(w, r->status, lies[i], 1);
		settle();
		CHECK_EQ(status_at(w, r->status), lies[i]);
		CHECK(!is_done(r));
		ram_disk_release(w->ram);
		CHECK_EQ(finish(r), BLK_S_OK);
	}
	expect_alive(w);
}

/* All that requests and ring could be written to, made recognisable. */
static void poison_all(struct world *w, struct req **r, unsigned count)
{
	vq_poison(&w->q[0]);
	for (unsigned i = 0; i < count; i++) {
		gset(w, r[i]->data, POISON, 512);
		gset(w, r[i]->status, POISON, 1);
	}
}

static void expect_poison(struct world *w, struct req **r, unsigned count)
{
	CHECK(vq_is_poisoned(&w->q[0]));
	for (unsigned i = 0; i < count; i++) {
		CHECK(gall(w, r[i]->data, POISON, 512));
		CHECK(gall(w, r[i]->status, POISON, 1));
	}
	expect_no_irq_at_all(w);
}

static void *reset_in_a_thread(void *opaque)
{
	struct world *w = opaque;

	set_status(w, 0);
	return NULL;
}

TEST(HT_06, RINGS | VIEWS | IRQS)
{
	struct req *r[4];
	pthread_t thread;

	open_and_start(w, NULL, 0, 0);
	for (unsigned i = 0; i < 2; i++) {
		/* First a disk that lets go when asked to, then one that does not. */
		w->ram->stubborn = i;
		hold(w, r, 4, BLK_T_IN);
		irq_ack(w);
		/* The legacy register is written for as long as it takes. */
		if (pthread_create(&thread, NULL, reset_in_a_thread, w))
			FAIL("no thread");
		if (i) {
			EVENTUALLY(w->ram->cancelled >= 2);
			if (!w->legacy)
				CHECK(status(w));
			CHECK_EQ(ram_disk_held(w->ram), 4);
			w->ram->yield = true;
		}
		EVENTUALLY(!status(w));
		pthread_join(thread, NULL);
		poison_all(w, r, 4);
		irq_ack(w);
		ram_disk_release(w->ram);
		w->ram->yield = false;
		settle();
		expect_poison(w, r, 4);
		start(w, 0, 0);
		expect_alive(w);
	}
}

static uint64_t homes[2];

static void kick_homes(struct world *w, unsigned turn)
{
	mmio_write(w, homes[turn & 1] + 0x3000, 2, 0);
}

static void isr_homes(struct world *w, unsigned turn)
{
	mmio_read(w, homes[turn & 1] + 0x1000, 1);
	pio_read(w, w->bar[0] + 19, 1);
}

static void move_homes(struct world *w, unsigned turn)
{
	cfg_write(w, PCI_BASE_ADDRESS_4, 4, (uint32_t)homes[turn & 1]);
}

TEST(HT_07, RINGS | MODERN | IRQS | MODES)
{
	static const char *const roads[] = {"transport=transitional,notify=exit",
					    "transport=transitional,notify=ioeventfd,signal=irqfd"};

	for (unsigned k = 0; k < (w->inline_mode ? 1 : COUNT(roads)); k++) {
		struct meddler kicks, isr, bars;

		world_close(w);
		open_and_start(w, roads[k], 0, 0);
		homes[0] = w->bar[4];
		homes[1] = 0xd8000000;
		meddle(&kicks, w, kick_homes);
		meddle(&isr, w, isr_homes);
		meddle(&bars, w, move_homes);
		for (unsigned i = 0; i < 300; i++) {
			/* Whatever of it arrives: a reset, and all of a driver's start. */
			for (unsigned h = 0; h < 2; h++) {
				w->common = homes[h];
				c_write(w, C_STATUS, 0);
				c_write(w, C_STATUS, STATUS_ACKNOWLEDGE | STATUS_DRIVER);
				set_features(w, w->negotiated);
				c_write(w, C_STATUS, 11);
				vq_enable(&w->q[0]);
				c_write(w, C_STATUS, 15);
			}
			pio_write(w, w->bar[0] + 18, 1, 0);
		}
		meddle_end(&kicks);
		meddle_end(&isr);
		meddle_end(&bars);
		move_homes(w, 0);
		world_probe(w);
		CHECK_EQ(w->bar[4], homes[0]);
		reset(w);
		start(w, 0, 0);
		expect_alive(w);
	}
}

TEST(HT_08, RINGS | MODERN | MODES)
{
	struct bait b;

	open_and_start(w, NULL, 0, 0);
	/* Data of zeroes, and a status byte of zero, into the status register. */
	b = bait_new(w, BLK_T_IN, 0, 512);
	expect_reaction(w,
			try_links(&w->q[0],
				  (struct link[]){{b.header, 16, D_NEXT, 1},
						  {w->common, 512, D_NEXT | D_WRITE, 2},
						  {b.status, 1, D_WRITE, 0}},
				  3, b.status),
			IS_ERR, 0);
	gset(w, b.status, NO_STATUS, 1);
	expect_reaction(w,
			try_links(&w->q[0],
				  (struct link[]){{b.header, 16, D_NEXT, 1},
						  {b.data, 512, D_NEXT | D_WRITE, 2},
						  {w->common + 20, 1, D_WRITE, 0}},
				  3, b.status),
			IS_DROP0, 0);
	CHECK(status(w) & STATUS_DRIVER_OK);
	/* The ring that is written to. */
	reset(w);
	negotiate(w, usual_features(w));
	vq_init(w, &w->q[0], 0, 64, w->packed);
	w->q[0].device = w->common + 16;
	vq_enable(&w->q[0]);
	CHECK(needs_reset(w));
	CHECK(status(w) & STATUS_FEATURES_OK);
	reset(w);
	start(w, 0, 0);
	expect_alive(w);
}

/* The disk's answer comes late; first from one that holds it, then from the host's real thing. */
TEST(HT_09, RINGS | MODERN | IRQS)
{
	struct req *r[4];

	open_and_start(w, NULL, FEATURE(F_RING_RESET), 0);
	w->ram->stubborn = true;
	hold(w, r, 4, BLK_T_IN);
	cq_write(w, 0, C_QUEUE_RESET, 1);
	CHECK_EQ(cq_read(w, 0, C_QUEUE_RESET), 1);
	irq_ack(w);
	vq_poison(&w->q[0]);
	for (unsigned i = 0; i < 4; i++)
		gset(w, r[i]->status, POISON, 1);
	ram_disk_release(w->ram);
	EVENTUALLY(!cq_read(w, 0, C_QUEUE_RESET));
	settle();
	/* What the disk had to write it has written: the reset waited. Nobody was told. */
	CHECK(vq_is_poisoned(&w->q[0]));
	for (unsigned i = 0; i < 4; i++)
		CHECK_EQ(status_at(w, r[i]->status), POISON);
	expect_no_irq_at_all(w);
	poison_all(w, r, 4);
	setup_queue(w, 0, 0);
	expect_alive(w);
	for (unsigned i = 0; i < 4; i++)
		CHECK(gall(w, r[i]->data, POISON, 512));
}

TEST(HT_09b, RINGS | VIEWS)
{
	char path[TEMPORARY_PATH];
	int fd = temporary_file(path, WORLD_DISK_SIZE);
	struct req *r[8];

	world_open_file(w, path, "aio=io_uring,delay=20ms");
	start(w, 0, 0);
	for (unsigned round = 0; round < 5; round++) {
		for (unsigned i = 0; i < 8; i++)
			r[i] = submit(&w->q[0], BLK_T_IN, 8 * i, galloc(w, 512, 512), 512);
		reset(w);
		irq_ack(w);
		poison_all(w, r, 8);
		settle();
		expect_poison(w, r, 8);
		start(w, 0, 0);
		/* Behind everything that was under way. */
		fence(&w->q[0]);
		for (unsigned i = 0; i < 8; i++) {
			CHECK(gall(w, r[i]->data, POISON, 512));
			CHECK(gall(w, r[i]->status, POISON, 1));
		}
	}
	close(fd);
	unlink(path);
}

TEST(HT_10, RINGS | VIEWS)
{
	struct req *old[8], *young[8];

	open_and_start(w, NULL, 0, 0);
	pattern(w->ram->data, 32768, 1);
	for (unsigned round = 0; round < 10; round++) {
		reset(w);
		start(w, 0, 0);
		hold(w, old, 8, BLK_T_IN);
		reset(w);
		for (unsigned i = 0; i < 8; i++) {
			gset(w, old[i]->data, POISON, 512);
			gset(w, old[i]->status, POISON, 1);
		}
		ram_disk_release(w->ram);
		start(w, 0, 0);
		/* The same heads and ids again. */
		for (unsigned i = 0; i < 8; i++) {
			young[i] = submit(&w->q[0], BLK_T_IN, i, galloc(w, 512, 512), 512);
			CHECK_EQ(young[i]->id, old[i]->id);
		}
		for (unsigned i = 0; i < 8; i++) {
			CHECK_EQ(finish(young[i]), BLK_S_OK);
			CHECK(gsame(w, young[i]->data, w->ram->data + 512 * i, 512));
		}
		settle();
		CHECK_EQ(w->q[0].returned, 8);
		for (unsigned i = 0; i < 8; i++) {
			CHECK(gall(w, old[i]->data, POISON, 512));
			CHECK(gall(w, old[i]->status, POISON, 1));
		}
	}
}

/* As many lives of a device, with nothing in them. */
static void cycle(struct world *w, unsigned times)
{
	struct vq *q = &w->q[0];
	unsigned files, threads;

	open_and_start(w, NULL, 0, 0);
	spin(q, 3);
	files = open_files();
	threads = running_threads();
	gset(w, q->desc, 0, 16ull * q->size);
	s32(w, q->driver, 0);
	for (unsigned i = 0; i < times; i++) {
		set_status(w, 0);
		while (status(w))
			test_pause();
		negotiate(w, w->negotiated);
		vq_enable(q);
		set_status(w, 15 & (w->legacy ? 7 : 15));
	}
	CHECK_EQ(open_files(), files);
	CHECK(running_threads() <= threads);
	reset(w);
	start(w, 0, 0);
	expect_alive(w);
}

TEST(HT_11, RINGS | VIEWS | INLINE)
{
	cycle(w, 100000);
}

TEST(HT_11b, SPLIT | MODERN)
{
	cycle(w, 100000);
}

TEST(HT_12, RINGS | VIEWS | IRQS | MODES)
{
	open_and_start(w, "queues=2", FEATURE(F_EVENT_IDX), 0);
	if (!w->legacy) {
		c_write(w, C_DEVICE_FEATURE_SELECT, 1);
		c_write(w, C_DRIVER_FEATURE_SELECT, 1);
	}
	config_write(w, 32, 1, 0);
	fence(&w->q[0]);
	fence(&w->q[1]);
	vq_break(&w->q[1]);
	EVENTUALLY(needs_reset(w));
	EVENTUALLY(config_irq_pending(w));
	reset(w);
	if (w->msix)
		irq_ack(w);
	CHECK_EQ(isr_read(w), 0);
	CHECK_EQ(config_read(w, 32, 1), 1);
	if (w->msix)
		CHECK_EQ(config_vector(w), NONE);
	if (w->legacy) {
		CHECK_EQ(l_read(w, L_SELECT), 0);
		CHECK_EQ(l_read(w, L_GUEST_FEATURES), 0);
	} else {
		CHECK_EQ(c_read(w, C_DEVICE_FEATURE_SELECT), 0);
		CHECK_EQ(c_read(w, C_DRIVER_FEATURE_SELECT), 0);
		CHECK_EQ(c_read(w, C_DRIVER_FEATURE), 0);
		CHECK_EQ(c_read(w, C_QUEUE_SELECT), 0);
		c_write(w, C_DRIVER_FEATURE_SELECT, 1);
		CHECK_EQ(c_read(w, C_DRIVER_FEATURE), 0);
	}
	for (unsigned i = 0; i < 2; i++) {
		if (w->msix)
			CHECK_EQ(queue_vector(w, i), NONE);
		if (w->legacy) {
			l_write(w, L_SELECT, i);
			CHECK_EQ(l_read(w, L_PAGE), 0);
			continue;
		}
		CHECK_EQ(cq_read(w, i, C_QUEUE_ENABLE), 0);
		CHECK_EQ(cq_read(w, i, C_QUEUE_SIZE), 64);
		CHECK_EQ(cq_read(w, i, C_QUEUE_DESC), 0);
		CHECK_EQ(cq_read(w, i, C_QUEUE_DRIVER), 0);
		CHECK_EQ(cq_read(w, i, C_QUEUE_DEVICE), 0);
	}
	expect_no_irq_at_all(w);
	start(w, 0, 0);
	/* Without event indices now. */
	expect_flags_rule(w);
	expect_alive(w);
}

/* The machine starts anew under the requests: as its reset does it. */
TEST(HT_13, RINGS | VIEWS | IRQS)
{
	struct req *r[4];

	open_and_start(w, NULL, 0, 0);
	for (unsigned i = 0; i < 3; i++) {
		hold(w, r, 4, BLK_T_IN);
		irq_ack(w);
		pci_host_reset(w->pci);
		CHECK_EQ(ram_disk_held(w->ram), 0);
		guest_mem_clear(&w->mem);
		ram_disk_release(w->ram);
		settle();
		for (unsigned k = 0; k < 4; k++) {
			CHECK(gall(w, r[k]->data, 0, 512));
			CHECK_EQ(status_at(w, r[k]->status), 0);
		}
		CHECK(gall(w, w->q[0].device, 0, w->packed ? 4 : 6 + 8 * 64));
		expect_no_irq_at_all(w);
		/* Firmware and driver again. */
		world_probe(w);
		set_command(w, PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
		CHECK_EQ(status(w), 0);
		if (w->msix) {
			for (unsigned k = 0; k < w->vectors; k++)
				msix_entry(w, k, MSI_BASE, MSI_DATA(k), false);
			msix_control(w, PCI_MSIX_FLAGS_ENABLE);
		}
		start(w, 0, 0);
		expect_alive(w);
	}
}

CASE(HT_14, 0, "a guest can neither be paused nor saved: there is no state to drain for")
{
	/* The nearest thing there is, bus mastering switched off, holds what comes. */
	open_and_start(w, NULL, 0, 0);
	set_command(w, PCI_COMMAND_MEMORY);
	submit(&w->q[0], BLK_T_FLUSH, 0, 0, 0);
	settle();
	CHECK_EQ(w->ram->submitted, 0);
	set_command(w, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	EVENTUALLY(vq_poll(&w->q[0]));
	expect_alive(w);
}

/* Capacities of which no byte is the same, in sectors. */
static const uint64_t capacities[] = {0x1234, 0xfedc};

static void resize(struct world *w, unsigned turn)
{
	ram_disk_resize(w->ram, capacities[turn & 1] * 512);
	virtio_blk_refresh(w->blk);
}

TEST(HT_15, RINGS | MODERN | MODES)
{
	struct meddler m;
	unsigned whole = 0;

	open_and_start(w, NULL, 0, 0);
	meddle(&m, w, resize);
	for (unsigned i = 0; i < 200000 && whole < 200; i++) {
		uint64_t before = c_read(w, C_GENERATION), capacity = 0;

		for (unsigned at = 0; at < 8; at++)
			capacity |= config_read(w, at, 1) << (8 * at);
		if (c_read(w, C_GENERATION) != before)
			continue;
		whole++;
		if (capacity != capacities[0] && capacity != capacities[1] &&
		    capacity != WORLD_DISK_SIZE / 512)
			FAIL("the capacity is %#llx, and the generation has not changed",
			     (unsigned long long)capacity);
	}
	meddle_end(&m);
	expect_alive(w);
}

/* The same without chance: a change between any two bytes shows. */
TEST(HT_15b, RINGS | MODERN)
{
	open_and_start(w, NULL, 0, 0);
	for (unsigned i = 0; i < 300; i++) {
		uint64_t before = c_read(w, C_GENERATION);

		config_read(w, i % 8, 1);
		resize(w, i);
		CHECK(c_read(w, C_GENERATION) != before);
	}
	expect_alive(w);
}

TEST(HT_16, RINGS | VIEWS)
{
	static const char *const engines[] = {"aio=sync", "aio=io_uring"};
	char path[TEMPORARY_PATH];
	int fd = temporary_file(path, WORLD_DISK_SIZE);
	struct req *r;

	/* The request is at the disk when its sectors go away. */
	open_and_start(w, NULL, 0, 0);
	ram_disk_hold(w->ram);
	r = submit(&w->q[0], BLK_T_OUT, SECTORS - 8, galloc(w, 4096, 4096), 4096);
	EVENTUALLY(ram_disk_held(w->ram) == 1);
	ram_disk_resize(w->ram, WORLD_DISK_SIZE / 2);
	virtio_blk_refresh(w->blk);
	ram_disk_release(w->ram);
	CHECK(finish(r) <= BLK_S_IOERR);
	CHECK_EQ(blk(&w->q[0], BLK_T_IN, SECTORS - 8, r->data, 4096), BLK_S_IOERR);
	CHECK_EQ(blk(&w->q[0], BLK_T_IN, SECTORS / 2 - 4, r->data, 4096), BLK_S_IOERR);
	CHECK_EQ(blk(&w->q[0], BLK_T_IN, SECTORS / 2 - 8, r->data, 4096), BLK_S_OK);
	expect_alive(w);
	/* The same with a file under it. */
	for (unsigned i = 0; i < COUNT(engines); i++) {
		CHECK(!ftruncate(fd, WORLD_DISK_SIZE));
		world_close(w);
		world_open_file(w, path, engines[i]);
		start(w, 0, 0);
		CHECK_EQ(blk(&w->q[0], BLK_T_IN, SECTORS - 8, r->data, 4096), BLK_S_OK);
		CHECK(!ftruncate(fd, WORLD_DISK_SIZE / 2));
		CHECK(blk(&w->q[0], BLK_T_IN, SECTORS - 8, r->data, 4096) <= BLK_S_IOERR);
		virtio_blk_refresh(w->blk);
		CHECK_EQ(config_read(w, 0, 8), SECTORS / 2);
		CHECK_EQ(blk(&w->q[0], BLK_T_IN, SECTORS - 8, r->data, 4096), BLK_S_IOERR);
		expect_alive(w);
	}
	close(fd);
	unlink(path);
}

/* A driver that looks once after it asked for an interrupt, and then trusts in it. */
TEST(HT_17, RINGS | VIEWS | MODES)
{
	for (unsigned events = 0; events < 2; events++) {
		struct vq *q = &w->q[0];
		struct piece pieces[2] = {{put_header(w, BLK_T_FLUSH, 0), 16, false},
					  {galloc(w, 1, 1), 1, true}};

		world_close(w);
		open_and_start(w, NULL, events ? FEATURE(F_EVENT_IDX) : 0, 0);
		for (unsigned i = 0; i < 3000; i++) {
			unsigned before = irq_messages(w, 1);

			if (events)
				vq_event_after(q, 30000 % q->size / 4, 2);
			else
				vq_interrupts(q, false);
			vq_add(q, pieces, 2);
			vq_kick(q);
			if (events)
				vq_event_after(q, 0, 2);
			else
				vq_interrupts(q, true);
			__atomic_thread_fence(__ATOMIC_SEQ_CST);
			if (vq_poll(q))
				continue;
			EVENTUALLY(irq_messages(w, 1) != before);
			EVENTUALLY(vq_poll(q));
		}
		expect_alive(w);
	}
}

static void flip_line(struct world *w, unsigned turn)
{
	uint16_t on = PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;

	set_command(w, (uint16_t)(on | (turn & 1 ? PCI_COMMAND_INTX_DISABLE : 0)));
}

TEST(HT_18, RINGS | VIEWS | INTX | MODES)
{
	static const char *const keys[] = {"signal=ioctl", "signal=irqfd"};

	for (unsigned k = 0; k < COUNT(keys); k++) {
		world_close(w);
		open_and_start(w, keys[k], 0, 0);
		for (unsigned i = 0; i < 20; i++) {
			struct meddler m;

			meddle(&m, w, flip_line);
			spin(&w->q[0], 60);
			meddle_end(&m);
			/* Enabled: as high as there is reason to. */
			flip_line(w, 0);
			settle();
			CHECK(irq_pending(w, 0));
			flip_line(w, 1);
			CHECK(!irq_pending(w, 0));
			flip_line(w, 0);
			CHECK(irq_pending(w, 0));
			CHECK_EQ(isr_read(w), ISR_QUEUE);
			CHECK(!irq_pending(w, 0));
		}
		expect_alive(w);
	}
}

static void storm(struct world *w, unsigned turn)
{
	/* Accesses that need the device's lock, the bus, the host's latch, or nobody. */
	if (w->legacy) {
		pio_read(w, w->bar[0] + turn % 64, 1);
	} else {
		mmio_read(w, w->common + turn % 64, 4);
		mmio_write(w, w->common + 22, 2, turn);
	}
	cfg_read(w, turn % 256, 1);
	mmio_write(w, NOWHERE, 4, turn);
	pio_read(w, 0x80, 1);
}

TEST(HT_19, RINGS | VIEWS | IRQS | MODES)
{
	struct meddler m[2];

	open_and_start(w, NULL, 0, 0);
	for (unsigned i = 0; i < 2; i++)
		meddle(&m[i], w, storm);
	for (unsigned i = 0; i < 500; i++) {
		struct vq *q = &w->q[0];
		struct piece pieces[2] = {{put_header(w, BLK_T_FLUSH, 0), 16, false},
					  {galloc(w, 1, 1), 1, true}};

		vq_add(q, pieces, 2);
		/* Not by way of a selected queue, which others select. */
		if (w->legacy)
			vq_kick(q);
		else
			mmio_write(w, w->notify, 2, 0);
		EVENTUALLY(vq_poll(q));
	}
	for (unsigned i = 0; i < 2; i++)
		meddle_end(&m[i]);
	expect_alive(w);
}
