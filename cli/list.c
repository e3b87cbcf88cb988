/* SPDX-License-Identifier: MIT */
/* vbtrace list: what could be recorded now, and what the marks mean. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/grid.h"
#include "cli/survey.h"
#include "lib/event.h"
#include "lib/json.h"
#include "probes/ring_find.h"

struct list_options {
	bool targets, probes, stages, json;
};

static const struct option_row list_rows[] = {
    {.name = "targets",
     .kind = OPTION_FLAG,
     .at = offsetof(struct list_options, targets),
     .help = "only the VMMs that run"},
    {.name = "probes",
     .kind = OPTION_FLAG,
     .at = offsetof(struct list_options, probes),
     .help = "only the kernel's probes"},
    {.name = "stages",
     .kind = OPTION_FLAG,
     .at = offsetof(struct list_options, stages),
     .help = "only the marks and stages"},
    {.name = "json",
     .kind = OPTION_FLAG,
     .at = offsetof(struct list_options, json),
     .help = "one JSON object instead of tables"},
    {0},
};

struct targets {
	struct ring_found *found;
	size_t count;
	unsigned denied;
};

static const char *seen_by(unsigned mark)
{
	return vbt_point_is_vmm(mark) ? "VMM" : "kernel";
}

/* The step that ends at a mark, "K2W"; empty for the first. */
static const char *stage_name(unsigned mark, char buf[4])
{
	buf[0] = '\0';
	if (mark)
		snprintf(buf, 4, "%c2%c", vbt_mark_letter(mark - 1), vbt_mark_letter(mark));
	return buf;
}

static void print_title(const struct screen *screen, bool first, const char *title)
{
	fprintf(screen->out, "%s%s%s%s\n", first ? "" : "\n", screen_colour(screen, COLOUR_BOLD),
		title, screen_colour(screen, COLOUR_NONE));
}

static void print_targets(const struct targets *targets, const struct screen *screen)
{
	struct grid grid = {.gap = 2};

	grid_column(&grid, "pid", true);
	grid_column(&grid, "program", false);
	grid_column(&grid, "stage points in", false);
	for (size_t i = 0; i < targets->count; i++) {
		const struct ring_found *found = &targets->found[i];

		grid_cell(&grid, "%d", (int)found->pid);
		grid_cell(&grid, "%s", found->program);
		grid_cell(&grid, "%s%s", found->flight ? "flight recorder " : "ring", found->path);
	}
	if (targets->count)
		grid_print(&grid, screen, 2);
	else
		fputs("  none that offers stage points\n", screen->out);
	if (targets->denied)
		fprintf(screen->out,
			"  %u processes may not be looked into: as root there may be more\n",
			targets->denied);
	grid_release(&grid);
}

static void print_probes(const struct survey *survey, const struct screen *screen)
{
	struct grid grid = {.gap = 2};

	grid_column(&grid, "tracepoint", false);
	grid_column(&grid, "mark", false);
	grid_column(&grid, "here", false);
	for (int i = 0; i < VBT_KERNEL_PROBE_COUNT; i++) {
		const struct survey_probe *probe = &survey->probe[i];
		char buf[32];

		grid_cell(&grid, "%s", probe->name);
		grid_cell(&grid, "%s", survey_point(probe->point, buf));
		grid_cell(&grid, "%s%s%s%s%s",
			  screen_colour(screen, probe->state == SURVEY_READY   ? COLOUR_GREEN
						: probe->state == SURVEY_SPARE ? COLOUR_DIM
									       : COLOUR_YELLOW),
			  survey_state_name(probe->state), screen_colour(screen, COLOUR_NONE),
			  *probe->why && survey->loaded ? ": " : "",
			  survey->loaded ? probe->why : "");
	}
	grid_print(&grid, screen, 2);
	if (!survey->loaded)
		fprintf(screen->out, "  %s\n", survey->problem);
	grid_release(&grid);
}

static void print_stages(const struct screen *screen)
{
	struct grid grid = {.gap = 2};

	grid_column(&grid, "", false);
	grid_column(&grid, "mark", false);
	grid_column(&grid, "stage", false);
	grid_column(&grid, "seen by", false);
	grid_column(&grid, "meaning", false);
	for (unsigned mark = 0; mark < VBT_MARK_COUNT; mark++) {
		char stage[4];

		grid_cell(&grid, "%s%c%s", screen_colour(screen, COLOUR_BOLD),
			  vbt_mark_letter(mark), screen_colour(screen, COLOUR_NONE));
		grid_cell(&grid, "%s", vbt_point_name(mark));
		grid_cell(&grid, "%s", stage_name(mark, stage));
		grid_cell(&grid, "%s", seen_by(mark));
		grid_cell(&grid, "%s", vbt_mark_meaning(mark));
	}
	grid_print(&grid, screen, 2);
	grid_release(&grid);
}

static void json_targets(struct vbt_json *json, const struct targets *targets)
{
	vbt_json_array(json, "targets");
	for (size_t i = 0; i < targets->count; i++) {
		const struct ring_found *found = &targets->found[i];

		vbt_json_object(json, NULL);
		vbt_json_uint(json, "pid", (uint64_t)found->pid);
		vbt_json_string(json, "program", found->program);
		vbt_json_string(json, "kind", found->flight ? "flight_recorder" : "ring");
		if (found->flight)
			vbt_json_string(json, "path", found->path);
		vbt_json_end(json, '}');
	}
	vbt_json_end(json, ']');
	vbt_json_uint(json, "denied", targets->denied);
}

static void json_probes(struct vbt_json *json, const struct survey *survey)
{
	vbt_json_array(json, "probes");
	for (int i = 0; i < VBT_KERNEL_PROBE_COUNT; i++) {
		const struct survey_probe *probe = &survey->probe[i];

		vbt_json_object(json, NULL);
		vbt_json_string(json, "name", probe->name);
		if (probe->point < VBT_POINT_COUNT)
			vbt_json_string(json, "point", vbt_point_name(probe->point));
		else
			vbt_json_null(json, "point");
		vbt_json_string(json, "state", survey_state_name(probe->state));
		if (*probe->why)
			vbt_json_string(json, "reason", probe->why);
		vbt_json_end(json, '}');
	}
	vbt_json_end(json, ']');
}

static void json_stages(struct vbt_json *json)
{
	vbt_json_array(json, "stages");
	for (unsigned mark = 0; mark < VBT_MARK_COUNT; mark++) {
		const char letter[2] = {vbt_mark_letter(mark), '\0'};
		char stage[4];

		vbt_json_object(json, NULL);
		vbt_json_string(json, "letter", letter);
		vbt_json_string(json, "name", vbt_point_name(mark));
		if (mark)
			vbt_json_string(json, "stage", stage_name(mark, stage));
		else
			vbt_json_null(json, "stage");
		vbt_json_string(json, "seen_by", vbt_point_is_vmm(mark) ? "vmm" : "kernel");
		vbt_json_string(json, "meaning", vbt_mark_meaning(mark));
		vbt_json_end(json, '}');
	}
	vbt_json_end(json, ']');
}

static void print_json(const struct list_options *wanted, const struct targets *targets,
		       const struct survey *survey)
{
	struct vbt_json json;

	vbt_json_init(&json, stdout, true);
	vbt_json_object(&json, NULL);
	if (wanted->targets)
		json_targets(&json, targets);
	if (wanted->probes)
		json_probes(&json, survey);
	if (wanted->stages)
		json_stages(&json);
	vbt_json_end(&json, '}');
	fputc('\n', stdout);
}

static void print_text(const struct list_options *wanted, const struct targets *targets,
		       const struct survey *survey)
{
	bool first = true;
	struct screen screen;

	screen_init(&screen, stdout);
	if (wanted->targets) {
		print_title(&screen, first, "VMMs that run");
		print_targets(targets, &screen);
		first = false;
	}
	if (wanted->probes) {
		print_title(&screen, first, "kernel probes");
		print_probes(survey, &screen);
		first = false;
	}
	if (wanted->stages) {
		print_title(&screen, first, "marks of a request, and the stages that end at them");
		print_stages(&screen);
	}
}

static int run_list(const void *values, const struct arguments *arguments)
{
	struct list_options wanted = *(const struct list_options *)values;
	struct targets targets = {.found = NULL};
	struct survey survey = {.loaded = false};

	if (!wanted.targets && !wanted.probes && !wanted.stages)
		wanted.targets = wanted.probes = wanted.stages = true;
	if (wanted.targets) {
		int error = ring_find(&targets.found, &targets.count, &targets.denied);

		if (error)
			return complain("cannot look for VMMs in /proc: %s", strerror(-error));
	}
	if (wanted.probes)
		survey_take(&survey);
	if (wanted.json)
		print_json(&wanted, &targets, &survey);
	else
		print_text(&wanted, &targets, &survey);
	free(targets.found);
	return CLI_SUCCESS;
}

const struct command command_list = {
    .name = "list",
    .purpose = "what could be recorded now: VMMs, kernel probes, stages",
    .arguments = "",
    .notes = "Kernel probes are attached for a moment to find out. Why one is missing, and what "
	     "to do about it, says 'vbtrace doctor'.",
    .options = list_rows,
    .size = sizeof(struct list_options),
    .run = run_list,
};
