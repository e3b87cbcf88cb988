/* SPDX-License-Identifier: MIT */
/*
 * A guest that means harm with its memory: rings, chains, tables and requests. The first bytes say
 * how the device is built and what is negotiated; then come steps: memory written anywhere,
 * descriptors that are nearly right, kicks, a disk that fails or takes its time.
 *
 * The driver waits for the queues' threads after each step, so that an input does the same each
 * time.
 */
#include "tests/fuzz/guest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void step(struct guest *g)
{
	uint8_t what = (uint8_t)take(&g->in, 1);

	switch (what % 16) {
	case 0:
	case 1:
	case 2:
	case 3: guest_chain(g, 0); break;
	case 4:
	case 5: guest_header(g); break;
	case 6: guest_descriptor(g, 0); break;
	case 7:
	case 8: guest_poke(g, 0); break;
	case 9: guest_forge_available(g, 0); break;
	case 10: guest_disk_moods(g); break;
	case 11:
		rig_bus_master(g->rig, take(&g->in, 1) & 7);
		watch_look(g->watch);
		break;
	case 12:
		if (!(take(&g->in, 1) & 15))
			guest_start(g);
		break;
	default: guest_kick(g, 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct guest g;

	guest_begin(&g, data, size);
	guest_start(&g);
	for (unsigned steps = 0; g.in.left && steps < 256; steps++)
		step(&g);
	guest_end(&g);
	return 0;
}
