/* SPDX-License-Identifier: MIT */
/* Streams merged by time: the order, what comes late, what is too much, and the memory. */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/reorder.h"

#define STREAMS 7
#define EACH    5000

struct taken {
	struct vbt_event event[STREAMS * EACH];
	size_t count;
};

static int take(void *context, const struct vbt_event *events, size_t count)
{
	struct taken *taken = context;

	memcpy(taken->event + taken->count, events, count * sizeof(*events));
	taken->count += count;
	return 0;
}

static int drop(void *context, const struct vbt_event *events, size_t count)
{
	*(uint64_t *)context += count;
	return 0;
}

static uint64_t random_below(uint64_t *seed, uint64_t limit)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return (*seed >> 33) % limit;
}

static struct vbt_event event(uint64_t time, unsigned stream, uint32_t seq)
{
	return (struct vbt_event){.time = time, .source = (uint16_t)stream, .seq = seq};
}

/* Each stream's times go up but for some steps back; the streams have any shift against each other. */
static void all_come_out_in_order_once(void **state)
{
	struct taken *taken = calloc(1, sizeof(*taken));
	struct vbt_reorder *reorder = vbt_reorder_new(STREAMS * EACH, take, taken);
	uint64_t clock[STREAMS] = {0}, seed = 1, water = 0;
	uint32_t pushed[STREAMS] = {0}, seen[STREAMS] = {0};

	for (unsigned round = 0; round < 400; round++) {
		for (unsigned stream = 0; stream < STREAMS; stream++) {
			struct vbt_event batch[64];
			uint64_t count = random_below(&seed, 13);

			for (uint64_t i = 0; i < count; i++) {
				uint64_t back = random_below(&seed, 10) ? 0 : 20;

				clock[stream] += random_below(&seed, 30);
				batch[i] = event(1000 + water + clock[stream] - back, stream,
						 pushed[stream]++);
			}
			assert_int_equal(vbt_reorder_push(reorder, stream, batch, count), 0);
		}
		water += random_below(&seed, 50);
		assert_int_equal(vbt_reorder_drain(reorder, water), 0);
	}
	assert_int_equal(vbt_reorder_drain(reorder, UINT64_MAX), 0);
	assert_int_equal(vbt_reorder_stats(reorder)->late, 0);
	assert_int_equal(vbt_reorder_stats(reorder)->forced, 0);
	assert_int_equal(vbt_reorder_stats(reorder)->waiting, 0);
	for (size_t i = 0; i < taken->count; i++) {
		assert_true(!i || taken->event[i - 1].time <= taken->event[i].time);
		seen[taken->event[i].source]++;
	}
	assert_memory_equal(seen, pushed, sizeof(seen));
	vbt_reorder_free(reorder);
	free(taken);
}

/* Of one time, the lower stream goes first; within a stream they stay as they came. */
static void equal_times_keep_their_order(void **state)
{
	struct taken *taken = calloc(1, sizeof(*taken));
	struct vbt_reorder *reorder = vbt_reorder_new(0, take, taken);

	for (uint32_t i = 0; i < 40; i++) {
		const struct vbt_event one = event(5, i % 2, i / 2);

		assert_int_equal(vbt_reorder_push(reorder, i % 2, &one, 1), 0);
	}
	assert_int_equal(vbt_reorder_drain(reorder, 5), 0);
	assert_int_equal(taken->count, 40);
	for (uint32_t i = 0; i < 40; i++) {
		assert_int_equal(taken->event[i].source, i / 20);
		assert_int_equal(taken->event[i].seq, i % 20);
	}
	vbt_reorder_free(reorder);
	free(taken);
}

static void what_is_too_much_goes_out_early_and_what_is_late_is_said(void **state)
{
	struct taken *taken = calloc(1, sizeof(*taken));
	struct vbt_reorder *reorder = vbt_reorder_new(100, take, taken);

	for (uint32_t i = 0; i < 150; i++) {
		const struct vbt_event one = event(1000 + i, 3, i);

		assert_int_equal(vbt_reorder_push(reorder, 3, &one, 1), 0);
		assert_true(vbt_reorder_stats(reorder)->waiting <= 100);
	}
	assert_int_equal(vbt_reorder_stats(reorder)->forced, 50);
	assert_int_equal(vbt_reorder_push(reorder, 0, &(struct vbt_event){.time = 7}, 1), 0);
	assert_int_equal(vbt_reorder_stats(reorder)->late, 1);
	assert_int_equal(vbt_reorder_push(reorder, 1024, &(struct vbt_event){.time = 7}, 1),
			 -22 /* EINVAL */);
	assert_int_equal(vbt_reorder_drain(reorder, UINT64_MAX), 0);
	assert_int_equal(taken->count, 151);
	for (uint32_t i = 0; i < 150; i++)
		assert_int_equal(taken->event[i + (i >= 50)].seq, i);
	assert_int_equal(taken->event[50].late, 1);
	vbt_reorder_free(reorder);
	free(taken);
}

/* However many streams there are, and however unevenly they fill: no event finds no place. */
static void every_stream_finds_a_place(void **state)
{
	uint64_t seed = 3, out = 0, in = 0;
	struct vbt_reorder *reorder = vbt_reorder_new(64, drop, &out);

	for (unsigned round = 0; round < 200; round++) {
		for (unsigned stream = 0; stream < 1024; stream++) {
			const struct vbt_event one =
			    event(round * 1000 + random_below(&seed, 900), stream, 0);

			for (unsigned i = 0; i <= random_below(&seed, 3); i++, in++)
				assert_int_equal(vbt_reorder_push(reorder, stream, &one, 1), 0);
		}
		if (round % 7 == 0)
			assert_int_equal(vbt_reorder_drain(reorder, round * 1000 + 500), 0);
	}
	assert_int_equal(vbt_reorder_drain(reorder, UINT64_MAX), 0);
	assert_int_equal(out, in);
	vbt_reorder_free(reorder);
}

/* Whoever was held up has more events waiting, not more memory. */
static void memory_stays_the_same(void **state)
{
	uint64_t out = 0;
	struct vbt_reorder *reorder = vbt_reorder_new(4096, drop, &out);
	const struct vbt_event first = event(1, 1, 0);
	struct mallinfo2 before, after;

	vbt_reorder_touch(reorder);
	assert_int_equal(vbt_reorder_push(reorder, 1, &first, 1), 0);
	before = mallinfo2();
	for (uint32_t round = 1; round < 200; round++) {
		for (uint32_t i = 0; i < round * 40; i++) {
			const struct vbt_event one = event(round * 10000ull + i, i % 2, i);

			assert_int_equal(vbt_reorder_push(reorder, i % 2, &one, 1), 0);
		}
		assert_int_equal(vbt_reorder_drain(reorder, round * 10000ull + 9999), 0);
	}
	after = mallinfo2();
	assert_int_equal(after.uordblks + after.hblkhd, before.uordblks + before.hblkhd);
	vbt_reorder_free(reorder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(all_come_out_in_order_once),
	    cmocka_unit_test(equal_times_keep_their_order),
	    cmocka_unit_test(what_is_too_much_goes_out_early_and_what_is_late_is_said),
	    cmocka_unit_test(every_stream_finds_a_place),
	    cmocka_unit_test(memory_stays_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
