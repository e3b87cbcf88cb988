/* SPDX-License-Identifier: MIT */
/* Zones as a driver sees them: negotiation, configuration, reports, appends, statuses. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/driver/rig.h"
#include "vmm-lite/disk/backends.h"
#include "vmm-lite/disk/zones.h"

#define ZONE  128u /* sectors; 64 of them fit on the disk of the rig, 8 MiB: 64 KiB each */
#define ZONES (RIG_SECTORS / ZONE)

static struct disk_options zoned_options(enum disk_zoned model)
{
	struct disk_options o = rig_options();

	o.zoned = model;
	o.zone_size = ZONE * 512;
	return o;
}

static struct rig *start(const struct disk_options *o, struct rig_queue *q)
{
	struct rig *rig = rig_new(o);

	rig_msix_enable(rig);
	*q = rig_start(rig, FEATURE(F_ZONED), 16);
	return rig;
}

static uint8_t simple(struct rig_queue *q, uint32_t type, uint64_t sector)
{
	return rig_request(q, type, sector, 0, 0, false, NULL);
}

static uint8_t out(struct rig_queue *q, uint64_t sector, uint32_t bytes)
{
	return rig_request(q, BLK_T_OUT, sector, RIG_DATA, bytes, false, NULL);
}

/* An append; *at: what the device said. */
static uint8_t append(struct rig_queue *q, uint64_t sector, uint32_t bytes, uint64_t *at,
		      uint32_t *used)
{
	struct rig_seg segs[] = {
	    {RIG_HEADER, 16, false}, {RIG_DATA, bytes, false}, {RIG_STATUS, 9, true}};
	uint8_t *answer = rig_mem(q->rig, RIG_STATUS);
	struct rig_used element = {0};

	memset(answer, 0xee, 9);
	rig_put_header(q->rig, RIG_HEADER, BLK_T_ZONE_APPEND, sector);
	rig_add(q, segs, 3);
	rig_kick(q);
	assert_true(rig_used(q, &element));
	memcpy(at, answer, 8);
	if (used)
		*used = element.len;
	return answer[8];
}

static struct blk_zone_descriptor report_one(struct rig_queue *q, uint64_t sector)
{
	uint8_t *data = rig_mem(q->rig, RIG_DATA);
	struct blk_zone_descriptor d;
	uint64_t count;

	memset(data, 0xee, 256);
	assert_int_equal(rig_request(q, BLK_T_ZONE_REPORT, sector, RIG_DATA, 128, true, NULL),
			 BLK_S_OK);
	memcpy(&count, data, 8);
	assert_int_equal(count, 1);
	for (int i = 8; i < 64; i++)
		assert_int_equal(data[i], 0);
	memcpy(&d, data + 64, sizeof(d));
	for (unsigned i = 0; i < sizeof(d.reserved); i++)
		assert_int_equal(d.reserved[i], 0);
	return d;
}

#define assert_state(q, zone, wanted) \
	assert_int_equal(report_one((q), (uint64_t)(zone)*ZONE).state, (wanted))

static void test_negotiation(void **state)
{
	const uint64_t zoned = FEATURE(F_ZONED), v1 = FEATURE(F_VERSION_1);
	struct disk_options o = zoned_options(ZONED_HOST_MANAGED);
	struct rig *rig = rig_new(&o);

	/* The legacy interface is not there at all. */
	assert_int_equal(rig_cfg_read(rig, 0, 4), 0x10421af4);
	assert_true(rig_offered(rig) & zoned);
	assert_false(rig_offered(rig) & FEATURE(F_DISCARD));
	assert_false(rig_negotiate(rig, v1));
	assert_true(rig_negotiate(rig, v1 | zoned));
	assert_int_equal(rig_get(rig, CONFIG_AT + 72, 4), ZONE);
	assert_int_equal(rig_get(rig, CONFIG_AT + 84, 4), ZONE);
	assert_int_equal(rig_get(rig, CONFIG_AT + 88, 4), 512);
	assert_int_equal(rig_get(rig, CONFIG_AT + 92, 4), BLK_Z_HM);
	assert_false(rig_negotiate(rig, v1));
	rig_free(rig);

	o.zoned = ZONED_HOST_AWARE;
	rig = rig_new(&o);
	assert_int_equal(rig_cfg_read(rig, 0, 4), 0x10011af4);
	assert_true(rig_offered(rig) & zoned);
	assert_true(rig_offered(rig) & FEATURE(F_DISCARD));
	assert_false(rig_io_get(rig, 0, 4) & zoned);
	assert_int_equal(rig_get(rig, CONFIG_AT + 92, 1), BLK_Z_HA);
	assert_true(rig_negotiate(rig, v1));
	for (unsigned i = 72; i < 96; i += 4)
		assert_int_equal(rig_get(rig, CONFIG_AT + i, 4), 0);
	assert_true(rig_negotiate(rig, v1 | zoned));
	assert_int_equal(rig_get(rig, CONFIG_AT + 92, 1), BLK_Z_HA);
	rig_free(rig);

	o = rig_options();
	rig = rig_new(&o);
	assert_false(rig_offered(rig) & zoned);
	rig_free(rig);
}

static void test_refused(void **state)
{
	struct disk_options o = zoned_options(ZONED_HOST_MANAGED);

	o.features_off = FEATURE(F_ZONED);
	assert_null(rig_new(&o));
	o.features_off = 0;
	o.features_on = FEATURE(F_DISCARD);
	assert_null(rig_new(&o));
	o.features_on = 0;
	o.transport = TRANSPORT_LEGACY;
	assert_null(rig_new(&o));
}

static void test_not_negotiated(void **state)
{
	static const uint32_t types[] = {15, 16, 18, 20, 22, 24, 26};
	struct disk_options o = zoned_options(ZONED_HOST_AWARE);
	struct rig *rig = rig_new(&o);
	struct rig_queue q = rig_start(rig, 0, 16);

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		assert_int_equal(simple(&q, types[i], 0), BLK_S_UNSUPP);
		assert_int_equal(rig_request(&q, types[i], 0, RIG_DATA, 512, true, NULL),
				 BLK_S_UNSUPP);
	}
	/* A disk as any other. */
	assert_int_equal(out(&q, 700, 1024), BLK_S_OK);
	assert_int_equal(out(&q, ZONE - 1, 1024), BLK_S_OK);
	rig_free(rig);
}

static void test_report(void **state)
{
	struct disk_options o = zoned_options(ZONED_HOST_MANAGED);
	struct blk_zone_descriptor d;
	struct rig_queue q;
	struct rig *rig;
	struct rig_used used;
	uint8_t *data;

	o.zone_conventional = 2;
	o.zone_capacity = 96 * 512;
	rig = start(&o, &q);
	data = rig_mem(rig, RIG_DATA);
	d = report_one(&q, 5);
	assert_int_equal(d.start, 0);
	assert_int_equal(d.type, ZONE_CONVENTIONAL);
	assert_int_equal(d.state, ZONE_NOT_WP);
	assert_int_equal(d.capacity, ZONE);
	d = report_one(&q, 3 * ZONE + 7);
	assert_int_equal(d.start, 3 * ZONE);
	assert_int_equal(d.wp, 3 * ZONE);
	assert_int_equal(d.type, ZONE_SEQUENTIAL);
	assert_int_equal(d.capacity, 96);

	/* As many as there is room for; what is left of the buffer is not touched. */
	memset(data, 0xee, 1024);
	assert_int_equal(rig_request(&q, 16, 0, RIG_DATA, 64 * 4 + 63, true, &used), BLK_S_OK);
	assert_int_equal(*(uint64_t *)(void *)data, 3);
	assert_int_equal(used.len, 64 * 4);
	assert_int_equal(data[64 * 4], 0xee);
	assert_int_equal(rig_request(&q, 16, 0, RIG_DATA, 64, true, &used), BLK_S_OK);
	assert_int_equal(*(uint64_t *)(void *)data, 0);
	assert_int_equal(used.len, 65);
	assert_int_equal(rig_request(&q, 16, 0, RIG_DATA, 63, true, &used), BLK_S_IOERR);
	assert_int_equal(simple(&q, 16, 0), BLK_S_IOERR);
	/* Up to the end of the disk. */
	assert_int_equal(rig_request(&q, 16, RIG_SECTORS - 1, RIG_DATA, 65536, true, &used),
			 BLK_S_OK);
	assert_int_equal(*(uint64_t *)(void *)data, 1);
	assert_int_equal(rig_request(&q, 16, 0, RIG_DATA, 65536, true, &used), BLK_S_OK);
	assert_int_equal(*(uint64_t *)(void *)data, ZONES);
	assert_int_equal(used.len, 64 * (ZONES + 1));
	assert_int_equal(rig_request(&q, 16, RIG_SECTORS, RIG_DATA, 128, true, &used),
			 BLK_S_ZONE_INVALID_CMD);
	assert_int_equal(rig_request(&q, 16, UINT64_MAX, RIG_DATA, 128, true, &used),
			 BLK_S_ZONE_INVALID_CMD);
	rig_free(rig);
}

static void test_writes(void **state)
{
	struct disk_options o = zoned_options(ZONED_HOST_MANAGED);
	struct rig_queue q;
	struct rig *rig = start(&o, &q);
	uint8_t *data = rig_mem(rig, RIG_DATA), *disk = rig->ram->data;

	memset(data, 0x5a, 65536);
	assert_int_equal(out(&q, 1, 512), BLK_S_ZONE_UNALIGNED_WP);
	assert_int_equal(out(&q, 0, 1024), BLK_S_OK);
	assert_int_equal(out(&q, 0, 512), BLK_S_ZONE_UNALIGNED_WP);
	assert_int_equal(report_one(&q, 0).wp, 2);
	assert_state(&q, 0, ZONE_IMPLICIT_OPEN);
	assert_int_equal(out(&q, 2, 512 * ZONE), BLK_S_ZONE_INVALID_CMD);
	assert_int_equal(out(&q, RIG_SECTORS, 512), BLK_S_IOERR);
	assert_memory_equal(disk, data + 256, 1024);
	assert_int_equal(disk[1024], 0);

	/* What was not written reads as zeroes, whatever is there. */
	memset(disk, 0x77, 65536);
	assert_int_equal(rig_request(&q, BLK_T_IN, 0, RIG_DATA, 2048, true, NULL), BLK_S_OK);
	assert_int_equal(data[1023], 0x77);
	assert_int_equal(data[1024], 0);
	assert_int_equal(data[2047], 0);
	assert_int_equal(rig_request(&q, BLK_T_IN, ZONE - 1, RIG_DATA, 1024, true, NULL),
			 BLK_S_ZONE_INVALID_CMD);

	/* Zeroes are written as data is. */
	*(struct blk_range *)(void *)data = (struct blk_range){.sector = 5, .sectors = 1};
	assert_int_equal(rig_request(&q, BLK_T_WRITE_ZEROES, 0, RIG_DATA, 16, false, NULL),
			 BLK_S_ZONE_UNALIGNED_WP);
	*(struct blk_range *)(void *)data = (struct blk_range){.sector = 2, .sectors = 1};
	assert_int_equal(rig_request(&q, BLK_T_WRITE_ZEROES, 0, RIG_DATA, 16, false, NULL),
			 BLK_S_OK);
	assert_int_equal(report_one(&q, 0).wp, 3);

	/* A write that fails leaves the write pointer where it was. */
	ram_disk_fail(rig->ram, 0, 64, EIO, 0);
	assert_int_equal(out(&q, 3, 1024), BLK_S_IOERR);
	assert_int_equal(report_one(&q, 0).wp, 3);
	ram_disk_fail(rig->ram, 0, 0, 0, 0);
	assert_int_equal(out(&q, 3, 512 * (ZONE - 3)), BLK_S_OK);
	assert_state(&q, 0, ZONE_FULL);
	rig_free(rig);
}

static void test_append(void **state)
{
	struct disk_options o = zoned_options(ZONED_HOST_MANAGED);
	struct rig_queue q;
	struct rig *rig;
	uint32_t used;
	uint64_t at;

	o.zone_conventional = 1;
	rig = start(&o, &q);
	assert_int_equal(append(&q, ZONE, 1024, &at, &used), BLK_S_OK);
	assert_int_equal(at, ZONE);
	assert_int_equal(used, 9);
	assert_int_equal(append(&q, ZONE, 512, &at, NULL), BLK_S_OK);
	assert_int_equal(at, ZONE + 2);
	assert_int_equal(append(&q, ZONE + 1, 512, &at, NULL), BLK_S_ZONE_INVALID_CMD);
	assert_int_equal(append(&q, 0, 512, &at, NULL), BLK_S_ZONE_INVALID_CMD);
	assert_int_equal(append(&q, ZONE, 0, &at, &used), BLK_S_ZONE_INVALID_CMD);
	assert_int_equal(used, 0);
	assert_int_equal(append(&q, 2 * ZONE, 512 * (ZONE + 1), &at, NULL), BLK_S_ZONE_INVALID_CMD);
	assert_int_equal(append(&q, ZONE, 512 * ZONE, &at, NULL), BLK_S_ZONE_INVALID_CMD);
	assert_int_equal(append(&q, RIG_SECTORS, 512, &at, NULL), BLK_S_ZONE_INVALID_CMD);
	assert_int_equal(append(&q, UINT64_MAX, 512, &at, NULL), BLK_S_ZONE_INVALID_CMD);
	/* No room for the answer. */
	assert_int_equal(rig_request(&q, BLK_T_ZONE_APPEND, ZONE, RIG_DATA, 512, false, NULL),
			 BLK_S_IOERR);
	rig_free(rig);

	/* Where the driver is not told how large a request may be. */
	o.features_off = FEATURE(F_SIZE_MAX);
	rig = start(&o, &q);
	assert_int_equal(rig_get(rig, CONFIG_AT + 84, 4), 0);
	assert_int_equal(append(&q, ZONE, 512, &at, NULL), BLK_S_UNSUPP);
	rig_free(rig);

	o.features_off = 0;
	o.zoned = ZONED_HOST_AWARE;
	rig = start(&o, &q);
	assert_int_equal(append(&q, ZONE, 512, &at, NULL), BLK_S_ZONE_INVALID_CMD);
	rig_free(rig);
}

static void test_management(void **state)
{
	static const uint32_t types[] = {BLK_T_ZONE_OPEN, BLK_T_ZONE_CLOSE, BLK_T_ZONE_FINISH,
					 BLK_T_ZONE_RESET};
	static const uint64_t wrong[] = {0, 1, ZONE + 1, RIG_SECTORS, 1ull << 55, UINT64_MAX};
	struct disk_options o = zoned_options(ZONED_HOST_MANAGED);
	struct rig_queue q;
	struct rig *rig;
	uint8_t *data;

	o.zone_conventional = 1;
	rig = start(&o, &q);
	data = rig_mem(rig, RIG_DATA);
	for (size_t t = 0; t < 4; t++)
		for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
			assert_int_equal(simple(&q, types[t], wrong[i]), BLK_S_ZONE_INVALID_CMD);
	assert_int_equal(simple(&q, BLK_T_ZONE_OPEN, ZONE), BLK_S_OK);
	assert_state(&q, 1, ZONE_EXPLICIT_OPEN);
	assert_int_equal(simple(&q, BLK_T_ZONE_CLOSE, ZONE), BLK_S_OK);
	assert_state(&q, 1, ZONE_EMPTY);
	assert_int_equal(simple(&q, BLK_T_ZONE_CLOSE, ZONE), BLK_S_ZONE_INVALID_CMD);
	assert_int_equal(out(&q, ZONE, 512), BLK_S_OK);
	assert_int_equal(simple(&q, BLK_T_ZONE_FINISH, ZONE), BLK_S_OK);
	assert_state(&q, 1, ZONE_FULL);
	assert_int_equal(out(&q, ZONE + 1, 512), BLK_S_ZONE_INVALID_CMD);
	assert_int_equal(simple(&q, BLK_T_ZONE_RESET, ZONE), BLK_S_OK);
	assert_state(&q, 1, ZONE_EMPTY);
	assert_int_equal(ram_disk_count(rig->ram, DISK_DISCARD), 1);
	/* An empty zone has nothing to give back. */
	assert_int_equal(simple(&q, BLK_T_ZONE_RESET, ZONE), BLK_S_OK);
	assert_int_equal(ram_disk_count(rig->ram, DISK_DISCARD), 1);

	for (unsigned i = 1; i < 4; i++)
		assert_int_equal(out(&q, i * ZONE, 512), BLK_S_OK);
	assert_int_equal(simple(&q, BLK_T_ZONE_CLOSE, ZONE), BLK_S_OK);
	assert_int_equal(simple(&q, BLK_T_ZONE_FINISH, 2 * ZONE), BLK_S_OK);
	assert_int_equal(simple(&q, BLK_T_ZONE_OPEN, 9 * ZONE), BLK_S_OK);
	assert_int_equal(simple(&q, BLK_T_ZONE_RESET_ALL, UINT64_MAX), BLK_S_OK);
	for (unsigned i = 1; i < ZONES; i++)
		assert_state(&q, i, ZONE_EMPTY);
	assert_state(&q, 0, ZONE_NOT_WP);

	/* Erasing is resetting, of whole zones. */
	assert_int_equal(rig_get(rig, CONFIG_AT + 68, 4) % ZONE, 0);
	assert_int_equal(out(&q, ZONE, 512), BLK_S_OK);
	*(struct blk_range *)(void *)data = (struct blk_range){.sector = ZONE, .sectors = 2 * ZONE};
	assert_int_equal(rig_request(&q, BLK_T_SECURE_ERASE, 0, RIG_DATA, 16, false, NULL),
			 BLK_S_OK);
	assert_state(&q, 1, ZONE_EMPTY);
	assert_int_equal(ram_disk_count(rig->ram, DISK_SECURE_ERASE), 2);
	*(struct blk_range *)(void *)data = (struct blk_range){.sector = ZONE, .sectors = ZONE - 1};
	assert_int_equal(rig_request(&q, BLK_T_SECURE_ERASE, 0, RIG_DATA, 16, false, NULL),
			 BLK_S_ZONE_INVALID_CMD);
	rig_free(rig);
}

static void test_limits(void **state)
{
	struct disk_options o = zoned_options(ZONED_HOST_MANAGED);
	struct rig_queue q;
	struct rig *rig;

	o.zone_max_open = 2;
	o.zone_max_active = 3;
	rig = start(&o, &q);
	assert_int_equal(rig_get(rig, CONFIG_AT + 76, 4), 2);
	assert_int_equal(rig_get(rig, CONFIG_AT + 80, 4), 3);
	assert_int_equal(simple(&q, BLK_T_ZONE_OPEN, 0), BLK_S_OK);
	assert_int_equal(simple(&q, BLK_T_ZONE_OPEN, ZONE), BLK_S_OK);
	assert_int_equal(simple(&q, BLK_T_ZONE_OPEN, 2 * ZONE), BLK_S_ZONE_OPEN_RESOURCE);
	assert_int_equal(out(&q, 2 * ZONE, 512), BLK_S_ZONE_OPEN_RESOURCE);
	assert_int_equal(out(&q, ZONE, 512), BLK_S_OK);
	assert_int_equal(simple(&q, BLK_T_ZONE_CLOSE, ZONE), BLK_S_OK);
	assert_int_equal(out(&q, 2 * ZONE, 512), BLK_S_OK);
	assert_int_equal(out(&q, 3 * ZONE, 512), BLK_S_ZONE_ACTIVE_RESOURCE);
	rig_free(rig);
}

static void test_broken_zones(void **state)
{
	struct disk_options o = zoned_options(ZONED_HOST_MANAGED);
	struct zone zone;
	struct rig_queue q;
	struct rig *rig = rig_new(&o);
	uint64_t at;

	zone = disk_zoned_zones(rig->disk)->zone[1];
	zone.state = ZONE_READ_ONLY;
	assert_true(zones_set(disk_zoned_zones(rig->disk), 1, &zone));
	zone.state = ZONE_OFFLINE;
	assert_true(zones_set(disk_zoned_zones(rig->disk), 2, &zone));
	rig_msix_enable(rig);
	q = rig_start(rig, FEATURE(F_ZONED), 16);
	assert_state(&q, 1, ZONE_READ_ONLY);
	assert_state(&q, 2, ZONE_OFFLINE);
	for (unsigned i = 1; i < 3; i++) {
		assert_int_equal(out(&q, i * ZONE, 512), BLK_S_ZONE_INVALID_CMD);
		assert_int_equal(append(&q, i * ZONE, 512, &at, NULL), BLK_S_ZONE_INVALID_CMD);
		assert_int_equal(simple(&q, BLK_T_ZONE_RESET, i * ZONE), BLK_S_ZONE_INVALID_CMD);
		assert_int_equal(simple(&q, BLK_T_ZONE_OPEN, i * ZONE), BLK_S_ZONE_INVALID_CMD);
		assert_int_equal(simple(&q, BLK_T_ZONE_FINISH, i * ZONE), BLK_S_ZONE_INVALID_CMD);
	}
	assert_int_equal(rig_request(&q, BLK_T_IN, ZONE, RIG_DATA, 512, true, NULL), BLK_S_OK);
	assert_int_equal(rig_request(&q, BLK_T_IN, 2 * ZONE, RIG_DATA, 512, true, NULL),
			 BLK_S_ZONE_INVALID_CMD);
	assert_int_equal(simple(&q, BLK_T_ZONE_RESET_ALL, 0), BLK_S_OK);
	assert_state(&q, 1, ZONE_READ_ONLY);
	assert_state(&q, 2, ZONE_OFFLINE);
	rig_free(rig);
}

static bool nothing_held(void *opaque)
{
	return ram_disk_held(opaque) > 0;
}

/* A reset waits for the writes before it, and the write after it waits for the reset. */
static void test_reset_in_flight(void **state)
{
	struct rig_seg write[] = {
	    {RIG_HEADER, 16, false}, {RIG_DATA, 512, false}, {RIG_STATUS, 1, true}};
	struct rig_seg reset[] = {{RIG_HEADER + 32, 16, false}, {RIG_STATUS + 1, 1, true}};
	struct rig_seg again[] = {
	    {RIG_HEADER, 16, false}, {RIG_DATA + 512, 512, false}, {RIG_STATUS + 2, 1, true}};
	struct disk_options o = zoned_options(ZONED_HOST_MANAGED);
	struct rig_queue q;
	struct rig_used used;
	struct rig *rig;
	uint8_t *status, *data;

	o.iothread = true;
	rig = start(&o, &q);
	status = rig_mem(rig, RIG_STATUS);
	data = rig_mem(rig, RIG_DATA);
	memset(status, 0xee, 3);
	memset(data, 1, 512);
	memset(data + 512, 2, 512);
	ram_disk_hold(rig->ram);
	rig_put_header(rig, RIG_HEADER, BLK_T_OUT, 0);
	rig_put_header(rig, RIG_HEADER + 32, BLK_T_ZONE_RESET, 0);
	rig_add(&q, write, 3);
	rig_kick(&q);
	assert_true(rig_eventually(nothing_held, rig->ram));
	rig_add(&q, reset, 2);
	rig_add(&q, again, 3);
	rig_kick(&q);
	assert_int_equal(ram_disk_count(rig->ram, DISK_DISCARD), 0);
	ram_disk_release(rig->ram);
	for (int i = 0; i < 3; i++)
		assert_true(rig_wait_used(&q, &used));
	for (int i = 0; i < 3; i++)
		assert_int_equal(status[i], BLK_S_OK);
	assert_int_equal(rig->ram->data[0], 2);
	assert_int_equal(ram_disk_count(rig->ram, DISK_DISCARD), 1);
	assert_int_equal(report_one(&q, 0).wp, 1);

	/* What waits is let go by a device reset. */
	ram_disk_hold(rig->ram);
	rig_put_header(rig, RIG_HEADER, BLK_T_OUT, 1);
	rig_add(&q, write, 3);
	rig_kick(&q);
	assert_true(rig_eventually(nothing_held, rig->ram));
	rig_add(&q, reset, 2);
	rig_kick(&q);
	rig_reset(rig);
	ram_disk_release(rig->ram);
	q = rig_start(rig, FEATURE(F_ZONED), 16);
	assert_int_equal(report_one(&q, 0).wp, 1);
	assert_int_equal(simple(&q, BLK_T_ZONE_RESET, 0), BLK_S_OK);
	rig_free(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_negotiation),    cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_not_negotiated), cmocka_unit_test(test_report),
	    cmocka_unit_test(test_writes),         cmocka_unit_test(test_append),
	    cmocka_unit_test(test_management),     cmocka_unit_test(test_limits),
	    cmocka_unit_test(test_broken_zones),   cmocka_unit_test(test_reset_in_flight),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
