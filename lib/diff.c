/* SPDX-License-Identifier: MIT */
#include "lib/diff.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#define FEW        30
#define ALPHA      0.001
#define MIN_EFFECT 0.1
#define MIN_SHIFT  0.03
#define Z_99       2.5758293035489004 /* 99 % of a normal distribution lie within */

/* Ranks that enclose the median with 99 %: binomial, approximated by the normal distribution. */
static void median_interval(const struct vbt_histogram *h, uint64_t *low, uint64_t *high)
{
	double half = (double)h->count / 2, spread = Z_99 * sqrt((double)h->count) / 2;
	double first = floor(half - spread), last = ceil(half + spread) + 1;
	uint64_t a, b;

	a = first < 1 ? 1 : (uint64_t)first;
	b = last > (double)h->count ? h->count : (uint64_t)last;
	*low = vbt_histogram_low(vbt_histogram_index(vbt_histogram_at_rank(h, a)));
	*high = vbt_histogram_high(vbt_histogram_index(vbt_histogram_at_rank(h, b)));
	if (*low < h->min)
		*low = h->min;
	if (*high > h->max)
		*high = h->max;
}

/* Mann-Whitney over buckets: all values of one bucket are tied. */
static void mann_whitney(struct vbt_diff *diff, const struct vbt_histogram *a,
			 const struct vbt_histogram *b)
{
	double na = (double)a->count, nb = (double)b->count, n = na + nb;
	double below = 0, u = 0, ties = 0, variance, z;

	for (unsigned i = 0; i < VBT_HISTOGRAM_BUCKETS; i++) {
		double x = (double)a->bucket[i], y = (double)b->bucket[i], t = x + y;

		u += y * (below + x / 2);
		below += x;
		ties += t * t * t - t;
	}
	diff->probability = u / (na * nb);
	variance = na * nb / 12 * (n + 1 - ties / (n * (n - 1)));
	if (!(variance > 0)) { /* all values in one bucket: nothing differs */
		diff->p = 1;
		return;
	}
	/* 1/2: continuity correction, as U takes whole and half values only. */
	z = (fabs(u - na * nb / 2) - 0.5) / sqrt(variance);
	diff->p = z > 0 ? erfc(z / sqrt(2)) : 1;
}

static bool moved(uint64_t from, uint64_t to, bool up)
{
	double change = (double)to - (double)from;

	return (up ? change : -change) > MIN_SHIFT * (double)from;
}

void vbt_diff_histograms(struct vbt_diff *diff, const struct vbt_histogram *a,
			 const struct vbt_histogram *b, unsigned comparisons)
{
	bool up, apart, clear, shifted;

	memset(diff, 0, sizeof(*diff));
	diff->count_a = a->count;
	diff->count_b = b->count;
	diff->median_a = vbt_histogram_percentile(a, 500);
	diff->median_b = vbt_histogram_percentile(b, 500);
	diff->probability = 0.5;
	diff->p = 1;
	if (!a->count || !b->count) {
		diff->verdict = a->count   ? VBT_DIFF_only_a
				: b->count ? VBT_DIFF_only_b
					   : VBT_DIFF_few;
		return;
	}
	diff->shift_ns = (int64_t)(diff->median_b - diff->median_a);
	if (diff->median_a)
		diff->shift = (double)diff->shift_ns / (double)diff->median_a;
	median_interval(a, &diff->median_a_low, &diff->median_a_high);
	median_interval(b, &diff->median_b_low, &diff->median_b_high);
	if (a->count < FEW || b->count < FEW) {
		diff->verdict = VBT_DIFF_few;
		return;
	}
	mann_whitney(diff, a, b);
	up = diff->probability > 0.5;
	apart = up ? diff->median_b_low > diff->median_a_high
		   : diff->median_b_high < diff->median_a_low;
	clear = fabs(diff->probability - 0.5) > MIN_EFFECT;
	shifted = moved(diff->median_a, diff->median_b, up) ||
		  moved(vbt_histogram_mean(a), vbt_histogram_mean(b), up);
	if (diff->p < ALPHA / (comparisons ? comparisons : 1) && (apart || clear) && shifted)
		diff->verdict = up ? VBT_DIFF_slower : VBT_DIFF_faster;
}

const char *vbt_verdict_name(enum vbt_verdict verdict)
{
	static const char *const names[] = {
	    [VBT_DIFF_same] = "same",        [VBT_DIFF_slower] = "slower",
	    [VBT_DIFF_faster] = "faster",    [VBT_DIFF_few] = "too few",
	    [VBT_DIFF_only_a] = "only in A", [VBT_DIFF_only_b] = "only in B",
	};

	return names[verdict];
}
