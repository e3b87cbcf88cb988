/* SPDX-License-Identifier: MIT */
/* What the terminal views compute before anything is drawn: keys, shares, numbers. */
#include <curses.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/layer_colour.h"
#include "tui/draw.h"
#include "tui/keys.h"

enum { ACTION_QUIT = 1, ACTION_HELP, ACTION_OPEN, ACTION_BACK };

static const struct key_binding table[] = {
    {ACTION_HELP, 3, {KEY_F(1), 'h', '?'}, "Help", "show what the keys do"},
    {ACTION_OPEN, 1, {KEY_ENTER}, "Open", "open the row"},
    {ACTION_BACK, 2, {KEY_ESC, KEY_BACKSPACE}, "Back", "back to where one came from"},
    {ACTION_QUIT, 3, {'q', KEY_F(10)}, "Quit", "end"},
    {0},
};

static void key_holds_in_its_views_only(void **state)
{
	assert_int_equal(keys_action(table, 0, 'h'), ACTION_HELP);
	assert_int_equal(keys_action(table, 1, KEY_F(1)), ACTION_HELP);
	assert_int_equal(keys_action(table, 0, KEY_ENTER), ACTION_OPEN);
	assert_int_equal(keys_action(table, 1, KEY_ENTER), 0);
	assert_int_equal(keys_action(table, 0, KEY_ESC), 0);
	assert_int_equal(keys_action(table, 1, KEY_ESC), ACTION_BACK);
	assert_int_equal(keys_action(table, 0, 'x'), 0);
	assert_int_equal(keys_action(table, 0, 0), 0);
}

static void what_terminals_send_for_one_key_is_one(void **state)
{
	assert_int_equal(keys_action(table, 0, '\r'), ACTION_OPEN);
	assert_int_equal(keys_action(table, 0, '\n'), ACTION_OPEN);
	assert_int_equal(keys_action(table, 1, 127), ACTION_BACK);
	assert_int_equal(keys_action(table, 1, '\b'), ACTION_BACK);
}

static void keys_are_named(void **state)
{
	char buf[64], small[6];

	assert_string_equal(keys_names(&table[0], buf, sizeof(buf)), "F1 h ?");
	assert_string_equal(keys_names(&table[2], buf, sizeof(buf)), "Esc Backspace");
	assert_string_equal(keys_name('L' - 64, buf), "Ctrl-L");
	assert_string_equal(keys_name(' ', buf), "Space");
	assert_int_equal(strlen(keys_names(&table[0], small, sizeof(small))), 5);
}

static void bar_knows_where_its_fields_are(void **state)
{
	const struct term term = {.rows = 24, .columns = 80}, narrow = {.rows = 24, .columns = 13};

	/* F1Help EnterOpen qQuit, each with a blank behind it */
	assert_int_equal(keys_bar_at(table, 0, &term, 0), ACTION_HELP);
	assert_int_equal(keys_bar_at(table, 0, &term, 6), ACTION_HELP);
	assert_int_equal(keys_bar_at(table, 0, &term, 7), ACTION_OPEN);
	assert_int_equal(keys_bar_at(table, 0, &term, 17), ACTION_QUIT);
	assert_int_equal(keys_bar_at(table, 0, &term, 60), 0);
	/* What has no room is left out, what follows may have it. */
	assert_int_equal(keys_bar_at(table, 0, &narrow, 7), ACTION_QUIT);
}

static void documentation_has_each_binding_once(void **state)
{
	static const char *const views[] = {"top", "detail", NULL};
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	keys_write_markdown(table, views, out);
	fclose(out);
	assert_non_null(strstr(text, "| `F1` `h` `?` | all views | show what the keys do |\n"));
	assert_non_null(strstr(text, "| `Enter` | top | open the row |\n"));
	free(text);
}

/* Whatever is rounded, the widths sum to the width. */
static void shares_sum_to_the_width(void **state)
{
	uint64_t seed = 1;

	for (unsigned round = 0; round < 20000; round++) {
		uint64_t ns[VBT_LAYER_COUNT], all = 0;
		unsigned cells[VBT_LAYER_COUNT], sum = 0, width = round % 211;

		for (unsigned i = 0; i < VBT_LAYER_COUNT; i++) {
			seed = seed * 6364136223846793005u + 1442695040888963407u;
			ns[i] = seed >> (seed >> 58); /* from nothing to 2^64 */
			ns[i] = seed & 4096 ? ns[i] : 0;
			all |= ns[i];
		}
		draw_share_cells(ns, VBT_LAYER_COUNT, width, cells);
		for (unsigned i = 0; i < VBT_LAYER_COUNT; i++) {
			sum += cells[i];
			assert_true(ns[i] || !cells[i]);
		}
		assert_int_equal(sum, all ? width : 0);
	}
}

static void shares_are_as_near_as_cells_allow(void **state)
{
	const uint64_t ns[6] = {0, 10, 20, 0, 30, 40};
	unsigned cells[6];

	draw_share_cells(ns, 6, 10, cells);
	assert_int_equal(cells[1], 1);
	assert_int_equal(cells[2], 2);
	assert_int_equal(cells[4], 3);
	assert_int_equal(cells[5], 4);
}

static void numbers_are_short(void **state)
{
	const struct term ascii = {0}, utf8 = {.utf8 = true};
	char buf[DRAW_NUMBER];

	assert_string_equal(draw_time(&ascii, 0, buf), "0ns");
	assert_string_equal(draw_time(&ascii, 999, buf), "999ns");
	assert_string_equal(draw_time(&ascii, 1000, buf), "1.0us");
	assert_string_equal(draw_time(&utf8, 12345, buf), "12\302\265s");
	assert_string_equal(draw_time(&ascii, 999499, buf), "999us");
	assert_string_equal(draw_time(&ascii, 999600, buf), "1.0ms");
	assert_string_equal(draw_time(&ascii, 5300000, buf), "5.3ms");
	assert_string_equal(draw_time(&ascii, 61000000000u, buf), "61s");
	assert_string_equal(draw_count(0, buf), "0");
	assert_string_equal(draw_count(999, buf), "999");
	assert_string_equal(draw_count(0.5, buf), "0.5");
	assert_string_equal(draw_count(20123, buf), "20k");
	assert_string_equal(draw_count(999600, buf), "1.0M");
	assert_string_equal(draw_bytes(4096, buf), "4.0k");
	assert_string_equal(draw_bytes(1 << 20, buf), "1.0M");
}

/* What a page has for a layer is what a terminal makes of the number. */
static void layers_have_colours_of_the_palette(void **state)
{
	assert_int_equal(vbt_palette_rgb(16), 0);
	assert_int_equal(vbt_palette_rgb(75), 0x5fafff);
	assert_int_equal(vbt_palette_rgb(231), 0xffffff);
	for (unsigned i = 0; i < VBT_LAYER_COUNT; i++) {
		const struct vbt_layer_colour *one = &vbt_layer_colours[i];

		assert_in_range(one->dark, 16, 231);
		assert_in_range(one->light, 16, 231);
		assert_in_range(one->contrast, 16, 231);
		assert_in_range(one->eight, 1, 6);
		for (unsigned j = 0; j < i; j++) {
			assert_int_not_equal(one->dark, vbt_layer_colours[j].dark);
			assert_int_not_equal(one->light, vbt_layer_colours[j].light);
			assert_int_not_equal(one->contrast, vbt_layer_colours[j].contrast);
			assert_int_not_equal(one->eight, vbt_layer_colours[j].eight);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(key_holds_in_its_views_only),
	    cmocka_unit_test(what_terminals_send_for_one_key_is_one),
	    cmocka_unit_test(keys_are_named),
	    cmocka_unit_test(bar_knows_where_its_fields_are),
	    cmocka_unit_test(documentation_has_each_binding_once),
	    cmocka_unit_test(shares_sum_to_the_width),
	    cmocka_unit_test(shares_are_as_near_as_cells_allow),
	    cmocka_unit_test(numbers_are_short),
	    cmocka_unit_test(layers_have_colours_of_the_palette),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
