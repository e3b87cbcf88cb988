/* SPDX-License-Identifier: MIT */
/*
 * The out-of-line half of STAGE_POINT: one USDT site and one ring record for each point. Out of
 * line so that the inlined half stays one compare and one branch, and so that each probe has one
 * site, whatever the number of places that fire it.
 */
#define _SDT_HAS_SEMAPHORES 1
#include <pthread.h>
#include <string.h>
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

/* A record's four words: time, arg, numbers, place. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ &&
		   offsetof(struct vbt_record, seq) == 16 &&
		   offsetof(struct vbt_record, val) == 20 &&
		   offsetof(struct vbt_record, head) == 24 &&
		   offsetof(struct vbt_record, queue) == 26 &&
		   offsetof(struct vbt_record, device) == 28 &&
		   offsetof(struct vbt_record, point) == 29 &&
		   offsetof(struct vbt_record, op) == 30 && offsetof(struct vbt_record, code) == 31,
	       "what stage_fields() makes");

/* The ring is larger than a cache: a line that is to be written soon is fetched while there is other work. */
static inline void expect(const struct vbt_record *record)
{
#ifdef __x86_64__
	__asm__ volatile("prefetchw %0" : : "m"(*record));
#endif
}

#define AHEAD 24 /* records */

static inline void put_record(struct stage_thread *t, uint64_t time, uint64_t arg,
			      struct stage_fields fields)
{
	const uint64_t head = t->head;
	struct vbt_record *r = &t->records[head & t->mask];

	expect(&t->records[(head + AHEAD) & t->mask]);
	t->head = head + 1;
	r->time = time;
	r->arg = arg;
	memcpy(&r->seq, &fields, sizeof(fields));
	__atomic_store_n(&t->ring->head, head + 1, __ATOMIC_RELEASE);
#ifndef __x86_64__
	/* The next record must not become visible before this head: readers rely on it. */
	__atomic_thread_fence(__ATOMIC_RELEASE);
#endif
}

/* Where the processor's own clock will not do, or the thread has no ring. */
static __attribute__((noinline, cold)) uint64_t emit_slowly(uint64_t time, uint64_t arg,
							    struct stage_fields fields)
{
	struct stage_thread *t = &stage_thread;

	if (!t->records) {
		stage_thread_lost();
		return 0;
	}
	if (!time)
		time = stage_now();
	put_record(t, time, arg, fields);
	return time;
}

static inline uint64_t emit_record(uint64_t time, uint64_t arg, struct stage_fields fields)
{
#ifdef __x86_64__
	struct stage_thread *t = &stage_thread;

	if (__builtin_expect(t->quick, 1)) {
		if (!time)
			time = __rdtsc();
		put_record(t, time, arg, fields);
		return time;
	}
#endif
	return emit_slowly(time, arg, fields);
}

/* A second copy would be a second site of the probe; clang makes none and does not know the word. */
#ifdef __clang__
#define SINGLE __attribute__((noinline, cold))
#else
#define SINGLE __attribute__((noinline, noclone, cold))
#endif

/*
 * The USDT site has a function of its own, which is jumped to: its operands would cost the record's path
 * registers, and a call a frame. Nobody but a step that is awaited comes there for anything else.
 */
#define DEFINE_EMIT(name)                                                                   \
	static SINGLE uint64_t usdt_##name(uint64_t time, uint64_t arg,                     \
					   struct stage_fields fields)                      \
	{                                                                                   \
		const uint64_t place = fields.place;                                        \
                                                                                            \
		if (stage_state_##name.usdt) {                                              \
			STAP_PROBE8(vmm_lite, name, (uint8_t)(place >> 32),                 \
				    (uint16_t)(place >> 16), (uint32_t)fields.numbers,      \
				    (uint16_t)place, arg, (uint32_t)(fields.numbers >> 32), \
				    (uint8_t)(place >> 48), (uint8_t)(place >> 56));        \
			time = 0;                                                           \
		}                                                                           \
		if (!(stage_state_##name.ring & STAGE_RECORD))                              \
			return 0;                                                           \
		return emit_record(time, arg, fields);                                      \
	}                                                                                   \
	uint64_t stage_emit_##name(uint64_t time, uint64_t arg, struct stage_fields fields) \
	{                                                                                   \
		if (__builtin_expect(stage_state_##name.any != STAGE_RECORD << 16, 0))      \
			return usdt_##name(time, arg, fields);                              \
		return emit_record(time, arg, fields);                                      \
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

void stage_point_ring(bool on, bool snapshots, unsigned data)
{
	pthread_mutex_lock(&state_lock);
	recording = on ? STAGE_RECORD : 0;
	set_states();
	stage_state_ring.ring = snapshots ? STAGE_RECORD : 0;
	stage_data_want(data);
	stage_state_data.ring = data ? STAGE_RECORD : 0;
	pthread_mutex_unlock(&state_lock);
}

void stage_point_step(bool on)
{
	pthread_mutex_lock(&state_lock);
	stepping = on ? STAGE_STEP : 0;
	set_states();
	pthread_mutex_unlock(&state_lock);
}
