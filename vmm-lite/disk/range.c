/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>

#include "vmm-lite/disk/range.h"

#define PLAN_STEPS 3

/*
 * Punching a hole is the first choice for a discard also on a block device: unlike the ioctl it
 * can be left to io_uring. The kernel refuses it where the device gives no zeroes afterwards.
 */
static const uint8_t discard_plan[PLAN_STEPS] = {RANGE_PUNCH_HOLE, RANGE_IOCTL, RANGE_NOTHING};
static const uint8_t unmap_plan[PLAN_STEPS] = {RANGE_PUNCH_HOLE, RANGE_ZERO_RANGE, RANGE_WRITE};
static const uint8_t zeroes_plan[PLAN_STEPS] = {RANGE_ZERO_RANGE, RANGE_WRITE, RANGE_REFUSE};
/*
 * What cannot be told to erase is overwritten, and stable when it completes: as good as the storage
 * below overwrites in place. The device offers that only where it is asked to (features=+secure-erase).
 */
static const uint8_t erase_plan[PLAN_STEPS] = {RANGE_IOCTL, RANGE_WRITE, RANGE_REFUSE};

static const uint8_t *plan_of(const struct disk_request *request)
{
	switch (request->op) {
	case DISK_DISCARD: return discard_plan;
	case DISK_SECURE_ERASE: return erase_plan;
	default: return request->flags & DISK_UNMAP ? unmap_plan : zeroes_plan;
	}
}

static bool known_useless(struct disk_file *file, enum range_step step)
{
	switch (step) {
	case RANGE_PUNCH_HOLE: return atomic_load(&file->no_punch_hole);
	case RANGE_ZERO_RANGE: return atomic_load(&file->no_zero_range);
	case RANGE_IOCTL: return !file->base.info.block_device;
	default: return false;
	}
}

enum range_step disk_range_step(struct disk_file *file, const struct disk_request *request,
				unsigned *position)
{
	const uint8_t *plan = plan_of(request);

	while (*position < PLAN_STEPS - 1 && known_useless(file, plan[*position]))
		++*position;
	return plan[*position];
}

int disk_range_mode(enum range_step step)
{
	return FALLOC_FL_KEEP_SIZE |
	       (step == RANGE_PUNCH_HOLE ? FALLOC_FL_PUNCH_HOLE : FALLOC_FL_ZERO_RANGE);
}

bool disk_range_unsupported(struct disk_file *file, enum range_step step, int error)
{
	if (error != EOPNOTSUPP && error != ENOSYS && error != ENOTTY)
		return false;
	if (step == RANGE_PUNCH_HOLE)
		atomic_store(&file->no_punch_hole, true);
	if (step == RANGE_ZERO_RANGE)
		atomic_store(&file->no_zero_range, true);
	return true;
}

int disk_range_ioctl(struct disk_file *file, const struct disk_request *request)
{
	uint64_t range[2] = {request->offset, request->length};

	if (ioctl(file->fd, request->op == DISK_DISCARD ? BLKDISCARD : BLKSECDISCARD, range))
		return errno;
	return 0;
}
