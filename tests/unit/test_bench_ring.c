/* SPDX-License-Identifier: MIT */
/*
 * The driver's rings against the device's queue, in one thread: whatever the driver adds, the
 * device pops; whatever the device pushes, the driver takes; both sides' wishes about events hold.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "vmm-lite/bench/arena.h"
#include "vmm-lite/bench/driver_ring.h"
#include "vmm-lite/virtio/queue.h"

#include "probes/stage_point.h"

struct pair {
	struct guest_mem mem;
	struct arena arena;
	struct driver_ring ring;
	struct queue *queue;
	struct queue_segment segments[QUEUE_MAX_SEGMENTS];
};

static void pair_init(struct pair *p, struct driver_ring_options options)
{
	struct queue_layout layout;
	const char *why = NULL;

	assert_int_equal(guest_mem_init(&p->mem, 8 << 20), 0);
	arena_init(&p->arena, &p->mem);
	assert_int_equal(driver_ring_init(&p->ring, &p->arena, &options), 0);
	p->queue = queue_new(&p->mem, options.size);
	assert_non_null(p->queue);
	layout = (struct queue_layout){
	    .size = options.size,
	    .desc = p->ring.desc,
	    .driver = p->ring.driver,
	    .device = p->ring.device,
	    .packed = options.packed,
	    .event_idx = options.event_idx,
	    .indirect = options.indirect,
	};
	if (queue_enable(p->queue, &layout, &why))
		fail_msg("%s", why);
}

static void pair_release(struct pair *p)
{
	queue_free(p->queue);
	driver_ring_release(&p->ring);
	guest_mem_release(&p->mem);
}

/* Every combination of format, indirect tables, event index and size. */
static void each_ring(void (*body)(struct pair *, struct driver_ring_options))
{
	static const uint16_t sizes[] = {4, 8, 64, 256};
	unsigned i, bits;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		for (bits = 0; bits < 8; bits++) {
			struct driver_ring_options options = {.size = sizes[i],
							      .packed = bits & 1,
							      .indirect = bits & 2,
							      .event_idx = bits & 4};
			static struct pair p;

			pair_init(&p, options);
			body(&p, options);
			pair_release(&p);
		}
	}
}

static bool add(struct pair *p, uintptr_t token, unsigned readable, unsigned writable)
{
	struct driver_ring_piece pieces[4];
	unsigned i;

	for (i = 0; i < readable + writable; i++)
		pieces[i] = (struct driver_ring_piece){GPA(0x10000 + token * 64 + i), i + 1};
	return driver_ring_add(&p->ring, pieces, readable, writable, (void *)token);
}

/* Random orders and shapes over many laps; the device finishes in any order. */
static void laps_body(struct pair *p, struct driver_ring_options options)
{
	struct queue_chain held[256];
	uintptr_t token = 1, expected_pop = 1;
	unsigned held_count = 0, unpopped = 0, taken = 0, round;
	uint32_t written;

	srand(options.size);
	for (round = 0; round < 3000; round++) {
		unsigned readable = 1 + rand() % 2, writable = 1 + rand() % 2;

		while (rand() % 4 && add(p, token, readable, writable)) {
			token++;
			unpopped++;
		}
		driver_ring_kick_needed(&p->ring);
		while (rand() % 4 && held_count < 256) {
			struct queue_chain *chain = &held[held_count];
			enum queue_status status = queue_pop(p->queue, chain, p->segments);

			if (status == QUEUE_EMPTY) {
				assert_int_equal(unpopped, 0);
				break;
			}
			assert_int_equal(status, QUEUE_CHAIN);
			assert_in_range(chain->readable, 1, 2);
			assert_in_range(chain->writable, 1, 2);
			assert_int_equal(p->segments[0].addr.value, 0x10000 + expected_pop * 64);
			assert_int_equal(p->segments[0].len, 1);
			assert_int_equal(p->segments[chain->readable + chain->writable - 1].len,
					 chain->readable + chain->writable);
			/* The token travels back as the used length. */
			chain->segments = (void *)expected_pop++;
			held_count++;
			unpopped--;
		}
		while (held_count && rand() % 4) {
			unsigned pick = rand() % held_count;

			queue_push(p->queue, &held[pick], (uintptr_t)held[pick].segments);
			held[pick] = held[--held_count];
		}
		queue_publish(p->queue);
		queue_needs_signal(p->queue);
		while (rand() % 8) {
			void *done = driver_ring_take(&p->ring, &written);

			if (!done)
				break;
			assert_int_equal((uintptr_t)done, written);
			taken++;
		}
		if (p->ring.broken)
			fail_msg("%s", p->ring.broken);
	}
	assert_true(taken > 500);
}

static void test_laps(void **state)
{
	each_ring(laps_body);
}

/*
 * A device that sleeps unless kicked and a driver that sleeps unless interrupted never sleep both
 * while there is work: nothing is lost by suppression.
 */
static void wishes_body(struct pair *p, struct driver_ring_options options)
{
	bool device_awake = false, driver_awake = true;
	unsigned kicks = 0, interrupts = 0, done = 0, in_flight = 0, turn;
	uintptr_t token = 1;
	uint32_t written;

	driver_ring_disable_interrupts(&p->ring);
	queue_rearm_kicks(p->queue);
	srand(options.size + 1);
	for (turn = 0; turn < 20000; turn++) {
		if (driver_awake && rand() % 2) {
			while (driver_ring_take(&p->ring, &written)) {
				done++;
				in_flight--;
			}
			while (rand() % 4 && add(p, token, 1, 1)) {
				token++;
				in_flight++;
			}
			if (driver_ring_kick_needed(&p->ring)) {
				kicks++;
				device_awake = true;
			}
			if (in_flight && !driver_ring_enable_interrupts(&p->ring))
				driver_awake = false;
			else
				driver_ring_disable_interrupts(&p->ring);
		} else if (device_awake) {
			struct queue_chain chain;

			queue_suppress_kicks(p->queue);
			while (queue_pop(p->queue, &chain, p->segments) == QUEUE_CHAIN) {
				queue_push(p->queue, &chain, 1);
				if (rand() % 2)
					break;
			}
			queue_publish(p->queue);
			if (queue_needs_signal(p->queue) == VBT_SIGNAL_sent) {
				interrupts++;
				driver_awake = true;
			}
			if (!queue_rearm_kicks(p->queue))
				device_awake = false;
		} else if (!driver_awake) {
			fail_msg("size %u%s%s%s: both sides sleep with %u requests in flight",
				 options.size, options.packed ? " packed" : "",
				 options.indirect ? " indirect" : "",
				 options.event_idx ? " event_idx" : "", in_flight);
		}
	}
	assert_true(done > 1000);
	assert_true(kicks > 0 && kicks <= done + in_flight);
	assert_true(interrupts > 0 && interrupts <= done + in_flight);
}

static void test_wishes(void **state)
{
	each_ring(wishes_body);
}

/* A ring takes as many as it says and not one more; afterwards it takes them again. */
static void full_body(struct pair *p, struct driver_ring_options options)
{
	unsigned fit = options.indirect ? options.size : options.size / 3, lap, i;
	struct queue_chain chain;
	uint32_t written;

	for (lap = 0; lap < 5; lap++) {
		for (i = 0; i < fit; i++)
			assert_true(add(p, i + 1, 1, 2));
		if (options.indirect || options.size % 3 == 0)
			assert_false(add(p, 99, 1, 2));
		for (i = 0; i < fit; i++) {
			assert_int_equal(queue_pop(p->queue, &chain, p->segments), QUEUE_CHAIN);
			queue_push(p->queue, &chain, 7);
		}
		queue_publish(p->queue);
		for (i = 0; i < fit; i++) {
			assert_int_equal((uintptr_t)driver_ring_take(&p->ring, &written), i + 1);
			assert_int_equal(written, 7);
		}
		assert_null(driver_ring_take(&p->ring, &written));
	}
}

static void test_full(void **state)
{
	each_ring(full_body);
}

/* A used element that names nothing in flight breaks the ring, with a reason. */
static void test_liar(void **state)
{
	static struct pair p;
	uint16_t *used;
	uint32_t written;

	pair_init(&p, (struct driver_ring_options){.size = 8, .indirect = true});
	assert_true(add(&p, 1, 1, 1));
	used = p.ring.device_host;
	used[2] = 5; /* element 0: id 5, which is free */
	used[1] = 1;
	assert_null(driver_ring_take(&p.ring, &written));
	assert_non_null(p.ring.broken);
	pair_release(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_laps),
	    cmocka_unit_test(test_wishes),
	    cmocka_unit_test(test_full),
	    cmocka_unit_test(test_liar),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
