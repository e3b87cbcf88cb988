/* SPDX-License-Identifier: MIT */
/*
 * Numbers of the virtio specification that this device uses, under names of their own: the
 * kernel's headers have only part of them, and another part in each version.
 */
#ifndef VMM_VIRTIO_SPEC_H
#define VMM_VIRTIO_SPEC_H

#include <stdint.h>

/* 2.1 Device Status Field */
#define STATUS_ACKNOWLEDGE 0x01u
#define STATUS_DRIVER      0x02u
#define STATUS_DRIVER_OK   0x04u
#define STATUS_FEATURES_OK 0x08u
#define STATUS_NEEDS_RESET 0x40u
#define STATUS_FAILED      0x80u

/* 5.2.3 and 6 Feature bits */
enum feature {
	F_SIZE_MAX = 1,
	F_SEG_MAX = 2,
	F_GEOMETRY = 4,
	F_RO = 5,
	F_BLK_SIZE = 6,
	F_FLUSH = 9,
	F_TOPOLOGY = 10,
	F_CONFIG_WCE = 11,
	F_MQ = 12,
	F_DISCARD = 13,
	F_WRITE_ZEROES = 14,
	F_LIFETIME = 15,
	F_SECURE_ERASE = 16,
	F_ZONED = 17,
	F_NOTIFY_ON_EMPTY = 24,
	F_ANY_LAYOUT = 27,
	F_INDIRECT_DESC = 28,
	F_EVENT_IDX = 29,
	F_VERSION_1 = 32,
	F_RING_PACKED = 34,
	F_IN_ORDER = 35,
	F_NOTIFICATION_DATA = 38,
	F_NOTIF_CONFIG_DATA = 39,
	F_RING_RESET = 40,
};
#define FEATURE(bit) (1ull << (bit))

/* Only meaningful, and only shown, on the legacy interface. (6.3) */
#define FEATURES_LEGACY_ONLY (FEATURE(F_NOTIFY_ON_EMPTY) | FEATURE(F_ANY_LAYOUT))
/* Needs FEATURES_OK, which the legacy interface does not have. (5.2.5.2) */
#define FEATURES_MODERN_ONLY FEATURE(F_ZONED)

/* 4.1.2 PCI Device Discovery */
#define VIRTIO_VENDOR           0x1af4
#define VIRTIO_BLK_MODERN       0x1042
#define VIRTIO_BLK_TRANSITIONAL 0x1001
#define VIRTIO_BLK_SUBSYSTEM    2
#define VIRTIO_MODERN_SUBSYSTEM 0x40

/* 4.1.4.5 ISR status */
#define ISR_QUEUE  0x1u
#define ISR_CONFIG 0x2u

/* 5.2.6 Device Operation */
enum blk_type {
	BLK_T_IN = 0,
	BLK_T_OUT = 1,
	BLK_T_FLUSH = 4,
	BLK_T_FLUSH_OUT = 5, /* legacy spelling of FLUSH */
	BLK_T_GET_ID = 8,
	BLK_T_GET_LIFETIME = 10,
	BLK_T_DISCARD = 11,
	BLK_T_WRITE_ZEROES = 13,
	BLK_T_SECURE_ERASE = 14,
	BLK_T_ZONE_APPEND = 15,
	BLK_T_ZONE_REPORT = 16,
	BLK_T_ZONE_OPEN = 18,
	BLK_T_ZONE_CLOSE = 20,
	BLK_T_ZONE_FINISH = 22,
	BLK_T_ZONE_RESET = 24,
	BLK_T_ZONE_RESET_ALL = 26,
};

#define BLK_S_OK                   0
#define BLK_S_IOERR                1
#define BLK_S_UNSUPP               2
#define BLK_S_ZONE_INVALID_CMD     3
#define BLK_S_ZONE_UNALIGNED_WP    4
#define BLK_S_ZONE_OPEN_RESOURCE   5
#define BLK_S_ZONE_ACTIVE_RESOURCE 6

#define BLK_SECTOR                 512u
#define BLK_ID_BYTES               20u
#define BLK_APPEND_BYTES           8u   /* of append_sector, before the status of a zone append */
#define BLK_RANGE_UNMAP            0x1u /* in the flags of a discard or write-zeroes segment */

struct blk_header {
	uint32_t type;
	uint32_t reserved;
	uint64_t sector;
};

/* A segment of discard, write zeroes and secure erase. */
struct blk_range {
	uint64_t sector;
	uint32_t sectors;
	uint32_t flags;
};

/* 5.2.4 Device configuration layout: zoned.model */
#define BLK_Z_NONE 0
#define BLK_Z_HM   1
#define BLK_Z_HA   2

/* The answer to a zone report: this header, then a descriptor a zone. */
struct blk_zone_report {
	uint64_t count;
	uint8_t reserved[56];
};

struct blk_zone_descriptor {
	uint64_t capacity, start, wp; /* sectors */
	uint8_t type, state;
	uint8_t reserved[38];
};

struct blk_lifetime {
	uint16_t pre_eol, typ_a, typ_b;
};

_Static_assert(sizeof(struct blk_zone_report) == 64, "as on the ring");
_Static_assert(sizeof(struct blk_zone_descriptor) == 64, "as on the ring");
_Static_assert(sizeof(struct blk_lifetime) == 6, "as on the ring");
_Static_assert(sizeof(struct blk_header) == 16, "as on the ring");
_Static_assert(sizeof(struct blk_range) == 16, "as on the ring");

#endif
