/* SPDX-License-Identifier: MIT */
/*
 * Writes a trace of any length, for the benchmarks: make_trace EVENTS DEPTH FILE [attached].
 * `attached`: as if recorded from a VMM that ran already, so that some links are inferred.
 *
 * Two queues with a thread and a vCPU each, over io_uring on a direct disk. Every request has all 14
 * marks. Each queue keeps DEPTH requests in flight: a kick for what the guest submits at once, then
 * pops, block I/O that ends in any order, one interrupt for what is done by then. At depth 1 each
 * request has a kick and an interrupt of its own: 16 events. The numbers are drawn from a fixed
 * seed, so the same arguments give the same bytes.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/reorder.h"
#include "lib/trace_writer.h"

#define QUEUES    2u
#define MAX_DEPTH 128u
#define DOORBELL  0xfe003000u
#define VECTOR    0x41u
#define SECTORS   (64u << 21)
#define PID       1000u
#define QUEUE_TID 1010u
#define VCPU_TID  1020u
#define CLOCK_ERR 60u

struct request {
	uint64_t done; /* when the disk has finished it */
	uint64_t sector;
	uint32_t seq, bytes;
	uint16_t head;
	uint8_t op;
};

struct queue {
	unsigned index;
	uint64_t now;
	struct request flying[MAX_DEPTH];
	unsigned flights;
	uint16_t free_head[MAX_DEPTH];
	unsigned free_heads;
	uint32_t seq, avail;
	uint64_t kicks, push_seq, irq_seq;
};

struct maker {
	uint64_t random, left;
	unsigned depth;
	struct vbt_reorder *merger;
	struct vbt_trace_writer *writer;
	struct queue queue[QUEUES];
};

static void die(const char *what, const char *why)
{
	fprintf(stderr, "make_trace: %s: %s\n", what, why);
	exit(1);
}

static uint64_t draw(struct maker *m, uint64_t below)
{
	m->random ^= m->random << 13;
	m->random ^= m->random >> 7;
	m->random ^= m->random << 17;
	return (m->random >> 11) % below;
}

/* A time around `typical`, with a tail: a quarter below, one in 64 up to 8 times as long. */
static uint64_t jitter(struct maker *m, uint64_t typical)
{
	uint64_t ns = typical - typical / 4 + draw(m, typical / 2 + 1);

	return draw(m, 64) ? ns : ns * (2 + draw(m, 7));
}

static int to_file(void *context, const struct vbt_event *events, size_t count)
{
	return vbt_trace_writer_events(context, events, count);
}

static void put(struct maker *m, unsigned stream, const struct vbt_event *event)
{
	if (vbt_reorder_push(m->merger, stream, event, 1))
		die("cannot write the trace", vbt_trace_writer_error(m->writer));
	m->left -= m->left > 0;
}

/* A stage point in the queue's thread, `ns` behind the one before. */
static void vmm(struct maker *m, struct queue *q, uint64_t ns, struct vbt_event event)
{
	q->now += jitter(m, ns);
	event.time = q->now;
	event.tid = QUEUE_TID + q->index;
	event.source = (uint16_t)(1 + q->index);
	event.queue = (uint16_t)q->index;
	put(m, event.source, &event);
}

static void kernel(struct maker *m, uint64_t time, uint32_t tid, struct vbt_event event)
{
	event.time = time;
	event.tid = tid;
	put(m, 0, &event);
}

static uint64_t cookie_of(const struct queue *q, uint16_t head)
{
	return 0x7f1200000000u + q->index * 0x100000u + head * 0x180u;
}

static void submit_one(struct maker *m, struct queue *q)
{
	struct request *r = &q->flying[q->flights++];

	*r = (struct request){
	    .seq = ++q->seq,
	    .head = q->free_head[--q->free_heads],
	    .op = draw(m, 10) < 3,
	    .bytes = draw(m, 8) ? 4096 : 4096u << draw(m, 5),
	    .sector = draw(m, SECTORS / 8) * 8,
	};
	vmm(m, q, 250,
	    (struct vbt_event){.point = VBT_MARK_pop,
			       .seq = r->seq,
			       .head = r->head,
			       .arg = q->kicks,
			       .val = q->avail++ & 0xffff});
	vmm(m, q, 120,
	    (struct vbt_event){.point = VBT_MARK_parse,
			       .seq = r->seq,
			       .head = r->head,
			       .arg = r->sector,
			       .val = r->bytes,
			       .op = r->op});
	vmm(m, q, 200,
	    (struct vbt_event){.point = VBT_MARK_submit,
			       .seq = r->seq,
			       .head = r->head,
			       .arg = cookie_of(q, r->head),
			       .val = r->bytes,
			       .op = VBT_IO_io_uring});
}

/* The guest submits until DEPTH are in flight, and kicks once; the VMM wakes and submits. */
static void serve_kick(struct maker *m, struct queue *q)
{
	unsigned first = q->flights, tid = QUEUE_TID + q->index;
	uint64_t time;

	kernel(m, q->now += jitter(m, 3000), VCPU_TID + q->index,
	       (struct vbt_event){.point = VBT_MARK_kick,
				  .key = DOORBELL + 4 * q->index,
				  .arg = ++q->kicks << 32 | q->index,
				  .flags = VBT_KICK_FAST_MMIO});
	vmm(m, q, 4000,
	    (struct vbt_event){
		.point = VBT_MARK_wake, .arg = q->kicks, .val = 1, .code = VBT_WAKE_ioeventfd});
	while (q->flights < m->depth)
		submit_one(m, q);
	for (unsigned i = first; i < q->flights; i++) {
		struct request *r = &q->flying[i];
		struct vbt_event bio = {.point = VBT_MARK_queue,
					.key = cookie_of(q, r->head),
					.arg = r->sector,
					.aux = (uint16_t)(r->bytes / 512),
					.flags = VBT_BIO_POINTER};

		kernel(m, q->now += jitter(m, 900), tid, bio);
		bio.point = VBT_MARK_issue;
		bio.flags = 0;
		time = q->now += jitter(m, 700);
		kernel(m, time, tid, bio);
		r->done = time + jitter(m, 60000);
		bio.point = VBT_MARK_complete;
		kernel(m, r->done, 0, bio);
	}
}

/* What is done by now, at least one, goes back to the guest with one interrupt. */
static void serve_completions(struct maker *m, struct queue *q)
{
	uint64_t first = UINT64_MAX, end, time;
	unsigned kept = 0;

	for (unsigned i = 0; i < q->flights; i++)
		first = q->flying[i].done < first ? q->flying[i].done : first;
	if (q->now < first)
		q->now = first;
	q->now += jitter(m, 3500);
	end = q->now;
	for (unsigned i = 0; i < q->flights; i++) {
		struct request r = q->flying[i];

		if (r.done > end) {
			q->flying[kept++] = r;
			continue;
		}
		vmm(m, q, 150,
		    (struct vbt_event){.point = VBT_MARK_reap,
				       .seq = r.seq,
				       .head = r.head,
				       .arg = cookie_of(q, r.head),
				       .op = VBT_IO_io_uring});
		vmm(m, q, 120,
		    (struct vbt_event){.point = VBT_MARK_push,
				       .seq = r.seq,
				       .head = r.head,
				       .arg = ++q->push_seq,
				       .val = r.op ? 1 : r.bytes + 1});
		q->free_head[q->free_heads++] = r.head;
	}
	q->flights = kept;
	vmm(m, q, 100,
	    (struct vbt_event){.point = VBT_MARK_signal,
			       .arg = ++q->irq_seq,
			       .val = (uint32_t)q->push_seq,
			       .op = (uint8_t)(1 + q->index)});
	kernel(m, q->now += jitter(m, 900), QUEUE_TID + q->index,
	       (struct vbt_event){
		   .point = VBT_MARK_msi, .key = 0xfee00000u, .arg = VECTOR + q->index});
	kernel(m, q->now += jitter(m, 250), QUEUE_TID + q->index,
	       (struct vbt_event){
		   .point = VBT_AUX_apic_accept, .key = q->index, .arg = VECTOR + q->index});
	vmm(m, q, 600,
	    (struct vbt_event){
		.point = VBT_AUX_signal_done, .arg = q->irq_seq, .op = (uint8_t)(1 + q->index)});
	time = q->now + jitter(m, 1500);
	kernel(m, time, VCPU_TID + q->index,
	       (struct vbt_event){.point = VBT_MARK_inject, .key = VECTOR + q->index});
	q->now = time + jitter(m, 4000);
	kernel(
	    m, q->now, VCPU_TID + q->index,
	    (struct vbt_event){.point = VBT_MARK_eoi, .key = VECTOR + q->index, .arg = q->index});
}

static void describe(struct vbt_trace_writer *writer, bool from_start)
{
	const struct vbt_host host = {.kernel = "none",
				      .machine = "x86_64",
				      .program = "make_trace",
				      .start_realtime_ns = 1700000000000000000u,
				      .cpus = QUEUES};
	const struct vbt_target target = {.pid = PID,
					  .clock = VBT_CLOCK_TSC,
					  .clock_error_ns = CLOCK_ERR,
					  .points = (1u << VBT_POINT_COUNT) - 1,
					  .from_start = from_start,
					  .comm = "make_trace"};
	struct vbt_device device = {.shm = {.present = 1,
					    .name = "disk0",
					    .backend = "generated",
					    .method = "io_uring",
					    .capacity = SECTORS,
					    .queues = QUEUES,
					    .flags = VBT_DEVICE_IOEVENTFD | VBT_DEVICE_IRQFD |
						     VBT_DEVICE_MSIX | VBT_DEVICE_DIRECT,
					    .mmio_notify = DOORBELL,
					    .mmio_stride = 4}};
	struct vbt_source source = {.kind = VBT_SOURCE_KERNEL, .name = "kernel"};

	vbt_trace_writer_host(writer, &host);
	vbt_trace_writer_target(writer, 0, &target);
	vbt_trace_writer_source(writer, 0, &source);
	source.kind = VBT_SOURCE_RING;
	for (unsigned i = 0; i < 2 * QUEUES; i++) {
		bool vcpu = i >= QUEUES;

		source.tid = (vcpu ? VCPU_TID : QUEUE_TID) + i % QUEUES;
		snprintf(source.name, sizeof(source.name), vcpu ? "vcpu%u" : "disk0-q%u",
			 i % QUEUES);
		vbt_trace_writer_source(writer, 1 + i, &source);
	}
	vbt_trace_writer_device(writer, &device);
}

static void make(struct maker *m)
{
	for (unsigned i = 0; i < QUEUES; i++) {
		struct queue *q = &m->queue[i];

		q->index = i;
		q->now = 5000000000u + draw(m, 10000);
		for (unsigned head = m->depth; head-- > 0;)
			q->free_head[q->free_heads++] = (uint16_t)head;
	}
	while (m->left) {
		struct queue *q = &m->queue[0];

		for (unsigned i = 1; i < QUEUES; i++)
			if (m->queue[i].now < q->now)
				q = &m->queue[i];
		if (vbt_reorder_drain(m->merger, q->now - 1))
			die("cannot write the trace", vbt_trace_writer_error(m->writer));
		serve_kick(m, q);
		serve_completions(m, q);
	}
	for (unsigned i = 0; i < QUEUES; i++)
		while (m->queue[i].flights)
			serve_completions(m, &m->queue[i]);
	if (vbt_reorder_drain(m->merger, UINT64_MAX) || vbt_trace_writer_finish(m->writer))
		die("cannot write the trace", vbt_trace_writer_error(m->writer));
}

int main(int argc, char **argv)
{
	static struct maker maker = {.random = 0x9e3779b97f4a7c15u};
	char err[160];
	int fd;

	if (argc != 4 && (argc != 5 || strcmp(argv[4], "attached"))) {
		fprintf(stderr, "usage: make_trace EVENTS DEPTH FILE [attached]\n");
		return 2;
	}
	maker.left = strtoull(argv[1], NULL, 10);
	maker.depth = (unsigned)strtoul(argv[2], NULL, 10);
	if (!maker.left || !maker.depth || maker.depth > MAX_DEPTH)
		die("EVENTS and DEPTH", "at least 1 event, depth 1 to 128");
	fd = open(argv[3], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		die(argv[3], strerror(errno));
	maker.writer = vbt_trace_writer_new(fd, NULL, err, sizeof(err));
	if (!maker.writer)
		die(argv[3], err);
	maker.merger = vbt_reorder_new(1u << 20, to_file, maker.writer);
	if (!maker.merger)
		die(argv[3], "out of memory");
	describe(maker.writer, argc == 4);
	make(&maker);
	vbt_reorder_free(maker.merger);
	vbt_trace_writer_free(maker.writer);
	close(fd);
	return 0;
}
