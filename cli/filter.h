/* SPDX-License-Identifier: MIT */
/* Which requests a person wants to see: all conditions that were given must hold. */
#ifndef CLI_FILTER_H
#define CLI_FILTER_H

#include <stdbool.h>
#include <stddef.h>
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

/* The rows of a command whose options (`type`) have a struct filter (`member`): whose requests are meant, */
#define FILTER_WHOSE(type, member)                                                           \
	{.name = "op",                                                                       \
	 .kind = OPTION_OTHER,                                                               \
	 .at = offsetof(type, member.op),                                                    \
	 .argument = "NAME",                                                                 \
	 .parse = filter_parse_op,                                                           \
	 .help = "one operation only: read, write, flush, discard, ..."},                    \
	    {.name = "device",                                                               \
	     .kind = OPTION_TEXT,                                                            \
	     .at = offsetof(type, member.device),                                            \
	     .argument = "NAME",                                                             \
	     .help = "one device only, by name or number"},                                  \
	    {.name = "queue",                                                                \
	     .kind = OPTION_RANGE,                                                           \
	     .at = offsetof(type, member.queue),                                             \
	     .argument = "A-B",                                                              \
	     .help = "one queue only, or those from A to B"},                                \
	{                                                                                    \
		.name = "sector", .kind = OPTION_RANGE, .at = offsetof(type, member.sector), \
		.argument = "A-B", .help = "what touches these sectors of 512 bytes"         \
	}

/* and also which of them. */
#define FILTER_OPTIONS(type, member)                                                        \
	{.name = "id",                                                                      \
	 .kind = OPTION_RANGE,                                                              \
	 .at = offsetof(type, member.id),                                                   \
	 .argument = "A-B",                                                                 \
	 .help = "the request with this number, or those from A to B"},                     \
	    FILTER_WHOSE(type, member),                                                     \
	    {.name = "min-latency",                                                         \
	     .kind = OPTION_TIME,                                                           \
	     .at = offsetof(type, member.min_latency_ns),                                   \
	     .argument = "TIME",                                                            \
	     .help = "what took at least so long: 250us, 5ms, 1.5s"},                       \
	    {.name = "incomplete",                                                          \
	     .kind = OPTION_FLAG,                                                           \
	     .at = offsetof(type, member.incomplete),                                       \
	     .help = "requests that lack a mark which they must have had"},                 \
	{                                                                                   \
		.name = "errors", .kind = OPTION_FLAG, .at = offsetof(type, member.errors), \
		.help = "requests that the device answered with an error"                   \
	}

/* Was any condition given? */
bool filter_given(const struct filter *filter);

bool filter_matches(const struct filter *filter, const struct vbt_request *request,
		    const struct vbt_trace_info *info);

/* --op's parser: a name of the operations table, into a struct op. */
int filter_parse_op(const char *text, void *at, char *why, size_t why_size);

#endif
