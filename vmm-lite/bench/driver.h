/* SPDX-License-Identifier: MIT */
/*
 * A virtio-blk driver, complete and small: what a guest's kernel does, in our own process.
 * (virtio 1.3, 3.1 Device Initialization, 5.2.6 Device Operation)
 */
#ifndef VMM_BENCH_DRIVER_H
#define VMM_BENCH_DRIVER_H

#include "vmm-lite/bench/arena.h"
#include "vmm-lite/bench/transport.h"
#include "vmm-lite/virtio/spec.h"

#define DRIVER_MAX_QUEUES 64

/* One request: its three pieces in guest memory, and what became of it. */
struct blk_slot {
	struct blk_header *header; /* the device reads it */
	uint8_t *data;
	uint8_t *status; /* the device writes it */
	gpa_t header_gpa, data_gpa, status_gpa;
	uint32_t type, length;
	uint32_t written; /* what the device said it wrote: data and the status byte */
	uint64_t sector;
	uint64_t start_ns; /* the job's */
	uint64_t job;      /* likewise */
	bool busy;
};

struct driver_queue {
	struct driver_ring ring;
	struct doorbell_address doorbell;
	int interrupt;       /* with MSI-X: the eventfd it arrives at */
	int interrupt_flags; /* of it, as the device had them */
	uint64_t kicks;
};

struct driver {
	struct bench_wires *wires;
	struct pci_device pci;
	const struct transport *transport;
	uint64_t features;
	uint64_t capacity; /* sectors */
	unsigned queue_count, interrupts_taken;
	bool msix;
	struct driver_queue queues[DRIVER_MAX_QUEUES];
};

/*
 * Find the device and bring it up with up to `queues` queues. 0, or -1 with a sentence in err; what
 * was begun is undone by driver_release either way.
 */
int driver_init(struct driver *driver, struct bench_wires *wires, struct arena *arena,
		unsigned queues, char *err, size_t err_size);

/* Reset the device: afterwards it touches no memory of the driver's any more. */
void driver_release(struct driver *driver);

/* Memory for one request of up to `bytes`. 0 or -ENOMEM. */
int blk_slot_init(struct blk_slot *slot, struct arena *arena, uint32_t bytes);

/* Put it on the queue: enum blk_type, the sector, and bytes of data (0 for a flush). False: full. */
bool driver_submit(struct driver_queue *queue, struct blk_slot *slot, uint32_t type,
		   uint64_t sector, uint32_t length);

/* Tell the device about everything submitted, if it wants to know. */
void driver_kick(struct driver *driver, struct driver_queue *queue);

/* The next finished request, or NULL. Its status byte and `written` are there. */
struct blk_slot *driver_reap(struct driver_queue *queue);

/* Sleep until this queue's interrupt. With INTx it is everybody's, and acknowledged here. */
void driver_sleep(struct driver *driver, struct driver_queue *queue);

/* End such a sleep from another thread. */
void driver_wake(struct driver *driver, struct driver_queue *queue);

#endif
