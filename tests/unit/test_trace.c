/* SPDX-License-Identifier: MIT */
/* The trace file: what is written comes back; what is damaged is told apart from what is not. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xxhash.h>

#include <cmocka.h>

#include "lib/trace_format.h"
#include "lib/trace_reader.h"
#include "lib/trace_writer.h"

#define EVENTS     3000
#define PER_CHUNK  250
#define MAX_CHUNKS 64
#define FLIPS      1000

struct chunk {
	size_t at, end;
	struct vbt_chunk_header header;
};

static struct vbt_event written[EVENTS];
static uint8_t *file;
static size_t size;
static struct chunk chunks[MAX_CHUNKS];
static unsigned chunk_count;
static uint64_t random_state = 88172645463325252ULL;

static uint64_t next_random(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

/* Half of them as a VMM and a kernel would say, half with anything in every field. */
static void make_events(void)
{
	uint64_t time = 5000000000;

	for (unsigned i = 0; i < EVENTS; i++) {
		struct vbt_event *e = &written[i];
		uint8_t point = (uint8_t)(next_random() % VBT_POINT_COUNT);
		bool wild = next_random() & 1;

		/* Statements of loss are made below. */
		point = point == VBT_POINT_LOST ? VBT_MARK_pop : point;
		time += next_random() % (i % 100 ? 2000 : 1u << 30);
		*e = (struct vbt_event){
		    .time = time,
		    .arg = wild ? next_random() : i / 14,
		    .tid = (uint32_t)(wild ? next_random() : 100 + i % 3),
		    .head = (uint16_t)(wild ? next_random() : i / 14 % 64),
		    .source = (uint16_t)(vbt_point_is_vmm(point) ? 1 : 0),
		    .target = (uint8_t)(i % 2),
		    .point = point,
		};
		if (vbt_point_is_vmm(point)) {
			e->seq = (uint32_t)(wild ? next_random() : i / 14);
			e->val = (uint32_t)(wild ? next_random() : 4096);
			e->queue = (uint16_t)(i % 4);
			e->device = (uint8_t)(i % 3);
			e->op = (uint8_t)(i % 4);
			e->code = (uint8_t)(i % 2);
		} else {
			e->key = wild ? next_random() : 0xfe000000;
			e->flags = (uint8_t)(i % 3);
		}
		if (i % 500 == 499)
			vbt_event_lost(e, 0, time, time + 10, 7);
	}
}

static int file_of(const uint8_t *bytes, size_t count)
{
	int fd = memfd_create("trace", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, count), count);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

static void write_trace(int fd)
{
	struct vbt_host host = {.kernel = "6.1", .cpus = 4, .start_realtime_ns = 77};
	struct vbt_target target = {.pid = 42, .points = 0x3ffff, .comm = "vmm-lite"};
	struct vbt_source kernel = {.kind = VBT_SOURCE_KERNEL, .name = "kernel"};
	struct vbt_source ring = {.kind = VBT_SOURCE_RING, .tid = 9, .name = "disk0-q0"};
	struct vbt_device device = {.index = 2,
				    .shm = {.present = 1, .name = "disk2", .queues = 4}};
	const struct vbt_trace_writer_options options = {.data = true};
	struct vbt_trace_writer *writer;
	char err[256] = "";

	strcpy(target.hidden[VBT_MARK_eoi], "APICv is on");
	writer = vbt_trace_writer_new(fd, &options, err, sizeof(err));
	assert_non_null(writer);
	assert_int_equal(vbt_trace_writer_host(writer, &host), 0);
	assert_int_equal(vbt_trace_writer_target(writer, 0, &target), 0);
	assert_int_equal(vbt_trace_writer_target(writer, 1, &target), 0);
	assert_int_equal(vbt_trace_writer_source(writer, 0, &kernel), 0);
	assert_int_equal(vbt_trace_writer_source(writer, 1, &ring), 0);
	assert_int_equal(vbt_trace_writer_device(writer, &device), 0);
	assert_int_equal(vbt_trace_writer_option(writer, "source", "ring"), 0);
	for (unsigned i = 0; i < EVENTS; i += PER_CHUNK) {
		assert_int_equal(vbt_trace_writer_events(writer, &written[i], PER_CHUNK), 0);
		assert_int_equal(vbt_trace_writer_flush(writer), 0);
	}
	assert_int_equal(vbt_trace_writer_finish(writer), 0);
	assert_int_equal(vbt_trace_writer_stats(writer)->events, EVENTS);
	assert_string_equal(vbt_trace_writer_error(writer), "");
	vbt_trace_writer_free(writer);
}

static void find_chunks(void)
{
	for (size_t at = VBT_FILE_HEADER_SIZE; at < size; at = chunks[chunk_count++].end) {
		struct chunk *c = &chunks[chunk_count];

		assert_true(chunk_count < MAX_CHUNKS);
		assert_int_equal(vbt_chunk_header_decode(file + at, &c->header), 0);
		c->at = at;
		c->end = at + VBT_CHUNK_HEADER_SIZE + c->header.stored;
		assert_true(c->end <= size);
	}
}

static int setup(void **state)
{
	int fd = memfd_create("trace", MFD_CLOEXEC);

	make_events();
	write_trace(fd);
	size = (size_t)lseek(fd, 0, SEEK_END);
	file = malloc(size);
	assert_int_equal(pread(fd, file, size, 0), size);
	close(fd);
	find_chunks();
	return 0;
}

static int teardown(void **state)
{
	free(file);
	return 0;
}

static struct vbt_trace_reader *open_bytes(const uint8_t *bytes, size_t count, int *fd)
{
	struct vbt_trace_reader *reader;
	char err[256] = "";

	*fd = file_of(bytes, count);
	reader = vbt_trace_reader_new(*fd, err, sizeof(err));
	if (!reader)
		assert_true(err[0]);
	return reader;
}

/*
 * Read it all: exactly the events of the chunks for which intact[] is set come out, in order. The
 * holes are in the answer too, as losses of VBT_SOURCE_ALL. `foreign`: there are bytes of no chunk, which are damage
 * also where all chunks are intact.
 */
static void check_with(const uint8_t *bytes, size_t count, const bool *intact, bool foreign)
{
	const struct vbt_trace_reader_stats *stats;
	struct vbt_trace_reader *reader;
	const struct vbt_event *events;
	uint64_t expected = 0, got = 0, events_intact = 0, stated = 0;
	unsigned chunk = 0, in_chunk = 0, whole = 0;
	char text[256];
	long n;
	int fd;

	reader = open_bytes(bytes, count, &fd);
	assert_non_null(reader);
	while ((n = vbt_trace_reader_next(reader, &events)) > 0) {
		for (long i = 0; i < n; i++) {
			struct vbt_event e = events[i];

			if (e.point == VBT_POINT_LOST && e.source == VBT_SOURCE_ALL) {
				stated += e.arg;
				continue;
			}
			while (chunk < chunk_count &&
			       (!intact[chunk] || in_chunk == chunks[chunk].header.count)) {
				chunk++;
				in_chunk = 0;
			}
			assert_true(chunk < chunk_count);
			expected = chunks[chunk].header.first + in_chunk++;
			e.late = 0;
			assert_memory_equal(&e, &written[expected], sizeof(e));
			got++;
		}
	}
	assert_int_equal(n, 0);
	for (unsigned i = 0; i < chunk_count; i++) {
		events_intact += intact[i] ? chunks[i].header.count : 0;
		whole += intact[i];
	}
	stats = vbt_trace_reader_stats(reader);
	assert_int_equal(got, events_intact);
	assert_int_equal(stats->events, events_intact);
	assert_int_equal(stats->chunks, whole);
	assert_int_equal(stats->missing_events, stated);
	assert_int_equal(stats->finished, intact[chunk_count - 1]);
	assert_int_equal(vbt_trace_reader_damage(reader, text, sizeof(text)),
			 foreign || whole != chunk_count);
	assert_int_equal(!!text[0], foreign || whole != chunk_count);
	/* Behind the last intact chunk nobody knows what is missing. */
	if (stats->finished) {
		assert_int_equal(stats->missing_events, EVENTS - events_intact);
		assert_int_equal(stats->missing_chunks, chunk_count - whole);
	}
	vbt_trace_reader_free(reader);
	close(fd);
}

static void check(const uint8_t *bytes, size_t count, const bool *intact)
{
	check_with(bytes, count, intact, false);
}

static void test_round_trip(void **state)
{
	bool intact[MAX_CHUNKS];
	const struct vbt_trace_info *info;
	const struct vbt_event *events;
	struct vbt_trace_reader *reader;
	int fd;

	memset(intact, true, sizeof(intact));
	check(file, size, intact);
	reader = open_bytes(file, size, &fd);
	assert_non_null(reader);
	while (vbt_trace_reader_next(reader, &events) > 0)
		;
	info = vbt_trace_reader_info(reader);
	assert_string_equal(info->host.kernel, "6.1");
	assert_int_equal(info->host.start_realtime_ns, 77);
	assert_int_equal(info->targets, 2);
	assert_int_equal(info->target[1].pid, 42);
	assert_string_equal(info->target[0].hidden[VBT_MARK_eoi], "APICv is on");
	assert_int_equal(info->sources, 2);
	assert_string_equal(info->source[1].name, "disk0-q0");
	assert_int_equal(info->source[0].lost, 7 * (EVENTS / 500));
	assert_string_equal(vbt_trace_info_device(info, 0, 2)->shm.name, "disk2");
	assert_string_equal(info->option[0].value, "ring");
	vbt_trace_reader_free(reader);
	close(fd);
}

/* Two hundred bytes of every chunk and all of the last ones: each is a place to be cut at. */
static void test_cut_anywhere(void **state)
{
	unsigned fine = chunk_count > 4 ? chunk_count - 4 : 0;
	bool intact[MAX_CHUNKS];

	for (size_t length = chunks[0].at; length < size; length++) {
		unsigned last = 0;

		while (chunks[last].end <= length)
			last++;
		if (last < fine && length - chunks[last].at > 100 &&
		    chunks[last].end - length > 100)
			continue;
		for (unsigned i = 0; i < chunk_count; i++)
			intact[i] = chunks[i].end <= length;
		check(file, length, intact);
	}
}

static void test_flipped_bytes(void **state)
{
	uint8_t *copy = malloc(size);
	bool intact[MAX_CHUNKS];

	for (unsigned round = 0; round < FLIPS; round++) {
		memcpy(copy, file, size);
		memset(intact, true, sizeof(intact));
		for (unsigned i = 0; i <= round % 5; i++) {
			size_t at = chunks[0].at + next_random() % (size - chunks[0].at);
			unsigned c = 0;

			while (chunks[c].end <= at)
				c++;
			/* A byte that is flipped twice may be what it was. */
			if (copy[at] != file[at])
				continue;
			copy[at] ^= (uint8_t)(1 + next_random() % 255);
			intact[c] = false;
		}
		check(copy, size, intact);
	}
	free(copy);
}

/* A range of bytes taken out, or put in: what follows is found again. */
static void test_moved_chunks(void **state)
{
	uint8_t *copy = malloc(size + 4096);
	bool intact[MAX_CHUNKS];

	for (unsigned round = 0; round < 300 + 2 * chunk_count; round++) {
		size_t at = chunks[0].at + next_random() % (size - chunks[0].at - 1);
		size_t count = 1 + next_random() % 4000, rest;
		bool out = round & 1;

		/* In the end where a chunk begins. */
		if (round >= 300)
			at = chunks[(round - 300) / 2].at;
		count = out && count > size - at ? size - at : count;
		rest = size - at - (out ? count : 0);
		memcpy(copy, file, at);
		memcpy(copy + at + (out ? 0 : count), file + at + (out ? count : 0), rest);
		for (size_t i = 0; !out && i < count; i++)
			copy[at + i] = (uint8_t)next_random();
		for (unsigned i = 0; i < chunk_count; i++)
			intact[i] = chunks[i].end <= at || chunks[i].at >= at + (out ? count : 0);
		/* Bytes put in between two chunks damage none, but are damage. */
		for (unsigned i = 0; i < chunk_count && !out; i++)
			if (chunks[i].at == at)
				intact[i] = true;
		if (out || intact[chunk_count - 1])
			check_with(copy, at + rest + (out ? 0 : count), intact, !out);
	}
	free(copy);
}

static void assert_refused(const uint8_t *bytes, size_t count, const char *why)
{
	char err[256] = "";
	int fd = file_of(bytes, count);

	assert_null(vbt_trace_reader_new(fd, err, sizeof(err)));
	assert_non_null(strstr(err, why));
	assert_null(strchr(err, '\n'));
	close(fd);
}

static void test_refused(void **state)
{
	static const char text[] =
	    "#!/bin/sh\n# A script is not a trace, however long it may be.\n";
	uint8_t *copy = malloc(size);

	assert_refused(file, 0, "empty");
	assert_refused((const uint8_t *)text, sizeof(text) - 1, "not a vbtrace file");
	assert_refused((const uint8_t *)text, 5, "not a vbtrace file");
	memcpy(copy, file, size);
	vbt_put16(copy + 8, VBT_FILE_VERSION_DATA + 1);
	vbt_put32(copy + 28, (uint32_t)XXH3_64bits(copy, 28));
	assert_refused(copy, size, "version 5, this vbtrace reads 3 and 4: use a newer vbtrace");
	vbt_put16(copy + 8, VBT_FILE_VERSION - 1);
	vbt_put32(copy + 28, (uint32_t)XXH3_64bits(copy, 28));
	assert_refused(copy, size,
		       "version 2, this vbtrace reads 3 and 4: use the vbtrace that wrote it");
	assert_refused(file, 20, "cut off");
	free(copy);
}

/* The guest's data gets into a file only if that was made for it, and says so by its version. */
static void test_data(void **state)
{
	const struct vbt_event event = {.point = VBT_AUX_data, .op = 1};
	const struct vbt_event beyond = {.point = VBT_POINT_COUNT};

	for (int data = 0; data < 2; data++) {
		const struct vbt_trace_writer_options options = {.data = data};
		int fd = memfd_create("trace", MFD_CLOEXEC);
		uint8_t header[VBT_FILE_HEADER_SIZE];
		struct vbt_trace_writer *writer;
		char err[256] = "";

		writer = vbt_trace_writer_new(fd, &options, err, sizeof(err));
		assert_non_null(writer);
		assert_int_equal(pread(fd, header, sizeof(header), 0), sizeof(header));
		assert_int_equal(vbt_get16(header + 8),
				 data ? VBT_FILE_VERSION_DATA : VBT_FILE_VERSION);
		assert_int_equal(vbt_trace_writer_events(writer, &event, 1), data ? 0 : -EINVAL);
		assert_int_equal(vbt_trace_writer_events(writer, &beyond, 1), -EINVAL);
		assert_int_equal(vbt_trace_writer_finish(writer), 0);
		assert_int_equal(vbt_trace_writer_stats(writer)->events, data);
		vbt_trace_writer_free(writer);
		close(fd);
	}
}

/* A damaged file header is one hole; all chunks are still there. */
static void test_damaged_header(void **state)
{
	uint8_t *copy = malloc(size);

	for (size_t at = 0; at < VBT_FILE_HEADER_SIZE; at++) {
		const struct vbt_event *events;
		struct vbt_trace_reader *reader;
		char text[256];
		int fd;

		memcpy(copy, file, size);
		copy[at] ^= 0x21;
		reader = open_bytes(copy, size, &fd);
		assert_non_null(reader);
		while (vbt_trace_reader_next(reader, &events) > 0)
			;
		assert_int_equal(vbt_trace_reader_stats(reader)->events, EVENTS);
		assert_int_equal(vbt_trace_reader_stats(reader)->holes, 1);
		assert_true(vbt_trace_reader_damage(reader, text, sizeof(text)));
		vbt_trace_reader_free(reader);
		close(fd);
	}
	free(copy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_round_trip),    cmocka_unit_test(test_cut_anywhere),
	    cmocka_unit_test(test_flipped_bytes), cmocka_unit_test(test_moved_chunks),
	    cmocka_unit_test(test_refused),       cmocka_unit_test(test_damaged_header),
	    cmocka_unit_test(test_data),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
