/* SPDX-License-Identifier: MIT */
/* The fault wrapper: delays that do not add up, errors where asked for, requests that get stuck. */
#include "tests/unit/disk_test.h"

#include "vmm-lite/disk/backend.h"

#define SIZE (1u << 20)
#define MS   1000000ll
#define MANY 64

static void fault_open(struct fixture *f, enum disk_aio aio, struct fault_options fault)
{
	image_make(f, "/var/tmp", SIZE);
	f->options.aio = aio;
	f->options.size = SIZE;
	f->options.fault = fault;
	fixture_open(f, MANY);
}

static void fault_close(struct fixture *f)
{
	fixture_close(f);
	image_remove(f);
}

static void make_reads(struct disk_request *requests, struct iovec *iov, unsigned count)
{
	unsigned i;

	for (i = 0; i < count; i++)
		requests[i] = (struct disk_request){
		    .op = DISK_READ, .offset = i * 512, .length = 512, .iov = iov, .iov_count = 1};
}

/* 64 requests of 20 ms each take 20 ms together, and none takes less. */
static void test_delay(void **state)
{
	static const enum disk_aio aios[] = {AIO_NULL, AIO_SYNC, AIO_IO_URING};
	struct disk_request requests[MANY], *done[MANY];
	char data[512];
	struct iovec iov = {data, sizeof(data)};
	unsigned i, k, n, left;

	for (i = 0; i < 3; i++) {
		int64_t start, took;
		struct fixture f;

		fault_open(&f, aios[i],
			   (struct fault_options){.delay_ns = 20 * MS, .delay_max_ns = 20 * MS});
		make_reads(requests, &iov, MANY);
		start = disk_now();
		for (k = 0; k < MANY; k++)
			disk_submit(f.channel, &requests[k]);
		assert_int_equal(disk_reap(f.channel, done, MANY), 0);
		for (left = MANY; left; left -= n) {
			assert_int_equal(disk_wait(f.channel, -1, 5000 * MS, NULL), DISK_WAIT_DONE);
			n = disk_reap(f.channel, done, MANY);
			took = disk_now() - start;
			assert_true(took >= 20 * MS);
			/* Equal delays keep the order. */
			for (k = 0; k < n && aios[i] != AIO_IO_URING; k++)
				assert_ptr_equal(done[k], &requests[MANY - left + k]);
		}
		assert_true(took < 200 * MS);
		fault_close(&f);
	}
}

static void test_random_delay(void **state)
{
	struct disk_request requests[MANY], *done[MANY];
	char data[512];
	struct iovec iov = {data, sizeof(data)};
	unsigned left, n, in_order = 0, i, reaped = 0;
	struct fixture f;
	int64_t start;

	fault_open(&f, AIO_NULL,
		   (struct fault_options){.delay_ns = 1 * MS, .delay_max_ns = 30 * MS});
	make_reads(requests, &iov, MANY);
	start = disk_now();
	for (i = 0; i < MANY; i++)
		disk_submit(f.channel, &requests[i]);
	for (left = MANY; left; left -= n) {
		disk_wait(f.channel, -1, 5000 * MS, NULL);
		n = disk_reap(f.channel, done, 1);
		if (n)
			in_order += done[0] == &requests[reaped++];
	}
	assert_true(disk_now() - start >= 5 * MS);
	assert_true(in_order < MANY / 2);
	fault_close(&f);
}

static unsigned errors_of(const struct disk_request *requests, unsigned count, uint64_t *which)
{
	unsigned i, errors = 0;

	*which = 0;
	for (i = 0; i < count; i++) {
		if (requests[i].error) {
			assert_int_equal(requests[i].error, EIO);
			assert_int_equal(requests[i].done, 0);
			*which |= 1ull << i;
			errors++;
		}
	}
	return errors;
}

/* By rate: about as many as asked for, the same ones in each run. */
static void test_rate(void **state)
{
	struct disk_request requests[MANY];
	char data[512];
	struct iovec iov = {data, sizeof(data)};
	uint64_t first, again;
	struct fixture f;
	unsigned errors;

	fault_open(&f, AIO_SYNC, (struct fault_options){.error_rate = 0.25});
	make_reads(requests, &iov, MANY);
	run_all(f.channel, requests, MANY);
	errors = errors_of(requests, MANY, &first);
	assert_in_range(errors, 4, 32);
	fault_close(&f);

	fault_open(&f, AIO_NULL, (struct fault_options){.error_rate = 0.25});
	run_all(f.channel, requests, MANY);
	errors_of(requests, MANY, &again);
	assert_true(first == again);
	fault_close(&f);
}

static void test_kinds(void **state)
{
	static const struct {
		enum fault_kind kind;
		int read, write, flush;
	} cases[] = {
	    {FAULT_ALL, EIO, EIO, EIO},
	    {FAULT_READ, EIO, 0, 0},
	    {FAULT_WRITE, 0, EIO, 0},
	    {FAULT_FLUSH, 0, 0, EIO},
	};
	char data[512] = "";
	unsigned i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fixture f;

		fault_open(&f, AIO_SYNC,
			   (struct fault_options){.error_rate = 1, .error_kind = cases[i].kind});
		assert_int_equal(run_one(f.channel, DISK_READ, 0, data, 512, 0, NULL),
				 cases[i].read);
		assert_int_equal(run_one(f.channel, DISK_WRITE, 0, data, 512, 0, NULL),
				 cases[i].write);
		assert_int_equal(run_one(f.channel, DISK_FLUSH, 0, NULL, 0, 0, NULL),
				 cases[i].flush);
		fault_close(&f);
	}
}

static void test_sectors(void **state)
{
	static char data[4096];
	struct fixture f;

	fault_open(
	    &f, AIO_SYNC,
	    (struct fault_options){.error_sectors = true, .error_first = 10, .error_last = 11});
	assert_int_equal(run_one(f.channel, DISK_READ, 2 * 512, data, 4096, 0, NULL), 0);
	assert_int_equal(run_one(f.channel, DISK_READ, 3 * 512, data, 4096, 0, NULL), EIO);
	assert_int_equal(run_one(f.channel, DISK_WRITE, 11 * 512, data, 512, 0, NULL), EIO);
	assert_int_equal(run_one(f.channel, DISK_READ, 12 * 512, data, 4096, 0, NULL), 0);
	assert_int_equal(run_one(f.channel, DISK_FLUSH, 0, NULL, 0, 0, NULL), 0);
	fault_close(&f);
}

/* Stuck requests stay until they are cancelled; delayed ones then finish at once, as they went. */
static void test_stuck(void **state)
{
	static const enum disk_aio aios[] = {AIO_NULL, AIO_SYNC, AIO_IO_URING};
	struct disk_request requests[MANY], *done[MANY];
	char data[512];
	struct iovec iov = {data, sizeof(data)};
	unsigned i, k, left;

	for (i = 0; i < 3; i++) {
		unsigned cancelled = 0, fine = 0;
		struct fixture f;
		int64_t start;

		fault_open(&f, aios[i],
			   (struct fault_options){.error_rate = 0.5,
						  .error_kind = FAULT_STUCK,
						  .delay_ns = 1000000 * MS,
						  .delay_max_ns = 1000000 * MS});
		make_reads(requests, &iov, MANY);
		for (k = 0; k < MANY; k++)
			disk_submit(f.channel, &requests[k]);
		disk_commit(f.channel);
		assert_int_equal(disk_wait(f.channel, -1, 5 * MS, NULL), 0);
		assert_int_equal(disk_reap(f.channel, done, MANY), 0);
		assert_int_equal(disk_in_flight(f.channel), MANY);
		start = disk_now();
		disk_cancel(f.channel);
		for (left = MANY; left;) {
			assert_int_equal(disk_wait(f.channel, -1, 5000 * MS, NULL), DISK_WAIT_DONE);
			left -= disk_reap(f.channel, done, MANY);
		}
		assert_true(disk_now() - start < 5000 * MS);
		for (k = 0; k < MANY; k++) {
			cancelled += requests[k].error == ECANCELED;
			fine += requests[k].error == 0;
		}
		assert_int_equal(cancelled + fine, MANY);
		assert_in_range(cancelled, 10, 54);
		/* And the channel goes on working. */
		disk_submit(f.channel, &requests[0]);
		disk_cancel(f.channel);
		while (!disk_reap(f.channel, done, MANY))
			assert_true(disk_wait(f.channel, -1, 5000 * MS, NULL) >= 0);
		fault_close(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_delay),   cmocka_unit_test(test_random_delay),
	    cmocka_unit_test(test_rate),    cmocka_unit_test(test_kinds),
	    cmocka_unit_test(test_sectors), cmocka_unit_test(test_stuck),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
