/* SPDX-License-Identifier: MIT */
/*
 * The file that a recording goes to. Nothing is overwritten but an older trace, and that only when
 * the new recording begins.
 */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>

struct output {
	const char *path; /* for people: "standard output" if that is it */
	int fd;
	bool created; /* by us: removed again if nothing is recorded */
	bool regular;
};

/* Open or create it. 0, or -1 with a sentence in err. "-" is standard output. */
int output_open(struct output *output, const char *path, char *err, size_t err_size);

/*
 * The recording begins: what was in the file goes. `private`: it is for its owner only from now on. 0, or -1 with
 * a sentence in err.
 */
int output_begin(struct output *output, bool private, char *err, size_t err_size);

/* `keep`: something was recorded. 0, or -1 with a sentence in err if the last write failed. */
int output_close(struct output *output, bool keep, char *err, size_t err_size);

#endif
