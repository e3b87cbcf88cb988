/* SPDX-License-Identifier: MIT */
/*
 * Does what comes in through the serial port: r reboots by the reset register, q powers off, all
 * else is echoed. At each start it says whether memory and the serial port are as after power-on.
 */
#include "samples/guests/lib/guest.h"

#define SERIAL_PORT    0x3f8
#define SERIAL_SCRATCH 7
#define SERIAL_STATUS  5
#define SERIAL_INPUT   0x01
#define POWER_RESET    0x606
#define MARK_AT        0x800000u

static uint8_t input(void)
{
	while (!(inb(SERIAL_PORT + SERIAL_STATUS) & SERIAL_INPUT))
		;
	return inb(SERIAL_PORT);
}

int guest_main(const struct vmm_boot_info *boot)
{
	volatile uint32_t *mark = (volatile uint32_t *)(uintptr_t)MARK_AT;
	static uint32_t zero;

	print("memory %s, data %s, serial %s\n", *mark ? "old" : "new", zero ? "old" : "new",
	      inb(SERIAL_PORT + SERIAL_SCRATCH) ? "old" : "new");
	*mark = 0xcafe;
	zero = 1;
	outb(SERIAL_PORT + SERIAL_SCRATCH, 0x5a);
	for (;;) {
		uint8_t command = input();

		if (command == 'r')
			outb(POWER_RESET, 1);
		else if (command == 'q')
			return 0;
		else
			print("got %02x\n", command);
	}
}
