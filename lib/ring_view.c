/* SPDX-License-Identifier: MIT */
#include "lib/ring_view.h"

#include <string.h>

#define PAGE_SHIFT 12

static const char *const moment_texts[VBT_RING_MOMENT_COUNT] = {
#define X(id, when) [VBT_RING_AT_##id] = when,
    VBT_RING_MOMENTS(X)
#undef X
};

const char *vbt_ring_moment_text(unsigned moment)
{
	return moment < VBT_RING_MOMENT_COUNT ? moment_texts[moment] : "at another moment";
}

static uint16_t low(uint32_t word)
{
	return (uint16_t)word;
}

static uint16_t high(uint32_t word)
{
	return (uint16_t)(word >> 16);
}

static void begin(struct vbt_ring_view_builder *builder, const struct vbt_event *event)
{
	struct vbt_ring_view *s = &builder->snapshot;

	memset(s, 0, sizeof(*s));
	s->time = event->time;
	s->number = event->arg;
	s->seq = event->seq;
	s->tid = event->tid;
	s->source = event->source;
	s->queue = event->queue;
	s->head = event->head;
	s->target = event->target;
	s->device = event->device;
	s->moment = event->code & ~VBT_RING_CUT;
	s->cut = event->code & VBT_RING_CUT;
	builder->left = event->val;
	builder->open = s->moment < VBT_RING_MOMENT_COUNT && event->val <= VBT_RING_MAX_ITEMS;
}

static void add_desc(struct vbt_ring_view *s, const struct vbt_event *event)
{
	bool packed = s->flags & VBT_RING_PACKED;
	struct vbt_ring_view_desc desc = {
	    .address = event->arg,
	    .length = event->val,
	    .index = event->head,
	    .flags = packed ? high(event->seq) : low(event->seq),
	    .link = packed ? low(event->seq) : high(event->seq),
	};

	if (event->code && s->indirects < sizeof(s->indirect) / sizeof(s->indirect[0]))
		s->indirect[s->indirects++] = desc;
	else if (!event->code && s->descs < sizeof(s->desc) / sizeof(s->desc[0]))
		s->desc[s->descs++] = desc;
}

static void add_place(struct vbt_ring_view *s, const struct vbt_event *event)
{
	s->avail_next = low(event->seq);
	s->used_next = high(event->seq);
	s->in_flight = event->head;
	s->chain_index = low((uint32_t)event->arg);
	s->chain_used = high((uint32_t)event->arg);
	s->slots = (uint16_t)(event->arg >> 32);
	s->avail_wrap = event->val & 1;
	s->used_wrap = event->val >> 1 & 1;
	s->has_chain = event->code;
}

static void add_driver(struct vbt_ring_view *s, const struct vbt_event *event)
{
	if (s->flags & VBT_RING_PACKED) {
		s->driver_area = event->val;
		return;
	}
	s->avail_flags = low(event->seq);
	s->avail_index = high(event->seq);
	s->used_event = (uint16_t)event->val;
	s->avail_first = event->head;
	s->avail_entries = event->code < VBT_RING_WINDOW ? event->code : VBT_RING_WINDOW;
	for (unsigned i = 0; i < s->avail_entries; i++)
		s->avail_entry[i] = (uint16_t)(event->arg >> 16 * i);
}

static void add(struct vbt_ring_view *s, const struct vbt_event *event)
{
	switch (event->op) {
	case VBT_RING_ITEM_area:
		s->flags = event->seq;
		s->size = event->head;
		if (event->code < 3) {
			s->area[event->code].address = event->arg;
			s->area[event->code].bytes = event->val;
		}
		break;
	case VBT_RING_ITEM_region:
		if (s->regions == VBT_RING_VIEW_REGIONS)
			break;
		s->region[s->regions].guest = (uint64_t)event->seq << PAGE_SHIFT;
		s->region[s->regions].host = event->arg;
		s->region[s->regions++].bytes = (uint64_t)event->val << PAGE_SHIFT;
		break;
	case VBT_RING_ITEM_place: add_place(s, event); break;
	case VBT_RING_ITEM_driver: add_driver(s, event); break;
	case VBT_RING_ITEM_device:
		s->device_area = event->val;
		s->used_flags = low(event->seq);
		s->used_index = high(event->seq);
		s->avail_event = (uint16_t)event->val;
		break;
	case VBT_RING_ITEM_used:
		if (s->used_entries == VBT_RING_WINDOW)
			break;
		s->used[s->used_entries].slot = event->head;
		s->used[s->used_entries].id = event->seq;
		s->used[s->used_entries++].length = event->val;
		break;
	case VBT_RING_ITEM_desc: add_desc(s, event); break;
	case VBT_RING_ITEM_header:
		memcpy(s->header, &event->arg, 8);
		memcpy(s->header + 8, &event->seq, 4);
		memcpy(s->header + 12, &event->val, 4);
		s->header_bytes = event->head < 16 ? event->head : 16;
		break;
	case VBT_RING_ITEM_status:
		s->status_at = event->arg;
		s->status = (uint8_t)event->val;
		break;
	default: break; /* a newer VMM knows more */
	}
}

bool vbt_ring_view_event(struct vbt_ring_view_builder *builder, const struct vbt_event *event)
{
	if (event->point != VBT_AUX_ring) {
		builder->open = false;
		return false;
	}
	if (event->op == VBT_RING_ITEM_begin) {
		begin(builder, event);
		return false;
	}
	if (!builder->open || !builder->left)
		return false;
	add(&builder->snapshot, event);
	if (--builder->left)
		return false;
	builder->open = false;
	return true;
}

uint64_t vbt_ring_view_host(const struct vbt_ring_view *snapshot, uint64_t guest, unsigned *region)
{
	for (unsigned i = 0; i < snapshot->regions; i++)
		if (guest >= snapshot->region[i].guest &&
		    guest - snapshot->region[i].guest < snapshot->region[i].bytes) {
			*region = i;
			return snapshot->region[i].host + (guest - snapshot->region[i].guest);
		}
	return 0;
}
