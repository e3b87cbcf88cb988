/* SPDX-License-Identifier: MIT */
/*
 * Reaches a disk's registers by instructions that no driver uses: strings of ports, strings of
 * memory, stores of sixteen bytes, and over the end of a page. KVM hands them over in pieces; the
 * registers are what they were afterwards, and the disk works.
 */
#include "samples/guests/lib/virtio.h"

#define COMMON_BYTES 64
#define STRING       256

static void outs(uint16_t port, const void *from, uint64_t count, unsigned size)
{
	if (size == 1)
		__asm__ volatile("rep outsb" : "+S"(from), "+c"(count) : "d"(port) : "memory");
	else if (size == 2)
		__asm__ volatile("rep outsw" : "+S"(from), "+c"(count) : "d"(port) : "memory");
	else
		__asm__ volatile("rep outsl" : "+S"(from), "+c"(count) : "d"(port) : "memory");
}

static void ins(uint16_t port, void *to, uint64_t count, unsigned size)
{
	if (size == 1)
		__asm__ volatile("rep insb" : "+D"(to), "+c"(count) : "d"(port) : "memory");
	else if (size == 2)
		__asm__ volatile("rep insw" : "+D"(to), "+c"(count) : "d"(port) : "memory");
	else
		__asm__ volatile("rep insl" : "+D"(to), "+c"(count) : "d"(port) : "memory");
}

static void move_bytes(volatile void *to, const volatile void *from, uint64_t count)
{
	__asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(count)::"memory");
}

static void move_quads(volatile void *to, const volatile void *from, uint64_t count)
{
	__asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(count)::"memory");
}

/* Sixteen bytes at once. */
static void move_wide(volatile void *to, const volatile void *from)
{
	__asm__ volatile("movdqu (%1), %%xmm0\n\tmovdqu %%xmm0, (%0)" ::"r"(to), "r"(from)
			 : "memory");
}

static uint8_t ones[STRING * 4], bytes[STRING * 4], sector[SECTOR];

static bool ports(const struct disk *disk)
{
	uint16_t base = (uint16_t)(pci_read(disk->slot, 0x10) & ~3u);
	uint32_t features;

	if (!base)
		return true; /* it has none */
	features = inl(base);
	for (unsigned size = 1; size <= 4; size *= 2) {
		outs(base + 16, ones, STRING, size); /* kicks of no queue */
		outs(base, ones, STRING, size);      /* read-only */
		for (uint16_t at = 0; at < 64; at++)
			ins(base + at, bytes, 8, size);
	}
	ins(base, bytes, 8, 4);
	for (unsigned i = 0; i < 32; i++)
		if (bytes[i] != (uint8_t)(features >> (i % 4 * 8)))
			return false;
	return true;
}

static bool common(const struct disk *disk)
{
	uint8_t before[COMMON_BYTES], wide[COMMON_BYTES];

	for (unsigned i = 0; i < COMMON_BYTES; i++)
		before[i] = disk->common[i];
	/* Doorbells of no queue, a read-only region, the last bytes of one page and the next. */
	move_bytes(disk->notify + 64, ones, 64);
	move_quads(disk->notify + 64, ones, 16);
	move_wide(disk->notify + 64, ones);
	move_wide(disk->isr, ones);
	move_bytes(disk->common + 0xff0, ones, 32);
	*(volatile uint64_t *)(disk->common + 0xffc) = ~0ull;
	*(volatile uint64_t *)(disk->common + 0xff9) = ~0ull;
	/* Sixteen bytes are two of eight, which no register there takes. */
	move_wide(disk->common + 16, ones);
	move_quads(bytes, disk->common, COMMON_BYTES / 8);
	for (unsigned i = 0; i < COMMON_BYTES; i += 16)
		move_wide(wide + i, disk->common + i);
	for (unsigned i = 0; i < COMMON_BYTES; i++)
		if (bytes[i] != before[i] || wide[i] != before[i] || disk->common[i] != before[i])
			return false;
	return true;
}

int guest_main(const struct vmm_boot_info *boot)
{
	struct disk disk;
	struct queue queue;

	if (!one_queue(&disk, &queue, 0))
		return 1;
	for (unsigned i = 0; i < sizeof(ones); i++)
		ones[i] = 0xff;
	print("ports %s\n", ports(&disk) ? "same" : "changed");
	print("registers %s\n", common(&disk) ? "same" : "changed");
	print("status %u\n", do_request(&queue, READ, 0, sector, SECTOR));
	return 0;
}
