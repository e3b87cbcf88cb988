/* SPDX-License-Identifier: MIT */
/* vbtrace top -b and --json: an interval after the other, for logs and programs. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "cli/grid.h"
#include "cli/screen.h"
#include "cli/top.h"
#include "lib/event.h"
#include "lib/now.h"
#include "lib/snapshot_json.h"

#define POLL_NS 5000000

struct batch {
	struct feed *feed;
	const struct top_options *options;
	struct screen screen;
	uint64_t count, left; /* intervals to print */
	uint64_t events;      /* as of the last interval */
	bool limited, over;
	bool waiting; /* it was said what it waits for */
	char err[160];
};

static void cell_time(struct grid *grid, const struct screen *screen, bool present, uint64_t ns)
{
	char buf[TEXT_SIZE];

	grid_cell(grid, "%s", present ? text_time(screen, ns, buf) : "-");
}

static void node_cells(struct batch *batch, struct grid *grid, const struct vbt_node *node)
{
	const struct vbt_trace_info *info = batch->feed->info;
	const struct vbt_group *group = &node->now->group;
	double seconds = (double)node->now->ns / 1e9;
	uint64_t layer[VBT_LAYER_COUNT];
	char buf[TEXT_SIZE], name[24];
	int largest;

	grid_cell(grid, "%u", vbt_node_pid(node, info));
	grid_cell(grid, "%s",
		  vbt_trace_info_device_name(info, (unsigned)node->key.target,
					     (unsigned)node->key.device, name));
	if (batch->options->by >= VBT_NODE_QUEUE && node->level >= VBT_NODE_QUEUE)
		grid_cell(grid, "%d", node->key.queue);
	else if (batch->options->by >= VBT_NODE_QUEUE)
		grid_cell(grid, "all");
	if (batch->options->by >= VBT_NODE_OP)
		grid_cell(grid, "%s", node->level == VBT_NODE_OP ? vbt_node_op_name(node) : "all");
	grid_cell(grid, "%.0f", (double)(group->count + group->incomplete) / seconds);
	grid_cell(grid, "%s/s", text_bytes((uint64_t)((double)group->bytes / seconds), buf));
	grid_cell(grid, "%u", node->in_flight);
	for (unsigned i = 0; i < 3; i++) {
		static const enum vbt_percentile which[] = {VBT_PERCENTILE_p50, VBT_PERCENTILE_p99,
							    VBT_PERCENTILE_max};

		cell_time(grid, &batch->screen, group->count,
			  vbt_percentile_of(&group->total, which[i]));
	}
	cell_time(grid, &batch->screen, group->count, vbt_histogram_mean(&group->total));
	vbt_group_layer_sums(group, layer);
	for (unsigned i = 0; i < VBT_LAYER_COUNT; i++)
		cell_time(grid, &batch->screen, group->layer[i].count,
			  group->count ? layer[i] / group->count : 0);
	largest = vbt_layer_largest(layer);
	if (largest >= 0)
		grid_cell(grid, "%s %.0f%%", vbt_layer_name((unsigned)largest),
			  (double)layer[largest] * 100 / (double)group->total.sum);
	else
		grid_cell(grid, "-");
}

static void print_nodes(struct batch *batch, const struct vbt_snapshot *snapshot)
{
	struct grid grid = {.gap = 1};
	unsigned rows = 0;

	grid_column(&grid, "vm", true);
	grid_column(&grid, "device", false);
	if (batch->options->by >= VBT_NODE_QUEUE)
		grid_column(&grid, "q", true);
	if (batch->options->by >= VBT_NODE_OP)
		grid_column(&grid, "op", false);
	grid_column(&grid, "iops", true);
	grid_column(&grid, "rate", true);
	grid_column(&grid, "fly", true);
	grid_column(&grid, "p50", true);
	grid_column(&grid, "p99", true);
	grid_column(&grid, "max", true);
	grid_column(&grid, "mean", true);
	for (unsigned layer = 0; layer < VBT_LAYER_COUNT; layer++)
		grid_column(&grid, vbt_layer_name(layer), true);
	grid_column(&grid, "most in", false);
	for (uint32_t i = 0; i < snapshot->nodes; i++)
		if (snapshot->node[i]->level <= batch->options->by) {
			node_cells(batch, &grid, snapshot->node[i]);
			rows++;
		}
	if (rows)
		grid_print(&grid, &batch->screen, 2);
	else
		fputs("  no requests\n", batch->screen.out);
	grid_release(&grid);
}

static void print_stuck(struct batch *batch, const struct vbt_snapshot *snapshot)
{
	for (uint32_t i = 0; i < snapshot->stuck_count; i++) {
		const struct vbt_stuck *stuck = &snapshot->stuck[i];
		char name[24], age[TEXT_SIZE], request[40] = "the queue";

		if (stuck->request.id)
			snprintf(request, sizeof(request), "request %llu",
				 (unsigned long long)stuck->request.id);
		fprintf(batch->screen.out, "  stuck: %s of %s queue %u at %s for %s: %s\n", request,
			vbt_trace_info_device_name(batch->feed->info, stuck->request.target,
						   stuck->request.device, name),
			stuck->request.queue, vbt_point_name((unsigned)stuck->mark),
			text_time(&batch->screen, snapshot->now_ns - stuck->since_ns, age),
			vbt_wait_text(stuck->mark));
	}
}

static void print_interval(struct batch *batch, const struct vbt_snapshot *snapshot,
			   const struct feed_status *status)
{
	char passed[TEXT_SIZE], length[TEXT_SIZE], memory[TEXT_SIZE], when[64] = "";
	const uint64_t elapsed = snapshot->now_ns - snapshot->start_ns;
	const uint64_t ns = snapshot->nodes ? snapshot->node[0]->now->ns : batch->feed->interval_ns;
	time_t wall;
	struct tm tm;

	if (status->start_realtime) {
		const uint64_t at = status->live ? status->start_realtime + snapshot->now_ns -
						       batch->feed->info->host.start_monotonic_ns
						 : status->start_realtime + elapsed;

		wall = (time_t)(at / 1000000000u);
		if (localtime_r(&wall, &tm))
			strftime(when, sizeof(when), "%H:%M:%S ", &tm);
	}
	fprintf(batch->screen.out, "%sat %s, %s: %llu events, %llu lost", when,
		text_time(&batch->screen, elapsed, passed), text_time(&batch->screen, ns, length),
		(unsigned long long)(status->events - batch->events),
		(unsigned long long)status->lost);
	if (status->own_cpu >= 0)
		fprintf(batch->screen.out, "; own cost %.1f%% of a core, %s", status->own_cpu * 100,
			text_bytes(status->own_memory, memory));
	fputc('\n', batch->screen.out);
	batch->events = status->events;
	print_nodes(batch, snapshot);
	print_stuck(batch, snapshot);
	fputc('\n', batch->screen.out);
}

static void print_json(const struct batch *batch, const struct vbt_snapshot *snapshot,
		       const struct feed_status *status)
{
	const struct vbt_interval interval = {
	    .snapshot = snapshot,
	    .info = batch->feed->info,
	    .events = status->events,
	    .lost = status->lost,
	    .alive = status->alive,
	    .own_cpu = status->own_cpu,
	    .own_memory = status->own_memory,
	    .level = batch->options->by,
	};

	vbt_json_interval(batch->screen.out, &interval);
}

static void on_tick(void *context)
{
	struct batch *batch = context;
	const struct vbt_snapshot *snapshot = vbt_monitor_snapshot(batch->feed->monitor);
	struct feed_status status;

	if (batch->over)
		return;
	batch->feed->class->status(batch->feed, &status);
	/* Without targets there is nothing to show; what is missing was said. */
	if (status.live && !status.alive && !snapshot->nodes)
		return;
	if (batch->options->json)
		print_json(batch, snapshot, &status);
	else
		print_interval(batch, snapshot, &status);
	fflush(batch->screen.out);
	if (batch->limited && !--batch->left)
		batch->over = true;
	if (ferror(batch->screen.out))
		batch->over = true;
}

static void say_what_is_missing(struct batch *batch, const struct feed_status *status)
{
	if (!status->note[0] || batch->waiting)
		batch->waiting = status->note[0];
	else {
		complain("%s", status->note);
		batch->waiting = true;
	}
}

static void listen(struct batch *batch)
{
	batch->feed->tick = on_tick;
	batch->feed->tick_context = batch;
}

int top_batch(struct feed *feed, const struct top_options *options, uint64_t count)
{
	struct batch batch = {
	    .feed = feed, .options = options, .left = count, .limited = count != 0};
	const struct timespec pause = {.tv_nsec = POLL_NS};
	struct feed_status status;
	sigset_t signals;
	int error = 0;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	/* What is live is left in order. */
	if (!feed->class->seek)
		signal(SIGPIPE, SIG_IGN);
	screen_init(&batch.screen, stdout);
	listen(&batch);
	for (;;) {
		error = feed->class->advance(feed, vbt_now_ns());
		if (error || batch.over)
			break;
		feed->class->status(feed, &status);
		say_what_is_missing(&batch, &status);
		if (status.ended || screen_reader_left(stdout))
			break;
		if (sigtimedwait(&signals, NULL, &pause) > 0)
			break;
	}
	feed->tick = NULL;
	feed->tick_context = NULL;
	if (error)
		return complain("top: cannot go on: %s", strerror(-error));
	return CLI_SUCCESS;
}
