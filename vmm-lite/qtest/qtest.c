/* SPDX-License-Identifier: MIT */
#include "vmm-lite/qtest/qtest.h"

#include <stdio.h>
#include <string.h>

#include "probes/stage_point.h"
#include "vmm-lite/bus.h"
#include "vmm-lite/disk/disk.h"
#include "vmm-lite/guest_mem.h"
#include "vmm-lite/log.h"
#include "vmm-lite/pci/host.h"
#include "vmm-lite/qtest/link.h"
#include "vmm-lite/qtest/protocol.h"
#include "vmm-lite/qtest/wires.h"
#include "vmm-lite/virtio/blk.h"

struct qtest_disk {
	struct disk_options options;
	struct disk *disk;
	struct virtio_blk *blk;
	char name[12];
};

struct qtest {
	const struct options *options;
	struct guest_mem mem;
	struct bus *bus;
	struct pci_host *pci;
	struct qtest_wires wires;
	struct qtest_disk disks[OPTIONS_MAX_DISKS];
	struct qtest_link link;
	struct qtest_protocol protocol;
};

static void line_changed(void *opaque, unsigned gsi, bool level)
{
	struct qtest *qtest = opaque;
	char text[32];
	int length = snprintf(text, sizeof(text), "IRQ %s %u\n", level ? "raise" : "lower", gsi);

	qtest_link_send(&qtest->link, text, (size_t)length);
}

static void intercept(void *opaque)
{
	struct qtest *qtest = opaque;

	qtest_wires_report(&qtest->wires);
}

/* Images that were resized. */
static void tick(void *opaque)
{
	struct qtest *qtest = opaque;

	for (unsigned i = 0; i < qtest->options->disk_count; i++)
		virtio_blk_refresh(qtest->disks[i].blk);
}

static int plug_disk(struct qtest *qtest, unsigned index, char *err, size_t err_size)
{
	struct qtest_disk *d = &qtest->disks[index];
	struct virtio_blk_config config = {
	    .options = &d->options,
	    .mem = &qtest->mem,
	    .wires = qtest_wires_interface(&qtest->wires),
	    .name = d->name,
	};

	d->options = qtest->options->disks[index];
	/* What KVM would shorten takes the long way here. */
	d->options.notify = NOTIFY_EXIT;
	d->options.signal = SIGNAL_IOCTL;
	snprintf(d->name, sizeof(d->name), "disk%u", index);
	d->disk = config.disk = disk_open(&d->options, err, err_size);
	if (!d->disk)
		return -1;
	d->blk = virtio_blk_new(&config, err, err_size);
	if (!d->blk)
		return -1;
	if (pci_host_add(qtest->pci, virtio_blk_function(d->blk))) {
		snprintf(err, err_size, "--disk '%s': no PCI slot is left for it", d->options.path);
		return -1;
	}
	return 0;
}

static int build(struct qtest *qtest, char *err, size_t err_size)
{
	const struct options *o = qtest->options;
	struct stage_ring_options ring = {.program = "vmm-lite " VBTRACE_VERSION " qtest"};
	int error = guest_mem_init(&qtest->mem, o->memory);

	if (error) {
		snprintf(err, err_size, "--memory: cannot have %llu MiB: %s; give less",
			 (unsigned long long)o->memory >> 20, strerror(-error));
		return error;
	}
	error = stage_ring_init(&ring, err, err_size);
	if (error)
		return error;
	stage_thread_begin("main");
	qtest->bus = bus_new();
	qtest->pci = qtest->bus ? pci_host_new(qtest->bus) : NULL;
	if (!qtest->pci) {
		snprintf(err, err_size, "cannot build the machine: out of memory");
		return -1;
	}
	qtest_wires_init(&qtest->wires, &qtest->mem, line_changed, qtest);
	for (unsigned i = 0; i < o->disk_count && !error; i++)
		error = plug_disk(qtest, i, err, err_size);
	return error;
}

static void take_down(struct qtest *qtest)
{
	for (unsigned i = 0; i < qtest->options->disk_count; i++) {
		struct qtest_disk *d = &qtest->disks[i];

		if (d->blk && virtio_blk_function(d->blk)->bus)
			pci_host_remove(qtest->pci, virtio_blk_function(d->blk));
		virtio_blk_free(d->blk);
		if (d->disk)
			disk_close(d->disk);
	}
	pci_host_free(qtest->pci);
	if (qtest->bus)
		bus_free(qtest->bus);
	guest_mem_release(&qtest->mem);
	stage_ring_exit();
}

static void serve(struct qtest *qtest)
{
	static const char too_long_text[] = "FAIL the line is too long\n";
	bool too_long;
	size_t length;
	char *line;

	for (;;) {
		const struct qtest_answer *answer;

		line = qtest_link_line(&qtest->link, &length, &too_long);
		if (!line && !too_long)
			return;
		if (!line) {
			qtest_link_send(&qtest->link, too_long_text, sizeof(too_long_text) - 1);
			continue;
		}
		answer = qtest_protocol_line(&qtest->protocol, line, length);
		qtest_link_send(&qtest->link, answer->text, answer->length);
	}
}

int qtest_run(const struct options *options)
{
	struct qtest qtest = {.options = options};
	char err[512];
	int status = 1;

	if (build(&qtest, err, sizeof(err)) ||
	    qtest_link_open(&qtest.link, options->qtest_socket, err, sizeof(err))) {
		log_line("%s", err);
	} else {
		qtest_protocol_init(&qtest.protocol, &qtest.mem, qtest.bus);
		qtest.protocol.intercept = intercept;
		qtest.protocol.tick = tick;
		qtest.protocol.opaque = &qtest;
		serve(&qtest);
		qtest_protocol_release(&qtest.protocol);
		status = 0;
	}
	take_down(&qtest);
	if (!status) {
		/* Until now a line of the device could still change. */
		qtest_link_close(&qtest.link);
		qtest_wires_release(&qtest.wires);
	}
	return status;
}
