/* SPDX-License-Identifier: MIT */
/*
 * The ISR byte and the interrupt line that follows it. (virtio 1.3, 4.1.4.5; PCI 3.0, 2.2.6)
 *
 * The line is high while ISR is not 0, unless it is disabled (command bit 10, MSI-X in use).
 * Through an irqfd KVM lowers the line at the guest's end of interrupt and signals `resample`;
 * a small thread raises it again if ISR is still not 0.
 */
#ifndef VMM_VIRTIO_INTX_H
#define VMM_VIRTIO_INTX_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "vmm-lite/wires.h"

struct intx {
	pthread_mutex_t lock; /* a leaf */
	struct wires wires;
	unsigned gsi;
	uint8_t isr;   /* atomic */
	bool disabled; /* by the command register */
	bool off;      /* MSI-X is in use */
	bool level;    /* of the line, when it is driven directly */
	bool irqfd;    /* asked for */
	int raise, resample, handle;
	int quit;
	bool thread_runs;
	pthread_t thread;
};

/* 0 or -errno. */
int intx_init(struct intx *intx, bool irqfd, const struct wires *wires);
void intx_release(struct intx *intx);

/* The function was plugged and knows its line. */
void intx_set_gsi(struct intx *intx, unsigned gsi);

/* What the command register and MSI-X say now. */
void intx_set_enabled(struct intx *intx, bool disabled, bool off);

/* Set bits of ISR, without driving the line yet. */
void intx_set_isr(struct intx *intx, uint8_t bits);
/* Return ISR and clear it; the line follows. */
uint8_t intx_take_isr(struct intx *intx);
uint8_t intx_peek_isr(const struct intx *intx);

bool intx_disabled(struct intx *intx);

/* Drive the line as ISR wants it now. 0 or -errno. */
int intx_update(struct intx *intx);

#endif
