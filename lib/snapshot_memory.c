/* SPDX-License-Identifier: MIT */
/* What a snapshot takes: made, given back, and copied. */
#include <stdlib.h>
#include <string.h>

#include "lib/snapshot_impl.h"
#include "lib/touched.h"

#define DEFAULT_STUCK_NS 1000000000u

struct vbt_snapshot *vbt_snapshot_new(uint64_t stuck_ns)
{
	struct vbt_snapshot *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->stuck_ns = stuck_ns ? stuck_ns : DEFAULT_STUCK_NS;
	s->last = VBT_NODE_NONE;
	s->alive = UINT32_MAX;
	s->node = calloc(VBT_SNAPSHOT_NODES, sizeof(*s->node));
	s->recent = vbt_calloc_touched(VBT_SNAPSHOT_RECENT, sizeof(*s->recent));
	if (s->node && s->recent)
		return s;
	vbt_snapshot_free(s);
	return NULL;
}

static void free_window(struct vbt_window *window)
{
	if (window)
		vbt_group_release(&window->group);
	free(window);
}

static void free_node(struct vbt_node *node)
{
	if (!node)
		return;
	free_window(node->fill);
	free_window(node->now);
	free_window(node->all);
	free(node->point);
	vbt_heat_free(node->heat);
	free(node);
}

struct vbt_node *vbt_snapshot_node_new(void)
{
	struct vbt_node *node = calloc(1, sizeof(*node));

	if (!node)
		return NULL;
	node->fill = vbt_calloc_touched(1, sizeof(*node->fill));
	node->now = vbt_calloc_touched(1, sizeof(*node->now));
	node->all = vbt_calloc_touched(1, sizeof(*node->all));
	node->point = vbt_calloc_touched(VBT_SNAPSHOT_POINTS, sizeof(*node->point));
	node->heat = vbt_heat_new();
	if (node->fill && node->now && node->all && node->point && node->heat)
		return node;
	free_node(node);
	return NULL;
}

void vbt_snapshot_free(struct vbt_snapshot *s)
{
	if (!s)
		return;
	for (uint32_t i = 0; i < s->nodes; i++)
		free_node(s->node[i]);
	free(s->node);
	free(s->recent);
	free(s->queue_node);
	free(s);
}

static struct vbt_window *copy_window(const struct vbt_window *window)
{
	struct vbt_window *copy = malloc(sizeof(*copy));
	struct vbt_group empty = {0};

	if (!copy)
		return NULL;
	*copy = *window;
	memcpy(copy->group.stage, empty.stage, sizeof(empty.stage));
	copy->group.plan = empty.plan;
	for (unsigned i = 0; i < VBT_MARK_COUNT * VBT_MARK_COUNT; i++) {
		const struct vbt_group_stage *stage =
		    window->group.stage[i / VBT_MARK_COUNT][i % VBT_MARK_COUNT];
		struct vbt_group_stage *mine = stage ? malloc(sizeof(*mine)) : NULL;

		if (stage && !mine) {
			free_window(copy);
			return NULL;
		}
		if (stage)
			*mine = *stage;
		copy->group.stage[i / VBT_MARK_COUNT][i % VBT_MARK_COUNT] = mine;
	}
	return copy;
}

static struct vbt_node *copy_node(const struct vbt_node *node)
{
	const size_t points = VBT_SNAPSHOT_POINTS * sizeof(*node->point);
	struct vbt_node *copy = malloc(sizeof(*copy));

	if (!copy)
		return NULL;
	*copy = *node;
	copy->fill = copy_window(node->fill);
	copy->now = copy_window(node->now);
	copy->all = copy_window(node->all);
	copy->heat = vbt_heat_copy(node->heat);
	copy->point = malloc(points);
	if (copy->fill && copy->now && copy->all && copy->heat && copy->point) {
		memcpy(copy->point, node->point, points);
		return copy;
	}
	free_node(copy);
	return NULL;
}

struct vbt_snapshot *vbt_snapshot_copy(const struct vbt_snapshot *s)
{
	const size_t recent = VBT_SNAPSHOT_RECENT * sizeof(*s->recent);
	struct vbt_snapshot *copy = malloc(sizeof(*copy));

	if (!copy)
		return NULL;
	*copy = *s;
	copy->queue_node = NULL;
	copy->queue_room = 0;
	copy->nodes = 0;
	copy->recent = malloc(recent);
	copy->node = calloc(VBT_SNAPSHOT_NODES, sizeof(*copy->node));
	if (copy->recent)
		memcpy(copy->recent, s->recent, recent);
	while (copy->node && copy->nodes < s->nodes) {
		copy->node[copy->nodes] = copy_node(s->node[copy->nodes]);
		if (!copy->node[copy->nodes])
			break;
		copy->nodes++;
	}
	if (copy->recent && copy->nodes == s->nodes && copy->node)
		return copy;
	vbt_snapshot_free(copy);
	return NULL;
}
