/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * Kicks and interrupts. Arguments are the tracepoints' own. Where they are plain numbers the programs are
 * raw tracepoints: the same hook at the same price as typed ones (tp_btf), and no need for the kernel's BTF.
 */
#ifndef VBT_BPF_KVM_H
#define VBT_BPF_KVM_H

#define KVM_PIO_OUT          1 /* trace values of arch/x86/kvm/trace.h, unchanged since 2.6 */
#define KVM_TRACE_MMIO_WRITE 2

/* Doorbells to look for, and how often each was rung since it was added. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, VBT_MAX_DOORBELLS);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct vbt_doorbell);
	__type(value, struct vbt_doorbell_state);
} doorbells SEC(".maps");

static __always_inline void kick(struct who who, __u64 address, bool pio, __u64 value,
				 unsigned int bytes, enum vbt_kick_flag how)
{
	struct vbt_doorbell key = {.address = address, .target = who.target, .pio = pio};
	struct vbt_doorbell_state *bell;
	__u64 count;

	key.queue = pio ? value & 0xffff : 0;
	bell = bpf_map_lookup_elem(&doorbells, &key);
	if (bell && bell->shared && !pio && (value & 0xffff)) {
		key.queue = value & 0xffff;
		bell = bpf_map_lookup_elem(&doorbells, &key);
	}
	if (!bell || bell->away)
		return;
	count = __sync_fetch_and_add(&bell->count, 1) + 1;
	emit(VBT_MARK_kick, who.target, address, (value & 0xffffffff) | count << 32, bytes, how,
	     who.tid);
}

static __always_inline __u64 read_value(const void *data, unsigned int bytes)
{
	__u64 value = 0, size = bytes;

	asm volatile("%0 &= 15"
		     : "+r"(size)); /* a bound that the verifier sees; KVM has 8 at most */
	if (size <= sizeof(value))
		bpf_probe_read_kernel(&value, size, data);
	return value;
}

/* What is none of ours is let go before anything is read: a guest makes many more exits than kicks. */
SEC("raw_tp/kvm_pio")
int BPF_PROG(kvm_pio, unsigned int rw, unsigned int port, unsigned int size, unsigned int count,
	     const void *data)
{
	struct who who;

	if (rw != KVM_PIO_OUT)
		return 0;
	who = current_task();
	if (who.target >= 0)
		kick(who, port, true, read_value(data, size), size, VBT_KICK_PIO);
	return 0;
}

SEC("raw_tp/kvm_mmio")
int BPF_PROG(kvm_mmio, int type, int len, __u64 gpa, void *data)
{
	struct who who;

	if (type != KVM_TRACE_MMIO_WRITE)
		return 0;
	who = current_task();
	if (who.target >= 0)
		kick(who, gpa, false, read_value(data, len), len, VBT_KICK_MMIO);
	return 0;
}

/* Fires after the eventfd was signalled: the time is a little late, and the value is not known. */
SEC("raw_tp/kvm_fast_mmio")
int BPF_PROG(kvm_fast_mmio, __u64 gpa)
{
	struct who who = current_task();

	if (who.target >= 0)
		kick(who, gpa, false, 0, 0, VBT_KICK_FAST_MMIO);
	return 0;
}

/* The word of a bitmap in memory, by a number that the verifier can see the bound of. */
static __always_inline __u64 *word(__u64 *bitmap, unsigned int words, unsigned int bit)
{
	__u64 index = bit >> 6;

	if (words == 4)
		asm volatile("%0 &= 3" : "+r"(index));
	else
		asm volatile("%0 &= 1" : "+r"(index));
	return &bitmap[index];
}

/* Written only where it is news: the line is read by all CPUs. */
static __always_inline void learn_vector(int target, unsigned int vector)
{
	__u64 *known, bit = 1ULL << (vector & 63);

	if (target < 0 || vector >= 256)
		return;
	known = word(filter_of(target)->vectors, 4, vector);
	if (!(*known & bit))
		*known |= bit;
}

static __always_inline bool known_vector(int target, unsigned int vector)
{
	return target >= 0 && vector < 256 &&
	       *word(filter_of(target)->vectors, 4, vector) >> (vector & 63) & 1;
}

SEC("raw_tp/kvm_msi_set_irq")
int BPF_PROG(kvm_msi_set_irq, __u64 address, __u64 data)
{
	struct who who = current_task();

	if (who.target < 0)
		return 0;
	learn_vector(who.target, data & 0xff);
	emit(VBT_MARK_msi, who.target, address, data, 0, VBT_MSI_MESSAGE, who.tid);
	return 0;
}

/*
 * A line that was just raised for a target, by CPU: the local APIC accepts its vector next, in
 * the same task, which tells the vector. An irqfd's line is raised by a kernel worker, so the
 * target can only be told by the line.
 */
struct raised_line {
	__u64 task;
	int target;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct raised_line);
} raised SEC(".maps");

static __always_inline bool has_line(int target, unsigned int gsi)
{
	return gsi < 128 && *word(filter_of(target)->lines, 2, gsi) >> (gsi & 63) & 1;
}

static __always_inline int target_of_line(unsigned int gsi)
{
	unsigned int count = target_count;

	for (unsigned int i = 0; i < VBT_BPF_TARGETS && i < count; i++)
		if (has_line(i, gsi))
			return i;
	return -1;
}

SEC("raw_tp/kvm_set_irq")
int BPF_PROG(kvm_set_irq, unsigned int gsi, int level, int source)
{
	struct who who = current_task();
	int target = who.target;
	struct raised_line *line;
	__u32 zero = 0;

	if (target >= 0 ? !has_line(target, gsi) : (target = target_of_line(gsi)) < 0)
		return 0;
	line = bpf_map_lookup_elem(&raised, &zero);
	if (line && level) {
		line->task = bpf_get_current_task();
		line->target = target;
	}
	emit(VBT_MARK_msi, target, gsi, level, 0, VBT_MSI_LINE, who.tid);
	return 0;
}

SEC("raw_tp/kvm_apic_accept_irq")
int BPF_PROG(kvm_apic_accept_irq, __u32 apic, __u16 delivery, __u16 trigger, __u8 vector)
{
	struct who who = current_task();
	struct raised_line *line;
	int target = who.target;
	__u32 zero = 0;

	line = bpf_map_lookup_elem(&raised, &zero);
	if (line && line->task && line->task == bpf_get_current_task()) {
		line->task = 0;
		target = line->target;
		learn_vector(target, vector);
	}
	if (known_vector(target, vector))
		emit(VBT_AUX_apic_accept, target, apic, vector, delivery, 0, who.tid);
	return 0;
}

/* In the sender's task; the vCPU is in `arg`, since the task does not tell it. */
SEC("raw_tp/kvm_apicv_accept_irq")
int BPF_PROG(kvm_apicv_accept_irq, __u32 apic, __u16 delivery, __u16 trigger, __u8 vector)
{
	struct who who = current_task();

	if (known_vector(who.target, vector))
		emit(VBT_MARK_inject, who.target, vector, apic, 0, VBT_INJECT_APICV, who.tid);
	return 0;
}

SEC("raw_tp/kvm_inj_virq")
int BPF_PROG(kvm_inj_virq, unsigned int vector)
{
	struct who who = current_task();

	if (known_vector(who.target, vector))
		emit(VBT_MARK_inject, who.target, vector, 0, 0, VBT_INJECT_EVENT, who.tid);
	return 0;
}

static __always_inline void end_of_interrupt(struct kvm_lapic *apic, unsigned int vector,
					     enum vbt_eoi_flag flag)
{
	struct who who = current_task();
	int vcpu = 0;

	if (!known_vector(who.target, vector))
		return;
	if (bpf_core_field_exists(struct kvm_lapic, vcpu) &&
	    bpf_core_field_exists(struct kvm_vcpu, vcpu_id))
		vcpu = apic->vcpu->vcpu_id;
	emit(VBT_MARK_eoi, who.target, vector, vcpu, 0, flag, who.tid);
}

SEC("tp_btf/kvm_eoi")
int BPF_PROG(kvm_eoi, struct kvm_lapic *apic, int vector)
{
	end_of_interrupt(apic, vector, VBT_EOI_APIC);
	return 0;
}

/* The guest's handler ended without an exit; KVM notices at the next one: the time is late. */
SEC("tp_btf/kvm_pv_eoi")
int BPF_PROG(kvm_pv_eoi, struct kvm_lapic *apic, int vector)
{
	end_of_interrupt(apic, vector, VBT_EOI_PARAVIRTUAL);
	return 0;
}

#endif
