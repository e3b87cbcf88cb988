/* SPDX-License-Identifier: MIT */
/*
 * pcap with nanoseconds, link type USER0. docs/PCAP_FORMAT.md describes the frame: a header, the
 * event as it was recorded, an entry for each request that it belongs to, the whole life of those
 * that end with it, and data if it is wanted.
 */
#include <errno.h>
#include <pcap/pcap.h>
#include <string.h>

#include "lib/export.h"
#include "lib/trace_format.h" /* vbt_put16, … */

#define FRAME_VERSION 1
#define HEADER_SIZE   88
#define ENTRY_SIZE    40
#define LIFE_SIZE     (8 + 8 * VBT_LAYER_COUNT + 8 * VBT_MARK_COUNT)
#define MAX_ENTRIES   256 /* an interrupt that tells of more says so */
#define FRAME_MAX     (HEADER_SIZE + MAX_ENTRIES * (ENTRY_SIZE + LIFE_SIZE) + VBT_DATA_MAX)

#define UNKNOWN       0xff
#define POINT_LOST    0xff /* VBT_POINT_LOST */

enum frame_kind { FRAME_EVENT, FRAME_SUBMISSION, FRAME_COMPLETION };
enum frame_flag { FLAG_INFERRED = 1, FLAG_LATE = 2, FLAG_MORE = 4 };
enum entry_flag {
	ENTRY_INFERRED = 1,
	ENTRY_FIRST = 2,
	ENTRY_LAST = 4,
	ENTRY_COMPLETE = 8,
	ENTRY_MERGED = 16
};

struct pcap_export {
	pcap_t *pcap;
	pcap_dumper_t *dumper;
	uint8_t frame[FRAME_MAX];
};

static int begin(struct vbt_export *export)
{
	struct pcap_export *state = export->state;

	state->pcap =
	    pcap_open_dead_with_tstamp_precision(DLT_USER0, FRAME_MAX, PCAP_TSTAMP_PRECISION_NANO);
	if (!state->pcap)
		return -ENOMEM;
	/* The dumper is the stream itself, and goes with it. */
	state->dumper = pcap_dump_fopen(state->pcap, export->out);
	return state->dumper ? 0 : -EIO;
}

static void release(struct vbt_export *export)
{
	struct pcap_export *state = export->state;

	if (state->pcap)
		pcap_close(state->pcap);
}

/* Is the event the request's first mark, its last one? */
static unsigned place_in_life(const struct vbt_request *request, const struct vbt_event *event)
{
	unsigned life = vbt_request_life(request), first, last, place = 0;

	if (!life)
		return 0;
	first = last = (unsigned)__builtin_ctz(life);
	for (unsigned left = life; left; left &= left - 1)
		if (request->mark[__builtin_ctz(left)] >= request->mark[last])
			last = (unsigned)__builtin_ctz(left);
	if (event->point == first)
		place |= ENTRY_FIRST;
	if (event->point == last)
		place |= ENTRY_LAST;
	return place;
}

static uint8_t point_of(const struct vbt_event *event)
{
	return event->point == VBT_POINT_LOST ? POINT_LOST : event->point;
}

static void put_event(uint8_t *at, const struct vbt_event *event)
{
	vbt_put64(at, event->time);
	vbt_put64(at + 8, event->key);
	vbt_put64(at + 16, event->arg);
	vbt_put32(at + 24, event->seq);
	vbt_put32(at + 28, event->val);
	vbt_put32(at + 32, event->tid);
	vbt_put16(at + 36, event->head);
	vbt_put16(at + 38, event->queue);
	vbt_put16(at + 40, event->source);
	at[42] = event->target;
	at[43] = event->device;
	at[44] = point_of(event);
	at[45] = event->op;
	at[46] = event->code;
	at[47] = event->late;
}

static uint8_t *put_life(uint8_t *at, const struct vbt_request *request)
{
	uint64_t layer[VBT_LAYER_COUNT];
	unsigned seen = vbt_request_layers(request, layer);

	vbt_put16(at, request->present);
	vbt_put16(at + 2, request->inferred);
	vbt_put32(at + 4, seen);
	at += 8;
	for (unsigned i = 0; i < VBT_LAYER_COUNT; i++, at += 8)
		vbt_put64(at, layer[i]);
	for (unsigned i = 0; i < VBT_MARK_COUNT; i++, at += 8)
		vbt_put64(at, vbt_request_has(request, i) ? request->mark[i] : 0);
	return at;
}

static uint8_t *put_entry(uint8_t *at, const struct vbt_request *request, unsigned flags)
{
	bool parsed = vbt_request_has(request, VBT_MARK_parse);
	bool pushed = vbt_request_has(request, VBT_MARK_push);

	vbt_put64(at, request->id);
	vbt_put64(at + 8, vbt_request_total(request));
	vbt_put64(at + 16, parsed ? request->sector : 0);
	vbt_put32(at + 24, parsed ? request->bytes : 0);
	vbt_put32(at + 28, (uint32_t)request->vcpu);
	vbt_put16(at + 32, request->head);
	at[34] = parsed ? request->op : UNKNOWN;
	at[35] = pushed ? request->status : UNKNOWN;
	vbt_put32(at + 36, flags);
	return at + ENTRY_SIZE;
}

static uint8_t *put_header(struct vbt_export *export, uint8_t *at, unsigned kind,
			   const struct vbt_linked_event *linked)
{
	const struct vbt_event *event = linked->event;
	const struct vbt_request *request = vbt_linked_request(linked);
	const struct vbt_target *target = vbt_trace_info_target(export->info, event->target);
	bool named = request || vbt_event_names_queue(event);
	unsigned device = request ? request->device : event->device;
	char name[24];

	memset(at, 0, HEADER_SIZE);
	at[0] = FRAME_VERSION;
	at[1] = (uint8_t)kind;
	at[2] = point_of(event);
	vbt_put16(at + 4, HEADER_SIZE);
	vbt_put32(at + 8, target ? target->pid : 0);
	at[12] = event->target;
	at[13] = named ? (uint8_t)device : UNKNOWN;
	vbt_put16(at + 14, named ? request ? request->queue : event->queue : 0xffff);
	if (named)
		strncpy((char *)at + 16,
			vbt_trace_info_device_name(export->info, event->target, device, name), 15);
	put_event(at + 32, event);
	return at + HEADER_SIZE;
}

/*
 * The data of a request, in the frame in which it goes from one side to the other: what the guest
 * gave where the request is parsed or begins, what it gets where that is pushed or ends. The bytes
 * that the data would have in all are what is put, and what is not.
 */
static uint8_t *put_payload(struct vbt_export *export, uint8_t *at, unsigned kind,
			    const struct vbt_linked_event *linked, uint32_t *whole)
{
	struct pcap_export *state = export->state;
	const struct vbt_request *request = vbt_linked_request(linked);
	unsigned point = linked->event->point;
	struct vbt_payload payload;
	bool given;

	if (!export->payloads || !request)
		return at;
	given = kind == FRAME_SUBMISSION || (kind == FRAME_EVENT && point == VBT_MARK_parse);
	if (!given && kind != FRAME_COMPLETION && point != VBT_MARK_push)
		return at;
	if (!vbt_payloads_take(export->payloads, request, given, &payload))
		return at;
	export->taken++;
	memcpy(at, payload.bytes, payload.size);
	vbt_put32(state->frame + 80, payload.size);
	*whole = request->bytes > payload.size ? request->bytes : payload.size;
	if (*whole > UINT32_MAX - FRAME_MAX)
		*whole = UINT32_MAX - FRAME_MAX; /* the frame's length has 32 bits */
	return at + payload.size;
}

static void write_frame(struct vbt_export *export, unsigned kind,
			const struct vbt_linked_event *linked)
{
	struct pcap_export *state = export->state;
	unsigned count = linked->requests < MAX_ENTRIES ? linked->requests : MAX_ENTRIES;
	uint64_t time = linked->event->time + (uint64_t) export->realtime_offset;
	struct pcap_pkthdr header = {
	    .ts = {.tv_sec = (time_t)(time / 1000000000),
		   .tv_usec = (suseconds_t)(time % 1000000000)},
	};
	uint8_t *at = put_header(export, state->frame, kind, linked);
	unsigned flags = linked->event->late ? FLAG_LATE : 0, place[MAX_ENTRIES];
	uint32_t whole = 0;
	uint8_t *data;

	if (count < linked->requests)
		flags |= FLAG_MORE;
	for (unsigned i = 0; i < count; i++) {
		const struct vbt_request *request = linked->request[i];

		place[i] = place_in_life(request, linked->event);
		if (vbt_link_inferred(linked, request)) {
			place[i] |= ENTRY_INFERRED;
			flags |= FLAG_INFERRED;
		}
		place[i] |= request->complete ? ENTRY_COMPLETE : 0;
		place[i] |= request->merged ? ENTRY_MERGED : 0;
		at = put_entry(at, request, place[i]);
	}
	for (unsigned i = 0; i < count; i++)
		if (place[i] & ENTRY_LAST)
			at = put_life(at, linked->request[i]);
	state->frame[3] = (uint8_t)flags;
	vbt_put16(state->frame + 6, (uint16_t)count);
	data = at;
	at = put_payload(export, at, kind, linked, &whole);
	header.caplen = (bpf_u_int32)(at - state->frame);
	header.len = (bpf_u_int32)(data - state->frame) + whole;
	pcap_dump((u_char *)state->dumper, &header, state->frame);
}

/* Of each request a frame where it begins and one where it ends. */
static void write_ends(struct vbt_export *export, const struct vbt_linked_event *linked)
{
	for (unsigned end = ENTRY_FIRST; end <= ENTRY_LAST; end <<= 1)
		for (unsigned i = 0; i < linked->requests; i++) {
			const struct vbt_linked_event one = {linked->event, &linked->request[i], 1};

			if (place_in_life(linked->request[i], linked->event) & end)
				write_frame(
				    export,
				    end == ENTRY_FIRST ? FRAME_SUBMISSION : FRAME_COMPLETION, &one);
		}
}

static int take_event(struct vbt_export *export, const struct vbt_linked_event *linked)
{
	if (export->unit == VBT_UNIT_EVENTS)
		write_frame(export, FRAME_EVENT, linked);
	else
		write_ends(export, linked);
	return 0;
}

const struct vbt_exporter vbt_exporter_pcap = {
    .name = "pcap",
    .purpose = "a capture for Wireshark and tcpdump: a frame for each event, or two a request",
    .units = VBT_UNIT_REQUESTS | VBT_UNIT_EVENTS,
    .unit = VBT_UNIT_EVENTS,
    .needs_events = VBT_UNIT_REQUESTS | VBT_UNIT_EVENTS,
    .frames = true,
    .binary = true,
    .data = true,
    .state_size = sizeof(struct pcap_export),
    .begin = begin,
    .event = take_event,
    .release = release,
};
