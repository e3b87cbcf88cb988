/* SPDX-License-Identifier: MIT */
#include "samples/guests/lib/guest.h"

#define PORT_ADDRESS   0xcf8
#define PORT_DATA      0xcfc
#define ADDRESS_ENABLE 0x80000000u
#define SLOTS          32

#define REG_ID         0x00
#define REG_BAR0       0x10
#define REG_CAPS       0x34
#define CAP_MSIX       0x11
#define MSIX_ENABLE    (1u << 31)
#define LOCAL_APIC_MSG 0xfee00000u /* destination: the CPU with APIC id 0 */

uint32_t pci_read(unsigned slot, unsigned at)
{
	outl(PORT_ADDRESS, ADDRESS_ENABLE | slot << 11 | at);
	return inl(PORT_DATA);
}

void pci_write(unsigned slot, unsigned at, uint32_t value)
{
	outl(PORT_ADDRESS, ADDRESS_ENABLE | slot << 11 | at);
	outl(PORT_DATA, value);
}

int pci_find(uint16_t vendor, uint16_t device)
{
	for (unsigned slot = 0; slot < SLOTS; slot++)
		if (pci_read(slot, REG_ID) == ((uint32_t)device << 16 | vendor))
			return (int)slot;
	return -1;
}

unsigned pci_capability(unsigned slot, uint8_t id)
{
	unsigned at = pci_read(slot, REG_CAPS) & 0xfc;

	while (at && (pci_read(slot, at) & 0xff) != id)
		at = pci_read(slot, at) >> 8 & 0xfc;
	return at;
}

bool pci_enable_msix(unsigned slot, uint8_t vector)
{
	unsigned cap = pci_capability(slot, CAP_MSIX);
	volatile uint32_t *entry;
	uint32_t table, bar;

	if (!cap)
		return false;
	table = pci_read(slot, cap + 4);
	bar = pci_read(slot, REG_BAR0 + 4 * (table & 7)) & ~0xfu;
	entry = (volatile uint32_t *)(uintptr_t)(bar + (table & ~7u));
	entry[0] = LOCAL_APIC_MSG;
	entry[1] = 0;
	entry[2] = vector;
	entry[3] = 0; /* not masked */
	pci_write(slot, cap, pci_read(slot, cap) | MSIX_ENABLE);
	return true;
}
