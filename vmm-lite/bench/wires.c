/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "vmm-lite/bench/wires.h"

#define MSI_ADDRESS    0xfee00000ull /* where a PC has its local APICs */
#define MSI_DATA_FIRST 0x20u         /* vectors below are exceptions */

static void ring(int fd)
{
	uint64_t one = 1;

	/* It can only fail by overflow, and then the reader has enough to read. */
	if (write(fd, &one, sizeof(one)) < 0)
		return;
}

struct msi_message bench_message(unsigned vector)
{
	return (struct msi_message){MSI_ADDRESS, MSI_DATA_FIRST + vector};
}

static bool same_message(const struct msi_message *a, const struct msi_message *b)
{
	return a->address == b->address && a->data == b->data;
}

static int wires_msi(void *ctx, const struct msi_message *message)
{
	struct bench_wires *bench = ctx;
	unsigned vector = message->data - MSI_DATA_FIRST;

	if (message->address != MSI_ADDRESS || vector >= BENCH_VECTORS)
		return -EINVAL;
	ring(bench->vector_fds[vector]);
	return 0;
}

static int wires_line(void *ctx, unsigned gsi, bool level)
{
	struct bench_wires *bench = ctx;
	bool before;

	pthread_rwlock_wrlock(&bench->lock);
	before = bench->level;
	bench->level = level;
	pthread_rwlock_unlock(&bench->lock);
	if (level && !before)
		ring(bench->line_fd);
	return 0;
}

static int wires_bind_msi(void *ctx, int eventfd, const struct msi_message *message)
{
	struct bench_wires *bench = ctx;
	int handle = -ENOSPC;
	unsigned i;

	pthread_rwlock_wrlock(&bench->lock);
	for (i = 0; i < BENCH_VECTORS && handle < 0; i++) {
		if (bench->bindings[i].eventfd >= 0)
			continue;
		bench->bindings[i] = (struct bench_binding){eventfd, *message};
		handle = i + 1;
	}
	pthread_rwlock_unlock(&bench->lock);
	return handle;
}

static int wires_rebind_msi(void *ctx, int handle, const struct msi_message *message)
{
	struct bench_wires *bench = ctx;

	pthread_rwlock_wrlock(&bench->lock);
	bench->bindings[handle - 1].message = *message;
	pthread_rwlock_unlock(&bench->lock);
	return 0;
}

static void wires_unbind_msi(void *ctx, int handle)
{
	struct bench_wires *bench = ctx;

	pthread_rwlock_wrlock(&bench->lock);
	bench->bindings[handle - 1].eventfd = -1;
	pthread_rwlock_unlock(&bench->lock);
}

static int watch_line(struct bench_wires *bench, int operation, int fd)
{
	struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

	return epoll_ctl(bench->line_poll, operation, fd, &event);
}

static int wires_bind_line(void *ctx, int eventfd, int resample, unsigned gsi)
{
	struct bench_wires *bench = ctx;
	int handle = -EBUSY;

	pthread_rwlock_wrlock(&bench->lock);
	if (bench->bound_line < 0 && !watch_line(bench, EPOLL_CTL_ADD, eventfd)) {
		bench->bound_line = eventfd;
		bench->resample = resample;
		handle = 1;
	}
	pthread_rwlock_unlock(&bench->lock);
	return handle;
}

static void wires_unbind_line(void *ctx, int handle)
{
	struct bench_wires *bench = ctx;

	pthread_rwlock_wrlock(&bench->lock);
	watch_line(bench, EPOLL_CTL_DEL, bench->bound_line);
	bench->bound_line = bench->resample = -1;
	pthread_rwlock_unlock(&bench->lock);
}

static bool same_doorbell(const struct doorbell *a, const struct doorbell *b)
{
	return a->space == b->space && a->addr == b->addr && a->size == b->size &&
	       a->match_data == b->match_data && (!a->match_data || a->data == b->data);
}

static int wires_add_doorbell(void *ctx, const struct doorbell *doorbell)
{
	struct bench_wires *bench = ctx;
	int result = 0;
	unsigned i;

	pthread_rwlock_wrlock(&bench->lock);
	for (i = 0; i < bench->doorbell_count; i++)
		if (same_doorbell(&bench->doorbells[i], doorbell))
			result = -EEXIST;
	if (!result && bench->doorbell_count == BENCH_DOORBELLS)
		result = -ENOSPC;
	if (!result)
		bench->doorbells[bench->doorbell_count++] = *doorbell;
	pthread_rwlock_unlock(&bench->lock);
	return result;
}

static int wires_remove_doorbell(void *ctx, const struct doorbell *doorbell)
{
	struct bench_wires *bench = ctx;
	int result = -ENOENT;
	unsigned i;

	pthread_rwlock_wrlock(&bench->lock);
	for (i = 0; i < bench->doorbell_count && result; i++) {
		if (!same_doorbell(&bench->doorbells[i], doorbell) ||
		    bench->doorbells[i].eventfd != doorbell->eventfd)
			continue;
		bench->doorbells[i] = bench->doorbells[--bench->doorbell_count];
		result = 0;
	}
	pthread_rwlock_unlock(&bench->lock);
	return result;
}

static const struct wires_ops wires_ops = {
    .msi = wires_msi,
    .line = wires_line,
    .bind_msi = wires_bind_msi,
    .rebind_msi = wires_rebind_msi,
    .unbind_msi = wires_unbind_msi,
    .bind_line = wires_bind_line,
    .unbind_line = wires_unbind_line,
    .add_doorbell = wires_add_doorbell,
    .remove_doorbell = wires_remove_doorbell,
};

int bench_wires_init(struct bench_wires *bench, struct bus *bus)
{
	unsigned i;

	memset(bench, 0, sizeof(*bench));
	pthread_rwlock_init(&bench->lock, NULL);
	bench->bus = bus;
	bench->line_fd = bench->line_poll = bench->bound_line = bench->resample = -1;
	for (i = 0; i < BENCH_VECTORS; i++)
		bench->vector_fds[i] = bench->bindings[i].eventfd = -1;
	bench->line_poll = epoll_create1(EPOLL_CLOEXEC);
	bench->line_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (bench->line_fd < 0 || bench->line_poll < 0 ||
	    watch_line(bench, EPOLL_CTL_ADD, bench->line_fd))
		goto fail;
	for (i = 0; i < BENCH_VECTORS; i++) {
		bench->vector_fds[i] = eventfd(0, EFD_CLOEXEC);
		if (bench->vector_fds[i] < 0)
			goto fail;
	}
	return 0;
fail:
	i = errno;
	bench_wires_release(bench);
	return -(int)i;
}

void bench_wires_release(struct bench_wires *bench)
{
	unsigned i;

	for (i = 0; i < BENCH_VECTORS; i++)
		if (bench->vector_fds[i] >= 0)
			close(bench->vector_fds[i]);
	if (bench->line_fd >= 0)
		close(bench->line_fd);
	if (bench->line_poll >= 0)
		close(bench->line_poll);
	pthread_rwlock_destroy(&bench->lock);
}

struct wires bench_wires_plug(struct bench_wires *bench)
{
	return (struct wires){.ops = &wires_ops, .ctx = bench, .kvm = false};
}

bool bench_store(struct bench_wires *bench, enum bus_space space, uint64_t addr, unsigned size,
		 uint64_t value)
{
	bool rung = false;
	unsigned i;

	/* Held while ringing: after remove_doorbell the device may close the eventfd. */
	pthread_rwlock_rdlock(&bench->lock);
	for (i = 0; i < bench->doorbell_count && !rung; i++) {
		const struct doorbell *d = &bench->doorbells[i];

		if (d->space != space || d->addr != addr || (d->size && d->size != size) ||
		    (d->match_data && d->data != value))
			continue;
		ring(d->eventfd);
		rung = true;
	}
	pthread_rwlock_unlock(&bench->lock);
	if (!rung)
		bus_write(bench->bus, space, addr, size, value);
	return rung;
}

uint64_t bench_load(struct bench_wires *bench, enum bus_space space, uint64_t addr, unsigned size)
{
	uint64_t value = 0;

	bus_read(bench->bus, space, addr, size, &value);
	return value;
}

int bench_vector_fd(struct bench_wires *bench, unsigned vector)
{
	struct msi_message message = bench_message(vector);
	int fd = vector < BENCH_VECTORS ? bench->vector_fds[vector] : -1;
	unsigned i;

	pthread_rwlock_rdlock(&bench->lock);
	for (i = 0; i < BENCH_VECTORS; i++)
		if (bench->bindings[i].eventfd >= 0 &&
		    same_message(&bench->bindings[i].message, &message))
			fd = bench->bindings[i].eventfd;
	pthread_rwlock_unlock(&bench->lock);
	return fd;
}

void bench_line_sleep(struct bench_wires *bench)
{
	struct epoll_event event;
	uint64_t count;

	/* One at a time is enough: what else is ready ends the next sleep at once. */
	if (epoll_wait(bench->line_poll, &event, 1, -1) == 1 &&
	    read(event.data.fd, &count, sizeof(count)) < 0)
		return;
}

void bench_line_wake(struct bench_wires *bench)
{
	ring(bench->line_fd);
}

void bench_line_eoi(struct bench_wires *bench)
{
	bool again;

	pthread_rwlock_rdlock(&bench->lock);
	if (bench->resample >= 0)
		ring(bench->resample);
	/* A level that stays high interrupts again at once. */
	again = bench->bound_line < 0 && bench->level;
	pthread_rwlock_unlock(&bench->lock);
	if (again)
		ring(bench->line_fd);
}
