/* SPDX-License-Identifier: MIT */
#include <linux/virtio_pci.h>

#include "vmm-lite/bench/transport.h"

#define LEGACY_PAGE_SHIFT 12

/* Modern: offsets inside the common configuration structure. */

static uint64_t common_load(const struct pci_device *dev, uint32_t offset, unsigned size)
{
	return window_load(dev, &dev->common, offset, size);
}

static void common_store(const struct pci_device *dev, uint32_t offset, unsigned size,
			 uint64_t value)
{
	window_store(dev, &dev->common, offset, size, value);
}

static uint8_t modern_status(const struct pci_device *dev)
{
	return common_load(dev, VIRTIO_PCI_COMMON_STATUS, 1);
}

static void modern_set_status(const struct pci_device *dev, uint8_t status)
{
	common_store(dev, VIRTIO_PCI_COMMON_STATUS, 1, status);
}

static uint64_t modern_features(const struct pci_device *dev)
{
	uint64_t features;

	common_store(dev, VIRTIO_PCI_COMMON_DFSELECT, 4, 1);
	features = common_load(dev, VIRTIO_PCI_COMMON_DF, 4) << 32;
	common_store(dev, VIRTIO_PCI_COMMON_DFSELECT, 4, 0);
	return features | common_load(dev, VIRTIO_PCI_COMMON_DF, 4);
}

static void modern_set_features(const struct pci_device *dev, uint64_t features)
{
	unsigned i;

	for (i = 0; i < 2; i++) {
		common_store(dev, VIRTIO_PCI_COMMON_GFSELECT, 4, i);
		common_store(dev, VIRTIO_PCI_COMMON_GF, 4, (uint32_t)(features >> 32 * i));
	}
}

static uint16_t modern_queue_size(const struct pci_device *dev, unsigned queue)
{
	common_store(dev, VIRTIO_PCI_COMMON_Q_SELECT, 2, queue);
	return common_load(dev, VIRTIO_PCI_COMMON_Q_SIZE, 2);
}

/* 64-bit fields are two registers of 32. (4.1.3.1) */
static void common_store_gpa(const struct pci_device *dev, uint32_t offset, gpa_t gpa)
{
	common_store(dev, offset, 4, (uint32_t)gpa.value);
	common_store(dev, offset + 4, 4, gpa.value >> 32);
}

static int modern_queue_start(const struct pci_device *dev, unsigned queue,
			      const struct driver_ring *ring, uint16_t vector,
			      struct doorbell_address *doorbell)
{
	uint32_t offset;

	common_store(dev, VIRTIO_PCI_COMMON_Q_SELECT, 2, queue);
	common_store(dev, VIRTIO_PCI_COMMON_Q_SIZE, 2, ring->options.size);
	common_store(dev, VIRTIO_PCI_COMMON_Q_MSIX, 2, vector);
	if (common_load(dev, VIRTIO_PCI_COMMON_Q_MSIX, 2) != vector)
		return -1;
	common_store_gpa(dev, VIRTIO_PCI_COMMON_Q_DESCLO, ring->desc);
	common_store_gpa(dev, VIRTIO_PCI_COMMON_Q_AVAILLO, ring->driver);
	common_store_gpa(dev, VIRTIO_PCI_COMMON_Q_USEDLO, ring->device);
	offset = common_load(dev, VIRTIO_PCI_COMMON_Q_NOFF, 2) * dev->notify_multiplier;
	*doorbell = (struct doorbell_address){dev->notify.space, dev->notify.addr + offset, queue};
	common_store(dev, VIRTIO_PCI_COMMON_Q_ENABLE, 2, 1);
	return 0;
}

static uint64_t modern_config(const struct pci_device *dev, uint32_t offset, unsigned size)
{
	return window_load(dev, &dev->config, offset, size);
}

static uint8_t modern_isr(const struct pci_device *dev)
{
	return window_load(dev, &dev->isr, 0, 1);
}

const struct transport transport_modern = {
    .name = "modern",
    .status = modern_status,
    .set_status = modern_set_status,
    .features = modern_features,
    .set_features = modern_set_features,
    .queue_size = modern_queue_size,
    .queue_start = modern_queue_start,
    .config = modern_config,
    .isr = modern_isr,
};

/* Legacy: one block of ports; a ring is named by its page number and cannot choose its size. */

static uint64_t legacy_load(const struct pci_device *dev, uint32_t offset, unsigned size)
{
	return window_load(dev, &dev->legacy, offset, size);
}

static void legacy_store(const struct pci_device *dev, uint32_t offset, unsigned size,
			 uint64_t value)
{
	window_store(dev, &dev->legacy, offset, size, value);
}

static uint8_t legacy_status(const struct pci_device *dev)
{
	return legacy_load(dev, VIRTIO_PCI_STATUS, 1);
}

static void legacy_set_status(const struct pci_device *dev, uint8_t status)
{
	legacy_store(dev, VIRTIO_PCI_STATUS, 1, status);
}

static uint64_t legacy_features(const struct pci_device *dev)
{
	return legacy_load(dev, VIRTIO_PCI_HOST_FEATURES, 4);
}

static void legacy_set_features(const struct pci_device *dev, uint64_t features)
{
	legacy_store(dev, VIRTIO_PCI_GUEST_FEATURES, 4, (uint32_t)features);
}

static uint16_t legacy_queue_size(const struct pci_device *dev, unsigned queue)
{
	legacy_store(dev, VIRTIO_PCI_QUEUE_SEL, 2, queue);
	return legacy_load(dev, VIRTIO_PCI_QUEUE_NUM, 2);
}

static int legacy_queue_start(const struct pci_device *dev, unsigned queue,
			      const struct driver_ring *ring, uint16_t vector,
			      struct doorbell_address *doorbell)
{
	legacy_store(dev, VIRTIO_PCI_QUEUE_SEL, 2, queue);
	legacy_store(dev, VIRTIO_PCI_QUEUE_PFN, 4, ring->desc.value >> LEGACY_PAGE_SHIFT);
	*doorbell = (struct doorbell_address){dev->legacy.space,
					      dev->legacy.addr + VIRTIO_PCI_QUEUE_NOTIFY, queue};
	if (!dev->msix)
		return 0;
	/* The vector registers are there only while MSI-X is on. */
	legacy_store(dev, VIRTIO_MSI_QUEUE_VECTOR, 2, vector);
	return legacy_load(dev, VIRTIO_MSI_QUEUE_VECTOR, 2) == vector ? 0 : -1;
}

static uint64_t legacy_config(const struct pci_device *dev, uint32_t offset, unsigned size)
{
	return legacy_load(dev, VIRTIO_PCI_CONFIG_OFF(dev->msix != 0) + offset, size);
}

static uint8_t legacy_isr(const struct pci_device *dev)
{
	return legacy_load(dev, VIRTIO_PCI_ISR, 1);
}

const struct transport transport_legacy = {
    .name = "legacy",
    .status = legacy_status,
    .set_status = legacy_set_status,
    .features = legacy_features,
    .set_features = legacy_set_features,
    .queue_size = legacy_queue_size,
    .queue_start = legacy_queue_start,
    .config = legacy_config,
    .isr = legacy_isr,
};

const struct transport *transport_choose(const struct pci_device *dev)
{
	return dev->common.length ? &transport_modern : &transport_legacy;
}
