/* SPDX-License-Identifier: MIT */
#include "probes/kernel_source.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "probes/host_facts.h"
#include "probes/kernel_probe.h"
#include "probes/programs.skel.h"
#include "probes/stage_point.h"

#define DEFAULT_BUFFER (8u << 20)
#define REASON_SIZE    96
#define USDT_POINTS    16

struct probe {
	struct bpf_program *program;
	struct bpf_link *link;
	bool ran; /* it was attached at least once */
	enum kernel_lack lacks;
	char missing[REASON_SIZE]; /* why it is not attached; empty: it is */
};

/* A target's device table as the filters have it. */
struct known {
	struct vbt_shm_device devices[VBT_SHM_MAX_DEVICES];
	/* Of doorbells that are away now: the VMM counts since the device was made. */
	uint64_t kicks[VBT_SHM_MAX_DEVICES][VBT_SHM_MAX_QUEUES];
};

struct kernel_source {
	struct vbt_programs *skeleton;
	struct ring_buffer *ring;
	/* Positions in the ring buffer, in pages of the kernel's. */
	const uint64_t *consumed, *reserved;
	struct probe probes[VBT_KERNEL_PROBE_COUNT];
	struct bpf_link *usdt[VBT_BPF_TARGETS][USDT_POINTS];

	struct known known[VBT_BPF_TARGETS];

	/* For the duration of kernel_source_read. */
	const struct kernel_source_sink *sink;
	size_t left;
};

/*
 * libbpf says only in its log which program the kernel refused. It has one log function for the
 * whole process, so this is the one place that cannot do without a global.
 */
static __thread char refused[512];

static int note_refused(enum libbpf_print_level level, const char *format, va_list args)
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
#define X(tracepoint, point, pointers, group) \
	source->probes[VBT_PROBE_##tracepoint].program = source->skeleton->progs.tracepoint;
	VBT_KERNEL_PROBES(X)
#undef X
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
	    [KERNEL_LACKS_program] = {"the kernel refused the program ", ": ", true},
	    [KERNEL_LACKS_attachment] = {"cannot attach to ", ": ", true},
	};

	probe->lacks = lacks;
	snprintf(probe->missing, sizeof(probe->missing), "%s%s%s%s", sentences[lacks].before, name,
		 sentences[lacks].behind, sentences[lacks].error ? strerror(error) : "");
}

/* Why is there no tracepoint of that name, or none that a program could be typed by? */
static enum kernel_lack no_tracepoint(const char *name, bool typed)
{
	if (strncmp(name, "kvm_", 4) != 0)
		return KERNEL_LACKS_tracepoint;
	if (!host_kvm_is_there())
		return KERNEL_LACKS_module;
	/* Built in, it is described with the kernel. */
	return typed && host_kvm_was_loaded() && !host_kvm_is_module() ? KERNEL_LACKS_types
								       : KERNEL_LACKS_tracepoint;
}

/* A program that follows structures needs the kernel to describe them, and its tracepoint. */
static void choose_programs(struct kernel_source *source, const struct host_tracepoints *described)
{
	for (int i = 0; i < VBT_KERNEL_PROBE_COUNT; i++) {
		struct probe *probe = &source->probes[i];
		const char *name = kernel_probes[i].name;

		if (!probe->missing[0] && kernel_probes[i].pointers && !described->has[i])
			give_up(probe,
				!described->btf ? KERNEL_LACKS_btf
				: described->hidden && !strncmp(name, "kvm_", 4)
				    ? KERNEL_LACKS_right
				    : no_tracepoint(name, true),
				name, 0);
		bpf_program__set_autoload(probe->program, !probe->missing[0]);
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
static int stand_in_types(void)
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

/*
 * Load, and when the kernel refuses one program, again without it. 0, or -errno of a failure
 * that leaving programs out does not mend.
 */
static int load(struct kernel_source *source, size_t buffer,
		const struct host_tracepoints *described, const struct vbt_symbols *symbols,
		int types)
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
		vbt_programs__destroy(source->skeleton);
		source->skeleton = NULL;
		for (i = 0; i < VBT_KERNEL_PROBE_COUNT; i++)
			if (strcmp(kernel_probes[i].name, refused) == 0 &&
			    !source->probes[i].missing[0])
				break;
		if (i == VBT_KERNEL_PROBE_COUNT || ret == -EPERM)
			return ret;
		give_up(&source->probes[i], KERNEL_LACKS_program, kernel_probes[i].name, -ret);
	}
}

static void attach(struct probe *probe, const char *name)
{
	if (probe->link || probe->missing[0])
		return;
	if (bpf_program__type(probe->program) == BPF_PROG_TYPE_RAW_TRACEPOINT)
		probe->link = bpf_program__attach_raw_tracepoint(probe->program, name);
	else
		probe->link = bpf_program__attach_trace(probe->program);
	probe->ran |= probe->link != NULL;
	if (probe->link)
		return;
	give_up(probe, errno == ENOENT ? no_tracepoint(name, false) : KERNEL_LACKS_attachment, name,
		errno);
}

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

static void explain(int error, char *err, size_t err_size)
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
	previous = libbpf_set_print(note_refused);
	if (!described.btf)
		ret = types = stand_in_types();
	if (ret >= 0)
		ret = load(source, buffer, &described, &symbols, types);
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
		explain(ret, err, err_size);
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
	for (int i = 0; i < VBT_KERNEL_PROBE_COUNT; i++) {
		bpf_link__destroy(source->probes[i].link);
		source->probes[i].link = NULL;
	}
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

static struct vbt_doorbell doorbell_key(unsigned index, const struct vbt_shm_device *device,
					unsigned queue, bool pio)
{
	const bool shared = pio || device->mmio_stride == 0;

	return (struct vbt_doorbell){
	    .address = pio ? device->pio_notify
			   : device->mmio_notify + (uint64_t)queue * device->mmio_stride,
	    .queue = shared ? queue : 0,
	    .target = (unsigned char)index,
	    .pio = pio,
	};
}

/* Does this device still have this doorbell? */
static bool still_rings(unsigned index, const struct vbt_shm_device *device,
			const struct vbt_doorbell *key, unsigned queue)
{
	const uint64_t address = key->pio ? device->pio_notify : device->mmio_notify;
	struct vbt_doorbell now;

	if (!device->present || queue >= device->queues || address == 0)
		return false;
	now = doorbell_key(index, device, queue, key->pio);
	return memcmp(&now, key, sizeof(now)) == 0;
}

/* Take away the target's doorbells that are gone; what they counted is kept. */
static void remove_doorbells(int map, unsigned index, struct known *known)
{
	struct vbt_doorbell key, next;
	struct vbt_doorbell_state state;
	bool more = bpf_map_get_next_key(map, NULL, &key) == 0;

	for (; more; key = next) {
		more = bpf_map_get_next_key(map, &key, &next) == 0;
		if (key.target != index || bpf_map_lookup_elem(map, &key, &state) ||
		    still_rings(index, &known->devices[state.device], &key, state.queue))
			continue;
		known->kicks[state.device][state.queue] += state.count;
		bpf_map_delete_elem(map, &key);
	}
}

static int add_doorbell(int map, unsigned index, struct known *known, unsigned d, unsigned queue,
			bool pio)
{
	const struct vbt_shm_device *device = &known->devices[d];
	const struct vbt_doorbell key = doorbell_key(index, device, queue, pio);
	const struct vbt_doorbell_state state = {
	    .count = known->kicks[d][queue],
	    .device = (unsigned short)d,
	    .queue = (unsigned short)queue,
	    .shared = pio || device->mmio_stride == 0,
	};
	int ret = bpf_map_update_elem(map, &key, &state, BPF_NOEXIST);

	if (ret == 0)
		known->kicks[d][queue] = 0;
	return ret == -EEXIST ? 0 : ret;
}

int kernel_source_set_devices(struct kernel_source *source, unsigned index,
			      const struct vbt_shm_device *devices, unsigned count)
{
	struct vbt_target_filter *filter = &source->skeleton->bss->targets[index];
	int map = bpf_map__fd(source->skeleton->maps.doorbells), ret = 0;
	struct known *known = &source->known[index];

	memcpy(known->devices, devices, count * sizeof(*devices));
	remove_doorbells(map, index, known);
	for (unsigned d = 0; d < count; d++) {
		const struct vbt_shm_device *device = &devices[d];

		if (!device->present)
			continue;
		for (unsigned q = 0; q < device->queues && ret == 0; q++) {
			if (device->pio_notify)
				ret = add_doorbell(map, index, known, d, q, true);
			if (device->mmio_notify && ret == 0)
				ret = add_doorbell(map, index, known, d, q, false);
		}
		if (device->gsi < 128 && !(device->flags & VBT_DEVICE_NO_KVM))
			filter->lines[device->gsi / 64] |= 1ULL << device->gsi % 64;
	}
	return ret;
}

bool kernel_source_follows_pointers(const struct kernel_source *source)
{
	const struct vbt_symbols *symbols = (const void *)&source->skeleton->rodata->symbols;

	return symbols->io_complete_rw && symbols->iomap_dio_bio_end_io &&
	       (symbols->blkdev_bio_end_io || symbols->blkdev_bio_end_io_async);
}

void kernel_source_watch(struct kernel_source *source, enum vbt_probe_group group, bool on)
{
	libbpf_print_fn_t previous = libbpf_set_print(note_refused);

	for (int i = 0; i < VBT_KERNEL_PROBE_COUNT; i++) {
		struct probe *probe = &source->probes[i];

		if (kernel_probes[i].group != group)
			continue;
		if (on) {
			attach(probe, kernel_probes[i].name);
		} else {
			bpf_link__destroy(probe->link);
			probe->link = NULL;
		}
	}
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
	libbpf_print_fn_t previous = libbpf_set_print(note_refused);
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
	/*
	 * The kernel skips a program that would interrupt itself, and counts that. A skipped issue may be of
	 * several bios or of none of ours: that shows when they complete.
	 */
	for (int i = 0; i < VBT_KERNEL_PROBE_COUNT; i++) {
		struct bpf_prog_info info = {0};
		__u32 size = sizeof(info);
		int fd = source->probes[i].ran ? bpf_program__fd(source->probes[i].program) : -1;

		if (fd >= 0 && kernel_probes[i].point < VBT_POINT_COUNT &&
		    kernel_probes[i].point != VBT_MARK_issue &&
		    bpf_obj_get_info_by_fd(fd, &info, &size) == 0)
			lost[kernel_probes[i].point] += info.recursion_misses;
	}
}
