/* SPDX-License-Identifier: MIT */
#include "vmm-lite/boot/entry.h"

#include <errno.h>
#include <string.h>

#define PAGE       4096ull
#define PRESENT_RW 0x3ull
#define LARGE      0x80ull
#define GIB        (1ull << 30)

_Static_assert(BOOT_PAGE_TABLES + 6 * PAGE <= BOOT_CMDLINE,
	       "page tables end before the command line");

int boot_entry_prepare(struct boot_entry *entry, const struct guest_mem *mem, bool huge)
{
	static const uint64_t gdt[BOOT_GDT_SIZE / 8] = {
	    [BOOT_CS / 8] = 0x00af9b000000ffff, /* 64-bit code */
	    [BOOT_DS / 8] = 0x00cf93000000ffff, /* data */
	    [BOOT_TR / 8] = 0x00008b000000ffff, /* a busy TSS, which VT-x insists on */
	};
	uint64_t *tables = guest_mem_ptr(mem, GPA(BOOT_PAGE_TABLES), 6 * PAGE, GUEST_WRITE);
	uint64_t *pml4, *pdpt, *pd;
	const struct guest_region *last = &mem->regions[mem->count - 1];
	uint64_t end = last->base.value + last->size;

	if (!tables || guest_mem_write(mem, GPA(BOOT_GDT), gdt, sizeof(gdt)))
		return -EFAULT;
	pml4 = tables;
	pdpt = tables + 512;
	pd = tables + 1024;
	memset(tables, 0, 6 * PAGE);
	pml4[0] = (BOOT_PAGE_TABLES + PAGE) | PRESENT_RW;
	for (uint64_t i = 0; i < 4; i++)
		pdpt[i] = (BOOT_PAGE_TABLES + (2 + i) * PAGE) | PRESENT_RW;
	for (uint64_t i = 0; i < 4 * 512; i++)
		pd[i] = i << 21 | LARGE | PRESENT_RW;
	for (uint64_t i = 4; huge && i < 512 && i * GIB < end; i++)
		pdpt[i] = i * GIB | LARGE | PRESENT_RW;
	entry->gdt = BOOT_GDT;
	entry->cr3 = BOOT_PAGE_TABLES;
	entry->rsp = BOOT_STACK;
	return 0;
}
