/* SPDX-License-Identifier: MIT */
/*
 * The load: keeps `depth` requests in flight on each queue until the time is over or all are done,
 * and takes the time of each. One thread a queue; with INTx one thread for all of them, since they
 * share the one interrupt.
 */
#ifndef VMM_BENCH_JOB_H
#define VMM_BENCH_JOB_H

#include "lib/histogram.h"
#include "vmm-lite/bench/driver.h"
#include "vmm-lite/bench/verify.h"

struct job_options {
	bool random;
	unsigned write_percent;
	uint32_t block_size; /* bytes, a multiple of 512 */
	unsigned depth;
	uint64_t time_ns;     /* 0: no limit */
	uint64_t count;       /* requests of all queues together; 0: no limit */
	uint64_t patience_ns; /* this long without any answer: the device hangs */
	bool verify;
	uint64_t seed;
};

struct job_result {
	uint64_t duration_ns, cpu_user_ns, cpu_system_ns;
	uint64_t bytes;           /* of requests that succeeded */
	uint64_t io_errors;       /* status IOERR */
	uint64_t unsupported;     /* status UNSUPP */
	uint64_t protocol_errors; /* the device broke the rules of virtio */
	uint64_t verify_errors;
	uint64_t verified; /* blocks that were read and compared */
	uint64_t unanswered;
	uint64_t kicks, interrupts;
	struct vbt_histogram latency, read, write; /* of all requests answered */
	char complaint[200];                       /* the first thing that was wrong, or "" */
};

/*
 * Run it. 0, also if requests failed: look at the result; -1 with a sentence in err if it cannot
 * be run. SIGINT and SIGTERM end it early, with what there is by then.
 */
int job_run(struct driver *driver, struct arena *arena, const struct job_options *options,
	    struct job_result *result, char *err, size_t err_size);

#endif
