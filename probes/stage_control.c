/* SPDX-License-Identifier: MIT */
/*
 * The control thread: sleeps on the header's `want`, switches recording on and off, keeps the
 * clock calibrated, and notices that the last reader died without saying so.
 */
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "probes/stage_point.h"
#include "probes/stage_shm.h"

#define CALIBRATE_NS 1000000000L
#define FIRST_GAP_NS 20000000L /* until a pair that is far enough for a good frequency */

static pthread_t control_thread;
static bool running;
static volatile bool stopping;

static void wait_want(struct vbt_shm_header *header, uint32_t seen, const struct timespec *limit)
{
	syscall(SYS_futex, &header->want, FUTEX_WAIT, seen, limit, NULL, 0);
}

/*
 * A reader that was killed cannot take itself out of `want`. 0 in reader_pid means that it could
 * not be named in our PID namespace; such a reader is believed. Several readers are told apart
 * only by the last one's PID: readers that live on add themselves again.
 */
static void drop_dead_reader(struct vbt_shm_header *header)
{
	uint32_t pid = __atomic_load_n(&header->reader_pid, __ATOMIC_ACQUIRE);

	if (pid == 0 || (kill((pid_t)pid, 0) < 0 && errno == ESRCH) == false)
		return;
	if (__atomic_compare_exchange_n(&header->reader_pid, &pid, 0, false, __ATOMIC_ACQ_REL,
					__ATOMIC_ACQUIRE)) {
		__atomic_store_n(&header->want_rings, 0, __ATOMIC_RELEASE);
		__atomic_store_n(&header->want_data, 0, __ATOMIC_RELEASE);
		__atomic_store_n(&header->data_bytes, 0, __ATOMIC_RELEASE);
		__atomic_store_n(&header->seen, 0, __ATOMIC_RELEASE);
		__atomic_store_n(&header->want, 0, __ATOMIC_RELEASE);
	}
}

/* What readers want beside the marks. One has said it by the time that it is counted in `want`. */
struct extras {
	bool rings;
	unsigned data; /* bytes of each request */
};

static struct extras wanted_extras(const struct vbt_shm_header *header)
{
	/* A flight recorder's file lies about: it has neither. */
	if (header->always)
		return (struct extras){false, 0};
	return (struct extras){
	    .rings = __atomic_load_n(&header->want_rings, __ATOMIC_ACQUIRE) > 0,
	    .data = __atomic_load_n(&header->want_data, __ATOMIC_ACQUIRE)
			? __atomic_load_n(&header->data_bytes, __ATOMIC_ACQUIRE)
			: 0,
	};
}

static void switch_ring(struct vbt_shm_header *header, bool on, const struct extras *extras)
{
	stage_point_ring(on, on && extras->rings, on ? extras->data : 0);
	if (on && !header->on)
		stage_clock_calibrate(header);
	__atomic_store_n(&header->on, on, __ATOMIC_RELEASE);
	syscall(SYS_futex, &header->on, FUTEX_WAKE, 1 << 30, NULL, NULL, 0);
}

static void *control_main(void *arg)
{
	const struct timespec second = {.tv_nsec = 0, .tv_sec = CALIBRATE_NS / 1000000000L};
	const struct timespec gap = {.tv_nsec = FIRST_GAP_NS};
	struct vbt_shm_header *header = arg;
	uint32_t want = 0;
	struct extras extras = {false, 0}, now;
	bool calibrated = false;

	stage_thread_begin("control");
	while (!stopping) {
		bool on;

		want = __atomic_load_n(&header->want, __ATOMIC_ACQUIRE);
		on = want > 0 || header->always;
		now = wanted_extras(header);
		if (header->on != on || now.rings != extras.rings || now.data != extras.data) {
			extras = now;
			switch_ring(header, on, &extras);
		}
		wait_want(header, want, !calibrated ? &gap : header->on ? &second : NULL);
		if (stopping)
			break;
		if (!calibrated || header->on)
			stage_clock_calibrate(header);
		calibrated = true;
		if (__atomic_load_n(&header->want, __ATOMIC_ACQUIRE))
			drop_dead_reader(header);
	}
	stage_thread_end();
	return NULL;
}

int stage_control_start(void)
{
	sigset_t all, old;
	int ret;

	stopping = false;
	/* Signals are the VMM's: this thread takes none. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	ret = -pthread_create(&control_thread, NULL, control_main, stage_shm.header);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	running = ret == 0;
	if (running)
		pthread_setname_np(control_thread, "stage-control");
	return ret;
}

/* Does the reader that started us live, as far as we can see? It may be in another PID namespace. */
static bool starter_lives(void)
{
	const char *text = getenv(VBT_ATTACH_ENV);
	pid_t pid = text ? atoi(text) : 0;

	return pid > 1 && kill(pid, 0) == 0;
}

void stage_control_await_reader(void)
{
	const struct timespec slice = {.tv_nsec = 10000000};
	struct vbt_shm_header *header = stage_shm.header;
	uint32_t *word = header->always ? &header->reader_pid : &header->on;

	/* A machine can be so busy that it needs long; without it 2 s are as good as never. */
	for (int i = 0; i < 1000 && (i < 200 || starter_lives()); i++) {
		if (__atomic_load_n(word, __ATOMIC_ACQUIRE) ||
		    __atomic_load_n(&header->ready, __ATOMIC_ACQUIRE))
			break;
		syscall(SYS_futex, word, FUTEX_WAIT, 0, &slice, NULL, 0);
	}
}

void stage_control_stop(void)
{
	struct timespec now;

	if (!running)
		return;
	stopping = true;
	/* The wake-up may come just before the thread sleeps, hence the repetition. */
	do {
		syscall(SYS_futex, &stage_shm.header->want, FUTEX_WAKE, 1 << 30, NULL, NULL, 0);
		clock_gettime(CLOCK_MONOTONIC, &now);
		now.tv_nsec += 1000000;
		if (now.tv_nsec >= 1000000000) {
			now.tv_nsec -= 1000000000;
			now.tv_sec++;
		}
	} while (pthread_clockjoin_np(control_thread, NULL, CLOCK_MONOTONIC, &now) == ETIMEDOUT);
	running = false;
}

void stage_control_forked(void)
{
	running = false;
}
