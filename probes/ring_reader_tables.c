/* SPDX-License-Identifier: MIT */
/* What the file says of its VMM: who it is, how its clock runs, which devices it has. */
#include <string.h>

#include "probes/ring_reader_impl.h"

#define SEQLOCK_TRIES 1000

void ring_reader_info(struct ring_reader *reader, struct ring_info *info)
{
	const struct vbt_shm_header *h = ring_reader_header(reader);

	ring_reader_refresh(reader);
	*info = (struct ring_info){
	    .pid = (pid_t)h->pid,
	    .clock = h->clock,
	    .tsc_khz = h->tsc_khz,
	    .flight = reader->flight,
	    .file_size = reader->bytes,
	};
	ring_reader_text(info->program, h->program, sizeof(info->program));
}

size_t ring_reader_clocks(struct ring_reader *reader,
			  struct vbt_shm_clock_pair pairs[VBT_SHM_CLOCKS])
{
	const struct vbt_shm_header *h = ring_reader_header(reader);
	uint32_t count, first;
	size_t n = 0;

	ring_reader_refresh(reader);
	if (h->clock != VBT_CLOCK_TSC)
		return 0;
	count = __atomic_load_n(&h->clock_count, __ATOMIC_ACQUIRE);
	/* The slot behind the newest may be being written. */
	first = count < VBT_SHM_CLOCKS ? 0 : count - VBT_SHM_CLOCKS + 1;
	for (uint32_t i = first; i != count; i++) {
		struct vbt_shm_clock_pair pair = h->clocks[i % VBT_SHM_CLOCKS];

		if (n == 0 ||
		    (pair.tsc > pairs[n - 1].tsc && pair.monotonic_ns > pairs[n - 1].monotonic_ns))
			pairs[n++] = pair;
	}
	return n;
}

uint32_t ring_reader_generation(struct ring_reader *reader)
{
	ring_reader_refresh(reader);
	return __atomic_load_n(&ring_reader_header(reader)->device_generation, __ATOMIC_ACQUIRE);
}

unsigned ring_reader_devices(struct ring_reader *reader)
{
	uint32_t count =
	    __atomic_load_n(&ring_reader_header(reader)->device_count, __ATOMIC_ACQUIRE);

	return count < VBT_SHM_MAX_DEVICES ? count : VBT_SHM_MAX_DEVICES;
}

bool ring_reader_device(struct ring_reader *reader, unsigned index, struct vbt_shm_device *device)
{
	struct vbt_shm_device *shared = &ring_reader_header(reader)->devices[index];
	struct vbt_shm_device raw;

	if (index >= ring_reader_devices(reader))
		return false;
	for (int i = 0; i < SEQLOCK_TRIES; i++) {
		uint32_t before = __atomic_load_n(&shared->lock, __ATOMIC_ACQUIRE);

		memcpy(&raw, shared, sizeof(raw));
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (before & 1 || before != __atomic_load_n(&shared->lock, __ATOMIC_RELAXED)) {
			ring_reader_refresh(reader);
			continue;
		}
		*device = raw;
		device->lock = 0;
		ring_reader_text(device->name, raw.name, sizeof(raw.name));
		ring_reader_text(device->backend, raw.backend, sizeof(raw.backend));
		ring_reader_text(device->method, raw.method, sizeof(raw.method));
		if (device->queues > VBT_SHM_MAX_QUEUES)
			device->queues = VBT_SHM_MAX_QUEUES;
		device->present = raw.present == 1;
		return true;
	}
	return false;
}
