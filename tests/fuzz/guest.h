/* SPDX-License-Identifier: MIT */
/*
 * The guest of the device fuzzers: little memory, a device built as the input says, and what such
 * a guest does with memory and rings. Every step is watched.
 */
#ifndef TESTS_FUZZ_GUEST_H
#define TESTS_FUZZ_GUEST_H

#include <stddef.h>
#include <string.h>

#include "tests/fuzz/watch.h"

/* Made anew for each input, and compared after each step: as small as it can be. */
#define GUEST_LOW   0x28000u
#define GUEST_HIGH  0x8000u
#define GUEST_DATA  0xc000u  /* 64 KiB */
#define GUEST_RINGS 0x1c000u /* 8 KiB for each queue */
#define GUEST_DISK  (64u << 10)

/* The bytes of the input; zeroes when they are used up. */
struct input {
	const uint8_t *at;
	size_t left;
};

static inline uint64_t take(struct input *in, unsigned bytes)
{
	uint64_t value = 0;

	if (bytes > in->left)
		bytes = (unsigned)in->left;
	memcpy(&value, in->at, bytes);
	in->at += bytes;
	in->left -= bytes;
	return value;
}

struct guest {
	struct input in;
	struct rig *rig;
	struct watch *watch;
	bool legacy;
	struct rig_queue q[WATCH_QUEUES]; /* as the driver thinks they are */
};

/* The device that the first bytes of the input describe. */
void guest_begin(struct guest *g, const uint8_t *data, size_t size);
/* Reset it and see that it works: what the guest did has to leave no trace. */
void guest_end(struct guest *g);

/* Feature bits of that interface, as the input chooses from what is offered. */
uint64_t guest_features(struct guest *g);
/* All the way to DRIVER_OK with queue 0, through the interface that g->legacy says. */
void guest_start(struct guest *g);
/* Where the registers say that a queue is to be, and what the driver believes from then on. */
struct rig_queue guest_plan(struct guest *g, unsigned queue, uint16_t size, bool packed);
void guest_kick(struct guest *g, unsigned queue);

/* Steps in memory. */
void guest_header(struct guest *g);
void guest_chain(struct guest *g, unsigned queue);
void guest_descriptor(struct guest *g, unsigned queue);
void guest_poke(struct guest *g, unsigned queue);
void guest_forge_available(struct guest *g, unsigned queue);
void guest_disk_moods(struct guest *g);

#endif
