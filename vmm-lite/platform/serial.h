/* SPDX-License-Identifier: MIT */
/*
 * A 16550A UART at COM1. The line is infinitely fast: what the guest writes is out at once, so the
 * guest never waits, and takes one exit per character at most.
 *
 * Output is collected and handed on at line ends, when the driver is done with a piece (it writes
 * IER then) or when the buffer is full; serial_flush() does it for the rest.
 */
#ifndef VMM_PLATFORM_SERIAL_H
#define VMM_PLATFORM_SERIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmm-lite/bus.h"
#include "vmm-lite/wires.h"

#define SERIAL_COM1_PORT 0x3f8
#define SERIAL_COM1_GSI  4
#define SERIAL_PORTS     8

struct serial;

struct serial_config {
	struct bus *bus;
	struct wires wires;
	uint16_t port;
	unsigned gsi;
	/* Takes all of it; called with the device locked, from any thread. */
	void (*output)(void *opaque, const uint8_t *data, size_t len);
	void *opaque;
};

/* NULL: out of memory or the ports are taken. */
struct serial *serial_new(const struct serial_config *config);
void serial_free(struct serial *serial); /* flushes */
void serial_reset(struct serial *serial);
void serial_flush(struct serial *serial);

/* Hand input to the guest. How many bytes it had room for. Any thread. */
size_t serial_input(struct serial *serial, const uint8_t *data, size_t len);
size_t serial_input_room(struct serial *serial);

/*
 * Does the guest wait for input, by interrupt or by asking again and again? What comes earlier is lost
 * when its driver clears the FIFOs. (A driver that probes switches the interrupt on only for a moment.)
 */
bool serial_listening(struct serial *serial);

#endif
