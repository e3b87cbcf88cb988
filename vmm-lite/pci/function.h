/* SPDX-License-Identifier: MIT */
/*
 * One PCI function: configuration space, BARs and how it is reached. The host bridge
 * (pci/host.c: ports 0xcf8/0xcfc) routes configuration accesses here.
 */
#ifndef VMM_PCI_FUNCTION_H
#define VMM_PCI_FUNCTION_H

#include <stdbool.h>
#include <stdint.h>

#include "vmm-lite/bus.h"

#define PCI_CONFIG_SIZE 256
#define PCI_BARS	6
#define PCI_SLOTS	32

struct pci_function;

struct pci_function_ops {
	/*
	 * After bytes [offset, offset + size) of configuration space were written (masks already
	 * applied). Capabilities with side effects hook in here.
	 */
	void (*config_written)(struct pci_function *fn, unsigned offset, unsigned size);
	/* Before they are read: fill in what is computed (interrupt status bit, window data). */
	void (*config_reading)(struct pci_function *fn, unsigned offset, unsigned size);
	/* A BAR was moved, or its decoding switched on or off; range is already on the bus or off. */
	void (*bar_changed)(struct pci_function *fn, unsigned bar);
};

struct pci_bar {
	struct bus_range range; /* range.size == 0: not implemented */
	bool is_64;		/* takes the next BAR's register too */
	bool prefetchable;
};

struct pci_function {
	uint8_t config[PCI_CONFIG_SIZE];
	uint8_t writable[PCI_CONFIG_SIZE]; /* which bits a guest may change */
	struct pci_bar bars[PCI_BARS];
	const struct pci_function_ops *ops;
	void *opaque; /* the device */
	struct bus *bus;
	unsigned slot; /* device number on bus 0 */
	unsigned gsi;  /* of INTA# */
};

#endif
