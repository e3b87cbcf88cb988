/* SPDX-License-Identifier: MIT */
#include "probes/ring_reader.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "lib/now.h"
#include "lib/touched.h"
#include "probes/host_facts.h"
#include "probes/ring_find.h"

#define BATCH         8192 /* records: 256 KiB */
#define SEQLOCK_TRIES 1000
#define PATIENCE      10 /* times the time-out, for a process that runs and does not answer */
#define STOP_STEPS    10 /* of 2 ms */
#define HEADROOM      8  /* what part of a ring is skipped when its writer has caught up */

/* What is known of a ring between two calls. */
struct cursor {
	uint64_t next; /* index of the next record to read */
	uint32_t tid;  /* thread that wrote it */
	bool ours;     /* what it loses from here on we should have had */
	bool broken;   /* its header made no sense once: not read any more */
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
	uint64_t bytes; /* of the file, when it was opened */

	/* A memfd is sealed, so its header can be mapped; a file is copied at each refresh. */
	struct vbt_shm_header *map;
	struct vbt_shm_header *copy;

	unsigned rings;
	bool history;
	uint64_t unplaced; /* as it was last asked */
	struct cursor cursors[VBT_SHM_MAX_RINGS];
	struct vbt_record batch[BATCH];
};

static struct vbt_shm_header *header(const struct ring_reader *reader)
{
	return reader->map ? reader->map : reader->copy;
}

static int read_exactly(int fd, void *data, size_t size, uint64_t offset)
{
	size_t done = 0;

	while (done < size) {
		ssize_t n = pread(fd, (char *)data + done, size - done, (off_t)(offset + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -ENODATA;
		done += (size_t)n;
	}
	return 0;
}

/* A file that was cut since it was opened leaves the last copy in place. */
static void refresh(struct ring_reader *reader)
{
	if (!reader->map)
		read_exactly(reader->fd, reader->copy, sizeof(*reader->copy), 0);
}

static void copy_text(char *to, const char *from, size_t size)
{
	size_t i;

	for (i = 0; i + 1 < size && from[i]; i++)
		to[i] = isprint((unsigned char)from[i]) ? from[i] : '?';
	memset(to + i, 0, size - i);
}

static bool is_sealed(int fd)
{
	int seals = fcntl(fd, F_GET_SEALS);

	return seals >= 0 && seals & F_SEAL_SHRINK;
}

/* Is this a file whose header this version understands? Sets errno and the sentence if not. */
static bool check_header(struct ring_reader *reader, const char *what, char *err, size_t err_size)
{
	const struct vbt_shm_header *h = header(reader);

	errno = EPROTO;
	if (h->magic != VBT_SHM_MAGIC) {
		snprintf(err, err_size, "%s is no recording of stage points", what);
		errno = ENOENT;
	} else if (h->version != VBT_SHM_VERSION || h->header_size != sizeof(*h)) {
		snprintf(err, err_size,
			 "%s has stage records of version %u, this vbtrace reads version %u; "
			 "use the vbtrace that came with that VMM",
			 what, h->version, VBT_SHM_VERSION);
	} else if (h->clock != VBT_CLOCK_TSC && h->clock != VBT_CLOCK_MONOTONIC) {
		snprintf(err, err_size, "%s has stage records with an unknown clock (%u)", what,
			 h->clock);
	} else {
		errno = 0;
		return true;
	}
	return false;
}

/* Takes over fd, whatever happens. */
static struct ring_reader *open_fd(int fd, bool flight, const char *what, char *err,
				   size_t err_size)
{
	struct ring_reader *reader = vbt_calloc_touched(1, sizeof(*reader));
	struct stat st;
	int error = ENOMEM;

	if (!reader) {
		snprintf(err, err_size, "cannot read %s: out of memory", what);
		close(fd);
		errno = error;
		return NULL;
	}
	reader->fd = fd;
	reader->pidfd = -1;
	reader->flight = flight;
	if (fstat(fd, &st) < 0 || st.st_size < (off_t)sizeof(struct vbt_shm_header)) {
		snprintf(err, err_size, "%s is no recording of stage points: too short", what);
		error = ENOENT;
		goto fail;
	}
	reader->bytes = (uint64_t)st.st_size;
	if (!flight) {
		if (!is_sealed(fd)) {
			snprintf(err, err_size, "%s has an unsealed stage ring; not touching it",
				 what);
			error = EPROTO;
			goto fail;
		}
		reader->map =
		    mmap(NULL, sizeof(*reader->map), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (reader->map == MAP_FAILED)
			reader->map = NULL;
	} else {
		reader->copy = malloc(sizeof(*reader->copy));
		if (reader->copy && read_exactly(fd, reader->copy, sizeof(*reader->copy), 0) < 0) {
			snprintf(err, err_size, "cannot read %s", what);
			error = EIO;
			goto fail;
		}
	}
	if (!header(reader)) {
		snprintf(err, err_size, "cannot map the stage ring of %s", what);
		goto fail;
	}
	if (!check_header(reader, what, err, err_size)) {
		error = errno;
		goto fail;
	}
	return reader;
fail:
	ring_reader_close(reader);
	errno = error;
	return NULL;
}

/* Our PID in the VMM's eyes: known only if we share its PID namespace. */
static pid_t visible_pid(pid_t pid)
{
	char path[64], theirs[64], ours[64];
	ssize_t a, b;

	snprintf(path, sizeof(path), "/proc/%d/ns/pid", (int)pid);
	a = readlink(path, theirs, sizeof(theirs));
	b = readlink("/proc/self/ns/pid", ours, sizeof(ours));
	return a > 0 && a == b && memcmp(theirs, ours, (size_t)a) == 0 ? getpid() : 0;
}

static void not_permitted(pid_t pid, char *err, size_t err_size)
{
	char lack[HOST_LACK_SIZE];

	if (host_lack(HOST_TO_LOOK, lack))
		snprintf(err, err_size,
			 "not permitted to look into process %d, which is not yours: %s", (int)pid,
			 lack);
	else
		snprintf(err, err_size,
			 "not permitted to look into process %d: is it in another container?",
			 (int)pid);
}

struct ring_reader *ring_reader_open_pid(pid_t pid, char *err, size_t err_size)
{
	struct ring_reader *reader;
	bool flight = false;
	char what[32];
	int fd = ring_find_open(pid, &flight);

	snprintf(what, sizeof(what), "process %d", (int)pid);
	if (fd < 0) {
		if (fd == -ESRCH)
			snprintf(err, err_size, "there is no process %d", (int)pid);
		else if (fd == -EACCES)
			not_permitted(pid, err, err_size);
		else
			snprintf(
			    err, err_size,
			    "process %d offers no stage points: it is not a VMM that vbtrace knows",
			    (int)pid);
		errno = -fd;
		return NULL;
	}
	reader = open_fd(fd, flight, what, err, err_size);
	if (reader) {
		reader->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
		reader->pid = pid;
		reader->own_pid = visible_pid(pid);
	}
	return reader;
}

struct ring_reader *ring_reader_open_file(const char *path, char *err, size_t err_size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char what[128];

	snprintf(what, sizeof(what), "'%s'", path);
	if (fd < 0) {
		int error = errno;

		snprintf(err, err_size, "cannot open '%s': %s", path, strerror(error));
		errno = error;
		return NULL;
	}
	return open_fd(fd, true, what, err, err_size);
}

void ring_reader_close(struct ring_reader *reader)
{
	if (!reader)
		return;
	ring_reader_stop(reader);
	if (reader->map)
		munmap(reader->map, sizeof(*reader->map));
	free(reader->copy);
	close(reader->fd);
	if (reader->pidfd >= 0)
		close(reader->pidfd);
	free(reader);
}

static void futex(uint32_t *word, int op, uint32_t value, const struct timespec *limit)
{
	syscall(SYS_futex, word, op, value, limit, NULL, 0);
}

static void join_data(struct vbt_shm_header *h, uint16_t bytes)
{
	uint16_t most = __atomic_load_n(&h->data_bytes, __ATOMIC_ACQUIRE);

	while (most < bytes && !__atomic_compare_exchange_n(&h->data_bytes, &most, bytes, false,
							    __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		;
	__atomic_add_fetch(&h->want_data, 1, __ATOMIC_ACQ_REL);
}

/* The last one that leaves takes the size along. */
static void leave_data(struct vbt_shm_header *h)
{
	uint16_t count = __atomic_load_n(&h->want_data, __ATOMIC_ACQUIRE);

	while (count > 0 &&
	       !__atomic_compare_exchange_n(&h->want_data, &count, (uint16_t)(count - 1), false,
					    __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		;
	if (count == 1)
		__atomic_store_n(&h->data_bytes, 0, __ATOMIC_RELEASE);
}

static void join_readers(struct ring_reader *reader)
{
	struct vbt_shm_header *h = reader->map;

	__atomic_store_n(&h->reader_pid, (uint32_t)reader->own_pid, __ATOMIC_RELEASE);
	if (reader->snapshots)
		__atomic_add_fetch(&h->want_rings, 1, __ATOMIC_ACQ_REL);
	if (reader->data)
		join_data(h, reader->data);
	__atomic_add_fetch(&h->want, 1, __ATOMIC_ACQ_REL);
	futex(&h->want, FUTEX_WAKE, 1 << 30, NULL);
}

/* Set a word of the header of a flight recorder's file too, which is open for reading only and not mapped. */
static void write_word(const struct ring_reader *reader, size_t offset, uint32_t word)
{
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", reader->fd);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (pwrite(fd, &word, sizeof(word), (off_t)offset) < 0)
		errno = 0; /* no harm done: who waits for it waits its time */
	close(fd);
}

/*
 * A flight recorder records anyway, and its file is not mapped, since anybody may cut it. But a VMM that
 * we started waits for us: say that we are there. Without the right to write, it waits in vain.
 */
static void announce(const struct ring_reader *reader)
{
	if (reader->pidfd >= 0 && reader->own_pid)
		write_word(reader, offsetof(struct vbt_shm_header, reader_pid),
			   (uint32_t)reader->own_pid);
}

void ring_reader_say_ready(const struct ring_reader *reader)
{
	write_word(reader, offsetof(struct vbt_shm_header, ready), 1);
}

bool ring_reader_want_data(struct ring_reader *reader, unsigned bytes)
{
	reader->data = (uint16_t)(bytes < VBT_DATA_MAX ? bytes : VBT_DATA_MAX);
	return reader->map;
}

bool ring_reader_want_rings(struct ring_reader *reader)
{
	reader->snapshots = reader->map;
	return reader->snapshots;
}

/* One less, but not below none: a reader that was taken for dead is not counted any more. */
static void count_down(uint32_t *word)
{
	uint32_t value = __atomic_load_n(word, __ATOMIC_ACQUIRE);

	while (value > 0 && !__atomic_compare_exchange_n(word, &value, value - 1, false,
							 __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		;
}

/*
 * A process that is stopped cannot answer before somebody lets it go on. One that runs will, but on a busy
 * machine it can take its thread very long to get a processor.
 */
static bool gives_up(const struct ring_reader *reader, uint64_t waited, int timeout_ms)
{
	if (waited < (uint64_t)timeout_ms)
		return false;
	return waited >= (uint64_t)timeout_ms * PATIENCE || ring_find_stopped(reader->pid);
}

int ring_reader_start(struct ring_reader *reader, bool history, int timeout_ms, char *err,
		      size_t err_size)
{
	const struct timespec step = {.tv_nsec = 10000000};
	const uint64_t start = vbt_now_ns();

	reader->history = history;
	ring_reader_rings(reader); /* the cursors of what is there start here */
	if (!history)
		ring_reader_unplaced(reader);
	reader->started = true;
	if (!reader->map) {
		announce(reader);
		return 0;
	}
	join_readers(reader);
	reader->counted = true;
	while (!__atomic_load_n(&reader->map->on, __ATOMIC_ACQUIRE)) {
		if (gives_up(reader, (vbt_now_ns() - start) / 1000000, timeout_ms) ||
		    !ring_reader_alive(reader)) {
			snprintf(err, err_size,
				 "process %u does not switch its stage points on: %s",
				 reader->map->pid,
				 ring_reader_alive(reader) ? "it does not run; is it stopped?"
							   : "it has just ended");
			ring_reader_stop(reader);
			return -ETIMEDOUT;
		}
		futex(&reader->map->on, FUTEX_WAIT, 0, &step);
	}
	return 0;
}

void ring_reader_stop(struct ring_reader *reader)
{
	const struct timespec step = {.tv_nsec = 2000000};
	uint32_t self = (uint32_t)reader->own_pid;
	struct vbt_shm_header *h = reader->map;

	if (!reader->counted)
		return;
	reader->counted = false;
	if (reader->snapshots)
		count_down(&h->want_rings);
	if (reader->data)
		leave_data(h);
	count_down(&h->want);
	/* Readers that stay put their own PID here at their next keepalive. */
	__atomic_compare_exchange_n(&h->reader_pid, &self, 0, false, __ATOMIC_ACQ_REL,
				    __ATOMIC_ACQUIRE);
	futex(&h->want, FUTEX_WAKE, 1 << 30, NULL);
	/* What follows may rely on it: with nobody left to read, the points are off, unless the VMM stands still. */
	for (int i = 0; i < STOP_STEPS && __atomic_load_n(&h->on, __ATOMIC_ACQUIRE) &&
			!__atomic_load_n(&h->want, __ATOMIC_ACQUIRE) && ring_reader_alive(reader);
	     i++)
		futex(&h->on, FUTEX_WAIT, 1, &step);
}

void ring_reader_keepalive(struct ring_reader *reader)
{
	uint32_t nobody = 0;

	if (!reader->counted)
		return;
	if (__atomic_load_n(&reader->map->want, __ATOMIC_ACQUIRE) == 0)
		join_readers(reader);
	else
		__atomic_compare_exchange_n(&reader->map->reader_pid, &nobody,
					    (uint32_t)reader->own_pid, false, __ATOMIC_ACQ_REL,
					    __ATOMIC_ACQUIRE);
}

bool ring_reader_alive(const struct ring_reader *reader)
{
	struct pollfd p = {.fd = reader->pidfd, .events = POLLIN};

	return reader->pidfd >= 0 && poll(&p, 1, 0) == 0;
}

/* The header of a ring, copied once and checked. false: there is no sense in it. */
static bool load_ring(const struct ring_reader *reader, unsigned index, struct vbt_shm_ring *ring)
{
	struct vbt_shm_ring *shared = &header(reader)->rings[index];
	uint64_t bytes;

	ring->first = __atomic_load_n(&shared->first, __ATOMIC_ACQUIRE);
	ring->tid = __atomic_load_n(&shared->tid, __ATOMIC_ACQUIRE);
	ring->head = __atomic_load_n(&shared->head, __ATOMIC_ACQUIRE);
	ring->offset = __atomic_load_n(&shared->offset, __ATOMIC_RELAXED);
	ring->size = __atomic_load_n(&shared->size, __ATOMIC_RELAXED);
	return ring->size && (ring->size & (ring->size - 1)) == 0 && ring->offset % 8 == 0 &&
	       ring->offset >= sizeof(struct vbt_shm_header) &&
	       !__builtin_mul_overflow(ring->size, sizeof(struct vbt_record), &bytes) &&
	       bytes <= reader->bytes && ring->offset <= reader->bytes - bytes &&
	       ring->head < UINT64_MAX / 2 && ring->first <= ring->head;
}

unsigned ring_reader_rings(struct ring_reader *reader)
{
	unsigned count;

	refresh(reader);
	count = __atomic_load_n(&header(reader)->ring_count, __ATOMIC_ACQUIRE);
	if (count > VBT_SHM_MAX_RINGS)
		count = VBT_SHM_MAX_RINGS;
	for (; reader->rings < count; reader->rings++) {
		struct cursor *cursor = &reader->cursors[reader->rings];
		struct vbt_shm_ring ring;

		if (!load_ring(reader, reader->rings, &ring)) {
			cursor->broken = true;
			continue;
		}
		/* A ring that appears while we read is read from its start. */
		cursor->next = reader->started || reader->history ? 0 : ring.head;
		cursor->tid = cursor->next < ring.first ? 0 : ring.tid;
		cursor->ours = reader->started || !reader->history;
	}
	return reader->rings;
}

/*
 * The oldest record that is certainly whole: the writer may be overwriting the one that is a
 * full ring behind the head right now.
 */
static uint64_t oldest(const struct vbt_shm_ring *ring)
{
	return ring->head < ring->size ? 0 : ring->head - ring->size + 1;
}

/* Read up to `count` records from `next`, without crossing the end of the ring's space. */
static size_t read_records(struct ring_reader *reader, const struct vbt_shm_ring *ring,
			   uint64_t next, uint64_t count)
{
	uint64_t slot = next & (ring->size - 1);

	if (count > BATCH)
		count = BATCH;
	if (count > ring->size - slot)
		count = ring->size - slot;
	if (read_exactly(reader->fd, reader->batch, count * sizeof(struct vbt_record),
			 ring->offset + slot * sizeof(struct vbt_record)) < 0)
		return 0;
	return count;
}

bool ring_reader_next(struct ring_reader *reader, unsigned index, size_t max,
		      struct ring_batch *batch)
{
	struct cursor *cursor = &reader->cursors[index];
	struct vbt_shm_ring ring;
	uint64_t end, old, skipped = 0;
	unsigned fill;
	size_t count;

	if (index >= reader->rings || cursor->broken)
		return false;
	if (!load_ring(reader, index, &ring) || ring.head < cursor->next) {
		cursor->broken = true;
		return false;
	}
	if (ring.head == cursor->next)
		return false;
	old = oldest(&ring);
	fill = ring.head - cursor->next < ring.size
		   ? (unsigned)((ring.head - cursor->next) * 256 / ring.size)
		   : 256;
	if (cursor->next < old) {
		/* The writer is at our heels, and would overtake us again at once. */
		if (cursor->ours)
			old += ring.size / HEADROOM;
		/* What a reader of history never had is not lost. */
		skipped = cursor->ours ? old - cursor->next : 0;
		cursor->next = old;
	}
	/* Up to where this thread took the slot over, the records are its predecessor's. */
	if (cursor->next >= ring.first)
		cursor->tid = ring.tid;
	end = cursor->next < ring.first ? ring.first : ring.head;
	if (max && end - cursor->next > max)
		end = cursor->next + max;
	count = read_records(reader, &ring, cursor->next, end - cursor->next);
	if (count == 0) {
		cursor->broken = true;
		return false;
	}
	*batch = (struct ring_batch){.ring = index,
				     .tid = cursor->tid,
				     .fill = fill,
				     .records = reader->batch,
				     .count = count};
	/* What the writer overtook meanwhile is not to be believed. */
	refresh(reader);
	if (load_ring(reader, index, &ring) && oldest(&ring) > cursor->next) {
		uint64_t gone = oldest(&ring) - cursor->next;

		if (gone > count)
			gone = count;
		skipped += gone;
		batch->records += gone;
		batch->count -= gone;
	}
	batch->lost = skipped;
	cursor->next += count;
	cursor->ours = true;
	return true;
}

uint64_t ring_reader_unplaced(struct ring_reader *reader)
{
	uint64_t before = reader->unplaced;

	reader->unplaced = __atomic_load_n(&header(reader)->unplaced, __ATOMIC_RELAXED);
	return reader->unplaced > before ? reader->unplaced - before : 0;
}

const char *ring_reader_ring_name(struct ring_reader *reader, unsigned ring, char name[16])
{
	name[0] = '\0';
	if (ring < VBT_SHM_MAX_RINGS)
		copy_text(name, header(reader)->rings[ring].name, 16);
	return name;
}

void ring_reader_info(struct ring_reader *reader, struct ring_info *info)
{
	const struct vbt_shm_header *h = header(reader);

	refresh(reader);
	*info = (struct ring_info){
	    .pid = (pid_t)h->pid,
	    .clock = h->clock,
	    .tsc_khz = h->tsc_khz,
	    .flight = reader->flight,
	    .file_size = reader->bytes,
	};
	copy_text(info->program, h->program, sizeof(info->program));
}

size_t ring_reader_clocks(struct ring_reader *reader,
			  struct vbt_shm_clock_pair pairs[VBT_SHM_CLOCKS])
{
	const struct vbt_shm_header *h = header(reader);
	uint32_t count, first;
	size_t n = 0;

	refresh(reader);
	if (h->clock != VBT_CLOCK_TSC)
		return 0;
	count = __atomic_load_n(&h->clock_count, __ATOMIC_ACQUIRE);
	/* The slot behind the newest may be being written. */
	first = count < VBT_SHM_CLOCKS ? 0 : count - VBT_SHM_CLOCKS + 1;
	for (uint32_t i = first; i != count; i++) {
		struct vbt_shm_clock_pair pair = h->clocks[i % VBT_SHM_CLOCKS];

		if (n == 0 ||
		    (pair.tsc > pairs[n - 1].tsc && pair.monotonic_ns > pairs[n - 1].monotonic_ns))
			pairs[n++] = pair;
	}
	return n;
}

uint32_t ring_reader_generation(struct ring_reader *reader)
{
	refresh(reader);
	return __atomic_load_n(&header(reader)->device_generation, __ATOMIC_ACQUIRE);
}

unsigned ring_reader_devices(struct ring_reader *reader)
{
	uint32_t count = __atomic_load_n(&header(reader)->device_count, __ATOMIC_ACQUIRE);

	return count < VBT_SHM_MAX_DEVICES ? count : VBT_SHM_MAX_DEVICES;
}

bool ring_reader_device(struct ring_reader *reader, unsigned index, struct vbt_shm_device *device)
{
	struct vbt_shm_device *shared = &header(reader)->devices[index];
	struct vbt_shm_device raw;

	if (index >= ring_reader_devices(reader))
		return false;
	for (int i = 0; i < SEQLOCK_TRIES; i++) {
		uint32_t before = __atomic_load_n(&shared->lock, __ATOMIC_ACQUIRE);

		memcpy(&raw, shared, sizeof(raw));
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (before & 1 || before != __atomic_load_n(&shared->lock, __ATOMIC_RELAXED)) {
			refresh(reader);
			continue;
		}
		*device = raw;
		device->lock = 0;
		copy_text(device->name, raw.name, sizeof(raw.name));
		copy_text(device->backend, raw.backend, sizeof(raw.backend));
		copy_text(device->method, raw.method, sizeof(raw.method));
		if (device->queues > VBT_SHM_MAX_QUEUES)
			device->queues = VBT_SHM_MAX_QUEUES;
		device->present = raw.present == 1;
		return true;
	}
	return false;
}
