/* SPDX-License-Identifier: MIT */
/* Guest memory as the tests use it. */
#include <stdlib.h>

#include "tests/conformance/world.h"

uint8_t *gptr(struct world *w, uint64_t addr, uint64_t size)
{
	uint8_t *at = guest_mem_ptr(&w->mem, GPA(addr), size ? size : 1, GUEST_READ);

	if (!at)
		FAIL("the test uses %#llx, which is no memory", (unsigned long long)addr);
	return at;
}

uint64_t galloc(struct world *w, uint64_t size, uint64_t align)
{
	uint64_t at = (w->next_free + align - 1) & ~(align - 1);

	if (at + size > RAM_SIZE)
		FAIL("the test uses more than all memory");
	w->next_free = at + size;
	return at;
}

void gset(struct world *w, uint64_t addr, uint8_t byte, uint64_t size)
{
	memset(gptr(w, addr, size), byte, size);
}

bool gall(struct world *w, uint64_t addr, uint8_t byte, uint64_t size)
{
	const volatile uint8_t *at = gptr(w, addr, size);

	for (uint64_t i = 0; i < size; i++)
		if (at[i] != byte)
			return false;
	return true;
}

uint8_t *gcopy(struct world *w, uint64_t addr, uint64_t size)
{
	uint8_t *copy = malloc(size);

	return memcpy(copy, gptr(w, addr, size), size);
}

bool gsame(struct world *w, uint64_t addr, const uint8_t *copy, uint64_t size)
{
	return !memcmp(gptr(w, addr, size), copy, size);
}

uint16_t g16(struct world *w, uint64_t addr)
{
	return __atomic_load_n((uint16_t *)gptr(w, addr, 2), __ATOMIC_ACQUIRE);
}

uint32_t g32(struct world *w, uint64_t addr)
{
	return __atomic_load_n((uint32_t *)gptr(w, addr, 4), __ATOMIC_ACQUIRE);
}

uint64_t g64(struct world *w, uint64_t addr)
{
	uint64_t value;

	memcpy(&value, gptr(w, addr, 8), 8);
	return value;
}

void s16(struct world *w, uint64_t addr, uint16_t value)
{
	__atomic_store_n((uint16_t *)gptr(w, addr, 2), value, __ATOMIC_SEQ_CST);
}

void s32(struct world *w, uint64_t addr, uint32_t value)
{
	__atomic_store_n((uint32_t *)gptr(w, addr, 4), value, __ATOMIC_SEQ_CST);
}

void s64(struct world *w, uint64_t addr, uint64_t value)
{
	memcpy(gptr(w, addr, 8), &value, 8);
}

void pattern(uint8_t *at, uint64_t size, unsigned seed)
{
	for (uint64_t i = 0; i < size; i++)
		at[i] = (uint8_t)((i * 7 + i / 251 + seed * 31) ^ (seed >> 8));
}

void gpattern(struct world *w, uint64_t addr, uint64_t size, unsigned seed)
{
	pattern(gptr(w, addr, size), size, seed);
}

bool gpattern_is(struct world *w, uint64_t addr, uint64_t size, unsigned seed)
{
	uint8_t *want = malloc(size);
	bool same;

	pattern(want, size, seed);
	same = gsame(w, addr, want, size);
	free(want);
	return same;
}
