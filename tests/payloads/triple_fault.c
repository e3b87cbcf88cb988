/* SPDX-License-Identifier: MIT */
/* An exception with no interrupt table to go to, nor for the exceptions that follow from that. */
#include "samples/guests/lib/guest.h"

int guest_main(const struct vmm_boot_info *boot)
{
	struct __attribute__((packed)) {
		uint16_t limit;
		uint64_t base;
	} none = {0, 0};

	print("before\n");
	__asm__ volatile("lidt %0; ud2" ::"m"(none));
	print("after\n");
	return 0;
}
