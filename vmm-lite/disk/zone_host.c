/* SPDX-License-Identifier: MIT */
#include "vmm-lite/disk/zone_host.h"

#include <errno.h>
#include <linux/blkzoned.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#define SECTOR 512u
#define BATCH  256u

/* The kernel's numbers of types and states are those of ZBC, as ours are. */
static struct zone from_kernel(const struct blk_zone *kernel, bool has_capacity)
{
	uint64_t capacity = has_capacity ? kernel->capacity : kernel->len;
	uint64_t wp = kernel->wp > kernel->start ? kernel->wp - kernel->start : 0;

	wp = kernel->cond == BLK_ZONE_COND_FULL ? capacity : wp < capacity ? wp : capacity;
	if (kernel->cond == BLK_ZONE_COND_NOT_WP || kernel->cond == BLK_ZONE_COND_READONLY ||
	    kernel->cond == BLK_ZONE_COND_OFFLINE)
		wp = 0;
	return (struct zone){capacity * SECTOR, wp * SECTOR, wp * SECTOR, kernel->type,
			     kernel->cond};
}

static struct blk_zone_report *report(int fd, uint64_t offset, unsigned max)
{
	struct blk_zone_report *r = calloc(1, sizeof(*r) + max * sizeof(r->zones[0]));

	if (!r)
		return NULL;
	r->sector = offset / SECTOR;
	r->nr_zones = max;
	if (!ioctl(fd, BLKREPORTZONE, r))
		return r;
	free(r);
	return NULL;
}

int zone_host_report(int fd, uint64_t offset, struct zone *zone, unsigned max)
{
	struct blk_zone_report *r = report(fd, offset, max < BATCH ? max : BATCH);
	int count = 0;

	if (!r)
		return -errno;
	for (; count < (int)r->nr_zones; count++)
		zone[count] = from_kernel(&r->zones[count], r->flags & BLK_ZONE_REP_CAPACITY);
	free(r);
	return count;
}

int zone_host_load(int fd, struct zones *zones)
{
	struct zone zone[BATCH];
	unsigned index = 0;

	while (index < zones->count) {
		int count = zone_host_report(fd, zones_start(zones, index), zone, BATCH);

		if (count < 0)
			return -count;
		if (!count)
			return EPROTO;
		for (int i = 0; i < count && index < zones->count; i++, index++)
			if (!zones_set(zones, index, &zone[i]))
				return EPROTO;
	}
	return 0;
}

int zone_host_error(int error)
{
	switch (error) {
	case ETOOMANYREFS: return ZONE_OPEN_RESOURCE;
	case EOVERFLOW: return ZONE_ACTIVE_RESOURCE;
	default: return error;
	}
}

int zone_host_command(int fd, enum zone_command command, uint64_t offset, uint64_t length)
{
	static const unsigned long requests[] = {
	    [ZONE_CMD_OPEN] = BLKOPENZONE,
	    [ZONE_CMD_CLOSE] = BLKCLOSEZONE,
	    [ZONE_CMD_FINISH] = BLKFINISHZONE,
	    [ZONE_CMD_RESET] = BLKRESETZONE,
	};
	struct blk_zone_range range = {offset / SECTOR, length / SECTOR};

	while (ioctl(fd, requests[command], &range))
		if (errno != EINTR)
			return zone_host_error(errno);
	return 0;
}
