/* SPDX-License-Identifier: MIT */
/* The drawings of an HTML report, as SVG inside it. Colours are the page's classes. */
#ifndef CLI_HTML_CHART_H
#define CLI_HTML_CHART_H

#include <stdint.h>
#include <stdio.h>

#include "lib/breakdown.h"
#include "lib/heat.h"
#include "lib/request.h"

#define HEAT_COLUMNS 120

/*
 * Requests by the time at which they began and by their latency. The whole time is in HEAT_COLUMNS
 * columns: when it gets longer, two become one.
 */
struct heat_map {
	uint64_t start, width; /* ns; width 0: empty */
	uint32_t cell[HEAT_COLUMNS][VBT_HEAT_BINS];
};

void heat_map_add(struct heat_map *map, const struct vbt_request *request);
void heat_map_draw(FILE *out, const struct heat_map *map);

/* The layers' shares of a group's time, one behind the other. `class`: of the page's style. */
void chart_shares(FILE *out, const struct vbt_group *group, const char *class);

/* Which bins of vbt_heat_bin have values in any stage of a group: the axis of chart_spread. */
void chart_range(const struct vbt_group *group, unsigned *low, unsigned *high);
/* How often a stage took how long, on a logarithmic axis. */
void chart_spread(FILE *out, const struct vbt_histogram *histogram, const char *class, unsigned low,
		  unsigned high);

/* A request's steps, on a scale from 0 to `scale` ns. A step with an inferred link is paler. */
void chart_waterfall(FILE *out, const struct vbt_request *request, uint64_t scale);

#endif
