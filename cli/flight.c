/* SPDX-License-Identifier: MIT */
#include "cli/flight.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/reorder.h"
#include "probes/ring_reader.h"

#define BATCH 4096 /* records of one ring at a time */

/* One thread's ring: `until` is the time up to which its events are in the merger. */
struct lane {
	uint64_t until;
	uint64_t left; /* records that may still come; a VMM that lives writes on and on */
	bool ended;
};

struct flight {
	struct ring_reader *reader;
	struct vbt_trace_info info;
	struct vbt_clock clock;
	struct vbt_reorder *merger;
	struct lane lane[VBT_SHM_MAX_RINGS];
	uint32_t generation;
	struct vbt_event *ready; /* merged events, for flight_next */
	size_t count, room;
	struct vbt_event batch[BATCH + 3];
	unsigned rings;    /* when it was opened; the sources behind theirs have losses only */
	uint64_t unplaced; /* lost in no ring, and not stated yet */
	long unplaced_source;
};

static int take_merged(void *context, const struct vbt_event *events, size_t count)
{
	struct flight *flight = context;

	if (flight->count + count > flight->room) {
		size_t room = flight->room * 2 + count;
		void *bigger = realloc(flight->ready, room * sizeof(*events));

		if (!bigger)
			return -ENOMEM;
		flight->ready = bigger;
		flight->room = room;
	}
	memcpy(flight->ready + flight->count, events, count * sizeof(*events));
	flight->count += count;
	return 0;
}

static int describe_target(struct flight *flight)
{
	struct vbt_shm_clock_pair pairs[VBT_SHM_CLOCKS];
	struct vbt_target target = {0};
	struct ring_info ring;
	size_t count;

	ring_reader_info(flight->reader, &ring);
	vbt_clock_init(&flight->clock, ring.clock, ring.tsc_khz);
	count = ring_reader_clocks(flight->reader, pairs);
	for (size_t i = 0; i < count; i++)
		vbt_clock_add(&flight->clock, &pairs[i]);
	target.pid = (uint32_t)ring.pid;
	target.clock = ring.clock;
	target.clock_error_ns = vbt_clock_error(&flight->clock);
	for (unsigned point = 0; point < VBT_POINT_COUNT; point++)
		if (vbt_point_is_vmm(point))
			target.points |= 1u << point;
	snprintf(target.comm, sizeof(target.comm), "%.15s", ring.program);
	target.comm[strcspn(target.comm, " ")] = '\0';
	snprintf(target.cmdline, sizeof(target.cmdline), "%s", ring.program);
	for (unsigned i = 0; i < VBT_SHM_MAX_RINGS; i++)
		flight->lane[i].left = ring.file_size / sizeof(struct vbt_record);
	return vbt_trace_info_set_target(&flight->info, 0, &target);
}

static int describe_devices(struct flight *flight)
{
	struct vbt_device device = {0};
	int error = 0;

	flight->generation = ring_reader_generation(flight->reader);
	for (unsigned i = 0; i < ring_reader_devices(flight->reader) && !error; i++) {
		if (!ring_reader_device(flight->reader, i, &device.shm))
			continue;
		device.index = (uint8_t)i;
		device.generation = flight->generation;
		error = vbt_trace_info_set_device(&flight->info, &device);
	}
	return error;
}

static int describe_source(struct flight *flight, unsigned ring, uint32_t tid, uint64_t lost)
{
	struct vbt_source source = {.kind = VBT_SOURCE_RING, .tid = tid, .lost = lost};
	const struct vbt_source *known = vbt_trace_info_source(&flight->info, ring);
	char name[16];

	snprintf(source.name, sizeof(source.name), "%s",
		 ring_reader_ring_name(flight->reader, ring, name));
	if (known && known->tid == tid && !lost)
		return 0;
	if (known)
		source.lost += known->lost;
	return vbt_trace_info_set_source(&flight->info, ring, &source);
}

/* Add to what a source lost that has losses only, and was made for the first. Its index, or -errno. */
static long lose(struct flight *flight, const char *name, uint32_t tid, uint64_t lost)
{
	struct vbt_source source = {.kind = VBT_SOURCE_RING, .tid = tid, .lost = lost};
	uint32_t i = flight->rings;
	int error;

	snprintf(source.name, sizeof(source.name), "%s", name);
	while (i < flight->info.sources && (flight->info.source[i].tid != tid ||
					    strcmp(flight->info.source[i].name, source.name) != 0))
		i++;
	if (i < flight->info.sources)
		source.lost += flight->info.source[i].lost;
	error = vbt_trace_info_set_source(&flight->info, i, &source);
	return error ? error : (long)i;
}

struct flight *flight_open(const char *path, char *err, size_t err_size)
{
	struct flight *flight = calloc(1, sizeof(*flight));
	int error = -ENOMEM;

	if (!flight)
		goto fail;
	vbt_trace_info_init(&flight->info);
	flight->reader = ring_reader_open_file(path, err, err_size);
	if (!flight->reader) {
		flight_close(flight);
		return NULL;
	}
	flight->merger =
	    vbt_reorder_new((VBT_SHM_MAX_RINGS + 1) * (size_t)BATCH, take_merged, flight);
	if (!flight->merger)
		goto fail;
	error = ring_reader_start(flight->reader, true, 0, err, err_size);
	if (!error)
		error = describe_target(flight);
	if (!error)
		error = describe_devices(flight);
	flight->rings = ring_reader_rings(flight->reader);
	for (unsigned i = 0; i < flight->rings && !error; i++)
		error = describe_source(flight, i, 0, 0);
	flight->unplaced = ring_reader_unplaced(flight->reader);
	if (!error && flight->unplaced)
		flight->unplaced_source = lose(flight, RING_READER_UNPLACED, 0, flight->unplaced);
	if (flight->unplaced_source < 0)
		error = (int)flight->unplaced_source;
	if (!error)
		return flight;
fail:
	flight_close(flight);
	snprintf(err, err_size, "cannot read '%s': %s", path, strerror(-error));
	return NULL;
}

void flight_close(struct flight *flight)
{
	if (!flight)
		return;
	vbt_reorder_free(flight->merger);
	ring_reader_close(flight->reader);
	vbt_trace_info_release(&flight->info);
	free(flight->ready);
	free(flight);
}

static void add_clock(struct flight *flight, const struct vbt_record *record)
{
	const struct vbt_shm_clock_pair pair = {record->time, record->arg, record->val, 0};

	if (record->point == VBT_AUX_mark_clock)
		vbt_clock_add(&flight->clock, &pair);
}

/* A ring that cannot be read: how much it lost is not known, and counts as one. */
static long lose_unreadable(struct flight *flight, const struct ring_batch *batch)
{
	char name[24];

	return lose(flight, ring_reader_unreadable_name(flight->reader, batch->ring, name),
		    batch->tid, 1);
}

/* The next batch of one ring goes into the merger. */
static int fill_lane(struct flight *flight, unsigned ring)
{
	struct lane *lane = &flight->lane[ring];
	struct ring_batch batch;
	size_t count = 0, taken;
	long source = 0;
	int error;

	if (!lane->left || !ring_reader_next(flight->reader, ring, BATCH, &batch)) {
		lane->ended = true;
		return 0;
	}
	/* Also of a batch without records there is no end, if its VMM wants none. */
	taken = batch.count ? batch.count : 1;
	lane->left -= lane->left < taken ? lane->left : taken;
	error =
	    batch.count || batch.lost ? describe_source(flight, ring, batch.tid, batch.lost) : 0;
	if (!error && batch.unreadable)
		source = lose_unreadable(flight, &batch);
	if (error || source < 0)
		return error ? error : (int)source;
	for (size_t i = 0; i < batch.count; i++)
		add_clock(flight, &batch.records[i]);
	/* Of a ring that never had a record there is nothing that could be linked across the loss. */
	if (batch.unreadable && lane->until)
		vbt_event_lost(&flight->batch[count++], (uint16_t)source, lane->until, lane->until,
			       1);
	if (batch.lost) {
		uint64_t to =
		    batch.count ? vbt_clock_ns(&flight->clock, batch.records[0].time) : lane->until;

		vbt_event_lost(&flight->batch[count++], (uint16_t)ring, lane->until, to,
			       batch.lost);
	}
	for (size_t i = 0; i < batch.count; i++) {
		uint64_t ns = vbt_clock_ns(&flight->clock, batch.records[i].time);

		count += vbt_event_from_record(&flight->batch[count], &batch.records[i], ns,
					       (uint16_t)ring, 0, batch.tid);
	}
	if (count && flight->batch[count - 1].time > lane->until)
		lane->until = flight->batch[count - 1].time;
	/* Somewhere in the recording: it is stated at the first time that is known. */
	if (count && flight->unplaced) {
		vbt_event_lost(&flight->batch[count++], (uint16_t)flight->unplaced_source,
			       lane->until, lane->until, flight->unplaced);
		flight->unplaced = 0;
	}
	return vbt_reorder_push(flight->merger, ring, flight->batch, count);
}

/* The ring whose known events end first decides how far the merged ones are complete. */
static bool earliest_lane(struct flight *flight, unsigned *ring)
{
	bool found = false;

	ring_reader_rings(flight->reader); /* a look at where the heads are now */
	for (unsigned i = 0; i < flight->rings; i++)
		if (!flight->lane[i].ended &&
		    (!found || flight->lane[i].until < flight->lane[*ring].until)) {
			*ring = i;
			found = true;
		}
	return found;
}

long flight_next(struct flight *flight, const struct vbt_event **events)
{
	unsigned ring = 0;
	int error = 0;

	flight->count = 0;
	while (!flight->count && !error) {
		if (!earliest_lane(flight, &ring)) {
			error = vbt_reorder_drain(flight->merger, UINT64_MAX);
			break;
		}
		error = fill_lane(flight, ring);
		if (!error && earliest_lane(flight, &ring) && flight->lane[ring].until)
			error = vbt_reorder_drain(flight->merger, flight->lane[ring].until - 1);
	}
	*events = flight->ready;
	return error ? error : (long)flight->count;
}

const struct vbt_trace_info *flight_info(const struct flight *flight)
{
	return &flight->info;
}
