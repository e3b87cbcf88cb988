/* SPDX-License-Identifier: MIT */
/*
 * A guest that means harm: the device of the rig, driven by the bytes of the input.
 *
 * The first bytes say how the device is built and what is negotiated; then come steps: memory
 * written anywhere, descriptors that are nearly right, registers, kicks. Everything runs in one
 * thread, so that an input does the same each time.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/driver/rig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Small: made anew for each input. */
#define DISK_BYTES (64u << 10)

struct input {
	const uint8_t *at;
	size_t left;
};

static uint64_t take(struct input *in, unsigned bytes)
{
	uint64_t value = 0;

	if (bytes > in->left)
		bytes = (unsigned)in->left;
	memcpy(&value, in->at, bytes);
	in->at += bytes;
	in->left -= bytes;
	return value;
}

/* Mostly where something is, sometimes just beside it or nowhere. */
static uint64_t address(struct input *in, const struct rig_queue *q)
{
	uint8_t kind = (uint8_t)take(in, 1);
	uint64_t offset = take(in, 2);

	switch (kind % 12) {
	case 0: return RIG_HEADER + offset % 64;
	case 1: return RIG_STATUS + offset % 16;
	case 2: return RIG_TABLE + offset % 4096;
	case 3: return q->desc + offset % 512;
	case 4: return q->driver + offset % 128;
	case 5: return q->device + offset % 256;
	case 6: return RIG_MEMORY - 256 + offset % 512;
	case 7: return RIG_HIGH + offset % 64;
	case 8: return RIG_HIGH + RIG_HIGH_SIZE - offset % 512;
	case 9: return 0xfee00000 + offset;
	case 10: return take(in, 8);
	default: return RIG_DATA + offset;
	}
}

static uint32_t length(struct input *in)
{
	static const uint32_t usual[] = {0, 1, 16, 17, 20, 512, 513, 1024, 4096, 65536, 1u << 20};
	uint8_t kind = (uint8_t)take(in, 1);

	return kind < 200 ? usual[kind % (sizeof(usual) / sizeof(usual[0]))]
			  : (uint32_t)take(in, 4);
}

static void poke(struct rig *rig, uint64_t addr, const void *bytes, size_t count)
{
	void *at = guest_mem_ptr(&rig->mem, GPA(addr), count, GUEST_WRITE);

	if (at)
		memcpy(at, bytes, count);
}

static void header(struct rig *rig, struct input *in)
{
	static const uint32_t types[] = {BLK_T_IN,           BLK_T_OUT,          BLK_T_FLUSH,
					 BLK_T_GET_ID,       BLK_T_GET_LIFETIME, BLK_T_DISCARD,
					 BLK_T_WRITE_ZEROES, BLK_T_SECURE_ERASE};
	uint8_t kind = (uint8_t)take(in, 1);
	struct blk_header h = {
	    .type = kind < 240 ? types[kind % 8] : (uint32_t)take(in, 4),
	    .sector = kind & 8 ? take(in, 8) : take(in, 2),
	};

	poke(rig, RIG_HEADER + 16u * (take(in, 1) % 4), &h, sizeof(h));
}

static void chain(struct rig_queue *q, struct input *in)
{
	struct rig_seg segs[8];
	uint8_t shape = (uint8_t)take(in, 1);
	unsigned count = 1 + shape % 7;

	segs[0] = (struct rig_seg){RIG_HEADER + 16u * (shape >> 6), 16, false};
	for (unsigned i = 1; i < count; i++)
		segs[i] = (struct rig_seg){address(in, q), length(in), take(in, 1) & 1};
	if (shape & 8)
		segs[count++] = (struct rig_seg){RIG_STATUS, 1, true};
	if (shape & 16)
		rig_add_indirect(q, RIG_TABLE, segs, count);
	else
		rig_add(q, segs, count);
}

static void descriptor(struct rig_queue *q, struct input *in)
{
	unsigned index = (unsigned)take(in, 1) % q->size;
	uint64_t addr = address(in, q);
	uint32_t len = length(in);
	uint16_t a = (uint16_t)take(in, 2), b = (uint16_t)take(in, 2);

	rig_desc(q, index, addr, len, q->packed ? a : a & 7, b);
}

static void registers(struct rig *rig, struct input *in)
{
	static const uint8_t sizes[] = {1, 2, 4, 8};
	uint8_t kind = (uint8_t)take(in, 1);
	unsigned bytes = sizes[kind >> 2 & 3];
	uint64_t offset = take(in, 2), value = take(in, bytes);

	switch (kind & 3) {
	case 0: rig_set(rig, offset % 64, bytes, value); break;
	case 1:
		rig_set(rig, offset, bytes, value);
		rig_get(rig, offset, bytes);
		break;
	case 2: /* MSI-X table, or the legacy registers */
		if (rig->options.transport == TRANSPORT_LEGACY)
			rig_io_set(rig, offset % 64, bytes, value);
		else
			rig_bar_write(rig, 1, offset % 64, bytes, value);
		break;
	default:
		/* Not the BARs: the rig goes by where they are. */
		bytes = bytes > 4 ? 4 : bytes;
		offset = 0x40 + offset % 0xc0;
		rig_cfg_write(rig, (unsigned)offset & ~(bytes - 1), bytes, (uint32_t)value);
		rig_cfg_read(rig, (unsigned)offset & ~(bytes - 1), bytes);
	}
}

static struct rig_queue start(struct rig *rig, struct input *in, bool legacy)
{
	uint8_t wanted = (uint8_t)take(in, 1), size = (uint8_t)take(in, 1);
	uint64_t features = rig_offered(rig);

	if (legacy)
		return rig_start_legacy(rig, (uint32_t)rig_io_get(rig, 0, 4));
	if (!(wanted & 1))
		features &= ~FEATURE(F_EVENT_IDX);
	if (!(wanted & 2))
		features &= ~FEATURE(F_INDIRECT_DESC);
	if (!(wanted & 4))
		features &= ~FEATURE(F_IN_ORDER);
	if (!(wanted & 8))
		features &= ~FEATURE(F_NOTIFICATION_DATA);
	if (!(wanted & 16))
		features &= ~FEATURE(F_RING_PACKED);
	/* Split rings have a power of two. */
	return rig_start(rig, features,
			 features & FEATURE(F_RING_PACKED) ? 1 + size % 16 : 1u << size % 5);
}

static void step(struct rig *rig, struct rig_queue *q, struct input *in)
{
	uint8_t what = (uint8_t)take(in, 1), bytes[64] = {0};
	uint64_t addr;
	size_t count;

	switch (what % 16) {
	case 0:
	case 1:
	case 2: chain(q, in); break;
	case 3:
	case 4: header(rig, in); break;
	case 5: descriptor(q, in); break;
	case 6:
	case 7:
		addr = address(in, q);
		count = 1 + take(in, 1) % sizeof(bytes);
		count = count < in->left ? count : in->left;
		memcpy(bytes, in->at, count);
		take(in, 8);
		poke(rig, addr, bytes, count);
		break;
	case 8: registers(rig, in); break;
	case 9:
		if (!q->packed)
			rig_make_available(q, (uint16_t)take(in, 2));
		break;
	case 10:
		if (take(in, 1) & 1)
			ram_disk_hold(rig->ram);
		else
			ram_disk_release(rig->ram);
		break;
	case 11: ram_disk_fail(rig->ram, take(in, 1), take(in, 1), (int)take(in, 1) & 31, 0); break;
	case 12: rig_bus_master(rig, take(in, 1) & 7); break;
	default:
		/* An inline queue waits for its requests inside the kick: nothing may be held then. */
		ram_disk_release(rig->ram);
		if (rig->options.transport == TRANSPORT_LEGACY)
			rig_io_set(rig, 16, 2, take(in, 1) & 1);
		else
			rig_kick(q);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct disk_options options = rig_options();
	struct input in = {data, size};
	uint8_t built = (uint8_t)take(&in, 1);
	struct rig_queue q;
	struct rig *rig;

	options.ring = built & 1 ? RING_BOTH : RING_SPLIT;
	options.irq = built & 2 ? IRQ_INTX : IRQ_MSIX;
	options.transport = built & 4 ? TRANSPORT_LEGACY : TRANSPORT_MODERN;
	options.merge = built & 8;
	options.read_only = built & 16 && built & 32;
	if (options.transport == TRANSPORT_LEGACY)
		options.ring = RING_SPLIT;
	rig = rig_new_on(&options, ram_disk_new(DISK_BYTES));
	if (!rig)
		abort();
	if (options.irq == IRQ_MSIX)
		rig_msix_enable(rig);
	q = start(rig, &in, options.transport == TRANSPORT_LEGACY);
	for (unsigned steps = 0; in.left && steps < 256; steps++)
		step(rig, &q, &in);
	ram_disk_release(rig->ram);
	if (options.transport == TRANSPORT_LEGACY)
		rig_io_set(rig, 18, 1, 0);
	else
		rig_set(rig, COMMON_STATUS, 1, 0);
	rig_free(rig);
	return 0;
}
