/* SPDX-License-Identifier: MIT */
/* How worn the host's flash storage is, as eMMC and UFS tell it in sysfs. */
#ifndef VMM_DISK_LIFETIME_H
#define VMM_DISK_LIFETIME_H

#include "vmm-lite/disk/disk.h"

/*
 * Read it from the block device's directory, such as /sys/dev/block/179:0; a partition's is looked
 * for at its parent, too. Values that JESD84-B50 reserves become 0, unknown. False: nothing is told.
 */
bool lifetime_read(const char *device, struct disk_lifetime *lifetime);

/* As above, of this device number. */
bool lifetime_of(unsigned major, unsigned minor, struct disk_lifetime *lifetime);

#endif
