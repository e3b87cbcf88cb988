/* SPDX-License-Identifier: MIT */
/* The zone state machine: every transition of virtio 1.3, 5.2.6, its refusals, limits, write pointers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "vmm-lite/disk/zones.h"

#define K    1024ull
#define ZONE (64 * K)

static struct zones_shape shape(void)
{
	return (struct zones_shape){
	    .disk_size = 8 * ZONE + 8 * K, /* the last one is smaller */
	    .zone_size = ZONE,
	    .capacity = 48 * K,
	    .granularity = 4096,
	    .conventional = 1,
	};
}

static struct zones made(struct zones_shape s)
{
	struct zones zones;

	assert_true(zones_init(&zones, &s));
	return zones;
}

static unsigned state(const struct zones *z, unsigned i)
{
	return z->zone[i].state;
}

/* The counters are what the states say. */
static void counted(const struct zones *z)
{
	unsigned open = 0, active = 0;

	for (unsigned i = 0; i < z->count; i++) {
		open += state(z, i) == ZONE_IMPLICIT_OPEN || state(z, i) == ZONE_EXPLICIT_OPEN;
		active += state(z, i) >= ZONE_IMPLICIT_OPEN && state(z, i) <= ZONE_CLOSED;
	}
	assert_int_equal(z->open, open);
	assert_int_equal(z->active, active);
}

/* Bring zone 1 into a state by the means that a driver has. */
static void bring(struct zones *z, enum zone_state to)
{
	struct zone zone = z->zone[1];

	switch (to) {
	case ZONE_IMPLICIT_OPEN: assert_int_equal(zones_write(z, ZONE, 4096), 0); break;
	case ZONE_EXPLICIT_OPEN:
		assert_int_equal(zones_write(z, ZONE, 4096), 0);
		assert_int_equal(zones_open(z, ZONE), 0);
		break;
	case ZONE_CLOSED:
		assert_int_equal(zones_write(z, ZONE, 4096), 0);
		assert_int_equal(zones_close(z, ZONE), 0);
		break;
	case ZONE_FULL: assert_int_equal(zones_write(z, ZONE, 48 * K), 0); break;
	case ZONE_READ_ONLY:
	case ZONE_OFFLINE:
		zone.state = (uint8_t)to;
		assert_true(zones_set(z, 1, &zone));
		break;
	default: break;
	}
	assert_int_equal(state(z, 1), to);
}

enum { OPEN, CLOSE, FINISH, RESET, WRITE, APPEND, READ, OPERATIONS };

static enum zone_error perform(struct zones *z, int operation)
{
	uint64_t at;

	switch (operation) {
	case OPEN: return zones_open(z, ZONE);
	case CLOSE: return zones_close(z, ZONE);
	case FINISH: return zones_finish(z, ZONE);
	case RESET: return zones_reset(z, ZONE);
	case WRITE: return zones_write(z, ZONE + z->zone[1].wp, 4096);
	case APPEND: return zones_append(z, ZONE, 4096, &at);
	default: return zones_read(z, ZONE, 4096);
	}
}

static void test_transitions(void **test_state)
{
	/* By state: what each operation leads to; 0: refused, nothing changes. */
	static const struct {
		enum zone_state from;
		uint8_t to[OPERATIONS];
	} table[] = {
	    {ZONE_EMPTY,
	     {ZONE_EXPLICIT_OPEN, 0, ZONE_FULL, ZONE_EMPTY, ZONE_IMPLICIT_OPEN, ZONE_IMPLICIT_OPEN,
	      ZONE_EMPTY}},
	    {ZONE_IMPLICIT_OPEN,
	     {ZONE_EXPLICIT_OPEN, ZONE_CLOSED, ZONE_FULL, ZONE_EMPTY, ZONE_IMPLICIT_OPEN,
	      ZONE_IMPLICIT_OPEN, ZONE_IMPLICIT_OPEN}},
	    {ZONE_EXPLICIT_OPEN,
	     {ZONE_EXPLICIT_OPEN, ZONE_CLOSED, ZONE_FULL, ZONE_EMPTY, ZONE_EXPLICIT_OPEN,
	      ZONE_EXPLICIT_OPEN, ZONE_EXPLICIT_OPEN}},
	    {ZONE_CLOSED,
	     {ZONE_EXPLICIT_OPEN, ZONE_CLOSED, ZONE_FULL, ZONE_EMPTY, ZONE_IMPLICIT_OPEN,
	      ZONE_IMPLICIT_OPEN, ZONE_CLOSED}},
	    {ZONE_FULL, {0, 0, ZONE_FULL, ZONE_EMPTY, 0, 0, ZONE_FULL}},
	    {ZONE_READ_ONLY, {0, 0, 0, 0, 0, 0, ZONE_READ_ONLY}},
	    {ZONE_OFFLINE, {0, 0, 0, 0, 0, 0, 0}},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		for (int operation = 0; operation < OPERATIONS; operation++) {
			struct zones z = made(shape());
			unsigned to = table[i].to[operation];
			uint64_t wp;

			bring(&z, table[i].from);
			wp = z.zone[1].wp;
			assert_int_equal(perform(&z, operation), to ? ZONE_OK : ZONE_INVALID);
			assert_int_equal(state(&z, 1), to ? to : table[i].from);
			if (!to)
				assert_int_equal(z.zone[1].wp, wp);
			counted(&z);
			zones_release(&z);
		}
}

static void test_close_untouched(void **test_state)
{
	struct zones z = made(shape());

	assert_int_equal(zones_open(&z, ZONE), 0);
	assert_int_equal(zones_close(&z, ZONE), 0);
	assert_int_equal(state(&z, 1), ZONE_EMPTY);
	counted(&z);
	zones_release(&z);
}

static void test_write_pointer(void **test_state)
{
	struct zones z = made(shape());
	uint64_t at;

	assert_int_equal(zones_write(&z, ZONE + 4096, 4096), ZONE_UNALIGNED);
	assert_int_equal(zones_write(&z, ZONE, 512), ZONE_UNALIGNED);
	assert_int_equal(state(&z, 1), ZONE_EMPTY);
	assert_int_equal(zones_write(&z, ZONE, 8192), ZONE_OK);
	assert_int_equal(z.zone[1].wp, 8192);
	assert_int_equal(zones_write(&z, ZONE, 4096), ZONE_UNALIGNED);
	assert_int_equal(zones_append(&z, ZONE, 4096, &at), ZONE_OK);
	assert_int_equal(at, ZONE + 8192);
	assert_int_equal(zones_append(&z, ZONE + 4096, 4096, &at), ZONE_INVALID);
	assert_int_equal(zones_append(&z, ZONE, 0, &at), ZONE_INVALID);
	assert_int_equal(zones_append(&z, ZONE, 512, &at), ZONE_UNALIGNED);
	assert_int_equal(zones_append(&z, 9 * ZONE, 4096, &at), ZONE_INVALID);
	assert_int_equal(zones_append(&z, 0, 4096, &at), ZONE_INVALID);
	/* Beyond the capacity; then exactly up to it. */
	assert_int_equal(zones_write(&z, ZONE + 12 * K, 40 * K), ZONE_INVALID);
	assert_int_equal(zones_append(&z, ZONE, 40 * K, &at), ZONE_INVALID);
	assert_int_equal(zones_write(&z, ZONE + 12 * K, 36 * K), ZONE_OK);
	assert_int_equal(state(&z, 1), ZONE_FULL);
	counted(&z);
	/* Across a border: sequential zones never, conventional ones not into them. */
	assert_int_equal(zones_write(&z, 2 * ZONE, 2 * ZONE), ZONE_INVALID);
	assert_int_equal(zones_read(&z, 2 * ZONE - 512, 1024), ZONE_INVALID);
	assert_int_equal(zones_write(&z, ZONE - 4096, 8192), ZONE_INVALID);
	assert_int_equal(zones_write(&z, 512, 512), ZONE_OK);
	/* The last zone has what is left of the disk. */
	assert_int_equal(zones_capacity(&z, 8), 8 * K);
	assert_int_equal(zones_write(&z, 8 * ZONE, 8 * K), ZONE_OK);
	assert_int_equal(state(&z, 8), ZONE_FULL);
	zones_release(&z);
}

static void test_failed_writes(void **test_state)
{
	struct zones z = made(shape());

	assert_int_equal(zones_write(&z, ZONE, 8192), ZONE_OK);
	assert_int_equal(zones_write(&z, ZONE + 8192, 8192), ZONE_OK);
	/* Others follow: the pointer stays. */
	zones_write_failed(&z, ZONE, 8192, 0);
	assert_int_equal(z.zone[1].wp, 16 * K);
	/* The last one: whole granules count. */
	zones_write_failed(&z, ZONE + 8192, 8192, 5000);
	assert_int_equal(z.zone[1].wp, 12 * K);
	/* A zone that was filled up is not full then. */
	assert_int_equal(zones_write(&z, ZONE + 12 * K, 36 * K), ZONE_OK);
	zones_write_failed(&z, ZONE + 12 * K, 36 * K, 0);
	assert_int_equal(state(&z, 1), ZONE_CLOSED);
	assert_int_equal(z.zone[1].wp, 12 * K);
	counted(&z);
	/* A zone that was finished or reset meanwhile is left alone. */
	assert_int_equal(zones_write(&z, ZONE + 12 * K, 4096), ZONE_OK);
	assert_int_equal(zones_finish(&z, ZONE), ZONE_OK);
	zones_write_failed(&z, ZONE + 12 * K, 4096, 0);
	assert_int_equal(state(&z, 1), ZONE_FULL);
	zones_release(&z);
}

static void test_limits(void **test_state)
{
	struct zones_shape s = shape();
	struct zones z;
	uint64_t at;

	s.max_open = 2;
	s.max_active = 3;
	z = made(s);
	/* Explicitly open ones are kept. */
	assert_int_equal(zones_open(&z, 1 * ZONE), 0);
	assert_int_equal(zones_open(&z, 2 * ZONE), 0);
	assert_int_equal(zones_open(&z, 2 * ZONE), 0);
	assert_int_equal(zones_open(&z, 3 * ZONE), ZONE_OPEN_RESOURCE);
	assert_int_equal(zones_write(&z, 3 * ZONE, 4096), ZONE_OPEN_RESOURCE);
	assert_int_equal(zones_append(&z, 3 * ZONE, 4096, &at), ZONE_OPEN_RESOURCE);
	assert_int_equal(state(&z, 3), ZONE_EMPTY);
	/* Implicitly open ones make room. */
	assert_int_equal(zones_close(&z, 2 * ZONE), 0);
	assert_int_equal(zones_write(&z, 2 * ZONE, 4096), 0);
	assert_int_equal(zones_write(&z, 3 * ZONE, 4096), 0);
	assert_int_equal(state(&z, 2), ZONE_CLOSED);
	assert_int_equal(state(&z, 3), ZONE_IMPLICIT_OPEN);
	counted(&z);
	/* Three are active: a fourth is too many, and is too many in that sense first. */
	assert_int_equal(zones_write(&z, 4 * ZONE, 4096), ZONE_ACTIVE_RESOURCE);
	assert_int_equal(zones_open(&z, 4 * ZONE), ZONE_ACTIVE_RESOURCE);
	assert_int_equal(state(&z, 3), ZONE_IMPLICIT_OPEN);
	assert_int_equal(zones_finish(&z, 2 * ZONE), 0);
	assert_int_equal(zones_write(&z, 4 * ZONE, 4096), 0);
	counted(&z);
	/* A full zone uses up nothing. */
	assert_int_equal(zones_append(&z, 4 * ZONE, 44 * K, &at), 0);
	assert_int_equal(zones_write(&z, 5 * ZONE, 4096), 0);
	counted(&z);
	zones_release(&z);
}

static void test_preferred(void **test_state)
{
	struct zones_shape s = shape();
	struct zones z;
	uint64_t at;

	s.preferred = true;
	s.capacity = s.zone_size;
	s.conventional = 0;
	z = made(s);
	assert_int_equal(z.zone[1].type, ZONE_PREFERRED);
	assert_int_equal(zones_write(&z, ZONE + 8192, 512), 0);
	assert_int_equal(z.zone[1].wp, 8704);
	assert_int_equal(zones_write(&z, ZONE, 512), 0);
	assert_int_equal(z.zone[1].wp, 8704);
	assert_int_equal(state(&z, 1), ZONE_IMPLICIT_OPEN);
	/* Over a border, and up to the end of one. */
	assert_int_equal(zones_write(&z, 2 * ZONE - 512, 1024), 0);
	assert_int_equal(state(&z, 1), ZONE_FULL);
	assert_int_equal(z.zone[2].wp, 512);
	assert_int_equal(zones_read(&z, 2 * ZONE - 512, 1024), 0);
	assert_int_equal(zones_append(&z, ZONE, 4096, &at), ZONE_INVALID);
	assert_int_equal(zones_finish(&z, 2 * ZONE), 0);
	assert_int_equal(zones_write(&z, 2 * ZONE + 4096, 512), 0);
	assert_int_equal(z.zone[2].written, 4608);
	assert_int_equal(zones_reset(&z, ZONE), 0);
	counted(&z);
	zones_release(&z);
}

static void test_unwritten(void **test_state)
{
	struct zones z = made(shape());
	uint64_t offset = ZONE, length = ZONE;

	assert_int_equal(zones_write(&z, ZONE, 8192), 0);
	assert_true(zones_unwritten(&z, &offset, &length));
	assert_int_equal(offset, ZONE + 8192);
	assert_int_equal(length, ZONE - 8192);
	/* Finishing writes nothing. */
	assert_int_equal(zones_finish(&z, ZONE), 0);
	offset = ZONE + 4096, length = 8192;
	assert_true(zones_unwritten(&z, &offset, &length));
	assert_int_equal(offset, ZONE + 8192);
	assert_int_equal(length, 4096);
	offset = ZONE, length = 8192;
	assert_false(zones_unwritten(&z, &offset, &length));
	offset = 0, length = ZONE;
	assert_false(zones_unwritten(&z, &offset, &length));
	zones_release(&z);
}

static void test_management_of_others(void **test_state)
{
	static const uint64_t wrong[] = {0,        512,        ZONE + 512,
					 9 * ZONE, UINT64_MAX, 8 * ZONE + 8 * K};
	struct zones z = made(shape());

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(zones_open(&z, wrong[i]), ZONE_INVALID);
		assert_int_equal(zones_close(&z, wrong[i]), ZONE_INVALID);
		assert_int_equal(zones_finish(&z, wrong[i]), ZONE_INVALID);
		assert_int_equal(zones_reset(&z, wrong[i]), ZONE_INVALID);
	}
	zones_release(&z);
}

static void test_set(void **test_state)
{
	static const struct {
		struct zone zone;
		bool fits;
	} table[] = {
	    {{48 * K, 0, 0, ZONE_SEQUENTIAL, ZONE_EMPTY}, true},
	    {{48 * K, 4096, 4096, ZONE_SEQUENTIAL, ZONE_EMPTY}, false},
	    {{48 * K, 4096, 4096, ZONE_SEQUENTIAL, ZONE_CLOSED}, true},
	    {{48 * K, 48 * K, 4096, ZONE_SEQUENTIAL, ZONE_CLOSED}, false},
	    {{48 * K, 48 * K, 4096, ZONE_SEQUENTIAL, ZONE_FULL}, true},
	    {{48 * K, 4096, 4096, ZONE_SEQUENTIAL, ZONE_FULL}, false},
	    {{48 * K, 4096, 8192, ZONE_SEQUENTIAL, ZONE_CLOSED}, false},
	    {{48 * K, 64 * K, 4096, ZONE_SEQUENTIAL, ZONE_READ_ONLY}, false},
	    {{48 * K, 0, 0, ZONE_SEQUENTIAL, ZONE_NOT_WP}, false},
	    {{48 * K, 0, 0, ZONE_SEQUENTIAL, 9}, false},
	    {{48 * K, 0, 0, 0, ZONE_EMPTY}, false},
	    {{48 * K, 0, 0, 4, ZONE_EMPTY}, false},
	    {{48 * K, 0, 0, ZONE_CONVENTIONAL, ZONE_EMPTY}, false},
	    {{65 * K, 0, 0, ZONE_SEQUENTIAL, ZONE_EMPTY}, false},
	    {{0, 0, 0, ZONE_SEQUENTIAL, ZONE_EMPTY}, false},
	    {{64 * K, 0, 0, ZONE_CONVENTIONAL, ZONE_NOT_WP}, true},
	};
	struct zones z = made(shape());

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		assert_int_equal(zones_set(&z, 1, &table[i].zone), table[i].fits);
	counted(&z);
	zones_release(&z);
}

static void test_sizes(void **test_state)
{
	struct zones_shape s = shape();
	struct zones z;

	s.disk_size = (ZONES_MAX + 1ull) * ZONE;
	assert_false(zones_init(&z, &s));
	zones_release(&z);
	s.disk_size = 0;
	assert_false(zones_init(&z, &s));
	s.disk_size = 4096;
	assert_true(zones_init(&z, &s));
	assert_int_equal(z.count, 1);
	zones_release(&z);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_transitions),   cmocka_unit_test(test_close_untouched),
	    cmocka_unit_test(test_write_pointer), cmocka_unit_test(test_failed_writes),
	    cmocka_unit_test(test_limits),        cmocka_unit_test(test_preferred),
	    cmocka_unit_test(test_unwritten),     cmocka_unit_test(test_management_of_others),
	    cmocka_unit_test(test_set),           cmocka_unit_test(test_sizes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
