/* SPDX-License-Identifier: MIT */
#include "lib/trace_info.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void vbt_trace_info_init(struct vbt_trace_info *info)
{
	memset(info, 0, sizeof(*info));
}

void vbt_trace_info_release(struct vbt_trace_info *info)
{
	free(info->source);
	free(info->device);
	free(info->option);
	vbt_trace_info_init(info);
}

/* Make room for one more entry: the arrays double, so that growth is no cost. */
static int grow(void **array, uint32_t count, size_t size)
{
	void *bigger;

	if (count & (count - 1) || (count && count < 4))
		return 0;
	bigger = realloc(*array, (count ? (size_t)count * 2 : 4) * size);
	if (!bigger)
		return -ENOMEM;
	*array = bigger;
	return 0;
}

#define TERMINATE(text) ((text)[sizeof(text) - 1] = '\0')

int vbt_trace_info_set_target(struct vbt_trace_info *info, uint32_t index,
			      const struct vbt_target *target)
{
	struct vbt_target *entry;

	if (index > info->targets || index >= VBT_MAX_TARGETS)
		return -EINVAL;
	entry = &info->target[index];
	*entry = *target;
	TERMINATE(entry->comm);
	TERMINATE(entry->cmdline);
	for (unsigned i = 0; i < VBT_MARK_COUNT; i++)
		TERMINATE(entry->hidden[i]);
	if (index == info->targets)
		info->targets++;
	info->changes++;
	return 0;
}

int vbt_trace_info_set_source(struct vbt_trace_info *info, uint32_t index,
			      const struct vbt_source *source)
{
	if (index > info->sources || index >= VBT_MAX_SOURCES)
		return -EINVAL;
	if (index == info->sources) {
		if (grow((void **)&info->source, info->sources, sizeof(*source)))
			return -ENOMEM;
		info->sources++;
	}
	info->source[index] = *source;
	TERMINATE(info->source[index].name);
	info->changes++;
	return 0;
}

/* A device is about to be described anew: note where it was rung until now. */
static void note_left(struct vbt_trace_info *info, const struct vbt_device *old,
		      const struct vbt_shm_device *now)
{
	const struct vbt_left left = {.target = old->target,
				      .index = old->index,
				      .stride = old->shm.mmio_stride,
				      .queues = old->shm.queues,
				      .pio = old->shm.pio_notify,
				      .mmio = old->shm.mmio_notify};

	if ((left.pio && left.pio != now->pio_notify) ||
	    (left.mmio && left.mmio != now->mmio_notify))
		info->left[info->lefts++ % VBT_MAX_LEFT] = left;
}

int vbt_trace_info_set_device(struct vbt_trace_info *info, const struct vbt_device *device)
{
	struct vbt_device *entry = NULL;

	if (device->target >= VBT_MAX_TARGETS || device->index >= VBT_SHM_MAX_DEVICES)
		return -EINVAL;
	for (uint32_t i = 0; i < info->devices && !entry; i++)
		if (info->device[i].target == device->target &&
		    info->device[i].index == device->index)
			entry = &info->device[i];
	if (!entry) {
		if (grow((void **)&info->device, info->devices, sizeof(*device)))
			return -ENOMEM;
		entry = &info->device[info->devices++];
	} else {
		note_left(info, entry, &device->shm);
	}
	*entry = *device;
	entry->shm.lock = 0;
	TERMINATE(entry->shm.name);
	TERMINATE(entry->shm.backend);
	TERMINATE(entry->shm.method);
	if (entry->shm.queues > VBT_SHM_MAX_QUEUES)
		entry->shm.queues = VBT_SHM_MAX_QUEUES;
	info->changes++;
	return 0;
}

int vbt_trace_info_set_option(struct vbt_trace_info *info, const char *name, const char *value)
{
	struct vbt_option *entry = NULL;

	for (uint32_t i = 0; i < info->options && !entry; i++)
		if (!strncmp(info->option[i].name, name, sizeof(entry->name) - 1))
			entry = &info->option[i];
	if (!entry) {
		if (info->options >= VBT_MAX_OPTIONS)
			return -ENOSPC;
		if (grow((void **)&info->option, info->options, sizeof(*entry)))
			return -ENOMEM;
		entry = &info->option[info->options++];
	}
	memset(entry, 0, sizeof(*entry));
	snprintf(entry->name, sizeof(entry->name), "%s", name);
	snprintf(entry->value, sizeof(entry->value), "%s", value);
	info->changes++;
	return 0;
}

const struct vbt_device *vbt_trace_info_device(const struct vbt_trace_info *info, unsigned target,
					       unsigned index)
{
	for (uint32_t i = 0; i < info->devices; i++)
		if (info->device[i].target == target && info->device[i].index == index)
			return &info->device[i];
	return NULL;
}

const struct vbt_target *vbt_trace_info_target(const struct vbt_trace_info *info, unsigned target)
{
	return target < info->targets ? &info->target[target] : NULL;
}

const struct vbt_source *vbt_trace_info_source(const struct vbt_trace_info *info, unsigned source)
{
	return source < info->sources ? &info->source[source] : NULL;
}

const char *vbt_trace_info_device_name(const struct vbt_trace_info *info, unsigned target,
				       unsigned index, char buf[24])
{
	const struct vbt_device *device = vbt_trace_info_device(info, target, index);

	if (device && device->shm.name[0])
		return device->shm.name;
	snprintf(buf, 24, "device %u", index);
	return buf;
}

int vbt_trace_info_vcpu(const struct vbt_trace_info *info, unsigned target, uint32_t tid)
{
	for (uint32_t i = 0; tid && i < info->sources; i++) {
		const struct vbt_source *source = &info->source[i];
		const char *name = source->name;

		if (source->tid != tid || source->target != target ||
		    source->kind == VBT_SOURCE_KERNEL)
			continue;
		if (!strncmp(name, "vcpu", 4) && isdigit((unsigned char)name[4]))
			return atoi(name + 4);
	}
	return -1;
}

uint64_t vbt_trace_info_clock_error(const struct vbt_trace_info *info)
{
	uint64_t worst = 0;

	for (uint32_t i = 0; i < info->targets; i++)
		if (info->target[i].clock_error_ns > worst)
			worst = info->target[i].clock_error_ns;
	return worst;
}
