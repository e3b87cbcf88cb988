/* SPDX-License-Identifier: MIT */
/* vbtrace doctor: what this host can show, what it cannot, and what would change that. */
#include "cli/checkup.h"
#include "cli/command.h"
#include "cli/grid.h"
#include "lib/event.h"
#include "lib/json.h"
#include "probes/session_info.h"

struct doctor_options {
	bool json;
};

static const struct option_row doctor_rows[] = {
    {.name = "json",
     .kind = OPTION_FLAG,
     .at = offsetof(struct doctor_options, json),
     .help = "one JSON object instead of text"},
    {0},
};

static const struct {
	const char *text, *json;
	enum colour colour;
} looks[] = {
    [CHECK_OK] = {"ok", "ok", COLOUR_GREEN},
    [CHECK_NOTE] = {"note", "note", COLOUR_YELLOW},
    [CHECK_MISSING] = {"missing", "missing", COLOUR_RED},
};

static void print_checks(const struct checkup *checkup, const struct screen *screen)
{
	struct grid grid = {.gap = 2};

	/* What to do stands in a line of its own below, so that it can be copied. */
	for (int column = 0; column < 3; column++)
		grid_column(&grid, "", false);
	for (unsigned i = 0; i < checkup->count; i++) {
		const struct check *check = &checkup->check[i];

		grid_cell(&grid, "%s%s%s", screen_colour(screen, looks[check->state].colour),
			  looks[check->state].text, screen_colour(screen, COLOUR_NONE));
		grid_cell(&grid, "%s", check->name);
		grid_cell(&grid, "%s", check->detail);
		if (!*check->remedy)
			continue;
		grid_cell(&grid, "%s", "");
		grid_cell(&grid, "%s", "");
		grid_cell(&grid, "%s-> %s%s", screen_colour(screen, COLOUR_BOLD), check->remedy,
			  screen_colour(screen, COLOUR_NONE));
	}
	grid_print(&grid, screen, 0);
	grid_release(&grid);
}

static void print_marks(const struct vbt_target *marks, const struct screen *screen)
{
	unsigned hidden = 0;

	fprintf(screen->out, "\n%smarks of a VMM that is traced now%s\n",
		screen_colour(screen, COLOUR_BOLD), screen_colour(screen, COLOUR_NONE));
	for (unsigned mark = 0; mark < VBT_MARK_COUNT; mark++) {
		bool shown = !*marks->hidden[mark];

		fprintf(screen->out, "%s%s%c%s", mark ? " " : "  ",
			screen_colour(screen, shown ? COLOUR_GREEN : COLOUR_RED),
			shown ? vbt_mark_letter(mark) : '-', screen_colour(screen, COLOUR_NONE));
		hidden += !shown;
	}
	fprintf(screen->out, "   %u of %d\n", VBT_MARK_COUNT - hidden, VBT_MARK_COUNT);
	for (unsigned mark = 0; mark < VBT_MARK_COUNT; mark++)
		if (*marks->hidden[mark])
			fprintf(screen->out, "  %c %-9s %s\n", vbt_mark_letter(mark),
				vbt_point_name(mark), marks->hidden[mark]);
}

static void print_text(const struct checkup *checkup, const struct vbt_host *host)
{
	struct screen screen;

	screen_init(&screen, stdout);
	fprintf(stdout, "%s on %s, %s, %u CPUs\n\n", host->program, host->kernel, host->machine,
		host->cpus);
	print_checks(checkup, &screen);
	print_marks(&checkup->survey.marks, &screen);
}

static void print_json(const struct checkup *checkup, const struct vbt_host *host)
{
	const struct vbt_target *marks = &checkup->survey.marks;
	struct vbt_json json;

	vbt_json_init(&json, stdout, true);
	vbt_json_object(&json, NULL);
	vbt_json_object(&json, "host");
	vbt_json_string(&json, "program", host->program);
	vbt_json_string(&json, "kernel", host->kernel);
	vbt_json_string(&json, "machine", host->machine);
	vbt_json_string(&json, "clocksource", host->clocksource);
	vbt_json_uint(&json, "cpus", host->cpus);
	vbt_json_end(&json, '}');
	vbt_json_array(&json, "checks");
	for (unsigned i = 0; i < checkup->count; i++) {
		const struct check *check = &checkup->check[i];

		vbt_json_object(&json, NULL);
		vbt_json_string(&json, "name", check->name);
		vbt_json_string(&json, "state", looks[check->state].json);
		vbt_json_string(&json, "detail", check->detail);
		if (*check->remedy)
			vbt_json_string(&json, "remedy", check->remedy);
		vbt_json_end(&json, '}');
	}
	vbt_json_end(&json, ']');
	vbt_json_array(&json, "marks");
	for (unsigned mark = 0; mark < VBT_MARK_COUNT; mark++) {
		const char letter[2] = {vbt_mark_letter(mark), '\0'};

		vbt_json_object(&json, NULL);
		vbt_json_string(&json, "letter", letter);
		vbt_json_string(&json, "name", vbt_point_name(mark));
		vbt_json_bool(&json, "visible", !*marks->hidden[mark]);
		if (*marks->hidden[mark])
			vbt_json_string(&json, "reason", marks->hidden[mark]);
		vbt_json_end(&json, '}');
	}
	vbt_json_end(&json, ']');
	vbt_json_end(&json, '}');
	fputc('\n', stdout);
}

static int run_doctor(const void *values, const struct arguments *arguments)
{
	const struct doctor_options *options = values;
	struct checkup checkup;
	struct vbt_host host;

	session_info_host(&host);
	checkup_run(&checkup);
	if (options->json)
		print_json(&checkup, &host);
	else
		print_text(&checkup, &host);
	return CLI_SUCCESS;
}

const struct command command_doctor = {
    .name = "doctor",
    .purpose = "what this host can show, what it cannot, and what would change that",
    .arguments = "",
    .notes = "Nothing is changed: the commands behind the arrows are for you to run. What is "
	     "'missing' costs marks or a way of recording; a 'note' is good to know. Success "
	     "whatever is found.",
    .options = doctor_rows,
    .size = sizeof(struct doctor_options),
    .run = run_doctor,
};
