/* SPDX-License-Identifier: MIT */
/*
 * How a device says no: the request comes back like any other, its status byte tells. A used
 * element alone means only that the device is done with the chain. (virtio 1.3, 5.2.6)
 */
#include "samples/guests/lib/virtio.h"

#define NO_SUCH_TYPE 99

int guest_main(const struct vmm_boot_info *boot)
{
	static const char *const names[] = {"OK", "IOERR", "UNSUPP"};
	static const struct {
		const char *what;
		uint32_t type;
		uint64_t sector;
		uint8_t status;
	} tries[] = {
	    {"a read of the first sector", READ, 0, 0},
	    {"a read behind the last sector", READ, 1ull << 40, 1},
	    {"a type that does not exist", NO_SUCH_TYPE, 0, 2},
	};
	static char data[SECTOR];
	struct queue queue;
	struct disk disk;

	if (!one_queue(&disk, &queue, 0))
		return 1;
	for (unsigned i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
		uint8_t status = do_request(&queue, tries[i].type, tries[i].sector, data, SECTOR);

		print("%s: used index %u, status %u %s\n", tries[i].what, queue.used->index, status,
		      status < 3 ? names[status] : "");
		if (status != tries[i].status)
			return 1;
	}
	return 0;
}
