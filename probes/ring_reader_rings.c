/* SPDX-License-Identifier: MIT */
/* The rings' records, and what is lost of them. */
#include <stdio.h>

#include "probes/ring_reader_impl.h"

#define HEADROOM 8            /* what part of a ring is skipped when its writer has caught up */
#define FARTHEST (1ull << 40) /* records: hours at the highest rate */

/* The header of a ring, copied once and checked. false: there is no sense in it. */
static bool load_ring(const struct ring_reader *reader, unsigned index, struct vbt_shm_ring *ring)
{
	struct vbt_shm_ring *shared = &ring_reader_header(reader)->rings[index];
	uint64_t bytes;

	ring->first = __atomic_load_n(&shared->first, __ATOMIC_ACQUIRE);
	ring->tid = __atomic_load_n(&shared->tid, __ATOMIC_ACQUIRE);
	ring->head = __atomic_load_n(&shared->head, __ATOMIC_ACQUIRE);
	ring->offset = __atomic_load_n(&shared->offset, __ATOMIC_RELAXED);
	ring->size = __atomic_load_n(&shared->size, __ATOMIC_RELAXED);
	return ring->size && (ring->size & (ring->size - 1)) == 0 && ring->offset % 8 == 0 &&
	       ring->offset >= sizeof(struct vbt_shm_header) &&
	       !__builtin_mul_overflow(ring->size, sizeof(struct vbt_record), &bytes) &&
	       bytes <= reader->bytes && ring->offset <= reader->bytes - bytes &&
	       ring->head < UINT64_MAX / 2 && ring->first <= ring->head;
}

/* Begin with the records that are there, or behind them; what is lost from then on `ours` or not. */
static void place(struct cursor *cursor, const struct vbt_shm_ring *ring, bool whole, bool ours)
{
	cursor->next = whole ? 0 : ring->head;
	cursor->tid = cursor->next < ring->first ? 0 : ring->tid;
	cursor->ours = ours;
	cursor->placed = true;
}

unsigned ring_reader_rings(struct ring_reader *reader)
{
	unsigned count;

	ring_reader_refresh(reader);
	count = __atomic_load_n(&ring_reader_header(reader)->ring_count, __ATOMIC_ACQUIRE);
	if (count > VBT_SHM_MAX_RINGS)
		count = VBT_SHM_MAX_RINGS;
	for (; reader->rings < count; reader->rings++) {
		struct vbt_shm_ring ring;

		/* A ring that appears while we read is read from its start. */
		if (load_ring(reader, reader->rings, &ring))
			place(&reader->cursors[reader->rings], &ring,
			      reader->started || reader->history,
			      reader->started || !reader->history);
	}
	return reader->rings;
}

/*
 * A head that went back, or farther than a writer gets between two looks, was never written by counting: what it
 * says is in the ring may have been read already. Before we read along, it may be as far as it likes.
 */
static bool strayed(const struct cursor *cursor, const struct vbt_shm_ring *ring)
{
	return ring->head < cursor->next || (cursor->ours && ring->head - cursor->next > FARTHEST);
}

/* Tell it once, not at each look. */
static bool break_off(struct cursor *cursor, unsigned index, struct ring_batch *batch)
{
	const bool news = !cursor->broken;

	cursor->broken = true;
	*batch = (struct ring_batch){.ring = index, .tid = cursor->tid, .unreadable = news};
	return news;
}

/*
 * The oldest record that is certainly whole: the writer may be overwriting the one that is a
 * full ring behind the head right now.
 */
static uint64_t oldest(const struct vbt_shm_ring *ring)
{
	return ring->head < ring->size ? 0 : ring->head - ring->size + 1;
}

/* Read up to `count` records from `next`, without crossing the end of the ring's space. */
static size_t read_records(struct ring_reader *reader, const struct vbt_shm_ring *ring,
			   uint64_t next, uint64_t count)
{
	uint64_t slot = next & (ring->size - 1);

	if (count > RING_READER_BATCH)
		count = RING_READER_BATCH;
	if (count > ring->size - slot)
		count = ring->size - slot;
	if (ring_reader_read(reader->fd, reader->batch, count * sizeof(struct vbt_record),
			     ring->offset + slot * sizeof(struct vbt_record)) < 0)
		return 0;
	return count;
}

bool ring_reader_next(struct ring_reader *reader, unsigned index, size_t max,
		      struct ring_batch *batch)
{
	struct cursor *cursor = &reader->cursors[index];
	struct vbt_shm_ring ring;
	uint64_t next, end, old, skipped = 0;
	unsigned fill;
	size_t count;

	if (index >= reader->rings)
		return false;
	if (!load_ring(reader, index, &ring))
		return break_off(cursor, index, batch);
	/* How much of it is ours, nobody knows: what was lost so far is told already. */
	if (!cursor->placed)
		place(cursor, &ring, reader->history, !reader->history);
	if (strayed(cursor, &ring))
		return break_off(cursor, index, batch);
	if (ring.head == cursor->next) {
		cursor->broken = false;
		return false;
	}
	next = cursor->next;
	old = oldest(&ring);
	fill =
	    ring.head - next < ring.size ? (unsigned)((ring.head - next) * 256 / ring.size) : 256;
	if (next < old) {
		/* The writer is at our heels, and would overtake us again at once. */
		if (cursor->ours)
			old += ring.size / HEADROOM;
		/* What a reader of history never had is not lost. */
		skipped = cursor->ours ? old - next : 0;
		next = old;
	}
	/* Up to where this thread took the slot over, the records are its predecessor's. */
	if (next >= ring.first)
		cursor->tid = ring.tid;
	end = next < ring.first ? ring.first : ring.head;
	if (max && end - next > max)
		end = next + max;
	count = read_records(reader, &ring, next, end - next);
	if (count == 0)
		return break_off(cursor, index, batch);
	cursor->broken = false;
	*batch = (struct ring_batch){.ring = index,
				     .tid = cursor->tid,
				     .fill = fill,
				     .records = reader->batch,
				     .count = count};
	/* What the writer overtook meanwhile is not to be believed. */
	ring_reader_refresh(reader);
	if (load_ring(reader, index, &ring) && oldest(&ring) > next) {
		uint64_t gone = oldest(&ring) - next;

		if (gone > count)
			gone = count;
		skipped += gone;
		batch->records += gone;
		batch->count -= gone;
	}
	batch->lost = skipped;
	cursor->next = next + count;
	cursor->ours = true;
	return true;
}

uint64_t ring_reader_unplaced(struct ring_reader *reader)
{
	uint64_t before = reader->unplaced;

	reader->unplaced = __atomic_load_n(&ring_reader_header(reader)->unplaced, __ATOMIC_RELAXED);
	return reader->unplaced > before ? reader->unplaced - before : 0;
}

const char *ring_reader_ring_name(struct ring_reader *reader, unsigned ring, char name[16])
{
	name[0] = '\0';
	if (ring < VBT_SHM_MAX_RINGS)
		ring_reader_text(name, ring_reader_header(reader)->rings[ring].name, 16);
	return name;
}

const char *ring_reader_unreadable_name(struct ring_reader *reader, unsigned ring, char name[24])
{
	char whole[16];

	snprintf(name, 24, "%.12s unreadable", ring_reader_ring_name(reader, ring, whole));
	return name;
}
