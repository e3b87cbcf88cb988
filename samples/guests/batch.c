/* SPDX-License-Identifier: MIT */
/*
 * Four requests, one kick: chains are offered one by one, the doorbell rings once, and the device
 * takes whatever the available index says is there.
 */
#include "samples/guests/lib/virtio.h"

#define REQUESTS 4

int guest_main(const struct vmm_boot_info *boot)
{
	static struct request requests[REQUESTS];
	static char data[REQUESTS][SECTOR];
	uint16_t at = 0, failed = 0;
	struct queue queue;
	struct disk disk;

	if (!one_queue(&disk, &queue, 0))
		return 1;
	for (uint16_t i = 0; i < REQUESTS; i++) {
		uint16_t length = fill_chain(&queue, at, &requests[i], READ, i, data[i], SECTOR);

		offer(&queue, at);
		print("offer   read of sector %u: descriptors %u to %u, available index %u\n", i,
		      at, at + length - 1u, queue.available->index);
		at = (uint16_t)(at + length);
	}
	kick(&queue);
	print("kick    once\n");

	/* An interrupt may tell of one of them or of all four: only the used index says which. */
	for (;;) {
		uint32_t before = interrupts_count();

		if (queue.used->index == REQUESTS && before)
			break;
		interrupts_wait(before);
	}
	for (uint16_t i = 0; i < REQUESTS; i++)
		failed += requests[i].status != 0;
	print("used    %u chains, %u failed, %s\n", queue.used->index, failed,
	      interrupts_count() <= REQUESTS ? "at most one interrupt each"
					     : "too many interrupts");
	return failed != 0;
}
