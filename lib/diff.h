/* SPDX-License-Identifier: MIT */
/*
 * Compares two distributions of durations so that a person can trust the verdict.
 *
 * Two numbers are computed from the histograms. The Mann-Whitney test asks whether a request of B
 * tends to be slower than one of A, and gives the probability of that (0.5: no tendency) and its
 * p-value, with the correction for ties (all values of a bucket are one tie). The median's shift
 * comes with a 99 % confidence interval from order statistics. Neither assumes a shape.
 *
 * With a million requests everything is "significant", and requests that follow each other are not
 * independent. So a verdict other than `same` needs all of: p below 0.001 divided by the number
 * of comparisons made; confidence intervals of the two medians that do not touch, or a
 * probability beyond 0.5 +- 0.1; and a shift of the median (or the mean) by more than 3 %,
 * twice what a bucket can hide. docs/STATISTICS.md explains this to people.
 */
#ifndef VBT_DIFF_H
#define VBT_DIFF_H

#include <stdint.h>

#include "lib/histogram.h"

enum vbt_verdict {
	VBT_DIFF_same,   /* no difference that would be safe to claim */
	VBT_DIFF_slower, /* B is slower */
	VBT_DIFF_faster, /* B is faster */
	VBT_DIFF_few,    /* fewer than 30 values on a side: nothing can be said */
	VBT_DIFF_only_a, /* the other side has none */
	VBT_DIFF_only_b,
};

struct vbt_diff {
	enum vbt_verdict verdict;
	uint64_t count_a, count_b;
	uint64_t median_a, median_b;          /* ns */
	uint64_t median_a_low, median_a_high; /* 99 % confidence interval of the median, ns */
	uint64_t median_b_low, median_b_high;
	int64_t shift_ns;   /* median of B minus median of A */
	double shift;       /* shift_ns / median_a; 0 if that is 0 */
	double probability; /* that a value of B is larger than one of A, ties by half */
	double p;           /* two-sided; 1 if nothing differs */
};

/* `comparisons`: how many such tests the caller makes, for Bonferroni's correction; at least 1. */
void vbt_diff_histograms(struct vbt_diff *diff, const struct vbt_histogram *a,
			 const struct vbt_histogram *b, unsigned comparisons);

/* "same", "slower", "faster", "too few", "only in A", "only in B". */
const char *vbt_verdict_name(enum vbt_verdict verdict);

#endif
