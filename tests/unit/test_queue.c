/* SPDX-License-Identifier: MIT */
/*
 * The queue over guest memory alone: what is popped is what the guest wrote, what is pushed is what it
 * sees, and a ring that makes no sense is broken, says why, and stays so until it is disabled.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/stage.h"
#include "vmm-lite/virtio/queue.h"

#define MEMORY   (4u << 20)
#define SIZE     8
#define DESC     0x1000u
#define DRIVER   0x2000u
#define DEVICE   0x3000u
#define TABLE    0x10000u
#define NEXT     1u
#define WRITE    2u
#define INDIRECT 4u
#define AVAIL    0x80u
#define USED     0x8000u

struct world {
	struct guest_mem mem;
	struct queue *queue;
	struct queue_chain chain;
	struct queue_segment segments[QUEUE_MAX_SEGMENTS];
	uint16_t avail;
};

struct desc {
	uint64_t addr;
	uint32_t len;
	uint16_t a, b; /* split: flags, next; packed: id, flags */
};

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	*state = w;
	w->queue = queue_new(&w->mem, 256);
	return !w->queue || guest_mem_init(&w->mem, MEMORY);
}

static int teardown(void **state)
{
	struct world *w = *state;

	queue_free(w->queue);
	guest_mem_release(&w->mem);
	free(w);
	return 0;
}

static void *at(struct world *w, uint64_t addr)
{
	return guest_mem_ptr(&w->mem, GPA(addr), 1, GUEST_WRITE);
}

static uint16_t *u16(struct world *w, uint64_t addr)
{
	return at(w, addr);
}

static void put(struct world *w, uint64_t table, unsigned i, uint64_t addr, uint32_t len,
		uint16_t a, uint16_t b)
{
	((struct desc *)at(w, table))[i] = (struct desc){addr, len, a, b};
}

static struct queue_layout layout(bool packed)
{
	return (struct queue_layout){.size = SIZE,
				     .desc = GPA(DESC),
				     .driver = GPA(DRIVER),
				     .device = GPA(DEVICE),
				     .packed = packed,
				     .indirect = true};
}

static void enable(struct world *w, const struct queue_layout *l)
{
	const char *why = NULL;

	guest_mem_clear(&w->mem);
	w->avail = 0;
	if (queue_enable(w->queue, l, &why))
		fail_msg("%s", why);
}

static void split(struct world *w)
{
	struct queue_layout l = layout(false);

	enable(w, &l);
}

/* Split: the head is available, and the index says so. */
static void offer(struct world *w, uint16_t head)
{
	u16(w, DRIVER + 4)[w->avail % SIZE] = head;
	u16(w, DRIVER)[1] = ++w->avail;
}

static enum queue_status pop(struct world *w)
{
	return queue_pop(w->queue, &w->chain, w->segments);
}

/* Nothing is there; the chain popped before stays at hand. */
static void nothing(struct world *w)
{
	struct queue_chain chain;
	struct queue_segment segments[1];

	assert_int_equal(queue_pop(w->queue, &chain, segments), QUEUE_EMPTY);
}

static void segment(const struct world *w, unsigned i, uint64_t addr, uint32_t len)
{
	assert_int_equal(w->segments[i].addr.value, addr);
	assert_int_equal(w->segments[i].len, len);
}

/* Broken for good, with this reason; as new after it was disabled. */
static void broken(struct world *w, const char *why)
{
	assert_int_equal(pop(w), QUEUE_BROKEN);
	if (!strstr(queue_why(w->queue), why))
		fail_msg("'%s' is not in: %s", why, queue_why(w->queue));
	assert_int_equal(pop(w), QUEUE_BROKEN);
	assert_false(queue_rearm_kicks(w->queue));
	queue_disable(w->queue);
	assert_null(queue_why(w->queue));
	nothing(w);
}

static void refused(struct world *w, const struct queue_layout *l, const char *reason)
{
	const char *why = NULL;

	assert_int_equal(queue_enable(w->queue, l, &why), -EINVAL);
	if (!why || !strstr(why, reason))
		fail_msg("'%s' is not in: %s", reason, why ? why : "nothing");
	assert_false(queue_enabled(w->queue));
	nothing(w);
}

static void test_layout(void **state)
{
	struct world *w = *state;
	const char *why = NULL;

	for (int packed = 0; packed < 2; packed++) {
		struct queue_layout l = layout(packed);
		/* Bytes of each part, event fields included. */
		uint64_t desc = 16 * SIZE, driver = packed ? 4 : 6 + 2 * SIZE,
			 device = packed ? 4 : 6 + 8 * SIZE;

		l.size = 0;
		refused(w, &l, "size");
		l.size = 257;
		refused(w, &l, "size");
		l.size = 6;
		if (packed)
			assert_int_equal(queue_enable(w->queue, &l, &why), 0);
		else
			refused(w, &l, "power of two");

		l = layout(packed);
		l.desc.value += 8;
		refused(w, &l, "aligned");
		l = layout(packed);
		l.driver.value += packed ? 2 : 1;
		refused(w, &l, "aligned");
		l = layout(packed);
		l.device.value += 2;
		refused(w, &l, "aligned");

		/* Up to the last byte of memory, and not one part further. */
		l = layout(packed);
		l.desc = GPA(MEMORY - desc);
		assert_int_equal(queue_enable(w->queue, &l, &why), 0);
		l.desc.value += 16;
		refused(w, &l, "not in memory");
		l = layout(packed);
		l.driver = GPA(MEMORY - ((driver + 3) & ~3ull));
		assert_int_equal(queue_enable(w->queue, &l, &why), 0);
		l.driver.value += 4;
		refused(w, &l, "not in memory");
		l = layout(packed);
		l.device = GPA(MEMORY - ((device + 3) & ~3ull));
		assert_int_equal(queue_enable(w->queue, &l, &why), 0);
		l.device.value += 4;
		refused(w, &l, "not in memory");
		l = layout(packed);
		l.desc = GPA(0ull - desc);
		refused(w, &l, "not in memory");
		l.desc = GPA(GUEST_MEM_LOW_LIMIT);
		refused(w, &l, "not in memory");
	}
}

/* --- split ----------------------------------------------------------------------------- */

static void test_split_chains(void **state)
{
	struct world *w = *state;

	split(w);
	assert_true(queue_enabled(w->queue));
	nothing(w);

	put(w, DESC, 5, 0x111, 16, NEXT, 2);
	put(w, DESC, 2, 0x222, 0, NEXT, 7); /* empty: not a segment */
	put(w, DESC, 7, 0x333, 4096, NEXT | WRITE, 0);
	put(w, DESC, 0, 0x444, 1, WRITE, 99); /* next counts with NEXT only */
	offer(w, 5);
	assert_int_equal(pop(w), QUEUE_CHAIN);
	assert_int_equal(w->chain.head, 5);
	assert_int_equal(w->chain.index, 0);
	assert_int_equal(w->chain.readable, 1);
	assert_int_equal(w->chain.writable, 2);
	assert_false(w->chain.oversize);
	segment(w, 0, 0x111, 16);
	segment(w, 1, 0x333, 4096);
	segment(w, 2, 0x444, 1);
	nothing(w);

	/* Nothing but emptiness is a chain, too. */
	put(w, DESC, 1, 0, 0, 0, 0);
	offer(w, 1);
	assert_int_equal(pop(w), QUEUE_CHAIN);
	assert_int_equal(w->chain.index, 1);
	assert_int_equal(w->chain.readable + w->chain.writable, 0);
	queue_push(w->queue, &w->chain, 0);

	/* As long as the queue. */
	for (unsigned i = 0; i < SIZE; i++)
		put(w, DESC, i, 0x1000 * i, 1, i < SIZE - 1 ? NEXT : 0, (uint16_t)(i + 1));
	queue_disable(w->queue);
	split(w);
	for (unsigned i = 0; i < SIZE; i++)
		put(w, DESC, i, 0x1000 * i, 1, i < SIZE - 1 ? NEXT : 0, (uint16_t)(i + 1));
	offer(w, 0);
	assert_int_equal(pop(w), QUEUE_CHAIN);
	assert_int_equal(w->chain.readable, SIZE);
}

/* Used elements appear together at publish, in the order they were pushed, whatever came first. */
static void test_split_push(void **state)
{
	struct world *w = *state;
	struct queue_chain first, second;
	uint32_t *used;

	split(w);
	used = (uint32_t *)u16(w, DEVICE + 4);
	for (uint16_t i = 0; i < 2; i++) {
		put(w, DESC, i, 0x5000, 16, WRITE, 0);
		offer(w, i);
	}
	assert_int_equal(pop(w), QUEUE_CHAIN);
	first = w->chain;
	assert_int_equal(pop(w), QUEUE_CHAIN);
	second = w->chain;
	queue_push(w->queue, &second, 7);
	queue_push(w->queue, &first, 9);
	assert_int_equal(u16(w, DEVICE)[1], 0);
	queue_publish(w->queue);
	assert_int_equal(u16(w, DEVICE)[1], 2);
	assert_int_equal(used[0], 1);
	assert_int_equal(used[1], 7);
	assert_int_equal(used[2], 0);
	assert_int_equal(used[3], 9);
	/* What the guest scribbles into the used ring is not read back. */
	u16(w, DEVICE)[1] = 77;
	offer(w, 0);
	assert_int_equal(pop(w), QUEUE_CHAIN);
	queue_push(w->queue, &w->chain, 1);
	queue_publish(w->queue);
	assert_int_equal(u16(w, DEVICE)[1], 3);
}

/* Indices run freely over 65535. */
static void test_split_wrap(void **state)
{
	struct world *w = *state;

	split(w);
	for (uint32_t i = 0; i < 70000; i++) {
		uint16_t head = i * 5 % SIZE;

		put(w, DESC, head, 0x1000 + i, 4, WRITE, 0);
		offer(w, head);
		assert_int_equal(pop(w), QUEUE_CHAIN);
		assert_int_equal(w->chain.head, head);
		assert_int_equal(w->chain.index, i & 0xffff);
		segment(w, 0, 0x1000 + i, 4);
		nothing(w);
		queue_push(w->queue, &w->chain, i);
		queue_publish(w->queue);
		assert_int_equal(u16(w, DEVICE)[1], (i + 1) & 0xffff);
		assert_int_equal(((uint32_t *)u16(w, DEVICE + 4))[2 * (i % SIZE) + 1], i);
	}
}

static void test_split_broken(void **state)
{
	struct world *w = *state;

	split(w);
	u16(w, DRIVER)[1] = SIZE + 1;
	broken(w, "available index moved");

	split(w);
	u16(w, DRIVER)[1] = 0xffff;
	broken(w, "available index moved");

	split(w);
	offer(w, SIZE);
	broken(w, "available entry is beyond");

	split(w);
	offer(w, 3);
	offer(w, 3);
	assert_int_equal(pop(w), QUEUE_CHAIN);
	broken(w, "available twice");

	split(w);
	put(w, DESC, 0, 0x1000, 1, NEXT, SIZE);
	offer(w, 0);
	broken(w, "next is beyond");

	split(w);
	put(w, DESC, 0, 0x1000, 1, NEXT, 1);
	put(w, DESC, 1, 0x1000, 1, NEXT, 0);
	offer(w, 0);
	broken(w, "loop");

	split(w);
	put(w, DESC, 0, 0x1000, 0, NEXT, 0); /* empty ones are counted, too */
	offer(w, 0);
	broken(w, "loop");

	split(w);
	put(w, DESC, 0, 0x1000, 1, NEXT | WRITE, 1);
	put(w, DESC, 1, 0x1000, 1, 0, 0);
	offer(w, 0);
	broken(w, "readable descriptor follows");

	/* A head that came back may come again. */
	split(w);
	for (int i = 0; i < 3; i++) {
		offer(w, 3);
		assert_int_equal(pop(w), QUEUE_CHAIN);
		queue_push(w->queue, &w->chain, 0);
	}
}

static void test_split_indirect(void **state)
{
	struct world *w = *state;
	struct queue_layout l = layout(false);

	split(w);
	put(w, DESC, 0, TABLE, 4 * 16, INDIRECT, 0);
	put(w, TABLE, 0, 0xa0, 16, NEXT, 3);
	put(w, TABLE, 3, 0xb0, 32, NEXT | WRITE, 1);
	put(w, TABLE, 1, 0xc0, 1, WRITE, 0);
	offer(w, 0);
	assert_int_equal(pop(w), QUEUE_CHAIN);
	assert_int_equal(w->chain.readable, 1);
	assert_int_equal(w->chain.writable, 2);
	segment(w, 0, 0xa0, 16);
	segment(w, 1, 0xb0, 32);
	segment(w, 2, 0xc0, 1);

	/* Behind direct descriptors it ends the chain. (2.7.5.3.1) */
	put(w, DESC, 1, 0x90, 8, NEXT, 2);
	put(w, DESC, 2, TABLE, 4 * 16, INDIRECT, 0);
	offer(w, 1);
	assert_int_equal(pop(w), QUEUE_CHAIN);
	assert_int_equal(w->chain.readable, 2);
	segment(w, 0, 0x90, 8);

	/* Much longer than the queue, as far as segments are kept. */
	split(w);
	put(w, DESC, 0, TABLE, QUEUE_MAX_SEGMENTS * 16, INDIRECT, 0);
	for (unsigned i = 0; i < QUEUE_MAX_SEGMENTS; i++)
		put(w, TABLE, i, i, 1, i < QUEUE_MAX_SEGMENTS - 1 ? NEXT : WRITE,
		    (uint16_t)(i + 1));
	offer(w, 0);
	assert_int_equal(pop(w), QUEUE_CHAIN);
	assert_false(w->chain.oversize);
	assert_int_equal(w->chain.readable, QUEUE_MAX_SEGMENTS - 1);
	segment(w, QUEUE_MAX_SEGMENTS - 1, QUEUE_MAX_SEGMENTS - 1, 1);

	/* One more: the first ones, and the last, which can say that it is too much. */
	split(w);
	put(w, DESC, 0, TABLE, (QUEUE_MAX_SEGMENTS + 10) * 16, INDIRECT, 0);
	for (unsigned i = 0; i < QUEUE_MAX_SEGMENTS + 10; i++)
		put(w, TABLE, i, i, 1, i < QUEUE_MAX_SEGMENTS + 9 ? NEXT : WRITE,
		    (uint16_t)(i + 1));
	offer(w, 0);
	assert_int_equal(pop(w), QUEUE_CHAIN);
	assert_true(w->chain.oversize);
	assert_int_equal(w->chain.readable, QUEUE_MAX_SEGMENTS - 1);
	assert_int_equal(w->chain.writable, 1);
	segment(w, QUEUE_MAX_SEGMENTS - 1, QUEUE_MAX_SEGMENTS + 9, 1);

	split(w);
	put(w, DESC, 0, TABLE, 16, INDIRECT | NEXT, 1);
	offer(w, 0);
	broken(w, "both INDIRECT and NEXT");
	split(w);
	put(w, DESC, 0, TABLE, 0, INDIRECT, 0);
	offer(w, 0);
	broken(w, "no multiple of 16, or 0");
	split(w);
	put(w, DESC, 0, TABLE, 17, INDIRECT, 0);
	offer(w, 0);
	broken(w, "no multiple of 16");
	split(w);
	put(w, DESC, 0, MEMORY - 16, 32, INDIRECT, 0);
	offer(w, 0);
	broken(w, "outside of memory");
	split(w);
	put(w, DESC, 0, 0ull - 16, 32, INDIRECT, 0);
	offer(w, 0);
	broken(w, "outside of memory");
	split(w);
	put(w, DESC, 0, TABLE, 32, INDIRECT, 0);
	put(w, TABLE, 0, TABLE, 16, INDIRECT, 0);
	offer(w, 0);
	broken(w, "inside an indirect table");
	split(w);
	put(w, DESC, 0, TABLE, 32, INDIRECT, 0);
	put(w, TABLE, 0, 0, 1, NEXT, 2);
	offer(w, 0);
	broken(w, "beyond its indirect table");
	split(w);
	put(w, DESC, 0, TABLE, 32, INDIRECT, 0);
	put(w, TABLE, 0, 0, 1, NEXT, 0);
	offer(w, 0);
	broken(w, "a loop in an indirect table");
	l.indirect = false;
	enable(w, &l);
	put(w, DESC, 0, TABLE, 32, INDIRECT, 0);
	offer(w, 0);
	broken(w, "not negotiated");
}

/* Pop and push one, publish, and ask. */
static unsigned turn(struct world *w)
{
	offer(w, 0);
	assert_int_equal(pop(w), QUEUE_CHAIN);
	queue_push(w->queue, &w->chain, 0);
	queue_publish(w->queue);
	return queue_needs_signal(w->queue);
}

static void test_split_signals(void **state)
{
	struct world *w = *state;
	struct queue_layout l = layout(false);
	uint16_t *used_event = u16(w, DRIVER + 4 + 2 * SIZE), *avail_event;

	split(w);
	assert_int_equal(turn(w), VBT_SIGNAL_sent);
	u16(w, DRIVER)[0] = 1;
	assert_int_equal(turn(w), VBT_SIGNAL_no_interrupt);
	/* Without the feature the field means nothing. */
	*used_event = 2;
	assert_int_equal(turn(w), VBT_SIGNAL_no_interrupt);
	u16(w, DRIVER)[0] = 0;
	assert_int_equal(turn(w), VBT_SIGNAL_sent);

	/* With it the flag means nothing: the interrupt comes when the entry it names is used. */
	l.event_idx = true;
	enable(w, &l);
	u16(w, DRIVER)[0] = 1;
	assert_int_equal(turn(w), VBT_SIGNAL_sent);
	assert_int_equal(turn(w), VBT_SIGNAL_event_idx);
	*used_event = 3;
	assert_int_equal(turn(w), VBT_SIGNAL_event_idx);
	assert_int_equal(turn(w), VBT_SIGNAL_sent);
	assert_int_equal(turn(w), VBT_SIGNAL_event_idx);
	for (unsigned i = 5; i < 0x10000; i++) {
		*used_event = (uint16_t)(i & 1 ? i : i - 2);
		assert_int_equal(turn(w), i & 1 ? VBT_SIGNAL_sent : VBT_SIGNAL_event_idx);
	}
	/* A batch around the end of the index: any entry of it counts. */
	*used_event = 1;
	for (int i = 0; i < 3; i++) {
		offer(w, (uint16_t)i);
		assert_int_equal(pop(w), QUEUE_CHAIN);
		queue_push(w->queue, &w->chain, 0);
	}
	queue_publish(w->queue);
	assert_int_equal(queue_needs_signal(w->queue), VBT_SIGNAL_sent);

	/* Empty again: the legacy feature wants to hear of that in any case. (2.7.7.1 of 1.0) */
	l.event_idx = false;
	l.notify_on_empty = true;
	enable(w, &l);
	u16(w, DRIVER)[0] = 1;
	offer(w, 0);
	offer(w, 1);
	assert_int_equal(pop(w), QUEUE_CHAIN);
	queue_push(w->queue, &w->chain, 0);
	queue_publish(w->queue);
	assert_int_equal(queue_needs_signal(w->queue), VBT_SIGNAL_no_interrupt);
	assert_int_equal(pop(w), QUEUE_CHAIN);
	queue_push(w->queue, &w->chain, 0);
	queue_publish(w->queue);
	assert_int_equal(queue_needs_signal(w->queue), VBT_SIGNAL_sent);

	/* Kicks: held off by the flag or by an index that stays. */
	split(w);
	queue_suppress_kicks(w->queue);
	assert_int_equal(u16(w, DEVICE)[0], 1);
	assert_false(queue_rearm_kicks(w->queue));
	assert_int_equal(u16(w, DEVICE)[0], 0);
	offer(w, 0);
	assert_true(queue_rearm_kicks(w->queue));

	l = layout(false);
	l.event_idx = true;
	enable(w, &l);
	avail_event = u16(w, DEVICE + 4 + 8 * SIZE);
	turn(w);
	queue_suppress_kicks(w->queue);
	assert_int_equal(u16(w, DEVICE)[0], 0);
	assert_int_equal(*avail_event, 0);
	assert_false(queue_rearm_kicks(w->queue));
	assert_int_equal(*avail_event, 1);
	offer(w, 0);
	assert_true(queue_rearm_kicks(w->queue));
}

/* --- packed ---------------------------------------------------------------------------- */

static void packed(struct world *w)
{
	struct queue_layout l = layout(true);

	enable(w, &l);
}

/* The flags that make a descriptor available on lap `lap`. */
static uint16_t fresh(unsigned lap)
{
	return lap % 2 ? USED : AVAIL;
}

static uint16_t flags_of(struct world *w, unsigned i)
{
	return ((struct desc *)at(w, DESC))[i].b;
}

static void test_packed_chains(void **state)
{
	struct world *w = *state;
	struct queue_chain first;

	packed(w);
	nothing(w);
	put(w, DESC, 0, 0x111, 16, 0xdead, (uint16_t)(fresh(0) | NEXT));
	put(w, DESC, 1, 0x222, 4096, 0xdead, (uint16_t)(fresh(0) | NEXT | WRITE));
	put(w, DESC, 2, 0x333, 1, 77, (uint16_t)(fresh(0) | WRITE));
	put(w, DESC, 3, TABLE, 32, 78, (uint16_t)(fresh(0) | INDIRECT));
	put(w, TABLE, 0, 0xa0, 16, 0, 0);
	put(w, TABLE, 1, 0xb0, 8, 0, NEXT | WRITE); /* NEXT counts for nothing there */
	assert_int_equal(pop(w), QUEUE_CHAIN);
	assert_int_equal(w->chain.head, 77);
	assert_int_equal(w->chain.slots, 3);
	assert_int_equal(w->chain.readable, 1);
	assert_int_equal(w->chain.writable, 2);
	segment(w, 0, 0x111, 16);
	segment(w, 2, 0x333, 1);
	first = w->chain;
	assert_int_equal(pop(w), QUEUE_CHAIN);
	assert_int_equal(w->chain.head, 78);
	assert_int_equal(w->chain.slots, 1);
	assert_int_equal(w->chain.index, 3);
	segment(w, 0, 0xa0, 16);
	segment(w, 1, 0xb0, 8);
	nothing(w);

	/* Out of order: the second goes to the first place, and one slot further the other. */
	queue_push(w->queue, &w->chain, 5);
	queue_push(w->queue, &first, 6);
	assert_int_equal(flags_of(w, 0), fresh(0) | NEXT); /* hidden until the batch is complete */
	queue_publish(w->queue);
	assert_int_equal(flags_of(w, 0), AVAIL | USED | WRITE);
	assert_int_equal(((struct desc *)at(w, DESC))[0].a, 78);
	assert_int_equal(((struct desc *)at(w, DESC))[0].len, 5);
	assert_int_equal(flags_of(w, 1), AVAIL | USED | WRITE);
	assert_int_equal(((struct desc *)at(w, DESC))[1].a, 77);
	assert_int_equal(((struct desc *)at(w, DESC))[1].len, 6);
	/* Used descriptors are not available ones. */
	assert_int_equal(queue_needs_signal(w->queue), VBT_SIGNAL_sent);
	nothing(w);
}

/* Chains of three in a ring of eight: they lie over its end, and both wrap counters turn. */
static void test_packed_wrap(void **state)
{
	struct world *w = *state;
	unsigned slot = 0, lap = 0;

	packed(w);
	for (unsigned i = 0; i < 5000; i++) {
		unsigned first = slot, first_lap = lap;
		uint16_t first_flags = 0;

		for (unsigned j = 0; j < 3; j++) {
			uint16_t flags =
			    (uint16_t)(fresh(lap) | (j < 2 ? NEXT : 0) | (j ? WRITE : 0));

			put(w, DESC, slot, i, 4, (uint16_t)i, j ? flags : flags_of(w, slot));
			if (!j)
				first_flags = flags;
			if (++slot == SIZE) {
				slot = 0;
				lap++;
			}
		}
		nothing(w);
		((struct desc *)at(w, DESC))[first].b = first_flags;
		assert_int_equal(pop(w), QUEUE_CHAIN);
		assert_int_equal(w->chain.head, i);
		assert_int_equal(w->chain.index, first);
		assert_int_equal(w->chain.slots, 3);
		nothing(w);
		queue_push(w->queue, &w->chain, i);
		queue_publish(w->queue);
		assert_int_equal(flags_of(w, first), (first_lap % 2 ? 0 : AVAIL | USED) | WRITE);
	}
}

static void test_packed_broken(void **state)
{
	struct world *w = *state;
	struct queue_layout l = layout(true);

	packed(w);
	for (unsigned i = 0; i < SIZE; i++)
		put(w, DESC, i, 0x1000, 1, 0, (uint16_t)(fresh(0) | NEXT));
	broken(w, "more descriptors are available than there are");

	/* What is in flight counts: a second lap over slots that were not given back. */
	packed(w);
	for (unsigned i = 0; i < SIZE; i++)
		put(w, DESC, i, 0x1000, 1, 0, fresh(0));
	for (unsigned i = 0; i < SIZE; i++)
		assert_int_equal(pop(w), QUEUE_CHAIN);
	put(w, DESC, 0, 0x1000, 1, 0, fresh(1));
	broken(w, "more descriptors are available than there are");

	packed(w);
	put(w, DESC, 0, 0x1000, 1, 0, (uint16_t)(fresh(0) | NEXT | WRITE));
	put(w, DESC, 1, 0x1000, 1, 0, fresh(0));
	broken(w, "readable descriptor follows");
	packed(w);
	put(w, DESC, 0, TABLE, 16, 0, (uint16_t)(fresh(0) | NEXT | INDIRECT));
	broken(w, "indirect descriptor in it");
	packed(w);
	put(w, DESC, 0, 0x1000, 1, 0, (uint16_t)(fresh(0) | NEXT));
	put(w, DESC, 1, TABLE, 16, 0, (uint16_t)(fresh(0) | INDIRECT));
	broken(w, "indirect descriptor in it");
	packed(w);
	put(w, DESC, 0, TABLE, 24, 0, (uint16_t)(fresh(0) | INDIRECT));
	broken(w, "no multiple of 16");
	packed(w);
	put(w, DESC, 0, MEMORY, 16, 0, (uint16_t)(fresh(0) | INDIRECT));
	broken(w, "outside of memory");
	l.indirect = false;
	enable(w, &l);
	put(w, DESC, 0, TABLE, 16, 0, (uint16_t)(fresh(0) | INDIRECT));
	broken(w, "not negotiated");

	packed(w);
	put(w, DESC, 0, TABLE, (QUEUE_MAX_SEGMENTS + 10) * 16, 5, (uint16_t)(fresh(0) | INDIRECT));
	for (unsigned i = 0; i < QUEUE_MAX_SEGMENTS + 10; i++)
		put(w, TABLE, i, i, 1, 0, i < QUEUE_MAX_SEGMENTS + 9 ? 0 : WRITE);
	assert_int_equal(pop(w), QUEUE_CHAIN);
	assert_true(w->chain.oversize);
	segment(w, QUEUE_MAX_SEGMENTS - 1, QUEUE_MAX_SEGMENTS + 9, 1);
	assert_int_equal(w->chain.writable, 1);
}

static void test_packed_signals(void **state)
{
	struct world *w = *state;
	struct queue_layout l = layout(true);
	uint32_t *driver = at(w, DRIVER), *device = at(w, DEVICE);
	unsigned slot = 0, lap = 0;

	/* Flags: 0 always, 1 never, 2 at a place (off the feature: always). */
	packed(w);
	for (unsigned i = 0; i < 3; i++) {
		*driver = i << 16 | 0x7777;
		put(w, DESC, i, 0x1000, 1, 0, fresh(0));
		assert_int_equal(pop(w), QUEUE_CHAIN);
		queue_push(w->queue, &w->chain, 0);
		queue_publish(w->queue);
		assert_int_equal(queue_needs_signal(w->queue),
				 i == 1 ? VBT_SIGNAL_no_interrupt : VBT_SIGNAL_sent);
	}
	queue_suppress_kicks(w->queue);
	assert_int_equal(*device >> 16, 1);
	assert_false(queue_rearm_kicks(w->queue));
	assert_int_equal(*device >> 16, 0);
	put(w, DESC, 3, 0x1000, 1, 0, fresh(0));
	assert_true(queue_rearm_kicks(w->queue));

	/* The place is a slot and the lap's wrap bit: the same slot of another lap is another place. */
	l.event_idx = true;
	enable(w, &l);
	for (unsigned i = 0; i < 1000; i++) {
		bool here = i % 3 == 0;
		unsigned place = here ? slot : (slot + 1 + i % (SIZE - 1)) % SIZE;
		unsigned place_lap = here ? lap : place > slot ? lap : lap + 1;

		*driver = 2u << 16 | (place_lap % 2 ? 0 : 0x8000u) | place;
		put(w, DESC, slot, 0x1000, 1, 0, fresh(lap));
		assert_int_equal(pop(w), QUEUE_CHAIN);
		queue_push(w->queue, &w->chain, 0);
		queue_publish(w->queue);
		assert_int_equal(queue_needs_signal(w->queue),
				 here ? VBT_SIGNAL_sent : VBT_SIGNAL_event_idx);
		if (++slot == SIZE) {
			slot = 0;
			lap++;
		}
		assert_false(queue_rearm_kicks(w->queue));
		assert_int_equal(*device, 2u << 16 | (lap % 2 ? 0 : 0x8000u) | slot);
	}
	*driver = 2u << 16 | (lap % 2 ? 0x8000u : 0) | slot; /* this slot, the other lap */
	put(w, DESC, slot, 0x1000, 1, 0, fresh(lap));
	assert_int_equal(pop(w), QUEUE_CHAIN);
	queue_push(w->queue, &w->chain, 0);
	queue_publish(w->queue);
	assert_int_equal(queue_needs_signal(w->queue), VBT_SIGNAL_event_idx);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    T(test_layout),        T(test_split_chains),   T(test_split_push),
	    T(test_split_wrap),    T(test_split_broken),   T(test_split_indirect),
	    T(test_split_signals), T(test_packed_chains),  T(test_packed_wrap),
	    T(test_packed_broken), T(test_packed_signals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
