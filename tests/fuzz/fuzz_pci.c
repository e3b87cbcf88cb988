/* SPDX-License-Identifier: MIT */
/*
 * A guest that means harm with its registers: configuration space and the window in it, ports,
 * BARs and where they are, MSI-X, the legacy block, status, features and queues in any order,
 * resets of a queue, the device and the machine, with requests under way.
 */
#include "tests/fuzz/guest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t sizes[] = {1, 2, 4, 8};

/* Numbers that mean something somewhere. */
static uint64_t number(struct guest *g)
{
	uint8_t kind = (uint8_t)take(&g->in, 1);

	switch (kind % 12) {
	case 0: return 0;
	case 1: return 1;
	case 2: return UINT64_MAX;
	case 3: return 1ull << (kind / 12 * 3 % 64);
	case 4: return g->q[kind % WATCH_QUEUES].desc;
	case 5: return GUEST_RINGS + 0x2000u * (kind / 12 % 4);
	case 6: return GUEST_LOW - kind / 12;
	case 7: return rig_bar(g->rig, 4) + kind / 12 * 256u;
	case 8: return take(&g->in, 8);
	case 9:
		return STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK |
		       (kind & 128 ? STATUS_DRIVER_OK : 0);
	default: return take(&g->in, 1);
	}
}

/* A field of the common configuration, whole. */
static void common(struct guest *g)
{
	static const struct {
		uint8_t offset, size;
	} fields[] = {{0, 4},  {4, 4},  {8, 4},  {12, 4}, {16, 2}, {18, 2},
		      {20, 1}, {21, 1}, {22, 2}, {24, 2}, {26, 2}, {28, 2},
		      {30, 2}, {32, 8}, {40, 8}, {48, 8}, {56, 2}, {58, 2}};
	unsigned f = (unsigned)take(&g->in, 1) % (sizeof(fields) / sizeof(fields[0]));

	rig_set(g->rig, fields[f].offset, fields[f].size, number(g));
	rig_get(g->rig, fields[f].offset, fields[f].size);
}

/* A field of the legacy block. */
static void legacy(struct guest *g)
{
	static const struct {
		uint8_t offset, size;
	} fields[] = {{0, 4},  {4, 4},  {8, 4},  {12, 2}, {14, 2},
		      {16, 2}, {18, 1}, {19, 1}, {20, 2}, {22, 2}};
	unsigned f = (unsigned)take(&g->in, 1) % (sizeof(fields) / sizeof(fields[0]));
	uint64_t value = number(g);

	rig_io_get(g->rig, fields[f].offset, fields[f].size);
	rig_io_set(g->rig, fields[f].offset, fields[f].size,
		   fields[f].offset == 8 ? value >> 12 : value);
}

/* Any width anywhere in a BAR. */
static void bar(struct guest *g)
{
	static const uint8_t bars[] = {BAR_LEGACY, BAR_MSIX, BAR_MODERN, BAR_MODERN};
	uint8_t kind = (uint8_t)take(&g->in, 1);
	uint64_t offset = take(&g->in, 2);
	unsigned number_of = bars[kind & 3], size = sizes[kind >> 2 & 3];

	if (number_of != BAR_MODERN)
		offset %= 0x900;
	else if (kind & 64)
		offset = 0x1000u * (offset % 4) + offset / 4 % 80;
	if (kind & 16)
		rig_bar_read(g->rig, number_of, offset, size);
	if (!(kind & 16) || kind & 32)
		rig_bar_write(g->rig, number_of, offset, size, number(g));
}

/* Configuration space, the BARs' registers and the window's included. */
static void config(struct guest *g)
{
	uint8_t kind = (uint8_t)take(&g->in, 1);
	unsigned offset = (unsigned)take(&g->in, 1),
		 size = sizes[kind & 3] > 4 ? 4 : sizes[kind & 3];

	if (kind & 4)
		offset &= ~(size - 1);
	if (kind & 8)
		rig_cfg_read(g->rig, offset, size);
	else
		rig_cfg_write(g->rig, offset, size, (uint32_t)number(g));
}

/* The window: what a BAR could do, through configuration space. */
static void window(struct guest *g)
{
	unsigned at = watch_pci(g->rig)->window;
	uint8_t kind = (uint8_t)take(&g->in, 1);
	static const uint32_t lengths[] = {1, 2, 4, 4, 0, 3, 8, UINT32_MAX};
	static const uint8_t bars[] = {BAR_MODERN, BAR_MODERN, BAR_MODERN, BAR_MSIX,
				       BAR_LEGACY, 5,          6,          255};

	if (!at)
		return;
	rig_cfg_write(g->rig, at + 4, 1, bars[kind & 7]);
	rig_cfg_write(g->rig, at + 8, 4,
		      kind & 128 ? (uint32_t)number(g) : (uint32_t)take(&g->in, 1));
	rig_cfg_write(g->rig, at + 12, 4, lengths[kind >> 3 & 7]);
	if (kind & 64)
		rig_cfg_read(g->rig, at + 16, 4);
	else
		rig_cfg_write(g->rig, at + 16, 4, (uint32_t)number(g));
}

/* The ports of configuration space themselves, and any other address. */
static void raw(struct guest *g)
{
	uint8_t kind = (uint8_t)take(&g->in, 1);
	unsigned size = sizes[kind & 3];
	enum bus_space space = kind & 8 ? BUS_MMIO : BUS_PIO;
	uint64_t at = kind & 16 ? number(g) : PCI_PORT_ADDRESS + (kind >> 5), value;

	if (space == BUS_PIO)
		at &= 0xffff;
	if (kind & 4)
		bus_read(g->rig->bus, space, at, size, &value);
	else
		bus_write(g->rig->bus, space, at, size, number(g));
}

static void move_bar(struct guest *g)
{
	static const uint64_t places[] = {0,          0xd0000000, 0xd0004000, 0xfee00000,
					  0xfec00000, 0xfffff000, 0xc000,     0x10000,
					  1ull << 32, 1ull << 52, 0xcf8,      UINT64_MAX};
	uint8_t kind = (uint8_t)take(&g->in, 1);
	unsigned reg = 0x10 + 4 * (kind % 6);
	uint64_t place = places[take(&g->in, 1) % 12];

	rig_cfg_write(g->rig, reg, 4, (uint32_t)place);
	if (kind & 128)
		rig_cfg_write(g->rig, reg + 4, 4, place >> 32);
}

/* One more queue, as the registers allow it, almost right. */
static void one_queue(struct guest *g)
{
	struct rig *rig = g->rig;
	uint8_t kind = (uint8_t)take(&g->in, 1);
	unsigned queue = kind % WATCH_QUEUES;
	bool packed = watch_pci(rig)->dev->features & FEATURE(F_RING_PACKED);
	struct rig_queue q = guest_plan(g, queue, (uint16_t)(1u << (kind >> 2 & 3)), packed);
	/* One time in eight something is a little wrong. */
	uint64_t wrong = kind >> 5 ? 0 : number(g);

	rig_set(rig, COMMON_QSELECT, 2, queue);
	rig_set(rig, COMMON_QSIZE, 2, q.size);
	rig_set(rig, COMMON_QMSIX, 2, queue + 1);
	rig_set(rig, COMMON_QDESC, 8, q.desc + wrong);
	rig_set(rig, COMMON_QDRIVER, 8, q.driver);
	rig_set(rig, COMMON_QDEVICE, 8, q.device);
	watch_look(g->watch);
	if (rig_get(rig, COMMON_QSIZE, 2) == q.size && !rig_get(rig, COMMON_QENABLE, 2))
		g->q[queue] = q;
	rig_set(rig, COMMON_QENABLE, 2, 1);
}

static void reset_queue(struct guest *g)
{
	uint8_t kind = (uint8_t)take(&g->in, 1);

	rig_set(g->rig, COMMON_QSELECT, 2, kind % WATCH_QUEUES);
	rig_set(g->rig, COMMON_QRESET, 2, 1);
	if (kind & 128) /* without waiting for its end */
		rig_set(g->rig, COMMON_QENABLE, 2, 1);
}

static void reset_device(struct guest *g)
{
	uint8_t kind = (uint8_t)take(&g->in, 1);

	if (kind & 1)
		rig_io_set(g->rig, 18, 1, 0);
	else
		rig_set(g->rig, COMMON_STATUS, 1, 0);
	if (kind & 2) /* on while it goes on */
		rig_set(g->rig, COMMON_STATUS, 1, STATUS_ACKNOWLEDGE);
	else
		watch_reset(g->watch);
}

static void msix(struct guest *g)
{
	uint8_t kind = (uint8_t)take(&g->in, 1);

	g->rig->refuse_msi = (kind & 0xc0) == 0xc0;
	if (kind & 1)
		rig_msix_entry(g->rig, kind >> 2 & 3, kind & 2 ? 0xfee00000 : number(g),
			       (uint32_t)take(&g->in, 1), kind & 16);
	else if (watch_pci(g->rig)->msix.capability)
		rig_msix_control(g->rig, kind & 2, kind & 4);
}

static void resize(struct guest *g)
{
	ram_disk_resize(g->rig->ram, GUEST_DISK - 512 * (uint64_t)take(&g->in, 1) % GUEST_DISK);
	virtio_blk_refresh(g->rig->blk);
}

static void step(struct guest *g)
{
	static void (*const steps[])(struct guest * g) = {
	    common, common,   common,    legacy,    legacy,      bar,         bar,
	    config, config,   window,    window,    raw,         msix,        msix,
	    resize, move_bar, one_queue, one_queue, reset_queue, reset_device};
	uint8_t what = (uint8_t)take(&g->in, 1);

	if (what < 128) {
		steps[what % (sizeof(steps) / sizeof(steps[0]))](g);
		watch_look(g->watch);
		return;
	}
	switch (what % 16) {
	case 0:
		g->legacy ^= g->rig->options.transport == TRANSPORT_TRANSITIONAL;
		guest_start(g);
		break;
	case 1: guest_start(g); break;
	case 2:
		rig_bus_master(g->rig, take(&g->in, 1) & 3);
		watch_look(g->watch);
		break;
	case 3:
		if (take(&g->in, 1) & 1)
			break;
		pci_host_reset(g->rig->host);
		watch_reset(g->watch);
		break;
	case 4: guest_poke(g, what >> 4 & 3); break;
	case 5: guest_disk_moods(g); break;
	case 6: guest_header(g); break;
	case 7:
	case 8:
	case 9: guest_chain(g, what >> 4 & 3); break;
	default: guest_kick(g, what >> 4 & 3);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct guest g;

	guest_begin(&g, data, size);
	for (unsigned steps = 0; g.in.left && steps < 200; steps++)
		step(&g);
	guest_end(&g);
	return 0;
}
