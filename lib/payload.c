/* SPDX-License-Identifier: MIT */
#include "lib/payload.h"

#include <stdlib.h>
#include <string.h>

#define ROOM      (64u << 20) /* bytes of all of them */
#define MAX_SLOTS 65536u
#define WAYS      8u /* slots that a request can be in */
#define PIECES    ((VBT_DATA_MAX + VBT_DATA_STEP - 1) / VBT_DATA_STEP)

/*
 * The pieces of a request come in any order: a trace is in the order of time, and where the VMM's
 * clock is corrected a later piece may have an earlier time.
 */
struct slot {
	uint64_t queue; /* target, device, queue: see queue_of */
	uint64_t time;  /* of its first event */
	uint32_t seq;
	uint16_t end; /* of the data, by the piece that was not full */
	bool used, given;
	uint64_t have[(PIECES + 63) / 64]; /* the pieces that are there */
};

struct vbt_payloads {
	unsigned bytes, sets;
	uint64_t pushed_out;
	struct slot *slot; /* WAYS for each set */
	uint8_t *data;     /* `bytes` for each slot */
};

struct vbt_payloads *vbt_payloads_new(unsigned bytes)
{
	struct vbt_payloads *p = calloc(1, sizeof(*p));
	size_t slots = MAX_SLOTS;

	if (!p)
		return NULL;
	p->bytes = bytes < VBT_DATA_MAX ? bytes : VBT_DATA_MAX;
	while (slots * p->bytes > ROOM)
		slots /= 2;
	p->sets = (unsigned)(slots / WAYS);
	p->slot = calloc(slots, sizeof(*p->slot));
	p->data = calloc(slots, p->bytes ? p->bytes : 1);
	if (p->slot && p->data)
		return p;
	vbt_payloads_free(p);
	return NULL;
}

void vbt_payloads_free(struct vbt_payloads *p)
{
	if (!p)
		return;
	free(p->slot);
	free(p->data);
	free(p);
}

static uint64_t queue_of(unsigned target, unsigned device, unsigned queue)
{
	return (uint64_t)target << 24 | (uint64_t)device << 16 | queue;
}

/* The slots that a request can be in. Those of a queue that are under way lie side by side. */
static struct slot *set_of(const struct vbt_payloads *p, uint64_t queue, uint32_t seq)
{
	uint64_t start = queue * 0x9e3779b97f4a7c15ULL >> 32;

	return &p->slot[(start + seq) % p->sets * WAYS];
}

static struct slot *find(const struct vbt_payloads *p, uint64_t queue, uint32_t seq)
{
	struct slot *set = set_of(p, queue, seq);

	for (unsigned i = 0; i < WAYS; i++)
		if (set[i].used && set[i].queue == queue && set[i].seq == seq)
			return &set[i];
	return NULL;
}

/* A slot for a new one: a free one, or that of the oldest. */
static struct slot *make(struct vbt_payloads *p, uint64_t queue, uint32_t seq)
{
	struct slot *set = set_of(p, queue, seq), *best = set;

	for (unsigned i = 1; i < WAYS && best->used; i++)
		if (!set[i].used || set[i].time < best->time)
			best = &set[i];
	p->pushed_out += best->used;
	return best;
}

static bool has(const struct slot *slot, unsigned piece)
{
	return slot->have[piece / 64] >> piece % 64 & 1;
}

/* The bytes from the first one on without a hole. */
static unsigned size_of(const struct vbt_payloads *p, const struct slot *slot)
{
	unsigned piece = 0, size;

	while (piece < PIECES && has(slot, piece))
		piece++;
	size = piece * VBT_DATA_STEP;
	if (size > slot->end)
		size = slot->end;
	return size < p->bytes ? size : p->bytes;
}

static uint8_t *data_of(const struct vbt_payloads *p, const struct slot *slot)
{
	return p->data + (size_t)(slot - p->slot) * p->bytes;
}

void vbt_payloads_event(struct vbt_payloads *p, const struct vbt_event *event)
{
	uint64_t queue = queue_of(event->target, event->device, event->queue);
	struct slot *slot = find(p, queue, event->seq);
	unsigned piece = event->head, at = piece * VBT_DATA_STEP, size = event->op;
	uint8_t bytes[VBT_DATA_STEP];

	if (!size || size > VBT_DATA_STEP || at >= p->bytes)
		return;
	/* What is there already comes again: another request of that number. */
	if (!slot || slot->given != event->code || has(slot, piece)) {
		slot = slot ? slot : make(p, queue, event->seq);
		*slot = (struct slot){.queue = queue,
				      .time = event->time,
				      .seq = event->seq,
				      .end = VBT_DATA_MAX,
				      .used = true,
				      .given = event->code};
	}
	slot->have[piece / 64] |= 1ULL << piece % 64;
	if (size < VBT_DATA_STEP && at + size < slot->end)
		slot->end = (uint16_t)(at + size);
	memcpy(bytes, &event->arg, 8);
	memcpy(bytes + 8, &event->val, 4);
	memcpy(data_of(p, slot) + at, bytes, size < p->bytes - at ? size : p->bytes - at);
}

bool vbt_payloads_take(struct vbt_payloads *p, const struct vbt_request *request, bool given,
		       struct vbt_payload *payload)
{
	struct slot *slot =
	    find(p, queue_of(request->target, request->device, request->queue), request->seq);

	if (!slot || slot->given != given)
		return false;
	*payload = (struct vbt_payload){data_of(p, slot), size_of(p, slot)};
	slot->used = false;
	return payload->size;
}

uint64_t vbt_payloads_pushed_out(const struct vbt_payloads *p)
{
	return p->pushed_out;
}
