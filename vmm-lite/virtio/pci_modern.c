/* SPDX-License-Identifier: MIT */
/* The registers of the modern interface. (virtio 1.3, 4.1.4) */
#include <linux/pci_regs.h>
#include <string.h>

#include "vmm-lite/virtio/pci.h"

enum capability_type {
	CAP_COMMON = 1,
	CAP_NOTIFY = 2,
	CAP_ISR = 3,
	CAP_DEVICE = 4,
	CAP_PCI = 5,
};

/* struct virtio_pci_cap: offsets from its beginning. (4.1.4) */
#define CAP_BAR    4
#define CAP_OFFSET 8
#define CAP_LENGTH 12
#define CAP_SIZE   16
#define CAP_DATA   16 /* of CAP_PCI */

/* Common configuration: X(id, offset, size). (4.1.4.3) */
#define COMMON_FIELDS(X)                  \
	X(device_feature_select, 0, 4)    \
	X(device_feature, 4, 4)           \
	X(driver_feature_select, 8, 4)    \
	X(driver_feature, 12, 4)          \
	X(config_msix_vector, 16, 2)      \
	X(num_queues, 18, 2)              \
	X(device_status, 20, 1)           \
	X(config_generation, 21, 1)       \
	X(queue_select, 22, 2)            \
	X(queue_size, 24, 2)              \
	X(queue_msix_vector, 26, 2)       \
	X(queue_enable, 28, 2)            \
	X(queue_notify_off, 30, 2)        \
	X(queue_desc, 32, 8)              \
	X(queue_driver, 40, 8)            \
	X(queue_device, 48, 8)            \
	X(queue_notif_config_data, 56, 2) \
	X(queue_reset, 58, 2)

enum common_field {
#define X(id, offset, size) COMMON_##id,
	COMMON_FIELDS(X)
#undef X
	    COMMON_COUNT
};

static const struct {
	uint8_t offset, size;
} fields[] = {
#define X(id, offset, size) {offset, size},
    COMMON_FIELDS(X)
#undef X
};

static uint64_t queue_field(const struct virtio_device *dev, enum common_field field,
			    const struct virtio_queue *q)
{
	unsigned index = (unsigned)(q - dev->queues);

	switch (field) {
	case COMMON_queue_size: return q->size;
	case COMMON_queue_msix_vector: return q->vector;
	case COMMON_queue_enable: return q->enabled && !q->stopping;
	case COMMON_queue_notify_off: return index;
	case COMMON_queue_desc: return q->desc;
	case COMMON_queue_driver: return q->driver;
	case COMMON_queue_device: return q->device;
	case COMMON_queue_notif_config_data:
		return dev->features & FEATURE(F_NOTIF_CONFIG_DATA) ? NOTIFY_COOKIE(index) : 0;
	case COMMON_queue_reset: return q->stopping && !dev->resetting;
	default: return 0;
	}
}

static uint64_t common_field_read(struct virtio_device *dev, enum common_field field)
{
	const struct virtio_queue *q = virtio_device_selected(dev);
	uint32_t select;

	switch (field) {
	case COMMON_device_feature_select: return dev->device_feature_select;
	case COMMON_device_feature:
		select = dev->device_feature_select;
		return select < 2 ? (uint32_t)(virtio_device_offer(dev, false) >> (32 * select))
				  : 0;
	case COMMON_driver_feature_select: return dev->driver_feature_select;
	case COMMON_driver_feature:
		select = dev->driver_feature_select;
		return select < 2 ? (uint32_t)(dev->chosen >> (32 * select)) : 0;
	case COMMON_config_msix_vector: return dev->config_vector;
	case COMMON_num_queues: return dev->queue_count;
	case COMMON_device_status: return dev->status;
	case COMMON_config_generation: return dev->generation;
	case COMMON_queue_select: return dev->queue_select;
	case COMMON_queue_msix_vector: return q ? q->vector : NO_VECTOR;
	default: return q ? queue_field(dev, field, q) : 0;
	}
}

/* Any width at any place: the bytes are those of the fields there. Reading changes nothing. */
static uint64_t common_read(struct virtio_device *dev, unsigned offset, unsigned size)
{
	uint64_t value = 0;

	for (unsigned f = 0; f < COMMON_COUNT; f++) {
		unsigned first = fields[f].offset;

		if (!pci_touches(offset, size, first, fields[f].size))
			continue;
		uint64_t field = common_field_read(dev, (enum common_field)f);

		if (fields[f].size < 8)
			field &= (1ull << (8 * fields[f].size)) - 1;
		value |= first >= offset ? field << (8 * (first - offset))
					 : field >> (8 * (offset - first));
	}
	return size < 8 ? value & ((1ull << (8 * size)) - 1) : value;
}

/* The halves of a 64-bit field can be written one by one, in any order. (4.1.3.1) */
static void write_address(struct virtio_device *dev, const struct virtio_queue *q, uint64_t *field,
			  unsigned at, unsigned size, uint64_t value)
{
	if (q->enabled || dev->resetting)
		return;
	if (size == 8)
		*field = value;
	else if (at)
		*field = (uint32_t)*field | value << 32;
	else
		*field = (*field & ~(uint64_t)UINT32_MAX) | (uint32_t)value;
}

static void queue_field_write(struct virtio_device *dev, enum common_field field, unsigned at,
			      unsigned size, uint64_t value)
{
	struct virtio_queue *q = virtio_device_selected(dev);
	unsigned index = dev->queue_select;

	if (!q)
		return;
	switch (field) {
	case COMMON_queue_size: virtio_device_set_size(dev, index, (uint16_t)value); break;
	case COMMON_queue_msix_vector:
		virtio_device_set_vector(dev, &q->vector, (uint16_t)value);
		break;
	case COMMON_queue_enable:
		if (value == 1)
			virtio_device_enable_queue(dev, index);
		break;
	case COMMON_queue_desc: write_address(dev, q, &q->desc, at, size, value); break;
	case COMMON_queue_driver: write_address(dev, q, &q->driver, at, size, value); break;
	case COMMON_queue_device: write_address(dev, q, &q->device, at, size, value); break;
	case COMMON_queue_reset:
		if (value == 1)
			virtio_device_reset_queue(dev, index);
		break;
	default: break;
	}
}

static void common_field_write(struct virtio_device *dev, enum common_field field, unsigned at,
			       unsigned size, uint64_t value)
{
	switch (field) {
	case COMMON_device_feature_select: dev->device_feature_select = (uint32_t)value; break;
	case COMMON_driver_feature_select: dev->driver_feature_select = (uint32_t)value; break;
	case COMMON_driver_feature:
		virtio_device_choose(dev, dev->driver_feature_select, (uint32_t)value);
		break;
	case COMMON_config_msix_vector:
		virtio_device_set_vector(dev, &dev->config_vector, (uint16_t)value);
		break;
	case COMMON_device_status: virtio_device_set_status(dev, (uint8_t)value, false); break;
	case COMMON_queue_select: dev->queue_select = (uint16_t)value; break;
	default: queue_field_write(dev, field, at, size, value); break;
	}
}

/* A write means a field if it has the field's place and width (or half of 64 bits); else nothing. */
static void common_write(struct virtio_device *dev, unsigned offset, unsigned size, uint64_t value)
{
	for (unsigned f = 0; f < COMMON_COUNT; f++) {
		unsigned at = offset - fields[f].offset;

		if (offset < fields[f].offset || at >= fields[f].size)
			continue;
		if ((size == fields[f].size && !at) ||
		    (fields[f].size == 8 && size == 4 && at % 4 == 0))
			common_field_write(dev, (enum common_field)f, at, size, value);
		return;
	}
}

static uint64_t modern_read(void *opaque, uint64_t offset, unsigned size)
{
	struct virtio_pci *pci = opaque;
	uint64_t value = 0;

	if (offset >= MODERN_NOTIFY)
		return 0;
	if (offset >= MODERN_ISR && offset < MODERN_CONFIG)
		return offset == MODERN_ISR ? intx_take_isr(&pci->intx) : 0;
	virtio_device_lock(pci->dev);
	if (offset >= MODERN_CONFIG)
		value =
		    virtio_device_config_read(pci->dev, (unsigned)(offset - MODERN_CONFIG), size);
	else if (offset < MODERN_COMMON_SIZE)
		value = common_read(pci->dev, (unsigned)offset, size);
	virtio_device_unlock(pci->dev);
	return value;
}

static void modern_write(void *opaque, uint64_t offset, unsigned size, uint64_t value)
{
	struct virtio_pci *pci = opaque;

	if (offset >= MODERN_NOTIFY) {
		unsigned queue = (unsigned)(offset - MODERN_NOTIFY) / NOTIFY_STRIDE;

		/*
		 * The address wins over the value and its width, as with the ioeventfd. Only a
		 * value that the driver had to ask for has to be the right one. (4.1.5.2)
		 */
		if ((offset - MODERN_NOTIFY) % NOTIFY_STRIDE == 0 &&
		    (!__atomic_load_n(&pci->cookies, __ATOMIC_RELAXED) ||
		     (uint16_t)value == NOTIFY_COOKIE(queue)))
			pci->dev->ops->kick(pci->dev, queue, true);
		return;
	}
	if (offset >= MODERN_ISR && offset < MODERN_CONFIG)
		return;
	virtio_device_lock(pci->dev);
	if (offset >= MODERN_CONFIG)
		virtio_device_config_write(pci->dev, (unsigned)(offset - MODERN_CONFIG), size,
					   value, false);
	else
		common_write(pci->dev, (unsigned)offset, size, value);
	virtio_device_unlock(pci->dev);
}

const struct bus_ops virtio_modern_ops = {.read = modern_read, .write = modern_write};

static unsigned add_capability(struct virtio_pci *pci, enum capability_type type, uint32_t offset,
			       uint32_t length, uint32_t extra, unsigned size)
{
	uint8_t body[CAP_SIZE + 4 - 2] = {(uint8_t)size, type, BAR_MODERN};

	for (unsigned i = 0; i < 4; i++) {
		body[CAP_OFFSET - 2 + i] = (uint8_t)(offset >> (8 * i));
		body[CAP_LENGTH - 2 + i] = (uint8_t)(length >> (8 * i));
		body[CAP_SIZE - 2 + i] = (uint8_t)(extra >> (8 * i));
	}
	return pci_function_add_capability(&pci->fn, PCI_CAP_ID_VNDR, body, size);
}

void virtio_modern_plug(struct virtio_pci *pci)
{
	struct pci_function *fn = &pci->fn;

	pci_function_set_bar(fn, BAR_MODERN, BUS_MMIO, MODERN_BAR_SIZE, true, &virtio_modern_ops,
			     pci, pci->bar_name);
	add_capability(pci, CAP_COMMON, MODERN_COMMON, MODERN_COMMON_SIZE, 0, CAP_SIZE);
	add_capability(pci, CAP_ISR, MODERN_ISR, 1, 0, CAP_SIZE);
	add_capability(pci, CAP_DEVICE, MODERN_CONFIG, pci->dev->config_size, 0, CAP_SIZE);
	add_capability(pci, CAP_NOTIFY, MODERN_NOTIFY, NOTIFY_STRIDE * pci->dev->queue_count,
		       NOTIFY_STRIDE, CAP_SIZE + 4);
	pci->window = add_capability(pci, CAP_PCI, 0, 0, 0, CAP_SIZE + 4);
	fn->config[pci->window + CAP_BAR] = 0;
	fn->writable[pci->window + CAP_BAR] = 0xff;
	memset(&fn->writable[pci->window + CAP_OFFSET], 0xff, 12); /* offset, length, data */
}

/*
 * 4.1.4.9: the driver reaches the BARs through configuration space. Only an access that a BAR
 * could see goes through; the bus is not involved, so BARs need not be decoded.
 */
static const struct bus_range *window_target(struct virtio_pci *pci, unsigned offset, unsigned size,
					     uint32_t *at, uint32_t *length)
{
	const struct pci_function *fn = &pci->fn;
	unsigned bar;

	if (!pci->window || !pci_touches(offset, size, pci->window + CAP_DATA, 4))
		return NULL;
	bar = fn->config[pci->window + CAP_BAR];
	*at = pci_config_get32(fn, pci->window + CAP_OFFSET);
	*length = pci_config_get32(fn, pci->window + CAP_LENGTH);
	if (bar >= PCI_BARS || (*length != 1 && *length != 2 && *length != 4) || *at % *length)
		return NULL;
	if ((uint64_t)*at + *length > fn->bars[bar].range.size)
		return NULL;
	return &fn->bars[bar].range;
}

void virtio_modern_config_written(struct virtio_pci *pci, unsigned offset, unsigned size)
{
	uint32_t at, length;
	const struct bus_range *range = window_target(pci, offset, size, &at, &length);
	uint64_t data;

	if (!range)
		return;
	data = pci_config_get32(&pci->fn, pci->window + CAP_DATA) & ((1ull << (8 * length)) - 1);
	range->ops->write(range->opaque, at, length, data);
}

void virtio_modern_config_reading(struct virtio_pci *pci, unsigned offset, unsigned size)
{
	uint32_t at, length;
	const struct bus_range *range = window_target(pci, offset, size, &at, &length);

	if (range)
		pci_config_set32(&pci->fn, pci->window + CAP_DATA,
				 (uint32_t)range->ops->read(range->opaque, at, length));
}
