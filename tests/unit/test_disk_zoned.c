/* SPDX-License-Identifier: MIT */
/* Zones over an image: what is in FILE.zones, and what a restart, a crash and a stranger make of it. */
#include "tests/unit/disk_test.h"
#include "vmm-lite/disk/zones.h"

#define ZONE  (64u << 10)
#define IMAGE (8 * ZONE)

static char *zones_path(const struct fixture *f)
{
	static char path[112];

	snprintf(path, sizeof(path), "%s.zones", f->path);
	return path;
}

static void make(struct fixture *f, enum disk_aio aio)
{
	image_make(f, "/var/tmp", IMAGE);
	f->options.aio = aio;
	f->options.zoned = ZONED_HOST_MANAGED;
	f->options.zone_size = ZONE;
}

static void remove_all(struct fixture *f)
{
	unlink(zones_path(f));
	image_remove(f);
}

static struct disk_zone zone_of(struct fixture *f, unsigned index)
{
	struct disk_zone zone;

	assert_int_equal(disk_zones(f->disk, (uint64_t)index * ZONE, &zone, 1), 1);
	return zone;
}

static void assert_zone(struct fixture *f, unsigned index, unsigned state, uint64_t wp)
{
	struct disk_zone zone = zone_of(f, index);

	assert_int_equal(zone.state, state);
	assert_int_equal(zone.wp, (uint64_t)index * ZONE + wp);
}

static int op(struct fixture *f, enum disk_op what, unsigned index)
{
	return run_one(f->channel, what, (uint64_t)index * ZONE, NULL, 0, 0, NULL);
}

static void refused(struct fixture *f, const char *text)
{
	f->disk = disk_open(&f->options, f->err, sizeof(f->err));
	assert_null(f->disk);
	if (!strstr(f->err, text))
		fail_msg("'%s' is not in: %s", text, f->err);
}

static void restart_body(enum disk_aio aio)
{
	uint8_t data[ZONE], back[ZONE];
	struct fixture f;

	make(&f, aio);
	fill_pattern(data, sizeof(data), 1);
	fixture_open(&f, 8);
	assert_int_equal(disk_info(f.disk)->zoned.model, DISK_ZONES_HOST_MANAGED);
	assert_int_equal(disk_info(f.disk)->discard_granularity, 0);
	assert_int_equal(run_one(f.channel, DISK_WRITE, 0, data, 4096, 0, NULL), 0);
	assert_int_equal(run_one(f.channel, DISK_WRITE, 4096, data + 4096, 4096, DISK_FUA, NULL),
			 0);
	assert_int_equal(run_one(f.channel, DISK_WRITE, ZONE, data, ZONE, 0, NULL), 0);
	assert_int_equal(run_one(f.channel, DISK_WRITE, 2 * ZONE, data, 4096, 0, NULL), 0);
	assert_int_equal(op(&f, DISK_ZONE_FINISH, 2), 0);
	assert_int_equal(op(&f, DISK_ZONE_OPEN, 3), 0);
	assert_int_equal(run_one(f.channel, DISK_WRITE, 4 * ZONE, data, ZONE, 0, NULL), 0);
	assert_int_equal(op(&f, DISK_ZONE_RESET, 4), 0);
	assert_int_equal(run_one(f.channel, DISK_FLUSH, 0, NULL, 0, 0, NULL), 0);
	fixture_close(&f);

	/* Open zones are closed, or empty if nothing was written; everything else is as it was. */
	fixture_open(&f, 8);
	assert_zone(&f, 0, ZONE_CLOSED, 8192);
	assert_zone(&f, 1, ZONE_FULL, ZONE);
	assert_zone(&f, 2, ZONE_FULL, ZONE);
	assert_zone(&f, 3, ZONE_EMPTY, 0);
	assert_zone(&f, 4, ZONE_EMPTY, 0);
	assert_int_equal(run_one(f.channel, DISK_READ, 0, back, 16384, 0, NULL), 0);
	assert_memory_equal(back, data, 8192);
	memset(data, 0, 8192);
	assert_memory_equal(back + 8192, data, 8192);
	assert_int_equal(run_one(f.channel, DISK_READ, 2 * ZONE, back, 8192, 0, NULL), 0);
	assert_memory_equal(back + 4096, data, 4096);
	assert_int_equal(run_one(f.channel, DISK_WRITE, 8192, data, 4096, 0, NULL), 0);
	assert_int_equal(run_one(f.channel, DISK_WRITE, 8192, data, 4096, 0, NULL), ZONE_UNALIGNED);
	fixture_close(&f);
	remove_all(&f);
}

static void test_restart(void **state)
{
	restart_body(AIO_SYNC);
	restart_body(AIO_IO_URING);
}

/* A reset gives the space back to the host. */
static void test_space(void **state)
{
	uint8_t data[ZONE];
	struct stat before, after;
	struct fixture f;

	make(&f, AIO_IO_URING);
	fill_pattern(data, sizeof(data), 2);
	fixture_open(&f, 8);
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(run_one(f.channel, DISK_WRITE, i * ZONE, data, ZONE, 0, NULL), 0);
	assert_int_equal(run_one(f.channel, DISK_FLUSH, 0, NULL, 0, 0, NULL), 0);
	assert_int_equal(stat(f.path, &before), 0);
	assert_int_equal(op(&f, DISK_ZONE_RESET, 1), 0);
	assert_int_equal(run_one(f.channel, DISK_ZONE_RESET_ALL, 0, NULL, 0, 0, NULL), 0);
	assert_int_equal(stat(f.path, &after), 0);
	assert_true(after.st_blocks < before.st_blocks / 4);
	assert_int_equal(after.st_size, IMAGE);
	for (unsigned i = 0; i < 8; i++)
		assert_zone(&f, i, ZONE_EMPTY, 0);
	fixture_close(&f);
	remove_all(&f);
}

/* Many writes one behind the other: each may be submitted before the one before it has ended. */
static void test_depth(void **state)
{
	struct disk_request requests[16];
	struct iovec iov[16];
	uint8_t data[ZONE], back[ZONE];
	struct fixture f;

	make(&f, AIO_IO_URING);
	fill_pattern(data, sizeof(data), 3);
	fixture_open(&f, 16);
	for (unsigned i = 0; i < 16; i++) {
		iov[i] = (struct iovec){data + i * 4096, 4096};
		requests[i] = (struct disk_request){.op = i % 2 ? DISK_ZONE_APPEND : DISK_WRITE,
						    .offset = i % 2 ? 0 : i * 4096,
						    .length = 4096,
						    .iov = &iov[i],
						    .iov_count = 1};
	}
	run_all(f.channel, requests, 16);
	for (unsigned i = 0; i < 16; i++) {
		assert_int_equal(requests[i].error, 0);
		if (i % 2) {
			assert_int_equal(requests[i].op, DISK_ZONE_APPEND);
			assert_int_equal(requests[i].offset, 0);
			assert_int_equal(requests[i].append_offset, i * 4096);
		}
	}
	assert_zone(&f, 0, ZONE_FULL, ZONE);
	assert_int_equal(run_one(f.channel, DISK_READ, 0, back, ZONE, 0, NULL), 0);
	assert_memory_equal(back, data, ZONE);
	fixture_close(&f);
	remove_all(&f);
}

/* An image that was used without zones keeps what it has. */
static void test_used_image(void **state)
{
	struct fixture f;
	uint8_t data[4096], back[4096];
	int fd;

	make(&f, AIO_SYNC);
	fill_pattern(data, sizeof(data), 4);
	fd = open(f.path, O_RDWR);
	assert_int_equal(pwrite(fd, data, 4096, 3 * ZONE + 8192), 4096);
	close(fd);
	/* Read-only: nothing is made. */
	f.options.read_only = true;
	fixture_open(&f, 8);
	assert_zone(&f, 3, ZONE_FULL, ZONE);
	assert_int_equal(op(&f, DISK_ZONE_RESET, 3), EROFS);
	fixture_close(&f);
	assert_int_equal(access(zones_path(&f), F_OK), -1);
	f.options.read_only = false;
	fixture_open(&f, 8);
	assert_zone(&f, 2, ZONE_EMPTY, 0);
	assert_zone(&f, 3, ZONE_FULL, ZONE);
	assert_zone(&f, 4, ZONE_EMPTY, 0);
	assert_int_equal(run_one(f.channel, DISK_READ, 3 * ZONE + 8192, back, 4096, 0, NULL), 0);
	assert_memory_equal(back, data, 4096);
	fixture_close(&f);
	remove_all(&f);
}

static void test_grown_image(void **state)
{
	struct fixture f;

	make(&f, AIO_SYNC);
	fixture_open(&f, 8);
	assert_int_equal(op(&f, DISK_ZONE_FINISH, 7), 0);
	fixture_close(&f);
	assert_int_equal(truncate(f.path, 2 * IMAGE), 0);
	fixture_open(&f, 8);
	assert_zone(&f, 7, ZONE_FULL, ZONE);
	assert_zone(&f, 8, ZONE_EMPTY, 0);
	/* While it is open its zones are as many as they were. */
	assert_int_equal(truncate(f.path, 3 * IMAGE), 0);
	assert_false(disk_refresh(f.disk));
	fixture_close(&f);
	remove_all(&f);
}

static void test_foreign(void **state)
{
	static const uint8_t garbage[64 + 8 * 32] = "no zones";
	struct fixture f;
	uint8_t record[32];
	int fd;

	make(&f, AIO_SYNC);
	fd = open(zones_path(&f), O_RDWR | O_CREAT, 0600);
	refused(&f, "is no record of zones");
	assert_int_equal(write(fd, garbage, sizeof(garbage)), sizeof(garbage));
	refused(&f, "is no record of zones");
	close(fd);
	unlink(zones_path(&f));
	fixture_open(&f, 8);
	assert_int_equal(access(zones_path(&f), F_OK), 0);
	fixture_close(&f);
	/* Nothing happened to the zones, so nothing is left. */
	assert_int_equal(access(zones_path(&f), F_OK), -1);
	fixture_open(&f, 8);
	assert_int_equal(op(&f, DISK_ZONE_FINISH, 7), 0);
	fixture_close(&f);
	assert_int_equal(access(zones_path(&f), F_OK), 0);
	fixture_open(&f, 8);
	assert_zone(&f, 7, ZONE_FULL, ZONE);
	fixture_close(&f);
	assert_int_equal(access(zones_path(&f), F_OK), 0);

	f.options.zone_size = 2 * ZONE;
	refused(&f, "zone-size=65536");
	f.options.zone_size = ZONE;
	f.options.zone_conventional = 1;
	refused(&f, "zone 0 does not fit");
	f.options.zone_conventional = 0;
	/* A write pointer behind the zone's end. */
	fd = open(zones_path(&f), O_RDWR);
	assert_int_equal(pread(fd, record, 32, 64 + 5 * 32), 32);
	record[7] = 0x7f;
	assert_int_equal(pwrite(fd, record, 32, 64 + 5 * 32), 32);
	refused(&f, "zone 5 does not fit");
	close(fd);
	unlink(zones_path(&f));
	assert_int_equal(mkdir(zones_path(&f), 0700), 0);
	refused(&f, ".zones'");
	rmdir(zones_path(&f));
	/* Not where somebody else points to. */
	assert_int_equal(symlink("/dev/null", zones_path(&f)), 0);
	refused(&f, ".zones'");
	remove_all(&f);
}

static void test_impossible(void **state)
{
	struct fixture f;

	make(&f, AIO_SYNC);
	f.options.zone_conventional = 8;
	refused(&f, "leaves none to be sequential");
	f.options.zone_conventional = 0;
	f.options.zone_capacity = ZONE - 512;
	f.options.block_size = 4096;
	refused(&f, "no multiple of its block");
	f.options.zone_capacity = f.options.block_size = 0;
	assert_int_equal(truncate(f.path, (ZONES_MAX + 1ull) * ZONE), 0);
	refused(&f, "use a larger zone-size");
	remove_all(&f);
}

static void test_null_disk(void **state)
{
	struct fixture f = {.options = disk_test_options("null", AIO_NULL)};
	uint8_t data[4096];

	memset(data, 9, sizeof(data));
	f.options.zoned = ZONED_HOST_AWARE;
	fixture_open(&f, 8);
	assert_int_equal(disk_info(f.disk)->zoned.size, 64 << 20);
	assert_int_equal(run_one(f.channel, DISK_READ, 0, data, 4096, 0, NULL), 0);
	assert_int_equal(data[4095], 0);
	assert_int_equal(run_one(f.channel, DISK_WRITE, 8192, data, 4096, 0, NULL), 0);
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_restart),     cmocka_unit_test(test_space),
	    cmocka_unit_test(test_depth),       cmocka_unit_test(test_used_image),
	    cmocka_unit_test(test_grown_image), cmocka_unit_test(test_foreign),
	    cmocka_unit_test(test_impossible),  cmocka_unit_test(test_null_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
