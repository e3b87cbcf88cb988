/* SPDX-License-Identifier: MIT */
/* The data of a request, cut into records of the point `data`, for a reader that asked for it. */
#include <string.h>
#include <sys/uio.h>

#include "probes/stage_point.h"
#include "probes/stage_shm.h"

/* Changed by the control thread. */
static unsigned wanted;

void stage_data_want(unsigned bytes)
{
	__atomic_store_n(&wanted, bytes < VBT_DATA_MAX ? bytes : VBT_DATA_MAX, __ATOMIC_RELAXED);
}

/* The place in a list of pieces where a copy goes on. */
struct place {
	const struct iovec *piece, *end;
	size_t offset;
};

/* Copy what comes next, `size` bytes or all that is left; how much that was. */
static size_t copy_next(struct place *place, uint8_t *to, size_t size)
{
	size_t done = 0;

	while (done < size && place->piece < place->end) {
		size_t have = place->piece->iov_len - place->offset;
		size_t part = have < size - done ? have : size - done;

		if (part)
			memcpy(to + done, (const uint8_t *)place->piece->iov_base + place->offset,
			       part);
		done += part;
		place->offset += part;
		if (place->offset == place->piece->iov_len) {
			place->piece++;
			place->offset = 0;
		}
	}
	return done;
}

void stage_data(uint8_t device, uint16_t queue, uint32_t seq, bool given, const struct iovec *piece,
		int pieces, uint64_t length)
{
	struct place place = {.piece = piece, .end = piece + (pieces > 0 ? pieces : 0)};
	uint64_t left = __atomic_load_n(&wanted, __ATOMIC_RELAXED);

	if (left > length)
		left = length;
	for (uint16_t step = 0; left; step++) {
		size_t size = left < VBT_DATA_STEP ? left : VBT_DATA_STEP;
		uint8_t bytes[VBT_DATA_STEP] = {0};
		uint64_t low;
		uint32_t high;

		size = copy_next(&place, bytes, size);
		if (!size)
			break;
		memcpy(&low, bytes, sizeof(low));
		memcpy(&high, bytes + sizeof(low), sizeof(high));
		STAGE_POINT(data, device, queue, seq, step, low, high, (uint8_t)size, given);
		left -= size;
	}
}
