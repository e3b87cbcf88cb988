/* SPDX-License-Identifier: MIT */
/*
 * A chain that takes one descriptor of the ring, however long it is: the descriptor points to a
 * table elsewhere in memory, which holds the chain. (virtio 1.3, 2.7.5.3)
 */
#include "samples/guests/lib/virtio.h"

int guest_main(const struct vmm_boot_info *boot)
{
	static struct descriptor table[4] __attribute__((aligned(16)));
	static struct request request;
	static char halves[2][SECTOR];
	uint32_t before = interrupts_count();
	struct queue queue;
	struct disk disk;

	if (!one_queue(&disk, &queue, FEATURE(INDIRECT_DESC)))
		return 1;
	request.header.type = READ;
	request.status = 0xff;
	table[0] =
	    (struct descriptor){(uintptr_t)&request.header, sizeof(request.header), DESC_NEXT, 1};
	table[1] =
	    (struct descriptor){(uintptr_t)halves[0], SECTOR, DESC_NEXT | DESC_DEVICE_WRITES, 2};
	table[2] =
	    (struct descriptor){(uintptr_t)halves[1], SECTOR, DESC_NEXT | DESC_DEVICE_WRITES, 3};
	table[3] = (struct descriptor){(uintptr_t)&request.status, 1, DESC_DEVICE_WRITES, 0};
	/* `next` counts in the table that the descriptor is in. */
	queue.descriptors[5] =
	    (struct descriptor){(uintptr_t)table, sizeof(table), DESC_INDIRECT, 0};
	offer(&queue, 5);
	print("offer   descriptor 5: a table of %u descriptors\n", (uint32_t)(sizeof(table) / 16));
	kick(&queue);
	interrupts_wait(before);
	print("used    head %u, %u bytes written, status %u\n", queue.used->ring[0].head,
	      queue.used->ring[0].length, request.status);
	halves[0][24] = 0;
	if (halves[0][0] >= ' ' && halves[0][0] <= '~')
		print("        it begins '%s'\n", halves[0]);
	return request.status != 0;
}
