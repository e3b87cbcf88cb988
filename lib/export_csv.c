/* SPDX-License-Identifier: MIT */
/* Comma-separated values with a heading line: docs/EXPORT.md has the columns. */
#include <inttypes.h>

#include "lib/export.h"

static const char request_columns[] =
    "id,pid,device,queue,head,op,sector,bytes,status,seq,kick_seq,irq_seq,vcpu,total_ns"
#define X(id, meaning) "," #id "_ns"
    VBT_LAYERS(X)
#undef X
#define X(id, letter, origin, meaning) "," #id "_at"
	VBT_STAGES(X)
#undef X
	    ",inferred,merged,complete\n";

static const char event_columns[] =
    "time,point,requests,link,pid,device,queue,head,op,sector,bytes,status,tid,source,key,arg,seq,"
    "val,event_op,code,late\n";

static int begin(struct vbt_export *export)
{
	fputs(export->unit == VBT_UNIT_REQUESTS ? request_columns : event_columns, export->out);
	return 0;
}

/* Device names come from the traced process: quoted if they could be taken for something else. */
static void put_text(FILE *out, const char *text)
{
	bool plain = true;

	for (const char *c = text; *c; c++)
		plain &= *c > ' ' && *c < 0x7f && *c != '"' && *c != ',' && *c != ';';
	if (plain) {
		fputs(text, out);
		return;
	}
	putc('"', out);
	for (; *text; text++) {
		if (*text == '"')
			putc('"', out);
		putc((unsigned char)*text < ' ' ? '?' : *text, out);
	}
	putc('"', out);
}

static void put_uint(FILE *out, uint64_t value, bool known)
{
	char digits[21], *at = digits + sizeof(digits);

	*--at = ',';
	if (!known) {
		putc(',', out);
		return;
	}
	do
		*--at = (char)('0' + value % 10);
	while (value /= 10);
	fwrite(at, 1, (size_t)(digits + sizeof(digits) - at), out);
}

static void put_device(struct vbt_export *export, unsigned target, unsigned device)
{
	char name[24];

	put_text(export->out, vbt_trace_info_device_name(export->info, target, device, name));
	putc(',', export->out);
}

static void put_kind(FILE *out, const struct vbt_request *request)
{
	bool parsed = request && vbt_request_has(request, VBT_MARK_parse);
	bool pushed = request && vbt_request_has(request, VBT_MARK_push);

	fputs(parsed ? vbt_op_name(request->op) : "", out);
	putc(',', out);
	put_uint(out, parsed ? request->sector : 0, parsed);
	put_uint(out, parsed ? request->bytes : 0, parsed);
	put_uint(out, pushed ? request->status : 0, pushed);
}

static int put_request(struct vbt_export *export, const struct vbt_request *request)
{
	const struct vbt_target *target = vbt_trace_info_target(export->info, request->target);
	uint64_t layer[VBT_LAYER_COUNT];
	unsigned seen = vbt_request_layers(request, layer);
	FILE *out = export->out;

	put_uint(out, request->id, true);
	put_uint(out, target ? target->pid : 0, target != NULL);
	put_device(export, request->target, request->device);
	put_uint(out, request->queue, true);
	put_uint(out, request->head, true);
	put_kind(out, request);
	put_uint(out, request->seq, true);
	put_uint(out, request->kick_seq, true);
	put_uint(out, request->irq_seq, true);
	put_uint(out, (uint64_t)request->vcpu, request->vcpu >= 0);
	put_uint(out, vbt_request_total(request), true);
	for (unsigned i = 0; i < VBT_LAYER_COUNT; i++)
		put_uint(out, layer[i], seen >> i & 1);
	for (unsigned i = 0; i < VBT_MARK_COUNT; i++)
		put_uint(out, request->mark[i], vbt_request_has(request, i));
	for (unsigned left = request->inferred; left; left &= left - 1)
		putc(vbt_mark_letter((unsigned)__builtin_ctz(left)), out);
	fprintf(out, ",%d,%d\n", request->merged, request->complete);
	return 0;
}

static void put_links(FILE *out, const struct vbt_linked_event *event)
{
	unsigned inferred = 0;

	for (unsigned i = 0; i < event->requests; i++) {
		fprintf(out, "%s%" PRIu64, i ? ";" : "", event->request[i]->id);
		inferred += vbt_link_inferred(event, event->request[i]);
	}
	fprintf(out, ",%s,", !event->requests ? "" : inferred ? "inferred" : "exact");
}

static int put_event(struct vbt_export *export, const struct vbt_linked_event *linked)
{
	const struct vbt_event *event = linked->event;
	const struct vbt_request *request = vbt_linked_request(linked);
	const struct vbt_target *target = vbt_trace_info_target(export->info, event->target);
	bool vmm = vbt_point_is_vmm(event->point), known = request || vbt_event_names_queue(event);
	bool one = linked->requests == 1;
	FILE *out = export->out;

	put_uint(out, event->time, true);
	fprintf(out, "%s,", vbt_point_name(event->point));
	put_links(out, linked);
	put_uint(out, target ? target->pid : 0, target != NULL);
	if (known)
		put_device(export, event->target, request ? request->device : event->device);
	else
		putc(',', out);
	put_uint(out, request ? request->queue : event->queue, known);
	put_uint(out, one ? request->head : event->head,
		 one || (vmm && event->seq) || event->point == VBT_AUX_ring);
	put_kind(out, one ? request : NULL);
	put_uint(out, event->tid, true);
	put_uint(out, event->source, true);
	put_uint(out, event->key, !vmm);
	put_uint(out, event->arg, true);
	put_uint(out, event->seq, vmm);
	put_uint(out, event->val, vmm);
	put_uint(out, event->op, vmm);
	put_uint(out, event->code, true);
	fprintf(out, "%d\n", event->late);
	return 0;
}

const struct vbt_exporter vbt_exporter_csv = {
    .name = "csv",
    .purpose = "comma-separated values with a heading: a row for each request, or each event",
    .units = VBT_UNIT_REQUESTS | VBT_UNIT_EVENTS,
    .unit = VBT_UNIT_REQUESTS,
    .needs_events = VBT_UNIT_EVENTS,
    .begin = begin,
    .request = put_request,
    .event = put_event,
};
