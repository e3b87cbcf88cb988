/* SPDX-License-Identifier: MIT */
/* JSON lines: an object for each request, as `show --json` has it, or for each event. */
#include "lib/export.h"
#include "lib/json.h"

static int put_request(struct vbt_export *export, const struct vbt_request *request)
{
	vbt_json_request(export->out, request, export->info);
	return 0;
}

static void put_links(struct vbt_json *json, const struct vbt_linked_event *event)
{
	vbt_json_array(json, "requests");
	for (unsigned i = 0; i < event->requests; i++)
		vbt_json_uint(json, NULL, event->request[i]->id);
	vbt_json_end(json, ']');
	vbt_json_array(json, "inferred");
	for (unsigned i = 0; i < event->requests; i++)
		if (vbt_link_inferred(event, event->request[i]))
			vbt_json_uint(json, NULL, event->request[i]->id);
	vbt_json_end(json, ']');
}

static int put_event(struct vbt_export *export, const struct vbt_linked_event *linked)
{
	const struct vbt_event *event = linked->event;
	const struct vbt_request *request = vbt_linked_request(linked);
	const struct vbt_target *target = vbt_trace_info_target(export->info, event->target);
	const struct vbt_source *source = vbt_trace_info_source(export->info, event->source);
	bool vmm = vbt_point_is_vmm(event->point);
	struct vbt_json json;
	char name[24];

	vbt_json_init(&json, export->out, false);
	vbt_json_object(&json, NULL);
	vbt_json_uint(&json, "time", event->time);
	vbt_json_string(&json, "point", vbt_point_name(event->point));
	put_links(&json, linked);
	vbt_json_uint(&json, "pid", target ? target->pid : 0);
	vbt_json_string(&json, "source", source ? source->name : "file");
	vbt_json_uint(&json, "tid", event->tid);
	if (request || vbt_event_names_queue(event)) {
		vbt_json_string(
		    &json, "device",
		    vbt_trace_info_device_name(export->info, event->target,
					       request ? request->device : event->device, name));
		vbt_json_uint(&json, "queue", request ? request->queue : event->queue);
	}
	vbt_json_uint(&json, "arg", event->arg);
	if (vmm) {
		vbt_json_uint(&json, "head", event->head);
		vbt_json_uint(&json, "seq", event->seq);
		vbt_json_uint(&json, "val", event->val);
		vbt_json_uint(&json, "op", event->op);
		vbt_json_uint(&json, "code", event->code);
	} else {
		vbt_json_uint(&json, "key", event->key);
		vbt_json_uint(&json, "aux", event->aux);
		vbt_json_uint(&json, "flags", event->flags);
	}
	vbt_json_bool(&json, "late", event->late);
	vbt_json_end(&json, '}');
	return 0;
}

const struct vbt_exporter vbt_exporter_json = {
    .name = "json",
    .purpose = "JSON lines: an object for each request, as 'vbtrace show --json', or each event",
    .units = VBT_UNIT_REQUESTS | VBT_UNIT_EVENTS,
    .unit = VBT_UNIT_REQUESTS,
    .needs_events = VBT_UNIT_EVENTS,
    .request = put_request,
    .event = put_event,
};
