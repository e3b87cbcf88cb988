/* SPDX-License-Identifier: MIT */
#include "lib/histogram.h"

#include <string.h>

void vbt_histogram_init(struct vbt_histogram *histogram)
{
	memset(histogram, 0, sizeof(*histogram));
}

static unsigned bucket_shift(unsigned bucket)
{
	unsigned run = bucket >> VBT_HISTOGRAM_SUB_BITS;

	return run ? run - 1 : 0;
}

uint64_t vbt_histogram_low(unsigned bucket)
{
	unsigned shift = bucket_shift(bucket);

	return (uint64_t)(bucket - (shift << VBT_HISTOGRAM_SUB_BITS)) << shift;
}

uint64_t vbt_histogram_high(unsigned bucket)
{
	if (bucket >= VBT_HISTOGRAM_BUCKETS - 1)
		return UINT64_MAX;
	return vbt_histogram_low(bucket + 1) - 1;
}

void vbt_histogram_merge(struct vbt_histogram *into, const struct vbt_histogram *from)
{
	if (!from->count)
		return;
	if (!into->count || from->min < into->min)
		into->min = from->min;
	if (from->max > into->max)
		into->max = from->max;
	into->count += from->count;
	into->sum += from->sum;
	for (unsigned i = 0; i < VBT_HISTOGRAM_BUCKETS; i++)
		into->bucket[i] += from->bucket[i];
}

uint64_t vbt_histogram_at_rank(const struct vbt_histogram *histogram, uint64_t rank)
{
	unsigned i = 0;
	uint64_t seen = 0, low, value;

	if (!histogram->count)
		return 0;
	if (rank <= 1)
		return histogram->min;
	if (rank >= histogram->count)
		return histogram->max;
	i = vbt_histogram_index(histogram->min);
	for (; i < VBT_HISTOGRAM_BUCKETS - 1; i++) {
		seen += histogram->bucket[i];
		if (seen >= rank)
			break;
	}
	low = vbt_histogram_low(i);
	value = low + (((1ULL << bucket_shift(i)) - 1) >> 1);
	if (value < histogram->min)
		value = histogram->min;
	if (value > histogram->max)
		value = histogram->max;
	return value;
}

uint64_t vbt_histogram_percentile(const struct vbt_histogram *histogram, unsigned per_mille)
{
	unsigned __int128 scaled = (unsigned __int128)histogram->count * per_mille;

	return vbt_histogram_at_rank(histogram, (uint64_t)((scaled + 999) / 1000));
}

uint64_t vbt_histogram_min(const struct vbt_histogram *histogram)
{
	return histogram->count ? histogram->min : 0;
}

uint64_t vbt_histogram_mean(const struct vbt_histogram *histogram)
{
	if (!histogram->count)
		return 0;
	return (uint64_t)((histogram->sum + histogram->count / 2) / histogram->count);
}
