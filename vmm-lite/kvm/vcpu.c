/* SPDX-License-Identifier: MIT */
#include "vmm-lite/kvm/vcpu.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "probes/stage_point.h"
#include "vmm-lite/kvm/cpuid.h"
#include "vmm-lite/log.h"

#define KICK_SIGNAL           (SIGRTMIN + 1)

#define MSR_MISC_ENABLE       0x1a0
#define MISC_ENABLE_FAST_STRS 0x1ull
#define MSR_MTRR_DEF_TYPE     0x2ff
#define MTRR_ENABLE_WB        0x806ull

/*
 * Switch x87, SSE and AVX state on, as firmware may. KVM reports the size of the XSAVE area by
 * what is on, and under emulated SVM it does not see the guest's own XSETBV.
 */
static int set_xcr0(struct vcpu *vcpu, uint64_t supported)
{
	struct kvm_xcrs xcrs = {.nr_xcrs = 1, .xcrs[0].value = supported & 7};

	if (!xcrs.xcrs[0].value || ioctl(vcpu->vm->dev_fd, KVM_CHECK_EXTENSION, KVM_CAP_XCRS) <= 0)
		return 0;
	return ioctl(vcpu->fd, KVM_SET_XCRS, &xcrs) ? -errno : 0;
}

static int set_cpuid(struct vcpu *vcpu, unsigned cpus)
{
	struct cpuid_table table = {.header.nent = CPUID_ENTRIES};

	if (ioctl(vcpu->vm->dev_fd, KVM_GET_SUPPORTED_CPUID, &table))
		return -errno;
	cpuid_customize(&table, vcpu->index, cpus, vcpu->vm->tsc_deadline);
	if (ioctl(vcpu->fd, KVM_SET_CPUID2, &table))
		return -errno;
	for (uint32_t i = 0; i < table.header.nent; i++)
		if (table.entries[i].function == 0xd && table.entries[i].index == 0)
			return set_xcr0(vcpu, table.entries[i].eax);
	return 0;
}

static int set_msrs(struct vcpu *vcpu)
{
	struct {
		struct kvm_msrs header;
		struct kvm_msr_entry entries[2];
	} msrs = {
	    .header.nmsrs = 2,
	    .entries =
		{
		    /* All memory write-back: without it Linux turns PAT off. */
		    {.index = MSR_MTRR_DEF_TYPE, .data = MTRR_ENABLE_WB},
		    /* Last, because KVM for AMD processors may refuse it; no harm. */
		    {.index = MSR_MISC_ENABLE, .data = MISC_ENABLE_FAST_STRS},
		},
	};

	return ioctl(vcpu->fd, KVM_SET_MSRS, &msrs) < 1 ? -errno : 0;
}

static int set_entry(struct vcpu *vcpu, const struct boot_entry *entry)
{
	struct kvm_segment code = {
	    .limit = 0xffffffff,
	    .selector = BOOT_CS,
	    .type = 0xb,
	    .present = 1,
	    .s = 1,
	    .l = 1,
	    .g = 1,
	};
	struct kvm_segment data = {
	    .limit = 0xffffffff,
	    .selector = BOOT_DS,
	    .type = 0x3,
	    .present = 1,
	    .s = 1,
	    .db = 1,
	    .g = 1,
	};
	struct kvm_regs regs = {
	    .rip = entry->rip,
	    .rsp = entry->rsp,
	    .rsi = entry->rsi,
	    .rdi = entry->rdi,
	    .rflags = 0x2,
	};
	struct kvm_sregs sregs;

	if (ioctl(vcpu->fd, KVM_GET_SREGS, &sregs))
		return -errno;
	sregs.cs = code;
	sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = data;
	sregs.tr =
	    (struct kvm_segment){.limit = 0xffff, .selector = BOOT_TR, .type = 0xb, .present = 1};
	sregs.gdt.base = entry->gdt;
	sregs.gdt.limit = BOOT_GDT_SIZE - 1;
	sregs.idt.base = 0;
	sregs.idt.limit = 0;
	sregs.cr0 = 0x80050033; /* PG AM WP NE ET MP PE */
	sregs.cr3 = entry->cr3;
	sregs.cr4 = 0x620;  /* PAE, OSFXSR, OSXMMEXCPT */
	sregs.efer = 0x500; /* LME LMA */
	if (ioctl(vcpu->fd, KVM_SET_SREGS, &sregs) || ioctl(vcpu->fd, KVM_SET_REGS, &regs))
		return -errno;
	return 0;
}

int vcpu_init(struct vcpu *vcpu, struct kvm_vm *vm, struct bus *bus, unsigned index, unsigned cpus,
	      const struct boot_entry *entry, char *err, size_t err_size)
{
	const char *what = "create it";
	int error;

	memset(vcpu, 0, sizeof(*vcpu));
	vcpu->vm = vm;
	vcpu->bus = bus;
	vcpu->index = index;
	vcpu->run = MAP_FAILED;
	vcpu->stats_fd = -1;
	vcpu->fd = ioctl(vm->fd, KVM_CREATE_VCPU, index);
	if (vcpu->fd < 0)
		goto fail;
	/* Now, because later it waits until KVM_RUN returns, which a guest that is idle never does. */
	vcpu->stats_fd = ioctl(vcpu->fd, KVM_GET_STATS_FD, NULL);
	what = "map its run area";
	vcpu->run = mmap(NULL, vm->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->fd, 0);
	if (vcpu->run == MAP_FAILED)
		goto fail;
	if (index == 0)
		vm->ring = (void *)((uint8_t *)vcpu->run + KVM_COALESCED_MMIO_PAGE_OFFSET * 4096);
	what = "set its CPUID";
	if (set_cpuid(vcpu, cpus))
		goto fail;
	what = "set its MSRs";
	if (set_msrs(vcpu))
		goto fail;
	what = "set its registers";
	if (entry && set_entry(vcpu, entry))
		goto fail;
	return 0;
fail:
	error = errno ? -errno : -EIO;
	snprintf(err, err_size, "vcpu %u: cannot %s: KVM says %s", index, what, strerror(-error));
	vcpu_release(vcpu);
	return error;
}

void vcpu_release(struct vcpu *vcpu)
{
	if (vcpu->index == 0 && vcpu->vm) {
		vcpu->vm->coalesced = false;
		vcpu->vm->ring = NULL;
	}
	if (vcpu->run && vcpu->run != MAP_FAILED)
		munmap(vcpu->run, vcpu->vm->run_size);
	if (vcpu->stats_fd >= 0)
		close(vcpu->stats_fd);
	if (vcpu->fd >= 0)
		close(vcpu->fd);
	vcpu->run = NULL;
	vcpu->fd = vcpu->stats_fd = -1;
}

/* INS and OUTS come as several items of one exit. */
static void serve_io(struct vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;
	uint8_t *data = (uint8_t *)run + run->io.data_offset;
	unsigned size = run->io.size;

	for (uint32_t i = 0; i < run->io.count; i++, data += size) {
		uint64_t value = 0;

		if (run->io.direction == KVM_EXIT_IO_OUT) {
			memcpy(&value, data, size);
			bus_write(vcpu->bus, BUS_PIO, run->io.port, size, value);
		} else {
			bus_read(vcpu->bus, BUS_PIO, run->io.port, size, &value);
			memcpy(data, &value, size);
		}
	}
}

static void serve_mmio(struct vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;
	uint64_t value = 0;

	if (run->mmio.is_write) {
		memcpy(&value, run->mmio.data, run->mmio.len);
		bus_write(vcpu->bus, BUS_MMIO, run->mmio.phys_addr, run->mmio.len, value);
	} else {
		bus_read(vcpu->bus, BUS_MMIO, run->mmio.phys_addr, run->mmio.len, &value);
		memcpy(run->mmio.data, &value, sizeof(run->mmio.data));
	}
}

/* An exit that ends the vCPU: say why. */
static enum vcpu_end give_up(struct vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;

	switch (run->exit_reason) {
	case KVM_EXIT_SHUTDOWN:
		log_line("vcpu %u: triple fault", vcpu->index);
		vcpu_print_registers(vcpu);
		return VCPU_TRIPLE_FAULT;
	case KVM_EXIT_SYSTEM_EVENT:
		if (run->system_event.type == KVM_SYSTEM_EVENT_SHUTDOWN)
			return VCPU_POWER_OFF;
		if (run->system_event.type == KVM_SYSTEM_EVENT_RESET)
			return VCPU_RESET;
		log_line("vcpu %u: the guest crashed (system event %u)", vcpu->index,
			 run->system_event.type);
		break;
	case KVM_EXIT_FAIL_ENTRY:
		log_line("vcpu %u: KVM cannot enter the guest (hardware reason 0x%llx)",
			 vcpu->index,
			 (unsigned long long)run->fail_entry.hardware_entry_failure_reason);
		break;
	case KVM_EXIT_INTERNAL_ERROR:
		log_line("vcpu %u: KVM internal error, suberror %u%s", vcpu->index,
			 run->internal.suberror,
			 run->internal.suberror == KVM_INTERNAL_ERROR_EMULATION
			     ? " (an instruction that it cannot emulate)"
			     : "");
		for (uint32_t i = 0; i < run->internal.ndata && i < 16; i++)
			log_line("  data[%u] 0x%llx", i, (unsigned long long)run->internal.data[i]);
		break;
	default: {
		const char *name = vcpu_exit_name(run->exit_reason);

		log_line("vcpu %u: unexpected exit %u (%s), hardware reason 0x%llx", vcpu->index,
			 run->exit_reason, name ? name : "unknown",
			 (unsigned long long)run->hw.hardware_exit_reason);
	}
	}
	vcpu_print_registers(vcpu);
	return VCPU_FAILED;
}

static enum vcpu_end run_guest(struct vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;

	while (!__atomic_load_n(&vcpu->stop, __ATOMIC_ACQUIRE)) {
		/* In here KVM delivers interrupts to the guest, and sees it acknowledge them. */
		STAGE_SITE(inject);
		STAGE_SITE(eoi);
		if (ioctl(vcpu->fd, KVM_RUN, 0) < 0) {
			/* EAGAIN: an AP that was woken before its SIPI. */
			if (errno == EINTR || errno == EAGAIN)
				continue;
			log_line("vcpu %u: KVM_RUN failed: %s", vcpu->index, strerror(errno));
			vcpu_print_registers(vcpu);
			return VCPU_FAILED;
		}
		vcpu->exits[run->exit_reason < VCPU_EXIT_REASONS ? run->exit_reason : 0]++;
		kvm_vm_drain(vcpu->vm, vcpu->bus);
		switch (run->exit_reason) {
		case KVM_EXIT_IO: serve_io(vcpu); break;
		case KVM_EXIT_MMIO: serve_mmio(vcpu); break;
		case KVM_EXIT_INTR:
		case KVM_EXIT_IRQ_WINDOW_OPEN: break;
		default: return give_up(vcpu);
		}
	}
	return VCPU_STOPPED;
}

static void *vcpu_thread(void *opaque)
{
	struct vcpu *vcpu = opaque;
	char name[16];
	enum vcpu_end end;

	snprintf(name, sizeof(name), "vcpu%u", vcpu->index);
	pthread_setname_np(pthread_self(), name);
	stage_thread_begin(name);
	end = run_guest(vcpu);
	if (end != VCPU_STOPPED)
		vcpu->ended(vcpu->opaque, vcpu, end);
	stage_thread_end();
	return NULL;
}

static void kicked(int signal)
{
	/* Only there to interrupt KVM_RUN and blocking calls. */
}

int vcpu_start(struct vcpu *vcpu)
{
	struct sigaction action = {.sa_handler = kicked};
	int error;

	sigaction(KICK_SIGNAL, &action, NULL);
	error = pthread_create(&vcpu->thread, NULL, vcpu_thread, vcpu);
	vcpu->running = !error;
	return -error;
}

void vcpu_ask_stop(struct vcpu *vcpu)
{
	__atomic_store_n(&vcpu->stop, true, __ATOMIC_RELEASE);
	if (!vcpu->running)
		return;
	/* Covers the moment between the check of `stop` and KVM_RUN. */
	__atomic_store_n(&vcpu->run->immediate_exit, 1, __ATOMIC_RELEASE);
	pthread_kill(vcpu->thread, KICK_SIGNAL);
}

void vcpu_join(struct vcpu *vcpu)
{
	if (vcpu->running)
		pthread_join(vcpu->thread, NULL);
	vcpu->running = false;
}
