/* SPDX-License-Identifier: MIT */
/* What the machine has: shared by machine.c, which runs it, and machine_build.c. */
#ifndef VMM_MACHINE_PARTS_H
#define VMM_MACHINE_PARTS_H

#include "vmm-lite/boot/linux.h"
#include "vmm-lite/boot/payload.h"
#include "vmm-lite/kvm/vcpu.h"
#include "vmm-lite/kvm/wires.h"
#include "vmm-lite/options.h"
#include "vmm-lite/pci/host.h"
#include "vmm-lite/platform/console.h"
#include "vmm-lite/platform/power.h"
#include "vmm-lite/platform/serial.h"

enum machine_end {
	END_NONE,
	END_POWER_OFF,
	END_REBOOT,
	END_EXIT_STATUS,
	END_TRIPLE_FAULT,
	END_FAILED,
	END_SIGNAL,
	END_QUIT,
	END_NO_OUTPUT,
};

struct disk_device {
	struct disk *disk;
	struct virtio_blk *blk;
	char name[12];
};

struct machine {
	const struct options *options;
	struct guest_mem mem;
	struct bus *bus;
	struct kvm_vm vm;
	bool vm_ready;
	struct kvm_wires *wires;
	struct vcpu vcpus[OPTIONS_MAX_CPUS];
	unsigned vcpu_count;
	struct serial *serial;
	struct console console;
	struct power power;
	struct pci_host *pci;
	struct disk_device disks[OPTIONS_MAX_DISKS];
	struct linux_boot linux_boot;
	struct payload payload;

	int event_fd;  /* readable once `end` is set */
	int signal_fd; /* signals come here and nowhere else */
	int end;       /* enum machine_end, atomic; the first one counts */
	int status;    /* of END_EXIT_STATUS, and the signal of END_SIGNAL */
};

/* Any thread. Stops the vCPUs; the main thread does the rest. The first one counts. */
void machine_end(struct machine *m, enum machine_end end, int status);

/* All parts, without vCPUs. 0, or -errno with a sentence in err. */
int machine_build(struct machine *m, char *err, size_t err_size);

/* Tables and kernel into RAM, vCPUs made and started. 0, or -errno with a sentence in err. */
int machine_power_on(struct machine *m, char *err, size_t err_size);

/* They have ended. */
void machine_release_vcpus(struct machine *m);

/* In the reverse order of machine_build; each part may be missing. */
void machine_release(struct machine *m);

#endif
