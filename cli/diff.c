/* SPDX-License-Identifier: MIT */
/* vbtrace diff: which layer and which stage got slower or quicker between two traces. */
#include <math.h>
#include <string.h>

#include "cli/filter.h"
#include "cli/grid.h"
#include "cli/groups.h"
#include "cli/input.h"
#include "lib/breakdown.h"
#include "lib/diff.h"
#include "lib/event.h"
#include "lib/json.h"

struct diff_options {
	bool json;
	struct filter filter;
};

static const struct option_row diff_rows[] = {
    FILTER_WHOSE(struct diff_options, filter),
    {.name = "json",
     .kind = OPTION_FLAG,
     .at = offsetof(struct diff_options, json),
     .help = "one JSON object instead of tables"},
    {0},
};

/* One of the two traces, summed up. */
struct side {
	const char *name;
	struct vbt_breakdown breakdown; /* by operation */
	struct vbt_group *sum;
	const struct filter *filter;
	const struct vbt_trace_info *info; /* while it is read */
	uint64_t requests, incomplete;     /* that the filter lets through */
	int error;
};

/* What is compared: the total, a layer, or a stage. */
struct row {
	enum { ROW_TOTAL, ROW_LAYER, ROW_STAGE } kind;
	unsigned a, b; /* the layer; the stage's marks */
	struct vbt_diff diff;
};
#define MAX_ROWS (1 + VBT_LAYER_COUNT + VBT_MARK_COUNT * VBT_MARK_COUNT)

static void add_request(void *context, const struct vbt_request *request)
{
	struct side *side = context;
	int error;

	if (!filter_matches(side->filter, request, side->info))
		return;
	side->requests++;
	side->incomplete += !request->complete;
	error = vbt_breakdown_add(&side->breakdown, request);
	if (error)
		side->error = error;
}

static int read_side(struct side *side, const char *path, const struct filter *filter)
{
	struct vbt_correlator *correlator = NULL;
	struct input *input = input_open(path);
	char damage[256];
	int status;

	side->name = path;
	side->filter = filter;
	if (!input)
		return CLI_FAILURE;
	side->info = input_info(input);
	side->error = vbt_breakdown_init(&side->breakdown, VBT_BY_op);
	status = side->error ? CLI_FAILURE
			     : input_correlate(input, add_request, side, NULL, &correlator);
	vbt_breakdown_sort(&side->breakdown);
	side->sum = group_sum(&side->breakdown);
	if (side->error || !side->sum)
		status = complain("out of memory");
	if (*input_damage(input, damage, sizeof(damage)))
		complain("'%s' is %s", path, damage);
	vbt_correlator_free(correlator);
	input_close(input);
	return status;
}

static void release_side(struct side *side)
{
	group_free(side->sum);
	vbt_breakdown_release(&side->breakdown);
}

/* The stage's histogram, or an empty one. */
static const struct vbt_histogram *stage_of(const struct vbt_group *group, unsigned from,
					    unsigned to)
{
	static const struct vbt_histogram none;

	return group->stage[from][to] ? &group->stage[from][to]->ns : &none;
}

static const struct vbt_histogram *histogram_of(const struct vbt_group *group,
						const struct row *row)
{
	if (row->kind == ROW_TOTAL)
		return &group->total;
	return row->kind == ROW_LAYER ? &group->layer[row->a] : stage_of(group, row->a, row->b);
}

static void add_row(struct row *rows, unsigned *count, const struct row *row,
		    const struct side *sides)
{
	if (histogram_of(sides[0].sum, row)->count || histogram_of(sides[1].sum, row)->count)
		rows[(*count)++] = *row;
}

static unsigned compare(struct row *rows, const struct side *sides)
{
	struct row row = {.kind = ROW_TOTAL};
	unsigned count = 0;

	add_row(rows, &count, &row, sides);
	row.kind = ROW_LAYER;
	for (row.a = 0; row.a < VBT_LAYER_COUNT; row.a++)
		add_row(rows, &count, &row, sides);
	row.kind = ROW_STAGE;
	for (row.a = 0; row.a < VBT_MARK_COUNT; row.a++)
		for (row.b = row.a + 1; row.b < VBT_MARK_COUNT; row.b++)
			add_row(rows, &count, &row, sides);
	for (unsigned i = 0; i < count; i++)
		vbt_diff_histograms(&rows[i].diff, histogram_of(sides[0].sum, &rows[i]),
				    histogram_of(sides[1].sum, &rows[i]), count);
	return count;
}

static const char *row_name(const struct row *row, const struct screen *screen, char buf[64])
{
	if (row->kind == ROW_TOTAL)
		return "total";
	if (row->kind == ROW_LAYER)
		return vbt_layer_name(row->a);
	snprintf(buf, 64, "%c2%c %s%s%s", vbt_mark_letter(row->a), vbt_mark_letter(row->b),
		 vbt_point_name(row->a), screen->utf8 ? "\342\206\222" : "-",
		 vbt_point_name(row->b));
	return buf;
}

static enum colour verdict_colour(enum vbt_verdict verdict)
{
	switch (verdict) {
	case VBT_DIFF_slower: return COLOUR_RED;
	case VBT_DIFF_faster: return COLOUR_GREEN;
	case VBT_DIFF_few:
	case VBT_DIFF_only_a:
	case VBT_DIFF_only_b: return COLOUR_YELLOW;
	default: return COLOUR_NONE;
	}
}

static void print_row(struct grid *grid, const struct row *row, const struct screen *screen)
{
	const struct vbt_diff *diff = &row->diff;
	bool both = diff->count_a && diff->count_b;
	char a[TEXT_SIZE], b[TEXT_SIZE], shift[TEXT_SIZE], name[64];

	grid_cell(grid, "%s", row_name(row, screen, name));
	grid_cell(grid, "%s", diff->count_a ? text_time(screen, diff->median_a, a) : "-");
	grid_cell(grid, "%s", diff->count_b ? text_time(screen, diff->median_b, b) : "-");
	grid_cell(grid, "%s", both ? text_shift(screen, diff->shift_ns, shift) : "");
	if (both && diff->median_a)
		grid_cell(grid, "%+.1f%%", diff->shift * 100);
	else
		grid_cell(grid, "%s", "");
	if (both && diff->verdict != VBT_DIFF_few)
		grid_cell(grid, "%.0f%%", diff->probability * 100);
	else
		grid_cell(grid, "%s", "");
	grid_cell(grid, "%s%s%s", screen_colour(screen, verdict_colour(diff->verdict)),
		  vbt_verdict_name(diff->verdict), screen_colour(screen, COLOUR_NONE));
}

static void print_table(const struct row *rows, unsigned count, const struct screen *screen,
			bool stages)
{
	struct grid grid = {.gap = 2};

	grid_column(&grid, stages ? "stage" : "layer", false);
	grid_column(&grid, "A p50", true);
	grid_column(&grid, "B p50", true);
	grid_column(&grid, "shift", true);
	grid_column(&grid, "", true);
	grid_column(&grid, "B slower", true);
	grid_column(&grid, "verdict", false);
	for (unsigned i = 0; i < count; i++)
		if ((rows[i].kind == ROW_STAGE) == stages)
			print_row(&grid, &rows[i], screen);
	grid_print(&grid, screen, 0);
	grid_release(&grid);
}

/* The layer whose median moved most, among those of which it is safe to say so; NULL: none. */
static const struct row *culprit(const struct row *rows, unsigned count)
{
	const struct row *most = NULL;

	for (unsigned i = 0; i < count; i++)
		if (rows[i].kind == ROW_LAYER &&
		    (rows[i].diff.verdict == VBT_DIFF_slower ||
		     rows[i].diff.verdict == VBT_DIFF_faster) &&
		    (!most ||
		     fabs((double)rows[i].diff.shift_ns) > fabs((double)most->diff.shift_ns)))
			most = &rows[i];
	return most;
}

static void print_verdict(const struct row *rows, unsigned count, const struct screen *screen)
{
	const struct vbt_diff *total = &rows[0].diff;
	const struct row *layer = culprit(rows, count);
	char shift[TEXT_SIZE];

	if (total->verdict == VBT_DIFF_slower || total->verdict == VBT_DIFF_faster)
		fprintf(screen->out, "B is %s%s%s: the median request takes %s (%+.1f%%)",
			screen_colour(screen, verdict_colour(total->verdict)),
			vbt_verdict_name(total->verdict), screen_colour(screen, COLOUR_NONE),
			text_shift(screen, total->shift_ns, shift), total->shift * 100);
	else if (total->verdict == VBT_DIFF_few)
		fputs("too few requests to say whether B is slower: 30 on each side are needed",
		      screen->out);
	else
		fputs("no difference of the whole that would be safe to claim", screen->out);
	if (layer)
		fprintf(screen->out, "; the %s layer moved most, %s", vbt_layer_name(layer->a),
			text_shift(screen, layer->diff.shift_ns, shift));
	fputc('\n', screen->out);
}

/* Share of an operation among a side's complete requests. */
static double op_share(const struct side *side, unsigned op)
{
	for (uint32_t i = 0; i < side->breakdown.groups; i++)
		if (side->breakdown.group[i]->key.op == (int)op && side->sum->count)
			return (double)side->breakdown.group[i]->count / (double)side->sum->count;
	return 0;
}

/* Two workloads that differ cannot be blamed on the host: say so. */
static void warn_of_workloads(const struct side *sides, const struct screen *screen)
{
	double bytes[2];
	char a[TEXT_SIZE], b[TEXT_SIZE];

	for (unsigned op = 0; op < 256; op++) {
		double x = op_share(&sides[0], op), y = op_share(&sides[1], op);

		if (fabs(x - y) > 0.05)
			fprintf(screen->out,
				"%snote%s: the workloads differ: %ss are %s of A and %s of B\n",
				screen_colour(screen, COLOUR_YELLOW),
				screen_colour(screen, COLOUR_NONE), vbt_op_name(op),
				text_share(x, a), text_share(y, b));
	}
	for (int i = 0; i < 2; i++)
		bytes[i] = sides[i].sum->count
			       ? (double)sides[i].sum->bytes / (double)sides[i].sum->count
			       : 0;
	if (fabs(bytes[0] - bytes[1]) > 0.1 * fmax(bytes[0], bytes[1]))
		fprintf(
		    screen->out,
		    "%snote%s: the workloads differ: a request has %s in A and %s in B on average\n",
		    screen_colour(screen, COLOUR_YELLOW), screen_colour(screen, COLOUR_NONE),
		    text_bytes((uint64_t)bytes[0], a), text_bytes((uint64_t)bytes[1], b));
}

static void print_text(const struct row *rows, unsigned count, const struct side *sides)
{
	struct screen screen;

	screen_init(&screen, stdout);
	for (int i = 0; i < 2; i++)
		printf("%c  %s: %llu complete requests, %llu incomplete\n", 'A' + i, sides[i].name,
		       (unsigned long long)sides[i].sum->count,
		       (unsigned long long)sides[i].incomplete);
	print_verdict(rows, count, &screen);
	warn_of_workloads(sides, &screen);
	fputc('\n', stdout);
	print_table(rows, count, &screen, false);
	fputc('\n', stdout);
	print_table(rows, count, &screen, true);
	printf(
	    "\nslower and faster: p below 0.001 in a Mann-Whitney test, corrected for the %u\n"
	    "comparisons made here; and medians whose 99%% intervals do not touch, or a clear\n"
	    "tendency; and a shift above 3%%. \"B slower\": how often a request of B takes longer\n"
	    "than one of A; 50%% is no tendency.\n",
	    count);
}

static void put_side(struct vbt_json *json, const char *key, const struct side *side)
{
	vbt_json_object(json, key);
	vbt_json_string(json, "file", side->name);
	vbt_json_uint(json, "requests", side->requests);
	vbt_json_uint(json, "complete", side->sum->count);
	vbt_json_uint(json, "incomplete", side->incomplete);
	vbt_json_end(json, '}');
}

static void put_row(struct vbt_json *json, const struct row *row)
{
	static const char *const kinds[] = {"total", "layer", "stage"};
	const struct vbt_diff *diff = &row->diff;

	vbt_json_object(json, NULL);
	vbt_json_string(json, "kind", kinds[row->kind]);
	if (row->kind == ROW_LAYER)
		vbt_json_string(json, "layer", vbt_layer_name(row->a));
	if (row->kind == ROW_STAGE) {
		vbt_json_string(json, "from", vbt_point_name(row->a));
		vbt_json_string(json, "to", vbt_point_name(row->b));
	}
	vbt_json_string(json, "verdict", vbt_verdict_name(diff->verdict));
	vbt_json_uint(json, "count_a", diff->count_a);
	vbt_json_uint(json, "count_b", diff->count_b);
	vbt_json_uint(json, "median_a_ns", diff->median_a);
	vbt_json_uint(json, "median_a_low_ns", diff->median_a_low);
	vbt_json_uint(json, "median_a_high_ns", diff->median_a_high);
	vbt_json_uint(json, "median_b_ns", diff->median_b);
	vbt_json_uint(json, "median_b_low_ns", diff->median_b_low);
	vbt_json_uint(json, "median_b_high_ns", diff->median_b_high);
	vbt_json_int(json, "shift_ns", diff->shift_ns);
	vbt_json_double(json, "shift", diff->shift);
	vbt_json_double(json, "probability", diff->probability);
	vbt_json_double(json, "p", diff->p);
	vbt_json_end(json, '}');
}

static void print_json(const struct row *rows, unsigned count, const struct side *sides)
{
	struct vbt_json json;

	vbt_json_init(&json, stdout, true);
	vbt_json_object(&json, NULL);
	vbt_json_string(&json, "format", "vbtrace-diff-1");
	put_side(&json, "a", &sides[0]);
	put_side(&json, "b", &sides[1]);
	vbt_json_uint(&json, "comparisons", count);
	vbt_json_array(&json, "rows");
	for (unsigned i = 0; i < count; i++)
		put_row(&json, &rows[i]);
	vbt_json_end(&json, ']');
	vbt_json_end(&json, '}');
}

static int run_diff(const void *values, const struct arguments *arguments)
{
	const struct diff_options *options = values;
	struct side sides[2] = {0};
	struct row rows[MAX_ROWS];
	int status = CLI_SUCCESS;
	unsigned count;

	if (arguments->count != 2) {
		complain("diff: two traces are needed, as in 'vbtrace diff before.vbt after.vbt'");
		return CLI_USAGE;
	}
	if (!strcmp(arguments->plain[0], "-") && !strcmp(arguments->plain[1], "-")) {
		complain("diff: only one of the two traces can be standard input");
		return CLI_USAGE;
	}
	for (int i = 0; i < 2 && !status; i++)
		status = read_side(&sides[i], arguments->plain[i], &options->filter);
	for (int i = 0; i < 2 && !status; i++)
		if (!sides[i].sum->count)
			status =
			    complain("'%s' has no complete request %sto compare", sides[i].name,
				     filter_given(&options->filter) ? "of that kind " : "");
	if (!status) {
		count = compare(rows, sides);
		if (options->json)
			print_json(rows, count, sides);
		else
			print_text(rows, count, sides);
	}
	release_side(&sides[0]);
	release_side(&sides[1]);
	return status;
}

const struct command command_diff = {
    .name = "diff",
    .purpose = "which layer and which stage got slower between two traces",
    .arguments = "A B",
    .options = diff_rows,
    .size = sizeof(struct diff_options),
    .max_plain = 2,
    .run = run_diff,
};
