/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm-lite/bench/verify.h"

#define SECTOR 512u
#define STEP   0x9e3779b97f4a7c15ull

static uint64_t mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
	return x ^ (x >> 31);
}

/* The first word of a sector; the others follow in steps. */
static uint64_t first_word(uint64_t seed, uint64_t sector, uint32_t generation)
{
	return mix(mix(seed + STEP) ^ mix(sector + STEP) ^ ((uint64_t)generation << 32));
}

int verify_init(struct verify *verify, uint64_t seed, uint64_t blocks)
{
	verify->seed = seed;
	verify->generations = calloc(blocks, sizeof(*verify->generations));
	verify->busy = calloc(blocks, sizeof(*verify->busy));
	if (verify->generations && verify->busy)
		return 0;
	verify_release(verify);
	return -ENOMEM;
}

void verify_release(struct verify *verify)
{
	free(verify->generations);
	free(verify->busy);
	verify->generations = NULL;
	verify->busy = NULL;
}

void verify_fill(const struct verify *verify, uint64_t block, uint64_t sector, uint8_t *data,
		 uint32_t length)
{
	uint32_t generation = verify->generations[block] + 1, at, i;

	for (at = 0; at < length; at += SECTOR, sector++) {
		uint64_t word = first_word(verify->seed, sector, generation);

		for (i = 0; i < SECTOR; i += sizeof(word), word += STEP)
			memcpy(data + at + i, &word, sizeof(word));
	}
}

void verify_written(struct verify *verify, uint64_t block, bool ok)
{
	/* After a failed write the block may have the old content, the new one, or both. */
	verify->generations[block] = ok ? verify->generations[block] + 1 : 0;
}

bool verify_check(const struct verify *verify, uint64_t block, uint64_t sector, const uint8_t *data,
		  uint32_t length, char *text, size_t text_size)
{
	uint32_t generation = verify->generations[block], at, i;

	if (!generation)
		return true;
	for (at = 0; at < length; at += SECTOR, sector++) {
		uint64_t word = first_word(verify->seed, sector, generation);

		for (i = 0; i < SECTOR; i += sizeof(word), word += STEP) {
			if (!memcmp(data + at + i, &word, sizeof(word)))
				continue;
			snprintf(text, text_size,
				 "sector %" PRIu64 ", byte %u: not what write %u put there", sector,
				 i, generation);
			return false;
		}
	}
	return true;
}
