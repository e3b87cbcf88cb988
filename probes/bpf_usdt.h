/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* The other road out of the VMM: its USDT probes, with the same fields as the ring's records. */
#ifndef VBT_BPF_USDT_H
#define VBT_BPF_USDT_H

static __always_inline __u64 usdt_arg(struct pt_regs *ctx, __u64 n)
{
	long value = 0;

	bpf_usdt_arg(ctx, n, &value);
	return value;
}

/* One program for all points: the cookie is the point's number. */
SEC("usdt")
int stage_point(struct pt_regs *ctx)
{
	unsigned int point = bpf_usdt_cookie(ctx) & 0xff;
	struct who who = current_task();
	struct vbt_usdt_record *r;

	if (who.target < 0)
		return 0;
	r = bpf_ringbuf_reserve(&events, sizeof(*r), 0);
	if (!r) {
		lose(VBT_LOSS_BUFFER, point);
		return 0;
	}
	r->record.time = bpf_ktime_get_ns(); /* behind the reservation: see emit() */
	r->record.device = usdt_arg(ctx, 0);
	r->record.queue = usdt_arg(ctx, 1);
	r->record.seq = usdt_arg(ctx, 2);
	r->record.head = usdt_arg(ctx, 3);
	r->record.arg = usdt_arg(ctx, 4);
	r->record.val = usdt_arg(ctx, 5);
	r->record.op = usdt_arg(ctx, 6);
	r->record.code = usdt_arg(ctx, 7);
	r->record.point = point;
	r->tid = who.tid;
	r->target = who.target;
	bpf_ringbuf_submit(r, BPF_RB_NO_WAKEUP);
	return 0;
}

#endif
