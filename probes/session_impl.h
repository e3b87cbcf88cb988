/* SPDX-License-Identifier: MIT */
/* What the files of a session share among themselves. */
#ifndef VBT_SESSION_IMPL_H
#define VBT_SESSION_IMPL_H

#include "lib/clock.h"
#include "lib/now.h"
#include "probes/kernel_source.h"
#include "probes/ring_reader.h"
#include "probes/session.h"

#define SECOND_NS     1000000000u
#define BATCH         4096
#define KERNEL_SOURCE 0 /* its index in the trace's source table */

struct target {
	struct ring_reader *reader; /* NULL: USDT without a device table */
	pid_t pid;
	bool usdt, ended, no_kvm, primed;
	bool held;           /* it waits for us, and has not been let go */
	bool known;          /* a device of it was seen */
	uint64_t changed_ns; /* when its devices were seen to have changed */
	unsigned looks;      /* for a table of devices that may be made yet */
	uint32_t generation;
	struct vbt_clock clock;
	uint64_t last_tsc;                   /* of the newest calibration pair */
	uint16_t sources[VBT_SHM_MAX_RINGS]; /* by ring; 0: none yet */
	uint64_t last_ns[VBT_SHM_MAX_RINGS];
	uint64_t unplaced_ns; /* when it was asked for what is in no ring */
};

struct session {
	struct session_options options;
	struct kernel_source *kernel;
	char problem[512];
	struct vbt_trace_info info;
	struct target *targets[VBT_MAX_TARGETS];
	bool detached;
	uint64_t watermark, last_second;
	uint64_t pause; /* until the next poll */

	/* Losses of the kernel's side at their last statement. */
	uint64_t lost[VBT_POINT_COUNT], lost_time;

	/* For the duration of a poll. */
	vbt_event_fn *sink;
	void *context;
	long delivered;
	int stopped; /* what the sink returned, if negative */
	size_t kernel_count, usdt_count;
	struct vbt_event kernel_batch[BATCH], usdt_batch[BATCH], ring_batch[BATCH];
};

/* session_target.c: close and free; NULL is fine. */
void session_target_free(struct target *target);

/* Follow its device table, its clock and whether it waits for us. */
void session_target_update(struct session *session, unsigned index);

/* Its devices have not changed for a while before `now`. */
bool session_target_settled(const struct target *target, uint64_t now);

/* Has it not ended? */
bool session_target_runs(const struct target *target);

/* session_events.c: deliver what the kernel's buffer holds. True if all was read of what is there up to `reserved`. */
bool session_read_kernel(struct session *session, uint64_t reserved);

/* Deliver what a target's rings hold. True if all was read; *fill grows to how full they were, in 256ths. */
bool session_read_rings(struct session *session, unsigned index, unsigned *fill);

#endif
