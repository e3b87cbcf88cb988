/* SPDX-License-Identifier: MIT */
/* Code where no memory is: KVM would have to emulate the instruction, and cannot fetch it. */
#include "samples/guests/lib/guest.h"

#define NOWHERE 0xd8000000u /* in the window for BARs, behind all of them */

int guest_main(const struct vmm_boot_info *boot)
{
	print("before\n");
	/* In RBX: a register to be looked for in the report. */
	__asm__ volatile("call *%0" ::"r"((uintptr_t)NOWHERE), "b"(0x1234567890abcdefull));
	print("after\n");
	return 0;
}
