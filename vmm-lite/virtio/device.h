/* SPDX-License-Identifier: MIT */
/*
 * The state machine of a virtio device, the same for every transport and type: status, features,
 * the table of queues, reset. (virtio 1.3, 2.1 to 2.6, 3.1, 4.1.4.3)
 *
 * The transport's views (pci_modern.c, pci_legacy.c) read the fields and call the functions; the
 * type (blk.c) does the work behind the operations.
 *
 * Locks, in this order: the PCI host's, this device's, a queue's, MSI-X's or the INTx line's. The
 * functions below are called with the device's lock held unless they say otherwise.
 */
#ifndef VMM_VIRTIO_DEVICE_H
#define VMM_VIRTIO_DEVICE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmm-lite/virtio/complain.h"
#include "vmm-lite/virtio/queue.h"
#include "vmm-lite/virtio/spec.h"

#define DEVICE_MAX_QUEUES 64
#define NO_VECTOR         0xffffu

struct virtio_device;

/* What the type of device does. All with the device's lock held. */
struct virtio_device_ops {
	/* Is this set of features acceptable, beyond being a subset of what was offered? */
	bool (*accepts)(struct virtio_device *dev, uint64_t features);
	/* dev->features is what the driver chose. */
	void (*negotiated)(struct virtio_device *dev);
	/* Take over a layout; the queue is not served yet. 0, or -errno with a reason. */
	int (*queue_enable)(struct virtio_device *dev, unsigned queue,
			    const struct queue_layout *layout, const char **why);
	/* It may be served from now on; a kick follows. 0, or -errno with a reason. */
	int (*queue_start)(struct virtio_device *dev, unsigned queue, const char **why);
	/*
	 * Stop and disable it. True: done. False: virtio_device_queue_stopped will be called, from
	 * another thread, once nothing is in flight any more.
	 */
	bool (*queue_stop)(struct virtio_device *dev, unsigned queue);
	/* Everything is stopped: back to the defaults. */
	void (*reset)(struct virtio_device *dev);
	/* Device-specific configuration; [offset, offset + size) is inside it. */
	uint8_t (*config_read)(struct virtio_device *dev, unsigned offset);
	void (*config_write)(struct virtio_device *dev, unsigned offset, unsigned size,
			     uint64_t value, bool legacy);
	/* Something changed that an observer of the device wants to know. */
	void (*changed)(struct virtio_device *dev);
	/*
	 * The driver kicked; or (not `guest`) the device itself has a reason to look at the queue.
	 * Called without the lock, by any thread, with any number.
	 */
	void (*kick)(struct virtio_device *dev, unsigned queue, bool guest);
};

/* An interrupt that was decided and is still to be sent. */
struct irq_shot {
	uint8_t vector; /* MSI-X vector; 0xff: the INTx line */
	bool line;
	int eventfd;
	uint64_t address;
	uint32_t data;
};

/* What the transport does for the device. */
struct virtio_transport_ops {
	/*
	 * What becomes of an interrupt for a queue: enum vbt_signal_reason; VBT_SIGNAL_sent fills
	 * the shot. Without the device's lock, by the queue's thread. Side effects that have to
	 * come first (ISR, pending bit) have happened.
	 */
	unsigned (*irq_decide)(void *transport, unsigned queue, struct irq_shot *shot);
	int (*irq_fire)(void *transport, const struct irq_shot *shot);
	/* Tell the driver that the configuration changed. */
	void (*config_irq)(void *transport);
	/* A queue went live, or is not any more: doorbells. */
	void (*queue_live)(void *transport, unsigned queue, bool live);
	void (*reset)(void *transport);
};

struct virtio_queue {
	uint64_t desc, driver, device; /* as written; latched when enabled */
	uint16_t size;
	uint16_t vector; /* atomic: read by the queue's thread */
	bool enabled;
	bool live;     /* served */
	bool stopping; /* being reset; cleared by virtio_device_queue_stopped */
};

struct virtio_device {
	pthread_mutex_t lock;
	pthread_cond_t stopped; /* a queue stopped, or a reset ended */
	const struct virtio_device_ops *ops;
	const struct virtio_transport_ops *transport_ops;
	void *transport;
	const char *name;
	struct complaints complaints;

	uint64_t offered;  /* both interfaces; see virtio_device_offer */
	uint64_t required; /* of them, what a modern driver has to take */
	uint64_t chosen;   /* by the driver so far */
	uint64_t features; /* in force */
	uint32_t device_feature_select, driver_feature_select;
	uint16_t queue_select, config_vector;
	uint16_t vectors; /* how many MSI-X vectors there are; 0: no MSI-X */
	uint8_t status;
	uint8_t generation;
	bool config_seen; /* the driver read configuration since the generation changed */
	bool resetting;
	bool legacy;   /* the driver came in through the legacy interface */
	uint64_t look; /* queues that went live, to be looked at once the lock is free */
	bool broken;   /* atomic: touch no queue until reset */
	bool dma;      /* atomic: bus mastering is on */

	unsigned config_size;
	unsigned queue_count;
	uint16_t max_size;
	struct virtio_queue queues[DEVICE_MAX_QUEUES];
};

/* 0 or -errno. */
int virtio_device_init(struct virtio_device *dev);
void virtio_device_release(struct virtio_device *dev);

static inline void virtio_device_lock(struct virtio_device *dev)
{
	pthread_mutex_lock(&dev->lock);
}

/* Queues that went live meanwhile are looked at then: that takes as long as the guest has it. */
void virtio_device_unlock(struct virtio_device *dev);

/* What is offered on an interface. */
uint64_t virtio_device_offer(const struct virtio_device *dev, bool legacy);

/* The driver wrote a feature window (modern), or its features (legacy). */
void virtio_device_choose(struct virtio_device *dev, unsigned window, uint32_t bits);
void virtio_device_choose_legacy(struct virtio_device *dev, uint32_t bits);

/* The driver wrote the status register. 0 begins a reset; `wait`: returns when it is over. */
void virtio_device_set_status(struct virtio_device *dev, uint8_t status, bool wait);

/* Begin a reset, or wait for one that runs. Both drop and retake the lock while waiting. */
void virtio_device_reset(struct virtio_device *dev, bool wait);

/* The selected queue, or NULL if there is none of that number. */
struct virtio_queue *virtio_device_selected(struct virtio_device *dev);

void virtio_device_set_size(struct virtio_device *dev, unsigned queue, uint16_t size);
void virtio_device_set_vector(struct virtio_device *dev, uint16_t *field, uint16_t vector);

/* queue_enable and queue_reset of the modern interface. */
void virtio_device_enable_queue(struct virtio_device *dev, unsigned queue);
void virtio_device_reset_queue(struct virtio_device *dev, unsigned queue);

/* The page number of the legacy interface; 0 stops the queue and waits for it. */
void virtio_device_set_page(struct virtio_device *dev, unsigned queue, uint32_t page);

/* Configuration bytes beyond the end read as 0. */
uint64_t virtio_device_config_read(struct virtio_device *dev, unsigned offset, unsigned size);
void virtio_device_config_write(struct virtio_device *dev, unsigned offset, unsigned size,
				uint64_t value, bool legacy);
/* The device changed its configuration. */
void virtio_device_config_changed(struct virtio_device *dev);

/* The driver broke something that only a reset cures: says why, tells the driver. */
void virtio_device_fail(struct virtio_device *dev, unsigned queue, const char *why);

/*
 * Bus mastering was switched: without it no request is taken and no message sent. Called without
 * the lock.
 */
void virtio_device_set_dma(struct virtio_device *dev, bool on);

/* See queue_stop. Takes the lock itself. */
void virtio_device_queue_stopped(struct virtio_device *dev, unsigned queue);

#endif
