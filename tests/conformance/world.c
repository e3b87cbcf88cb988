/* SPDX-License-Identifier: MIT */
#include "tests/conformance/world.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <linux/virtio_pci.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/conformance/wires.h"
#include "vmm-lite/disk/backends.h"

struct world *world_new(unsigned variant)
{
	struct world *w = calloc(1, sizeof(*w));

	w->variant = variant;
	w->packed = variant & PACKED;
	w->legacy = variant & LEGACY;
	w->msix = !(variant & INTX);
	w->inline_mode = variant & INLINE;
	w->next_free = 1 << 20;
	if (guest_mem_add(&w->mem, GPA(0), RAM_SIZE, NULL, false) ||
	    guest_mem_add(&w->mem, GPA(RAM2_BASE), RAM2_SIZE, NULL, false) ||
	    guest_mem_add(&w->mem, GPA(ROM_BASE), ROM_SIZE, NULL, true) ||
	    guest_mem_add(&w->mem, GPA(HIGH_BASE), HIGH_SIZE, NULL, false))
		abort();
	w->bus = bus_new();
	w->pci = pci_host_new(w->bus);
	recorder_init(&w->wires);
	w->wires.bus = w->bus;
	w->wires.world = w;
	return w;
}

void world_close(struct world *w)
{
	if (w->blk) {
		pci_host_remove(w->pci, virtio_blk_function(w->blk));
		virtio_blk_free(w->blk);
	}
	if (w->disk)
		disk_close(w->disk);
	options_release_disk(&w->options);
	w->blk = NULL;
	w->disk = NULL;
	w->ram = NULL;
}

void world_free(struct world *w)
{
	world_close(w);
	pci_host_free(w->pci);
	bus_free(w->bus);
	guest_mem_release(&w->mem);
	for (unsigned i = 0; i < MAX_TEST_QUEUES; i++) {
		free(w->q[i].lengths);
		free(w->q[i].next);
		free(w->q[i].done);
		free(w->q[i].written);
	}
	free(w);
}

/* NULL, or what is wrong with them. */
static const char *parse_options(struct world *w, const char *path, const char *keys)
{
	const char *extra = keys ? keys : "";
	static char err[256];
	char text[512];

	/* The tests' own keys may not be given twice: what `keys` has is not preset. */
	snprintf(text, sizeof(text), "%s%s%s%s%s%s%s%s%s", path,
		 strstr(extra, "queue-size=") ? "" : ",queue-size=64",
		 strstr(extra, "ring=") ? ""
		 : w->packed            ? ",ring=both"
					: "",
		 strstr(extra, "transport=") ? ""
		 : w->legacy                 ? ""
					     : ",transport=modern",
		 strstr(extra, "notify=") ? "" : ",notify=exit",
		 strstr(extra, "signal=") ? "" : ",signal=ioctl",
		 strstr(extra, "iothread=") || !w->inline_mode ? "" : ",iothread=off",
		 *extra ? "," : "", extra);
	return options_parse_disk(&w->options, text, err, sizeof(err)) ? err : NULL;
}

static void find_capabilities(struct world *w)
{
	unsigned at = cfg_read(w, PCI_CAPABILITY_LIST, 1);

	w->cap_common = w->cap_notify = w->cap_isr = w->cap_device = w->cap_window = w->cap_msix =
	    0;
	for (unsigned steps = 0; at && steps < 48; steps++, at = cfg_read(w, at + 1, 1)) {
		unsigned id = cfg_read(w, at, 1), type = cfg_read(w, at + 3, 1);
		uint8_t *const caps[] = {NULL,        &w->cap_common, &w->cap_notify,
					 &w->cap_isr, &w->cap_device, &w->cap_window};

		if (id == PCI_CAP_ID_AF)
			w->cap_af = (uint8_t)at;
		if (id == PCI_CAP_ID_MSIX)
			w->cap_msix = (uint8_t)at;
		if (id == PCI_CAP_ID_VNDR && type > 0 && type < 6 && !*caps[type])
			*caps[type] = (uint8_t)at;
	}
}

static uint64_t structure(struct world *w, unsigned cap)
{
	return cap ? w->bar[cfg_read(w, cap + VIRTIO_PCI_CAP_BAR, 1) % 6] +
			 cfg_read(w, cap + VIRTIO_PCI_CAP_OFFSET, 4)
		   : 0;
}

void world_probe(struct world *w)
{
	for (unsigned i = 0; i < 6; i++) {
		uint32_t low = cfg_read(w, PCI_BASE_ADDRESS_0 + 4 * i, 4);

		w->bar[i] = low & (low & 1 ? ~3u : ~15u);
		if ((low & 7) == 4 && i < 5) {
			w->bar[i] |= (uint64_t)cfg_read(w, PCI_BASE_ADDRESS_0 + 4 * (i + 1), 4)
				     << 32;
			w->bar[++i] = 0;
		}
	}
	find_capabilities(w);
	w->common = structure(w, w->cap_common);
	w->notify = structure(w, w->cap_notify);
	w->isr = structure(w, w->cap_isr);
	w->device = structure(w, w->cap_device);
	if (w->cap_notify) {
		w->notify_length = cfg_read(w, w->cap_notify + VIRTIO_PCI_CAP_LENGTH, 4);
		w->notify_multiplier = cfg_read(w, w->cap_notify + VIRTIO_PCI_NOTIFY_CAP_MULT, 4);
	}
	if (w->cap_device)
		w->device_length = cfg_read(w, w->cap_device + VIRTIO_PCI_CAP_LENGTH, 4);
	w->vectors = w->cap_msix
			 ? (cfg_read(w, w->cap_msix + PCI_MSIX_FLAGS, 2) & PCI_MSIX_FLAGS_QSIZE) + 1
			 : 0;
}

static const char *plug(struct world *w)
{
	static char err[256];
	struct virtio_blk_config config = {
	    .options = &w->options,
	    .disk = w->disk,
	    .mem = &w->mem,
	    .wires = {.ops = &recorder_ops, .ctx = &w->wires},
	    .name = "disk0",
	};

	w->wires.shortcuts =
	    w->options.notify == NOTIFY_IOEVENTFD || w->options.signal == SIGNAL_IRQFD;
	w->blk = virtio_blk_new(&config, err, sizeof(err));
	if (!w->blk)
		return err;
	CHECK_EQ(pci_host_add(w->pci, virtio_blk_function(w->blk)), 0);
	w->slot = virtio_blk_function(w->blk)->slot;
	w->gsi = virtio_blk_function(w->blk)->gsi;
	world_probe(w);
	set_command(w, PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	if (w->msix && w->vectors) {
		for (unsigned i = 0; i < w->vectors; i++)
			msix_entry(w, i, MSI_BASE, MSI_DATA(i), false);
		msix_control(w, PCI_MSIX_FLAGS_ENABLE);
	}
	return NULL;
}

/* Over a disk in memory; with zones in front of it if the options say so. */
static const char *open_ram(struct world *w, struct ram_disk *ram, const char *keys)
{
	static char err[256];
	const char *why = parse_options(w, "memory", keys);

	w->ram = ram;
	w->disk = ram_disk_base(ram);
	if (why)
		return why;
	ram->base.info.read_only = w->options.read_only;
	if (w->options.zoned) {
		w->disk = disk_zoned_wrap(w->disk, -1, &w->options, err, sizeof(err));
		if (!w->disk)
			return err;
		if (w->prepare)
			w->prepare(disk_zoned_zones(w->disk));
	}
	return plug(w);
}

const char *world_try_open(struct world *w, const char *keys)
{
	return open_ram(w, ram_disk_new(WORLD_DISK_SIZE), keys);
}

void world_open(struct world *w, const char *keys)
{
	world_open_ram(w, ram_disk_new(WORLD_DISK_SIZE), keys);
}

void world_open_ram(struct world *w, struct ram_disk *ram, const char *keys)
{
	const char *why = open_ram(w, ram, keys);

	if (why)
		FAIL("%s", why);
}

int temporary_file(char path[TEMPORARY_PATH], uint64_t size)
{
	int fd;

	snprintf(path, TEMPORARY_PATH, "/tmp/vbtrace-conformance-XXXXXX");
	fd = mkstemp(path);
	if (fd < 0 || ftruncate(fd, (off_t)size))
		FAIL("no temporary file: %s", strerror(errno));
	return fd;
}

void world_open_file(struct world *w, const char *path, const char *keys)
{
	char err[256];
	const char *why = parse_options(w, path, keys);

	if (why)
		FAIL("%s", why);
	w->disk = disk_open(&w->options, err, sizeof(err));
	if (!w->disk)
		FAIL("%s", err);
	why = plug(w);
	if (why)
		FAIL("%s", why);
}

/* --- initialisation ------------------------------------------------------------------ */

uint64_t offered(struct world *w)
{
	uint64_t features;

	if (w->legacy)
		return l_read(w, L_HOST_FEATURES);
	c_write(w, C_DEVICE_FEATURE_SELECT, 1);
	features = c_read(w, C_DEVICE_FEATURE) << 32;
	c_write(w, C_DEVICE_FEATURE_SELECT, 0);
	return features | c_read(w, C_DEVICE_FEATURE);
}

void set_features(struct world *w, uint64_t features)
{
	w->negotiated = features;
	if (w->legacy) {
		l_write(w, L_GUEST_FEATURES, (uint32_t)features);
		return;
	}
	for (unsigned i = 0; i < 2; i++) {
		c_write(w, C_DRIVER_FEATURE_SELECT, i);
		c_write(w, C_DRIVER_FEATURE, (uint32_t)(features >> (32 * i)));
	}
}

uint64_t usual_features(struct world *w)
{
	uint64_t odd = FEATURE(F_EVENT_IDX) | FEATURE(F_RING_PACKED) | FEATURE(F_IN_ORDER) |
		       FEATURE(F_NOTIFICATION_DATA) | FEATURE(F_NOTIF_CONFIG_DATA) |
		       FEATURE(F_NOTIFY_ON_EMPTY);
	uint64_t features = offered(w) & ~odd;

	return w->packed ? features | FEATURE(F_RING_PACKED) : features;
}

void negotiate(struct world *w, uint64_t features)
{
	set_status(w, STATUS_ACKNOWLEDGE);
	set_status(w, STATUS_ACKNOWLEDGE | STATUS_DRIVER);
	set_features(w, features);
	if (w->legacy)
		return;
	set_status(w, STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK);
	if (!(status(w) & STATUS_FEATURES_OK))
		FAIL("features %#llx are refused", (unsigned long long)features);
}

void setup_queue(struct world *w, unsigned queue, uint16_t size)
{
	uint16_t max;

	if (w->legacy) {
		l_write(w, L_SELECT, queue);
		max = (uint16_t)l_read(w, L_SIZE);
	} else {
		max = (uint16_t)cq_read(w, queue, C_QUEUE_SIZE);
	}
	CHECK(max);
	vq_init(w, &w->q[queue], queue, size ? size : max, w->packed);
	if (w->msix)
		set_queue_vector(w, queue,
				 (uint16_t)(queue + 1 < w->vectors ? queue + 1 : w->vectors - 1));
	vq_enable(&w->q[queue]);
}

void driver_ok(struct world *w)
{
	uint8_t bits = STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_DRIVER_OK;

	set_status(w, w->legacy ? bits : bits | STATUS_FEATURES_OK);
	if (!(status(w) & STATUS_DRIVER_OK))
		FAIL("DRIVER_OK is refused");
}

void start(struct world *w, uint64_t add, uint64_t drop)
{
	negotiate(w, (usual_features(w) | add) & ~drop);
	if (w->msix)
		set_config_vector(w, 0);
	w->queue_count = w->negotiated & FEATURE(F_MQ) ? (unsigned)config_read(w, 34, 2) : 1;
	if (w->queue_count > MAX_TEST_QUEUES)
		w->queue_count = MAX_TEST_QUEUES;
	for (unsigned i = 0; i < w->queue_count; i++)
		setup_queue(w, i, 0);
	driver_ok(w);
}

void start_sized(struct world *w, uint64_t add, uint16_t size)
{
	negotiate(w, usual_features(w) | add);
	if (w->msix)
		set_config_vector(w, 0);
	setup_queue(w, 0, size);
	driver_ok(w);
}

void open_and_start(struct world *w, const char *keys, uint64_t add, uint64_t drop)
{
	world_open(w, keys);
	start(w, add, drop);
}

uint8_t status(struct world *w)
{
	return (uint8_t)(w->legacy ? l_read(w, L_STATUS) : c_read(w, C_STATUS));
}

void set_status(struct world *w, uint8_t value)
{
	if (w->legacy)
		l_write(w, L_STATUS, value);
	else
		c_write(w, C_STATUS, value);
}

void reset(struct world *w)
{
	set_status(w, 0);
	EVENTUALLY(!status(w));
}

bool needs_reset(struct world *w)
{
	return status(w) & STATUS_NEEDS_RESET;
}

void expect_broken(struct world *w)
{
	EVENTUALLY(needs_reset(w));
	EVENTUALLY(config_irq_pending(w));
}

void expect_broken_and_quiet(struct world *w)
{
	uint16_t used;

	expect_broken(w);
	used = w->packed ? 0 : used_idx(&w->q[0]);
	irq_ack(w);
	for (unsigned i = 0; i < 3; i++)
		vq_kick(&w->q[0]);
	settle();
	if (!w->packed)
		CHECK_EQ(used_idx(&w->q[0]), used);
	expect_no_irq_at_all(w);
	CHECK(needs_reset(w));
	CHECK_EQ(config_read(w, 0, 8), w->disk->info.size / 512);
	/* And a reset cures it. */
	reset(w);
	start(w, w->negotiated, 0);
	fence(&w->q[0]);
}
