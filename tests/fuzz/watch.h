/* SPDX-License-Identifier: MIT */
/*
 * What has to hold whatever a guest does; the fuzzers look after every step:
 *
 * - guest memory changes only where a descriptor that the driver wrote says so, in the used rings
 *   and event areas; after a reset nowhere;
 * - every chain that was made available comes back once, and nothing else does, unless the device
 *   says that it needs a reset;
 * - registers and configuration space hold only what they can hold, doorbells belong to live
 *   queues.
 *
 * Where the guest lets the device write over its own descriptors and rings nobody can say what
 * should come of it: from then on, until a reset, only the sanitizers and the registers judge.
 */
#ifndef TESTS_FUZZ_WATCH_H
#define TESTS_FUZZ_WATCH_H

#include "tests/driver/rig.h"
#include "vmm-lite/virtio/pci.h"

#define WATCH_QUEUES 4

struct watch;

struct watch *watch_new(struct rig *rig);
void watch_free(struct watch *watch);

/* The device of the rig, for looking at. */
struct virtio_pci *watch_pci(struct rig *rig);

/* Around everything that the driver writes into memory. `forged`: not as a driver does it. */
void watch_writes(struct watch *watch);
void watch_wrote(struct watch *watch, bool forged);

/* Before a step that makes the device take what is in that queue, if it can. */
void watch_kick(struct watch *watch, unsigned queue);
/* After each step with registers: waits until the queues' threads sleep, then looks. */
void watch_look(struct watch *watch);
/* All held requests are let go, or not any more. */
void watch_held(struct watch *watch, bool held);
/*
 * A reset was asked for: if it happened, the device may not write anything from here on. false: it
 * did not, and everything is as it was.
 */
bool watch_reset(struct watch *watch);

/* A broken promise ends the process. */
void watch_fail(const char *what) __attribute__((noreturn));

#endif
