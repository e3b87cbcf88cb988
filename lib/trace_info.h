/* SPDX-License-Identifier: MIT */
/*
 * What a trace says about itself: the host, the traced processes, the sources of its events, the
 * devices, and the marks that could not be seen. Grows while recording or reading; entries are
 * never removed, an entry that is added again is updated.
 *
 * Owned by whoever created it (reader, writer or a live session); others get a const pointer and
 * copy what they need to keep. Pointers to entries stay valid until the next call that adds one.
 */
#ifndef VBT_TRACE_INFO_H
#define VBT_TRACE_INFO_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/event.h"

#define VBT_MAX_TARGETS 16 /* a kernel record has four bits for it */
#define VBT_MAX_SOURCES 1024
#define VBT_MAX_OPTIONS 64

enum vbt_source_kind {
	VBT_SOURCE_RING = 1,   /* a thread's shared-memory ring in the VMM */
	VBT_SOURCE_USDT = 2,   /* the same points of one thread, through USDT and BPF */
	VBT_SOURCE_KERNEL = 3, /* kernel points through BPF */
};

/* Facts about the recording host and run. Strings are cut at their end if too long. */
struct vbt_host {
	char kernel[96];             /* uname: release and version */
	char machine[32];            /* uname: machine */
	char clocksource[32];        /* of the host: "tsc", … */
	char program[64];            /* what recorded: "vbtrace 0.1" */
	uint64_t start_realtime_ns;  /* CLOCK_REALTIME and */
	uint64_t start_monotonic_ns; /* CLOCK_MONOTONIC of the same moment: dates the events */
	uint32_t cpus;
};

struct vbt_target {
	uint32_t pid;
	uint32_t clock;          /* enum vbt_shm_clock of its ring */
	uint64_t start_time_ns;  /* of the process, since boot */
	uint64_t clock_error_ns; /* bound on VMM times against kernel times */
	/*
	 * Bit per point (1u << point) that was attached or recorded for this target. A mark whose
	 * bit is clear is absent as "not recorded".
	 */
	uint32_t points;
	bool from_start; /* kicks were counted from before the VM's first instruction */
	char comm[16];
	char cmdline[256];
	/* Why this host or configuration cannot show a mark; "" if it can. Shown to people. */
	char hidden[VBT_MARK_COUNT][80];
};

struct vbt_source {
	uint8_t kind;   /* enum vbt_source_kind */
	uint8_t target; /* RING and USDT: whose; KERNEL: 0 */
	uint32_t tid;   /* RING and USDT: the thread; 0 otherwise */
	char name[24];  /* "disk0-q0", "vcpu0", "kernel" */
	uint64_t lost;  /* events known to be lost, as of the last statement */
};

struct vbt_device {
	uint8_t target;
	uint8_t index;             /* the `device` of events */
	uint32_t generation;       /* of the target's table when this was read */
	struct vbt_shm_device shm; /* lock is 0 and meaningless; strings are terminated */
};

/* Where a device had its doorbells until it moved them: what was rung there may be told later. */
struct vbt_left {
	uint8_t target, index;
	uint32_t stride, queues;
	uint64_t pio, mmio;
};

#define VBT_MAX_LEFT 64

struct vbt_option {
	char name[32];
	char value[224];
};

struct vbt_trace_info {
	struct vbt_host host;
	struct vbt_target target[VBT_MAX_TARGETS];
	struct vbt_source *source;
	struct vbt_device *device;
	struct vbt_option *option;
	struct vbt_left left[VBT_MAX_LEFT]; /* the newest is left[(lefts - 1) % VBT_MAX_LEFT] */
	uint32_t lefts;                     /* that there ever were */
	uint32_t targets, sources, devices, options;
	uint32_t changes; /* grows with every update: a cheap test for news */
};

/* An all-zero structure is empty as well. release frees what it owns and empties it. */
void vbt_trace_info_init(struct vbt_trace_info *info);
void vbt_trace_info_release(struct vbt_trace_info *info);

/*
 * Add or update. Strings need not be terminated, they will be. 0, -EINVAL for an index out of
 * range (targets and sources must be added without gaps), -ENOMEM, -ENOSPC.
 */
int vbt_trace_info_set_target(struct vbt_trace_info *info, uint32_t index,
			      const struct vbt_target *target);
int vbt_trace_info_set_source(struct vbt_trace_info *info, uint32_t index,
			      const struct vbt_source *source);
int vbt_trace_info_set_device(struct vbt_trace_info *info, const struct vbt_device *device);
int vbt_trace_info_set_option(struct vbt_trace_info *info, const char *name, const char *value);

/* The entry, or NULL. */
const struct vbt_device *vbt_trace_info_device(const struct vbt_trace_info *info, unsigned target,
					       unsigned index);
const struct vbt_target *vbt_trace_info_target(const struct vbt_trace_info *info, unsigned target);
const struct vbt_source *vbt_trace_info_source(const struct vbt_trace_info *info, unsigned source);

/* The device's name ("disk0"), or "device N" made in `buf` (24 bytes) if it is not known. */
const char *vbt_trace_info_device_name(const struct vbt_trace_info *info, unsigned target,
				       unsigned index, char buf[24]);

/* How far the times of VMMs and of the kernel can be apart, in ns: the worst of all targets. */
uint64_t vbt_trace_info_clock_error(const struct vbt_trace_info *info);

/* The number in a vCPU thread's name ("vcpu3" is 3), by thread id; -1 if it is no such thread. */
int vbt_trace_info_vcpu(const struct vbt_trace_info *info, unsigned target, uint32_t tid);

#endif
