/* SPDX-License-Identifier: MIT */
/*
 * The one header of the toolkit that a VMM includes: its stage points.
 *
 *	STAGE_POINT(pop, device, queue, seq, head, arg, val, op, code);
 *
 * is at once a USDT probe `vmm_lite:pop` with these eight arguments (for vbtrace, bpftrace, perf)
 * and, when recording is switched on, a 32-byte record in this thread's shared-memory ring.
 * lib/record.h says what the fields mean at each point. With nobody attached the cost is one
 * compare and one branch; the arguments are not evaluated.
 */
#ifndef VBT_STAGE_POINT_H
#define VBT_STAGE_POINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "lib/record.h"
#include "lib/ring_item.h"
#include "lib/stage.h"

/*
 * One word per point: the low half is the USDT semaphore (the kernel counts attached probes in
 * it), the high half says whether the ring records and whether somebody steps through. One compare
 * tests all of it.
 */
union stage_state {
	struct {
		volatile uint16_t usdt;
		volatile uint16_t ring;
	};
	volatile uint32_t any;
};

#define STAGE_RECORD 1u
#define STAGE_STEP   2u /* at marks only */

/*
 * The fields of a record (lib/record.h) behind its `arg`, as they lie there: in registers they cost the call
 * nothing.
 */
struct stage_fields {
	uint64_t numbers; /* seq, val */
	uint64_t place;   /* head, queue, device, point, op, code */
};

static inline struct stage_fields stage_fields(uint8_t device, uint16_t queue, uint32_t seq,
					       uint16_t head, uint32_t val, uint8_t point,
					       uint8_t op, uint8_t code)
{
	return (struct stage_fields){
	    .numbers = seq | (uint64_t)val << 32,
	    .place = head | (uint64_t)queue << 16 | (uint64_t)device << 32 | (uint64_t)point << 40 |
		     (uint64_t)op << 48 | (uint64_t)code << 56,
	};
}

#define STAGE_POINT_DECLARE(name)                                                            \
	extern union stage_state stage_state_##name __asm__("vmm_lite_" #name "_semaphore"); \
	uint64_t stage_emit_##name(uint64_t time, uint64_t arg, struct stage_fields fields);

/* The points of a VMM; a VMM never fires kernel ones. Kept in step with lib/stage.h by a test. */
#define VBT_VMM_POINTS(X) VBT_EVENT_POINTS(X) X(ring) X(data)
/* Those that every reader gets; snapshots of the rings and data only those that ask for them. */
#define VBT_EVENT_POINTS(X) \
	X(wake)             \
	X(pop)              \
	X(parse) X(submit) X(reap) X(push) X(signal) X(signal_done) X(device) X(mark_clock) X(pause)

VBT_VMM_POINTS(STAGE_POINT_DECLARE)
#undef STAGE_POINT_DECLARE

/* A point's number is a mark's or an auxiliary point's; each name is in one of the two enums. */
enum stage_number {
	STAGE_NUMBER_wake = VBT_MARK_wake,
	STAGE_NUMBER_pop = VBT_MARK_pop,
	STAGE_NUMBER_parse = VBT_MARK_parse,
	STAGE_NUMBER_submit = VBT_MARK_submit,
	STAGE_NUMBER_reap = VBT_MARK_reap,
	STAGE_NUMBER_push = VBT_MARK_push,
	STAGE_NUMBER_signal = VBT_MARK_signal,
	STAGE_NUMBER_signal_done = VBT_AUX_signal_done,
	STAGE_NUMBER_device = VBT_AUX_device,
	STAGE_NUMBER_mark_clock = VBT_AUX_mark_clock,
	STAGE_NUMBER_ring = VBT_AUX_ring,
	STAGE_NUMBER_pause = VBT_AUX_pause,
	STAGE_NUMBER_data = VBT_AUX_data,
};

/*
 * Where in the sources a mark is made: each STAGE_POINT leaves an entry in a section of the program,
 * from which the build makes the table that `vbtrace teach` shows. STAGE_SITE marks a place that
 * goes with a mark that the kernel makes. Neither costs anything when the program runs.
 */
struct stage_site {
	const char *name, *file, *function;
	uint64_t line;
};

#define STAGE_SITE(mark)                                                                        \
	do {                                                                                    \
		static const struct stage_site stage_site_##mark                                \
		    __attribute__((used, section("stage_sites"))) = {#mark, __FILE__, __func__, \
								     __LINE__};                 \
	} while (0)

/*
 * A point at a moment that others share, in a variable of the caller's, 0 at first: the first of them that is recorded
 * reads the clock, which is most of what a record costs, and the rest have its time. For what happens at once
 * as a whole batch does, or in less time than the clock takes to read. Who lets time pass sets it to 0
 * again. A probe of USDT has a time of its own, and so has then the record.
 *
 * `show` is run after the record (STAGE_SHOW), and then the thread stands still if somebody steps through.
 */
#define STAGE_POINT_AT_SHOW(moment, name, device, queue, seq, head, arg, val, op, code, show)      \
	do {                                                                                       \
		STAGE_SITE(name);                                                                  \
		if (__builtin_expect(stage_state_##name.any != 0, 0)) {                            \
			(moment) = stage_emit_##name(                                              \
			    (moment), (arg),                                                       \
			    stage_fields((device), (queue), (seq), (head), (val),                  \
					 STAGE_NUMBER_##name, (op), (code)));                      \
			show;                                                                      \
			if (__builtin_expect(stage_state_##name.ring & STAGE_STEP, 0)) {           \
				stage_step(STAGE_NUMBER_##name, (device), (queue), (seq), (code)); \
				(moment) = 0;                                                      \
			}                                                                          \
		}                                                                                  \
	} while (0)

#define STAGE_POINT_AT(moment, name, device, queue, seq, head, arg, val, op, code) \
	STAGE_POINT_AT_SHOW(moment, name, device, queue, seq, head, arg, val, op, code, (void)0)

/* What only those want who asked for the point `what` (ring, data); it takes its time. */
#define STAGE_SHOW(moment, what, show)           \
	do {                                     \
		if (STAGE_POINT_ENABLED(what)) { \
			show;                    \
			(moment) = 0;            \
		}                                \
	} while (0)

/* The same at a moment of its own. */
#define STAGE_POINT_SHOW(name, device, queue, seq, head, arg, val, op, code, what, show)        \
	do {                                                                                    \
		uint64_t stage_moment = 0;                                                      \
                                                                                                \
		STAGE_POINT_AT_SHOW(stage_moment, name, device, queue, seq, head, arg, val, op, \
				    code, STAGE_SHOW(stage_moment, what, show));                \
		(void)stage_moment;                                                             \
	} while (0)

#define STAGE_POINT(name, device, queue, seq, head, arg, val, op, code)                           \
	do {                                                                                      \
		uint64_t stage_moment = 0;                                                        \
                                                                                                  \
		STAGE_POINT_AT(stage_moment, name, device, queue, seq, head, arg, val, op, code); \
		(void)stage_moment;                                                               \
	} while (0)

/* 1 while anybody listens at all; for work that only a listener needs. */
#define STAGE_POINT_ENABLED(name) (stage_state_##name.any != 0)

struct stage_ring_options {
	const char *program;         /* shown by `vbtrace list`, e.g. "vmm-lite 1.0 run" */
	const char *flight_recorder; /* file to record into always; NULL: a memfd, on demand */
	uint64_t size;               /* bytes of all rings together; 0: default */
};

/*
 * Create the shared file and start the control thread, which follows readers and writes the
 * calibration pairs. Call once, before any other thread. 0, or -errno with a sentence in err.
 * With VBT_ATTACH_ENV in the environment it returns when a reader has attached, 10 s later at most while
 * the process with that PID lives, else 2 s, so that a recorder which starts the VMM gets its very first request.
 * An existing flight-recorder file is refused unless it is empty or an earlier recording.
 */
int stage_ring_init(const struct stage_ring_options *options, char *err, size_t err_size);

/* Stop the control thread and leave the file as it is (a memfd vanishes). Safe if not inited. */
void stage_ring_exit(void);

/*
 * Each thread that fires points gets a ring of its own: call first and last in the thread.
 * `name` (at most 15 characters) is shown to people: "disk0-q1", "vcpu0".
 * A thread without a ring still fires USDT; its records are counted as lost.
 */
void stage_thread_begin(const char *name);
void stage_thread_end(void);

/*
 * The device table. stage_device_add returns the device's index (the `device` of every point),
 * or 255 when the table is full (points still fire; the reader counts what it cannot place).
 * Between edit and publish the entry is the caller's to change; publish bumps the generation and
 * fires the `device` point. Any thread; edits of one device must not overlap.
 */
uint8_t stage_device_add(const char *name);
struct vbt_shm_device *stage_device_edit(uint8_t device); /* never NULL: a dummy if unknown */
void stage_device_publish(uint8_t device);
void stage_device_remove(uint8_t device);

/*
 * Where a published change brought or moved a doorbell of a virtual machine's device: wait until a reader that counts
 * its rings in the kernel has taken that over, so that the guest's next ring is one that it sees. Call without a lock,
 * before the guest goes on. Returns at once if there is no such reader, or none that answered the last time; a
 * reader that does not answer is waited for once, STAGE_SETTLE_SLICES times 1 ms.
 */
#define STAGE_SETTLE_SLICES 200
void stage_device_settle(void);

/*
 * Write the first `length` bytes of a request's data as records of the point `data`, as many of them
 * as readers asked for; `given`: by the guest, else for it. For STAGE_POINT_SHOW. The pieces are
 * memory of this process that was checked; the guest may change what is in them meanwhile.
 */
void stage_data(uint8_t device, uint16_t queue, uint32_t seq, bool given, const struct iovec *piece,
		int pieces, uint64_t length);

/*
 * Slow motion, for teaching: listen on the Unix socket `path`, wait for a learner and for its first
 * answer, and from then on stop at each mark until it has answered (stage_step.c says how). Call
 * after stage_ring_init, before the guest runs. 0, or -errno with a sentence in err; -EINTR when a
 * signal to end came first.
 */
int stage_step_init(const char *path, char *err, size_t err_size);

/* Let go whoever stands, for good. Call before threads that fire points are waited for. */
void stage_step_exit(void);

/* Stand at a mark. Called by STAGE_POINT. */
void stage_step(unsigned mark, uint8_t device, uint16_t queue, uint32_t seq, uint8_t code);

#endif
