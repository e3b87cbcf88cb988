/* SPDX-License-Identifier: MIT */
/*
 * A ring snapshot, put together from its items (ring_item.h). Fixed size; what was not recorded is
 * 0 and has a count or a flag that says so.
 */
#ifndef VBT_RING_VIEW_H
#define VBT_RING_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/event.h"
#include "lib/ring_item.h"

#define VBT_RING_VIEW_REGIONS 8

struct vbt_ring_view_desc {
	uint64_t address;
	uint32_t length;
	uint16_t index;       /* in the table, or in the indirect table */
	uint16_t flags, link; /* link: next (split) or buffer id (packed) */
};

struct vbt_ring_view {
	uint64_t time;   /* of its begin */
	uint64_t number; /* kick_seq, push_seq or irq_seq, by the moment */
	uint32_t seq;    /* request; 0: none */
	uint32_t tid;
	uint16_t source, queue, head;
	uint8_t target, device;
	uint8_t moment; /* enum vbt_ring_moment */
	bool cut;       /* the chain is longer than what is here */
	bool has_chain; /* the chain's positions below count */
	uint32_t flags; /* VBT_RING_PACKED … */
	uint16_t size;  /* of the queue */
	struct {
		uint64_t address;
		uint32_t bytes;
	} area[3]; /* descriptors, driver's, device's */
	struct {
		uint64_t guest, host, bytes;
	} region[VBT_RING_VIEW_REGIONS];
	unsigned regions;

	/* The device's own positions, and where the chain was offered and used. */
	uint16_t avail_next, used_next, in_flight, chain_index, chain_used, slots;
	bool avail_wrap, used_wrap;

	/* Split: the available and used rings around the chain. Packed: the event areas. */
	uint16_t avail_flags, avail_index, used_event, used_flags, used_index, avail_event;
	uint32_t driver_area, device_area;
	uint16_t avail_first, avail_entry[VBT_RING_WINDOW];
	unsigned avail_entries;
	struct {
		uint32_t id, length;
		uint16_t slot;
	} used[VBT_RING_WINDOW];
	unsigned used_entries;

	struct vbt_ring_view_desc desc[VBT_RING_MAX_DESCS + 1], indirect[VBT_RING_MAX_DESCS];
	unsigned descs, indirects;

	uint8_t header[16];
	unsigned header_bytes; /* 0: there is none here */
	uint64_t status_at;    /* guest address; 0: not known */
	uint8_t status;
};

/* Puts the snapshots of one source together. All zero: empty. */
struct vbt_ring_view_builder {
	struct vbt_ring_view snapshot;
	uint32_t left; /* items that are still to come */
	bool open;
};

/* "right after the chain was taken": when the rings were as a view of that moment has them. */
const char *vbt_ring_moment_text(unsigned moment);

/*
 * Take an event of the source, of any point. True if it was the last item of a snapshot, which is
 * then in builder->snapshot until the next call. A snapshot with a hole is dropped.
 */
bool vbt_ring_view_event(struct vbt_ring_view_builder *builder, const struct vbt_event *event);

/*
 * The host address that a guest address was at, and in *region the index of its piece of RAM; 0 if
 * it is no RAM.
 */
uint64_t vbt_ring_view_host(const struct vbt_ring_view *snapshot, uint64_t guest, unsigned *region);

#endif
