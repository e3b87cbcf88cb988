/* SPDX-License-Identifier: MIT */
/*
 * A driver with a bug: it offers a chain and forgets the kick. The device is not told, so nothing
 * happens, for as long as one cares to wait; both indices say so. Then the bug is repaired.
 */
#include "samples/guests/lib/virtio.h"

int guest_main(const struct vmm_boot_info *boot)
{
	static struct request request;
	static char data[SECTOR];
	uint32_t before = interrupts_count();
	struct queue queue;
	struct disk disk;

	if (!one_queue(&disk, &queue, 0))
		return 1;
	/* Let the device's first look at the ring be over: it would find the chain by itself. */
	if (do_request(&queue, READ, 0, data, SECTOR))
		return 1;
	wait_ms(100);
	before = interrupts_count();
	fill_chain(&queue, 0, &request, READ, 1, data, SECTOR);
	offer(&queue, 0);
	wait_ms(1000);
	print("stuck   a second without a kick: available index %u, used index %u, status %02x\n",
	      queue.available->index, queue.used->index, request.status);
	kick(&queue);
	interrupts_wait(before);
	print("kicked  available index %u, used index %u, status %02x\n", queue.available->index,
	      queue.used->index, request.status);
	return request.status;
}
