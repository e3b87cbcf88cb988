/* SPDX-License-Identifier: MIT */
/*
 * JSON output: a small writer over a stream that the caller gives, and the two fixed objects,
 * `report --json` and `show --json`. The same input gives the same bytes.
 *
 * Errors are those of the stream: the caller looks at ferror().
 */
#ifndef VBT_JSON_H
#define VBT_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "lib/breakdown.h"
#include "lib/correlate.h"
#include "lib/diff.h"
#include "lib/request.h"
#include "lib/trace_info.h"

struct vbt_json {
	FILE *out;
	unsigned depth;
	bool comma, pretty;
};

/* pretty: two spaces of indentation a level; else all in one line. */
void vbt_json_init(struct vbt_json *json, FILE *out, bool pretty);

/* `key` is NULL inside an array and at the top. Text is escaped; bytes that are no UTF-8 become
 * U+FFFD. The doubles of lib are finite; others are written as null. */
void vbt_json_object(struct vbt_json *json, const char *key);
void vbt_json_array(struct vbt_json *json, const char *key);
void vbt_json_end(struct vbt_json *json, char bracket); /* '}' or ']' */
void vbt_json_string(struct vbt_json *json, const char *key, const char *value);
void vbt_json_uint(struct vbt_json *json, const char *key, uint64_t value);
void vbt_json_int(struct vbt_json *json, const char *key, int64_t value);
void vbt_json_double(struct vbt_json *json, const char *key, double value);
void vbt_json_bool(struct vbt_json *json, const char *key, bool value);
void vbt_json_null(struct vbt_json *json, const char *key);

/* DIST: count, min_ns, mean_ns, p50_ns, p90_ns, p99_ns, p999_ns, max_ns, as members or as an object
 * if key is given. */
void vbt_json_dist(struct vbt_json *json, const char *key, const struct vbt_histogram *histogram);

/* "layers" and "stages" of a group, with a DIST each; those that no request had are left out. */
void vbt_json_layers(struct vbt_json *json, const struct vbt_group *group);
void vbt_json_stages(struct vbt_json *json, const struct vbt_group *group);

/* The members of `report --json`. The breakdown is sorted. damage: NULL or a line about the file. */
struct vbt_report {
	const struct vbt_breakdown *breakdown;
	const struct vbt_correlator *correlator;
	const struct vbt_trace_info *info;
	const char *damage;
};

void vbt_json_report(FILE *out, const struct vbt_report *report);

/* One line of `show --json`. */
void vbt_json_request(FILE *out, const struct vbt_request *request,
		      const struct vbt_trace_info *info);

/* The reason of an absent mark as people and JSON get it: the table's text, or the target's own
 * ("not observable: APICv …"). Never NULL. */
const char *vbt_absent_reason(const struct vbt_request *request, unsigned mark,
			      const struct vbt_trace_info *info);

#endif
