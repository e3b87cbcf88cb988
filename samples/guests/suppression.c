/* SPDX-License-Identifier: MIT */
/*
 * Each side can ask the other to keep quiet: the driver by a flag or, with EVENT_IDX, by an index
 * ("tell me when you get there"), the device likewise. (virtio 1.3, 2.7.7, 2.7.10)
 *
 * The device decides about the interrupt after the used index can be seen. Therefore each part
 * ends with a reset: only then is it certain that no interrupt is on its way.
 */
#include "samples/guests/lib/virtio.h"

#define NO_INTERRUPT 1
#define REQUESTS     3

static struct disk disk;
static struct queue queue;
static char data[SECTOR];

/* A read, looked for in the used ring without waiting for an interrupt. */
static bool polled_read(void)
{
	static struct request request;

	fill_chain(&queue, 0, &request, READ, 0, data, SECTOR);
	offer(&queue, 0);
	kick(&queue);
	while (queue.used->index != queue.offered)
		;
	return request.status == 0;
}

static bool begin(uint64_t features)
{
	return disk_open(&disk, features) && pci_enable_msix(disk.slot, GUEST_VECTOR) &&
	       disk_queue(&disk, &queue, 0, RING_SIZE, 0);
}

static uint32_t end(uint32_t before)
{
	disk_reset(&disk);
	__asm__ volatile("sti; nop; nop; cli" ::: "memory"); /* whatever is pending comes now */
	return interrupts_count() - before;
}

int guest_main(const struct vmm_boot_info *boot)
{
	uint32_t before, failed = 0;

	interrupts_start();
	if (!begin(0))
		return 1;
	queue.available->flags = NO_INTERRUPT;
	disk_start(&disk);
	before = interrupts_count();
	for (int i = 0; i < REQUESTS; i++)
		failed += !polled_read();
	print("flag    NO_INTERRUPT set: 3 reads, %u interrupts\n", end(before));

	if (!begin(0))
		return 1;
	disk_start(&disk);
	before = interrupts_count();
	for (int i = 0; i < REQUESTS; i++)
		failed += do_request(&queue, READ, 0, data, SECTOR) != 0;
	print("flag    NO_INTERRUPT clear: 3 reads, %u interrupts\n", end(before));

	if (!begin(FEATURE(EVENT_IDX)))
		return 1;
	queue.available->used_event = REQUESTS - 1; /* when that entry of the used ring is filled */
	disk_start(&disk);
	before = interrupts_count();
	for (int i = 0; i < REQUESTS; i++)
		failed += !polled_read();
	interrupts_wait(before);
	/* The device's own wish, once it has looked at the ring and found it empty. */
	while (queue.used->avail_event != REQUESTS)
		;
	print("index   the device wants a kick for available entry %u\n", queue.used->avail_event);
	print("index   used_event 2: 3 reads, %u interrupt\n", end(before));
	return failed != 0;
}
