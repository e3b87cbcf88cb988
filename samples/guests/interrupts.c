/* SPDX-License-Identifier: MIT */
/*
 * The two ways a PCI device interrupts. INTx is a line: the device holds it until the driver has
 * read the ISR byte, which also tells queue from configuration. MSI-X is a message: one write, to
 * an address and with a vector that the driver chose. (virtio 1.3, 4.1.4.5, 4.1.5.1.3)
 */
#include <stddef.h>

#include "samples/guests/lib/virtio.h"

/* A recorder that watches learns of a new doorbell or line a moment after it was set up. */
#define WATCHERS_MS 50

static struct disk disk;
static volatile uint32_t isr_seen;

/* Reading ISR clears it, and with that the line. */
static void read_isr(void)
{
	isr_seen = *disk.isr;
}

int guest_main(const struct vmm_boot_info *boot)
{
	static char data[SECTOR];
	struct queue queue;
	uint32_t line;
	uint8_t status;

	interrupts_start();
	if (!disk_open(&disk, 0) || !disk_queue(&disk, &queue, 0, RING_SIZE, NO_VECTOR))
		return 1;
	line = pci_read(disk.slot, 0x3c) & 0xff;
	interrupts_route_line(line, GUEST_VECTOR, read_isr);
	disk_start(&disk);
	print("INTx    vector %02x for line %u\n", GUEST_VECTOR, line);
	wait_ms(WATCHERS_MS);
	status = do_request(&queue, READ, 0, data, SECTOR);
	print("INTx    line %u: %u interrupt, ISR %u, status %u\n", line,
	      interrupts_of(GUEST_VECTOR), isr_seen, status);
	if (status)
		return 1;

	disk_reset(&disk);
	interrupts_route_line(line, 0, NULL);
	if (!pci_enable_msix(disk.slot, GUEST_VECTOR + 1) || !disk_open(&disk, 0) ||
	    !disk_queue(&disk, &queue, 0, RING_SIZE, 0))
		return 1;
	disk_start(&disk);
	print("MSI-X   vector %02x in entry 0 of the table\n", GUEST_VECTOR + 1);
	wait_ms(WATCHERS_MS);
	status = do_request(&queue, READ, 0, data, SECTOR);
	print("MSI-X   vector %02x: %u interrupt, ISR %u, status %u\n", GUEST_VECTOR + 1,
	      interrupts_of(GUEST_VECTOR + 1), *disk.isr, status);
	return status;
}
