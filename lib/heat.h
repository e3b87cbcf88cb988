/* SPDX-License-Identifier: MIT */
/*
 * Heat maps of one node: for the total, each layer and each stage (a series each), counts by
 * latency (half octaves) and interval. A series takes memory once it has had a value.
 */
#ifndef VBT_HEAT_H
#define VBT_HEAT_H

#include <stdint.h>

#include "lib/breakdown.h"

#define VBT_HEAT_BINS    64 /* two in a power of two, from 64 ns; the last ones take all above */
#define VBT_HEAT_COLUMNS 300
#define VBT_HEAT_SERIES  40 /* the total, the layers, and stages as they are seen */

struct vbt_heat_series {
	uint8_t from, to;                  /* of a stage */
	uint16_t (*column)[VBT_HEAT_BINS]; /* VBT_HEAT_COLUMNS of them, a ring; NULL: none yet */
};

/* Series 0 is the total, 1 to VBT_LAYER_COUNT the layers, stages come behind. */
struct vbt_heat {
	struct vbt_heat_series series[VBT_HEAT_SERIES];
	unsigned count;   /* of series in use */
	uint64_t columns; /* ever: number n is at n % VBT_HEAT_COLUMNS */
};

struct vbt_heat *vbt_heat_new(void);
void vbt_heat_free(struct vbt_heat *heat);
struct vbt_heat *vbt_heat_copy(const struct vbt_heat *heat);

/* Add an interval: a column for each series. 0 or -ENOMEM (the column is there, and empty). */
int vbt_heat_add(struct vbt_heat *heat, const struct vbt_group *group);

/* A series' column, `back` intervals before the last (0: the last); NULL if there is none. */
const uint16_t *vbt_heat_column(const struct vbt_heat *heat, unsigned series, unsigned back);

/* Lower bound of a bin, in ns. */
uint64_t vbt_heat_low(unsigned bin);
unsigned vbt_heat_bin(uint64_t ns);

/* "total", "host", "S2Q"; made in buf (16 bytes). */
const char *vbt_heat_name(const struct vbt_heat *heat, unsigned series, char buf[16]);

#endif
