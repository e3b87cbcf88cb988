/* SPDX-License-Identifier: MIT */
#include "cli/groups.h"

#include <stdlib.h>
#include <string.h>

#include "cli/grid.h"
#include "lib/event.h"

#define MAX_BAR 32

struct vbt_group *group_sum(const struct vbt_breakdown *breakdown)
{
	struct vbt_group *sum = calloc(1, sizeof(*sum));

	for (uint32_t i = 0; sum && i < breakdown->groups; i++)
		if (vbt_group_merge(sum, breakdown->group[i])) {
			group_free(sum);
			return NULL;
		}
	return sum;
}

void group_free(struct vbt_group *group)
{
	if (group)
		vbt_group_release(group);
	free(group);
}

static double share_of(const struct vbt_histogram *part, const struct vbt_histogram *whole)
{
	return whole->sum ? (double)part->sum / (double)whole->sum : 0;
}

static void distribution_columns(struct grid *grid)
{
	static const char *const titles[] = {"count", "mean", "p50", "p90", "p99", "p99.9", "max"};

	for (size_t i = 0; i < sizeof(titles) / sizeof(titles[0]); i++)
		grid_column(grid, titles[i], true);
}

static void distribution_cells(struct grid *grid, const struct screen *screen,
			       const struct vbt_histogram *histogram)
{
	static const unsigned per_mille[] = {500, 900, 990, 999};
	char buf[TEXT_SIZE];

	grid_cell(grid, "%s", text_count(histogram->count, buf));
	grid_cell(grid, "%s", text_time(screen, vbt_histogram_mean(histogram), buf));
	for (size_t i = 0; i < sizeof(per_mille) / sizeof(per_mille[0]); i++)
		grid_cell(
		    grid, "%s",
		    text_time(screen, vbt_histogram_percentile(histogram, per_mille[i]), buf));
	grid_cell(grid, "%s", text_time(screen, histogram->max, buf));
}

static void share_cells(struct grid *grid, const struct screen *screen, double share,
			unsigned bar_width, enum colour colour)
{
	char bar[MAX_BAR * 4 + 1], buf[TEXT_SIZE];

	grid_cell(grid, "%s", text_share(share, buf));
	if (bar_width)
		grid_cell(grid, "%s%s%s", screen_colour(screen, colour),
			  text_bar(screen, share, bar_width, bar),
			  screen_colour(screen, COLOUR_NONE));
}

/* Columns that the bars may have beside `others`; none if that is too few to be of use. */
static unsigned bar_width(const struct screen *screen, unsigned others)
{
	unsigned room = screen->width > others ? screen->width - others : 0;

	return room < 5 ? 0 : room > MAX_BAR ? MAX_BAR : room;
}

void group_print_layers(const struct vbt_group *group, const struct screen *screen)
{
	unsigned width = bar_width(screen, 5 + 1 + 6 + 1 + 1 + 6 + 6 * 8);
	struct grid grid = {.gap = 1};

	grid_column(&grid, "layer", false);
	grid_column(&grid, "share", true);
	if (width)
		grid_column(&grid, "", false);
	distribution_columns(&grid);
	for (unsigned layer = 0; layer < VBT_LAYER_COUNT; layer++) {
		if (!group->layer[layer].count)
			continue;
		grid_cell(&grid, "%s%s%s", screen_colour(screen, COLOUR_LAYER(layer)),
			  vbt_layer_name(layer), screen_colour(screen, COLOUR_NONE));
		share_cells(&grid, screen, share_of(&group->layer[layer], &group->total), width,
			    COLOUR_LAYER(layer));
		distribution_cells(&grid, screen, &group->layer[layer]);
	}
	grid_cell(&grid, "total");
	grid_cell(&grid, "%s", "");
	if (width)
		grid_cell(&grid, "%s", "");
	distribution_cells(&grid, screen, &group->total);
	grid_print(&grid, screen, 0);
	grid_release(&grid);
}

/* The layer that a step between two marks belongs to: that of a request which has only these. */
static unsigned layer_of(unsigned from, unsigned to)
{
	struct vbt_request request = {.present = (uint16_t)(1u << from | 1u << to)};
	struct vbt_segment segment[VBT_MARK_COUNT - 1];

	request.mark[from] = 1;
	request.mark[to] = 2;
	return vbt_request_segments(&request, segment) ? segment[0].layer : 0;
}

void group_print_stages(const struct vbt_group *group, const struct screen *screen)
{
	unsigned width = bar_width(screen, 3 + 1 + 15 + 1 + 6 + 1 + 1 + 6 + 6 * 8), cursor = 0;
	const struct vbt_group_stage *stage;
	struct grid grid = {.gap = 1};

	grid_column(&grid, "", false);
	grid_column(&grid, "stage", false);
	grid_column(&grid, "share", true);
	if (width)
		grid_column(&grid, "", false);
	distribution_columns(&grid);
	while ((stage = vbt_group_next_stage(group, &cursor))) {
		enum colour colour = COLOUR_LAYER(layer_of(stage->from, stage->to));

		grid_cell(&grid, "%s%c2%c%s", screen_colour(screen, colour),
			  vbt_mark_letter(stage->from), vbt_mark_letter(stage->to),
			  screen_colour(screen, COLOUR_NONE));
		grid_cell(&grid, "%s%s%s", vbt_point_name(stage->from),
			  screen->utf8 ? "\342\206\222" : "-", vbt_point_name(stage->to));
		share_cells(&grid, screen, share_of(&stage->ns, &group->total), width, colour);
		distribution_cells(&grid, screen, &stage->ns);
	}
	grid_print(&grid, screen, 0);
	grid_release(&grid);
}

void group_title(const struct vbt_breakdown *breakdown, const struct vbt_group *group,
		 const struct vbt_trace_info *info, char *buf, size_t size)
{
	const struct vbt_group_key *key = &group->key;
	unsigned by = breakdown->by, target = key->target < 0 ? 0 : (unsigned)key->target;
	const struct vbt_target *known = vbt_trace_info_target(info, target);
	size_t used = 0;
	char name[24];

	buf[0] = '\0';
#define ADD(...)         \
	if (used < size) \
		used += (size_t)snprintf(buf + used, size - used, __VA_ARGS__);
	if (by & VBT_BY_target && info->targets > 1)
		ADD("pid %u ", known ? known->pid : 0);
	if (by & VBT_BY_device)
		ADD("%s ", vbt_trace_info_device_name(info, target, (unsigned)key->device, name));
	if (by & VBT_BY_queue)
		ADD("queue %d ", key->queue);
	if (by & VBT_BY_op)
		ADD("%s ", key->op < 0 ? "unknown-op" : vbt_op_name((unsigned)key->op));
	if (by & VBT_BY_vcpu)
		ADD(key->vcpu < 0 ? "unknown vcpu " : "vcpu %d ", key->vcpu);
	if (by & VBT_BY_size)
		ADD("size %s ",
		    key->size < 0 ? "unknown" : vbt_size_class_name((unsigned)key->size));
#undef ADD
	buf[strlen(buf) ? strlen(buf) - 1 : 0] = '\0';
}

static void key_columns(struct grid *grid, unsigned by, const struct vbt_trace_info *info)
{
	if (by & VBT_BY_target && info->targets > 1)
		grid_column(grid, "pid", true);
	if (by & VBT_BY_device)
		grid_column(grid, "device", false);
	if (by & VBT_BY_queue)
		grid_column(grid, "q", true);
	if (by & VBT_BY_op)
		grid_column(grid, "op", false);
	if (by & VBT_BY_vcpu)
		grid_column(grid, "vcpu", true);
	if (by & VBT_BY_size)
		grid_column(grid, "size", true);
}

static void key_cells(struct grid *grid, unsigned by, const struct vbt_group_key *key,
		      const struct vbt_trace_info *info)
{
	unsigned target = key->target < 0 ? 0 : (unsigned)key->target;
	const struct vbt_target *known = vbt_trace_info_target(info, target);
	char name[24];

	if (by & VBT_BY_target && info->targets > 1)
		grid_cell(grid, "%u", known ? known->pid : 0);
	if (by & VBT_BY_device)
		grid_cell(grid, "%s",
			  vbt_trace_info_device_name(info, target, (unsigned)key->device, name));
	if (by & VBT_BY_queue)
		grid_cell(grid, "%d", key->queue);
	if (by & VBT_BY_op)
		grid_cell(grid, "%s", key->op < 0 ? "?" : vbt_op_name((unsigned)key->op));
	if (by & VBT_BY_vcpu && key->vcpu < 0)
		grid_cell(grid, "?");
	else if (by & VBT_BY_vcpu)
		grid_cell(grid, "%d", key->vcpu);
	if (by & VBT_BY_size)
		grid_cell(grid, "%s",
			  key->size < 0 ? "?" : vbt_size_class_name((unsigned)key->size));
}

void groups_print_overview(const struct vbt_breakdown *breakdown, const struct vbt_trace_info *info,
			   const struct screen *screen)
{
	struct grid grid = {.gap = 1};

	key_columns(&grid, breakdown->by, info);
	distribution_columns(&grid);
	grid_column(&grid, "most in", false);
	for (uint32_t i = 0; i < breakdown->groups; i++) {
		const struct vbt_group *group = breakdown->group[i];
		unsigned most = 0;

		key_cells(&grid, breakdown->by, &group->key, info);
		distribution_cells(&grid, screen, &group->total);
		for (unsigned layer = 1; layer < VBT_LAYER_COUNT; layer++)
			if (group->layer[layer].sum > group->layer[most].sum)
				most = layer;
		if (group->total.sum)
			grid_cell(&grid, "%s%s%s %.0f%%", screen_colour(screen, COLOUR_LAYER(most)),
				  vbt_layer_name(most), screen_colour(screen, COLOUR_NONE),
				  share_of(&group->layer[most], &group->total) * 100);
		else
			grid_cell(&grid, "%s", "");
	}
	grid_print(&grid, screen, 0);
	grid_release(&grid);
}
