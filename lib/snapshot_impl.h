/* SPDX-License-Identifier: MIT */
/* Inside the snapshot: snapshot.c counts, snapshot_requests.c keeps single requests, snapshot_memory.c
 * has what both are in. */
#ifndef VBT_SNAPSHOT_IMPL_H
#define VBT_SNAPSHOT_IMPL_H

#include "lib/snapshot.h"

/* A node of nothing, with all the memory that it will ever have but for its stages' and heat maps'. NULL
 * if memory is short. */
struct vbt_node *vbt_snapshot_node_new(void);

/* Is it one of the slowest, or one that the correlator gave up waiting for? */
void vbt_snapshot_keep(struct vbt_snapshot *s, const struct vbt_request *request);

/* Make the list of the stuck ones anew, as of s->now_ns. */
void vbt_snapshot_find_stuck(struct vbt_snapshot *s, struct vbt_correlator *correlator);

/* The node of a request's operation; NULL if there is none yet. */
struct vbt_node *vbt_snapshot_node_of(struct vbt_snapshot *s, const struct vbt_request *request);

#endif
