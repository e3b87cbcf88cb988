/* SPDX-License-Identifier: MIT */
/*
 * Events to columns and back: the payload of an event chunk. Internal to lib/.
 *
 * Both sides follow the life of the requests with the same small predictor and store only what it
 * gets wrong. The predictor starts empty in each chunk, so that each can be read alone.
 */
#ifndef VBT_TRACE_CODEC_H
#define VBT_TRACE_CODEC_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/buffer.h"
#include "lib/event.h"
#include "lib/trace_format.h"

struct vbt_encoder;
struct vbt_decoder;

struct vbt_encoder *vbt_encoder_new(int level);
void vbt_encoder_free(struct vbt_encoder *encoder);

/* Append an event. 0, -ENOSPC if the chunk is full (the event was not taken), -ENOMEM. */
int vbt_encoder_add(struct vbt_encoder *encoder, const struct vbt_event *event);
uint32_t vbt_encoder_count(const struct vbt_encoder *encoder);

/* Append the payload to `out` and start the next chunk. Fills count and times of the header. */
int vbt_encoder_finish(struct vbt_encoder *encoder, struct vbt_buffer *out,
		       struct vbt_chunk_header *header);

struct vbt_decoder *vbt_decoder_new(void);
void vbt_decoder_free(struct vbt_decoder *decoder);

/* Begin a chunk: check and unpack its columns. 0, -EBADMSG if it is malformed, -ENOMEM. */
int vbt_decoder_begin(struct vbt_decoder *decoder, const struct vbt_chunk_header *header,
		      const uint8_t *payload);

/*
 * Decode up to `room` events; returns their number, 0 at the chunk's end, -EBADMSG. *in_order: none
 * of them is before the one in front of it.
 */
int vbt_decoder_next(struct vbt_decoder *decoder, struct vbt_event *events, unsigned room,
		     bool *in_order);

#endif
