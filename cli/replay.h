/* SPDX-License-Identifier: MIT */
/* A feed of what was recorded: by its own times, at any speed, from any time on. */
#ifndef CLI_REPLAY_H
#define CLI_REPLAY_H

#include "cli/input.h"
#include "tui/feed.h"

struct replay_options {
	uint64_t interval_ns; /* 0: one that suits the recording's length */
	uint64_t stuck_ns;
	double speed; /* trace time against the clock's; 0: as fast as it can be read */
};

/* The input stays the caller's. NULL with a sentence in err. */
struct feed *replay_new(struct input *input, const struct replay_options *options, char *err,
			size_t err_size);
void replay_free(struct feed *feed); /* NULL is fine */

#endif
