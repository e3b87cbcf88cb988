/* SPDX-License-Identifier: MIT */
/* One --disk value: its keys, and what of them cannot work together. */
#include <stdlib.h>
#include <string.h>

#include "vmm-lite/disk/zones.h"
#include "vmm-lite/features.h"
#include "vmm-lite/options.h"
#include "vmm-lite/options_value.h"
#include "vmm-lite/virtio/spec.h"

#define GIVEN(key) (given & (1ull << (option_find(disk_rows, disk_row_count, key) - disk_rows)))

static int check_host_managed(struct option_context *ctx, struct disk_options *disk, uint64_t given)
{
	if (disk->features_on & FEATURE(F_DISCARD))
		return option_refuse(
		    ctx, "--disk zoned='host-managed' and features='+discard' exclude each "
			 "other: a discard leaves the write pointer where it is; the guest "
			 "resets zones instead");
	if (disk->features_off & FEATURE(F_ZONED))
		return option_refuse(
		    ctx, "--disk zoned='host-managed' needs feature 'zoned': a driver that "
			 "knows no zones could not write; use zoned=host-aware or none");
	if (GIVEN("transport") && disk->transport != TRANSPORT_MODERN)
		return option_refuse(
		    ctx, "--disk zoned='host-managed' needs transport=modern: the legacy "
			 "interface cannot tell a driver of zones; or use zoned=host-aware");
	disk->transport = TRANSPORT_MODERN;
	return 0;
}

static int check_zones(struct option_context *ctx, struct disk_options *disk, uint64_t given)
{
	static const char *const keys[] = {"zone-size", "zone-capacity", "zone-conventional",
					   "zone-max-open", "zone-max-active"};
	uint64_t size = disk->zone_size;

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]) && disk->zoned == ZONED_NONE; i++)
		if (GIVEN(keys[i]))
			return option_refuse(
			    ctx, "--disk %s= needs zoned=host-aware or zoned=host-managed",
			    keys[i]);
	if (size & (size - 1))
		return option_refuse(ctx, "--disk zone-size= has to be a power of two");
	if (disk->zone_capacity > (size ? size : ZONES_DEFAULT_SIZE))
		return option_refuse(ctx, "--disk zone-capacity= is larger than the zone");
	if (disk->zoned == ZONED_HOST_AWARE &&
	    (disk->zone_max_open || disk->zone_max_active || disk->zone_capacity))
		return option_refuse(
		    ctx, "--disk zone-capacity=, zone-max-open= and zone-max-active= need "
			 "zoned=host-managed: host-aware zones are written anywhere, by "
			 "drivers that know no limits");
	return disk->zoned == ZONED_HOST_MANAGED ? check_host_managed(ctx, disk, given) : 0;
}

/* Features that contradict each other, or the interface that is to offer them. */
static int check_features(struct option_context *ctx, const struct disk_options *disk)
{
	if (disk->ring != RING_SPLIT &&
	    (disk->transport == TRANSPORT_LEGACY || disk->features_off & FEATURE(F_VERSION_1)))
		return option_refuse(ctx,
				     "--disk ring='%s' needs virtio 1.x; use transport=modern or "
				     "transitional without features=-version-1, or ring=split",
				     disk->ring == RING_PACKED ? "packed" : "both");
	if (disk->transport == TRANSPORT_LEGACY && disk->features_on >> 32)
		return option_refuse(
		    ctx,
		    "--disk transport='legacy' has no feature bits from 32 on, such "
		    "as '+%s'; use transport=modern",
		    feature_name((unsigned)__builtin_ctzll(disk->features_on >> 32) + 32));
	if (disk->transport == TRANSPORT_MODERN && disk->features_off & FEATURE(F_VERSION_1))
		return option_refuse(
		    ctx, "--disk features='-version-1' leaves transport='modern' nothing "
			 "to offer; use transport=legacy");
	if (disk->ring == RING_SPLIT && disk->features_on & FEATURE(F_RING_PACKED))
		return option_refuse(ctx,
				     "--disk features='+ring-packed' contradicts ring='split'; use "
				     "ring=packed or both");
	if (disk->features_on & FEATURE(F_CONFIG_WCE) && disk->features_off & FEATURE(F_FLUSH))
		return option_refuse(
		    ctx, "--disk features='+config-wce' needs 'flush': a cache that cannot be "
			 "flushed has no mode to choose; leave -flush out");
	if (disk->ring == RING_PACKED && disk->features_off & FEATURE(F_RING_PACKED))
		return option_refuse(ctx,
				     "--disk features='-ring-packed' contradicts ring='packed'");
	return 0;
}

/* What cannot work together, whatever is on the disk. `given`: bit n is set if row n was there. */
static int check_disk(struct option_context *ctx, struct disk_options *disk, uint64_t given)
{
	if (!disk->iothread) {
		if (GIVEN("notify") && disk->notify == NOTIFY_IOEVENTFD)
			return option_refuse(
			    ctx, "--disk iothread='off' serves kicks on the vCPU's thread, "
				 "notify='ioeventfd' elsewhere; use notify=exit");
		if (!GIVEN("notify"))
			disk->notify = NOTIFY_EXIT;
		if (!GIVEN("signal"))
			disk->signal = SIGNAL_IOCTL;
	}
	if (disk->aio == AIO_NULL && strcmp(disk->path, "null") != 0)
		return option_refuse(ctx,
				     "--disk '%s' is a file, and aio='null' uses none; write "
				     "--disk null,aio=null",
				     disk->path);
	if (GIVEN("size") && disk->aio != AIO_NULL)
		return option_refuse(
		    ctx, "--disk size= is for aio=null only; '%s' has the size it has", disk->path);
	if (check_zones(ctx, disk, given))
		return OPTION_USAGE;
	return check_features(ctx, disk);
}
#undef GIVEN

/* Cut the next part off at a single comma; a doubled one stands for itself. */
static char *next_part(char **rest)
{
	char *part = *rest, *to = part, *from = part;

	if (!part)
		return NULL;
	while (*from) {
		if (from[0] == ',' && from[1] != ',')
			break;
		from += from[0] == ',';
		*to++ = *from++;
	}
	*rest = *from ? from + 1 : NULL;
	*to = 0;
	return part;
}

int options_parse_disk(struct disk_options *disk, const char *text, char *err, size_t err_size)
{
	struct option_context ctx = {.err = err, .err_size = err_size};
	uint64_t given = 0;
	char *rest, *part;

	*disk = (struct disk_options){
	    .queues = 1,
	    .queue_size = 256,
	    .ring = RING_SPLIT,
	    .iothread = true,
	    .size = 1ull << 30,
	    .serial = "",
	    .storage = strdup(text),
	};
	if (!disk->storage)
		return option_refuse(&ctx, "--disk: out of memory");
	rest = disk->storage;
	disk->path = next_part(&rest);
	if (!*disk->path)
		return option_refuse(
		    &ctx, "--disk '%s' names no file; write --disk PATH[,key=value...]", text);
	if (strlen(disk->path) > 4095)
		return option_refuse(&ctx, "--disk '%.20s...' is too long for a path", disk->path);
	while ((part = next_part(&rest))) {
		char *value = strchr(part, '=');
		const struct option_row *row;

		if (value)
			*value++ = 0;
		row = option_find(disk_rows, disk_row_count, part);
		if (!row)
			return option_refuse_name(&ctx, disk_rows, disk_row_count, 0, "--disk key ",
						  part, "'vmm-lite run --help' lists the keys");
		if (!value)
			return option_refuse(&ctx, "--disk key '%s' has no value; write %s=%s",
					     part, part,
					     row->argument ? row->argument : row->choices);
		/* error= may be given as a rate and as sectors; the rest twice is a slip. */
		if (given & (1ull << (row - disk_rows)) && row->kind != OPTION_ERROR)
			return option_refuse(&ctx, "--disk key '%s' is given twice", part);
		given |= 1ull << (row - disk_rows);
		snprintf(ctx.subject, sizeof(ctx.subject), "--disk %s=", part);
		if (option_parse_value(&ctx, row, disk, value))
			return OPTION_USAGE;
	}
	return check_disk(&ctx, disk, given);
}

void options_release_disk(struct disk_options *disk)
{
	free(disk->storage);
	disk->storage = NULL;
}
