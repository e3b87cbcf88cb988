/* SPDX-License-Identifier: MIT */
/* What is written can be read: every backend, buffered and direct, any shape of request. */
#include "tests/unit/disk_test.h"

#include <sys/mount.h>
#include <sys/resource.h>

#include "probes/stage_point.h"

#define IMAGE (8u << 20)

struct variant {
	const char *name;
	enum disk_aio aio;
	bool direct;
	bool iothread;
};

static const struct variant variants[] = {
    {"sync", AIO_SYNC, false, true},
    {"sync direct", AIO_SYNC, true, true},
    {"io_uring", AIO_IO_URING, false, true},
    {"io_uring shared", AIO_IO_URING, false, false},
    {"io_uring direct", AIO_IO_URING, true, true},
};

static void open_variant(struct fixture *f, const struct variant *v, unsigned depth)
{
	f->options.aio = v->aio;
	f->options.direct = v->direct;
	f->options.iothread = v->iothread;
	fixture_open(f, depth);
}

/* Run `body` once per variant on a fresh image on a real file system. */
static void each_variant(void (*body)(struct fixture *, const struct variant *))
{
	unsigned i;

	for (i = 0; i < sizeof(variants) / sizeof(variants[0]); i++) {
		struct fixture f;

		image_make(&f, "/var/tmp", IMAGE);
		print_message("  %s\n", variants[i].name);
		body(&f, &variants[i]);
		image_remove(&f);
	}
}

/*
 * Many requests of random size, cut into random iovecs at random addresses, 24 at a time, against
 * a shadow copy. Those in flight together do not overlap.
 */
static void random_body(struct fixture *f, const struct variant *v)
{
	enum { BATCH = 24, STRIDE = IMAGE / BATCH, PIECES = 40 };
	uint8_t *shadow = calloc(1, IMAGE), *memory = malloc(IMAGE + 64 * BATCH);
	static struct iovec iovs[BATCH][PIECES];
	struct disk_request requests[BATCH];
	unsigned round, i, j;

	srand(7);
	open_variant(f, v, BATCH);
	for (round = 0; round < 12; round++) {
		fill_pattern(memory, IMAGE, round);
		for (i = 0; i < BATCH; i++) {
			unsigned sectors = 1 + rand() % (rand() % 8 ? 16 : 500);
			uint64_t offset = (uint64_t)i * STRIDE / 512 * 512 + rand() % 100 * 512;
			unsigned left = sectors * 512, pieces = 0;
			/* Odd addresses force direct I/O through its bounce buffer. */
			uint8_t *at = memory + (size_t)i * STRIDE + rand() % 2 * (rand() % 64);

			while (left) {
				unsigned len = left;

				if (pieces < PIECES - 1 && rand() % 4)
					len = 1 + rand() % left;
				iovs[i][pieces++] = (struct iovec){at, len};
				at += len;
				left -= len;
			}
			requests[i] =
			    (struct disk_request){.op = rand() % 2 ? DISK_READ : DISK_WRITE,
						  .flags = rand() % 8 ? 0 : DISK_FUA,
						  .offset = offset,
						  .length = sectors * 512,
						  .iov = iovs[i],
						  .iov_count = pieces};
			if (requests[i].op == DISK_WRITE)
				for (j = 0, left = 0; j < pieces; left += iovs[i][j++].iov_len)
					memcpy(shadow + offset + left, iovs[i][j].iov_base,
					       iovs[i][j].iov_len);
		}
		run_all(f->channel, requests, BATCH);
		for (i = 0; i < BATCH; i++) {
			unsigned at = 0;

			assert_int_equal(requests[i].error, 0);
			assert_int_equal(requests[i].done, requests[i].length);
			assert_int_equal(requests[i].method,
					 v->aio == AIO_SYNC ? VBT_IO_sync : VBT_IO_io_uring);
			if (requests[i].op != DISK_READ)
				continue;
			for (j = 0; j < (unsigned)requests[i].iov_count; at += iovs[i][j++].iov_len)
				assert_memory_equal(shadow + requests[i].offset + at,
						    iovs[i][j].iov_base, iovs[i][j].iov_len);
		}
	}
	fixture_close(f);
	free(shadow);
	free(memory);
}

static void test_random(void **state)
{
	each_variant(random_body);
}

/* More iovecs than one system call takes, and bounce buffers for more requests than there are. */
static void shapes_body(struct fixture *f, const struct variant *v)
{
	enum { PIECES = 2500, MANY = 100 };
	uint8_t *data = malloc(PIECES * 512 + 1), *back = malloc(PIECES * 512 + 1);
	struct iovec *iov = calloc(PIECES, sizeof(*iov));
	static struct disk_request requests[MANY];
	static struct iovec one[MANY];
	struct disk_request request = {.op = DISK_WRITE,
				       .offset = 512,
				       .length = PIECES * 512,
				       .iov = iov,
				       .iov_count = PIECES};
	unsigned i;

	open_variant(f, v, MANY);
	fill_pattern(data, PIECES * 512, 3);
	for (i = 0; i < PIECES; i++)
		iov[i] = (struct iovec){data + i * 512, 512};
	run_all(f->channel, &request, 1);
	assert_int_equal(request.error, 0);
	assert_int_equal(request.done, request.length);

	for (i = 0; i < MANY; i++) {
		one[i] = (struct iovec){back + 1 + i * 8192, 8192};
		requests[i] = (struct disk_request){.op = DISK_READ,
						    .offset = 512 + i * 8192,
						    .length = 8192,
						    .iov = &one[i],
						    .iov_count = 1};
	}
	run_all(f->channel, requests, MANY);
	for (i = 0; i < MANY; i++)
		assert_int_equal(requests[i].error, 0);
	assert_memory_equal(data, back + 1, MANY * 8192);
	fixture_close(f);
	free(data);
	free(back);
	free(iov);
}

static void test_shapes(void **state)
{
	each_variant(shapes_body);
}

/* 1 if all of the range reads as this byte. */
static int all_bytes(struct fixture *f, uint64_t offset, uint64_t length, uint8_t byte)
{
	uint8_t *data = malloc(length);
	uint64_t i, equal = 0;

	assert_int_equal(run_one(f->channel, DISK_READ, offset, data, length, 0, NULL), 0);
	for (i = 0; i < length; i++)
		equal += data[i] == byte;
	free(data);
	return equal == length;
}

static void check_ranges(struct fixture *f)
{
	static const unsigned flags[] = {0, DISK_UNMAP, DISK_FUA, DISK_UNMAP | DISK_FUA};
	uint8_t *data = malloc(1 << 20);
	struct stat before, after;
	blkcnt_t allocated;
	unsigned i;

	memset(data, 0xa5, 1 << 20);
	assert_int_equal(stat(f->path, &before), 0);
	for (i = 0; i < 4; i++) {
		assert_int_equal(run_one(f->channel, DISK_WRITE, 0, data, 1 << 20, 0, NULL), 0);
		assert_int_equal(run_one(f->channel, DISK_WRITE_ZEROES, 4096, NULL,
					 900000 / 512 * 512, flags[i], NULL),
				 0);
		assert_true(all_bytes(f, 0, 4096, 0xa5));
		assert_true(all_bytes(f, 4096, 900000 / 512 * 512, 0));
		assert_true(all_bytes(f, 1015808, 4096, 0xa5));
	}
	assert_int_equal(run_one(f->channel, DISK_DISCARD, 65536, NULL, 65536, 0, NULL), 0);
	assert_int_equal(run_one(f->channel, DISK_FLUSH, 0, NULL, 0, 0, NULL), 0);
	/* Nothing here erases: overwritten in place, where a discard would only let go. */
	assert_int_equal(run_one(f->channel, DISK_WRITE, 0, data, 1 << 20, 0, NULL), 0);
	assert_int_equal(stat(f->path, &after), 0);
	allocated = after.st_blocks;
	assert_int_equal(run_one(f->channel, DISK_SECURE_ERASE, 4096, NULL, 65536, 0, NULL), 0);
	assert_true(all_bytes(f, 0, 4096, 0xa5));
	assert_true(all_bytes(f, 4096, 65536, 0));
	assert_true(all_bytes(f, 69632, 4096, 0xa5));
	assert_int_equal(stat(f->path, &after), 0);
	assert_int_equal(after.st_blocks, allocated);
	assert_int_equal(before.st_size, after.st_size);
	free(data);
}

static void ranges_body(struct fixture *f, const struct variant *v)
{
	open_variant(f, v, 8);
	assert_true(disk_info(f->disk)->write_zeroes);
	check_ranges(f);
	fixture_close(f);
}

/* Also on tmpfs, which can punch holes but not zero ranges: there zeroes are really sent. */
static void test_ranges(void **state)
{
	struct fixture f;
	unsigned i;

	each_variant(ranges_body);
	for (i = 0; i < 3; i += 2) {
		image_make(&f, "/dev/shm", IMAGE);
		ranges_body(&f, &variants[i]);
		image_remove(&f);
	}
}

static void refused_body(struct fixture *f, const struct variant *v)
{
	uint8_t data[1024] = {0};
	uint64_t done;

	open_variant(f, v, 4);
	assert_int_equal(run_one(f->channel, DISK_READ, IMAGE, data, 512, 0, &done), EIO);
	assert_int_equal(run_one(f->channel, DISK_READ, IMAGE - 512, data, 1024, 0, &done), EIO);
	assert_int_equal(run_one(f->channel, DISK_WRITE, -512ull, data, 1024, 0, &done), EIO);
	assert_int_equal(run_one(f->channel, DISK_DISCARD, 512, NULL, -512ull, 0, &done), EIO);
	assert_int_equal(run_one(f->channel, DISK_READ, 1, data, 512, 0, &done), EINVAL);
	assert_int_equal(run_one(f->channel, DISK_READ, 0, data, 511, 0, &done), EINVAL);
	assert_int_equal(run_one(f->channel, DISK_READ, 0, NULL, 0, 0, &done), 0);
	assert_int_equal(run_one(f->channel, DISK_OPS, 0, data, 512, 0, &done), EINVAL);
	assert_int_equal(run_one(f->channel, DISK_READ, 512, data, 1024, 0, &done), 0);
	assert_int_equal(done, 1024);
	fixture_close(f);

	f->options.read_only = true;
	open_variant(f, v, 4);
	assert_true(disk_info(f->disk)->read_only);
	assert_int_equal(run_one(f->channel, DISK_WRITE, 0, data, 512, 0, &done), EROFS);
	assert_int_equal(run_one(f->channel, DISK_DISCARD, 0, NULL, 512, 0, &done), EROFS);
	assert_int_equal(run_one(f->channel, DISK_WRITE_ZEROES, 0, NULL, 512, 0, &done), EROFS);
	assert_int_equal(run_one(f->channel, DISK_READ, 0, data, 512, 0, &done), 0);
	assert_int_equal(run_one(f->channel, DISK_FLUSH, 0, NULL, 0, 0, &done), 0);
	fixture_close(f);
}

static void test_refused(void **state)
{
	each_variant(refused_body);
}

/* The image shrinks behind our back: what is gone is an I/O error, and only that. */
static void truncated_body(struct fixture *f, const struct variant *v)
{
	uint8_t *data = malloc(65536);
	uint64_t done;

	open_variant(f, v, 4);
	assert_int_equal(truncate(f->path, 1 << 20), 0);
	assert_int_equal(run_one(f->channel, DISK_READ, (1 << 20) - 8192, data, 65536, 0, &done),
			 EIO);
	assert_int_equal(done, 8192);
	assert_int_equal(run_one(f->channel, DISK_READ, 2 << 20, data, 65536, 0, &done), EIO);
	assert_int_equal(done, 0);
	assert_int_equal(run_one(f->channel, DISK_READ, 0, data, 65536, 0, &done), 0);
	assert_true(disk_refresh(f->disk));
	assert_int_equal(disk_info(f->disk)->size, 1 << 20);
	assert_false(disk_refresh(f->disk));
	fixture_close(f);
	free(data);
}

static void test_truncated(void **state)
{
	each_variant(truncated_body);
}

/* A write that the host takes only in part: the rest is tried, and its error is what counts. */
static void limit_body(struct fixture *f, const struct variant *v)
{
	struct rlimit old, low = {(1 << 20) + 4096, RLIM_INFINITY};
	uint8_t *data = aligned_alloc(4096, 65536);
	uint64_t done;
	int error;

	memset(data, 0x11, 65536);
	open_variant(f, v, 4);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	low.rlim_max = old.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0);
	error = run_one(f->channel, DISK_WRITE, 1 << 20, data, 65536, 0, &done);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(error, EFBIG);
	assert_int_equal(done, 4096);
	assert_int_equal(run_one(f->channel, DISK_WRITE, 1 << 20, data, 65536, 0, &done), 0);
	fixture_close(f);
	free(data);
}

static void test_limit(void **state)
{
	each_variant(limit_body);
}

/* A full host disk is an error of that write; everything else goes on. */
static void test_full_host(void **state)
{
	unsigned i;

	for (i = 0; i < sizeof(variants) / sizeof(variants[0]); i++) {
		char dir[] = "/tmp/vmm-lite-full-XXXXXX";
		uint8_t *data;
		struct fixture f;

		if (variants[i].direct)
			continue;
		data = malloc(1 << 20);
		memset(data, 0x77, 1 << 20);
		assert_non_null(mkdtemp(dir));
		if (mount("none", dir, "tmpfs", 0, "size=1536k")) {
			rmdir(dir);
			free(data);
			print_message("skipped: mounting a tmpfs needs root: %s\n",
				      strerror(errno));
			skip();
		}
		image_make(&f, dir, IMAGE);
		open_variant(&f, &variants[i], 4);
		assert_int_equal(run_one(f.channel, DISK_WRITE, 0, data, 1 << 20, 0, NULL), 0);
		assert_int_equal(run_one(f.channel, DISK_WRITE, 1 << 20, data, 1 << 20, 0, NULL),
				 ENOSPC);
		assert_true(all_bytes(&f, 0, 1 << 20, 0x77));
		assert_int_equal(run_one(f.channel, DISK_WRITE, 0, data, 1 << 20, 0, NULL), 0);
		assert_int_equal(run_one(f.channel, DISK_DISCARD, 0, NULL, 1 << 20, 0, NULL), 0);
		assert_int_equal(run_one(f.channel, DISK_WRITE, 4 << 20, data, 1 << 20, 0, NULL),
				 0);
		fixture_close(&f);
		image_remove(&f);
		assert_int_equal(umount2(dir, MNT_DETACH), 0);
		rmdir(dir);
		free(data);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_random),    cmocka_unit_test(test_shapes),
	    cmocka_unit_test(test_ranges),    cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_truncated), cmocka_unit_test(test_limit),
	    cmocka_unit_test(test_full_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
