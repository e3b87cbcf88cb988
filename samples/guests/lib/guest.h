/* SPDX-License-Identifier: MIT */
/* What every sample guest needs and no sample is about: output, PCI, interrupts, the end. */
#ifndef GUEST_H
#define GUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "vmm-lite/boot/boot_info.h"

/* Each sample has one. What it returns becomes vmm-lite's exit status. */
int guest_main(const struct vmm_boot_info *boot);

_Noreturn void power_off(int status);

static inline void outb(uint16_t port, uint8_t value)
{
	__asm__ volatile("outb %0, %1" ::"a"(value), "Nd"(port) : "memory");
}

static inline void outw(uint16_t port, uint16_t value)
{
	__asm__ volatile("outw %0, %1" ::"a"(value), "Nd"(port) : "memory");
}

static inline void outl(uint16_t port, uint32_t value)
{
	__asm__ volatile("outl %0, %1" ::"a"(value), "Nd"(port) : "memory");
}

static inline uint8_t inb(uint16_t port)
{
	uint8_t value;

	__asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port) : "memory");
	return value;
}

static inline uint16_t inw(uint16_t port)
{
	uint16_t value;

	__asm__ volatile("inw %1, %0" : "=a"(value) : "Nd"(port) : "memory");
	return value;
}

static inline uint32_t inl(uint16_t port)
{
	uint32_t value;

	__asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port) : "memory");
	return value;
}

/* To the serial port. %s, %u and %x (of 32 bits, also %02x and the like), nothing else. */
__attribute__((format(printf, 1, 2))) void print(const char *format, ...);

/* --- PCI configuration space of bus 0; `at` is a multiple of 4 ------------------------ */

uint32_t pci_read(unsigned slot, unsigned at);
void pci_write(unsigned slot, unsigned at, uint32_t value);
/* The first slot with that vendor and device, or -1. */
int pci_find(uint16_t vendor, uint16_t device);
/* Offset of a capability, or 0. */
unsigned pci_capability(unsigned slot, uint8_t id);
/* Switch MSI-X on, with entry 0 of the table sending `vector` to this CPU. False: there is none. */
bool pci_enable_msix(unsigned slot, uint8_t vector);
/* Let another entry of the table send `vector` as well. */
void pci_set_msix_entry(unsigned slot, unsigned entry, uint8_t vector);

/* --- interrupts ----------------------------------------------------------------------- */

/* The vectors that interrupts_start() listens on: this one and the next. */
#define GUEST_VECTOR  0x40
#define GUEST_VECTORS 2

/* Load an interrupt table and switch the local APIC on. A CPU exception ends the guest with status 1. */
void interrupts_start(void);
/* How many have come, each acknowledged (EOI) by then. */
uint32_t interrupts_count(void);
/* Those of one vector. */
uint32_t interrupts_of(uint8_t vector);
/* Halt the CPU until interrupts_count() is no longer `before`. */
void interrupts_wait(uint32_t before);
/*
 * Route an interrupt line to `vector`, level-triggered. The handler calls `lower` before it
 * acknowledges: it has to make the device let go of the line.
 */
void interrupts_route_line(unsigned line, uint8_t vector, void (*lower)(void));

/* --- time ----------------------------------------------------------------------------- */

/* Busy until so much time has passed. */
void wait_ms(unsigned ms);

#endif
