/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* What all programs share: the targets, the ring buffer, the counters. BPF side only. */
#ifndef VBT_BPF_COMMON_H
#define VBT_BPF_COMMON_H

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 8 << 20); /* the session sets it */
} events SEC(".maps");

/* Mapped by the session: it adds targets and reads the counters without system calls. */
struct vbt_target_filter targets[VBT_BPF_TARGETS];
unsigned int target_count;
unsigned long long losses[VBT_LOSS_COUNT][VBT_POINT_COUNT];

const volatile struct vbt_symbols symbols;

static __always_inline void lose(enum vbt_loss why, unsigned int point)
{
	if (point < VBT_POINT_COUNT)
		__sync_fetch_and_add(&losses[why][point], 1);
}

/* The task that an event happens in, asked once. */
struct who {
	int target; /* the index of the target that it belongs to, or -1 */
	unsigned int tid;
};

static __always_inline struct who current_task(void)
{
	unsigned long long id = bpf_get_current_pid_tgid();
	unsigned int count = target_count;
	struct who who = {.target = -1, .tid = (unsigned int)id};

	for (unsigned int i = 0; i < VBT_BPF_TARGETS && i < count; i++)
		if (targets[i].tgid == id >> 32) {
			who.target = i;
			break;
		}
	return who;
}

/* Masked where the compiler cannot take the mask away again: the verifier wants to see it. */
static __always_inline struct vbt_target_filter *filter_of(int target)
{
	__u64 index = target;

	asm volatile("%0 &= 15" : "+r"(index));
	return &targets[index];
}
_Static_assert(VBT_BPF_TARGETS == 16, "what the mask above allows");

/*
 * Without wake-ups: they cost the traced task more than all the rest. The session polls. The time
 * is taken behind the reservation: who sees that nothing is reserved knows that all that is still
 * to come is younger.
 */
static __always_inline void emit(unsigned int point, int target, __u64 key, __u64 arg,
				 unsigned int aux, unsigned int flags, unsigned int tid)
{
	struct vbt_kernel_record *r = bpf_ringbuf_reserve(&events, sizeof(*r), 0);

	if (!r) {
		lose(VBT_LOSS_BUFFER, point);
		return;
	}
	r->time = bpf_ktime_get_ns();
	r->key = key;
	r->arg = arg;
	r->tid = tid;
	r->aux = aux < 0xffff ? aux : 0xffff;
	r->point = point;
	r->target = target;
	r->flags = flags;
	bpf_ringbuf_submit(r, BPF_RB_NO_WAKEUP);
}

#endif
