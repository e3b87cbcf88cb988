/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "vmm-lite/bench/driver.h"

#define STATUS_NOT_YET  0xff /* not a status: shows one that the device never wrote */
#define CONFIG_CAPACITY 0    /* 5.2.4 */
#define CONFIG_QUEUES   34
#define RESET_POLL_US   100
#define RESET_POLLS     100000

/* What this driver makes use of. */
#define WANTED                                                                       \
	(FEATURE(F_VERSION_1) | FEATURE(F_INDIRECT_DESC) | FEATURE(F_EVENT_IDX) |    \
	 FEATURE(F_RING_PACKED) | FEATURE(F_MQ) | FEATURE(F_FLUSH) | FEATURE(F_RO) | \
	 FEATURE(F_BLK_SIZE) | FEATURE(F_ANY_LAYOUT))

/* 2.4.1: a reset is over when the status reads 0. */
static int reset(struct driver *driver)
{
	unsigned polls = RESET_POLLS;

	driver->transport->set_status(&driver->pci, 0);
	while (driver->transport->status(&driver->pci)) {
		if (!polls--)
			return -1;
		usleep(RESET_POLL_US);
	}
	return 0;
}

/* Steps 1 to 6 of 3.1.1: say hello, agree on features. */
static int negotiate(struct driver *driver, char *err, size_t err_size)
{
	const struct transport *transport = driver->transport;
	struct pci_device *pci = &driver->pci;
	uint8_t status = STATUS_ACKNOWLEDGE;

	if (reset(driver)) {
		snprintf(err, err_size, "the device does not end its reset");
		return -1;
	}
	transport->set_status(pci, status);
	status |= STATUS_DRIVER;
	transport->set_status(pci, status);
	driver->features = transport->features(pci) & WANTED;
	transport->set_features(pci, driver->features);
	if (transport == &transport_legacy)
		return 0;
	status |= STATUS_FEATURES_OK;
	transport->set_status(pci, status);
	if (transport->status(pci) & STATUS_FEATURES_OK)
		return 0;
	snprintf(err, err_size, "the device refuses the features %#llx",
		 (unsigned long long)driver->features);
	return -1;
}

static bool has(const struct driver *driver, enum feature bit)
{
	return driver->features & FEATURE(bit);
}

static int start_queue(struct driver *driver, struct arena *arena, unsigned number, char *err,
		       size_t err_size)
{
	struct driver_queue *queue = &driver->queues[number];
	struct driver_ring_options options = {
	    .size = driver->transport->queue_size(&driver->pci, number),
	    .packed = has(driver, F_RING_PACKED),
	    .indirect = has(driver, F_INDIRECT_DESC),
	    .event_idx = has(driver, F_EVENT_IDX),
	};

	if (!options.size) {
		snprintf(err, err_size, "the device has no queue %u", number);
		return -1;
	}
	if (driver_ring_init(&queue->ring, arena, &options)) {
		snprintf(err, err_size, "no guest memory for queue %u", number);
		return -1;
	}
	driver->queue_count = number + 1;
	if (driver->transport->queue_start(&driver->pci, number, &queue->ring,
					   driver->msix ? number : NO_MSIX_VECTOR,
					   &queue->doorbell)) {
		snprintf(err, err_size, "the device refuses MSI-X vector %u", number);
		return -1;
	}
	return 0;
}

/* With fewer vectors than queues it would take a shared vector; this device always has enough. */
static void enable_interrupts(struct driver *driver, unsigned queues)
{
	driver->msix = driver->pci.msix && driver->pci.vectors >= queues;
	if (driver->msix)
		pci_device_enable_msix(&driver->pci, queues);
	else
		driver->pci.msix = 0;
}

/* The driver wants to sleep in a read, as a halted CPU does; the device may not want to. */
static void take_interrupt(struct driver *driver, unsigned number)
{
	struct driver_queue *queue = &driver->queues[number];

	queue->interrupt = bench_vector_fd(driver->wires, number);
	queue->interrupt_flags = fcntl(queue->interrupt, F_GETFL);
	fcntl(queue->interrupt, F_SETFL, queue->interrupt_flags & ~O_NONBLOCK);
	driver->interrupts_taken = number + 1;
}

int driver_init(struct driver *driver, struct bench_wires *wires, struct arena *arena,
		unsigned queues, char *err, size_t err_size)
{
	uint64_t there = 1;
	unsigned i;

	memset(driver, 0, sizeof(*driver));
	driver->wires = wires;
	if (pci_device_find(&driver->pci, wires, err, err_size))
		return -1;
	driver->transport = transport_choose(&driver->pci);
	if (negotiate(driver, err, err_size))
		return -1;
	if (has(driver, F_MQ))
		there = driver->transport->config(&driver->pci, CONFIG_QUEUES, 2);
	if (queues > there)
		queues = there;
	enable_interrupts(driver, queues);
	for (i = 0; i < queues; i++)
		if (start_queue(driver, arena, i, err, err_size))
			return -1;
	driver->transport->set_status(&driver->pci,
				      driver->transport->status(&driver->pci) | STATUS_DRIVER_OK);
	driver->capacity = driver->transport->config(&driver->pci, CONFIG_CAPACITY, 4) |
			   driver->transport->config(&driver->pci, CONFIG_CAPACITY + 4, 4) << 32;
	for (i = 0; i < queues && driver->msix; i++)
		take_interrupt(driver, i);
	return 0;
}

void driver_release(struct driver *driver)
{
	unsigned i;

	while (driver->interrupts_taken) {
		struct driver_queue *queue = &driver->queues[--driver->interrupts_taken];

		fcntl(queue->interrupt, F_SETFL, queue->interrupt_flags);
	}
	if (driver->transport)
		reset(driver);
	for (i = 0; i < driver->queue_count; i++)
		driver_ring_release(&driver->queues[i].ring);
	driver->queue_count = 0;
}

int blk_slot_init(struct blk_slot *slot, struct arena *arena, uint32_t bytes)
{
	*slot = (struct blk_slot){0};
	slot->header = arena_take(arena, sizeof(*slot->header), 16, &slot->header_gpa);
	/* Far from the header: the two are written by different CPUs. */
	slot->status = arena_take(arena, 1, 64, &slot->status_gpa);
	slot->data = arena_take(arena, bytes, 4096, &slot->data_gpa);
	return slot->header && slot->status && slot->data ? 0 : -ENOMEM;
}

bool driver_submit(struct driver_queue *queue, struct blk_slot *slot, uint32_t type,
		   uint64_t sector, uint32_t length)
{
	struct driver_ring_piece pieces[3] = {{slot->header_gpa, sizeof(*slot->header)}};
	unsigned count = 1;

	if (length)
		pieces[count++] = (struct driver_ring_piece){slot->data_gpa, length};
	pieces[count++] = (struct driver_ring_piece){slot->status_gpa, 1};
	*slot->header = (struct blk_header){.type = type, .sector = sector};
	*slot->status = STATUS_NOT_YET;
	slot->type = type;
	slot->sector = sector;
	slot->length = length;
	slot->busy = true;
	if (driver_ring_add(&queue->ring, pieces, type == BLK_T_IN ? 1 : count - 1,
			    type == BLK_T_IN ? count - 1 : 1, slot))
		return true;
	slot->busy = false;
	return false;
}

void driver_kick(struct driver *driver, struct driver_queue *queue)
{
	if (!driver_ring_kick_needed(&queue->ring))
		return;
	queue->kicks++;
	bench_store(driver->wires, queue->doorbell.space, queue->doorbell.addr, 2,
		    queue->doorbell.value);
}

struct blk_slot *driver_reap(struct driver_queue *queue)
{
	uint32_t written;
	struct blk_slot *slot = driver_ring_take(&queue->ring, &written);

	if (slot) {
		slot->written = written;
		slot->busy = false;
	}
	/* cppcheck-suppress returnDanglingLifetime ; it is a token, never &written */
	return slot;
}

void driver_sleep(struct driver *driver, struct driver_queue *queue)
{
	uint64_t count;

	if (driver->msix) {
		if (read(queue->interrupt, &count, sizeof(count)) < 0)
			return; /* interrupted by a signal: the caller looks at the ring anyway */
		return;
	}
	bench_line_sleep(driver->wires);
	driver->transport->isr(&driver->pci);
	bench_line_eoi(driver->wires);
}

void driver_wake(struct driver *driver, struct driver_queue *queue)
{
	uint64_t one = 1;

	if (!driver->msix)
		bench_line_wake(driver->wires);
	else if (write(queue->interrupt, &one, sizeof(one)) < 0)
		return; /* full: there is something to wake up for */
}
