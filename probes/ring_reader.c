/* SPDX-License-Identifier: MIT */
/* A reader of rings: finding their file, judging it, opening and closing it. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/touched.h"
#include "probes/host_facts.h"
#include "probes/ring_find.h"
#include "probes/ring_reader_impl.h"

int ring_reader_read(int fd, void *data, size_t size, uint64_t offset)
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

void ring_reader_refresh(struct ring_reader *reader)
{
	if (!reader->map)
		ring_reader_read(reader->fd, reader->copy, sizeof(*reader->copy), 0);
}

void ring_reader_text(char *to, const char *from, size_t size)
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
	const struct vbt_shm_header *h = ring_reader_header(reader);

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
		if (reader->copy &&
		    ring_reader_read(fd, reader->copy, sizeof(*reader->copy), 0) < 0) {
			snprintf(err, err_size, "cannot read %s", what);
			error = EIO;
			goto fail;
		}
	}
	if (!ring_reader_header(reader)) {
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
