/* SPDX-License-Identifier: MIT */
#include "tests/fuzz/watch.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_RANGES 4096
#define MAX_CHAINS 64
#define CHUNK      512
#define DESC_AVAIL 0x80u
#define DESC_USED  0x8000u
#define DESC_NEXT  1u
#define DESC_WRITE 2u
#define DESC_TABLE 4u

struct range {
	uint64_t first, length;
};

/* What can be said of a ring. */
enum sense { SENSE, NONSENSE, UNSURE };

struct ranges {
	struct range at[MAX_RANGES];
	unsigned count;
	bool full;
};

struct desc {
	uint64_t addr;
	uint32_t len;
	uint16_t a, b; /* split: flags, next; packed: id, flags */
};

struct ring_watch {
	bool on;     /* the queue is enabled and followed */
	bool lost;   /* enabled, but nobody knows any more what is in it */
	bool served; /* kicked, and nothing keeps the device from taking what is there */
	bool packed;
	uint16_t size;
	uint64_t desc, driver, device;
	uint16_t avail, used;
	bool avail_wrap, used_wrap;
	enum sense sense;
	unsigned count; /* available and not yet used */
	struct {
		uint16_t id, slots;
	} chains[MAX_CHAINS];
};

struct watch {
	struct rig *rig;
	uint8_t *shadow[GUEST_MEM_MAX_REGIONS];
	struct ranges writable; /* by the device, since the last reset */
	struct ranges read;     /* rings and tables: what the device goes by, now */
	struct ring_watch queues[WATCH_QUEUES];
	bool tainted; /* the device may write what it goes by */
	bool held;
};

void watch_fail(const char *what)
{
	fprintf(stderr, "watch: %s\n", what);
	abort();
}

struct virtio_pci *watch_pci(struct rig *rig)
{
	return rig->fn->opaque;
}

/* Guest memory. */

static void *memory(const struct watch *w, uint64_t addr, uint64_t length)
{
	return guest_mem_ptr(&w->rig->mem, GPA(addr), length, GUEST_READ);
}

static void synchronise(struct watch *w)
{
	for (unsigned i = 0; i < w->rig->mem.count; i++)
		memcpy(w->shadow[i], w->rig->mem.regions[i].host, w->rig->mem.regions[i].size);
}

struct watch *watch_new(struct rig *rig)
{
	struct watch *w = calloc(1, sizeof(*w));

	w->rig = rig;
	for (unsigned i = 0; i < rig->mem.count; i++)
		w->shadow[i] = malloc(rig->mem.regions[i].size);
	synchronise(w);
	return w;
}

void watch_free(struct watch *w)
{
	for (unsigned i = 0; i < GUEST_MEM_MAX_REGIONS; i++)
		free(w->shadow[i]);
	free(w);
}

static void add(struct ranges *r, uint64_t first, uint64_t length)
{
	for (unsigned i = 0; i < r->count; i++)
		if (first == r->at[i].first && length == r->at[i].length)
			return;
	if (r->count == MAX_RANGES)
		r->full = true;
	else
		r->at[r->count++] = (struct range){first, length};
}

static bool contains(const struct ranges *r, uint64_t addr)
{
	for (unsigned i = 0; i < r->count; i++)
		if (addr - r->at[i].first < r->at[i].length)
			return true;
	return false;
}

static bool overlap(const struct ranges *a, const struct ranges *b)
{
	for (unsigned i = 0; i < a->count; i++)
		for (unsigned j = 0; j < b->count; j++)
			if (a->at[i].first < b->at[j].first + b->at[j].length &&
			    b->at[j].first < a->at[i].first + a->at[i].length)
				return true;
	return false;
}

static void add_writable(struct watch *w, uint64_t addr, uint64_t length)
{
	struct iovec iov[2];

	/* What is not all memory is not written at all. */
	if (length && guest_mem_iov(&w->rig->mem, GPA(addr), length, GUEST_WRITE, iov, 2) > 0)
		add(&w->writable, addr, length);
}

static void add_descriptor(struct watch *w, const struct desc *d, uint16_t flags, bool packed)
{
	const struct desc *table;

	if (!(flags & DESC_TABLE)) {
		if (flags & DESC_WRITE)
			add_writable(w, d->addr, d->len);
		return;
	}
	table = memory(w, d->addr, d->len);
	if (!table)
		return;
	add(&w->read, d->addr, d->len);
	for (uint32_t i = 0; i < d->len / sizeof(*table); i++) {
		struct desc entry;

		memcpy(&entry, (const uint8_t *)table + i * sizeof(entry), sizeof(entry));
		if ((packed ? entry.b : entry.a) & DESC_WRITE)
			add_writable(w, entry.addr, entry.len);
	}
}

static struct desc descriptor(const struct watch *w, const struct ring_watch *r, unsigned at)
{
	const void *from = memory(w, r->desc + 16ull * at, 16);
	struct desc d = {0};

	if (from)
		memcpy(&d, from, sizeof(d));
	return d;
}

static uint64_t device_bytes(const struct ring_watch *r)
{
	return r->packed ? 4 : 6 + 8ull * r->size;
}

static bool others_write(const struct watch *w, uint64_t first, uint64_t length)
{
	for (unsigned i = 0; i < w->writable.count; i++) {
		const struct range *r = &w->writable.at[i];

		if (r->first < first + length && first < r->first + r->length &&
		    (r->first != first || r->length != length))
			return true;
	}
	return false;
}

/* What the device may write now, beside what it could before; and is that still a fair game? */
static void collect(struct watch *w)
{
	w->read.count = 0;
	for (unsigned i = 0; i < WATCH_QUEUES; i++) {
		const struct ring_watch *r = &w->queues[i];

		if (!r->on)
			continue;
		add_writable(w, r->device, device_bytes(r));
		add(&w->read, r->driver, r->packed ? 4 : 6 + 2ull * r->size);
		if (!r->packed)
			add(&w->read, r->desc, 16ull * r->size);
		for (unsigned at = 0; at < r->size; at++) {
			struct desc d = descriptor(w, r, at);

			add_descriptor(w, &d, r->packed ? d.b : d.a, r->packed);
		}
	}
	w->tainted |= w->writable.full || w->read.full || overlap(&w->writable, &w->read);
	for (unsigned i = 0; i < WATCH_QUEUES; i++) {
		const struct ring_watch *r = &w->queues[i];

		/* Rings that the device writes, as long as nothing else of it goes there. */
		if (r->on)
			w->tainted |= others_write(w, r->packed ? r->desc : r->device,
						   r->packed ? 16ull * r->size : device_bytes(r));
	}
}

static bool in_packed_ring(const struct watch *w, uint64_t addr)
{
	for (unsigned i = 0; i < WATCH_QUEUES; i++)
		if (w->queues[i].on && w->queues[i].packed &&
		    addr - w->queues[i].desc < 16ull * w->queues[i].size)
			return true;
	return false;
}

static void check_memory(struct watch *w)
{
	for (unsigned i = 0; i < w->rig->mem.count && !w->tainted; i++) {
		const struct guest_region *region = &w->rig->mem.regions[i];

		for (uint64_t at = 0; at < region->size; at += CHUNK) {
			if (!memcmp(w->shadow[i] + at, region->host + at, CHUNK))
				continue;
			for (uint64_t b = at; b < at + CHUNK; b++) {
				uint64_t addr = region->base.value + b;

				if (w->shadow[i][b] != region->host[b] &&
				    !contains(&w->writable, addr) && !in_packed_ring(w, addr))
					watch_fail("memory was written that nobody offered");
			}
		}
	}
	synchronise(w);
}

/* Rings. */

static void open_ring(struct ring_watch *r, const struct virtio_device *dev, unsigned index)
{
	const struct virtio_queue *q = &dev->queues[index];

	*r = (struct ring_watch){.on = true,
				 .packed = dev->features & FEATURE(F_RING_PACKED),
				 .size = q->size,
				 .desc = q->desc,
				 .driver = q->driver,
				 .device = q->device,
				 .avail_wrap = true,
				 .used_wrap = true};
}

/* Is it watched as it is? A queue can be reset and enabled again, elsewhere, between two looks. */
static bool is_open(const struct ring_watch *r, const struct virtio_queue *q)
{
	return r->on && r->desc == q->desc && r->driver == q->driver && r->device == q->device &&
	       r->size == q->size;
}

static uint16_t word(const struct watch *w, uint64_t addr)
{
	uint16_t *at = memory(w, addr, 2);

	return at ? __atomic_load_n(at, __ATOMIC_ACQUIRE) : 0;
}

static void forward(uint16_t *at, bool *wrap, unsigned slots, uint16_t size)
{
	unsigned next = *at + slots;

	if (next >= size) {
		next -= size;
		*wrap = !*wrap;
	}
	*at = (uint16_t)next;
}

static bool append(struct ring_watch *r, uint16_t id, uint16_t slots)
{
	if (r->count == MAX_CHAINS)
		return false;
	r->chains[r->count].id = id;
	r->chains[r->count++].slots = slots;
	return true;
}

/* Is there something that was not taken note of? */
static bool has_available(const struct watch *w, const struct ring_watch *r)
{
	struct desc d;

	if (!r->packed)
		return word(w, r->driver + 2) != r->avail;
	d = descriptor(w, r, r->avail);
	return !!(d.b & DESC_AVAIL) == r->avail_wrap && !!(d.b & DESC_USED) != r->avail_wrap;
}

/* Take note of what was made available. */
static enum sense take_split(const struct watch *w, struct ring_watch *r)
{
	uint16_t idx = word(w, r->driver + 2);

	if ((uint16_t)(idx - r->avail) > r->size)
		return NONSENSE;
	for (; r->avail != idx; r->avail++) {
		uint16_t head = word(w, r->driver + 4 + 2ull * (r->avail % r->size));

		if (head >= r->size)
			return NONSENSE;
		/* All right if the first one is done by then. */
		for (unsigned i = 0; i < r->count; i++)
			if (r->chains[i].id == head)
				return UNSURE;
		if (!append(r, head, 1))
			return UNSURE;
	}
	return SENSE;
}

static enum sense take_packed(const struct watch *w, struct ring_watch *r)
{
	unsigned taken = 0;

	for (unsigned i = 0; i < r->count; i++)
		taken += r->chains[i].slots;
	while (has_available(w, r)) {
		struct desc d = descriptor(w, r, r->avail);
		uint16_t slots = 1, at = r->avail;

		for (; d.b & DESC_NEXT && slots < r->size; slots++) {
			at = (uint16_t)((at + 1) % r->size);
			d = descriptor(w, r, at);
		}
		if (d.b & DESC_NEXT)
			return NONSENSE;
		if (taken + slots > r->size || !append(r, d.a, slots))
			return UNSURE;
		taken += slots;
		forward(&r->avail, &r->avail_wrap, slots, r->size);
	}
	return SENSE;
}

static uint16_t give_back(struct ring_watch *r, uint32_t id)
{
	for (unsigned i = 0; i < r->count; i++) {
		uint16_t slots = r->chains[i].slots;

		if (r->chains[i].id != id)
			continue;
		/* Equal names for lists of unequal length: nobody can tell them apart. */
		for (unsigned j = i + 1; j < r->count; j++)
			if (r->chains[j].id == id && r->chains[j].slots != slots)
				r->lost = true;
		memmove(&r->chains[i], &r->chains[i + 1],
			(r->count - i - 1) * sizeof(r->chains[0]));
		r->count--;
		return slots;
	}
	watch_fail("a chain was used that was not available, or twice");
}

static bool has_used(const struct watch *w, const struct ring_watch *r)
{
	struct desc d;

	if (!r->packed)
		return word(w, r->device + 2) != r->used;
	d = descriptor(w, r, r->used);
	return !!(d.b & DESC_AVAIL) == r->used_wrap && !!(d.b & DESC_USED) == r->used_wrap;
}

static void take_used(const struct watch *w, struct ring_watch *r)
{
	while (!r->lost && has_used(w, r)) {
		const uint32_t *element;

		if (r->packed) {
			uint16_t slots = give_back(r, descriptor(w, r, r->used).a);

			forward(&r->used, &r->used_wrap, slots, r->size);
			continue;
		}
		element = memory(w, r->device + 4 + 8ull * (r->used % r->size), 8);
		give_back(r, element ? element[0] : UINT32_MAX);
		r->used++;
	}
}

static void check_ring(struct watch *w, unsigned index)
{
	const struct virtio_device *dev = watch_pci(w->rig)->dev;
	const struct virtio_queue *q = &dev->queues[index];
	struct ring_watch *r = &w->queues[index];

	if (!q->enabled || q->stopping) {
		r->on = false;
		return;
	}
	if (!is_open(r, q))
		open_ring(r, dev, index);
	r->lost |= w->tainted;
	if (r->lost)
		return;
	if (!r->served) {
		/* It looked without a kick: a packed ring does not show any more what was in it. */
		if (!r->count && has_used(w, r)) {
			r->sense = r->packed ? UNSURE : take_split(w, r);
			r->lost |= r->sense == UNSURE;
		}
		/* It may have been taken already, and held: nobody can tell. */
		if (w->held && has_available(w, r))
			r->lost = true;
	}
	take_used(w, r);
	if (dev->broken)
		r->lost = true;
	if (r->served && !r->lost && r->sense == NONSENSE)
		watch_fail("a ring that makes no sense was taken for good");
	if (r->served && !r->lost && r->count && !w->held)
		watch_fail("a chain did not come back");
	r->lost |= r->sense == NONSENSE;
}

/* Registers. */

static void check_registers(const struct watch *w)
{
	const struct virtio_device *dev = watch_pci(w->rig)->dev;
	const struct pci_function *fn = w->rig->fn;

	if (dev->features & ~dev->offered)
		watch_fail("features are in force that were not offered");
	if (dev->config_vector != NO_VECTOR && dev->config_vector >= dev->vectors)
		watch_fail("the configuration vector does not exist");
	for (unsigned i = 0; i < dev->queue_count; i++) {
		const struct virtio_queue *q = &dev->queues[i];

		if (!q->size || q->size > dev->max_size)
			watch_fail("a queue has an impossible size");
		if (q->vector != NO_VECTOR && q->vector >= dev->vectors)
			watch_fail("a queue's vector does not exist");
		if (q->live && !q->enabled)
			watch_fail("a queue is served that is not enabled");
	}
	for (unsigned i = 0; i < w->rig->bell_count; i++) {
		const struct doorbell *bell = &w->rig->bells[i];
		bool live = false;

		for (unsigned j = 0; j < dev->queue_count; j++)
			live |=
			    dev->queues[j].live && watch_pci(w->rig)->kick_fds[j] == bell->eventfd;
		if (!live)
			watch_fail("a doorbell belongs to no live queue");
	}
	for (unsigned i = 0; i < PCI_CONFIG_SIZE; i++)
		if (i != 6 && (fn->config[i] ^ fn->power_on[i]) & ~fn->writable[i])
			watch_fail("a read-only byte of configuration space has changed");
	for (unsigned bar = 0; bar < PCI_BARS; bar++)
		if (fn->bars[bar].range.active &&
		    fn->bars[bar].range.base != pci_function_bar_address(fn, bar))
			watch_fail("a BAR is not where its register says");
}

static void quiet(struct watch *w)
{
	struct virtio_pci *pci = watch_pci(w->rig);
	struct pollfd bell = {.events = POLLIN};

	for (unsigned i = 0; i < pci->dev->queue_count && w->rig->options.iothread; i++) {
		if (!pci->dev->queues[i].live && !pci->dev->queues[i].stopping)
			continue;
		bell.fd = pci->kick_fds[i];
		for (unsigned turns = 0;
		     poll(&bell, 1, 0) || !ram_disk_sleeps(w->rig->ram, i) ||
		     __atomic_load_n(&pci->dev->queues[i].stopping, __ATOMIC_ACQUIRE);
		     turns++) {
			if (turns > 200000)
				watch_fail("a queue's thread does not come to rest");
			usleep(turns < 50 ? 1 : 50);
		}
	}
}

static void look(struct watch *w)
{
	struct virtio_device *dev = watch_pci(w->rig)->dev;

	virtio_device_lock(dev);
	for (unsigned i = 0; i < dev->queue_count && i < WATCH_QUEUES; i++)
		if (!is_open(&w->queues[i], &dev->queues[i]) && dev->queues[i].enabled &&
		    !dev->queues[i].stopping)
			open_ring(&w->queues[i], dev, i);
	collect(w);
	check_memory(w);
	for (unsigned i = 0; i < dev->queue_count && i < WATCH_QUEUES; i++)
		check_ring(w, i);
	check_registers(w);
	virtio_device_unlock(dev);
	for (unsigned i = 0; i < WATCH_QUEUES; i++)
		w->queues[i].served = false;
}

void watch_look(struct watch *w)
{
	quiet(w);
	look(w);
}

void watch_kick(struct watch *w, unsigned queue)
{
	struct virtio_device *dev = watch_pci(w->rig)->dev;
	struct ring_watch *r = &w->queues[queue];

	if (queue >= WATCH_QUEUES || !r->on || r->lost || !dev->queues[queue].live || !dev->dma ||
	    dev->broken)
		return;
	r->served = true;
	r->sense = r->packed ? take_packed(w, r) : take_split(w, r);
	r->lost |= r->sense == UNSURE;
}

void watch_writes(struct watch *w)
{
	watch_look(w);
}

/* Did the driver change these bytes since the last look? */
static bool changed(const struct watch *w, uint64_t addr, uint64_t length)
{
	for (unsigned i = 0; i < w->rig->mem.count; i++) {
		const struct guest_region *region = &w->rig->mem.regions[i];
		uint64_t at = addr - region->base.value;

		if (at < region->size)
			return memcmp(w->shadow[i] + at, region->host + at, length);
	}
	return false;
}

void watch_wrote(struct watch *w, bool forged)
{
	/*
	 * What the driver takes back or forges is its own affair, but it ends the accounts: a slot
	 * of a packed ring says both what is available and what is used.
	 */
	for (unsigned i = 0; i < WATCH_QUEUES; i++) {
		struct ring_watch *r = &w->queues[i];

		if (r->on && (has_used(w, r) ||
			      (forged && r->packed && changed(w, r->desc, 16ull * r->size))))
			r->lost = true;
	}
	synchronise(w);
	collect(w);
}

void watch_held(struct watch *w, bool held)
{
	w->held = held;
}

bool watch_reset(struct watch *w)
{
	const struct virtio_device *dev = watch_pci(w->rig)->dev;
	bool fresh;

	quiet(w);
	look(w);
	fresh = !dev->status && !dev->resetting;
	for (unsigned i = 0; i < dev->queue_count; i++)
		fresh &= !dev->queues[i].enabled;
	if (!fresh)
		return false;
	w->writable.count = 0;
	w->writable.full = w->read.full = w->tainted = false;
	memset(w->queues, 0, sizeof(w->queues));
	synchronise(w);
	return true;
}
