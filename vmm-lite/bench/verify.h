/* SPDX-License-Identifier: MIT */
/*
 * Knows what every block has to contain: each write gives its block a new generation, and the
 * content is a function of seed, sector and generation. So a block that is lost, stale, misplaced
 * or torn shows.
 */
#ifndef VMM_BENCH_VERIFY_H
#define VMM_BENCH_VERIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* At most so many blocks of a lane are used when verifying; each costs 5 bytes of memory. */
#define VERIFY_MAX_BLOCKS (4ull << 20)

struct verify {
	uint64_t seed;
	uint32_t *generations; /* by block; 0: content unknown */
	bool *busy;            /* by block: a request is in flight */
};

/* 0 or -ENOMEM. */
int verify_init(struct verify *verify, uint64_t seed, uint64_t blocks);
void verify_release(struct verify *verify);

/* What is to be written to this block next; verify_written says that it is there. */
void verify_fill(const struct verify *verify, uint64_t block, uint64_t sector, uint8_t *data,
		 uint32_t length);
void verify_written(struct verify *verify, uint64_t block, bool ok);

/* Does the block contain what was written last? If not, `text` says where and what. */
bool verify_check(const struct verify *verify, uint64_t block, uint64_t sector, const uint8_t *data,
		  uint32_t length, char *text, size_t text_size);

#endif
