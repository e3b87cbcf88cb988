/* SPDX-License-Identifier: MIT */
/*
 * A virtqueue as the device sees it: one interface over the split and the packed ring.
 * (virtio 1.3, 2.6 Virtqueues, 2.7 Split, 2.8 Packed)
 *
 * The ring does not know how the guest is told: queue_needs_signal answers whether, the transport
 * does it. The guest is hostile: every descriptor is copied once, every index is checked, every
 * walk is bounded by the number of elements; once the ring makes no sense it is broken for good
 * (until reset) and says why.
 *
 * A queue is used by one thread at a time (its owner holds the queue's lock).
 */
#ifndef VMM_VIRTIO_QUEUE_H
#define VMM_VIRTIO_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmm-lite/guest_mem.h"

#define QUEUE_MAX_SIZE     32768
#define QUEUE_MAX_SEGMENTS 1024 /* pieces of one chain that are kept, indirect ones included */

/* What the driver configured, latched when the queue is enabled. */
struct queue_layout {
	uint16_t size;
	gpa_t desc;   /* descriptor table, or the packed ring */
	gpa_t driver; /* available ring, or the driver event area */
	gpa_t device; /* used ring, or the device event area */
	bool packed, event_idx, indirect, notify_on_empty;
};

/* One piece of a chain: guest memory, not yet checked to be RAM. Never empty. */
struct queue_segment {
	gpa_t addr;
	uint32_t len;
};

/* A popped chain. Segments: first all device-readable ones, then all device-writable ones. */
struct queue_chain {
	uint16_t head;  /* split: head descriptor; packed: buffer id. What push gives back */
	uint16_t slots; /* packed: ring slots it takes; split: 1 */
	uint16_t index; /* available index (split) or ring offset (packed) it was found at */
	uint16_t readable, writable; /* number of segments */
	/*
	 * More than QUEUE_MAX_SEGMENTS: only the first ones and the very last one are kept. The
	 * request cannot be served, but its last byte can say so.
	 */
	bool oversize;
	struct queue_segment *segments; /* storage given to queue_pop */
};

enum queue_status { QUEUE_EMPTY, QUEUE_CHAIN, QUEUE_BROKEN };

struct queue;

/* All memory a queue needs up to max_size. NULL: none left. */
struct queue *queue_new(const struct guest_mem *mem, uint16_t max_size);
void queue_free(struct queue *queue);

/*
 * Check and take over a layout. 0, or -EINVAL with a reason in *why: the device needs a reset.
 * Every part has to lie in one piece of RAM, event fields included, and be aligned.
 */
int queue_enable(struct queue *queue, const struct queue_layout *layout, const char **why);
void queue_disable(struct queue *queue); /* forget all state: as new */
bool queue_enabled(const struct queue *queue);

/*
 * Take the next chain. `segments` has room for QUEUE_MAX_SEGMENTS. QUEUE_BROKEN: the ring cannot
 * be trusted any more; queue_why tells. A broken queue stays broken until it is disabled.
 * Chains of empty descriptors come back with readable == writable == 0: push with length 0.
 */
enum queue_status queue_pop(struct queue *queue, struct queue_chain *chain,
			    struct queue_segment *segments);
const char *queue_why(const struct queue *queue);

/* Give a chain back with the number of bytes written into it. Visible at queue_publish. */
void queue_push(struct queue *queue, const struct queue_chain *chain, uint32_t written);
/* Make everything pushed visible, with one barrier for the batch. */
void queue_publish(struct queue *queue);

/*
 * What the guest wants for the chains published since the last call: VBT_SIGNAL_sent,
 * _no_interrupt or _event_idx of enum vbt_signal_reason. Call after publishing at least one.
 */
unsigned queue_needs_signal(struct queue *queue);

/* Ask the guest not to kick while we are polling anyway; or to kick again. */
void queue_suppress_kicks(struct queue *queue);
/* true: chains came in meanwhile, go on popping (no kick will come for them). */
bool queue_rearm_kicks(struct queue *queue);

#endif
