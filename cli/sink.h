/* SPDX-License-Identifier: MIT */
/*
 * A file that a command makes: written beside its name and renamed when it is whole, so that under
 * the name there is what was there before, or all of the new. Pipes, devices and standard output
 * are written as they are.
 */
#ifndef CLI_SINK_H
#define CLI_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>

struct sink;

/*
 * "-" is standard output; `binary`: refused if that is a terminal; `private`: a file is for its owner
 * only. A reader that goes away is an error like others from here on: SIGPIPE is ignored. NULL after a
 * complaint.
 */
struct sink *sink_open(const char *path, bool binary, bool private);

/* The stream to write on; the sink's own. */
FILE *sink_file(const struct sink *sink);
const char *sink_name(const struct sink *sink);

/* Did a write fail? Then there is no use in going on. */
bool sink_failed(const struct sink *sink);

/*
 * Close it; `keep`: all was written, so it gets its name. CLI_SUCCESS, or CLI_FAILURE after a
 * complaint that names what failed; what was written is then gone.
 */
int sink_close(struct sink *sink, bool keep);

/* Close it without a word; what was written in a file of its own is gone. */
void sink_drop(struct sink *sink);

#endif
