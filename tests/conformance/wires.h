/* SPDX-License-Identifier: MIT */
/* The recorder's inside, for world.c and registers.c. */
#ifndef TESTS_CONFORMANCE_WIRES_H
#define TESTS_CONFORMANCE_WIRES_H

#include "tests/conformance/world.h"

extern const struct wires_ops recorder_ops;

void recorder_init(struct recorder *r);
/* Count what bound eventfds say. */
void recorder_collect(struct recorder *r);
/* A store of the driver: true if it rang a doorbell and goes no further. */
bool recorder_store(struct recorder *r, enum bus_space space, uint64_t addr, unsigned size,
		    uint64_t value);
unsigned recorder_doorbells(struct recorder *r);

#endif
