/* SPDX-License-Identifier: MIT */
/*
 * How a driver finds a virtio device on PCI: configuration space through ports 0xcf8 and 0xcfc,
 * BARs, the virtio capabilities, MSI-X. (virtio 1.3, 4.1.2 to 4.1.4)
 */
#ifndef VMM_BENCH_PCI_H
#define VMM_BENCH_PCI_H

#include <stddef.h>

#include "vmm-lite/bench/wires.h"

/* A stretch of one address space; length 0: there is none. */
struct pci_window {
	enum bus_space space;
	uint64_t addr;
	uint32_t length;
};

struct pci_device {
	struct bench_wires *wires;
	unsigned slot;
	uint16_t id;
	struct pci_window bars[6];
	struct pci_window common, notify, isr, config; /* modern; empty on a legacy device */
	uint32_t notify_multiplier;
	struct pci_window legacy; /* empty on a modern device */
	unsigned msix;            /* offset of the capability, 0: none */
	unsigned vectors;
	struct pci_window msix_table;
};

/*
 * Find the first virtio-blk device, switch its decoding and bus mastering on. 0, or -1 with a
 * sentence in err.
 */
int pci_device_find(struct pci_device *dev, struct bench_wires *wires, char *err, size_t err_size);

/* Loads and stores inside a window; offset + size is inside it. */
uint64_t window_load(const struct pci_device *dev, const struct pci_window *window, uint32_t offset,
		     unsigned size);
void window_store(const struct pci_device *dev, const struct pci_window *window, uint32_t offset,
		  unsigned size, uint64_t value);

/* Point the first `count` vectors at bench_message(0), (1), …, unmask them, switch MSI-X on. */
void pci_device_enable_msix(const struct pci_device *dev, unsigned count);

#endif
