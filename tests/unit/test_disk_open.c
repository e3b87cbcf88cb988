/* SPDX-License-Identifier: MIT */
/* What may be a disk, who may have it, and what people are told otherwise. */
#include "tests/unit/disk_test.h"

#include <linux/loop.h>
#include <sys/ioctl.h>

#define IMAGE (1u << 20)

/* The disk is refused with a sentence that names the path and has this in it. */
static void refused(struct fixture *f, const char *reason)
{
	f->err[0] = 0;
	assert_null(disk_open(&f->options, f->err, sizeof(f->err)));
	if (!strstr(f->err, reason) || !strstr(f->err, f->options.path) || strchr(f->err, '\n'))
		fail_msg("expected '%s' and the path in: %s", reason, f->err);
}

static void test_kinds(void **state)
{
	static const struct {
		const char *path, *reason;
	} cases[] = {
	    {"/nowhere/image", "No such file"},
	    {"/tmp", "is a directory"},
	    {"/dev/null", "is a character device"},
	};
	struct fixture f;
	unsigned i, aio;

	image_make(&f, "/var/tmp", IMAGE);
	for (aio = AIO_IO_URING; aio <= AIO_SYNC; aio++) {
		for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
			f.options = disk_test_options(cases[i].path, aio);
			refused(&f, cases[i].reason);
		}
	}
	assert_true(access("/nowhere", F_OK));
	unlink(f.path);
	assert_int_equal(mkfifo(f.path, 0600), 0);
	f.options = disk_test_options(f.path, AIO_SYNC);
	f.options.read_only = true;
	refused(&f, "is a pipe");
	image_remove(&f);
}

static void test_sizes(void **state)
{
	struct fixture f;
	struct stat st;

	image_make(&f, "/var/tmp", 0);
	refused(&f, "is empty");
	assert_int_equal(truncate(f.path, 1000), 0);
	refused(&f, "truncate -s %512");
	assert_int_equal(truncate(f.path, 4096 + 512), 0);
	f.options.block_size = 4096;
	refused(&f, "truncate -s %4096");
	assert_int_equal(stat(f.path, &st), 0);
	assert_int_equal(st.st_size, 4096 + 512);
	f.options.block_size = 0;
	fixture_open(&f, 1);
	assert_int_equal(disk_info(f.disk)->size, 4096 + 512);
	assert_int_equal(disk_info(f.disk)->logical_block, 512);
	assert_int_equal(disk_info(f.disk)->inode, st.st_ino);
	fixture_close(&f);
	assert_int_equal(truncate(f.path, 4096), 0);
	f.options.block_size = 4096;
	fixture_open(&f, 1);
	assert_int_equal(disk_info(f.disk)->logical_block, 4096);
	assert_true(disk_info(f.disk)->physical_block >= 4096);
	fixture_close(&f);
	image_remove(&f);
}

/* One writer, or any number of readers. Refusing and opening leave the image as it is. */
static void test_lock(void **state)
{
	struct fixture f;
	struct stat before, after;
	unsigned aio;

	image_make(&f, "/var/tmp", IMAGE);
	assert_int_equal(stat(f.path, &before), 0);
	for (aio = AIO_IO_URING; aio <= AIO_SYNC; aio++) {
		struct disk *other;

		f.options.aio = aio;
		f.options.read_only = false;
		fixture_open(&f, 4);
		refused(&f, "in use by another program");
		f.options.read_only = true;
		refused(&f, "being written by another program");
		fixture_close(&f);

		fixture_open(&f, 4);
		other = disk_open(&f.options, f.err, sizeof(f.err));
		assert_non_null(other);
		f.options.read_only = false;
		refused(&f, "in use by another program");
		disk_close(other);
		fixture_close(&f);
	}
	assert_int_equal(stat(f.path, &after), 0);
	assert_int_equal(before.st_size, after.st_size);
	assert_int_equal(before.st_mtim.tv_sec, after.st_mtim.tv_sec);
	assert_int_equal(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
	assert_int_equal(before.st_blocks, after.st_blocks);
	image_remove(&f);
}

static void test_unreadable(void **state)
{
	struct fixture f;

	image_make(&f, "/var/tmp", IMAGE);
	f.options.direct = true;
	f.options.block_size = 512;
	/* Direct I/O with 512-byte blocks works or is refused; it never fails later. */
	f.disk = disk_open(&f.options, f.err, sizeof(f.err));
	if (!f.disk)
		assert_non_null(strstr(f.err, "direct=off"));
	else
		assert_int_equal(disk_info(f.disk)->logical_block, 512);
	disk_close(f.disk);
	image_remove(&f);
}

static void test_null(void **state)
{
	struct disk_options options = disk_test_options("null", AIO_NULL);
	struct disk_channel *channel;
	char err[256], data[512] = "as it was";
	struct disk *disk;
	uint64_t done;

	options.size = 1000;
	assert_null(disk_open(&options, err, sizeof(err)));
	options.size = 1 << 20;
	disk = disk_open(&options, err, sizeof(err));
	assert_non_null(disk);
	channel = disk_channel_open(disk, 4, err, sizeof(err));
	assert_non_null(channel);
	assert_int_equal(disk_info(disk)->size, 1 << 20);
	assert_int_equal(run_one(channel, DISK_READ, 0, data, 512, 0, &done), 0);
	assert_int_equal(done, 512);
	assert_string_equal(data, "as it was");
	assert_int_equal(run_one(channel, DISK_WRITE, 1 << 20, data, 512, 0, &done), EIO);
	assert_int_equal(disk_wait(channel, -1, -1, NULL), -EDEADLK);
	assert_int_equal(disk_wait(channel, -1, 1000, NULL), 0);
	disk_channel_close(channel);
	disk_close(disk);
}

/* Attach `path` to a free loop device. Its path in `device`, its fd, or -1. */
static int loop_attach(const char *path, char *device, size_t size)
{
	int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC), number, loop = -1, file;

	if (control < 0)
		return -1;
	number = ioctl(control, LOOP_CTL_GET_FREE);
	close(control);
	snprintf(device, size, "/dev/loop%d", number);
	file = open(path, O_RDWR | O_CLOEXEC);
	if (number >= 0)
		loop = open(device, O_RDWR | O_CLOEXEC);
	if (loop >= 0 && ioctl(loop, LOOP_SET_FD, file)) {
		close(loop);
		loop = -1;
	}
	close(file);
	return loop;
}

static void block_device_body(struct fixture *f, enum disk_aio aio, bool direct)
{
	uint8_t *data = malloc(65536), *back = malloc(65536);
	unsigned flags;

	f->options.aio = aio;
	f->options.direct = direct;
	f->options.read_only = false;
	fixture_open(f, 8);
	assert_true(disk_info(f->disk)->block_device);
	assert_int_equal(disk_info(f->disk)->inode, 0);
	assert_int_equal(disk_info(f->disk)->size, IMAGE);
	refused(f, "used by another program");
	fill_pattern(data, 65536, 5);
	for (flags = 0; flags < 4; flags++) {
		assert_int_equal(
		    run_one(f->channel, DISK_WRITE, 65536, data, 65536, flags & DISK_FUA, NULL), 0);
		assert_int_equal(run_one(f->channel, DISK_READ, 65536, back, 65536, 0, NULL), 0);
		assert_memory_equal(data, back, 65536);
		assert_int_equal(
		    run_one(f->channel, DISK_WRITE_ZEROES, 65536, NULL, 32768, flags, NULL), 0);
		assert_int_equal(run_one(f->channel, DISK_READ, 65536, back, 65536, 0, NULL), 0);
		memset(data, 0, 32768);
		assert_memory_equal(data, back, 65536);
	}
	assert_int_equal(run_one(f->channel, DISK_DISCARD, 0, NULL, 65536, 0, NULL), 0);
	assert_int_equal(run_one(f->channel, DISK_FLUSH, 0, NULL, 0, 0, NULL), 0);
	/* By its own means, or overwritten. */
	assert_int_equal(run_one(f->channel, DISK_SECURE_ERASE, 65536, NULL, 65536, 0, NULL), 0);
	if (!disk_info(f->disk)->secure_erase) {
		assert_int_equal(run_one(f->channel, DISK_READ, 65536, back, 65536, 0, NULL), 0);
		memset(data, 0, 65536);
		assert_memory_equal(data, back, 65536);
	}
	fixture_close(f);
	free(data);
	free(back);
}

static void test_block_device(void **state)
{
	char device[32];
	struct fixture f;
	int loop;

	image_make(&f, "/var/tmp", IMAGE);
	loop = loop_attach(f.path, device, sizeof(device));
	if (loop < 0) {
		image_remove(&f);
		print_message("skipped: no loop device can be had: %s\n", strerror(errno));
		skip();
	}
	f.options = disk_test_options(device, AIO_SYNC);
	block_device_body(&f, AIO_SYNC, false);
	block_device_body(&f, AIO_SYNC, true);
	block_device_body(&f, AIO_IO_URING, false);
	block_device_body(&f, AIO_IO_URING, true);

	f.options.read_only = true;
	fixture_open(&f, 1);
	assert_int_equal(truncate(f.path, 2 * IMAGE), 0);
	assert_int_equal(ioctl(loop, LOOP_SET_CAPACITY, 0), 0);
	assert_true(disk_refresh(f.disk));
	assert_int_equal(disk_info(f.disk)->size, 2 * IMAGE);
	fixture_close(&f);
	ioctl(loop, LOOP_CLR_FD, 0);
	close(loop);
	image_remove(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_kinds), cmocka_unit_test(test_sizes),
	    cmocka_unit_test(test_lock),  cmocka_unit_test(test_unreadable),
	    cmocka_unit_test(test_null),  cmocka_unit_test(test_block_device),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
