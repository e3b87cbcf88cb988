/* SPDX-License-Identifier: MIT */
/*
 * Text in blkparse's default format, for scripts that read blkparse: the device is the guest's
 * disk, the actions are the marks that mean the same (docs/EXPORT.md).
 */
#include <inttypes.h>

#include "lib/export.h"

/* Mark to action; 0: blkparse has none for it. */
static const char actions[VBT_MARK_COUNT] = {
    [VBT_MARK_pop] = 'Q',
    [VBT_MARK_parse] = 'G',
    [VBT_MARK_submit] = 'D',
    [VBT_MARK_push] = 'C',
};

struct blkparse {
	uint64_t first, sequence;
	bool begun;
};

/* RWBS, as the kernel writes it: what is done, and that a flush is one. */
static const char *rwbs(const struct vbt_request *request)
{
	static const struct {
		uint8_t op;
		const char *text;
	} texts[] = {{0, "R"},   {1, "W"},   {4, "FN"},  {11, "D"},
		     {13, "WZ"}, {14, "DE"}, {15, "ZA"}, {24, "ZR"}};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (request->op == texts[i].op)
			return texts[i].text;
	return "N";
}

/* The sectors that it moves; of others the bytes are a list, or an answer. */
static uint64_t sectors_of(const struct vbt_request *request)
{
	bool moves = request->op == 0 || request->op == 1 || request->op == 15;

	return moves ? ((uint64_t)request->bytes + 511) / 512 : 0;
}

static void put_line(struct vbt_export *export, const struct vbt_linked_event *linked,
		     const struct vbt_request *request)
{
	const struct vbt_event *event = linked->event;
	const struct vbt_target *target = vbt_trace_info_target(export->info, request->target);
	struct blkparse *state = export->state;
	uint64_t since = event->time - state->first, sectors = sectors_of(request);
	char action = actions[event->point];
	FILE *out = export->out;

	fprintf(out, "%3u,%-3u %2u %8" PRIu64 " %5" PRIu64 ".%09" PRIu64 " %5u %2c %3s ",
		request->target, request->device, request->queue, ++state->sequence,
		since / 1000000000, since % 1000000000, event->tid, action, rwbs(request));
	if (sectors)
		fprintf(out, "%" PRIu64 " + %" PRIu64 " ", request->sector, sectors);
	else if (action == 'C')
		fprintf(out, "%" PRIu64 " ", request->sector);
	if (action == 'C')
		fprintf(out, "[%u]\n", request->status);
	else
		fprintf(out, "[%s]\n", target && *target->comm ? target->comm : "vmm");
}

static int put_event(struct vbt_export *export, const struct vbt_linked_event *linked)
{
	struct blkparse *state = export->state;

	if (!state->begun) {
		state->begun = true;
		state->first = linked->event->time;
	}
	/* The time of an event that came late may be before the first one's. */
	if (linked->event->point >= VBT_MARK_COUNT || !actions[linked->event->point] ||
	    linked->event->time < state->first)
		return 0;
	for (unsigned i = 0; i < linked->requests; i++)
		if (vbt_request_has(linked->request[i], VBT_MARK_parse))
			put_line(export, linked, linked->request[i]);
	return 0;
}

const struct vbt_exporter vbt_exporter_blkparse = {
    .name = "blkparse",
    .purpose = "text in blkparse's default format: the guest's disks as blktrace would see them",
    .units = VBT_UNIT_EVENTS,
    .unit = VBT_UNIT_EVENTS,
    .needs_events = VBT_UNIT_EVENTS,
    .state_size = sizeof(struct blkparse),
    .event = put_event,
};
