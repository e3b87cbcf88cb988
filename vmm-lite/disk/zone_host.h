/* SPDX-License-Identifier: MIT */
/* The zones of a zoned block device of the host, through its ioctls. */
#ifndef VMM_DISK_ZONE_HOST_H
#define VMM_DISK_ZONE_HOST_H

#include "vmm-lite/disk/zones.h"

enum zone_command { ZONE_CMD_OPEN, ZONE_CMD_CLOSE, ZONE_CMD_FINISH, ZONE_CMD_RESET };

/* Zones from the one with this offset on, at most `max`; how many, or -errno. */
int zone_host_report(int fd, uint64_t offset, struct zone *zone, unsigned max);
/* Take over all zones: 0 or an errno. */
int zone_host_load(int fd, struct zones *zones);

/* A command for one zone, in the caller's thread. 0, an errno or an enum zone_error. */
int zone_host_command(int fd, enum zone_command command, uint64_t offset, uint64_t length);

/* What an errno of a write or a command means for zones: an enum zone_error, or itself. */
int zone_host_error(int error);

#endif
