/* SPDX-License-Identifier: MIT */
/* Ring views from items that are whole, cut, out of place and made up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "lib/lesson.h"
#include "lib/ring_view.h"

static struct vbt_ring_view_builder builder;

static bool give(unsigned item, uint64_t arg, uint32_t seq, uint32_t val, uint16_t head,
		 uint8_t code)
{
	const struct vbt_event event = {.point = VBT_AUX_ring,
					.op = (uint8_t)item,
					.arg = arg,
					.seq = seq,
					.val = val,
					.head = head,
					.code = code};

	return vbt_ring_view_event(&builder, &event);
}

static bool begin(unsigned moment, uint32_t items)
{
	return give(VBT_RING_ITEM_begin, 7, 3, items, 5, (uint8_t)moment);
}

static void test_whole(void **state)
{
	const struct vbt_ring_view *v = &builder.snapshot;
	unsigned region = 9;

	assert_false(begin(VBT_RING_AT_pop, 5));
	assert_false(give(VBT_RING_ITEM_area, 0x1000, VBT_RING_EVENT_IDX, 256, 16, 0));
	assert_false(give(VBT_RING_ITEM_region, 0x7f0000000000, 0x100, 0x10, 0, 0));
	assert_false(give(VBT_RING_ITEM_driver, 0x0004000300020001, 1 | 9u << 16, 8, 4, 4));
	assert_false(give(VBT_RING_ITEM_desc, 0x100010, 1 | 2u << 16, 16, 5, 0));
	assert_true(give(VBT_RING_ITEM_status, 0x100800, 0, 255, 0, 0));
	assert_int_equal(v->seq, 3);
	assert_int_equal(v->head, 5);
	assert_int_equal(v->size, 16);
	assert_int_equal(v->avail_flags, 1);
	assert_int_equal(v->avail_index, 9);
	assert_int_equal(v->avail_entries, 4);
	assert_int_equal(v->avail_entry[3], 4);
	assert_int_equal(v->descs, 1);
	assert_int_equal(v->desc[0].link, 2);
	assert_int_equal(v->status, 255);
	assert_int_equal(vbt_ring_view_host(v, 0x100010, &region), 0x7f0000000010);
	assert_int_equal(region, 0);
	assert_int_equal(vbt_ring_view_host(v, 0x110000, &region), 0);
	assert_int_equal(vbt_ring_view_host(v, 0xfffff, &region), 0);
}

static void test_packed_fields(void **state)
{
	begin(VBT_RING_AT_push, 2);
	give(VBT_RING_ITEM_area, 0x1000, VBT_RING_PACKED, 128, 8, 0);
	assert_true(give(VBT_RING_ITEM_desc, 0x2000, 6 | 0x8080u << 16, 513, 3, 0));
	assert_int_equal(builder.snapshot.desc[0].link, 6);
	assert_int_equal(builder.snapshot.desc[0].flags, 0x8080);
}

static void test_holes(void **state)
{
	const struct vbt_event other = {.point = VBT_MARK_pop};

	/* Items without a beginning, and a beginning that promises too much. */
	memset(&builder, 0, sizeof(builder));
	assert_false(give(VBT_RING_ITEM_status, 1, 0, 0, 0, 0));
	begin(VBT_RING_AT_pop, VBT_RING_MAX_ITEMS + 1);
	assert_false(give(VBT_RING_ITEM_status, 1, 0, 0, 0, 0));
	begin(VBT_RING_MOMENT_COUNT, 1);
	assert_false(give(VBT_RING_ITEM_status, 1, 0, 0, 0, 0));
	/* Another event inside: something was lost. */
	begin(VBT_RING_AT_pop, 1);
	assert_false(vbt_ring_view_event(&builder, &other));
	assert_false(give(VBT_RING_ITEM_status, 1, 0, 0, 0, 0));
	/* A new beginning drops the old one. */
	begin(VBT_RING_AT_pop, 2);
	begin(VBT_RING_AT_push, 1);
	assert_true(give(VBT_RING_ITEM_status, 1, 0, 0, 0, 0));
	assert_int_equal(builder.snapshot.moment, VBT_RING_AT_push);
}

/* More of each kind than there is room for, and kinds that do not exist: counted items, no more. */
static void test_too_many(void **state)
{
	for (unsigned item = 0; item < 256; item++) {
		if (item == VBT_RING_ITEM_begin)
			continue;
		for (unsigned code = 0; code < 256; code += 51) {
			begin(VBT_RING_AT_pop, VBT_RING_MAX_ITEMS);
			for (unsigned i = 1; i < VBT_RING_MAX_ITEMS; i++)
				assert_false(give(item, UINT64_MAX, UINT32_MAX, UINT32_MAX,
						  UINT16_MAX, (uint8_t)code));
			assert_true(give(item, UINT64_MAX, UINT32_MAX, UINT32_MAX, UINT16_MAX,
					 (uint8_t)code));
			assert_true(builder.snapshot.avail_entries <= VBT_RING_WINDOW);
			assert_true(builder.snapshot.header_bytes <= 16);
		}
	}
}

static void test_lessons(void **state)
{
	unsigned chapter = 0;

	for (unsigned page = 0; page < VBT_PAGE_COUNT; page++) {
		const struct vbt_lesson *lesson = vbt_lesson(page);

		assert_non_null(lesson->text);
		assert_non_null(lesson->cost);
		assert_non_null(lesson->split);
		assert_non_null(lesson->packed);
		assert_non_null(lesson->linux_names);
		assert_non_null(lesson->qemu_names);
		assert_non_null(vbt_actor_name(lesson->actor));
		/* Chapters follow one another, none is left out. */
		assert_true(lesson->chapter == chapter || lesson->chapter == chapter + 1);
		chapter = lesson->chapter;
	}
	assert_int_equal(chapter, VBT_CHAPTER_COUNT - 1);
	assert_null(vbt_lesson(VBT_PAGE_COUNT));
	for (chapter = 0; chapter < VBT_CHAPTER_COUNT; chapter++)
		for (unsigned i = 0; i < VBT_CHAPTER_QUESTIONS; i++) {
			assert_non_null(vbt_chapter_questions(chapter)[i].question);
			assert_non_null(vbt_chapter_questions(chapter)[i].answer);
		}
	assert_null(vbt_chapter_questions(VBT_CHAPTER_COUNT));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_whole),   cmocka_unit_test(test_packed_fields),
	    cmocka_unit_test(test_holes),   cmocka_unit_test(test_too_many),
	    cmocka_unit_test(test_lessons),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
