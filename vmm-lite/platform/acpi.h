/* SPDX-License-Identifier: MIT */
/*
 * The ACPI tables: how a guest finds its CPUs, interrupt controllers, PCI, serial port and power
 * switch. Written as one image, RSDP first, FADT, MADT and DSDT behind. (ACPI 6.4, chapter 5)
 */
#ifndef VMM_PLATFORM_ACPI_H
#define VMM_PLATFORM_ACPI_H

#include <stddef.h>
#include <stdint.h>

/*
 * Build the tables for `cpus` CPUs as they are to lie at guest address `base` (16-byte aligned)
 * into buf. Bytes used, or 0 if buf is too small. Pure.
 */
size_t acpi_build(uint8_t *buf, size_t size, uint64_t base, unsigned cpus);

#endif
