/* SPDX-License-Identifier: MIT */
/* What the files of a reader of rings share among themselves. */
#ifndef VBT_RING_READER_IMPL_H
#define VBT_RING_READER_IMPL_H

#include "probes/ring_reader.h"

#define RING_READER_BATCH 8192 /* records: 256 KiB */

/* What is known of a ring between two calls. */
struct cursor {
	uint64_t next; /* index of the next record to read */
	uint32_t tid;  /* thread that wrote it */
	bool placed;   /* `next` is known: its header made sense once */
	bool ours;     /* what it loses from here on we should have had */
	bool broken;   /* it could not be read at the last look, which has been told */
};

struct ring_reader {
	int fd, pidfd;
	bool flight;
	bool started;   /* what was in the rings before is history */
	bool counted;   /* we are one of the header's `want` */
	bool snapshots; /* and of its `want_rings` */
	pid_t pid;      /* the VMM's; 0: a file's */
	uint16_t data;  /* what we have to do with its `data_bytes`; 0: nothing */
	pid_t own_pid;  /* ours, as the VMM sees it; 0 if it does not see us */
	uint32_t seen;  /* what we told it that we have of its device table; 0: nothing */
	bool mute;      /* it cannot be told */
	uint64_t bytes; /* of the file, when it was opened */

	/* A memfd is sealed, so its header can be mapped; a file is copied at each refresh. */
	struct vbt_shm_header *map;
	struct vbt_shm_header *copy;

	unsigned rings;
	bool history;
	uint64_t unplaced; /* as it was last asked */
	struct cursor cursors[VBT_SHM_MAX_RINGS];
	struct vbt_record batch[RING_READER_BATCH];
};

static inline struct vbt_shm_header *ring_reader_header(const struct ring_reader *reader)
{
	return reader->map ? reader->map : reader->copy;
}

/* All of it, or -errno; -ENODATA: the file ends before. */
int ring_reader_read(int fd, void *data, size_t size, uint64_t offset);

/* A newer header. A file that was cut since it was opened leaves the last copy in place. */
void ring_reader_refresh(struct ring_reader *reader);

/* A text that need not end, made one of `size` that does, and printable. */
void ring_reader_text(char *to, const char *from, size_t size);

#endif
