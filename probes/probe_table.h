/* SPDX-License-Identifier: MIT */
/*
 * What the BPF programs and the session that loads them agree on: the kernel's probes, declared
 * once, and the layout of what is shared through maps. Included by both sides.
 */
#ifndef VBT_PROBE_TABLE_H
#define VBT_PROBE_TABLE_H

#include "lib/record.h"

/*
 * X(tracepoint, point, missed, pointers, group)
 *   tracepoint  the kernel's name, which is also the program's; io_issue_sqe is a function, not a tracepoint
 *   point       what its events are: a mark, an auxiliary point, or none (context only)
 *   missed      what is lost where the kernel skips the program: a point, or none: it shows otherwise
 *   pointers    1: the program follows kernel structures, so it is typed and needs the kernel's BTF;
 *               0: it reads plain numbers, so a raw tracepoint does, with BTF or without
 *   group       the targets that it is attached for: enum vbt_probe_group
 *
 * An issue may be of several bios or of none of ours: that shows when they complete. A submission that was not
 * seen has no event either way, but the next bios of its task are taken for the one before. Any one of its group
 * will do, the first that is there: io_issue_sqe also sees what is taken up again, which the others do not.
 */
#define VBT_KERNEL_PROBES(X)                                             \
	X(kvm_pio, MARK_kick, MARK_kick, 0, kvm)                         \
	X(kvm_mmio, MARK_kick, MARK_kick, 0, kvm)                        \
	X(kvm_fast_mmio, MARK_kick, MARK_kick, 0, kvm)                   \
	X(kvm_msi_set_irq, MARK_msi, MARK_msi, 0, kvm)                   \
	X(kvm_set_irq, MARK_msi, MARK_msi, 0, kvm)                       \
	X(kvm_apic_accept_irq, AUX_apic_accept, AUX_apic_accept, 0, kvm) \
	X(kvm_apicv_accept_irq, MARK_inject, MARK_inject, 0, kvm)        \
	X(kvm_inj_virq, MARK_inject, MARK_inject, 0, kvm)                \
	X(kvm_eoi, MARK_eoi, MARK_eoi, 1, kvm)                           \
	X(kvm_pv_eoi, MARK_eoi, MARK_eoi, 1, kvm)                        \
	X(io_issue_sqe, POINT_none, MARK_submit, 1, submission)          \
	X(io_uring_submit_req, POINT_none, MARK_submit, 1, submission)   \
	X(io_uring_submit_sqe, POINT_none, MARK_submit, 1, submission)   \
	X(block_bio_queue, MARK_queue, MARK_queue, 1, block)             \
	X(block_split, MARK_queue, MARK_queue, 1, block)                 \
	X(block_rq_issue, MARK_issue, POINT_none, 1, block)              \
	X(block_rq_complete, MARK_complete, MARK_complete, 1, block)     \
	X(block_bio_complete, MARK_complete, MARK_complete, 1, block)

/*
 * A probe costs the whole host something and takes a while to attach and to detach, so that it is there only
 * for targets that can fire it.
 */
enum vbt_probe_group {
	VBT_PROBES_block, /* host I/O: always */
	VBT_PROBES_kvm,   /* kicks and interrupts: of a target that may have a virtual machine */
	VBT_PROBES_submission, /* I/O that can only be told by the request that its task works on */
};

enum vbt_kernel_probe {
#define X(tracepoint, point, missed, pointers, group) VBT_PROBE_##tracepoint,
	VBT_KERNEL_PROBES(X)
#undef X
	    VBT_KERNEL_PROBE_COUNT
};
#define VBT_POINT_none    255

#define VBT_BPF_TARGETS   16 /* struct vbt_kernel_record has four bits for it */
#define VBT_MAX_DOORBELLS 8192
#define VBT_MAX_BIOS      32768
#define VBT_BIO_SLOT_BITS 13
#define VBT_BIO_SLOTS     (1 << VBT_BIO_SLOT_BITS)

/* A doorbell, as the key of the map that counts its kicks. */
struct vbt_doorbell {
	unsigned long long address; /* port or guest-physical address */
	unsigned int queue;         /* where all queues share one, the value tells; else 0 */
	unsigned char target;
	unsigned char pio;
	unsigned char zero[2];
};

struct vbt_doorbell_state {
	unsigned long long count; /* kicks since this address was first known as a doorbell */
	unsigned short device, queue;
	unsigned short shared; /* another queue may be meant: look again with the value */
	unsigned short away;   /* it is none now; if it comes back its count goes on */
};

/* One traced process. Written by the session while the programs run. */
struct vbt_target_filter {
	unsigned int tgid; /* 0: slot unused */
	unsigned int reserved;
	unsigned long long lines[2];   /* GSIs of its INTx devices, below 128 */
	unsigned long long vectors[4]; /* vectors that its interrupts were seen to use */
};

/* Addresses of functions, for telling what a pointer points at; 0: unknown. */
struct vbt_symbols {
	unsigned long long iomap_dio_bio_end_io;
	unsigned long long blkdev_bio_end_io;
	unsigned long long blkdev_bio_end_io_async;
	unsigned long long io_complete_rw;
	unsigned long long io_complete_rw_iopoll;
};

/* Whose I/O a bio carries, kept by the bio's address until it completes. */
struct vbt_bio_owner {
	unsigned long long key;
	unsigned long long sector; /* when it was queued: an address that is used anew is not it */
	unsigned int sectors;
	unsigned short target;
	unsigned char how;
	unsigned char issued; /* it, or a part of it, was seen to be */
};

/* Where an owner is as a rule: its place is the address's, if no other bio has it. */
struct vbt_bio_slot {
	unsigned long long address; /* 0: free */
	struct vbt_bio_owner owner;
};

/* Why something was not recorded; counted by point. */
enum vbt_loss {
	VBT_LOSS_BUFFER, /* the ring buffer was full */
	VBT_LOSS_MAP,    /* a map was full or its bucket busy: identity unknown */
	VBT_LOSS_CHAIN,  /* a request had more bios than are looked at */
	VBT_LOSS_UNSEEN, /* the kernel did not run the program: noticed later by what it left */
	VBT_LOSS_COUNT
};

/* What the USDT program puts in the ring buffer; told from the kernel's by its size. */
struct vbt_usdt_record {
	struct vbt_record record; /* time: bpf_ktime_get_ns() */
	unsigned int tid;
	unsigned int target;
};

#endif
