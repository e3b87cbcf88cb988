/* SPDX-License-Identifier: MIT */
/*
 * A virtqueue as the driver sees it: the other half of vmm-lite/virtio/queue.h, split or packed.
 * (virtio 1.3, 2.7.13 and 2.8.21: what the driver has to do)
 *
 * One thread at a time. Memory that both sides see is reached by atomic accesses only; what the
 * device says is checked, since this driver also has to find the device's mistakes.
 */
#ifndef VMM_BENCH_DRIVER_RING_H
#define VMM_BENCH_DRIVER_RING_H

#include <stdbool.h>
#include <stdint.h>

#include "vmm-lite/guest_mem.h"

#define RING_MAX_PIECES 4 /* of one request: what an indirect table here has room for */

struct arena;
struct driver_ring;

struct driver_ring_piece {
	gpa_t addr;
	uint32_t len;
};

struct driver_ring_options {
	uint16_t size;
	bool packed, indirect, event_idx;
};

struct driver_ring_ops {
	bool (*add)(struct driver_ring *ring, const struct driver_ring_piece *pieces,
		    unsigned readable, unsigned writable, void *token);
	bool (*kick_needed)(struct driver_ring *ring);
	void *(*take)(struct driver_ring *ring, uint32_t *written);
	void (*disable_interrupts)(struct driver_ring *ring);
	bool (*enable_interrupts)(struct driver_ring *ring);
};

/* An entry of the indirect tables, and of both rings: 16 bytes, only the last words differ. */
struct driver_ring_desc {
	uint64_t addr;
	uint32_t len;
	uint16_t a, b; /* split: flags, next; packed: id, flags */
};

struct driver_ring {
	const struct driver_ring_ops *ops;
	struct driver_ring_options options;
	gpa_t desc, driver, device; /* the three areas, for the transport */
	void *desc_host, *driver_host, *device_host;
	struct driver_ring_desc *tables; /* RING_MAX_PIECES entries for each id */
	gpa_t tables_gpa;
	void **tokens;  /* by id: what is in flight */
	uint16_t *next; /* by id: the next free one; then the list's length (packed), the last
			   descriptor (split) */
	uint16_t free_first, free_count; /* ids */
	uint16_t free_slots;             /* packed: ring slots */
	uint16_t avail, kicked;          /* next slot; and as of the last kick_needed */
	uint16_t used;                   /* next used slot */
	bool avail_wrap, used_wrap;      /* packed */
	uint16_t added;                  /* packed: slots since the last kick_needed */
	const char *broken;              /* what the device did wrong; NULL: nothing */
};

/* 0 or -ENOMEM. Guest memory comes from the arena and stays there. */
int driver_ring_init(struct driver_ring *ring, struct arena *arena,
		     const struct driver_ring_options *options);
void driver_ring_release(struct driver_ring *ring);

/* Make a request available: first the pieces the device reads, then those it writes. False: full. */
static inline bool driver_ring_add(struct driver_ring *ring, const struct driver_ring_piece *pieces,
				   unsigned readable, unsigned writable, void *token)
{
	return ring->ops->add(ring, pieces, readable, writable, token);
}

/* After adding: does the device want to be told about what was added since the last call? */
static inline bool driver_ring_kick_needed(struct driver_ring *ring)
{
	return ring->ops->kick_needed(ring);
}

/* A request that the device is done with, or NULL; also NULL once the ring is broken. */
static inline void *driver_ring_take(struct driver_ring *ring, uint32_t *written)
{
	return ring->ops->take(ring, written);
}

static inline void driver_ring_disable_interrupts(struct driver_ring *ring)
{
	ring->ops->disable_interrupts(ring);
}

/* True: something was used meanwhile, for which no interrupt may come: take it first. */
static inline bool driver_ring_enable_interrupts(struct driver_ring *ring)
{
	return ring->ops->enable_interrupts(ring);
}

extern const struct driver_ring_ops driver_ring_split_ops, driver_ring_packed_ops;

/* Shared by the two: ids, and the table of an indirect request. */
uint16_t driver_ring_take_id(struct driver_ring *ring, void *token);
void driver_ring_give_id(struct driver_ring *ring, uint16_t id);

/* 2.7.10: has the index moved over `event` on its way from `from` to `to`? */
static inline bool driver_ring_passed(uint16_t event, uint16_t to, uint16_t from)
{
	return (uint16_t)(to - event - 1) < (uint16_t)(to - from);
}

#endif
