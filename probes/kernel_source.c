/* SPDX-License-Identifier: MIT */
#include "probes/kernel_source.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "probes/kernel_probe.h"
#include "probes/kernel_source_impl.h"
#include "probes/programs.skel.h"
#include "probes/stage_point.h"

static int on_record(void *context, void *data, size_t size)
{
	struct kernel_source *source = context;

	if (size == sizeof(struct vbt_kernel_record))
		source->sink->kernel(source->sink->context, data);
	else if (size == sizeof(struct vbt_usdt_record))
		source->sink->usdt(source->sink->context, data);
	/* A negative value stops the loop after this record; it stays consumed. */
	return --source->left == 0 ? -E2BIG : 0;
}

/* Two pages in front of the data: the reader's position, and (not ours to write) the writers'. */
static int map_positions(struct kernel_source *source)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	int fd = bpf_map__fd(source->skeleton->maps.events);
	void *consumed = mmap(NULL, page, PROT_READ, MAP_SHARED, fd, 0);
	void *reserved = mmap(NULL, page, PROT_READ, MAP_SHARED, fd, (off_t)page);
	int ret = consumed == MAP_FAILED || reserved == MAP_FAILED ? -errno : 0;

	if (consumed != MAP_FAILED)
		source->consumed = consumed;
	if (reserved != MAP_FAILED)
		source->reserved = reserved;
	return ret;
}

static void unmap_positions(struct kernel_source *source)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	if (source->consumed)
		munmap((void *)source->consumed, page);
	if (source->reserved)
		munmap((void *)source->reserved, page);
}

struct kernel_source *kernel_source_open(size_t buffer, char *err, size_t err_size)
{
	struct kernel_source *source = calloc(1, sizeof(*source));
	libbpf_print_fn_t previous;
	struct host_tracepoints described;
	struct vbt_symbols symbols;
	int ret = 0, types = -1;

	if (!source) {
		snprintf(err, err_size, "cannot load BPF programs: out of memory");
		return NULL;
	}
	host_tracepoints(&described);
	host_symbols(&symbols);
	previous = libbpf_set_print(kernel_programs_log);
	if (!described.btf)
		ret = types = kernel_programs_types();
	if (ret >= 0)
		ret = kernel_programs_load(source, buffer, &described, &symbols, types);
	if (types >= 0)
		close(types);
	if (ret == 0) {
		source->ring = ring_buffer__new(bpf_map__fd(source->skeleton->maps.events),
						on_record, source, NULL);
		ret = source->ring ? map_positions(source) : -errno;
	}
	if (ret == 0)
		kernel_source_watch(source, VBT_PROBES_block, true);
	libbpf_set_print(previous);
	if (ret < 0) {
		kernel_programs_explain(ret, err, err_size);
		kernel_source_close(source);
		return NULL;
	}
	return source;
}

void kernel_source_detach(struct kernel_source *source)
{
	/* Each link takes the kernel some milliseconds: nobody's events may fill the buffer meanwhile. */
	for (unsigned i = 0; i < VBT_BPF_TARGETS; i++)
		kernel_source_set_target(source, i, 0);
	for (int i = 0; i < VBT_KERNEL_PROBE_COUNT; i++)
		kernel_programs_detach(&source->probes[i]);
	source->skeleton->bss->issues_seen = false;
}

void kernel_source_close(struct kernel_source *source)
{
	if (!source)
		return;
	if (source->skeleton)
		kernel_source_detach(source);
	unmap_positions(source);
	ring_buffer__free(source->ring);
	vbt_programs__destroy(source->skeleton);
	free(source);
}

const char *kernel_source_missing(const struct kernel_source *source, enum vbt_kernel_probe probe)
{
	return source->probes[probe].missing[0] ? source->probes[probe].missing : NULL;
}

const char *kernel_source_stand_in(const struct kernel_source *source, enum vbt_kernel_probe probe)
{
	for (int i = 0; i < VBT_KERNEL_PROBE_COUNT; i++)
		if (kernel_probes[probe].group == VBT_PROBES_submission &&
		    kernel_probes[i].group == VBT_PROBES_submission && i != (int)probe &&
		    !source->probes[i].missing[0])
			return kernel_probes[i].name;
	return NULL;
}

enum kernel_lack kernel_source_lacks(const struct kernel_source *source,
				     enum vbt_kernel_probe probe)
{
	return source->probes[probe].lacks;
}

void kernel_source_set_target(struct kernel_source *source, unsigned index, pid_t pid)
{
	struct vbt_programs__bss *shared = source->skeleton->bss;

	if (index >= VBT_BPF_TARGETS)
		return;
	if (pid == 0)
		for (int i = 0; i < USDT_POINTS; i++) {
			bpf_link__destroy(source->usdt[index][i]);
			source->usdt[index][i] = NULL;
		}
	memset(&shared->targets[index], 0, sizeof(shared->targets[index]));
	__atomic_store_n(&shared->targets[index].tgid, (unsigned)pid, __ATOMIC_RELEASE);
	if (pid && shared->target_count <= index)
		shared->target_count = index + 1;
}

bool kernel_source_follows_pointers(const struct kernel_source *source)
{
	const struct vbt_symbols *symbols = (const void *)&source->skeleton->rodata->symbols;

	return symbols->io_complete_rw && symbols->iomap_dio_bio_end_io &&
	       (symbols->blkdev_bio_end_io || symbols->blkdev_bio_end_io_async);
}

/* What tasks work on is not followed any more, and soon not true. */
static void forget_windows(struct kernel_source *source)
{
	int map = bpf_map__fd(source->skeleton->maps.windows);
	uint32_t tid;

	while (bpf_map_get_next_key(map, NULL, &tid) == 0 && bpf_map_delete_elem(map, &tid) == 0)
		;
}

void kernel_source_watch(struct kernel_source *source, enum vbt_probe_group group, bool on)
{
	const bool any = group == VBT_PROBES_submission;
	libbpf_print_fn_t previous = libbpf_set_print(kernel_programs_log);

	for (int i = 0; i < VBT_KERNEL_PROBE_COUNT; i++) {
		struct probe *probe = &source->probes[i];

		if (kernel_probes[i].group != group)
			continue;
		if (on)
			kernel_programs_attach(probe, kernel_probes[i].name);
		else
			kernel_programs_detach(probe);
		if (any && probe->link)
			break;
	}
	source->skeleton->bss->issues_seen = source->probes[VBT_PROBE_io_issue_sqe].link;
	if (any && !on)
		forget_windows(source);
	libbpf_set_print(previous);
}

static const struct {
	const char *name;
	unsigned point;
} usdt_points[] = {
#define X(id, letter, origin, meaning) {#id, VBT_MARK_##id},
    VBT_STAGES(X)
#undef X
#define X(id, origin, meaning) {#id, VBT_AUX_##id},
	VBT_AUX_POINTS(X)
#undef X
};

/* Of the VMM's points, those to attach to. Snapshots and data come by the VMM's ring only. */
static bool is_vmm_point(const char *name)
{
#define X(point)                       \
	if (strcmp(name, #point) == 0) \
		return true;
	VBT_EVENT_POINTS(X)
#undef X
	return false;
}

int kernel_source_attach_usdt(struct kernel_source *source, unsigned index, pid_t pid, char *err,
			      size_t err_size)
{
	libbpf_print_fn_t previous = libbpf_set_print(kernel_programs_log);
	struct bpf_link **links = source->usdt[index];
	char path[64];
	int ret = 0;

	/* Through /proc: also right when the VMM has another root directory. */
	snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	for (size_t i = 0; i < sizeof(usdt_points) / sizeof(*usdt_points) && ret == 0; i++) {
		LIBBPF_OPTS(bpf_usdt_opts, opts, .usdt_cookie = usdt_points[i].point);

		if (!is_vmm_point(usdt_points[i].name))
			continue;
		*links = bpf_program__attach_usdt(source->skeleton->progs.stage_point, pid, path,
						  "vmm_lite", usdt_points[i].name, &opts);
		if (!*links) {
			ret = -errno;
			snprintf(err, err_size,
				 "cannot attach to the USDT probe vmm_lite:%s of process %d: %s",
				 usdt_points[i].name, (int)pid,
				 ret == -ENOENT ? "its program has no such probe" : strerror(-ret));
		}
		links++;
	}
	libbpf_set_print(previous);
	return ret;
}

size_t kernel_source_read(struct kernel_source *source, const struct kernel_source_sink *sink,
			  size_t max)
{
	source->sink = sink;
	source->left = max;
	if (max)
		ring_buffer__consume(source->ring);
	source->sink = NULL;
	return max - source->left;
}

uint64_t kernel_source_reserved(const struct kernel_source *source)
{
	return __atomic_load_n(source->reserved, __ATOMIC_ACQUIRE);
}

bool kernel_source_reached(const struct kernel_source *source, uint64_t position)
{
	return (int64_t)(__atomic_load_n(source->consumed, __ATOMIC_ACQUIRE) - position) >= 0;
}

unsigned kernel_source_fill(const struct kernel_source *source)
{
	uint64_t size = bpf_map__max_entries(source->skeleton->maps.events);
	uint64_t used = __atomic_load_n(source->reserved, __ATOMIC_ACQUIRE) -
			__atomic_load_n(source->consumed, __ATOMIC_ACQUIRE);

	return (unsigned)(used * 256 / size);
}

/* Those of a target in the map, where few are. */
static size_t bios_in_map(struct kernel_source *source, unsigned index, bool give_up)
{
	int map = bpf_map__fd(source->skeleton->maps.bios);
	struct vbt_bio_owner owner;
	size_t count = 0;
	uint64_t key, next;
	bool more = bpf_map_get_next_key(map, NULL, &key) == 0;

	for (; more; key = next) {
		more = bpf_map_get_next_key(map, &key, &next) == 0;
		if (bpf_map_lookup_elem(map, &key, &owner) || owner.target != index)
			continue;
		if (!give_up || bpf_map_delete_elem(map, &key) == 0)
			count++;
	}
	if (give_up)
		__atomic_fetch_sub(&source->skeleton->bss->in_map, count, __ATOMIC_RELAXED);
	return count;
}

static size_t bios_in_slots(struct kernel_source *source, unsigned index, bool give_up)
{
	size_t count = 0;

	for (unsigned i = 0; i < VBT_BIO_SLOTS; i++) {
		struct vbt_bio_slot *slot = &source->skeleton->bss->slots[i];
		unsigned long long address = __atomic_load_n(&slot->address, __ATOMIC_ACQUIRE);

		if (!address || slot->owner.target != index)
			continue;
		if (!give_up || __atomic_compare_exchange_n(&slot->address, &address, 0, false,
							    __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
			count++;
	}
	return count;
}

size_t kernel_source_bios(struct kernel_source *source, unsigned index, bool give_up)
{
	size_t count = bios_in_slots(source, index, give_up) + bios_in_map(source, index, give_up);

	if (give_up)
		__atomic_fetch_add(
		    &source->skeleton->bss->losses[VBT_LOSS_UNSEEN][VBT_MARK_complete], count,
		    __ATOMIC_RELAXED);
	return count;
}

void kernel_source_losses(const struct kernel_source *source, uint64_t lost[VBT_POINT_COUNT])
{
	const struct vbt_programs__bss *shared = source->skeleton->bss;

	memset(lost, 0, VBT_POINT_COUNT * sizeof(*lost));
	for (int why = 0; why < VBT_LOSS_COUNT; why++)
		for (int point = 0; point < VBT_POINT_COUNT; point++)
			lost[point] +=
			    __atomic_load_n(&shared->losses[why][point], __ATOMIC_RELAXED);
	/* The kernel skips a program that would interrupt itself, and counts that. */
	for (int i = 0; i < VBT_KERNEL_PROBE_COUNT; i++) {
		struct bpf_prog_info info = {0};
		__u32 size = sizeof(info);
		int fd = source->probes[i].ran ? bpf_program__fd(source->probes[i].program) : -1;

		if (fd >= 0 && kernel_probes[i].missed < VBT_POINT_COUNT &&
		    bpf_obj_get_info_by_fd(fd, &info, &size) == 0)
			lost[kernel_probes[i].missed] += info.recursion_misses;
	}
}
