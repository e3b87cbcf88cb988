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

void pci_set_msix_entry(unsigned slot, unsigned entry, uint8_t vector)
{
	uint32_t table = pci_read(slot, pci_capability(slot, CAP_MSIX) + 4);
	uint32_t bar = pci_read(slot, REG_BAR0 + 4 * (table & 7)) & ~0xfu;
	volatile uint32_t *at = (volatile uint32_t *)(uintptr_t)(bar + (table & ~7u)) + 4 * entry;

	at[0] = LOCAL_APIC_MSG;
	at[1] = 0;
	at[2] = vector;
	at[3] = 0; /* not masked */
}

bool pci_enable_msix(unsigned slot, uint8_t vector)
{
	unsigned cap = pci_capability(slot, CAP_MSIX);

	if (!cap)
		return false;
	pci_set_msix_entry(slot, 0, vector);
	pci_write(slot, cap, pci_read(slot, cap) | MSIX_ENABLE);
	return true;
}
