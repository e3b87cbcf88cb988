/* SPDX-License-Identifier: MIT */
/*
 * Lives written out by hand, event by event, for tests of one rule of the correlator at a time:
 * one target, one device of two queues, each served by a thread of its own, and one vCPU.
 */
#ifndef TESTS_LIFE_H
#define TESTS_LIFE_H

#include <string.h>

#include "lib/correlate.h"

#define LIFE_QUEUES   2
#define LIFE_REQUESTS 16
#define LIFE_GSI      11u
#define LIFE_VECTOR   0x23u
#define LIFE_VCPU     30u               /* its task; its APIC has the id 0 */
#define LIFE_TASK(q)  (10u + (q))       /* that serves queue q */
#define LIFE_KEY(seq) (0x1000u + (seq)) /* of a request's host I/O */

struct life {
	struct vbt_trace_info info;
	struct vbt_correlator *correlator;
	struct vbt_request request[LIFE_QUEUES][LIFE_REQUESTS]; /* as they came out, by seq */
	unsigned requests;
	uint32_t pushes[LIFE_QUEUES], signals[LIFE_QUEUES];
	uint64_t clock; /* of the next event: 100 ns after the last one */
};

static inline void life_request(void *context, const struct vbt_request *request)
{
	struct life *life = context;

	if (request->queue < LIFE_QUEUES && request->seq < LIFE_REQUESTS)
		life->request[request->queue][request->seq] = *request;
	life->requests++;
}

/* flags: VBT_DEVICE_* */
static inline void life_begin(struct life *life, uint32_t flags)
{
	struct vbt_target target = {.pid = 7, .points = UINT32_MAX, .from_start = true};
	struct vbt_source source = {.kind = VBT_SOURCE_KERNEL, .name = "kernel"};
	struct vbt_device device = {
	    .shm = {.present = 1, .queues = LIFE_QUEUES, .flags = flags, .gsi = LIFE_GSI}};
	struct vbt_correlator_options options = {
	    .info = &life->info, .request = life_request, .context = life};

	memset(life, 0, sizeof(*life));
	life->clock = 1000000;
	vbt_trace_info_init(&life->info);
	vbt_trace_info_set_target(&life->info, 0, &target);
	vbt_trace_info_set_source(&life->info, 0, &source);
	for (unsigned q = 0; q < LIFE_QUEUES; q++) {
		source = (struct vbt_source){
		    .kind = VBT_SOURCE_RING, .tid = LIFE_TASK(q), .name = "queue"};
		vbt_trace_info_set_source(&life->info, (uint16_t)(1 + q), &source);
	}
	vbt_trace_info_set_device(&life->info, &device);
	life->correlator = vbt_correlator_new(&options);
}

static inline void life_end(struct life *life)
{
	vbt_correlator_finish(life->correlator);
}

static inline void life_release(struct life *life)
{
	vbt_correlator_free(life->correlator);
	vbt_trace_info_release(&life->info);
}

/* The time of the event. */
static inline uint64_t life_event(struct life *life, struct vbt_event event)
{
	life->clock += 100;
	event.time = life->clock;
	vbt_correlator_events(life->correlator, &event, 1);
	return event.time;
}

/* A point of the VMM in the thread of a queue. */
#define VMM(life, q, point_, ...)                                          \
	life_event(life, (struct vbt_event){.point = (point_),             \
					    .queue = (uint16_t)(q),        \
					    .source = (uint16_t)(1 + (q)), \
					    .tid = LIFE_TASK(q),           \
					    __VA_ARGS__})
/* One of the kernel. */
#define KERNEL(life, tid_, point_, ...) \
	life_event(life, (struct vbt_event){.point = (point_), .tid = (tid_), __VA_ARGS__})

/* Wake, without a kick, to submit by io_uring. */
static inline void life_submit(struct life *life, unsigned q, uint32_t seq, unsigned op,
			       uint32_t bytes)
{
	VMM(life, q, VBT_MARK_wake, .code = VBT_WAKE_recheck);
	VMM(life, q, VBT_MARK_pop, .seq = seq);
	VMM(life, q, VBT_MARK_parse, .seq = seq, .op = (uint8_t)op, .val = bytes);
	VMM(life, q, VBT_MARK_submit, .seq = seq, .op = VBT_IO_io_uring, .arg = LIFE_KEY(seq));
}

static inline void life_bio(struct life *life, uint32_t seq, unsigned point, unsigned sectors,
			    uint8_t flags)
{
	KERNEL(life, 0, point, .key = LIFE_KEY(seq), .aux = (uint16_t)sectors, .flags = flags);
}

static inline uint64_t life_push(struct life *life, unsigned q, uint32_t seq)
{
	VMM(life, q, VBT_MARK_reap, .seq = seq, .op = VBT_IO_io_uring, .arg = LIFE_KEY(seq));
	return VMM(life, q, VBT_MARK_push, .seq = seq, .arg = ++life->pushes[q]);
}

/* The window of an interrupt: opened, and closed. */
static inline uint64_t life_signal(struct life *life, unsigned q)
{
	return VMM(life, q, VBT_MARK_signal, .arg = ++life->signals[q], .val = life->pushes[q],
		   .code = VBT_SIGNAL_sent);
}

static inline void life_signal_done(struct life *life, unsigned q)
{
	VMM(life, q, VBT_AUX_signal_done, .arg = life->signals[q]);
}

static inline uint64_t life_line(struct life *life, uint32_t tid, bool high)
{
	return KERNEL(life, tid, VBT_MARK_msi, .key = LIFE_GSI, .arg = high, .flags = VBT_MSI_LINE);
}

static inline void life_accept(struct life *life, uint32_t tid)
{
	KERNEL(life, tid, VBT_AUX_apic_accept, .key = 0, .arg = LIFE_VECTOR);
}

static inline uint64_t life_inject(struct life *life)
{
	return KERNEL(life, LIFE_VCPU, VBT_MARK_inject, .key = LIFE_VECTOR);
}

static inline uint64_t life_eoi(struct life *life)
{
	return KERNEL(life, LIFE_VCPU, VBT_MARK_eoi, .key = LIFE_VECTOR);
}

#endif
