/* SPDX-License-Identifier: MIT */
#include "cli/absence.h"

#include <string.h>

#include "cli/grid.h"
#include "lib/event.h"

void absence_add(struct absence *absence, const struct vbt_request *request)
{
	unsigned absent = ~(unsigned)request->present & ((1u << VBT_MARK_COUNT) - 1);

	for (; absent; absent &= absent - 1) {
		unsigned mark = (unsigned)__builtin_ctz(absent), reason = request->absent[mark];

		/* What an incomplete request lacks without being broken by it says nothing new. */
		if (reason >= VBT_ABSENT_COUNT || vbt_absent_broken(reason) == request->complete)
			continue;
		absence->count[mark][reason]++;
		if (reason == VBT_ABSENT_hidden && request->target < VBT_MAX_TARGETS)
			absence->hidden[mark][request->target]++;
	}
}

static void add_line(struct absence_lines *lines, unsigned mark, uint64_t count, const char *why,
		     bool broken)
{
	if (!count)
		return;
	for (unsigned i = 0; i < lines->count; i++) {
		struct absence_line *line = &lines->line[i];

		if (line->count == count && !strcmp(line->why, why)) {
			line->marks |= 1u << mark;
			return;
		}
	}
	lines->line[lines->count++] = (struct absence_line){1u << mark, count, why, broken};
}

void absence_collect(const struct absence *absence, const struct vbt_trace_info *info,
		     struct absence_lines *lines)
{
	lines->count = 0;
	for (unsigned mark = 0; mark < VBT_MARK_COUNT; mark++)
		for (unsigned reason = 0; reason < VBT_ABSENT_COUNT; reason++) {
			uint64_t left = absence->count[mark][reason];

			for (unsigned i = 0; reason == VBT_ABSENT_hidden && i < info->targets;
			     i++) {
				const char *why = info->target[i].hidden[mark];

				if (!*why)
					continue;
				add_line(lines, mark, absence->hidden[mark][i], why, false);
				left -= absence->hidden[mark][i];
			}
			add_line(lines, mark, left, vbt_absent_text(reason),
				 vbt_absent_broken(reason));
		}
}

void absence_print(const struct absence *absence, const struct vbt_trace_info *info,
		   const struct screen *screen)
{
	struct absence_lines lines;
	struct grid grid = {.gap = 2};

	absence_collect(absence, info, &lines);
	if (!lines.count)
		return;
	fputs("\nabsent marks, and why\n", screen->out);
	grid_column(&grid, "", false);
	grid_column(&grid, "", true);
	grid_column(&grid, "", false);
	for (unsigned i = 0; i < lines.count; i++) {
		const struct absence_line *line = &lines.line[i];
		char marks[VBT_MARK_COUNT * 16] = "", count[TEXT_SIZE];
		size_t used = 0;

		/* One mark by its name, several by their letters. */
		for (unsigned left = line->marks; left; left &= left - 1) {
			unsigned mark = (unsigned)__builtin_ctz(left);

			used += (size_t)snprintf(marks + used, sizeof(marks) - used, "%s%c",
						 used ? " " : "", vbt_mark_letter(mark));
			if (!(line->marks & (line->marks - 1)))
				snprintf(marks + used, sizeof(marks) - used, " %s",
					 vbt_point_name(mark));
		}
		grid_cell(&grid, "%s%s%s",
			  screen_colour(screen, line->broken ? COLOUR_RED : COLOUR_BOLD), marks,
			  screen_colour(screen, COLOUR_NONE));
		grid_cell(&grid, "%s", text_count(line->count, count));
		grid_cell(&grid, "%s%s", line->broken ? "incomplete: " : "", line->why);
	}
	grid_print(&grid, screen, 2);
	grid_release(&grid);
}
