/* SPDX-License-Identifier: MIT */
/*
 * One KVM virtual machine: its memory slots, in-kernel interrupt controllers and timer. This
 * folder is the only one that calls KVM.
 */
#ifndef VMM_KVM_VM_H
#define VMM_KVM_VM_H

#include <linux/kvm.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#include "vmm-lite/bus.h"
#include "vmm-lite/guest_mem.h"

struct kvm_vm {
	int dev_fd; /* /dev/kvm */
	int fd;
	size_t run_size; /* of a vCPU's shared area */
	bool tsc_deadline;

	/*
	 * Port writes that KVM only notes down; they are applied, in order, before the next exit
	 * of any vCPU is served. One ring per VM, mapped through vCPU 0.
	 */
	struct kvm_coalesced_mmio_ring *ring;
	bool coalesced;
	pthread_mutex_t ring_lock;
};

/*
 * Create a VM over `mem` with the irqchip and the PIT in the kernel. 0, or -errno with a sentence
 * in err that says what this host lacks and how to go on. `cpus`: checked against the limit.
 */
int kvm_vm_init(struct kvm_vm *vm, const struct guest_mem *mem, unsigned cpus, char *err,
		size_t err_size);
void kvm_vm_release(struct kvm_vm *vm); /* vCPUs must be gone */

/*
 * Let KVM only note writes of `size` bytes to `port`, for registers whose write has no effect that
 * the guest could wait for. Where KVM cannot, the writes exit as ever.
 */
void kvm_vm_coalesce(struct kvm_vm *vm, uint16_t port, unsigned size);

/* Apply what was noted. Cheap when there is nothing. Any thread. */
void kvm_vm_drain(struct kvm_vm *vm, struct bus *bus);

#endif
