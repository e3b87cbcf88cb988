/* SPDX-License-Identifier: MIT */
#include "vmm-lite/disk/lifetime.h"

#include <limits.h>
#include <stdio.h>

/* Where the three values are: file, and which of the numbers in it. */
static const struct source {
	const char *pre_eol, *typ_a, *typ_b;
	unsigned place_a, place_b;
} sources[] = {
    /* eMMC: "0x01" and "0x01 0x02" */
    {"device/pre_eol_info", "device/life_time", "device/life_time", 0, 1},
    /* UFS: the host controller is three above the SCSI device */
    {"device/../../../health_descriptor/eol_info",
     "device/../../../health_descriptor/life_time_estimation_a",
     "device/../../../health_descriptor/life_time_estimation_b", 0, 0},
};

static bool read_number(const char *device, const char *name, unsigned place, unsigned max,
			uint16_t *value)
{
	unsigned number[2] = {0, 0};
	char path[PATH_MAX];
	FILE *file;
	int found;

	snprintf(path, sizeof(path), "%s/%s", device, name);
	file = fopen(path, "re");
	if (!file)
		return false;
	found = fscanf(file, "%x %x", &number[0], &number[1]);
	fclose(file);
	if (found <= (int)place)
		return false;
	*value = number[place] <= max ? (uint16_t)number[place] : 0;
	return true;
}

bool lifetime_read(const char *device, struct disk_lifetime *lifetime)
{
	char parent[PATH_MAX];

	snprintf(parent, sizeof(parent), "%s/..", device);
	for (unsigned i = 0; i < 2; i++)
		for (size_t s = 0; s < sizeof(sources) / sizeof(sources[0]); s++) {
			const struct source *from = &sources[s];
			const char *dir = i ? parent : device;

			if (read_number(dir, from->pre_eol, 0, DISK_PRE_EOL_MAX,
					&lifetime->pre_eol) &&
			    read_number(dir, from->typ_a, from->place_a, DISK_ESTIMATE_MAX,
					&lifetime->typ_a) &&
			    read_number(dir, from->typ_b, from->place_b, DISK_ESTIMATE_MAX,
					&lifetime->typ_b))
				return true;
		}
	return false;
}

bool lifetime_of(unsigned major, unsigned minor, struct disk_lifetime *lifetime)
{
	char device[64];

	snprintf(device, sizeof(device), "/sys/dev/block/%u:%u", major, minor);
	return lifetime_read(device, lifetime);
}
