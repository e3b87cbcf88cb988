/* SPDX-License-Identifier: MIT */
/* What a vCPU has to say when something went wrong, or at the end: registers and counts. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "vmm-lite/kvm/vcpu.h"
#include "vmm-lite/log.h"

static void print_segment(const char *name, const struct kvm_segment *s)
{
	log_line("  %s %04x base %016llx limit %08x type %x dpl %u l %u db %u", name, s->selector,
		 (unsigned long long)s->base, s->limit, s->type, s->dpl, s->l, s->db);
}

void vcpu_print_registers(const struct vcpu *vcpu)
{
	struct kvm_regs regs;
	struct kvm_sregs sregs;
	const struct {
		const char *name;
		const __u64 *value;
	} row[] = {
	    {"rax", &regs.rax}, {"rbx", &regs.rbx}, {"rcx", &regs.rcx}, {"rdx", &regs.rdx},
	    {"rsi", &regs.rsi}, {"rdi", &regs.rdi}, {"rsp", &regs.rsp}, {"rbp", &regs.rbp},
	    {"r8 ", &regs.r8},  {"r9 ", &regs.r9},  {"r10", &regs.r10}, {"r11", &regs.r11},
	    {"r12", &regs.r12}, {"r13", &regs.r13}, {"r14", &regs.r14}, {"r15", &regs.r15},
	};

	if (ioctl(vcpu->fd, KVM_GET_REGS, &regs) || ioctl(vcpu->fd, KVM_GET_SREGS, &sregs)) {
		log_line("  registers are not to be had");
		return;
	}
	log_line("  rip %016llx rflags %08llx", (unsigned long long)regs.rip,
		 (unsigned long long)regs.rflags);
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i += 4)
		log_line("  %s %016llx %s %016llx %s %016llx %s %016llx", row[i].name,
			 (unsigned long long)*row[i].value, row[i + 1].name,
			 (unsigned long long)*row[i + 1].value, row[i + 2].name,
			 (unsigned long long)*row[i + 2].value, row[i + 3].name,
			 (unsigned long long)*row[i + 3].value);
	log_line("  cr0 %08llx cr2 %016llx cr3 %016llx cr4 %08llx efer %04llx",
		 (unsigned long long)sregs.cr0, (unsigned long long)sregs.cr2,
		 (unsigned long long)sregs.cr3, (unsigned long long)sregs.cr4,
		 (unsigned long long)sregs.efer);
	print_segment("cs", &sregs.cs);
	print_segment("ss", &sregs.ss);
	print_segment("ds", &sregs.ds);
	log_line("  gdt %016llx limit %04x idt %016llx limit %04x",
		 (unsigned long long)sregs.gdt.base, sregs.gdt.limit,
		 (unsigned long long)sregs.idt.base, sregs.idt.limit);
}

uint64_t vcpu_kernel_exits(const struct vcpu *vcpu)
{
	struct kvm_stats_header header;
	uint64_t value = 0;
	char *desc = NULL;
	int fd = vcpu->stats_fd;

	if (fd < 0)
		return 0;
	if (pread(fd, &header, sizeof(header), 0) == sizeof(header) && header.num_desc < 4096 &&
	    header.name_size < 4096) {
		size_t size = sizeof(struct kvm_stats_desc) + header.name_size;
		size_t all = size * header.num_desc;

		desc = malloc(all);
		if (!desc || pread(fd, desc, all, header.desc_offset) != (ssize_t)all)
			header.num_desc = 0;
		for (uint32_t i = 0; i < header.num_desc; i++) {
			const struct kvm_stats_desc *d = (const void *)(desc + i * size);

			if (strncmp(d->name, "exits", header.name_size) != 0)
				continue;
			if (pread(fd, &value, sizeof(value), header.data_offset + d->offset) !=
			    sizeof(value))
				value = 0;
			break;
		}
	}
	free(desc);
	return value;
}

const char *vcpu_exit_name(unsigned reason)
{
	static const char *const names[] = {
	    [KVM_EXIT_UNKNOWN] = "unknown",
	    [KVM_EXIT_EXCEPTION] = "exception",
	    [KVM_EXIT_IO] = "io",
	    [KVM_EXIT_HYPERCALL] = "hypercall",
	    [KVM_EXIT_DEBUG] = "debug",
	    [KVM_EXIT_HLT] = "hlt",
	    [KVM_EXIT_MMIO] = "mmio",
	    [KVM_EXIT_IRQ_WINDOW_OPEN] = "irq_window_open",
	    [KVM_EXIT_SHUTDOWN] = "shutdown",
	    [KVM_EXIT_FAIL_ENTRY] = "fail_entry",
	    [KVM_EXIT_INTR] = "intr",
	    [KVM_EXIT_SET_TPR] = "set_tpr",
	    [KVM_EXIT_TPR_ACCESS] = "tpr_access",
	    [KVM_EXIT_NMI] = "nmi",
	    [KVM_EXIT_INTERNAL_ERROR] = "internal_error",
	    [KVM_EXIT_SYSTEM_EVENT] = "system_event",
	    [KVM_EXIT_IOAPIC_EOI] = "ioapic_eoi",
	    [KVM_EXIT_HYPERV] = "hyperv",
	    [KVM_EXIT_X86_RDMSR] = "rdmsr",
	    [KVM_EXIT_X86_WRMSR] = "wrmsr",
	    [KVM_EXIT_DIRTY_RING_FULL] = "dirty_ring_full",
	    [KVM_EXIT_AP_RESET_HOLD] = "ap_reset_hold",
	    [KVM_EXIT_X86_BUS_LOCK] = "bus_lock",
	    [KVM_EXIT_NOTIFY] = "notify",
	};

	return reason < sizeof(names) / sizeof(names[0]) ? names[reason] : NULL;
}

void vcpu_print_exits(const struct vcpu *vcpus, unsigned count)
{
	uint64_t user = 0, kernel = 0;

	for (unsigned i = 0; i < count; i++)
		kernel += vcpu_kernel_exits(&vcpus[i]);
	for (unsigned reason = 0; reason < VCPU_EXIT_REASONS; reason++) {
		uint64_t sum = 0;

		for (unsigned i = 0; i < count; i++)
			sum += __atomic_load_n(&vcpus[i].exits[reason], __ATOMIC_RELAXED);
		if (sum)
			log_line("exits to user space: %s %" PRIu64,
				 vcpu_exit_name(reason) ? vcpu_exit_name(reason) : "other", sum);
		user += sum;
	}
	log_line("exits to user space: all %" PRIu64, user);
	if (kernel)
		log_line("exits to KVM: all %" PRIu64, kernel);
}
