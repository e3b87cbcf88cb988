/* SPDX-License-Identifier: MIT */
#include "cli/checkup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "probes/host_facts.h"
#include "probes/ring_find.h"
#include "probes/stage_shm.h"

#define IN_LAB "lab/run -- COMMAND   (a throwaway machine with a /dev/kvm, from the source tree)"

/* The next check; its remedy is empty until remedy() is called. */
static void found(struct checkup *checkup, const char *name, enum check_state state,
		  const char *format, ...) __attribute__((format(printf, 4, 5)));

static void found(struct checkup *checkup, const char *name, enum check_state state,
		  const char *format, ...)
{
	struct check *check = &checkup->check[checkup->count];
	va_list list;

	if (checkup->count == MAX_CHECKS)
		return;
	checkup->count++;
	check->name = name;
	check->state = state;
	va_start(list, format);
	vsnprintf(check->detail, sizeof(check->detail), format, list);
	va_end(list);
}

static void remedy(struct checkup *checkup, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void remedy(struct checkup *checkup, const char *format, ...)
{
	struct check *check = &checkup->check[checkup->count - 1];
	va_list list;

	va_start(list, format);
	vsnprintf(check->remedy, sizeof(check->remedy), format, list);
	va_end(list);
}

static bool exists(const char *path)
{
	return access(path, F_OK) == 0;
}

static void check_privileges(struct checkup *checkup)
{
	char missing[160], self[256];
	ssize_t n;

	if (!host_missing_capabilities(missing, sizeof(missing))) {
		found(checkup, "capabilities", CHECK_OK, "CAP_BPF, CAP_PERFMON, CAP_SYS_PTRACE");
		return;
	}
	n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	self[n > 0 ? n : 0] = '\0';
	found(checkup, "capabilities", CHECK_MISSING,
	      "%s: no kernel marks, and no other user's VMMs", missing);
	remedy(checkup,
	       "sudo setcap cap_bpf,cap_perfmon,cap_sys_ptrace+ep %s   (or run it by sudo)",
	       n > 0 ? self : "$(command -v vbtrace)");
}

static void check_bpf(struct checkup *checkup)
{
	const struct survey *survey = &checkup->survey;
	char lockdown[128], missing[160];

	if (survey->btf) {
		found(checkup, "kernel BTF", CHECK_OK, "/sys/kernel/btf/vmlinux");
	} else {
		found(checkup, "kernel BTF", CHECK_MISSING,
		      "the kernel does not describe its types: no marks of the host's block layer, "
		      "no end-of-interrupt");
		remedy(checkup, "boot a kernel with CONFIG_DEBUG_INFO_BTF=y");
	}
	if (survey->loaded) {
		found(checkup, "BPF programs", CHECK_OK, "the kernel loads them");
		return;
	}
	if (host_missing_capabilities(missing, sizeof(missing)))
		found(checkup, "BPF programs", CHECK_MISSING, "not without these capabilities");
	else
		found(checkup, "BPF programs", CHECK_MISSING, "%s", survey->problem);
	if (host_read_line("/sys/kernel/security/lockdown", lockdown, sizeof(lockdown)) &&
	    strstr(lockdown, "[confidentiality]"))
		remedy(checkup, "boot with lockdown=integrity: the kernel is locked down, %s",
		       lockdown);
}

static void check_symbols(struct checkup *checkup)
{
	struct vbt_symbols symbols;

	host_symbols(&symbols);
	if (symbols.blkdev_bio_end_io || symbols.iomap_dio_bio_end_io || symbols.io_complete_rw) {
		found(checkup, "kernel symbols", CHECK_OK, "addresses can be read");
		return;
	}
	found(checkup, "kernel symbols", CHECK_MISSING,
	      "hidden: host I/O cannot be linked to the request that it is for");
	remedy(checkup, "sudo sysctl kernel.kptr_restrict=0   (or run vbtrace by sudo)");
}

static void check_probes(struct checkup *checkup)
{
	for (int i = 0; i < VBT_KERNEL_PROBE_COUNT; i++) {
		const struct survey_probe *probe = &checkup->survey.probe[i];
		bool kvm = !strncmp(probe->name, "kvm_", 4);
		char buf[32];

		if (probe->state == SURVEY_READY || probe->state == SURVEY_SPARE) {
			found(checkup, probe->name, CHECK_OK, "%s",
			      probe->state == SURVEY_SPARE ? probe->why
							   : survey_point(probe->point, buf));
			continue;
		}
		/* The sentence on what is not permitted is long, and has been said above. */
		found(checkup, probe->name, CHECK_MISSING, "%s: %s",
		      survey_point(probe->point, buf),
		      probe->state == SURVEY_UNKNOWN ? "BPF programs cannot be loaded, see above"
						     : probe->why);
		if (probe->state == SURVEY_MISSING && kvm && !exists("/sys/module/kvm"))
			remedy(checkup, "sudo modprobe kvm   (no such module: " IN_LAB ")");
		else if (probe->state == SURVEY_MISSING && checkup->survey.btf)
			remedy(checkup, "boot a newer kernel (5.15 or later has most of them)");
	}
}

static void check_roads(struct checkup *checkup)
{
	bool pmu = exists("/sys/bus/event_source/devices/uprobe/type");
	bool tracefs = exists("/sys/kernel/tracing/events");
	bool debugfs = !tracefs && exists("/sys/kernel/debug/tracing/events");
	struct ring_found *rings = NULL;
	unsigned denied = 0;
	size_t count = 0;
	int error;

	if (tracefs || debugfs) {
		found(checkup, "tracefs", CHECK_OK, "mounted on /sys/kernel/%s",
		      tracefs ? "tracing" : "debug/tracing");
	} else {
		found(checkup, "tracefs", pmu ? CHECK_NOTE : CHECK_MISSING, "not mounted%s",
		      pmu ? "; vbtrace does without it, perf and bpftrace do not"
			  : ": the road by USDT (record --via usdt) is closed");
		remedy(checkup, "sudo mount -t tracefs tracefs /sys/kernel/tracing");
	}
	if (pmu) {
		found(checkup, "uprobes", CHECK_OK, "for the road by USDT");
	} else {
		found(checkup, "uprobes", tracefs || debugfs ? CHECK_NOTE : CHECK_MISSING,
		      "this kernel has no uprobe events: only the road by the VMM's ring");
		remedy(checkup, "boot a kernel with CONFIG_UPROBE_EVENTS=y");
	}
	error = ring_find(&rings, &count, &denied);
	free(rings);
	if (error) {
		found(checkup, "processes", CHECK_MISSING, "cannot look for VMMs in /proc: %s",
		      strerror(-error));
	} else if (denied) {
		found(checkup, "processes", CHECK_NOTE,
		      "%u may not be looked into: VMMs among them cannot be found", denied);
		remedy(checkup, "sudo vbtrace list");
	} else {
		found(checkup, "processes", CHECK_OK,
		      "all can be looked into; %zu offer stage points", count);
	}
}

/* Has the processor what KVM needs; which module is for it? NULL: neither. */
static const char *kvm_module(void)
{
	FILE *file = fopen("/proc/cpuinfo", "re");
	const char *module = NULL;
	char *line = NULL;
	size_t size = 0;

	while (file && !module && getline(&line, &size, file) > 0) {
		if (strncmp(line, "flags", 5) != 0)
			continue;
		if (strstr(line, " vmx"))
			module = "kvm_intel";
		else if (strstr(line, " svm"))
			module = "kvm_amd";
		break;
	}
	free(line);
	if (file)
		fclose(file);
	return module;
}

static void check_kvm(struct checkup *checkup)
{
	const char *apicv = host_apicv(), *module = kvm_module();
	int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC), error = errno;

	if (fd >= 0) {
		close(fd);
		found(checkup, "/dev/kvm", CHECK_OK, "can be opened");
	} else if (error == EACCES || error == EPERM) {
		found(checkup, "/dev/kvm", CHECK_MISSING, "there, but %s", strerror(error));
		remedy(checkup, "sudo usermod -aG kvm \"$USER\"   (and log in again)");
	} else {
		found(checkup, "/dev/kvm", CHECK_MISSING, "%s: no guests here%s", strerror(error),
		      module ? "" : ", and the processor shows no virtualization");
		if (module)
			remedy(checkup, "sudo modprobe %s   (if that fails: " IN_LAB ")", module);
		else
			remedy(checkup, IN_LAB);
	}
	if (apicv) {
		/* host_apicv() says "kvm_intel enable_apicv" */
		int length = (int)strcspn(apicv, " ");

		found(checkup, "APICv/AVIC", CHECK_MISSING,
		      "on: the processor ends interrupts by itself, so O eoi cannot be seen (and J "
		      "inject not in older kernels)");
		remedy(checkup,
		       "sudo modprobe -r %.*s && sudo modprobe %s=0   (with all guests stopped)",
		       length, apicv, apicv);
	} else {
		found(checkup, "APICv/AVIC", CHECK_OK, "%s: hides no interrupts",
		      exists("/sys/module/kvm_intel") || exists("/sys/module/kvm_amd")
			  ? "off"
			  : "not there");
	}
}

static void check_clock(struct checkup *checkup)
{
	char cpuinfo[4096] = "", source[64];
	int fd = open("/proc/cpuinfo", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, cpuinfo, sizeof(cpuinfo) - 1);

	cpuinfo[n > 0 ? n : 0] = '\0';
	if (fd >= 0)
		close(fd);
	host_read_line("/sys/devices/system/clocksource/clocksource0/current_clocksource", source,
		       sizeof(source));
	if (stage_clock_tsc_usable(cpuinfo, source)) {
		found(checkup, "stage clock", CHECK_OK, "TSC (clocksource %s)", source);
		return;
	}
	found(checkup, "stage clock", CHECK_NOTE,
	      "clock_gettime (clocksource %s): correct, but a stage point costs more than with "
	      "the TSC",
	      *source ? source : "unknown");
	if (host_read_line("/sys/devices/system/clocksource/clocksource0/available_clocksource",
			   cpuinfo, sizeof(cpuinfo)) &&
	    strstr(cpuinfo, "tsc") == cpuinfo)
		remedy(checkup, "echo tsc | sudo tee "
				"/sys/devices/system/clocksource/clocksource0/current_clocksource");
}

static void check_perf(struct checkup *checkup)
{
	char level[16], missing[160];

	if (!host_read_line("/proc/sys/kernel/perf_event_paranoid", level, sizeof(level))) {
		found(checkup, "perf events", CHECK_MISSING,
		      "none in this kernel: the road by USDT is closed");
		remedy(checkup, "boot a kernel with CONFIG_PERF_EVENTS=y");
	} else if (atoi(level) > 1 && host_missing_capabilities(missing, sizeof(missing)) &&
		   strstr(missing, "CAP_PERFMON")) {
		found(checkup, "perf events", CHECK_NOTE,
		      "perf_event_paranoid is %s: not without CAP_PERFMON", level);
		remedy(checkup, "sudo sysctl kernel.perf_event_paranoid=1");
	} else {
		found(checkup, "perf events", CHECK_OK,
		      "perf_event_paranoid is %s, which does not "
		      "stop us",
		      level);
	}
}

void checkup_run(struct checkup *checkup)
{
	memset(checkup, 0, sizeof(*checkup));
	survey_take(&checkup->survey);
	check_privileges(checkup);
	check_bpf(checkup);
	check_symbols(checkup);
	check_roads(checkup);
	check_perf(checkup);
	check_clock(checkup);
	check_kvm(checkup);
	check_probes(checkup);
}
