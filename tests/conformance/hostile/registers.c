/* SPDX-License-Identifier: MIT */
/* HC-01 to 13, 22, 23, 27, 28: accesses of any width at any place. */
#include <linux/pci_regs.h>
#include <linux/virtio_pci.h>
#include <stdlib.h>

#include "tests/conformance/hostile/hostile.h"

static const unsigned widths[] = {1, 2, 4, 8};

/* The registers of the common configuration, as bytes. */
static void common_bytes(struct world *w, uint8_t bytes[64])
{
	for (unsigned i = 0; i < 64; i++)
		bytes[i] = (uint8_t)mmio_read(w, w->common + i, 1);
}

/* Is this the place and width of a register, or of half of a long one? */
static bool is_register(unsigned at, unsigned size)
{
	static const unsigned all[] = {C_DEVICE_FEATURE_SELECT,
				       C_DEVICE_FEATURE,
				       C_DRIVER_FEATURE_SELECT,
				       C_DRIVER_FEATURE,
				       C_CONFIG_VECTOR,
				       C_NUM_QUEUES,
				       C_STATUS,
				       C_GENERATION,
				       C_QUEUE_SELECT,
				       C_QUEUE_SIZE,
				       C_QUEUE_VECTOR,
				       C_QUEUE_ENABLE,
				       C_NOTIFY_OFF,
				       C_QUEUE_DESC,
				       C_QUEUE_DRIVER,
				       C_QUEUE_DEVICE,
				       C_NOTIF_DATA,
				       C_QUEUE_RESET};

	for (unsigned i = 0; i < COUNT(all); i++) {
		unsigned first = all[i] >> 8, width = all[i] & 0xff;

		if ((at == first && size == width) ||
		    (width == 8 && size == 4 && (at == first || at == first + 4)))
			return true;
	}
	return false;
}

TEST(HC_01, RINGS | MODERN | MODES)
{
	uint8_t before[64], after[64];

	open_and_start(w, NULL, 0, 0);
	common_bytes(w, before);
	for (unsigned k = 0; k < COUNT(widths); k++)
		for (unsigned at = 0; at + widths[k] <= 64; at++) {
			uint64_t value = mmio_read(w, w->common + at, widths[k]), want = 0;

			/* Whatever the width: the bytes that are there. */
			memcpy(&want, before + at, widths[k]);
			CHECK_EQ(value, want);
			if (is_register(at, widths[k]))
				continue;
			mmio_write(w, w->common + at, widths[k], 0);
			mmio_write(w, w->common + at, widths[k], 0x0102030405060708ull);
			mmio_write(w, w->common + at, widths[k], ~0ull);
		}
	common_bytes(w, after);
	CHECK(!memcmp(before, after, 64));
	expect_alive(w);
}

/* Accesses around an address; none of them may change what the device is. */
static void poke_around(struct world *w, uint64_t at, unsigned from)
{
	for (uint64_t i = at - from; i < at + 16; i++)
		for (unsigned k = 0; k < COUNT(widths); k++) {
			mmio_read(w, i, widths[k]);
			if (i + widths[k] > at)
				mmio_write(w, i, widths[k], ~0ull);
		}
}

TEST(HC_02, RINGS | MODERN | IRQS | MODES)
{
	uint8_t before[64], after[64];
	uint64_t modern = 0;

	open_and_start(w, "queues=2", 0, 0);
	for (unsigned i = 0; i < 6; i++)
		if (w->bar[i] && w->common - w->bar[i] < 0x4000)
			modern = w->bar[i];
	common_bytes(w, before);
	/* Ends of the structures, of the BAR, and the gap between structures. */
	poke_around(w, w->common + 64, 8);
	poke_around(w, w->isr + 1, 0);
	poke_around(w, w->device + w->device_length, 8);
	poke_around(w, w->notify + w->notify_length, 0);
	poke_around(w, modern + 0x4000, 8);
	CHECK_EQ(mmio_read(w, w->common + 64, 4), 0);
	CHECK_EQ(mmio_read(w, w->common + 60, 8), 0);
	CHECK_EQ(mmio_read(w, w->device + w->device_length, 8), 0);
	CHECK_EQ(mmio_read(w, w->notify + w->notify_length, 4), 0);
	/* Over the BAR's end there is nobody. */
	CHECK_EQ(mmio_read(w, modern + 0x3ffc, 8), ~0ull);
	common_bytes(w, after);
	CHECK(!memcmp(before, after, 64));
	fence(&w->q[1]);
	expect_alive(w);
}

TEST(HC_03, VIEWS | IRQS)
{
	uint8_t *before;

	open_and_start(w, NULL, 0, 0);
	before = malloc(128);
	for (unsigned i = 0; i < 96; i++)
		before[i] = (uint8_t)config_read(w, i, 1);
	for (unsigned k = 0; k < 3; k++) {
		unsigned last = w->legacy ? 100 : 4095;

		for (unsigned at = 60; at + widths[k] <= last; at++) {
			uint64_t value = config_read(w, at, widths[k]);

			for (unsigned i = 0; i < widths[k]; i++)
				CHECK_EQ(value >> (8 * i) & 0xff, at + i < 96 ? before[at + i] : 0);
			config_write(w, at, widths[k], 0x55aa55aa);
		}
	}
	for (unsigned i = 0; i < 96; i++)
		CHECK_EQ(config_read(w, i, 1), before[i]);
	free(before);
	expect_alive(w);
}

TEST(HC_04, MODERN | MODES)
{
	static const unsigned odd[] = {3, 5, 6, 7, 8, 16};
	uint8_t before[96];

	open_and_start(w, NULL, 0, 0);
	for (unsigned i = 0; i < 96; i++)
		before[i] = (uint8_t)config_read(w, i, 1);
	for (unsigned k = 0; k < COUNT(odd); k++)
		for (unsigned at = 0; at < 96; at++) {
			uint64_t value = 0;

			bus_write(w->bus, BUS_MMIO, w->device + at, odd[k], 0x0101010101010101ull);
			bus_write(w->bus, BUS_MMIO, w->common + at % 64, odd[k], 0);
			bus_read(w->bus, BUS_MMIO, w->device + at, odd[k], &value);
		}
	for (unsigned i = 0; i < 96; i++)
		CHECK_EQ(config_read(w, i, 1), before[i]);
	expect_alive(w);
}

/* Every field but `writeback`, each width. */
static void write_all_fields(struct world *w, uint64_t value)
{
	for (unsigned k = 0; k < 3; k++)
		for (unsigned at = 0; at + widths[k] <= 96; at++)
			if (at != 32 || widths[k] != 1)
				config_write(w, at, widths[k], value);
}

TEST(HC_05, VIEWS | IRQS)
{
	uint8_t before[96];

	open_and_start(w, NULL, 0, 0);
	for (unsigned i = 0; i < 96; i++)
		before[i] = (uint8_t)config_read(w, i, 1);
	write_all_fields(w, ~0ull);
	write_all_fields(w, 0);
	for (unsigned i = 0; i < 96; i++)
		CHECK_EQ(config_read(w, i, 1), before[i]);
	CHECK_EQ(blk(&w->q[0], BLK_T_IN, WORLD_DISK_SIZE / 512, galloc(w, 512, 16), 512),
		 BLK_S_IOERR);
	expect_alive(w);
}

TEST(HC_06, VIEWS | IRQS)
{
	open_and_start(w, NULL, 0, 0);
	for (unsigned value = 2; value < 256; value++) {
		config_write(w, 32, 1, value & 1 ? 0 : 1);
		config_write(w, 32, 1, value);
		CHECK(config_read(w, 32, 1) <= 1);
	}
	expect_alive(w);
}

TEST(HC_07, MODERN)
{
	static const unsigned read_only[] = {C_NUM_QUEUES, C_GENERATION, C_NOTIFY_OFF,
					     C_DEVICE_FEATURE, C_NOTIF_DATA};

	open_and_start(w, "queues=2", 0, 0);
	c_write(w, C_QUEUE_SELECT, 1);
	for (unsigned i = 0; i < COUNT(read_only); i++) {
		uint64_t was = c_read(w, read_only[i]);

		c_write(w, read_only[i], ~was);
		c_write(w, read_only[i], 0);
		CHECK_EQ(c_read(w, read_only[i]), was);
	}
	fence(&w->q[1]);
	expect_alive(w);
}

static void aim(struct world *w, unsigned bar, uint32_t offset, uint32_t length)
{
	cfg_write(w, w->cap_window + VIRTIO_PCI_CAP_BAR, 1, bar);
	cfg_write(w, w->cap_window + VIRTIO_PCI_CAP_OFFSET, 4, offset);
	cfg_write(w, w->cap_window + VIRTIO_PCI_CAP_LENGTH, 4, length);
}

static unsigned modern_bar(struct world *w)
{
	return cfg_read(w, w->cap_common + VIRTIO_PCI_CAP_BAR, 1);
}

static uint32_t structure_offset(struct world *w, unsigned cap)
{
	return cfg_read(w, cap + VIRTIO_PCI_CAP_OFFSET, 4);
}

/* No access is performed: the status stays, a write of 0 to it does not reset. */
static void expect_window_shut(struct world *w)
{
	unsigned data = w->cap_window + 16;
	uint8_t was = status(w);

	cfg_write(w, data, 4, 0);
	cfg_read(w, data, 4);
	cfg_write(w, data, 1, 0);
	cfg_read(w, data + 1, 1);
	CHECK_EQ(status(w), was);
	/* What is read is what was written: bytes of configuration space. */
	cfg_write(w, data, 4, 0x12345678);
	CHECK_EQ(cfg_read(w, data, 4), 0x12345678);
}

TEST(HC_08, MODERN | IRQS)
{
	static const uint32_t lengths[] = {0, 3, 5, 8, 16, 0x80000001, 0xffffffff};
	uint32_t at;

	open_and_start(w, NULL, 0, 0);
	at = structure_offset(w, w->cap_common) + 20;
	for (unsigned i = 0; i < COUNT(lengths); i++) {
		aim(w, modern_bar(w), at, lengths[i]);
		expect_window_shut(w);
	}
	/* It is no worse for it. */
	CHECK_EQ(window_read(w, w->common + 20, 1), status(w));
	expect_alive(w);
}

TEST(HC_09, MODERN | IRQS)
{
	static const unsigned bars[] = {6, 7, 8, 127, 255, 2, 3, 5};
	uint32_t at;

	open_and_start(w, NULL, 0, 0);
	at = structure_offset(w, w->cap_common) + 20;
	for (unsigned i = 0; i < COUNT(bars); i++) {
		if (bars[i] == modern_bar(w))
			continue;
		aim(w, bars[i], at, 1);
		expect_window_shut(w);
	}
	expect_alive(w);
}

TEST(HC_10, MODERN | IRQS)
{
	static const struct {
		uint32_t offset, length;
	} rows[] = {{21, 2},         {22, 4},         {23, 2},         {0x3fff, 2},
		    {0x4000, 1},     {0x4000, 4},     {0xfffffffc, 4}, {0xffffffff, 1},
		    {0x7ffffffc, 4}, {0xfffffffe, 2}, {0x10000014, 1}};
	uint8_t before[64], after[64];

	open_and_start(w, NULL, 0, 0);
	for (unsigned i = 0; i < COUNT(rows); i++) {
		aim(w, modern_bar(w), rows[i].offset, rows[i].length);
		common_bytes(w, before);
		expect_window_shut(w);
		common_bytes(w, after);
		CHECK(!memcmp(before, after, 64));
	}
	expect_alive(w);
}

TEST(HC_11, MODERN | MODES)
{
	uint32_t table, bar;

	open_and_start(w, NULL, 0, 0);
	table = cfg_read(w, w->cap_msix + PCI_MSIX_TABLE, 4);
	bar = table & 7;
	/* Mask and unmask vector 1 by way of the window, with something pending. */
	aim(w, bar, (table & ~7u) + 16 + 12, 4);
	cfg_write(w, w->cap_window + 16, 4, 1);
	irq_ack(w);
	fence(&w->q[0]);
	expect_no_irq_at_all(w);
	CHECK(msix_pending_bit(w, 1));
	CHECK_EQ(cfg_read(w, w->cap_window + 16, 4), 1);
	cfg_write(w, w->cap_window + 16, 4, 0);
	expect_irq(w, 0);
	aim(w, bar, cfg_read(w, w->cap_msix + PCI_MSIX_PBA, 4) & ~7u, 4);
	CHECK_EQ(cfg_read(w, w->cap_window + 16, 4), 0);
	cfg_write(w, w->cap_window + 16, 4, ~0u);
	CHECK_EQ(cfg_read(w, w->cap_window + 16, 4), 0);
	expect_alive(w);
}

TEST(HC_12, RINGS | MODERN | IRQS)
{
	struct req *r[2];

	open_and_start(w, NULL, 0, 0);
	for (unsigned i = 0; i < 5; i++) {
		hold(w, r, 2, BLK_T_IN);
		window_write(w, w->common + 20, 1, 0);
		EVENTUALLY(!window_read(w, w->common + 20, 1));
		CHECK_EQ(ram_disk_held(w->ram), 0);
		ram_disk_release(w->ram);
		start(w, 0, 0);
		expect_alive(w);
	}
}

TEST(HC_13, MODERN)
{
	open_and_start(w, NULL, 0, 0);
	for (unsigned reg = 0; reg < 256; reg += 4)
		for (unsigned off = 0; off < 4; off++)
			for (unsigned k = 0; k < 3; k++) {
				uint32_t dword = cfg_read(w, reg, 4), value, ones;

				if (reg == (w->cap_window + 16u))
					continue;
				value = cfg_read(w, reg + off, widths[k]);
				ones = widths[k] < 4 ? (1u << (8 * widths[k])) - 1 : ~0u;
				if (off + widths[k] <= 4)
					CHECK_EQ(value, dword >> (8 * off) & ones);
				else
					CHECK_EQ(value, ones);
			}
	/* What straddles is dropped when written. */
	for (unsigned reg = PCI_BASE_ADDRESS_0; reg < PCI_BASE_ADDRESS_5; reg += 4) {
		uint32_t was = cfg_read(w, reg, 4);

		cfg_write(w, reg + 1, 4, ~0u);
		cfg_write(w, reg + 3, 2, 0xffff);
		cfg_write(w, reg + 3, 4, 0);
		CHECK_EQ(cfg_read(w, reg, 4), was);
	}
	expect_alive(w);
}

TEST(HC_22, VIEWS | IRQS)
{
	/* Registers that a driver may write. */
	static const struct {
		unsigned first, count;
	} writable[] = {{PCI_COMMAND, 2},
			{PCI_STATUS, 2},
			{PCI_CACHE_LINE_SIZE, 1},
			{PCI_BASE_ADDRESS_0, 24},
			{PCI_INTERRUPT_LINE, 1}};
	uint8_t before[256];

	open_and_start(w, NULL, 0, 0);
	for (unsigned i = 0; i < 256; i++)
		before[i] = (uint8_t)cfg_read(w, i, 1);
	for (unsigned i = 0; i < 256; i++) {
		bool may = (w->cap_window && i >= w->cap_window + 4u && i < w->cap_window + 20u) ||
			   (w->cap_msix && i == w->cap_msix + 3u) || i == w->cap_af + 4u;

		for (unsigned k = 0; k < COUNT(writable); k++)
			may |= i - writable[k].first < writable[k].count;
		if (may)
			continue;
		cfg_write(w, i, 1, (uint8_t)~before[i]);
		CHECK_EQ(cfg_read(w, i, 1), before[i]);
		if (i % 4 == 0 && i != 4) {
			cfg_write(w, i, 1, 0);
			CHECK_EQ(cfg_read(w, i, 1), before[i]);
		}
	}
	expect_alive(w);
}

TEST(HC_23, LEGACY | IRQS)
{
	uint8_t bytes[64];

	open_and_start(w, NULL, 0, 0);
	for (unsigned round = 0; round < 4; round++) {
		if (w->cap_msix)
			msix_control(w, round & 1 ? 0 : PCI_MSIX_FLAGS_ENABLE);
		for (unsigned i = 0; i < 64; i++)
			bytes[i] = (uint8_t)pio_read(w, w->bar[0] + i, 1);
		for (unsigned k = 0; k < 3; k++)
			for (unsigned at = 0; at + widths[k] <= 64; at++) {
				uint32_t value = pio_read(w, w->bar[0] + at, widths[k]), want = 0;

				memcpy(&want, bytes + at, widths[k]);
				/* But for the ISR, which reading clears. */
				if (at <= 19 && at + widths[k] > 19)
					continue;
				CHECK_EQ(value, want);
			}
		/* The border: what is written over it is nothing. */
		pio_write(w, w->bar[0] + 18, 4, 0);
		pio_write(w, w->bar[0] + 19, 2, 0);
		pio_write(w, w->bar[0] + 22, 4, 0);
		CHECK(status(w) & STATUS_DRIVER_OK);
	}
	if (w->msix)
		msix_control(w, PCI_MSIX_FLAGS_ENABLE);
	expect_alive(w);
}

/*
 * KVM hands the handlers what it cut an instruction into: strings item by item, wide stores in
 * pieces of eight bytes, and what crosses a page in pieces of any width.
 */
TEST(HC_27, RINGS | VIEWS | IRQS | MODES)
{
	uint8_t before[64], after[64];

	open_and_start(w, NULL, 0, 0);
	if (!w->legacy)
		common_bytes(w, before);
	for (unsigned i = 0; i < 5000; i++) {
		uint64_t value = 0;

		if (w->legacy) {
			pio_write(w, w->bar[0] + 16, 1 << i % 3, 0);
			pio_read(w, w->bar[0] + i % 128, 1 << i % 3);
			continue;
		}
		/* 32 bytes over read-only registers, the doorbell, the ISR. */
		mmio_write(w, w->notify + i % 4 * 8, 8, ~0ull);
		mmio_write(w, w->isr + i % 4 * 8, 8, ~0ull);
		bus_read(w->bus, BUS_MMIO, w->notify + i % 16, 1 + i % 8, &value);
		bus_write(w->bus, BUS_MMIO, w->common + 61 + i % 3, 1 + i % 8, ~0ull);
		bus_write(w->bus, BUS_MMIO, w->bar[4] + 0x4000 - 1 - i % 7, 1 + i % 8, ~0ull);
	}
	if (!w->legacy) {
		common_bytes(w, after);
		CHECK(!memcmp(before, after, 64));
	}
	CHECK(!needs_reset(w));
	expect_alive(w);
}

TEST(HC_28, MODERN | INTX | MODES)
{
	open_and_start(w, NULL, 0, 0);
	for (unsigned k = 0; k < COUNT(widths); k++)
		for (unsigned at = 0; at < 16; at += widths[k])
			CHECK_EQ(mmio_read(w, w->notify + at, widths[k]), 0);
	settle();
	CHECK_EQ(vq_poll(&w->q[0]), 0);
	fence(&w->q[0]);
	expect_irq(w, 0);
	for (unsigned k = 0; k < COUNT(widths); k++) {
		mmio_write(w, w->isr, widths[k], 0);
		mmio_write(w, w->isr, widths[k], ~0ull);
	}
	CHECK(irq_pending(w, 0));
	CHECK_EQ(isr_read(w), ISR_QUEUE);
	expect_alive(w);
}
