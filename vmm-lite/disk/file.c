/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/blkzoned.h>
#include <linux/fs.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "vmm-lite/disk/file.h"
#include "vmm-lite/disk/lifetime.h"
#include "vmm-lite/options.h"

#define SECTOR 512u

static bool is_power_of_two(uint64_t value)
{
	return value && !(value & (value - 1));
}

/* A number from the block device's queue directory in sysfs; a partition's is its parent's. */
static uint64_t queue_attribute(dev_t device, const char *name)
{
	static const char *const patterns[] = {"/sys/dev/block/%u:%u/queue/%s",
					       "/sys/dev/block/%u:%u/../queue/%s"};
	unsigned long long value = 0;
	char path[128];
	unsigned i;

	for (i = 0; i < 2; i++) {
		FILE *file;

		snprintf(path, sizeof(path), patterns[i], major(device), minor(device), name);
		file = fopen(path, "re");
		if (!file)
			continue;
		if (fscanf(file, "%llu", &value) != 1)
			value = 0;
		fclose(file);
		break;
	}
	return value;
}

/* What the block device's queue directory says of zones. */
static enum disk_zone_model zone_model(dev_t device)
{
	char path[64], word[16] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/queue/zoned", major(device),
		 minor(device));
	file = fopen(path, "re");
	if (!file)
		return DISK_ZONES_NONE;
	if (fscanf(file, "%15s", word) != 1)
		*word = 0;
	fclose(file);
	return !strcmp(word, "host-managed") ? DISK_ZONES_HOST_MANAGED
	       : !strcmp(word, "host-aware") ? DISK_ZONES_HOST_AWARE
					     : DISK_ZONES_NONE;
}

/* What kinds of file can be a disk. 0, or -1 with a sentence. */
static int check_kind(const char *path, const struct stat *st, char *err, size_t err_size)
{
	const char *kind = NULL;

	if (S_ISDIR(st->st_mode))
		kind = "a directory";
	else if (S_ISFIFO(st->st_mode))
		kind = "a pipe";
	else if (S_ISCHR(st->st_mode))
		kind = "a character device";
	else if (S_ISSOCK(st->st_mode))
		kind = "a socket";
	if (!kind)
		return 0;
	snprintf(err, err_size, "--disk '%s' is %s: give a raw image file or a block device", path,
		 kind);
	return -1;
}

/*
 * For how long a refused open or lock is tried again: the kernel lets go of the rings of a killed
 * process, and of the files in them, some time after its end.
 */
#define BUSY_TRIES    50
#define BUSY_PAUSE_US 10000

static int open_patiently(const char *path, int flags)
{
	unsigned tries = BUSY_TRIES;
	int fd;

	while ((fd = open(path, flags)) < 0 && errno == EBUSY && tries--)
		usleep(BUSY_PAUSE_US);
	return fd;
}

static int lock_patiently(int fd, short type)
{
	struct flock lock = {.l_type = type, .l_whence = SEEK_SET};
	unsigned tries = BUSY_TRIES;
	int result;

	while ((result = fcntl(fd, F_OFD_SETLK, &lock)) && (errno == EAGAIN || errno == EACCES) &&
	       tries--)
		usleep(BUSY_PAUSE_US);
	return result;
}

static int open_path(struct disk_file *file, const struct disk_options *options, struct stat *st,
		     char *err, size_t err_size)
{
	int flags =
	    O_CLOEXEC | (options->read_only ? O_RDONLY : O_RDWR) | (options->direct ? O_DIRECT : 0);
	const char *hint = "";

	/* Looked at first: opening a pipe would block, opening some devices has effects. */
	if (stat(options->path, st)) {
		if (errno == ENOENT)
			hint = "; create an image with 'truncate -s 1G FILE'";
		goto fail;
	}
	if (check_kind(options->path, st, err, err_size))
		return -1;
	/* The kernel's own claim: refuses what is mounted, or part of a RAID or a volume group. */
	if (S_ISBLK(st->st_mode) && !options->read_only)
		flags |= O_EXCL;
	file->fd = open_patiently(options->path, flags);
	if (file->fd < 0) {
		if (errno == EBUSY && S_ISBLK(st->st_mode))
			hint = "; it is mounted or used by another program: free it, or use "
			       "readonly=on";
		else if (errno == EINVAL && options->direct)
			hint = "; its file system knows no direct I/O: use direct=off";
		else if ((errno == EACCES || errno == EPERM || errno == EROFS) &&
			 !options->read_only)
			hint = "; to read it only, use readonly=on";
		goto fail;
	}
	if (fstat(file->fd, st))
		goto fail;
	return check_kind(options->path, st, err, err_size);
fail:
	snprintf(err, err_size, "cannot open --disk '%s'%s: %s%s", options->path,
		 options->read_only ? "" : " for writing", strerror(errno), hint);
	return -1;
}

/*
 * An open-file-description lock on the whole file: it goes with the descriptor, however the
 * process ends, and other programs that lock images (QEMU) see it too.
 */
static int lock_image(struct disk_file *file, const struct disk_options *options, char *err,
		      size_t err_size)
{
	if (!lock_patiently(file->fd, options->read_only ? F_RDLCK : F_WRLCK))
		return 0;
	if (errno != EAGAIN && errno != EACCES)
		snprintf(err, err_size,
			 "cannot lock --disk '%s': %s; put the image on a file system with locks",
			 options->path, strerror(errno));
	else if (options->read_only)
		snprintf(err, err_size,
			 "--disk '%s' is being written by another program: end that first, or copy "
			 "the image",
			 options->path);
	else
		snprintf(err, err_size,
			 "--disk '%s' is in use by another program: end that first, or use "
			 "readonly=on in both",
			 options->path);
	return -1;
}

static int read_size(int fd, bool block_device, uint64_t *size)
{
	struct stat st;

	if (block_device)
		return ioctl(fd, BLKGETSIZE64, size);
	if (fstat(fd, &st))
		return -1;
	*size = st.st_size;
	return 0;
}

/* Kernels before 6.1 do not tell what direct I/O needs: find the smallest read that works. */
static uint32_t try_alignment(int fd)
{
	uint32_t align = SECTOR;
	void *memory = aligned_alloc(8192, 8192);

	if (!memory)
		return 4096;
	while (align < 4096 && pread(fd, (char *)memory + align, align, 0) < 0 && errno == EINVAL)
		align *= 2;
	free(memory);
	return align;
}

static void probe_alignment(struct disk_file *file)
{
	file->mem_align = file->io_align = 1;
	if (!file->direct)
		return;
#ifdef STATX_DIOALIGN
	struct statx stx;

	if (!statx(file->fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &stx) &&
	    (stx.stx_mask & STATX_DIOALIGN) && is_power_of_two(stx.stx_dio_mem_align) &&
	    is_power_of_two(stx.stx_dio_offset_align)) {
		file->mem_align = stx.stx_dio_mem_align;
		file->io_align = stx.stx_dio_offset_align;
		return;
	}
#endif
	file->mem_align = file->io_align =
	    file->base.info.block_device ? file->base.info.logical_block : try_alignment(file->fd);
}

static void probe_zones(struct disk_file *file, const struct stat *st)
{
	struct disk_zone_info *zoned = &file->base.info.zoned;
	uint32_t sectors = 0;

	zoned->model = zone_model(st->st_rdev);
	if (!zoned->model || ioctl(file->fd, BLKGETZONESZ, &sectors) || !sectors) {
		zoned->model = DISK_ZONES_NONE;
		return;
	}
	zoned->size = (uint64_t)sectors * SECTOR;
	zoned->granularity = file->base.info.physical_block;
	zoned->max_open = queue_attribute(st->st_rdev, "max_open_zones");
	zoned->max_active = queue_attribute(st->st_rdev, "max_active_zones");
	/* Zeroes have to arrive at the write pointer, one after the other: they are sent. */
	atomic_store(&file->no_punch_hole, true);
	atomic_store(&file->no_zero_range, true);
	file->base.info.write_zeroes = file->base.info.unmap = false;
}

static void probe_block_device(struct disk_file *file, const struct stat *st)
{
	struct disk_info *info = &file->base.info;
	unsigned value = 0;
	int logical = 0;

	info->block_device = true;
	info->major = major(st->st_rdev);
	info->minor = minor(st->st_rdev);
	info->logical_block = ioctl(file->fd, BLKSSZGET, &logical) || logical < (int)SECTOR
				  ? SECTOR
				  : (uint32_t)logical;
	info->physical_block = ioctl(file->fd, BLKPBSZGET, &value) ? info->logical_block : value;
	info->min_io = ioctl(file->fd, BLKIOMIN, &value) ? 0 : value;
	info->opt_io = ioctl(file->fd, BLKIOOPT, &value) ? 0 : value;
	info->rotational = queue_attribute(st->st_rdev, "rotational");
	if (info->read_only)
		return;
	if (queue_attribute(st->st_rdev, "discard_max_bytes"))
		info->discard_granularity = queue_attribute(st->st_rdev, "discard_granularity");
	info->write_zeroes = queue_attribute(st->st_rdev, "write_zeroes_max_bytes");
	info->unmap = info->write_zeroes && info->discard_granularity;
	/* A misaligned range: EINVAL from a device that can, EOPNOTSUPP from one that cannot. */
	info->secure_erase = ioctl(file->fd, BLKSECDISCARD, (uint64_t[2]){1, 1}) && errno == EINVAL;
}

bool disk_file_lifetime(struct disk *disk, struct disk_lifetime *lifetime)
{
	return lifetime_of(disk->info.major, disk->info.minor, lifetime);
}

static void probe_regular_file(struct disk_file *file, const struct stat *st)
{
	struct disk_info *info = &file->base.info;

	info->major = major(st->st_dev);
	info->minor = minor(st->st_dev);
	info->inode = st->st_ino;
	info->logical_block = SECTOR;
	info->physical_block = SECTOR;
	if (is_power_of_two(st->st_blksize) && st->st_blksize > SECTOR && st->st_blksize <= 65536)
		info->physical_block = st->st_blksize;
	info->rotational = queue_attribute(st->st_dev, "rotational");
	if (info->read_only)
		return;
	/* Trying would touch the file's times; where it does not work, range.c finds out and copes. */
	info->discard_granularity = info->physical_block;
	info->write_zeroes = info->unmap = true;
}

/* Sizes that fit together, and the block that the guest is to see. */
static int settle_blocks(struct disk_file *file, const struct disk_options *options, char *err,
			 size_t err_size)
{
	struct disk_info *info = &file->base.info;

	info->alignment = file->io_align;
	if (info->logical_block < file->io_align)
		info->logical_block = file->io_align;
	if (options->block_size) {
		if (options->block_size < file->io_align) {
			snprintf(err, err_size,
				 "--disk '%s': block-size=%u is below the %u that direct I/O needs "
				 "there; use direct=off",
				 options->path, options->block_size, file->io_align);
			return -1;
		}
		info->logical_block = options->block_size;
	}
	if (info->physical_block < info->logical_block)
		info->physical_block = info->logical_block;
	if (!info->size) {
		snprintf(err, err_size,
			 "--disk '%s' is empty: give it a size, 'truncate -s 1G FILE'",
			 options->path);
		return -1;
	}
	if (info->size % info->logical_block) {
		snprintf(err, err_size,
			 "--disk '%s' has %" PRIu64
			 " bytes, not a multiple of its block of %u: pad "
			 "it with 'truncate -s %%%u FILE'",
			 options->path, info->size, info->logical_block, info->logical_block);
		return -1;
	}
	return 0;
}

int disk_file_open(struct disk_file *file, const struct disk_options *options, char *err,
		   size_t err_size)
{
	struct disk_info *info = &file->base.info;
	struct disk_lifetime lifetime;
	struct stat st;

	file->fd = -1;
	file->direct = options->direct;
	file->writethrough = options->cache == CACHE_WRITETHROUGH;
	info->read_only = options->read_only;
	if (open_path(file, options, &st, err, err_size) ||
	    lock_image(file, options, err, err_size))
		goto fail;
	if (read_size(file->fd, S_ISBLK(st.st_mode), &info->size)) {
		snprintf(err, err_size, "cannot read the size of --disk '%s': %s", options->path,
			 strerror(errno));
		goto fail;
	}
	if (S_ISBLK(st.st_mode)) {
		probe_block_device(file, &st);
		probe_zones(file, &st);
	} else {
		probe_regular_file(file, &st);
	}
	info->has_lifetime = disk_file_lifetime(&file->base, &lifetime);
	probe_alignment(file);
	if (settle_blocks(file, options, err, err_size))
		goto fail;
	/* A write beyond RLIMIT_FSIZE is an error of that write (EFBIG), not the end of the VM. */
	signal(SIGXFSZ, SIG_IGN);
	return 0;
fail:
	disk_file_release(file);
	return -1;
}

void disk_file_release(struct disk_file *file)
{
	struct flock unlock = {.l_type = F_UNLCK, .l_whence = SEEK_SET};

	if (file->fd < 0)
		return;
	/* Not left to close: a ring that the kernel still tears down keeps the file open. */
	fcntl(file->fd, F_OFD_SETLK, &unlock);
	close(file->fd);
	file->fd = -1;
}

bool disk_file_refresh(struct disk *disk)
{
	struct disk_file *file = (struct disk_file *)disk;
	uint64_t size;

	if (read_size(file->fd, disk->info.block_device, &size))
		return false;
	size -= size % disk->info.logical_block;
	if (size == disk_size(disk))
		return false;
	disk_set_size(disk, size);
	return true;
}
