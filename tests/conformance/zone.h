/* SPDX-License-Identifier: MIT */
/* The requests for zones as the tests send them. Zones are of 128 sectors; the disk has 128 of them. */
#ifndef TESTS_CONFORMANCE_ZONE_H
#define TESTS_CONFORMANCE_ZONE_H

#include "tests/conformance/world.h"

#define ZONE    128u /* sectors */
#define ZONES   (WORLD_DISK_SIZE / 512 / ZONE)
#define MANAGED "zoned=host-managed,zone-size=64K"
#define AWARE   "zoned=host-aware,zone-size=64K"

/* Open a zoned disk with further keys (",zone-max-open=1"), and start with ZONED negotiated. */
void open_zoned(struct world *w, const char *model, const char *keys);

/* Statuses of requests on queue 0. */
uint8_t zone_manage(struct world *w, uint32_t type, unsigned zone);
uint8_t zone_write(struct world *w, uint64_t sector, unsigned sectors, unsigned seed);
uint8_t zone_read(struct world *w, uint64_t sector, unsigned sectors, uint64_t data);
/* *at: append_sector, if it succeeds. */
uint8_t zone_append(struct world *w, uint64_t sector, unsigned sectors, unsigned seed,
		    uint64_t *at);

/* One zone's descriptor, through a report. */
struct blk_zone_descriptor zone_look(struct world *w, unsigned zone);
unsigned zone_state_of(struct world *w, unsigned zone);
uint64_t zone_wp(struct world *w, unsigned zone);

/* Bring an empty zone into a state: ZONE_EMPTY to ZONE_CLOSED with 8 sectors in it, or ZONE_FULL. */
void zone_bring(struct world *w, unsigned zone, unsigned state);

#endif
