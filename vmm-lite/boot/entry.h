/* SPDX-License-Identifier: MIT */
/*
 * How the first vCPU starts: 64-bit mode with paging, as the Linux boot protocol and our payloads
 * want it. Fills guest memory with the tables; kvm/ sets the registers accordingly.
 */
#ifndef VMM_BOOT_ENTRY_H
#define VMM_BOOT_ENTRY_H

#include <stdint.h>

#include "vmm-lite/guest_mem.h"

/* The low megabyte. Everything here is usable RAM for the guest once it runs, but the tables. */
#define BOOT_GDT         0x500ull
#define BOOT_PARAMS      0x7000ull /* Linux zero page, or struct vmm_boot_info of a payload */
#define BOOT_STACK       0x8ff0ull
#define BOOT_PAGE_TABLES 0x9000ull /* PML4, PDPT, four PDs */
#define BOOT_CMDLINE     0x20000ull
#define BOOT_CMDLINE_MAX 0x10000ull
#define BOOT_LOW_END     0x9fc00ull
#define BOOT_TABLES      0xe0000ull /* ACPI: found by a scan, too */
#define BOOT_TABLES_SIZE 0x20000ull

#define BOOT_CS          0x10
#define BOOT_DS          0x18
#define BOOT_TR          0x20
#define BOOT_GDT_SIZE    40

struct boot_entry {
	uint64_t rip, rsp, rsi, rdi;
	uint64_t cr3;
	uint64_t gdt;
};

/*
 * Write the GDT and page tables: the first 4 GiB mapped one to one with 2 MiB pages, RAM above
 * with 1 GiB pages if `huge`. Sets gdt, cr3 and rsp. 0 or -EFAULT (less than 1 MiB of RAM).
 */
int boot_entry_prepare(struct boot_entry *entry, const struct guest_mem *mem, bool huge);

#endif
