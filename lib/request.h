/* SPDX-License-Identifier: MIT */
/*
 * A request's life, as the correlator linked it: 14 marks, each present (exact or inferred) or
 * absent with a reason; and what is derived from them: segments, layers, total.
 */
#ifndef VBT_REQUEST_H
#define VBT_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/stage.h"

/*
 * Why a mark is absent. X(id, broken, text): broken reasons make the request incomplete; all
 * others say that the mark did not happen or cannot be seen, and the request is whole without it.
 */
#define VBT_ABSENT_REASONS(X)                                                 \
	X(none, 0, "present")                                                 \
	X(suppressed, 0, "suppressed")                                        \
	X(no_interrupt, 0, "suppressed: the guest set the no-interrupt flag") \
	X(event_idx, 0, "suppressed: the guest's event index is not reached") \
	X(no_vector, 0, "suppressed: the queue has no MSI-X vector")          \
	X(masked, 0, "held back: the vector stayed masked")                   \
	X(intx_disabled, 0, "held back: INTx stayed disabled")                \
	X(stopped, 0, "suppressed: the device was being reset")               \
	X(failed, 0, "the host refused the interrupt")                        \
	X(coalesced, 0, "the interrupt line was raised already")              \
	X(no_kvm, 0, "the device ran without KVM")                            \
	X(hidden, 0, "not observable on this host")                           \
	X(not_recorded, 0, "not recorded")                                    \
	X(no_doorbell, 0, "the doorbell's address was not known")             \
	X(refused, 0, "refused by the VMM before it got there")               \
	X(no_host_io, 0, "answered by the VMM itself")                        \
	X(null_disk, 0, "the null disk does no I/O")                          \
	X(cached, 0, "served by the page cache: no block I/O")                \
	X(no_bio, 0, "the host did no block I/O for it")                      \
	X(bio_driver, 0, "the host's driver takes whole bios")                \
	X(not_its_own, 0, "the page cache's I/O: not begun or ended by it")   \
	X(shared_flush, 0, "the host issues one flush for several bios")      \
	X(before, 1, "before the recording began")                            \
	X(after, 1, "the recording ended first")                              \
	X(timeout, 1, "did not come in time")                                 \
	X(reset, 1, "the device was reset before it came to that")            \
	X(evicted, 1, "given up: too many requests in flight")                \
	X(lost, 1, "lost")

enum vbt_absent {
#define X(id, broken, text) VBT_ABSENT_##id,
	VBT_ABSENT_REASONS(X)
#undef X
	    VBT_ABSENT_COUNT
};

struct vbt_request {
	uint64_t id; /* 1, 2, … by the first event seen of each: stable for a trace */
	uint64_t mark[VBT_MARK_COUNT]; /* ns of CLOCK_MONOTONIC where present */
	uint64_t sector;
	uint64_t cookie;   /* of the host I/O; 0 if there was none */
	uint64_t kick_seq; /* kicks of the queue up to the one that this request's wake answered */
	uint64_t irq_seq;  /* number of the queue's interrupt that told of it; 0: none */
	uint64_t push_seq;
	uint32_t seq;      /* number in its queue, from 1 */
	uint32_t bytes;    /* of data */
	uint32_t used;     /* used length */
	uint32_t kicks;    /* that its wake coalesced: 1 as a rule; 0: woken without a kick */
	int32_t vcpu;      /* that kicked, else that was interrupted; -1: not known */
	uint32_t pushes;   /* that its interrupt told of, this one included */
	uint16_t present;  /* bit per mark (1u << mark) */
	uint16_t inferred; /* bit per mark: present, but its link is no identity */
	uint16_t queue, head;
	uint8_t target, device;
	uint8_t op;            /* virtio type, low 8 bits; meaningful if `parse` is present */
	uint8_t status;        /* virtio status; meaningful if `push` is present */
	uint8_t method;        /* enum vbt_io_method; meaningful if `submit` is present */
	uint8_t signal_reason; /* enum vbt_signal_reason; meaningful if `signal` is present */
	uint8_t
	    wake_reason; /* enum vbt_wake_reason; meaningful if `wake` is present or suppressed */
	bool merged;     /* went to the host as part of the request submitted before it */
	bool complete;   /* no mark is absent for a broken reason */
	uint8_t absent[VBT_MARK_COUNT]; /* enum vbt_absent; VBT_ABSENT_none where present */
};

/* The reasons that break a request, as bits. */
#define VBT_ABSENT_BIT(id, broken, text) (broken##u << VBT_ABSENT_##id) |
#define VBT_ABSENT_BROKEN                (VBT_ABSENT_REASONS(VBT_ABSENT_BIT) 0u)

static inline bool vbt_request_has(const struct vbt_request *request, unsigned mark)
{
	return request->present >> mark & 1;
}

/* The six layers, in the order of a request's life. X(id, meaning) */
#define VBT_LAYERS(X)                                                              \
	X(exit, "from the guest's kick until the VMM takes the request")           \
	X(vmm, "the VMM's own work, before and after the host's I/O")              \
	X(host, "the host's I/O stack, above the disk's driver")                   \
	X(disk, "the host's disk")                                                 \
	X(irq, "from the VMM's decision to interrupt until a vCPU has the vector") \
	X(guest, "the guest's interrupt handler")

enum vbt_layer {
#define X(id, meaning) VBT_LAYER_##id,
	VBT_LAYERS(X)
#undef X
	    VBT_LAYER_COUNT
};

/*
 * One step between two marks that are present and have none present between them. A step that the
 * clocks show as negative (kernel and VMM times differ by up to the stated error) is 0, and the
 * next one is shorter by as much.
 */
struct vbt_segment {
	uint8_t from, to; /* enum vbt_mark */
	uint8_t layer;    /* that it belongs to */
	uint64_t ns;
};

/*
 * The segments of a request's life in order, from its first mark to its last; returns their number,
 * at most VBT_MARK_COUNT - 1. A request without a kick of its own starts at its pop. The sum of
 * their ns is the total. Each belongs to exactly one layer, so the layers sum to the total too.
 */
unsigned vbt_request_segments(const struct vbt_request *request,
			      struct vbt_segment segment[VBT_MARK_COUNT - 1]);

/* The marks that segments are made of, a bit each: the present ones, from the pop on if there is no
 * kick of its own. */
unsigned vbt_request_life(const struct vbt_request *request);

/* The layer of a segment between two such neighbours. */
unsigned vbt_layer_of(unsigned from, unsigned to);

/* The sum of the segments; 0 if the request has fewer than two marks. */
uint64_t vbt_request_total(const struct vbt_request *request);

/*
 * Sum up the segments by layer. Returns a bit per layer (1u << layer) that has a segment at all:
 * the others are absent, not zero.
 */
unsigned vbt_request_layers(const struct vbt_request *request, uint64_t ns[VBT_LAYER_COUNT]);

/* Names: "exit"; "read", "write", "flush", … ("other" for what the table does not know); "ok",
 * "ioerr", "unsupp". Static strings. */
const char *vbt_layer_name(unsigned layer);
const char *vbt_layer_meaning(unsigned layer);
const char *vbt_op_name(unsigned type);
const char *vbt_status_name(unsigned status);
const char *vbt_signal_reason_name(unsigned reason);
const char *vbt_wake_reason_name(unsigned reason);
const char *vbt_io_method_name(unsigned method);

/* The type of an operation's name: 0 for "read"; -1 if there is none of that name. */
int vbt_op_type(const char *name);

/* The reason's short name ("suppressed") and its sentence; true if it breaks a request. */
const char *vbt_absent_name(unsigned reason);
const char *vbt_absent_text(unsigned reason);
bool vbt_absent_broken(unsigned reason);

#endif
