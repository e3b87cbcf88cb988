/* SPDX-License-Identifier: MIT */
#include "vmm-lite/kvm/vm.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Four pages below 4 GiB that VT-x wants for real mode; no RAM or device is there. */
#define IDENTITY_MAP_ADDRESS 0xfffbc000ull
#define TSS_ADDRESS          0xfffbd000ul

static const struct {
	int cap;
	const char *name;
} needed[] = {
    {KVM_CAP_USER_MEMORY, "user memory slots"},
    {KVM_CAP_IRQCHIP, "the in-kernel irqchip"},
    {KVM_CAP_PIT2, "the in-kernel PIT"},
    {KVM_CAP_EXT_CPUID, "CPUID of guests"},
    {KVM_CAP_SIGNAL_MSI, "KVM_SIGNAL_MSI"},
    {KVM_CAP_IRQ_ROUTING, "interrupt routing"},
    {KVM_CAP_IRQFD, "irqfd"},
    {KVM_CAP_IRQFD_RESAMPLE, "irqfd with resampling"},
    {KVM_CAP_IOEVENTFD, "ioeventfd"},
    {KVM_CAP_IMMEDIATE_EXIT, "immediate exit (Linux 4.13)"},
};

static int open_device(struct kvm_vm *vm, unsigned cpus, char *err, size_t err_size)
{
	int version, limit;

	vm->dev_fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (vm->dev_fd < 0) {
		int error = errno;

		snprintf(err, err_size, "cannot open '/dev/kvm': %s; %s", strerror(error),
			 error == EACCES
			     ? "join the group kvm, or use root"
			     : "load kvm_intel or kvm_amd, or use a machine that has it: "
			       "lab/run -- vmm-lite run ...");
		return -error;
	}
	version = ioctl(vm->dev_fd, KVM_GET_API_VERSION, 0);
	if (version != KVM_API_VERSION) {
		snprintf(err, err_size, "'/dev/kvm' speaks version %d, not %d; use another kernel",
			 version, KVM_API_VERSION);
		return -ENOTSUP;
	}
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		if (ioctl(vm->dev_fd, KVM_CHECK_EXTENSION, needed[i].cap) > 0)
			continue;
		snprintf(err, err_size, "this kernel's KVM lacks %s; use a newer kernel",
			 needed[i].name);
		return -ENOTSUP;
	}
	limit = ioctl(vm->dev_fd, KVM_CHECK_EXTENSION, KVM_CAP_MAX_VCPUS);
	if (limit > 0 && cpus > (unsigned)limit) {
		snprintf(err, err_size, "--cpus '%u' is more than this KVM allows: %d", cpus,
			 limit);
		return -EINVAL;
	}
	vm->tsc_deadline = ioctl(vm->dev_fd, KVM_CHECK_EXTENSION, KVM_CAP_TSC_DEADLINE_TIMER) > 0;
	vm->run_size = (size_t)ioctl(vm->dev_fd, KVM_GET_VCPU_MMAP_SIZE, 0);
	return 0;
}

static int add_memory(struct kvm_vm *vm, const struct guest_mem *mem)
{
	for (unsigned i = 0; i < mem->count; i++) {
		const struct guest_region *r = &mem->regions[i];
		struct kvm_userspace_memory_region slot = {
		    .slot = i,
		    .flags = r->read_only ? KVM_MEM_READONLY : 0,
		    .guest_phys_addr = r->base.value,
		    .memory_size = r->size,
		    .userspace_addr = (uintptr_t)r->host,
		};

		if (ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &slot))
			return -errno;
	}
	return 0;
}

int kvm_vm_init(struct kvm_vm *vm, const struct guest_mem *mem, unsigned cpus, char *err,
		size_t err_size)
{
	uint64_t identity = IDENTITY_MAP_ADDRESS;
	/* Port 0x61 in the kernel: a kernel that calibrates with the PIT polls its output bit. */
	struct kvm_pit_config pit = {.flags = KVM_PIT_SPEAKER_DUMMY};
	const char *what;
	int error;

	memset(vm, 0, sizeof(*vm));
	vm->dev_fd = vm->fd = -1;
	pthread_mutex_init(&vm->ring_lock, NULL);
	error = open_device(vm, cpus, err, err_size);
	if (error)
		goto fail;

	what = "create a virtual machine";
	vm->fd = ioctl(vm->dev_fd, KVM_CREATE_VM, 0);
	if (vm->fd < 0)
		goto fail_errno;
	what = "place the real-mode pages";
	if (ioctl(vm->fd, KVM_SET_IDENTITY_MAP_ADDR, &identity) ||
	    ioctl(vm->fd, KVM_SET_TSS_ADDR, TSS_ADDRESS))
		goto fail_errno;
	what = "create the interrupt controllers";
	if (ioctl(vm->fd, KVM_CREATE_IRQCHIP, 0))
		goto fail_errno;
	what = "create the timer";
	if (ioctl(vm->fd, KVM_CREATE_PIT2, &pit))
		goto fail_errno;
	what = "add the guest's memory";
	if (add_memory(vm, mem))
		goto fail_errno;
	return 0;

fail_errno:
	error = -errno;
	snprintf(err, err_size, "cannot %s: KVM says %s", what, strerror(-error));
fail:
	kvm_vm_release(vm);
	return error;
}

void kvm_vm_release(struct kvm_vm *vm)
{
	if (vm->fd >= 0)
		close(vm->fd);
	if (vm->dev_fd >= 0)
		close(vm->dev_fd);
	vm->fd = vm->dev_fd = -1;
	pthread_mutex_destroy(&vm->ring_lock);
}

void kvm_vm_coalesce(struct kvm_vm *vm, uint16_t port, unsigned size)
{
	struct kvm_coalesced_mmio_zone zone = {.addr = port, .size = size, .pio = 1};

	if (ioctl(vm->dev_fd, KVM_CHECK_EXTENSION, KVM_CAP_COALESCED_PIO) > 0 &&
	    !ioctl(vm->fd, KVM_REGISTER_COALESCED_MMIO, &zone))
		vm->coalesced = true;
}

void kvm_vm_drain(struct kvm_vm *vm, struct bus *bus)
{
	const uint32_t max = (4096 - sizeof(*vm->ring)) / sizeof(vm->ring->coalesced_mmio[0]);
	struct kvm_coalesced_mmio_ring *ring = vm->ring;

	if (!vm->coalesced || __atomic_load_n(&ring->last, __ATOMIC_ACQUIRE) == ring->first)
		return;
	pthread_mutex_lock(&vm->ring_lock);
	while (ring->first != __atomic_load_n(&ring->last, __ATOMIC_ACQUIRE)) {
		const struct kvm_coalesced_mmio *entry = &ring->coalesced_mmio[ring->first];
		uint64_t value = 0;

		if (entry->len <= sizeof(entry->data)) {
			memcpy(&value, entry->data, entry->len);
			bus_write(bus, entry->pio ? BUS_PIO : BUS_MMIO, entry->phys_addr,
				  entry->len, value);
		}
		__atomic_store_n(&ring->first, (ring->first + 1) % max, __ATOMIC_RELEASE);
	}
	pthread_mutex_unlock(&vm->ring_lock);
}
