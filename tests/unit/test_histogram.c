/* SPDX-License-Identifier: MIT */
/* The histogram keeps its stated error bound, and its exact figures are exact. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/histogram.h"

static uint64_t random_state = 88172645463325252ULL;

static uint64_t next_random(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

static void test_buckets_cover_every_value(void **state)
{
	for (unsigned i = 0; i < VBT_HISTOGRAM_BUCKETS; i++) {
		assert_int_equal(vbt_histogram_index(vbt_histogram_low(i)), i);
		assert_int_equal(vbt_histogram_index(vbt_histogram_high(i)), i);
		if (i)
			assert_true(vbt_histogram_low(i) == vbt_histogram_high(i - 1) + 1);
	}
	assert_int_equal(vbt_histogram_index(UINT64_MAX), VBT_HISTOGRAM_BUCKETS - 1);
}

static void test_error_is_bounded(void **state)
{
	static struct vbt_histogram h;

	for (int i = 0; i < 200000; i++) {
		uint64_t value = next_random() >> (22 + next_random() % 42), got, off;

		/* Neighbours keep the clamp to minimum and maximum from hiding an error. */
		vbt_histogram_init(&h);
		vbt_histogram_add(&h, 0);
		vbt_histogram_add(&h, value);
		vbt_histogram_add(&h, UINT64_MAX);
		got = vbt_histogram_at_rank(&h, 2);
		off = got > value ? got - value : value - got;
		assert_true(off * VBT_HISTOGRAM_ERROR <= value);
		if (value < 64)
			assert_true(off == 0);
	}
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void test_percentiles_follow_nearest_rank(void **state)
{
	static const unsigned per_mille[] = {1, 250, 500, 900, 990, 999, 1000};
	static struct vbt_histogram h;
	static uint64_t values[5000];
	unsigned __int128 sum = 0;

	for (size_t count = 1; count <= 5000; count = count * 3 + 1) {
		vbt_histogram_init(&h);
		sum = 0;
		for (size_t i = 0; i < count; i++) {
			values[i] = next_random() >> (30 + next_random() % 20);
			sum += values[i];
			vbt_histogram_add(&h, values[i]);
		}
		qsort(values, count, sizeof(values[0]), compare);
		assert_true(vbt_histogram_min(&h) == values[0]);
		assert_true(h.max == values[count - 1]);
		assert_true(vbt_histogram_mean(&h) == (uint64_t)((sum + count / 2) / count));
		for (size_t i = 0; i < sizeof(per_mille) / sizeof(per_mille[0]); i++) {
			size_t rank = (count * per_mille[i] + 999) / 1000;
			uint64_t want = values[rank - 1];
			uint64_t got = vbt_histogram_percentile(&h, per_mille[i]);
			uint64_t off = got > want ? got - want : want - got;

			assert_true(off * VBT_HISTOGRAM_ERROR <= want);
		}
	}
}

static void test_merge_equals_adding(void **state)
{
	static struct vbt_histogram a, b, both;

	for (int i = 0; i < 10000; i++) {
		uint64_t value = next_random() >> (20 + next_random() % 40);

		vbt_histogram_add(i % 3 ? &a : &b, value);
		vbt_histogram_add(&both, value);
	}
	vbt_histogram_merge(&a, &b);
	assert_memory_equal(&a, &both, sizeof(a));
	vbt_histogram_init(&b);
	vbt_histogram_merge(&a, &b);
	assert_memory_equal(&a, &both, sizeof(a));
	vbt_histogram_merge(&b, &a);
	assert_memory_equal(&b, &both, sizeof(a));
}

static void test_empty(void **state)
{
	static struct vbt_histogram h;

	vbt_histogram_init(&h);
	assert_true(vbt_histogram_min(&h) == 0);
	assert_true(vbt_histogram_mean(&h) == 0);
	assert_true(vbt_histogram_percentile(&h, 999) == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_buckets_cover_every_value),
	    cmocka_unit_test(test_error_is_bounded),
	    cmocka_unit_test(test_percentiles_follow_nearest_rank),
	    cmocka_unit_test(test_merge_equals_adding),
	    cmocka_unit_test(test_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
