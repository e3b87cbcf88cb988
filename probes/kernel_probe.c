/* SPDX-License-Identifier: MIT */
#include "probes/kernel_probe.h"

#include "lib/stage.h"

const struct kernel_probe kernel_probes[VBT_KERNEL_PROBE_COUNT] = {
#define X(tracepoint, point, missed, pointers, group) \
	{#tracepoint, VBT_##point, VBT_##missed, pointers, VBT_PROBES_##group},
    VBT_KERNEL_PROBES(X)
#undef X
};
