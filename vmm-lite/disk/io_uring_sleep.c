/* SPDX-License-Identifier: MIT */
/*
 * The eventfd that wakes a channel's owner is read by the ring itself: a READ (or, if the eventfd does
 * not block, a POLL) stays armed, so that sleeping, waking, learning the count of wakes and collecting
 * completions is a single io_uring_enter.
 */
#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "vmm-lite/disk/io_uring.h"

void uring_woken(struct uring_channel *channel, int result)
{
	uint64_t value;

	channel->wake_armed = false;
	if (channel->wake_blocks && result == sizeof(channel->wake_value))
		channel->wakes += channel->wake_value;
	else if (!channel->wake_blocks && result > 0 &&
		 read(channel->wake_fd, &value, sizeof(value)) == sizeof(value))
		channel->wakes += value;
}

/* Sleep until there is an entry in the completion queue. 0 or -errno; interruptions are 0. */
static int sleep_in_ring(struct uring_channel *channel, int64_t timeout_ns)
{
	struct __kernel_timespec limit = {timeout_ns / 1000000000, timeout_ns % 1000000000};
	struct io_uring_cqe *cqe;
	int result;

	if (timeout_ns < 0)
		result = io_uring_submit_and_wait(&channel->ring, 1);
	else
		result = io_uring_submit_and_wait_timeout(&channel->ring, &cqe, 1, &limit, NULL);
	if (result >= 0 || result == -ETIME || result == -EINTR || result == -EAGAIN ||
	    result == -EBUSY)
		return 0;
	return result;
}

void uring_disarm(struct uring_channel *channel)
{
	struct io_uring_sqe *sqe;

	if (channel->wake_armed) {
		sqe = uring_own_entry(channel, OWN_CANCEL);
		if (sqe) {
			sqe->opcode = IORING_OP_ASYNC_CANCEL;
			sqe->fd = -1;
			sqe->addr = OWN_WAKE;
		}
		while (channel->wake_armed && !sleep_in_ring(channel, -1))
			uring_collect(&channel->base);
	}
	if (channel->wakes && write(channel->wake_fd, &channel->wakes, sizeof(channel->wakes)) > 0)
		channel->wakes = 0;
}

static void arm_wake(struct uring_channel *channel, int wake_fd)
{
	struct io_uring_sqe *sqe;

	if (wake_fd != channel->wake_fd) {
		uring_disarm(channel);
		channel->wake_fd = wake_fd;
		channel->wake_blocks = disk_fd_blocks(wake_fd);
	}
	if (channel->wake_armed)
		return;
	sqe = uring_own_entry(channel, OWN_WAKE);
	if (!sqe)
		return; /* the front calls again */
	sqe->fd = wake_fd;
	if (channel->wake_blocks) {
		sqe->opcode = IORING_OP_READ;
		sqe->addr = (uintptr_t)&channel->wake_value;
		sqe->len = sizeof(channel->wake_value);
	} else {
		/* A READ would give EAGAIN at once. */
		sqe->opcode = IORING_OP_POLL_ADD;
		sqe->poll32_events = __BYTE_ORDER == __BIG_ENDIAN ? POLLIN << 16 : POLLIN;
	}
	channel->wake_armed = true;
}

int uring_sleep(struct disk_channel *base, int wake_fd, int64_t timeout_ns, uint64_t *wakes)
{
	struct uring_channel *channel = (struct uring_channel *)base;
	int result = 0;

	if (!channel->enabled)
		uring_enable(channel);
	if (wake_fd < 0 && timeout_ns < 0 && !base->in_flight)
		return -EDEADLK;
	if (wake_fd >= 0 && (wake_fd != channel->wake_fd || !channel->wakes))
		arm_wake(channel, wake_fd);
	if (!channel->wakes || wake_fd < 0) {
		result = sleep_in_ring(channel, timeout_ns);
		uring_collect(base);
	}
	if (wake_fd < 0 || !channel->wakes)
		return result;
	*wakes = channel->wakes;
	channel->wakes = 0;
	return DISK_WAIT_WAKE;
}
