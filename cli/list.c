/* SPDX-License-Identifier: MIT */
/* vbtrace list: what could be recorded now, and what the marks and probes are. */
#include <stdlib.h>
#include <string.h>

#include "cli/grid.h"
#include "cli/options.h"
#include "lib/json.h"
#include "lib/record.h"
#include "lib/stage.h"
#include "probes/host_facts.h"
#include "probes/kernel_probe.h"
#include "probes/ring_find.h"

struct list_options {
	bool stages, probes, json;
};

struct finding {
	struct ring_found *targets;
	size_t count;
	unsigned denied; /* processes that could not be looked into */
	struct host_tracepoints tracepoints;
};

static const struct {
	const char *name, *seen, *meaning;
	char letter;
} stages[] = {
#define X(id, letter, origin, meaning) {#id, #origin, meaning, letter},
    VBT_STAGES(X)
#undef X
};

/* The stage points, as their USDT probes have them. */
static const char *const point_fields[][7] = {
#define X(point, seq, head, arg, val, op, code) {#point, seq, head, arg, val, op, code},
    VBT_POINT_FIELDS(X)
#undef X
};
static const char *const field_names[] = {"probe", "seq", "head", "arg", "val", "op", "code"};

#define POINTS (sizeof(point_fields) / sizeof(*point_fields))
#define FIELDS (sizeof(field_names) / sizeof(*field_names))

/* Context for other probes has no mark of its own. */
static const char *probe_mark(unsigned i)
{
	const unsigned point = kernel_probes[i].point;

	return point < VBT_MARK_COUNT ? stages[point].name : "context";
}

static const char *stage_source(unsigned i)
{
	return strcmp(stages[i].seen, "KERNEL") ? "vmm" : "kernel";
}

static const char *target_kind(const struct ring_found *target)
{
	return target->flight ? "flight recorder" : "ring";
}

static void print_denied(unsigned denied, const struct screen *screen)
{
	char lack[HOST_LACK_SIZE];

	host_lack(HOST_TO_LOOK, lack);
	fprintf(screen->out, "  %u processes could not be looked into: %s\n", denied, lack);
}

static void print_targets(const struct finding *found, const struct screen *screen)
{
	struct grid grid = {.gap = 2};

	fprintf(screen->out, "Targets that offer stage points\n");
	if (!found->count)
		fprintf(screen->out,
			"  none runs now: start vmm-lite, or 'vbtrace record -- COMMAND'\n");
	grid_column(&grid, "pid", true);
	grid_column(&grid, "program", false);
	grid_column(&grid, "offers", false);
	grid_column(&grid, "file", false);
	for (size_t i = 0; i < found->count; i++) {
		grid_cell(&grid, "%d", (int)found->targets[i].pid);
		grid_cell(&grid, "%s", found->targets[i].program);
		grid_cell(&grid, "%s", target_kind(&found->targets[i]));
		grid_cell(&grid, "%s", found->targets[i].path);
	}
	if (found->count)
		grid_print(&grid, screen, 2);
	grid_release(&grid);
	if (found->denied)
		print_denied(found->denied, screen);
}

static void print_stages(const struct screen *screen)
{
	struct grid marks = {.gap = 2}, points = {.gap = 2};

	printf("Stages: the marks of a request's life\n");
	grid_column(&marks, "", false);
	grid_column(&marks, "mark", false);
	grid_column(&marks, "seen by", false);
	grid_column(&marks, "meaning", false);
	for (unsigned i = 0; i < VBT_MARK_COUNT; i++) {
		grid_cell(&marks, "%c", stages[i].letter);
		grid_cell(&marks, "%s", stages[i].name);
		grid_cell(&marks, "%s", stage_source(i));
		grid_cell(&marks, "%s", stages[i].meaning);
	}
	grid_print(&marks, screen, 2);
	grid_release(&marks);
	printf("A stage is named by two of these letters: D2C is from issue to complete.\n");

	printf("\nUSDT probes of vmm-lite: arguments 1 and 2 are device and queue, 3 to 8 are\n");
	for (unsigned i = 0; i < FIELDS; i++)
		grid_column(&points, field_names[i], false);
	for (unsigned i = 0; i < POINTS; i++) {
		grid_cell(&points, "vmm_lite:%s", point_fields[i][0]);
		for (unsigned k = 1; k < FIELDS; k++)
			grid_cell(&points, "%s",
				  strcmp(point_fields[i][k], "0") ? point_fields[i][k] : "-");
	}
	grid_print(&points, screen, 2);
	grid_release(&points);
}

static void print_probes(const struct finding *found, const struct screen *screen)
{
	struct grid kernel = {.gap = 2};

	printf("Probes: the kernel's tracepoints, and a function of io_uring's\n");
	grid_column(&kernel, "tracepoint", false);
	grid_column(&kernel, "mark", false);
	grid_column(&kernel, "this kernel", false);
	for (unsigned i = 0; i < VBT_KERNEL_PROBE_COUNT; i++) {
		grid_cell(&kernel, "%s", kernel_probes[i].name);
		grid_cell(&kernel, "%s", probe_mark(i));
		grid_cell(&kernel, "%s", found->tracepoints.has[i] ? "has it" : "-");
	}
	grid_print(&kernel, screen, 2);
	grid_release(&kernel);
	printf("'vbtrace doctor' tries them.\n");
}

static void print_text(const struct finding *found, const struct list_options *show)
{
	const bool all = !show->stages && !show->probes;
	struct screen screen;

	screen_init(&screen, stdout);
	if (all)
		print_targets(found, &screen);
	if (all)
		putchar('\n');
	if (all || show->stages)
		print_stages(&screen);
	if (all || (show->stages && show->probes))
		putchar('\n');
	if (all || show->probes)
		print_probes(found, &screen);
}

static void json_targets(struct vbt_json *json, const struct finding *found)
{
	vbt_json_array(json, "targets");
	for (size_t i = 0; i < found->count; i++) {
		vbt_json_object(json, NULL);
		vbt_json_int(json, "pid", found->targets[i].pid);
		vbt_json_string(json, "program", found->targets[i].program);
		vbt_json_bool(json, "flight_recorder", found->targets[i].flight);
		vbt_json_string(json, "file", found->targets[i].path);
		vbt_json_end(json, '}');
	}
	vbt_json_end(json, ']');
	vbt_json_uint(json, "denied", found->denied);
}

static void json_stages(struct vbt_json *json)
{
	vbt_json_array(json, "stages");
	for (unsigned i = 0; i < VBT_MARK_COUNT; i++) {
		const char letter[2] = {stages[i].letter};

		vbt_json_object(json, NULL);
		vbt_json_string(json, "mark", stages[i].name);
		vbt_json_string(json, "letter", letter);
		vbt_json_string(json, "source", stage_source(i));
		vbt_json_string(json, "meaning", stages[i].meaning);
		vbt_json_end(json, '}');
	}
	vbt_json_end(json, ']');
	vbt_json_array(json, "points");
	for (unsigned i = 0; i < POINTS; i++) {
		vbt_json_object(json, NULL);
		for (unsigned k = 0; k < FIELDS; k++)
			vbt_json_string(json, field_names[k], point_fields[i][k]);
		vbt_json_end(json, '}');
	}
	vbt_json_end(json, ']');
}

static void json_probes(struct vbt_json *json, const struct finding *found)
{
	vbt_json_array(json, "probes");
	for (unsigned i = 0; i < VBT_KERNEL_PROBE_COUNT; i++) {
		vbt_json_object(json, NULL);
		vbt_json_string(json, "tracepoint", kernel_probes[i].name);
		vbt_json_string(json, "mark", probe_mark(i));
		vbt_json_bool(json, "available", found->tracepoints.has[i]);
		vbt_json_end(json, '}');
	}
	vbt_json_end(json, ']');
}

static void print_json(const struct finding *found, const struct list_options *show)
{
	const bool all = !show->stages && !show->probes;
	struct vbt_json json;

	vbt_json_init(&json, stdout, true);
	vbt_json_object(&json, NULL);
	if (all)
		json_targets(&json, found);
	if (all || show->stages)
		json_stages(&json);
	if (all || show->probes)
		json_probes(&json, found);
	vbt_json_end(&json, '}');
	putchar('\n');
}

static int run_list(const void *values, const struct arguments *arguments)
{
	const struct list_options *options = values;
	struct finding found = {0};
	int ret = ring_find(&found.targets, &found.count, &found.denied);

	if (ret)
		return complain("cannot look for targets in /proc: %s", strerror(-ret));
	host_tracepoints(&found.tracepoints);
	if (options->json)
		print_json(&found, options);
	else
		print_text(&found, options);
	free(found.targets);
	return CLI_SUCCESS;
}

static const struct option_row list_rows[] = {
    {.name = "stages",
     .kind = OPTION_FLAG,
     .at = offsetof(struct list_options, stages),
     .help = "only the marks of a request's life, and the USDT probes of a VMM"},
    {.name = "probes",
     .kind = OPTION_FLAG,
     .at = offsetof(struct list_options, probes),
     .help = "only the kernel's probes"},
    {.name = "json",
     .kind = OPTION_FLAG,
     .at = offsetof(struct list_options, json),
     .help = "as one JSON object"},
    {0},
};

const struct command command_list = {
    .name = "list",
    .purpose = "list targets that run now, stages and probes",
    .arguments = "",
    .options = list_rows,
    .size = sizeof(struct list_options),
    .run = run_list,
};
