/* SPDX-License-Identifier: MIT */
#include "probes/session_info.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "probes/host_facts.h"
#include "probes/kernel_probe.h"
#include "probes/stage_point.h"

static uint64_t clock_now(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

void session_info_host(struct vbt_host *host)
{
	struct utsname name;

	memset(host, 0, sizeof(*host));
	if (uname(&name) == 0) {
		snprintf(host->kernel, sizeof(host->kernel), "%.40s %.50s", name.release,
			 name.version);
		snprintf(host->machine, sizeof(host->machine), "%.31s", name.machine);
	}
	host_read_line("/sys/devices/system/clocksource/clocksource0/current_clocksource",
		       host->clocksource, sizeof(host->clocksource));
	snprintf(host->program, sizeof(host->program), "vbtrace %s", VBTRACE_VERSION);
	host->start_monotonic_ns = clock_now(CLOCK_MONOTONIC);
	host->start_realtime_ns = clock_now(CLOCK_REALTIME);
	host->cpus = (uint32_t)sysconf(_SC_NPROCESSORS_CONF);
}

/* The whole of a small file; its length, 0 if it cannot be read. */
static size_t read_file(pid_t pid, const char *name, char *text, size_t size)
{
	char path[64];
	ssize_t n = -1;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, text, size - 1);
		close(fd);
	}
	text[n > 0 ? n : 0] = '\0';
	return n > 0 ? (size_t)n : 0;
}

void session_info_process(struct vbt_target *target, pid_t pid)
{
	unsigned long long ticks = 0;
	char stat[1024], *p;
	size_t length;

	target->pid = (uint32_t)pid;
	read_file(pid, "comm", target->comm, sizeof(target->comm));
	target->comm[strcspn(target->comm, "\n")] = '\0';
	length = read_file(pid, "cmdline", target->cmdline, sizeof(target->cmdline));
	for (size_t i = 0; i + 1 < length; i++)
		if (target->cmdline[i] == '\0')
			target->cmdline[i] = ' ';
	/* The name in parentheses may hold anything: fields are counted from behind it. */
	read_file(pid, "stat", stat, sizeof(stat));
	p = strrchr(stat, ')');
	if (p &&
	    sscanf(
		p + 1,
		" %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
		&ticks) == 1)
		target->start_time_ns = ticks * (1000000000u / (unsigned)sysconf(_SC_CLK_TCK));
}

static void hide(struct vbt_target *target, unsigned mark, const char *reason)
{
	snprintf(target->hidden[mark], sizeof(target->hidden[mark]), "%s", reason);
}

static const unsigned kvm_marks[] = {VBT_MARK_kick, VBT_MARK_msi, VBT_MARK_inject, VBT_MARK_eoi};

/* A mark is there if any of its probes is; else the first one's reason stands for it. */
static void add_kernel_points(struct vbt_target *target, const struct kernel_source *kernel)
{
	const unsigned count = VBT_KERNEL_PROBE_COUNT;

	for (unsigned i = 0; i < count; i++) {
		const unsigned point = kernel_probes[i].point;

		if (point < VBT_POINT_COUNT &&
		    !kernel_source_missing(kernel, (enum vbt_kernel_probe)i))
			target->points |= 1u << point;
	}
	for (unsigned i = count; i-- > 0;) {
		const unsigned point = kernel_probes[i].point;

		if (point < VBT_MARK_COUNT && !(target->points >> point & 1))
			hide(target, point,
			     kernel_source_missing(kernel, (enum vbt_kernel_probe)i));
	}
}

void session_info_marks(struct vbt_target *target, const struct kernel_source *kernel,
			const char *problem, bool no_kvm)
{
	const char *apicv = host_apicv();
	char reason[80];

	memset(target->hidden, 0, sizeof(target->hidden));
	target->points = 0;
#define X(point) target->points |= 1u << STAGE_NUMBER_##point;
	VBT_EVENT_POINTS(X)
#undef X
	if (kernel)
		add_kernel_points(target, kernel);
	for (unsigned mark = 0; !kernel && mark < VBT_MARK_COUNT; mark++)
		if (!vbt_point_is_vmm(mark))
			hide(target, mark, problem);
	if (kernel && apicv) {
		snprintf(reason, sizeof(reason), "not observable: APICv (set %s=0)", apicv);
		hide(target, VBT_MARK_eoi, reason);
	}
	for (size_t i = 0; no_kvm && i < sizeof(kvm_marks) / sizeof(*kvm_marks); i++) {
		target->points &= ~(1u << kvm_marks[i]);
		hide(target, kvm_marks[i], "no KVM: the guest driver runs inside the VMM");
	}
}
