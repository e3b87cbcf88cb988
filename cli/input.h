/* SPDX-License-Identifier: MIT */
/* What the commands read: a trace, a flight recorder's file, or a trace on standard input. */
#ifndef CLI_INPUT_H
#define CLI_INPUT_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/command.h"
#include "lib/correlate.h"
#include "lib/trace_info.h"

#define INPUT_DEFAULT "vbtrace.vbt"

struct input;

/*
 * The file that a command shall read: --input, or the first plain argument, or the default. NULL
 * if both were given, which was complained about.
 */
const char *input_choose(const char *option, const struct arguments *arguments);

/* NULL if it cannot be read, which was complained about in one line. */
struct input *input_open(const char *path);
void input_close(struct input *input); /* NULL is fine */

/* For people: the path, or "standard input". */
const char *input_name(const struct input *input);
const struct vbt_trace_info *input_info(const struct input *input);
bool input_is_flight(const struct input *input);

/*
 * The next run of events, in the order of their times: as vbt_trace_reader_next.
 */
long input_next(struct input *input, const struct vbt_event **events);

/*
 * Go back to the beginning; what input_info returned before is no longer valid. 0, or -1 with a
 * sentence in err: a pipe cannot. After a failure the input can only be closed.
 */
int input_rewind(struct input *input, char *err, size_t err_size);

/*
 * Read all of it through a new correlator, which calls `request` with each request. Ends early
 * when *stop gets true (NULL: never). CLI_SUCCESS, or CLI_FAILURE with a complaint; the correlator
 * is the caller's to free in either case (NULL if there is none).
 */
int input_correlate(struct input *input, vbt_request_fn *request, void *context, const bool *stop,
		    struct vbt_correlator **correlator);

/*
 * The next run of events, for whoever does not want requests: as vbt_trace_reader_next. The info
 * may have grown meanwhile.
 */
long input_next(struct input *input, const struct vbt_event **events);

/* What is damaged, in one line, as far as it was read; "" if nothing is. */
const char *input_damage(const struct input *input, char *buf, size_t size);

#endif
