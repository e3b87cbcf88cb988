/* SPDX-License-Identifier: MIT */
/* PCI-41 to 59: ISR, INTx, MSI-X, bus mastering and decoding. */
#include <linux/pci_regs.h>

#include "tests/conformance/wires.h"

static void resize(struct world *w, unsigned more)
{
	ram_disk_resize(w->ram, WORLD_DISK_SIZE + 512ull * more);
	virtio_blk_refresh(w->blk);
}

static bool interrupt_bit(struct world *w)
{
	return cfg_read(w, PCI_STATUS, 2) & PCI_STATUS_INTERRUPT;
}

TEST(PCI_41, RINGS | VIEWS | IRQS)
{
	open_and_start(w, NULL, 0, 0);
	CHECK_EQ(isr_read(w), 0);
	for (unsigned i = 1; i < 10; i++) {
		irq_ack(w);
		resize(w, i);
		EVENTUALLY(config_irq_pending(w));
		CHECK_EQ(isr_read(w) & ISR_CONFIG, ISR_CONFIG);
	}
}

TEST(PCI_42, RINGS | VIEWS | INTX | MODES)
{
	open_and_start(w, NULL, 0, 0);
	for (unsigned i = 0; i < 10; i++) {
		submit(&w->q[0], BLK_T_FLUSH, 0, 0, 0);
		expect_irq(w, 0);
		CHECK_EQ(isr_read(w), ISR_QUEUE);
		EVENTUALLY(vq_poll(&w->q[0]));
	}
}

TEST(PCI_43, RINGS | VIEWS | INTX)
{
	open_and_start(w, NULL, 0, 0);
	CHECK(!interrupt_bit(w));
	fence(&w->q[0]);
	expect_irq(w, 0);
	CHECK(interrupt_bit(w));
	CHECK_EQ(isr_read(w), ISR_QUEUE);
	CHECK(!interrupt_bit(w));
	resize(w, 1);
	CHECK(interrupt_bit(w));
	CHECK_EQ(isr_read(w), ISR_CONFIG);
	CHECK(!interrupt_bit(w));
}

TEST(PCI_44, RINGS | VIEWS | INTX | MODES)
{
	open_and_start(w, NULL, 0, 0);
	for (unsigned i = 1; i < 10; i++) {
		fence(&w->q[0]);
		expect_irq(w, 0);
		resize(w, i);
		CHECK_EQ(isr_read(w), ISR_QUEUE | ISR_CONFIG);
		CHECK(!irq_pending(w, 0));
		CHECK_EQ(isr_read(w), 0);
		expect_no_irq_at_all(w);
	}
}

TEST(PCI_45, RINGS | VIEWS | INTX | MODES)
{
	uint16_t on;

	open_and_start(w, NULL, 0, 0);
	on = command(w);
	/* Level: two events, one line, high until somebody looks. */
	fence(&w->q[0]);
	fence(&w->q[0]);
	expect_irq(w, 0);
	settle();
	CHECK(irq_pending(w, 0));
	CHECK_EQ(w->wires.raised, 1);
	CHECK_EQ(isr_read(w), ISR_QUEUE);
	CHECK(!irq_pending(w, 0));
	/* Disabled: the line is low, the bits are there. */
	set_command(w, on | PCI_COMMAND_INTX_DISABLE);
	fence(&w->q[0]);
	expect_no_irq_at_all(w);
	CHECK(interrupt_bit(w));
	set_command(w, on);
	expect_irq(w, 0);
	set_command(w, on | PCI_COMMAND_INTX_DISABLE);
	CHECK(!irq_pending(w, 0));
	set_command(w, on);
	CHECK(irq_pending(w, 0));
	CHECK_EQ(isr_read(w), ISR_QUEUE);
	CHECK(!irq_pending(w, 0));
}

TEST(PCI_46, RINGS | VIEWS | MODES)
{
	open_and_start(w, NULL, 0, 0);
	set_queue_vector(w, 0, NONE);
	irq_ack(w);
	for (unsigned i = 0; i < 20; i++)
		fence(&w->q[0]);
	expect_no_irq_at_all(w);
	CHECK_EQ(w->wires.total, 0);
	set_queue_vector(w, 0, 1);
	fence(&w->q[0]);
	expect_irq(w, 0);
}

TEST(PCI_47, RINGS | VIEWS)
{
	open_and_start(w, NULL, 0, 0);
	set_config_vector(w, NONE);
	for (unsigned i = 1; i < 10; i++)
		resize(w, i);
	expect_no_irq_at_all(w);
	CHECK_EQ(w->wires.total, 0);
	set_config_vector(w, 0);
	resize(w, 20);
	EVENTUALLY(config_irq_pending(w));
}

static const char *const queue_counts[] = {"queues=1", "queues=4", "queues=64"};

TEST(PCI_48, VIEWS)
{
	for (unsigned i = 0; i < 3; i++) {
		world_close(w);
		world_open(w, queue_counts[i]);
		CHECK(w->vectors >= 2 && w->vectors <= 0x800);
	}
}

/* Vectors below the table's size are there, the one above is not. */
TEST(PCI_49, VIEWS)
{
	static const unsigned counts[] = {2, 5, 65};

	for (unsigned i = 0; i < 3; i++) {
		world_close(w);
		world_open(w, queue_counts[i]);
		CHECK_EQ(cfg_read(w, w->cap_msix + PCI_MSIX_FLAGS, 2) & PCI_MSIX_FLAGS_QSIZE,
			 counts[i] - 1);
		set_config_vector(w, (uint16_t)(counts[i] - 1));
		CHECK_EQ(config_vector(w), counts[i] - 1);
		set_config_vector(w, (uint16_t)counts[i]);
		CHECK_EQ(config_vector(w), NONE);
	}
}

TEST(PCI_50, RINGS | VIEWS | MODES)
{
	static const uint16_t maps[][3] = {{2, 1, 0}, {0, 2, 1}, {1, 1, 1}, {2, 0, 2}, {0, 0, 0}};

	open_and_start(w, "queues=2", 0, 0);
	for (unsigned k = 0; k < 5; k++) {
		const uint16_t *map = maps[k]; /* configuration, queue 0, queue 1 */

		set_config_vector(w, map[0]);
		set_queue_vector(w, 0, map[1]);
		set_queue_vector(w, 1, map[2]);
		for (unsigned event = 0; event < 3; event++) {
			irq_ack(w);
			if (event)
				fence(&w->q[event - 1]);
			else
				resize(w, k + 1);
			EVENTUALLY(irq_messages(w, map[event]) == 1);
			settle();
			for (unsigned v = 0; v < 3; v++)
				CHECK_EQ(irq_messages(w, v), v == map[event]);
		}
	}
}

TEST(PCI_51, RINGS | VIEWS)
{
	open_and_start(w, "queues=2", 0, 0);
	for (unsigned i = 0; i < 5; i++) {
		set_queue_vector(w, 0, NONE);
		set_config_vector(w, NONE);
		CHECK_EQ(queue_vector(w, 0), NONE);
		CHECK_EQ(config_vector(w), NONE);
		irq_ack(w);
		fence(&w->q[0]);
		resize(w, 2 * i + 1);
		expect_no_irq_at_all(w);
		/* The other queue's stays. */
		fence(&w->q[1]);
		expect_irq(w, 1);
		set_queue_vector(w, 0, 1);
		set_config_vector(w, 0);
		irq_ack(w);
		fence(&w->q[0]);
		expect_irq(w, 0);
		resize(w, 2 * i + 2);
		EVENTUALLY(config_irq_pending(w));
	}
}

TEST(PCI_52, VIEWS)
{
	static const uint16_t none[] = {5, 6, 64, 0x7ff, 0x800, 0x8000, 0xfffe, 0xffff};

	world_open(w, "queues=4");
	CHECK_EQ(w->vectors, 5);
	for (uint16_t v = 0; v < 5; v++) {
		set_config_vector(w, v);
		CHECK_EQ(config_vector(w), v);
		set_queue_vector(w, 3, v);
		CHECK_EQ(queue_vector(w, 3), v);
	}
	for (unsigned i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		set_config_vector(w, 1);
		set_queue_vector(w, 2, 2);
		set_config_vector(w, none[i]);
		set_queue_vector(w, 2, none[i]);
		CHECK_EQ(config_vector(w), NONE);
		CHECK_EQ(queue_vector(w, 2), NONE);
	}
}

TEST(PCI_53, RINGS | VIEWS)
{
	world_open(w, "queues=4");
	for (unsigned round = 0; round < 2; round++) {
		CHECK_EQ(config_vector(w), NONE);
		for (unsigned i = 0; i < 4; i++)
			CHECK_EQ(queue_vector(w, i), NONE);
		start(w, 0, 0);
		CHECK_EQ(config_vector(w), 0);
		for (unsigned i = 0; i < 4; i++)
			CHECK_EQ(queue_vector(w, i), i + 1);
		reset(w);
	}
	CHECK_EQ(config_vector(w), NONE);
	for (unsigned i = 0; i < 4; i++)
		CHECK_EQ(queue_vector(w, i), NONE);
}

TEST(PCI_54, VIEWS)
{
	world_open(w, "queues=16");
	for (unsigned v = 0; v < w->vectors; v++) {
		set_config_vector(w, (uint16_t)v);
		CHECK_EQ(config_vector(w), v);
		for (unsigned i = 0; i < 16; i++) {
			set_queue_vector(w, i, (uint16_t)v);
			CHECK_EQ(queue_vector(w, i), v);
		}
	}
}

static void masked_and_back(struct world *w, bool function)
{
	unsigned vector = w->q[0].vector;

	for (unsigned i = 0; i < 5; i++) {
		irq_ack(w);
		if (function)
			msix_control(w, PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
		else
			msix_entry(w, vector, MSI_BASE, MSI_DATA(vector), true);
		CHECK(!msix_pending_bit(w, vector));
		fence(&w->q[0]);
		fence(&w->q[0]);
		EVENTUALLY(msix_pending_bit(w, vector));
		expect_no_irq_at_all(w);
		if (function)
			msix_control(w, PCI_MSIX_FLAGS_ENABLE);
		else
			msix_entry(w, vector, MSI_BASE, MSI_DATA(vector), false);
		expect_irq(w, 0);
		settle();
		CHECK_EQ(irq_messages(w, vector), 1);
		CHECK(!msix_pending_bit(w, vector));
	}
}

TEST(PCI_55, RINGS | VIEWS | MODES)
{
	open_and_start(w, NULL, 0, 0);
	masked_and_back(w, false);
	masked_and_back(w, true);
}

TEST(PCI_55b, RINGS | VIEWS)
{
	open_and_start(w, "notify=ioeventfd,signal=irqfd", 0, 0);
	masked_and_back(w, false);
	masked_and_back(w, true);
}

TEST(PCI_56, VIEWS | MODES)
{
	uint64_t table;

	open_and_start(w, NULL, 0, 0);
	table = w->bar[1] + (cfg_read(w, w->cap_msix + PCI_MSIX_TABLE, 4) & ~7u);
	CHECK_EQ(cfg_read(w, w->cap_msix + PCI_MSIX_TABLE, 4) & 7, 1);
	for (unsigned i = 0; i < 10; i++) {
		uint64_t address = 0x1fee00000ull + 0x1000 * i;

		/* In dwords and in qwords, written and read. */
		if (i % 2) {
			mmio_write(w, table + 16, 8, address);
			mmio_write(w, table + 24, 8, 0x1000 + i);
		} else {
			mmio_write(w, table + 16, 4, (uint32_t)address);
			mmio_write(w, table + 20, 4, address >> 32);
			mmio_write(w, table + 24, 4, 0x1000 + i);
			mmio_write(w, table + 28, 4, 0);
		}
		CHECK_EQ(mmio_read(w, table + 16, 8), address);
		CHECK_EQ(mmio_read(w, table + 20, 4), address >> 32);
		CHECK_EQ(mmio_read(w, table + 24, 4), 0x1000 + i);
		fence(&w->q[0]);
		EVENTUALLY(__atomic_load_n(&w->wires.strange, __ATOMIC_SEQ_CST) == i + 1);
		CHECK_EQ(w->wires.last.address, address);
		CHECK_EQ(w->wires.last.data, 0x1000 + i);
	}
}

TEST(PCI_57, RINGS | VIEWS | MODES)
{
	open_and_start(w, NULL, 0, 0);
	for (unsigned i = 0; i < 5; i++) {
		w->msix = true;
		fence(&w->q[0]);
		expect_irq(w, 0);
		settle();
		CHECK(!w->wires.level);
		irq_ack(w);
		isr_read(w);
		msix_control(w, 0);
		fence(&w->q[0]);
		w->msix = false;
		expect_irq(w, 0);
		settle();
		for (unsigned v = 0; v < w->vectors; v++)
			CHECK_EQ(irq_messages(w, v), 0);
		CHECK_EQ(isr_read(w), ISR_QUEUE);
		CHECK(!irq_pending(w, 0));
		msix_control(w, PCI_MSIX_FLAGS_ENABLE);
	}
}

TEST(PCI_58, RINGS | VIEWS | IRQS | MODES)
{
	uint16_t on;
	struct req *r;

	open_and_start(w, NULL, 0, 0);
	on = command(w);
	for (unsigned i = 0; i < 5; i++) {
		fence(&w->q[0]);
		settle();
		irq_ack(w);
		set_command(w, (uint16_t)(on & ~PCI_COMMAND_MASTER));
		r = submit(&w->q[0], BLK_T_IN, 0, galloc(w, 512, 512), 512);
		vq_kick(&w->q[0]);
		settle();
		CHECK(!is_done(r));
		CHECK_EQ(status_at(w, r->status), 0xff);
		resize(w, i + 1);
		settle();
		if (w->msix)
			CHECK_EQ(irq_messages(w, 0), 0);
		set_command(w, on);
		vq_kick(&w->q[0]);
		CHECK_EQ(finish(r), BLK_S_OK);
		expect_irq(w, 0);
		irq_ack(w);
	}
}

/* Another place for each BAR, while decoding is off. */
static void move_bars(struct world *w, unsigned round)
{
	uint16_t on = command(w);

	set_command(w, (uint16_t)(on & ~(PCI_COMMAND_IO | PCI_COMMAND_MEMORY)));
	for (unsigned bar = 0; bar < 6; bar++) {
		uint32_t low = cfg_read(w, PCI_BASE_ADDRESS_0 + 4 * bar, 4);
		uint64_t to = low & 1 ? 0xd000 + 0x400 * round
				      : 0xe8000000ull + 0x100000 * round + 0x10000 * bar;

		if (!low)
			continue;
		if ((low & 7) == 4)
			to += (uint64_t)(round % 3) << 36;
		cfg_write(w, PCI_BASE_ADDRESS_0 + 4 * bar, 4, (uint32_t)to);
		if ((low & 7) == 4)
			cfg_write(w, PCI_BASE_ADDRESS_0 + 4 * ++bar, 4, (uint32_t)(to >> 32));
	}
	set_command(w, on);
	world_probe(w);
}

static void check_moves(struct world *w)
{
	uint16_t on = command(w);

	for (unsigned round = 0; round < 6; round++) {
		uint64_t old_notify = w->notify, old_bar0 = w->bar[0];
		struct req *r;

		for (unsigned i = 0; i < 10; i++)
			fence(&w->q[i % 2]);
		settle();
		move_bars(w, round);
		irq_ack(w);
		r = submit_quietly(&w->q[0], BLK_T_IN, 0, galloc(w, 512, 512), 512);
		/* Nobody is where it was. */
		if (w->legacy) {
			CHECK(w->bar[0] != old_bar0);
			CHECK_EQ(pio_read(w, old_bar0, 4), 0xffffffff);
			pio_write(w, old_bar0 + 16, 2, 0);
		} else {
			CHECK(w->notify != old_notify);
			mmio_write(w, old_notify, 2, 0);
		}
		settle();
		CHECK(!is_done(r));
		vq_kick(&w->q[0]);
		CHECK_EQ(finish(r), BLK_S_OK);
		expect_irq(w, 0);
		if (w->msix) {
			msix_entry(w, 1, MSI_BASE, MSI_DATA(1), true);
			fence(&w->q[0]);
			EVENTUALLY(msix_pending_bit(w, 1));
			msix_entry(w, 1, MSI_BASE, MSI_DATA(1), false);
		}
	}
	/* Not decoded: nobody answers. */
	set_command(w, PCI_COMMAND_MASTER);
	CHECK_EQ(pio_read(w, w->bar[0], 4), w->legacy ? 0xffffffff : pio_read(w, w->bar[0], 4));
	if (!w->legacy)
		CHECK_EQ(mmio_read(w, w->common + 18, 2), 0xffff);
	set_command(w, on);
	expect_alive(w);
}

TEST(PCI_59, RINGS | VIEWS | IRQS | MODES)
{
	open_and_start(w, "queues=2", 0, 0);
	check_moves(w);
}

TEST(PCI_59b, RINGS | VIEWS | IRQS)
{
	open_and_start(w, "queues=2,notify=ioeventfd,signal=irqfd", 0, 0);
	CHECK_EQ(recorder_doorbells(&w->wires), 2);
	check_moves(w);
	CHECK_EQ(recorder_doorbells(&w->wires), 2);
}
