/* SPDX-License-Identifier: MIT */
/*
 * vbtrace extcap: running VMs as Wireshark's capture interfaces, by its extcap protocol. Wireshark
 * starts this itself; docs/PCAP_FORMAT.md says what has to be where.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/capture.h"
#include "cli/options.h"
#include "probes/ring_find.h"

#define ALL_VMS  "vbtrace" /* the interface of all VMs; that of one is vbtrace-PID */
#define DLT_NAME "USER0"
#define DLT      147

struct extcap_options {
	bool interfaces, dlts, config, capture;
	const char *interface, *fifo, *version, *filter;
	unsigned frames, source;
	uint64_t payload;
};

static const struct option_row extcap_rows[] = {
    {.name = "extcap-interfaces",
     .kind = OPTION_FLAG,
     .at = offsetof(struct extcap_options, interfaces),
     .help = "list the interfaces: all VMs, and each that runs"},
    {.name = "extcap-interface",
     .kind = OPTION_TEXT,
     .at = offsetof(struct extcap_options, interface),
     .argument = "NAME",
     .help = "the interface that the others are about"},
    {.name = "extcap-dlts",
     .kind = OPTION_FLAG,
     .at = offsetof(struct extcap_options, dlts),
     .help = "list the link types of an interface"},
    {.name = "extcap-config",
     .kind = OPTION_FLAG,
     .at = offsetof(struct extcap_options, config),
     .help = "list the options of an interface, for Wireshark's dialog"},
    {.name = "extcap-version",
     .kind = OPTION_TEXT,
     .at = offsetof(struct extcap_options, version),
     .argument = "VERSION",
     .help = "of Wireshark, which says it"},
    {.name = "extcap-capture-filter",
     .kind = OPTION_TEXT,
     .at = offsetof(struct extcap_options, filter),
     .argument = "FILTER",
     .help = "none is understood: Wireshark's display filters do more"},
    {.name = "capture",
     .kind = OPTION_FLAG,
     .at = offsetof(struct extcap_options, capture),
     .help = "capture an interface into --fifo until SIGTERM"},
    {.name = "fifo",
     .kind = OPTION_TEXT,
     .at = offsetof(struct extcap_options, fifo),
     .argument = "FILE",
     .help = "where the capture goes to"},
    {.name = "frames",
     .kind = OPTION_CHOICE,
     .at = offsetof(struct extcap_options, frames),
     .choices = "event|request",
     .help = "a frame for each event (default), or two for each request"},
    {.name = "source",
     .kind = OPTION_CHOICE,
     .at = offsetof(struct extcap_options, source),
     .choices = "auto|ring|usdt",
     .help = "how the VMM's marks are had, as for 'vbtrace record'"},
    {.name = "payload",
     .kind = OPTION_NUMBER,
     .at = offsetof(struct extcap_options, payload),
     .argument = "N",
     .max = VBT_DATA_MAX,
     .help =
	 "the first N bytes of what each request moves, which is the guest's data (default 0: none)"},
    {0},
};

/* What is shown must not end the sentence of the protocol. */
static void print_display(const char *text)
{
	for (; *text; text++)
		putchar(*text == '{' || *text == '}' || (unsigned char)*text < ' ' ? '_' : *text);
}

static int print_interfaces(void)
{
	struct ring_found *found = NULL;
	size_t count = 0;
	unsigned denied;
	int error = ring_find(&found, &count, &denied);

	if (error)
		return complain("cannot look for VMs in /proc: %s", strerror(-error));
	printf("extcap {version=" VBTRACE_VERSION "}{display=virtio-blk requests}\n"
	       "interface {value=" ALL_VMS "}{display=virtio-blk requests of all VMs}\n");
	for (size_t i = 0; i < count; i++) {
		if (found[i].flight)
			continue;
		printf("interface {value=" ALL_VMS "-%d}{display=virtio-blk requests of ",
		       (int)found[i].pid);
		print_display(found[i].program);
		printf(", pid %d}\n", (int)found[i].pid);
	}
	free(found);
	return CLI_SUCCESS;
}

/* A question of Wireshark's dialog, from the option's own row. */
static const struct option_row *print_question(unsigned number, const char *name, const char *label,
					       const char *type)
{
	const struct option_row *row = extcap_rows;

	while (strcmp(row->name, name) != 0)
		row++;
	printf("arg {number=%u}{call=--%s}{display=%s}{tooltip=%s}{type=%s}", number, name, label,
	       row->help, type);
	return row;
}

static void print_selector(unsigned number, const char *name, const char *label)
{
	const char *at;
	const struct option_row *row = print_question(number, name, label, "selector");

	putchar('\n');
	for (at = row->choices; *at; at += *at == '|') {
		int length = (int)strcspn(at, "|");

		printf("value {arg=%u}{value=%.*s}{display=%.*s}{default=%s}\n", number, length, at,
		       length, at, at == row->choices ? "true" : "false");
		at += length;
	}
}

/* "vbtrace-123" is pid 123, "vbtrace" are all. */
static int parse_interface(const char *name, struct pid_list *pids)
{
	char why[80];

	if (!name) {
		complain("extcap: --extcap-interface NAME is missing");
		return CLI_USAGE;
	}
	if (!strcmp(name, ALL_VMS))
		return 0;
	if (!strncmp(name, ALL_VMS "-", sizeof(ALL_VMS)) &&
	    !attach_parse_pids(name + sizeof(ALL_VMS), pids, why, sizeof(why)))
		return 0;
	complain("extcap: there is no interface '%s': --extcap-interfaces lists them", name);
	return CLI_USAGE;
}

static int capture(const struct extcap_options *options, const struct pid_list *pids)
{
	const struct capture_options what = {
	    .pids = pids,
	    .road = (enum session_road)options->source,
	    .to = {.exporter = vbt_exporter_find("pcap"),
		   .unit = options->frames ? VBT_UNIT_REQUESTS : VBT_UNIT_EVENTS,
		   .payload = (unsigned)options->payload},
	};
	struct sink *sink = sink_open(options->fifo, true, options->payload > 0);
	int status;

	if (!sink)
		return CLI_FAILURE;
	status = capture_run(&what, sink);
	/* Wireshark stops a capture by closing the pipe as well. */
	if (sink_failed(sink)) {
		sink_drop(sink);
		return status;
	}
	return sink_close(sink, true) ? CLI_FAILURE : status;
}

static int run_extcap(const void *values, const struct arguments *arguments)
{
	const struct extcap_options *options = values;
	struct pid_list pids = {.count = 0};
	const struct option_row *row;
	int status;

	if (options->interfaces)
		return print_interfaces();
	status = parse_interface(options->interface, &pids);
	if (status)
		return status;
	if (options->dlts) {
		printf("dlt {number=%d}{name=" DLT_NAME "}{display=virtio-blk requests}\n", DLT);
		return CLI_SUCCESS;
	}
	if (options->config) {
		print_selector(0, "frames", "Frames");
		print_selector(1, "source", "Marks of the VMM by");
		row = print_question(2, "payload", "Bytes of the guest's data", "unsigned");
		printf("{range=%llu,%llu}{default=0}\n", (unsigned long long)row->min,
		       (unsigned long long)row->max);
		return CLI_SUCCESS;
	}
	/* Wireshark asks so whether a filter is one: what is printed is why not. */
	if (options->filter && !options->capture) {
		puts("vbtrace knows no capture filters: use a display filter");
		return CLI_SUCCESS;
	}
	if (options->payload && options->source == SESSION_USDT) {
		complain("extcap: --payload comes by the VMM's ring: leave --source usdt out");
		return CLI_USAGE;
	}
	if (options->capture && options->fifo)
		return capture(options, &pids);
	complain("extcap: nothing to do: --extcap-interfaces, --extcap-dlts, --extcap-config, or "
		 "--capture with --fifo FILE");
	return CLI_USAGE;
}

const struct command command_extcap = {
    .name = "extcap",
    .purpose = "running VMs as Wireshark's capture interfaces (Wireshark calls it)",
    .arguments = "",
    .notes = "'make install' puts a script that calls this into Wireshark's extcap folder; the VMs "
	     "are then among its interfaces. 'tshark -i vbtrace' captures all of them.",
    .options = extcap_rows,
    .size = sizeof(struct extcap_options),
    .run = run_extcap,
};
