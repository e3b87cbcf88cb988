/* SPDX-License-Identifier: MIT */
/* The two fixed JSON objects: `report --json` and `show --json`. */
#include <string.h>

#include "lib/json.h"

#define REPORT_FORMAT "vbtrace-report-1"

void vbt_json_dist(struct vbt_json *json, const char *key, const struct vbt_histogram *histogram)
{
	static const struct {
		const char *name;
		unsigned per_mille;
	} percentiles[] = {{"p50_ns", 500}, {"p90_ns", 900}, {"p99_ns", 990}, {"p999_ns", 999}};

	if (key)
		vbt_json_object(json, key);
	vbt_json_uint(json, "count", histogram->count);
	vbt_json_uint(json, "min_ns", vbt_histogram_min(histogram));
	vbt_json_uint(json, "mean_ns", vbt_histogram_mean(histogram));
	for (size_t i = 0; i < sizeof(percentiles) / sizeof(percentiles[0]); i++)
		vbt_json_uint(json, percentiles[i].name,
			      vbt_histogram_percentile(histogram, percentiles[i].per_mille));
	vbt_json_uint(json, "max_ns", histogram->max);
	if (key)
		vbt_json_end(json, '}');
}

static void put_key(struct vbt_json *json, const struct vbt_report *report,
		    const struct vbt_group_key *key)
{
	const struct vbt_trace_info *info = report->info;
	const struct vbt_target *target;
	unsigned by = report->breakdown->by;
	char name[24];

	target = vbt_trace_info_target(info, key->target < 0 ? 0 : (unsigned)key->target);
	if (by & VBT_BY_target)
		vbt_json_uint(json, "pid", target ? target->pid : 0);
	/* device, queue and op are always there: null where the report is not grouped by them. */
	if (by & VBT_BY_device)
		vbt_json_string(
		    json, "device",
		    vbt_trace_info_device_name(info, key->target < 0 ? 0 : (unsigned)key->target,
					       (unsigned)key->device, name));
	else
		vbt_json_null(json, "device");
	if (by & VBT_BY_queue)
		vbt_json_int(json, "queue", key->queue);
	else
		vbt_json_null(json, "queue");
	if (by & VBT_BY_op && key->op >= 0)
		vbt_json_string(json, "op", vbt_op_name((unsigned)key->op));
	else
		vbt_json_null(json, "op");
	if (by & VBT_BY_vcpu)
		vbt_json_int(json, "vcpu", key->vcpu);
	if (by & VBT_BY_size && key->size >= 0)
		vbt_json_string(json, "size", vbt_size_class_name((unsigned)key->size));
	else if (by & VBT_BY_size)
		vbt_json_null(json, "size");
}

void vbt_json_layers(struct vbt_json *json, const struct vbt_group *group)
{
	vbt_json_object(json, "layers");
	for (unsigned layer = 0; layer < VBT_LAYER_COUNT; layer++)
		if (group->layer[layer].count)
			vbt_json_dist(json, vbt_layer_name(layer), &group->layer[layer]);
	vbt_json_end(json, '}');
}

void vbt_json_stages(struct vbt_json *json, const struct vbt_group *group)
{
	const struct vbt_group_stage *stage;
	unsigned cursor = 0;

	vbt_json_array(json, "stages");
	while ((stage = vbt_group_next_stage(group, &cursor))) {
		/* A group that was emptied keeps its stages. */
		if (!stage->ns.count)
			continue;
		vbt_json_object(json, NULL);
		vbt_json_string(json, "from", vbt_point_name(stage->from));
		vbt_json_string(json, "to", vbt_point_name(stage->to));
		vbt_json_dist(json, NULL, &stage->ns);
		vbt_json_end(json, '}');
	}
	vbt_json_end(json, ']');
}

static void put_group(struct vbt_json *json, const struct vbt_report *report,
		      const struct vbt_group *group)
{
	vbt_json_object(json, NULL);
	put_key(json, report, &group->key);
	vbt_json_uint(json, "count", group->count);
	vbt_json_uint(json, "incomplete", group->incomplete);
	vbt_json_uint(json, "errors", group->errors);
	vbt_json_uint(json, "bytes", group->bytes);
	vbt_json_dist(json, "total", &group->total);
	vbt_json_layers(json, group);
	vbt_json_stages(json, group);
	vbt_json_end(json, '}');
}

static void put_losses(struct vbt_json *json, const struct vbt_report *report)
{
	const struct vbt_trace_info *info = report->info;

	vbt_json_object(json, "lost_events");
	for (unsigned i = 0; i < info->sources; i++) {
		/* Two rings may bear one name (two targets): an object's keys must differ. */
		uint64_t lost = 0;
		bool again = false;

		for (unsigned j = 0; j < info->sources; j++) {
			uint64_t seen = vbt_correlator_lost(report->correlator, j);

			if (strcmp(info->source[i].name, info->source[j].name))
				continue;
			again |= j < i;
			lost += seen > info->source[j].lost ? seen : info->source[j].lost;
		}
		if (!again)
			vbt_json_uint(json, info->source[i].name, lost);
	}
	vbt_json_uint(json, "file", vbt_correlator_lost(report->correlator, VBT_SOURCE_ALL));
	vbt_json_end(json, '}');
}

void vbt_json_report(FILE *out, const struct vbt_report *report)
{
	const struct vbt_correlator_stats *stats = vbt_correlator_stats(report->correlator);
	struct vbt_json json;

	vbt_json_init(&json, out, true);
	vbt_json_object(&json, NULL);
	vbt_json_string(&json, "format", REPORT_FORMAT);
	vbt_json_uint(&json, "requests", stats->requests);
	vbt_json_uint(&json, "complete", stats->complete);
	vbt_json_uint(&json, "incomplete", stats->incomplete);
	vbt_json_uint(&json, "unseen", stats->unseen);
	vbt_json_uint(&json, "errors", stats->errors);
	vbt_json_uint(&json, "events", stats->events);
	put_losses(&json, report);
	vbt_json_object(&json, "links");
	vbt_json_uint(&json, "exact", stats->exact);
	vbt_json_uint(&json, "inferred", stats->inferred);
	vbt_json_end(&json, '}');
	vbt_json_uint(&json, "duration_ns", stats->last_ns - stats->first_ns);
	vbt_json_uint(&json, "clock_error_ns", vbt_trace_info_clock_error(report->info));
	if (report->damage && *report->damage)
		vbt_json_string(&json, "damage", report->damage);
	if (report->breakdown->ungrouped)
		vbt_json_uint(&json, "ungrouped", report->breakdown->ungrouped);
	vbt_json_array(&json, "groups");
	for (uint32_t i = 0; i < report->breakdown->groups; i++)
		put_group(&json, report, report->breakdown->group[i]);
	vbt_json_end(&json, ']');
	vbt_json_end(&json, '}');
}

const char *vbt_absent_reason(const struct vbt_request *request, unsigned mark,
			      const struct vbt_trace_info *info)
{
	const struct vbt_target *target = vbt_trace_info_target(info, request->target);
	unsigned reason = mark < VBT_MARK_COUNT ? request->absent[mark] : VBT_ABSENT_lost;

	if (reason == VBT_ABSENT_hidden && target && target->hidden[mark][0])
		return target->hidden[mark];
	return vbt_absent_text(reason);
}

void vbt_json_request(FILE *out, const struct vbt_request *request,
		      const struct vbt_trace_info *info)
{
	const struct vbt_target *target = vbt_trace_info_target(info, request->target);
	bool parsed = vbt_request_has(request, VBT_MARK_parse);
	struct vbt_json json;
	char name[24];

	vbt_json_init(&json, out, false);
	vbt_json_object(&json, NULL);
	vbt_json_uint(&json, "id", request->id);
	vbt_json_uint(&json, "pid", target ? target->pid : 0);
	vbt_json_string(&json, "device",
			vbt_trace_info_device_name(info, request->target, request->device, name));
	vbt_json_uint(&json, "queue", request->queue);
	vbt_json_uint(&json, "head", request->head);
	if (parsed) {
		vbt_json_string(&json, "op", vbt_op_name(request->op));
		vbt_json_uint(&json, "sector", request->sector);
		vbt_json_uint(&json, "bytes", request->bytes);
	} else {
		vbt_json_null(&json, "op");
		vbt_json_null(&json, "sector");
		vbt_json_null(&json, "bytes");
	}
	if (vbt_request_has(request, VBT_MARK_push))
		vbt_json_uint(&json, "status", request->status);
	else
		vbt_json_null(&json, "status");
	vbt_json_uint(&json, "seq", request->seq);
	vbt_json_uint(&json, "kick_seq", request->kick_seq);
	vbt_json_uint(&json, "irq_seq", request->irq_seq);
	vbt_json_int(&json, "vcpu", request->vcpu);
	vbt_json_object(&json, "marks");
	for (unsigned i = 0; i < VBT_MARK_COUNT; i++)
		if (vbt_request_has(request, i))
			vbt_json_uint(&json, vbt_point_name(i), request->mark[i]);
	vbt_json_end(&json, '}');
	vbt_json_object(&json, "links");
	for (unsigned i = 0; i < VBT_MARK_COUNT; i++)
		if (vbt_request_has(request, i))
			vbt_json_string(&json, vbt_point_name(i),
					request->inferred >> i & 1 ? "inferred" : "exact");
	vbt_json_end(&json, '}');
	vbt_json_object(&json, "absent");
	for (unsigned i = 0; i < VBT_MARK_COUNT; i++)
		if (!vbt_request_has(request, i))
			vbt_json_string(&json, vbt_point_name(i),
					vbt_absent_reason(request, i, info));
	vbt_json_end(&json, '}');
	vbt_json_bool(&json, "merged", request->merged);
	vbt_json_bool(&json, "complete", request->complete);
	vbt_json_end(&json, '}');
}
