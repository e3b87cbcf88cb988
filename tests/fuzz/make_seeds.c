/* SPDX-License-Identifier: MIT */
/* Writes the fuzzers' first inputs: make_seeds DIRECTORY, with trace/, ring/ and pci/ in it. */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/trace_writer.h"

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static int create(const char *directory, const char *kind, unsigned number)
{
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "%s/%s/seed-%u", directory, kind, number);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	if (fd < 0)
		fail(path);
	return fd;
}

static void put(int fd, const void *bytes, size_t count)
{
	if (write(fd, bytes, count) != (ssize_t)count)
		fail("write");
}

/* The life of one request, in all its marks. */
static unsigned life(struct vbt_event *e, uint32_t seq, unsigned number)
{
	static const uint8_t points[] = {
	    VBT_MARK_kick,       VBT_MARK_wake,       VBT_MARK_pop,    VBT_MARK_parse,
	    VBT_MARK_submit,     VBT_MARK_queue,      VBT_MARK_issue,  VBT_MARK_complete,
	    VBT_MARK_reap,       VBT_MARK_push,       VBT_MARK_signal, VBT_MARK_msi,
	    VBT_AUX_apic_accept, VBT_AUX_signal_done, VBT_MARK_inject, VBT_MARK_eoi,
	};
	unsigned count = sizeof(points);
	bool line = number & 1;

	for (unsigned i = 0; i < count; i++) {
		uint8_t point = points[i];
		bool vmm = vbt_point_is_vmm(point),
		     request = point >= VBT_MARK_pop && point <= VBT_MARK_push;

		e[i] = (struct vbt_event){
		    .time = 1000000 + seq * 20000 + i * 1000,
		    .point = point,
		    .source = !vmm,
		    .tid = vmm || point == VBT_MARK_msi || point == VBT_AUX_apic_accept ? 20 : 10,
		    .seq = vmm && request ? seq : 0,
		    .arg = seq,
		    .val = vmm ? seq : 0,
		};
		switch (point) {
		case VBT_MARK_kick:
			e[i].key = 0xfe000000;
			e[i].arg = (uint64_t)seq << 32;
			e[i].flags = VBT_KICK_FAST_MMIO;
			break;
		case VBT_MARK_wake: e[i].val = 1; break;
		case VBT_MARK_parse: e[i].val = 4096; break;
		case VBT_MARK_submit:
		case VBT_MARK_reap:
			e[i].arg = 0x5000 + seq;
			e[i].op = VBT_IO_io_uring;
			break;
		case VBT_MARK_queue:
		case VBT_MARK_issue:
		case VBT_MARK_complete:
			e[i].key = 0x5000 + seq;
			e[i].aux = 8;
			break;
		case VBT_MARK_msi:
			e[i].flags = line ? VBT_MSI_LINE : VBT_MSI_MESSAGE;
			e[i].key = line ? 11 : 0xfee00000;
			e[i].arg = line ? 1 : 0x41;
			break;
		case VBT_AUX_apic_accept:
		case VBT_MARK_eoi:
			e[i].key = point == VBT_MARK_eoi ? 0x41 : 0;
			e[i].arg = point == VBT_MARK_eoi ? 0 : 0x41;
			break;
		case VBT_MARK_inject: e[i].key = 0x41; break;
		default: break;
		}
	}
	return count;
}

/* A small whole trace; odd ones have their checksums put right by the fuzzer. */
static void trace_seed(const char *directory, unsigned number)
{
	int fd = create(directory, "trace", number);
	struct vbt_target target = {.pid = 1, .points = UINT32_MAX, .clock_error_ns = number * 50};
	struct vbt_source ring = {.kind = VBT_SOURCE_RING, .tid = 20, .name = "disk0-q0"};
	struct vbt_source kernel = {.kind = VBT_SOURCE_KERNEL, .name = "kernel"};
	struct vbt_device device = {.shm = {.present = 1,
					    .name = "disk0",
					    .queues = 1,
					    .gsi = 11,
					    .mmio_notify = 0xfe000000,
					    .mmio_stride = 4}};
	const struct vbt_trace_writer_options options = {.data = number % 3 == 1};
	struct vbt_trace_writer *writer;
	struct vbt_event events[32], lost;
	uint8_t first = (uint8_t)number;
	char err[256];

	device.shm.flags = number & 1 ? 0 : VBT_DEVICE_MSIX;
	put(fd, &first, 1);
	writer = vbt_trace_writer_new(fd, &options, err, sizeof(err));
	if (!writer)
		fail(err);
	vbt_trace_writer_target(writer, 0, &target);
	vbt_trace_writer_source(writer, 0, &ring);
	vbt_trace_writer_source(writer, 1, &kernel);
	vbt_trace_writer_device(writer, &device);
	for (uint32_t seq = 1; seq <= 1 + number * 3; seq++) {
		vbt_trace_writer_events(writer, events, life(events, seq, number / 2));
		for (unsigned i = 0; i < 3 && options.data; i++) {
			struct vbt_event data = {.time = events[4].time,
						 .point = VBT_AUX_data,
						 .tid = 20,
						 .seq = seq + 1,
						 .head = (uint16_t)i,
						 .arg = 0x6162636465666768,
						 .val = 0x696a6b6c,
						 .op = i < 2 ? VBT_DATA_STEP : 5,
						 .code = seq & 1};

			vbt_trace_writer_events(writer, &data, 1);
		}
		if (seq % 4 == 3) {
			vbt_event_lost(&lost, (uint16_t)(seq & 1), events[0].time, events[8].time,
				       3);
			vbt_trace_writer_events(writer, &lost, 1);
			vbt_trace_writer_flush(writer);
		}
	}
	if (number % 3 != 2 && vbt_trace_writer_finish(writer))
		fail("finish");
	vbt_trace_writer_free(writer);
	close(fd);
}

/* A header, a chain with 512 bytes at GUEST_DATA and a status, and a kick, by those step codes. */
static void request_seed(int fd, uint8_t type, uint8_t header_step, uint8_t chain_step,
			 uint8_t kick_step)
{
	uint8_t header[] = {header_step, type, 1, 0};
	uint8_t chain[] = {chain_step, type & 1 ? 25 : 8, 12, 0, 0, 5, type == 0 || type == 3};

	put(fd, header, sizeof(header));
	put(fd, chain, sizeof(chain));
	put(fd, &kick_step, 1);
}

/* Two bytes of device, two of features and size, then requests of every type. */
static void ring_seed(const char *directory, unsigned number)
{
	int fd = create(directory, "ring", number);
	uint8_t start[] = {(uint8_t)number, (uint8_t)(number >> 2 | 1), (uint8_t)(255 - number * 5),
			   79};

	put(fd, start, sizeof(start));
	for (uint8_t type = 0; type < 8; type++)
		request_seed(fd, type, 4, 0, 15);
	close(fd);
}

/*
 * Chains out of the hostile suite, by the names of its lines. Addresses and lengths are the kinds
 * of guest.c: where something is, and which usual length.
 */
enum place {
	HEADER,
	STATUS,
	TABLE,
	RING,
	DRIVER,
	DEVICE,
	LOW_END,
	HIGH,
	HIGH_END,
	APIC,
	BAR = 11,
	DATA
};
enum length { L0, L1, L16, L17, L20, L512, L513, L1024, L4096, L64K, L1M };
enum { NEXT = 1, WRITE = 2, INDIRECT = 4 };

static const struct shape {
	const char *line; /* for the reader */
	struct {
		uint8_t place, length, flags, next;
		uint16_t offset;
	} d[3];
} shapes[] = {
    {"HD-01", {{HEADER, L16, NEXT, 1, 0}, {DATA, L512, NEXT | WRITE, 0, 0}}},
    {"HD-01", {{HEADER, L16, NEXT, 0, 0}}},
    {"HD-03", {{HEADER, L16, NEXT, 1, 0}, {DATA, L512, NEXT | WRITE, 200, 0}}},
    {"HD-07", {{TABLE, L16, INDIRECT | NEXT, 1, 0}, {STATUS, L1, WRITE, 0, 0}}},
    {"HD-08", {{TABLE, L0, INDIRECT, 0, 0}}},
    {"HD-09", {{TABLE, L17, INDIRECT, 0, 0}}},
    {"HD-10", {{TABLE, L64K, INDIRECT, 0, 0}}},
    {"HD-11", {{LOW_END, L1024, INDIRECT, 0, 200}}},
    {"HD-12", {{BAR, L16, INDIRECT, 0, 0}}},
    {"HD-14", {{STATUS, L1, NEXT | WRITE, 1, 0}, {HEADER, L16, 0, 0, 0}}},
    {"HD-16", {{DATA, L0, NEXT, 1, 0}, {DATA, L0, WRITE, 0, 0}}},
    {"HD-22", {{HEADER, L16, 0, 0, 0}}},
    {"HR-12",
     {{HEADER, L16, NEXT, 1, 0}, {RING, L512, NEXT | WRITE, 2, 0}, {STATUS, L1, WRITE, 0, 0}}},
    {"HR-12",
     {{HEADER, L16, NEXT, 1, 0}, {DRIVER, L512, NEXT | WRITE, 2, 0}, {STATUS, L1, WRITE, 0, 0}}},
    {"HR-12",
     {{HEADER, L16, NEXT, 1, 0}, {DEVICE, L512, NEXT | WRITE, 2, 0}, {STATUS, L1, WRITE, 0, 0}}},
    {"HA-03",
     {{HEADER, L16, NEXT, 1, 0}, {LOW_END, L512, NEXT | WRITE, 2, 100}, {STATUS, L1, WRITE, 0, 0}}},
    {"HA-03", {{HEADER, L16, NEXT, 1, 0}, {HIGH_END, L1024, WRITE, 0, 400}}},
    {"HA-06",
     {{HEADER, L16, NEXT, 1, 0}, {APIC, L512, NEXT | WRITE, 2, 0}, {STATUS, L1, WRITE, 0, 0}}},
    {"HA-07",
     {{HEADER, L16, NEXT, 1, 0}, {DATA, L512, NEXT | WRITE, 2, 0}, {BAR, L1, WRITE, 0, 20}}},
    {"HB-01",
     {{HEADER, L1, NEXT, 1, 0}, {DATA, L512, NEXT | WRITE, 2, 0}, {STATUS, L1, WRITE, 0, 0}}},
    {"HB-02", {{HEADER, L16, NEXT | WRITE, 1, 0}, {STATUS, L1, WRITE, 0, 0}}},
    {"HB-07",
     {{HEADER, L16, NEXT, 1, 0}, {DATA, L513, NEXT | WRITE, 2, 0}, {STATUS, L1, WRITE, 0, 0}}},
    {"HB-08", {{HEADER, L16, NEXT, 1, 0}, {DATA, L512, NEXT, 2, 0}, {STATUS, L1, WRITE, 0, 0}}},
};

static void shape_seed(const char *directory, unsigned number, const struct shape *shape,
		       bool packed)
{
	int fd = create(directory, "ring", number);
	/* A modern device of either ring, served by the thread that kicks; sixteen descriptors. */
	uint8_t start[] = {packed, 0, packed ? 0x12 : 2, packed ? 15 : 4};
	uint8_t header[] = {4, 0, 1, 0}, available[] = {9, 0, 0}, kicks[] = {15, 15};

	put(fd, start, sizeof(start));
	put(fd, header, sizeof(header));
	/* From behind, so that the first makes a packed list available as a whole. */
	for (unsigned i = 3; i--;) {
		uint16_t flags = (uint16_t)(shape->d[i].flags | (packed ? 0x80 : 0));
		uint16_t a = packed ? 0 : flags, b = packed ? flags : shape->d[i].next;
		uint8_t step[] = {6,
				  (uint8_t)i,
				  shape->d[i].place,
				  (uint8_t)shape->d[i].offset,
				  (uint8_t)(shape->d[i].offset >> 8),
				  shape->d[i].length,
				  (uint8_t)a,
				  (uint8_t)(a >> 8),
				  (uint8_t)b,
				  (uint8_t)(b >> 8)};

		put(fd, step, sizeof(step));
	}
	put(fd, available, sizeof(available));
	put(fd, kicks, sizeof(kicks));
	close(fd);
}

/* Start through either interface, requests, a disk that holds back, and each kind of reset. */
static void pci_seed(const char *directory, unsigned number)
{
	int fd = create(directory, "pci", number);
	uint8_t device[] = {(uint8_t)number, (uint8_t)(number * 7)};
	uint8_t start[] = {129, (uint8_t)(255 - number * 5), 79}, hold[] = {133, 0};
	uint8_t reset_queue[] = {18, 0}, queue[] = {16, 0xec},
		reset[] = {19, (uint8_t)(number & 3)};
	uint8_t machine[] = {131, 0}, window[] = {9, 0x10, 20, 9};

	put(fd, device, sizeof(device));
	put(fd, start, sizeof(start));
	for (uint8_t type = 0; type < 3; type++)
		request_seed(fd, type, 134, 135, 138);
	if (number & 1)
		put(fd, hold, sizeof(hold));
	request_seed(fd, 0, 134, 135, 138);
	if (number & 2) {
		put(fd, reset_queue, sizeof(reset_queue));
		put(fd, queue, sizeof(queue));
		request_seed(fd, 1, 134, 135, 138);
	}
	if (number & 4)
		put(fd, window, sizeof(window));
	if (number & 8)
		put(fd, machine, sizeof(machine));
	else
		put(fd, reset, sizeof(reset));
	put(fd, start, sizeof(start));
	request_seed(fd, 0, 134, 135, 138);
	close(fd);
}

/* Every register of the common configuration, with each kind of number, under a running queue. */
static void register_seed(const char *directory, unsigned number, uint8_t field)
{
	int fd = create(directory, "pci", number);
	uint8_t device[] = {(uint8_t)number, (uint8_t)(number * 3)};
	uint8_t start[] = {129, 0xfe, 79}, kick = 138;

	put(fd, device, sizeof(device));
	put(fd, start, sizeof(start));
	for (uint8_t kind = 0; kind < 8; kind++) {
		uint8_t write[] = {0, field, (uint8_t)(kind + 12 * kind)};

		put(fd, write, sizeof(write));
		request_seed(fd, 0, 134, 135, kick);
	}
	close(fd);
}

/* The access window with each length and each BAR. */
static void window_seed(const char *directory, unsigned number, uint8_t lengths)
{
	int fd = create(directory, "pci", number);
	uint8_t device[] = {0, 0}, start[] = {129, 0xfe, 79};

	put(fd, device, sizeof(device));
	put(fd, start, sizeof(start));
	for (uint8_t bar = 0; bar < 8; bar++) {
		uint8_t access[] = {9, (uint8_t)(bar | lengths << 3 | (bar & 1) << 6), 20, 0};

		put(fd, access, sizeof(access));
	}
	close(fd);
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: make_seeds DIRECTORY\n");
		return 2;
	}
	for (unsigned i = 0; i < 8; i++)
		trace_seed(argv[1], i);
	for (unsigned i = 0; i < 64; i++)
		ring_seed(argv[1], i);
	for (unsigned i = 0; i < 2 * sizeof(shapes) / sizeof(shapes[0]); i++)
		shape_seed(argv[1], 64 + i, &shapes[i / 2], i % 2);
	for (unsigned i = 0; i < 64; i++)
		pci_seed(argv[1], i);
	for (uint8_t i = 0; i < 18; i++)
		register_seed(argv[1], 64 + i, i);
	for (uint8_t i = 0; i < 8; i++)
		window_seed(argv[1], 82 + i, i);
	return 0;
}
