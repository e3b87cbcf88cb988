/* SPDX-License-Identifier: MIT */
#include "vmm-lite/boot/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int boot_file_open(struct boot_file *file, const char *option, const char *path, char *err,
		   size_t err_size)
{
	struct stat st;
	int error;

	*file = (struct boot_file){.option = option, .path = path, .fd = -1};
	/* Not blocking: a FIFO is refused below rather than waited for. */
	file->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (file->fd < 0 || fstat(file->fd, &st)) {
		error = -errno;
		snprintf(err, err_size,
			 "%s '%s': cannot open it: %s; give a file that exists and "
			 "is readable",
			 option, path, strerror(-error));
		goto fail;
	}
	error = -EINVAL;
	if (!S_ISREG(st.st_mode)) {
		snprintf(err, err_size, "%s '%s' is %s; give a regular file", option, path,
			 S_ISDIR(st.st_mode) ? "a directory" : "no file");
		goto fail;
	}
	if (st.st_size == 0) {
		snprintf(err, err_size, "%s '%s' is empty; give another file", option, path);
		goto fail;
	}
	file->size = (uint64_t)st.st_size;
	return 0;
fail:
	boot_file_close(file);
	return error;
}

void boot_file_close(struct boot_file *file)
{
	if (file->fd >= 0)
		close(file->fd);
	file->fd = -1;
}

int boot_file_read(const struct boot_file *file, uint64_t offset, void *dst, uint64_t len,
		   char *err, size_t err_size)
{
	uint8_t *to = dst;

	while (len) {
		ssize_t n = pread(file->fd, to, len, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			int error = n ? errno : EIO;

			snprintf(err, err_size, "%s '%s': cannot read it: %s", file->option,
				 file->path, n ? strerror(error) : "it ends too early");
			return -error;
		}
		to += n;
		offset += (uint64_t)n;
		len -= (uint64_t)n;
	}
	return 0;
}

int boot_file_load(const struct boot_file *file, uint64_t offset, const struct guest_mem *mem,
		   gpa_t to, uint64_t len, char *err, size_t err_size)
{
	void *dst = guest_mem_ptr(mem, to, len, GUEST_WRITE);

	if (!dst) {
		snprintf(err, err_size,
			 "%s '%s' does not fit into the guest's RAM; give more "
			 "--memory",
			 file->option, file->path);
		return -ENOMEM;
	}
	return boot_file_read(file, offset, dst, len, err, err_size);
}
