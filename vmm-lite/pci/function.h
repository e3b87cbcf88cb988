/* SPDX-License-Identifier: MIT */
/*
 * One PCI function: configuration space, BARs and how it is reached. The host bridge
 * (pci/host.c: ports 0xcf8/0xcfc) routes configuration accesses here.
 *
 * Configuration space belongs to the host bridge's lock: pci_function_read/write and all
 * callbacks run under it. It is taken before any lock of a device; a BAR's handlers, which run
 * without it, must never wait for it. What handlers need to know of the configuration
 * (bus mastering, the BARs' places) the device keeps for itself, told by the callbacks.
 */
#ifndef VMM_PCI_FUNCTION_H
#define VMM_PCI_FUNCTION_H

#include <stdbool.h>
#include <stdint.h>

#include "vmm-lite/bus.h"

#define PCI_CONFIG_SIZE 256
#define PCI_BARS        6
#define PCI_SLOTS       32

struct pci_function;

struct pci_function_ops {
	/*
	 * After bytes [offset, offset + size) of configuration space were written (masks already
	 * applied). Capabilities with side effects hook in here.
	 */
	void (*config_written)(struct pci_function *fn, unsigned offset, unsigned size);
	/* Before they are read: fill in what is computed (interrupt status bit, window data). */
	void (*config_reading)(struct pci_function *fn, unsigned offset, unsigned size);
	/* A BAR was moved, or its decoding switched on or off; range is already on the bus or off. */
	void (*bar_changed)(struct pci_function *fn, unsigned bar);
	/* The reset line: configuration space is as after power-on again. */
	void (*reset)(struct pci_function *fn);
};

struct pci_bar {
	struct bus_range range; /* range.size == 0: not implemented */
	bool is_64;             /* takes the next BAR's register too */
	bool prefetchable;
};

struct pci_function {
	uint8_t config[PCI_CONFIG_SIZE];
	uint8_t writable[PCI_CONFIG_SIZE]; /* which bits a guest may change */
	uint8_t power_on[PCI_CONFIG_SIZE]; /* what a reset goes back to; set when plugged */
	struct pci_bar bars[PCI_BARS];
	const struct pci_function_ops *ops;
	void *opaque; /* the device */
	struct bus *bus;
	unsigned slot; /* device number on bus 0 */
	unsigned gsi;  /* of INTA# */
	uint8_t last_capability, free_offset;
};

struct pci_identity {
	uint16_t vendor, device;
	uint16_t subsystem_vendor, subsystem;
	uint32_t class_code; /* class, subclass, interface */
	uint8_t revision;
	uint8_t interrupt_pin; /* 0: none, 1: INTA# */
};

/* Before it is plugged: identity, then BARs and capabilities. */
void pci_function_init(struct pci_function *fn, const struct pci_identity *identity,
		       const struct pci_function_ops *ops, void *opaque);

/* Size is a power of two, at least 16. A 64-bit BAR takes `bar` and `bar + 1`. */
void pci_function_set_bar(struct pci_function *fn, unsigned bar, enum bus_space space,
			  uint64_t size, bool is_64, const struct bus_ops *ops, void *opaque,
			  const char *name);

/*
 * Append a capability of `size` bytes, header included; `body` is what follows the two header
 * bytes. All of it is read-only until the caller changes fn->writable. Its offset.
 */
unsigned pci_function_add_capability(struct pci_function *fn, uint8_t id, const void *body,
				     unsigned size);

/* Accesses of the guest: size 1, 2 or 4, not crossing a dword; anything else reads ones. */
uint32_t pci_function_read(struct pci_function *fn, unsigned offset, unsigned size);
void pci_function_write(struct pci_function *fn, unsigned offset, unsigned size, uint32_t value);

/* Put a BAR somewhere, as firmware does. */
void pci_function_place_bar(struct pci_function *fn, unsigned bar, uint64_t address);
/* Where its registers say it is, decoded or not. */
uint64_t pci_function_bar_address(const struct pci_function *fn, unsigned bar);

/* Back to what it was when it was plugged. */
void pci_function_reset(struct pci_function *fn);
/* Take the BARs off the bus. */
void pci_function_unplug(struct pci_function *fn);

/* Little-endian fields of configuration space. */
uint16_t pci_config_get16(const struct pci_function *fn, unsigned offset);
uint32_t pci_config_get32(const struct pci_function *fn, unsigned offset);
void pci_config_set16(struct pci_function *fn, unsigned offset, uint16_t value);
void pci_config_set32(struct pci_function *fn, unsigned offset, uint32_t value);

/* True if [offset, offset + size) touches [first, first + length). */
static inline bool pci_touches(unsigned offset, unsigned size, unsigned first, unsigned length)
{
	return offset < first + length && first < offset + size;
}

#endif
