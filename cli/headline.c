/* SPDX-License-Identifier: MIT */
#include "cli/headline.h"

#include <string.h>
#include <time.h>

uint64_t losses_text(const struct vbt_correlator *correlator, const struct vbt_trace_info *info,
		     char *buf, size_t size)
{
	uint64_t hole = vbt_correlator_lost(correlator, VBT_SOURCE_ALL), sum = hole;
	size_t used = 0;

	buf[0] = '\0';
	for (uint32_t i = 0; i < info->sources; i++) {
		uint64_t lost = vbt_correlator_lost(correlator, i);

		if (info->source[i].lost > lost)
			lost = info->source[i].lost;
		sum += lost;
		if (lost && used < size)
			used +=
			    (size_t)snprintf(buf + used, size - used, "%s%s %llu", used ? ", " : "",
					     info->source[i].name, (unsigned long long)lost);
	}
	if (hole && used < size)
		snprintf(buf + used, size - used, "%sdamaged file %llu", used ? ", " : "",
			 (unsigned long long)hole);
	return sum;
}

static void print_trace(const struct headline *headline, const struct screen *screen)
{
	const struct vbt_correlator_stats *stats = vbt_correlator_stats(headline->correlator);
	const struct vbt_host *host = &headline->info->host;
	time_t start = (time_t)(host->start_realtime_ns / 1000000000u);
	char length[TEXT_SIZE], when[64] = "";
	struct tm tm;

	fprintf(screen->out, "trace     %s: %s", headline->name,
		text_time(screen, stats->last_ns - stats->first_ns, length));
	if (host->start_realtime_ns && localtime_r(&start, &tm)) {
		strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", &tm);
		fprintf(screen->out, " from %s", when);
	}
	if (host->kernel[0])
		fprintf(screen->out, ", %s", host->kernel);
	if (headline->flight)
		fputs(" (a flight recorder: the VMM's own marks only)", screen->out);
	fputc('\n', screen->out);
	for (uint32_t i = 0; i < headline->info->targets; i++) {
		const struct vbt_target *target = &headline->info->target[i];
		const char *text = target->cmdline[0] ? target->cmdline : target->comm;
		int room = (int)screen->width - 24;

		fprintf(screen->out, "target    pid %u: %.*s%s\n", target->pid, room, text,
			(int)strlen(text) > room ? "..." : "");
	}
}

static void print_devices(const struct headline *headline, const struct screen *screen)
{
	for (uint32_t i = 0; i < headline->info->devices; i++) {
		const struct vbt_shm_device *shm = &headline->info->device[i].shm;
		char size[TEXT_SIZE];

		fprintf(screen->out, "device    %s: %s, %s, %s%s, %u queue%s, %s ring", shm->name,
			shm->backend, text_bytes(shm->capacity * 512, size), shm->method,
			shm->flags & VBT_DEVICE_DIRECT ? " direct" : "", shm->queues,
			shm->queues == 1 ? "" : "s",
			shm->flags & VBT_DEVICE_PACKED ? "packed" : "split");
		if (!(shm->flags & VBT_DEVICE_NO_KVM))
			fprintf(screen->out, ", %s, %s, %s",
				shm->flags & VBT_DEVICE_IOEVENTFD ? "ioeventfd" : "exit",
				shm->flags & VBT_DEVICE_IRQFD ? "irqfd" : "ioctl",
				shm->flags & VBT_DEVICE_MSIX ? "MSI-X" : "INTx");
		else
			fputs(", no KVM", screen->out);
		fputc('\n', screen->out);
	}
}

/* "123 requests" */
static void print_number(const struct screen *screen, uint64_t count, const char *what)
{
	fprintf(screen->out, "%llu %s", (unsigned long long)count, what);
}

static void print_requests(const struct headline *headline, const struct screen *screen)
{
	const struct vbt_correlator_stats *stats = vbt_correlator_stats(headline->correlator);
	double seconds = (double)(stats->last_ns - stats->first_ns) / 1e9;
	char rate[TEXT_SIZE];

	fputs("requests  ", screen->out);
	print_number(screen, stats->requests, "in all: ");
	print_number(screen, stats->complete, "complete, ");
	fputs(screen_colour(screen, stats->incomplete ? COLOUR_YELLOW : COLOUR_NONE), screen->out);
	print_number(screen, stats->incomplete, "incomplete");
	fputs(screen_colour(screen, COLOUR_NONE), screen->out);
	fputs(", ", screen->out);
	fputs(screen_colour(screen, stats->errors ? COLOUR_RED : COLOUR_NONE), screen->out);
	print_number(screen, stats->errors, stats->errors == 1 ? "error" : "errors");
	fputs(screen_colour(screen, COLOUR_NONE), screen->out);
	if (stats->unseen) {
		fputs(", ", screen->out);
		print_number(screen, stats->unseen, "never seen");
	}
	if (seconds > 0 && stats->requests > 1)
		fprintf(screen->out, "\nrate      %.0f requests/s, %s/s",
			(double)stats->requests / seconds,
			text_bytes((uint64_t)((double)headline->bytes / seconds), rate));
	fputc('\n', screen->out);
}

void headline_print(const struct headline *headline, const struct screen *screen)
{
	const struct vbt_correlator_stats *stats = vbt_correlator_stats(headline->correlator);
	uint64_t clock_error = vbt_trace_info_clock_error(headline->info);
	uint64_t links = stats->exact + stats->inferred, lost;
	char text[512], share[TEXT_SIZE], error[TEXT_SIZE];

	print_trace(headline, screen);
	print_devices(headline, screen);
	print_requests(headline, screen);
	lost = losses_text(headline->correlator, headline->info, text, sizeof(text));
	if (links) {
		fprintf(screen->out, "links     %llu exact, ", (unsigned long long)stats->exact);
		print_number(screen, stats->inferred, "inferred");
		if (stats->inferred)
			fprintf(screen->out, " (%s)",
				text_share((double)stats->inferred / (double)links, share));
		fputc('\n', screen->out);
	}
	if (clock_error)
		fprintf(screen->out, "clocks    the VMM's and the kernel's times are within %s\n",
			text_time(screen, clock_error, error));
	fprintf(screen->out, "lost      %s%s%s\n",
		screen_colour(screen, lost ? COLOUR_RED : COLOUR_NONE), lost ? text : "no event",
		screen_colour(screen, COLOUR_NONE));
	if (headline->damage[0])
		fprintf(screen->out, "file      %s%s%s\n", screen_colour(screen, COLOUR_RED),
			headline->damage, screen_colour(screen, COLOUR_NONE));
}
