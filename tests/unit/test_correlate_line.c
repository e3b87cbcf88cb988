/* SPDX-License-Identifier: MIT */
/* INTx in the correlator: two queues share a line, and one raise of it may tell of both. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/life.h"

static struct life life;

static void has(const struct vbt_request *r, unsigned mark, uint64_t time)
{
	assert_true(vbt_request_has(r, mark));
	assert_int_equal(r->mark[mark], time);
}

static void lacks(const struct vbt_request *r, unsigned mark, unsigned reason)
{
	assert_false(vbt_request_has(r, mark));
	assert_int_equal(r->absent[mark], reason);
}

/* A request in each queue, done. */
static void begin(uint32_t flags)
{
	life_begin(&life, flags);
	for (unsigned q = 0; q < LIFE_QUEUES; q++) {
		life_submit(&life, q, 1, 0, 4096);
		life_push(&life, q, 1);
	}
}

/* The first queue's interrupt, all the way into the vCPU. */
static void deliver_first(void)
{
	life_signal(&life, 0);
	life_line(&life, LIFE_TASK(0), true);
	life_accept(&life, LIFE_TASK(0));
	life_signal_done(&life, 0);
	life_inject(&life);
}

static void end(void)
{
	life_end(&life);
	assert_int_equal(life.requests, 2);
}

/* The usual: the line goes up in the window, is accepted there; the guest lowers it and ends. */
static void test_raised(void **state)
{
	uint64_t msi[2], inject[2], eoi[2];

	begin(VBT_DEVICE_DIRECT);
	for (unsigned q = 0; q < 2; q++) {
		life_signal(&life, q);
		msi[q] = life_line(&life, LIFE_TASK(q), true);
		life_accept(&life, LIFE_TASK(q));
		life_signal_done(&life, q);
		inject[q] = life_inject(&life);
		life_line(&life, LIFE_VCPU, false);
		eoi[q] = life_eoi(&life);
	}
	end();
	for (unsigned q = 0; q < 2; q++) {
		has(&life.request[q][1], VBT_MARK_msi, msi[q]);
		has(&life.request[q][1], VBT_MARK_inject, inject[q]);
		has(&life.request[q][1], VBT_MARK_eoi, eoi[q]);
	}
	life_release(&life);
}

/* Both signal at the same time: the second finds the line up, and is told of by the first's. */
static void test_both_at_once(void **state)
{
	const struct vbt_request *second = &life.request[1][1];
	uint64_t msi, inject, eoi;

	begin(VBT_DEVICE_DIRECT);
	life_signal(&life, 0);
	life_signal(&life, 1);
	msi = life_line(&life, LIFE_TASK(0), true);
	life_accept(&life, LIFE_TASK(0));
	life_signal_done(&life, 0);
	life_signal_done(&life, 1);
	inject = life_inject(&life);
	life_line(&life, LIFE_VCPU, false);
	eoi = life_eoi(&life);
	end();
	has(second, VBT_MARK_msi, msi);
	has(second, VBT_MARK_inject, inject);
	has(second, VBT_MARK_eoi, eoi);
	/* Known from the level alone. */
	assert_int_equal(second->inferred & (1u << VBT_MARK_msi), 1u << VBT_MARK_msi);
	assert_int_equal(life.request[0][1].inferred & (1u << VBT_MARK_msi), 0);
	life_release(&life);
}

/* The signal comes while the line is up and delivered: only the end is still ahead. */
static void test_while_in_service(void **state)
{
	const struct vbt_request *second = &life.request[1][1];
	uint64_t eoi;

	begin(VBT_DEVICE_DIRECT);
	deliver_first();
	life_signal(&life, 1);
	life_signal_done(&life, 1);
	life_line(&life, LIFE_VCPU, false);
	eoi = life_eoi(&life);
	end();
	lacks(second, VBT_MARK_msi, VBT_ABSENT_coalesced);
	lacks(second, VBT_MARK_inject, VBT_ABSENT_coalesced);
	has(second, VBT_MARK_eoi, eoi);
	assert_int_equal(vbt_correlator_stats(life.correlator)->incomplete, 0);
	life_release(&life);
}

/* The guest reads the ISR between the signal and the look at the line: it is not raised again. */
static void test_guest_is_faster(void **state)
{
	const struct vbt_request *second = &life.request[1][1];
	uint64_t eoi;

	begin(VBT_DEVICE_DIRECT);
	deliver_first();
	life_signal(&life, 1);
	life_line(&life, LIFE_VCPU, false);
	life_signal_done(&life, 1);
	eoi = life_eoi(&life);
	end();
	lacks(second, VBT_MARK_msi, VBT_ABSENT_coalesced);
	has(second, VBT_MARK_eoi, eoi);
	assert_int_equal(vbt_correlator_stats(life.correlator)->incomplete, 0);
	life_release(&life);
}

/* Lowered before the signal: then its own raise, outside of nobody's window but its own, counts. */
static void test_not_the_one_before(void **state)
{
	const struct vbt_request *second = &life.request[1][1];
	uint64_t msi, inject, eoi;

	begin(VBT_DEVICE_DIRECT);
	deliver_first();
	life_line(&life, LIFE_VCPU, false);
	life_signal(&life, 1);
	msi = life_line(&life, LIFE_TASK(1), true);
	life_signal_done(&life, 1);
	life_eoi(&life);
	/* What is still up after the end is sent again, by the vCPU's task. */
	life_accept(&life, LIFE_VCPU);
	inject = life_inject(&life);
	life_line(&life, LIFE_VCPU, false);
	eoi = life_eoi(&life);
	end();
	has(second, VBT_MARK_msi, msi);
	has(second, VBT_MARK_inject, inject);
	has(second, VBT_MARK_eoi, eoi);
	life_release(&life);
}

/* With an irqfd a worker raises the line, later: for all that was sent until then. */
static void test_irqfd(void **state)
{
	uint64_t msi, inject, eoi;

	begin(VBT_DEVICE_DIRECT | VBT_DEVICE_IRQFD);
	for (unsigned q = 0; q < 2; q++) {
		life_signal(&life, q);
		life_signal_done(&life, q);
	}
	msi = life_line(&life, 99, true);
	life_accept(&life, 99);
	inject = life_inject(&life);
	eoi = life_eoi(&life);
	life_line(&life, LIFE_VCPU, false);
	end();
	for (unsigned q = 0; q < 2; q++) {
		has(&life.request[q][1], VBT_MARK_msi, msi);
		has(&life.request[q][1], VBT_MARK_inject, inject);
		has(&life.request[q][1], VBT_MARK_eoi, eoi);
		assert_int_equal(life.request[q][1].inferred & (1u << VBT_MARK_msi),
				 1u << VBT_MARK_msi);
	}
	life_release(&life);
}

/* A vCPU that the host does not run for seconds is a slow guest, not a broken request. */
static void test_slow_vcpu(void **state)
{
	const uint64_t second = 1000000000;
	uint64_t inject, eoi;

	begin(VBT_DEVICE_DIRECT);
	life_signal(&life, 0);
	life_line(&life, LIFE_TASK(0), true);
	life_accept(&life, LIFE_TASK(0));
	life_signal_done(&life, 0);
	/* Others go on meanwhile: what has waited for too long is looked for as time passes. */
	for (unsigned i = 0; i < 6; i++) {
		life.clock += second / 2;
		VMM(&life, 1, VBT_MARK_wake, .code = VBT_WAKE_recheck);
	}
	inject = life_inject(&life);
	eoi = life_eoi(&life);
	end();
	has(&life.request[0][1], VBT_MARK_inject, inject);
	has(&life.request[0][1], VBT_MARK_eoi, eoi);
	assert_true(life.request[0][1].complete);
	life_release(&life);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_raised),
	    cmocka_unit_test(test_both_at_once),
	    cmocka_unit_test(test_while_in_service),
	    cmocka_unit_test(test_guest_is_faster),
	    cmocka_unit_test(test_not_the_one_before),
	    cmocka_unit_test(test_irqfd),
	    cmocka_unit_test(test_slow_vcpu),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
