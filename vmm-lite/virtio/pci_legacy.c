/* SPDX-License-Identifier: MIT */
/* The registers of the legacy interface: BAR0, an I/O range. (virtio 1.3, 4.1.4.10) */
#include "vmm-lite/virtio/pci.h"

/* X(id, offset, size) */
#define LEGACY_FIELDS(X)        \
	X(host_features, 0, 4)  \
	X(guest_features, 4, 4) \
	X(queue_page, 8, 4)     \
	X(queue_size, 12, 2)    \
	X(queue_select, 14, 2)  \
	X(queue_notify, 16, 2)  \
	X(status, 18, 1)        \
	X(isr, 19, 1)           \
	X(config_vector, 20, 2) \
	X(queue_vector, 22, 2)

enum legacy_field {
#define X(id, offset, size) LEGACY_##id,
	LEGACY_FIELDS(X)
#undef X
	    LEGACY_COUNT
};

static const struct {
	uint8_t offset, size;
} fields[] = {
#define X(id, offset, size) {offset, size},
    LEGACY_FIELDS(X)
#undef X
};

/* The vectors exist only while MSI-X is enabled; the device's configuration follows directly. */
static unsigned field_count(struct virtio_pci *pci)
{
	return msix_enabled(&pci->msix) ? LEGACY_COUNT : LEGACY_config_vector;
}

static unsigned config_offset(struct virtio_pci *pci)
{
	return msix_enabled(&pci->msix) ? 24 : 20;
}

static uint32_t field_read(struct virtio_pci *pci, enum legacy_field field)
{
	struct virtio_device *dev = pci->dev;
	const struct virtio_queue *q = virtio_device_selected(dev);

	switch (field) {
	case LEGACY_host_features: return (uint32_t)virtio_device_offer(dev, true);
	case LEGACY_guest_features: return (uint32_t)dev->chosen;
	case LEGACY_queue_page: return q && q->enabled ? (uint32_t)(q->desc >> 12) : 0;
	case LEGACY_queue_size: return q ? q->size : 0;
	case LEGACY_queue_select: return dev->queue_select;
	case LEGACY_status: return dev->status;
	case LEGACY_isr: return intx_take_isr(&pci->intx);
	case LEGACY_config_vector: return dev->config_vector;
	case LEGACY_queue_vector: return q ? q->vector : NO_VECTOR;
	default: return 0;
	}
}

static void field_write(struct virtio_pci *pci, enum legacy_field field, uint32_t value)
{
	struct virtio_device *dev = pci->dev;
	struct virtio_queue *q = virtio_device_selected(dev);

	switch (field) {
	case LEGACY_guest_features: virtio_device_choose_legacy(dev, value); break;
	case LEGACY_queue_page:
		if (q)
			virtio_device_set_page(dev, dev->queue_select, value);
		break;
	case LEGACY_queue_select: dev->queue_select = (uint16_t)value; break;
	case LEGACY_status:
		/* A legacy driver never comes to FEATURES_OK; it may not write features either. */
		if (value && !(dev->status & (STATUS_FEATURES_OK | STATUS_DRIVER_OK)) &&
		    !dev->chosen)
			dev->legacy = true;
		virtio_device_set_status(dev, (uint8_t)(value & ~STATUS_FEATURES_OK), true);
		break;
	case LEGACY_config_vector:
		virtio_device_set_vector(dev, &dev->config_vector, (uint16_t)value);
		break;
	case LEGACY_queue_vector:
		if (q)
			virtio_device_set_vector(dev, &q->vector, (uint16_t)value);
		break;
	default: break;
	}
}

/* Bytes, words and longs anywhere; what ISR does when read it does if its byte is among them. */
static uint64_t legacy_read(void *opaque, uint64_t offset, unsigned size)
{
	struct virtio_pci *pci = opaque;
	uint64_t value = 0;
	unsigned config;

	virtio_device_lock(pci->dev);
	config = config_offset(pci);
	for (unsigned f = 0; f < field_count(pci); f++) {
		unsigned first = fields[f].offset;

		if (!pci_touches((unsigned)offset, size, first, fields[f].size))
			continue;
		uint64_t field = field_read(pci, (enum legacy_field)f);

		value |= first >= offset ? field << (8 * (first - offset))
					 : field >> (8 * (offset - first));
	}
	if (offset + size > config) {
		unsigned skip = offset < config ? config - (unsigned)offset : 0;

		value |= virtio_device_config_read(pci->dev, (unsigned)offset + skip - config,
						   size - skip)
			 << (8 * skip);
	}
	virtio_device_unlock(pci->dev);
	return value;
}

static void legacy_write(void *opaque, uint64_t offset, unsigned size, uint64_t value)
{
	struct virtio_pci *pci = opaque;
	unsigned config;

	/* Byte, word or long: the low bits are the queue's number. */
	if (offset == LEGACY_NOTIFY) {
		pci->dev->ops->kick(pci->dev, (uint16_t)value, true);
		return;
	}
	virtio_device_lock(pci->dev);
	config = config_offset(pci);
	if (offset >= config)
		virtio_device_config_write(pci->dev, (unsigned)offset - config, size, value, true);
	for (unsigned f = 0; f < field_count(pci); f++)
		if (offset == fields[f].offset && size == fields[f].size)
			field_write(pci, (enum legacy_field)f, (uint32_t)value);
	virtio_device_unlock(pci->dev);
}

const struct bus_ops virtio_legacy_ops = {.read = legacy_read, .write = legacy_write};
