/* SPDX-License-Identifier: MIT */
/*
 * What the files of the VMM's side share among themselves: the mapping, this thread's ring, the
 * clock. A VMM includes probes/stage_point.h and nothing else.
 */
#ifndef VBT_STAGE_SHM_H
#define VBT_STAGE_SHM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#ifdef __x86_64__
#include <x86intrin.h>
#endif

#include "lib/now.h"
#include "lib/record.h"

/* A thread's way into its ring. `records` is NULL while the thread has none. */
struct stage_thread {
	struct vbt_record *records;
	struct vbt_shm_ring *ring;
	uint64_t mask;
	uint64_t head;
	bool quick; /* there is a ring, and its clock is the processor's own */
};

/* Of a device's entry, what a reader's filters in the kernel are made of; all 0 while it cannot be rung. */
struct stage_bells {
	uint64_t pio, mmio;
	uint32_t stride, queues, gsi, unused;
};

/* The process's one mapping; header is NULL before stage_ring_init and after stage_ring_exit. */
struct stage_shm {
	struct vbt_shm_header *header;
	uint64_t next; /* file offset of the first byte that no ring has */
	int fd;

	/* stage_device.c: what readers are waited for. */
	struct stage_bells bells[VBT_SHM_MAX_DEVICES]; /* as they were published last */
	uint32_t moved;      /* atomic: the generation that rings elsewhere; 0: none yet */
	uint32_t deaf;       /* atomic: `seen` of a reader that did not answer; 0: all do */
	uint32_t unanswered; /* atomic: how often that was */
};

extern struct stage_shm stage_shm;
extern __thread struct stage_thread stage_thread;
extern bool stage_clock_is_tsc;

/* The clock of the records: raw TSC, or nanoseconds of CLOCK_MONOTONIC. */
static inline uint64_t stage_now(void)
{
#ifdef __x86_64__
	if (__builtin_expect(stage_clock_is_tsc, 1))
		return __rdtsc();
#endif
	return vbt_now_ns();
}

/* A record was fired in a thread that has no ring: count it. */
void stage_thread_lost(void);

/* stage_clock.c. Choose the clock and take the first pairs, enough for a frequency: 2 ms with the TSC. */
void stage_clock_init(struct vbt_shm_header *header);

/* Take one calibration pair, the best of several brackets, append it, fire `mark_clock`. */
void stage_clock_calibrate(struct vbt_shm_header *header);

/* stage_point.c: write the ring half of every point's state word; those of `ring` and `data` separately. */
void stage_point_ring(bool on, bool snapshots, unsigned data);

/* stage_data.c: how many bytes of a request are wanted. */
void stage_data_want(unsigned bytes);
/* The same for the bit that makes a thread stand at each mark. */
void stage_point_step(bool on);

/* stage_step.c: does a thread stand at a mark now, for a learner to answer? */
bool stage_step_stands(void);

/* stage_control.c: the thread that follows readers. 0 or -errno. */
int stage_control_start(void);

/*
 * Wait, 2 s at most, 10 s if the one that started us lives, until a reader has switched recording on, or
 * said to a flight recorder, which is always on, that it is there, or that it has attached to the USDT probes:
 * one that started us is on its way.
 */
void stage_control_await_reader(void);
void stage_control_stop(void);
void stage_control_forked(void); /* in the child of a fork: that thread is not here */

/* stage_file.c: a fresh file of `size` bytes. A descriptor, or -errno with a sentence in err. */
int stage_file_memfd(uint64_t size, char *err, size_t err_size);
int stage_file_flight(const char *path, uint64_t size, char *err, size_t err_size);

#endif
