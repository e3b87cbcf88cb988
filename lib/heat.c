/* SPDX-License-Identifier: MIT */
#include "lib/heat.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/event.h"
#include "lib/touched.h"

#define FIRST_STAGE (1 + VBT_LAYER_COUNT)
#define LOW_BIT     6 /* bin 0 begins at 0, bin 1 at 2^6.5 */

struct vbt_heat *vbt_heat_new(void)
{
	struct vbt_heat *heat = calloc(1, sizeof(*heat));

	if (heat)
		heat->count = FIRST_STAGE;
	return heat;
}

void vbt_heat_free(struct vbt_heat *heat)
{
	if (!heat)
		return;
	for (unsigned i = 0; i < VBT_HEAT_SERIES; i++)
		free(heat->series[i].column);
	free(heat);
}

struct vbt_heat *vbt_heat_copy(const struct vbt_heat *heat)
{
	struct vbt_heat *copy = malloc(sizeof(*copy));

	if (!copy)
		return NULL;
	*copy = *heat;
	for (unsigned i = 0; i < VBT_HEAT_SERIES; i++)
		copy->series[i].column = NULL;
	for (unsigned i = 0; i < heat->count; i++) {
		const size_t size = VBT_HEAT_COLUMNS * sizeof(*heat->series[i].column);

		if (!heat->series[i].column)
			continue;
		copy->series[i].column = malloc(size);
		if (!copy->series[i].column) {
			vbt_heat_free(copy);
			return NULL;
		}
		memcpy(copy->series[i].column, heat->series[i].column, size);
	}
	return copy;
}

unsigned vbt_heat_bin(uint64_t ns)
{
	unsigned bit = 63 - (unsigned)__builtin_clzll(ns | 1), bin;

	if (bit < LOW_BIT)
		return 0;
	bin = (bit - LOW_BIT) * 2 + (unsigned)(ns >> (bit - 1) & 1);
	return bin < VBT_HEAT_BINS ? bin : VBT_HEAT_BINS - 1;
}

uint64_t vbt_heat_low(unsigned bin)
{
	uint64_t low = 1ULL << (LOW_BIT + bin / 2);

	return bin ? low + (bin & 1 ? low / 2 : 0) : 0;
}

/* The series of a stage, in use from now on; VBT_HEAT_SERIES: there are too many. */
static unsigned stage_series(struct vbt_heat *heat, unsigned from, unsigned to)
{
	for (unsigned i = FIRST_STAGE; i < heat->count; i++)
		if (heat->series[i].from == from && heat->series[i].to == to)
			return i;
	if (heat->count == VBT_HEAT_SERIES)
		return VBT_HEAT_SERIES;
	heat->series[heat->count].from = (uint8_t)from;
	heat->series[heat->count].to = (uint8_t)to;
	return heat->count++;
}

static int add(struct vbt_heat *heat, unsigned series, const struct vbt_histogram *histogram)
{
	uint16_t *column;
	unsigned last;

	if (series >= VBT_HEAT_SERIES || !histogram->count)
		return 0;
	if (!heat->series[series].column)
		heat->series[series].column =
		    vbt_calloc_touched(VBT_HEAT_COLUMNS, sizeof(*heat->series[series].column));
	if (!heat->series[series].column)
		return -ENOMEM;
	column = heat->series[series].column[(heat->columns - 1) % VBT_HEAT_COLUMNS];
	last = vbt_histogram_index(histogram->max);
	for (unsigned i = vbt_histogram_index(vbt_histogram_min(histogram)); i <= last; i++) {
		uint16_t *cell = &column[vbt_heat_bin(vbt_histogram_low(i))];
		uint64_t sum = *cell + histogram->bucket[i];

		*cell = sum > UINT16_MAX ? UINT16_MAX : (uint16_t)sum;
	}
	return 0;
}

int vbt_heat_add(struct vbt_heat *heat, const struct vbt_group *group)
{
	const struct vbt_group_stage *stage;
	unsigned cursor = 0;
	int error;

	heat->columns++;
	for (unsigned i = 0; i < heat->count; i++)
		if (heat->series[i].column)
			memset(heat->series[i].column[(heat->columns - 1) % VBT_HEAT_COLUMNS], 0,
			       sizeof(*heat->series[i].column));
	error = add(heat, 0, &group->total);
	for (unsigned layer = 0; layer < VBT_LAYER_COUNT && !error; layer++)
		error = add(heat, 1 + layer, &group->layer[layer]);
	while (!error && (stage = vbt_group_next_stage(group, &cursor)))
		if (stage->ns.count)
			error = add(heat, stage_series(heat, stage->from, stage->to), &stage->ns);
	return error;
}

const uint16_t *vbt_heat_column(const struct vbt_heat *heat, unsigned series, unsigned back)
{
	if (series >= heat->count || !heat->series[series].column || back >= heat->columns ||
	    back >= VBT_HEAT_COLUMNS)
		return NULL;
	return heat->series[series].column[(heat->columns - 1 - back) % VBT_HEAT_COLUMNS];
}

const char *vbt_heat_name(const struct vbt_heat *heat, unsigned series, char buf[16])
{
	if (!series)
		return "total";
	if (series < FIRST_STAGE)
		return vbt_layer_name(series - 1);
	snprintf(buf, 16, "%c2%c", vbt_mark_letter(heat->series[series].from),
		 vbt_mark_letter(heat->series[series].to));
	return buf;
}
