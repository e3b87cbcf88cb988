/* SPDX-License-Identifier: MIT */
/*
 * When is a write on the disk? With a write-back cache: after the flush that follows it. The
 * driver may turn the cache to write-through; then each write is stable once it is used.
 * (virtio 1.3, 5.2.5.2, 5.2.6.2)
 */
#include <stddef.h>

#include "samples/guests/lib/virtio.h"

#define WRITEBACK 32 /* in the device's configuration */

static const char *mode(const struct disk *disk)
{
	return disk->config[WRITEBACK] ? "write-back" : "write-through";
}

int guest_main(const struct vmm_boot_info *boot)
{
	static char data[SECTOR] = "stable after a flush", more[SECTOR] = "stable at once";
	struct queue queue;
	struct disk disk;
	uint8_t write, flush;

	if (!one_queue(&disk, &queue, FEATURE(FLUSH_FEATURE) | FEATURE(CONFIG_WCE)))
		return 1;
	print("cache   %s\n", mode(&disk));
	write = do_request(&queue, WRITE, 2, data, SECTOR);
	flush = do_request(&queue, FLUSH, 0, NULL, 0);
	print("write   status %u, not yet stable; flush status %u, now it is\n", write, flush);
	if (write || flush)
		return 1;
	disk.config[WRITEBACK] = 0;
	print("cache   %s\n", mode(&disk));
	write = do_request(&queue, WRITE, 3, more, SECTOR);
	print("write   status %u, stable\n", write);
	return write;
}
