/* SPDX-License-Identifier: MIT */
/*
 * OpenTelemetry's JSON (OTLP, a line for each batch, as collectors read it from a file): each
 * request is a trace of its own, a span with its stages as children. docs/EXPORT.md has the names.
 */
#include <inttypes.h>
#include <string.h>
#include <xxhash.h>

#include "lib/export.h"
#include "lib/json.h"

#define BATCH      64 /* requests of a line */
#define KIND_SPAN  1  /* SPAN_KIND_INTERNAL */
#define KIND_ROOT  2  /* SPAN_KIND_SERVER: the device answers */
#define CODE_ERROR 2  /* STATUS_CODE_ERROR */

struct otlp {
	struct vbt_json json;
	uint64_t recording; /* upper half of the trace ids: other recordings have other ones */
	unsigned requests;  /* in the open line; 0: none is open */
	unsigned target;
};

/* 64 bits are text in protobuf's JSON. */
static void put_number(struct vbt_json *json, const char *key, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, value);
	vbt_json_string(json, key, text);
}

/* A number that is none of theirs, which are signed (a guest may ask for any sector), is text. */
static void put_attribute(struct vbt_json *json, const char *key, const char *text, uint64_t number)
{
	char digits[24];

	if (!text && number > INT64_MAX) {
		snprintf(digits, sizeof(digits), "%" PRIu64, number);
		text = digits;
	}
	vbt_json_object(json, NULL);
	vbt_json_string(json, "key", key);
	vbt_json_object(json, "value");
	if (text)
		vbt_json_string(json, "stringValue", text);
	else
		put_number(json, "intValue", number);
	vbt_json_end(json, '}');
	vbt_json_end(json, '}');
}

static void put_truth(struct vbt_json *json, const char *key, bool value)
{
	vbt_json_object(json, NULL);
	vbt_json_string(json, "key", key);
	vbt_json_object(json, "value");
	vbt_json_bool(json, "boolValue", value);
	vbt_json_end(json, '}');
	vbt_json_end(json, '}');
}

static int begin(struct vbt_export *export)
{
	const struct vbt_host *host = &export->info->host;
	struct otlp *otlp = export->state;
	const uint64_t facts[] = {host->start_realtime_ns, host->start_monotonic_ns,
				  export->info->targets ? export->info->target[0].pid : 0,
				  export->info->targets ? export->info->target[0].start_time_ns
							: 0};

	otlp->recording = XXH64(facts, sizeof(facts), 0) | 1;
	return 0;
}

static void open_line(struct vbt_export *export, unsigned index)
{
	const struct vbt_target *target = vbt_trace_info_target(export->info, index);
	struct otlp *otlp = export->state;
	struct vbt_json *json = &otlp->json;

	otlp->target = index;
	vbt_json_init(json, export->out, false);
	vbt_json_object(json, NULL);
	vbt_json_array(json, "resourceSpans");
	vbt_json_object(json, NULL);
	vbt_json_object(json, "resource");
	vbt_json_array(json, "attributes");
	put_attribute(json, "service.name", target && *target->comm ? target->comm : "vmm", 0);
	if (target) {
		put_attribute(json, "process.pid", NULL, target->pid);
		put_attribute(json, "process.command_line", target->cmdline, 0);
	}
	put_attribute(json, "os.type", "linux", 0);
	put_attribute(json, "os.version", export->info->host.kernel, 0);
	vbt_json_end(json, ']');
	vbt_json_end(json, '}');
	vbt_json_array(json, "scopeSpans");
	vbt_json_object(json, NULL);
	vbt_json_object(json, "scope");
	vbt_json_string(json, "name", "vbtrace");
	vbt_json_string(json, "version", VBTRACE_VERSION);
	vbt_json_end(json, '}');
	vbt_json_array(json, "spans");
}

static void close_line(struct otlp *otlp)
{
	static const char brackets[] = "]}]}]}";

	for (const char *bracket = brackets; *bracket; bracket++)
		vbt_json_end(&otlp->json, *bracket);
	otlp->requests = 0;
}

/* Begins a span, whose attributes are open then. `part` is 0 for the request itself. */
static void open_span(struct vbt_export *export, const struct vbt_request *request, unsigned part,
		      const char *name, uint64_t from, uint64_t to)
{
	struct otlp *otlp = export->state;
	struct vbt_json *json = &otlp->json;
	char id[40];

	vbt_json_object(json, NULL);
	snprintf(id, sizeof(id), "%016" PRIx64 "%016" PRIx64, otlp->recording, request->id);
	vbt_json_string(json, "traceId", id);
	snprintf(id, sizeof(id), "%016" PRIx64, request->id << 8 | part);
	vbt_json_string(json, "spanId", id);
	if (part) {
		snprintf(id, sizeof(id), "%016" PRIx64, request->id << 8);
		vbt_json_string(json, "parentSpanId", id);
	}
	vbt_json_string(json, "name", name);
	vbt_json_uint(json, "kind", part ? KIND_SPAN : KIND_ROOT);
	put_number(json, "startTimeUnixNano", from + (uint64_t) export->realtime_offset);
	put_number(json, "endTimeUnixNano", to + (uint64_t) export->realtime_offset);
	vbt_json_array(json, "attributes");
}

static void put_stages(struct vbt_export *export, const struct vbt_request *request, uint64_t time)
{
	struct otlp *otlp = export->state;
	struct vbt_segment segment[VBT_MARK_COUNT - 1];
	unsigned count = vbt_request_segments(request, segment);

	for (unsigned i = 0; i < count; i++) {
		const struct vbt_segment *s = &segment[i];
		char name[32];

		snprintf(name, sizeof(name), "%c2%c", vbt_mark_letter(s->from),
			 vbt_mark_letter(s->to));
		open_span(export, request, i + 1, name, time, time + s->ns);
		put_attribute(&otlp->json, "vbtrace.layer", vbt_layer_name(s->layer), 0);
		put_attribute(&otlp->json, "vbtrace.mark.from", vbt_point_name(s->from), 0);
		put_attribute(&otlp->json, "vbtrace.mark.to", vbt_point_name(s->to), 0);
		put_truth(&otlp->json, "vbtrace.inferred",
			  request->inferred >> s->from & 1 || request->inferred >> s->to & 1);
		vbt_json_end(&otlp->json, ']');
		vbt_json_end(&otlp->json, '}');
		time += s->ns;
	}
}

static void put_root(struct vbt_export *export, const struct vbt_request *request, uint64_t time)
{
	bool parsed = vbt_request_has(request, VBT_MARK_parse);
	bool pushed = vbt_request_has(request, VBT_MARK_push);
	const char *op = parsed ? vbt_op_name(request->op) : "request";
	struct otlp *otlp = export->state;
	struct vbt_json *json = &otlp->json;
	char name[48], device[24];

	snprintf(name, sizeof(name), "virtio_blk %s", op);
	open_span(export, request, 0, name, time, time + vbt_request_total(request));
	put_attribute(
	    json, "system.device",
	    vbt_trace_info_device_name(export->info, request->target, request->device, device), 0);
	if (parsed && request->op <= 1)
		put_attribute(json, "disk.io.direction", op, 0);
	if (parsed) {
		put_attribute(json, "virtio_blk.operation", op, 0);
		put_attribute(json, "virtio_blk.sector", NULL, request->sector);
		put_attribute(json, "virtio_blk.size", NULL, request->bytes);
	}
	put_attribute(json, "virtio.queue", NULL, request->queue);
	put_attribute(json, "virtio.head", NULL, request->head);
	put_attribute(json, "vbtrace.request.id", NULL, request->id);
	if (request->vcpu >= 0)
		put_attribute(json, "vbtrace.vcpu", NULL, (uint64_t)request->vcpu);
	put_truth(json, "vbtrace.complete", request->complete);
	if (pushed) {
		put_attribute(json, "virtio_blk.status", vbt_status_name(request->status), 0);
		if (request->status)
			put_attribute(json, "error.type", vbt_status_name(request->status), 0);
	}
	vbt_json_end(json, ']');
	if (pushed && request->status) {
		vbt_json_object(json, "status");
		vbt_json_uint(json, "code", CODE_ERROR);
		vbt_json_end(json, '}');
	}
	vbt_json_end(json, '}');
}

static int put_request(struct vbt_export *export, const struct vbt_request *request)
{
	struct otlp *otlp = export->state;
	unsigned life = vbt_request_life(request);
	uint64_t time;

	/* Of whom nothing is known at any time there is no span to be made. */
	if (!life)
		return 0;
	if (otlp->requests && (otlp->requests == BATCH || otlp->target != request->target))
		close_line(otlp);
	if (!otlp->requests)
		open_line(export, request->target);
	otlp->requests++;
	time = request->mark[__builtin_ctz(life)];
	put_root(export, request, time);
	put_stages(export, request, time);
	return 0;
}

static int end(struct vbt_export *export)
{
	struct otlp *otlp = export->state;

	if (otlp->requests)
		close_line(otlp);
	return 0;
}

const struct vbt_exporter vbt_exporter_otlp = {
    .name = "otlp",
    .purpose = "OpenTelemetry's JSON: a span for each request, with its stages as children",
    .units = VBT_UNIT_REQUESTS,
    .unit = VBT_UNIT_REQUESTS,
    .state_size = sizeof(struct otlp),
    .begin = begin,
    .request = put_request,
    .end = end,
};
