/* SPDX-License-Identifier: MIT */
/*
 * The first bytes of what requests move, put together from events of the point `data`
 * (`record --payload`), and kept until somebody takes them. Memory is bounded: where there is no room
 * the oldest of a few goes.
 */
#ifndef VBT_PAYLOAD_H
#define VBT_PAYLOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/event.h"
#include "lib/request.h"

struct vbt_payloads;

struct vbt_payload {
	const uint8_t *bytes; /* until the next call with an event */
	unsigned size;        /* at least 1 */
};

/* `bytes`: so many of each request at most, 1 to VBT_DATA_MAX. NULL if memory is short. */
struct vbt_payloads *vbt_payloads_new(unsigned bytes);
void vbt_payloads_free(struct vbt_payloads *payloads); /* NULL is fine */

/*
 * Take an event of the point `data`. Those of a request may come in any order; what is behind a hole
 * is left out.
 */
void vbt_payloads_event(struct vbt_payloads *payloads, const struct vbt_event *event);

/*
 * The data of a request that was given by the guest (a write), or is for it (a read); it is then
 * forgotten. False if there is none.
 */
bool vbt_payloads_take(struct vbt_payloads *payloads, const struct vbt_request *request, bool given,
		       struct vbt_payload *payload);

/* How many requests' data had to go before it was taken. */
uint64_t vbt_payloads_pushed_out(const struct vbt_payloads *payloads);

#endif
