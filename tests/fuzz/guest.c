/* SPDX-License-Identifier: MIT */
#include "tests/fuzz/guest.h"

#include <stdlib.h>
#include <unistd.h>

#include "probes/stage_shm.h"

/* Mostly where something is, sometimes just beside it or nowhere. */
static uint64_t address(struct guest *g, const struct rig_queue *q)
{
	struct input *in = &g->in;
	uint8_t kind = (uint8_t)take(in, 1);
	uint64_t offset = take(in, 2);

	switch (kind % 24) {
	case 0: return RIG_HEADER + offset % 64;
	case 1: return RIG_STATUS + offset % 16;
	case 2: return RIG_TABLE + offset % 4096;
	case 3: return q->desc + offset % 512;
	case 4: return q->driver + offset % 128;
	case 5: return q->device + offset % 256;
	case 6: return GUEST_LOW - 256 + offset % 512;
	case 7: return RIG_HIGH + offset % 64;
	case 8: return RIG_HIGH + GUEST_HIGH - offset % 512;
	case 9: return 0xfee00000 + offset;
	case 10: return take(in, 8);
	case 11: return rig_bar(g->rig, 4) + offset % 0x4000;
	default: return GUEST_DATA + offset;
	}
}

static uint32_t length(struct input *in)
{
	static const uint32_t usual[] = {0, 1, 16, 17, 20, 512, 513, 1024, 4096, 65536, 1u << 20};
	uint8_t kind = (uint8_t)take(in, 1);

	return kind < 200 ? usual[kind % (sizeof(usual) / sizeof(usual[0]))]
			  : (uint32_t)take(in, 4);
}

static void poke(struct guest *g, uint64_t addr, const void *bytes, size_t count)
{
	void *at = guest_mem_ptr(&g->rig->mem, GPA(addr), count, GUEST_WRITE);

	if (!at)
		return;
	watch_writes(g->watch);
	memcpy(at, bytes, count);
	watch_wrote(g->watch, true);
}

void guest_header(struct guest *g)
{
	static const uint32_t types[] = {BLK_T_IN,           BLK_T_OUT,          BLK_T_FLUSH,
					 BLK_T_GET_ID,       BLK_T_GET_LIFETIME, BLK_T_DISCARD,
					 BLK_T_WRITE_ZEROES, BLK_T_SECURE_ERASE};
	uint8_t kind = (uint8_t)take(&g->in, 1);
	struct blk_header h = {
	    .type = kind < 240 ? types[kind % 8] : (uint32_t)take(&g->in, 4),
	    .sector = kind & 8 ? take(&g->in, 8) : take(&g->in, 1),
	};

	poke(g, RIG_HEADER + 16u * (take(&g->in, 1) % 4), &h, sizeof(h));
}

/* Can the rig's own helpers write where the driver believes its ring to be? */
static bool usable(struct guest *g, const struct rig_queue *q)
{
	const struct guest_mem *mem = &g->rig->mem;

	return q->size && guest_mem_ptr(mem, GPA(q->desc), 16ull * q->size, GUEST_WRITE) &&
	       guest_mem_ptr(mem, GPA(q->driver), 6 + 2ull * q->size, GUEST_WRITE) &&
	       guest_mem_ptr(mem, GPA(q->device), 6 + 8ull * q->size, GUEST_WRITE);
}

void guest_chain(struct guest *g, unsigned queue)
{
	struct rig_queue *q = &g->q[queue];
	struct rig_seg segs[9];
	uint8_t shape = (uint8_t)take(&g->in, 1);
	unsigned count = 1 + shape % 7;

	segs[0] = (struct rig_seg){RIG_HEADER + 16u * (shape >> 6), 16, false};
	for (unsigned i = 1; i < count; i++)
		segs[i] = (struct rig_seg){address(g, q), length(&g->in), take(&g->in, 1) & 1};
	if (shape & 8)
		segs[count++] = (struct rig_seg){RIG_STATUS + (shape >> 4), 1, true};
	if (!usable(g, q))
		return;
	watch_writes(g->watch);
	if (shape & 16)
		rig_add_indirect(q, RIG_TABLE + 256u * (q->avail_idx % 8), segs, count);
	else
		rig_add(q, segs, count);
	watch_wrote(g->watch, false);
}

void guest_descriptor(struct guest *g, unsigned queue)
{
	struct rig_queue *q = &g->q[queue];
	unsigned index = (unsigned)take(&g->in, 1);
	uint64_t addr = address(g, q);
	uint32_t len = length(&g->in);
	uint16_t a = (uint16_t)take(&g->in, 2), b = (uint16_t)take(&g->in, 2);

	if (!usable(g, q))
		return;
	watch_writes(g->watch);
	rig_desc(q, index % q->size, addr, len, q->packed ? a : a & 7, b);
	watch_wrote(g->watch, true);
}

void guest_poke(struct guest *g, unsigned queue)
{
	uint64_t addr = address(g, &g->q[queue]);
	uint8_t bytes[64] = {0};
	size_t count = 1 + take(&g->in, 1) % sizeof(bytes);

	for (size_t i = 0; i < count; i++)
		bytes[i] = (uint8_t)take(&g->in, 1);
	poke(g, addr, bytes, count);
}

void guest_forge_available(struct guest *g, unsigned queue)
{
	struct rig_queue *q = &g->q[queue];
	uint16_t head = (uint16_t)take(&g->in, 2);

	if (q->packed || !usable(g, q))
		return;
	watch_writes(g->watch);
	rig_make_available(q, head);
	watch_wrote(g->watch, true);
}

void guest_disk_moods(struct guest *g)
{
	uint8_t mood = (uint8_t)take(&g->in, 1);

	switch (mood % 4) {
	case 0:
		ram_disk_hold(g->rig->ram);
		watch_held(g->watch, true);
		return;
	case 1:
		ram_disk_fail(g->rig->ram, take(&g->in, 1), take(&g->in, 1),
			      (int)take(&g->in, 1) & 31, take(&g->in, 2));
		return;
	default:
		ram_disk_release(g->rig->ram);
		watch_look(g->watch);
		watch_held(g->watch, false);
	}
}

struct rig_queue guest_plan(struct guest *g, unsigned queue, uint16_t size, bool packed)
{
	uint64_t base = GUEST_RINGS + 0x2000ull * queue;
	struct rig_queue q = {.rig = g->rig,
			      .index = queue,
			      .size = size,
			      .packed = packed,
			      .desc = base,
			      .driver = base + 16ull * size,
			      .device = base + 0x1000,
			      .avail_wrap = true,
			      .used_wrap = true};

	watch_writes(g->watch);
	memset(rig_mem(g->rig, base), 0, 0x2000);
	watch_wrote(g->watch, true);
	return q;
}

uint64_t guest_features(struct guest *g)
{
	static const uint64_t optional[] = {
	    FEATURE(F_EVENT_IDX),         FEATURE(F_INDIRECT_DESC), FEATURE(F_IN_ORDER),
	    FEATURE(F_NOTIFICATION_DATA), FEATURE(F_RING_PACKED),   FEATURE(F_RING_RESET),
	    FEATURE(F_CONFIG_WCE),        FEATURE(F_FLUSH),
	};
	uint64_t features = watch_pci(g->rig)->dev->offered & ~FEATURES_LEGACY_ONLY;
	uint8_t wanted = (uint8_t)take(&g->in, 1);

	for (unsigned i = 0; i < sizeof(optional) / sizeof(optional[0]); i++)
		if (!(wanted >> i & 1))
			features &= ~optional[i];
	return features;
}

static void set(struct guest *g, unsigned offset, unsigned size, uint64_t value)
{
	if (g->legacy)
		rig_io_set(g->rig, offset, size, value);
	else
		rig_set(g->rig, offset, size, value);
	watch_look(g->watch);
}

static void start_modern(struct guest *g)
{
	uint64_t features = guest_features(g);
	uint8_t size = (uint8_t)take(&g->in, 1);
	bool packed = features & FEATURE(F_RING_PACKED);

	set(g, COMMON_STATUS, 1, 0);
	if (!watch_reset(g->watch))
		return; /* the BAR is not there, say */
	set(g, COMMON_STATUS, 1, STATUS_ACKNOWLEDGE | STATUS_DRIVER);
	set(g, COMMON_GFSELECT, 4, 0);
	set(g, COMMON_GF, 4, (uint32_t)features);
	set(g, COMMON_GFSELECT, 4, 1);
	set(g, COMMON_GF, 4, features >> 32);
	set(g, COMMON_STATUS, 1, STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK);
	set(g, COMMON_MSIX, 2, 0);
	/* Split rings have a power of two. */
	g->q[0] = guest_plan(g, 0, (uint16_t)(packed ? 1 + size % 16 : 1u << size % 5), packed);
	set(g, COMMON_QSELECT, 2, 0);
	set(g, COMMON_QSIZE, 2, g->q[0].size);
	set(g, COMMON_QMSIX, 2, 1);
	set(g, COMMON_QDESC, 8, g->q[0].desc);
	set(g, COMMON_QDRIVER, 8, g->q[0].driver);
	set(g, COMMON_QDEVICE, 8, g->q[0].device);
	set(g, COMMON_QENABLE, 2, 1);
	set(g, COMMON_STATUS, 1,
	    STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK | STATUS_DRIVER_OK);
}

static void start_legacy(struct guest *g)
{
	uint32_t features = (uint32_t)guest_features(g);

	set(g, 18, 1, 0);
	if (!watch_reset(g->watch))
		return;
	set(g, 18, 1, STATUS_ACKNOWLEDGE | STATUS_DRIVER);
	set(g, 4, 4, features);
	set(g, 14, 2, 0);
	g->q[0] = guest_plan(g, 0, (uint16_t)g->rig->options.queue_size, false);
	set(g, 8, 4, g->q[0].desc >> 12);
	set(g, 18, 1, STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_DRIVER_OK);
}

void guest_start(struct guest *g)
{
	if (g->legacy)
		start_legacy(g);
	else
		start_modern(g);
}

void guest_kick(struct guest *g, unsigned queue)
{
	const struct virtio_device *dev = watch_pci(g->rig)->dev;
	bool legacy = dev->legacy;

	/* What nobody hears is no kick. */
	if (g->rig->fn->bars[legacy ? BAR_LEGACY : BAR_MODERN].range.active)
		watch_kick(g->watch, queue);
	if (legacy)
		rig_io_set(g->rig, 16, 2, queue);
	else
		rig_set(g->rig, NOTIFY_AT + 4 * queue, 2, queue);
	watch_look(g->watch);
}

void guest_begin(struct guest *g, const uint8_t *data, size_t size)
{
	static const enum disk_transport transports[] = {
	    TRANSPORT_MODERN, TRANSPORT_LEGACY, TRANSPORT_TRANSITIONAL, TRANSPORT_TRANSITIONAL};
	struct disk_options options = rig_options();
	unsigned built, more;

	*g = (struct guest){.in = {data, size}};
	built = (unsigned)take(&g->in, 1);
	more = (unsigned)take(&g->in, 1);
	options.ring = built & 1 ? RING_BOTH : RING_SPLIT;
	options.irq = built & 2 ? IRQ_INTX : IRQ_MSIX;
	options.transport = transports[built >> 2 & 3];
	options.merge = built & 16;
	options.read_only = (built & 0xe0) == 0xe0;
	options.iothread = more & 1;
	options.notify = more & 2 ? NOTIFY_IOEVENTFD : NOTIFY_EXIT;
	options.signal = more & 4 ? SIGNAL_IRQFD : SIGNAL_IOCTL;
	options.queues = 1 + (more >> 3 & 3) % 3;
	options.features_on = FEATURE(F_IN_ORDER) | FEATURE(F_NOTIFICATION_DATA);
	/* As if a reader had asked for all there is; with no ring to write it into. */
	stage_point_ring(more & 64, more & 64, more & 64 ? VBT_DATA_MAX : 0);
	if (options.transport == TRANSPORT_LEGACY) {
		options.ring = RING_SPLIT;
		options.features_on = 0;
	}
	g->legacy = options.transport == TRANSPORT_LEGACY || more & 32;
	if (options.transport == TRANSPORT_MODERN)
		g->legacy = false;
	g->rig = rig_new_in(&options, ram_disk_new(GUEST_DISK), GUEST_LOW, GUEST_HIGH);
	if (!g->rig)
		watch_fail("the device cannot be built");
	g->rig->ram->yield = true;
	g->watch = watch_new(g->rig);
	if (options.irq == IRQ_MSIX)
		rig_msix_enable(g->rig);
}

/* A sector there and back, in that many requests at once. */
static void try_out(struct guest *g)
{
	uint8_t *data = rig_mem(g->rig, GUEST_DATA);
	bool read_only = g->rig->options.read_only;

	for (unsigned round = 0; round < 2; round++) {
		struct rig_queue *q = &g->q[0];

		watch_writes(g->watch);
		for (unsigned i = 0; i < 4; i++) {
			struct rig_seg segs[] = {
			    {RIG_HEADER + 16 * i, 16, false},
			    {GUEST_DATA + 4096 * round + 512 * i, 512, round},
			    {RIG_STATUS + i, 1, true},
			};

			memset(data + 4096 * round + 512 * i, round ? 0 : (int)(0x51 + i), 512);
			*(uint8_t *)rig_mem(g->rig, RIG_STATUS + i) = 0xee;
			rig_put_header(g->rig, RIG_HEADER + 16 * i, round ? BLK_T_IN : BLK_T_OUT,
				       7 + i);
			rig_add(q, segs, 3);
		}
		watch_wrote(g->watch, false);
		guest_kick(g, 0);
		for (unsigned i = 0; i < 4; i++)
			if (*(uint8_t *)rig_mem(g->rig, RIG_STATUS + i) !=
			    (read_only && !round ? BLK_S_IOERR : BLK_S_OK))
				watch_fail("a good request fails after a reset");
	}
	if (!read_only && memcmp(data, data + 4096, 2048))
		watch_fail("what was written is not what is read after a reset");
	if (g->rig->options.irq == IRQ_MSIX && !rig_messages(g->rig, 0x41))
		watch_fail("no interrupt comes after a reset");
}

void guest_end(struct guest *g)
{
	struct virtio_device *dev = watch_pci(g->rig)->dev;
	static const uint8_t usual[] = {0xfe, 79};

	ram_disk_fail(g->rig->ram, 0, 0, 0, 0);
	g->rig->refuse_msi = false;
	ram_disk_resize(g->rig->ram, GUEST_DISK);
	pci_host_reset(g->rig->host);
	ram_disk_release(g->rig->ram);
	watch_held(g->watch, false);
	virtio_blk_refresh(g->rig->blk);
	if (!watch_reset(g->watch) || dev->status || dev->features || dev->broken ||
	    g->rig->bell_count || g->rig->level)
		watch_fail("a reset leaves something behind");
	/* Nothing of it is alive: writing into the old rings and kicking changes nothing. */
	for (unsigned i = 0; i < WATCH_QUEUES; i++)
		guest_forge_available(g, i);
	for (unsigned i = 0; i < WATCH_QUEUES; i++) {
		rig_set(g->rig, NOTIFY_AT + 4 * i, 2, i);
		rig_io_set(g->rig, 16, 2, i);
	}
	watch_look(g->watch);

	rig_bus_master(g->rig, true);
	g->rig->message_count = 0;
	if (g->rig->options.irq == IRQ_MSIX)
		rig_msix_enable(g->rig);
	g->in = (struct input){usual, sizeof(usual)};
	guest_start(g);
	if (!g->legacy || g->rig->options.irq == IRQ_INTX) {
		try_out(g);
	} else {
		rig_io_set(g->rig, 22, 2, 1);
		try_out(g);
	}
	pci_host_reset(g->rig->host);
	if (!watch_reset(g->watch))
		watch_fail("the second reset does nothing");
	watch_free(g->watch);
	rig_free(g->rig);
}
