/* SPDX-License-Identifier: MIT */
/*
 * The 32-byte record that the BPF programs put in their ring buffer. Shared by probes/ (BPF side,
 * where vmlinux.h has the types) and lib/ (which turns it into an event).
 */
#ifndef VBT_KERNEL_RECORD_H
#define VBT_KERNEL_RECORD_H

#ifndef __VMLINUX_H__
#include <stdint.h>
typedef uint64_t vbt_u64;
typedef uint32_t vbt_u32;
typedef uint16_t vbt_u16;
typedef uint8_t vbt_u8;
#else
typedef __u64 vbt_u64;
typedef __u32 vbt_u32;
typedef __u16 vbt_u16;
typedef __u8 vbt_u8;
#endif

/*
 *   point        key                        arg                          aux        flags
 *   kick         port or guest address      value written (low 32) and   bytes      VBT_KICK_*
 *                                           running count of kicks of
 *                                           this doorbell** (high 32)
 *   queue        I/O key*                   first sector                 sectors    VBT_BIO_*
 *   issue        I/O key                    first sector of the request  sectors    0
 *   complete     I/O key                    first sector of the request  sectors    1 if it failed
 *   msi          MSI address                MSI data                     0          VBT_MSI_* (line: gsi in key, level in arg)
 *   apic_accept  APIC id of the vCPU        vector                       delivery   1 if coalesced in the IRR
 *   inject       vector                     0                            0          VBT_INJECT_*
 *   eoi          vector                     APIC id                      0          VBT_EOI_*
 *
 *   *  I/O key: the SQE's user_data where io_uring carries the I/O (bit 63 clear; vmm-lite uses
 *      the request's address); else VBT_KEY_TASK | tid of the task that called preadv/pwritev.
 *      Read from the bio's own pointers or from the task that is inside the call, never guessed.
 *   ** A doorbell is an address and the low 16 bits of the value: queues that share a register
 *      (legacy ports, a stride of 0) have a count each. The first kick counted is number 1.
 *
 * `tid` is the kernel thread id of the task that the event happened in, 0 in interrupt context.
 */
struct vbt_kernel_record {
	vbt_u64 time; /* bpf_ktime_get_ns(): CLOCK_MONOTONIC */
	vbt_u64 key;
	vbt_u64 arg;
	vbt_u32 tid;
	vbt_u16 aux;
	vbt_u8 point;      /* enum vbt_mark or vbt_aux */
	vbt_u8 target : 4; /* index of the traced process, as the session numbered it */
	vbt_u8 flags : 4;
};
_Static_assert(sizeof(struct vbt_kernel_record) == 32, "fits a cache line twice");

#define VBT_KEY_TASK (1ULL << 63)

enum vbt_kick_flag { VBT_KICK_PIO, VBT_KICK_MMIO, VBT_KICK_FAST_MMIO };
/* VBT_BIO_WINDOW: by what the task submitted last, which is a guess if it has others that it may take up again. */
enum vbt_bio_flag { VBT_BIO_POINTER, VBT_BIO_TASK, VBT_BIO_WORKER, VBT_BIO_WINDOW };
enum vbt_msi_flag { VBT_MSI_MESSAGE, VBT_MSI_LINE };
enum vbt_eoi_flag { VBT_EOI_APIC, VBT_EOI_PARAVIRTUAL /* follows another one, of the same end */ };
enum vbt_inject_flag { VBT_INJECT_EVENT, VBT_INJECT_APICV };

#endif
