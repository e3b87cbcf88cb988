/* SPDX-License-Identifier: MIT */
/*
 * The qtest protocol: one line in, one answer out. (QEMU, docs/devel/testing/qtest)
 *
 * What a command touches are the two address spaces and RAM, nothing else of the machine. The
 * other side is a fuzzer: a line is checked as a whole before anything is done, and whatever it
 * says the answer is one line.
 */
#ifndef VMM_QTEST_PROTOCOL_H
#define VMM_QTEST_PROTOCOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmm-lite/bus.h"
#include "vmm-lite/guest_mem.h"

/* Bytes that one command moves; hexadecimal takes two characters each, and there is the rest. */
#define QTEST_MAX_BYTES (4u << 20)
#define QTEST_MAX_LINE  (2 * QTEST_MAX_BYTES + 256)

struct qtest_answer {
	char *text; /* ends with a newline; owned by the protocol until the next line */
	size_t length;
};

struct qtest_protocol {
	const struct guest_mem *mem;
	struct bus *bus;
	uint64_t clock_ns;
	/* Interrupt lines are reported from now on. Called at most once. */
	void (*intercept)(void *opaque);
	/* The clock was moved. */
	void (*tick)(void *opaque);
	void *opaque;
	bool intercepted;
	struct qtest_answer answer;
	size_t capacity;
};

void qtest_protocol_init(struct qtest_protocol *protocol, const struct guest_mem *mem,
			 struct bus *bus);
void qtest_protocol_release(struct qtest_protocol *protocol);

/*
 * Obey one line (`length` bytes and a terminating 0 which is not counted; modified). The answer
 * stays valid until the next call.
 */
const struct qtest_answer *qtest_protocol_line(struct qtest_protocol *protocol, char *line,
					       size_t length);

#endif
