/* SPDX-License-Identifier: MIT */
/* Finding processes that offer stage-point rings, by looking at their open files. */
#ifndef VBT_RING_FIND_H
#define VBT_RING_FIND_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "lib/record.h"

struct ring_found {
	pid_t pid;
	bool flight; /* a flight recorder's file, else a memfd */
	char program[33];
	char path[256]; /* of the flight recorder; else empty */
};

/*
 * Scan /proc. *found is malloc'ed (free it), *count its length, *denied the number of processes
 * that could not be looked into. 0 or -errno. Flight recorders are looked for in processes
 * called vmm-lite only: other processes' files are not opened.
 */
int ring_find(struct ring_found **found, size_t *count, unsigned *denied);

/*
 * Open the ring file of one process, read-write if allowed. A descriptor, or -errno: -ESRCH,
 * -EACCES, -ENOENT. *flight says which kind. Flight recorders of any program are found.
 */
int ring_find_open(pid_t pid, bool *flight);

/* The process's number in its own PID namespace; -1 if it is gone. */
pid_t ring_find_own_pid(pid_t pid);

/* A signal or a debugger has stopped the process. */
bool ring_find_stopped(pid_t pid);

#endif
