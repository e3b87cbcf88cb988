/* SPDX-License-Identifier: MIT */
/* What a reader of the VMM's rings misses: counted to the record, and not more than need be. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "probes/ring_reader.h"
#include "probes/stage_point.h"
#include "probes/stage_shm.h"

#define UNPLACED 5

struct world {
	char path[32];
	struct ring_reader *reader;
	unsigned ring; /* this thread's */
	uint32_t seq;  /* of the last record */
};

static void fire(struct world *w, uint64_t count)
{
	for (; count; count--)
		STAGE_POINT(pop, 0, 0, ++w->seq, 0, 0, 0, 0, 0);
}

static uint64_t size_of(const struct world *w)
{
	return stage_shm.header->rings[w->ring].size;
}

static void open_reader(struct world *w, bool history)
{
	char err[256];

	w->reader = ring_reader_open_file(w->path, err, sizeof(err));
	assert_non_null(w->reader);
	assert_int_equal(ring_reader_start(w->reader, history, 0, err, sizeof(err)), 0);
}

/* All that there is: it follows `from` without a gap but for what is said to be lost. Returns that. */
static uint64_t drain(struct world *w, uint64_t from)
{
	struct ring_batch batch;
	uint64_t lost = 0;

	ring_reader_rings(w->reader);
	while (ring_reader_next(w->reader, w->ring, 0, &batch)) {
		lost += batch.lost;
		from += batch.lost;
		for (size_t i = 0; i < batch.count; i++)
			assert_int_equal(batch.records[i].seq, ++from);
	}
	assert_int_equal(from, w->seq);
	return lost;
}

static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct stage_ring_options options = {.program = "test", .size = 256 << 10};
	char err[256];
	int fd;

	assert_non_null(w);
	snprintf(w->path, sizeof(w->path), "/tmp/ring-XXXXXX");
	fd = mkstemp(w->path);
	assert_true(fd >= 0);
	close(fd);
	options.flight_recorder = w->path;
	assert_int_equal(stage_ring_init(&options, err, sizeof(err)), 0);
	stage_thread_begin("test");
	w->ring = (unsigned)(stage_thread.ring - stage_shm.header->rings);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	ring_reader_close(w->reader);
	stage_ring_exit();
	unlink(w->path);
	free(w);
	return 0;
}

/* Who starts again at the record that is overwritten next loses the race again at once. */
static void test_overrun(void **state)
{
	struct world *w = *state;
	uint64_t size = size_of(w), lost;

	open_reader(w, false);
	fire(w, 2 * size);
	lost = drain(w, 0);
	assert_int_equal(lost, size + 1 + size / 8);
	fire(w, size - 1);
	assert_int_equal(drain(w, w->seq - (size - 1)), 0);
}

/* As much room as was skipped, the writer has before it overtakes the reader again. */
static void test_headroom(void **state)
{
	struct world *w = *state;
	uint64_t size = size_of(w), read = 0;
	struct ring_batch batch;

	open_reader(w, false);
	fire(w, 2 * size);
	ring_reader_rings(w->reader);
	assert_true(ring_reader_next(w->reader, w->ring, 1, &batch));
	assert_int_equal(batch.count, 1);
	read = batch.lost + batch.count;
	fire(w, size / 8);
	assert_int_equal(drain(w, read), 0);
}

/* There is nothing to be won by skipping what a recording of the past has. */
static void test_history(void **state)
{
	struct world *w = *state;
	uint64_t size = size_of(w);

	fire(w, 2 * size);
	open_reader(w, true);
	assert_int_equal(drain(w, w->seq - (size - 1)), 0);
}

/* The next look finds nothing but that the ring cannot be read, and says so once. */
static void is_unreadable(struct world *w)
{
	struct ring_batch batch;

	ring_reader_rings(w->reader);
	assert_true(ring_reader_next(w->reader, w->ring, 0, &batch));
	assert_true(batch.unreadable);
	assert_int_equal(batch.count, 0);
	assert_int_equal(batch.lost, 0);
	for (int i = 0; i < 2; i++) {
		ring_reader_rings(w->reader);
		assert_false(ring_reader_next(w->reader, w->ring, 0, &batch));
	}
}

/* A header that makes no sense for a while: what is there when it does again is read, each record once. */
static void test_unreadable(void **state)
{
	struct world *w = *state;
	struct vbt_shm_ring *ring = &stage_shm.header->rings[w->ring], good;
	const struct vbt_shm_ring bad[] = {
	    {.size = 3},
	    {.size = 1ull << 40},
	    {.size = ring->size, .offset = ring->offset + 1},
	    {.size = ring->size, .offset = stage_shm.header->file_size},
	    {.size = ring->size, .offset = ring->offset, .head = UINT64_MAX},
	    {.size = ring->size, .offset = ring->offset, .first = 1000, .head = 999},
	    {.size = ring->size, .offset = ring->offset, .head = 9}, /* it went back */
	    {.size = ring->size, .offset = ring->offset, .head = 1ull << 50},
	};

	open_reader(w, false);
	fire(w, 10);
	assert_int_equal(drain(w, 0), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		good = *ring;
		*ring = bad[i];
		is_unreadable(w);
		*ring = good;
		fire(w, 10);
		assert_int_equal(drain(w, w->seq - 10), 0);
	}
	/* As it went on meanwhile, what it overwrote is lost, and known. */
	*ring = bad[0];
	is_unreadable(w);
	*ring = good;
	fire(w, 2 * good.size);
	assert_true(drain(w, w->seq - 2 * good.size) > good.size);
}

/* One that never made sense before the recording began: what is from before is not ours. */
static void test_unreadable_before(void **state)
{
	struct world *w = *state;
	struct vbt_shm_ring *ring = &stage_shm.header->rings[w->ring], good;

	fire(w, 10);
	good = *ring;
	ring->size = 0;
	open_reader(w, false);
	is_unreadable(w);
	*ring = good;
	assert_int_equal(drain(w, 10), 0);
	fire(w, 10);
	assert_int_equal(drain(w, 10), 0);
}

/* The file was cut: nothing is read of what is not there. */
static void test_cut(void **state)
{
	struct world *w = *state;

	open_reader(w, false);
	fire(w, 10);
	assert_int_equal(truncate(w->path, (off_t)stage_shm.header->rings[w->ring].offset), 0);
	is_unreadable(w);
}

static void *fire_without(void *context)
{
	for (uint32_t i = 0; i < UNPLACED; i++)
		STAGE_POINT(pop, 0, 0, i, 0, 0, 0, 0, 0);
	return NULL;
}

/* A thread that found no ring. */
static void test_unplaced(void **state)
{
	struct world *w = *state;
	pthread_t thread;

	open_reader(w, false);
	assert_int_equal(ring_reader_unplaced(w->reader), 0);
	assert_int_equal(pthread_create(&thread, NULL, fire_without, NULL), 0);
	pthread_join(thread, NULL);
	ring_reader_rings(w->reader);
	assert_int_equal(ring_reader_unplaced(w->reader), UNPLACED);
	ring_reader_rings(w->reader);
	assert_int_equal(ring_reader_unplaced(w->reader), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_overrun, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_headroom, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_history, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_unreadable, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_unreadable_before, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_cut, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_unplaced, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
