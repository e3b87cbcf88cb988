/* SPDX-License-Identifier: MIT */
/*
 * The virtio device as a PCI function: identity, BARs, capabilities, doorbells and interrupts.
 * (virtio 1.3, 4.1) The registers are in pci_modern.c and pci_legacy.c.
 */
#ifndef VMM_VIRTIO_PCI_H
#define VMM_VIRTIO_PCI_H

#include "vmm-lite/options.h"
#include "vmm-lite/pci/function.h"
#include "vmm-lite/pci/msix.h"
#include "vmm-lite/virtio/device.h"
#include "vmm-lite/virtio/intx.h"

enum { BAR_LEGACY = 0, BAR_MSIX = 1, BAR_MODERN = 4 };

/* The modern BAR: four regions, a page each. */
#define MODERN_COMMON      0x0000
#define MODERN_COMMON_SIZE 0x40
#define MODERN_ISR         0x1000
#define MODERN_CONFIG      0x2000
#define MODERN_NOTIFY      0x3000
#define MODERN_BAR_SIZE    0x4000
#define NOTIFY_STRIDE      4 /* a doorbell per queue, wide enough for NOTIFICATION_DATA */

#define LEGACY_NOTIFY      16 /* offset of the notify register */
#define LEGACY_BAR_SIZE    128

/* What a driver writes with NOTIF_CONFIG_DATA; anything would do, the address decides. */
#define NOTIFY_COOKIE(queue) (0x4000u + (queue))

struct virtio_pci {
	struct pci_function fn;
	struct virtio_device *dev;
	struct wires wires;
	struct msix msix;
	struct intx intx;
	enum disk_transport transport;
	bool ioeventfd;
	char bar_name[32];
	const int *kick_fds; /* of the queues, the caller's */

	/* Under the device's lock. */
	uint64_t bar_base[PCI_BARS]; /* 0: not decoded */
	struct doorbell doorbells[DEVICE_MAX_QUEUES];
	bool doorbell_on[DEVICE_MAX_QUEUES];
	bool cookies; /* atomic for kicks: NOTIF_CONFIG_DATA is in force, values count */

	/* Offsets in configuration space; under the PCI host's lock. */
	unsigned window; /* VIRTIO_PCI_CAP_PCI_CFG; 0: none */
	unsigned af_capability;
};

/* The function, ready to be plugged. 0 or -errno. `options` are looked at only here. */
int virtio_pci_init(struct virtio_pci *pci, struct virtio_device *dev,
		    const struct disk_options *options, const struct wires *wires,
		    const int *kick_fds);
void virtio_pci_release(struct virtio_pci *pci);

/* For the trace: where queue 0's doorbells are now; 0: nowhere. With the device's lock. */
uint64_t virtio_pci_pio_notify(const struct virtio_pci *pci);
uint64_t virtio_pci_mmio_notify(const struct virtio_pci *pci);

/* pci_modern.c */
extern const struct bus_ops virtio_modern_ops;
void virtio_modern_plug(struct virtio_pci *pci);
void virtio_modern_config_written(struct virtio_pci *pci, unsigned offset, unsigned size);
void virtio_modern_config_reading(struct virtio_pci *pci, unsigned offset, unsigned size);

/* pci_legacy.c */
extern const struct bus_ops virtio_legacy_ops;

#endif
