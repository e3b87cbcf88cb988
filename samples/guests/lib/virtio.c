/* SPDX-License-Identifier: MIT */
#include "samples/guests/lib/virtio.h"

#include <stddef.h>

#define QUEUES     2
#define CAP_VENDOR 9
#define BAR0       0x10

/* The common configuration. (virtio 1.3, 4.1.4.3) */
enum {
	DEVICE_FEATURE_SELECT = 0,
	DEVICE_FEATURE = 4,
	DRIVER_FEATURE_SELECT = 8,
	DRIVER_FEATURE = 12,
	STATUS = 20,
	QUEUE_SELECT = 22,
	QUEUE_SIZE = 24,
	QUEUE_VECTOR = 26,
	QUEUE_ENABLE = 28,
	QUEUE_NOTIFY_OFF = 30,
	QUEUE_DESC = 32,
	QUEUE_DRIVER = 40,
	QUEUE_DEVICE = 48,
};

enum { ACKNOWLEDGE = 1, DRIVER = 2, DRIVER_OK = 4, FEATURES_OK = 8 };
enum { CAP_COMMON = 1, CAP_NOTIFY = 2, CAP_ISR = 3, CAP_DEVICE = 4 };

static struct memory {
	struct descriptor descriptors[RING_SIZE];
	struct available available;
	struct used used __attribute__((aligned(16)));
} memories[QUEUES] __attribute__((aligned(4096)));

static volatile uint8_t *reg8(struct disk *disk, unsigned at)
{
	return disk->common + at;
}

static volatile uint16_t *reg16(struct disk *disk, unsigned at)
{
	return (volatile uint16_t *)(disk->common + at);
}

static volatile uint32_t *reg32(struct disk *disk, unsigned at)
{
	return (volatile uint32_t *)(disk->common + at);
}

/* Where each part of the device is: a PCI capability names a BAR and an offset. (4.1.4) */
static bool find_parts(struct disk *disk)
{
	unsigned at = pci_read(disk->slot, 0x34) & 0xfc;

	for (; at; at = pci_read(disk->slot, at) >> 8 & 0xfc) {
		uint32_t first = pci_read(disk->slot, at), bar, base;
		volatile uint8_t *part;

		if ((first & 0xff) != CAP_VENDOR)
			continue;
		bar = pci_read(disk->slot, at + 4) & 0xff;
		base = bar < 6 ? pci_read(disk->slot, BAR0 + 4 * bar) & ~0xfu : 0;
		part = (volatile uint8_t *)((uintptr_t)base + pci_read(disk->slot, at + 8));
		switch (first >> 24) {
		case CAP_COMMON: disk->common = part; break;
		case CAP_ISR: disk->isr = part; break;
		case CAP_DEVICE: disk->config = part; break;
		case CAP_NOTIFY:
			disk->notify = part;
			disk->stride = pci_read(disk->slot, at + 16);
			break;
		default: break;
		}
	}
	return disk->common && disk->notify && disk->isr && disk->config;
}

void disk_reset(struct disk *disk)
{
	*reg8(disk, STATUS) = 0;
	while (*reg8(disk, STATUS))
		;
}

static void agree(struct disk *disk, uint64_t wanted)
{
	uint64_t offered;

	*reg32(disk, DEVICE_FEATURE_SELECT) = 1;
	offered = (uint64_t)*reg32(disk, DEVICE_FEATURE) << 32;
	*reg32(disk, DEVICE_FEATURE_SELECT) = 0;
	offered |= *reg32(disk, DEVICE_FEATURE);
	disk->features = offered & (wanted | FEATURE(VERSION_1));
	*reg32(disk, DRIVER_FEATURE_SELECT) = 0;
	*reg32(disk, DRIVER_FEATURE) = (uint32_t)disk->features;
	*reg32(disk, DRIVER_FEATURE_SELECT) = 1;
	*reg32(disk, DRIVER_FEATURE) = (uint32_t)(disk->features >> 32);
}

bool disk_open(struct disk *disk, uint64_t features)
{
	int slot = pci_find(0x1af4, 0x1001);

	if (slot < 0)
		slot = pci_find(0x1af4, 0x1042);
	if (slot < 0) {
		print("no virtio-blk device: start vmm-lite with --disk\n");
		return false;
	}
	*disk = (struct disk){.slot = (unsigned)slot};
	pci_write(disk->slot, 4, 7); /* ports, memory, and to send messages */
	if (!find_parts(disk)) {
		print("no modern interface: leave transport=legacy out\n");
		return false;
	}
	disk_reset(disk);
	*reg8(disk, STATUS) = ACKNOWLEDGE;
	*reg8(disk, STATUS) = ACKNOWLEDGE | DRIVER;
	agree(disk, features);
	*reg8(disk, STATUS) = ACKNOWLEDGE | DRIVER | FEATURES_OK;
	if (disk->features != (features | FEATURE(VERSION_1)) ||
	    !(*reg8(disk, STATUS) & FEATURES_OK)) {
		print("the device does not offer what this sample is about\n");
		return false;
	}
	return true;
}

static void set_address(struct disk *disk, unsigned at, volatile void *memory)
{
	*reg32(disk, at) = (uint32_t)(uintptr_t)memory;
	*reg32(disk, at + 4) = 0;
}

bool disk_queue(struct disk *disk, struct queue *queue, uint16_t number, uint16_t size,
		uint16_t vector)
{
	struct memory *memory = &memories[number];

	*reg16(disk, QUEUE_SELECT) = number;
	if (number >= QUEUES || *reg16(disk, QUEUE_SIZE) < size) {
		print("queue %u is not there, or smaller than %u\n", number, size);
		return false;
	}
	*memory = (struct memory){0};
	*queue = (struct queue){
	    .descriptors = memory->descriptors,
	    .available = &memory->available,
	    .used = &memory->used,
	    .doorbell =
		(volatile uint16_t *)(disk->notify + *reg16(disk, QUEUE_NOTIFY_OFF) * disk->stride),
	    .number = number,
	    .size = size,
	};
	*reg16(disk, QUEUE_SIZE) = size;
	*reg16(disk, QUEUE_VECTOR) = vector;
	set_address(disk, QUEUE_DESC, queue->descriptors);
	set_address(disk, QUEUE_DRIVER, queue->available);
	set_address(disk, QUEUE_DEVICE, queue->used);
	*reg16(disk, QUEUE_ENABLE) = 1;
	return *reg16(disk, QUEUE_VECTOR) == vector;
}

void disk_start(struct disk *disk)
{
	*reg8(disk, STATUS) = ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK;
}

uint16_t fill_chain(struct queue *queue, uint16_t first, struct request *request, uint32_t type,
		    uint64_t sector, void *data, uint32_t size)
{
	struct descriptor *d = &queue->descriptors[first];
	uint16_t at = first, device_writes = type == READ ? DESC_DEVICE_WRITES : 0;

	request->header.type = type;
	request->header.reserved = 0;
	request->header.sector = sector;
	request->status = 0xff;
	*d++ = (struct descriptor){(uintptr_t)&request->header, sizeof(request->header), DESC_NEXT,
				   ++at};
	if (size)
		*d++ = (struct descriptor){(uintptr_t)data, size,
					   (uint16_t)(DESC_NEXT | device_writes), ++at};
	*d = (struct descriptor){(uintptr_t)&request->status, 1, DESC_DEVICE_WRITES, 0};
	return (uint16_t)(at + 1 - first);
}

void offer(struct queue *queue, uint16_t head)
{
	queue->available->ring[queue->offered % queue->size] = head;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	queue->available->index = ++queue->offered;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

void kick(struct queue *queue)
{
	*queue->doorbell = queue->number;
}

uint8_t do_request(struct queue *queue, uint32_t type, uint64_t sector, void *data, uint32_t size)
{
	static struct request request;
	uint32_t before = interrupts_count();

	fill_chain(queue, 0, &request, type, sector, data, size);
	offer(queue, 0);
	kick(queue);
	interrupts_wait(before);
	return queue->used->index == queue->offered ? request.status : 0xff;
}

bool one_queue(struct disk *disk, struct queue *queue, uint64_t features)
{
	interrupts_start();
	if (!disk_open(disk, features))
		return false;
	if (!pci_enable_msix(disk->slot, GUEST_VECTOR)) {
		print("no MSI-X: leave irq=intx out\n");
		return false;
	}
	if (!disk_queue(disk, queue, 0, RING_SIZE, 0))
		return false;
	disk_start(disk);
	return true;
}
