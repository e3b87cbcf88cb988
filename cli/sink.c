/* SPDX-License-Identifier: MIT */
#include "cli/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/command.h"

#define BUFFER 65536

struct sink {
	char *path;      /* its final name */
	char *temporary; /* NULL: written in place */
	FILE *file;
	int fd;
	int error; /* errno of the first write that failed */
};

/* Beneath the stream, so that the reason of a failure is known when it is asked for. */
static ssize_t write_all(void *cookie, const char *data, size_t size)
{
	struct sink *sink = cookie;
	size_t done = 0;

	while (done < size && !sink->error) {
		ssize_t written = write(sink->fd, data + done, size - done);

		if (written > 0)
			done += (size_t)written;
		else if (written == 0 || errno != EINTR)
			sink->error = written ? errno : EIO;
	}
	return sink->error ? 0 : (ssize_t)size;
}

/* What a symbolic link names is replaced, not the link. */
static char *final_name(const char *path)
{
	char *name = realpath(path, NULL);

	return name ? name : strdup(path);
}

static int open_temporary(struct sink *sink, bool private)
{
	struct stat st;
	mode_t mask = umask(0), mode;
	bool exists = !stat(sink->path, &st);

	umask(mask);
	if (asprintf(&sink->temporary, "%s.XXXXXX", sink->path) < 0) {
		sink->temporary = NULL;
		return -1;
	}
	sink->fd = mkostemp(sink->temporary, O_CLOEXEC);
	if (sink->fd < 0) {
		free(sink->temporary);
		sink->temporary = NULL;
		return -1;
	}
	mode = exists ? st.st_mode & 0777 : 0666 & ~mask;
	return fchmod(sink->fd, private ? mode & S_IRWXU : mode);
}

static int open_fd(struct sink *sink, const char *path, bool binary, bool private)
{
	struct stat st;

	if (!strcmp(path, "-")) {
		sink->path = strdup("standard output");
		sink->fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
		if (sink->fd >= 0 && binary && isatty(sink->fd)) {
			complain("standard output is a terminal: pipe it into a command or name a "
				 "file with -o");
			return -1;
		}
	} else if (!stat(path, &st) && !S_ISREG(st.st_mode)) {
		sink->path = strdup(path);
		sink->fd = open(path, O_WRONLY | O_CLOEXEC);
	} else {
		sink->path = final_name(path);
		if (sink->path && open_temporary(sink, private) < 0 && sink->fd >= 0) {
			complain("cannot write '%s': %s", path, strerror(errno));
			return -1;
		}
	}
	if (sink->fd < 0 || !sink->path) {
		complain("cannot write '%s': %s", path, strerror(errno));
		return -1;
	}
	return 0;
}

void sink_drop(struct sink *sink)
{
	if (sink->file)
		fclose(sink->file);
	if (sink->fd >= 0)
		close(sink->fd);
	if (sink->temporary)
		unlink(sink->temporary);
	free(sink->temporary);
	free(sink->path);
	free(sink);
}

struct sink *sink_open(const char *path, bool binary, bool private)
{
	const cookie_io_functions_t functions = {.write = write_all};
	struct sink *sink = calloc(1, sizeof(*sink));

	if (!sink) {
		complain("out of memory");
		return NULL;
	}
	signal(SIGPIPE, SIG_IGN);
	sink->fd = -1;
	if (!open_fd(sink, path, binary, private)) {
		sink->file = fopencookie(sink, "w", functions);
		if (sink->file) {
			setvbuf(sink->file, NULL, _IOFBF, BUFFER);
			/* It belongs to one thread. */
			__fsetlocking(sink->file, FSETLOCKING_BYCALLER);
			return sink;
		}
		complain("out of memory");
	}
	sink_drop(sink);
	return NULL;
}

FILE *sink_file(const struct sink *sink)
{
	return sink->file;
}

const char *sink_name(const struct sink *sink)
{
	return sink->path;
}

bool sink_failed(const struct sink *sink)
{
	return sink->error != 0;
}

int sink_close(struct sink *sink, bool keep)
{
	int status = CLI_SUCCESS;

	if (fflush(sink->file) && !sink->error)
		sink->error = errno;
	/* NFS and quotas tell of a full disk at the close. */
	if (close(sink->fd) < 0 && !sink->error)
		sink->error = errno;
	sink->fd = -1;
	if (keep && !sink->error && sink->temporary) {
		if (rename(sink->temporary, sink->path) < 0) {
			sink->error = errno;
		} else {
			free(sink->temporary);
			sink->temporary = NULL;
		}
	}
	if (sink->error)
		status = complain("cannot write '%s': %s", sink->path, strerror(sink->error));
	sink_drop(sink);
	return status;
}
