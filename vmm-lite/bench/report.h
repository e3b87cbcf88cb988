/* SPDX-License-Identifier: MIT */
/*
 * What a bench has found out, as text for people or as JSON for programs.
 *
 * The JSON is one object:
 *	format                 1
 *	rw, block_size, depth, queues, seed        what was done; depth is per queue
 *	transport, ring, irq, notify, signal, iothread, aio, direct, disk        with which device
 *	duration_ns, requests, bytes               of the run itself; bytes of successful requests
 *	iops, bandwidth                            per second; bytes
 *	latency, read, write                       {count, min_ns, mean_ns, p50_ns, p90_ns, p99_ns,
 *	                                           p999_ns, max_ns}: from submission to the driver's
 *	                                           seeing the answer
 *	errors                 requests that failed: io_errors + unsupported
 *	io_errors, unsupported, protocol_errors, verify_errors, unanswered, verified
 *	kicks, interrupts      of all queues
 *	cpu                    {user_ns, system_ns, ns_per_request}: of the whole process
 *	complaint              the first thing that was wrong, or ""
 */
#ifndef VMM_BENCH_REPORT_H
#define VMM_BENCH_REPORT_H

#include <stdio.h>

#include "vmm-lite/bench/job.h"
#include "vmm-lite/options.h"

struct report {
	const struct options *options;
	const struct driver *driver;
	const struct job_options *job;
	const struct job_result *result;
};

void report_text(FILE *out, const struct report *report);
void report_json(FILE *out, const struct report *report);

#endif
