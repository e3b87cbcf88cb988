/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "vmm-lite/bench/arena.h"

void arena_init(struct arena *arena, const struct guest_mem *mem)
{
	*arena = (struct arena){.mem = mem, .next = 4096, .end = mem->regions[0].size};
}

void *arena_take(struct arena *arena, uint64_t size, uint64_t align, gpa_t *gpa)
{
	uint64_t start = (arena->next + align - 1) & ~(align - 1);
	void *host;

	if (start < arena->next || start > arena->end || size > arena->end - start)
		return NULL;
	*gpa = GPA(start);
	host = guest_mem_ptr(arena->mem, *gpa, size, GUEST_WRITE);
	if (!host)
		return NULL;
	arena->next = start + size;
	return memset(host, 0, size);
}
