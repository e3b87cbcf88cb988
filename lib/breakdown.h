/* SPDX-License-Identifier: MIT */
/*
 * A breakdown: requests grouped by some of their properties, and for each group the distribution
 * of the total, of each layer and of each stage. Incomplete requests are counted, and are in no
 * distribution.
 *
 * One thread at a time. Memory: about 40 KB of touched histogram pages per group.
 */
#ifndef VBT_BREAKDOWN_H
#define VBT_BREAKDOWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/histogram.h"
#include "lib/request.h"

/* What to group by: a set of bits. X(id, bit) — the names are those of --by. */
#define VBT_DIMENSIONS(X) \
	X(target, 0)      \
	X(device, 1)      \
	X(queue, 2)       \
	X(op, 3)          \
	X(vcpu, 4)        \
	X(size, 5)

enum vbt_dimension {
#define X(id, bit) VBT_BY_##id = 1u << (bit),
	VBT_DIMENSIONS(X)
#undef X
	    VBT_BY_DEFAULT = VBT_BY_target | VBT_BY_device | VBT_BY_queue | VBT_BY_op,
};

#define VBT_MAX_GROUPS    4096 /* requests of further groups are counted in `ungrouped` only */
#define VBT_RECENT_GROUPS 32

/* A group's key; what is not grouped by is -1, as is a vCPU that is not known. */
struct vbt_group_key {
	int32_t target, device, queue, op, vcpu, size;
};

/* One stage: the step between two neighbouring present marks. */
struct vbt_group_stage {
	uint8_t from, to; /* enum vbt_mark */
	struct vbt_histogram ns;
};

/* The stages of requests with the same marks, so that they are found once for many. Private. */
struct vbt_group_plan {
	unsigned life; /* as vbt_request_life; 0: none yet */
	unsigned count;
	uint8_t first, to[VBT_MARK_COUNT - 1], layer[VBT_MARK_COUNT - 1];
	struct vbt_group_stage *stage[VBT_MARK_COUNT - 1];
};

struct vbt_group {
	struct vbt_group_key key;
	uint64_t count; /* complete requests: those in the distributions */
	uint64_t incomplete;
	uint64_t errors; /* of the complete: status other than OK */
	uint64_t bytes;  /* of data, of the complete */
	struct vbt_histogram total;
	struct vbt_histogram layer[VBT_LAYER_COUNT];
	/* By marks; NULL where no request had that step. */
	struct vbt_group_stage *stage[VBT_MARK_COUNT][VBT_MARK_COUNT];
	struct vbt_group_plan plan; /* of the last request */
};

struct vbt_breakdown {
	unsigned by;              /* set of enum vbt_dimension */
	struct vbt_group **group; /* to be looked at once vbt_breakdown_sort was called */
	uint32_t groups;
	uint64_t ungrouped;
	/* private */
	uint32_t *table;
	struct vbt_group *recent[VBT_RECENT_GROUPS]; /* by a hash of the key */
};

/* 0 or -ENOMEM. release frees everything and empties it. */
int vbt_breakdown_init(struct vbt_breakdown *breakdown, unsigned by);
void vbt_breakdown_release(struct vbt_breakdown *breakdown);

/* Count a request. 0, or -ENOMEM: it was not counted. */
int vbt_breakdown_add(struct vbt_breakdown *breakdown, const struct vbt_request *request);

/*
 * Bring the groups into their order: by target, device, queue, op, vcpu, size; unknown first. Their
 * distributions are whole from here until the next request.
 */
void vbt_breakdown_sort(struct vbt_breakdown *breakdown);

/*
 * A group by itself, all zero at first, whatever its key: count a request (0, or -ENOMEM: it was
 * not counted), add all of another group (0, or -ENOMEM: nothing was added), empty it and keep its
 * memory, free what it owns.
 */
int vbt_group_add(struct vbt_group *group, const struct vbt_request *request);
int vbt_group_merge(struct vbt_group *into, const struct vbt_group *from);
void vbt_group_reset(struct vbt_group *group);
void vbt_group_release(struct vbt_group *group);

/*
 * The next stage of a group in the order of a request's life: start with *cursor = 0; NULL behind
 * the last.
 */
const struct vbt_group_stage *vbt_group_next_stage(const struct vbt_group *group, unsigned *cursor);

/*
 * "device,queue,op" to bits. -EINVAL with the unknown name in `bad` (a pointer into text, its
 * length in *bad_len). "" and "none" are the empty set: one group.
 */
int vbt_breakdown_parse_by(const char *text, unsigned *by, const char **bad, size_t *bad_len);

/*
 * Size classes: 0 bytes; then by powers of two from 512: class 1 is up to 512 bytes, 2 up to 1024,
 * … 14 up to 4 MiB, 15 above. The name ("4K", "1M", ">4M", "none") is static.
 */
unsigned vbt_size_class(uint32_t bytes);
const char *vbt_size_class_name(unsigned size_class);

#endif
