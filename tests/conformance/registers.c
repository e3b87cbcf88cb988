/* SPDX-License-Identifier: MIT */
/* Configuration space, common configuration, the legacy block, MSI-X and interrupts. */
#include <linux/pci_regs.h>
#include <linux/virtio_pci.h>
#include <stdlib.h>
#include <time.h>

#include "tests/conformance/wires.h"

void pio_write(struct world *w, uint64_t port, unsigned size, uint32_t value)
{
	if (!recorder_store(&w->wires, BUS_PIO, port, size, value))
		bus_write(w->bus, BUS_PIO, port, size, value);
}

uint32_t pio_read(struct world *w, uint64_t port, unsigned size)
{
	uint64_t value = 0;

	bus_read(w->bus, BUS_PIO, port, size, &value);
	return (uint32_t)(size < 4 ? value & ((1u << (8 * size)) - 1) : value);
}

void mmio_write(struct world *w, uint64_t addr, unsigned size, uint64_t value)
{
	if (!recorder_store(&w->wires, BUS_MMIO, addr, size, value))
		bus_write(w->bus, BUS_MMIO, addr, size, value);
}

uint64_t mmio_read(struct world *w, uint64_t addr, unsigned size)
{
	uint64_t value = 0;

	bus_read(w->bus, BUS_MMIO, addr, size, &value);
	return size < 8 ? value & ((1ull << (8 * size)) - 1) : value;
}

static void select_register(struct world *w, unsigned offset)
{
	pio_write(w, PCI_PORT_ADDRESS, 4, 0x80000000u | w->slot << 11 | (offset & 0xfc));
}

uint32_t cfg_read(struct world *w, unsigned offset, unsigned size)
{
	select_register(w, offset);
	return pio_read(w, PCI_PORT_DATA + (offset & 3), size);
}

void cfg_write(struct world *w, unsigned offset, unsigned size, uint32_t value)
{
	select_register(w, offset);
	pio_write(w, PCI_PORT_DATA + (offset & 3), size, value);
}

/* Which BAR an address is in, and where there. */
static void window_aim(struct world *w, uint64_t at, unsigned size)
{
	unsigned bar = 0;

	for (unsigned i = 0; i < 6; i++)
		if (w->bar[i] && w->bar[i] <= at && (!w->bar[bar] || w->bar[i] > w->bar[bar]))
			bar = i;
	cfg_write(w, w->cap_window + VIRTIO_PCI_CAP_BAR, 1, bar);
	cfg_write(w, w->cap_window + VIRTIO_PCI_CAP_OFFSET, 4, (uint32_t)(at - w->bar[bar]));
	cfg_write(w, w->cap_window + VIRTIO_PCI_CAP_LENGTH, 4, size);
}

uint32_t window_read(struct world *w, uint64_t at, unsigned size)
{
	window_aim(w, at, size);
	return cfg_read(w, w->cap_window + 16, size);
}

void window_write(struct world *w, uint64_t at, unsigned size, uint32_t value)
{
	window_aim(w, at, size);
	cfg_write(w, w->cap_window + 16, size, value);
}

uint64_t c_read(struct world *w, unsigned field)
{
	unsigned at = field >> 8, size = field & 0xff;
	uint64_t low;

	if (size < 8)
		return mmio_read(w, w->common + at, size);
	low = mmio_read(w, w->common + at, 4);
	return low | mmio_read(w, w->common + at + 4, 4) << 32;
}

void c_write(struct world *w, unsigned field, uint64_t value)
{
	unsigned at = field >> 8, size = field & 0xff;

	if (size < 8) {
		mmio_write(w, w->common + at, size, value);
		return;
	}
	mmio_write(w, w->common + at, 4, (uint32_t)value);
	mmio_write(w, w->common + at + 4, 4, value >> 32);
}

uint64_t cq_read(struct world *w, unsigned queue, unsigned field)
{
	c_write(w, C_QUEUE_SELECT, queue);
	return c_read(w, field);
}

void cq_write(struct world *w, unsigned queue, unsigned field, uint64_t value)
{
	c_write(w, C_QUEUE_SELECT, queue);
	c_write(w, field, value);
}

uint32_t l_read(struct world *w, unsigned field)
{
	return pio_read(w, w->bar[0] + (field >> 8), field & 0xff);
}

void l_write(struct world *w, unsigned field, uint32_t value)
{
	pio_write(w, w->bar[0] + (field >> 8), field & 0xff, value);
}

static bool msix_is_on(struct world *w)
{
	return w->cap_msix && cfg_read(w, w->cap_msix + PCI_MSIX_FLAGS, 2) & PCI_MSIX_FLAGS_ENABLE;
}

static unsigned legacy_config(struct world *w)
{
	return msix_is_on(w) ? 24 : 20;
}

uint64_t config_read(struct world *w, unsigned offset, unsigned size)
{
	uint64_t low;

	if (!w->legacy)
		return mmio_read(w, w->device + offset, size);
	if (size < 8)
		return pio_read(w, w->bar[0] + legacy_config(w) + offset, size);
	low = pio_read(w, w->bar[0] + legacy_config(w) + offset, 4);
	return low | (uint64_t)pio_read(w, w->bar[0] + legacy_config(w) + offset + 4, 4) << 32;
}

void config_write(struct world *w, unsigned offset, unsigned size, uint64_t value)
{
	if (w->legacy)
		pio_write(w, w->bar[0] + legacy_config(w) + offset, size, (uint32_t)value);
	else
		mmio_write(w, w->device + offset, size, value);
}

uint8_t isr_read(struct world *w)
{
	return (uint8_t)(w->legacy ? l_read(w, L_ISR) : mmio_read(w, w->isr, 1));
}

uint16_t command(struct world *w)
{
	return (uint16_t)cfg_read(w, PCI_COMMAND, 2);
}

void set_command(struct world *w, uint16_t value)
{
	cfg_write(w, PCI_COMMAND, 2, value);
}

void msix_control(struct world *w, uint16_t bits)
{
	cfg_write(w, w->cap_msix + PCI_MSIX_FLAGS, 2, bits);
}

static uint64_t msix_part(struct world *w, unsigned reg)
{
	uint32_t value = cfg_read(w, w->cap_msix + reg, 4);

	return w->bar[value & 7] + (value & ~7u);
}

void msix_entry(struct world *w, unsigned vector, uint64_t address, uint32_t data, bool masked)
{
	uint64_t at = msix_part(w, PCI_MSIX_TABLE) + 16 * vector;

	mmio_write(w, at, 4, (uint32_t)address);
	mmio_write(w, at + 4, 4, address >> 32);
	mmio_write(w, at + 8, 4, data);
	mmio_write(w, at + 12, 4, masked);
}

bool msix_pending_bit(struct world *w, unsigned vector)
{
	uint64_t at = msix_part(w, PCI_MSIX_PBA) + vector / 32 * 4;

	return mmio_read(w, at, 4) >> (vector % 32) & 1;
}

uint16_t queue_vector(struct world *w, unsigned queue)
{
	if (!w->legacy)
		return (uint16_t)cq_read(w, queue, C_QUEUE_VECTOR);
	l_write(w, L_SELECT, queue);
	return (uint16_t)l_read(w, L_QUEUE_VECTOR);
}

void set_queue_vector(struct world *w, unsigned queue, uint16_t vector)
{
	if (w->legacy) {
		l_write(w, L_SELECT, queue);
		l_write(w, L_QUEUE_VECTOR, vector);
	} else {
		cq_write(w, queue, C_QUEUE_VECTOR, vector);
	}
	if (queue < MAX_TEST_QUEUES)
		w->q[queue].vector = vector;
}

uint16_t config_vector(struct world *w)
{
	return (uint16_t)(w->legacy ? l_read(w, L_CONFIG_VECTOR) : c_read(w, C_CONFIG_VECTOR));
}

void set_config_vector(struct world *w, uint16_t vector)
{
	if (w->legacy)
		l_write(w, L_CONFIG_VECTOR, vector);
	else
		c_write(w, C_CONFIG_VECTOR, vector);
}

/* --- interrupts ---------------------------------------------------------------------- */

unsigned irq_messages(struct world *w, unsigned vector)
{
	unsigned count;

	recorder_collect(&w->wires);
	pthread_mutex_lock(&w->wires.lock);
	count = w->wires.messages[vector];
	pthread_mutex_unlock(&w->wires.lock);
	return count - w->acked[vector];
}

static bool line_level(struct world *w)
{
	bool level;

	pthread_mutex_lock(&w->wires.lock);
	level = w->wires.level;
	pthread_mutex_unlock(&w->wires.lock);
	return level;
}

bool irq_pending(struct world *w, unsigned queue)
{
	return w->msix ? irq_messages(w, w->q[queue].vector) : line_level(w);
}

bool config_irq_pending(struct world *w)
{
	return w->msix ? irq_messages(w, config_vector(w)) : line_level(w);
}

void irq_ack(struct world *w)
{
	settle(); /* what is on its way belongs to the past, too */
	recorder_collect(&w->wires);
	pthread_mutex_lock(&w->wires.lock);
	memcpy(w->acked, w->wires.messages, sizeof(w->acked));
	pthread_mutex_unlock(&w->wires.lock);
	if (!w->msix)
		isr_read(w);
}

void expect_irq(struct world *w, unsigned queue)
{
	EVENTUALLY(irq_pending(w, queue));
}

void expect_no_irq(struct world *w, unsigned queue)
{
	settle();
	if (irq_pending(w, queue))
		FAIL("an interrupt of queue %u that should not be", queue);
}

void expect_no_irq_at_all(struct world *w)
{
	settle();
	for (unsigned i = 0; i < MAX_VECTORS; i++)
		if (irq_messages(w, i))
			FAIL("a message of vector %u that should not be", i);
	if (line_level(w))
		FAIL("the line is high and should not be");
}
