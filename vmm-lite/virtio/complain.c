/* SPDX-License-Identifier: MIT */
#include "vmm-lite/virtio/complain.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>

#include "vmm-lite/log.h"

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ll + ts.tv_nsec;
}

void complain(struct complaints *c, const char *format, ...)
{
	int64_t now = now_ns(), window = __atomic_load_n(&c->window, __ATOMIC_RELAXED);
	char line[256];
	va_list args;

	if ((!window || now - window > COMPLAIN_WINDOW_NS) &&
	    __atomic_compare_exchange_n(&c->window, &window, now, false, __ATOMIC_RELAXED,
					__ATOMIC_RELAXED)) {
		unsigned kept = __atomic_exchange_n(&c->kept, 0, __ATOMIC_RELAXED);

		__atomic_store_n(&c->said, 0, __ATOMIC_RELAXED);
		if (kept)
			log_line("%u more messages like the last ones were kept back", kept);
	}
	if (__atomic_fetch_add(&c->said, 1, __ATOMIC_RELAXED) >= COMPLAIN_BURST) {
		__atomic_fetch_add(&c->kept, 1, __ATOMIC_RELAXED);
		return;
	}
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	log_line("%s", line);
}
