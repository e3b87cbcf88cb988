/* SPDX-License-Identifier: MIT */
/* Diagnostics that a guest can provoke: at most a few lines in a while, the rest is counted. */
#ifndef VMM_VIRTIO_COMPLAIN_H
#define VMM_VIRTIO_COMPLAIN_H

#include <stdint.h>

#define COMPLAIN_BURST     8
#define COMPLAIN_WINDOW_NS 10000000000ll

struct complaints {
	int64_t window;      /* when the current window began */
	unsigned said, kept; /* lines said and kept back in it */
};

/* Any thread. */
void complain(struct complaints *complaints, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
