/* SPDX-License-Identifier: MIT */
/*
 * The virtio-blk device: requests from the queues to the disk and back. (virtio 1.3, 5.2)
 *
 * It is created over a disk, guest memory and the wires; it brings its PCI function along. Each
 * queue has an I/O thread of its own, or is served on the thread that kicks (iothread=off).
 */
#ifndef VMM_VIRTIO_BLK_H
#define VMM_VIRTIO_BLK_H

#include <stddef.h>

#include "vmm-lite/disk/disk.h"
#include "vmm-lite/guest_mem.h"
#include "vmm-lite/options.h"
#include "vmm-lite/pci/function.h"
#include "vmm-lite/wires.h"

struct virtio_blk;

struct virtio_blk_config {
	const struct disk_options *options;
	struct disk *disk; /* stays the caller's */
	const struct guest_mem *mem;
	struct wires wires;
	const char *name; /* "disk0": in messages, thread names and traces */
};

/*
 * Can there be such a device over such a disk? Pure, for those who want to know before they create
 * anything else; virtio_blk_new asks, too. 0, or -1 with a sentence in err.
 */
int virtio_blk_check(const struct disk_options *options, const struct disk_info *info, char *err,
		     size_t err_size);

/*
 * NULL with a sentence in err. Starts no thread before the driver enables a queue and sets
 * DRIVER_OK. Requests are taken only while the function's bus mastering is on (command bit 2).
 * The wires' functions are called with locks of the device held: they must not come back to it.
 */
struct virtio_blk *virtio_blk_new(const struct virtio_blk_config *config, char *err,
				  size_t err_size);

/*
 * Stops everything: waits for I/O in flight (half a second, then cancels it), unregisters doorbells
 * and interrupts. The function has to be unplugged first.
 */
void virtio_blk_free(struct virtio_blk *blk);

/* The function to plug into the host bridge. */
struct pci_function *virtio_blk_function(struct virtio_blk *blk);

/* System reset (reboot, triple fault): as a device reset by the driver. */
void virtio_blk_reset(struct virtio_blk *blk);

/* The disk may have another size now: tells the guest if it has. Any thread. */
void virtio_blk_refresh(struct virtio_blk *blk);

#endif
