/* SPDX-License-Identifier: MIT */
/*
 * Where the zones of an image live between two runs: FILE.zones beside FILE. A header, then a
 * record a zone: its write pointer, how far it was written, its state. A zone's record is written
 * before its data is, so that whatever a guest was told to be written is behind no write pointer
 * after the VMM was killed; zone_file_sync makes the records survive the host's crash, too.
 *
 * The file is locked by the lock of its image. It is not trusted: what does not fit is refused.
 */
#ifndef VMM_DISK_ZONE_FILE_H
#define VMM_DISK_ZONE_FILE_H

#include <stdatomic.h>

#include "vmm-lite/disk/zones.h"

struct zone_file {
	int fd; /* -1: zones live in memory only */
	atomic_bool dirty;
	char *name;         /* of the file if it was made here, else NULL */
	atomic_bool stored; /* something that the image does not show itself */
};

/*
 * Open the zones of the image `path` and take them over into `zones`, fresh from zones_init. Open
 * zones come back closed: opening is for as long as the power is on. Without such a file the zones
 * with data in the image (`image_fd`) are full, the others empty, and the file is made unless
 * `read_only`. 0, or -1 with a sentence in err.
 *
 * To close a file that was made here and has nothing but what the image shows takes it away again: it
 * would be left behind by a machine that was never started.
 */
int zone_file_open(struct zone_file *file, const char *path, int image_fd, bool read_only,
		   struct zones *zones, char *err, size_t err_size);
void zone_file_close(struct zone_file *file);

/* Write down a zone. 0 or an errno. */
int zone_file_store(struct zone_file *file, const struct zones *zones, unsigned index);
/* Make what was written down stable. 0 or an errno. */
int zone_file_sync(struct zone_file *file);

#endif
