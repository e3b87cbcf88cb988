/* SPDX-License-Identifier: MIT */
#include "vmm-lite/machine.h"

#include <errno.h>
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
#include "vmm-lite/log.h"
#include "vmm-lite/machine_parts.h"
#include "vmm-lite/virtio/blk.h"

#define TICK_MS    50   /* how late output without a line end may be */
#define REFRESH_MS 1000 /* how late the guest may learn that an image has another size */

void machine_end(struct machine *m, enum machine_end end, int status)
{
	int none = END_NONE;
	uint64_t one = 1;

	if (!__atomic_compare_exchange_n(&m->end, &none, (int)end, false, __ATOMIC_ACQ_REL,
					 __ATOMIC_ACQUIRE))
		return;
	m->status = status;
	if (end != END_REBOOT)
		stage_step_exit();
	for (unsigned i = 0; i < m->vcpu_count; i++)
		vcpu_ask_stop(&m->vcpus[i]);
	if (write(m->event_fd, &one, sizeof(one)) != sizeof(one))
		abort(); /* an eventfd's first write cannot fail, and nobody else would wake up */
}

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
		/* A person sees when it is time to type; a pipe has to be held back. */
		bool input = m->console.readable && serial_input_room(m->serial) &&
			     (m->console.raw || serial_listening(m->serial));
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
	machine_release_vcpus(m);
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
		int error = machine_power_on(m, err, err_size);

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
	} else if (machine_build(m, err, sizeof(err))) {
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
	machine_release(m);
	if (m->event_fd >= 0)
		close(m->event_fd);
	if (m->signal_fd >= 0)
		close(m->signal_fd);
	free(m);
	return status;
}
