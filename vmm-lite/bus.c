/* SPDX-License-Identifier: MIT */
#include "vmm-lite/bus.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAX_RANGES 256 /* per space: 32 functions with 6 BARs, and the platform's */
#define MAX_NESTED 8   /* handlers that reach other ranges through the bus */

/* Copied out of bus_range so that a scan stays in a few cache lines. */
struct entry {
	uint64_t first, last;
	struct bus_range *range;
};

struct bus {
	pthread_rwlock_t lock;
	struct {
		struct entry entries[MAX_RANGES]; /* in the order they were added: first one wins */
		unsigned count;
	} spaces[BUS_SPACES];
};

/* The handlers this thread is inside of: bus_remove must not wait for those. */
static __thread struct bus_range *inside[MAX_NESTED];
static __thread unsigned inside_count;

struct bus *bus_new(void)
{
	struct bus *bus = calloc(1, sizeof(*bus));

	if (bus)
		pthread_rwlock_init(&bus->lock, NULL);
	return bus;
}

void bus_free(struct bus *bus)
{
	if (!bus)
		return;
	pthread_rwlock_destroy(&bus->lock);
	free(bus);
}

int bus_add(struct bus *bus, struct bus_range *range)
{
	uint64_t last = range->base + (range->size - 1);
	int err = 0;

	if (!range->size || last < range->base)
		return -EINVAL;
	if (range->space == BUS_PIO && last > 0xffff)
		return -EINVAL;

	pthread_rwlock_wrlock(&bus->lock);
	if (range->active) {
		err = -EBUSY;
	} else if (bus->spaces[range->space].count == MAX_RANGES) {
		err = -ENOSPC;
	} else {
		unsigned at = bus->spaces[range->space].count++;

		bus->spaces[range->space].entries[at] = (struct entry){range->base, last, range};
		range->active = true;
	}
	pthread_rwlock_unlock(&bus->lock);
	return err;
}

static unsigned users_of_this_thread(const struct bus_range *range)
{
	unsigned n = 0;

	for (unsigned i = 0; i < inside_count; i++)
		n += inside[i] == range;
	return n;
}

void bus_remove(struct bus *bus, struct bus_range *range)
{
	const struct timespec pause = {.tv_nsec = 20000};
	unsigned mine = users_of_this_thread(range);

	pthread_rwlock_wrlock(&bus->lock);
	if (range->active) {
		struct entry *e = bus->spaces[range->space].entries;
		unsigned count = bus->spaces[range->space].count, i = 0;

		while (i < count && e[i].range != range)
			i++;
		if (i < count) {
			memmove(&e[i], &e[i + 1], (count - i - 1) * sizeof(*e));
			bus->spaces[range->space].count--;
		}
		range->active = false;
	}
	pthread_rwlock_unlock(&bus->lock);

	/* Rare and short (a BAR moves while another vCPU is inside it): polling is good enough. */
	while (__atomic_load_n(&range->users, __ATOMIC_ACQUIRE) > mine)
		nanosleep(&pause, NULL);
}

/* The range that answers [addr, addr + size), with a user counted; NULL: nobody. */
static struct bus_range *enter(struct bus *bus, enum bus_space space, uint64_t addr, unsigned size)
{
	uint64_t last = addr + size - 1;
	struct bus_range *found = NULL;

	if ((size != 1 && size != 2 && size != 4 && size != 8) || last < addr ||
	    inside_count == MAX_NESTED)
		return NULL;
	pthread_rwlock_rdlock(&bus->lock);
	for (unsigned i = 0; i < bus->spaces[space].count; i++) {
		const struct entry *e = &bus->spaces[space].entries[i];

		if (addr > e->last || last < e->first)
			continue;
		if (addr >= e->first && last <= e->last) {
			found = e->range;
			__atomic_fetch_add(&found->users, 1, __ATOMIC_RELAXED);
		}
		break;
	}
	pthread_rwlock_unlock(&bus->lock);
	if (found)
		inside[inside_count++] = found;
	return found;
}

static void leave(struct bus_range *range)
{
	inside_count--;
	__atomic_fetch_sub(&range->users, 1, __ATOMIC_RELEASE);
}

bool bus_read(struct bus *bus, enum bus_space space, uint64_t addr, unsigned size, uint64_t *value)
{
	uint64_t ones = size < 8 ? (1ull << (8 * size)) - 1 : UINT64_MAX;
	struct bus_range *range = enter(bus, space, addr, size);

	*value = ones;
	if (!range)
		return false;
	if (range->ops->read)
		*value = range->ops->read(range->opaque, addr - range->base, size) & ones;
	leave(range);
	return true;
}

bool bus_write(struct bus *bus, enum bus_space space, uint64_t addr, unsigned size, uint64_t value)
{
	uint64_t ones = size < 8 ? (1ull << (8 * size)) - 1 : UINT64_MAX;
	struct bus_range *range = enter(bus, space, addr, size);

	if (!range)
		return false;
	if (range->ops->write)
		range->ops->write(range->opaque, addr - range->base, size, value & ones);
	leave(range);
	return true;
}
