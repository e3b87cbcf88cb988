/* SPDX-License-Identifier: MIT */
/* One line of `top --json`: an interval. docs/TOP.md describes it. */
#ifndef VBT_SNAPSHOT_JSON_H
#define VBT_SNAPSHOT_JSON_H

#include <stdio.h>

#include "lib/snapshot.h"
#include "lib/trace_info.h"

struct vbt_interval {
	const struct vbt_snapshot *snapshot;
	const struct vbt_trace_info *info;
	uint64_t events, lost;     /* since the start */
	uint32_t alive;            /* targets that run, a bit each */
	double own_cpu;            /* of one core; below 0: a recording, not shown */
	uint64_t own_memory;       /* bytes */
	enum vbt_node_level level; /* down to which nodes are shown */
};

void vbt_json_interval(FILE *out, const struct vbt_interval *interval);

/* A node's process; 0 if it is not known. */
uint32_t vbt_node_pid(const struct vbt_node *node, const struct vbt_trace_info *info);

/* "read" of an operation's node; "unknown" if the request was not parsed. */
const char *vbt_node_op_name(const struct vbt_node *node);

#endif
