/* SPDX-License-Identifier: MIT */
/*
 * What KVM is to a real guest, for a driver in our own process: stores that are doorbells signal
 * an eventfd, all others reach the device over the bus; interrupts arrive as eventfds.
 *
 * An interrupt costs what it really costs: the device writes an eventfd (as it would for an irqfd,
 * or in place of the ioctl) and the driver's thread sleeps in a read of it.
 */
#ifndef VMM_BENCH_WIRES_H
#define VMM_BENCH_WIRES_H

#include <pthread.h>

#include "vmm-lite/bus.h"
#include "vmm-lite/wires.h"

#define BENCH_VECTORS   129 /* 64 queues and the configuration, twice over */
#define BENCH_DOORBELLS 256

struct bench_binding {
	int eventfd; /* -1: free */
	struct msi_message message;
};

struct bench_wires {
	struct bus *bus;
	pthread_rwlock_t lock;
	struct doorbell doorbells[BENCH_DOORBELLS];
	unsigned doorbell_count;
	struct bench_binding bindings[BENCH_VECTORS];
	int vector_fds
	    [BENCH_VECTORS]; /* of messages that are sent without a binding; -1: none yet */
	int line_fd;         /* of a line that is driven without a binding */
	int line_poll;       /* an epoll of all that can raise the line */
	bool level;
	int bound_line, resample; /* eventfds of a bound line, or -1 */
};

/* 0 or -errno. */
int bench_wires_init(struct bench_wires *bench, struct bus *bus);
void bench_wires_release(struct bench_wires *bench);

/* The plug for the device. */
struct wires bench_wires_plug(struct bench_wires *bench);

/* The guest's stores and loads. A store that rings a doorbell returns true. */
bool bench_store(struct bench_wires *bench, enum bus_space space, uint64_t addr, unsigned size,
		 uint64_t value);
uint64_t bench_load(struct bench_wires *bench, enum bus_space space, uint64_t addr, unsigned size);

/* What to write into the MSI-X table so that a vector arrives as number `vector`. */
struct msi_message bench_message(unsigned vector);

/*
 * The eventfd that interrupts with this vector arrive at, as the device has set it up now; -1 if
 * there can be none. Stays the wires' or the device's.
 */
int bench_vector_fd(struct bench_wires *bench, unsigned vector);

/* Sleep until the INTx line is raised, in whichever way the device does it by then. */
void bench_line_sleep(struct bench_wires *bench);
/* As if it had been raised. */
void bench_line_wake(struct bench_wires *bench);
/* End of interrupt of the line: a device that still has something raises it again. */
void bench_line_eoi(struct bench_wires *bench);

#endif
