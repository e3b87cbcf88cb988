/* SPDX-License-Identifier: MIT */
/*
 * The reader of the stage points' shared-memory rings (lib/record.h), of a running VMM or of a
 * flight-recorder file. It reads with pread and trusts nothing: every offset and count is checked
 * against the size of the file, and a writer that misbehaves costs its own records only.
 *
 * A reader belongs to one thread.
 */
#ifndef VBT_RING_READER_H
#define VBT_RING_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/record.h"

struct ring_reader;

/*
 * Open the rings of process `pid`, memfd or flight recorder. NULL with a sentence in err; errno
 * is then ESRCH (no such process), EACCES (not permitted), ENOENT (offers no rings), EPROTO
 * (offers rings that this version cannot read).
 */
struct ring_reader *ring_reader_open_pid(pid_t pid, char *err, size_t err_size);

/* Open a flight-recorder file, its VMM alive or not. NULL with a sentence in err, errno likewise. */
struct ring_reader *ring_reader_open_file(const char *path, char *err, size_t err_size);

/* Switch off what was switched on, and free. NULL is fine. */
void ring_reader_close(struct ring_reader *reader);

/* Call before start: also snapshots of the rings (lib/ring_item.h) are wanted. False: a flight recorder
 * has none. */
bool ring_reader_want_rings(struct ring_reader *reader);

/* Likewise the first bytes of each request's data, VBT_DATA_MAX at most. Another reader may want more. */
bool ring_reader_want_data(struct ring_reader *reader, unsigned bytes);

/*
 * Tell a VMM that waits for the reader that started it that this is there, and takes no records of the rings:
 * its USDT probes are attached. It is noticed within 10 ms. Without the right to write, the VMM waits in vain.
 */
void ring_reader_say_ready(const struct ring_reader *reader);

/*
 * Tell the VMM that filters in the kernel are those of the device table of `generation` (ring_reader_generation, asked
 * before the table was read). From the first call on until ring_reader_stop it waits for that, for a bounded time,
 * where a doorbell moves: call it at each poll. A recording that is only read is not written to; without the right to
 * write, the VMM does not wait.
 */
void ring_reader_follows(struct ring_reader *reader, uint32_t generation);

/*
 * Switch recording on and wait until the VMM does. Records from now on are read; with `history`
 * also those that the rings still hold. A flight recorder of a VMM that is gone is all history.
 * 0, or -errno with a sentence in err (-ETIMEDOUT: the VMM does not answer; it is stopped, or has run for
 * ten times as long without an answer).
 */
int ring_reader_start(struct ring_reader *reader, bool history, int timeout_ms, char *err,
		      size_t err_size);

/* Switch recording off, and be waited for no more; what is in the rings can still be read. */
void ring_reader_stop(struct ring_reader *reader);

/* Once a second or so: stay registered, also if another reader's death dropped us. */
void ring_reader_keepalive(struct ring_reader *reader);

/* true until the process has ended; always false for the file of a VMM that is gone. */
bool ring_reader_alive(const struct ring_reader *reader);

/* Records of one ring, in order. Points into the reader; valid until its next call. */
struct ring_batch {
	unsigned ring; /* index, stable */
	uint32_t tid;  /* thread that wrote them; 0 if no longer known */
	unsigned fill; /* how full the ring was, in 256ths of its size */
	/*
	 * Records lost just before these: overwritten before they were read; and an eighth of the ring beyond,
	 * so that the writer, which has caught up, does not do it again at once.
	 */
	uint64_t lost;
	/*
	 * What was lost before these is not known, and neither counted above: the ring's header made no sense, or
	 * its records could not be read. It is looked at again at the next call, and this told once.
	 */
	bool unreadable;
	const struct vbt_record *records; /* times as in the header: TSC or nanoseconds */
	size_t count;                     /* 0 is possible, with lost > 0 or unreadable */
};

/*
 * The next batch of ring `ring`: at most `max` records (0: as many as the buffer holds). false
 * if there is nothing new now.
 */
bool ring_reader_next(struct ring_reader *reader, unsigned ring, size_t max,
		      struct ring_batch *batch);

/* Rings that exist by now; grows only. Refreshes the view of the heads for ring_reader_next. */
unsigned ring_reader_rings(struct ring_reader *reader);

/* The name of the source that these are lost of. */
#define RING_READER_UNPLACED "no ring"

/*
 * Records that were lost since the last call because their thread had found no ring. Of those from before
 * ring_reader_start only a reader of history has any.
 */
uint64_t ring_reader_unplaced(struct ring_reader *reader);

/* A ring's name for people, printable. */
const char *ring_reader_ring_name(struct ring_reader *reader, unsigned ring, char name[16]);

/* The name of the source that has what is lost of a ring while it is unreadable: each time counts as one. */
const char *ring_reader_unreadable_name(struct ring_reader *reader, unsigned ring, char name[24]);

struct ring_info {
	pid_t pid;
	uint32_t clock; /* enum vbt_shm_clock */
	uint64_t tsc_khz;
	bool flight; /* a flight recorder's file */
	uint64_t file_size;
	char program[33];
};
void ring_reader_info(struct ring_reader *reader, struct ring_info *info);

/*
 * Calibration pairs, oldest first, sorted and with the impossible left out. Number written.
 * The clock is VBT_CLOCK_MONOTONIC: none are needed, 0.
 */
size_t ring_reader_clocks(struct ring_reader *reader,
			  struct vbt_shm_clock_pair pairs[VBT_SHM_CLOCKS]);

/* Changes whenever the device table changes. */
uint32_t ring_reader_generation(struct ring_reader *reader);
unsigned ring_reader_devices(struct ring_reader *reader); /* entries, present or not */

/*
 * A consistent copy of an entry, strings terminated and printable. A device that was removed is not
 * `present` and keeps its last description. false if the entry was never used, or was being changed
 * for too long (try again at the next generation).
 */
bool ring_reader_device(struct ring_reader *reader, unsigned index, struct vbt_shm_device *device);

#endif
