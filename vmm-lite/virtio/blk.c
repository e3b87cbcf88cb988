/* SPDX-License-Identifier: MIT */
#include "vmm-lite/virtio/blk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "probes/stage_point.h"
#include "vmm-lite/features.h"
#include "vmm-lite/virtio/blk_config.h"
#include "vmm-lite/virtio/blk_queue.h"
#include "vmm-lite/virtio/pci.h"

struct virtio_blk {
	struct virtio_device dev;
	struct virtio_pci pci;
	struct disk_options options;
	struct disk *disk;
	struct wires wires;
	char name[16];
	uint8_t trace;
	bool ready; /* all of it is set up */

	/* With the device's lock. */
	struct disk_info info; /* as the guest was told */
	uint8_t config[BLK_CONFIG_SIZE];
	uint64_t shown; /* features whose fields and request types there are */
	uint8_t writeback;
	bool stable; /* atomic: a completed write has to be stable (5.2.6.2) */

	unsigned queue_count; /* initialised ones */
	int kick_fds[DEVICE_MAX_QUEUES];
	struct blk_queue queues[];
};

static struct virtio_blk *of(struct virtio_device *dev)
{
	return (struct virtio_blk *)dev; /* its first member */
}

/* The trace's device table: what an observer needs to place kernel events. */

static void describe_queues(struct virtio_blk *blk, struct vbt_shm_device *entry)
{
	for (unsigned i = 0; i < blk->queue_count && i < VBT_SHM_MAX_QUEUES; i++) {
		struct virtio_queue *q = &blk->dev.queues[i];
		struct msi_message message = {0};

		if (msix_enabled(&blk->pci.msix))
			message = msix_message(&blk->pci.msix, q->vector);
		entry->msi_address[i] = message.address;
		entry->msi_data[i] = message.data;
		entry->queue_size[i] = q->size;
	}
}

/* `before`: after a reset, which a guest does when it ends, the ring is still the one that was used. */
static uint32_t describe_flags(struct virtio_blk *blk, uint32_t before)
{
	const struct disk_options *o = &blk->options;
	bool packed = blk->dev.status ? (blk->dev.features & FEATURE(F_RING_PACKED)) != 0
				      : (before & VBT_DEVICE_PACKED) != 0;

	return (o->notify == NOTIFY_IOEVENTFD ? VBT_DEVICE_IOEVENTFD : 0) |
	       (o->signal == SIGNAL_IRQFD ? VBT_DEVICE_IRQFD : 0) |
	       (msix_enabled(&blk->pci.msix) ? VBT_DEVICE_MSIX : 0) |
	       (packed ? VBT_DEVICE_PACKED : 0) | (o->iothread ? 0 : VBT_DEVICE_INLINE) |
	       (o->direct ? VBT_DEVICE_DIRECT : 0) |
	       (blk->dev.offered & FEATURE(F_RO) ? VBT_DEVICE_READONLY : 0) |
	       (blk->dev.legacy ? VBT_DEVICE_LEGACY : 0) | (blk->wires.kvm ? 0 : VBT_DEVICE_NO_KVM);
}

static void describe(struct virtio_device *dev)
{
	static const char *const methods[] = {
	    [AIO_IO_URING] = "io_uring", [AIO_SYNC] = "sync", [AIO_NULL] = "null"};
	struct virtio_blk *blk = of(dev);
	const char *path = blk->options.path;
	struct vbt_shm_device *entry;
	size_t length = strlen(path);

	if (!blk->ready)
		return;
	entry = stage_device_edit(blk->trace);
	if (length >= sizeof(entry->backend))
		path += length - (sizeof(entry->backend) - 1);
	snprintf(entry->backend, sizeof(entry->backend), "%s", path);
	snprintf(entry->method, sizeof(entry->method), "%s", methods[blk->options.aio]);
	entry->host_major = blk->info.major;
	entry->host_minor = blk->info.minor;
	entry->host_inode = blk->info.inode;
	entry->capacity = blk->info.size / BLK_SECTOR;
	entry->queues = blk->queue_count;
	entry->flags = describe_flags(blk, entry->flags);
	entry->pio_notify = virtio_pci_pio_notify(&blk->pci);
	entry->mmio_notify = virtio_pci_mmio_notify(&blk->pci);
	entry->mmio_stride = NOTIFY_STRIDE;
	entry->gsi = blk->pci.fn.gsi;
	describe_queues(blk, entry);
	stage_device_publish(blk->trace);
}

/* Cache mode and configuration. */

/*
 * When is a completed write stable? With CONFIG_WCE the driver says so by writeback = 0; without
 * it and without FLUSH the driver has no means to ask for it later; and where the user asked for
 * write-through. (virtio 1.3, 5.2.6.2)
 */
static void update_cache_mode(struct virtio_blk *blk)
{
	uint64_t f = blk->dev.features;
	bool stable;

	if (f & FEATURE(F_CONFIG_WCE))
		stable = !blk->writeback;
	else
		stable = !(f & FEATURE(F_FLUSH)) || blk->options.cache == CACHE_WRITETHROUGH;
	__atomic_store_n(&blk->stable, stable, __ATOMIC_RELEASE);
	if (blk->dev.offered & FEATURE(F_CONFIG_WCE))
		blk->config[BLK_CONFIG_WRITEBACK] = blk->writeback;
}

static void default_cache_mode(struct virtio_blk *blk)
{
	blk->writeback = blk->options.cache == CACHE_WRITEBACK;
	update_cache_mode(blk);
}

static void update_config(struct virtio_blk *blk)
{
	struct blk_rules rules;

	blk_config_fill(blk->config, &blk->options, &blk->info, blk->shown, blk->writeback);
	blk_config_rules(&rules, &blk->options, &blk->info, blk->shown);
	for (unsigned i = 0; i < blk->queue_count; i++)
		blk_queue_set_rules(&blk->queues[i], &rules);
}

/*
 * Fields and request types are there with the features that are offered. Only zones go away when
 * the driver does not take them: their fields read 0 then, their requests are unknown. (5.2.5.2)
 */
static void show_zones(struct virtio_blk *blk, bool shown)
{
	uint64_t features = blk->dev.offered;

	if (!shown)
		features &= ~FEATURE(F_ZONED);
	if (features == blk->shown)
		return;
	blk->shown = features;
	update_config(blk);
}

/* The operations of a virtio device. */

static bool accepts(struct virtio_device *dev, uint64_t features)
{
	return true; /* no combination of what is offered is refused */
}

static void negotiated(struct virtio_device *dev)
{
	struct virtio_blk *blk = of(dev);

	/* A driver that can switch the cache but not flush it starts without one. (5.2.5.2) */
	if (!dev->legacy && dev->features & FEATURE(F_CONFIG_WCE) &&
	    !(dev->features & FEATURE(F_FLUSH)))
		blk->writeback = 0;
	update_cache_mode(blk);
	show_zones(blk, dev->features & FEATURE(F_ZONED));
}

static int enable_queue(struct virtio_device *dev, unsigned queue,
			const struct queue_layout *layout, const char **why)
{
	return blk_queue_enable(&of(dev)->queues[queue], layout,
				dev->features & FEATURE(F_IN_ORDER), why);
}

static int start_queue(struct virtio_device *dev, unsigned queue, const char **why)
{
	return blk_queue_start(&of(dev)->queues[queue], why);
}

static bool stop_queue(struct virtio_device *dev, unsigned queue)
{
	return blk_queue_stop(&of(dev)->queues[queue]);
}

static void reset(struct virtio_device *dev)
{
	default_cache_mode(of(dev));
	show_zones(of(dev), true);
}

static uint8_t config_read(struct virtio_device *dev, unsigned offset)
{
	return of(dev)->config[offset];
}

static void config_write(struct virtio_device *dev, unsigned offset, unsigned size, uint64_t value,
			 bool legacy)
{
	struct virtio_blk *blk = of(dev);
	/* A legacy driver may write before it has chosen anything. (3.1.1, legacy) */
	uint64_t features = legacy ? dev->offered : dev->features;

	if (offset != BLK_CONFIG_WRITEBACK || size != 1 || !(features & FEATURE(F_CONFIG_WCE)))
		return;
	blk->writeback = value != 0;
	update_cache_mode(blk);
}

static void kick(struct virtio_device *dev, unsigned queue, bool guest)
{
	struct virtio_blk *blk = of(dev);

	if (queue < blk->queue_count)
		blk_queue_kick(&blk->queues[queue], guest);
}

static const struct virtio_device_ops device_ops = {
    .accepts = accepts,
    .negotiated = negotiated,
    .queue_enable = enable_queue,
    .queue_start = start_queue,
    .queue_stop = stop_queue,
    .reset = reset,
    .config_read = config_read,
    .config_write = config_write,
    .changed = describe,
    .kick = kick,
};

/* Creation and the rest of the public interface. */

int virtio_blk_check(const struct disk_options *options, const struct disk_info *info, char *err,
		     size_t err_size)
{
	uint64_t impossible = options->features_on & ~blk_config_possible(options, info);
	const char *name;

	if (!options->queues || options->queues > DEVICE_MAX_QUEUES || !options->queue_size ||
	    options->queue_size > QUEUE_MAX_SIZE) {
		snprintf(err, err_size, "--disk '%s': 1 to %d queues of 1 to %d", options->path,
			 DEVICE_MAX_QUEUES, QUEUE_MAX_SIZE);
		return -1;
	}
	if (info->zoned.model == DISK_ZONES_HOST_MANAGED &&
	    !(blk_config_features(options, info) & ~options->features_off & FEATURE(F_ZONED))) {
		snprintf(err, err_size,
			 "--disk '%s' is host-managed: without feature 'zoned' no driver could "
			 "write to it; leave features=-zoned out",
			 options->path);
		return -1;
	}
	/* The legacy interface knows no zones, and has no way to refuse a driver that knows none. */
	if (info->zoned.model == DISK_ZONES_HOST_MANAGED &&
	    options->transport == TRANSPORT_LEGACY) {
		snprintf(err, err_size,
			 "--disk '%s' is host-managed, which transport=legacy cannot tell; use "
			 "transport=modern",
			 options->path);
		return -1;
	}
	if (!impossible)
		return 0;
	name = feature_name((unsigned)__builtin_ctzll(impossible));
	snprintf(err, err_size,
		 "--disk features='+%s' cannot be offered by --disk '%s'; leave it out",
		 name ? name : "?", options->path);
	return -1;
}

static void choose_features(struct virtio_blk *blk)
{
	const struct disk_options *o = &blk->options;

	blk->dev.offered = (blk_config_features(o, &blk->info) | o->features_on) & ~o->features_off;
	/* What hangs on a feature goes with it. (5.2.5) */
	if (!(blk->dev.offered & FEATURE(F_FLUSH)))
		blk->dev.offered &= ~FEATURE(F_CONFIG_WCE);
	blk->dev.required = FEATURE(F_VERSION_1);
	/* Whoever does not know the zones would write where it must not. (5.2.5.2) */
	if (blk->info.zoned.model == DISK_ZONES_HOST_MANAGED)
		blk->dev.required |= FEATURE(F_ZONED);
	if (o->ring == RING_PACKED)
		blk->dev.required |= FEATURE(F_RING_PACKED) & blk->dev.offered;
}

static int init_queues(struct virtio_blk *blk, const struct guest_mem *mem, char *err,
		       size_t err_size)
{
	for (unsigned i = 0; i < blk->options.queues; i++) {
		struct blk_queue_config config = {
		    .dev = &blk->dev,
		    .index = i,
		    .trace = blk->trace,
		    .options = &blk->options,
		    .disk = blk->disk,
		    .mem = mem,
		    .stable = &blk->stable,
		};
		int error = blk_queue_init(&blk->queues[i], &config, err, err_size);

		blk->queue_count++; /* a half-made one has to be released, too */
		if (error)
			return error;
		blk->kick_fds[i] = blk->queues[i].kick_fd;
	}
	return 0;
}

struct virtio_blk *virtio_blk_new(const struct virtio_blk_config *config, char *err,
				  size_t err_size)
{
	const struct disk_options *o = config->options;
	struct virtio_blk *blk = NULL;

	if (virtio_blk_check(o, disk_info(config->disk), err, err_size))
		return NULL;
	blk = calloc(1, sizeof(*blk) + o->queues * sizeof(blk->queues[0]));
	if (!blk) {
		snprintf(err, err_size, "no memory for --disk '%s'", o->path);
		return NULL;
	}
	blk->options = *o;
	blk->disk = config->disk;
	blk->wires = config->wires;
	blk->info = *disk_info(config->disk);
	if (blk->info.zoned.model == DISK_ZONES_HOST_MANAGED)
		blk->options.transport = TRANSPORT_MODERN;
	snprintf(blk->name, sizeof(blk->name), "%s", config->name);
	blk->dev.ops = &device_ops;
	blk->dev.name = blk->name;
	blk->dev.queue_count = o->queues;
	blk->dev.max_size = (uint16_t)o->queue_size;
	blk->dev.config_size = BLK_CONFIG_SIZE;
	virtio_device_init(&blk->dev);
	blk->trace = stage_device_add(blk->name);

	/* The function first, so that releasing it is always right. */
	if (virtio_pci_init(&blk->pci, &blk->dev, &blk->options, &config->wires, blk->kick_fds)) {
		snprintf(err, err_size, "no memory or file descriptors for --disk '%s'", o->path);
		goto fail;
	}
	choose_features(blk);
	if (init_queues(blk, config->mem, err, err_size))
		goto fail;
	default_cache_mode(blk);
	show_zones(blk, true);
	blk->ready = true;
	virtio_device_lock(&blk->dev);
	describe(&blk->dev);
	virtio_device_unlock(&blk->dev);
	return blk;
fail:
	virtio_blk_free(blk);
	return NULL;
}

void virtio_blk_free(struct virtio_blk *blk)
{
	if (!blk)
		return;
	virtio_blk_reset(blk);
	for (unsigned i = 0; i < blk->queue_count; i++)
		blk_queue_release(&blk->queues[i]);
	virtio_pci_release(&blk->pci);
	stage_device_remove(blk->trace);
	virtio_device_release(&blk->dev);
	free(blk);
}

struct pci_function *virtio_blk_function(struct virtio_blk *blk)
{
	return &blk->pci.fn;
}

void virtio_blk_reset(struct virtio_blk *blk)
{
	virtio_device_lock(&blk->dev);
	virtio_device_reset(&blk->dev, true);
	virtio_device_unlock(&blk->dev);
}

void virtio_blk_refresh(struct virtio_blk *blk)
{
	virtio_device_lock(&blk->dev);
	if (disk_refresh(blk->disk)) {
		blk->info = *disk_info(blk->disk);
		update_config(blk);
		virtio_device_config_changed(&blk->dev);
	}
	virtio_device_unlock(&blk->dev);
}
