/* SPDX-License-Identifier: MIT */
/*
 * The null disk: any request completes at once, writes vanish. What is left is the device itself,
 * which is how its own cost is measured.
 *
 * Reads leave the guest's memory as it was. That leaks nothing (it is the guest's own) and keeps
 * a memset of every byte out of the measurement.
 */
#include <stdio.h>
#include <stdlib.h>

#include "probes/stage_point.h"
#include "vmm-lite/disk/backend.h"
#include "vmm-lite/disk/backends.h"
#include "vmm-lite/options.h"

#define NULL_DEFAULT_SIZE (1ull << 30)

static void null_free(struct disk *disk)
{
	free(disk);
}

static void null_submit(struct disk_channel *channel, struct disk_request *request)
{
	request->method = VBT_IO_null;
	request->done = request->length;
	disk_complete(channel, request, 0);
}

static const struct disk_ops null_ops = {
    .name = "null",
    .free = null_free,
    .submit = null_submit,
};

struct disk *disk_null_open(const struct disk_options *options, char *err, size_t err_size)
{
	uint32_t block = options->block_size ? options->block_size : 512;
	uint64_t size = options->size ? options->size : NULL_DEFAULT_SIZE;
	struct disk *disk;

	if (size % block) {
		snprintf(err, err_size, "null disk: size=%llu is not a multiple of the block of %u",
			 (unsigned long long)size, block);
		return NULL;
	}
	disk = malloc(sizeof(*disk));
	if (!disk) {
		snprintf(err, err_size, "no memory for the null disk");
		return NULL;
	}
	*disk = (struct disk){
	    .ops = &null_ops,
	    .info =
		{
		    .size = size,
		    .logical_block = block,
		    .physical_block = block,
		    .discard_granularity = block,
		    .write_zeroes = true,
		    .unmap = true,
		    .secure_erase = true,
		    .read_only = options->read_only,
		    .alignment = 1,
		},
	};
	return disk;
}
