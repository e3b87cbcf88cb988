/* SPDX-License-Identifier: MIT */
/* Guest memory for the driver, handed out piece by piece and never taken back. */
#ifndef VMM_BENCH_ARENA_H
#define VMM_BENCH_ARENA_H

#include "vmm-lite/guest_mem.h"

struct arena {
	const struct guest_mem *mem;
	uint64_t next, end;
};

/* All of the low RAM but the first page: address 0 stays a mistake. */
void arena_init(struct arena *arena, const struct guest_mem *mem);

/* Zeroed memory, aligned to a power of two. Its host address, or NULL if there is no more. */
void *arena_take(struct arena *arena, uint64_t size, uint64_t align, gpa_t *gpa);

#endif
