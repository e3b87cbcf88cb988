/* SPDX-License-Identifier: MIT */
/*
 * Writes a blktrace file for blkparse and btt, which read what blktrace recorded: make_blktrace EVENTS FILE.
 * Queue, issue and complete of reads at random places, 32 in flight, one CPU.
 */
#include <linux/blktrace_api.h>
#include <linux/types.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH 32u

static uint64_t draw(uint64_t *random, uint64_t below)
{
	*random ^= *random << 13;
	*random ^= *random >> 7;
	*random ^= *random << 17;
	return (*random >> 11) % below;
}

int main(int argc, char **argv)
{
	static const uint32_t actions[] = {BLK_TA_QUEUE, BLK_TA_ISSUE, BLK_TA_COMPLETE};
	uint64_t random = 0x9e3779b97f4a7c15u, sector[DEPTH] = {0}, count, time = 1000;
	FILE *out = argc == 3 ? fopen(argv[2], "w") : NULL;

	if (!out) {
		fprintf(stderr, "usage: make_blktrace EVENTS FILE\n");
		return 2;
	}
	count = strtoull(argv[1], NULL, 10);
	for (uint64_t i = 0, written = 0; written < count; i++) {
		uint64_t *slot = &sector[i % DEPTH];

		/* Complete what was in this slot, then queue and issue another. */
		for (unsigned step = 2; step < 5 && written < count; step++) {
			struct blk_io_trace event = {
			    .magic = BLK_IO_TRACE_MAGIC | BLK_IO_TRACE_VERSION,
			    .sequence = (uint32_t)written + 1,
			    .action = actions[step % 3] | BLK_TC_ACT(BLK_TC_READ),
			    .bytes = 4096,
			    .pid = 1000,
			    .device = 7u << 20,
			};

			if (step == 2 && i < DEPTH)
				continue;
			if (step == 3)
				*slot = draw(&random, 1u << 27) * 8;
			event.sector = *slot;
			event.time = time += 200 + draw(&random, 1000);
			written += fwrite(&event, sizeof(event), 1, out);
		}
	}
	return fclose(out) != 0;
}
