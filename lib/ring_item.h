/* SPDX-License-Identifier: MIT */
/*
 * The items of a ring snapshot: what a virtqueue looked like at a moment of a request's life, for
 * people who want to see it (`record --snapshot rings`, `teach`). Rings, header and status byte,
 * never data.
 *
 * A snapshot is a run of records of the point `ring` from one thread, written right after the mark
 * that it belongs to: a `begin`, which says how many items follow, then these. Each item is one
 * record; `op` says which kind it is.
 */
#ifndef VBT_RING_ITEM_H
#define VBT_RING_ITEM_H

/* X(id, when the rings were looked at) */
#define VBT_RING_MOMENTS(X)                                    \
	X(kick, "as the VMM found them when it woke")          \
	X(pop, "right after the chain was taken")              \
	X(push, "right after the used element became visible") \
	X(interrupt, "when the VMM decided about the interrupt")

enum vbt_ring_moment {
#define X(id, when) VBT_RING_AT_##id,
	VBT_RING_MOMENTS(X)
#undef X
	    VBT_RING_MOMENT_COUNT
};

/*
 *   item     seq                  head            arg (64)                val (32)          code
 *   begin    request, 0: none     chain's head    kick_seq, push_seq or   items that        moment, and
 *                                                 irq_seq                 follow            VBT_RING_CUT
 *   area     VBT_RING_* flags     queue size      guest address           bytes             0 descriptors,
 *                                                                                           1 driver, 2 device
 *   region   guest address >> 12  0               host address            size >> 12        0
 *   place    avail_next, and      in flight       chain's index, used     wrap counters:    1 if it is of
 *            used_next << 16                      index << 16, slots      1 avail, 2 used   a chain
 *                                                 << 32
 *   driver   flags, index << 16   first slot      four entries of 16 bit  used_event        entries
 *   device   flags, index << 16   0               0                       avail_event       0
 *   used     id                   slot            0                       length            0
 *   desc     the last two 16-bit  its index       address                 length            1 if it is in an
 *            fields, second << 16                                                           indirect table
 *   header   bytes 8 to 11        bytes there     bytes 0 to 7            bytes 12 to 15    0
 *   status   0                    0               guest address           the byte          0
 *
 * `place` is what only the device knows: the positions it has got to. In a packed ring `driver` and
 * `device` have the event areas in val (and 0 elsewhere), and `used` does not occur. The last two
 * fields of a descriptor are flags and next (split) or id and flags (packed). Positions in a packed
 * ring are offsets, in a split one free-running indices.
 */
#define VBT_RING_ITEMS(X) \
	X(begin)          \
	X(area) X(region) X(place) X(driver) X(device) X(used) X(desc) X(header) X(status)

enum vbt_ring_item {
#define X(id) VBT_RING_ITEM_##id,
	VBT_RING_ITEMS(X)
#undef X
	    VBT_RING_ITEM_COUNT
};

#define VBT_RING_CUT       0x80u /* in begin's code: the chain has more descriptors than were kept */

#define VBT_RING_PACKED    0x1u
#define VBT_RING_EVENT_IDX 0x2u
#define VBT_RING_INDIRECT  0x4u

#define VBT_RING_WINDOW    4u  /* entries of the available and used rings around the chain's */
#define VBT_RING_MAX_DESCS 16u /* of the ring's descriptors, and of an indirect table's */
#define VBT_RING_MAX_ITEMS 64u /* begin not counted */

#endif
