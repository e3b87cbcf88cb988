/* SPDX-License-Identifier: MIT */
/*
 * The device without a CPU: a test program or a fuzzer plays the guest over the qtest text
 * protocol, as QEMU documents it, on stdio or on a unix socket.
 */
#ifndef VMM_QTEST_QTEST_H
#define VMM_QTEST_QTEST_H

#include "vmm-lite/options.h"

/* Serve until the other side hangs up. The exit status of the program; prints its own messages. */
int qtest_run(const struct options *options);

#endif
