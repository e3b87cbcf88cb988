/* SPDX-License-Identifier: MIT */
/*
 * Random schedules of requests with known truth, for test_correlate.c: what a VMM with a thread a
 * queue, a host and a guest could have done, as the events that the sources would have seen.
 */
#ifndef TESTS_SCHEDULE_H
#define TESTS_SCHEDULE_H

#include <stdlib.h>
#include <string.h>

#include "lib/event.h"
#include "lib/request.h"

#define QUEUES     3
#define VCPUS      2
#define MAX_SEQ    160
#define MAX_EVENTS 16384
#define MAX_KICKS  1024
#define QUEUE_TID  20u
#define VCPU_TID   100u
#define KERNEL     0u /* sources: the kernel, the queues' rings, the vCPUs' */
#define QUEUE_RING 1u
#define VCPU_RING  (QUEUE_RING + QUEUES)
#define DOORBELL   0xfe003000u
#define SLOTS      64
#define FIRST_TIME 1000000u

struct truth {
	uint64_t mark[VBT_MARK_COUNT]; /* 0: did not happen */
	uint64_t kick_seq, irq_seq;
	int vcpu; /* that kicked; -1: none */
	unsigned cookie;
	uint32_t leader;
	bool host_io, held;
};

struct sim_queue {
	struct truth request[MAX_SEQ + 1];
	unsigned index, method;
	uint32_t seq; /* of the last pop */
	uint64_t now;
	uint64_t kicks, served, irq_seq;
	uint64_t kick_time[MAX_KICKS];
	int kick_vcpu[MAX_KICKS];
	uint32_t flying[MAX_SEQ];
	unsigned flights;
	uint32_t push_seq;
	uint32_t waiting[MAX_SEQ]; /* pushed, not signalled */
	unsigned waits;
	bool slot_busy[SLOTS];
	/* The vector at its local APIC: requests by interrupt that wait, or are in service. */
	uint32_t pending[MAX_SEQ], service[MAX_SEQ];
	unsigned pendings, services;
	uint64_t inject_at, eoi_at;
};

struct schedule {
	uint64_t random;
	struct sim_queue queue[QUEUES];
	struct vbt_event event[MAX_EVENTS];
	unsigned events;
	/* How wild it is, in percent. */
	unsigned merge, split, cached, hold, suppress, recheck, paravirtual;
};

static uint64_t draw(struct schedule *s, uint64_t below)
{
	s->random ^= s->random << 13;
	s->random ^= s->random >> 7;
	s->random ^= s->random << 17;
	return (s->random >> 11) % below;
}

static bool chance(struct schedule *s, unsigned percent)
{
	return draw(s, 100) < percent;
}

static struct vbt_event *add(struct schedule *s, unsigned point, uint64_t time, unsigned source)
{
	struct vbt_event *e = &s->event[s->events++];

	if (s->events == MAX_EVENTS)
		abort();
	*e = (struct vbt_event){.point = (uint8_t)point, .time = time, .source = (uint16_t)source};
	return e;
}

/* VMM times are even and kernel times odd, 3 modulo 4 if a vCPU was it: so the order is never in doubt. */
static uint64_t tick(struct schedule *s, struct sim_queue *q, unsigned most)
{
	q->now = (q->now + 4 + draw(s, most)) & ~3ull;
	return q->now;
}

static struct vbt_event *vmm(struct schedule *s, struct sim_queue *q, unsigned point, uint32_t seq)
{
	struct vbt_event *e = add(s, point, tick(s, q, 400), QUEUE_RING + q->index);

	e->tid = QUEUE_TID + q->index;
	e->queue = (uint16_t)q->index;
	e->seq = seq;
	e->head = (uint16_t)(seq % 7);
	if (seq && point < VBT_MARK_COUNT)
		q->request[seq].mark[point] = e->time;
	return e;
}

static struct vbt_event *kernel(struct schedule *s, unsigned point, uint64_t time, uint32_t tid)
{
	struct vbt_event *e = add(s, point, time | 1, KERNEL);

	e->tid = tid;
	return e;
}

static void deliver(struct sim_queue *q, uint32_t *list, unsigned count, unsigned mark,
		    uint64_t time)
{
	for (unsigned i = 0; i < count; i++)
		q->request[list[i]].mark[mark] = time | 3;
}

/* What the vCPU did with this queue's vector before that time. */
static void guest_until(struct schedule *s, struct sim_queue *q, uint64_t time)
{
	uint32_t tid = VCPU_TID + q->index % VCPUS;
	struct vbt_event *e;

	for (;;) {
		if (q->services && (q->eoi_at | 3) < time) {
			e = kernel(s, VBT_MARK_eoi, q->eoi_at | 3, tid);
			e->key = 0x41 + q->index;
			e->arg = q->index % VCPUS;
			deliver(q, q->service, q->services, VBT_MARK_eoi, q->eoi_at);
			q->services = 0;
			if (chance(s, s->paravirtual)) {
				q->eoi_at += 4 + draw(s, 500);
				e = kernel(s, VBT_MARK_eoi, q->eoi_at | 3, tid);
				e->key = 0x41 + q->index;
				e->arg = q->index % VCPUS;
				e->flags = VBT_EOI_PARAVIRTUAL;
			}
			q->inject_at = q->eoi_at + 4 + draw(s, 500);
		} else if (!q->services && q->pendings && (q->inject_at | 3) < time) {
			e = kernel(s, VBT_MARK_inject, q->inject_at | 3, tid);
			e->key = 0x41 + q->index;
			deliver(q, q->pending, q->pendings, VBT_MARK_inject, q->inject_at);
			memcpy(q->service, q->pending, sizeof(q->service));
			q->services = q->pendings;
			q->pendings = 0;
			q->eoi_at = q->inject_at + 4 + draw(s, 3000);
		} else {
			return;
		}
	}
}

static void kick(struct schedule *s, struct sim_queue *q)
{
	unsigned vcpu = (unsigned)draw(s, VCPUS);
	uint64_t time = tick(s, q, 800) | 1;
	struct vbt_event *e = kernel(s, VBT_MARK_kick, time, VCPU_TID + vcpu);

	q->kicks++;
	q->kick_time[q->kicks] = time;
	q->kick_vcpu[q->kicks] = (int)vcpu;
	e->key = DOORBELL + 4 * q->index;
	e->arg = q->kicks << 32 | q->index;
	e->flags = VBT_KICK_FAST_MMIO;
}

static uint64_t address_of(const struct sim_queue *q, unsigned cookie)
{
	return 0x7f0000000000 + q->index * 0x100000 + cookie * 0x100;
}

/* The host's block I/O of a request: one bio or several, or none. Returns when it is done. */
static uint64_t host_io(struct schedule *s, struct sim_queue *q, struct truth *r)
{
	unsigned bios = chance(s, s->split) ? 2 + (unsigned)draw(s, 3) : 1;
	uint64_t start = q->now, done = start;
	bool uring = q->method == VBT_IO_io_uring;

	r->host_io = !chance(s, s->cached);
	for (unsigned i = 0; r->host_io && i < bios; i++) {
		uint64_t time = start;

		for (unsigned mark = VBT_MARK_queue; mark <= VBT_MARK_complete; mark++) {
			struct vbt_event *e;

			/* No disk is faster than the clocks are wrong. */
			time += mark == VBT_MARK_complete ? 200 + draw(s, 9000) : 2 + draw(s, 300);
			time |= 1;
			e = kernel(s, mark, time,
				   mark == VBT_MARK_complete ? 0 : QUEUE_TID + q->index);
			e->key = uring ? address_of(q, r->cookie)
				       : VBT_KEY_TASK | (QUEUE_TID + q->index);
			e->aux = (uint16_t)(i + 1 < bios ? 8 / bios : 8 - i * (8 / bios));
			if (!r->mark[mark] || (mark == VBT_MARK_complete ? time > r->mark[mark]
									 : time < r->mark[mark]))
				r->mark[mark] = time;
			done = time > done ? time : done;
		}
	}
	return done;
}

static void submit(struct schedule *s, struct sim_queue *q, uint32_t seq, uint32_t *last)
{
	struct truth *r = &q->request[seq], *leader;
	struct vbt_event *e;
	uint64_t done;

	while (q->slot_busy[r->cookie])
		r->cookie = (r->cookie + 1) % SLOTS;
	q->slot_busy[r->cookie] = true;
	e = vmm(s, q, VBT_MARK_submit, seq);
	e->op = (uint8_t)q->method;
	e->arg = address_of(q, r->cookie);
	e->val = 4096;
	q->flying[q->flights++] = seq;
	if (q->method == VBT_IO_io_uring && *last && chance(s, s->merge)) {
		r->leader = q->request[*last].leader ? q->request[*last].leader : *last;
		leader = &q->request[r->leader];
		for (unsigned mark = VBT_MARK_queue; mark <= VBT_MARK_complete; mark++)
			r->mark[mark] = leader->mark[mark];
		r->host_io = leader->host_io;
		e->code = 1;
		*last = seq;
		return;
	}
	*last = seq;
	done = host_io(s, q, r);
	if (q->method == VBT_IO_sync)
		q->now = done > q->now ? done : q->now;
}

static void push(struct schedule *s, struct sim_queue *q, uint32_t seq)
{
	struct vbt_event *e = vmm(s, q, VBT_MARK_push, seq);

	e->arg = ++q->push_seq;
	e->val = 4097;
	q->waiting[q->waits++] = seq;
}

static void reap(struct schedule *s, struct sim_queue *q, unsigned at)
{
	uint32_t seq = q->flying[at];
	struct vbt_event *e = vmm(s, q, VBT_MARK_reap, seq);

	e->op = (uint8_t)q->method;
	e->arg = address_of(q, q->request[seq].cookie);
	q->slot_busy[q->request[seq].cookie] = false;
	memmove(q->flying + at, q->flying + at + 1, (--q->flights - at) * sizeof(*q->flying));
	push(s, q, seq);
}

static void pop(struct schedule *s, struct sim_queue *q, bool own_kick, uint32_t *last)
{
	uint32_t seq = ++q->seq;
	struct truth *r = &q->request[seq];
	struct vbt_event *e = vmm(s, q, VBT_MARK_pop, seq);

	r->kick_seq = e->arg = q->served;
	r->vcpu = -1;
	if (own_kick) {
		/* The wake is the caller's. */
		r->mark[VBT_MARK_kick] = q->kick_time[q->served];
		r->vcpu = q->kick_vcpu[q->served];
	}
	e = vmm(s, q, VBT_MARK_parse, seq);
	e->arg = seq * 8;
	e->val = 4096;
	if (chance(s, 5)) {
		e->code = (uint8_t)draw(s, 2); /* refused, or answered by the VMM itself */
		push(s, q, seq);
		return;
	}
	submit(s, q, seq, last);
	if (q->method != VBT_IO_io_uring)
		reap(s, q, q->flights - 1);
}

static void interrupt(struct schedule *s, struct sim_queue *q, const uint32_t *told, unsigned count)
{
	uint32_t tid = QUEUE_TID + q->index;
	struct vbt_event *e = kernel(s, VBT_MARK_msi, tick(s, q, 300), tid);
	uint64_t time = e->time;

	e->key = 0xfee00000;
	e->arg = 0x41 + q->index;
	for (unsigned i = 0; i < count; i++)
		q->request[told[i]].mark[VBT_MARK_msi] = time;
	e = kernel(s, VBT_AUX_apic_accept, tick(s, q, 100), tid);
	e->key = q->index % VCPUS;
	e->arg = 0x41 + q->index;
	guest_until(s, q, e->time);
	if (!q->pendings && !q->services)
		q->inject_at = (e->time > q->eoi_at ? e->time : q->eoi_at + 4) + 2 + draw(s, 2000);
	memcpy(q->pending + q->pendings, told, count * sizeof(*told));
	q->pendings += count;
	e = vmm(s, q, VBT_AUX_signal_done, 0);
	e->arg = q->irq_seq;
}

static void decide(struct schedule *s, struct sim_queue *q, bool send)
{
	uint32_t told[MAX_SEQ];
	struct vbt_event *e;
	unsigned count = 0, kept = 0;
	bool held;

	if (!q->waits)
		return;
	e = vmm(s, q, VBT_MARK_signal, 0);
	e->code = VBT_SIGNAL_sent;
	if (!send && chance(s, s->hold))
		e->code = VBT_SIGNAL_masked;
	else if (!send && chance(s, s->suppress))
		e->code = chance(s, 50) ? VBT_SIGNAL_no_interrupt : VBT_SIGNAL_event_idx;
	held = e->code == VBT_SIGNAL_masked;
	q->irq_seq += e->code == VBT_SIGNAL_sent;
	e->arg = q->irq_seq;
	e->val = q->push_seq;
	for (unsigned i = 0; i < q->waits; i++) {
		struct truth *r = &q->request[q->waiting[i]];

		if (e->code == VBT_SIGNAL_sent) {
			r->irq_seq = e->arg;
			told[count++] = q->waiting[i];
		} else if (held || r->held) {
			q->waiting[kept++] = q->waiting[i];
			if (!held)
				continue;
			r->held = true;
		}
		r->mark[VBT_MARK_signal] = e->time;
	}
	q->waits = kept;
	if (count)
		interrupt(s, q, told, count);
}

/* Reap what is done by now: any of it, in any order. */
static void complete_some(struct schedule *s, struct sim_queue *q, bool all)
{
	uint64_t last = q->now;

	for (unsigned i = 0; all && i < q->flights; i++)
		if (q->request[q->flying[i]].mark[VBT_MARK_complete] > last)
			last = q->request[q->flying[i]].mark[VBT_MARK_complete];
	q->now = last + 1;
	for (unsigned i = q->flights; i-- > 0;)
		if (i < q->flights && q->request[q->flying[i]].mark[VBT_MARK_complete] < q->now &&
		    (all || chance(s, 60)))
			reap(s, q, i);
}

static void serve(struct schedule *s, struct sim_queue *q)
{
	bool own = !chance(s, s->recheck);
	unsigned pops = (unsigned)draw(s, 6);
	uint64_t kicks = 0, before = q->served, wake;
	uint32_t last = 0;
	struct vbt_event *e;

	if (own)
		for (kicks = 1 + draw(s, 3); q->served < before + kicks; q->served++)
			kick(s, q);
	e = vmm(s, q, VBT_MARK_wake, 0);
	e->arg = q->served;
	e->val = (uint32_t)kicks;
	e->code = own ? VBT_WAKE_ioeventfd : VBT_WAKE_recheck;
	wake = e->time;
	for (unsigned i = 0; i < pops && q->seq < MAX_SEQ && q->flights < SLOTS - 8; i++) {
		pop(s, q, own, &last);
		if (own)
			q->request[q->seq].mark[VBT_MARK_wake] = wake;
	}
	q->now += draw(s, 6000);
	complete_some(s, q, false);
	decide(s, q, false);
}

static int by_time(const void *a, const void *b)
{
	const struct vbt_event *x = a, *y = b;

	return x->time < y->time ? -1 : x->time > y->time;
}

static void schedule_make(struct schedule *s, uint64_t seed)
{
	memset(s, 0, sizeof(*s));
	s->random = seed * 0x9e3779b97f4a7c15ull | 1;
	for (unsigned i = 0; i < 8; i++)
		draw(s, 2);
	s->merge = (unsigned)draw(s, 3) * 20;
	s->split = (unsigned)draw(s, 3) * 20;
	s->cached = (unsigned)draw(s, 3) * 20;
	s->hold = (unsigned)draw(s, 3) * 10;
	s->suppress = (unsigned)draw(s, 3) * 25;
	s->recheck = (unsigned)draw(s, 3) * 20;
	s->paravirtual = (unsigned)draw(s, 3) * 50;
	for (unsigned i = 0; i < QUEUES; i++) {
		struct sim_queue *q = &s->queue[i];
		unsigned rounds = 4 + (unsigned)draw(s, 26);

		q->index = i;
		q->method = chance(s, 60) ? VBT_IO_io_uring : VBT_IO_sync;
		q->now = FIRST_TIME + 2 * draw(s, 500);
		for (unsigned j = 0; j < rounds; j++)
			serve(s, q);
		complete_some(s, q, true);
		decide(s, q, true);
		guest_until(s, q, UINT64_MAX);
	}
	qsort(s->event, s->events, sizeof(s->event[0]), by_time);
}

#endif
