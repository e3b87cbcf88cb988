/* SPDX-License-Identifier: MIT */
/* How a reader joins those that a VMM records for, stays one of them, and leaves. */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "lib/now.h"
#include "probes/ring_find.h"
#include "probes/ring_reader_impl.h"

#define PATIENCE   10 /* times the time-out, for a process that runs and does not answer */
#define STOP_STEPS 10 /* of 2 ms */

static void futex(uint32_t *word, int op, uint32_t value, const struct timespec *limit)
{
	syscall(SYS_futex, word, op, value, limit, NULL, 0);
}

static void join_data(struct vbt_shm_header *h, uint16_t bytes)
{
	uint16_t most = __atomic_load_n(&h->data_bytes, __ATOMIC_ACQUIRE);

	while (most < bytes && !__atomic_compare_exchange_n(&h->data_bytes, &most, bytes, false,
							    __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		;
	__atomic_add_fetch(&h->want_data, 1, __ATOMIC_ACQ_REL);
}

/* The last one that leaves takes the size along. */
static void leave_data(struct vbt_shm_header *h)
{
	uint16_t count = __atomic_load_n(&h->want_data, __ATOMIC_ACQUIRE);

	while (count > 0 &&
	       !__atomic_compare_exchange_n(&h->want_data, &count, (uint16_t)(count - 1), false,
					    __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		;
	if (count == 1)
		__atomic_store_n(&h->data_bytes, 0, __ATOMIC_RELEASE);
}

static void join_readers(struct ring_reader *reader)
{
	struct vbt_shm_header *h = reader->map;

	__atomic_store_n(&h->reader_pid, (uint32_t)reader->own_pid, __ATOMIC_RELEASE);
	if (reader->snapshots)
		__atomic_add_fetch(&h->want_rings, 1, __ATOMIC_ACQ_REL);
	if (reader->data)
		join_data(h, reader->data);
	__atomic_add_fetch(&h->want, 1, __ATOMIC_ACQ_REL);
	futex(&h->want, FUTEX_WAKE, 1 << 30, NULL);
}

/* Set a word of the header of a flight recorder's file too, which is open for reading only and not mapped. */
static bool write_word(const struct ring_reader *reader, size_t offset, uint32_t word)
{
	char path[32];
	bool written;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", reader->fd);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	/* Where it fails no harm is done: who waits for it waits its time. */
	written = pwrite(fd, &word, sizeof(word), (off_t)offset) == sizeof(word);
	close(fd);
	return written;
}

/* Of a VMM that runs; a file that was only opened is not ours to write. */
static void tell_seen(struct ring_reader *reader, uint32_t seen)
{
	if (reader->map) {
		__atomic_store_n(&reader->map->seen, seen, __ATOMIC_RELEASE);
		futex(&reader->map->seen, FUTEX_WAKE, 1 << 30, NULL);
	} else if (!reader->mute) {
		reader->mute = !write_word(reader, offsetof(struct vbt_shm_header, seen), seen);
	}
}

static uint32_t told(const struct ring_reader *reader)
{
	return __atomic_load_n(&ring_reader_header(reader)->seen, __ATOMIC_ACQUIRE);
}

void ring_reader_follows(struct ring_reader *reader, uint32_t generation)
{
	uint32_t before = told(reader);

	if (!reader->pid)
		return;
	reader->seen = generation + 1;
	/* Another one may be further, or has left just now and taken our word with it. */
	if (!before || (int32_t)(reader->seen - before) > 0)
		tell_seen(reader, reader->seen);
}

/* What another one said stays; who stays says it again at his next poll. */
static void follow_no_more(struct ring_reader *reader)
{
	if (!reader->seen)
		return;
	ring_reader_refresh(reader);
	if (told(reader) == reader->seen)
		tell_seen(reader, 0);
	reader->seen = 0;
}

/*
 * A flight recorder records anyway, and its file is not mapped, since anybody may cut it. But a VMM that
 * we started waits for us: say that we are there. Without the right to write, it waits in vain.
 */
static void announce(const struct ring_reader *reader)
{
	if (reader->pidfd >= 0 && reader->own_pid)
		write_word(reader, offsetof(struct vbt_shm_header, reader_pid),
			   (uint32_t)reader->own_pid);
}

void ring_reader_say_ready(const struct ring_reader *reader)
{
	write_word(reader, offsetof(struct vbt_shm_header, ready), 1);
}

bool ring_reader_want_data(struct ring_reader *reader, unsigned bytes)
{
	reader->data = (uint16_t)(bytes < VBT_DATA_MAX ? bytes : VBT_DATA_MAX);
	return reader->map;
}

bool ring_reader_want_rings(struct ring_reader *reader)
{
	reader->snapshots = reader->map;
	return reader->snapshots;
}

/* One less, but not below none: a reader that was taken for dead is not counted any more. */
static void count_down(uint32_t *word)
{
	uint32_t value = __atomic_load_n(word, __ATOMIC_ACQUIRE);

	while (value > 0 && !__atomic_compare_exchange_n(word, &value, value - 1, false,
							 __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		;
}

/*
 * A process that is stopped cannot answer before somebody lets it go on. One that runs will, but on a busy
 * machine it can take its thread very long to get a processor.
 */
static bool gives_up(const struct ring_reader *reader, uint64_t waited, int timeout_ms)
{
	if (waited < (uint64_t)timeout_ms)
		return false;
	return waited >= (uint64_t)timeout_ms * PATIENCE || ring_find_stopped(reader->pid);
}

int ring_reader_start(struct ring_reader *reader, bool history, int timeout_ms, char *err,
		      size_t err_size)
{
	const struct timespec step = {.tv_nsec = 10000000};
	const uint64_t start = vbt_now_ns();

	reader->history = history;
	ring_reader_rings(reader); /* the cursors of what is there start here */
	if (!history)
		ring_reader_unplaced(reader);
	reader->started = true;
	if (!reader->map) {
		announce(reader);
		return 0;
	}
	join_readers(reader);
	reader->counted = true;
	while (!__atomic_load_n(&reader->map->on, __ATOMIC_ACQUIRE)) {
		if (gives_up(reader, (vbt_now_ns() - start) / 1000000, timeout_ms) ||
		    !ring_reader_alive(reader)) {
			snprintf(err, err_size,
				 "process %u does not switch its stage points on: %s",
				 reader->map->pid,
				 ring_reader_alive(reader) ? "it does not run; is it stopped?"
							   : "it has just ended");
			ring_reader_stop(reader);
			return -ETIMEDOUT;
		}
		futex(&reader->map->on, FUTEX_WAIT, 0, &step);
	}
	return 0;
}

void ring_reader_stop(struct ring_reader *reader)
{
	const struct timespec step = {.tv_nsec = 2000000};
	uint32_t self = (uint32_t)reader->own_pid;
	struct vbt_shm_header *h = reader->map;

	follow_no_more(reader);
	if (!reader->counted)
		return;
	reader->counted = false;
	if (reader->snapshots)
		count_down(&h->want_rings);
	if (reader->data)
		leave_data(h);
	count_down(&h->want);
	/* Readers that stay put their own PID here at their next keepalive. */
	__atomic_compare_exchange_n(&h->reader_pid, &self, 0, false, __ATOMIC_ACQ_REL,
				    __ATOMIC_ACQUIRE);
	futex(&h->want, FUTEX_WAKE, 1 << 30, NULL);
	/* What follows may rely on it: with nobody left to read, the points are off, unless the VMM stands still. */
	for (int i = 0; i < STOP_STEPS && __atomic_load_n(&h->on, __ATOMIC_ACQUIRE) &&
			!__atomic_load_n(&h->want, __ATOMIC_ACQUIRE) && ring_reader_alive(reader);
	     i++)
		futex(&h->on, FUTEX_WAIT, 1, &step);
}

void ring_reader_keepalive(struct ring_reader *reader)
{
	uint32_t nobody = 0;

	if (!reader->counted)
		return;
	if (__atomic_load_n(&reader->map->want, __ATOMIC_ACQUIRE) == 0)
		join_readers(reader);
	else
		__atomic_compare_exchange_n(&reader->map->reader_pid, &nobody,
					    (uint32_t)reader->own_pid, false, __ATOMIC_ACQ_REL,
					    __ATOMIC_ACQUIRE);
}

bool ring_reader_alive(const struct ring_reader *reader)
{
	struct pollfd p = {.fd = reader->pidfd, .events = POLLIN};

	return reader->pidfd >= 0 && poll(&p, 1, 0) == 0;
}
