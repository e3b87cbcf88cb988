/* SPDX-License-Identifier: MIT */
#include "tests/driver/rig.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vmm-lite/disk/backends.h"

/* Wires that record. */

static int wires_msi(void *ctx, const struct msi_message *message)
{
	struct rig *rig = ctx;
	int err = 0;

	pthread_mutex_lock(&rig->lock);
	if (rig->refuse_msi)
		err = -EINVAL;
	else if (rig->message_count < RIG_MAX_MESSAGES)
		rig->messages[rig->message_count++] = *message;
	pthread_mutex_unlock(&rig->lock);
	return err;
}

static int wires_line(void *ctx, unsigned gsi, bool level)
{
	struct rig *rig = ctx;

	pthread_mutex_lock(&rig->lock);
	rig->raises += level && !rig->level;
	rig->level = level;
	pthread_mutex_unlock(&rig->lock);
	return 0;
}

static int bind_any(struct rig *rig, int fd, int resample, const struct msi_message *message)
{
	int slot = 0;

	pthread_mutex_lock(&rig->lock);
	while (rig->binds[slot].used)
		slot++;
	rig->binds[slot].used = true;
	rig->binds[slot].fd = fd;
	rig->binds[slot].resample = resample;
	rig->binds[slot].line = !message;
	if (message)
		rig->binds[slot].message = *message;
	pthread_mutex_unlock(&rig->lock);
	return slot + 1;
}

static void collect(struct rig *rig, int slot)
{
	uint64_t count;

	if (rig->binds[slot].used && read(rig->binds[slot].fd, &count, sizeof(count)) > 0) {
		if (rig->binds[slot].line)
			rig->level = true;
		else if (rig->message_count < RIG_MAX_MESSAGES)
			rig->messages[rig->message_count++] = rig->binds[slot].message;
	}
}

static int wires_bind_msi(void *ctx, int fd, const struct msi_message *message)
{
	return bind_any(ctx, fd, -1, message);
}

static int wires_rebind_msi(void *ctx, int handle, const struct msi_message *message)
{
	struct rig *rig = ctx;

	pthread_mutex_lock(&rig->lock);
	collect(rig, handle - 1);
	rig->binds[handle - 1].message = *message;
	pthread_mutex_unlock(&rig->lock);
	return 0;
}

static void wires_unbind(void *ctx, int handle)
{
	struct rig *rig = ctx;

	pthread_mutex_lock(&rig->lock);
	if (!rig->binds[handle - 1].line)
		collect(rig, handle - 1);
	else
		rig->level = false;
	rig->binds[handle - 1].used = false;
	pthread_mutex_unlock(&rig->lock);
}

static int wires_bind_line(void *ctx, int fd, int resample, unsigned gsi)
{
	return bind_any(ctx, fd, resample, NULL);
}

static bool same_bell(const struct doorbell *a, const struct doorbell *b)
{
	return a->space == b->space && a->addr == b->addr && a->size == b->size &&
	       a->match_data == b->match_data && a->data == b->data && a->eventfd == b->eventfd;
}

static int wires_add_bell(void *ctx, const struct doorbell *bell)
{
	struct rig *rig = ctx;

	pthread_mutex_lock(&rig->lock);
	rig->bells[rig->bell_count++] = *bell;
	pthread_mutex_unlock(&rig->lock);
	return 0;
}

static int wires_remove_bell(void *ctx, const struct doorbell *bell)
{
	struct rig *rig = ctx;
	int err = -ENOENT;

	pthread_mutex_lock(&rig->lock);
	for (unsigned i = 0; i < rig->bell_count; i++)
		if (same_bell(&rig->bells[i], bell)) {
			rig->bells[i] = rig->bells[--rig->bell_count];
			err = 0;
			break;
		}
	pthread_mutex_unlock(&rig->lock);
	return err;
}

static const struct wires_ops rig_wires = {
    .msi = wires_msi,
    .line = wires_line,
    .bind_msi = wires_bind_msi,
    .rebind_msi = wires_rebind_msi,
    .unbind_msi = wires_unbind,
    .bind_line = wires_bind_line,
    .unbind_line = wires_unbind,
    .add_doorbell = wires_add_bell,
    .remove_doorbell = wires_remove_bell,
};

/* Life. */

struct disk_options rig_options(void)
{
	return (struct disk_options){
	    .path = "ram",
	    .aio = AIO_SYNC,
	    .queues = 1,
	    .queue_size = 16,
	    .ring = RING_SPLIT,
	    .transport = TRANSPORT_TRANSITIONAL,
	    .irq = IRQ_MSIX,
	    .notify = NOTIFY_EXIT,
	    .signal = SIGNAL_IOCTL,
	    .serial = "rig-0001",
	};
}

struct rig *rig_new_in(const struct disk_options *options, struct ram_disk *ram, uint64_t low,
		       uint64_t high)
{
	struct rig *rig = calloc(1, sizeof(*rig));
	struct virtio_blk_config config;
	char err[256] = "";

	rig->options = *options;
	rig->ram = ram;
	rig->disk = ram_disk_base(ram);
	if (options->zoned)
		rig->disk = disk_zoned_wrap(rig->disk, -1, options, err, sizeof(err));
	if (!rig->disk)
		abort();
	pthread_mutex_init(&rig->lock, NULL);
	if (guest_mem_init(&rig->mem, low) ||
	    guest_mem_add(&rig->mem, GPA(RIG_HIGH), high, NULL, false))
		abort();
	rig->bus = bus_new();
	rig->host = pci_host_new(rig->bus);
	config = (struct virtio_blk_config){
	    .options = &rig->options,
	    .disk = rig->disk,
	    .mem = &rig->mem,
	    .wires = {.ops = &rig_wires, .ctx = rig},
	    .name = "disk0",
	};
	rig->blk = virtio_blk_new(&config, err, sizeof(err));
	if (!rig->blk) {
		rig_free(rig);
		return NULL;
	}
	rig->fn = virtio_blk_function(rig->blk);
	if (pci_host_add(rig->host, rig->fn))
		abort();
	rig->slot = rig->fn->slot;
	rig_bus_master(rig, true);
	return rig;
}

struct rig *rig_new_on(const struct disk_options *options, struct ram_disk *ram)
{
	return rig_new_in(options, ram, RIG_MEMORY, RIG_HIGH_SIZE);
}

struct rig *rig_new(const struct disk_options *options)
{
	return rig_new_on(options, ram_disk_new(RIG_DISK));
}

void rig_free(struct rig *rig)
{
	if (rig->fn)
		pci_host_remove(rig->host, rig->fn);
	virtio_blk_free(rig->blk);
	pci_host_free(rig->host);
	bus_free(rig->bus);
	guest_mem_release(&rig->mem);
	disk_close(rig->disk);
	pthread_mutex_destroy(&rig->lock);
	free(rig);
}

/* Registers. */

static void cfg_address(struct rig *rig, unsigned offset)
{
	bus_write(rig->bus, BUS_PIO, PCI_PORT_ADDRESS, 4,
		  0x80000000u | rig->slot << 11 | (offset & 0xfc));
}

uint32_t rig_cfg_read(struct rig *rig, unsigned offset, unsigned size)
{
	uint64_t value;

	cfg_address(rig, offset);
	bus_read(rig->bus, BUS_PIO, PCI_PORT_DATA + (offset & 3), size, &value);
	return (uint32_t)value;
}

void rig_cfg_write(struct rig *rig, unsigned offset, unsigned size, uint32_t value)
{
	cfg_address(rig, offset);
	bus_write(rig->bus, BUS_PIO, PCI_PORT_DATA + (offset & 3), size, value);
}

uint64_t rig_bar(struct rig *rig, unsigned bar)
{
	uint32_t low = rig_cfg_read(rig, 0x10 + 4 * bar, 4);
	uint64_t address = low & (low & 1 ? ~3u : ~15u);

	if ((low & 7) == 4)
		address |= (uint64_t)rig_cfg_read(rig, 0x14 + 4 * bar, 4) << 32;
	return address;
}

/* Where the BAR is on the bus, not through the ports: cheap, and safe in any thread. */
static uint64_t bar_base(struct rig *rig, unsigned bar, enum bus_space *space)
{
	*space = rig->fn->bars[bar].range.space;
	return rig->fn->bars[bar].range.base;
}

uint64_t rig_bar_read(struct rig *rig, unsigned bar, uint64_t offset, unsigned size)
{
	enum bus_space space;
	uint64_t value, base = bar_base(rig, bar, &space);

	bus_read(rig->bus, space, base + offset, size, &value);
	return value;
}

void rig_bar_write(struct rig *rig, unsigned bar, uint64_t offset, unsigned size, uint64_t value)
{
	enum bus_space space;
	uint64_t base = bar_base(rig, bar, &space);

	bus_write(rig->bus, space, base + offset, size, value);
}

void rig_bus_master(struct rig *rig, bool on)
{
	uint32_t command = rig_cfg_read(rig, 4, 2);

	rig_cfg_write(rig, 4, 2, on ? command | 4 : command & ~4u);
}

static unsigned find_cap(struct rig *rig, uint8_t id)
{
	unsigned at = rig_cfg_read(rig, 0x34, 1);

	while (at && rig_cfg_read(rig, at, 1) != id)
		at = rig_cfg_read(rig, at + 1, 1);
	return at;
}

void rig_msix_control(struct rig *rig, bool enable, bool mask_all)
{
	rig_cfg_write(rig, find_cap(rig, 0x11) + 2, 2, enable << 15 | mask_all << 14);
}

void rig_msix_entry(struct rig *rig, unsigned vector, uint64_t address, uint32_t data, bool masked)
{
	rig_bar_write(rig, 1, 16 * vector, 4, (uint32_t)address);
	rig_bar_write(rig, 1, 16 * vector + 4, 4, address >> 32);
	rig_bar_write(rig, 1, 16 * vector + 8, 4, data);
	rig_bar_write(rig, 1, 16 * vector + 12, 4, masked);
}

void rig_msix_enable(struct rig *rig)
{
	for (unsigned i = 0; i <= rig->options.queues; i++)
		rig_msix_entry(rig, i, 0xfee00000, 0x40 + i, false);
	rig_msix_control(rig, true, false);
}

static unsigned count_messages(struct rig *rig, bool any, uint32_t data)
{
	unsigned count = 0;

	pthread_mutex_lock(&rig->lock);
	for (int i = 0; i < RIG_MAX_BINDS; i++)
		collect(rig, i);
	for (unsigned i = 0; i < rig->message_count; i++)
		count += any || rig->messages[i].data == data;
	pthread_mutex_unlock(&rig->lock);
	return count;
}

unsigned rig_messages(struct rig *rig, uint32_t data)
{
	return count_messages(rig, false, data);
}

unsigned rig_all_messages(struct rig *rig)
{
	return count_messages(rig, true, 0);
}

/* Initialisation. */

uint8_t rig_status(struct rig *rig)
{
	return (uint8_t)rig_get(rig, COMMON_STATUS, 1);
}

static bool reset_done(void *opaque)
{
	return !rig_status(opaque);
}

void rig_reset(struct rig *rig)
{
	rig_set(rig, COMMON_STATUS, 1, 0);
	if (!rig_eventually(reset_done, rig))
		abort();
}

uint64_t rig_offered(struct rig *rig)
{
	uint64_t offered;

	rig_set(rig, COMMON_DFSELECT, 4, 0);
	offered = rig_get(rig, COMMON_DF, 4);
	rig_set(rig, COMMON_DFSELECT, 4, 1);
	return offered | rig_get(rig, COMMON_DF, 4) << 32;
}

bool rig_negotiate(struct rig *rig, uint64_t features)
{
	rig_reset(rig);
	rig_set(rig, COMMON_STATUS, 1, STATUS_ACKNOWLEDGE);
	rig_set(rig, COMMON_STATUS, 1, STATUS_ACKNOWLEDGE | STATUS_DRIVER);
	rig_set(rig, COMMON_GFSELECT, 4, 0);
	rig_set(rig, COMMON_GF, 4, (uint32_t)features);
	rig_set(rig, COMMON_GFSELECT, 4, 1);
	rig_set(rig, COMMON_GF, 4, features >> 32);
	rig_set(rig, COMMON_STATUS, 1, STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK);
	return rig_status(rig) & STATUS_FEATURES_OK;
}

struct rig_queue rig_queue_plan(struct rig *rig, unsigned index, uint16_t size, bool packed)
{
	uint64_t base = 0x100000 + 0x20000ull * index;
	struct rig_queue q = {.rig = rig,
			      .index = index,
			      .size = size,
			      .packed = packed,
			      .desc = base,
			      .driver = base + 0x10000,
			      .device = base + 0x14000,
			      .avail_wrap = true,
			      .used_wrap = true};

	memset(rig_mem(rig, base), 0, 0x20000);
	return q;
}

void rig_queue_enable(struct rig_queue *q)
{
	struct rig *rig = q->rig;

	rig_set(rig, COMMON_QSELECT, 2, q->index);
	rig_set(rig, COMMON_QSIZE, 2, q->size);
	rig_set(rig, COMMON_QMSIX, 2, q->index + 1);
	rig_set(rig, COMMON_QDESC, 8, q->desc);
	rig_set(rig, COMMON_QDRIVER, 8, q->driver);
	rig_set(rig, COMMON_QDEVICE, 8, q->device);
	rig_set(rig, COMMON_QENABLE, 2, 1);
}

void rig_driver_ok(struct rig *rig)
{
	rig_set(rig, COMMON_STATUS, 1, rig_status(rig) | STATUS_DRIVER_OK);
}

struct rig_queue rig_start(struct rig *rig, uint64_t features, uint16_t size)
{
	struct rig_queue q;

	if (!rig_negotiate(rig, features | FEATURE(F_VERSION_1)))
		abort();
	rig_set(rig, COMMON_MSIX, 2, 0);
	q = rig_queue_plan(rig, 0, size, features & FEATURE(F_RING_PACKED));
	rig_queue_enable(&q);
	rig_driver_ok(rig);
	return q;
}

struct rig_queue rig_start_legacy(struct rig *rig, uint32_t features)
{
	struct rig_queue q;
	uint64_t base = 0x100000;

	rig_io_set(rig, 18, 1, 0);
	rig_io_set(rig, 18, 1, STATUS_ACKNOWLEDGE);
	rig_io_set(rig, 18, 1, STATUS_ACKNOWLEDGE | STATUS_DRIVER);
	rig_io_set(rig, 4, 4, features);
	rig_io_set(rig, 14, 2, 0);
	q = (struct rig_queue){.rig = rig, .size = (uint16_t)rig_io_get(rig, 12, 2)};
	q.desc = base;
	q.driver = base + 16ull * q.size;
	q.device = (q.driver + 6 + 2ull * q.size + 4095) & ~4095ull;
	memset(rig_mem(rig, base), 0, 0x20000);
	rig_io_set(rig, 8, 4, base >> 12);
	rig_io_set(rig, 18, 1, STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_DRIVER_OK);
	return q;
}

bool rig_eventually(bool (*condition)(void *opaque), void *opaque)
{
	for (int i = 0; i < 50000; i++) {
		if (condition(opaque))
			return true;
		usleep(i < 100 ? 10 : 100);
	}
	return false;
}
