/* SPDX-License-Identifier: MIT */
/*
 * What a payload finds where RDI points when it starts. Payloads include this header, too, so it
 * needs nothing but fixed-width integers.
 */
#ifndef VMM_BOOT_INFO_H
#define VMM_BOOT_INFO_H

#include <stdint.h>

#define VMM_BOOT_MAGIC 0x6f666e49746f6f42ull /* "BootInfo" */

struct vmm_boot_info {
	uint64_t magic;
	uint32_t size; /* of this struct; it may grow at the end */
	uint32_t cpus;
	uint64_t ram_low;  /* bytes of RAM from 0 */
	uint64_t ram_high; /* bytes of RAM from 4 GiB */
	uint64_t rsdp;     /* ACPI root pointer */
};

/* Written to this port, the byte becomes the exit status of vmm-lite. */
#define VMM_EXIT_PORT 0xf4

#endif
