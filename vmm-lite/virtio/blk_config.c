/* SPDX-License-Identifier: MIT */
#include "vmm-lite/virtio/blk_config.h"

#include <string.h>

/* A segment may be as large as Linux ever makes one; a request's bytes have to fit in 32 bits. */
#define SIZE_MAX_BYTES (4u << 20)

/* 2 GiB a segment; where zeroes have to be sent through memory 16 MiB, for the time it takes. */
#define MAX_RANGE_SECTORS (2u << 21)
#define MAX_SENT_SECTORS  (16u << 11)

/* The most that Linux makes of one; and what a queue full of them is in flight. */
#define MAX_APPEND_BYTES (4u << 20)

static uint32_t blocks_of(const struct disk_options *options, const struct disk_info *info)
{
	return options->block_size ? options->block_size : info->logical_block;
}

uint64_t blk_config_features(const struct disk_options *options, const struct disk_info *info)
{
	uint64_t f = FEATURE(F_VERSION_1) | FEATURE(F_INDIRECT_DESC) | FEATURE(F_EVENT_IDX) |
		     FEATURE(F_RING_RESET) | FEATURE(F_SIZE_MAX) | FEATURE(F_SEG_MAX) |
		     FEATURE(F_GEOMETRY) | FEATURE(F_BLK_SIZE) | FEATURE(F_TOPOLOGY) |
		     FEATURE(F_FLUSH) | FEATURE(F_CONFIG_WCE) | FEATURES_LEGACY_ONLY;

	if (info->read_only || options->read_only)
		f |= FEATURE(F_RO);
	else
		f |= FEATURE(F_WRITE_ZEROES);
	if (!(f & FEATURE(F_RO)) && info->discard_granularity)
		f |= FEATURE(F_DISCARD);
	if (!(f & FEATURE(F_RO)) && info->secure_erase)
		f |= FEATURE(F_SECURE_ERASE);
	if (info->has_lifetime)
		f |= FEATURE(F_LIFETIME);
	if (info->zoned.model)
		f |= FEATURE(F_ZONED);
	if (options->queues > 1)
		f |= FEATURE(F_MQ);
	if (options->ring != RING_SPLIT)
		f |= FEATURE(F_RING_PACKED);
	return f;
}

uint64_t blk_config_possible(const struct disk_options *options, const struct disk_info *info)
{
	uint64_t f = blk_config_features(options, info);

	/* Erasing by overwriting is only what somebody asked for. */
	if (!(f & FEATURE(F_RO)))
		f |= FEATURE(F_SECURE_ERASE);
	return f | FEATURE(F_MQ) | FEATURE(F_RING_PACKED) | FEATURE(F_IN_ORDER) |
	       FEATURE(F_NOTIFICATION_DATA) | FEATURE(F_NOTIF_CONFIG_DATA);
}

static void put(uint8_t *config, unsigned offset, uint64_t value, unsigned size)
{
	for (unsigned i = 0; i < size; i++)
		config[offset + i] = (uint8_t)(value >> (8 * i));
}

static void put_geometry(uint8_t *config, uint64_t sectors)
{
	uint64_t cylinders = sectors / (16 * 63);

	put(config, 16, cylinders < 16383 ? cylinders : 16383, 2);
	put(config, 18, 16, 1);
	put(config, 19, 63, 1);
}

static void put_topology(uint8_t *config, const struct disk_info *info, uint32_t block)
{
	uint8_t exponent = 0;

	while ((uint64_t)block << (exponent + 1) <= info->physical_block)
		exponent++;
	put(config, 24, exponent, 1);
	put(config, 26, info->min_io > block ? info->min_io / block : 1, 2);
	put(config, 28, info->opt_io / block, 4);
}

static uint32_t seg_max(const struct disk_options *options)
{
	/* Header and status take two of the queue's descriptors. */
	uint32_t max = options->queue_size > 2 ? options->queue_size - 2 : 1;

	return max < QUEUE_MAX_SEGMENTS - 2 ? max : QUEUE_MAX_SEGMENTS - 2;
}

/* At most a request's data, as the driver knows that; and a zone. (5.2.5.2) */
static uint32_t max_append(const struct disk_options *options, const struct disk_info *info,
			   uint64_t features)
{
	uint64_t max = (uint64_t)seg_max(options) * SIZE_MAX_BYTES;

	if (!(features & FEATURE(F_SIZE_MAX)) || !(features & FEATURE(F_SEG_MAX)))
		return 0;
	max = max < info->zoned.capacity ? max : info->zoned.capacity;
	max = max < MAX_APPEND_BYTES ? max : MAX_APPEND_BYTES;
	return (uint32_t)((max - max % info->zoned.granularity) / BLK_SECTOR);
}

void blk_config_rules(struct blk_rules *rules, const struct disk_options *options,
		      const struct disk_info *info, uint64_t features)
{
	uint32_t zone = (uint32_t)(info->zoned.size / BLK_SECTOR);

	rules->zone_sectors = rules->max_append = 0;
	if (features & FEATURE(F_ZONED)) {
		rules->zone_sectors = zone;
		rules->max_append = max_append(options, info, features);
	}
	rules->capacity = info->size / BLK_SECTOR;
	rules->features = features;
	rules->read_only = features & FEATURE(F_RO);
	rules->max_discard = rules->max_secure_erase = MAX_RANGE_SECTORS;
	rules->max_write_zeroes = info->write_zeroes ? MAX_RANGE_SECTORS : MAX_SENT_SECTORS;
	if (zone)
		rules->max_secure_erase =
		    zone > MAX_RANGE_SECTORS ? zone : MAX_RANGE_SECTORS - MAX_RANGE_SECTORS % zone;
}

void blk_config_fill(uint8_t config[BLK_CONFIG_SIZE], const struct disk_options *options,
		     const struct disk_info *info, uint64_t features, uint8_t writeback)
{
	uint32_t block = blocks_of(options, info);
	struct blk_rules rules;

	blk_config_rules(&rules, options, info, features);
	memset(config, 0, BLK_CONFIG_SIZE);
	put(config, 0, rules.capacity, 8);
	if (features & FEATURE(F_SIZE_MAX))
		put(config, 8, SIZE_MAX_BYTES, 4);
	if (features & FEATURE(F_SEG_MAX))
		put(config, 12, seg_max(options), 4);
	if (features & FEATURE(F_GEOMETRY))
		put_geometry(config, rules.capacity);
	if (features & FEATURE(F_BLK_SIZE))
		put(config, 20, block, 4);
	if (features & FEATURE(F_TOPOLOGY))
		put_topology(config, info, block);
	if (features & FEATURE(F_CONFIG_WCE))
		put(config, BLK_CONFIG_WRITEBACK, writeback, 1);
	if (features & FEATURE(F_MQ))
		put(config, 34, options->queues, 2);
	if (features & FEATURE(F_DISCARD)) {
		put(config, 36, rules.max_discard, 4);
		put(config, 40, BLK_MAX_RANGES, 4);
		put(config, 44, info->discard_granularity / BLK_SECTOR, 4);
	}
	if (features & FEATURE(F_WRITE_ZEROES)) {
		put(config, 48, rules.max_write_zeroes, 4);
		put(config, 52, BLK_MAX_RANGES, 4);
		put(config, 56, info->unmap, 1);
	}
	if (features & FEATURE(F_SECURE_ERASE)) {
		put(config, 60, rules.max_secure_erase, 4);
		put(config, 64, BLK_MAX_RANGES, 4);
		put(config, 68,
		    info->zoned.size            ? info->zoned.size / BLK_SECTOR
		    : info->discard_granularity ? info->discard_granularity / BLK_SECTOR
						: 1,
		    4);
	}
	if (features & FEATURE(F_ZONED)) {
		put(config, 72, rules.zone_sectors, 4);
		put(config, 76, info->zoned.max_open, 4);
		put(config, 80, info->zoned.max_active, 4);
		put(config, 84, rules.max_append, 4);
		put(config, 88, info->zoned.granularity, 4);
		put(config, 92, info->zoned.model == DISK_ZONES_HOST_MANAGED ? BLK_Z_HM : BLK_Z_HA,
		    1);
	}
}
