/* SPDX-License-Identifier: MIT */
/*
 * Requests kept to be shown when the whole trace was read: the first so many, or the slowest so
 * many. Memory is bounded by the limit.
 */
#ifndef CLI_SELECTION_H
#define CLI_SELECTION_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/request.h"

#define SELECTION_MAX 100000

struct selection {
	struct selected {
		struct vbt_request request;
		uint64_t total;       /* ns */
		uint64_t kick_shared; /* requests of its kick; see selection_count */
	} * entry;
	size_t count, room, limit;
	bool slowest; /* a heap, the quickest on top, until it is sorted */
	size_t *by_kick;
};

/* Keeps at most `limit` (SELECTION_MAX at most) requests. */
void selection_init(struct selection *selection, size_t limit, bool slowest);
void selection_release(struct selection *selection);

/* 0, -ENOSPC if it is full (never if `slowest`), -ENOMEM. */
int selection_add(struct selection *selection, const struct vbt_request *request);

/* The slowest first; without `slowest` the order in which they came. */
void selection_sort(struct selection *selection);

/*
 * A second pass over the trace: after selection_index, count each request to find out with how many
 * each of the kept ones shares its kick. 0 or -ENOMEM.
 */
int selection_index(struct selection *selection);
void selection_count(struct selection *selection, const struct vbt_request *request);

#endif
