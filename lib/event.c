/* SPDX-License-Identifier: MIT */
#include "lib/event.h"

#include <stddef.h>
#include <string.h>

bool vbt_event_from_record(struct vbt_event *event, const struct vbt_record *record, uint64_t ns,
			   uint16_t source, uint8_t target, uint32_t tid)
{
	if (!vbt_point_is_vmm(record->point) ||
	    (record->point == VBT_AUX_data && (!record->op || record->op > VBT_DATA_STEP)))
		return false;
	*event = (struct vbt_event){
	    .time = ns,
	    .arg = record->arg,
	    .seq = record->seq,
	    .val = record->val,
	    .tid = tid,
	    .head = record->head,
	    .queue = record->queue,
	    .source = source,
	    .target = target,
	    .device = record->device,
	    .point = record->point,
	    .op = record->op,
	    .code = record->code,
	};
	return true;
}

bool vbt_event_from_kernel(struct vbt_event *event, const struct vbt_kernel_record *record,
			   uint16_t source)
{
	if (record->point >= VBT_POINT_COUNT || record->point == VBT_POINT_LOST ||
	    vbt_point_is_vmm(record->point))
		return false;
	*event = (struct vbt_event){
	    .time = record->time,
	    .key = record->key,
	    .arg = record->arg,
	    .tid = record->tid,
	    .aux = record->aux,
	    .source = source,
	    .target = record->target,
	    .point = record->point,
	    .flags = record->flags,
	};
	return true;
}

void vbt_event_lost(struct vbt_event *event, uint16_t source, uint64_t from, uint64_t to,
		    uint64_t count)
{
	*event = (struct vbt_event){
	    .time = from,
	    .key = to,
	    .arg = count,
	    .val = VBT_POINT_LOST,
	    .source = source,
	    .point = VBT_POINT_LOST,
	};
}

static const struct {
	const char *name, *meaning;
	char letter;
} points[VBT_POINT_COUNT] = {
#define X(id, letter_, origin, meaning_) [VBT_MARK_##id] = {#id, meaning_, letter_},
    VBT_STAGES(X)
#undef X
#define X(id, origin, meaning_) [VBT_AUX_##id] = {#id, meaning_, '?'},
	VBT_AUX_POINTS(X)
#undef X
};

const char *vbt_point_name(unsigned point)
{
	return point < VBT_POINT_COUNT ? points[point].name : NULL;
}

char vbt_mark_letter(unsigned mark)
{
	return mark < VBT_MARK_COUNT ? points[mark].letter : '?';
}

const char *vbt_mark_meaning(unsigned mark)
{
	return mark < VBT_MARK_COUNT ? points[mark].meaning : NULL;
}
