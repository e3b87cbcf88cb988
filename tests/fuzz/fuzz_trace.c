/* SPDX-License-Identifier: MIT */
/*
 * A trace file that nobody ours wrote: reader, reorder, correlator, breakdown, data.
 *
 * The first byte of the input chooses. Even: the rest is the file. Odd: its checksums are put right
 * first, because no mutation would get past them, and all that is behind them has to hold as well.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xxhash.h>

#include "lib/breakdown.h"
#include "lib/correlate.h"
#include "lib/payload.h"
#include "lib/reorder.h"
#include "lib/trace_format.h"
#include "lib/trace_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define DATA 20 /* bytes of a request's data: more than a record has */

struct pipeline {
	struct vbt_reorder *reorder;
	struct vbt_correlator *correlator;
	struct vbt_breakdown breakdown;
	struct vbt_payloads *payloads;
	uint64_t requests, events, sum;
};

#define EXPECT(condition)         \
	do {                      \
		if (!(condition)) \
			abort();  \
	} while (0)

static void repair(uint8_t *file, size_t size)
{
	size_t at = VBT_FILE_HEADER_SIZE;

	if (size < VBT_FILE_HEADER_SIZE)
		return;
	vbt_put32(file + 28, (uint32_t)XXH3_64bits(file, 28));
	while (size - at >= VBT_CHUNK_HEADER_SIZE) {
		uint8_t *header = file + at;
		size_t room = size - at - VBT_CHUNK_HEADER_SIZE, stored = vbt_get32(header + 16);

		if (memcmp(header, VBT_CHUNK_MAGIC, 4)) {
			uint8_t *next = memmem(header, size - at, VBT_CHUNK_MAGIC, 4);

			if (!next)
				return;
			at = (size_t)(next - file);
			continue;
		}
		if (stored > room) {
			stored = room;
			vbt_put32(header + 16, (uint32_t)stored);
		}
		vbt_put64(header + 48, XXH3_64bits(header + VBT_CHUNK_HEADER_SIZE, stored));
		vbt_put32(header + 60, (uint32_t)XXH3_64bits(header, 60));
		at += VBT_CHUNK_HEADER_SIZE + stored;
	}
}

static void on_request(void *context, const struct vbt_request *request)
{
	struct pipeline *p = context;
	uint64_t layer[VBT_LAYER_COUNT], sum = 0;
	struct vbt_payload payload;

	vbt_request_layers(request, layer);
	for (unsigned i = 0; i < VBT_LAYER_COUNT; i++)
		sum += layer[i];
	EXPECT(sum == vbt_request_total(request));
	EXPECT(!(request->inferred & ~request->present));
	for (unsigned mark = 0; mark < VBT_MARK_COUNT; mark++)
		EXPECT(vbt_request_has(request, mark) == !request->absent[mark]);
	for (int given = 0; given < 2; given++)
		if (vbt_payloads_take(p->payloads, request, given, &payload)) {
			EXPECT(payload.size && payload.size <= DATA);
			for (unsigned i = 0; i < payload.size; i++)
				p->sum += payload.bytes[i];
		}
	p->requests++;
	vbt_breakdown_add(&p->breakdown, request);
}

static int on_events(void *context, const struct vbt_event *events, size_t count)
{
	struct pipeline *p = context;

	for (size_t i = 0; i < count; i++)
		if (events[i].point == VBT_AUX_data)
			vbt_payloads_event(p->payloads, &events[i]);
	return vbt_correlator_events(p->correlator, events, count);
}

static void run(struct vbt_trace_reader *reader)
{
	struct pipeline p = {0};
	struct vbt_correlator_options options = {
	    .info = vbt_trace_reader_info(reader),
	    .request = on_request,
	    .context = &p,
	    .max_in_flight = 512,
	    .max_queues = 16,
	};
	const struct vbt_correlator_stats *stats;
	const struct vbt_event *events;
	char text[256];
	long count;

	p.correlator = vbt_correlator_new(&options);
	p.reorder = vbt_reorder_new(256, on_events, &p);
	p.payloads = vbt_payloads_new(DATA);
	EXPECT(p.correlator && p.reorder && p.payloads);
	EXPECT(!vbt_breakdown_init(&p.breakdown, VBT_BY_DEFAULT | VBT_BY_size));
	while ((count = vbt_trace_reader_next(reader, &events)) > 0) {
		uint64_t latest = 0;

		for (long i = 0; i < count; i++) {
			vbt_reorder_push(p.reorder, events[i].source % 8, &events[i], 1);
			latest = events[i].time > latest ? events[i].time : latest;
		}
		vbt_reorder_drain(p.reorder, latest - (latest < 1000 ? latest : 1000));
		p.events += (uint64_t)count;
		if (p.events > 20000)
			break; /* a chunk can say that it has 16384 in a few bytes */
	}
	vbt_reorder_drain(p.reorder, UINT64_MAX);
	vbt_correlator_finish(p.correlator);
	stats = vbt_correlator_stats(p.correlator);
	EXPECT(stats->requests == p.requests);
	EXPECT(stats->requests == stats->complete + stats->incomplete);
	EXPECT(!stats->in_flight);
	vbt_breakdown_sort(&p.breakdown);
	vbt_trace_reader_damage(reader, text, sizeof(text));
	vbt_breakdown_release(&p.breakdown);
	vbt_reorder_free(p.reorder);
	vbt_correlator_free(p.correlator);
	vbt_payloads_free(p.payloads);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vbt_trace_reader *reader;
	char err[256];
	uint8_t *file;
	int fd;

	if (!size)
		return 0;
	fd = memfd_create("fuzz", MFD_CLOEXEC);
	file = malloc(size);
	EXPECT(fd >= 0 && file);
	memcpy(file, data + 1, size - 1);
	if (data[0] & 1)
		repair(file, size - 1);
	EXPECT(write(fd, file, size - 1) == (ssize_t)(size - 1));
	EXPECT(!lseek(fd, 0, SEEK_SET));
	reader = vbt_trace_reader_new(fd, err, sizeof(err));
	if (reader)
		run(reader);
	vbt_trace_reader_free(reader);
	free(file);
	close(fd);
	return 0;
}
