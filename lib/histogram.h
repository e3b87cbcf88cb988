/* SPDX-License-Identifier: MIT */
/*
 * Log-linear histogram of durations in nanoseconds.
 *
 * Values below 64 have a bucket each and are exact. Above, every power of two is cut into 32 equal
 * buckets and a value is reported as the middle of its bucket, so a reported value is wrong by at
 * most 1/64 = 1.5625 % of itself. Count, minimum, maximum and mean are exact. Values of 2^42 ns
 * (73 minutes) and more share the last bucket; only their maximum is exact.
 *
 * The structure owns nothing: embed it, copy it, zero it. No function allocates or fails. Not
 * thread-safe: give each thread its own and merge.
 */
#ifndef VBT_HISTOGRAM_H
#define VBT_HISTOGRAM_H

#include <stdint.h>

#define VBT_HISTOGRAM_SUB_BITS 5 /* 32 buckets in a power of two */
#define VBT_HISTOGRAM_TOP_BIT  42
#define VBT_HISTOGRAM_BUCKETS \
	((VBT_HISTOGRAM_TOP_BIT - VBT_HISTOGRAM_SUB_BITS + 1) << VBT_HISTOGRAM_SUB_BITS)

/* The bound on the error of a reported value, in parts of itself: 1 / VBT_HISTOGRAM_ERROR. */
#define VBT_HISTOGRAM_ERROR (2u << VBT_HISTOGRAM_SUB_BITS)

struct vbt_histogram {
	uint64_t count;
	uint64_t min; /* meaningless while count is 0: read it by vbt_histogram_min() */
	uint64_t max;
	unsigned __int128 sum; /* cannot overflow: 2^64 values of 2^64 ns fit */
	uint64_t bucket[VBT_HISTOGRAM_BUCKETS];
};

/* Empty it. An all-zero structure is an empty histogram as well. */
void vbt_histogram_init(struct vbt_histogram *histogram);

/* Bucket of a value, and the bounds of a bucket (both ends belong to it). */
static inline unsigned vbt_histogram_index(uint64_t value)
{
	unsigned shift;

	if (value >> VBT_HISTOGRAM_TOP_BIT)
		return VBT_HISTOGRAM_BUCKETS - 1;
	/* The `|` makes the first two runs of 32 buckets share shift 0. */
	shift =
	    (63 ^ __builtin_clzll(value | (1u << VBT_HISTOGRAM_SUB_BITS))) - VBT_HISTOGRAM_SUB_BITS;
	return (shift << VBT_HISTOGRAM_SUB_BITS) + (unsigned)(value >> shift);
}

uint64_t vbt_histogram_low(unsigned bucket);
uint64_t vbt_histogram_high(unsigned bucket);

/* Count so many values, in nanoseconds. */
static inline void vbt_histogram_add_many(struct vbt_histogram *histogram, const uint64_t *ns,
					  unsigned count)
{
	uint64_t min = histogram->count ? histogram->min : UINT64_MAX, max = histogram->max;
	unsigned __int128 sum = histogram->sum;

	for (unsigned i = 0; i < count; i++) {
		min = ns[i] < min ? ns[i] : min;
		max = ns[i] > max ? ns[i] : max;
		sum += ns[i];
		histogram->bucket[vbt_histogram_index(ns[i])]++;
	}
	histogram->min = min;
	histogram->max = max;
	histogram->sum = sum;
	histogram->count += count;
}

/* Count one value, in nanoseconds. */
static inline void vbt_histogram_add(struct vbt_histogram *histogram, uint64_t ns)
{
	vbt_histogram_add_many(histogram, &ns, 1);
}

/* Add all of `from` to `into`, exactly as if its values had been added one by one. */
void vbt_histogram_merge(struct vbt_histogram *into, const struct vbt_histogram *from);

/*
 * The value at a rank, 1 to count, of the sorted values: the middle of its bucket, held between
 * the exact minimum and maximum. Rank 1 is the minimum and rank count the maximum, both exact.
 * A rank outside is moved inside; 0 if the histogram is empty.
 */
uint64_t vbt_histogram_at_rank(const struct vbt_histogram *histogram, uint64_t rank);

/*
 * Percentile by nearest rank: the value at rank ceil(count * per_mille / 1000). 500 is the
 * median, 999 the 99.9th percentile. 0 if the histogram is empty.
 */
uint64_t vbt_histogram_percentile(const struct vbt_histogram *histogram, unsigned per_mille);

/* Exact minimum, and mean rounded to the nearest nanosecond (halves up); 0 if empty. */
uint64_t vbt_histogram_min(const struct vbt_histogram *histogram);
uint64_t vbt_histogram_mean(const struct vbt_histogram *histogram);

#endif
