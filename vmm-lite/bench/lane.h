/* SPDX-License-Identifier: MIT */
/* What one queue does in a job: chooses requests, submits them, judges the answers. */
#ifndef VMM_BENCH_LANE_H
#define VMM_BENCH_LANE_H

#include "vmm-lite/bench/job.h"

/* In this order; the last two only if there is something to flush or to compare. */
enum lane_phase { LANE_RUN, LANE_FLUSH, LANE_CHECK, LANE_END };

struct lane {
	const struct job_options *options;
	struct driver *driver;
	struct driver_queue *queue;
	struct blk_slot *slots;
	enum lane_phase phase;
	bool flush_due;
	uint64_t first_block, blocks; /* its part of the disk, in units of the block size */
	uint64_t next_block;
	uint64_t random;
	uint64_t budget; /* requests still to submit */
	uint64_t end_ns;
	uint64_t run_ended_ns;
	unsigned in_flight;
	uint64_t answered; /* atomic: watched by another thread */
	struct verify verify;
	struct job_result result; /* this lane's part */
};

/* Lane `number` of all the driver's. 0, or -1 with a sentence in err. */
int lane_init(struct lane *lane, unsigned number, struct driver *driver, struct arena *arena,
	      const struct job_options *options, char *err, size_t err_size);
void lane_release(struct lane *lane);

/* Submit as much as there is room for, and kick. */
void lane_begin(struct lane *lane, uint64_t end_ns);

/*
 * Take what is finished, submit as many new ones, kick. True if there was anything. *stop ends the
 * run early.
 */
bool lane_turn(struct lane *lane, const bool *stop);

#endif
