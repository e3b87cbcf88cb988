/* SPDX-License-Identifier: MIT */
/* Kicks of a device that moves its doorbells: told late, and counted for each address. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/life.h"

#define FLAGS  (VBT_DEVICE_IOEVENTFD | VBT_DEVICE_IRQFD | VBT_DEVICE_MSIX | VBT_DEVICE_DIRECT)
#define STRIDE 4u

/* Its modern doorbells are at `mmio` from now on, its legacy one at `pio`; 0: nowhere. */
static void move(struct life *life, uint64_t mmio, uint64_t pio)
{
	const struct vbt_device device = {.shm = {.present = 1,
						  .queues = LIFE_QUEUES,
						  .flags = FLAGS,
						  .gsi = LIFE_GSI,
						  .mmio_notify = mmio,
						  .mmio_stride = STRIDE,
						  .pio_notify = pio}};

	vbt_trace_info_set_device(&life->info, &device);
}

/* A ring of queue 1, the `count`-th at this address. */
static uint64_t ring(struct life *life, uint64_t address, uint64_t count)
{
	return KERNEL(life, LIFE_VCPU, VBT_MARK_kick, .key = address + STRIDE, .arg = count << 32,
		      .flags = VBT_KICK_FAST_MMIO);
}

static uint64_t ring_port(struct life *life, uint64_t port, uint64_t count)
{
	return KERNEL(life, LIFE_VCPU, VBT_MARK_kick, .key = port, .arg = count << 32 | 1,
		      .flags = VBT_KICK_PIO);
}

/* The request behind the seq-th kick of all. */
static void serve(struct life *life, uint32_t seq)
{
	VMM(life, 1, VBT_MARK_wake, .code = VBT_WAKE_ioeventfd, .arg = seq, .val = 1);
	VMM(life, 1, VBT_MARK_pop, .seq = seq, .arg = seq);
	VMM(life, 1, VBT_MARK_parse, .seq = seq);
	VMM(life, 1, VBT_MARK_submit, .seq = seq, .op = VBT_IO_io_uring, .arg = LIFE_KEY(seq));
	life_push(life, 1, seq);
}

static void kicked_at(const struct life *life, uint32_t seq, uint64_t time)
{
	const struct vbt_request *r = &life->request[1][seq];

	assert_true(vbt_request_has(r, VBT_MARK_kick));
	assert_int_equal(r->mark[VBT_MARK_kick], time);
	assert_false(r->inferred >> VBT_MARK_kick & 1);
}

/* The table says already where it is now when the ring at the old place comes. */
static void test_told_late(void **state)
{
	uint64_t time[4];
	struct life life;

	life_begin(&life, FLAGS);
	for (uint32_t i = 1; i <= 3; i++) {
		move(&life, 0x1000 * i, 0);
		move(&life, 0, 0);
		time[i] = ring(&life, 0x1000 * i, 1);
		serve(&life, i);
	}
	life_end(&life);
	for (uint32_t i = 1; i <= 3; i++)
		kicked_at(&life, i, time[i]);
	life_release(&life);
}

/* Each address has a count of its own, which goes on when the device comes back. */
static void test_back_again(void **state)
{
	uint64_t time[7];
	struct life life;

	life_begin(&life, FLAGS);
	move(&life, 0x1000, 0xc000);
	time[1] = ring(&life, 0x1000, 1);
	serve(&life, 1);
	time[2] = ring(&life, 0x1000, 2);
	serve(&life, 2);
	time[3] = ring_port(&life, 0xc000, 1);
	serve(&life, 3);
	move(&life, 0x2000, 0xc000);
	time[4] = ring(&life, 0x2000, 1);
	serve(&life, 4);
	move(&life, 0x1000, 0xc000);
	time[5] = ring(&life, 0x1000, 3);
	serve(&life, 5);
	time[6] = ring_port(&life, 0xc000, 2);
	serve(&life, 6);
	life_end(&life);
	for (uint32_t i = 1; i <= 6; i++)
		kicked_at(&life, i, time[i]);
	life_release(&life);
}

/* What lies near is not taken for it, and neither is what it left too long ago. */
static void test_elsewhere(void **state)
{
	struct life life;

	life_begin(&life, FLAGS);
	move(&life, 0x1000, 0);
	for (unsigned i = 0; i <= VBT_MAX_LEFT; i++)
		move(&life, 0x2000 + 0x1000ull * i, 0);
	ring(&life, 0x1000, 1);
	ring(&life, 0x2000 + STRIDE * LIFE_QUEUES, 1);
	serve(&life, 1);
	life_end(&life);
	assert_false(vbt_request_has(&life.request[1][1], VBT_MARK_kick));
	assert_int_equal(vbt_correlator_stats(life.correlator)->stray, 2);
	life_release(&life);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_told_late),
	    cmocka_unit_test(test_back_again),
	    cmocka_unit_test(test_elsewhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
