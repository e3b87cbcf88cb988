/* SPDX-License-Identifier: MIT */
/* Composes a disk as the options say: a backend, and the wrappers around it. */
#include "vmm-lite/disk/backends.h"
#include "vmm-lite/disk/file.h"
#include "vmm-lite/options.h"

static struct disk *(*const open_by_aio[])(const struct disk_options *options, char *err,
					   size_t err_size) = {
    [AIO_IO_URING] = disk_uring_open,
    [AIO_SYNC] = disk_sync_open,
    [AIO_NULL] = disk_null_open,
};

static bool fault_wanted(const struct fault_options *fault)
{
	return fault->delay_ns || fault->delay_max_ns || fault->error_rate > 0 ||
	       fault->error_sectors;
}

struct disk *disk_open(const struct disk_options *options, char *err, size_t err_size)
{
	struct disk *disk = open_by_aio[options->aio](options, err, err_size), *outer = disk;

	if (!disk)
		return NULL;
	if (options->lifetime_given) {
		disk->info.has_lifetime = disk->fixed_lifetime = true;
		disk->lifetime = (struct disk_lifetime){options->lifetime[0], options->lifetime[1],
							options->lifetime[2]};
	}
	if (options->zoned || disk->info.zoned.model)
		outer = disk_zoned_wrap(
		    disk, options->aio == AIO_NULL ? -1 : ((struct disk_file *)disk)->fd, options,
		    err, err_size);
	if (outer && fault_wanted(&options->fault)) {
		disk = outer;
		outer = disk_fault_wrap(disk, &options->fault, err, err_size);
	}
	if (!outer)
		disk_close(disk);
	return outer;
}
