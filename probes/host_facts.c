/* SPDX-License-Identifier: MIT */
#include "probes/host_facts.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "probes/kernel_probe.h"

bool host_read_line(const char *path, char *line, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, line, size - 1);

	if (fd >= 0)
		close(fd);
	line[n > 0 ? n : 0] = '\0';
	line[strcspn(line, "\n")] = '\0';
	return n >= 0;
}

/* The kernel's BTF has a typedef btf_trace_NAME for each tracepoint that can be attached typed. */
static void find_described(const struct btf *btf, uint32_t first,
			   struct host_tracepoints *described)
{
	static const char prefix[] = "btf_trace_";
	uint32_t count = btf__type_cnt(btf);

	for (uint32_t id = first; id < count; id++) {
		const struct btf_type *type = btf__type_by_id(btf, id);
		const char *name;

		if (btf_kind(type) != BTF_KIND_TYPEDEF)
			continue;
		name = btf__name_by_offset(btf, type->name_off);
		if (!name || strncmp(name, prefix, sizeof(prefix) - 1))
			continue;
		for (int i = 0; i < VBT_KERNEL_PROBE_COUNT; i++)
			if (strcmp(name + sizeof(prefix) - 1, kernel_probes[i].name) == 0)
				described->has[i] = true;
	}
	described->has[VBT_PROBE_io_issue_sqe] |=
	    btf__find_by_name_kind(btf, kernel_probes[VBT_PROBE_io_issue_sqe].name, BTF_KIND_FUNC) >
	    0;
}

bool host_kvm_is_module(void)
{
	return access("/sys/kernel/btf/kvm", F_OK) == 0;
}

bool host_kvm_is_there(void)
{
	return access("/sys/module/kvm", F_OK) == 0;
}

/* What is built in has no state. */
bool host_kvm_was_loaded(void)
{
	return access("/sys/module/kvm/initstate", F_OK) == 0;
}

/* They are there, but the descriptor that a program needs of them is not for everybody. */
static bool module_types_hidden(void)
{
	char missing[32];

	return host_kvm_is_module() &&
	       host_missing_capabilities(HOST_TO_READ_MODULES, missing, sizeof(missing));
}

void host_tracepoints(struct host_tracepoints *described)
{
	libbpf_print_fn_t previous = libbpf_set_print(NULL);
	struct btf *vmlinux = btf__load_vmlinux_btf(), *kvm;

	memset(described, 0, sizeof(*described));
	described->btf = vmlinux != NULL;
	if (vmlinux) {
		find_described(vmlinux, 1, described);
		kvm = btf__load_module_btf("kvm", vmlinux);
		if (kvm)
			find_described(kvm, btf__type_cnt(vmlinux), described);
		else
			described->hidden = module_types_hidden();
		btf__free(kvm);
	}
	btf__free(vmlinux);
	libbpf_set_print(previous);
}

void host_symbols(struct vbt_symbols *symbols)
{
	const struct {
		const char *name;
		unsigned long long *address;
	} wanted[] = {
#define WANT(symbol) {#symbol, &symbols->symbol}
	    WANT(iomap_dio_bio_end_io), WANT(blkdev_bio_end_io),     WANT(blkdev_bio_end_io_async),
	    WANT(io_complete_rw),       WANT(io_complete_rw_iopoll),
#undef WANT
	};
	const size_t count = sizeof(wanted) / sizeof(*wanted);
	FILE *file = fopen("/proc/kallsyms", "re");
	size_t found = 0, size = 0;
	char *line = NULL;

	memset(symbols, 0, sizeof(*symbols));
	while (file && found < count && getline(&line, &size, file) > 0) {
		/* "ffffffff81788df0 T name", then a tab and a module, or the end */
		size_t length;
		char *name;

		if (strlen(line) < 20)
			continue;
		name = line + 19;
		length = strcspn(name, "\t\n");
		for (size_t i = 0; i < count; i++)
			if (strlen(wanted[i].name) == length &&
			    !memcmp(name, wanted[i].name, length)) {
				*wanted[i].address = strtoull(line, NULL, 16);
				found++;
			}
	}
	free(line);
	if (file)
		fclose(file);
}

/* CAP_SYS_ADMIN (21) includes those that were split off it, which come behind it. */
#define CAP_SYS_ADMIN_BIT 21

bool host_missing_capabilities(unsigned needs, char *text, size_t size)
{
	static const struct {
		unsigned bit, need;
		const char *name;
	} needed[] = {{39, HOST_TO_LOAD, "CAP_BPF"},
		      {38, HOST_TO_LOAD, "CAP_PERFMON"},
		      {19, HOST_TO_LOOK, "CAP_SYS_PTRACE"},
		      {2, HOST_TO_LOOK, "CAP_DAC_READ_SEARCH"},
		      {CAP_SYS_ADMIN_BIT, HOST_TO_READ_MODULES, "CAP_SYS_ADMIN"}};
	unsigned long long have = 0;
	FILE *file = fopen("/proc/self/status", "re");
	char line[256];
	size_t used = 0;

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "CapEff: %llx", &have) == 1)
			break;
	if (file)
		fclose(file);
	text[0] = '\0';
	for (size_t i = 0; i < sizeof(needed) / sizeof(*needed) && used < size; i++) {
		if (!(needs & needed[i].need) || have >> needed[i].bit & 1 ||
		    (needed[i].bit > CAP_SYS_ADMIN_BIT && have >> CAP_SYS_ADMIN_BIT & 1))
			continue;
		used += (size_t)snprintf(text + used, size - used, "%s%s", used ? ", " : "",
					 needed[i].name);
	}
	return used;
}

/* Our own path, if a shell takes it as it is. */
static void own_path(char *path, size_t size)
{
	ssize_t n = readlink("/proc/self/exe", path, size - 1);

	path[n > 0 ? n : 0] = '\0';
	for (const char *p = path; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("/._-+", *p))
			n = -1;
	if (n <= 0)
		snprintf(path, size, "$(command -v vbtrace)");
}

void host_capability_remedy(char text[HOST_REMEDY_SIZE])
{
	char path[200];

	own_path(path, sizeof(path));
	snprintf(text, HOST_REMEDY_SIZE,
		 "run as root, or: sudo setcap "
		 "cap_bpf,cap_perfmon,cap_sys_ptrace,cap_dac_read_search%s+ep %s",
		 host_kvm_is_module() ? ",cap_sys_admin" : "", path);
}

bool host_lack(unsigned needs, char text[HOST_LACK_SIZE])
{
	char missing[128], remedy[HOST_REMEDY_SIZE];
	bool lacks = host_missing_capabilities(needs, missing, sizeof(missing));

	host_capability_remedy(remedy);
	snprintf(text, HOST_LACK_SIZE, "%s missing; %s", lacks ? missing : "a right", remedy);
	return lacks;
}

bool host_virtualizes(void)
{
	FILE *file = fopen("/proc/cpuinfo", "re");
	bool found = false;
	char *line = NULL;
	size_t size = 0;

	while (file && !found && getline(&line, &size, file) > 0)
		found =
		    !strncmp(line, "flags", 5) && (strstr(line, " vmx ") || strstr(line, " svm "));
	free(line);
	if (file)
		fclose(file);
	return found;
}

const char *host_apicv(void)
{
	static const struct {
		const char *path, *name;
	} parameters[] = {
	    {"/sys/module/kvm_intel/parameters/enable_apicv", "kvm_intel enable_apicv"},
	    {"/sys/module/kvm_amd/parameters/avic", "kvm_amd avic"},
	};
	char line[16];

	for (size_t i = 0; i < sizeof(parameters) / sizeof(*parameters); i++)
		if (host_read_line(parameters[i].path, line, sizeof(line)) &&
		    (line[0] == 'Y' || line[0] == '1'))
			return parameters[i].name;
	return NULL;
}
