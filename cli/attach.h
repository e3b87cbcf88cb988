/* SPDX-License-Identifier: MIT */
/* Bringing VMMs into a session: those that run, or the one that a command becomes. */
#ifndef CLI_ATTACH_H
#define CLI_ATTACH_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "cli/spawn.h"
#include "lib/trace_info.h"
#include "probes/session.h"

struct pid_list {
	pid_t pid[VBT_MAX_TARGETS];
	unsigned count;
};

/* --pid's parser: "123" or "123,456", into a struct pid_list. */
int attach_parse_pids(const char *text, void *at, char *why, size_t why_size);

/* The processes named, or all that offer stage points. 0, or -1 with a sentence in err. */
int attach_running(struct session *session, const struct pid_list *pids, char *err,
		   size_t err_size);

/*
 * Wait until the command, or a process that it started, offers stage points; before a device has
 * its first kick if that can be. `usdt`: do not wait for a ring. One of `signals` breaks off. 0, or
 * -1 with a sentence in err.
 */
int attach_command(struct session *session, struct spawn *spawn, bool usdt, const sigset_t *signals,
		   char *err, size_t err_size);

#endif
