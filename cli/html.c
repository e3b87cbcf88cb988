/* SPDX-License-Identifier: MIT */
#include "cli/html.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "cli/html/script.js.h" /* html_script */
#include "cli/html/style.css.h" /* html_style */
#include "lib/event.h"
#include "lib/json.h"
#include "lib/layer_colour.h"

#define MAX_ROWS    300 /* groups of the table; the others are counted */
#define MAX_DETAILS 60  /* groups that are unfolded stage by stage */

struct page {
	FILE *out;
	const struct html_report *report;
	const struct vbt_trace_info *info;
	struct screen screen; /* how numbers are written */
};

/* Names and command lines are the traced process's. Bytes beyond ASCII are not trusted to be UTF-8. */
static void put_text(FILE *out, const char *text)
{
	for (; *text; text++)
		switch (*text) {
		case '<': fputs("&lt;", out); break;
		case '>': fputs("&gt;", out); break;
		case '&': fputs("&amp;", out); break;
		case '"': fputs("&quot;", out); break;
		default: putc((unsigned char)*text < ' ' ? '?' : *text, out);
		}
}

static void put_count(struct page *page, const char *key, uint64_t value)
{
	fprintf(page->out, "<td class=\"n\" data-k=\"%s\" data-v=\"%llu\">%llu</td>", key,
		(unsigned long long)value, (unsigned long long)value);
}

static void put_time(struct page *page, const char *key, uint64_t ns)
{
	char text[TEXT_SIZE];

	fprintf(page->out, "<td class=\"n\" data-k=\"%s\" data-v=\"%llu\">%s</td>", key,
		(unsigned long long)ns, text_time(&page->screen, ns, text));
}

/* A distribution's cells, as put_dist_headings announces them and as DIST is in `report --json`. */
static void put_dist(struct page *page, const struct vbt_histogram *histogram)
{
	put_count(page, "count", histogram->count);
	put_time(page, "min_ns", vbt_histogram_min(histogram));
	put_time(page, "mean_ns", vbt_histogram_mean(histogram));
	put_time(page, "p50_ns", vbt_histogram_percentile(histogram, 500));
	put_time(page, "p90_ns", vbt_histogram_percentile(histogram, 900));
	put_time(page, "p99_ns", vbt_histogram_percentile(histogram, 990));
	put_time(page, "p999_ns", vbt_histogram_percentile(histogram, 999));
	put_time(page, "max_ns", histogram->max);
}

static void put_dist_headings(struct page *page)
{
	static const char *const names[] = {"count", "min", "mean",  "p50",
					    "p90",   "p99", "p99.9", "max"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		fprintf(page->out, "<th class=\"n\">%s</th>", names[i]);
}

static void put_section(struct page *page, const char *title, const char *text)
{
	fprintf(page->out, "<h2>%s</h2>\n<p class=\"soft\">%s</p>\n", title, text);
}

/* --- what it is of -------------------------------------------------------------------------- */

static void put_figure(struct page *page, const char *value, const char *what, bool bad)
{
	fprintf(page->out, "<div><b%s>%s</b><span>%s</span></div>\n", bad ? " class=\"bad\"" : "",
		value, what);
}

static void put_figures(struct page *page)
{
	const struct html_report *report = page->report;
	const struct vbt_correlator_stats *stats =
	    vbt_correlator_stats(report->headline->correlator);
	double seconds = (double)(stats->last_ns - stats->first_ns) / 1e9;
	char text[TEXT_SIZE];

	fputs("<div class=\"figures\">\n", page->out);
	put_figure(page, text_count(stats->requests, text), "requests", false);
	put_figure(page, text_time(&page->screen, vbt_histogram_mean(&report->sum->total), text),
		   "mean latency", false);
	put_figure(
	    page,
	    text_time(&page->screen, vbt_histogram_percentile(&report->sum->total, 990), text),
	    "99th percentile", false);
	snprintf(text, sizeof(text), "%.0f", seconds > 0 ? (double)stats->requests / seconds : 0);
	put_figure(page, text, "requests a second", false);
	put_figure(page, text_bytes(report->sum->bytes, text), "of data", false);
	put_figure(page, text_count(stats->errors, text), "errors", stats->errors != 0);
	fputs("</div>\n", page->out);
}

/* What a reader has to know before believing a number. */
static void put_notices(struct page *page)
{
	const struct headline *headline = page->report->headline;
	const struct vbt_correlator_stats *stats = vbt_correlator_stats(headline->correlator);
	char losses[512];
	uint64_t lost = losses_text(headline->correlator, headline->info, losses, sizeof(losses));

	if (!lost && !stats->incomplete && !stats->unseen && !stats->inferred && !*headline->damage)
		return;
	fputs("<div class=\"notice\">What this trace lacks\n<ul>\n", page->out);
	if (lost) {
		fprintf(page->out, "<li>%llu events were lost: ", (unsigned long long)lost);
		put_text(page->out, losses);
		fputs("</li>\n", page->out);
	}
	if (stats->incomplete)
		fprintf(page->out,
			"<li>%llu requests lack a mark that they must have had; they are counted, "
			"and are in no distribution</li>\n",
			(unsigned long long)stats->incomplete);
	if (stats->unseen)
		fprintf(page->out,
			"<li>%llu requests were never seen, by gaps in their numbers</li>\n",
			(unsigned long long)stats->unseen);
	if (stats->inferred)
		fprintf(page->out,
			"<li>%llu of %llu links are inferred by time, address or sector; they are "
			"drawn paler</li>\n",
			(unsigned long long)stats->inferred,
			(unsigned long long)(stats->exact + stats->inferred));
	if (*headline->damage) {
		fputs("<li>the file is ", page->out);
		put_text(page->out, headline->damage);
		fputs("</li>\n", page->out);
	}
	fputs("</ul></div>\n", page->out);
}

/* The head of the text report: a label of ten columns, then what it says. */
static void put_facts(struct page *page)
{
	struct screen screen = page->screen;
	char *text = NULL;
	size_t size = 0;

	screen.width = 1000;
	screen.out = open_memstream(&text, &size);
	if (!screen.out)
		return;
	headline_print(page->report->headline, &screen);
	if (fclose(screen.out) || !text) {
		free(text);
		return;
	}
	fputs("<dl>\n", page->out);
	for (char *line = text, *end; *line; line = end + 1) {
		end = strchr(line, '\n');
		if (!end || end - line < 10)
			break;
		*end = '\0';
		fprintf(page->out, "<dt>%.*s</dt><dd>", (int)strcspn(line, " "), line);
		put_text(page->out, line + 10);
		fputs("</dd>\n", page->out);
	}
	fputs("</dl>\n", page->out);
	free(text);
}

/* --- where the time goes -------------------------------------------------------------------- */

/* The layers' own, for each ground that a page may have. */
static void put_colours(FILE *out)
{
	static const struct {
		const char *when;
		size_t which;
	} grounds[] = {
	    {"all", offsetof(struct vbt_layer_colour, light)},
	    {"(prefers-color-scheme: dark)", offsetof(struct vbt_layer_colour, dark)},
	    {"(prefers-color-scheme: dark) and (prefers-contrast: more)",
	     offsetof(struct vbt_layer_colour, contrast)},
	};

	for (size_t i = 0; i < sizeof(grounds) / sizeof(grounds[0]); i++) {
		fprintf(out, "@media %s { :root {", grounds[i].when);
		for (unsigned layer = 0; layer < VBT_LAYER_COUNT; layer++)
			fprintf(out, " --%s: #%06x;", vbt_layer_name(layer),
				vbt_palette_rgb((
				    (const uint8_t *)&vbt_layer_colours[layer])[grounds[i].which]));
		fputs(" } }\n", out);
	}
}

static void put_key(struct page *page)
{
	fputs("<div class=\"key\">", page->out);
	for (unsigned layer = 0; layer < VBT_LAYER_COUNT; layer++)
		fprintf(page->out, "<span title=\"%s\"><i class=\"%s\"></i>%s</span>",
			vbt_layer_meaning(layer), vbt_layer_name(layer), vbt_layer_name(layer));
	fputs("</div>\n", page->out);
}

static void put_share(struct page *page, const struct vbt_histogram *part,
		      const struct vbt_histogram *whole)
{
	double share = whole->sum ? (double)part->sum * 100 / (double)whole->sum : 0;

	fprintf(page->out, "<td class=\"n\" data-v=\"%.4f\">%.1f %%</td>", share, share);
}

static void put_layers(struct page *page, const struct vbt_group *group)
{
	FILE *out = page->out;

	fputs("<div class=\"wide\"><table class=\"sortable\"><thead><tr><th>layer</th><th>what it "
	      "is</th><th class=\"n\">share</th>",
	      out);
	put_dist_headings(page);
	fputs("</tr></thead><tbody>\n", out);
	for (unsigned layer = 0; layer < VBT_LAYER_COUNT; layer++) {
		if (!group->layer[layer].count)
			continue;
		fprintf(
		    out,
		    "<tr data-part=\"%s\"><td><i class=\"%s\"></i>%s</td><td class=\"soft why\">%s</td>",
		    vbt_layer_name(layer), vbt_layer_name(layer), vbt_layer_name(layer),
		    vbt_layer_meaning(layer));
		put_share(page, &group->layer[layer], &group->total);
		put_dist(page, &group->layer[layer]);
		fputs("</tr>\n", out);
	}
	fputs("</tbody></table></div>\n", out);
}

static void put_stages(struct page *page, const struct vbt_group *group)
{
	const struct vbt_group_stage *stage;
	unsigned cursor = 0, low, high;
	FILE *out = page->out;

	chart_range(group, &low, &high);
	fputs("<div class=\"wide\"><table class=\"sortable\"><thead><tr><th>stage</th><th>from, "
	      "to</th><th>how often, how long</th><th class=\"n\">share</th>",
	      out);
	put_dist_headings(page);
	fputs("</tr></thead><tbody>\n", out);
	while ((stage = vbt_group_next_stage(group, &cursor))) {
		const char *layer = vbt_layer_name(vbt_layer_of(stage->from, stage->to));

		fprintf(out,
			"<tr data-part=\"%s-%s\"><td><i class=\"%s\"></i>%c2%c</td>"
			"<td class=\"soft\">%s → %s</td><td data-v=\"%llu\">",
			vbt_point_name(stage->from), vbt_point_name(stage->to), layer,
			vbt_mark_letter(stage->from), vbt_mark_letter(stage->to),
			vbt_point_name(stage->from), vbt_point_name(stage->to),
			(unsigned long long)vbt_histogram_percentile(&stage->ns, 500));
		chart_spread(out, &stage->ns, layer, low, high);
		fputs("</td>", out);
		put_share(page, &stage->ns, &group->total);
		put_dist(page, &stage->ns);
		fputs("</tr>\n", out);
	}
	fputs("</tbody></table></div>\n", out);
}

static const char *group_name(struct page *page, const struct vbt_group *group, char title[128])
{
	group_title(page->report->breakdown, group, page->info, title, 128);
	return title;
}

static void put_groups(struct page *page)
{
	const struct vbt_breakdown *breakdown = page->report->breakdown;
	uint32_t shown = breakdown->groups < MAX_ROWS ? breakdown->groups : MAX_ROWS;
	uint64_t left = breakdown->ungrouped;
	FILE *out = page->out;

	put_section(
	    page, "By device, queue and operation",
	    "Each bar is the time of a row's requests, shared out to the layers. A click on "
	    "a heading sorts.");
	put_key(page);
	fputs("<div class=\"wide\"><table class=\"sortable\" id=\"groups\"><thead><tr><th>requests "
	      "of</th><th>time</th><th class=\"n\">errors</th><th class=\"n\">incomplete</th>"
	      "<th class=\"n\">data</th>",
	      out);
	put_dist_headings(page);
	fputs("</tr></thead><tbody>\n", out);
	for (uint32_t i = 0; i < shown; i++) {
		const struct vbt_group *group = breakdown->group[i];
		char title[128], text[TEXT_SIZE];

		fprintf(out, "<tr data-group=\"%u\" data-part=\"total\"><td>", i);
		put_text(out, group_name(page, group, title));
		fprintf(out, "</td><td data-v=\"%.0f\">", (double)group->total.sum);
		chart_shares(out, group, "bar");
		fputs("</td>", out);
		put_count(page, "errors", group->errors);
		put_count(page, "incomplete", group->incomplete);
		fprintf(out, "<td class=\"n\" data-k=\"bytes\" data-v=\"%llu\">%s</td>",
			(unsigned long long)group->bytes, text_bytes(group->bytes, text));
		put_dist(page, &group->total);
		fputs("</tr>\n", out);
	}
	fputs("</tbody></table></div>\n", out);
	for (uint32_t i = shown; i < breakdown->groups; i++)
		left += breakdown->group[i]->count + breakdown->group[i]->incomplete;
	if (left)
		fprintf(out, "<p>And %llu requests of further groups.</p>\n",
			(unsigned long long)left);
}

static void put_details(struct page *page)
{
	const struct vbt_breakdown *breakdown = page->report->breakdown;
	char title[128];

	if (breakdown->groups < 1)
		return;
	put_section(page, "Each of them by stage", "Unfold what is of interest.");
	for (uint32_t i = 0; i < breakdown->groups && i < MAX_DETAILS; i++) {
		const struct vbt_group *group = breakdown->group[i];

		if (!group->count)
			continue;
		fprintf(page->out, "<details data-group=\"%u\"><summary>", i);
		put_text(page->out, group_name(page, group, title));
		fputs("</summary>\n", page->out);
		put_layers(page, group);
		put_stages(page, group);
		fputs("</details>\n", page->out);
	}
	if (breakdown->groups > MAX_DETAILS)
		fprintf(page->out, "<p>The first %d of %u.</p>\n", MAX_DETAILS, breakdown->groups);
}

/* --- single requests ------------------------------------------------------------------------ */

static void put_slowest(struct page *page)
{
	const struct selection *slowest = page->report->slowest;
	uint64_t start = vbt_correlator_stats(page->report->headline->correlator)->first_ns;
	FILE *out = page->out;

	if (!slowest->count)
		return;
	put_section(page, "The slowest requests",
		    "Each from its first mark to its last, on the scale of the slowest. "
		    "<code>vbtrace show --id N</code> has the whole life of one.");
	put_key(page);
	fputs("<div class=\"wide\"><table class=\"sortable\" id=\"slowest\"><thead><tr><th "
	      "class=\"n\">id</th><th class=\"n\">at</th><th>device</th><th "
	      "class=\"n\">queue</th><th>operation</th><th class=\"n\">sector</th><th "
	      "class=\"n\">size</th><th>status</th><th class=\"n\">total</th><th "
	      "style=\"width:45%\">steps</th></tr></thead><tbody>\n",
	      out);
	for (size_t i = 0; i < slowest->count; i++) {
		const struct vbt_request *r = &slowest->entry[i].request;
		bool parsed = vbt_request_has(r, VBT_MARK_parse);
		bool pushed = vbt_request_has(r, VBT_MARK_push);
		unsigned life = vbt_request_life(r);
		uint64_t at = life ? r->mark[__builtin_ctz(life)] : start;
		char name[24], text[TEXT_SIZE];

		fprintf(out, "<tr data-request=\"%llu\">", (unsigned long long)r->id);
		put_count(page, "id", r->id);
		fprintf(out, "<td class=\"n\" data-v=\"%llu\">%.6f s</td><td>",
			(unsigned long long)at, at > start ? (double)(at - start) / 1e9 : 0);
		put_text(out, vbt_trace_info_device_name(page->info, r->target, r->device, name));
		fputs("</td>", out);
		put_count(page, "queue", r->queue);
		fprintf(out, "<td>%s</td>", parsed ? vbt_op_name(r->op) : "?");
		put_count(page, "sector", parsed ? r->sector : 0);
		fprintf(out, "<td class=\"n\" data-v=\"%u\">%s</td><td%s>%s</td>",
			parsed ? r->bytes : 0, text_bytes(parsed ? r->bytes : 0, text),
			pushed && r->status ? " class=\"bad\"" : "",
			pushed ? vbt_status_name(r->status) : "–");
		put_time(page, "total_ns", slowest->entry[i].total);
		fputs("<td>", out);
		chart_waterfall(out, r, slowest->entry[0].total);
		fputs("</td></tr>\n", out);
	}
	fputs("</tbody></table></div>\n", out);
}

static void put_absent(struct page *page)
{
	struct absence_lines lines;

	absence_collect(page->report->absence, page->info, &lines);
	if (!lines.count)
		return;
	put_section(page, "Absent marks, and why",
		    "A mark that did not happen or cannot be seen has no time; the layer then runs "
		    "to the next mark there is. It is never counted as zero.");
	fputs(
	    "<div class=\"wide\"><table class=\"sortable\" id=\"absent\"><thead><tr><th>marks</th>"
	    "<th class=\"n\">requests</th><th>why</th></tr></thead><tbody>\n",
	    page->out);
	for (unsigned i = 0; i < lines.count; i++) {
		const struct absence_line *line = &lines.line[i];

		fputs("<tr><td>", page->out);
		for (unsigned left = line->marks; left; left &= left - 1)
			fprintf(page->out, "%s%s", left == line->marks ? "" : ", ",
				vbt_point_name((unsigned)__builtin_ctz(left)));
		fputs("</td>", page->out);
		put_count(page, "requests", line->count);
		fprintf(page->out, "<td class=\"why%s\">%s", line->broken ? " bad" : "",
			line->broken ? "incomplete: " : "");
		put_text(page->out, line->why);
		fputs("</td></tr>\n", page->out);
	}
	fputs("</tbody></table></div>\n", page->out);
}

/* --- the page ------------------------------------------------------------------------------- */

static void put_body(struct page *page)
{
	const struct html_report *report = page->report;
	FILE *out = page->out;

	fputs("<body><main>\n<h1>Where the time of virtio-blk requests goes</h1>\n<p "
	      "class=\"soft\">",
	      out);
	put_text(out, report->headline->name);
	fputs("</p>\n", out);
	put_figures(page);
	put_notices(page);
	if (!report->sum->count) {
		fputs("<p>No complete request: nothing to sum up.</p>\n", out);
		put_facts(page);
		put_absent(page);
		return;
	}
	put_section(page, "Layers",
		    "From the guest's kick to the end of its interrupt: six layers, "
		    "which sum to the total.");
	chart_shares(out, report->sum, "bar big");
	put_key(page);
	put_layers(page, report->sum);
	put_groups(page);
	put_section(
	    page, "Latency over time",
	    "Complete requests by when they began and how long they took, on a logarithmic "
	    "scale: the stronger the colour, the more. Time counts from the first of them.");
	heat_map_draw(out, report->heat);
	put_section(page, "Stages",
		    "The steps between neighbouring marks. All distributions have the same "
		    "logarithmic axis, from the quickest step to the slowest.");
	put_stages(page, report->sum);
	put_slowest(page);
	put_absent(page);
	put_details(page);
	put_section(page, "The recording", "");
	put_facts(page);
}

void html_print(FILE *out, const struct html_report *report)
{
	struct page page = {
	    .out = out,
	    .report = report,
	    .info = report->headline->info,
	    .screen = {.out = out, .width = 80, .utf8 = true},
	};

	fputs(
	    "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n<meta "
	    "name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
	    "'unsafe-inline'; script-src 'unsafe-inline'; img-src data:\">\n"
	    "<link rel=\"icon\" href=\"data:,\">\n<title>vbtrace: ",
	    out);
	put_text(out, report->headline->name);
	fprintf(out, "</title>\n<style>\n%s", html_style);
	put_colours(out);
	fputs("</style></head>\n", out);
	put_body(&page);
	fprintf(out,
		"<footer>vbtrace " VBTRACE_VERSION
		". A percentile is off by at most 1.6 %% of itself; "
		"count, min, mean and max are exact.</footer>\n</main>\n<script>\n%s</script>\n"
		"</body></html>\n",
		html_script);
}
