/* SPDX-License-Identifier: MIT */
#include "vmm-lite/machine.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "probes/stage_point.h"
#include "vmm-lite/boot/linux.h"
#include "vmm-lite/boot/payload.h"
#include "vmm-lite/disk/disk.h"
#include "vmm-lite/kvm/vcpu.h"
#include "vmm-lite/kvm/wires.h"
#include "vmm-lite/log.h"
#include "vmm-lite/pci/host.h"
#include "vmm-lite/platform/acpi.h"
#include "vmm-lite/platform/console.h"
#include "vmm-lite/platform/power.h"
#include "vmm-lite/platform/serial.h"
#include "vmm-lite/virtio/blk.h"

#define TICK_MS    50   /* how late output without a line end may be */
#define REFRESH_MS 1000 /* how late the guest may learn that an image has another size */

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

/* Any thread. Stops the vCPUs; the main thread does the rest. */
static void machine_end(struct machine *m, enum machine_end end, int status)
{
	int none = END_NONE;
	uint64_t one = 1;

	if (!__atomic_compare_exchange_n(&m->end, &none, (int)end, false, __ATOMIC_ACQ_REL,
					 __ATOMIC_ACQUIRE))
		return;
	m->status = status;
	for (unsigned i = 0; i < m->vcpu_count; i++)
		vcpu_ask_stop(&m->vcpus[i]);
	if (write(m->event_fd, &one, sizeof(one)) != sizeof(one))
		abort(); /* an eventfd's first write cannot fail, and nobody else would wake up */
}

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

/* --- building ------------------------------------------------------------------------ */

static int open_boot_files(struct machine *m, char *err, size_t err_size)
{
	const struct options *o = m->options;

	if (o->payload)
		return payload_open(&m->payload, o->payload, err, err_size);
	return linux_boot_open(&m->linux_boot, o->kernel, o->initrd, o->append, err, err_size);
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
static int build(struct machine *m, char *err, size_t err_size)
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
	stage_thread_begin("main");
	m->bus = bus_new();
	m->wires = kvm_wires_new();
	if (!m->bus || !m->wires || kvm_wires_attach(m->wires, &m->vm) || build_platform(m)) {
		snprintf(err, err_size, "cannot build the machine: out of memory");
		return -ENOMEM;
	}
	return plug_disks(m, err, err_size);
}

/* Power on: tables and kernel into RAM, vCPUs made and started. */
static int power_on(struct machine *m, char *err, size_t err_size)
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
	for (unsigned i = 0; i < m->vcpu_count && !error; i++)
		error = vcpu_start(&m->vcpus[i]);
	if (error)
		snprintf(err, err_size, "cannot start the vCPU threads: %s", strerror(-error));
	return error;
}

/* --- running ------------------------------------------------------------------------- */

static void read_input(struct machine *m)
{
	uint8_t data[256];
	size_t room = serial_input_room(m->serial), len;
	ssize_t n = read(STDIN_FILENO, data, room < sizeof(data) ? room : sizeof(data));

	if (n <= 0) {
		if (n == 0 || (errno != EINTR && errno != EAGAIN))
			m->console.readable = false;
		return;
	}
	len = (size_t)n;
	switch (console_filter(&m->console, data, &len)) {
	case CONSOLE_QUIT: machine_end(m, END_QUIT, 0); break;
	case CONSOLE_STATS: vcpu_print_exits(m->vcpus, m->vcpu_count); break;
	case CONSOLE_HELP:
		console_write(&m->console, (const uint8_t *)console_help, strlen(console_help));
		break;
	case CONSOLE_NONE: break;
	}
	serial_input(m->serial, data, len);
}

static void read_signal(struct machine *m)
{
	struct signalfd_siginfo info;

	if (read(m->signal_fd, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGUSR1) {
		vcpu_print_exits(m->vcpus, m->vcpu_count);
		return;
	}
	__atomic_store_n(&m->console.hurry, true, __ATOMIC_RELEASE);
	machine_end(m, END_SIGNAL, (int)info.ssi_signo);
}

/* Images and devices that were resized meanwhile. */
static void refresh_disks(struct machine *m, struct timespec *last)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	if ((now.tv_sec - last->tv_sec) * 1000 + (now.tv_nsec - last->tv_nsec) / 1000000 <
	    REFRESH_MS)
		return;
	*last = now;
	for (unsigned i = 0; i < m->options->disk_count; i++)
		virtio_blk_refresh(m->disks[i].blk);
}

/* The main thread's work until the machine ends in any way. */
static void watch(struct machine *m)
{
	struct timespec refreshed = {0};

	while (__atomic_load_n(&m->end, __ATOMIC_ACQUIRE) == END_NONE) {
		bool input = m->console.readable && serial_input_room(m->serial);
		struct pollfd fds[] = {
		    {.fd = m->event_fd, .events = POLLIN},
		    {.fd = m->signal_fd, .events = POLLIN},
		    {.fd = input ? STDIN_FILENO : -1, .events = POLLIN},
		};

		poll(fds, 3, TICK_MS);
		if (fds[1].revents)
			read_signal(m);
		if (fds[2].revents)
			read_input(m);
		kvm_vm_drain(&m->vm, m->bus);
		serial_flush(m->serial);
		refresh_disks(m, &refreshed);
	}
}

static void stop_vcpus(struct machine *m)
{
	for (unsigned i = 0; i < m->vcpu_count; i++)
		vcpu_ask_stop(&m->vcpus[i]);
	for (unsigned i = 0; i < m->vcpu_count; i++)
		vcpu_join(&m->vcpus[i]);
	if (m->vcpu_count)
		kvm_vm_drain(&m->vm, m->bus);
	if (m->serial)
		serial_flush(m->serial);
	if (m->options->stats && m->vcpu_count)
		vcpu_print_exits(m->vcpus, m->vcpu_count);
}

static void release_vcpus(struct machine *m)
{
	while (m->vcpu_count)
		vcpu_release(&m->vcpus[--m->vcpu_count]);
}

/*
 * A reboot gets a new KVM machine: nothing of the old one's interrupt controllers, timers, clocks
 * and registers can be left over. Devices, disks and memory stay, reset as the power button does.
 */
static int reboot(struct machine *m, char *err, size_t err_size)
{
	uint64_t count;
	int error;

	for (unsigned i = 0; i < m->options->disk_count; i++)
		virtio_blk_reset(m->disks[i].blk);
	pci_host_reset(m->pci);
	serial_reset(m->serial);
	power_reset(&m->power);
	release_vcpus(m);
	kvm_wires_attach(m->wires, NULL);
	kvm_vm_release(&m->vm);
	m->vm_ready = false;
	guest_mem_clear(&m->mem);

	error = kvm_vm_init(&m->vm, &m->mem, m->options->cpus, err, err_size);
	if (error)
		return error;
	m->vm_ready = true;
	if (kvm_wires_attach(m->wires, &m->vm)) {
		snprintf(err, err_size, "cannot reboot: KVM refuses the interrupt routes");
		return -EIO;
	}
	if (read(m->event_fd, &count, sizeof(count)) < 0)
		return -EIO;
	__atomic_store_n(&m->end, END_NONE, __ATOMIC_RELEASE);
	return 0;
}

static int run(struct machine *m, char *err, size_t err_size)
{
	for (;;) {
		int error = power_on(m, err, err_size);

		if (!error)
			watch(m);
		stop_vcpus(m);
		if (error)
			return error;
		if (m->end != END_REBOOT || m->options->exit_on_reboot)
			return 0;
		error = reboot(m, err, err_size);
		if (error)
			return error;
	}
}

static int exit_status(const struct machine *m)
{
	switch ((enum machine_end)m->end) {
	case END_POWER_OFF:
	case END_REBOOT:
	case END_QUIT: return 0;
	case END_EXIT_STATUS: return m->status;
	case END_SIGNAL: return 128 + m->status;
	case END_TRIPLE_FAULT:
	case END_FAILED: return 1;
	case END_NO_OUTPUT:
		log_line("standard output cannot be written any more; the machine was stopped");
		return 1;
	case END_NONE: break;
	}
	return 1;
}

/* In the reverse order of build(); each part may be missing. */
static void release(struct machine *m)
{
	for (unsigned i = 0; i < m->options->disk_count; i++) {
		if (!m->disks[i].blk)
			continue;
		pci_host_remove(m->pci, virtio_blk_function(m->disks[i].blk));
		virtio_blk_free(m->disks[i].blk);
	}
	if (m->pci)
		pci_host_free(m->pci);
	release_vcpus(m);
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

/* Before any thread is made, so that all of them leave these signals to the main thread. */
static int catch_signals(sigset_t *set)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1};

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(set);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaddset(set, signals[i]);
	pthread_sigmask(SIG_BLOCK, set, NULL);
	return signalfd(-1, set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int machine_run(const struct options *options)
{
	struct machine *m = calloc(1, sizeof(*m));
	char err[512] = "out of memory";
	int status = 1;
	sigset_t signals;

	if (!m) {
		log_line("%s", err);
		return 1;
	}
	m->options = options;
	m->linux_boot.kernel.fd = m->linux_boot.initrd.fd = m->payload.file.fd = -1;
	m->event_fd = eventfd(0, EFD_CLOEXEC);
	m->signal_fd = catch_signals(&signals);
	if (m->event_fd < 0 || m->signal_fd < 0) {
		log_line("cannot create an eventfd: %s", strerror(errno));
	} else if (build(m, err, sizeof(err))) {
		log_line("%s", err);
	} else {
		console_open(&m->console);
		if (run(m, err, sizeof(err)))
			log_line("%s", err);
		else
			status = exit_status(m);
		console_close(&m->console);
	}
	/* Should a disk not come to an end, the next signal ends us the hard way. */
	signal(SIGUSR1, SIG_IGN);
	pthread_sigmask(SIG_UNBLOCK, &signals, NULL);
	release(m);
	if (m->event_fd >= 0)
		close(m->event_fd);
	if (m->signal_fd >= 0)
		close(m->signal_fd);
	free(m);
	return status;
}
