/* SPDX-License-Identifier: MIT */
#include "vmm-lite/virtio/device.h"

#include <errno.h>
#include <string.h>

#include "vmm-lite/virtio/complain.h"

#define DRIVER_STATUS \
	(STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_DRIVER_OK | STATUS_FEATURES_OK | STATUS_FAILED)

static void queue_defaults(struct virtio_device *dev, struct virtio_queue *q)
{
	*q = (struct virtio_queue){.size = dev->max_size};
	__atomic_store_n(&q->vector, NO_VECTOR, __ATOMIC_RELAXED);
}

static void defaults(struct virtio_device *dev)
{
	dev->status = 0;
	dev->chosen = dev->features = 0;
	dev->device_feature_select = dev->driver_feature_select = 0;
	dev->queue_select = 0;
	__atomic_store_n(&dev->config_vector, NO_VECTOR, __ATOMIC_RELAXED);
	dev->legacy = false;
	__atomic_store_n(&dev->broken, false, __ATOMIC_RELEASE);
	for (unsigned i = 0; i < dev->queue_count; i++)
		queue_defaults(dev, &dev->queues[i]);
}

int virtio_device_init(struct virtio_device *dev)
{
	pthread_mutex_init(&dev->lock, NULL);
	pthread_cond_init(&dev->stopped, NULL);
	defaults(dev);
	return 0;
}

void virtio_device_release(struct virtio_device *dev)
{
	pthread_cond_destroy(&dev->stopped);
	pthread_mutex_destroy(&dev->lock);
}

uint64_t virtio_device_offer(const struct virtio_device *dev, bool legacy)
{
	return legacy ? dev->offered & UINT32_MAX & ~FEATURES_MODERN_ONLY
		      : dev->offered & ~FEATURES_LEGACY_ONLY;
}

static void changed(struct virtio_device *dev)
{
	if (dev->ops->changed)
		dev->ops->changed(dev);
}

/* Between FEATURES_OK and reset the choice is final. (2.2.1) */
static bool negotiation_open(const struct virtio_device *dev)
{
	return !dev->resetting && !(dev->status & (STATUS_FEATURES_OK | STATUS_DRIVER_OK));
}

void virtio_device_choose(struct virtio_device *dev, unsigned window, uint32_t bits)
{
	unsigned shift = 32 * window;

	if (window > 1 || !negotiation_open(dev))
		return;
	dev->chosen &= ~((uint64_t)UINT32_MAX << shift);
	dev->chosen |= (uint64_t)bits << shift;
	dev->legacy = false;
}

/* No handshake here: what was not offered does not count, and the rest is in force. (2.2.3) */
void virtio_device_choose_legacy(struct virtio_device *dev, uint32_t bits)
{
	if (!negotiation_open(dev))
		return;
	dev->legacy = true;
	dev->chosen = dev->features = bits & virtio_device_offer(dev, true);
	dev->ops->negotiated(dev);
}

static void check_features(struct virtio_device *dev)
{
	if (dev->chosen & ~virtio_device_offer(dev, false) || dev->required & ~dev->chosen ||
	    !dev->ops->accepts(dev, dev->chosen))
		return;
	dev->status |= STATUS_FEATURES_OK;
	dev->features = dev->chosen;
	dev->legacy = false;
	dev->ops->negotiated(dev);
}

static void start_queue(struct virtio_device *dev, unsigned index)
{
	struct virtio_queue *q = &dev->queues[index];
	const char *why = NULL;

	if (!q->enabled || q->live || q->stopping || dev->broken)
		return;
	q->live = true;
	if (dev->ops->queue_start(dev, index, &why)) {
		q->live = false;
		virtio_device_fail(dev, index, why);
		return;
	}
	dev->transport_ops->queue_live(dev->transport, index, true);
	dev->look |= 1ull << index;
}

static void look(struct virtio_device *dev, uint64_t queues)
{
	for (unsigned i = 0; queues; i++, queues >>= 1)
		if (queues & 1)
			dev->ops->kick(dev, i, false);
}

void virtio_device_unlock(struct virtio_device *dev)
{
	uint64_t queues = dev->look;

	dev->look = 0;
	pthread_mutex_unlock(&dev->lock);
	look(dev, queues);
}

void virtio_device_set_status(struct virtio_device *dev, uint8_t status, bool wait)
{
	uint8_t old = dev->status;

	if (!status) {
		virtio_device_reset(dev, wait);
		return;
	}
	if (dev->resetting)
		return;
	/* Bits only ever come; NEEDS_RESET is the device's. FEATURES_OK is a question. (2.1.1) */
	dev->status |= status & DRIVER_STATUS & ~(STATUS_FEATURES_OK | STATUS_DRIVER_OK);
	if (status & STATUS_FEATURES_OK && negotiation_open(dev))
		check_features(dev);
	if (status & STATUS_DRIVER_OK && !(dev->status & STATUS_DRIVER_OK) &&
	    (dev->status & STATUS_FEATURES_OK || dev->legacy)) {
		dev->status |= STATUS_DRIVER_OK;
		for (unsigned i = 0; i < dev->queue_count; i++)
			start_queue(dev, i);
	}
	if (dev->status != old)
		changed(dev);
}

static void finish_reset(struct virtio_device *dev)
{
	for (unsigned i = 0; i < dev->queue_count; i++)
		if (dev->queues[i].stopping)
			return;
	defaults(dev);
	dev->ops->reset(dev);
	dev->transport_ops->reset(dev->transport);
	dev->resetting = false;
	pthread_cond_broadcast(&dev->stopped);
	changed(dev);
}

static void stop_queue(struct virtio_device *dev, unsigned index)
{
	struct virtio_queue *q = &dev->queues[index];

	if (!q->enabled || q->stopping)
		return;
	q->live = false;
	q->stopping = true;
	dev->transport_ops->queue_live(dev->transport, index, false);
	if (dev->ops->queue_stop(dev, index))
		q->stopping = false;
}

void virtio_device_reset(struct virtio_device *dev, bool wait)
{
	if (!dev->resetting) {
		dev->resetting = true;
		for (unsigned i = 0; i < dev->queue_count; i++)
			stop_queue(dev, i);
		finish_reset(dev);
	}
	while (wait && dev->resetting)
		pthread_cond_wait(&dev->stopped, &dev->lock);
}

void virtio_device_queue_stopped(struct virtio_device *dev, unsigned index)
{
	struct virtio_queue *q = &dev->queues[index];

	virtio_device_lock(dev);
	if (dev->resetting) {
		q->stopping = false;
		finish_reset(dev);
	} else {
		queue_defaults(dev, q);
		changed(dev);
	}
	pthread_cond_broadcast(&dev->stopped);
	virtio_device_unlock(dev);
}

struct virtio_queue *virtio_device_selected(struct virtio_device *dev)
{
	return dev->queue_select < dev->queue_count ? &dev->queues[dev->queue_select] : NULL;
}

void virtio_device_set_size(struct virtio_device *dev, unsigned index, uint16_t size)
{
	struct virtio_queue *q = &dev->queues[index];
	bool any = dev->features & FEATURE(F_RING_PACKED);

	if (dev->resetting || q->enabled || !size || size > dev->max_size)
		return;
	if (any || !(size & (size - 1)))
		q->size = size;
}

void virtio_device_set_vector(struct virtio_device *dev, uint16_t *field, uint16_t vector)
{
	if (dev->resetting)
		return;
	__atomic_store_n(field, vector < dev->vectors ? vector : NO_VECTOR, __ATOMIC_RELAXED);
	changed(dev);
}

static void enable(struct virtio_device *dev, unsigned index, const struct queue_layout *layout)
{
	struct virtio_queue *q = &dev->queues[index];
	const char *why = NULL;

	if (dev->ops->queue_enable(dev, index, layout, &why)) {
		virtio_device_fail(dev, index, why);
		return;
	}
	q->enabled = true;
	/* A legacy driver may use its queues before DRIVER_OK. (3.1.1, legacy) */
	if (dev->status & STATUS_DRIVER_OK || dev->legacy)
		start_queue(dev, index);
	changed(dev);
}

void virtio_device_enable_queue(struct virtio_device *dev, unsigned index)
{
	struct virtio_queue *q = &dev->queues[index];
	struct queue_layout layout = {
	    .size = q->size,
	    .desc = GPA(q->desc),
	    .driver = GPA(q->driver),
	    .device = GPA(q->device),
	    .packed = dev->features & FEATURE(F_RING_PACKED),
	    .event_idx = dev->features & FEATURE(F_EVENT_IDX),
	    .indirect = dev->features & FEATURE(F_INDIRECT_DESC),
	};

	if (dev->resetting || dev->broken || q->enabled || q->stopping ||
	    !(dev->status & STATUS_FEATURES_OK))
		return;
	enable(dev, index, &layout);
}

void virtio_device_reset_queue(struct virtio_device *dev, unsigned index)
{
	struct virtio_queue *q = &dev->queues[index];

	if (dev->resetting || !(dev->features & FEATURE(F_RING_RESET)) || !q->enabled ||
	    q->stopping)
		return;
	stop_queue(dev, index);
	if (!q->stopping)
		queue_defaults(dev, q);
	changed(dev);
}

/* 2.7.2, legacy: one block of memory, the used ring on the next page after the available ring. */
static void page_layout(struct virtio_queue *q, uint32_t page)
{
	q->desc = (uint64_t)page << 12;
	q->driver = q->desc + 16ull * q->size;
	q->device = (q->driver + 6 + 2ull * q->size + 4095) & ~4095ull;
}

void virtio_device_set_page(struct virtio_device *dev, unsigned index, uint32_t page)
{
	struct virtio_queue *q = &dev->queues[index];
	struct queue_layout layout = {
	    .event_idx = dev->features & FEATURE(F_EVENT_IDX),
	    .indirect = dev->features & FEATURE(F_INDIRECT_DESC),
	    .notify_on_empty = dev->features & FEATURE(F_NOTIFY_ON_EMPTY),
	};
	uint16_t vector = q->vector;

	if (dev->resetting || q->stopping || (dev->status & STATUS_FEATURES_OK))
		return;
	if (!page) {
		stop_queue(dev, index);
		while (q->stopping)
			pthread_cond_wait(&dev->stopped, &dev->lock);
		if (!dev->resetting) {
			queue_defaults(dev, q);
			__atomic_store_n(&q->vector, vector, __ATOMIC_RELAXED);
			changed(dev);
		}
		return;
	}
	if (q->enabled || dev->broken)
		return;
	dev->legacy = true;
	page_layout(q, page);
	layout.size = q->size;
	layout.desc = GPA(q->desc);
	layout.driver = GPA(q->driver);
	layout.device = GPA(q->device);
	enable(dev, index, &layout);
}

uint64_t virtio_device_config_read(struct virtio_device *dev, unsigned offset, unsigned size)
{
	uint64_t value = 0;

	dev->config_seen = true;
	for (unsigned i = 0; i < size && offset + i < dev->config_size; i++)
		value |= (uint64_t)dev->ops->config_read(dev, offset + i) << (8 * i);
	return value;
}

void virtio_device_config_write(struct virtio_device *dev, unsigned offset, unsigned size,
				uint64_t value, bool legacy)
{
	if (!dev->resetting && offset < dev->config_size && size <= dev->config_size - offset)
		dev->ops->config_write(dev, offset, size, value, legacy);
}

void virtio_device_config_changed(struct virtio_device *dev)
{
	/*
	 * Once for all changes that the driver has not looked at: a counter of 8 bits that moved
	 * with each would come round to the old value. (4.1.4.3.1)
	 */
	if (dev->config_seen)
		dev->generation++;
	dev->config_seen = false;
	if (dev->status & STATUS_DRIVER_OK && !dev->resetting)
		dev->transport_ops->config_irq(dev->transport);
	changed(dev);
}

void virtio_device_fail(struct virtio_device *dev, unsigned queue, const char *why)
{
	if (dev->resetting || dev->status & STATUS_NEEDS_RESET)
		return;
	complain(&dev->complaints,
		 "%s: queue %u: the driver broke it: %s; the device needs a reset", dev->name,
		 queue, why);
	__atomic_store_n(&dev->broken, true, __ATOMIC_RELEASE);
	dev->status |= STATUS_NEEDS_RESET;
	if (dev->status & STATUS_DRIVER_OK)
		dev->transport_ops->config_irq(dev->transport);
	changed(dev);
}

void virtio_device_set_dma(struct virtio_device *dev, bool on)
{
	virtio_device_lock(dev);
	/* Kicks that came meanwhile were not served. */
	if (on && !dev->dma)
		for (unsigned i = 0; i < dev->queue_count; i++)
			dev->look |= (uint64_t)dev->queues[i].live << i;
	__atomic_store_n(&dev->dma, on, __ATOMIC_RELEASE);
	virtio_device_unlock(dev);
}
