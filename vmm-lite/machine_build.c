/* SPDX-License-Identifier: MIT */
/* How the machine is put together, powered on and taken apart. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "probes/stage_point.h"
#include "vmm-lite/disk/disk.h"
#include "vmm-lite/machine_parts.h"
#include "vmm-lite/platform/acpi.h"
#include "vmm-lite/virtio/blk.h"

static void vcpu_ended(void *opaque, struct vcpu *vcpu, enum vcpu_end end)
{
	static const enum machine_end ends[] = {
	    [VCPU_TRIPLE_FAULT] = END_TRIPLE_FAULT,
	    [VCPU_RESET] = END_REBOOT,
	    [VCPU_POWER_OFF] = END_POWER_OFF,
	    [VCPU_FAILED] = END_FAILED,
	};

	machine_end(opaque, ends[end], 0);
}

static void power_event(void *opaque, enum power_event event, uint8_t status)
{
	static const enum machine_end ends[] = {
	    [POWER_OFF] = END_POWER_OFF,
	    [POWER_REBOOT] = END_REBOOT,
	    [POWER_EXIT_STATUS] = END_EXIT_STATUS,
	};

	machine_end(opaque, ends[event], status);
}

static void serial_output(void *opaque, const uint8_t *data, size_t len)
{
	struct machine *m = opaque;

	if (!console_write(&m->console, data, len))
		machine_end(m, END_NO_OUTPUT, 0);
}

static int open_boot_files(struct machine *m, char *err, size_t err_size)
{
	const struct options *o = m->options;

	if (o->payload)
		return payload_open(&m->payload, o->payload, err, err_size);
	return linux_boot_open(&m->linux_boot, o->kernel, o->initrd, o->append, err, err_size);
}

static int check_boot_files(const struct machine *m, char *err, size_t err_size)
{
	if (m->options->payload)
		return payload_fits(&m->payload, &m->mem, err, err_size);
	return linux_boot_fits(&m->linux_boot, &m->mem, err, err_size);
}

static int open_disks(struct machine *m, char *err, size_t err_size)
{
	for (unsigned i = 0; i < m->options->disk_count; i++) {
		const struct disk_options *o = &m->options->disks[i];
		struct disk *disk = m->disks[i].disk = disk_open(o, err, err_size);

		if (!disk || virtio_blk_check(o, disk_info(disk), err, err_size))
			return -EIO;
	}
	return 0;
}

static int plug_disks(struct machine *m, char *err, size_t err_size)
{
	for (unsigned i = 0; i < m->options->disk_count; i++) {
		struct disk_device *d = &m->disks[i];
		struct virtio_blk_config config = {
		    .options = &m->options->disks[i],
		    .disk = d->disk,
		    .mem = &m->mem,
		    .wires = kvm_wires_interface(m->wires),
		    .name = d->name,
		};

		snprintf(d->name, sizeof(d->name), "disk%u", i);
		d->blk = virtio_blk_new(&config, err, err_size);
		if (!d->blk)
			return -EIO;
		if (pci_host_add(m->pci, virtio_blk_function(d->blk))) {
			snprintf(err, err_size, "--disk '%s': no PCI slot is left for it",
				 config.options->path);
			return -ENOSPC;
		}
	}
	return 0;
}

static int build_platform(struct machine *m)
{
	struct serial_config serial = {
	    .bus = m->bus,
	    .wires = kvm_wires_interface(m->wires),
	    .port = SERIAL_COM1_PORT,
	    .gsi = SERIAL_COM1_GSI,
	    .output = serial_output,
	    .opaque = m,
	};

	m->serial = serial_new(&serial);
	m->power.event = power_event;
	m->power.opaque = m;
	if (!m->serial || power_init(&m->power, m->bus))
		return -ENOMEM;
	m->pci = pci_host_new(m->bus);
	return m->pci ? 0 : -ENOMEM;
}

/* What only looks comes first; nothing is created before everything was found usable. */
int machine_build(struct machine *m, char *err, size_t err_size)
{
	const struct options *o = m->options;
	struct stage_ring_options ring = {
	    .program = "vmm-lite " VBTRACE_VERSION " run",
	    .flight_recorder = o->flight_recorder,
	    .size = o->flight_recorder_size,
	};
	int error = open_boot_files(m, err, err_size);

	if (error)
		return error;
	error = guest_mem_init(&m->mem, o->memory);
	if (error) {
		snprintf(err, err_size, "--memory: cannot have %" PRIu64 " MiB: %s; give less",
			 o->memory >> 20, strerror(-error));
		return error;
	}
	error = check_boot_files(m, err, err_size);
	if (error)
		return error;
	error = kvm_vm_init(&m->vm, &m->mem, o->cpus, err, err_size);
	if (error)
		return error;
	m->vm_ready = true;
	error = open_disks(m, err, err_size);
	if (error)
		return error;
	error = stage_ring_init(&ring, err, err_size);
	if (error)
		return error;
	error = o->step ? stage_step_init(o->step, err, err_size) : 0;
	if (error)
		return error;
	stage_thread_begin("main");
	m->bus = bus_new();
	m->wires = kvm_wires_new();
	if (!m->bus || !m->wires || kvm_wires_attach(m->wires, &m->vm) || build_platform(m)) {
		snprintf(err, err_size, "cannot build the machine: out of memory");
		return -ENOMEM;
	}
	return plug_disks(m, err, err_size);
}

int machine_power_on(struct machine *m, char *err, size_t err_size)
{
	const struct options *o = m->options;
	struct boot_entry entry = {0};
	uint8_t *tables = guest_mem_ptr(&m->mem, GPA(BOOT_TABLES), BOOT_TABLES_SIZE, GUEST_WRITE);
	int error;

	if (!tables || boot_entry_prepare(&entry, &m->mem, true) ||
	    !acpi_build(tables, BOOT_TABLES_SIZE, BOOT_TABLES, o->cpus)) {
		snprintf(err, err_size, "--memory is too small for the machine's tables");
		return -ENOMEM;
	}
	error =
	    o->payload
		? payload_load(&m->payload, &m->mem, BOOT_TABLES, o->cpus, &entry, err, err_size)
		: linux_boot_load(&m->linux_boot, &m->mem, BOOT_TABLES, &entry, err, err_size);
	for (unsigned i = 0; i < o->cpus && !error; i++) {
		struct vcpu *vcpu = &m->vcpus[i];

		error =
		    vcpu_init(vcpu, &m->vm, m->bus, i, o->cpus, i ? NULL : &entry, err, err_size);
		if (error)
			break;
		vcpu->ended = vcpu_ended;
		vcpu->opaque = m;
		m->vcpu_count++;
	}
	if (error)
		return error;
	/* Registers that only latch or emit: the next real exit is early enough for them. */
	kvm_vm_coalesce(&m->vm, SERIAL_COM1_PORT, 1);
	kvm_vm_coalesce(&m->vm, PCI_PORT_ADDRESS, 4);
	/* BARs answer from the start: a guest may ring at once. */
	stage_device_settle();
	for (unsigned i = 0; i < m->vcpu_count && !error; i++)
		error = vcpu_start(&m->vcpus[i]);
	if (error)
		snprintf(err, err_size, "cannot start the vCPU threads: %s", strerror(-error));
	return error;
}

void machine_release_vcpus(struct machine *m)
{
	while (m->vcpu_count)
		vcpu_release(&m->vcpus[--m->vcpu_count]);
}

void machine_release(struct machine *m)
{
	for (unsigned i = 0; i < m->options->disk_count; i++) {
		if (!m->disks[i].blk)
			continue;
		pci_host_remove(m->pci, virtio_blk_function(m->disks[i].blk));
		virtio_blk_free(m->disks[i].blk);
	}
	if (m->pci)
		pci_host_free(m->pci);
	machine_release_vcpus(m);
	power_release(&m->power);
	serial_free(m->serial);
	kvm_wires_free(m->wires);
	bus_free(m->bus);
	if (m->bus) {
		stage_thread_end();
		stage_ring_exit();
	}
	for (unsigned i = 0; i < m->options->disk_count; i++)
		if (m->disks[i].disk)
			disk_close(m->disks[i].disk);
	if (m->vm_ready)
		kvm_vm_release(&m->vm);
	guest_mem_release(&m->mem);
	if (m->options->payload)
		payload_close(&m->payload);
	else
		linux_boot_close(&m->linux_boot);
}
