/* SPDX-License-Identifier: MIT */
/*
 * Two queues of one disk: rings, doorbells, indices and interrupt vectors of their own. What is
 * under way in one says nothing about the other, also not about the order.
 *
 * disk: queues=2
 */
#include "samples/guests/lib/virtio.h"

#define QUEUES 2

int guest_main(const struct vmm_boot_info *boot)
{
	static struct request requests[QUEUES];
	static char data[QUEUES][SECTOR];
	struct queue queues[QUEUES];
	uint32_t failed = 0;
	struct disk disk;

	interrupts_start();
	if (!disk_open(&disk, FEATURE(MULTIQUEUE)) || !pci_enable_msix(disk.slot, GUEST_VECTOR))
		return 1;
	pci_set_msix_entry(disk.slot, 1, GUEST_VECTOR + 1);
	for (uint16_t i = 0; i < QUEUES; i++)
		if (!disk_queue(&disk, &queues[i], i, RING_SIZE, i))
			return 1;
	disk_start(&disk);
	print("ready   the disk has %u queues\n", *(volatile uint16_t *)(disk.config + 34));
	for (uint16_t i = 0; i < QUEUES; i++) {
		fill_chain(&queues[i], 0, &requests[i], READ, i, data[i], SECTOR);
		offer(&queues[i], 0);
		kick(&queues[i]);
	}
	while (!interrupts_of(GUEST_VECTOR) || !interrupts_of(GUEST_VECTOR + 1))
		interrupts_wait(interrupts_count());
	for (uint16_t i = 0; i < QUEUES; i++) {
		print("queue %u vector %02x: %u interrupt, used index %u, status %u\n", i,
		      GUEST_VECTOR + i, interrupts_of((uint8_t)(GUEST_VECTOR + i)),
		      queues[i].used->index, requests[i].status);
		failed += requests[i].status != 0;
	}
	return failed != 0;
}
