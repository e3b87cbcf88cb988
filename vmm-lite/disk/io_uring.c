/* SPDX-License-Identifier: MIT */
/*
 * io_uring: one ring a channel, submissions batched, one system call for a sleep (io_uring_sleep.c).
 *
 * user_data of an entry that carries a request is the address of its struct disk_request (tracers
 * rely on it); the ring's own entries use the small numbers of enum own_entry.
 *
 * Uses backend[0] (transfer.h), [1] position in the plan of range.h, [2] enum phase, [3] if not 0
 * the entry goes to a kernel worker at once.
 */
#include <errno.h>
#include <liburing.h>
#include <linux/falloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "probes/stage_point.h"
#include "vmm-lite/disk/backends.h"
#include "vmm-lite/disk/io_uring.h"
#include "vmm-lite/disk/range.h"
#include "vmm-lite/options.h"

/* Flags newer than the liburing that this may be built with. */
#ifndef IORING_SETUP_SINGLE_ISSUER
#define IORING_SETUP_SINGLE_ISSUER (1u << 12)
#endif
#ifndef IORING_SETUP_DEFER_TASKRUN
#define IORING_SETUP_DEFER_TASKRUN (1u << 13)
#endif

#define URING_MAX_ENTRIES 4096u /* of the submission queue; when it is full it is committed */
#define URING_MAX_IO      (1u << 30)
#define URING_BATCH       64

enum phase { PHASE_TRANSFER, PHASE_FALLOCATE, PHASE_SYNC };

struct uring_disk {
	struct disk_file file; /* first */
	unsigned setup_flags;
};

/*
 * From the best to the oldest. With DEFER_TASKRUN (6.1) and one issuer, completions are processed
 * when the owner asks for them and interrupt nobody; COOP_TASKRUN (5.19) is the next best thing.
 */
static const unsigned setup_choices[] = {
    IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_R_DISABLED |
	IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SUBMIT_ALL,
    IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SUBMIT_ALL,
    0,
};

static void start(struct uring_channel *channel, struct disk_request *request);

static struct disk_file *file_of(struct uring_channel *channel)
{
	return (struct disk_file *)channel->base.disk;
}

void uring_enable(struct uring_channel *channel)
{
	channel->enabled = true;
	if (channel->ring.flags & IORING_SETUP_R_DISABLED)
		syscall(__NR_io_uring_register, channel->ring.ring_fd, IORING_REGISTER_ENABLE_RINGS,
			NULL, 0); /* liburing 2.3 lacks it */
}

/* Hand everything over. 0, or -errno if the kernel takes no more for now. */
static int commit(struct uring_channel *channel)
{
	int result;

	if (!channel->enabled)
		uring_enable(channel);
	while (io_uring_sq_ready(&channel->ring)) {
		/* In here the host's block layer gets the bio, and the disk's driver its request. */
		STAGE_SITE(queue);
		STAGE_SITE(issue);
		result = io_uring_submit(&channel->ring);
		if (result < 0 && result != -EINTR)
			return result;
	}
	return 0;
}

static struct io_uring_sqe *get_entry(struct uring_channel *channel)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&channel->ring);

	if (!sqe) {
		commit(channel);
		sqe = io_uring_get_sqe(&channel->ring);
	}
	return sqe;
}

struct io_uring_sqe *uring_own_entry(struct uring_channel *channel, enum own_entry which)
{
	struct io_uring_sqe *sqe = get_entry(channel);

	if (sqe) {
		memset(sqe, 0, sizeof(*sqe));
		sqe->user_data = which;
	}
	return sqe;
}

static void finish(struct uring_channel *channel, struct disk_request *request, int error)
{
	disk_complete(&channel->base, request, error);
	request = transfer_resume(&channel->pool);
	if (request)
		start(channel, request);
}

/* An entry for the request with everything set that all have in common, or NULL: it failed. */
static struct io_uring_sqe *request_entry(struct uring_channel *channel,
					  struct disk_request *request, unsigned opcode,
					  enum phase phase)
{
	struct io_uring_sqe *sqe = get_entry(channel);
	int error;

	if (!sqe) {
		/* Only if the kernel refuses to take entries at all (no memory). */
		transfer_result(&channel->pool, request, -EBUSY, &error);
		finish(channel, request, EBUSY);
		return NULL;
	}
	memset(sqe, 0, sizeof(*sqe));
	sqe->opcode = opcode;
	sqe->flags = IOSQE_FIXED_FILE; /* fd 0 of the registered files */
	sqe->user_data = (uintptr_t)request;
	if (request->backend[3])
		sqe->flags |= IOSQE_ASYNC;
	request->backend[2] = phase;
	return sqe;
}

static void start_transfer(struct uring_channel *channel, struct disk_request *request)
{
	bool write = request->op != DISK_READ;
	struct transfer_piece piece;
	struct io_uring_sqe *sqe;
	int error;

	error = transfer_next(&channel->pool, request, &piece);
	if (error) {
		if (error != EAGAIN)
			finish(channel, request, error);
		return;
	}
	if (piece.count == 1) {
		sqe = request_entry(channel, request, write ? IORING_OP_WRITE : IORING_OP_READ,
				    PHASE_TRANSFER);
		if (!sqe)
			return;
		sqe->addr = (uintptr_t)piece.iov->iov_base;
		sqe->len = piece.iov->iov_len < URING_MAX_IO ? piece.iov->iov_len : URING_MAX_IO;
	} else {
		sqe = request_entry(channel, request, write ? IORING_OP_WRITEV : IORING_OP_READV,
				    PHASE_TRANSFER);
		if (!sqe)
			return;
		sqe->addr = (uintptr_t)piece.iov;
		sqe->len = piece.count;
	}
	sqe->off = piece.offset;
	if (write && disk_file_stable(file_of(channel), request))
		sqe->rw_flags = RWF_DSYNC;
}

static void start_sync(struct uring_channel *channel, struct disk_request *request)
{
	struct io_uring_sqe *sqe;

	sqe = request_entry(channel, request, IORING_OP_FSYNC, PHASE_SYNC);
	if (sqe)
		sqe->fsync_flags = IORING_FSYNC_DATASYNC;
}

static void start_range(struct uring_channel *channel, struct disk_request *request)
{
	struct disk_file *file = file_of(channel);
	unsigned position = request->backend[1];
	enum range_step step = disk_range_step(file, request, &position);
	struct io_uring_sqe *sqe;
	int error;

	request->backend[1] = position;
	switch (step) {
	case RANGE_NOTHING: finish(channel, request, 0); break;
	case RANGE_REFUSE: finish(channel, request, EOPNOTSUPP); break;
	case RANGE_WRITE: start_transfer(channel, request); break;
	case RANGE_IOCTL:
		/* Rare, and no kernel before 6.12 could do it in the ring: done right here. */
		error = disk_range_ioctl(file, request);
		if (disk_range_unsupported(file, step, error)) {
			request->backend[1]++;
			start_range(channel, request);
			break;
		}
		finish(channel, request, error);
		break;
	default:
		sqe = request_entry(channel, request, IORING_OP_FALLOCATE, PHASE_FALLOCATE);
		if (!sqe)
			break;
		sqe->len = disk_range_mode(step);
		sqe->off = request->offset;
		sqe->addr = request->length;
	}
}

static void start(struct uring_channel *channel, struct disk_request *request)
{
	switch (request->op) {
	case DISK_READ:
	case DISK_WRITE: start_transfer(channel, request); break;
	case DISK_FLUSH: start_sync(channel, request); break;
	default: start_range(channel, request);
	}
}

static void fallocate_ended(struct uring_channel *channel, struct disk_request *request, int error)
{
	struct disk_file *file = file_of(channel);
	unsigned position = request->backend[1];
	enum range_step step = disk_range_step(file, request, &position);

	/* Another request may have learnt meanwhile that this step does not work. */
	if (position != request->backend[1] || disk_range_unsupported(file, step, error)) {
		if (error) {
			request->backend[1]++;
			start_range(channel, request);
			return;
		}
	}
	if (error) {
		finish(channel, request, error);
		return;
	}
	request->done = request->length;
	if (request->op == DISK_WRITE_ZEROES && disk_file_stable(file, request))
		start_sync(channel, request);
	else
		finish(channel, request, 0);
}

static void request_ended(struct uring_channel *channel, struct disk_request *request, int result)
{
	bool again = result == -EAGAIN || result == -EINTR;
	int error;

	/* What could not be done without waiting is better off with a worker, which may wait. */
	if (again)
		request->backend[3] = 1;
	switch ((enum phase)request->backend[2]) {
	case PHASE_TRANSFER:
		if (transfer_result(&channel->pool, request, result, &error))
			start_transfer(channel, request);
		else
			finish(channel, request, error);
		break;
	case PHASE_FALLOCATE:
		if (again)
			start_range(channel, request);
		else
			fallocate_ended(channel, request, -result);
		break;
	case PHASE_SYNC:
		if (again)
			start_sync(channel, request);
		else
			finish(channel, request, result < 0 ? -result : 0);
	}
}

void uring_collect(struct disk_channel *base)
{
	struct uring_channel *channel = (struct uring_channel *)base;
	struct io_uring_cqe *cqes[URING_BATCH], copies[URING_BATCH];
	unsigned i, count;

	do {
		STAGE_SITE(complete); /* the disk's interrupt has put an entry here */
		count = io_uring_peek_batch_cqe(&channel->ring, cqes, URING_BATCH);
		for (i = 0; i < count; i++)
			copies[i] = *cqes[i];
		io_uring_cq_advance(&channel->ring, count);
		for (i = 0; i < count; i++) {
			if (copies[i].user_data == OWN_WAKE)
				uring_woken(channel, copies[i].res);
			else if (copies[i].user_data >= OWN_END && !(copies[i].user_data >> 63))
				request_ended(channel,
					      (struct disk_request *)(uintptr_t)copies[i].user_data,
					      copies[i].res);
		}
	} while (count == URING_BATCH);
	commit(channel); /* what was started again */
}

static void uring_submit(struct disk_channel *base, struct disk_request *request)
{
	request->method = VBT_IO_io_uring;
	memset(request->backend, 0, 4 * sizeof(request->backend[0]));
	start((struct uring_channel *)base, request);
}

static void uring_commit(struct disk_channel *base)
{
	commit((struct uring_channel *)base);
}

static void uring_cancel(struct disk_channel *base)
{
#ifdef IORING_ASYNC_CANCEL_ANY
	struct uring_channel *channel = (struct uring_channel *)base;
	struct io_uring_sqe *sqe = uring_own_entry(channel, OWN_CANCEL);

	/* Kernels before 5.19 refuse it: there everything simply runs to its end. */
	if (!sqe)
		return;
	sqe->opcode = IORING_OP_ASYNC_CANCEL;
	sqe->fd = -1;
	sqe->cancel_flags = IORING_ASYNC_CANCEL_ALL | IORING_ASYNC_CANCEL_ANY;
	commit(channel);
#endif
}

static unsigned power_of_two_above(unsigned value, unsigned limit)
{
	unsigned power = 1;

	while (power < value && power < limit)
		power *= 2;
	return power;
}

static int ring_init(struct io_uring *ring, unsigned depth, unsigned flags)
{
	struct io_uring_params params = {0};

	/* A request has one entry in flight, so the completion queue cannot overflow. */
	params.flags = flags | IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP;
	params.cq_entries = power_of_two_above(2 * (depth + URING_OWN_ENTRIES), 1u << 16);
	return io_uring_queue_init_params(
	    power_of_two_above(depth + URING_OWN_ENTRIES, URING_MAX_ENTRIES), ring, &params);
}

static struct disk_channel *uring_channel_new(struct disk *disk, unsigned depth, char *err,
					      size_t err_size)
{
	struct uring_disk *uring = (struct uring_disk *)disk;
	struct uring_channel *channel = calloc(1, sizeof(*channel));
	int result = -ENOMEM;

	if (!channel)
		goto fail;
	channel->wake_fd = -1;
	transfer_pool_init(&channel->pool, &uring->file);
	result = ring_init(&channel->ring, depth, uring->setup_flags);
	if (result)
		goto fail;
	result = io_uring_register_files(&channel->ring, &uring->file.fd, 1);
	if (!result)
		return &channel->base;
	io_uring_queue_exit(&channel->ring);
fail:
	snprintf(err, err_size, "cannot set up an io_uring for %u requests: %s; use aio=sync",
		 depth, strerror(-result));
	free(channel);
	return NULL;
}

static void uring_channel_free(struct disk_channel *base)
{
	struct uring_channel *channel = (struct uring_channel *)base;

	uring_disarm(channel);
	/* Rings are torn down later, by a kernel worker: the file is let go now if possible. */
	io_uring_unregister_files(&channel->ring);
	io_uring_queue_exit(&channel->ring);
	transfer_pool_release(&channel->pool);
	free(channel);
}

static void uring_free(struct disk *disk)
{
	disk_file_release((struct disk_file *)disk);
	free(disk);
}

static const struct disk_ops uring_ops = {
    .name = "io_uring",
    .free = uring_free,
    .refresh = disk_file_refresh,
    .lifetime = disk_file_lifetime,
    .channel_new = uring_channel_new,
    .channel_free = uring_channel_free,
    .submit = uring_submit,
    .commit = uring_commit,
    .poll = uring_collect,
    .wait = uring_sleep,
    .cancel = uring_cancel,
};

/* Find the best ring that this kernel makes. 0 or -errno. */
static int choose_setup(struct uring_disk *uring, bool one_thread)
{
	struct io_uring ring;
	int result = -EINVAL;
	unsigned i;

	for (i = !one_thread; i < sizeof(setup_choices) / sizeof(setup_choices[0]); i++) {
		result = ring_init(&ring, 1, setup_choices[i]);
		if (!result) {
			io_uring_queue_exit(&ring);
			uring->setup_flags = setup_choices[i];
			return 0;
		}
		if (result != -EINVAL)
			break;
	}
	return result;
}

struct disk *disk_uring_open(const struct disk_options *options, char *err, size_t err_size)
{
	struct uring_disk *uring = calloc(1, sizeof(*uring));
	int result;

	if (!uring) {
		snprintf(err, err_size, "no memory for disk '%s'", options->path);
		return NULL;
	}
	uring->file.base.ops = &uring_ops;
	result = choose_setup(uring, options->iothread);
	if (result) {
		snprintf(err, err_size,
			 "--disk '%s': this kernel allows no io_uring: %s; use aio=sync",
			 options->path, strerror(-result));
		goto fail;
	}
	if (!disk_file_open(&uring->file, options, err, err_size))
		return &uring->file.base;
fail:
	free(uring);
	return NULL;
}
