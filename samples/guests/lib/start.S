/* SPDX-License-Identifier: MIT */
/* Entry: 64-bit mode, 4 GiB mapped one to one, RDI points to struct vmm_boot_info. */
	.globl	start
	.text
start:
	lea	stack_end(%rip), %rsp	/* the VMM's own stack is one page, beside its tables */
	xor	%ebp, %ebp
	call	guest_main
	movzbl	%al, %edi
	call	power_off

	.bss
	.balign	16
	.skip	16384
stack_end:

	.section .note.GNU-stack, "", @progbits
