/* SPDX-License-Identifier: MIT */
/*
 * The PCI host bridge: bus 0 through ports 0xcf8 (address) and 0xcfc (data), one function a slot.
 * Slot 0 is the bridge itself. It also gives BARs their addresses before the guest looks, so that
 * a guest that trusts its firmware (Linux does) finds working BARs.
 */
#ifndef VMM_PCI_HOST_H
#define VMM_PCI_HOST_H

#include <stdint.h>

#include "vmm-lite/pci/function.h"

#define PCI_PORT_ADDRESS 0xcf8
#define PCI_PORT_DATA    0xcfc

/* Windows for BARs; boot/ and platform/acpi.c describe the same windows to the guest. */
#define PCI_PIO_BASE  0xc000u
#define PCI_PIO_SIZE  0x3000u
#define PCI_MMIO_BASE 0xd0000000ull
#define PCI_MMIO_SIZE 0x10000000ull

/* INTA# of slot n is wired to GSI PCI_GSI_BASE + n % PCI_GSI_COUNT; the DSDT's _PRT says so too. */
#define PCI_GSI_BASE  16
#define PCI_GSI_COUNT 8

struct pci_host;

/* NULL: out of memory. Free it before the bus and after the functions' devices are quiet. */
struct pci_host *pci_host_new(struct bus *bus);
void pci_host_free(struct pci_host *host);

/*
 * Plug a function into the next free slot; assigns slot, gsi and BAR addresses and switches
 * decoding (not bus mastering) on. 0 or -ENOSPC. The function stays the caller's.
 */
int pci_host_add(struct pci_host *host, struct pci_function *fn);
/* Pull it out again: its BARs leave the bus. */
void pci_host_remove(struct pci_host *host, struct pci_function *fn);

/* What the machine's reset line does: addresses, command registers and the functions themselves. */
void pci_host_reset(struct pci_host *host);

#endif
