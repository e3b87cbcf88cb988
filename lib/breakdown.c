/* SPDX-License-Identifier: MIT */
#include "lib/breakdown.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TABLE_SIZE (VBT_MAX_GROUPS * 2)
#define BATCH      16

/*
 * The marks of complete requests that wait to be counted, in the order of the group's plan, which is theirs. A
 * histogram's lines are fetched once for all of them: there are too many histograms to stay in the cache.
 */
struct batch {
	unsigned count;
	uint64_t mark[VBT_MARK_COUNT][BATCH];
};

/* A group of a breakdown. */
struct member {
	struct vbt_group group; /* first: breakdown->group points to it */
	struct batch batch;
};

int vbt_breakdown_init(struct vbt_breakdown *breakdown, unsigned by)
{
	memset(breakdown, 0, sizeof(*breakdown));
	breakdown->by = by;
	breakdown->table = calloc(TABLE_SIZE, sizeof(*breakdown->table));
	return breakdown->table ? 0 : -ENOMEM;
}

void vbt_group_release(struct vbt_group *group)
{
	for (unsigned from = 0; from < VBT_MARK_COUNT; from++)
		for (unsigned to = 0; to < VBT_MARK_COUNT; to++)
			free(group->stage[from][to]);
	memset(group->stage, 0, sizeof(group->stage));
	group->plan = (struct vbt_group_plan){0};
}

static void empty(struct vbt_histogram *histogram)
{
	if (histogram->count)
		vbt_histogram_init(histogram);
}

void vbt_group_reset(struct vbt_group *group)
{
	unsigned cursor = 0;
	const struct vbt_group_stage *stage;

	while ((stage = vbt_group_next_stage(group, &cursor)))
		empty(&group->stage[stage->from][stage->to]->ns);
	for (unsigned layer = 0; layer < VBT_LAYER_COUNT; layer++)
		empty(&group->layer[layer]);
	empty(&group->total);
	group->count = group->incomplete = group->errors = group->bytes = 0;
}

void vbt_breakdown_release(struct vbt_breakdown *breakdown)
{
	for (uint32_t i = 0; i < breakdown->groups; i++) {
		vbt_group_release(breakdown->group[i]);
		free(breakdown->group[i]);
	}
	free(breakdown->group);
	free(breakdown->table);
	memset(breakdown, 0, sizeof(*breakdown));
}

static struct vbt_group_key key_of(unsigned by, const struct vbt_request *request)
{
	bool parsed = vbt_request_has(request, VBT_MARK_parse);
	struct vbt_group_key key = {-1, -1, -1, -1, -1, -1};

	if (by & VBT_BY_target)
		key.target = request->target;
	if (by & VBT_BY_device)
		key.device = request->device;
	if (by & VBT_BY_queue)
		key.queue = request->queue;
	if (by & VBT_BY_op && parsed)
		key.op = request->op;
	if (by & VBT_BY_vcpu)
		key.vcpu = request->vcpu;
	if (by & VBT_BY_size && parsed)
		key.size = (int32_t)vbt_size_class(request->bytes);
	return key;
}

static int compare_keys(const struct vbt_group_key *a, const struct vbt_group_key *b)
{
#define ORDER(field)              \
	if (a->field != b->field) \
		return a->field < b->field ? -1 : 1;
	ORDER(target)
	ORDER(device)
	ORDER(queue)
	ORDER(op)
	ORDER(vcpu)
	ORDER(size)
#undef ORDER
	return 0;
}

static bool same_key(const struct vbt_group_key *a, const struct vbt_group_key *b)
{
	return !memcmp(a, b, sizeof(*a));
}

static uint32_t hash_key(const struct vbt_group_key *key)
{
	uint64_t part[3], hash;

	_Static_assert(sizeof(part) == sizeof(*key), "all of it, and nothing between its fields");
	memcpy(part, key, sizeof(part));
	hash = part[0] * 0x9e3779b97f4a7c15u ^ part[1] * 0xc2b2ae3d27d4eb4fu ^
	       part[2] * 0x165667b19e3779f9u;
	return (uint32_t)(hash >> 32) % TABLE_SIZE;
}

/* As a rule each of the few groups of a trace has a slot of its own. */
static unsigned recent_slot(const struct vbt_group_key *key)
{
	return ((unsigned)key->op + 2u * (unsigned)key->queue + 5u * (unsigned)key->device +
		3u * (unsigned)key->target + (unsigned)key->vcpu + (unsigned)key->size) %
	       VBT_RECENT_GROUPS;
}

/* The group of a key, made if it is new. NULL with *error 0: there are too many. */
static struct vbt_group *find_group(struct vbt_breakdown *breakdown,
				    const struct vbt_group_key *key, int *error)
{
	uint32_t slot = hash_key(key);
	struct vbt_group *group;

	*error = 0;
	for (; breakdown->table[slot]; slot = (slot + 1) % TABLE_SIZE) {
		group = breakdown->group[breakdown->table[slot] - 1];
		if (same_key(&group->key, key))
			return group;
	}
	if (breakdown->groups >= VBT_MAX_GROUPS)
		return NULL;
	*error = -ENOMEM;
	if (!(breakdown->groups & (breakdown->groups - 1))) {
		size_t room = breakdown->groups ? (size_t)breakdown->groups * 2 : 1;
		void *bigger = realloc(breakdown->group, room * sizeof(group));

		if (!bigger)
			return NULL;
		breakdown->group = bigger;
	}
	group = calloc(1, sizeof(struct member));
	if (!group)
		return NULL;
	*error = 0;
	group->key = *key;
	breakdown->group[breakdown->groups++] = group;
	breakdown->table[slot] = breakdown->groups;
	return group;
}

static struct vbt_group_stage *get_stage(struct vbt_group *group, unsigned from, unsigned to)
{
	struct vbt_group_stage **stage = &group->stage[from][to];

	if (!*stage) {
		*stage = calloc(1, sizeof(**stage));
		if (*stage) {
			(*stage)->from = (uint8_t)from;
			(*stage)->to = (uint8_t)to;
		}
	}
	return *stage;
}

/* What requests with these marks add to. 0 or -ENOMEM. */
static int make_plan(struct vbt_group *group, unsigned life)
{
	struct vbt_group_plan *plan = &group->plan;
	unsigned from = life ? (unsigned)__builtin_ctz(life) : 0;

	*plan = (struct vbt_group_plan){.first = (uint8_t)from};
	for (unsigned left = life & (life - 1); left; left &= left - 1) {
		unsigned to = (unsigned)__builtin_ctz(left), i = plan->count++;

		plan->to[i] = (uint8_t)to;
		plan->layer[i] = (uint8_t)vbt_layer_of(from, to);
		plan->stage[i] = get_stage(group, from, to);
		if (!plan->stage[i]) {
			*plan = (struct vbt_group_plan){0};
			return -ENOMEM;
		}
		from = to;
	}
	plan->life = life;
	return 0;
}

/*
 * Count what waits. As vbt_request_segments: what goes back is 0, and the next one shorter. Inlined, so that of
 * a full batch the number is known.
 */
static inline __attribute__((always_inline)) void
settle_many(struct vbt_group *group, const struct batch *batch, unsigned count)
{
	const struct vbt_group_plan *plan = &group->plan;
	uint64_t now[BATCH], ns[BATCH], layer[VBT_LAYER_COUNT][BATCH] = {0};
	unsigned seen = 0;

	memcpy(now, batch->mark[0], sizeof(now));
	for (unsigned i = 0; i < plan->count; i++) {
		const uint64_t *then = batch->mark[i + 1];
		uint64_t *sum = layer[plan->layer[i]];

		for (unsigned j = 0; j < count; j++) {
			ns[j] = then[j] > now[j] ? then[j] - now[j] : 0;
			now[j] += ns[j];
			sum[j] += ns[j];
		}
		vbt_histogram_add_many(&plan->stage[i]->ns, ns, count);
		seen |= 1u << plan->layer[i];
	}
	for (; seen; seen &= seen - 1)
		vbt_histogram_add_many(&group->layer[__builtin_ctz(seen)],
				       layer[__builtin_ctz(seen)], count);
	for (unsigned j = 0; j < count; j++)
		ns[j] = now[j] - batch->mark[0][j];
	vbt_histogram_add_many(&group->total, ns, count);
}

static void settle(struct vbt_group *group, struct batch *batch)
{
	if (batch->count == BATCH)
		settle_many(group, batch, BATCH);
	else if (batch->count)
		settle_many(group, batch, batch->count);
	batch->count = 0;
}

/* Let a request wait; count all that do if there are `most`. 0, or -ENOMEM: it was not taken. */
static int add_to_batch(struct vbt_group *group, struct batch *batch,
			const struct vbt_request *request, unsigned most)
{
	const struct vbt_group_plan *plan = &group->plan;
	unsigned life, at;

	if (!request->complete) {
		group->incomplete++;
		return 0;
	}
	/* Memory first, so that a request is in all distributions or in none. */
	life = vbt_request_life(request);
	if (life != plan->life) {
		settle(group, batch);
		if (make_plan(group, life))
			return -ENOMEM;
	}
	at = batch->count++;
	batch->mark[0][at] = request->mark[plan->first];
	for (unsigned i = 0; i < plan->count; i++)
		batch->mark[i + 1][at] = request->mark[plan->to[i]];
	group->count++;
	group->errors += request->status != 0;
	group->bytes += request->bytes;
	if (batch->count == most)
		settle(group, batch);
	return 0;
}

int vbt_group_add(struct vbt_group *group, const struct vbt_request *request)
{
	struct batch one;

	one.count = 0;
	return add_to_batch(group, &one, request, 1);
}

int vbt_breakdown_add(struct vbt_breakdown *breakdown, const struct vbt_request *request)
{
	struct vbt_group_key key = key_of(breakdown->by, request);
	struct vbt_group **recent = &breakdown->recent[recent_slot(&key)], *group = *recent;
	int error;

	if (!group || !same_key(&group->key, &key))
		group = find_group(breakdown, &key, &error);
	if (!group) {
		if (!error)
			breakdown->ungrouped++;
		return error;
	}
	*recent = group;
	return add_to_batch(group, &((struct member *)group)->batch, request, BATCH);
}

int vbt_group_merge(struct vbt_group *into, const struct vbt_group *from)
{
	const struct vbt_group_stage *stage;
	unsigned cursor = 0;

	while ((stage = vbt_group_next_stage(from, &cursor)))
		if (!get_stage(into, stage->from, stage->to))
			return -ENOMEM;
	cursor = 0;
	while ((stage = vbt_group_next_stage(from, &cursor)))
		vbt_histogram_merge(&into->stage[stage->from][stage->to]->ns, &stage->ns);
	for (unsigned layer = 0; layer < VBT_LAYER_COUNT; layer++)
		vbt_histogram_merge(&into->layer[layer], &from->layer[layer]);
	vbt_histogram_merge(&into->total, &from->total);
	into->count += from->count;
	into->incomplete += from->incomplete;
	into->errors += from->errors;
	into->bytes += from->bytes;
	return 0;
}

static int compare_groups(const void *a, const void *b)
{
	const struct vbt_group *const *x = a, *const *y = b;

	return compare_keys(&(*x)->key, &(*y)->key);
}

void vbt_breakdown_sort(struct vbt_breakdown *breakdown)
{
	if (!breakdown->groups)
		return;
	for (uint32_t i = 0; i < breakdown->groups; i++)
		settle(breakdown->group[i], &((struct member *)breakdown->group[i])->batch);
	qsort(breakdown->group, breakdown->groups, sizeof(breakdown->group[0]), compare_groups);
	memset(breakdown->table, 0, TABLE_SIZE * sizeof(breakdown->table[0]));
	for (uint32_t i = 0; i < breakdown->groups; i++) {
		uint32_t slot = hash_key(&breakdown->group[i]->key);

		while (breakdown->table[slot])
			slot = (slot + 1) % TABLE_SIZE;
		breakdown->table[slot] = i + 1;
	}
}

const struct vbt_group_stage *vbt_group_next_stage(const struct vbt_group *group, unsigned *cursor)
{
	while (*cursor < VBT_MARK_COUNT * VBT_MARK_COUNT) {
		unsigned cell = (*cursor)++;
		const struct vbt_group_stage *stage =
		    group->stage[cell / VBT_MARK_COUNT][cell % VBT_MARK_COUNT];

		if (stage)
			return stage;
	}
	return NULL;
}

static const struct {
	const char *name;
	unsigned bit;
} dimensions[] = {
#define X(id, bit_) {#id, 1u << (bit_)},
    VBT_DIMENSIONS(X)
#undef X
};

int vbt_breakdown_parse_by(const char *text, unsigned *by, const char **bad, size_t *bad_len)
{
	unsigned set = 0;

	if (!strcmp(text, "none"))
		text = "";
	while (*text) {
		size_t len = strcspn(text, ","), i;

		for (i = 0; i < sizeof(dimensions) / sizeof(dimensions[0]); i++)
			if (strlen(dimensions[i].name) == len &&
			    !memcmp(dimensions[i].name, text, len))
				break;
		if (i == sizeof(dimensions) / sizeof(dimensions[0])) {
			*bad = text;
			*bad_len = len;
			return -EINVAL;
		}
		set |= dimensions[i].bit;
		text += len;
		text += *text == ',';
	}
	*by = set;
	return 0;
}

unsigned vbt_size_class(uint32_t bytes)
{
	if (!bytes)
		return 0;
	if (bytes <= 512)
		return 1;
	if (bytes > 4u << 20)
		return 15;
	return 32 - (unsigned)__builtin_clz(bytes - 1) - 8;
}

const char *vbt_size_class_name(unsigned size_class)
{
	static const char *const names[] = {"none", "512", "1K",  "2K",   "4K",   "8K",
					    "16K",  "32K", "64K", "128K", "256K", "512K",
					    "1M",   "2M",  "4M",  ">4M"};

	return size_class < sizeof(names) / sizeof(names[0]) ? names[size_class] : "other";
}
