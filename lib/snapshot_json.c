/* SPDX-License-Identifier: MIT */
#include "lib/snapshot_json.h"

#include "lib/event.h"
#include "lib/json.h"

uint32_t vbt_node_pid(const struct vbt_node *node, const struct vbt_trace_info *info)
{
	const struct vbt_target *target = vbt_trace_info_target(info, (unsigned)node->key.target);

	return target ? target->pid : 0;
}

const char *vbt_node_op_name(const struct vbt_node *node)
{
	return node->key.op < 0 || node->key.op > 255 ? "unknown"
						      : vbt_op_name((unsigned)node->key.op);
}

static double per_second(uint64_t count, uint64_t ns)
{
	return ns ? (double)count * 1e9 / (double)ns : 0;
}

static uint64_t bounded(unsigned __int128 sum)
{
	return sum > UINT64_MAX ? UINT64_MAX : (uint64_t)sum;
}

static void write_key(struct vbt_json *json, const struct vbt_node *node,
		      const struct vbt_trace_info *info)
{
	char name[24];

	vbt_json_uint(json, "pid", vbt_node_pid(node, info));
	vbt_json_string(json, "device",
			vbt_trace_info_device_name(info, (unsigned)node->key.target,
						   (unsigned)node->key.device, name));
	if (node->level < VBT_NODE_QUEUE)
		vbt_json_null(json, "queue");
	else
		vbt_json_int(json, "queue", node->key.queue);
	if (node->level < VBT_NODE_OP)
		vbt_json_null(json, "op");
	else
		vbt_json_string(json, "op", vbt_node_op_name(node));
}

static void write_group(struct vbt_json *json, const struct vbt_group *group)
{
	vbt_json_dist(json, "total", &group->total);
	vbt_json_uint(json, "total_ns", bounded(group->total.sum));
	vbt_json_layers(json, group);
	vbt_json_object(json, "layers_ns");
	for (unsigned layer = 0; layer < VBT_LAYER_COUNT; layer++)
		vbt_json_uint(json, vbt_layer_name(layer), bounded(group->layer[layer].sum));
	vbt_json_end(json, '}');
	vbt_json_stages(json, group);
}

static void write_queue(struct vbt_json *json, const struct vbt_window *window)
{
	static const char *const signals[VBT_SIGNAL_REASON_COUNT] = {
#define X(id, meaning) [VBT_SIGNAL_##id] = #id,
	    VBT_SIGNAL_REASONS(X)
#undef X
	};
	const struct vbt_queue_counts *queue = &window->queue;

	vbt_json_object(json, "notifications");
	vbt_json_uint(json, "kicks", queue->kicks);
	vbt_json_uint(json, "popped", queue->pops);
	vbt_json_uint(json, "popped_without_kick", window->no_kick);
	vbt_json_uint(json, "pushed", queue->pushes);
	vbt_json_uint(json, "interrupts", queue->interrupts);
	vbt_json_object(json, "decisions");
	for (unsigned i = 0; i < VBT_SIGNAL_REASON_COUNT; i++)
		vbt_json_uint(json, signals[i], queue->signals[i]);
	vbt_json_end(json, '}');
	vbt_json_end(json, '}');
}

static void write_node(struct vbt_json *json, const struct vbt_node *node,
		       const struct vbt_trace_info *info)
{
	const struct vbt_window *window = node->now;
	const struct vbt_point *point = vbt_node_point(node, 0);
	uint64_t requests = window->group.count + window->group.incomplete;

	vbt_json_object(json, NULL);
	write_key(json, node, info);
	vbt_json_uint(json, "requests", requests);
	vbt_json_uint(json, "incomplete", window->group.incomplete);
	vbt_json_uint(json, "errors", window->group.errors);
	vbt_json_uint(json, "bytes", window->group.bytes);
	vbt_json_double(json, "iops", per_second(requests, window->ns));
	vbt_json_double(json, "bytes_per_second", per_second(window->group.bytes, window->ns));
	vbt_json_uint(json, "in_flight", node->in_flight);
	if (node->level < VBT_NODE_OP && point) {
		vbt_json_double(json, "depth_mean", point->depth);
		vbt_json_uint(json, "depth_max", point->depth_max);
		write_queue(json, window);
	}
	write_group(json, &window->group);
	vbt_json_end(json, '}');
}

static void write_stuck(struct vbt_json *json, const struct vbt_snapshot *snapshot,
			const struct vbt_stuck *stuck, const struct vbt_trace_info *info)
{
	const struct vbt_request *request = &stuck->request;
	const struct vbt_target *target = vbt_trace_info_target(info, request->target);
	char name[24];

	vbt_json_object(json, NULL);
	vbt_json_uint(json, "id", request->id);
	vbt_json_uint(json, "pid", target ? target->pid : 0);
	vbt_json_string(json, "device",
			vbt_trace_info_device_name(info, request->target, request->device, name));
	vbt_json_uint(json, "queue", request->queue);
	if (vbt_request_has(request, VBT_MARK_parse)) {
		vbt_json_string(json, "op", vbt_op_name(request->op));
		vbt_json_uint(json, "sector", request->sector);
		vbt_json_uint(json, "bytes", request->bytes);
	}
	vbt_json_string(json, "mark", vbt_point_name((unsigned)stuck->mark));
	vbt_json_uint(json, "age_ns", snapshot->now_ns - stuck->since_ns);
	vbt_json_bool(json, "given_up", stuck->gave_up);
	vbt_json_string(json, "waits", vbt_wait_text(stuck->mark));
	vbt_json_end(json, '}');
}

void vbt_json_interval(FILE *out, const struct vbt_interval *interval)
{
	const struct vbt_snapshot *snapshot = interval->snapshot;
	struct vbt_json json;

	vbt_json_init(&json, out, false);
	vbt_json_object(&json, NULL);
	vbt_json_uint(&json, "format", 1);
	vbt_json_uint(&json, "time_ns", snapshot->now_ns);
	vbt_json_uint(&json, "elapsed_ns", snapshot->now_ns - snapshot->start_ns);
	vbt_json_uint(&json, "events", interval->events);
	vbt_json_uint(&json, "lost_events", interval->lost);
	vbt_json_array(&json, "targets");
	for (uint32_t i = 0; i < interval->info->targets; i++) {
		vbt_json_object(&json, NULL);
		vbt_json_uint(&json, "pid", interval->info->target[i].pid);
		vbt_json_string(&json, "command", interval->info->target[i].cmdline);
		vbt_json_bool(&json, "alive", interval->alive >> i & 1);
		vbt_json_end(&json, '}');
	}
	vbt_json_end(&json, ']');
	if (interval->own_cpu >= 0) {
		vbt_json_object(&json, "own");
		vbt_json_double(&json, "cpu", interval->own_cpu);
		vbt_json_uint(&json, "memory_bytes", interval->own_memory);
		vbt_json_end(&json, '}');
	}
	vbt_json_array(&json, "groups");
	for (uint32_t i = 0; i < snapshot->nodes; i++)
		if (snapshot->node[i]->level <= interval->level)
			write_node(&json, snapshot->node[i], interval->info);
	vbt_json_end(&json, ']');
	vbt_json_uint(&json, "stuck_requests", snapshot->stuck_all);
	vbt_json_array(&json, "stuck");
	for (uint32_t i = 0; i < snapshot->stuck_count; i++)
		write_stuck(&json, snapshot, &snapshot->stuck[i], interval->info);
	vbt_json_end(&json, ']');
	vbt_json_end(&json, '}');
}
