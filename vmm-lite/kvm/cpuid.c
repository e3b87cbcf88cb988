/* SPDX-License-Identifier: MIT */
#include "vmm-lite/kvm/cpuid.h"

#include <string.h>

static struct kvm_cpuid_entry2 *find(struct cpuid_table *table, uint32_t function, uint32_t index)
{
	for (uint32_t i = 0; i < table->header.nent; i++) {
		struct kvm_cpuid_entry2 *e = &table->entries[i];

		if (e->function == function &&
		    (!(e->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX) || e->index == index))
			return e;
	}
	return NULL;
}

static void drop(struct cpuid_table *table, uint32_t function)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < table->header.nent; i++)
		if (table->entries[i].function != function)
			table->entries[kept++] = table->entries[i];
	table->header.nent = kept;
}

static struct kvm_cpuid_entry2 *add(struct cpuid_table *table, uint32_t function, uint32_t index,
				    uint32_t flags)
{
	struct kvm_cpuid_entry2 *e;

	if (table->header.nent == CPUID_ENTRIES)
		return NULL;
	e = &table->entries[table->header.nent++];
	*e = (struct kvm_cpuid_entry2){.function = function, .index = index, .flags = flags};
	return e;
}

/* Bits of an APIC id that tell cores apart. */
static unsigned core_bits(unsigned cpus)
{
	unsigned bits = 0;

	while (1u << bits < cpus)
		bits++;
	return bits;
}

/* Leaf 0xb: level 0 one thread, level 1 all cores of the package, level 2 the end. */
static void extended_topology(struct cpuid_table *table, unsigned index, unsigned cpus)
{
	static const uint32_t kind[] = {1, 2, 0};

	drop(table, 0xb);
	drop(table, 0x1f);
	for (uint32_t level = 0; level < 3; level++) {
		struct kvm_cpuid_entry2 *e =
		    add(table, 0xb, level, KVM_CPUID_FLAG_SIGNIFCANT_INDEX);

		if (!e)
			return;
		e->eax = level == 1 ? core_bits(cpus) : 0;
		e->ebx = level == 0 ? 1 : level == 1 ? cpus : 0;
		e->ecx = level | kind[level] << 8;
		e->edx = index;
	}
}

/* Leaves 4 (Intel) and 0x8000001d (AMD): who shares a cache; only the last level is shared. */
static void cache_sharing(struct cpuid_table *table, uint32_t function, unsigned cpus)
{
	for (uint32_t i = 0; i < table->header.nent; i++) {
		struct kvm_cpuid_entry2 *e = &table->entries[i];
		uint32_t level = e->eax >> 5 & 7;

		if (e->function != function || !(e->eax & 0x1f))
			continue;
		e->eax &= 0x00003fff;
		if (level == 3)
			e->eax |= (cpus - 1) << 14;
		if (function == 4)
			e->eax |= (cpus - 1 > 63 ? 63 : cpus - 1) << 26;
	}
}

void cpuid_customize(struct cpuid_table *table, unsigned index, unsigned cpus, bool tsc_deadline)
{
	struct kvm_cpuid_entry2 *e = find(table, 1, 0);

	if (e) {
		e->ebx = (e->ebx & 0x0000ffff) | index << 24 | cpus << 16;
		e->ecx |= 1u << 31 | 1u << 21; /* hypervisor, x2APIC */
		if (tsc_deadline)
			e->ecx |= 1u << 24;
		e->edx &= ~(1u << 28);
		if (cpus > 1)
			e->edx |= 1u << 28; /* several logical CPUs in this package */
	}
	/* The APIC timer runs in every C-state: nothing needs the PIT as a fallback. */
	e = find(table, 6, 0);
	if (e)
		e->eax |= 1u << 2;
	cache_sharing(table, 4, cpus);
	cache_sharing(table, 0x8000001d, cpus);
	e = find(table, 0, 0);
	if (e && e->eax >= 0xb)
		extended_topology(table, index, cpus);

	e = find(table, 0x80000008, 0);
	if (e)
		e->ecx = (e->ecx & ~0xf0ffu) | core_bits(cpus) << 12 | (cpus - 1);
	e = find(table, 0x8000001e, 0);
	if (e) {
		e->eax = index;
		e->ebx = index; /* core id, one thread in it */
		e->ecx = 0;     /* one node */
	}

	e = find(table, 0x40000000, 0);
	if (!e)
		e = add(table, 0x40000000, 0, 0);
	if (e) {
		memcpy(&e->ebx, "KVMK", 4);
		memcpy(&e->ecx, "VMKV", 4);
		memcpy(&e->edx, "M\0\0\0", 4);
		e->eax = 0x40000001;
	}
}
