/* SPDX-License-Identifier: MIT */
#include "cli/life.h"

#include <string.h>

#include "cli/line.h"
#include "lib/event.h"
#include "lib/json.h"

#define MAX_BAR 64

enum floor { FLOOR_GUEST, FLOOR_KVM, FLOOR_VMM, FLOOR_HOST, FLOOR_DISK };

/* Who is at work when a mark is made; the deeper the floor, the further the name is indented. */
static const enum floor floors[VBT_MARK_COUNT] = {
    [VBT_MARK_kick] = FLOOR_GUEST, [VBT_MARK_wake] = FLOOR_VMM,      [VBT_MARK_pop] = FLOOR_VMM,
    [VBT_MARK_parse] = FLOOR_VMM,  [VBT_MARK_submit] = FLOOR_VMM,    [VBT_MARK_queue] = FLOOR_HOST,
    [VBT_MARK_issue] = FLOOR_HOST, [VBT_MARK_complete] = FLOOR_DISK, [VBT_MARK_reap] = FLOOR_VMM,
    [VBT_MARK_push] = FLOOR_VMM,   [VBT_MARK_signal] = FLOOR_VMM,    [VBT_MARK_msi] = FLOOR_KVM,
    [VBT_MARK_inject] = FLOOR_KVM, [VBT_MARK_eoi] = FLOOR_GUEST,
};

static const char *who(unsigned mark, const struct vbt_device *device)
{
	static const char *const names[] = {[FLOOR_GUEST] = "guest",
					    [FLOOR_KVM] = "KVM",
					    [FLOOR_VMM] = "VMM I/O thread",
					    [FLOOR_HOST] = "host kernel",
					    [FLOOR_DISK] = "host disk"};

	if (floors[mark] == FLOOR_VMM && device && device->shm.flags & VBT_DEVICE_INLINE)
		return "VMM vCPU thread";
	return names[floors[mark]];
}

/* One unit for all times of a life, so that they can be compared and added at a glance. */
struct unit {
	double ns;
	int digits;
	const char *name;
};

static struct unit unit_for(const struct screen *screen, uint64_t total)
{
	if (total < 100000000)
		return (struct unit){1e3, total < 1000000 ? 2 : 1,
				     screen->utf8 ? "\302\265s" : "us"};
	return (struct unit){1e6, 3, "ms"};
}

static void print_time(const struct screen *screen, const struct unit *unit, uint64_t ns)
{
	char buf[TEXT_SIZE];

	snprintf(buf, sizeof(buf), "%.*f %s", unit->digits, (double)ns / unit->ns, unit->name);
	print_right(screen, buf, 12);
}

/* A bar from one time to another on an axis that is `total` long. */
static void print_span(const struct screen *screen, uint64_t from, uint64_t to, uint64_t total,
		       unsigned width, enum colour colour)
{
	unsigned start = total ? (unsigned)((double)from / (double)total * width) : 0;
	unsigned end = total ? (unsigned)((double)to / (double)total * width + 0.5) : 0;

	if (start >= width)
		start = width - 1;
	if (end > width)
		end = width;
	fprintf(screen->out, "%*s%s", (int)start, "", screen_colour(screen, colour));
	if (end <= start) /* too short for its scale: a thin mark where it is */
		fputs(screen->utf8 ? "\342\226\217" : "|", screen->out);
	for (; start < end; start++)
		fputs(screen->utf8 ? "\342\226\210" : "#", screen->out);
	fputs(screen_colour(screen, COLOUR_NONE), screen->out);
}

static void print_subject(const struct screen *screen, const struct vbt_request *request,
			  const struct vbt_trace_info *info, uint64_t start_ns)
{
	const struct vbt_target *target = vbt_trace_info_target(info, request->target);
	unsigned first = request->present ? (unsigned)__builtin_ctz(request->present) : 0;
	char buf[TEXT_SIZE], name[24];
	FILE *out = screen->out;

	fprintf(out, "%srequest %llu%s: ", screen_colour(screen, COLOUR_BOLD),
		(unsigned long long)request->id, screen_colour(screen, COLOUR_NONE));
	if (vbt_request_has(request, VBT_MARK_parse)) {
		fputs(vbt_op_name(request->op), out);
		if (request->bytes)
			fprintf(out, " of %s at sector %llu", text_bytes(request->bytes, buf),
				(unsigned long long)request->sector);
	} else {
		fputs("not parsed", out);
	}
	if (vbt_request_has(request, VBT_MARK_push))
		fprintf(out, ", %s%s%s",
			screen_colour(screen, request->status ? COLOUR_RED : COLOUR_NONE),
			vbt_status_name(request->status), screen_colour(screen, COLOUR_NONE));
	fprintf(out, ", %s%s\n", text_time(screen, vbt_request_total(request), buf),
		request->complete ? "" : " and incomplete");
	fprintf(out, "  pid %u, %s queue %u, number %u in its queue, head %u; at %s s\n",
		target ? target->pid : 0,
		vbt_trace_info_device_name(info, request->target, request->device, name),
		request->queue, request->seq, request->head,
		text_clock(request->mark[first], start_ns, buf));
}

/* "shared with 3 other requests" */
static void print_shared(FILE *out, uint64_t all)
{
	if (all == 1)
		fputs(", for this request alone", out);
	else if (all > 1)
		fprintf(out, ", shared with %llu other request%s", (unsigned long long)(all - 1),
			all == 2 ? "" : "s");
}

static void print_notifications(const struct screen *screen, const struct vbt_request *request,
				const struct life_shared *shared)
{
	FILE *out = screen->out;

	if (vbt_request_has(request, VBT_MARK_kick) || request->kicks) {
		fprintf(out, "  kick %llu of its queue", (unsigned long long)request->kick_seq);
		if (request->vcpu >= 0 && vbt_request_has(request, VBT_MARK_kick))
			fprintf(out, ", by vCPU %d", request->vcpu);
		print_shared(out, shared->kick);
		if (vbt_request_has(request, VBT_MARK_wake))
			fprintf(out, ", seen by %s", vbt_wake_reason_name(request->wake_reason));
		if (request->kicks > 1)
			fprintf(out, "; its wake answered %u kicks at once", request->kicks);
		fputc('\n', out);
	} else if (vbt_request_has(request, VBT_MARK_pop)) {
		fputs("  no kick of its own: the queue was being served already\n", out);
	}
	if (vbt_request_has(request, VBT_MARK_signal) && request->irq_seq) {
		fprintf(out, "  interrupt %llu of its queue", (unsigned long long)request->irq_seq);
		print_shared(out, request->pushes);
		fputc('\n', out);
	}
	if (vbt_request_has(request, VBT_MARK_submit))
		fprintf(out, "  host I/O by %s\n", vbt_io_method_name(request->method));
	if (request->merged)
		fputs("  merged: went to the host as part of the request before it\n", out);
}

struct axis {
	uint64_t total, now; /* now: where the last step ended */
	struct unit unit;
	unsigned width;
};

static void print_mark(const struct screen *screen, const struct vbt_request *request,
		       const struct vbt_device *device, unsigned mark, struct axis *axis,
		       const struct vbt_segment *step)
{
	bool inferred = request->inferred >> mark & 1;
	enum colour colour = step ? COLOUR_LAYER(step->layer) : COLOUR_BOLD;
	uint64_t before = axis->now;
	char name[48];

	snprintf(name, sizeof(name), "%*s%s", 2 * (int)floors[mark], "", vbt_point_name(mark));
	fprintf(screen->out, "  %s%c%s ", screen_colour(screen, colour), vbt_mark_letter(mark),
		screen_colour(screen, COLOUR_NONE));
	print_left(screen, name, 17);
	axis->now += step ? step->ns : 0;
	print_time(screen, &axis->unit, axis->now);
	if (step)
		print_time(screen, &axis->unit, step->ns);
	else
		print_right(screen, "", 12);
	/* Exact is the rule: only what is not gets a word. */
	fputs(inferred ? " ~ " : "   ", screen->out);
	print_left(screen, who(mark, device), 16);
	if (axis->width && step)
		print_span(screen, before, axis->now, axis->total, axis->width, colour);
	fputc('\n', screen->out);
}

/* A mark that is no part of the life, and why. */
static void print_aside(const struct screen *screen, unsigned mark, bool broken, const char *what,
			const char *why)
{
	char name[48];

	snprintf(name, sizeof(name), "%*s%s", 2 * (int)floors[mark], "", vbt_point_name(mark));
	fprintf(screen->out, "  %s%c ", screen_colour(screen, broken ? COLOUR_YELLOW : COLOUR_DIM),
		vbt_mark_letter(mark));
	print_left(screen, name, 17);
	fprintf(screen->out, "      %s%s%s\n", what, why, screen_colour(screen, COLOUR_NONE));
}

/* The step that ends at a mark; NULL if none does. */
static const struct vbt_segment *step_to(const struct vbt_segment *segment, unsigned count,
					 unsigned mark)
{
	for (unsigned i = 0; i < count; i++)
		if (segment[i].to == mark)
			return &segment[i];
	return NULL;
}

static void print_layer_sums(const struct screen *screen, const struct vbt_request *request)
{
	uint64_t ns[VBT_LAYER_COUNT], total = vbt_request_total(request);
	unsigned seen = vbt_request_layers(request, ns);
	char buf[TEXT_SIZE];

	fputs("  layers:", screen->out);
	for (unsigned layer = 0; layer < VBT_LAYER_COUNT; layer++)
		if (seen >> layer & 1 && total)
			fprintf(screen->out, "  %s%s%s %s (%.0f%%)",
				screen_colour(screen, COLOUR_LAYER(layer)), vbt_layer_name(layer),
				screen_colour(screen, COLOUR_NONE),
				text_time(screen, ns[layer], buf),
				(double)ns[layer] * 100 / (double)total);
	fputc('\n', screen->out);
}

void life_print(const struct screen *screen, const struct vbt_request *request,
		const struct vbt_trace_info *info, const struct life_shared *shared,
		uint64_t start_ns)
{
	const struct vbt_device *device =
	    vbt_trace_info_device(info, request->target, request->device);
	struct vbt_segment segment[VBT_MARK_COUNT - 1];
	unsigned count = vbt_request_segments(request, segment);
	struct axis axis = {.total = vbt_request_total(request)};

	axis.unit = unit_for(screen, axis.total);
	axis.width = screen->width > 72 ? screen->width - 66 : 0;
	if (axis.width > MAX_BAR)
		axis.width = MAX_BAR;
	print_subject(screen, request, info, start_ns);
	print_notifications(screen, request, shared);
	fprintf(screen->out, "%s  mark                       at        step    at work%s\n",
		screen_colour(screen, COLOUR_DIM), screen_colour(screen, COLOUR_NONE));
	for (unsigned mark = 0; mark < VBT_MARK_COUNT; mark++)
		if (!vbt_request_has(request, mark))
			print_aside(screen, mark, vbt_absent_broken(request->absent[mark]),
				    "absent: ", vbt_absent_reason(request, mark, info));
		else if (count && mark < segment[0].from)
			print_aside(screen, mark, false, "before its time: ",
				    vbt_wake_reason_name(request->wake_reason));
		else
			print_mark(screen, request, device, mark, &axis,
				   step_to(segment, count, mark));
	print_layer_sums(screen, request);
	if (request->inferred)
		fputs("  ~ inferred by time, address or sector; all other links are exact\n",
		      screen->out);
}
