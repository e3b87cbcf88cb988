/* SPDX-License-Identifier: MIT */
/* What a vCPU says about itself: the host's features, KVM's signature, our topology. */
#ifndef VMM_KVM_CPUID_H
#define VMM_KVM_CPUID_H

#include <linux/kvm.h>
#include <stdbool.h>
#include <stdint.h>

#define CPUID_ENTRIES 256

struct cpuid_table {
	struct kvm_cpuid2 header;
	struct kvm_cpuid_entry2 entries[CPUID_ENTRIES];
};

/*
 * Turn what the host supports into what vCPU `index` of `cpus` shows: one package of `cpus` cores
 * with one thread each, APIC id = index, a hypervisor that is KVM. Pure.
 */
void cpuid_customize(struct cpuid_table *table, unsigned index, unsigned cpus, bool tsc_deadline);

#endif
