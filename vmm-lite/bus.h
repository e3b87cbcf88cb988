/* SPDX-License-Identifier: MIT */
/*
 * The two address spaces of a PC, ports and memory, and the ranges that devices answer in.
 *
 * Ranges may come and go while vCPUs run (a guest moves a BAR): a lookup takes a shared lock, the
 * handler runs without it, so it may itself add and remove ranges. bus_remove returns only when no
 * handler of that range runs any more in another thread. So a handler must not wait for a lock
 * that is held by somebody who calls bus_remove.
 */
#ifndef VMM_BUS_H
#define VMM_BUS_H

#include <stdbool.h>
#include <stdint.h>

enum bus_space { BUS_PIO, BUS_MMIO, BUS_SPACES };

struct bus_ops {
	/* size is 1, 2, 4 or 8; offset is from the range's base, offset + size is inside it. */
	uint64_t (*read)(void *opaque, uint64_t offset, unsigned size);
	void (*write)(void *opaque, uint64_t offset, unsigned size, uint64_t value);
};

struct bus_range {
	const char *name; /* for messages */
	enum bus_space space;
	uint64_t base;
	uint64_t size;
	const struct bus_ops *ops;
	void *opaque;
	bool active;    /* owned by the bus */
	unsigned users; /* owned by the bus: handlers running now */
};

struct bus;

struct bus *bus_new(void);
void bus_free(struct bus *bus);

/*
 * Make a range answer. The range is the caller's and stays where it is until removed. On overlap
 * the range that was there first keeps answering the shared part; nothing fails (a guest may
 * place BARs on top of each other). -EINVAL for an empty range or one that wraps, -ENOSPC.
 */
int bus_add(struct bus *bus, struct bus_range *range);
void bus_remove(struct bus *bus, struct bus_range *range);

/*
 * An access of a vCPU (or a test driver). Nobody there, or an access that straddles a range's
 * end: reads give all ones, writes are dropped; false is returned so that it can be counted.
 */
bool bus_read(struct bus *bus, enum bus_space space, uint64_t addr, unsigned size, uint64_t *value);
bool bus_write(struct bus *bus, enum bus_space space, uint64_t addr, unsigned size, uint64_t value);

#endif
