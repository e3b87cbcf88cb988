/* SPDX-License-Identifier: MIT */
/* Perfetto's packets, one by one into the stream. */
#include <stdlib.h>
#include <string.h>

#include "lib/export_perfetto.h"

#define SEQUENCE        1u /* all packets are of one writer */
#define STATE_CLEARED   1u
#define CLOCK_REAL      1u
#define CLOCK_MONO      3u
#define FIRST_UUID      0x76627400000000u /* unlikely to be another trace's */
#define MAX_LANES       256
#define MAX_FLOWS_NOTED 4096

void tracks_release(struct tracks *tracks)
{
	free(tracks->track);
	free(tracks->packet);
}

/* A Trace is a row of field 1, each a packet. */
static void put_packet(struct tracks *tracks, Perfetto__Protos__TracePacket *packet)
{
	size_t size, used = 0;
	uint8_t head[12];

	packet->has_trusted_packet_sequence_id = true;
	packet->trusted_packet_sequence_id = SEQUENCE;
	size = perfetto__protos__trace_packet__get_packed_size(packet);
	if (size > tracks->packet_room) {
		uint8_t *bigger = realloc(tracks->packet, size + 1024);

		if (!bigger) {
			tracks->no_memory = true;
			return;
		}
		tracks->packet = bigger;
		tracks->packet_room = size + 1024;
	}
	perfetto__protos__trace_packet__pack(packet, tracks->packet);
	head[used++] = 1 << 3 | 2;
	for (uint64_t left = size; left || used == 1; left >>= 7)
		head[used++] = (uint8_t)((left & 0x7f) | (left > 0x7f ? 0x80 : 0));
	fwrite(head, 1, used, tracks->export->out);
	fwrite(tracks->packet, 1, size, tracks->export->out);
}

void perfetto_clocks(struct tracks *tracks)
{
	const struct vbt_host *host = &tracks->export->info->host;
	Perfetto__Protos__ClockSnapshot__Clock clock[2] = {
	    PERFETTO__PROTOS__CLOCK_SNAPSHOT__CLOCK__INIT,
	    PERFETTO__PROTOS__CLOCK_SNAPSHOT__CLOCK__INIT};
	Perfetto__Protos__ClockSnapshot__Clock *clocks[2] = {&clock[0], &clock[1]};
	Perfetto__Protos__ClockSnapshot snapshot = PERFETTO__PROTOS__CLOCK_SNAPSHOT__INIT;
	Perfetto__Protos__TracePacket packet = PERFETTO__PROTOS__TRACE_PACKET__INIT;

	for (unsigned i = 0; i < 2; i++) {
		clock[i].has_clock_id = clock[i].has_timestamp = true;
		clock[i].clock_id = i ? CLOCK_REAL : CLOCK_MONO;
		clock[i].timestamp = i ? host->start_realtime_ns : host->start_monotonic_ns;
	}
	snapshot.n_clocks = host->start_realtime_ns ? 2 : 1;
	snapshot.clocks = clocks;
	snapshot.has_primary_trace_clock = true;
	snapshot.primary_trace_clock = CLOCK_MONO;
	packet.clock_snapshot = &snapshot;
	packet.has_sequence_flags = true;
	packet.sequence_flags = STATE_CLEARED;
	put_packet(tracks, &packet);
}

/* --- tracks --------------------------------------------------------------------------------- */

struct description {
	const struct track *track;
	uint64_t parent;
	enum track_kind kind;
	unsigned target;
	uint32_t a, b;
};

/* The name of a thread, as its source has it; "thread" if it has none. */
static const char *thread_name(const struct vbt_trace_info *info, unsigned target, uint32_t tid)
{
	for (uint32_t i = 0; i < info->sources; i++)
		if (info->source[i].tid == tid && info->source[i].target == target &&
		    info->source[i].kind != VBT_SOURCE_KERNEL)
			return info->source[i].name;
	return "thread";
}

/* Text is the traced process's: what is no letter of ASCII is not for protobuf's UTF-8. */
static char *clean(char *text)
{
	for (char *c = text; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
	return text;
}

static void describe(struct tracks *tracks, const struct description *d)
{
	const struct vbt_trace_info *info = tracks->export->info;
	const struct vbt_target *target = vbt_trace_info_target(info, d->target);
	Perfetto__Protos__TracePacket packet = PERFETTO__PROTOS__TRACE_PACKET__INIT;
	Perfetto__Protos__TrackDescriptor track = PERFETTO__PROTOS__TRACK_DESCRIPTOR__INIT;
	Perfetto__Protos__ProcessDescriptor process = PERFETTO__PROTOS__PROCESS_DESCRIPTOR__INIT;
	Perfetto__Protos__ThreadDescriptor thread = PERFETTO__PROTOS__THREAD_DESCRIPTOR__INIT;
	Perfetto__Protos__CounterDescriptor counter = PERFETTO__PROTOS__COUNTER_DESCRIPTOR__INIT;
	char name[64] = "", buf[24];

	track.has_uuid = true;
	track.uuid = d->track->uuid;
	track.name = name;
	if (d->kind != TRACK_PROCESS) {
		track.has_parent_uuid = true;
		track.parent_uuid = d->parent;
	}
	switch (d->kind) {
	case TRACK_PROCESS:
		snprintf(name, sizeof(name), "%s", target && *target->comm ? target->comm : "VM");
		process.has_pid = true;
		process.pid = target ? (int32_t)target->pid : 0;
		process.process_name = name;
		track.process = &process;
		break;
	case TRACK_DEVICE:
		snprintf(name, sizeof(name), "%s",
			 vbt_trace_info_device_name(info, d->target, d->a, buf));
		break;
	case TRACK_QUEUE: snprintf(name, sizeof(name), "queue %u", d->b); break;
	case TRACK_THREAD:
		snprintf(name, sizeof(name), "%s", thread_name(info, d->target, d->a));
		thread.has_pid = thread.has_tid = true;
		thread.pid = target ? (int32_t)target->pid : 0;
		thread.tid = (int32_t)d->a;
		thread.thread_name = name;
		track.thread = &thread;
		break;
	case TRACK_REQUESTS: snprintf(name, sizeof(name), "requests"); break;
	case TRACK_INTERRUPTS: snprintf(name, sizeof(name), "interrupts"); break;
	case TRACK_DEPTH:
		snprintf(name, sizeof(name), "in flight");
		counter.unit_name = (char *)"requests";
		track.counter = &counter;
		break;
	case TRACK_RATE:
		snprintf(name, sizeof(name), "IOPS");
		counter.unit_name = (char *)"requests/s";
		track.counter = &counter;
		break;
	}
	clean(name);
	packet.track_descriptor = &track;
	put_packet(tracks, &packet);
}

/* The track that one is shown below; 0: none. */
static uint64_t parent_of(struct tracks *tracks, enum track_kind kind, unsigned target, uint32_t a,
			  uint32_t b)
{
	const struct track *parent = NULL;

	switch (kind) {
	case TRACK_PROCESS: break;
	case TRACK_DEVICE:
	case TRACK_THREAD: parent = track_get(tracks, TRACK_PROCESS, target, 0, 0, 0); break;
	case TRACK_QUEUE:
	case TRACK_RATE: parent = track_get(tracks, TRACK_DEVICE, target, a, 0, 0); break;
	case TRACK_REQUESTS:
	case TRACK_DEPTH: parent = track_get(tracks, TRACK_QUEUE, target, a, b, 0); break;
	case TRACK_INTERRUPTS: parent = track_get(tracks, TRACK_THREAD, target, a, 0, 0); break;
	}
	return parent ? parent->uuid : 0;
}

#define LANE(n) ((uint64_t)((n)&0xff) << 48)

static uint64_t key_of(enum track_kind kind, unsigned target, uint32_t a, uint32_t b)
{
	return (uint64_t)kind << 60 | (uint64_t)(target & 0xf) << 56 |
	       (uint64_t)(b & 0xffff) << 32 | a;
}

static uint32_t *recent(struct tracks *tracks, uint64_t key)
{
	return &tracks->recent[key * 0x9e3779b97f4a7c15u >> 58];
}

struct track *track_get(struct tracks *tracks, enum track_kind kind, unsigned target, uint32_t a,
			uint32_t b, uint32_t lane)
{
	uint64_t key = key_of(kind, target, a, b) | LANE(lane), parent;
	uint32_t near = *recent(tracks, key);
	struct track *track;

	if (near < tracks->count && tracks->track[near].key == key)
		return &tracks->track[near];
	for (uint32_t i = 0; i < tracks->count; i++)
		if (tracks->track[i].key == key) {
			*recent(tracks, key) = i;
			return &tracks->track[i];
		}
	parent = parent_of(tracks, kind, target, a, b);
	if (tracks->count == tracks->room) {
		uint32_t room = tracks->room ? tracks->room * 2 : 64;
		void *bigger = realloc(tracks->track, room * sizeof(*tracks->track));

		if (!bigger) {
			tracks->no_memory = true;
			return NULL;
		}
		tracks->track = bigger;
		tracks->room = room;
	}
	track = &tracks->track[tracks->count];
	*track = (struct track){.key = key, .uuid = FIRST_UUID + ++tracks->count};
	describe(tracks, &(struct description){track, parent, kind, target, a, b});
	return track;
}

struct track *track_lane(struct tracks *tracks, enum track_kind kind, unsigned target, uint32_t a,
			 uint32_t b, uint64_t begin, uint64_t end)
{
	uint64_t key = key_of(kind, target, a, b);
	struct track *track = NULL;
	uint32_t lanes = 0;

	for (uint32_t i = 0; i < tracks->count && !track; i++)
		if ((tracks->track[i].key & ~LANE(MAX_LANES - 1)) == key) {
			lanes++;
			if (tracks->track[i].end <= begin)
				track = &tracks->track[i];
		}
	/* The last one takes what finds no room: its slices overlap, and are not lost. */
	if (!track)
		track = track_get(tracks, kind, target, a, b,
				  lanes < MAX_LANES ? lanes : MAX_LANES - 1);
	if (track && track->end < end)
		track->end = end;
	return track;
}

/* --- events --------------------------------------------------------------------------------- */

static void put_event(struct tracks *tracks, uint64_t time, Perfetto__Protos__TrackEvent *event)
{
	Perfetto__Protos__TracePacket packet = PERFETTO__PROTOS__TRACE_PACKET__INIT;

	packet.has_timestamp = packet.has_timestamp_clock_id = true;
	packet.timestamp = time;
	packet.timestamp_clock_id = CLOCK_MONO;
	packet.track_event = event;
	put_packet(tracks, &packet);
}

static void put_point(struct tracks *tracks, const struct point *point,
		      Perfetto__Protos__TrackEvent__Type type)
{
	Perfetto__Protos__TrackEvent event = PERFETTO__PROTOS__TRACK_EVENT__INIT;
	Perfetto__Protos__DebugAnnotation note[MAX_NOTES], *notes[MAX_NOTES];
	char *category = (char *)point->category;

	event.has_type = event.has_track_uuid = true;
	event.type = type;
	event.track_uuid = point->track;
	event.name = (char *)point->name;
	event.categories = &category;
	event.n_categories = category != NULL;
	event.flow_ids = (uint64_t *)point->flow;
	event.n_flow_ids = point->flows < MAX_FLOWS_NOTED ? point->flows : MAX_FLOWS_NOTED;
	for (unsigned i = 0; i < point->notes; i++) {
		note[i] =
		    (Perfetto__Protos__DebugAnnotation)PERFETTO__PROTOS__DEBUG_ANNOTATION__INIT;
		note[i].name = (char *)point->note[i].name;
		note[i].string_value = (char *)point->note[i].text;
		note[i].has_uint_value = !point->note[i].text;
		note[i].uint_value = point->note[i].number;
		notes[i] = &note[i];
	}
	event.debug_annotations = notes;
	event.n_debug_annotations = point->notes;
	put_event(tracks, point->time, &event);
}

void perfetto_begin(struct tracks *tracks, const struct point *point)
{
	put_point(tracks, point, PERFETTO__PROTOS__TRACK_EVENT__TYPE__TYPE_SLICE_BEGIN);
}

void perfetto_instant(struct tracks *tracks, const struct point *point)
{
	put_point(tracks, point, PERFETTO__PROTOS__TRACK_EVENT__TYPE__TYPE_INSTANT);
}

void perfetto_end(struct tracks *tracks, uint64_t time, uint64_t track)
{
	put_point(tracks, &(struct point){.time = time, .track = track},
		  PERFETTO__PROTOS__TRACK_EVENT__TYPE__TYPE_SLICE_END);
}

void perfetto_count(struct tracks *tracks, uint64_t time, const struct track *track, uint64_t value)
{
	Perfetto__Protos__TrackEvent event = PERFETTO__PROTOS__TRACK_EVENT__INIT;

	event.has_type = event.has_track_uuid = event.has_counter_value = true;
	event.type = PERFETTO__PROTOS__TRACK_EVENT__TYPE__TYPE_COUNTER;
	event.track_uuid = track->uuid;
	event.counter_value = (int64_t)value;
	put_event(tracks, time, &event);
}
