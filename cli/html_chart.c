/* SPDX-License-Identifier: MIT */
#include "cli/html_chart.h"

#include <math.h>
#include <string.h>

#include "lib/event.h"

#define FIRST_WIDTH 100000u /* ns of a column at first */
#define SHADES      8
#define WIDTH       960
#define CELL_HEIGHT 9
#define LEFT        56 /* for the latencies */
#define BELOW       22 /* for the times */

void heat_map_add(struct heat_map *map, const struct vbt_request *request)
{
	unsigned life = vbt_request_life(request);
	uint64_t time, column;

	if (!life || !request->complete)
		return;
	time = request->mark[__builtin_ctz(life)];
	if (!map->width) {
		map->width = FIRST_WIDTH;
		map->start = time;
	}
	/* Requests come as they end: one may have begun before the first that came. */
	column = time > map->start ? (time - map->start) / map->width : 0;
	for (; column >= HEAT_COLUMNS; column /= 2) {
		for (unsigned i = 0; i < HEAT_COLUMNS / 2; i++)
			for (unsigned bin = 0; bin < VBT_HEAT_BINS; bin++)
				map->cell[i][bin] =
				    map->cell[2 * i][bin] + map->cell[2 * i + 1][bin];
		memset(map->cell[HEAT_COLUMNS / 2], 0, sizeof(map->cell) / 2);
		map->width *= 2;
	}
	map->cell[column][vbt_heat_bin(vbt_request_total(request))]++;
}

struct extent {
	unsigned columns, low, high; /* of bins, both belong to it */
	uint32_t most;
};

static struct extent measure(const struct heat_map *map)
{
	struct extent extent = {.low = VBT_HEAT_BINS};

	for (unsigned i = 0; i < HEAT_COLUMNS; i++)
		for (unsigned bin = 0; bin < VBT_HEAT_BINS; bin++) {
			uint32_t count = map->cell[i][bin];

			if (!count)
				continue;
			extent.columns = i + 1;
			if (bin < extent.low)
				extent.low = bin;
			if (bin > extent.high)
				extent.high = bin;
			if (count > extent.most)
				extent.most = count;
		}
	return extent;
}

/* Columns that the width is for: what there is, but a moment shall be no block. */
static unsigned columns_shown(const struct extent *extent)
{
	return extent->columns > HEAT_COLUMNS / 4 ? extent->columns : HEAT_COLUMNS;
}

/* From rare to frequent by the logarithm: single requests are to be seen beside thousands. */
static unsigned shade(uint32_t count, uint32_t most)
{
	double part = most > 1 ? log((double)count) / log((double)most) : 1;

	return 1 + (unsigned)(part * (SHADES - 1) + 0.5);
}

/* "10 µs": a power of ten in ns. */
static void power_text(unsigned power, char buf[16])
{
	static const char *const units[] = {"ns", "µs", "ms", "s"};
	static const char *const numbers[] = {"1", "10", "100"};

	snprintf(buf, 16, "%s %s", power < 12 ? numbers[power % 3] : "1000",
		 units[power < 12 ? power / 3 : 3]);
}

static void draw_axes(FILE *out, const struct heat_map *map, const struct extent *extent,
		      unsigned height)
{
	double seconds = (double)(map->width * columns_shown(extent)) / 1e9;
	uint64_t ns = 1;

	for (unsigned power = 0; power < 13; power++, ns *= 10) {
		/* Bins are half octaves from 64 ns. */
		double bin = ns < 64 ? -1 : 2 * (log2((double)ns) - 6);
		double y = height - (bin - extent->low) * CELL_HEIGHT;
		char text[16];

		if (bin < extent->low || bin > extent->high + 1)
			continue;
		power_text(power, text);
		fprintf(out,
			"<line class=\"grid\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>"
			"<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%s</text>\n",
			LEFT, LEFT + WIDTH, y, y, LEFT - 8, y + 4, text);
	}
	for (unsigned i = 0; i <= 6; i++)
		fprintf(out, "<text x=\"%u\" y=\"%u\" text-anchor=\"%s\">%.3g s</text>\n",
			LEFT + WIDTH * i / 6, height + 16,
			i == 0   ? "start"
			: i == 6 ? "end"
				 : "middle",
			seconds * i / 6);
}

void heat_map_draw(FILE *out, const struct heat_map *map)
{
	const struct extent extent = measure(map);
	unsigned height;
	double step;

	if (!extent.columns)
		return;
	step = (double)WIDTH / columns_shown(&extent);
	height = (extent.high - extent.low + 1) * CELL_HEIGHT;
	fprintf(
	    out,
	    "<svg class=\"map\" viewBox=\"0 -6 %d %u\" role=\"img\" aria-label=\"Latency over time\">\n",
	    LEFT + WIDTH, height + BELOW + 6);
	draw_axes(out, map, &extent, height);
	for (unsigned level = 1; level <= SHADES; level++) {
		bool any = false;

		for (unsigned i = 0; i < extent.columns; i++)
			for (unsigned bin = extent.low; bin <= extent.high; bin++) {
				if (!map->cell[i][bin] ||
				    shade(map->cell[i][bin], extent.most) != level)
					continue;
				if (!any)
					fprintf(out, "<path class=\"h%u\" d=\"", level);
				any = true;
				fprintf(out, "M%.1f %uh%.1fv8h-%.1fz", LEFT + i * step,
					height - (bin - extent.low + 1) * CELL_HEIGHT, step - 1,
					step - 1);
			}
		if (any)
			fputs("\"/>\n", out);
	}
	fputs("</svg>\n", out);
}

void chart_shares(FILE *out, const struct vbt_group *group, const char *class)
{
	double total = (double)group->total.sum, x = 0;

	fprintf(out, "<svg class=\"%s\" viewBox=\"0 0 100 10\" preserveAspectRatio=\"none\">",
		class);
	for (unsigned layer = 0; layer < VBT_LAYER_COUNT && total > 0; layer++) {
		double width = (double)group->layer[layer].sum * 100 / total;

		if (width > 0)
			fprintf(out,
				"<rect class=\"%s\" x=\"%.3f\" width=\"%.3f\" height=\"10\">"
				"<title>%s %.1f %%</title></rect>",
				vbt_layer_name(layer), x, width, vbt_layer_name(layer), width);
		x += width;
	}
	fputs("</svg>", out);
}

static void count_bins(const struct vbt_histogram *histogram, uint64_t bin[VBT_HEAT_BINS])
{
	memset(bin, 0, VBT_HEAT_BINS * sizeof(*bin));
	for (unsigned i = 0; i < VBT_HISTOGRAM_BUCKETS; i++)
		if (histogram->bucket[i])
			bin[vbt_heat_bin(vbt_histogram_low(i))] += histogram->bucket[i];
}

void chart_range(const struct vbt_group *group, unsigned *low, unsigned *high)
{
	const struct vbt_group_stage *stage;
	unsigned cursor = 0;

	*low = VBT_HEAT_BINS - 1;
	*high = 0;
	while ((stage = vbt_group_next_stage(group, &cursor))) {
		unsigned least = vbt_heat_bin(vbt_histogram_min(&stage->ns));
		unsigned most = vbt_heat_bin(stage->ns.max);

		if (least < *low)
			*low = least;
		if (most > *high)
			*high = most;
	}
}

void chart_spread(FILE *out, const struct vbt_histogram *histogram, const char *class, unsigned low,
		  unsigned high)
{
	uint64_t bin[VBT_HEAT_BINS], most = 1;

	count_bins(histogram, bin);
	for (unsigned i = low; i <= high; i++)
		most = bin[i] > most ? bin[i] : most;
	fprintf(out,
		"<svg class=\"spread\" viewBox=\"0 0 %u 26\" preserveAspectRatio=\"none\">"
		"<path class=\"%s\" d=\"",
		(high - low + 1) * 10, class);
	for (unsigned i = low; i <= high; i++) {
		/* What there is at all can be seen. */
		double height = bin[i] ? 1.5 + 24.5 * (double)bin[i] / (double)most : 0;

		if (bin[i])
			fprintf(out, "M%u 26v-%.1fh9v%.1fz", (i - low) * 10, height, height);
	}
	fprintf(out, "\"/><line class=\"grid\" x1=\"0\" x2=\"%u\" y1=\"26\" y2=\"26\"/></svg>",
		(high - low + 1) * 10);
}

void chart_waterfall(FILE *out, const struct vbt_request *request, uint64_t scale)
{
	struct vbt_segment segment[VBT_MARK_COUNT - 1];
	unsigned count = vbt_request_segments(request, segment);
	double x = 0, unit = scale ? 1000 / (double)scale : 0;

	fputs("<svg class=\"fall\" viewBox=\"0 0 1000 16\" preserveAspectRatio=\"none\">", out);
	for (unsigned i = 0; i < count; i++) {
		const struct vbt_segment *s = &segment[i];
		unsigned ends = 1u << s->from | 1u << s->to;
		double width = (double)s->ns * unit;

		fprintf(out,
			"<rect class=\"%s%s\" x=\"%.2f\" y=\"2\" width=\"%.2f\" height=\"12\">"
			"<title>%c2%c %llu ns</title></rect>",
			vbt_layer_name(s->layer), request->inferred & ends ? " unsure" : "", x,
			width > 0.8 ? width : 0.8, vbt_mark_letter(s->from), vbt_mark_letter(s->to),
			(unsigned long long)s->ns);
		x += width;
	}
	fputs("</svg>", out);
}
