/* SPDX-License-Identifier: MIT */
/* What a session reads, made into events: the kernel's buffer, the rings, and what was lost of both. */
#include <stdio.h>
#include <string.h>

#include "probes/session_impl.h"

#define RING_BATCHES 64 /* of one ring in a poll, so that no ring starves the others */

static void deliver(struct session *session, const struct vbt_event *events, size_t count)
{
	if (count == 0 || session->stopped < 0)
		return;
	session->stopped = session->sink(session->context, events, count);
	session->delivered += (long)count;
}

static void state_loss(struct session *session, uint16_t source, unsigned point, uint64_t from,
		       uint64_t to, uint64_t count)
{
	struct vbt_source entry = *vbt_trace_info_source(&session->info, source);
	struct vbt_event event;

	entry.lost += count;
	vbt_trace_info_set_source(&session->info, source, &entry);
	vbt_event_lost(&event, source, from, to, count);
	event.val = point;
	deliver(session, &event, 1);
}

static void on_kernel(void *context, const struct vbt_kernel_record *record)
{
	struct session *session = context;

	if (vbt_event_from_kernel(&session->kernel_batch[session->kernel_count], record,
				  KERNEL_SOURCE))
		session->kernel_count++;
}

/* The source of a thread's USDT events; made when the first one comes. */
static uint16_t usdt_source(struct session *session, unsigned target, uint32_t tid)
{
	struct vbt_source entry = {.kind = VBT_SOURCE_USDT, .target = (uint8_t)target, .tid = tid};
	const struct vbt_trace_info *info = &session->info;
	char path[64], name[sizeof(entry.name)] = "";
	FILE *file;

	for (uint32_t i = 1; i < info->sources; i++)
		if (info->source[i].tid == tid && info->source[i].target == target &&
		    info->source[i].kind == VBT_SOURCE_USDT)
			return (uint16_t)i;
	snprintf(path, sizeof(path), "/proc/%d/task/%u/comm", (int)info->target[target].pid, tid);
	file = fopen(path, "re");
	if (file && fgets(name, sizeof(name), file))
		name[strcspn(name, "\n")] = '\0';
	if (file)
		fclose(file);
	snprintf(entry.name, sizeof(entry.name), "%s", name);
	if (vbt_trace_info_set_source(&session->info, info->sources, &entry) < 0)
		return KERNEL_SOURCE;
	return (uint16_t)(info->sources - 1);
}

static void on_usdt(void *context, const struct vbt_usdt_record *record)
{
	struct session *session = context;
	struct vbt_event *event = &session->usdt_batch[session->usdt_count];

	if (record->target < session->info.targets &&
	    vbt_event_from_record(event, &record->record, record->record.time,
				  usdt_source(session, record->target, record->tid),
				  (uint8_t)record->target, record->tid))
		session->usdt_count++;
}

/*
 * State what the kernel's side lost since the last time; before the events that came after it. Where none came
 * it can wait: asking costs a system call for each program.
 */
static void state_kernel_losses(struct session *session)
{
	uint64_t lost[VBT_POINT_COUNT], now = vbt_now_ns();

	kernel_source_losses(session->kernel, lost);
	for (unsigned point = 0; point < VBT_POINT_COUNT; point++)
		if (lost[point] > session->lost[point]) {
			state_loss(session, KERNEL_SOURCE, point, session->lost_time, now,
				   lost[point] - session->lost[point]);
			session->lost[point] = lost[point];
		}
	session->lost_time = now;
}

static void deliver_usdt(struct session *session)
{
	const struct vbt_event *events = session->usdt_batch;
	size_t start = 0;

	for (size_t i = 1; i <= session->usdt_count; i++)
		if (i == session->usdt_count || events[i].source != events[start].source) {
			deliver(session, &events[start], i - start);
			start = i;
		}
}

/* true if everything was read that was there at the start, when `reserved` was asked for. */
bool session_read_kernel(struct session *session, uint64_t reserved)
{
	const struct kernel_source_sink sink = {
	    .kernel = on_kernel, .usdt = on_usdt, .context = session};
	size_t count = BATCH;

	for (int i = 0; i < RING_BATCHES && count == BATCH && session->stopped >= 0; i++) {
		session->kernel_count = session->usdt_count = 0;
		count = kernel_source_read(session->kernel, &sink, BATCH);
		if (count || session->detached)
			state_kernel_losses(session);
		deliver(session, session->kernel_batch, session->kernel_count);
		deliver_usdt(session);
	}
	return count < BATCH && kernel_source_reached(session->kernel, reserved);
}

static uint16_t ring_source(struct session *session, unsigned index, const struct ring_batch *batch)
{
	struct target *target = session->targets[index];
	uint16_t source = target->sources[batch->ring];
	struct vbt_source entry = {
	    .kind = VBT_SOURCE_RING, .target = (uint8_t)index, .tid = batch->tid};
	char name[16];

	/* A ring that went to another thread is another source. */
	if (source && session->info.source[source].tid == batch->tid)
		return source;
	snprintf(entry.name, sizeof(entry.name), "%s",
		 ring_reader_ring_name(target->reader, batch->ring, name));
	if (vbt_trace_info_set_source(&session->info, session->info.sources, &entry) < 0)
		return source;
	return target->sources[batch->ring] = (uint16_t)(session->info.sources - 1);
}

/* A source of a target's that has losses only, by its name; made when it has the first. */
static uint16_t loss_source(struct session *session, unsigned index, uint32_t tid, const char *name)
{
	struct vbt_source entry = {.kind = VBT_SOURCE_RING, .target = (uint8_t)index, .tid = tid};
	const struct vbt_trace_info *info = &session->info;

	snprintf(entry.name, sizeof(entry.name), "%s", name);
	for (uint32_t i = 1; i < info->sources; i++)
		if (info->source[i].target == index && info->source[i].tid == tid &&
		    strcmp(info->source[i].name, entry.name) == 0)
			return (uint16_t)i;
	if (vbt_trace_info_set_source(&session->info, info->sources, &entry) < 0)
		return KERNEL_SOURCE;
	return (uint16_t)(info->sources - 1);
}

/* Of a ring that cannot be read: how much it lost is not known, and counts as one. */
static void state_unreadable(struct session *session, unsigned index,
			     const struct ring_batch *batch)
{
	struct target *target = session->targets[index];
	uint64_t last = target->last_ns[batch->ring], now = vbt_now_ns();
	char name[24];

	ring_reader_unreadable_name(target->reader, batch->ring, name);
	state_loss(session, loss_source(session, index, batch->tid, name), VBT_POINT_LOST,
		   last ? last : now, now, 1);
}

/*
 * What another reader asked for is not for us: data is the guest's, and a recording has as much of it
 * as its user wanted, or none.
 */
static bool is_asked_for(const struct session *session, struct vbt_record *record)
{
	const unsigned place = record->head * VBT_DATA_STEP;
	uint8_t bytes[VBT_DATA_STEP];
	unsigned room;

	if (record->point != VBT_AUX_data)
		return true;
	if (place >= session->options.data)
		return false;
	room = session->options.data - place;
	if (room >= VBT_DATA_STEP || record->op <= room)
		return true;
	memcpy(bytes, &record->arg, 8);
	memcpy(bytes + 8, &record->val, 4);
	memset(bytes + room, 0, sizeof(bytes) - room);
	memcpy(&record->arg, bytes, 8);
	memcpy(&record->val, bytes + 8, 4);
	record->op = (uint8_t)room;
	return true;
}

static void deliver_ring(struct session *session, unsigned index, const struct ring_batch *batch)
{
	struct target *target = session->targets[index];
	uint64_t last = target->last_ns[batch->ring];
	size_t count = 0, others = 0;
	uint16_t source;

	if (batch->unreadable)
		state_unreadable(session, index, batch);
	if (!batch->count && !batch->lost)
		return;
	source = ring_source(session, index, batch);
	for (size_t i = 0; i < batch->count; i++) {
		struct vbt_record record = batch->records[i];
		uint64_t ns = vbt_clock_ns(&target->clock, record.time);

		if (!is_asked_for(session, &record))
			others++;
		else if (vbt_event_from_record(&session->ring_batch[count], &record, ns, source,
					       (uint8_t)index, batch->tid))
			count++;
	}
	if (batch->lost)
		state_loss(session, source, VBT_POINT_LOST, last,
			   count ? session->ring_batch[0].time : vbt_now_ns(), batch->lost);
	/* What is no record of a VMM at all is as good as lost. */
	if (count + others < batch->count)
		state_loss(session, source, VBT_POINT_LOST, last, vbt_now_ns(),
			   batch->count - count - others);
	if (count)
		target->last_ns[batch->ring] = session->ring_batch[count - 1].time;
	deliver(session, session->ring_batch, count);
}

/* State what threads fired that found no ring. */
static void state_unplaced(struct session *session, unsigned index)
{
	struct target *target = session->targets[index];
	uint64_t lost = ring_reader_unplaced(target->reader), now = vbt_now_ns();

	if (lost)
		state_loss(session, loss_source(session, index, 0, RING_READER_UNPLACED),
			   VBT_POINT_LOST, target->unplaced_ns ? target->unplaced_ns : now, now,
			   lost);
	target->unplaced_ns = now;
}

bool session_read_rings(struct session *session, unsigned index, unsigned *fill)
{
	struct target *target = session->targets[index];
	unsigned rings = ring_reader_rings(target->reader);
	struct ring_batch batch;
	bool drained = true;

	for (unsigned ring = 0; ring < rings; ring++) {
		bool more = true;

		for (int i = 0; i < RING_BATCHES && more && session->stopped >= 0; i++) {
			more = ring_reader_next(target->reader, ring, BATCH, &batch);
			if (more && batch.fill > *fill)
				*fill = batch.fill;
			if (more)
				deliver_ring(session, index, &batch);
			more = more && batch.count == BATCH;
		}
		drained &= !more;
	}
	state_unplaced(session, index);
	return drained;
}
