/* SPDX-License-Identifier: MIT */
/* The line-wise connection to the other side: stdio or a unix socket. */
#ifndef VMM_QTEST_LINK_H
#define VMM_QTEST_LINK_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

struct qtest_link {
	int in, out;
	char *unlink_path; /* the socket that was made; removed at the end */
	pthread_mutex_t lock;
	bool broken; /* the other side does not take any more */
	char *buffer;
	size_t have, capacity, scanned, taken;
	bool skipping; /* the rest of a line that is too long */
};

/*
 * path NULL: stdin and stdout. Otherwise the socket: connects if somebody listens there (a test
 * program that starts us), else listens itself and waits for one client. 0, or -1 with a
 * sentence in err.
 */
int qtest_link_open(struct qtest_link *link, const char *path, char *err, size_t err_size);
void qtest_link_close(struct qtest_link *link);

/*
 * The next line, without its end, valid until the next call. NULL with *too_long set: there was
 * one of more than QTEST_MAX_LINE; NULL without: the other side hung up.
 */
char *qtest_link_line(struct qtest_link *link, size_t *length, bool *too_long);

/* Any thread; lines do not mix. */
void qtest_link_send(struct qtest_link *link, const char *text, size_t length);

#endif
