/* SPDX-License-Identifier: MIT */
/* What a session writes about the host and its targets into the trace's information. */
#ifndef VBT_SESSION_INFO_H
#define VBT_SESSION_INFO_H

#include <sys/types.h>

#include "lib/trace_info.h"
#include "probes/kernel_source.h"

/* Kernel, machine, clock source, the two clocks' times now. */
void session_info_host(struct vbt_host *host);

/* Name, command line and start time of a process; what cannot be read stays empty. */
void session_info_process(struct vbt_target *target, pid_t pid);

/*
 * Which points a target has, and why the others cannot be seen. `kernel` is NULL if there are no
 * kernel probes at all, then `problem` says why; `no_kvm`: no device of the target has a vCPU.
 */
void session_info_marks(struct vbt_target *target, const struct kernel_source *kernel,
			const char *problem, bool no_kvm);

#endif
