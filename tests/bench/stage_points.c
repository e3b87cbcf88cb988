/* SPDX-License-Identifier: MIT */
/*
 * What a stage point costs, and a VMM that fires them at a given rate:
 *
 *	stage_points none COUNT           an empty loop, to be subtracted
 *	stage_points off COUNT            COUNT points with nobody attached
 *	stage_points ring COUNT FILE      COUNT points recorded in FILE; prints ns per record
 *	stage_points load RATE SECONDS    RATE records a second, for `vbtrace record`; prints their number
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/now.h"
#include "probes/stage_point.h"

#define ROUNDS 9
#define BATCH  64 /* requests between two looks at the clock */
#define QUEUE  0
#define POINTS 5 /* of a request */

/* The same loop with and without a point in it: what stands between the two is the point's. */
static __attribute__((noinline)) void loop_none(uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		__asm__ volatile("" : : "r"(i) : "memory");
}

static __attribute__((noinline)) void loop_points(uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		__asm__ volatile("" : : "r"(i) : "memory");
		STAGE_POINT(parse, 0, QUEUE, i, 1, i * 8, 4096, 0, 0);
	}
}

static int begin(const struct stage_ring_options *options)
{
	char err[200];

	if (stage_ring_init(options, err, sizeof(err))) {
		fprintf(stderr, "stage_points: %s\n", err);
		return 1;
	}
	stage_thread_begin("disk0-q0");
	return 0;
}

static int compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static int ring(uint32_t count, const char *path)
{
	const struct stage_ring_options options = {.program = "stage_points",
						   .flight_recorder = path};
	double ns[ROUNDS];

	if (begin(&options))
		return 1;
	loop_points(count); /* the ring's memory is there from here on */
	for (int i = 0; i < ROUNDS; i++) {
		uint64_t start = vbt_now_ns(), middle;

		loop_points(count);
		middle = vbt_now_ns();
		loop_none(count);
		ns[i] = ((double)(middle - start) - (double)(vbt_now_ns() - middle)) / count;
	}
	qsort(ns, ROUNDS, sizeof(ns[0]), compare);
	printf("%.2f\n", ns[ROUNDS / 2]);
	stage_ring_exit();
	return 0;
}

/* The life of a request as the queue's thread sees it. */
static void request(uint8_t device, uint32_t seq, uint64_t kicks)
{
	uint16_t head = (uint16_t)(seq % BATCH);
	uint64_t cookie = 0x7f0000000000u + head * 0x180u, sector = (seq * 2654435761u) & 0xfffff8u;

	STAGE_POINT(pop, device, QUEUE, seq, head, kicks, seq & 0xffff, 0, 0);
	STAGE_POINT(parse, device, QUEUE, seq, head, sector, 4096, 0, 0);
	STAGE_POINT(submit, device, QUEUE, seq, head, cookie, 4096, VBT_IO_null, 0);
	STAGE_POINT(reap, device, QUEUE, seq, head, cookie, 0, VBT_IO_null, 0);
	STAGE_POINT(push, device, QUEUE, seq, head, seq, 4097, 0, 0);
}

static int load(uint64_t rate, double seconds)
{
	const struct stage_ring_options options = {.program = "stage_points"};
	uint64_t start, kicks = 0, records = 0, due, end;
	uint32_t seq = 0;
	uint8_t device;

	if (begin(&options))
		return 1;
	device = stage_device_add("disk0");
	snprintf(stage_device_edit(device)->method, 12, "null");
	stage_device_edit(device)->queues = 1;
	stage_device_edit(device)->flags = VBT_DEVICE_NO_KVM;
	stage_device_publish(device);
	start = vbt_now_ns();
	end = start + (uint64_t)(seconds * 1e9);
	for (due = start; due < end; due = start + records * 1000000000u / rate) {
		struct timespec wait = {.tv_nsec = 50000};

		if (due > vbt_now_ns()) {
			nanosleep(&wait, NULL);
			continue;
		}
		kicks++;
		STAGE_POINT(wake, device, QUEUE, 0, 0, kicks, 1, 0, VBT_WAKE_ioeventfd);
		for (int i = 0; i < BATCH; i++)
			request(device, ++seq, kicks);
		STAGE_POINT(signal, device, QUEUE, 0, 0, kicks, seq, 0, VBT_SIGNAL_no_interrupt);
		records += BATCH * POINTS + 2;
	}
	printf("%llu\n", (unsigned long long)records);
	stage_thread_end();
	stage_ring_exit();
	return 0;
}

int main(int argc, char **argv)
{
	uint32_t count = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 0;

	if (argc == 3 && !strcmp(argv[1], "none"))
		loop_none(count);
	else if (argc == 3 && !strcmp(argv[1], "off"))
		loop_points(count);
	else if (argc == 4 && !strcmp(argv[1], "ring"))
		return ring(count, argv[3]);
	else if (argc == 4 && !strcmp(argv[1], "load") && count)
		return load(count, atof(argv[3]));
	else
		return 2;
	return 0;
}
