/* SPDX-License-Identifier: MIT */
/*
 * An event: what every source is turned into, and what the trace file, the reorder stage and the
 * correlator work on. It has all fields of a VMM record (record.h) and of a kernel record
 * (kernel_record.h); those two headers say what the fields mean at each point.
 */
#ifndef VBT_EVENT_H
#define VBT_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/kernel_record.h"
#include "lib/record.h"
#include "lib/stage.h"

struct vbt_event {
	uint64_t time; /* ns of CLOCK_MONOTONIC */
	uint64_t key;  /* kernel points: the record's key; VMM points: 0 */
	uint64_t arg;
	uint32_t seq; /* VMM points: the request's number in its queue; kernel points: 0 */
	uint32_t val; /* VMM points only */
	uint32_t tid; /* kernel thread id; of the ring's thread at VMM points */
	union {
		uint16_t head; /* VMM points */
		uint16_t aux;  /* kernel points */
	};
	uint16_t queue;  /* VMM points */
	uint16_t source; /* index in the trace's source table */
	uint8_t target;  /* index in the trace's target table */
	uint8_t device;  /* VMM points: index in the target's device table */
	uint8_t point;   /* enum vbt_mark or enum vbt_aux */
	uint8_t op;      /* VMM points */
	union {
		uint8_t code;  /* VMM points */
		uint8_t flags; /* kernel points */
	};
	uint8_t late; /* 1: handed through behind an event of a later time */
};
_Static_assert(sizeof(struct vbt_event) == 48, "three of them in a pair of cache lines");

/*
 * Not a point anywhere, but a statement of a source: between `time` and `key` (both ns) it lost
 * `arg` events. `source` is the source, or VBT_SOURCE_ALL (a hole in the file); `val` is the point
 * that lost them if the source knows, else VBT_POINT_LOST. It comes before the first event of the
 * source that is later than `time`, so that whoever links can distrust what it would link across.
 */
#define VBT_POINT_LOST VBT_AUX_lost
#define VBT_SOURCE_ALL 0xffffu

/* True for the points that the VMM fires, i.e. whose seq, val, queue, device, op, code count. */
static inline bool vbt_point_is_vmm(unsigned point)
{
#define X(id, letter, origin, meaning) (VBT_ORIGIN_##origin << VBT_MARK_##id) |
#define Y(id, origin, meaning)         (VBT_ORIGIN_##origin << VBT_AUX_##id) |
#define VBT_ORIGIN_VMM                 1u
#define VBT_ORIGIN_KERNEL              0u
#define VBT_ORIGIN_NOBODY              0u
	return point < VBT_POINT_COUNT && ((VBT_STAGES(X) VBT_AUX_POINTS(Y) 0u) >> point & 1);
#undef VBT_ORIGIN_NOBODY
#undef VBT_ORIGIN_KERNEL
#undef VBT_ORIGIN_VMM
#undef Y
#undef X
}

/*
 * Fill an event from a VMM record. `ns` is the record's time on CLOCK_MONOTONIC (vbt_clock_ns),
 * tid that of the ring's thread. False, and nothing written, if the point is none of a VMM's.
 */
bool vbt_event_from_record(struct vbt_event *event, const struct vbt_record *record, uint64_t ns,
			   uint16_t source, uint8_t target, uint32_t tid);

/* Fill an event from a kernel record. False if the point is none of the kernel's. */
bool vbt_event_from_kernel(struct vbt_event *event, const struct vbt_kernel_record *record,
			   uint16_t source);

/* Fill a statement of loss: `count` events of `source` between the times `from` and `to`. */
void vbt_event_lost(struct vbt_event *event, uint16_t source, uint64_t from, uint64_t to,
		    uint64_t count);

/* "pop", "signal_done", …; NULL if there is no such point. Static strings. */
const char *vbt_point_name(unsigned point);
/* 'K' … 'O'; '?' if it is no mark. */
char vbt_mark_letter(unsigned mark);
/* The mark's meaning in a sentence, from the stage table; NULL if it is no mark. */
const char *vbt_mark_meaning(unsigned mark);

#endif
