/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>

#include "vmm-lite/bench/arena.h"
#include "vmm-lite/bench/driver_ring.h"

#define PAGE 4096u

/*
 * The three areas, one behind the other as the legacy interface demands it: the descriptors, the
 * available ring, and from the next page on the used ring (2.7.2). A packed ring needs 4 bytes
 * for each of its event areas and fits in as well.
 */
static int take_areas(struct driver_ring *ring, struct arena *arena)
{
	uint64_t size = ring->options.size;
	uint64_t driver_at = 16 * size, driver_size = 6 + 2 * size;
	uint64_t device_at = (driver_at + driver_size + PAGE - 1) & ~(uint64_t)(PAGE - 1);
	uint8_t *host = arena_take(arena, device_at + 6 + 8 * size, PAGE, &ring->desc);

	if (!host)
		return -ENOMEM;
	ring->desc_host = host;
	ring->driver_host = host + driver_at;
	ring->device_host = host + device_at;
	ring->driver = GPA(ring->desc.value + driver_at);
	ring->device = GPA(ring->desc.value + device_at);
	ring->tables = arena_take(arena, size * RING_MAX_PIECES * sizeof(struct driver_ring_desc),
				  16, &ring->tables_gpa);
	return ring->tables ? 0 : -ENOMEM;
}

int driver_ring_init(struct driver_ring *ring, struct arena *arena,
		     const struct driver_ring_options *options)
{
	unsigned i;

	*ring = (struct driver_ring){
	    .ops = options->packed ? &driver_ring_packed_ops : &driver_ring_split_ops,
	    .options = *options,
	    .free_count = options->size,
	    .free_slots = options->size,
	    .avail_wrap = true,
	    .used_wrap = true,
	};
	ring->tokens = calloc(options->size, sizeof(*ring->tokens));
	ring->next = calloc(options->size, sizeof(*ring->next));
	if (!ring->tokens || !ring->next || take_areas(ring, arena)) {
		driver_ring_release(ring);
		return -ENOMEM;
	}
	for (i = 0; i < options->size; i++)
		ring->next[i] = i + 1;
	return 0;
}

void driver_ring_release(struct driver_ring *ring)
{
	free(ring->tokens);
	free(ring->next);
	ring->tokens = NULL;
	ring->next = NULL;
}

uint16_t driver_ring_take_id(struct driver_ring *ring, void *token)
{
	uint16_t id = ring->free_first;

	ring->free_first = ring->next[id];
	ring->free_count--;
	ring->tokens[id] = token;
	return id;
}

void driver_ring_give_id(struct driver_ring *ring, uint16_t id)
{
	ring->tokens[id] = NULL;
	ring->next[id] = ring->free_first;
	ring->free_first = id;
	ring->free_count++;
}
