/* SPDX-License-Identifier: MIT */
/* disk_wait: sleeps, wakes, and gives back every single count of the eventfd. */
#include "tests/unit/disk_test.h"

#include <pthread.h>
#include <sys/eventfd.h>

#include "vmm-lite/disk/backend.h"

#define IMAGE (1u << 20)
#define MS    1000000ll

static const struct {
	enum disk_aio aio;
	bool iothread;
	int64_t delay_ns;
	int eventfd_flags;
} variants[] = {
    {AIO_IO_URING, true, 0, 0},
    {AIO_IO_URING, true, 0, EFD_NONBLOCK},
    {AIO_IO_URING, false, 0, 0},
    {AIO_IO_URING, false, 0, EFD_NONBLOCK},
    {AIO_IO_URING, true, 100000, 0},
    {AIO_SYNC, true, 0, 0},
    {AIO_SYNC, true, 0, EFD_NONBLOCK},
    {AIO_SYNC, true, 100000, 0},
    {AIO_NULL, true, 0, 0},
    {AIO_NULL, true, 100000, EFD_NONBLOCK},
};

static void each_variant(void (*body)(struct fixture *, int))
{
	unsigned i;

	for (i = 0; i < sizeof(variants) / sizeof(variants[0]); i++) {
		int fd = eventfd(0, EFD_CLOEXEC | variants[i].eventfd_flags);
		struct fixture f;

		image_make(&f, "/var/tmp", IMAGE);
		f.options.aio = variants[i].aio;
		f.options.size = IMAGE;
		f.options.iothread = variants[i].iothread;
		f.options.fault.delay_ns = f.options.fault.delay_max_ns = variants[i].delay_ns;
		print_message("  variant %u\n", i);
		fixture_open(&f, 16);
		body(&f, fd);
		fixture_close(&f);
		close(fd);
		image_remove(&f);
	}
}

static void signal_fd(int fd, uint64_t count)
{
	assert_int_equal(write(fd, &count, sizeof(count)), sizeof(count));
}

static void limits_body(struct fixture *f, int fd)
{
	int64_t start = disk_now();
	uint64_t wakes = 77;

	assert_int_equal(disk_wait(f->channel, fd, 0, &wakes), 0);
	assert_int_equal(disk_wait(f->channel, fd, 5 * MS, &wakes), 0);
	assert_true(disk_now() - start >= 5 * MS);
	assert_int_equal(wakes, 77);
	assert_int_equal(disk_wait(f->channel, -1, 1 * MS, NULL), 0);
	assert_int_equal(disk_wait(f->channel, -1, -1, NULL), -EDEADLK);
	signal_fd(fd, 3);
	assert_int_equal(disk_wait(f->channel, fd, -1, &wakes), DISK_WAIT_WAKE);
	assert_int_equal(wakes, 3);
	signal_fd(fd, 1);
	signal_fd(fd, 1);
	assert_int_equal(disk_wait(f->channel, fd, 1000 * MS, &wakes), DISK_WAIT_WAKE);
	assert_int_equal(wakes, 2);
	assert_int_equal(disk_wait(f->channel, fd, 0, &wakes), 0);
}

static void test_limits(void **state)
{
	each_variant(limits_body);
}

/* A finished request and a wake are both reported, in whatever order they are found. */
static void both_body(struct fixture *f, int fd)
{
	struct disk_request request = {.op = DISK_FLUSH}, *done[4];
	uint64_t wakes, seen = 0;
	unsigned reaped = 0;

	disk_submit(f->channel, &request);
	signal_fd(fd, 5);
	while (!seen || !reaped) {
		int result = disk_wait(f->channel, fd, 5000 * MS, &wakes);

		assert_true(result > 0);
		if (result & DISK_WAIT_WAKE)
			seen += wakes;
		reaped += disk_reap(f->channel, done, 4);
	}
	assert_int_equal(seen, 5);
	assert_int_equal(reaped, 1);
	assert_ptr_equal(done[0], &request);
	assert_int_equal(request.error, 0);
}

static void test_both(void **state)
{
	each_variant(both_body);
}

/* What was signalled but not reported when the channel closes stays in the eventfd. */
static void close_body(struct fixture *f, int fd)
{
	uint64_t wakes = 0;

	assert_int_equal(disk_wait(f->channel, fd, 0, &wakes), 0);
	signal_fd(fd, 9);
	disk_channel_close(f->channel);
	f->channel = disk_channel_open(f->disk, 4, f->err, sizeof(f->err));
	assert_non_null(f->channel);
	assert_int_equal(disk_wait(f->channel, fd, 1000 * MS, &wakes), DISK_WAIT_WAKE);
	assert_int_equal(wakes, 9);
}

static void test_close(void **state)
{
	each_variant(close_body);
}

static void change_body(struct fixture *f, int fd)
{
	int other = eventfd(0, EFD_CLOEXEC);
	uint64_t wakes = 0;

	assert_int_equal(disk_wait(f->channel, other, 0, &wakes), 0);
	signal_fd(other, 2);
	signal_fd(fd, 4);
	assert_int_equal(disk_wait(f->channel, fd, 1000 * MS, &wakes), DISK_WAIT_WAKE);
	assert_int_equal(wakes, 4);
	assert_int_equal(disk_wait(f->channel, other, 1000 * MS, &wakes), DISK_WAIT_WAKE);
	assert_int_equal(wakes, 2);
	/* Take `fd` back before `other` goes away. */
	assert_int_equal(disk_wait(f->channel, fd, 0, &wakes), 0);
	close(other);
}

static void test_change(void **state)
{
	each_variant(change_body);
}

#define KICKS 20000

static void *kicker(void *arg)
{
	unsigned i;

	for (i = 0; i < KICKS; i++)
		signal_fd(*(int *)arg, 1);
	return NULL;
}

/* Another thread kicks all the time while requests come and go: the sum of counts is exact. */
static void stress_body(struct fixture *f, int fd)
{
	struct disk_request requests[8], *done[8];
	uint64_t seen = 0, wakes;
	pthread_t thread;
	unsigned i, reaped = 0;
	char data[512];
	struct iovec iov = {data, sizeof(data)};

	for (i = 0; i < 8; i++) {
		requests[i] = (struct disk_request){.op = DISK_READ,
						    .offset = i * 4096,
						    .length = 512,
						    .iov = &iov,
						    .iov_count = 1};
		disk_submit(f->channel, &requests[i]);
	}
	assert_int_equal(pthread_create(&thread, NULL, kicker, &fd), 0);
	while (seen < KICKS) {
		int result = disk_wait(f->channel, fd, 5000 * MS, &wakes);
		unsigned n;

		assert_true(result > 0);
		if (result & DISK_WAIT_WAKE)
			seen += wakes;
		n = disk_reap(f->channel, done, 8);
		for (i = 0; i < n; i++) {
			assert_int_equal(done[i]->error, 0);
			if (reaped++ < 2000)
				disk_submit(f->channel, done[i]);
		}
	}
	pthread_join(thread, NULL);
	assert_int_equal(seen, KICKS);
	while (disk_in_flight(f->channel)) {
		disk_wait(f->channel, -1, 1000 * MS, NULL);
		disk_reap(f->channel, done, 8);
	}
	assert_int_equal(disk_wait(f->channel, fd, 0, &wakes), 0);
}

static void test_stress(void **state)
{
	each_variant(stress_body);
}

/* The channel may be opened and closed by another thread than the one that uses it. */
static void *user(void *arg)
{
	struct fixture *f = arg;
	char data[512];
	int fd = eventfd(1, EFD_CLOEXEC);
	uint64_t wakes;

	assert_int_equal(run_one(f->channel, DISK_READ, 0, data, 512, 0, NULL), 0);
	while (!(disk_wait(f->channel, fd, -1, &wakes) & DISK_WAIT_WAKE))
		;
	assert_int_equal(disk_wait(f->channel, fd, 0, &wakes), 0);
	close(fd);
	return NULL;
}

static void thread_body(struct fixture *f, int fd)
{
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, user, f), 0);
	pthread_join(thread, NULL);
}

static void test_thread(void **state)
{
	each_variant(thread_body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_limits), cmocka_unit_test(test_both),
	    cmocka_unit_test(test_close),  cmocka_unit_test(test_change),
	    cmocka_unit_test(test_stress), cmocka_unit_test(test_thread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
