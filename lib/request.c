/* SPDX-License-Identifier: MIT */
#include "lib/request.h"

#include <string.h>

/* The layer that begins at a mark, as long as the next marks say nothing else. */
static const uint8_t layer_after[VBT_MARK_COUNT] = {
    [VBT_MARK_kick] = VBT_LAYER_exit,    [VBT_MARK_wake] = VBT_LAYER_exit,
    [VBT_MARK_pop] = VBT_LAYER_vmm,      [VBT_MARK_parse] = VBT_LAYER_vmm,
    [VBT_MARK_submit] = VBT_LAYER_host,  [VBT_MARK_queue] = VBT_LAYER_host,
    [VBT_MARK_issue] = VBT_LAYER_disk,   [VBT_MARK_complete] = VBT_LAYER_host,
    [VBT_MARK_reap] = VBT_LAYER_vmm,     [VBT_MARK_push] = VBT_LAYER_vmm,
    [VBT_MARK_signal] = VBT_LAYER_irq,   [VBT_MARK_msi] = VBT_LAYER_irq,
    [VBT_MARK_inject] = VBT_LAYER_guest, [VBT_MARK_eoi] = VBT_LAYER_guest,
};

unsigned vbt_layer_of(unsigned from, unsigned to)
{
	/* Without the injection the irq layer ends at M; what follows is the guest's. */
	if (from == VBT_MARK_msi && to == VBT_MARK_eoi)
		return VBT_LAYER_guest;
	/* Without its completion an issued request was not on the disk for certain: host. */
	if (from == VBT_MARK_issue && to != VBT_MARK_complete)
		return VBT_LAYER_host;
	return layer_after[from];
}

unsigned vbt_request_life(const struct vbt_request *request)
{
	unsigned present = request->present;

	if (request->absent[VBT_MARK_kick] == VBT_ABSENT_suppressed &&
	    !vbt_request_has(request, VBT_MARK_kick))
		present &= ~(1u << VBT_MARK_wake);
	return present;
}

unsigned vbt_request_segments(const struct vbt_request *request,
			      struct vbt_segment segment[VBT_MARK_COUNT - 1])
{
	unsigned left = vbt_request_life(request), count = 0, from;
	uint64_t now;

	if (!left)
		return 0;
	from = (unsigned)__builtin_ctz(left);
	left &= left - 1;
	now = request->mark[from];
	for (; left; left &= left - 1) {
		unsigned to = (unsigned)__builtin_ctz(left);
		uint64_t then = request->mark[to];

		segment[count] = (struct vbt_segment){
		    .from = (uint8_t)from,
		    .to = (uint8_t)to,
		    .layer = (uint8_t)vbt_layer_of(from, to),
		    .ns = then > now ? then - now : 0,
		};
		now += segment[count++].ns;
		from = to;
	}
	return count;
}

uint64_t vbt_request_total(const struct vbt_request *request)
{
	unsigned left = vbt_request_life(request);
	uint64_t first, last;

	if (!left)
		return 0;
	first = last = request->mark[__builtin_ctz(left)];
	for (; left; left &= left - 1)
		if (request->mark[__builtin_ctz(left)] > last)
			last = request->mark[__builtin_ctz(left)];
	return last - first;
}

unsigned vbt_request_layers(const struct vbt_request *request, uint64_t ns[VBT_LAYER_COUNT])
{
	struct vbt_segment segment[VBT_MARK_COUNT - 1];
	unsigned count = vbt_request_segments(request, segment), seen = 0;

	memset(ns, 0, VBT_LAYER_COUNT * sizeof(ns[0]));
	for (unsigned i = 0; i < count; i++) {
		ns[segment[i].layer] += segment[i].ns;
		seen |= 1u << segment[i].layer;
	}
	return seen;
}

static const struct {
	const char *name, *text;
	bool broken;
} absent_reasons[VBT_ABSENT_COUNT] = {
#define X(id, broken_, text_) [VBT_ABSENT_##id] = {#id, text_, broken_},
    VBT_ABSENT_REASONS(X)
#undef X
};

static const char *const layer_names[VBT_LAYER_COUNT][2] = {
#define X(id, meaning) [VBT_LAYER_##id] = {#id, meaning},
    VBT_LAYERS(X)
#undef X
};

static const char *const signal_reasons[VBT_SIGNAL_REASON_COUNT] = {
#define X(id, meaning) [VBT_SIGNAL_##id] = #id,
    VBT_SIGNAL_REASONS(X)
#undef X
};

static const char *const wake_reasons[VBT_WAKE_REASON_COUNT] = {
#define X(id, meaning) [VBT_WAKE_##id] = #id,
    VBT_WAKE_REASONS(X)
#undef X
};

static const char *const io_methods[VBT_IO_METHOD_COUNT] = {
#define X(id, meaning) [VBT_IO_##id] = #id,
    VBT_IO_METHODS(X)
#undef X
};

/* Request types (virtio 1.3, 5.2.6 Device Operation). */
static const struct {
	uint8_t type;
	const char *name;
} ops[] = {
    {0, "read"},          {1, "write"},        {4, "flush"},           {8, "get_id"},
    {10, "get_lifetime"}, {11, "discard"},     {13, "write_zeroes"},   {14, "secure_erase"},
    {15, "zone_append"},  {16, "zone_report"}, {18, "zone_open"},      {20, "zone_close"},
    {22, "zone_finish"},  {24, "zone_reset"},  {26, "zone_reset_all"},
};

const char *vbt_op_name(unsigned type)
{
	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
		if (ops[i].type == type)
			return ops[i].name;
	return "other";
}

int vbt_op_type(const char *name)
{
	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
		if (!strcmp(ops[i].name, name))
			return ops[i].type;
	return -1;
}

const char *vbt_status_name(unsigned status)
{
	static const char *const names[] = {"ok",
					    "ioerr",
					    "unsupp",
					    "zone_invalid_cmd",
					    "zone_unaligned_wp",
					    "zone_open_resource",
					    "zone_active_resource"};

	return status < sizeof(names) / sizeof(names[0]) ? names[status] : "other";
}

const char *vbt_layer_name(unsigned layer)
{
	return layer < VBT_LAYER_COUNT ? layer_names[layer][0] : "other";
}

const char *vbt_layer_meaning(unsigned layer)
{
	return layer < VBT_LAYER_COUNT ? layer_names[layer][1] : "";
}

const char *vbt_signal_reason_name(unsigned reason)
{
	return reason < VBT_SIGNAL_REASON_COUNT ? signal_reasons[reason] : "other";
}

const char *vbt_wake_reason_name(unsigned reason)
{
	return reason < VBT_WAKE_REASON_COUNT ? wake_reasons[reason] : "other";
}

const char *vbt_io_method_name(unsigned method)
{
	return method < VBT_IO_METHOD_COUNT ? io_methods[method] : "other";
}

const char *vbt_absent_name(unsigned reason)
{
	return reason < VBT_ABSENT_COUNT ? absent_reasons[reason].name : "other";
}

const char *vbt_absent_text(unsigned reason)
{
	return reason < VBT_ABSENT_COUNT ? absent_reasons[reason].text : "other";
}

bool vbt_absent_broken(unsigned reason)
{
	return reason >= VBT_ABSENT_COUNT || absent_reasons[reason].broken;
}
