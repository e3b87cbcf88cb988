/* SPDX-License-Identifier: MIT */
/* One virtual CPU and its thread: runs the guest, hands port and memory accesses to the bus. */
#ifndef VMM_KVM_VCPU_H
#define VMM_KVM_VCPU_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "vmm-lite/boot/entry.h"
#include "vmm-lite/kvm/vm.h"

#define VCPU_EXIT_REASONS 48

enum vcpu_end {
	VCPU_STOPPED,      /* asked to */
	VCPU_TRIPLE_FAULT, /* the guest shut its CPU down */
	VCPU_RESET,        /* KVM says the guest wants a reset or a power-off */
	VCPU_POWER_OFF,
	VCPU_FAILED, /* KVM cannot run it; a report was printed */
};

struct vcpu {
	struct kvm_vm *vm;
	struct bus *bus;
	unsigned index;
	int fd;
	int stats_fd; /* the kernel's counts; -1: it has none */
	struct kvm_run *run;
	pthread_t thread;
	bool running;                      /* the thread was started and not joined */
	bool stop;                         /* atomic */
	uint64_t exits[VCPU_EXIT_REASONS]; /* to user space, by reason */

	/* Called once by the vCPU's thread when it ends for any reason but VCPU_STOPPED. */
	void (*ended)(void *opaque, struct vcpu *vcpu, enum vcpu_end end);
	void *opaque;
};

/*
 * Create vCPU `index` of `cpus`. With an entry it starts there in 64-bit mode, without one it
 * waits for the others' INIT and SIPI. 0, or -errno with a sentence in err.
 */
int vcpu_init(struct vcpu *vcpu, struct kvm_vm *vm, struct bus *bus, unsigned index, unsigned cpus,
	      const struct boot_entry *entry, char *err, size_t err_size);
void vcpu_release(struct vcpu *vcpu);

/*
 * Start its thread; ask it to stop (returns at once, any thread, also before the start); wait
 * until it has. It stops for good.
 */
int vcpu_start(struct vcpu *vcpu);
void vcpu_ask_stop(struct vcpu *vcpu);
void vcpu_join(struct vcpu *vcpu);

/* Registers for people, on standard error. Only from the vCPU's thread or when it is joined. */
void vcpu_print_registers(const struct vcpu *vcpu);

/* All KVM exits of this vCPU as the kernel counts them, or 0 if it does not. Any thread. */
uint64_t vcpu_kernel_exits(const struct vcpu *vcpu);

/* The exits of `count` vCPUs together, by reason, on standard error. Any thread. */
void vcpu_print_exits(const struct vcpu *vcpus, unsigned count);

/* "io", "mmio", ... or NULL: the name of a KVM exit reason. */
const char *vcpu_exit_name(unsigned reason);

#endif
