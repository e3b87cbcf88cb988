/* SPDX-License-Identifier: MIT */
/*
 * From a session into a file: polls, brings the events of all sources into the order of their
 * times, writes them, and keeps the trace's own description up to date.
 */
#ifndef CLI_RECORDER_H
#define CLI_RECORDER_H

#include <stddef.h>
#include <stdint.h>

#include "probes/session.h"

struct recorder;

struct recorder_stats {
	uint64_t events, bytes;
	uint64_t requests; /* that were pushed back to a guest */
	uint64_t lost;     /* events, by all sources */
	uint64_t late;     /* came too late to be put in order */
};

/*
 * Writes the header; `data`: the session has data of requests. Both stay the caller's. NULL with a
 * sentence in err.
 */
struct recorder *recorder_new(struct session *session, int fd, bool data, char *err,
			      size_t err_size);
void recorder_free(struct recorder *recorder); /* NULL is fine */

/* A fact about the recording, stored with it. */
int recorder_option(struct recorder *recorder, const char *name, const char *value);

/* One round; call it again after session_pause(). 0 or -errno: see recorder_error. */
int recorder_poll(struct recorder *recorder);

/* Detach, take what was on its way, end the file. 0 or -errno. */
int recorder_finish(struct recorder *recorder);

void recorder_get_stats(const struct recorder *recorder, struct recorder_stats *stats);

/* What went wrong, in words. */
const char *recorder_error(const struct recorder *recorder, int error);

#endif
