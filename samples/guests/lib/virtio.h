/* SPDX-License-Identifier: MIT */
/*
 * A virtio-blk device on PCI, up to the point where requests can be made: what each sample needs
 * and none is about. (virtio 1.3: 3.1 initialization, 4.1 PCI, 2.7 split rings)
 */
#ifndef SAMPLE_VIRTIO_H
#define SAMPLE_VIRTIO_H

#include "samples/guests/lib/guest.h"

#define SECTOR     512
#define RING_SIZE  16 /* descriptors of a queue that a sample sets up */
#define FEATURE(n) (1ull << (n))

enum { FLUSH_FEATURE = 9, CONFIG_WCE = 11, MULTIQUEUE = 12, DISCARD_FEATURE = 13 };
enum { INDIRECT_DESC = 28, EVENT_IDX = 29, VERSION_1 = 32, RING_PACKED = 34 };
enum { READ = 0, WRITE = 1, FLUSH = 4, DISCARD = 11 };
enum { DESC_NEXT = 1, DESC_DEVICE_WRITES = 2, DESC_INDIRECT = 4 };
enum { NO_VECTOR = 0xffff };

struct descriptor {
	uint64_t address;
	uint32_t length;
	uint16_t flags, next; /* in a packed ring: buffer id, flags */
};

struct available {
	uint16_t flags, index, ring[RING_SIZE], used_event;
};

struct used {
	uint16_t flags, index;
	struct {
		uint32_t head, length;
	} ring[RING_SIZE];
	uint16_t avail_event;
};

/* What the device reads first, and the byte that it writes last. */
struct request {
	struct {
		uint32_t type, reserved;
		uint64_t sector;
	} header;
	volatile uint8_t status;
};

struct disk {
	unsigned slot;
	uint64_t features; /* that both sides know and the sample wants */
	uint32_t stride;   /* bytes between two doorbells */
	volatile uint8_t *common, *notify, *isr, *config;
};

struct queue {
	struct descriptor *descriptors;
	volatile struct available *available; /* in a packed ring: the driver's event area */
	volatile struct used *used;           /* the device's event area */
	volatile uint16_t *doorbell;
	uint16_t number, size;
	uint16_t offered; /* chains so far */
};

/* Find the disk, reset it and agree on `features` and VERSION_1. False: it said why not. */
bool disk_open(struct disk *disk, uint64_t features);
/* Give it queue `number` of `size` descriptors, at most RING_SIZE; interrupts by MSI-X entry `vector`. */
bool disk_queue(struct disk *disk, struct queue *queue, uint16_t number, uint16_t size,
		uint16_t vector);
/* Begin: DRIVER_OK. */
void disk_start(struct disk *disk);
/* Stop whatever it does. Back only when it has let go of the rings. */
void disk_reset(struct disk *disk);

/* Fill the descriptors `first` … for one request; its length in descriptors is returned. */
uint16_t fill_chain(struct queue *queue, uint16_t first, struct request *request, uint32_t type,
		    uint64_t sector, void *data, uint32_t size);
/* Put a chain's head into the available ring and move the index on. */
void offer(struct queue *queue, uint16_t head);
void kick(struct queue *queue);

/* One request, first to last, halted until an interrupt tells of it. Its status. */
uint8_t do_request(struct queue *queue, uint32_t type, uint64_t sector, void *data, uint32_t size);

/* Begin a sample that uses one split queue with MSI-X: all of the above up to disk_start. */
bool one_queue(struct disk *disk, struct queue *queue, uint64_t features);

#endif
