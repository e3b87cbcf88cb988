/* SPDX-License-Identifier: MIT */
/* The device-specific configuration space of a block device. Pure. (virtio 1.3, 5.2.4) */
#ifndef VMM_VIRTIO_BLK_CONFIG_H
#define VMM_VIRTIO_BLK_CONFIG_H

#include <stdint.h>

#include "vmm-lite/disk/disk.h"
#include "vmm-lite/options.h"
#include "vmm-lite/virtio/blk_request.h"

#define BLK_CONFIG_SIZE      96
#define BLK_CONFIG_WRITEBACK 32 /* offset of the one field that a driver may write */

/* What this device offers over that disk, before features=+/- of the options. */
uint64_t blk_config_features(const struct disk_options *options, const struct disk_info *info);
/* Of them and the ones that exist but are not offered unless asked for: all that can be. */
uint64_t blk_config_possible(const struct disk_options *options, const struct disk_info *info);

/* Fill the bytes: fields of features that are not offered stay 0. */
void blk_config_fill(uint8_t config[BLK_CONFIG_SIZE], const struct disk_options *options,
		     const struct disk_info *info, uint64_t features, uint8_t writeback);

/* The limits that go with them. */
void blk_config_rules(struct blk_rules *rules, const struct disk_options *options,
		      const struct disk_info *info, uint64_t features);

#endif
