/* SPDX-License-Identifier: MIT */
/* Exporters and what only a hostile guest asks for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/export.h"

#define SECTOR (UINT64_MAX - 6)

/* One request's life in the VMM as an export has it; the text or bytes are the caller's. */
static char *export_one(const char *format, uint8_t op, uint64_t sector, uint32_t bytes,
			unsigned payload, size_t *size)
{
	const struct vbt_target target = {.pid = 7, .points = UINT32_MAX, .comm = "bad\xff{name"};
	const struct vbt_source source = {.kind = VBT_SOURCE_RING, .tid = 10, .name = "queue"};
	const struct vbt_device device = {.shm = {.present = 1, .name = "disk0", .queues = 1}};
	const struct vbt_event events[] = {
	    {.time = 1000, .point = VBT_MARK_wake, .code = VBT_WAKE_recheck},
	    {.time = 1100, .point = VBT_MARK_pop, .seq = 1},
	    {.time = 1200,
	     .point = VBT_MARK_parse,
	     .seq = 1,
	     .op = op,
	     .arg = sector,
	     .val = bytes},
	    {.time = 1250,
	     .point = VBT_AUX_data,
	     .seq = 1,
	     .op = 5,
	     .code = 1,
	     .arg = 0x6f6c6c6568},
	    {.time = 1300, .point = VBT_MARK_submit, .seq = 1, .op = VBT_IO_none},
	    {.time = 1400, .point = VBT_MARK_reap, .seq = 1, .op = VBT_IO_none},
	    {.time = 1500, .point = VBT_MARK_push, .seq = 1, .arg = 1, .code = 1},
	};
	const struct vbt_export_options options = {.exporter = vbt_exporter_find(format),
						   .payload = payload};
	struct vbt_trace_info info;
	struct vbt_export_run *run;
	char *text = NULL;
	FILE *out = open_memstream(&text, size);

	assert_non_null(out);
	vbt_trace_info_init(&info);
	vbt_trace_info_set_target(&info, 0, &target);
	vbt_trace_info_set_source(&info, 0, &source);
	vbt_trace_info_set_device(&info, &device);
	run = vbt_export_new(&options, out, &info);
	assert_non_null(run);
	assert_int_equal(vbt_export_events(run, events, sizeof(events) / sizeof(events[0])), 0);
	assert_int_equal(vbt_export_finish(run), 0);
	assert_int_equal(vbt_export_requests(run), 1);
	assert_int_equal(vbt_export_payloads(run), payload > 0);
	vbt_export_free(run);
	vbt_trace_info_release(&info);
	assert_int_equal(fclose(out), 0);
	return text;
}

static void has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("no '%s' in: %s", part, text);
}

/* OpenTelemetry's integers are signed: a collector refuses the whole line for one that is too big. */
static void test_otlp_sector(void **state)
{
	size_t size;
	char *text = export_one("otlp", 0, SECTOR, 512, 0, &size);

	has(text,
	    "{\"key\":\"virtio_blk.sector\",\"value\":{\"stringValue\":\"18446744073709551609\"}}");
	has(text, "\"bad\\ufffd{name\"");
	free(text);
	text = export_one("otlp", 0, INT64_MAX, 512, 0, &size);
	has(text,
	    "{\"key\":\"virtio_blk.sector\",\"value\":{\"intValue\":\"9223372036854775807\"}}");
	free(text);
}

/* What moves no sectors has none: its bytes are a list of ranges, or an answer. */
static void test_blkparse_sectors(void **state)
{
	size_t size;
	char *text = export_one("blkparse", 1, SECTOR, 4096, 0, &size);

	has(text, " Q   W 18446744073709551609 + 8 [");
	has(text, " C   W 18446744073709551609 + 8 [1]\n");
	free(text);
	text = export_one("blkparse", 11, 0, 16, 0, &size);
	has(text, " Q   D [");
	has(text, " C   D 0 [1]\n");
	assert_null(strchr(text, '+'));
	free(text);
}

/* A request that says it has 4 GiB, of which 5 bytes are there: a packet's lengths have 32 bits. */
static void test_pcap_lengths(void **state)
{
	bool found = false;
	size_t size, at = 24;
	char *text = export_one("pcap", 1, 0, UINT32_MAX, 64, &size);

	while (at < size) {
		uint32_t lengths[2];

		assert_true(size - at >= 16);
		memcpy(lengths, text + at + 8, sizeof(lengths));
		at += 16;
		assert_true(lengths[0] <= lengths[1] && lengths[0] <= size - at);
		if (lengths[0] < lengths[1]) {
			assert_false(found);
			found = true;
			assert_memory_equal(text + at + lengths[0] - 5, "hello", 5);
			assert_true(lengths[1] > UINT32_MAX - (1u << 20));
		}
		at += lengths[0];
	}
	assert_true(found);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_otlp_sector),
	    cmocka_unit_test(test_blkparse_sectors),
	    cmocka_unit_test(test_pcap_lengths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
