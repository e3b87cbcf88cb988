/* SPDX-License-Identifier: MIT */
/* Time that a VMM stood still for a learner is in no latency, and breaks no request. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "lib/pause.h"
#include "tests/unit/life.h"

#define SECOND 1000000000ull

static struct vbt_pauses pauses;

static uint64_t at(uint64_t time, unsigned point, uint8_t code)
{
	const struct vbt_event event = {.time = time, .point = (uint8_t)point, .code = code};

	return vbt_pauses_time(&pauses, &event);
}

static void test_clock(void **state)
{
	memset(&pauses, 0, sizeof(pauses));
	assert_int_equal(at(100, VBT_MARK_pop, 0), 100);
	assert_int_equal(at(110, VBT_AUX_pause, 1), 110);
	assert_int_equal(at(150, VBT_MARK_kick, 0), 110); /* it stands */
	assert_int_equal(at(105, VBT_MARK_kick, 0), 105); /* late, from before */
	assert_int_equal(at(200, VBT_AUX_pause, 0), 110);
	assert_int_equal(at(207, VBT_MARK_parse, 0), 117);
	/* Two threads at once: the clock stands until both go on. */
	at(300, VBT_AUX_pause, 1);
	at(310, VBT_AUX_pause, 1);
	assert_int_equal(at(350, VBT_AUX_pause, 0), 210);
	assert_int_equal(at(360, VBT_MARK_reap, 0), 210);
	assert_int_equal(at(400, VBT_AUX_pause, 0), 210);
	assert_int_equal(at(401, VBT_MARK_push, 0), 211);
	/* An end without its beginning, and an end before its beginning, change nothing. */
	assert_int_equal(at(500, VBT_AUX_pause, 0), 310);
	at(600, VBT_AUX_pause, 1);
	at(590, VBT_AUX_pause, 0);
	assert_int_equal(at(700, VBT_MARK_wake, 0), 510);
}

static void stand(struct life *life, unsigned mark)
{
	VMM(life, 0, VBT_AUX_pause, .op = (uint8_t)mark, .code = 1);
	life->clock += 5 * SECOND;
	VMM(life, 0, VBT_AUX_pause, .op = (uint8_t)mark, .code = 0);
}

static void test_request(void **state)
{
	const struct vbt_request *r;
	struct life life;

	life_begin(&life, VBT_DEVICE_IRQFD | VBT_DEVICE_MSIX | VBT_DEVICE_DIRECT);
	VMM(&life, 0, VBT_MARK_wake, .code = VBT_WAKE_recheck);
	stand(&life, VBT_MARK_wake);
	VMM(&life, 0, VBT_MARK_pop, .seq = 1);
	stand(&life, VBT_MARK_pop);
	VMM(&life, 0, VBT_MARK_parse, .seq = 1, .val = 512);
	stand(&life, VBT_MARK_parse);
	VMM(&life, 0, VBT_MARK_submit, .seq = 1, .op = VBT_IO_io_uring, .arg = LIFE_KEY(1));
	stand(&life, VBT_MARK_submit);
	life_bio(&life, 1, VBT_MARK_queue, 1, 0);
	life_bio(&life, 1, VBT_MARK_issue, 1, 0);
	life_bio(&life, 1, VBT_MARK_complete, 1, 0);
	life_push(&life, 0, 1);
	stand(&life, VBT_MARK_push);
	VMM(&life, 0, VBT_MARK_signal, .arg = 1, .val = 1, .code = VBT_SIGNAL_no_interrupt);
	life_end(&life);
	r = &life.request[0][1];
	assert_true(r->complete);
	assert_true(vbt_request_has(r, VBT_MARK_complete));
	/* Ten steps of 100 ns, and as much from each mark to its pause. */
	assert_true(vbt_request_total(r) > 0 && vbt_request_total(r) < 5000);
	life_release(&life);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_clock),
	    cmocka_unit_test(test_request),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
