/* SPDX-License-Identifier: MIT */
/*
 * The snapshot: what `top` shows. Requests go in as the correlator emits them, time is cut into
 * intervals (vbt_snapshot_tick), and out come, for each VM x device, each of its queues and each
 * operation of a queue: rates, distributions, layers, stages, fan-outs, depths, a history of
 * intervals, and heat maps; and the slowest, the latest and the stuck requests.
 *
 * Times are those of the events, so that a recording gives the same snapshot each time. Memory is
 * bounded: by VBT_SNAPSHOT_NODES nodes of about 1.5 MB; what belongs to further ones is counted in
 * `ungrouped`. A node takes its memory when it appears, and a stage when it is first seen: from then on
 * time and requests add nothing.
 *
 * One thread at a time. Readers look into the structures directly between two calls.
 */
#ifndef VBT_SNAPSHOT_H
#define VBT_SNAPSHOT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/breakdown.h"
#include "lib/correlate.h"
#include "lib/heat.h"

#define VBT_SNAPSHOT_NODES   256
#define VBT_SNAPSHOT_POINTS  300  /* intervals that are remembered of each node */
#define VBT_SNAPSHOT_RECENT  4096 /* latest requests */
#define VBT_SNAPSHOT_SLOWEST 128  /* of all since the start */
#define VBT_SNAPSHOT_STUCK   64
#define VBT_FAN_CLASSES      8  /* 1, 2, 3-4, 5-8, 9-16, 17-32, 33-64, 65 and more */
#define VBT_FAN_KICKS        32 /* kicks of a queue whose requests may still come */
#define VBT_SIZE_CLASSES     16 /* vbt_size_class() */
#define VBT_NODE_NONE        UINT32_MAX

/* The percentiles that history keeps. X(id, per mille, text) */
#define VBT_PERCENTILES(X)    \
	X(p50, 500, "p50")    \
	X(p90, 900, "p90")    \
	X(p99, 990, "p99")    \
	X(p999, 999, "p99.9") \
	X(max, 1000, "max")

enum vbt_percentile {
#define X(id, per_mille, text) VBT_PERCENTILE_##id,
	VBT_PERCENTILES(X)
#undef X
	    VBT_PERCENTILE_COUNT
};

enum vbt_node_level { VBT_NODE_DEVICE, VBT_NODE_QUEUE, VBT_NODE_OP, VBT_NODE_LEVELS };

/* Events of queues, summed up; as in vbt_queue_stats, but for a time. */
struct vbt_queue_counts {
	uint64_t kicks, pops, pushes, interrupts;
	uint64_t wakes[VBT_WAKE_REASON_COUNT];
	uint64_t signals[VBT_SIGNAL_REASON_COUNT];
};

struct vbt_size_counts {
	uint64_t count, ns, max_ns;
};

/* All that happened to a node in a time. */
struct vbt_window {
	uint64_t ns; /* how long */
	struct vbt_group group;
	struct vbt_queue_counts queue;      /* of devices and queues */
	uint64_t kick_fan[VBT_FAN_CLASSES]; /* kicks by how many requests each brought */
	uint64_t irq_fan[VBT_FAN_CLASSES];  /* requests by how many their interrupt told of */
	uint64_t own_kick, no_kick;         /* requests popped for a kick, and without one */
	struct vbt_size_counts size[VBT_SIZE_CLASSES];
};

/* One interval of a node's history. */
struct vbt_point {
	uint64_t end_ns, ns;                       /* when it ended, how long it was */
	uint64_t requests, errors, bytes;          /* finished in it */
	uint64_t percentile[VBT_PERCENTILE_COUNT]; /* of the total; 0 if there were none */
	uint64_t layer[VBT_LAYER_COUNT];           /* sums of ns */
	double depth;                              /* mean of the requests in flight */
	uint32_t depth_max;
};

struct vbt_node {
	struct vbt_group_key key; /* what the level does not tell apart is -1 */
	enum vbt_node_level level;
	uint32_t parent;              /* index; VBT_NODE_NONE of a device */
	struct vbt_window *fill;      /* the interval under way (private) */
	struct vbt_window *now, *all; /* the last whole interval; all since the start */
	struct vbt_point *point;      /* a ring: number n is at n % VBT_SNAPSHOT_POINTS */
	uint64_t points;              /* ever */
	struct vbt_heat *heat;
	uint32_t in_flight; /* at the end of the last interval */
	uint64_t last_ns;   /* when its last request finished */
	/* private */
	uint64_t depth_sum, depth_samples;
	uint32_t depth_max;
	struct vbt_queue_stats before; /* of a queue: as of the last interval */
	struct {
		uint64_t seq, requests;
	} kick[VBT_FAN_KICKS];
};

/* A request that waits for longer than the threshold. */
struct vbt_stuck {
	struct vbt_request request;
	uint64_t since_ns; /* of its last mark */
	int mark;          /* its last mark: there it waits */
	bool gave_up; /* not under way any more: the correlator waited long enough and let it go */
};

struct vbt_snapshot {
	struct vbt_node **node; /* a parent comes before its children */
	uint32_t nodes;
	uint64_t ungrouped;        /* requests that no node could be had for */
	uint64_t start_ns, now_ns; /* of the first event; end of the last interval */
	uint64_t ticks;            /* intervals so far */
	uint64_t requests;         /* all that came */
	uint64_t stuck_ns;         /* threshold */
	uint32_t alive;            /* targets that run, a bit each: what others left is not stuck */
	struct vbt_request *recent; /* a ring: number n (from 0) is at n % VBT_SNAPSHOT_RECENT */
	struct vbt_request slowest[VBT_SNAPSHOT_SLOWEST]; /* the slowest first */
	uint32_t slow;
	struct vbt_stuck stuck[VBT_SNAPSHOT_STUCK]; /* who waits longest comes first */
	uint32_t stuck_count;
	uint64_t stuck_all; /* also those that found no room in the list */
	/* private */
	struct vbt_stuck gone[VBT_SNAPSHOT_STUCK]; /* a ring of those that gave up */
	uint64_t gones;
	uint32_t *queue_node; /* by the correlator's index: node + 1 */
	uint32_t queue_room;
	uint32_t last; /* node of the last request */
};

/* stuck_ns: threshold; 0: 1 s. NULL if memory is short. */
struct vbt_snapshot *vbt_snapshot_new(uint64_t stuck_ns);
void vbt_snapshot_free(struct vbt_snapshot *snapshot);

/* A copy that nothing is added to: for looking at while the other one goes on. NULL if memory is
 * short. */
struct vbt_snapshot *vbt_snapshot_copy(const struct vbt_snapshot *snapshot);

/* Count a finished request. 0, or -ENOMEM: it is in no node. */
int vbt_snapshot_request(struct vbt_snapshot *snapshot, const struct vbt_request *request);

/* Take a sample of the requests in flight: some twenty times an interval. */
void vbt_snapshot_sample(struct vbt_snapshot *snapshot, const struct vbt_correlator *correlator);

/*
 * The interval ends at `now_ns`: what was added since the last one becomes `now`, and a point of
 * history. The first call only says when time begins. 0 or -ENOMEM.
 */
int vbt_snapshot_tick(struct vbt_snapshot *snapshot, struct vbt_correlator *correlator,
		      uint64_t now_ns);

/* A node's point, `back` intervals before the last one (0: the last); NULL if there is none. */
const struct vbt_point *vbt_node_point(const struct vbt_node *node, unsigned back);

/* The node of a key, as made by its level; NULL if there is none. */
struct vbt_node *vbt_snapshot_find(const struct vbt_snapshot *snapshot,
				   const struct vbt_group_key *key);

/* Does a request belong to a node? */
bool vbt_node_has(const struct vbt_node *node, const struct vbt_request *request);

/* The layer with the largest part of a sum; -1 if all are 0. */
int vbt_layer_largest(const uint64_t ns[VBT_LAYER_COUNT]);

/* Sums of a group's layers, in ns, held to 64 bits. */
void vbt_group_layer_sums(const struct vbt_group *group, uint64_t ns[VBT_LAYER_COUNT]);

/*
 * Since when, in intervals without a break, the layer that is largest now has been so; 0 if there
 * was nothing in the last one. Intervals without requests do not break it.
 */
unsigned vbt_node_since(const struct vbt_node *node, uint64_t *since_ns);

/* Percentile of a histogram by its index; and its name: "p99". */
uint64_t vbt_percentile_of(const struct vbt_histogram *histogram, enum vbt_percentile which);
const char *vbt_percentile_name(enum vbt_percentile which);

/* "1", "2", "3-4", … of fan-outs. */
unsigned vbt_fan_class(uint64_t count);
const char *vbt_fan_class_name(unsigned fan_class);

/* Where a request waits, for people: "submitted, the host has not completed it". */
const char *vbt_wait_text(int mark);

#endif
