/* SPDX-License-Identifier: MIT */
/* What the tests of disk/ share: temporary images and requests that are waited for. */
#ifndef TESTS_UNIT_DISK_TEST_H
#define TESTS_UNIT_DISK_TEST_H

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "vmm-lite/disk/disk.h"
#include "vmm-lite/options.h"

struct fixture {
	char dir[64];
	char path[96];
	struct disk_options options;
	struct disk *disk;
	struct disk_channel *channel;
	char err[512];
};

static inline struct disk_options disk_test_options(const char *path, enum disk_aio aio)
{
	return (struct disk_options){
	    .path = path, .aio = aio, .queues = 1, .queue_size = 64, .iothread = true};
}

/* An image of `size` bytes in a fresh directory under `base`; sparse. */
static inline void image_make(struct fixture *f, const char *base, off_t size)
{
	int fd;

	memset(f, 0, sizeof(*f));
	snprintf(f->dir, sizeof(f->dir), "%s/vmm-lite-disk-XXXXXX", base);
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/image", f->dir);
	fd = open(f->path, O_RDWR | O_CREAT | O_EXCL, 0600);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, size), 0);
	close(fd);
	f->options = disk_test_options(f->path, AIO_SYNC);
}

static inline void image_remove(struct fixture *f)
{
	unlink(f->path);
	rmdir(f->dir);
}

static inline void fixture_open(struct fixture *f, unsigned depth)
{
	f->disk = disk_open(&f->options, f->err, sizeof(f->err));
	if (!f->disk)
		fail_msg("%s", f->err);
	f->channel = disk_channel_open(f->disk, depth, f->err, sizeof(f->err));
	if (!f->channel)
		fail_msg("%s", f->err);
}

static inline void fixture_close(struct fixture *f)
{
	disk_channel_close(f->channel);
	disk_close(f->disk);
	f->channel = NULL;
	f->disk = NULL;
}

/* Submit and wait for all. */
static inline void run_all(struct disk_channel *channel, struct disk_request *requests,
			   unsigned count)
{
	struct disk_request *done[64];
	unsigned i, n, left = count;

	for (i = 0; i < count; i++)
		disk_submit(channel, &requests[i]);
	while (left) {
		int result = disk_wait(channel, -1, 20000000000ll, NULL);

		assert_int_equal(result, DISK_WAIT_DONE);
		while ((n = disk_reap(channel, done, 64)))
			left -= n;
	}
	assert_int_equal(disk_in_flight(channel), 0);
}

/* One request over one buffer. Its errno. */
static inline int run_one(struct disk_channel *channel, enum disk_op op, uint64_t offset,
			  void *data, uint64_t length, unsigned flags, uint64_t *done)
{
	struct iovec iov = {data, length};
	struct disk_request request = {.op = op,
				       .offset = offset,
				       .length = length,
				       .flags = flags,
				       .iov = data ? &iov : NULL,
				       .iov_count = data ? 1 : 0};

	run_all(channel, &request, 1);
	if (done)
		*done = request.done;
	return request.error;
}

static inline void fill_pattern(uint8_t *data, size_t size, uint64_t seed)
{
	size_t i;

	for (i = 0; i < size; i++) {
		seed = seed * 6364136223846793005ull + 1442695040888963407ull;
		data[i] = seed >> 56;
	}
}

#endif
