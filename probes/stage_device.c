/* SPDX-License-Identifier: MIT */
/* The device table of the shared file: which doorbells and vectors belong to which device. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "probes/stage_point.h"
#include "probes/stage_shm.h"

#define NO_DEVICE 255

static pthread_mutex_t table_lock = PTHREAD_MUTEX_INITIALIZER;
static __thread struct vbt_shm_device dummy; /* what callers write that have no entry */

static struct vbt_shm_device *find(uint8_t device)
{
	struct vbt_shm_header *header = stage_shm.header;

	if (!header || device >= header->device_count)
		return NULL;
	return &header->devices[device];
}

/* Odd: a reader that sees it tries again later. */
static void begin_write(struct vbt_shm_device *entry)
{
	__atomic_store_n(&entry->lock, entry->lock | 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static void end_write(struct vbt_shm_device *entry)
{
	__atomic_store_n(&entry->lock, (entry->lock | 1) + 1, __ATOMIC_RELEASE);
}

static void announce(uint8_t device)
{
	uint32_t generation =
	    __atomic_add_fetch(&stage_shm.header->device_generation, 1, __ATOMIC_RELEASE);

	STAGE_POINT(device, device, 0, 0, 0, generation, 0, 0, 0);
}

uint8_t stage_device_add(const char *name)
{
	struct vbt_shm_header *header = stage_shm.header;
	struct vbt_shm_device *entry;
	uint8_t device = NO_DEVICE;

	if (!header)
		return NO_DEVICE;
	pthread_mutex_lock(&table_lock);
	/* Indices are not given twice: records of a removed device must not change owner. */
	if (header->device_count < VBT_SHM_MAX_DEVICES) {
		device = (uint8_t)header->device_count;
		entry = &header->devices[device];
		begin_write(entry);
		snprintf(entry->name, sizeof(entry->name), "%s", name);
		entry->present = 1;
		end_write(entry);
		__atomic_store_n(&header->device_count, device + 1u, __ATOMIC_RELEASE);
	}
	pthread_mutex_unlock(&table_lock);
	return device;
}

struct vbt_shm_device *stage_device_edit(uint8_t device)
{
	struct vbt_shm_device *entry = find(device);

	if (!entry)
		return &dummy;
	begin_write(entry);
	return entry;
}

void stage_device_publish(uint8_t device)
{
	struct vbt_shm_device *entry = find(device);

	if (!entry)
		return;
	end_write(entry);
	announce(device);
}

void stage_device_remove(uint8_t device)
{
	struct vbt_shm_device *entry = find(device);

	if (!entry)
		return;
	begin_write(entry);
	entry->present = 0;
	end_write(entry);
	announce(device);
}
