/* SPDX-License-Identifier: MIT */
/*
 * Writes a `.vbt` trace to a file descriptor (docs/TRACE_FORMAT.md). Append-only: never seeks, so a
 * pipe does. Events are buffered and written as one chunk when 16384 have come, when
 * `flush_ns` has passed, or on demand; a kill loses at most the unwritten chunk.
 *
 * One thread at a time. Functions return 0 or -errno; after the first write error nothing more is
 * written (what is in the file stays readable), every later call returns that error, and
 * vbt_trace_writer_error says it in a sentence.
 */
#ifndef VBT_TRACE_WRITER_H
#define VBT_TRACE_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/event.h"
#include "lib/trace_info.h"

struct vbt_trace_writer;

struct vbt_trace_writer_options {
	int level;         /* zstd level; 0: -1, which is quick */
	uint64_t flush_ns; /* age of the oldest buffered event at which a tick flushes; 0: 1 s */
	bool data; /* there may be events of the point `data`; without it they are refused */
};

struct vbt_trace_writer_stats {
	uint64_t events, chunks, bytes;
};

/* Write the file header. The descriptor stays the caller's. NULL with a sentence in err. */
struct vbt_trace_writer *vbt_trace_writer_new(int fd,
					      const struct vbt_trace_writer_options *options,
					      char *err, size_t err_size);

/* Finish if that was not done, without a way to see errors; free. NULL is fine. */
void vbt_trace_writer_free(struct vbt_trace_writer *writer);

/*
 * Put metadata into the file, ahead of the events that come after the call. Write devices before
 * the events that need them. Also kept in the writer's own info.
 */
int vbt_trace_writer_host(struct vbt_trace_writer *writer, const struct vbt_host *host);
int vbt_trace_writer_target(struct vbt_trace_writer *writer, uint32_t index,
			    const struct vbt_target *target);
int vbt_trace_writer_source(struct vbt_trace_writer *writer, uint32_t index,
			    const struct vbt_source *source);
int vbt_trace_writer_device(struct vbt_trace_writer *writer, const struct vbt_device *device);
int vbt_trace_writer_option(struct vbt_trace_writer *writer, const char *name, const char *value);

/* All of an info at once, e.g. to copy a trace. */
int vbt_trace_writer_info(struct vbt_trace_writer *writer, const struct vbt_trace_info *info);

/*
 * Append events, in the order in which readers shall get them: by time, late ones where they came.
 * Statements of loss (vbt_event_lost) are events too; their counts are also added to the source.
 */
int vbt_trace_writer_events(struct vbt_trace_writer *writer, const struct vbt_event *events,
			    size_t count);

/* Call now and then with the current CLOCK_MONOTONIC: flushes what is old enough. */
int vbt_trace_writer_tick(struct vbt_trace_writer *writer, uint64_t now_ns);
int vbt_trace_writer_flush(struct vbt_trace_writer *writer);

/* Flush, and write the end chunk: the trace is whole. Nothing may be added after it. */
int vbt_trace_writer_finish(struct vbt_trace_writer *writer);

const struct vbt_trace_writer_stats *vbt_trace_writer_stats(const struct vbt_trace_writer *writer);
const struct vbt_trace_info *vbt_trace_writer_get_info(const struct vbt_trace_writer *writer);
/* "" while all is well. */
const char *vbt_trace_writer_error(const struct vbt_trace_writer *writer);

#endif
