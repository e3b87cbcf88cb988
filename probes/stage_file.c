/* SPDX-License-Identifier: MIT */
/*
 * The file that the records live in: a sealed memfd, or the file of --flight-recorder, which is
 * never anything but new, empty, or a recording of ours that nobody writes any more.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "probes/stage_shm.h"

/*
 * Sealed against shrinking, so that a reader can map the header without fearing SIGBUS, and
 * against growing, so that the size it checked stays the size.
 */
int stage_file_memfd(uint64_t size, char *err, size_t err_size)
{
	int fd = memfd_create(VBT_SHM_NAME, MFD_CLOEXEC | MFD_ALLOW_SEALING), error;

	if (fd >= 0 && ftruncate(fd, (off_t)size) == 0 &&
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0)
		return fd;
	error = errno;
	snprintf(err, err_size, "cannot create %llu bytes of shared memory for stage records: %s",
		 (unsigned long long)size, strerror(error));
	if (fd >= 0)
		close(fd);
	return -error;
}

/* 0 if the file may be overwritten, else a negative errno and the reason. */
static int check_overwrite(int fd, const char *path, char *err, size_t err_size)
{
	struct {
		uint64_t magic;
		uint32_t version, header_size;
	} start = {0};
	struct stat st;

	if (fstat(fd, &st) < 0) {
		snprintf(err, err_size, "cannot examine '%s': %s", path, strerror(errno));
		return -EIO;
	}
	if (!S_ISREG(st.st_mode)) {
		snprintf(err, err_size,
			 "flight recorder '%s' is not a regular file; name a file to create", path);
		return -EINVAL;
	}
	if (st.st_size && (pread(fd, &start, sizeof(start), 0) != sizeof(start) ||
			   start.magic != VBT_SHM_MAGIC)) {
		snprintf(
		    err, err_size,
		    "'%s' is not empty and no flight recording; remove it or name another file",
		    path);
		return -EEXIST;
	}
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		snprintf(err, err_size,
			 "flight recorder '%s' is in use by another process; name another file",
			 path);
		return -EBUSY;
	}
	return 0;
}

int stage_file_flight(const char *path, uint64_t size, char *err, size_t err_size)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600), ret;

	if (fd < 0) {
		ret = -errno;
		snprintf(err, err_size, "cannot open flight recorder '%s': %s", path,
			 strerror(errno));
		return ret;
	}
	ret = check_overwrite(fd, path, err, err_size);
	if (ret < 0)
		goto fail;
	/*
	 * Blocks are reserved now: a full disk must not kill the VMM with SIGBUS later. Work that
	 * the kernel has for this thread (from an io_uring that was closed) may interrupt it.
	 */
	do
		ret = ftruncate(fd, 0) < 0 ? -errno : -posix_fallocate(fd, 0, (off_t)size);
	while (ret == -EINTR);
	if (ret < 0) {
		snprintf(
		    err, err_size,
		    "cannot reserve %llu bytes for flight recorder '%s': %s; choose a smaller size=",
		    (unsigned long long)size, path, strerror(-ret));
		goto fail;
	}
	return fd;
fail:
	close(fd);
	return ret;
}
