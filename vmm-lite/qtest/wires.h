/* SPDX-License-Identifier: MIT */
/*
 * The wires of the qtest mode. A message to an address in RAM lands there, as it does with QEMU,
 * so that a test sees it by reading; the lines are reported as text.
 */
#ifndef VMM_QTEST_WIRES_H
#define VMM_QTEST_WIRES_H

#include <pthread.h>

#include "vmm-lite/guest_mem.h"
#include "vmm-lite/wires.h"

#define QTEST_LINES 64

struct qtest_wires {
	const struct guest_mem *mem;
	pthread_mutex_t lock;
	bool reporting;
	bool level[QTEST_LINES];
	/* A line changed. Any thread, one at a time. */
	void (*changed)(void *opaque, unsigned gsi, bool level);
	void *opaque;
};

void qtest_wires_init(struct qtest_wires *wires, const struct guest_mem *mem,
		      void (*changed)(void *opaque, unsigned gsi, bool level), void *opaque);
void qtest_wires_release(struct qtest_wires *wires);

/* Report from now on, beginning with the lines that are high. */
void qtest_wires_report(struct qtest_wires *wires);

struct wires qtest_wires_interface(struct qtest_wires *wires);

#endif
