/* SPDX-License-Identifier: MIT */
/* From a chain of buffers to a request: every type, every error, every way to cut the bytes up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "vmm-lite/virtio/blk_request.h"

#define MEMORY   (2u << 20)
#define CAPACITY 1000
#define HEADER   0x1000u
#define STATUS   0x2000u
#define DATA     0x10000u
#define MAX_IOV  64

static struct guest_mem mem;
static struct queue_segment segments[QUEUE_MAX_SEGMENTS];
static struct iovec iov[MAX_IOV];
static struct blk_request r;

static const uint64_t ALL_TYPES =
    FEATURE(F_FLUSH) | FEATURE(F_DISCARD) | FEATURE(F_WRITE_ZEROES) | FEATURE(F_SECURE_ERASE);
static struct blk_rules rules;
static struct queue_chain chain;

static int setup(void **state)
{
	/* None of the 2 GiB is touched. */
	return guest_mem_init(&mem, MEMORY) ||
	       guest_mem_add(&mem, GPA(GUEST_MEM_HIGH_START), 1u << 31, NULL, false);
}

static int teardown(void **state)
{
	guest_mem_release(&mem);
	return 0;
}

static uint8_t *at(uint64_t addr)
{
	return guest_mem_ptr(&mem, GPA(addr), 1, GUEST_WRITE);
}

static void start(void)
{
	rules = (struct blk_rules){.capacity = CAPACITY,
				   .features = ALL_TYPES,
				   .max_discard = 100,
				   .max_write_zeroes = 200,
				   .max_secure_erase = 300};
	chain = (struct queue_chain){.segments = segments};
}

static void readable(uint64_t addr, uint32_t len)
{
	assert_int_equal(chain.writable, 0);
	segments[chain.readable++] = (struct queue_segment){GPA(addr), len};
}

static void writable(uint64_t addr, uint32_t len)
{
	segments[chain.readable + chain.writable++] = (struct queue_segment){GPA(addr), len};
}

static void header(uint32_t type, uint64_t sector)
{
	struct blk_header h = {type, 0, sector};

	memcpy(at(HEADER), &h, sizeof(h));
}

static void parse(void)
{
	memset(&r, 0xaa, sizeof(r));
	blk_request_parse(&r, &rules, &mem, &chain, iov, MAX_IOV);
}

/* Header, data and status in the usual three pieces. */
static void usual(uint32_t type, uint64_t sector, uint32_t length, bool to_guest)
{
	chain.readable = chain.writable = 0;
	header(type, sector);
	readable(HEADER, 16);
	if (length && !to_guest)
		readable(DATA, length);
	if (length && to_guest)
		writable(DATA, length);
	writable(STATUS, 1);
	parse();
}

static void refused(enum blk_error error)
{
	assert_int_equal(r.error, error);
	assert_int_equal(r.action, BLK_REFUSE);
}

static void accepted(enum blk_action action, uint64_t sector, uint64_t length)
{
	assert_int_equal(r.error, BLK_ERROR_none);
	assert_int_equal(r.action, action);
	assert_int_equal(r.sector, sector);
	assert_int_equal(r.data_length, length);
	assert_ptr_equal(r.status, at(STATUS));
}

static void test_types(void **state)
{
	start();
	usual(BLK_T_IN, 7, 4096, true);
	accepted(BLK_READ, 7, 4096);
	assert_int_equal(r.room, 4096);
	assert_int_equal(r.data_count, 1);
	assert_ptr_equal(r.data[0].iov_base, at(DATA));
	assert_int_equal(r.data[0].iov_len, 4096);
	usual(BLK_T_OUT, 8, 512, false);
	accepted(BLK_WRITE, 8, 512);
	assert_int_equal(r.room, 0);
	assert_ptr_equal(r.data[0].iov_base, at(DATA));
	usual(BLK_T_FLUSH, 0, 0, false);
	accepted(BLK_FLUSH, 0, 0);
	usual(BLK_T_FLUSH_OUT, 0, 0, false);
	accepted(BLK_FLUSH, 0, 0);
	usual(BLK_T_GET_ID, 0, 20, true);
	accepted(BLK_GET_ID, 0, 20);

	/* A type exists with its feature only; the guest is told so. */
	rules.features = 0;
	for (uint32_t type = 0; type < 40; type++) {
		bool known = type == BLK_T_IN || type == BLK_T_OUT || type == BLK_T_GET_ID;

		usual(type, 0, 512, type != BLK_T_OUT);
		if (known)
			assert_int_equal(r.error, BLK_ERROR_none);
		else
			refused(BLK_ERROR_type);
		assert_int_equal(r.type, type);
	}
	assert_int_equal(blk_error_status(BLK_ERROR_type), BLK_S_UNSUPP);
	assert_int_equal(blk_error_status(BLK_ERROR_none), BLK_S_OK);
	for (int error = 1; error < BLK_ERROR_COUNT; error++) {
		assert_int_not_equal(blk_error_status(error), BLK_S_OK);
		assert_true(strlen(blk_error_text(error)) > 5);
	}
	usual(0x80000000 | BLK_T_IN, 0, 512, true);
	refused(BLK_ERROR_type);
}

static void test_range(void **state)
{
	start();
	usual(BLK_T_IN, CAPACITY - 1, 512, true);
	accepted(BLK_READ, CAPACITY - 1, 512);
	usual(BLK_T_IN, CAPACITY - 1, 1024, true);
	refused(BLK_ERROR_range);
	usual(BLK_T_OUT, CAPACITY, 512, false);
	refused(BLK_ERROR_range);
	usual(BLK_T_OUT, UINT64_MAX, 512, false);
	refused(BLK_ERROR_range);
	usual(BLK_T_IN, UINT64_MAX - 1, 1024, true);
	refused(BLK_ERROR_range);
	/* Bytes that would be the right place modulo 2^64. */
	usual(BLK_T_IN, 1ull << 55, 512, true);
	refused(BLK_ERROR_range);
	/* Nothing at the very end is still nothing; behind it, it is an error. */
	usual(BLK_T_IN, CAPACITY, 0, true);
	accepted(BLK_READ, CAPACITY, 0);
	usual(BLK_T_IN, CAPACITY + 1, 0, true);
	refused(BLK_ERROR_range);
	usual(BLK_T_IN, 0, 511, true);
	refused(BLK_ERROR_length);
	usual(BLK_T_OUT, 0, 513, false);
	refused(BLK_ERROR_length);
	/* The status can be given in each case. */
	assert_ptr_equal(r.status, at(STATUS));
}

static void test_read_only(void **state)
{
	static const uint32_t changes[] = {BLK_T_OUT, BLK_T_DISCARD, BLK_T_WRITE_ZEROES,
					   BLK_T_SECURE_ERASE};

	start();
	rules.read_only = true;
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		usual(changes[i], 0, 512, false);
		refused(BLK_ERROR_read_only);
	}
	usual(BLK_T_IN, 0, 512, true);
	accepted(BLK_READ, 0, 512);
	usual(BLK_T_FLUSH, 0, 0, false);
	accepted(BLK_FLUSH, 0, 0);
}

/* Bytes are bytes: header, data and status may share descriptors or be cut anywhere. (2.6.4) */
static void test_framing(void **state)
{
	start();
	header(BLK_T_OUT, 3);
	for (unsigned i = 0; i < 16; i++)
		readable(HEADER + i, 1);
	readable(DATA, 1);
	readable(DATA + 1, 511);
	writable(STATUS, 1);
	parse();
	accepted(BLK_WRITE, 3, 512);
	/* Neighbours are joined again. */
	assert_int_equal(r.data_count, 1);
	assert_ptr_equal(r.data[0].iov_base, at(DATA));

	start();
	memcpy(at(DATA), at(HEADER), 16);
	readable(DATA, 16 + 1024);
	writable(STATUS, 1);
	parse();
	accepted(BLK_WRITE, 3, 1024);
	assert_ptr_equal(r.data[0].iov_base, at(DATA + 16));
	assert_int_equal(r.data[0].iov_len, 1024);

	start();
	header(BLK_T_IN, 3);
	readable(HEADER, 16);
	writable(DATA, 300);
	writable(DATA + 0x1000, 213); /* 212 bytes of data, then the status */
	parse();
	assert_int_equal(r.error, BLK_ERROR_none);
	assert_int_equal(r.data_length, 512);
	assert_int_equal(r.data_count, 2);
	assert_int_equal(r.data[1].iov_len, 212);
	assert_ptr_equal(r.status, at(DATA + 0x1000 + 212));
	assert_int_equal(r.room, 512);

	/* More readable bytes than a header are no data of a read. */
	start();
	readable(HEADER, 16);
	readable(DATA, 512);
	writable(DATA + 0x1000, 1024);
	writable(STATUS, 1);
	parse();
	accepted(BLK_READ, 3, 1024);
}

static void test_bad_chains(void **state)
{
	start();
	readable(HEADER, 16);
	parse();
	refused(BLK_ERROR_no_status);
	assert_null(r.status);
	assert_int_equal(blk_request_used(&r, 0), 0);

	start();
	parse();
	refused(BLK_ERROR_no_status);

	/* A status outside of memory is none; the header is in order. */
	start();
	header(BLK_T_IN, 0);
	readable(HEADER, 16);
	writable(DATA, 512);
	writable(MEMORY, 1);
	parse();
	refused(BLK_ERROR_no_status);
	assert_null(r.status);

	start();
	readable(HEADER, 15);
	writable(STATUS, 1);
	parse();
	refused(BLK_ERROR_header);
	assert_int_equal(r.type, UINT32_MAX);
	assert_ptr_equal(r.status, at(STATUS));

	/* Half in memory is not in memory, on either side. */
	start();
	readable(HEADER, 16);
	writable(MEMORY - 256, 512);
	writable(STATUS, 1);
	parse();
	refused(BLK_ERROR_address);
	assert_ptr_equal(r.status, at(STATUS));
	start();
	readable(MEMORY - 8, 16);
	writable(STATUS, 1);
	parse();
	refused(BLK_ERROR_address);
	start();
	readable(HEADER, 16);
	readable(UINT64_MAX - 255, 512);
	writable(STATUS, 1);
	parse();
	refused(BLK_ERROR_address);

	start();
	header(BLK_T_IN, 0);
	readable(HEADER, 16);
	writable(STATUS, 1);
	chain.oversize = true;
	parse();
	refused(BLK_ERROR_too_long);

	/* More pieces than there is room for. */
	start();
	readable(HEADER, 16);
	for (unsigned i = 0; i < MAX_IOV + 8; i++)
		writable(DATA + 1024 * i, 512);
	parse();
	assert_int_not_equal(r.error, BLK_ERROR_none);
	assert_int_equal(r.action, BLK_REFUSE);

	/* More than a used length can tell, by naming the same memory again and again. */
	for (int to_guest = 0; to_guest < 2; to_guest++) {
		start();
		header(to_guest ? BLK_T_IN : BLK_T_OUT, 0);
		readable(HEADER, 16);
		for (unsigned i = 0; i < 3; i++)
			(to_guest ? writable : readable)(GUEST_MEM_HIGH_START, 1u << 31);
		writable(STATUS, 1);
		parse();
		refused(BLK_ERROR_too_long);
	}
}

static void range(unsigned i, uint64_t sector, uint32_t sectors, uint32_t flags)
{
	struct blk_range one = {sector, sectors, flags};

	memcpy(at(DATA + 16 * i), &one, sizeof(one));
}

static void test_segments(void **state)
{
	static const struct {
		uint32_t type;
		enum blk_action action;
		uint32_t max, allowed_flags;
	} kinds[] = {
	    {BLK_T_DISCARD, BLK_DISCARD, 100, 0},
	    {BLK_T_WRITE_ZEROES, BLK_WRITE_ZEROES, 200, BLK_RANGE_UNMAP},
	    {BLK_T_SECURE_ERASE, BLK_SECURE_ERASE, 300, 0},
	};

	start();
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		range(0, 5, kinds[i].max, kinds[i].allowed_flags);
		range(1, CAPACITY - 1, 1, 0);
		usual(kinds[i].type, 0, 32, false);
		assert_int_equal(r.error, BLK_ERROR_none);
		assert_int_equal(r.action, kinds[i].action);
		assert_int_equal(r.range_count, 2);
		assert_int_equal(r.ranges[0].sector, 5);
		assert_int_equal(r.ranges[0].sectors, kinds[i].max);
		assert_int_equal(r.ranges[1].sector, CAPACITY - 1);
		/* A copy: what the guest writes afterwards changes nothing. */
		range(0, 0, 0, 0xff);
		assert_int_equal(r.ranges[0].sector, 5);

		range(0, 0, kinds[i].max + 1, 0);
		usual(kinds[i].type, 0, 16, false);
		refused(BLK_ERROR_segment_size);
		range(0, CAPACITY - 1, 2, 0);
		usual(kinds[i].type, 0, 16, false);
		refused(BLK_ERROR_range);
		range(0, UINT64_MAX, 1, 0);
		usual(kinds[i].type, 0, 16, false);
		refused(BLK_ERROR_range);
		range(0, 0, 1, kinds[i].allowed_flags | 2);
		usual(kinds[i].type, 0, 16, false);
		refused(BLK_ERROR_flags);
		assert_int_equal(blk_error_status(r.error), BLK_S_UNSUPP);
		range(0, 0, 1, 0x80000000);
		usual(kinds[i].type, 0, 16, false);
		refused(BLK_ERROR_flags);
		if (!kinds[i].allowed_flags) {
			range(0, 0, 1, BLK_RANGE_UNMAP);
			usual(kinds[i].type, 0, 16, false);
			refused(BLK_ERROR_flags);
		}

		usual(kinds[i].type, 0, 0, false);
		refused(BLK_ERROR_segments);
		usual(kinds[i].type, 0, 17, false);
		refused(BLK_ERROR_segments);
		usual(kinds[i].type, 0, 16 * (BLK_MAX_RANGES + 1), false);
		refused(BLK_ERROR_segments);
		for (unsigned j = 0; j < BLK_MAX_RANGES; j++)
			range(j, j, 1, 0);
		usual(kinds[i].type, 0, 16 * BLK_MAX_RANGES, false);
		assert_int_equal(r.error, BLK_ERROR_none);
		assert_int_equal(r.range_count, BLK_MAX_RANGES);
	}
}

/* Linux has the segments of a secure erase in writable descriptors; of other types they are none there. */
static void test_segments_on_the_wrong_side(void **state)
{
	static const uint32_t strict[] = {BLK_T_DISCARD, BLK_T_WRITE_ZEROES};

	start();
	range(0, 5, 300, 0);
	range(1, CAPACITY - 1, 1, 0);
	usual(BLK_T_SECURE_ERASE, 0, 32, true);
	assert_int_equal(r.error, BLK_ERROR_none);
	assert_int_equal(r.action, BLK_SECURE_ERASE);
	assert_int_equal(r.range_count, 2);
	assert_int_equal(r.ranges[0].sector, 5);
	assert_int_equal(r.ranges[1].sector, CAPACITY - 1);
	/* They are not written, so no length may claim the status byte behind them. */
	assert_int_equal(r.room, 32);
	assert_int_equal(blk_request_used(&r, 0), 0);

	range(0, CAPACITY, 1, 0);
	usual(BLK_T_SECURE_ERASE, 0, 16, true);
	refused(BLK_ERROR_range);
	range(0, 0, 1, 1);
	usual(BLK_T_SECURE_ERASE, 0, 16, true);
	refused(BLK_ERROR_flags);
	usual(BLK_T_SECURE_ERASE, 0, 15, true);
	refused(BLK_ERROR_segments);
	usual(BLK_T_SECURE_ERASE, 0, 16 * (BLK_MAX_RANGES + 1), true);
	refused(BLK_ERROR_segments);

	/* Those on the right side count, whatever else is there. */
	start();
	header(BLK_T_SECURE_ERASE, 0);
	range(0, 7, 1, 0);
	range(64, 9, 1, 0);
	readable(HEADER, 16);
	readable(DATA, 16);
	writable(DATA + 16 * 64, 16);
	writable(STATUS, 1);
	parse();
	assert_int_equal(r.error, BLK_ERROR_none);
	assert_int_equal(r.range_count, 1);
	assert_int_equal(r.ranges[0].sector, 7);

	start();
	range(0, 5, 1, 0);
	for (size_t i = 0; i < sizeof(strict) / sizeof(strict[0]); i++) {
		usual(strict[i], 0, 16, true);
		refused(BLK_ERROR_segments);
	}
}

/* What the device answers into the guest's memory needs room there; zones have to exist. */
static void test_answers(void **state)
{
	start();
	rules.features |= FEATURE(F_LIFETIME) | FEATURE(F_ZONED);
	rules.max_append = 8;
	usual(BLK_T_GET_LIFETIME, 0, sizeof(struct blk_lifetime), true);
	accepted(BLK_GET_LIFETIME, 0, sizeof(struct blk_lifetime));
	usual(BLK_T_GET_LIFETIME, 0, sizeof(struct blk_lifetime) - 1, true);
	refused(BLK_ERROR_room);
	usual(BLK_T_ZONE_REPORT, CAPACITY - 1, 4096, true);
	accepted(BLK_ZONE_REPORT, CAPACITY - 1, 4096);
	usual(BLK_T_ZONE_REPORT, CAPACITY, 4096, true);
	refused(BLK_ERROR_zone);
	usual(BLK_T_ZONE_REPORT, 0, sizeof(struct blk_zone_report) - 1, true);
	refused(BLK_ERROR_room);
	usual(BLK_T_ZONE_RESET, UINT64_MAX, 0, false);
	refused(BLK_ERROR_zone);

	/* The sector that an append went to comes before the status, wherever those bytes lie. */
	for (uint32_t sectors = 8; sectors < 10; sectors++) {
		start();
		rules.features |= FEATURE(F_ZONED);
		rules.max_append = 8;
		header(BLK_T_ZONE_APPEND, 16);
		readable(HEADER, 16);
		readable(DATA, 512 * sectors);
		writable(DATA - 0x1000, 3);
		writable(DATA - 0x2000, 6); /* five bytes, and the status */
		parse();
		if (sectors > 8) {
			refused(BLK_ERROR_append_size);
			continue;
		}
		assert_int_equal(r.error, BLK_ERROR_none);
		assert_int_equal(r.action, BLK_ZONE_APPEND);
		assert_int_equal(r.data_length, 4096);
		assert_ptr_equal(r.append[0], at(DATA - 0x1000));
		assert_ptr_equal(r.append[2], at(DATA - 0x1000 + 2));
		assert_ptr_equal(r.append[3], at(DATA - 0x2000));
		assert_ptr_equal(r.append[7], at(DATA - 0x2000 + 4));
		assert_ptr_equal(r.status, at(DATA - 0x2000 + 5));
	}
	usual(BLK_T_ZONE_APPEND, 0, 512, false);
	refused(BLK_ERROR_room);
}

/* Only what was written without a gap counts, and the status if all before it was. (2.7.8.2) */
static void test_used_length(void **state)
{
	start();
	usual(BLK_T_IN, 0, 4096, true);
	assert_int_equal(blk_request_used(&r, 4096), 4097);
	assert_int_equal(blk_request_used(&r, 512), 512);
	assert_int_equal(blk_request_used(&r, 0), 0);
	usual(BLK_T_OUT, 0, 4096, false);
	assert_int_equal(blk_request_used(&r, 0), 1);
}

/* Parsing writes nothing: not the status, not the data. */
static void test_pure(void **state)
{
	static uint8_t before[MEMORY];

	start();
	memset(at(DATA), 0x5a, 4096);
	*at(STATUS) = 0xee;
	header(BLK_T_OUT, 1);
	memcpy(before, at(0), MEMORY);
	usual(BLK_T_OUT, 1, 4096, false);
	assert_memory_equal(before, at(0), MEMORY);
	usual(BLK_T_OUT, 1, 4097, false);
	assert_memory_equal(before, at(0), MEMORY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_types),
	    cmocka_unit_test(test_range),
	    cmocka_unit_test(test_read_only),
	    cmocka_unit_test(test_framing),
	    cmocka_unit_test(test_bad_chains),
	    cmocka_unit_test(test_segments),
	    cmocka_unit_test(test_segments_on_the_wrong_side),
	    cmocka_unit_test(test_answers),
	    cmocka_unit_test(test_used_length),
	    cmocka_unit_test(test_pure),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
