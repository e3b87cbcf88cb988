/* SPDX-License-Identifier: MIT */
/* The device end to end over the rig: what every driver relies on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/driver/rig.h"

static void fill(uint8_t *at, size_t len, unsigned seed)
{
	for (size_t i = 0; i < len; i++)
		at[i] = (uint8_t)(seed + i * 7 + i / 512);
}

static void round_trip(struct rig_queue *q)
{
	struct rig *rig = q->rig;
	uint8_t *data = rig_mem(rig, RIG_DATA), *disk = rig->ram->data;
	struct rig_used used;

	fill(data, 8192, 3);
	assert_int_equal(rig_request(q, BLK_T_OUT, 8, RIG_DATA, 8192, false, &used), BLK_S_OK);
	assert_int_equal(used.len, 1);
	assert_memory_equal(disk + 8 * 512, data, 8192);
	memset(data, 0, 8192);
	assert_int_equal(rig_request(q, BLK_T_IN, 9, RIG_DATA, 4096, true, &used), BLK_S_OK);
	assert_int_equal(used.len, 4097);
	assert_memory_equal(data, disk + 9 * 512, 4096);
	assert_int_equal(rig_request(q, BLK_T_FLUSH, 99, 0, 0, false, &used), BLK_S_OK);
	assert_int_equal(used.len, 1);
	assert_int_equal(ram_disk_count(rig->ram, DISK_FLUSH), 1);
	memset(data, 0xff, 64);
	assert_int_equal(rig_request(q, BLK_T_GET_ID, 0, RIG_DATA, 20, true, &used), BLK_S_OK);
	assert_int_equal(used.len, 21);
	assert_memory_equal(data, "rig-0001\0\0\0\0\0\0\0\0\0\0\0\0", 20);
	assert_int_equal(data[20], 0xff);
}

static void test_modern_msix(void **state)
{
	struct disk_options o = rig_options();
	struct rig *rig = rig_new(&o);
	struct rig_queue q;

	rig_msix_enable(rig);
	q = rig_start(rig, 0, 16);
	round_trip(&q);
	assert_int_equal(rig_messages(rig, 0x41), 4);
	assert_int_equal(rig_all_messages(rig), 4);
	assert_int_equal(rig_get(rig, ISR_AT, 1), 0);
	rig_free(rig);
}

static void test_modern_packed(void **state)
{
	struct disk_options o = rig_options();
	struct rig_queue q;
	struct rig *rig;

	o.ring = RING_BOTH;
	rig = rig_new(&o);
	rig_msix_enable(rig);
	q = rig_start(rig, FEATURE(F_RING_PACKED), 7);
	for (int i = 0; i < 20; i++) {
		struct rig_used used;

		assert_int_equal(rig_request(&q, BLK_T_IN, 1, RIG_DATA, 512, true, &used),
				 BLK_S_OK);
		assert_int_equal(used.len, 513);
	}
	assert_int_equal(rig_messages(rig, 0x41), 20);
	round_trip(&q);
	rig_free(rig);
}

static void test_legacy_intx(void **state)
{
	struct disk_options o = rig_options();
	struct rig_queue q;
	struct rig *rig;

	o.irq = IRQ_INTX;
	o.transport = TRANSPORT_LEGACY;
	rig = rig_new(&o);
	assert_int_equal(rig_cfg_read(rig, 0, 4), 0x10011af4);
	q = rig_start_legacy(rig, 0);
	assert_int_equal(q.size, 16);

	struct rig_seg segs[] = {
	    {RIG_HEADER, 16, false}, {RIG_DATA, 512, true}, {RIG_STATUS, 1, true}};
	struct rig_used used;

	rig->ram->data[1024] = 0x5a;
	rig_put_header(rig, RIG_HEADER, BLK_T_IN, 2);
	rig_add(&q, segs, 3);
	rig_io_set(rig, 16, 2, 0);
	assert_true(rig_used(&q, &used));
	assert_int_equal(used.len, 513);
	assert_int_equal(*(uint8_t *)rig_mem(rig, RIG_DATA), 0x5a);
	assert_true(rig->level);
	assert_true(rig_cfg_read(rig, 6, 2) & 8);
	assert_int_equal(rig_io_get(rig, 19, 1), 1);
	assert_false(rig->level);
	assert_false(rig_cfg_read(rig, 6, 2) & 8);
	assert_int_equal(rig_io_get(rig, 19, 1), 0);
	assert_int_equal(rig_io_get(rig, 20, 4), RIG_SECTORS);
	rig_io_set(rig, 18, 1, 0);
	assert_int_equal(rig_io_get(rig, 8, 4), 0);
	rig_free(rig);
}

static void test_thread_ioeventfd_irqfd(void **state)
{
	struct disk_options o = rig_options();
	struct rig_queue q;
	struct rig *rig;

	o.iothread = true;
	o.notify = NOTIFY_IOEVENTFD;
	o.signal = SIGNAL_IRQFD;
	rig = rig_new(&o);
	rig_msix_enable(rig);
	q = rig_start(rig, FEATURE(F_EVENT_IDX), 16);
	assert_int_equal(rig->bell_count, 1);
	assert_int_equal(rig->bells[0].addr, rig_bar(rig, 4) + NOTIFY_AT);
	for (int i = 0; i < 100; i++) {
		*rig_used_event(&q) = q.used_idx;
		assert_int_equal(rig_request(&q, BLK_T_IN, 1, RIG_DATA, 512, true, NULL), BLK_S_OK);
	}
	rig_reset(rig);
	assert_true(rig_messages(rig, 0x41) > 0);
	assert_int_equal(rig->bell_count, 0);
	rig_free(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_modern_msix),
	    cmocka_unit_test(test_modern_packed),
	    cmocka_unit_test(test_legacy_intx),
	    cmocka_unit_test(test_thread_ioeventfd_irqfd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
