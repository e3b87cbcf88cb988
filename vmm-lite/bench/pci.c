/* SPDX-License-Identifier: MIT */
#include <linux/pci_regs.h>
#include <linux/virtio_pci.h>
#include <stdio.h>

#include "vmm-lite/bench/pci.h"
#include "vmm-lite/pci/host.h"
#include "vmm-lite/virtio/spec.h"

#define CAPABILITIES_MAX 48 /* as many as fit; a list that is longer runs in a circle */
#define VECTOR_BYTES     16

static void select_register(const struct pci_device *dev, unsigned reg)
{
	bench_store(dev->wires, BUS_PIO, PCI_PORT_ADDRESS, 4,
		    0x80000000u | dev->slot << 11 | (reg & 0xfc));
}

static uint32_t config_load(const struct pci_device *dev, unsigned reg, unsigned size)
{
	select_register(dev, reg);
	return bench_load(dev->wires, BUS_PIO, PCI_PORT_DATA + (reg & 3), size);
}

static void config_store(const struct pci_device *dev, unsigned reg, unsigned size, uint32_t value)
{
	select_register(dev, reg);
	bench_store(dev->wires, BUS_PIO, PCI_PORT_DATA + (reg & 3), size, value);
}

uint64_t window_load(const struct pci_device *dev, const struct pci_window *window, uint32_t offset,
		     unsigned size)
{
	return bench_load(dev->wires, window->space, window->addr + offset, size);
}

void window_store(const struct pci_device *dev, const struct pci_window *window, uint32_t offset,
		  unsigned size, uint64_t value)
{
	bench_store(dev->wires, window->space, window->addr + offset, size, value);
}

/* The firmware has given the BARs their addresses: they are only read. */
static void read_bars(struct pci_device *dev)
{
	unsigned i;

	for (i = 0; i < 6; i++) {
		unsigned reg = PCI_BASE_ADDRESS_0 + 4 * i;
		uint32_t low = config_load(dev, reg, 4);
		struct pci_window *bar = &dev->bars[i];

		if (low & PCI_BASE_ADDRESS_SPACE_IO) {
			*bar = (struct pci_window){BUS_PIO, low & ~3u, 256};
			continue;
		}
		*bar = (struct pci_window){BUS_MMIO, low & ~15u, UINT32_MAX};
		if ((low & PCI_BASE_ADDRESS_MEM_TYPE_MASK) == PCI_BASE_ADDRESS_MEM_TYPE_64) {
			bar->addr |= (uint64_t)config_load(dev, reg + 4, 4) << 32;
			i++;
		}
	}
}

static struct pci_window inside_bar(const struct pci_device *dev, unsigned bar, uint32_t offset,
				    uint32_t length)
{
	struct pci_window window = {0};

	if (bar < 6)
		window =
		    (struct pci_window){dev->bars[bar].space, dev->bars[bar].addr + offset, length};
	return window;
}

/* One virtio capability: says in which BAR, where and how long a structure is. (4.1.4) */
static void read_virtio_capability(struct pci_device *dev, unsigned at)
{
	struct pci_window *const known[] = {
	    [VIRTIO_PCI_CAP_COMMON_CFG] = &dev->common,
	    [VIRTIO_PCI_CAP_NOTIFY_CFG] = &dev->notify,
	    [VIRTIO_PCI_CAP_ISR_CFG] = &dev->isr,
	    [VIRTIO_PCI_CAP_DEVICE_CFG] = &dev->config,
	};
	unsigned type = config_load(dev, at + 3, 1);

	/* The first of a type is the device's favourite. */
	if (type >= sizeof(known) / sizeof(known[0]) || !known[type] || known[type]->length)
		return;
	*known[type] = inside_bar(dev, config_load(dev, at + 4, 1), config_load(dev, at + 8, 4),
				  config_load(dev, at + 12, 4));
	if (type == VIRTIO_PCI_CAP_NOTIFY_CFG)
		dev->notify_multiplier = config_load(dev, at + 16, 4);
}

static void read_msix_capability(struct pci_device *dev, unsigned at)
{
	uint32_t table = config_load(dev, at + PCI_MSIX_TABLE, 4);

	dev->msix = at;
	dev->vectors = (config_load(dev, at + PCI_MSIX_FLAGS, 2) & PCI_MSIX_FLAGS_QSIZE) + 1;
	dev->msix_table = inside_bar(dev, table & PCI_MSIX_TABLE_BIR, table & PCI_MSIX_TABLE_OFFSET,
				     dev->vectors * VECTOR_BYTES);
}

static void read_capabilities(struct pci_device *dev)
{
	unsigned at, left = CAPABILITIES_MAX;

	if (!(config_load(dev, PCI_STATUS, 2) & PCI_STATUS_CAP_LIST))
		return;
	for (at = config_load(dev, PCI_CAPABILITY_LIST, 1) & ~3u; at && left--;
	     at = config_load(dev, at + 1, 1) & ~3u) {
		unsigned id = config_load(dev, at, 1);

		if (id == PCI_CAP_ID_VNDR)
			read_virtio_capability(dev, at);
		else if (id == PCI_CAP_ID_MSIX)
			read_msix_capability(dev, at);
	}
}

int pci_device_find(struct pci_device *dev, struct bench_wires *wires, char *err, size_t err_size)
{
	bool found = false;

	*dev = (struct pci_device){.wires = wires};
	for (dev->slot = 0; dev->slot < PCI_SLOTS && !found; dev->slot += !found) {
		dev->id = config_load(dev, PCI_DEVICE_ID, 2);
		found = config_load(dev, PCI_VENDOR_ID, 2) == VIRTIO_VENDOR &&
			(dev->id == VIRTIO_BLK_MODERN || dev->id == VIRTIO_BLK_TRANSITIONAL);
	}
	if (!found) {
		snprintf(err, err_size, "there is no virtio-blk device on the PCI bus");
		return -1;
	}
	read_bars(dev);
	read_capabilities(dev);
	if (dev->id == VIRTIO_BLK_TRANSITIONAL && dev->bars[0].space == BUS_PIO)
		dev->legacy = dev->bars[0];
	if (!dev->common.length && !dev->legacy.length) {
		snprintf(err, err_size,
			 "the virtio-blk device has neither a modern nor a legacy interface");
		return -1;
	}
	config_store(dev, PCI_COMMAND, 2, PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	return 0;
}

void pci_device_enable_msix(const struct pci_device *dev, unsigned count)
{
	unsigned i;

	for (i = 0; i < count; i++) {
		struct msi_message message = bench_message(i);
		uint32_t at = i * VECTOR_BYTES;

		window_store(dev, &dev->msix_table, at + PCI_MSIX_ENTRY_LOWER_ADDR, 4,
			     (uint32_t)message.address);
		window_store(dev, &dev->msix_table, at + PCI_MSIX_ENTRY_UPPER_ADDR, 4,
			     message.address >> 32);
		window_store(dev, &dev->msix_table, at + PCI_MSIX_ENTRY_DATA, 4, message.data);
		window_store(dev, &dev->msix_table, at + PCI_MSIX_ENTRY_VECTOR_CTRL, 4, 0);
	}
	config_store(dev, dev->msix + PCI_MSIX_FLAGS, 2, PCI_MSIX_FLAGS_ENABLE);
}
