/* SPDX-License-Identifier: MIT */
/* HC-14 to 26: BARs that move, interrupts that are meddled with, two interfaces at once. */
#include <errno.h>
#include <linux/pci_regs.h>
#include <stdlib.h>

#include "tests/conformance/hostile/hostile.h"
#include "tests/conformance/wires.h"

static void put_bar(struct world *w, unsigned bar, uint64_t address, bool is_64)
{
	cfg_write(w, PCI_BASE_ADDRESS_0 + 4 * bar, 4, (uint32_t)address);
	if (is_64)
		cfg_write(w, PCI_BASE_ADDRESS_0 + 4 * bar + 4, 4, (uint32_t)(address >> 32));
}

static bool bar_is_64(struct world *w, unsigned bar)
{
	return (cfg_read(w, PCI_BASE_ADDRESS_0 + 4 * bar, 4) & 7) == 4;
}

TEST(HC_14, RINGS | VIEWS | IRQS)
{
	static const char *const keys[] = {"notify=exit", "notify=ioeventfd,signal=irqfd"};

	for (unsigned k = 0; k < COUNT(keys); k++) {
		world_close(w);
		open_and_start(w, keys[k], 0, 0);
		for (unsigned bar = 0; bar < 6; bar++) {
			const uint64_t places[] = {0x100000,   w->bar[1],          w->bar[4],
						   0xfee00000, 0xfec00000,         0,
						   0xfffff000, 0xffffffff,         0xcf8,
						   1ull << 52, 0xfffffffffffff000, w->bar[0],
						   0x60,       HIGH_BASE,          0xc000};
			uint64_t home = w->bar[bar];
			bool is_64 = bar_is_64(w, bar);

			if (!home)
				continue;
			for (unsigned i = 0; i < COUNT(places); i++) {
				put_bar(w, bar, places[i], is_64);
				/* Whoever answers there now: nobody goes down. */
				mmio_read(w, places[i], 4);
				mmio_write(w, places[i] + 0x1000, 1, 0);
				if (places[i] < 0x10000 && places[i] != 0xcf8)
					pio_read(w, places[i], 4);
				CHECK_EQ(cfg_read(w, PCI_VENDOR_ID, 2), 0x1af4);
			}
			put_bar(w, bar, home, is_64);
			world_probe(w);
			CHECK_EQ(w->bar[bar], home);
			CHECK(!needs_reset(w));
			expect_alive(w);
		}
	}
}

/* Where queue 0 is kicked, and with what: as the variant's interface has it. */
static uint64_t doorbell(struct world *w)
{
	return w->legacy ? w->bar[0] + 16 : w->notify;
}

static void ring_at(struct world *w, uint64_t at)
{
	if (w->legacy)
		pio_write(w, at, 2, 0);
	else
		mmio_write(w, at, 2, 0);
}

TEST(HC_15, RINGS | VIEWS)
{
	static const char *const keys[] = {"notify=exit", "notify=ioeventfd"};

	for (unsigned k = 0; k < COUNT(keys); k++) {
		unsigned bar = w->legacy ? 0 : 4;
		struct req *r[2], *later;
		uint64_t old;

		world_close(w);
		open_and_start(w, keys[k], 0, 0);
		old = doorbell(w);
		hold(w, r, 2, BLK_T_IN);
		put_bar(w, bar, w->legacy ? 0x4000 : 0xd8000000, bar_is_64(w, bar));
		world_probe(w);
		CHECK(doorbell(w) != old);
		CHECK_EQ(recorder_doorbells(&w->wires), k);
		ram_disk_release(w->ram);
		for (unsigned i = 0; i < 2; i++)
			CHECK_EQ(finish(r[i]), BLK_S_OK);
		settle();
		later = submit_quietly(&w->q[0], BLK_T_FLUSH, 0, 0, 0);
		ring_at(w, old);
		settle();
		CHECK(!is_done(later));
		ring_at(w, doorbell(w));
		CHECK_EQ(finish(later), BLK_S_OK);
		/* Decoding off, with something at the disk. */
		hold(w, r, 2, BLK_T_IN);
		set_command(w, PCI_COMMAND_MASTER);
		CHECK_EQ(recorder_doorbells(&w->wires), 0);
		ram_disk_release(w->ram);
		for (unsigned i = 0; i < 2; i++)
			CHECK_EQ(finish(r[i]), BLK_S_OK);
		settle();
		later = submit_quietly(&w->q[0], BLK_T_FLUSH, 0, 0, 0);
		ring_at(w, doorbell(w));
		settle();
		CHECK(!is_done(later));
		set_command(w, PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
		ring_at(w, doorbell(w));
		CHECK_EQ(finish(later), BLK_S_OK);
		expect_alive(w);
	}
}

TEST(HC_16, RINGS | VIEWS | IRQS)
{
	struct req *r[2], *later;

	open_and_start(w, NULL, 0, 0);
	hold(w, r, 2, BLK_T_IN);
	irq_ack(w);
	set_command(w, PCI_COMMAND_IO | PCI_COMMAND_MEMORY);
	/* Nothing is begun any more. */
	later = submit(&w->q[0], BLK_T_IN, 0, galloc(w, 512, 512), 512);
	gset(w, later->data, POISON, 512);
	settle();
	CHECK_EQ(ram_disk_held(w->ram), 2);
	ram_disk_release(w->ram);
	settle();
	CHECK_EQ(status_at(w, later->status), NO_STATUS);
	CHECK(gall(w, later->data, POISON, 512));
	/* A message is a write to memory, too. The line is none. */
	if (w->msix)
		expect_no_irq_at_all(w);
	set_command(w, PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	for (unsigned i = 0; i < 2; i++)
		CHECK_EQ(finish(r[i]), BLK_S_OK);
	CHECK_EQ(finish(later), BLK_S_OK);
	expect_irq(w, 0);
	expect_alive(w);
}

/* The bytes of MSI-X table and pending bits. */
static uint64_t msix_at(struct world *w, unsigned reg)
{
	uint32_t value = cfg_read(w, w->cap_msix + reg, 4);

	return w->bar[value & 7] + (value & ~7u);
}

TEST(HC_17, VIEWS | MODES)
{
	uint64_t table, pba;
	uint32_t before[8];

	open_and_start(w, NULL, 0, 0);
	table = msix_at(w, PCI_MSIX_TABLE);
	pba = msix_at(w, PCI_MSIX_PBA);
	for (unsigned i = 0; i < 8; i++)
		before[i] = (uint32_t)mmio_read(w, table + 4 * i, 4);
	for (unsigned at = 0; at < 0x1000; at++) {
		static const unsigned sizes[] = {1, 2, 4, 8};

		for (unsigned k = 0; k < 4; k++) {
			unsigned size = sizes[k];
			bool whole = at < 32 && size >= 4 && at % size == 0;

			mmio_read(w, table + at, size);
			if (!whole)
				mmio_write(w, table + at, size, 0xdeadbeefdeadbeefull);
		}
	}
	for (unsigned i = 0; i < 8; i++)
		CHECK_EQ(mmio_read(w, table + 4 * i, 4), before[i]);
	CHECK_EQ(mmio_read(w, pba, 4), 0);
	/* Two fields at once. */
	mmio_write(w, table + 16, 8, MSI_BASE);
	irq_ack(w);
	fence(&w->q[0]);
	expect_irq(w, 0);
	expect_alive(w);
}

TEST(HC_18, RINGS | VIEWS | MODES)
{
	static const char *const keys[] = {"signal=ioctl", "signal=irqfd"};

	for (unsigned k = 0; k < COUNT(keys); k++) {
		const uint64_t places[] = {0x100000, 0xfec00000, 0, ~3ull, 1ull << 40, w->bar[4]};

		world_close(w);
		open_and_start(w, keys[k], 0, 0);
		w->wires.msi_error = -EINVAL;
		w->wires.shortcuts = false; /* no route can be made for them, either */
		log_begin();
		for (unsigned i = 0; i < COUNT(places); i++) {
			msix_entry(w, 1, places[i], 0xffffffff, false);
			spin(&w->q[0], 200);
		}
		settle();
		CHECK(log_lines() < 30);
		CHECK(!needs_reset(w));
		w->wires.msi_error = 0;
		msix_entry(w, 1, MSI_BASE, MSI_DATA(1), false);
		irq_ack(w);
		fence(&w->q[0]);
		expect_irq(w, 0);
		expect_alive(w);
	}
}

static void flip_mask(struct world *w, unsigned turn)
{
	/* The vector's own bit, or all of them. */
	if (turn & 2)
		mmio_write(w, w->acked[MAX_VECTORS - 1] + w->bar[1] + 16 + 12, 4, turn & 1);
	else
		cfg_write(w, w->cap_msix + PCI_MSIX_FLAGS, 2,
			  PCI_MSIX_FLAGS_ENABLE | (turn & 1 ? PCI_MSIX_FLAGS_MASKALL : 0));
}

TEST(HC_19, RINGS | VIEWS | MODES)
{
	static const char *const keys[] = {"signal=ioctl", "signal=irqfd"};

	for (unsigned k = 0; k < COUNT(keys); k++) {
		struct meddler m;

		world_close(w);
		open_and_start(w, keys[k], 0, 0);
		CHECK_EQ(msix_at(w, PCI_MSIX_TABLE), w->bar[1]);
		for (unsigned round = 0; round < 10; round++) {
			irq_ack(w);
			meddle(&m, w, flip_mask);
			spin(&w->q[0], 100);
			meddle_end(&m);
			msix_control(w, PCI_MSIX_FLAGS_ENABLE);
			msix_entry(w, 1, MSI_BASE, MSI_DATA(1), false);
			/* A hundred completions: at least one message came of them, and no bit
			 * is left behind. */
			expect_irq(w, 0);
			CHECK(!msix_pending_bit(w, 1));
		}
		/* Held back while masked, delivered once. */
		msix_entry(w, 1, MSI_BASE, MSI_DATA(1), true);
		irq_ack(w);
		fence(&w->q[0]);
		fence(&w->q[0]);
		expect_no_irq_at_all(w);
		CHECK(msix_pending_bit(w, 1));
		msix_entry(w, 1, MSI_BASE, MSI_DATA(1), false);
		settle();
		CHECK_EQ(irq_messages(w, 1), 1);
		CHECK(!msix_pending_bit(w, 1));
		expect_alive(w);
	}
}

static void flip_enable(struct world *w, unsigned turn)
{
	if (turn & 1)
		msix_entry(w, 1, MSI_BASE, MSI_DATA(turn & 2 ? 1 : 3), false);
	else
		cfg_write(w, w->cap_msix + PCI_MSIX_FLAGS, 2, turn & 2 ? PCI_MSIX_FLAGS_ENABLE : 0);
}

TEST(HC_20, RINGS | VIEWS | MODES)
{
	static const char *const keys[] = {"signal=ioctl", "signal=irqfd"};

	for (unsigned k = 0; k < COUNT(keys); k++) {
		struct meddler m;

		world_close(w);
		open_and_start(w, keys[k], 0, 0);
		meddle(&m, w, flip_enable);
		spin(&w->q[0], 1500);
		meddle_end(&m);
		/* Each message that went out was one of the two, whole. */
		msix_control(w, PCI_MSIX_FLAGS_ENABLE);
		msix_entry(w, 1, MSI_BASE, MSI_DATA(1), false);
		settle();
		recorder_collect(&w->wires);
		CHECK_EQ(w->wires.strange, 0);
		for (unsigned i = 0; i < MAX_VECTORS; i++)
			CHECK(i == 0 || i == 1 || i == 3 || !w->wires.messages[i]);
		irq_ack(w);
		fence(&w->q[0]);
		expect_irq(w, 0);
		expect_alive(w);
	}
}

static unsigned isr_seen;

static void read_isr(struct world *w, unsigned turn)
{
	if (isr_read(w) & ISR_QUEUE)
		__atomic_fetch_add(&isr_seen, 1, __ATOMIC_SEQ_CST);
}

TEST(HC_21, RINGS | VIEWS | INTX | MODES)
{
	struct meddler m;

	open_and_start(w, NULL, 0, 0);
	meddle(&m, w, read_isr);
	for (unsigned i = 0; i < 1500; i++) {
		unsigned before = __atomic_load_n(&isr_seen, __ATOMIC_SEQ_CST);
		uint64_t mark = w->next_free;

		CHECK_EQ(blk(&w->q[0], BLK_T_FLUSH, 0, 0, 0), BLK_S_OK);
		/* Whoever reads all the time sees one for each that was sent. */
		EVENTUALLY(__atomic_load_n(&isr_seen, __ATOMIC_SEQ_CST) > before);
		w->next_free = mark;
	}
	meddle_end(&m);
	isr_read(w);
	expect_no_irq_at_all(w);
	expect_alive(w);
}

TEST(HC_24, LEGACY | IRQS | MODES)
{
	static const uint32_t pages[] = {
	    0xffffffff,    0xfffffffe,     RAM_END >> 12,         (RAM_END >> 12) - 1, 0xfee00,
	    NOWHERE >> 12, HIGH_END >> 12, (HIGH_BASE >> 12) - 1, (ROM_BASE >> 12),    0x80000000};

	world_open(w, NULL);
	for (unsigned i = 0; i < COUNT(pages); i++) {
		negotiate(w, usual_features(w));
		if (w->msix)
			set_config_vector(w, 0);
		l_write(w, L_SELECT, 0);
		l_write(w, L_PAGE, pages[i]);
		set_status(w, STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_DRIVER_OK);
		CHECK(needs_reset(w));
		for (unsigned k = 0; k < 3; k++)
			l_write(w, L_NOTIFY, 0);
		settle();
		reset(w);
	}
	start(w, 0, 0);
	expect_alive(w);
}

TEST(HC_25, LEGACY | IRQS | MODES)
{
	uint64_t elsewhere = galloc(w, 32768, 4096);
	uint32_t was;

	open_and_start(w, NULL, 0, 0);
	spin(&w->q[0], 5);
	gset(w, elsewhere, POISON, 32768);
	l_write(w, L_SELECT, 0);
	was = l_read(w, L_PAGE);
	l_write(w, L_PAGE, (uint32_t)(elsewhere >> 12));
	CHECK_EQ(l_read(w, L_PAGE), was);
	spin(&w->q[0], 100);
	l_write(w, L_PAGE, 0xffffffff);
	expect_alive(w);
	CHECK(gall(w, elsewhere, POISON, 32768));
	/* By way of 0 it can move. */
	l_write(w, L_PAGE, 0);
	CHECK_EQ(l_read(w, L_PAGE), 0);
	setup_queue(w, 0, 0);
	CHECK(l_read(w, L_PAGE) != was);
	expect_alive(w);
}

/* The other interface of a transitional device, for one step. */
static void other(struct world *w)
{
	w->legacy = !w->legacy;
}

TEST(HC_26, SPLIT | VIEWS | IRQS | MODES)
{
	world_open(w, "transport=transitional");
	/* Features from this side, a queue from the other. */
	negotiate(w, usual_features(w));
	other(w);
	vq_init(w, &w->q[0], 0, 64, false);
	if (w->legacy)
		l_write(w, L_SELECT, 0);
	vq_enable(&w->q[0]);
	set_status(w, STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_DRIVER_OK);
	/* One status, one set of features, seen from both. */
	for (unsigned i = 0; i < 2; i++, other(w)) {
		uint8_t here = status(w), there;

		other(w);
		there = status(w);
		other(w);
		CHECK_EQ(here, there);
	}
	vq_kick(&w->q[0]);
	mmio_write(w, w->notify, 2, 0);
	pio_write(w, w->bar[0] + 16, 2, 0);
	settle();
	/* A reset from either side ends it for both. */
	reset(w);
	other(w);
	CHECK_EQ(status(w), 0);
	for (unsigned round = 0; round < 4; round++, other(w)) {
		start(w, 0, 0);
		expect_alive(w);
		/* The other side's setting up is too late. */
		other(w);
		if (w->legacy) {
			l_write(w, L_GUEST_FEATURES, 0);
			l_write(w, L_SELECT, 0);
			l_write(w, L_PAGE, 0x300);
		} else {
			set_features(w, 0);
			cq_write(w, 0, C_QUEUE_ENABLE, 1);
			cq_write(w, 0, C_QUEUE_SIZE, 8);
		}
		other(w);
		expect_alive(w);
		reset(w);
	}
}
