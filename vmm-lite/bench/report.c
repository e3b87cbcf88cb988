/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <string.h>

#include "vmm-lite/bench/report.h"

static const struct {
	const char *name;
	unsigned per_mille;
} percentiles[] = {{"p50", 500}, {"p90", 900}, {"p99", 990}, {"p999", 999}};

static const char *const aio_names[] = {"io_uring", "sync", "null"};

static const char *ring_name(const struct report *report)
{
	return report->driver->features & FEATURE(F_RING_PACKED) ? "packed" : "split";
}

static const char *notify_name(const struct report *report)
{
	return report->options->disks[0].notify == NOTIFY_EXIT ? "exit" : "ioeventfd";
}

static const char *signal_name(const struct report *report)
{
	return report->options->disks[0].signal == SIGNAL_IOCTL ? "ioctl" : "irqfd";
}

/* Per second, with the duration in nanoseconds. */
static double per_second(uint64_t amount, uint64_t duration_ns)
{
	return duration_ns ? (double)amount * 1e9 / (double)duration_ns : 0;
}

static uint64_t cpu_per_request(const struct job_result *result)
{
	uint64_t cpu = result->cpu_user_ns + result->cpu_system_ns;

	return result->latency.count ? cpu / result->latency.count : 0;
}

/* Three digits and a unit: "12.3 us". */
static const char *duration_text(uint64_t ns, char *text, size_t size)
{
	static const char *const units[] = {"ns", "us", "ms", "s"};
	double value = (double)ns;
	unsigned unit = 0;

	while (value >= 999.5 && unit < 3) {
		value /= 1000;
		unit++;
	}
	snprintf(text, size, "%.*f %s", unit && value < 99.95 ? 1 : 0, value, units[unit]);
	return text;
}

/* The same for powers of 1024: "4 KiB", "964 MiB". */
static const char *bytes_text(double bytes, char *text, size_t size)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
	unsigned unit = 0;

	while (bytes >= 1023.95 && unit < 4) {
		bytes /= 1024;
		unit++;
	}
	snprintf(text, size, "%.*f %s", bytes < 99.95 && bytes != (unsigned)bytes, bytes,
		 units[unit]);
	return text;
}

static void print_latency(FILE *out, const char *label, const struct vbt_histogram *latency)
{
	char text[32];
	unsigned i;

	if (!latency->count)
		return;
	fprintf(out, "%-10s  min %s", label,
		duration_text(vbt_histogram_min(latency), text, sizeof(text)));
	fprintf(out, ", mean %s", duration_text(vbt_histogram_mean(latency), text, sizeof(text)));
	for (i = 0; i < sizeof(percentiles) / sizeof(percentiles[0]); i++)
		fprintf(out, ", %s %s", percentiles[i].name,
			duration_text(vbt_histogram_percentile(latency, percentiles[i].per_mille),
				      text, sizeof(text)));
	fprintf(out, ", max %s\n", duration_text(latency->max, text, sizeof(text)));
}

static void print_trouble(FILE *out, const struct job_result *result)
{
	const struct {
		const char *text;
		uint64_t count;
	} kinds[] = {
	    {"I/O errors", result->io_errors},
	    {"unsupported", result->unsupported},
	    {"protocol errors", result->protocol_errors},
	    {"wrong data", result->verify_errors},
	    {"never answered", result->unanswered},
	};
	const char *separator = "";
	unsigned i;

	fprintf(out, "%-10s  ", "errors");
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (!kinds[i].count)
			continue;
		fprintf(out, "%s%" PRIu64 " %s", separator, kinds[i].count, kinds[i].text);
		separator = ", ";
	}
	fprintf(out, "%s", *separator ? "" : "none");
	if (result->verified)
		fprintf(out, "; %" PRIu64 " blocks compared", result->verified);
	fprintf(out, "\n");
	if (result->complaint[0])
		fprintf(out, "%-10s  %s\n", "first", result->complaint);
}

void report_text(FILE *out, const struct report *report)
{
	const struct disk_options *disk = &report->options->disks[0];
	const struct job_result *result = report->result;
	double requests = result->latency.count ? (double)result->latency.count : 1;
	char block[32], bandwidth[32], duration[32], user[32], each[32];

	fprintf(out, "%-10s  %s, %s, depth %u, %u queue%s; %s %s ring, %s, %s, %s%s%s %s\n",
		"bench", report->options->bench.rw,
		bytes_text(report->job->block_size, block, sizeof(block)), report->job->depth,
		report->driver->queue_count, report->driver->queue_count == 1 ? "" : "s",
		report->driver->transport->name, ring_name(report), notify_name(report),
		report->driver->msix ? signal_name(report) : "intx",
		disk->iothread ? "" : "no I/O thread, ", aio_names[disk->aio],
		disk->direct ? " direct" : "", disk->path);
	fprintf(out, "%-10s  %.0f IOPS, %s/s; %" PRIu64 " requests in %s\n", "rate",
		per_second(result->latency.count, result->duration_ns),
		bytes_text(per_second(result->bytes, result->duration_ns), bandwidth,
			   sizeof(bandwidth)),
		result->latency.count,
		duration_text(result->duration_ns, duration, sizeof(duration)));
	print_latency(out, "latency", &result->latency);
	if (result->read.count && result->write.count) {
		print_latency(out, "  read", &result->read);
		print_latency(out, "  write", &result->write);
	}
	fprintf(out, "%-10s  %.2f kicks and %.2f interrupts a request\n", "events",
		(double)result->kicks / requests, (double)result->interrupts / requests);
	fprintf(out, "%-10s  %s a request", "cpu",
		duration_text(cpu_per_request(result), each, sizeof(each)));
	fprintf(out, " (user %s, system %s)\n",
		duration_text(result->cpu_user_ns, user, sizeof(user)),
		duration_text(result->cpu_system_ns, each, sizeof(each)));
	print_trouble(out, result);
}

static void json_text(FILE *out, const char *key, const char *text)
{
	fprintf(out, "\"%s\": \"", key);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fprintf(out, "\\%c", *text);
		else if ((unsigned char)*text < 0x20)
			fprintf(out, "\\u%04x", (unsigned char)*text);
		else
			fputc(*text, out);
	}
	fprintf(out, "\", ");
}

static void json_number(FILE *out, const char *key, uint64_t value)
{
	fprintf(out, "\"%s\": %" PRIu64 ", ", key, value);
}

static void json_flag(FILE *out, const char *key, bool value)
{
	fprintf(out, "\"%s\": %s, ", key, value ? "true" : "false");
}

static void json_latency(FILE *out, const char *key, const struct vbt_histogram *latency)
{
	unsigned i;

	fprintf(out, "\n \"%s\": {", key);
	json_number(out, "count", latency->count);
	json_number(out, "min_ns", vbt_histogram_min(latency));
	json_number(out, "mean_ns", vbt_histogram_mean(latency));
	for (i = 0; i < sizeof(percentiles) / sizeof(percentiles[0]); i++)
		fprintf(out, "\"%s_ns\": %" PRIu64 ", ", percentiles[i].name,
			vbt_histogram_percentile(latency, percentiles[i].per_mille));
	fprintf(out, "\"max_ns\": %" PRIu64 "}, ", latency->max);
}

void report_json(FILE *out, const struct report *report)
{
	const struct disk_options *disk = &report->options->disks[0];
	const struct job_result *result = report->result;

	fprintf(out, "{\"format\": 1, ");
	json_text(out, "rw", report->options->bench.rw);
	json_number(out, "block_size", report->job->block_size);
	json_number(out, "depth", report->job->depth);
	json_number(out, "queues", report->driver->queue_count);
	json_number(out, "seed", report->job->seed);
	fprintf(out, "\n ");
	json_text(out, "transport", report->driver->transport->name);
	json_text(out, "ring", ring_name(report));
	json_text(out, "irq", report->driver->msix ? "msix" : "intx");
	json_text(out, "notify", notify_name(report));
	json_text(out, "signal", signal_name(report));
	json_flag(out, "iothread", disk->iothread);
	json_text(out, "aio", aio_names[disk->aio]);
	json_flag(out, "direct", disk->direct);
	json_text(out, "disk", disk->path);
	fprintf(out, "\n ");
	json_number(out, "duration_ns", result->duration_ns);
	json_number(out, "requests", result->latency.count);
	json_number(out, "bytes", result->bytes);
	fprintf(out, "\"iops\": %.1f, \"bandwidth\": %.0f, ",
		per_second(result->latency.count, result->duration_ns),
		per_second(result->bytes, result->duration_ns));
	json_latency(out, "latency", &result->latency);
	json_latency(out, "read", &result->read);
	json_latency(out, "write", &result->write);
	fprintf(out, "\n ");
	json_number(out, "errors", result->io_errors + result->unsupported);
	json_number(out, "io_errors", result->io_errors);
	json_number(out, "unsupported", result->unsupported);
	json_number(out, "protocol_errors", result->protocol_errors);
	json_number(out, "verify_errors", result->verify_errors);
	json_number(out, "unanswered", result->unanswered);
	json_number(out, "verified", result->verified);
	fprintf(out, "\n ");
	json_number(out, "kicks", result->kicks);
	json_number(out, "interrupts", result->interrupts);
	json_text(out, "complaint", result->complaint);
	fprintf(out,
		"\n \"cpu\": {\"user_ns\": %" PRIu64 ", \"system_ns\": %" PRIu64
		", \"ns_per_request\": %" PRIu64 "}}\n",
		result->cpu_user_ns, result->cpu_system_ns, cpu_per_request(result));
}
