/* SPDX-License-Identifier: MIT */
/*
 * The life of a request as its driver sees it: find the disk, set up one queue, then for each
 * request fill three descriptors, offer them, kick, sleep until the interrupt, look at the answer.
 *
 * The legacy interface (virtio 1.3, "Legacy Interface" sections) is used because a kick is so
 * plain there: one `out` to one port. The letters are vbtrace's; those between K and J happen
 * while this guest sleeps.
 */
#include <stddef.h>

#include "samples/guests/lib/guest.h"

/* Registers, as offsets from the I/O port in BAR 0. The vectors are there once MSI-X is on. */
enum {
	HOST_FEATURES = 0,
	GUEST_FEATURES = 4,
	QUEUE_PAGE = 8,
	QUEUE_SIZE = 12,
	QUEUE_SELECT = 14,
	QUEUE_NOTIFY = 16,
	STATUS = 18,
	QUEUE_VECTOR = 22,
	CAPACITY = 24,
};

enum { ACKNOWLEDGE = 1, DRIVER = 2, DRIVER_OK = 4 };
enum { READ = 0, WRITE = 1, FLUSH = 4, GET_ID = 8 };
enum { DESC_NEXT = 1, DESC_DEVICE_WRITES = 2 };

#define FEATURE_FLUSH (1u << 9)
#define SECTOR        512
#define ID_SIZE       20
#define MAX_QUEUE     1024
#define PAGE          4096u

struct descriptor {
	uint64_t address;
	uint32_t length;
	uint16_t flags, next;
};

struct available {
	uint16_t flags, index, ring[];
};

struct used {
	uint16_t flags, index;
	struct {
		uint32_t head, length;
	} ring[];
};

/* What the device reads first. Last it writes one byte: 0 is success. */
struct header {
	uint32_t type, reserved;
	uint64_t sector;
};

static uint8_t memory[4 * PAGE + MAX_QUEUE * 28] __attribute__((aligned(PAGE)));
static struct descriptor *descriptors;
static volatile struct available *available;
static volatile struct used *used;
static uint16_t port, queue_size;

/* The legacy layout: descriptors, the available ring; on the next page boundary the used ring. */
static bool set_up_queue(void)
{
	outw(port + QUEUE_SELECT, 0);
	queue_size = inw(port + QUEUE_SIZE);
	if (!queue_size || queue_size > MAX_QUEUE)
		return false;
	descriptors = (void *)memory;
	available = (void *)(memory + queue_size * sizeof(*descriptors));
	used =
	    (void *)(((uintptr_t)&available->ring[queue_size + 1] + PAGE - 1) & -(uintptr_t)PAGE);
	outl(port + QUEUE_PAGE, (uint32_t)((uintptr_t)memory / PAGE));
	outw(port + QUEUE_VECTOR, 0); /* entry 0 of the MSI-X table */
	return inw(port + QUEUE_VECTOR) == 0;
}

static bool set_up_disk(void)
{
	int slot = pci_find(0x1af4, 0x1001);

	if (slot < 0) {
		print("no virtio-blk device: start vmm-lite with --disk\n");
		return false;
	}
	port = (uint16_t)(pci_read((unsigned)slot, 0x10) & ~3u);
	/* Its ports and memory, and bus mastering: without it no interrupt message leaves. */
	pci_write((unsigned)slot, 4, 7);
	print("found   virtio-blk 1af4:1001 in PCI slot %u\n", (uint32_t)slot);
	interrupts_start();
	if (!port || !pci_enable_msix((unsigned)slot, GUEST_VECTOR)) {
		print("this walk needs a legacy interface and MSI-X\n");
		return false;
	}
	outb(port + STATUS, 0);
	outb(port + STATUS, ACKNOWLEDGE);
	outb(port + STATUS, ACKNOWLEDGE | DRIVER);
	outl(port + GUEST_FEATURES, inl(port + HOST_FEATURES) & FEATURE_FLUSH);
	if (!set_up_queue()) {
		print("queue 0 cannot be used\n");
		return false;
	}
	outb(port + STATUS, ACKNOWLEDGE | DRIVER | DRIVER_OK);
	print("ready   %u sectors, queue 0 of %u descriptors, interrupt vector %02x\n",
	      inl(port + CAPACITY), queue_size, GUEST_VECTOR);
	return true;
}

/* One request, first to last. True if it succeeded. */
static bool request(const char *name, uint32_t type, uint32_t sector, void *data, uint32_t size)
{
	static struct header header;
	static volatile uint8_t status;
	static uint16_t turn; /* how many requests there have been */
	uint16_t last = size ? 2 : 1;
	uint32_t interrupts = interrupts_count();

	header = (struct header){.type = type, .sector = sector};
	status = 0xff;
	descriptors[0] = (struct descriptor){(uintptr_t)&header, sizeof(header), DESC_NEXT, 1};
	if (size)
		descriptors[1] = (struct descriptor){
		    (uintptr_t)data, size,
		    (uint16_t)(DESC_NEXT | (type == WRITE ? 0 : DESC_DEVICE_WRITES)), 2};
	descriptors[last] = (struct descriptor){(uintptr_t)&status, 1, DESC_DEVICE_WRITES, 0};
	print("%s sector %u: %u descriptors, available[%u], kick\n", name, sector, last + 1u, turn);

	/* The chain, then the index, then the kick: the device may look at any time. */
	available->ring[turn % queue_size] = 0;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	available->index = ++turn;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	outw(port + QUEUE_NOTIFY, 0); /* K */

	interrupts_wait(interrupts); /* J; the handler's acknowledgement is O */
	if (used->index != turn) {
		print("        interrupt %u, but nothing is used\n", interrupts_count());
		return false;
	}
	print("        interrupt %u, used[%u]: head %u, %u bytes written, status %u\n",
	      interrupts_count(), turn - 1u, used->ring[(turn - 1) % queue_size].head,
	      used->ring[(turn - 1) % queue_size].length, status);
	return status == 0;
}

int guest_main(const struct vmm_boot_info *boot)
{
	static char first[SECTOR + 1], text[SECTOR], back[SECTOR], id[ID_SIZE + 1];
	static const char message[] = "written by first_request";
	uint32_t differences = 0;

	if (!set_up_disk())
		return 1;
	for (unsigned i = 0; i < sizeof(message); i++)
		text[i] = message[i];

	if (!request("read   ", READ, 0, first, SECTOR))
		return 1;
	first[24] = 0;
	if (first[0] >= ' ' && first[0] <= '~')
		print("        it begins '%s'\n", first);
	if (!request("write  ", WRITE, 1, text, SECTOR) || !request("flush  ", FLUSH, 0, NULL, 0) ||
	    !request("get id ", GET_ID, 0, id, ID_SIZE))
		return 1;
	print("        the disk is called '%s'\n", id);
	if (!request("read   ", READ, 1, back, SECTOR))
		return 1;
	for (unsigned i = 0; i < SECTOR; i++)
		differences += back[i] != text[i];
	print("        %s\n", differences ? "not what was written" : "what was written");
	print("done    5 requests, %u interrupts\n", interrupts_count());
	return differences != 0;
}
