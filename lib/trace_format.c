/* SPDX-License-Identifier: MIT */
#include "lib/trace_format.h"

#include <errno.h>
#include <xxhash.h>

void vbt_chunk_header_encode(uint8_t out[VBT_CHUNK_HEADER_SIZE],
			     const struct vbt_chunk_header *header)
{
	memset(out, 0, VBT_CHUNK_HEADER_SIZE);
	memcpy(out, VBT_CHUNK_MAGIC, 4);
	out[4] = header->type;
	vbt_put64(out + 8, header->number);
	vbt_put32(out + 16, header->stored);
	vbt_put32(out + 20, header->count);
	vbt_put64(out + 24, header->first);
	vbt_put64(out + 32, header->time_first);
	vbt_put64(out + 40, header->time_last);
	vbt_put64(out + 48, header->sum);
	vbt_put32(out + 60, (uint32_t)XXH3_64bits(out, 60));
}

int vbt_chunk_header_decode(const uint8_t in[VBT_CHUNK_HEADER_SIZE],
			    struct vbt_chunk_header *header)
{
	if (memcmp(in, VBT_CHUNK_MAGIC, 4) || vbt_get32(in + 60) != (uint32_t)XXH3_64bits(in, 60))
		return -EINVAL;
	*header = (struct vbt_chunk_header){
	    .type = in[4],
	    .number = vbt_get64(in + 8),
	    .stored = vbt_get32(in + 16),
	    .count = vbt_get32(in + 20),
	    .first = vbt_get64(in + 24),
	    .time_first = vbt_get64(in + 32),
	    .time_last = vbt_get64(in + 40),
	    .sum = vbt_get64(in + 48),
	};
	return header->stored <= VBT_CHUNK_MAX_STORED ? 0 : -EINVAL;
}
