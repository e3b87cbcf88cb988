/* SPDX-License-Identifier: MIT */
/* Which requests a person wants to see: all conditions that were given must hold. */
#ifndef CLI_FILTER_H
#define CLI_FILTER_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/command.h"
#include "lib/request.h"
#include "lib/trace_info.h"

struct filter {
	struct range id, sector; /* sector: the request touches one of them */
	struct range queue;
	struct op {
		int type;
		bool given;
	} op;
	const char *device; /* name or number */
	uint64_t min_latency_ns;
	bool incomplete, errors;
};

bool filter_matches(const struct filter *filter, const struct vbt_request *request,
		    const struct vbt_trace_info *info);

/* --op's parser: a name of the operations table, into a struct op. */
int filter_parse_op(const char *text, void *at, char *why, size_t why_size);

#endif
