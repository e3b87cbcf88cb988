/* SPDX-License-Identifier: MIT */
/*
 * What the rings look like at a moment, written as records of the point `ring` for whoever asked
 * for them (lib/ring_item.h). Reads the guest's memory on its own and decides nothing by it: a
 * guest that changes it meanwhile spoils its own picture only.
 */
#ifndef VMM_VIRTIO_RING_SNAPSHOT_H
#define VMM_VIRTIO_RING_SNAPSHOT_H

#include "probes/stage_point.h"
#include "vmm-lite/virtio/queue.h"

/* What the snapshot is about. */
struct ring_focus {
	uint8_t device; /* of the stage points */
	uint16_t queue;
	enum vbt_ring_moment moment;
	uint32_t seq;    /* request; 0: none */
	uint64_t number; /* kick, push or interrupt */
	bool chain;      /* of the chain: */
	uint16_t head;
	uint16_t index; /* available index (split) or offset (packed) where it was offered */
	uint16_t slots;
	uint16_t used;         /* at a push: used index or offset that it got */
	const uint8_t *status; /* at a push: where its status byte is; NULL: nowhere */
};

/*
 * For STAGE_POINT_SHOW, whose point it follows. At a kick the focus has no chain: the first one that
 * waits is taken. With the queue's lock held.
 */
void ring_snapshot(const struct queue *queue, const struct ring_focus *focus);

/* The used position of a chain after which `later` slots have been used (split: chains). */
uint16_t ring_snapshot_used(const struct queue *queue, unsigned later);

#endif
