/* SPDX-License-Identifier: MIT */
/* Plain system calls in the calling thread: the simplest backend, and the one that always works. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

#include "probes/stage_point.h"
#include "vmm-lite/disk/backends.h"
#include "vmm-lite/disk/range.h"
#include "vmm-lite/disk/transfer.h"
#include "vmm-lite/options.h"

struct sync_channel {
	struct disk_channel base;
	struct transfer_pool pool;
};

/* Reads, writes, and zeroes to be sent. 0 or an errno. */
static int transfer(struct sync_channel *channel, struct disk_file *file,
		    struct disk_request *request)
{
	int flags = disk_file_stable(file, request) ? RWF_DSYNC : 0;
	struct transfer_piece piece;
	int64_t result;
	int error;

	do {
		/* One request at a time: a slot is always free. */
		error = transfer_next(&channel->pool, request, &piece);
		if (error)
			return error;
		if (request->op == DISK_READ)
			result = preadv(file->fd, piece.iov, piece.count, piece.offset);
		else
			result = pwritev2(file->fd, piece.iov, piece.count, piece.offset, flags);
		if (result < 0)
			result = -errno;
	} while (transfer_result(&channel->pool, request, result, &error));
	return error;
}

static int flush(const struct disk_file *file)
{
	return !file->base.info.read_only && fdatasync(file->fd) ? errno : 0;
}

static int deallocate(struct sync_channel *channel, struct disk_file *file,
		      struct disk_request *request)
{
	unsigned position = 0;
	int error;

	for (;; position++) {
		enum range_step step = disk_range_step(file, request, &position);

		switch (step) {
		case RANGE_NOTHING: return 0;
		case RANGE_REFUSE: return EOPNOTSUPP;
		case RANGE_WRITE: return transfer(channel, file, request);
		case RANGE_IOCTL: error = disk_range_ioctl(file, request); break;
		default:
			do {
				error = fallocate(file->fd, disk_range_mode(step), request->offset,
						  request->length)
					    ? errno
					    : 0;
			} while (error == EINTR);
		}
		if (disk_range_unsupported(file, step, error))
			continue;
		if (!error) {
			request->done = request->length;
			if (request->op == DISK_WRITE_ZEROES && disk_file_stable(file, request))
				error = flush(file);
		}
		return error;
	}
}

static void sync_submit(struct disk_channel *base, struct disk_request *request)
{
	struct sync_channel *channel = (struct sync_channel *)base;
	struct disk_file *file = (struct disk_file *)base->disk;
	int error;

	request->method = VBT_IO_sync;
	request->backend[0] = 0;
	switch (request->op) {
	case DISK_READ:
	case DISK_WRITE: error = transfer(channel, file, request); break;
	case DISK_FLUSH: error = flush(file); break;
	default: error = deallocate(channel, file, request);
	}
	disk_complete(base, request, error);
}

static struct disk_channel *sync_channel_new(struct disk *disk, unsigned depth, char *err,
					     size_t err_size)
{
	struct sync_channel *channel = calloc(1, sizeof(*channel));

	if (!channel) {
		snprintf(err, err_size, "no memory for a disk channel");
		return NULL;
	}
	transfer_pool_init(&channel->pool, (struct disk_file *)disk);
	return &channel->base;
}

static void sync_channel_free(struct disk_channel *base)
{
	transfer_pool_release(&((struct sync_channel *)base)->pool);
	free(base);
}

static void sync_free(struct disk *disk)
{
	disk_file_release((struct disk_file *)disk);
	free(disk);
}

static const struct disk_ops sync_ops = {
    .name = "sync",
    .free = sync_free,
    .refresh = disk_file_refresh,
    .lifetime = disk_file_lifetime,
    .channel_new = sync_channel_new,
    .channel_free = sync_channel_free,
    .submit = sync_submit,
};

struct disk *disk_sync_open(const struct disk_options *options, char *err, size_t err_size)
{
	struct disk_file *file = calloc(1, sizeof(*file));

	if (!file) {
		snprintf(err, err_size, "no memory for disk '%s'", options->path);
		return NULL;
	}
	file->base.ops = &sync_ops;
	if (disk_file_open(file, options, err, err_size)) {
		free(file);
		return NULL;
	}
	return &file->base;
}
