/* SPDX-License-Identifier: MIT */
#include "vmm-lite/virtio/intx.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

static int ring(int fd)
{
	uint64_t one = 1;

	return write(fd, &one, sizeof(one)) == sizeof(one) ? 0 : -errno;
}

static void drain(int fd)
{
	uint64_t count;

	if (read(fd, &count, sizeof(count)) < 0)
		return; /* it was empty */
}

/* KVM saw the end of interrupt and lowered the line: raise it again if there is still reason to. */
static void *resample_thread(void *opaque)
{
	struct intx *intx = opaque;
	struct pollfd fds[2] = {{.fd = intx->resample, .events = POLLIN},
				{.fd = intx->quit, .events = POLLIN}};

	while (!fds[1].revents) {
		if (poll(fds, 2, -1) < 0)
			continue;
		if (fds[0].revents) {
			drain(intx->resample);
			intx_update(intx);
		}
	}
	return NULL;
}

int intx_init(struct intx *intx, bool irqfd, const struct wires *wires)
{
	*intx =
	    (struct intx){.wires = *wires, .irqfd = irqfd, .raise = -1, .resample = -1, .quit = -1};
	pthread_mutex_init(&intx->lock, NULL);
	if (!irqfd)
		return 0;
	intx->raise = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	intx->resample = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	intx->quit = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return intx->raise < 0 || intx->resample < 0 || intx->quit < 0 ? -errno : 0;
}

static void unbind(struct intx *intx)
{
	if (intx->handle)
		intx->wires.ops->unbind_line(intx->wires.ctx, intx->handle);
	intx->handle = 0;
}

void intx_release(struct intx *intx)
{
	if (intx->thread_runs) {
		ring(intx->quit);
		pthread_join(intx->thread, NULL);
	}
	unbind(intx);
	if (intx->raise >= 0)
		close(intx->raise);
	if (intx->resample >= 0)
		close(intx->resample);
	if (intx->quit >= 0)
		close(intx->quit);
	pthread_mutex_destroy(&intx->lock);
}

void intx_set_gsi(struct intx *intx, unsigned gsi)
{
	intx->gsi = gsi;
}

/*
 * With an irqfd the line is bound for as long as it is enabled: unbinding lowers it. Bound when
 * first needed, because a guest with MSI-X never needs it.
 */
static bool bind(struct intx *intx)
{
	if (!intx->irqfd || intx->handle)
		return intx->handle;
	if (!intx->thread_runs) {
		if (pthread_create(&intx->thread, NULL, resample_thread, intx))
			return false;
		intx->thread_runs = true;
	}
	intx->handle =
	    intx->wires.ops->bind_line(intx->wires.ctx, intx->raise, intx->resample, intx->gsi);
	if (intx->handle <= 0) {
		/* No irqfd here: the line is driven directly from now on. */
		intx->handle = 0;
		intx->irqfd = false;
	}
	return intx->handle;
}

int intx_update(struct intx *intx)
{
	bool enabled, want;
	int err = 0;

	pthread_mutex_lock(&intx->lock);
	enabled = !intx->disabled && !intx->off;
	want = enabled && intx_peek_isr(intx);
	if (!enabled)
		unbind(intx);
	if (want && bind(intx)) {
		err = ring(intx->raise);
	} else if (!intx->irqfd && want != intx->level) {
		err = intx->wires.ops->line(intx->wires.ctx, intx->gsi, want);
		if (!err)
			intx->level = want;
	}
	pthread_mutex_unlock(&intx->lock);
	return err;
}

void intx_set_enabled(struct intx *intx, bool disabled, bool off)
{
	bool different;

	pthread_mutex_lock(&intx->lock);
	different = intx->disabled != disabled || intx->off != off;
	intx->disabled = disabled;
	intx->off = off;
	pthread_mutex_unlock(&intx->lock);
	if (different)
		intx_update(intx);
}

void intx_set_isr(struct intx *intx, uint8_t bits)
{
	__atomic_fetch_or(&intx->isr, bits, __ATOMIC_SEQ_CST);
}

uint8_t intx_take_isr(struct intx *intx)
{
	uint8_t isr = __atomic_exchange_n(&intx->isr, 0, __ATOMIC_SEQ_CST);

	if (isr)
		intx_update(intx);
	return isr;
}

uint8_t intx_peek_isr(const struct intx *intx)
{
	return __atomic_load_n(&intx->isr, __ATOMIC_SEQ_CST);
}

bool intx_disabled(struct intx *intx)
{
	bool disabled;

	pthread_mutex_lock(&intx->lock);
	disabled = intx->disabled;
	pthread_mutex_unlock(&intx->lock);
	return disabled;
}
