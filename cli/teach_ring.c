/* SPDX-License-Identifier: MIT */
/*
 * Drawings of the rings, a line an entry, so that they can be read aloud as well. A line that
 * begins with '*' differs from the picture before.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli/teach.h"

#define FLAG_NEXT     1u
#define FLAG_WRITE    2u
#define FLAG_INDIRECT 4u
#define FLAG_AVAIL    (1u << 7)
#define FLAG_USED     (1u << 15)
#define NO_INTERRUPT  1u
#define NO_NOTIFY     1u
#define HEADER_SIZE   16
#define CONTINUED     10 /* where a line that was too long goes on */

typedef struct vbt_ring_view_desc desc_t;

static const char *flag_names(unsigned flags, char *buf, size_t size)
{
	static const struct {
		unsigned bit;
		const char *name;
	} names[] = {{FLAG_NEXT, "NEXT"},
		     {FLAG_WRITE, "WRITE"},
		     {FLAG_INDIRECT, "INDIRECT"},
		     {FLAG_AVAIL, "AVAIL"},
		     {FLAG_USED, "USED"}};
	size_t used = 0;

	snprintf(buf, size, "-");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (flags & names[i].bit && used < size)
			used += (size_t)snprintf(buf + used, size - used, "%s%s", used ? "|" : "",
						 names[i].name);
	return buf;
}

/* A line of a drawing, marked if it is new; what does not fit goes on in a line further in. */
__attribute__((format(printf, 3, 4))) static void draw(struct teach_page *page, bool changed,
						       const char *format, ...)
{
	enum teach_role role = changed ? TEACH_CHANGED : TEACH_DRAWING;
	size_t room = page->width - 2;
	char text[160], *rest = NULL;
	va_list list;

	va_start(list, format);
	vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	if (strlen(text) > room) {
		rest = text + room;
		while (rest > text && *rest != ' ')
			rest--;
		*rest = '\0';
	}
	teach_line(page, role, "%c %s", changed ? '*' : ' ', text);
	if (rest && rest > text)
		teach_line(page, role, "%*s%s", CONTINUED, "", rest + 1);
}

static bool holds(const desc_t *desc, uint64_t address)
{
	return address >= desc->address && address - desc->address < desc->length;
}

/* What a descriptor of the chain is for. `first` is the first one that the device reads. */
static const char *meaning(const struct vbt_ring_view *view, const desc_t *desc, bool first)
{
	bool used =
	    view->flags & VBT_RING_PACKED && desc->flags & FLAG_AVAIL && desc->flags & FLAG_USED;

	if (used || (view->moment == VBT_RING_AT_push && view->flags & VBT_RING_PACKED &&
		     desc->index == view->chain_used))
		return "used: bytes written";
	if (!view->has_chain)
		return "";
	if (desc->flags & FLAG_INDIRECT)
		return "a table";
	if (first && !(desc->flags & FLAG_WRITE) && desc->length >= HEADER_SIZE)
		return desc->length == HEADER_SIZE ? "header, device reads" : "header and data";
	if (view->status_at && holds(desc, view->status_at))
		return desc->length == 1 ? "status, device writes" : "data and status";
	return desc->flags & FLAG_WRITE ? "data, device writes" : "data, device reads";
}

static bool same_desc(const desc_t *a, const desc_t *b)
{
	return a->address == b->address && a->length == b->length && a->flags == b->flags &&
	       a->link == b->link;
}

/* Is it in the list as it is now? */
static bool known(const desc_t *list, unsigned count, const desc_t *desc)
{
	for (unsigned i = 0; i < count; i++)
		if (list[i].index == desc->index)
			return same_desc(&list[i], desc);
	return false;
}

static void draw_descs(struct teach_page *page, const struct vbt_ring_view *view,
		       const desc_t *list, unsigned count, const desc_t *before,
		       unsigned before_count, bool header_here)
{
	bool packed = view->flags & VBT_RING_PACKED;
	char flags[48], link[8];

	if (!count) {
		teach_line(page, TEACH_DRAWING, "    none of them matters now");
		return;
	}
	teach_line(page, TEACH_DRAWING, "  index  %-14s %7s  %-16s %5s  what", "address", "length",
		   "flags", packed ? "id" : "next");
	for (unsigned i = 0; i < count; i++) {
		const desc_t *d = &list[i];

		snprintf(link, sizeof(link), "%u", d->link);
		if (!packed && !(d->flags & FLAG_NEXT))
			snprintf(link, sizeof(link), "-");
		draw(page, view->has_chain && !known(before, before_count, d),
		     "%5u  0x%012llx %7u  %-16s %5s  %s", d->index, (unsigned long long)d->address,
		     d->length, flag_names(d->flags, flags, sizeof(flags)), link,
		     meaning(view, d, header_here && i == 0));
	}
}

static void draw_tables(struct teach_page *page, const struct vbt_ring_view *view,
			const struct vbt_ring_view *before)
{
	teach_line(page, TEACH_HEADING, "%s at guest 0x%llx, %u descriptors",
		   view->flags & VBT_RING_PACKED ? "Packed ring" : "Descriptor table",
		   (unsigned long long)view->area[0].address, view->size);
	draw_descs(page, view, view->desc, view->descs, before ? before->desc : NULL,
		   before ? before->descs : 0, true);
	if (view->indirects) {
		teach_line(page, TEACH_HEADING, "Indirect table at guest 0x%llx",
			   (unsigned long long)view->desc[0].address);
		draw_descs(page, view, view->indirect, view->indirects,
			   before ? before->indirect : NULL, before ? before->indirects : 0, true);
	}
	if (view->cut)
		teach_line(page, TEACH_DRAWING,
			   "    (the chain goes on: only its beginning was stored)");
}

static bool avail_known(const struct vbt_ring_view *before, unsigned slot, uint16_t head)
{
	unsigned at = before ? slot - before->avail_first : VBT_RING_WINDOW;

	return before && at < before->avail_entries && before->avail_entry[at] == head;
}

static void draw_available(struct teach_page *page, const struct vbt_ring_view *view,
			   const struct vbt_ring_view *before)
{
	unsigned mask = view->size ? view->size - 1u : 0;
	char event[32] = "";

	teach_line(page, TEACH_HEADING, "Available ring at guest 0x%llx, the driver writes it",
		   (unsigned long long)view->area[1].address);
	if (view->flags & VBT_RING_EVENT_IDX)
		snprintf(event, sizeof(event), ", used_event %u", view->used_event);
	draw(page,
	     !before || before->avail_index != view->avail_index ||
		 before->avail_flags != view->avail_flags || before->used_event != view->used_event,
	     "  flags %u%s, index %u%s", view->avail_flags,
	     view->avail_flags & NO_INTERRUPT ? " (NO_INTERRUPT)" : "", view->avail_index, event);
	for (unsigned i = 0; i < view->avail_entries; i++) {
		unsigned slot = view->avail_first + i;
		bool chain = view->has_chain && (view->chain_index & mask) == slot;
		bool next = (view->avail_next & mask) == slot;

		draw(page, before ? !avail_known(before, slot, view->avail_entry[i]) : chain,
		     "  slot %u: head %u%s%s", slot, view->avail_entry[i],
		     chain ? "  <- this chain" : "", next ? "  <- the device takes this next" : "");
	}
}

static bool used_known(const struct vbt_ring_view *before, const struct vbt_ring_view *view,
		       unsigned i)
{
	for (unsigned k = 0; before && k < before->used_entries; k++)
		if (before->used[k].slot == view->used[i].slot)
			return before->used[k].id == view->used[i].id &&
			       before->used[k].length == view->used[i].length;
	/* Not in the picture before: only what is said to be new counts. */
	return true;
}

static void draw_used(struct teach_page *page, const struct vbt_ring_view *view,
		      const struct vbt_ring_view *before)
{
	unsigned mask = view->size ? view->size - 1u : 0;
	char event[32] = "";

	teach_line(page, TEACH_HEADING, "Used ring at guest 0x%llx, the device writes it",
		   (unsigned long long)view->area[2].address);
	if (view->flags & VBT_RING_EVENT_IDX)
		snprintf(event, sizeof(event), ", avail_event %u", view->avail_event);
	draw(page,
	     before && (before->used_index != view->used_index ||
			before->used_flags != view->used_flags ||
			before->avail_event != view->avail_event),
	     "  flags %u%s, index %u%s", view->used_flags,
	     view->used_flags & NO_NOTIFY ? " (NO_NOTIFY)" : "", view->used_index, event);
	for (unsigned i = 0; i < view->used_entries; i++) {
		bool next = (view->used_next & mask) == view->used[i].slot;
		bool chain = view->moment == VBT_RING_AT_push &&
			     (view->chain_used & mask) == view->used[i].slot;

		draw(page, chain || !used_known(before, view, i), "  slot %u: id %u, length %u%s%s",
		     view->used[i].slot, view->used[i].id, view->used[i].length,
		     chain ? "  <- this chain" : "",
		     next ? "  <- the device writes this next" : "");
	}
}

static void draw_event_area(struct teach_page *page, const char *whose, uint64_t address,
			    uint32_t area, bool changed)
{
	static const char *const names[] = {"enabled", "disabled", "at a position", "reserved"};
	unsigned flags = area >> 16 & 3;
	char at[48] = "";

	if (flags == 2)
		snprintf(at, sizeof(at), ": offset %u, wrap counter %u", area & 0x7fff,
			 area >> 15 & 1);
	draw(page, changed, "  %s's event area at guest 0x%llx: %s%s", whose,
	     (unsigned long long)address, names[flags], at);
}

static void draw_packed(struct teach_page *page, const struct vbt_ring_view *view,
			const struct vbt_ring_view *before)
{
	teach_line(page, TEACH_DRAWING,
		   "    (offered: AVAIL is the wrap counter, USED is not; used: both are)");
	teach_line(page, TEACH_HEADING, "Event areas: when each side wants to be told");
	draw_event_area(page, "driver", view->area[1].address, view->driver_area,
			!before || before->driver_area != view->driver_area);
	draw_event_area(page, "device", view->area[2].address, view->device_area,
			before && before->device_area != view->device_area);
	teach_line(page, TEACH_HEADING, "What the device remembers");
	draw(page,
	     before &&
		 (before->avail_next != view->avail_next || before->avail_wrap != view->avail_wrap),
	     "  takes next at %u, wrap counter %u", view->avail_next, view->avail_wrap);
	draw(page,
	     before &&
		 (before->used_next != view->used_next || before->used_wrap != view->used_wrap),
	     "  uses next at %u, wrap counter %u", view->used_next, view->used_wrap);
	draw(page, before && before->in_flight != view->in_flight, "  in flight: %u",
	     view->in_flight);
}

static void draw_split(struct teach_page *page, const struct vbt_ring_view *view,
		       const struct vbt_ring_view *before)
{
	draw_available(page, view, before);
	draw_used(page, view, before);
	teach_line(page, TEACH_HEADING, "What the device remembers");
	draw(page, before && before->avail_next != view->avail_next,
	     "  available index it takes next: %u", view->avail_next);
	draw(page, before && before->used_next != view->used_next,
	     "  used index it writes next: %u", view->used_next);
	draw(page, before && before->in_flight != view->in_flight, "  in flight: %u",
	     view->in_flight);
}

void teach_draw_rings(struct teach_page *page, const struct vbt_ring_view *view,
		      const struct vbt_ring_view *before)
{
	draw_tables(page, view, before);
	if (view->flags & VBT_RING_PACKED)
		draw_packed(page, view, before);
	else
		draw_split(page, view, before);
}

static void draw_translation(struct teach_page *page, const struct vbt_ring_view *view,
			     const char *what, uint64_t guest)
{
	unsigned region;
	uint64_t host = vbt_ring_view_host(view, guest, &region);

	if (host)
		draw(page, false, "%-16s guest 0x%llx = RAM 0x%llx + 0x%llx = host 0x%llx", what,
		     (unsigned long long)guest, (unsigned long long)view->region[region].guest,
		     (unsigned long long)(guest - view->region[region].guest),
		     (unsigned long long)host);
	else
		draw(page, false, "%-16s guest 0x%llx is no RAM of this guest", what,
		     (unsigned long long)guest);
}

static void draw_translations(struct teach_page *page, const struct vbt_ring_view *view)
{
	bool packed = view->flags & VBT_RING_PACKED;
	const desc_t *list = view->indirects ? view->indirect : view->desc;
	unsigned count = view->indirects ? view->indirects : view->descs;
	char what[24];

	teach_line(page, TEACH_HEADING, "Guest-physical addresses, and where the VMM has them");
	draw_translation(page, view, packed ? "packed ring" : "descriptor table",
			 view->area[0].address);
	draw_translation(page, view, packed ? "driver's area" : "available ring",
			 view->area[1].address);
	draw_translation(page, view, packed ? "device's area" : "used ring", view->area[2].address);
	for (unsigned i = 0; view->has_chain && i < count; i++) {
		snprintf(what, sizeof(what), "descriptor %u", list[i].index);
		draw_translation(page, view, what, list[i].address);
	}
}

void teach_draw_request(struct teach_page *page, const struct vbt_ring_view *view,
			const struct vbt_ring_view *before)
{
	uint32_t type, reserved;
	uint64_t sector;

	if (view->has_chain && (view->header_bytes || view->status_at))
		teach_line(page, TEACH_HEADING, "The request");
	if (view->has_chain && view->header_bytes) {
		memcpy(&type, view->header, 4);
		memcpy(&reserved, view->header + 4, 4);
		memcpy(&sector, view->header + 8, 8);
		draw(page,
		     !before || memcmp(before->header, view->header, sizeof(view->header)) != 0,
		     "  header: type %u (%s), reserved %u, sector %llu", type, vbt_op_name(type),
		     reserved, (unsigned long long)sector);
	}
	if (view->has_chain && view->status_at)
		draw(page, !before || before->status != view->status,
		     "  status byte at guest 0x%llx: %u (%s)", (unsigned long long)view->status_at,
		     view->status,
		     view->moment < VBT_RING_AT_push ? "not written yet"
						     : vbt_status_name(view->status));
	draw_translations(page, view);
}
