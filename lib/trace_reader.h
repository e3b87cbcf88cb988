/* SPDX-License-Identifier: MIT */
/*
 * Reads a `.vbt` trace from a file descriptor (docs/TRACE_FORMAT.md), strictly forward, so a pipe
 * does. The file is not trusted: every chunk is checked by its checksum and every field by its
 * range. Each intact chunk is returned, wherever it is; damage is counted, and each hole comes out
 * as a statement of loss (VBT_POINT_LOST of VBT_SOURCE_ALL) in its place among the events.
 *
 * Memory does not depend on the length of the trace. One thread at a time.
 */
#ifndef VBT_TRACE_READER_H
#define VBT_TRACE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/event.h"
#include "lib/trace_info.h"

struct vbt_trace_reader;

struct vbt_trace_reader_stats {
	uint64_t bytes;          /* read from the file so far */
	uint64_t chunks, events; /* intact ones */
	uint64_t holes;          /* ranges of bytes that were no intact chunk */
	uint64_t damaged_bytes;  /* their sum */
	uint64_t missing_chunks; /* by the gaps in chunk numbers: a lower bound at a cut end */
	uint64_t missing_events; /* by the gaps in event numbers, likewise */
	uint64_t first_hole, first_hole_end; /* byte range of the first one */
	uint64_t late;                       /* events behind one of a later time */
	bool finished;                       /* the end chunk was there: nothing is cut off */
};

/*
 * Check the file header. NULL with one line in err if the file is empty, no trace, or of a newer
 * version. The descriptor stays the caller's and is read from its current position.
 */
struct vbt_trace_reader *vbt_trace_reader_new(int fd, char *err, size_t err_size);
void vbt_trace_reader_free(struct vbt_trace_reader *reader);

/*
 * The next run of events: sets *events to an array that stays valid until the next call, and
 * returns their number. 0 at the end; -EIO, -ENOMEM or what read() said on failure (what came
 * before is good). Metadata that precede the events in the file are in the info by then: compare
 * info->changes.
 */
long vbt_trace_reader_next(struct vbt_trace_reader *reader, const struct vbt_event **events);

const struct vbt_trace_info *vbt_trace_reader_info(const struct vbt_trace_reader *reader);
const struct vbt_trace_reader_stats *vbt_trace_reader_stats(const struct vbt_trace_reader *reader);

/*
 * What is wrong with the file, in one line: "damaged: 2 holes, 1234 bytes (first at 4096 to 5120),
 * 2 chunks and 31 events missing; cut off at the end". false, and "", if it is whole.
 */
bool vbt_trace_reader_damage(const struct vbt_trace_reader *reader, char *buf, size_t size);

#endif
