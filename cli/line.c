/* SPDX-License-Identifier: MIT */
#include "cli/line.h"

#include "lib/event.h"

#define WIDE 122 /* columns from which all six layers have room */

const char *text_clock(uint64_t ns, uint64_t start_ns, char buf[TEXT_SIZE])
{
	uint64_t since = ns > start_ns ? ns - start_ns : 0;

	snprintf(buf, TEXT_SIZE, "%llu.%06llu", (unsigned long long)(since / 1000000000),
		 (unsigned long long)(since % 1000000000 / 1000));
	return buf;
}

void line_print_heading(const struct screen *screen)
{
	FILE *out = screen->out;

	fprintf(out, "%s%7s %11s %-6s %2s %-7s %10s %8s %-6s %8s",
		screen_colour(screen, COLOUR_DIM), "id", "seconds", "device", "q", "op", "sector",
		"size", "status", "total");
	if (screen->width >= WIDE)
		for (unsigned layer = 0; layer < VBT_LAYER_COUNT; layer++)
			fprintf(out, " %7s", vbt_layer_name(layer));
	else
		fputs(" most in", out);
	fprintf(out, "%s\n", screen_colour(screen, COLOUR_NONE));
}

static void print_layers(const struct screen *screen, const struct vbt_request *request)
{
	uint64_t ns[VBT_LAYER_COUNT], total = vbt_request_total(request);
	unsigned seen = vbt_request_layers(request, ns), most = 0;
	char buf[TEXT_SIZE];

	for (unsigned layer = 0; layer < VBT_LAYER_COUNT; layer++) {
		if (screen->width >= WIDE) {
			fprintf(screen->out, " %s", screen_colour(screen, COLOUR_LAYER(layer)));
			print_right(screen,
				    seen >> layer & 1 ? text_time(screen, ns[layer], buf) : "-", 7);
			fputs(screen_colour(screen, COLOUR_NONE), screen->out);
		}
		if (ns[layer] > ns[most])
			most = layer;
	}
	if (screen->width < WIDE && total)
		fprintf(screen->out, " %s%s%s %.0f%%", screen_colour(screen, COLOUR_LAYER(most)),
			vbt_layer_name(most), screen_colour(screen, COLOUR_NONE),
			(double)ns[most] * 100 / (double)total);
}

void line_print(const struct screen *screen, const struct vbt_request *request,
		const struct vbt_trace_info *info, uint64_t start_ns)
{
	bool parsed = vbt_request_has(request, VBT_MARK_parse);
	bool pushed = vbt_request_has(request, VBT_MARK_push);
	unsigned first = request->present ? (unsigned)__builtin_ctz(request->present) : 0;
	char buf[TEXT_SIZE], name[24], sector[24] = "-";
	FILE *out = screen->out;

	if (parsed && (request->bytes || request->sector))
		snprintf(sector, sizeof(sector), "%llu", (unsigned long long)request->sector);
	fprintf(out, "%7llu %11s %-6s %2u %-7s %10s", (unsigned long long)request->id,
		text_clock(request->mark[first], start_ns, buf),
		vbt_trace_info_device_name(info, request->target, request->device, name),
		request->queue, parsed ? vbt_op_name(request->op) : "?", sector);
	fprintf(out, " %8s", parsed ? text_bytes(request->bytes, buf) : "?");
	fprintf(out, " %s%-6s%s ",
		screen_colour(screen, pushed && request->status ? COLOUR_RED : COLOUR_NONE),
		pushed ? vbt_status_name(request->status) : "-",
		screen_colour(screen, COLOUR_NONE));
	print_right(screen, text_time(screen, vbt_request_total(request), buf), 8);
	print_layers(screen, request);
	if (!request->complete) {
		unsigned broken = 0;

		while (broken < VBT_MARK_COUNT && !vbt_absent_broken(request->absent[broken]))
			broken++;
		fprintf(out, " %sincomplete:%s %s %s", screen_colour(screen, COLOUR_YELLOW),
			screen_colour(screen, COLOUR_NONE), vbt_point_name(broken),
			broken < VBT_MARK_COUNT ? vbt_absent_text(request->absent[broken]) : "");
	}
	fputc('\n', out);
}
