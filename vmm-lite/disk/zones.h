/* SPDX-License-Identifier: MIT */
/*
 * The zones of a zoned disk: write pointers, states, limits. Pure: no I/O, no locks; whoever shares
 * one between threads locks around it. Knows no virtio; the rules are those that virtio 1.3, 5.2.6
 * takes over from ZBC and ZNS, and the numbers of types and states are theirs, too.
 *
 * All offsets and lengths are bytes; an offset is one of the disk unless it is said to be one of a
 * zone. Callers check that offset and length are inside the disk.
 */
#ifndef VMM_DISK_ZONES_H
#define VMM_DISK_ZONES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ZONES_MAX          (1u << 20)
#define ZONES_DEFAULT_SIZE (64ull << 20) /* bytes of an emulated zone */

enum zone_type {
	ZONE_CONVENTIONAL = 1, /* written anywhere, has no write pointer */
	ZONE_SEQUENTIAL = 2,   /* written at its write pointer only */
	ZONE_PREFERRED = 3,    /* should be written there */
};

enum zone_state {
	ZONE_NOT_WP = 0, /* of conventional zones */
	ZONE_EMPTY = 1,
	ZONE_IMPLICIT_OPEN = 2,
	ZONE_EXPLICIT_OPEN = 3,
	ZONE_CLOSED = 4,
	ZONE_READ_ONLY = 13,
	ZONE_FULL = 14,
	ZONE_OFFLINE = 15,
};

/* What comes of an attempt. Numbers that are no errnos, so that both fit in one field. */
enum zone_error {
	ZONE_OK = 0,
	ZONE_INVALID = 4097,  /* the zone or its state does not allow it */
	ZONE_UNALIGNED,       /* not at the write pointer, or no whole number of granules */
	ZONE_OPEN_RESOURCE,   /* too many open zones */
	ZONE_ACTIVE_RESOURCE, /* too many active ones */
};

struct zone {
	uint64_t capacity; /* what can be written of it */
	uint64_t wp;       /* in the zone; of a full one: its capacity */
	uint64_t
	    written;   /* in the zone: what lies behind it was never written since the last reset */
	uint8_t type;  /* enum zone_type */
	uint8_t state; /* enum zone_state */
};

struct zones_shape {
	uint64_t disk_size;
	uint64_t zone_size;            /* the last zone may be smaller */
	uint64_t capacity;             /* of a zone, at most zone_size */
	uint32_t granularity;          /* of writes to sequential zones */
	unsigned conventional;         /* zones at the start of the disk */
	bool preferred;                /* the others are ZONE_PREFERRED, not ZONE_SEQUENTIAL */
	unsigned max_open, max_active; /* 0: no limit */
};

struct zones {
	struct zones_shape shape;
	unsigned count;
	unsigned open, active; /* zones that use up these resources */
	unsigned victim;       /* where the search for a zone to close begins */
	struct zone *zone;
};

/* All empty. False: no memory, or no zones or more than ZONES_MAX. */
bool zones_init(struct zones *zones, const struct zones_shape *shape);
void zones_release(struct zones *zones);

unsigned zones_index(const struct zones *zones, uint64_t offset);
uint64_t zones_start(const struct zones *zones, unsigned index);
/* Bytes of that zone, and how many of them can be written. */
uint64_t zones_length(const struct zones *zones, unsigned index);
uint64_t zones_capacity(const struct zones *zones, unsigned index);

/*
 * Set a zone to what it was, or was found to be; counts its resources. A state and pointers that
 * do not fit together are not taken: false.
 */
bool zones_set(struct zones *zones, unsigned index, const struct zone *zone);

/*
 * May this range be read, or written? A write moves the write pointers right away, so that the
 * next one can follow while this one is in flight; if it fails, zones_write_failed takes that
 * back as far as nothing else was written behind it.
 */
enum zone_error zones_read(const struct zones *zones, uint64_t offset, uint64_t length);
enum zone_error zones_write(struct zones *zones, uint64_t offset, uint64_t length);
void zones_write_failed(struct zones *zones, uint64_t offset, uint64_t length, uint64_t done);

/* A write to where the zone that starts at `offset` has its write pointer: *at. */
enum zone_error zones_append(struct zones *zones, uint64_t offset, uint64_t length, uint64_t *at);

/* Zone management, of the zone that starts at `offset`. */
enum zone_error zones_open(struct zones *zones, uint64_t offset);
enum zone_error zones_close(struct zones *zones, uint64_t offset);
enum zone_error zones_finish(struct zones *zones, uint64_t offset);
enum zone_error zones_reset(struct zones *zones, uint64_t offset);

/* Would these be allowed now? For whoever has to do something else first. */
enum zone_error zones_can_finish(const struct zones *zones, uint64_t offset);
enum zone_error zones_can_reset(const struct zones *zones, uint64_t offset);
/* Is this one of the zones that resetting all of them means? */
bool zones_reset_all_means(const struct zones *zones, unsigned index);

/*
 * The first part of [*offset, *offset + *length) that was never written since the last reset of its
 * zone; false if there is none.
 */
bool zones_unwritten(const struct zones *zones, uint64_t *offset, uint64_t *length);

#endif
