/* SPDX-License-Identifier: MIT */
/* The device table of the shared file: which doorbells and vectors belong to which device. */
#include <linux/futex.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "probes/stage_point.h"
#include "probes/stage_shm.h"

#define NO_DEVICE 255
#define SLICE_NS  1000000 /* a flight recorder's reader can write `seen`, but wake nobody */

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

static uint32_t announce(uint8_t device)
{
	uint32_t generation =
	    __atomic_add_fetch(&stage_shm.header->device_generation, 1, __ATOMIC_RELEASE);

	STAGE_POINT(device, device, 0, 0, 0, generation, 0, 0, 0);
	return generation;
}

static struct stage_bells bells_of(const struct vbt_shm_device *entry)
{
	if (entry->flags & VBT_DEVICE_NO_KVM || (!entry->pio_notify && !entry->mmio_notify))
		return (struct stage_bells){0};
	return (struct stage_bells){.pio = entry->pio_notify,
				    .mmio = entry->mmio_notify,
				    .stride = entry->mmio_stride,
				    .queues = entry->queues,
				    .gsi = entry->gsi};
}

/* Note where the device is rung now. True if it can be rung elsewhere than it could. */
static bool note_bells(uint8_t device, const struct vbt_shm_device *entry)
{
	struct stage_bells now = bells_of(entry), *old = &stage_shm.bells[device];
	bool news = (now.pio || now.mmio) && memcmp(&now, old, sizeof(now)) != 0;

	*old = now;
	return news;
}

/* `a` is not before `b`, of numbers that may wrap. */
static bool reached(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) >= 0;
}

static void await_from(uint32_t generation)
{
	uint32_t before = __atomic_load_n(&stage_shm.moved, __ATOMIC_RELAXED);

	while (!reached(before, generation) &&
	       !__atomic_compare_exchange_n(&stage_shm.moved, &before, generation, false,
					    __ATOMIC_RELEASE, __ATOMIC_RELAXED))
		;
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

	uint32_t generation;
	bool news;

	if (!entry)
		return;
	news = note_bells(device, entry);
	end_write(entry);
	generation = announce(device);
	if (news)
		await_from(generation);
}

/*
 * A reader that was killed leaves its `seen` behind, and one that is stopped does not go on. It is waited for once;
 * then not before `seen` has moved, which it does with any new reader: that one has seen more.
 */
void stage_device_settle(void)
{
	const struct timespec slice = {.tv_nsec = SLICE_NS};
	struct vbt_shm_header *header = stage_shm.header;
	uint32_t moved = __atomic_load_n(&stage_shm.moved, __ATOMIC_ACQUIRE), seen = 0;

	if (!header || !moved)
		return;
	for (unsigned i = 0; i < STAGE_SETTLE_SLICES; i++) {
		seen = __atomic_load_n(&header->seen, __ATOMIC_ACQUIRE);
		/* Who reads what a thread stands at polls only when he has done so. */
		if (!seen || reached(seen - 1, moved) ||
		    seen == __atomic_load_n(&stage_shm.deaf, __ATOMIC_RELAXED) ||
		    stage_step_stands())
			return;
		syscall(SYS_futex, &header->seen, FUTEX_WAIT, seen, &slice, NULL, 0);
	}
	__atomic_store_n(&stage_shm.deaf, seen, __ATOMIC_RELAXED);
	__atomic_add_fetch(&stage_shm.unanswered, 1, __ATOMIC_RELAXED);
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
