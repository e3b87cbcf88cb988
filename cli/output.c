/* SPDX-License-Identifier: MIT */
#include "cli/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/trace_format.h"

static int fail(struct output *output, char *err, size_t err_size, const char *why)
{
	snprintf(err, err_size, "cannot write '%s': %s", output->path, why);
	if (output->fd > STDOUT_FILENO)
		close(output->fd);
	output->fd = -1;
	return -1;
}

static bool is_trace(int fd)
{
	char magic[sizeof(VBT_FILE_MAGIC) - 1];

	return pread(fd, magic, sizeof(magic), 0) == (ssize_t)sizeof(magic) &&
	       !memcmp(magic, VBT_FILE_MAGIC, sizeof(magic));
}

static int open_standard(struct output *output, char *err, size_t err_size)
{
	output->path = "standard output";
	/* The trace has it for itself from here on: nothing else may be printed into it. */
	output->fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	if (output->fd < 0)
		return fail(output, err, err_size, strerror(errno));
	if (isatty(output->fd))
		return fail(output, err, err_size,
			    "it is a terminal: pipe it into a command or name a file with -o");
	return 0;
}

int output_open(struct output *output, const char *path, char *err, size_t err_size)
{
	struct stat st;

	*output = (struct output){.path = path, .fd = -1};
	if (!strcmp(path, "-"))
		return open_standard(output, err, err_size);
	/* No O_TRUNC: what is there is looked at first. No waiting for the reader of a fifo. */
	output->fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	output->created = output->fd >= 0;
	if (output->fd < 0 && errno == EEXIST)
		output->fd = open(path, O_RDWR | O_CLOEXEC);
	if (output->fd < 0)
		return fail(output, err, err_size, strerror(errno));
	if (fstat(output->fd, &st) < 0)
		return fail(output, err, err_size, strerror(errno));
	output->regular = S_ISREG(st.st_mode);
	if (!output->regular)
		return 0;
	if (st.st_size && !is_trace(output->fd))
		return fail(output, err, err_size,
			    "it exists and is no trace: remove it, or name another file with -o");
	if (flock(output->fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
		return fail(output, err, err_size, "another vbtrace is recording into it");
	return 0;
}

int output_begin(struct output *output, bool private, char *err, size_t err_size)
{
	if (!output->regular)
		return 0;
	if (!output->created && ftruncate(output->fd, 0) < 0)
		return fail(output, err, err_size, strerror(errno));
	if (private && fchmod(output->fd, S_IRUSR | S_IWUSR) < 0) {
		snprintf(err, err_size,
			 "cannot make '%s' its owner's only: %s; name another file with -o",
			 output->path, strerror(errno));
		return -1;
	}
	return 0;
}

int output_close(struct output *output, bool keep, char *err, size_t err_size)
{
	int error = 0;

	if (output->fd < 0)
		return 0;
	if (!keep && output->created)
		unlink(output->path);
	/* NFS and quotas tell of a full disk here. */
	if (close(output->fd) < 0)
		error = errno;
	output->fd = -1;
	if (error)
		snprintf(err, err_size, "cannot write '%s': %s", output->path, strerror(error));
	return error ? -1 : 0;
}
