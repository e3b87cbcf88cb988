/* SPDX-License-Identifier: MIT */
/* What queue.c, ring_split.c, ring_packed.c and ring_snapshot.c share. Nobody else includes it. */
#ifndef VMM_VIRTIO_RING_H
#define VMM_VIRTIO_RING_H

#include <string.h>

#include "vmm-lite/virtio/queue.h"

/* A descriptor of either ring, little-endian like every host this runs on. */
struct ring_desc {
	uint64_t addr;
	uint32_t len;
	uint16_t a; /* split: flags; packed: id */
	uint16_t b; /* split: next; packed: flags */
};

#define DESC_NEXT     0x1u
#define DESC_WRITE    0x2u
#define DESC_INDIRECT 0x4u
/* Packed only. */
#define DESC_AVAIL (1u << 7)
#define DESC_USED  (1u << 15)

/* Both rings of a split queue begin with flags and idx; the available ring's entries follow as u16. */
#define RING_FLAGS   0
#define RING_IDX     1
#define RING_ENTRIES 2

/* A chain with an indirect table can be longer than the queue; this long it can only be a trap. */
#define MAX_TABLE_WALK QUEUE_MAX_SIZE

struct ring_ops {
	const char *(*enable)(struct queue *queue); /* NULL, or why not */
	enum queue_status (*pop)(struct queue *queue, struct queue_chain *chain);
	void (*push)(struct queue *queue, const struct queue_chain *chain, uint32_t written);
	void (*publish)(struct queue *queue);
	unsigned (*needs_signal)(struct queue *queue);
	void (*suppress)(struct queue *queue);
	bool (*rearm)(struct queue *queue);
};

struct split_ring {
	struct ring_desc *desc;
	uint16_t *avail, *used;  /* flags, idx, ring …, event */
	uint16_t avail_next;     /* the next entry to take */
	uint16_t avail_seen;     /* idx as last read: entries before it may be taken */
	uint16_t used_next;      /* the next entry to fill; the guest's copy is never read back */
	uint16_t used_signalled; /* used_next at the last decision about a signal */
	uint64_t *busy;          /* heads popped and not pushed, a bit each */
};

struct packed_ring {
	struct ring_desc *desc;
	const uint32_t *driver_event;
	uint32_t *device_event;
	uint16_t avail_next, used_next;
	bool avail_wrap, used_wrap;
	uint16_t busy_slots;   /* popped and not pushed */
	uint32_t signal_slots; /* used since the last decision about a signal */
	uint16_t signal_from;  /* used_next and used_wrap then */
	bool signal_wrap;
	bool batch_open; /* pushed, but the first of the batch is still hidden */
	uint16_t batch_first, batch_flags;
};

struct queue {
	const struct guest_mem *mem;
	const struct ring_ops *ops; /* NULL: disabled */
	struct queue_layout layout;
	const char *why; /* it is broken */
	unsigned in_flight;
	uint16_t max_size;
	union {
		struct split_ring split;
		struct packed_ring packed;
	};
	uint64_t busy[]; /* max_size bits */
};

extern const struct ring_ops ring_split_ops, ring_packed_ops;

/* Copied exactly once: the barrier keeps the compiler from looking again later. */
static inline struct ring_desc ring_desc_copy(const void *at)
{
	struct ring_desc desc;

	memcpy(&desc, at, sizeof(desc));
	__asm__ volatile("" ::: "memory");
	return desc;
}

/* Do the flags of the descriptor at avail_next offer it? */
static inline bool packed_is_available(const struct packed_ring *ring, uint16_t flags)
{
	return !!(flags & DESC_AVAIL) == ring->avail_wrap &&
	       !!(flags & DESC_USED) != ring->avail_wrap;
}

static inline enum queue_status queue_break(struct queue *queue, const char *why)
{
	queue->why = why;
	return QUEUE_BROKEN;
}

/* Append one descriptor to the chain. NULL, or why the chain is broken. */
static inline const char *chain_append(struct queue_chain *chain, uint64_t addr, uint32_t len,
				       bool writable)
{
	unsigned at = chain->readable + chain->writable;

	if (!len)
		return NULL;
	if (!writable && chain->writable)
		return "a device-readable descriptor follows a device-writable one";
	if (at == QUEUE_MAX_SEGMENTS) {
		chain->oversize = true;
		at--;
		if (writable && !chain->writable) {
			chain->readable--;
			chain->writable++;
		}
	} else if (writable) {
		chain->writable++;
	} else {
		chain->readable++;
	}
	chain->segments[at] = (struct queue_segment){GPA(addr), len};
	return NULL;
}

/*
 * The table that an indirect descriptor points to: whole and in RAM, or NULL with the reason.
 * (virtio 1.3, 2.7.5.3)
 */
static inline const uint8_t *indirect_table(struct queue *queue, uint64_t addr, uint32_t len,
					    const char **why)
{
	const uint8_t *table = NULL;

	if (!queue->layout.indirect)
		*why = "an indirect descriptor, which was not negotiated";
	else if (!len || len % sizeof(struct ring_desc))
		*why = "an indirect table whose length is no multiple of 16, or 0";
	else if (!(table = guest_mem_ptr(queue->mem, GPA(addr), len, GUEST_READ)))
		*why = "an indirect table outside of memory";
	return table;
}

/* vring_need_event: is `event` among the entries [old, new)? (virtio 1.3, 2.7.7.1) */
static inline bool ring_event_reached(uint16_t event, uint16_t new_index, uint16_t old_index)
{
	return (uint16_t)(new_index - event - 1) < (uint16_t)(new_index - old_index);
}

#endif
