/* SPDX-License-Identifier: MIT */
/*
 * The packed ring: one ring for both directions. Two flags in each descriptor tell whose it is, by
 * comparison with a wrap counter that flips at each end of the ring. (virtio 1.3, 2.8)
 *
 * disk: ring=packed
 *
 * Three chains of three descriptors in a ring of eight: the third goes around its end.
 */
#include "samples/guests/lib/virtio.h"

#define SIZE     8
#define AVAIL    (1u << 7)
#define USED     (1u << 15)
#define REQUESTS 3

int guest_main(const struct vmm_boot_info *boot)
{
	static struct request request;
	static char data[SECTOR];
	uint16_t at = 0, wrap = 1;
	struct queue queue;
	struct disk disk;

	interrupts_start();
	if (!disk_open(&disk, FEATURE(RING_PACKED)) || !pci_enable_msix(disk.slot, GUEST_VECTOR) ||
	    !disk_queue(&disk, &queue, 0, SIZE, 0))
		return 1;
	disk_start(&disk);
	for (uint16_t id = 0; id < REQUESTS; id++) {
		uint16_t first = at, first_flags = 0;
		uint32_t before = interrupts_count();
		struct {
			void *memory;
			uint32_t length;
			uint16_t flags;
		} parts[3] = {
		    {&request.header, sizeof(request.header), DESC_NEXT},
		    {data, SECTOR, DESC_NEXT | DESC_DEVICE_WRITES},
		    {(void *)&request.status, 1, DESC_DEVICE_WRITES},
		};

		request.header.type = READ;
		request.header.sector = id;
		request.status = 0xff;
		print("offer   id %u at %u, wrap counter %u\n", id, at, wrap);
		for (unsigned i = 0; i < 3; i++) {
			volatile struct descriptor *d = &queue.descriptors[at];
			/* Available: AVAIL is the wrap counter, USED is not. */
			uint16_t flags = (uint16_t)(parts[i].flags | (wrap ? AVAIL : USED));

			d->address = (uintptr_t)parts[i].memory;
			d->length = parts[i].length;
			d->flags = id; /* the buffer id is where a split ring has its flags */
			if (i == 0)
				first_flags = flags;
			else
				d->next = flags;
			if (++at == SIZE) {
				at = 0;
				wrap ^= 1;
			}
		}
		/* The first one's flags last: they hand over the whole chain. */
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		*(volatile uint16_t *)&queue.descriptors[first].next = first_flags;
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		kick(&queue);
		interrupts_wait(before);
		{
			volatile struct descriptor *d = &queue.descriptors[first];

			print(
			    "used    id %u at %u: %u bytes written, AVAIL %u, USED %u, status %u\n",
			    d->flags, first, d->length, !!(d->next & AVAIL), !!(d->next & USED),
			    request.status);
		}
		if (request.status)
			return 1;
	}
	return 0;
}
