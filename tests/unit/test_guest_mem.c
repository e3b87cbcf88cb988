/* SPDX-License-Identifier: MIT */
/* The one door to guest memory: what is RAM is reachable to the last byte, all else is refused. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "vmm-lite/guest_mem.h"

#define MIB       (1ull << 20)
#define GIB       (1ull << 30)
#define LOW_END   GUEST_MEM_LOW_LIMIT
#define HIGH      GUEST_MEM_HIGH_START
#define HUGE_PAGE (2 * MIB)

static void *at(const struct guest_mem *mem, uint64_t addr, uint64_t len)
{
	return guest_mem_ptr(mem, GPA(addr), len, GUEST_WRITE);
}

/* 5 GiB: 3 below the hole, 2 above. Nothing is touched but a few pages, so it costs nothing. */
static void test_hole(void **state)
{
	struct guest_mem mem;
	uint8_t *low, *high;

	assert_int_equal(guest_mem_init(&mem, 5 * GIB), 0);
	assert_int_equal(mem.count, 2);
	assert_int_equal(guest_mem_size(&mem), 5 * GIB);
	low = at(&mem, 0, LOW_END);
	high = at(&mem, HIGH, 2 * GIB);
	assert_non_null(low);
	assert_non_null(high);
	assert_ptr_equal(at(&mem, LOW_END - 1, 1), low + LOW_END - 1);
	assert_ptr_equal(at(&mem, HIGH + 2 * GIB - 1, 1), high + 2 * GIB - 1);

	/* In the hole, into it, out of it, over it, and behind the end. */
	assert_null(at(&mem, LOW_END, 1));
	assert_null(at(&mem, HIGH - 1, 1));
	assert_null(at(&mem, 0xfee00000, 4));
	assert_null(at(&mem, LOW_END - 1, 2));
	assert_null(at(&mem, HIGH - 1, 2));
	assert_null(at(&mem, LOW_END - 1, HIGH - LOW_END + 2));
	assert_null(at(&mem, HIGH + 2 * GIB, 1));
	assert_null(at(&mem, HIGH + 2 * GIB - 1, 2));
	assert_int_equal(guest_mem_write(&mem, GPA(LOW_END - 4), "12345678", 8), -EFAULT);
	assert_int_equal(low[LOW_END - 4], 0);

	/* One huge page of the guest is one of the host. */
	assert_int_equal((uintptr_t)low % HUGE_PAGE, 0);
	assert_int_equal((uintptr_t)high % HUGE_PAGE, 0);
	guest_mem_release(&mem);
	assert_int_equal(guest_mem_size(&mem), 0);
	assert_null(at(&mem, 0, 1));
}

static void test_sizes(void **state)
{
	static const struct {
		uint64_t size, low, high;
	} cases[] = {
	    {2 * MIB, 2 * MIB, 0},       {3 * GIB - 1 * MIB, 3 * GIB - 1 * MIB, 0},
	    {3 * GIB, 3 * GIB, 0},       {3 * GIB + 1 * MIB, 3 * GIB, 1 * MIB},
	    {4 * GIB, 3 * GIB, 1 * GIB},
	};
	struct guest_mem mem;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(guest_mem_init(&mem, cases[i].size), 0);
		assert_int_equal(mem.count, cases[i].high ? 2 : 1);
		assert_non_null(at(&mem, 0, cases[i].low));
		assert_null(at(&mem, 0, cases[i].low + 1));
		if (cases[i].high)
			assert_non_null(at(&mem, HIGH, cases[i].high));
		assert_null(at(&mem, HIGH, cases[i].high + 1));
		guest_mem_release(&mem);
	}
	assert_int_equal(guest_mem_init(&mem, 0), -EINVAL);
	assert_int_equal(guest_mem_init(&mem, UINT64_MAX - HIGH), -ENOMEM);
	assert_int_equal(mem.count, 0);
}

/* Sums that wrap around are not short ranges. */
static void test_overflow(void **state)
{
	struct guest_mem mem;
	struct iovec iov[GUEST_MEM_MAX_REGIONS];
	uint8_t byte = 1;

	assert_int_equal(guest_mem_init(&mem, 2 * MIB), 0);
	assert_null(at(&mem, 1, UINT64_MAX));
	assert_null(at(&mem, 0x1000, UINT64_MAX - 0xfff));
	assert_null(at(&mem, UINT64_MAX, 1));
	assert_null(at(&mem, UINT64_MAX, 2));
	assert_null(at(&mem, UINT64_MAX - 0xfff, 0x2000));
	assert_null(at(&mem, 0, 0));
	assert_int_equal(guest_mem_read(&mem, GPA(UINT64_MAX), &byte, 1), -EFAULT);
	assert_int_equal(guest_mem_write(&mem, GPA(UINT64_MAX), &byte, 2), -EFAULT);
	assert_int_equal(guest_mem_fill(&mem, GPA(2 * MIB - 1), 0, UINT64_MAX), -EFAULT);
	assert_int_equal(guest_mem_iov(&mem, GPA(1), UINT64_MAX, GUEST_READ, iov, 8), -EFAULT);
	assert_int_equal(guest_mem_iov(&mem, GPA(1), 0, GUEST_READ, iov, 8), 0);

	/* A region at the very top: the end of its last byte is not representable. */
	assert_int_equal(guest_mem_add(&mem, GPA(0ull - MIB), MIB, NULL, false), 0);
	assert_non_null(at(&mem, UINT64_MAX, 1));
	assert_null(at(&mem, UINT64_MAX, 2));
	assert_int_equal(guest_mem_iov(&mem, GPA(UINT64_MAX), 1, GUEST_READ, iov, 8), 1);
	/* Over the top it would go on at 0, where there is RAM, too. */
	assert_int_equal(guest_mem_iov(&mem, GPA(UINT64_MAX), 2, GUEST_READ, iov, 8), -EFAULT);
	assert_int_equal(guest_mem_add(&mem, GPA(UINT64_MAX - MIB + 2), MIB, NULL, false), -EINVAL);
	guest_mem_release(&mem);
}

static void test_add(void **state)
{
	static uint8_t page[4096];
	struct guest_mem mem;

	assert_int_equal(guest_mem_init(&mem, 2 * MIB), 0);
	assert_int_equal(guest_mem_add(&mem, GPA(4 * MIB), 0, NULL, false), -EINVAL);
	assert_int_equal(guest_mem_add(&mem, GPA(2 * MIB - 1), 4096, NULL, false), -EEXIST);
	assert_int_equal(guest_mem_add(&mem, GPA(0x1000), 4096, NULL, false), -EEXIST);
	assert_int_equal(guest_mem_add(&mem, GPA(4 * MIB), sizeof(page), page, false), 0);
	assert_int_equal(guest_mem_add(&mem, GPA(4 * MIB - 4096), 4097, NULL, false), -EEXIST);
	assert_ptr_equal(at(&mem, 4 * MIB + 5, 1), page + 5);
	while (mem.count < GUEST_MEM_MAX_REGIONS)
		assert_int_equal(guest_mem_add(&mem, GPA(mem.count * 16 * MIB), 4096, NULL, false),
				 0);
	assert_int_equal(guest_mem_add(&mem, GPA(GIB), 4096, NULL, false), -ENOSPC);
	guest_mem_release(&mem);
}

static void test_read_only(void **state)
{
	static uint8_t rom[4096] = "rom";
	struct guest_mem mem;
	struct iovec iov[2];
	char text[4];

	assert_int_equal(guest_mem_init(&mem, 2 * MIB), 0);
	assert_int_equal(guest_mem_add(&mem, GPA(2 * MIB), sizeof(rom), rom, true), 0);
	assert_int_equal(guest_mem_read(&mem, GPA(2 * MIB), text, sizeof(text)), 0);
	assert_string_equal(text, "rom");
	assert_non_null(guest_mem_ptr(&mem, GPA(2 * MIB), 4096, GUEST_READ));
	assert_null(guest_mem_ptr(&mem, GPA(2 * MIB), 1, GUEST_WRITE));
	assert_int_equal(guest_mem_write(&mem, GPA(2 * MIB), "ram", 4), -EFAULT);
	assert_int_equal(guest_mem_fill(&mem, GPA(2 * MIB), 0, 1), -EFAULT);
	/* Nothing is done if not all can be done. */
	assert_int_equal(guest_mem_fill(&mem, GPA(2 * MIB - 16), 0xff, 17), -EFAULT);
	assert_int_equal(*(uint8_t *)at(&mem, 2 * MIB - 16, 1), 0);
	assert_int_equal(guest_mem_iov(&mem, GPA(2 * MIB - 1), 2, GUEST_WRITE, iov, 2), -EFAULT);
	assert_int_equal(guest_mem_iov(&mem, GPA(2 * MIB - 1), 2, GUEST_READ, iov, 2), 2);
	assert_string_equal((char *)rom, "rom");
	guest_mem_release(&mem);
}

/* Added in any order, regions that touch are one range for copies, and never one pointer. */
static void test_adjacent(void **state)
{
	static const char text[] = "across the border";
	char back[sizeof(text)];
	struct guest_mem mem;
	struct iovec iov[3];
	uint64_t border = 4 * MIB - 5;

	assert_int_equal(guest_mem_init(&mem, 2 * MIB), 0);
	assert_int_equal(guest_mem_add(&mem, GPA(4 * MIB), MIB, NULL, false), 0);
	assert_int_equal(guest_mem_add(&mem, GPA(2 * MIB), 2 * MIB, NULL, false), 0);
	assert_int_equal(guest_mem_write(&mem, GPA(border), text, sizeof(text)), 0);
	assert_memory_equal(at(&mem, border, 5), text, 5);
	assert_memory_equal(at(&mem, 4 * MIB, sizeof(text) - 5), text + 5, sizeof(text) - 5);
	assert_int_equal(guest_mem_read(&mem, GPA(border), back, sizeof(back)), 0);
	assert_string_equal(back, text);
	assert_null(at(&mem, border, sizeof(text)));

	assert_int_equal(guest_mem_iov(&mem, GPA(1), 5 * MIB - 1, GUEST_READ, iov, 3), 3);
	assert_int_equal(iov[0].iov_len, 2 * MIB - 1);
	assert_int_equal(iov[1].iov_len, 2 * MIB);
	assert_int_equal(iov[2].iov_len, MIB);
	assert_int_equal(guest_mem_iov(&mem, GPA(1), 5 * MIB - 1, GUEST_READ, iov, 2), -ENOBUFS);
	assert_int_equal(guest_mem_iov(&mem, GPA(1), 5 * MIB, GUEST_READ, iov, 3), -EFAULT);
	guest_mem_release(&mem);
}

/* As after power-on: what we own and may be written is zero, the rest stays. */
static void test_clear(void **state)
{
	static uint8_t foreign[4096] = "stays";
	struct guest_mem mem;

	assert_int_equal(guest_mem_init(&mem, 4 * GIB), 0);
	assert_int_equal(guest_mem_add(&mem, GPA(LOW_END), sizeof(foreign), foreign, false), 0);
	assert_int_equal(guest_mem_fill(&mem, GPA(0), 0xaa, 8192), 0);
	assert_int_equal(guest_mem_fill(&mem, GPA(HIGH + 4096), 0xaa, 4096), 0);
	guest_mem_clear(&mem);
	assert_int_equal(*(uint8_t *)at(&mem, 0, 1), 0);
	assert_int_equal(*(uint8_t *)at(&mem, 8191, 1), 0);
	assert_int_equal(*(uint8_t *)at(&mem, HIGH + 4096, 1), 0);
	assert_string_equal((char *)foreign, "stays");
	guest_mem_release(&mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_hole),      cmocka_unit_test(test_sizes),
	    cmocka_unit_test(test_overflow),  cmocka_unit_test(test_add),
	    cmocka_unit_test(test_read_only), cmocka_unit_test(test_adjacent),
	    cmocka_unit_test(test_clear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
