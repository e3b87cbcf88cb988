/* SPDX-License-Identifier: MIT */
#include "vmm-lite/disk/zone_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC "VBzones1"

/* Little-endian, as the only machine that this runs on. */
struct file_header {
	char magic[8];
	uint64_t zone_size;
	uint64_t reserved[6];
};

struct file_zone {
	uint64_t wp, written;
	uint8_t type, state, reserved[14];
};

_Static_assert(sizeof(struct file_header) == 64 && sizeof(struct file_zone) == 32,
	       "as in the file");

static off_t place(unsigned index)
{
	return (off_t)(sizeof(struct file_header) + index * sizeof(struct file_zone));
}

static int store(struct zone_file *file, const struct zones *zones, unsigned index)
{
	const struct zone *zone = &zones->zone[index];
	struct file_zone record = {
	    .wp = zone->wp, .written = zone->written, .type = zone->type, .state = zone->state};
	ssize_t n;

	do {
		n = pwrite(file->fd, &record, sizeof(record), place(index));
	} while (n < 0 && errno == EINTR);
	atomic_store(&file->dirty, true);
	return n == sizeof(record) ? 0 : n < 0 ? errno : ENOSPC;
}

int zone_file_store(struct zone_file *file, const struct zones *zones, unsigned index)
{
	if (file->fd < 0)
		return 0;
	atomic_store(&file->stored, true);
	return store(file, zones, index);
}

int zone_file_sync(struct zone_file *file)
{
	if (file->fd < 0 || !atomic_exchange(&file->dirty, false))
		return 0;
	if (!fdatasync(file->fd))
		return 0;
	atomic_store(&file->dirty, true);
	return errno;
}

/* An image that was used without zones: what has data is full, so that nothing of it is lost. */
static void derive(struct zones *zones, int image_fd)
{
	off_t at = 0, size = (off_t)zones->shape.disk_size;

	while (at < size && (at = lseek(image_fd, at, SEEK_DATA)) >= 0 && at < size) {
		unsigned index = zones_index(zones, (uint64_t)at);
		uint64_t capacity = zones_capacity(zones, index);
		struct zone zone = {capacity, capacity, capacity, zones->zone[index].type,
				    ZONE_FULL};

		if (zone.type != ZONE_CONVENTIONAL)
			zones_set(zones, index, &zone);
		at = (off_t)(zones_start(zones, index) + zones_length(zones, index));
	}
}

static int create(struct zone_file *file, const struct zones *zones)
{
	struct file_header header = {.magic = MAGIC, .zone_size = zones->shape.zone_size};
	int error = 0;

	if (pwrite(file->fd, &header, sizeof(header), 0) != sizeof(header))
		return errno ? errno : ENOSPC;
	for (unsigned i = 0; i < zones->count && !error; i++)
		error = store(file, zones, i);
	return error ? error : zone_file_sync(file);
}

/* A zone as it is after the power was off. The last zone may have grown with its image. */
static bool restore(struct zones *zones, unsigned index, const struct file_zone *record)
{
	uint64_t capacity = zones_capacity(zones, index);
	struct zone zone = {capacity, record->wp, record->written, zones->zone[index].type,
			    record->state};

	if (record->type != zone.type)
		return false;
	if (zone.state == ZONE_IMPLICIT_OPEN || zone.state == ZONE_EXPLICIT_OPEN ||
	    zone.state == ZONE_CLOSED)
		zone.state = zone.wp ? ZONE_CLOSED : ZONE_EMPTY;
	if (zone.state == ZONE_FULL)
		zone.wp = capacity;
	return zones_set(zones, index, &zone);
}

/* 0, or -1 with a sentence. */
static int load(struct zone_file *file, const char *name, struct zones *zones, char *err,
		size_t err_size)
{
	struct file_header header;
	struct file_zone record;

	if (pread(file->fd, &header, sizeof(header), 0) != sizeof(header) ||
	    memcmp(header.magic, MAGIC, sizeof(header.magic)) != 0) {
		snprintf(err, err_size,
			 "'%s' is no record of zones; move it away to start with what the image "
			 "shows",
			 name);
		return -1;
	}
	if (header.zone_size != zones->shape.zone_size) {
		snprintf(err, err_size,
			 "'%s' is of zones of %" PRIu64 " bytes, not %" PRIu64
			 "; use zone-size=%" PRIu64 ", or move it away",
			 name, header.zone_size, zones->shape.zone_size, header.zone_size);
		return -1;
	}
	for (unsigned i = 0; i < zones->count; i++) {
		ssize_t n = pread(file->fd, &record, sizeof(record), place(i));

		if (!n)
			break; /* the image has grown: the zones behind are empty */
		if (n == sizeof(record) && restore(zones, i, &record))
			continue;
		snprintf(err, err_size,
			 "'%s': zone %u does not fit the disk as it is described now; use the same "
			 "zone-… keys as before, or move it away",
			 name, i);
		return -1;
	}
	return 0;
}

int zone_file_open(struct zone_file *file, const char *path, int image_fd, bool read_only,
		   struct zones *zones, char *err, size_t err_size)
{
	int flags = O_CLOEXEC | O_NOFOLLOW | (read_only ? O_RDONLY : O_RDWR);
	char name[PATH_MAX];
	struct stat st;
	int error;

	file->dirty = file->stored = false;
	file->name = NULL;
	if (snprintf(name, sizeof(name), "%s.zones", path) >= (int)sizeof(name)) {
		snprintf(err, err_size, "disk '%.40s...': no room for .zones behind its name",
			 path);
		return -1;
	}
	file->fd = open(name, flags | O_NONBLOCK);
	if (file->fd >= 0) {
		if (!fstat(file->fd, &st) && S_ISREG(st.st_mode))
			return load(file, name, zones, err, err_size);
		snprintf(err, err_size, "'%s' is no file; move it away", name);
		return -1;
	}
	error = errno;
	if (error == ENOENT) {
		derive(zones, image_fd);
		if (read_only)
			return 0;
		file->fd = open(name, flags | O_CREAT | O_EXCL, 0666);
		error = file->fd < 0 ? errno : create(file, zones);
		if (!error)
			file->name = strdup(name);
		if (file->name)
			return 0;
		if (!error)
			error = ENOMEM;
		if (file->fd >= 0)
			unlink(name);
	}
	snprintf(err, err_size, "cannot keep the zones of disk '%s' in '%s': %s", path, name,
		 strerror(error));
	return -1;
}

void zone_file_close(struct zone_file *file)
{
	if (file->name && !file->stored)
		unlink(file->name);
	free(file->name);
	file->name = NULL;
	if (file->fd >= 0)
		close(file->fd);
	file->fd = -1;
}
