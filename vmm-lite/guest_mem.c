/* SPDX-License-Identifier: MIT */
#include "vmm-lite/guest_mem.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#define HUGE_PAGE (2ull << 20)

/*
 * Anonymous memory whose host address is congruent to the guest address modulo 2 MiB, so that
 * one nested page table entry can map a whole huge page.
 */
static uint8_t *map_aligned(uint64_t size)
{
	uint64_t page = 4096, span;
	uint8_t *map, *start;

	if (size > SIZE_MAX - HUGE_PAGE - page)
		return NULL;
	size = (size + page - 1) & ~(page - 1);
	span = size + HUGE_PAGE;
	map = mmap(NULL, span, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		   -1, 0);
	if (map == MAP_FAILED)
		return NULL;
	start = (uint8_t *)(((uintptr_t)map + HUGE_PAGE - 1) & ~(uintptr_t)(HUGE_PAGE - 1));
	if (start > map)
		munmap(map, start - map);
	if (start + size < map + span)
		munmap(start + size, map + span - (start + size));
	/* Refused where transparent huge pages are not built in: slower, not wrong. */
	madvise(start, size, MADV_HUGEPAGE);
	return start;
}

int guest_mem_add(struct guest_mem *mem, gpa_t base, uint64_t size, uint8_t *host, bool read_only)
{
	uint64_t last = base.value + size - 1;
	unsigned at = mem->count;

	if (!size || last < base.value)
		return -EINVAL;
	if (mem->count == GUEST_MEM_MAX_REGIONS)
		return -ENOSPC;
	for (unsigned i = 0; i < mem->count; i++) {
		const struct guest_region *r = &mem->regions[i];

		if (base.value <= r->base.value + (r->size - 1) && r->base.value <= last)
			return -EEXIST;
	}

	struct guest_region region = {
	    .base = base,
	    .size = size,
	    .host = host ? host : map_aligned(size),
	    .read_only = read_only,
	    .owned = !host,
	};
	if (!region.host)
		return -ENOMEM;
	/* Sorted by address: a copy that spans regions then walks forward. */
	while (at > 0 && mem->regions[at - 1].base.value > base.value) {
		mem->regions[at] = mem->regions[at - 1];
		at--;
	}
	mem->regions[at] = region;
	mem->count++;
	return 0;
}

int guest_mem_init(struct guest_mem *mem, uint64_t size)
{
	uint64_t low = size < GUEST_MEM_LOW_LIMIT ? size : GUEST_MEM_LOW_LIMIT;
	int err;

	memset(mem, 0, sizeof(*mem));
	err = guest_mem_add(mem, GPA(0), low, NULL, false);
	if (!err && size > low)
		err = guest_mem_add(mem, GPA(GUEST_MEM_HIGH_START), size - low, NULL, false);
	if (err)
		guest_mem_release(mem);
	return err;
}

void guest_mem_release(struct guest_mem *mem)
{
	for (unsigned i = 0; i < mem->count; i++)
		if (mem->regions[i].owned)
			munmap(mem->regions[i].host, mem->regions[i].size);
	memset(mem, 0, sizeof(*mem));
}

void guest_mem_clear(struct guest_mem *mem)
{
	for (unsigned i = 0; i < mem->count; i++)
		if (mem->regions[i].owned && !mem->regions[i].read_only)
			madvise(mem->regions[i].host, mem->regions[i].size, MADV_DONTNEED);
}

/* The region that holds addr and allows the access; *left: bytes from addr to its end. */
static const struct guest_region *find(const struct guest_mem *mem, uint64_t addr,
				       enum guest_access access, uint64_t *left)
{
	for (unsigned i = 0; i < mem->count; i++) {
		const struct guest_region *r = &mem->regions[i];
		uint64_t offset = addr - r->base.value;

		if (addr < r->base.value || offset >= r->size)
			continue;
		if (access == GUEST_WRITE && r->read_only)
			return NULL;
		*left = r->size - offset;
		return r;
	}
	return NULL;
}

void *guest_mem_ptr(const struct guest_mem *mem, gpa_t addr, uint64_t len, enum guest_access access)
{
	uint64_t left;
	const struct guest_region *r = find(mem, addr.value, access, &left);

	if (!r || !len || len > left)
		return NULL;
	return r->host + (addr.value - r->base.value);
}

int guest_mem_iov(const struct guest_mem *mem, gpa_t addr, uint64_t len, enum guest_access access,
		  struct iovec *iov, int max)
{
	uint64_t at = addr.value;
	int count = 0;

	while (len) {
		uint64_t left;
		const struct guest_region *r = find(mem, at, access, &left);

		if (!r)
			return -EFAULT;
		if (count == max)
			return -ENOBUFS;
		if (left > len)
			left = len;
		iov[count].iov_base = r->host + (at - r->base.value);
		iov[count].iov_len = left;
		count++;
		len -= left;
		at += left; /* wraps to 0 only past the last byte: then either len is 0 ... */
		if (len && at == 0)
			return -EFAULT; /* ... or the range runs over the end of the address space */
	}
	return count;
}

int guest_mem_read(const struct guest_mem *mem, gpa_t addr, void *dst, uint64_t len)
{
	struct iovec iov[GUEST_MEM_MAX_REGIONS];
	int n = guest_mem_iov(mem, addr, len, GUEST_READ, iov, GUEST_MEM_MAX_REGIONS);
	uint8_t *to = dst;

	if (n < 0)
		return -EFAULT;
	for (int i = 0; i < n; i++) {
		memcpy(to, iov[i].iov_base, iov[i].iov_len);
		to += iov[i].iov_len;
	}
	return 0;
}

int guest_mem_write(const struct guest_mem *mem, gpa_t addr, const void *src, uint64_t len)
{
	struct iovec iov[GUEST_MEM_MAX_REGIONS];
	int n = guest_mem_iov(mem, addr, len, GUEST_WRITE, iov, GUEST_MEM_MAX_REGIONS);
	const uint8_t *from = src;

	if (n < 0)
		return -EFAULT;
	for (int i = 0; i < n; i++) {
		memcpy(iov[i].iov_base, from, iov[i].iov_len);
		from += iov[i].iov_len;
	}
	return 0;
}

int guest_mem_fill(const struct guest_mem *mem, gpa_t addr, uint8_t byte, uint64_t len)
{
	struct iovec iov[GUEST_MEM_MAX_REGIONS];
	int n = guest_mem_iov(mem, addr, len, GUEST_WRITE, iov, GUEST_MEM_MAX_REGIONS);

	if (n < 0)
		return -EFAULT;
	for (int i = 0; i < n; i++)
		memset(iov[i].iov_base, byte, iov[i].iov_len);
	return 0;
}

uint64_t guest_mem_size(const struct guest_mem *mem)
{
	uint64_t total = 0;

	for (unsigned i = 0; i < mem->count; i++)
		total += mem->regions[i].size;
	return total;
}
