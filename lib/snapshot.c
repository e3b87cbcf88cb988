/* SPDX-License-Identifier: MIT */
/* The nodes: where a request is counted, and what an interval becomes when it ends. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/snapshot_impl.h"

static const unsigned per_mille[VBT_PERCENTILE_COUNT] = {
#define X(id, value, text) value,
    VBT_PERCENTILES(X)
#undef X
};

/* --- nodes ---------------------------------------------------------------------------------- */

static bool same_key(const struct vbt_group_key *a, const struct vbt_group_key *b)
{
	return a->target == b->target && a->device == b->device && a->queue == b->queue &&
	       a->op == b->op;
}

static uint32_t find(const struct vbt_snapshot *s, const struct vbt_group_key *key)
{
	for (uint32_t i = 0; i < s->nodes; i++)
		if (same_key(&s->node[i]->key, key))
			return i;
	return VBT_NODE_NONE;
}

struct vbt_node *vbt_snapshot_find(const struct vbt_snapshot *s, const struct vbt_group_key *key)
{
	uint32_t index = find(s, key);

	return index == VBT_NODE_NONE ? NULL : s->node[index];
}

static uint32_t add_node(struct vbt_snapshot *s, const struct vbt_group_key *key,
			 enum vbt_node_level level, uint32_t parent)
{
	struct vbt_node *node;

	if (s->nodes >= VBT_SNAPSHOT_NODES)
		return VBT_NODE_NONE;
	node = vbt_snapshot_node_new();
	if (!node)
		return VBT_NODE_NONE;
	node->key = *key;
	node->level = level;
	node->parent = parent;
	s->node[s->nodes] = node;
	return s->nodes++;
}

/* The node of a key at a level, and those above it, made if they are new; VBT_NODE_NONE. */
static uint32_t get_node(struct vbt_snapshot *s, struct vbt_group_key key,
			 enum vbt_node_level level)
{
	uint32_t index, parent = VBT_NODE_NONE;

	key.vcpu = key.size = -1;
	if (level < VBT_NODE_OP)
		key.op = -1;
	if (level < VBT_NODE_QUEUE)
		key.queue = -1;
	index = find(s, &key);
	if (index != VBT_NODE_NONE)
		return index;
	if (level > VBT_NODE_DEVICE) {
		parent = get_node(s, key, level - 1);
		if (parent == VBT_NODE_NONE)
			return VBT_NODE_NONE;
	}
	return add_node(s, &key, level, parent);
}

/* An operation that is not known (the request was not parsed) has a node of its own. */
#define OP_UNKNOWN 256

static struct vbt_group_key key_of(const struct vbt_request *r)
{
	return (struct vbt_group_key){
	    .target = r->target,
	    .device = r->device,
	    .queue = r->queue,
	    .op = vbt_request_has(r, VBT_MARK_parse) ? r->op : OP_UNKNOWN,
	    .vcpu = -1,
	    .size = -1,
	};
}

bool vbt_node_has(const struct vbt_node *node, const struct vbt_request *request)
{
	const struct vbt_group_key key = key_of(request);

	return node->key.target == key.target && node->key.device == key.device &&
	       (node->level < VBT_NODE_QUEUE || node->key.queue == key.queue) &&
	       (node->level < VBT_NODE_OP || node->key.op == key.op);
}

struct vbt_node *vbt_snapshot_node_of(struct vbt_snapshot *s, const struct vbt_request *request)
{
	const struct vbt_group_key key = key_of(request);

	if (s->last == VBT_NODE_NONE || !same_key(&s->node[s->last]->key, &key))
		s->last = find(s, &key);
	return s->last == VBT_NODE_NONE ? NULL : s->node[s->last];
}

/* --- requests ------------------------------------------------------------------------------- */

unsigned vbt_fan_class(uint64_t count)
{
	unsigned fan = count <= 1 ? 0 : 64 - (unsigned)__builtin_clzll(count - 1);

	return fan < VBT_FAN_CLASSES ? fan : VBT_FAN_CLASSES - 1;
}

/* A kick's requests come one after the other; how many there were is known when it is displaced. */
static void count_kick(struct vbt_node *queue, uint64_t seq)
{
	const unsigned slot = (unsigned)(seq % VBT_FAN_KICKS);

	if (queue->kick[slot].seq != seq) {
		if (queue->kick[slot].requests)
			queue->fill->kick_fan[vbt_fan_class(queue->kick[slot].requests)]++;
		queue->kick[slot].seq = seq;
		queue->kick[slot].requests = 0;
	}
	queue->kick[slot].requests++;
}

static void count_extras(struct vbt_snapshot *s, struct vbt_node *op, const struct vbt_request *r)
{
	struct vbt_window *window = op->fill;
	struct vbt_size_counts *size = &window->size[vbt_size_class(r->bytes)];
	bool own = r->absent[VBT_MARK_kick] != VBT_ABSENT_suppressed;

	op->last_ns = s->now_ns;
	window->own_kick += own;
	window->no_kick += !own;
	if (r->pushes)
		window->irq_fan[vbt_fan_class(r->pushes)]++;
	if (own && r->kick_seq)
		count_kick(s->node[op->parent], r->kick_seq);
	if (r->complete) {
		uint64_t total = vbt_request_total(r);

		size->count++;
		size->ns += total;
		if (total > size->max_ns)
			size->max_ns = total;
	}
}

int vbt_snapshot_request(struct vbt_snapshot *s, const struct vbt_request *request)
{
	uint32_t index = s->last;

	s->recent[s->requests++ % VBT_SNAPSHOT_RECENT] = *request;
	vbt_snapshot_keep(s, request);
	if (index == VBT_NODE_NONE || !vbt_node_has(s->node[index], request))
		index = get_node(s, key_of(request), VBT_NODE_OP);
	if (index == VBT_NODE_NONE) {
		s->ungrouped++;
		return s->nodes < VBT_SNAPSHOT_NODES ? -ENOMEM : 0;
	}
	s->last = index;
	count_extras(s, s->node[index], request);
	return vbt_group_add(&s->node[index]->fill->group, request);
}

/* --- intervals ------------------------------------------------------------------------------ */

/* The node of the correlator's index-th queue. */
static struct vbt_node *queue_node(struct vbt_snapshot *s, unsigned index,
				   const struct vbt_queue_stats *stats)
{
	const struct vbt_group_key key = {stats->target, stats->device, stats->queue, -1, -1, -1};

	if (index >= s->queue_room) {
		uint32_t room = index + 16;
		uint32_t *more = realloc(s->queue_node, room * sizeof(*more));

		if (!more)
			return NULL;
		memset(more + s->queue_room, 0, (room - s->queue_room) * sizeof(*more));
		s->queue_node = more;
		s->queue_room = room;
	}
	if (!s->queue_node[index])
		s->queue_node[index] = get_node(s, key, VBT_NODE_QUEUE) + 1;
	return s->queue_node[index] ? s->node[s->queue_node[index] - 1] : NULL;
}

void vbt_snapshot_sample(struct vbt_snapshot *s, const struct vbt_correlator *correlator)
{
	uint32_t device[VBT_SNAPSHOT_NODES] = {0};
	const struct vbt_queue_stats *stats;

	for (unsigned i = 0; (stats = vbt_correlator_queue(correlator, i)); i++) {
		struct vbt_node *node = queue_node(s, i, stats);

		if (!node)
			continue;
		node->in_flight = stats->in_flight;
		device[node->parent] += stats->in_flight;
	}
	for (uint32_t i = 0; i < s->nodes; i++) {
		struct vbt_node *node = s->node[i];

		if (node->level == VBT_NODE_DEVICE)
			node->in_flight = device[i];
		if (node->level == VBT_NODE_OP)
			continue;
		node->depth_sum += node->in_flight;
		node->depth_samples++;
		if (node->in_flight > node->depth_max)
			node->depth_max = node->in_flight;
	}
}

static void add_counts(struct vbt_queue_counts *into, const struct vbt_queue_counts *from)
{
	into->kicks += from->kicks;
	into->pops += from->pops;
	into->pushes += from->pushes;
	into->interrupts += from->interrupts;
	for (unsigned i = 0; i < VBT_WAKE_REASON_COUNT; i++)
		into->wakes[i] += from->wakes[i];
	for (unsigned i = 0; i < VBT_SIGNAL_REASON_COUNT; i++)
		into->signals[i] += from->signals[i];
}

/* What a queue did since it was looked at last. */
static void count_queue(struct vbt_node *node, const struct vbt_queue_stats *stats)
{
	struct vbt_queue_counts *counts = &node->fill->queue;
	const struct vbt_queue_stats *before = &node->before;

	counts->kicks += stats->kicks - before->kicks;
	counts->pops += stats->pops - before->pops;
	counts->pushes += stats->pushes - before->pushes;
	counts->interrupts += stats->interrupts - before->interrupts;
	for (unsigned i = 0; i < VBT_WAKE_REASON_COUNT; i++)
		counts->wakes[i] += stats->wakes[i] - before->wakes[i];
	for (unsigned i = 0; i < VBT_SIGNAL_REASON_COUNT; i++)
		counts->signals[i] += stats->signals[i] - before->signals[i];
	node->before = *stats;
}

static int merge_window(struct vbt_window *into, const struct vbt_window *from)
{
	int error = vbt_group_merge(&into->group, &from->group);

	if (error)
		return error;
	add_counts(&into->queue, &from->queue);
	for (unsigned i = 0; i < VBT_FAN_CLASSES; i++) {
		into->kick_fan[i] += from->kick_fan[i];
		into->irq_fan[i] += from->irq_fan[i];
	}
	into->own_kick += from->own_kick;
	into->no_kick += from->no_kick;
	for (unsigned i = 0; i < VBT_SIZE_CLASSES; i++) {
		into->size[i].count += from->size[i].count;
		into->size[i].ns += from->size[i].ns;
		if (from->size[i].max_ns > into->size[i].max_ns)
			into->size[i].max_ns = from->size[i].max_ns;
	}
	return 0;
}

static void reset_window(struct vbt_window *window)
{
	const size_t begin = offsetof(struct vbt_window, group) + sizeof(window->group);

	vbt_group_reset(&window->group);
	window->ns = 0;
	memset((char *)window + begin, 0, sizeof(*window) - begin);
}

static void add_point(struct vbt_node *node, uint64_t now_ns)
{
	const struct vbt_group *group = &node->now->group;
	struct vbt_point *point = &node->point[node->points++ % VBT_SNAPSHOT_POINTS];

	*point = (struct vbt_point){
	    .end_ns = now_ns,
	    .ns = node->now->ns,
	    .requests = group->count + group->incomplete,
	    .errors = group->errors,
	    .bytes = group->bytes,
	    .depth =
		node->depth_samples ? (double)node->depth_sum / (double)node->depth_samples : 0,
	    .depth_max = node->depth_max,
	};
	for (unsigned i = 0; i < VBT_PERCENTILE_COUNT; i++)
		point->percentile[i] = vbt_percentile_of(&group->total, i);
	vbt_group_layer_sums(group, point->layer);
	node->depth_sum = node->depth_samples = 0;
	node->depth_max = 0;
}

/* The interval of a node is over. Its children's are. */
static int end_interval(struct vbt_snapshot *s, struct vbt_node *node, uint64_t now_ns)
{
	struct vbt_window *window = node->fill;
	int error;

	window->ns = now_ns - s->now_ns;
	node->fill = node->now;
	node->now = window;
	reset_window(node->fill);
	error = merge_window(node->all, node->now);
	node->all->ns += window->ns;
	if (!error && node->parent != VBT_NODE_NONE) {
		struct vbt_node *parent = s->node[node->parent];

		error = merge_window(parent->fill, node->now);
		if (node->last_ns > parent->last_ns)
			parent->last_ns = node->last_ns;
	}
	add_point(node, now_ns);
	return error ? error : vbt_heat_add(node->heat, &node->now->group);
}

int vbt_snapshot_tick(struct vbt_snapshot *s, struct vbt_correlator *correlator, uint64_t now_ns)
{
	const struct vbt_queue_stats *stats;
	int error = 0;

	if (!s->now_ns) {
		s->start_ns = s->now_ns = now_ns;
		return 0;
	}
	if (now_ns <= s->now_ns)
		return 0;
	vbt_snapshot_sample(s, correlator);
	for (unsigned i = 0; (stats = vbt_correlator_queue(correlator, i)); i++) {
		struct vbt_node *node = queue_node(s, i, stats);

		if (node)
			count_queue(node, stats);
	}
	for (int level = VBT_NODE_OP; level >= VBT_NODE_DEVICE; level--)
		for (uint32_t i = 0; i < s->nodes; i++)
			if ((int)s->node[i]->level == level) {
				int failed = end_interval(s, s->node[i], now_ns);

				error = error ? error : failed;
			}
	s->now_ns = now_ns;
	s->ticks++;
	vbt_snapshot_find_stuck(s, correlator);
	return error;
}

/* --- what is derived ------------------------------------------------------------------------ */

const struct vbt_point *vbt_node_point(const struct vbt_node *node, unsigned back)
{
	if (back >= node->points || back >= VBT_SNAPSHOT_POINTS)
		return NULL;
	return &node->point[(node->points - 1 - back) % VBT_SNAPSHOT_POINTS];
}

int vbt_layer_largest(const uint64_t ns[VBT_LAYER_COUNT])
{
	int largest = -1;

	for (int layer = 0; layer < VBT_LAYER_COUNT; layer++)
		if (ns[layer] && (largest < 0 || ns[layer] > ns[largest]))
			largest = layer;
	return largest;
}

void vbt_group_layer_sums(const struct vbt_group *group, uint64_t ns[VBT_LAYER_COUNT])
{
	for (unsigned layer = 0; layer < VBT_LAYER_COUNT; layer++)
		ns[layer] = group->layer[layer].sum > UINT64_MAX
				? UINT64_MAX
				: (uint64_t)group->layer[layer].sum;
}

unsigned vbt_node_since(const struct vbt_node *node, uint64_t *since_ns)
{
	const struct vbt_point *point = vbt_node_point(node, 0);
	int largest = point ? vbt_layer_largest(point->layer) : -1;
	unsigned count = 0;

	if (largest < 0)
		return 0;
	for (unsigned back = 0; (point = vbt_node_point(node, back)); back++) {
		int then = vbt_layer_largest(point->layer);

		if (then >= 0 && then != largest)
			break;
		if (then < 0)
			continue;
		count = back + 1;
		*since_ns = point->end_ns - point->ns;
	}
	return count;
}

uint64_t vbt_percentile_of(const struct vbt_histogram *histogram, enum vbt_percentile which)
{
	return vbt_histogram_percentile(histogram, per_mille[which]);
}

const char *vbt_percentile_name(enum vbt_percentile which)
{
	static const char *const names[VBT_PERCENTILE_COUNT] = {
#define X(id, value, text) text,
	    VBT_PERCENTILES(X)
#undef X
	};

	return which < VBT_PERCENTILE_COUNT ? names[which] : "other";
}

const char *vbt_fan_class_name(unsigned fan_class)
{
	static const char *const names[VBT_FAN_CLASSES] = {"1",    "2",     "3-4",   "5-8",
							   "9-16", "17-32", "33-64", "65+"};

	return fan_class < VBT_FAN_CLASSES ? names[fan_class] : "other";
}
