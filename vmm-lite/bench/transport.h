/* SPDX-License-Identifier: MIT */
/*
 * The two register layouts of a virtio PCI device, as the driver writes them: modern (virtio 1.3,
 * 4.1.4.3) and legacy (4.1.4.10).
 */
#ifndef VMM_BENCH_TRANSPORT_H
#define VMM_BENCH_TRANSPORT_H

#include "vmm-lite/bench/driver_ring.h"
#include "vmm-lite/bench/pci.h"

#define NO_MSIX_VECTOR 0xffffu

/* A queue's doorbell. */
struct doorbell_address {
	enum bus_space space;
	uint64_t addr;
	uint16_t value; /* the queue's number */
};

struct transport {
	const char *name;
	uint8_t (*status)(const struct pci_device *dev);
	void (*set_status)(const struct pci_device *dev, uint8_t status);
	uint64_t (*features)(const struct pci_device *dev);
	void (*set_features)(const struct pci_device *dev, uint64_t features);
	/* The greatest size of a queue, 0: there is no such queue. */
	uint16_t (*queue_size)(const struct pci_device *dev, unsigned queue);
	/* Give the queue its ring and its MSI-X vector. 0, or -1 if the device refuses the vector. */
	int (*queue_start)(const struct pci_device *dev, unsigned queue,
			   const struct driver_ring *ring, uint16_t vector,
			   struct doorbell_address *doorbell);
	/* A field of the device's own configuration. */
	uint64_t (*config)(const struct pci_device *dev, uint32_t offset, unsigned size);
	/* Read and clear the interrupt status: with INTx this lowers the line. */
	uint8_t (*isr)(const struct pci_device *dev);
};

extern const struct transport transport_modern, transport_legacy;

/* Modern where the device has it. */
const struct transport *transport_choose(const struct pci_device *dev);

#endif
