/* SPDX-License-Identifier: MIT */
#include "vmm-lite/qtest/link.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "vmm-lite/qtest/protocol.h"

#define FIRST_BUFFER 4096

static int listen_once(struct qtest_link *link, const char *path, const struct sockaddr_un *addr)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), client = -1;

	if (fd < 0)
		return -1;
	if (!bind(fd, (const struct sockaddr *)addr, sizeof(*addr))) {
		link->unlink_path = strdup(path);
		if (!listen(fd, 1))
			client = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
	}
	close(fd);
	return client;
}

static int open_socket(struct qtest_link *link, const char *path, char *err, size_t err_size)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd;

	if (strlen(path) >= sizeof(addr.sun_path)) {
		snprintf(err, err_size, "--socket '%s': a socket's path has at most %zu characters",
			 path, sizeof(addr.sun_path) - 1);
		return -1;
	}
	memcpy(addr.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&addr, sizeof(addr))) {
		bool nobody = errno == ENOENT;

		close(fd);
		fd = nobody ? listen_once(link, path, &addr) : -1;
	}
	if (fd < 0) {
		snprintf(err, err_size,
			 "--socket '%s': %s; name a path that does not exist yet, or a listener",
			 path, strerror(errno));
		return -1;
	}
	link->in = link->out = fd;
	return 0;
}

int qtest_link_open(struct qtest_link *link, const char *path, char *err, size_t err_size)
{
	*link = (struct qtest_link){.in = STDIN_FILENO, .out = STDOUT_FILENO};
	pthread_mutex_init(&link->lock, NULL);
	/* A test program that hangs up is the end, not a crash. */
	signal(SIGPIPE, SIG_IGN);
	link->buffer = malloc(FIRST_BUFFER);
	link->capacity = FIRST_BUFFER;
	if (!link->buffer) {
		snprintf(err, err_size, "qtest: out of memory");
		return -1;
	}
	return path ? open_socket(link, path, err, err_size) : 0;
}

void qtest_link_close(struct qtest_link *link)
{
	if (link->in != STDIN_FILENO)
		close(link->in);
	if (link->unlink_path)
		unlink(link->unlink_path);
	free(link->unlink_path);
	free(link->buffer);
	pthread_mutex_destroy(&link->lock);
}

void qtest_link_send(struct qtest_link *link, const char *text, size_t length)
{
	pthread_mutex_lock(&link->lock);
	while (length && !link->broken) {
		ssize_t n = write(link->out, text, length);

		if (n >= 0) {
			text += n;
			length -= (size_t)n;
		} else if (errno != EINTR) {
			link->broken = true;
		}
	}
	pthread_mutex_unlock(&link->lock);
}

/* Bytes in; false at the end. There is always room for one more, for the terminating 0. */
static bool fill(struct qtest_link *link)
{
	ssize_t n;

	if (link->have + 1 >= link->capacity) {
		char *more = realloc(link->buffer, 2 * link->capacity);

		if (!more)
			return false;
		link->buffer = more;
		link->capacity *= 2;
	}
	do
		n = read(link->in, link->buffer + link->have, link->capacity - link->have - 1);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return false;
	link->have += (size_t)n;
	return true;
}

char *qtest_link_line(struct qtest_link *link, size_t *length, bool *too_long)
{
	*too_long = false;
	link->have -= link->taken;
	memmove(link->buffer, link->buffer + link->taken, link->have);
	link->taken = link->scanned = 0;
	for (;;) {
		char *end = memchr(link->buffer + link->scanned, '\n', link->have - link->scanned);

		if (end) {
			*end = 0;
			*length = (size_t)(end - link->buffer);
			link->taken = *length + 1;
			if (!link->skipping && *length <= QTEST_MAX_LINE)
				return link->buffer;
			link->skipping = false;
			*too_long = true;
			return NULL;
		}
		link->scanned = link->have;
		if (link->have > QTEST_MAX_LINE) {
			link->skipping = true;
			link->have = link->scanned = 0;
		}
		if (!fill(link))
			return NULL;
	}
}
