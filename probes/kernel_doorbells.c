/* SPDX-License-Identifier: MIT */
/* The doorbells and interrupt lines of a target's devices, as the programs know them. */
#include <errno.h>
#include <string.h>

#include <bpf/bpf.h>

#include "probes/kernel_source_impl.h"
#include "probes/programs.skel.h"

static struct vbt_doorbell doorbell_key(unsigned index, const struct vbt_shm_device *device,
					unsigned queue, bool pio)
{
	const bool shared = pio || device->mmio_stride == 0;

	return (struct vbt_doorbell){
	    .address = pio ? device->pio_notify
			   : device->mmio_notify + (uint64_t)queue * device->mmio_stride,
	    .queue = shared ? queue : 0,
	    .target = (unsigned char)index,
	    .pio = pio,
	};
}

/* Does this device still have this doorbell? */
static bool still_rings(unsigned index, const struct vbt_shm_device *device,
			const struct vbt_doorbell *key, unsigned queue)
{
	const uint64_t address = key->pio ? device->pio_notify : device->mmio_notify;
	struct vbt_doorbell now;

	if (!device->present || queue >= device->queues || address == 0)
		return false;
	now = doorbell_key(index, device, queue, key->pio);
	return memcmp(&now, key, sizeof(now)) == 0;
}

/* Put away the target's doorbells that are gone. Their counts stay: who moved a BAR may move it back. */
static void put_away(int map, unsigned index, const struct known *known)
{
	struct vbt_doorbell key, next;
	struct vbt_doorbell_state state;
	bool more = bpf_map_get_next_key(map, NULL, &key) == 0;

	for (; more; key = next) {
		more = bpf_map_get_next_key(map, &key, &next) == 0;
		if (key.target != index || bpf_map_lookup_elem(map, &key, &state) || state.away ||
		    still_rings(index, &known->devices[state.device], &key, state.queue))
			continue;
		state.away = true;
		bpf_map_update_elem(map, &key, &state, BPF_EXIST);
	}
}

/* Room for others. */
static void forget_away(int map)
{
	struct vbt_doorbell key, next;
	struct vbt_doorbell_state state;
	bool more = bpf_map_get_next_key(map, NULL, &key) == 0;

	for (; more; key = next) {
		more = bpf_map_get_next_key(map, &key, &next) == 0;
		if (bpf_map_lookup_elem(map, &key, &state) == 0 && state.away)
			bpf_map_delete_elem(map, &key);
	}
}

static int add_doorbell(int map, unsigned index, const struct known *known, unsigned d,
			unsigned queue, bool pio)
{
	const struct vbt_shm_device *device = &known->devices[d];
	const struct vbt_doorbell key = doorbell_key(index, device, queue, pio);
	struct vbt_doorbell_state state = {0};
	int ret;

	/* First come, first served, as on the bus. */
	if (bpf_map_lookup_elem(map, &key, &state) == 0 && !state.away)
		return 0;
	state.device = (unsigned short)d;
	state.queue = (unsigned short)queue;
	state.shared = pio || device->mmio_stride == 0;
	state.away = false;
	ret = bpf_map_update_elem(map, &key, &state, BPF_ANY);
	if (ret == -E2BIG) {
		forget_away(map);
		ret = bpf_map_update_elem(map, &key, &state, BPF_ANY);
	}
	return ret;
}

int kernel_source_set_devices(struct kernel_source *source, unsigned index,
			      const struct vbt_shm_device *devices, unsigned count)
{
	struct vbt_target_filter *filter = &source->skeleton->bss->targets[index];
	int map = bpf_map__fd(source->skeleton->maps.doorbells), ret = 0;
	struct known *known = &source->known[index];

	memcpy(known->devices, devices, count * sizeof(*devices));
	put_away(map, index, known);
	for (unsigned d = 0; d < count; d++) {
		const struct vbt_shm_device *device = &devices[d];

		if (!device->present)
			continue;
		for (unsigned q = 0; q < device->queues && ret == 0; q++) {
			if (device->pio_notify)
				ret = add_doorbell(map, index, known, d, q, true);
			if (device->mmio_notify && ret == 0)
				ret = add_doorbell(map, index, known, d, q, false);
		}
		if (device->gsi < 128 && !(device->flags & VBT_DEVICE_NO_KVM))
			filter->lines[device->gsi / 64] |= 1ULL << device->gsi % 64;
	}
	return ret;
}
