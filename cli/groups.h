/* SPDX-License-Identifier: MIT */
/* Groups of a breakdown as tables: by layer, by stage, and an overview of many groups. */
#ifndef CLI_GROUPS_H
#define CLI_GROUPS_H

#include "cli/screen.h"
#include "lib/breakdown.h"
#include "lib/trace_info.h"

/* All groups of a breakdown summed up as one, which has no key. NULL if memory is short. */
struct vbt_group *group_sum(const struct vbt_breakdown *breakdown);
void group_free(struct vbt_group *group); /* of group_sum only */

/* "disk0 queue 0 read": what the group has in common, for a headline. */
void group_title(const struct vbt_breakdown *breakdown, const struct vbt_group *group,
		 const struct vbt_trace_info *info, char *buf, size_t size);

void group_print_layers(const struct vbt_group *group, const struct screen *screen);
void group_print_stages(const struct vbt_group *group, const struct screen *screen);

/* A line for each group: its total, and the layer that costs most. */
void groups_print_overview(const struct vbt_breakdown *breakdown, const struct vbt_trace_info *info,
			   const struct screen *screen);

#endif
