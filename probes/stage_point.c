/* SPDX-License-Identifier: MIT */
/*
 * The out-of-line half of STAGE_POINT: one USDT site and one ring record for each point. Out of
 * line so that the inlined half stays one compare and one branch, and so that each probe has one
 * site, whatever the number of places that fire it.
 */
#define _SDT_HAS_SEMAPHORES 1
#include <pthread.h>
#include <sys/sdt.h>

#include "probes/stage_point.h"
#include "probes/stage_shm.h"

__thread struct stage_thread stage_thread;

/*
 * In a section with contents: the kernel finds the semaphore by its offset in the file, so .bss
 * would not do.
 */
#define DEFINE_STATE(name)                                                                     \
	union stage_state stage_state_##name __attribute__((section(".probes"))) = {.any = 0}; \
	extern uint16_t vmm_lite_##name##_semaphore; /* its low half, by the name sdt.h uses */
VBT_VMM_POINTS(DEFINE_STATE)

static inline void emit_record(uint8_t point, uint8_t device, uint16_t queue, uint32_t seq,
			       uint16_t head, uint64_t arg, uint32_t val, uint8_t op, uint8_t code)
{
	struct stage_thread *t = &stage_thread;
	struct vbt_record *r;

	if (__builtin_expect(t->records == NULL, 0)) {
		stage_thread_lost();
		return;
	}
	r = &t->records[t->head & t->mask];
	r->time = stage_now();
	r->arg = arg;
	r->seq = seq;
	r->val = val;
	r->head = head;
	r->queue = queue;
	r->device = device;
	r->point = point;
	r->op = op;
	r->code = code;
	__atomic_store_n(&t->ring->head, ++t->head, __ATOMIC_RELEASE);
#ifndef __x86_64__
	/* The next record must not become visible before this head: readers rely on it. */
	__atomic_thread_fence(__ATOMIC_RELEASE);
#endif
}

/* A second copy would be a second site of the probe; clang makes none and does not know the word. */
#ifdef __clang__
#define SINGLE __attribute__((noinline, cold))
#else
#define SINGLE __attribute__((noinline, noclone, cold))
#endif

/* The USDT site has a function of its own: its operands would cost the record's path registers. */
#define DEFINE_EMIT(name)                                                                        \
	static SINGLE void usdt_##name(uint8_t device, uint16_t queue, uint32_t seq,             \
				       uint16_t head, uint64_t arg, uint32_t val, uint8_t op,    \
				       uint8_t code)                                             \
	{                                                                                        \
		STAP_PROBE8(vmm_lite, name, device, queue, seq, head, arg, val, op, code);       \
	}                                                                                        \
	void stage_emit_##name(uint8_t device, uint16_t queue, uint32_t seq, uint16_t head,      \
			       uint64_t arg, uint32_t val, uint8_t op, uint8_t code)             \
	{                                                                                        \
		if (__builtin_expect(stage_state_##name.usdt != 0, 0))                           \
			usdt_##name(device, queue, seq, head, arg, val, op, code);               \
		if (stage_state_##name.ring & STAGE_RECORD)                                      \
			emit_record(STAGE_NUMBER_##name, device, queue, seq, head, arg, val, op, \
				    code);                                                       \
	}
VBT_VMM_POINTS(DEFINE_EMIT)

/* What the state words of the ring's half are made of; the control thread and a learner change it. */
static pthread_mutex_t state_lock = PTHREAD_MUTEX_INITIALIZER;
static uint16_t recording, stepping;

static void set_states(void)
{
#define SET_RING(name)            \
	stage_state_##name.ring = \
	    (uint16_t)(recording | ((int)STAGE_NUMBER_##name < VBT_MARK_COUNT ? stepping : 0));
	VBT_EVENT_POINTS(SET_RING)
}

void stage_point_ring(bool on, bool snapshots)
{
	pthread_mutex_lock(&state_lock);
	recording = on ? STAGE_RECORD : 0;
	set_states();
	stage_state_ring.ring = snapshots ? STAGE_RECORD : 0;
	pthread_mutex_unlock(&state_lock);
}

void stage_point_step(bool on)
{
	pthread_mutex_lock(&state_lock);
	stepping = on ? STAGE_STEP : 0;
	set_states();
	pthread_mutex_unlock(&state_lock);
}
