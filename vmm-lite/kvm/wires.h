/* SPDX-License-Identifier: MIT */
/*
 * The wires of vmm-lite/wires.h over a KVM virtual machine. They outlive it: at a reboot the VM
 * is replaced and everything that is bound moves over.
 */
#ifndef VMM_KVM_WIRES_H
#define VMM_KVM_WIRES_H

#include "vmm-lite/kvm/vm.h"
#include "vmm-lite/wires.h"

struct kvm_wires;

struct kvm_wires *kvm_wires_new(void);
void kvm_wires_free(struct kvm_wires *wires);

/*
 * Plug into `vm`, or out of it with NULL (then every operation gives -ENODEV, but bindings are
 * kept). 0 or -errno.
 */
int kvm_wires_attach(struct kvm_wires *wires, struct kvm_vm *vm);

struct wires kvm_wires_interface(struct kvm_wires *wires);

#endif
