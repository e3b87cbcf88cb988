/* SPDX-License-Identifier: MIT */
/* Where the zones of a disk come from: the host's device has them, or the options make them up. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm-lite/disk/backends.h"
#include "vmm-lite/disk/zone_host.h"
#include "vmm-lite/disk/zoned.h"
#include "vmm-lite/options.h"

void zoned_release(struct zoned_disk *disk)
{
	zone_file_close(&disk->file);
	zones_release(&disk->zones);
	free(disk->use);
	pthread_mutex_destroy(&disk->lock);
	free(disk);
}

static enum disk_zone_model wanted_model(const struct disk_options *options)
{
	static const enum disk_zone_model models[] = {
	    [ZONED_NONE] = DISK_ZONES_NONE,
	    [ZONED_HOST_AWARE] = DISK_ZONES_HOST_AWARE,
	    [ZONED_HOST_MANAGED] = DISK_ZONES_HOST_MANAGED,
	};

	return models[options->zoned];
}

/* The zones that a device of the host has. 0, or -1 with a sentence. */
static int take_host(struct zoned_disk *disk, int fd, const struct disk_options *options, char *err,
		     size_t err_size)
{
	const struct disk_zone_info *info = &disk->base.info.zoned;
	int error;

	if (!info->model || (options->zoned && wanted_model(options) != info->model)) {
		snprintf(err, err_size,
			 "disk '%s' is a block device %s: zones can be emulated over an image "
			 "file only; leave zoned= out",
			 options->path,
			 !info->model                             ? "without zones"
			 : info->model == DISK_ZONES_HOST_MANAGED ? "that is host-managed"
								  : "that is host-aware");
		return -1;
	}
	if (options->zone_size || options->zone_capacity || options->zone_conventional ||
	    options->zone_max_open || options->zone_max_active) {
		snprintf(err, err_size, "disk '%s' has zones of its own; leave the zone-… keys out",
			 options->path);
		return -1;
	}
	if (!options->direct && !options->read_only) {
		snprintf(
		    err, err_size,
		    "disk '%s' is zoned: the page cache would mix up its writes; use direct=on",
		    options->path);
		return -1;
	}
	disk->host_fd = fd;
	error = zones_init(&disk->zones,
			   &(struct zones_shape){
			       .disk_size = disk->base.info.size,
			       .zone_size = info->size,
			       .capacity = info->size,
			       .granularity = info->granularity,
			   })
		    ? zone_host_load(fd, &disk->zones)
		    : ENOMEM;
	if (!error)
		return 0;
	snprintf(err, err_size, "cannot read the zones of disk '%s': %s", options->path,
		 strerror(error));
	return -1;
}

/* The zones that the options make. 0, or -1 with a sentence. */
static int make_up(struct zoned_disk *disk, int fd, const struct disk_options *options, char *err,
		   size_t err_size)
{
	const struct disk_info *info = &disk->base.info;
	uint64_t size = options->zone_size ? options->zone_size : ZONES_DEFAULT_SIZE;
	struct zones_shape shape = {
	    .disk_size = info->size,
	    .zone_size = size,
	    .capacity = options->zone_capacity ? options->zone_capacity : size,
	    .granularity = info->logical_block,
	    .conventional = options->zone_conventional,
	    .preferred = options->zoned == ZONED_HOST_AWARE,
	    .max_open = options->zone_max_open,
	    .max_active = options->zone_max_active,
	};

	if (shape.capacity % shape.granularity) {
		snprintf(err, err_size,
			 "disk '%s': zone-capacity=%" PRIu64 " is no multiple of its block of %u",
			 options->path, shape.capacity, shape.granularity);
		return -1;
	}
	if (!zones_init(&disk->zones, &shape)) {
		snprintf(err, err_size,
			 "disk '%s' would have more than %u zones of %" PRIu64
			 " bytes; use a larger zone-size",
			 options->path, ZONES_MAX, size);
		return -1;
	}
	if (shape.conventional >= disk->zones.count) {
		snprintf(
		    err, err_size,
		    "disk '%s' has %u zones; zone-conventional=%u leaves none to be sequential",
		    options->path, disk->zones.count, shape.conventional);
		return -1;
	}
	if (fd < 0)
		return 0;
	return zone_file_open(&disk->file, options->path, fd, info->read_only, &disk->zones, err,
			      err_size);
}

static void describe(struct zoned_disk *disk, const struct disk_options *options)
{
	struct disk_info *info = &disk->base.info;
	const struct zones_shape *shape = &disk->zones.shape;

	disk->discard = info->discard_granularity && disk->host_fd < 0;
	if (disk->host_fd < 0) {
		info->zoned.model = wanted_model(options);
		info->zoned.max_open = shape->max_open;
		info->zoned.max_active = shape->max_active;
	}
	info->zoned.size = shape->zone_size;
	info->zoned.capacity = shape->capacity;
	info->zoned.granularity = shape->granularity;
	/* A discard would leave the write pointer where it is. (virtio 1.3, 5.2.5.1) */
	if (info->zoned.model == DISK_ZONES_HOST_MANAGED)
		info->discard_granularity = 0;
}

struct disk *disk_zoned_wrap(struct disk *inner, int fd, const struct disk_options *options,
			     char *err, size_t err_size)
{
	struct zoned_disk *disk = calloc(1, sizeof(*disk));
	int error;

	if (!disk) {
		snprintf(err, err_size, "no memory for the zones of disk '%s'", options->path);
		return NULL;
	}
	pthread_mutex_init(&disk->lock, NULL);
	disk->base.ops = &zoned_ops;
	disk->base.info = inner->info;
	disk->inner = inner;
	disk->host_fd = disk->file.fd = -1;
	disk->stable = options->cache == CACHE_WRITETHROUGH;
	error = inner->info.block_device ? take_host(disk, fd, options, err, err_size)
					 : make_up(disk, fd, options, err, err_size);
	if (!error) {
		disk->use = calloc(disk->zones.count, sizeof(*disk->use));
		if (!disk->use) {
			snprintf(err, err_size, "no memory for the zones of disk '%s'",
				 options->path);
			error = -1;
		}
	}
	if (error) {
		zoned_release(disk);
		return NULL;
	}
	describe(disk, options);
	return &disk->base;
}

struct zones *disk_zoned_zones(struct disk *disk)
{
	return &((struct zoned_disk *)disk)->zones;
}
