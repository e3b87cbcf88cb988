/* SPDX-License-Identifier: MIT */
/*
 * Discard: "I no longer need these sectors". The data of the request is a list of ranges, not the
 * sectors. What they read as afterwards is the disk's affair. (virtio 1.3, 5.2.6)
 */
#include "samples/guests/lib/virtio.h"

#define FIRST   8
#define SECTORS 8

int guest_main(const struct vmm_boot_info *boot)
{
	static struct {
		uint64_t sector;
		uint32_t sectors, flags;
	} range = {FIRST, SECTORS, 0};
	static char data[SECTORS * SECTOR];
	struct queue queue;
	struct disk disk;
	uint8_t status;

	if (!one_queue(&disk, &queue, FEATURE(DISCARD_FEATURE)))
		return 1;
	for (unsigned i = 0; i < sizeof(data); i++)
		data[i] = 'x';
	status = do_request(&queue, WRITE, FIRST, data, sizeof(data));
	print("write   sectors %u to %u: status %u\n", FIRST, FIRST + SECTORS - 1, status);
	if (!status)
		status = do_request(&queue, DISCARD, 0, &range, sizeof(range));
	print("discard 1 range, %u bytes of data: status %u\n", (uint32_t)sizeof(range), status);
	if (!status)
		status = do_request(&queue, READ, FIRST, data, sizeof(data));
	print("read    status %u\n", status);
	return status;
}
