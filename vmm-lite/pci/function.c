/* SPDX-License-Identifier: MIT */
#include "vmm-lite/pci/function.h"

#include <linux/pci_regs.h>
#include <string.h>

#define COMMAND_BITS (PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER)

uint16_t pci_config_get16(const struct pci_function *fn, unsigned offset)
{
	return (uint16_t)(fn->config[offset] | fn->config[offset + 1] << 8);
}

uint32_t pci_config_get32(const struct pci_function *fn, unsigned offset)
{
	return pci_config_get16(fn, offset) | (uint32_t)pci_config_get16(fn, offset + 2) << 16;
}

static void set_bytes(uint8_t *at, uint64_t value, unsigned size)
{
	for (unsigned i = 0; i < size; i++)
		at[i] = (uint8_t)(value >> (8 * i));
}

void pci_config_set16(struct pci_function *fn, unsigned offset, uint16_t value)
{
	set_bytes(&fn->config[offset], value, 2);
}

void pci_config_set32(struct pci_function *fn, unsigned offset, uint32_t value)
{
	set_bytes(&fn->config[offset], value, 4);
}

void pci_function_init(struct pci_function *fn, const struct pci_identity *identity,
		       const struct pci_function_ops *ops, void *opaque)
{
	memset(fn, 0, sizeof(*fn));
	fn->ops = ops;
	fn->opaque = opaque;
	fn->free_offset = PCI_STD_HEADER_SIZEOF;
	pci_config_set16(fn, PCI_VENDOR_ID, identity->vendor);
	pci_config_set16(fn, PCI_DEVICE_ID, identity->device);
	fn->config[PCI_REVISION_ID] = identity->revision;
	set_bytes(&fn->config[PCI_CLASS_PROG], identity->class_code, 3);
	pci_config_set16(fn, PCI_SUBSYSTEM_VENDOR_ID, identity->subsystem_vendor);
	pci_config_set16(fn, PCI_SUBSYSTEM_ID, identity->subsystem);
	fn->config[PCI_INTERRUPT_PIN] = identity->interrupt_pin;

	set_bytes(&fn->writable[PCI_COMMAND], COMMAND_BITS, 2);
	if (identity->interrupt_pin) {
		set_bytes(&fn->writable[PCI_COMMAND], COMMAND_BITS | PCI_COMMAND_INTX_DISABLE, 2);
		fn->writable[PCI_INTERRUPT_LINE] = 0xff;
	}
	fn->writable[PCI_CACHE_LINE_SIZE] = 0xff;
}

static unsigned bar_register(unsigned bar)
{
	return PCI_BASE_ADDRESS_0 + 4 * bar;
}

void pci_function_set_bar(struct pci_function *fn, unsigned bar, enum bus_space space,
			  uint64_t size, bool is_64, const struct bus_ops *ops, void *opaque,
			  const char *name)
{
	uint64_t mask = ~(size - 1);

	fn->bars[bar] = (struct pci_bar){
	    .range = {.name = name, .space = space, .size = size, .ops = ops, .opaque = opaque},
	    .is_64 = is_64,
	};
	pci_config_set32(fn, bar_register(bar),
			 space == BUS_PIO ? PCI_BASE_ADDRESS_SPACE_IO
			 : is_64          ? PCI_BASE_ADDRESS_MEM_TYPE_64
					  : 0);
	set_bytes(&fn->writable[bar_register(bar)], mask, is_64 ? 8 : 4);
}

unsigned pci_function_add_capability(struct pci_function *fn, uint8_t id, const void *body,
				     unsigned size)
{
	unsigned offset = fn->free_offset;

	fn->config[offset] = id;
	memcpy(&fn->config[offset + 2], body, size - 2);
	if (fn->last_capability)
		fn->config[fn->last_capability + 1] = (uint8_t)offset;
	else
		fn->config[PCI_CAPABILITY_LIST] = (uint8_t)offset;
	fn->config[PCI_STATUS] |= PCI_STATUS_CAP_LIST;
	fn->last_capability = (uint8_t)offset;
	fn->free_offset = (uint8_t)(offset + ((size + 3) & ~3u));
	return offset;
}

uint64_t pci_function_bar_address(const struct pci_function *fn, unsigned bar)
{
	const struct pci_bar *b = &fn->bars[bar];
	uint64_t value = pci_config_get32(fn, bar_register(bar));

	if (b->is_64)
		value |= (uint64_t)pci_config_get32(fn, bar_register(bar + 1)) << 32;
	return value & ~(b->range.size - 1);
}

/*
 * Where a BAR answers now, or 0. Address 0 and a range that reaches the top of the space are what
 * an unset BAR and a BAR that is just being sized look like: nobody means them.
 */
static uint64_t decoded_address(const struct pci_function *fn, unsigned bar)
{
	const struct pci_bar *b = &fn->bars[bar];
	uint16_t command = pci_config_get16(fn, PCI_COMMAND);
	uint64_t address = pci_function_bar_address(fn, bar), limit;

	if (!(command & (b->range.space == BUS_PIO ? PCI_COMMAND_IO : PCI_COMMAND_MEMORY)))
		return 0;
	limit = b->range.space == BUS_PIO ? 0x10000 : b->is_64 ? 1ull << 52 : 1ull << 32;
	if (address >= limit || limit - address <= b->range.size)
		return 0;
	return address;
}

static void remap(struct pci_function *fn, unsigned bar)
{
	struct bus_range *range = &fn->bars[bar].range;
	uint64_t address;

	if (!range->size || !fn->bus)
		return;
	address = decoded_address(fn, bar);
	if (range->active ? address == range->base : !address)
		return;
	if (range->active)
		bus_remove(fn->bus, range);
	range->base = address;
	if (address)
		bus_add(fn->bus, range);
	if (fn->ops && fn->ops->bar_changed)
		fn->ops->bar_changed(fn, bar);
}

static bool valid_access(unsigned offset, unsigned size)
{
	return (size == 1 || size == 2 || size == 4) && offset < PCI_CONFIG_SIZE &&
	       offset % 4 + size <= 4;
}

uint32_t pci_function_read(struct pci_function *fn, unsigned offset, unsigned size)
{
	uint32_t value = 0;

	if (!valid_access(offset, size))
		return UINT32_MAX;
	if (fn->ops && fn->ops->config_reading)
		fn->ops->config_reading(fn, offset, size);
	for (unsigned i = 0; i < size; i++)
		value |= (uint32_t)fn->config[offset + i] << (8 * i);
	return value;
}

void pci_function_write(struct pci_function *fn, unsigned offset, unsigned size, uint32_t value)
{
	if (!valid_access(offset, size))
		return;
	for (unsigned i = 0; i < size; i++) {
		uint8_t mask = fn->writable[offset + i], *byte = &fn->config[offset + i];

		*byte = (uint8_t)((*byte & ~mask) | ((value >> (8 * i)) & mask));
	}
	if (pci_touches(offset, size, PCI_COMMAND, 1))
		for (unsigned bar = 0; bar < PCI_BARS; bar++)
			remap(fn, bar);
	for (unsigned bar = 0; bar < PCI_BARS; bar++)
		if (pci_touches(offset, size, bar_register(bar), fn->bars[bar].is_64 ? 8 : 4))
			remap(fn, bar);
	if (fn->ops && fn->ops->config_written)
		fn->ops->config_written(fn, offset, size);
}

void pci_function_place_bar(struct pci_function *fn, unsigned bar, uint64_t address)
{
	uint32_t low = pci_config_get32(fn, bar_register(bar));
	uint32_t mask = (uint32_t) ~(fn->bars[bar].range.size - 1);

	pci_config_set32(fn, bar_register(bar), (low & ~mask) | ((uint32_t)address & mask));
	if (fn->bars[bar].is_64)
		pci_config_set32(fn, bar_register(bar + 1), (uint32_t)(address >> 32));
	remap(fn, bar);
}

void pci_function_reset(struct pci_function *fn)
{
	memcpy(fn->config, fn->power_on, sizeof(fn->config));
	for (unsigned bar = 0; bar < PCI_BARS; bar++)
		remap(fn, bar);
	if (fn->ops && fn->ops->reset)
		fn->ops->reset(fn);
}

void pci_function_unplug(struct pci_function *fn)
{
	pci_config_set16(fn, PCI_COMMAND, 0);
	for (unsigned bar = 0; bar < PCI_BARS; bar++)
		remap(fn, bar);
	fn->bus = NULL;
}
