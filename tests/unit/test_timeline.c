/* SPDX-License-Identifier: MIT */
/* The timeline: order, links, what is shared, what goes out too early; by hand, event by event. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/timeline.h"

#define SEEN 64

struct seen {
	struct out {
		uint64_t time, id[4];
		unsigned point, requests;
	} out[SEEN];
	unsigned count;
	int answer;
};

static int look(void *context, const struct vbt_linked_event *event)
{
	struct seen *seen = context;
	struct out *out = &seen->out[seen->count++];

	assert_true(seen->count < SEEN);
	out->time = event->event->time;
	out->point = event->event->point;
	out->requests = event->requests;
	for (unsigned i = 0; i < event->requests && i < 4; i++)
		out->id[i] = event->request[i]->id;
	return seen->answer;
}

static void put(struct vbt_timeline *t, uint64_t time, unsigned point, unsigned queue, uint32_t seq)
{
	const struct vbt_event event = {.time = time,
					.point = (uint8_t)point,
					.queue = (uint16_t)queue,
					.seq = seq,
					.arg = queue};

	assert_int_equal(vbt_timeline_events(t, &event, 1), 0);
}

static struct vbt_request request(uint64_t id, unsigned queue, uint32_t seq)
{
	return (struct vbt_request){.id = id, .queue = (uint16_t)queue, .seq = seq};
}

static void mark(struct vbt_request *r, unsigned point, uint64_t time)
{
	r->mark[point] = time;
	r->present |= (uint16_t)(1u << point);
}

/* Two requests of one kick; nothing goes out before it may; the ids come in order. */
static void shared(void **state)
{
	struct seen seen = {.count = 0};
	struct vbt_timeline *t = vbt_timeline_new(look, &seen, 0);
	struct vbt_request one = request(1, 0, 1), two = request(2, 0, 2);

	put(t, 100, VBT_MARK_kick, 0, 0);
	put(t, 110, VBT_MARK_pop, 0, 1);
	put(t, 120, VBT_MARK_pop, 0, 2);
	put(t, 130, VBT_MARK_eoi, 0, 0);
	mark(&one, VBT_MARK_kick, 100);
	mark(&one, VBT_MARK_pop, 110);
	mark(&two, VBT_MARK_kick, 100);
	mark(&two, VBT_MARK_pop, 120);
	assert_int_equal(vbt_timeline_request(t, &two), 0);
	assert_int_equal(vbt_timeline_request(t, &one), 0);
	assert_int_equal(vbt_timeline_release(t, 111), 0);
	assert_int_equal(seen.count, 2);
	assert_int_equal(vbt_timeline_release(t, UINT64_MAX), 0);
	assert_int_equal(seen.count, 4);
	assert_int_equal(seen.out[0].requests, 2);
	assert_int_equal(seen.out[0].id[0], 1);
	assert_int_equal(seen.out[0].id[1], 2);
	assert_int_equal(seen.out[1].id[0], 1);
	assert_int_equal(seen.out[2].id[0], 2);
	assert_int_equal(seen.out[3].requests, 0);
	assert_int_equal(vbt_timeline_stats(t)->links, 4);
	assert_int_equal(vbt_timeline_stats(t)->unlinked, 0);
	vbt_timeline_free(t);
}

/* Events of two queues at the same time are told apart, by what they say or by who has them. */
static void same_time(void **state)
{
	struct seen seen = {.count = 0};
	struct vbt_timeline *t = vbt_timeline_new(look, &seen, 0);
	struct vbt_request one = request(1, 1, 7), two = request(2, 0, 7);

	put(t, 100, VBT_MARK_kick, 0, 0);
	put(t, 100, VBT_MARK_kick, 1, 0);
	put(t, 110, VBT_MARK_pop, 0, 7);
	put(t, 110, VBT_MARK_pop, 1, 7);
	put(t, 120, VBT_MARK_inject, 0, 0);
	put(t, 120, VBT_MARK_inject, 0, 0);
	for (unsigned i = 0; i < 2; i++) {
		struct vbt_request *r = i ? &two : &one;

		mark(r, VBT_MARK_kick, 100);
		mark(r, VBT_MARK_pop, 110);
		mark(r, VBT_MARK_inject, 120);
		assert_int_equal(vbt_timeline_request(t, r), 0);
	}
	assert_int_equal(vbt_timeline_release(t, UINT64_MAX), 0);
	for (unsigned i = 0; i < 6; i++)
		assert_int_equal(seen.out[i].requests, 1);
	assert_int_equal(seen.out[0].id[0], 2);
	assert_int_equal(seen.out[1].id[0], 1);
	assert_int_equal(seen.out[2].id[0], 2);
	assert_int_equal(seen.out[3].id[0], 1);
	vbt_timeline_free(t);
}

/* A late event goes out in its place; the oldest goes when there is no room; both are counted. */
static void bounded(void **state)
{
	struct seen seen = {.count = 0};
	struct vbt_timeline *t = vbt_timeline_new(look, &seen, 4);
	struct vbt_request one = request(1, 0, 1);

	put(t, 100, VBT_MARK_pop, 0, 1);
	put(t, 300, VBT_MARK_pop, 0, 2);
	put(t, 200, VBT_MARK_parse, 0, 1);
	put(t, 400, VBT_MARK_push, 0, 1);
	assert_int_equal(seen.count, 0);
	put(t, 500, VBT_MARK_pop, 0, 3);
	assert_int_equal(seen.count, 1);
	mark(&one, VBT_MARK_pop, 100);
	mark(&one, VBT_MARK_parse, 200);
	mark(&one, VBT_MARK_push, 400);
	assert_int_equal(vbt_timeline_request(t, &one), 0);
	assert_int_equal(vbt_timeline_stats(t)->unlinked, 1);
	assert_int_equal(vbt_timeline_release(t, UINT64_MAX), 0);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(seen.out[i].time, 100 * (i + 1));
	assert_int_equal(seen.out[1].id[0], 1);
	assert_int_equal(seen.out[3].id[0], 1);
	vbt_timeline_free(t);
}

/* What the function says ends the call. */
static void stopped(void **state)
{
	struct seen seen = {.answer = -EIO};
	struct vbt_timeline *t = vbt_timeline_new(look, &seen, 0);

	put(t, 100, VBT_MARK_pop, 0, 1);
	put(t, 200, VBT_MARK_pop, 0, 2);
	assert_int_equal(vbt_timeline_release(t, UINT64_MAX), -EIO);
	assert_int_equal(seen.count, 1);
	vbt_timeline_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(shared),
	    cmocka_unit_test(same_time),
	    cmocka_unit_test(bounded),
	    cmocka_unit_test(stopped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
