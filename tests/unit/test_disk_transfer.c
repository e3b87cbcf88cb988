/* SPDX-License-Identifier: MIT */
/*
 * A host that takes its time: short transfers go on where they stopped, interrupted ones are tried
 * again, errors and the end of the image end the request. The test plays the host's system calls on
 * a "file" in memory, so that it can be as slow and as moody as no real one is on demand.
 */
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "vmm-lite/disk/transfer.h"

#define FILE_BYTES (1u << 20)
#define OFFSET     4096

static uint8_t file_bytes[FILE_BYTES];
static uint8_t memory[FILE_BYTES] __attribute__((aligned(4096)));

struct host {
	struct disk_file file;
	struct transfer_pool pool;
	unsigned calls;
};

static void host_init(struct host *host, bool direct)
{
	memset(host, 0, sizeof(*host));
	host->file.direct = direct;
	host->file.mem_align = host->file.io_align = direct ? 512 : 1;
	transfer_pool_init(&host->pool, &host->file);
}

/* The system call: at most `most` bytes of the piece. What it moved. */
static int64_t move(const struct transfer_piece *piece, bool write, uint64_t most)
{
	uint64_t at = piece->offset, left = most;

	for (int i = 0; i < piece->count && left; i++) {
		uint64_t n = piece->iov[i].iov_len < left ? piece->iov[i].iov_len : left;

		assert_true(at + n <= FILE_BYTES);
		if (write)
			memcpy(file_bytes + at, piece->iov[i].iov_base, n);
		else
			memcpy(piece->iov[i].iov_base, file_bytes + at, n);
		at += n;
		left -= n;
	}
	return (int64_t)(most - left);
}

/*
 * Serve a request with calls that move between 1 and `most` bytes (a multiple of `unit`), and fail
 * two times out of three with EINTR or EAGAIN. Its error.
 */
static int serve(struct host *host, struct disk_request *r, uint64_t most, uint64_t unit)
{
	struct transfer_piece piece;
	int64_t result;
	int error;

	do {
		error = transfer_next(&host->pool, r, &piece);
		assert_int_equal(error, 0);
		assert_int_equal(piece.offset, r->offset + r->done);
		assert_true(piece.count > 0 && piece.count <= IOV_MAX);
		switch (host->calls++ % 3) {
		case 0: result = -EINTR; break;
		case 1: result = -EAGAIN; break;
		default:
			result = move(&piece, r->op != DISK_READ,
				      (1 + (uint64_t)rand() % (most / unit)) * unit);
		}
	} while (transfer_result(&host->pool, r, result, &error));
	return error;
}

static void fill(uint8_t *at, size_t size, unsigned seed)
{
	srand(seed);
	for (size_t i = 0; i < size; i++)
		at[i] = (uint8_t)rand();
}

/* Cut the request's memory into pieces of all sizes, 0 among them. */
static int cut(struct iovec *iov, int max, uint64_t length)
{
	uint64_t at = 0;
	int count = 0;

	while (at < length) {
		uint64_t n = (uint64_t)rand() % 3000;

		assert_true(count < max);
		if (n > length - at)
			n = length - at;
		iov[count++] = (struct iovec){memory + at, n};
		at += n;
	}
	return count;
}

static void test_short(void **state)
{
	static struct iovec iov[4000];
	struct host host;

	for (unsigned round = 0; round < 30; round++) {
		uint64_t length = 1 + round * 7001;
		struct disk_request r = {.op = round % 2 ? DISK_READ : DISK_WRITE,
					 .offset = OFFSET,
					 .length = length,
					 .iov = iov};

		host_init(&host, false);
		fill(file_bytes, FILE_BYTES, round);
		fill(memory, FILE_BYTES, 1000 + round);
		r.iov_count = cut(iov, 4000, length);
		assert_int_equal(serve(&host, &r, 5000, 1), 0);
		assert_int_equal(r.done, length);
		assert_memory_equal(file_bytes + OFFSET, memory, length);
		assert_int_equal(host.pool.live, host.pool.free ? 1 : 0);
		transfer_pool_release(&host.pool);
	}
}

/* More pieces than a call may have. */
static void test_many_pieces(void **state)
{
	enum { COUNT = 3 * IOV_MAX + 5 };
	static struct iovec iov[COUNT];
	struct host host;

	for (int write = 0; write < 2; write++) {
		struct disk_request r = {.op = write ? DISK_WRITE : DISK_READ,
					 .length = COUNT * 7ull,
					 .iov = iov,
					 .iov_count = COUNT};

		host_init(&host, false);
		fill(file_bytes, FILE_BYTES, 1);
		fill(memory, FILE_BYTES, 2);
		for (int i = 0; i < COUNT; i++)
			iov[i] = (struct iovec){memory + 7 * i, 7};
		assert_int_equal(serve(&host, &r, FILE_BYTES, 1), 0);
		assert_memory_equal(file_bytes, memory, COUNT * 7);
		transfer_pool_release(&host.pool);
	}
}

/* Memory that direct I/O cannot use goes through a buffer of ours, and arrives all the same. */
static void test_bounce(void **state)
{
	struct host host;
	uint64_t length = 2 * TRANSFER_BOUNCE_BYTES + 1024;

	for (int write = 0; write < 2; write++) {
		struct iovec iov[] = {{memory + 1, 511}, {memory + 512, length - 511}};
		struct disk_request r = {.op = write ? DISK_WRITE : DISK_READ,
					 .offset = OFFSET,
					 .length = length,
					 .iov = iov,
					 .iov_count = 2};

		host_init(&host, true);
		fill(file_bytes, FILE_BYTES, 3);
		fill(memory, FILE_BYTES, 4);
		assert_int_equal(serve(&host, &r, 100 * 512, 512), 0);
		assert_int_equal(r.done, length);
		assert_memory_equal(file_bytes + OFFSET, memory + 1, length);
		transfer_pool_release(&host.pool);
	}
}

/* Zeroes are sent in pieces, too. */
static void test_zeroes(void **state)
{
	static const uint8_t zeroes[300 << 10];
	struct host host;
	struct disk_request r = {
	    .op = DISK_WRITE_ZEROES, .offset = OFFSET, .length = sizeof(zeroes)};

	host_init(&host, false);
	fill(file_bytes, FILE_BYTES, 5);
	assert_int_equal(serve(&host, &r, 100000, 1), 0);
	assert_int_equal(r.done, sizeof(zeroes));
	assert_memory_equal(file_bytes + OFFSET, zeroes, sizeof(zeroes));
	transfer_pool_release(&host.pool);
}

/* An error after a part: what was done is counted, the error counts, the slot is given back. */
static void test_errors(void **state)
{
	static const struct {
		int64_t result;
		int error;
	} ends[] = {{-EIO, EIO}, {-ENOSPC, ENOSPC}, {-EFBIG, EFBIG}, {0, EIO}};
	struct iovec iov = {memory, 8192};
	struct transfer_piece piece;
	struct host host;
	int error;

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		struct disk_request r = {
		    .op = DISK_WRITE, .length = 8192, .iov = &iov, .iov_count = 1};

		host_init(&host, false);
		assert_int_equal(transfer_next(&host.pool, &r, &piece), 0);
		assert_true(transfer_result(&host.pool, &r, 1000, &error));
		assert_int_equal(transfer_next(&host.pool, &r, &piece), 0);
		assert_int_equal(piece.offset, 1000);
		assert_false(transfer_result(&host.pool, &r, ends[i].result, &error));
		assert_int_equal(error, ends[i].error);
		assert_int_equal(r.done, 1000);
		assert_int_equal(host.pool.live, host.pool.free ? 1 : 0);
		transfer_pool_release(&host.pool);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_short),  cmocka_unit_test(test_many_pieces),
	    cmocka_unit_test(test_bounce), cmocka_unit_test(test_zeroes),
	    cmocka_unit_test(test_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
