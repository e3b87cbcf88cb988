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

/* A selector of Wireshark's dialog, from the option's own row. */
static void print_selector(unsigned number, const char *name, const char *label)
{
	const struct option_row *row = extcap_rows;
	const char *at;

	while (strcmp(row->name, name) != 0)
		row++;
	printf("arg {number=%u}{call=--%s}{display=%s}{tooltip=%s}{type=selector}\n", number, name,
	       label, row->help);
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
		   .unit = options->frames ? VBT_UNIT_REQUESTS : VBT_UNIT_EVENTS},
	};
	struct sink *sink = sink_open(options->fifo, true);
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
		return CLI_SUCCESS;
	}
	/* Wireshark asks so whether a filter is one: what is printed is why not. */
	if (options->filter && !options->capture) {
		puts("vbtrace knows no capture filters: use a display filter");
		return CLI_SUCCESS;
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
