/* SPDX-License-Identifier: MIT */
/*
 * Moves a disk's BARs about, and rings its doorbell with the first instructions behind that: who counts rings from
 * outside has to know the new address by then.
 */
#include "samples/guests/lib/virtio.h"

#define MOVES   25
#define COMMAND 0x04
#define BAR4    0x20
#define STEP    0x4000u /* the BAR's size */

int guest_main(const struct vmm_boot_info *boot)
{
	static struct request request;
	static uint8_t sector[SECTOR];
	struct disk disk;
	struct queue queue;
	uint32_t base, failed = 0;

	if (!one_queue(&disk, &queue, 0))
		return 1;
	base = pci_read(disk.slot, BAR4) & ~0xfu;
	for (uint32_t i = 1; i <= MOVES; i++) {
		uint32_t before = interrupts_count();

		fill_chain(&queue, 0, &request, READ, i, sector, SECTOR);
		queue.doorbell = (volatile uint16_t *)((uintptr_t)queue.doorbell + STEP);
		pci_write(disk.slot, COMMAND, 0);
		pci_write(disk.slot, BAR4, base + i * STEP);
		pci_write(disk.slot, COMMAND, 7);
		offer(&queue, 0); /* not before: a bus master is free to look by itself */
		kick(&queue);
		interrupts_wait(before);
		failed += request.status != 0;
	}
	print("moved %u times, %u requests failed\n", MOVES, failed);
	return failed != 0;
}
