/* SPDX-License-Identifier: MIT */
/* A command that is started to be recorded, and its end. */
#ifndef CLI_SPAWN_H
#define CLI_SPAWN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct spawn {
	pid_t pid;  /* 0: none, or it has ended */
	int status; /* as of waitpid, once it has ended */
	bool ended;
	char name[64]; /* for messages */
};

/*
 * Start argv[0] with the default signal actions. `output_to_error`: its standard output goes to
 * ours for errors, because ours is the trace. 0, or -1 with a sentence in err, also if the program
 * cannot be executed.
 */
int spawn_start(struct spawn *spawn, char **argv, bool output_to_error, char *err, size_t err_size);

/* Has it ended? Never waits. */
bool spawn_ended(struct spawn *spawn);
void spawn_signal(const struct spawn *spawn, int signal);

/* False, and a sentence in text, if it failed: "'vmm-lite' exited with status 1". */
bool spawn_succeeded(const struct spawn *spawn, char *text, size_t size);

/* Is `pid` the process `ancestor` or started by it, directly or not? */
bool spawn_descends(pid_t pid, pid_t ancestor);

#endif
