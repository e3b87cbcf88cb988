/* SPDX-License-Identifier: MIT */
/* Host I/O in the correlator: which bio's time is the request's, and when that cannot be said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/life.h"

#define OP_READ  0
#define OP_WRITE 1
#define OP_FLUSH 4

static struct life life;
static const struct vbt_request *const one = &life.request[0][1];

static void begin(bool direct, unsigned op, uint32_t bytes)
{
	life_begin(&life, VBT_DEVICE_NO_KVM | VBT_DEVICE_MSIX | (direct ? VBT_DEVICE_DIRECT : 0));
	life_submit(&life, 0, 1, op, bytes);
}

static void bio(unsigned point, unsigned sectors)
{
	life_bio(&life, 1, point, sectors, 0);
}

static void end(bool complete)
{
	life_push(&life, 0, 1);
	life_signal(&life, 0);
	life_signal_done(&life, 0);
	life_end(&life);
	assert_int_equal(life.requests, 1);
	assert_int_equal(vbt_correlator_stats(life.correlator)->complete, complete);
}

static void absent(unsigned mark, unsigned reason)
{
	assert_false(vbt_request_has(one, mark));
	assert_int_equal(one->absent[mark], reason);
}

static void test_one_bio(void **state)
{
	begin(true, OP_READ, 4096);
	bio(VBT_MARK_queue, 8);
	bio(VBT_MARK_issue, 8);
	bio(VBT_MARK_complete, 8);
	end(true);
	for (unsigned mark = VBT_MARK_queue; mark <= VBT_MARK_complete; mark++)
		assert_true(vbt_request_has(one, mark));
	life_release(&life);
}

/* The first queued and issued, the last completed. */
static void test_several_bios(void **state)
{
	uint64_t issued;

	begin(true, OP_WRITE, 8192);
	bio(VBT_MARK_queue, 8);
	bio(VBT_MARK_queue, 8);
	bio(VBT_MARK_issue, 8);
	issued = life.clock;
	bio(VBT_MARK_issue, 8);
	bio(VBT_MARK_complete, 8);
	bio(VBT_MARK_complete, 8);
	end(true);
	assert_int_equal(one->mark[VBT_MARK_issue], issued);
	assert_int_equal(one->mark[VBT_MARK_complete], issued + 300);
	life_release(&life);
}

/* A bio that is cut: more issues and completions than bios, of as many sectors. */
static void test_split(void **state)
{
	begin(true, OP_READ, 8192);
	bio(VBT_MARK_queue, 16);
	bio(VBT_MARK_issue, 12);
	bio(VBT_MARK_issue, 4);
	bio(VBT_MARK_complete, 4);
	bio(VBT_MARK_complete, 12);
	end(true);
	assert_int_equal(one->mark[VBT_MARK_complete], life.clock - 400);
	life_release(&life);
}

/* A bio that was told by what its task submitted last: another's, if there is one that the task may go on with. */
static void test_guessed(void **state)
{
	for (unsigned others = 0; others < 3; others++) {
		begin(false, OP_READ, 8192);
		if (others == 1) /* before its first bio, or behind its last */
			life_submit(&life, 0, 2, OP_READ, 4096);
		bio(VBT_MARK_queue, 8);
		life_bio(&life, 1, VBT_MARK_queue, 8, VBT_BIO_WINDOW);
		if (others == 2)
			life_submit(&life, 0, 2, OP_READ, 4096);
		bio(VBT_MARK_issue, 8);
		bio(VBT_MARK_issue, 8);
		bio(VBT_MARK_complete, 8);
		bio(VBT_MARK_complete, 8);
		life_push(&life, 0, 1);
		life_signal(&life, 0);
		life_signal_done(&life, 0);
		life_end(&life);
		for (unsigned mark = VBT_MARK_queue; mark <= VBT_MARK_complete; mark++) {
			assert_true(vbt_request_has(one, mark));
			assert_int_equal(one->inferred >> mark & 1, others > 0);
		}
		life_release(&life);
	}
}

/* One of two completions was not seen, and nobody stated a loss: the other one may be the first. */
static void test_unseen_completion(void **state)
{
	begin(true, OP_READ, 8192);
	bio(VBT_MARK_queue, 8);
	bio(VBT_MARK_queue, 8);
	bio(VBT_MARK_issue, 8);
	bio(VBT_MARK_issue, 8);
	bio(VBT_MARK_complete, 8);
	end(false);
	assert_true(vbt_request_has(one, VBT_MARK_issue));
	absent(VBT_MARK_complete, VBT_ABSENT_lost);
	life_release(&life);
}

/* The same with a bio that was cut, where the number of completions gives nothing away. */
static void test_unseen_part(void **state)
{
	begin(true, OP_READ, 8192);
	bio(VBT_MARK_queue, 16);
	bio(VBT_MARK_issue, 12);
	bio(VBT_MARK_complete, 12);
	end(false);
	absent(VBT_MARK_issue, VBT_ABSENT_lost);
	absent(VBT_MARK_complete, VBT_ABSENT_lost);
	life_release(&life);
}

/* Submitted without waiting, no room in the host's queue, submitted again by a worker. */
static void test_submitted_again(void **state)
{
	begin(true, OP_READ, 4096);
	bio(VBT_MARK_queue, 8);
	life_bio(&life, 1, VBT_MARK_complete, 8, 1);
	bio(VBT_MARK_queue, 8);
	bio(VBT_MARK_issue, 8);
	bio(VBT_MARK_complete, 8);
	end(true);
	assert_int_equal(one->mark[VBT_MARK_complete], life.clock - 400);
	life_release(&life);
}

/* A flush that the block layer made one of with others': its bio has no issue. */
static void test_shared_flush(void **state)
{
	begin(true, OP_FLUSH, 0);
	bio(VBT_MARK_queue, 0);
	bio(VBT_MARK_complete, 0);
	end(true);
	assert_true(vbt_request_has(one, VBT_MARK_complete));
	absent(VBT_MARK_issue, VBT_ABSENT_shared_flush);
	life_release(&life);
}

/* But not if its completion was not seen either. */
static void test_lost_flush(void **state)
{
	begin(true, OP_FLUSH, 0);
	bio(VBT_MARK_queue, 8);
	bio(VBT_MARK_issue, 8);
	bio(VBT_MARK_complete, 8);
	bio(VBT_MARK_queue, 0);
	end(false);
	absent(VBT_MARK_complete, VBT_ABSENT_lost);
	life_release(&life);
}

/* Behind the page cache a read starts I/O that it does not wait for: no part of its life. */
static void test_readahead(void **state)
{
	begin(false, OP_READ, 4096);
	bio(VBT_MARK_queue, 256);
	bio(VBT_MARK_issue, 256);
	end(true);
	for (unsigned mark = VBT_MARK_queue; mark <= VBT_MARK_complete; mark++)
		absent(mark, VBT_ABSENT_not_its_own);
	life_release(&life);
}

/* It ends in the call of another request, which did not begin it. */
static void test_readahead_ends(void **state)
{
	begin(false, OP_READ, 4096);
	bio(VBT_MARK_complete, 256);
	end(true);
	absent(VBT_MARK_complete, VBT_ABSENT_not_its_own);
	life_release(&life);

	/* Queued, and not yet issued when the call is over: nothing is known of its driver. */
	begin(false, OP_READ, 4096);
	bio(VBT_MARK_queue, 256);
	end(true);
	absent(VBT_MARK_queue, VBT_ABSENT_not_its_own);
	life_release(&life);
}

/* A driver that takes whole bios: there is no request that could be issued, cache or not. */
static void test_bio_driver(void **state)
{
	for (unsigned direct = 0; direct < 2; direct++) {
		begin(direct, OP_READ, 4096);
		bio(VBT_MARK_queue, 8);
		bio(VBT_MARK_complete, 8);
		end(true);
		assert_true(vbt_request_has(one, VBT_MARK_queue));
		assert_true(vbt_request_has(one, VBT_MARK_complete));
		absent(VBT_MARK_issue, VBT_ABSENT_bio_driver);
		life_release(&life);
	}
}

/* The same where nothing is read ahead is a loss. */
static void test_no_readahead(void **state)
{
	begin(true, OP_READ, 4096);
	bio(VBT_MARK_queue, 8);
	bio(VBT_MARK_issue, 8);
	end(false);
	absent(VBT_MARK_complete, VBT_ABSENT_lost);
	life_release(&life);
}

static void test_cached(void **state)
{
	begin(false, OP_READ, 4096);
	end(true);
	absent(VBT_MARK_queue, VBT_ABSENT_cached);
	life_release(&life);
}

/* The kernel's side lost events of a point a moment ago, and says so. */
static void lost(unsigned point)
{
	life_event(&life,
		   (struct vbt_event){
		       .point = VBT_POINT_LOST, .key = life.clock + 50, .arg = 1, .val = point});
}

/* Another's were lost: each of its own sectors was seen at each point. */
static void test_lost_of_another(void **state)
{
	for (unsigned point = VBT_MARK_queue; point <= VBT_MARK_complete; point++) {
		begin(true, OP_READ, 8192);
		bio(VBT_MARK_queue, 12);
		bio(VBT_MARK_queue, 4);
		lost(point);
		bio(VBT_MARK_issue, 16);
		bio(VBT_MARK_issue, 0);
		bio(VBT_MARK_complete, 4);
		bio(VBT_MARK_complete, 12);
		end(true);
		life_release(&life);
	}
}

/* What cannot be told is not claimed, and no more than that is given up. */
static void test_lost_perhaps_its_own(void **state)
{
	/* A bio that was not seen may have been the first and the last. */
	begin(true, OP_READ, 8192);
	lost(VBT_MARK_queue);
	bio(VBT_MARK_queue, 8);
	bio(VBT_MARK_issue, 8);
	bio(VBT_MARK_complete, 8);
	end(false);
	for (unsigned mark = VBT_MARK_queue; mark <= VBT_MARK_complete; mark++)
		absent(mark, VBT_ABSENT_lost);
	life_release(&life);

	/* Issued twice, for want of room in the driver; a third time, before, may be what was lost. */
	begin(true, OP_READ, 4096);
	bio(VBT_MARK_queue, 8);
	lost(VBT_MARK_issue);
	bio(VBT_MARK_issue, 8);
	bio(VBT_MARK_issue, 8);
	bio(VBT_MARK_complete, 8);
	end(false);
	assert_true(vbt_request_has(one, VBT_MARK_queue));
	absent(VBT_MARK_issue, VBT_ABSENT_lost);
	assert_true(vbt_request_has(one, VBT_MARK_complete));
	life_release(&life);

	begin(true, OP_READ, 4096);
	bio(VBT_MARK_queue, 8);
	bio(VBT_MARK_issue, 8);
	lost(VBT_MARK_complete);
	end(false);
	assert_true(vbt_request_has(one, VBT_MARK_issue));
	absent(VBT_MARK_complete, VBT_ABSENT_lost);
	life_release(&life);
}

/* Read-ahead is no excuse for what was lost, nor is a driver that takes whole bios. */
static void test_lost_behind_the_cache(void **state)
{
	for (unsigned bios = 0; bios < 2; bios++) {
		begin(false, OP_READ, 4096);
		bio(VBT_MARK_queue, 8);
		if (bios)
			bio(VBT_MARK_issue, 8);
		lost(VBT_MARK_complete);
		end(false);
		absent(VBT_MARK_complete, VBT_ABSENT_lost);
		life_release(&life);
	}
}

static void three_bios(uint64_t key)
{
	for (unsigned point = VBT_MARK_queue; point <= VBT_MARK_complete; point++)
		KERNEL(&life, 0, point, .key = key, .aux = 8);
}

/*
 * The kernel's side did not notice a submission: its bios have the key of the one before, which the page cache
 * answers. All sectors are there, and not one of them is that one's.
 */
static void test_lost_submission(void **state)
{
	begin(false, OP_READ, 4096);
	life_submit(&life, 0, 2, OP_READ, 4096);
	lost(VBT_MARK_submit);
	life_submit(&life, 0, 3, OP_READ, 4096);
	three_bios(LIFE_KEY(1));
	for (uint32_t seq = 1; seq <= 3; seq++)
		life_push(&life, 0, seq);
	/* The loss is over: these are told by what was noticed. */
	life_submit(&life, 0, 4, OP_READ, 4096);
	three_bios(LIFE_KEY(4));
	life_push(&life, 0, 4);
	life_signal(&life, 0);
	life_signal_done(&life, 0);
	life_end(&life);
	for (unsigned mark = VBT_MARK_queue; mark <= VBT_MARK_complete; mark++) {
		for (uint32_t seq = 1; seq <= 2; seq++) {
			assert_false(vbt_request_has(&life.request[0][seq], mark));
			assert_int_equal(life.request[0][seq].absent[mark], VBT_ABSENT_lost);
		}
		assert_true(vbt_request_has(&life.request[0][4], mark));
	}
	assert_int_equal(vbt_correlator_stats(life.correlator)->complete, 2);
	assert_int_equal(life.request[0][3].absent[VBT_MARK_queue], VBT_ABSENT_cached);
	life_release(&life);

	/* Which task is inside a system call is never in doubt. */
	life_begin(&life, VBT_DEVICE_NO_KVM | VBT_DEVICE_MSIX);
	VMM(&life, 0, VBT_MARK_wake, .code = VBT_WAKE_recheck);
	VMM(&life, 0, VBT_MARK_pop, .seq = 1);
	VMM(&life, 0, VBT_MARK_parse, .seq = 1, .val = 4096);
	VMM(&life, 0, VBT_MARK_submit, .seq = 1, .op = VBT_IO_sync);
	lost(VBT_MARK_submit);
	three_bios(VBT_KEY_TASK | LIFE_TASK(0));
	end(true);
	assert_true(vbt_request_has(one, VBT_MARK_complete));
	life_release(&life);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_one_bio),
	    cmocka_unit_test(test_several_bios),
	    cmocka_unit_test(test_split),
	    cmocka_unit_test(test_guessed),
	    cmocka_unit_test(test_unseen_completion),
	    cmocka_unit_test(test_unseen_part),
	    cmocka_unit_test(test_submitted_again),
	    cmocka_unit_test(test_shared_flush),
	    cmocka_unit_test(test_lost_flush),
	    cmocka_unit_test(test_readahead),
	    cmocka_unit_test(test_readahead_ends),
	    cmocka_unit_test(test_bio_driver),
	    cmocka_unit_test(test_no_readahead),
	    cmocka_unit_test(test_cached),
	    cmocka_unit_test(test_lost_of_another),
	    cmocka_unit_test(test_lost_perhaps_its_own),
	    cmocka_unit_test(test_lost_behind_the_cache),
	    cmocka_unit_test(test_lost_submission),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
