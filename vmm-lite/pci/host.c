/* SPDX-License-Identifier: MIT */
#include "vmm-lite/pci/host.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "probes/stage_point.h"

#define ADDRESS_ENABLE 0x80000000u
#define ADDRESS_BITS   0x80fffffcu /* the others are reserved and read as zero */

/* A neutral host bridge: no driver binds to it, no quirk knows it. */
static const struct pci_identity bridge_identity = {
    .vendor = 0x1b36,
    .device = 0x0008,
    .subsystem_vendor = 0x1af4,
    .subsystem = 0x1100,
    .class_code = 0x060000,
};

struct pci_host {
	struct bus *bus;
	pthread_mutex_t lock; /* address latch and all configuration spaces */
	struct bus_range address_range, data_range;
	uint32_t address;
	struct pci_function bridge;
	struct pci_function *slots[PCI_SLOTS];
	uint64_t next_pio, next_mmio;
};

/* The function and register that the latched address and the data port's offset select. */
static struct pci_function *select_function(struct pci_host *host, uint64_t offset, unsigned *reg)
{
	uint32_t address = host->address;

	*reg = (unsigned)((address & 0xfc) + offset);
	if (!(address & ADDRESS_ENABLE) || address & 0x00ff0700) /* bus 0, function 0 only */
		return NULL;
	return host->slots[address >> 11 & (PCI_SLOTS - 1)];
}

static uint64_t data_read(void *opaque, uint64_t offset, unsigned size)
{
	struct pci_host *host = opaque;
	uint32_t value = UINT32_MAX;
	struct pci_function *fn;
	unsigned reg;

	pthread_mutex_lock(&host->lock);
	fn = select_function(host, offset, &reg);
	if (fn)
		value = pci_function_read(fn, reg, size);
	pthread_mutex_unlock(&host->lock);
	return value;
}

static void data_write(void *opaque, uint64_t offset, unsigned size, uint64_t value)
{
	struct pci_host *host = opaque;
	struct pci_function *fn;
	unsigned reg;

	pthread_mutex_lock(&host->lock);
	fn = select_function(host, offset, &reg);
	if (fn)
		pci_function_write(fn, reg, size, (uint32_t)value);
	pthread_mutex_unlock(&host->lock);
	/* A BAR that moved has its doorbells there as soon as the guest goes on. */
	stage_device_settle();
}

/* Only whole dwords reach the latch; narrower accesses belong to other chips' registers. */
static uint64_t address_read(void *opaque, uint64_t offset, unsigned size)
{
	struct pci_host *host = opaque;
	uint32_t address;

	if (size != 4)
		return UINT32_MAX;
	pthread_mutex_lock(&host->lock);
	address = host->address;
	pthread_mutex_unlock(&host->lock);
	return address;
}

static void address_write(void *opaque, uint64_t offset, unsigned size, uint64_t value)
{
	struct pci_host *host = opaque;

	if (size != 4)
		return;
	pthread_mutex_lock(&host->lock);
	host->address = (uint32_t)value & ADDRESS_BITS;
	pthread_mutex_unlock(&host->lock);
}

static const struct bus_ops address_ops = {.read = address_read, .write = address_write};
static const struct bus_ops data_ops = {.read = data_read, .write = data_write};

struct pci_host *pci_host_new(struct bus *bus)
{
	struct pci_host *host = calloc(1, sizeof(*host));

	if (!host)
		return NULL;
	host->bus = bus;
	pthread_mutex_init(&host->lock, NULL);
	host->next_pio = PCI_PIO_BASE;
	host->next_mmio = PCI_MMIO_BASE;
	pci_function_init(&host->bridge, &bridge_identity, NULL, NULL);
	memcpy(host->bridge.power_on, host->bridge.config, PCI_CONFIG_SIZE);
	host->slots[0] = &host->bridge;
	host->address_range = (struct bus_range){.name = "pci address",
						 .space = BUS_PIO,
						 .base = PCI_PORT_ADDRESS,
						 .size = 4,
						 .ops = &address_ops,
						 .opaque = host};
	host->data_range = (struct bus_range){.name = "pci data",
					      .space = BUS_PIO,
					      .base = PCI_PORT_DATA,
					      .size = 4,
					      .ops = &data_ops,
					      .opaque = host};
	if (bus_add(bus, &host->address_range) || bus_add(bus, &host->data_range)) {
		pci_host_free(host);
		return NULL;
	}
	return host;
}

void pci_host_free(struct pci_host *host)
{
	if (!host)
		return;
	bus_remove(host->bus, &host->address_range);
	bus_remove(host->bus, &host->data_range);
	for (unsigned slot = 0; slot < PCI_SLOTS; slot++)
		if (host->slots[slot])
			pci_function_unplug(host->slots[slot]);
	pthread_mutex_destroy(&host->lock);
	free(host);
}

static uint64_t align_up(uint64_t value, uint64_t size)
{
	return (value + size - 1) & ~(size - 1);
}

/* Addresses for all BARs, as firmware would choose them. */
static int place_bars(struct pci_host *host, struct pci_function *fn)
{
	uint64_t pio = host->next_pio, mmio = host->next_mmio, address[PCI_BARS] = {0};

	for (unsigned bar = 0; bar < PCI_BARS; bar++) {
		const struct bus_range *range = &fn->bars[bar].range;
		uint64_t *next = range->space == BUS_PIO ? &pio : &mmio;
		/* A page at least: guests map BARs in pages, and two devices share none. */
		uint64_t size = range->space == BUS_MMIO && range->size < 4096 ? 4096 : range->size;

		if (!range->size)
			continue;
		address[bar] = align_up(*next, size);
		*next = address[bar] + size;
	}
	if (pio > PCI_PIO_BASE + PCI_PIO_SIZE || mmio > PCI_MMIO_BASE + PCI_MMIO_SIZE)
		return -ENOSPC;
	host->next_pio = pio;
	host->next_mmio = mmio;
	for (unsigned bar = 0; bar < PCI_BARS; bar++)
		if (address[bar])
			pci_function_place_bar(fn, bar, address[bar]);
	return 0;
}

int pci_host_add(struct pci_host *host, struct pci_function *fn)
{
	unsigned slot = 1;
	int err = 0;

	pthread_mutex_lock(&host->lock);
	while (slot < PCI_SLOTS && host->slots[slot])
		slot++;
	fn->bus = host->bus;
	fn->slot = slot;
	fn->gsi = PCI_GSI_BASE + slot % PCI_GSI_COUNT;
	if (fn->config[PCI_INTERRUPT_PIN])
		fn->config[PCI_INTERRUPT_LINE] = (uint8_t)fn->gsi;
	if (slot == PCI_SLOTS || place_bars(host, fn)) {
		err = -ENOSPC;
		fn->bus = NULL;
		goto out;
	}
	host->slots[slot] = fn;
	pci_config_set16(fn, PCI_COMMAND, PCI_COMMAND_IO | PCI_COMMAND_MEMORY);
	memcpy(fn->power_on, fn->config, sizeof(fn->config));
	pci_function_reset(fn);
out:
	pthread_mutex_unlock(&host->lock);
	return err;
}

void pci_host_remove(struct pci_host *host, struct pci_function *fn)
{
	pthread_mutex_lock(&host->lock);
	if (host->slots[fn->slot] == fn) {
		host->slots[fn->slot] = NULL;
		pci_function_unplug(fn);
	}
	pthread_mutex_unlock(&host->lock);
}

void pci_host_reset(struct pci_host *host)
{
	pthread_mutex_lock(&host->lock);
	host->address = 0;
	for (unsigned slot = 0; slot < PCI_SLOTS; slot++)
		if (host->slots[slot])
			pci_function_reset(host->slots[slot]);
	pthread_mutex_unlock(&host->lock);
}
