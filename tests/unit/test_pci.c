/* SPDX-License-Identifier: MIT */
/* Configuration space through ports 0xcf8 and 0xcfc, and the BARs on the bus that follow from it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "vmm-lite/pci/host.h"

#define ONES    0xffffffffu
#define COMMAND 0x04
#define STATUS  0x06
#define BAR(n)  (0x10u + 4 * (n))
#define CAPS    0x34
#define LINE    0x3c
#define PIN     0x3d
#define IO      1u
#define MEMORY  2u
#define MASTER  4u
#define NO_INTX 0x400u

struct device {
	struct pci_function fn;
	unsigned written_at, written_size, writes, reads, resets, bar_changes;
};

struct world {
	struct bus *bus;
	struct pci_host *host;
	struct device device;
};

static void config_written(struct pci_function *fn, unsigned offset, unsigned size)
{
	struct device *d = fn->opaque;

	d->writes++;
	d->written_at = offset;
	d->written_size = size;
}

static void config_reading(struct pci_function *fn, unsigned offset, unsigned size)
{
	((struct device *)fn->opaque)->reads++;
}

static void bar_changed(struct pci_function *fn, unsigned bar)
{
	((struct device *)fn->opaque)->bar_changes++;
}

static void reset(struct pci_function *fn)
{
	((struct device *)fn->opaque)->resets++;
}

static const struct pci_function_ops function_ops = {.config_written = config_written,
						     .config_reading = config_reading,
						     .bar_changed = bar_changed,
						     .reset = reset};

/* A BAR answers with its own number and the offset. */
static uint64_t bar_read(void *opaque, uint64_t offset, unsigned size)
{
	return (uint64_t)(uintptr_t)opaque << 16 | offset;
}

static const struct bus_ops bar_ops = {.read = bar_read};

/* Ports in BAR 0, 4 KiB of memory in BAR 1, 16 KiB of 64-bit memory in BARs 2 and 3. */
static void device_init(struct device *d)
{
	static const struct pci_identity identity = {.vendor = 0x1234,
						     .device = 0x5678,
						     .subsystem_vendor = 0x9abc,
						     .subsystem = 0xdef0,
						     .class_code = 0x018002,
						     .revision = 7,
						     .interrupt_pin = 1};

	memset(d, 0, sizeof(*d));
	pci_function_init(&d->fn, &identity, &function_ops, d);
	pci_function_set_bar(&d->fn, 0, BUS_PIO, 64, false, &bar_ops, (void *)1, "ports");
	pci_function_set_bar(&d->fn, 1, BUS_MMIO, 4096, false, &bar_ops, (void *)2, "memory");
	pci_function_set_bar(&d->fn, 2, BUS_MMIO, 16384, true, &bar_ops, (void *)3, "far");
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	*state = w;
	w->bus = bus_new();
	w->host = pci_host_new(w->bus);
	device_init(&w->device);
	return pci_host_add(w->host, &w->device.fn);
}

static int teardown(void **state)
{
	struct world *w = *state;

	pci_host_free(w->host);
	bus_free(w->bus);
	free(w);
	return 0;
}

static void latch(struct world *w, unsigned slot, unsigned offset)
{
	bus_write(w->bus, BUS_PIO, PCI_PORT_ADDRESS, 4, 0x80000000u | slot << 11 | (offset & 0xfc));
}

static uint32_t get_of(struct world *w, unsigned slot, unsigned offset, unsigned size)
{
	uint64_t value;

	latch(w, slot, offset);
	bus_read(w->bus, BUS_PIO, PCI_PORT_DATA + (offset & 3), size, &value);
	return (uint32_t)value;
}

static uint32_t get(struct world *w, unsigned offset, unsigned size)
{
	return get_of(w, w->device.fn.slot, offset, size);
}

static void set(struct world *w, unsigned offset, unsigned size, uint32_t value)
{
	latch(w, w->device.fn.slot, offset);
	bus_write(w->bus, BUS_PIO, PCI_PORT_DATA + (offset & 3), size, value);
}

/* Who answers there: the BAR's number, or -1. */
static int who(struct world *w, enum bus_space space, uint64_t addr)
{
	uint64_t value;

	return bus_read(w->bus, space, addr, 4, &value) ? (int)(value >> 16) - 1 : -1;
}

static void test_header(void **state)
{
	struct world *w = *state;

	assert_int_equal(w->device.fn.slot, 1);
	assert_int_equal(get(w, 0, 4), 0x56781234);
	assert_int_equal(get(w, 0, 2), 0x1234);
	assert_int_equal(get(w, 2, 2), 0x5678);
	assert_int_equal(get(w, 1, 1), 0x12);
	assert_int_equal(get(w, 3, 1), 0x56);
	assert_int_equal(get(w, 8, 4), 0x01800207);
	assert_int_equal(get(w, 0x0e, 1), 0); /* a plain header, one function */
	assert_int_equal(get(w, 0x2c, 4), 0xdef09abc);
	assert_int_equal(get(w, PIN, 1), 1);
	assert_int_equal(get(w, LINE, 1), PCI_GSI_BASE + 1);
	assert_int_equal(get(w, COMMAND, 2), IO | MEMORY);
	/* The bridge itself. */
	assert_int_equal(get_of(w, 0, 0x0a, 2), 0x0600);
	assert_int_not_equal(get_of(w, 0, 0, 4), ONES);
}

/* Nobody there reads as ones, and a write there is dropped. */
static void test_selection(void **state)
{
	struct world *w = *state;
	uint64_t value;

	for (unsigned slot = 2; slot < PCI_SLOTS; slot++)
		assert_int_equal(get_of(w, slot, 0, 4), ONES);
	/* Other functions and buses. */
	bus_write(w->bus, BUS_PIO, PCI_PORT_ADDRESS, 4, 0x80000900);
	bus_read(w->bus, BUS_PIO, PCI_PORT_DATA, 4, &value);
	assert_int_equal(value, ONES);
	bus_write(w->bus, BUS_PIO, PCI_PORT_ADDRESS, 4, 0x80010800);
	bus_read(w->bus, BUS_PIO, PCI_PORT_DATA, 4, &value);
	assert_int_equal(value, ONES);
	/* Without the enable bit the data port is nobody's. */
	bus_write(w->bus, BUS_PIO, PCI_PORT_ADDRESS, 4, 0x00000800);
	bus_read(w->bus, BUS_PIO, PCI_PORT_DATA, 4, &value);
	assert_int_equal(value, ONES);
	bus_write(w->bus, BUS_PIO, PCI_PORT_DATA, 4, 0);
	assert_int_equal(w->device.writes, 0);

	/* The latch: whole dwords only, reserved bits are zero. */
	bus_write(w->bus, BUS_PIO, PCI_PORT_ADDRESS, 4, ONES);
	bus_read(w->bus, BUS_PIO, PCI_PORT_ADDRESS, 4, &value);
	assert_int_equal(value, 0x80fffffc);
	latch(w, 1, 0);
	bus_write(w->bus, BUS_PIO, PCI_PORT_ADDRESS, 1, 0x12);
	bus_read(w->bus, BUS_PIO, PCI_PORT_ADDRESS, 4, &value);
	assert_int_equal(value, 0x80000800);

	/* Not over the end of a dword, and not in odd sizes. */
	assert_int_equal(pci_function_read(&w->device.fn, 3, 2), ONES);
	assert_int_equal(pci_function_read(&w->device.fn, 2, 4), ONES);
	assert_int_equal(pci_function_read(&w->device.fn, 0, 3), ONES);
	assert_int_equal(pci_function_read(&w->device.fn, 0, 8), ONES);
	assert_int_equal(pci_function_read(&w->device.fn, 256, 1), ONES);
	pci_function_write(&w->device.fn, 0x3e, 4, 0);
	pci_function_write(&w->device.fn, 1000, 1, 0);
	assert_int_equal(w->device.writes, 0);
}

/* What may be written keeps the value; everything else stays as it is. */
static void test_writable(void **state)
{
	struct world *w = *state;
	uint32_t before[64];

	for (unsigned i = 0; i < 64; i++)
		before[i] = get(w, 4 * i, 4);
	for (unsigned i = 0; i < 64; i++)
		if (i < 4 || i > 9)
			set(w, 4 * i, 4, ONES);
	for (unsigned i = 0; i < 64; i++) {
		uint32_t now = get(w, 4 * i, 4), may = 0;

		if (4 * i == COMMAND)
			may = IO | MEMORY | MASTER | NO_INTX;
		else if (4 * i == 0x0c)
			may = 0xff; /* cache line size */
		else if (4 * i == LINE)
			may = 0xff;
		if (i < 4 || i > 9)
			assert_int_equal(now, before[i] | may);
	}
	set(w, LINE, 1, 0x22);
	assert_int_equal(get(w, LINE, 4) & 0xffff, 0x0122);
	assert_int_equal(w->device.written_at, LINE);
	assert_int_equal(w->device.written_size, 1);
	set(w, STATUS, 2, 0xffff);
	assert_int_equal(get(w, STATUS, 2), before[1] >> 16);
	assert_true(w->device.reads > 0);
}

/* All ones in, the size comes out; and meanwhile nothing answers at the top of the address space. */
static void test_bar_sizes(void **state)
{
	struct world *w = *state;
	static const struct {
		unsigned bar;
		uint32_t mask;
	} cases[] = {{0, 0xffffffc1}, {1, 0xfffff000}, {2, 0xffffc004}, {3, ONES}, {4, 0}, {5, 0}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint32_t old = get(w, BAR(cases[i].bar), 4);

		set(w, BAR(cases[i].bar), 4, ONES);
		assert_int_equal(get(w, BAR(cases[i].bar), 4), cases[i].mask);
		/* Half of a 64-bit BAR is an address like any other. */
		if (cases[i].bar != 2)
			assert_int_equal(who(w, BUS_MMIO, 0xfffff000), -1);
		set(w, BAR(cases[i].bar), 4, old);
		assert_int_equal(get(w, BAR(cases[i].bar), 4), old);
	}
	/* Byte by byte is as good. */
	for (unsigned i = 0; i < 4; i++)
		set(w, BAR(1) + i, 1, 0xff);
	assert_int_equal(get(w, BAR(1), 4), 0xfffff000);
	/* The ROM BAR is not there. */
	set(w, 0x30, 4, ONES);
	assert_int_equal(get(w, 0x30, 4), 0);
}

static void test_bar_placement(void **state)
{
	struct world *w = *state;
	uint64_t ports = get(w, BAR(0), 4) & ~3u, memory = get(w, BAR(1), 4) & ~15u,
		 far = (get(w, BAR(2), 4) & ~15u) | (uint64_t)get(w, BAR(3), 4) << 32;

	/* Working before anybody looks. */
	assert_true(ports >= PCI_PIO_BASE && ports + 64 <= PCI_PIO_BASE + PCI_PIO_SIZE);
	assert_true(memory >= PCI_MMIO_BASE && memory + 4096 <= PCI_MMIO_BASE + PCI_MMIO_SIZE);
	assert_int_equal(who(w, BUS_PIO, ports), 0);
	assert_int_equal(who(w, BUS_PIO, ports + 60), 0);
	assert_int_equal(who(w, BUS_PIO, ports + 64), -1);
	assert_int_equal(who(w, BUS_PIO, ports + 62), -1);
	assert_int_equal(who(w, BUS_MMIO, memory + 4092), 1);
	assert_int_equal(who(w, BUS_MMIO, far + 16380), 2);

	/* Moved: it answers there and there only. */
	set(w, BAR(1), 4, 0xe0000000);
	assert_int_equal(who(w, BUS_MMIO, memory), -1);
	assert_int_equal(who(w, BUS_MMIO, 0xe0000000), 1);
	set(w, BAR(0), 4, 0x5000);
	assert_int_equal(who(w, BUS_PIO, ports), -1);
	assert_int_equal(who(w, BUS_PIO, 0x5000), 0);
	/* Above 4 GiB, in two steps. */
	set(w, BAR(3), 4, 0x12);
	set(w, BAR(2), 4, 0x40000000);
	assert_int_equal(who(w, BUS_MMIO, far), -1);
	assert_int_equal(who(w, BUS_MMIO, 0x1240000000ull), 2);
	assert_int_equal(w->device.bar_changes, 3 + 1 + 1 + 2);
	/* To no place at all. */
	set(w, BAR(1), 4, 0);
	assert_int_equal(who(w, BUS_MMIO, 0xe0000000), -1);
	assert_int_equal(who(w, BUS_MMIO, 0), -1);
	set(w, BAR(0), 4, 0xfffc0000);
	assert_int_equal(who(w, BUS_PIO, 0x5000), -1);

	/* Decoding is switched by the command register, a kind of space each. */
	set(w, BAR(0), 4, 0x5000);
	set(w, BAR(1), 4, 0xe0000000);
	set(w, COMMAND, 2, IO);
	assert_int_equal(who(w, BUS_PIO, 0x5000), 0);
	assert_int_equal(who(w, BUS_MMIO, 0xe0000000), -1);
	assert_int_equal(who(w, BUS_MMIO, 0x1240000000ull), -1);
	set(w, COMMAND, 2, MEMORY);
	assert_int_equal(who(w, BUS_PIO, 0x5000), -1);
	assert_int_equal(who(w, BUS_MMIO, 0xe0000000), 1);
	assert_int_equal(who(w, BUS_MMIO, 0x1240000000ull), 2);
	/* Moved while it is off, it is there when it is on. */
	set(w, COMMAND, 2, 0);
	set(w, BAR(1), 4, 0xe1000000);
	assert_int_equal(who(w, BUS_MMIO, 0xe1000000), -1);
	set(w, COMMAND, 2, MEMORY);
	assert_int_equal(who(w, BUS_MMIO, 0xe1000000), 1);
}

static void test_reset(void **state)
{
	struct world *w = *state;
	uint32_t memory = get(w, BAR(1), 4), resets = w->device.resets;

	set(w, BAR(1), 4, 0xe0000000);
	set(w, COMMAND, 2, MASTER);
	set(w, LINE, 1, 0x55);
	pci_host_reset(w->host);
	assert_int_equal(w->device.resets, resets + 1);
	assert_int_equal(get(w, BAR(1), 4), memory);
	assert_int_equal(get(w, COMMAND, 2), IO | MEMORY);
	assert_int_equal(get(w, LINE, 1), PCI_GSI_BASE + 1);
	assert_int_equal(who(w, BUS_MMIO, memory), 1);
	assert_int_equal(who(w, BUS_MMIO, 0xe0000000), -1);
}

static void test_capabilities(void **state)
{
	struct world *w = *state;
	struct device d;
	uint8_t body[18] = {1, 2, 3};
	unsigned first, second, slot;

	assert_int_equal(get(w, CAPS, 1), 0);
	assert_int_equal(get(w, STATUS, 2) & 0x10, 0);
	device_init(&d);
	first = pci_function_add_capability(&d.fn, 0x09, body, 5);
	second = pci_function_add_capability(&d.fn, 0x11, body, 12);
	assert_int_equal(pci_host_add(w->host, &d.fn), 0);
	slot = d.fn.slot;
	assert_int_equal(get_of(w, slot, STATUS, 2) & 0x10, 0x10);
	assert_int_equal(get_of(w, slot, CAPS, 1), first);
	assert_true(first >= 0x40 && first % 4 == 0);
	assert_int_equal(get_of(w, slot, first, 1), 0x09);
	assert_int_equal(get_of(w, slot, first + 1, 1), second);
	assert_int_equal(get_of(w, slot, first + 2, 1), 1);
	assert_int_equal(second, first + 8); /* the next dword */
	assert_int_equal(get_of(w, slot, second, 2), 0x0011);
	pci_host_remove(w->host, &d.fn);
	assert_int_equal(get_of(w, slot, 0, 4), ONES);
}

/* All slots: no two devices share an address, and one more is refused and leaves nothing behind. */
static void test_full(void **state)
{
	struct world *w = *state;
	static struct device devices[PCI_SLOTS];
	uint64_t address;

	for (unsigned i = 2; i < PCI_SLOTS; i++) {
		device_init(&devices[i]);
		assert_int_equal(pci_host_add(w->host, &devices[i].fn), 0);
		assert_int_equal(devices[i].fn.slot, i);
		assert_int_equal(devices[i].fn.gsi, PCI_GSI_BASE + i % PCI_GSI_COUNT);
		for (unsigned j = 2; j < i; j++)
			for (unsigned bar = 0; bar < 3; bar++) {
				const struct bus_range *a = &devices[i].fn.bars[bar].range;

				for (unsigned other = 0; other < 3; other++) {
					const struct bus_range *b =
					    &devices[j].fn.bars[other].range;

					assert_true(a->space != b->space ||
						    a->base + a->size <= b->base ||
						    b->base + b->size <= a->base);
				}
			}
	}
	device_init(&devices[0]);
	assert_int_equal(pci_host_add(w->host, &devices[0].fn), -ENOSPC);
	assert_null(devices[0].fn.bus);
	/* Pulled out, it is gone from the bus, and the slot is free again. */
	address = devices[5].fn.bars[1].range.base;
	assert_int_equal(who(w, BUS_MMIO, address), 1);
	pci_host_remove(w->host, &devices[5].fn);
	assert_int_equal(who(w, BUS_MMIO, address), -1);
	assert_int_equal(pci_host_add(w->host, &devices[0].fn), 0);
	assert_int_equal(devices[0].fn.slot, 5);
	for (unsigned i = 0; i < PCI_SLOTS; i++)
		if (devices[i].fn.bus)
			pci_host_remove(w->host, &devices[i].fn);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    T(test_header),        T(test_selection), T(test_writable),     T(test_bar_sizes),
	    T(test_bar_placement), T(test_reset),     T(test_capabilities), T(test_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
