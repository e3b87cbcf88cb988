/* SPDX-License-Identifier: MIT */
/* A request's data: cut into records by the VMM's side, put together by the toolkit's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "lib/payload.h"
#include "probes/stage_point.h"
#include "probes/stage_shm.h"

#define DEVICE 3
#define QUEUE  2
#define BYTES  5000

static uint8_t memory[BYTES];
static const struct vbt_request request = {.target = 1, .device = DEVICE, .queue = QUEUE, .seq = 7};

static struct vbt_event event_of(const struct vbt_record *record)
{
	struct vbt_event event;

	assert_true(vbt_event_from_record(&event, record, 1000 + record->head, 1, 1, 20));
	assert_int_equal(event.point, VBT_AUX_data);
	return event;
}

/* One piece of a request's data by hand. */
static void give(struct vbt_payloads *p, uint32_t seq, unsigned step, const char *text)
{
	struct vbt_event event = {.time = 1000 + seq,
				  .point = VBT_AUX_data,
				  .target = 1,
				  .device = DEVICE,
				  .queue = QUEUE,
				  .seq = seq,
				  .head = (uint16_t)step,
				  .op = (uint8_t)strlen(text),
				  .code = 1};
	char bytes[VBT_DATA_STEP] = {0};

	memcpy(bytes, text, strlen(text) < sizeof(bytes) ? strlen(text) : sizeof(bytes));
	memcpy(&event.arg, bytes, 8);
	memcpy(&event.val, bytes + 8, 4);
	vbt_payloads_event(p, &event);
}

static void expect(struct vbt_payloads *p, const char *text)
{
	struct vbt_payload payload = {0};

	assert_int_equal(vbt_payloads_take(p, &request, true, &payload), text != NULL);
	if (!text)
		return;
	assert_int_equal(payload.size, strlen(text));
	assert_memory_equal(payload.bytes, text, payload.size);
}

static void test_put_together(void **state)
{
	struct vbt_payloads *p = vbt_payloads_new(30);
	struct vbt_payload payload;

	assert_non_null(p);
	expect(p, NULL);
	give(p, 7, 0, "twelve bytes");
	give(p, 8, 0, "of another");
	give(p, 7, 1, " and more");
	/* It was given: there is none for the guest. And it is had once. */
	assert_false(vbt_payloads_take(p, &request, false, &payload));
	expect(p, "twelve bytes and more");
	expect(p, NULL);

	/* As many bytes as are wanted. */
	for (unsigned i = 0; i < 4; i++)
		give(p, 7, i, "0123456789ab");
	expect(p, "0123456789ab0123456789ab012345");

	/* A hole ends it; without a beginning there is nothing; a new beginning begins anew. */
	give(p, 7, 0, "0123456789ab");
	give(p, 7, 2, "0123456789ab");
	expect(p, "0123456789ab");
	give(p, 7, 1, "0123456789ab");
	expect(p, NULL);
	give(p, 7, 0, "0123456789ab");
	give(p, 7, 0, "anew");
	/* Nothing follows on a piece that was not full. */
	give(p, 7, 1, "0123456789ab");
	expect(p, "anew");

	/* In any order: where a clock is corrected, times change places. */
	give(p, 7, 2, "89abcd");
	give(p, 7, 0, "0123456789ab");
	give(p, 7, 1, "cdef01234567");
	expect(p, "0123456789abcdef0123456789abcd");
	give(p, 7, 1, "and more");
	give(p, 7, 0, "twelve bytes");
	expect(p, "twelve bytesand more");

	/* Lengths that cannot be. */
	give(p, 7, 0, "");
	give(p, 7, 0, "0123456789abc");
	expect(p, NULL);
	give(p, 7, UINT16_MAX, "0123456789ab");
	expect(p, NULL);
	vbt_payloads_free(p);
}

/* However many are never asked for, the newest are there. */
static void test_bounded(void **state)
{
	struct vbt_payloads *p = vbt_payloads_new(VBT_DATA_MAX);
	struct vbt_request other = request;
	struct vbt_payload payload;

	assert_non_null(p);
	for (uint32_t seq = 1; seq <= 16384; seq++)
		give(p, seq, 0, "x");
	assert_int_equal(vbt_payloads_pushed_out(p), 0);
	for (uint32_t seq = 16385; seq <= 100000; seq++)
		give(p, seq, 0, "x");
	assert_int_equal(vbt_payloads_pushed_out(p), 100000 - 16384);
	for (other.seq = 100000; other.seq > 100000 - 8192; other.seq--)
		assert_true(vbt_payloads_take(p, &other, true, &payload));
	vbt_payloads_free(p);
}

static const struct vbt_record *records_from(uint64_t head, unsigned *count)
{
	*count = (unsigned)(stage_thread.head - head);
	return &stage_thread.records[head & stage_thread.mask];
}

/* What a VMM writes of `length` bytes in pieces, when `wanted` are wanted, is what comes out again. */
static void cut_and_join(unsigned wanted, uint64_t length)
{
	const struct iovec pieces[] = {{memory, 1},        {NULL, 0},
				       {memory + 1, 30},   {memory + 31, 12},
				       {memory + 43, 957}, {memory + 1000, 4000}};
	struct vbt_payloads *p = vbt_payloads_new(VBT_DATA_MAX);
	unsigned size = length < wanted ? (unsigned)length : wanted, count;
	const uint64_t head = stage_thread.head;
	const struct vbt_record *records;
	struct vbt_payload payload;

	if (size > VBT_DATA_MAX)
		size = VBT_DATA_MAX;
	if (size > BYTES)
		size = BYTES;
	stage_point_ring(true, false, wanted);
	stage_data(DEVICE, QUEUE, 7, false, pieces, 6, length);
	records = records_from(head, &count);
	assert_int_equal(count, (size + VBT_DATA_STEP - 1) / VBT_DATA_STEP);
	for (unsigned i = 0; i < count; i++) {
		struct vbt_event event = event_of(&records[i]);

		vbt_payloads_event(p, &event);
	}
	assert_int_equal(vbt_payloads_take(p, &request, false, &payload), size > 0);
	if (size) {
		assert_int_equal(payload.size, size);
		assert_memory_equal(payload.bytes, memory, size);
	}
	vbt_payloads_free(p);
}

/* What a VMM writes that is no piece of data is no event. */
static void test_no_piece(void **state)
{
	struct vbt_record record = {.point = VBT_AUX_data, .op = VBT_DATA_STEP};
	struct vbt_event event;

	assert_true(vbt_event_from_record(&event, &record, 1, 1, 1, 1));
	record.op = VBT_DATA_STEP + 1;
	assert_false(vbt_event_from_record(&event, &record, 1, 1, 1, 1));
	record.op = 0;
	assert_false(vbt_event_from_record(&event, &record, 1, 1, 1, 1));
}

static void test_of_a_vmm(void **state)
{
	const struct stage_ring_options options = {.program = "test", .size = 4 << 20};
	char err[256];

	assert_int_equal(stage_ring_init(&options, err, sizeof(err)), 0);
	stage_thread_begin("test");
	assert_true(stage_thread.mask >= 511);
	for (unsigned i = 0; i < BYTES; i++)
		memory[i] = (uint8_t)(i * 7 + i / 256);
	cut_and_join(0, 512);
	cut_and_join(512, 0);
	cut_and_join(1, 512);
	cut_and_join(12, 512);
	cut_and_join(13, 512);
	cut_and_join(512, 512);
	cut_and_join(4096, 513);
	stage_thread.head &= ~stage_thread.mask; /* so that the records do not go round */
	cut_and_join(UINT32_MAX, 4999);
	stage_thread.head &= ~stage_thread.mask;
	/* What a guest says it has and has not. */
	cut_and_join(4096, UINT64_MAX);
	stage_ring_exit();
}

/* Nobody asked: the points of a request bring no data along. */
static void test_never_unasked(void **state)
{
	stage_point_ring(true, true, 0);
	assert_true(STAGE_POINT_ENABLED(parse));
	assert_true(STAGE_POINT_ENABLED(ring));
	assert_false(STAGE_POINT_ENABLED(data));
	stage_point_ring(true, false, 1);
	assert_true(STAGE_POINT_ENABLED(data));
	assert_false(STAGE_POINT_ENABLED(ring));
	stage_point_ring(false, false, 0);
	assert_false(STAGE_POINT_ENABLED(data));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_put_together),  cmocka_unit_test(test_bounded),
	    cmocka_unit_test(test_no_piece),      cmocka_unit_test(test_of_a_vmm),
	    cmocka_unit_test(test_never_unasked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
