/* SPDX-License-Identifier: MIT */
/*
 * Disk keys about zones, wear and erasing: what is taken, and what is refused with its reason. And that
 * no key is missing where they are described.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "vmm-lite/features.h"
#include "vmm-lite/options.h"
#include "vmm-lite/options_table.h"

static void test_refused(void **state)
{
	static const struct {
		const char *text, *reason;
	} table[] = {
	    {"d,zoned=host-managed,features=+discard", "write pointer"},
	    {"d,features=+discard,zoned=host-managed", "exclude each other"},
	    {"d,zoned=host-managed,features=-zoned", "could not write"},
	    {"d,zoned=host-managed,transport=transitional", "transport=modern"},
	    {"d,zoned=host-managed,transport=legacy", "transport=modern"},
	    {"d,zoned=yes", "allowed: none, host-aware, host-managed"},
	    {"d,zone-size=1M", "needs zoned="},
	    {"d,zone-max-open=1", "needs zoned="},
	    {"d,zoned=none,zone-conventional=1", "needs zoned="},
	    {"d,zoned=host-managed,zone-size=3M", "power of two"},
	    {"d,zoned=host-managed,zone-size=32K", "out of range"},
	    {"d,zoned=host-managed,zone-capacity=65M", "larger than the zone"},
	    {"d,zoned=host-aware,zone-max-open=1", "need zoned=host-managed"},
	    {"d,zoned=host-aware,zone-capacity=1M", "need zoned=host-managed"},
	    {"d,lifetime=1", "no lifetime"},
	    {"d,lifetime=1:2", "no lifetime"},
	    {"d,lifetime=4:1:1", "no lifetime"},
	    {"d,lifetime=1:12:1", "no lifetime"},
	    {"d,lifetime=1:1:1:1", "no lifetime"},
	    {"d,lifetime=1:1:", "no lifetime"},
	    {"d,lifetime=", "no lifetime"},
	};
	struct disk_options o;
	char err[512];

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		*err = 0;
		assert_int_equal(options_parse_disk(&o, table[i].text, err, sizeof(err)), 2);
		if (!strstr(err, table[i].reason))
			fail_msg("%s: '%s' is not in: %s", table[i].text, table[i].reason, err);
		assert_null(strchr(err, '\n'));
		options_release_disk(&o);
	}
}

static void test_taken(void **state)
{
	struct disk_options o;
	char err[512];

	assert_int_equal(options_parse_disk(&o,
					    "d,zoned=host-managed,zone-size=1M,zone-capacity=768K,"
					    "zone-conventional=2,zone-max-open=3,zone-max-active=4",
					    err, sizeof(err)),
			 0);
	assert_int_equal(o.zoned, ZONED_HOST_MANAGED);
	assert_int_equal(o.transport, TRANSPORT_MODERN);
	assert_int_equal(o.zone_size, 1 << 20);
	assert_int_equal(o.zone_capacity, 768 << 10);
	assert_int_equal(o.zone_conventional, 2);
	assert_int_equal(o.zone_max_open, 3);
	assert_int_equal(o.zone_max_active, 4);
	options_release_disk(&o);
	assert_int_equal(options_parse_disk(&o, "d,zoned=host-aware", err, sizeof(err)), 0);
	assert_int_equal(o.transport, TRANSPORT_TRANSITIONAL);
	options_release_disk(&o);
	assert_int_equal(options_parse_disk(&o, "d,lifetime=3:11:0", err, sizeof(err)), 0);
	assert_true(o.lifetime_given);
	assert_int_equal(o.lifetime[0], 3);
	assert_int_equal(o.lifetime[1], 11);
	assert_int_equal(o.lifetime[2], 0);
	options_release_disk(&o);
}

static void test_bench(void **state)
{
	char words[4][40] = {"vmm-lite", "bench", "--disk", "null,aio=null,zoned=host-aware"};
	char *argv[] = {words[0], words[1], words[2], words[3]};
	struct options options;
	char err[512];

	assert_int_equal(options_parse(&options, 4, argv, err, sizeof(err)), 2);
	assert_non_null(strstr(err, "zoned="));
	options_release(&options);
}

/* Where the device is described, each key and each feature is. */
static void test_document(void **state)
{
	static char text[65536];
	FILE *file = fopen("docs/DEVICE.md", "re");
	char name[40];

	assert_non_null(file);
	assert_true(fread(text, 1, sizeof(text) - 1, file) > 0);
	assert_true(feof(file));
	fclose(file);
	for (size_t i = 0; i < disk_row_count; i++) {
		snprintf(name, sizeof(name), "`%s=", disk_rows[i].name);
		if (!strstr(text, name))
			fail_msg("docs/DEVICE.md says nothing of %s...`", name);
	}
	for (size_t i = 0; i < feature_count; i++) {
		snprintf(name, sizeof(name), "`%s`", feature_names[i].name);
		if (!strstr(text, name))
			fail_msg("docs/DEVICE.md says nothing of feature %s", name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_taken),
	    cmocka_unit_test(test_bench),
	    cmocka_unit_test(test_document),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
