/* SPDX-License-Identifier: MIT */
/* The programs of the kernel's source: loading those that this kernel takes, attaching them, and why not. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>

#include "probes/kernel_probe.h"
#include "probes/kernel_source_impl.h"
#include "probes/programs.skel.h"

#define DEFAULT_BUFFER (8u << 20)

/*
 * libbpf says only in its log which program the kernel refused. It has one log function for the
 * whole process, so this is the one place that cannot do without a global.
 */
static __thread char refused[512];

int kernel_programs_log(enum libbpf_print_level level, const char *format, va_list args)
{
	char line[sizeof(refused)], *end;

	if (level != LIBBPF_WARN)
		return 0;
	if (getenv("VBTRACE_LIBBPF_LOG")) {
		va_list whole; /* the verifier's log is longer than any line of ours */

		va_copy(whole, args);
		vfprintf(stderr, format, whole);
		va_end(whole);
	}
	vsnprintf(line, sizeof(line), format, args);
	if (!strncmp(line, "libbpf: prog '", 14) && strstr(line, "failed to load") &&
	    (end = strchr(line + 14, '\''))) {
		*end = '\0';
		memmove(refused, line + 14, (size_t)(end - line) - 13);
	}
	return 0;
}

static void find_programs(struct kernel_source *source)
{
#define X(tracepoint, point, missed, pointers, group) \
	source->probes[VBT_PROBE_##tracepoint].program = source->skeleton->progs.tracepoint;
	VBT_KERNEL_PROBES(X)
#undef X
	source->probes[VBT_PROBE_io_issue_sqe].end = source->skeleton->progs.io_issue_sqe_end;
}

/* `error` where the sentence has one. */
static void give_up(struct probe *probe, enum kernel_lack lacks, const char *name, int error)
{
	static const struct {
		const char *before, *behind;
		bool error;
	} sentences[] = {
	    [KERNEL_LACKS_btf] = {"no kernel BTF for ", ""},
	    [KERNEL_LACKS_right] = {"CAP_SYS_ADMIN missing for the types of module kvm: no ", ""},
	    [KERNEL_LACKS_types] = {"this kernel does not describe the types of module kvm: no ",
				    ""},
	    [KERNEL_LACKS_module] = {"this kernel has no tracepoint ",
				     " (is the module kvm loaded?)"},
	    [KERNEL_LACKS_tracepoint] = {"this kernel has no tracepoint ", ""},
	    [KERNEL_LACKS_function] = {"this kernel does not show its function ", ""},
	    [KERNEL_LACKS_program] = {"the kernel refused the program ", ": ", true},
	    [KERNEL_LACKS_attachment] = {"cannot attach to ", ": ", true},
	};

	probe->lacks = lacks;
	snprintf(probe->missing, sizeof(probe->missing), "%s%s%s%s", sentences[lacks].before, name,
		 sentences[lacks].behind, sentences[lacks].error ? strerror(error) : "");
}

static bool is_of_kvm(const char *name)
{
	return strncmp(name, "kvm_", 4) == 0;
}

/* Why is there no tracepoint of that name, or none that a program could be typed by? */
static enum kernel_lack no_tracepoint(const char *name, bool typed)
{
	if (strcmp(name, kernel_probes[VBT_PROBE_io_issue_sqe].name) == 0)
		return KERNEL_LACKS_function;
	if (!is_of_kvm(name))
		return KERNEL_LACKS_tracepoint;
	if (!host_kvm_is_there())
		return KERNEL_LACKS_module;
	/* Built in, it is described with the kernel. */
	return typed && host_kvm_was_loaded() && !host_kvm_is_module() ? KERNEL_LACKS_types
								       : KERNEL_LACKS_tracepoint;
}

static bool was_refused(const struct probe *probe)
{
	return !probe->missing[0] &&
	       (!strcmp(bpf_program__name(probe->program), refused) ||
		(probe->end && !strcmp(bpf_program__name(probe->end), refused)));
}

/* A program that follows structures needs the kernel to describe them, and its tracepoint. */
static void choose_programs(struct kernel_source *source, const struct host_tracepoints *described)
{
	for (int i = 0; i < VBT_KERNEL_PROBE_COUNT; i++) {
		struct probe *probe = &source->probes[i];
		const char *name = kernel_probes[i].name;

		if (!probe->missing[0] && kernel_probes[i].pointers && !described->has[i])
			give_up(probe,
				!described->btf                        ? KERNEL_LACKS_btf
				: described->hidden && is_of_kvm(name) ? KERNEL_LACKS_right
								       : no_tracepoint(name, true),
				name, 0);
		bpf_program__set_autoload(probe->program, !probe->missing[0]);
		if (probe->end)
			bpf_program__set_autoload(probe->end, !probe->missing[0]);
	}
}

static size_t round_buffer(size_t bytes)
{
	size_t size = (size_t)sysconf(_SC_PAGESIZE);

	if (bytes == 0)
		bytes = DEFAULT_BUFFER;
	while (size < bytes && size < (1u << 30))
		size *= 2;
	return size;
}

/*
 * A kernel without BTF takes programs that follow no structures, but libbpf takes none of an object that
 * has relocations unless it has types to hold them against: so it gets nearly none. The one enumeration is
 * what its own USDT code asks for: may a program ask for its cookie? A descriptor of a file of BTF, or -errno.
 */
int kernel_programs_types(void)
{
	const bool cookie =
	    libbpf_probe_bpf_helper(BPF_PROG_TYPE_KPROBE, BPF_FUNC_get_attach_cookie, NULL) == 1;
	struct btf *btf = btf__new_empty();
	int fd = memfd_create("btf", MFD_CLOEXEC), ret = 0;
	const void *data = NULL;
	uint32_t size = 0;

	if (!btf || fd < 0)
		ret = -ENOMEM;
	if (!ret)
		ret = btf__add_enum(btf, "bpf_func_id", 4) < 0 ||
		      btf__add_enum_value(btf, "BPF_FUNC_unspec", 0) < 0 ||
		      (cookie && btf__add_enum_value(btf, "BPF_FUNC_get_attach_cookie",
						     BPF_FUNC_get_attach_cookie) < 0);
	if (!ret)
		data = btf__raw_data(btf, &size);
	if (!data || write(fd, data, size) != (ssize_t)size)
		ret = -ENOMEM;
	btf__free(btf);
	if (!ret)
		return fd;
	if (fd >= 0)
		close(fd);
	return ret;
}

static struct vbt_programs *open_programs(const struct host_tracepoints *described, int types)
{
	LIBBPF_OPTS(bpf_object_open_opts, options);
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", types);
	if (!described->btf)
		options.btf_custom_path = path;
	return vbt_programs__open_opts(&options);
}

int kernel_programs_load(struct kernel_source *source, size_t buffer,
			 const struct host_tracepoints *described,
			 const struct vbt_symbols *symbols, int types)
{
	int ret;

	for (;;) {
		int i = VBT_KERNEL_PROBE_COUNT;

		source->skeleton = open_programs(described, types);
		if (!source->skeleton)
			return -errno;
		find_programs(source);
		choose_programs(source, described);
		memcpy((void *)&source->skeleton->rodata->symbols, symbols, sizeof(*symbols));
		bpf_map__set_max_entries(source->skeleton->maps.events,
					 (__u32)round_buffer(buffer));
		refused[0] = '\0';
		ret = vbt_programs__load(source->skeleton);
		if (ret == 0)
			return 0;
		for (i = 0; i < VBT_KERNEL_PROBE_COUNT; i++)
			if (was_refused(&source->probes[i]))
				break;
		vbt_programs__destroy(source->skeleton);
		source->skeleton = NULL;
		/* Programs of functions are not allowed everywhere where those of tracepoints are. */
		if (i == VBT_KERNEL_PROBE_COUNT || (ret == -EPERM && i != VBT_PROBE_io_issue_sqe))
			return ret;
		give_up(&source->probes[i], KERNEL_LACKS_program, kernel_probes[i].name, -ret);
	}
}

void kernel_programs_attach(struct probe *probe, const char *name)
{
	if (probe->link || probe->missing[0])
		return;
	if (bpf_program__type(probe->program) == BPF_PROG_TYPE_RAW_TRACEPOINT)
		probe->link = bpf_program__attach_raw_tracepoint(probe->program, name);
	else
		probe->link = bpf_program__attach_trace(probe->program);
	if (probe->link && probe->end)
		probe->end_link = bpf_program__attach_trace(probe->end);
	probe->ran |= probe->link != NULL;
	if (probe->link && (!probe->end || probe->end_link))
		return;
	give_up(probe, errno == ENOENT ? no_tracepoint(name, false) : KERNEL_LACKS_attachment, name,
		errno);
	/* Both or none: what begins and is not seen to end would go on for ever. */
	kernel_programs_detach(probe);
}

void kernel_programs_detach(struct probe *probe)
{
	bpf_link__destroy(probe->link);
	bpf_link__destroy(probe->end_link);
	probe->link = probe->end_link = NULL;
}

void kernel_programs_explain(int error, char *err, size_t err_size)
{
	char lack[HOST_LACK_SIZE];
	unsigned needs = HOST_TO_LOAD | (host_kvm_is_module() ? HOST_TO_READ_MODULES : 0);

	if ((error == -EPERM || error == -EACCES) && host_lack(needs, lack))
		snprintf(err, err_size, "cannot load BPF programs: %s", lack);
	else if (error == -ENOSYS || error == -EINVAL)
		snprintf(err, err_size,
			 "cannot load BPF programs: %s; a kernel of version 5.15 or later with "
			 "CONFIG_BPF_SYSCALL is needed",
			 strerror(-error));
	else
		snprintf(err, err_size, "cannot load BPF programs: %s%s", strerror(-error),
			 error == -EPERM
			     ? "; is kernel lockdown on? see /sys/kernel/security/lockdown"
			     : "");
}
