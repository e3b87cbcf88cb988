/* SPDX-License-Identifier: MIT */
/* A session's targets: how they come in, and what is followed of them while they run. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "probes/session_impl.h"
#include "probes/session_info.h"

#define START_MS   2000
#define SETTLED_NS 1000000000u /* a device that is being set up changes again within this */
#define LOOKS      400         /* polls for which a VMM that starts may have no table of devices */

void session_target_free(struct target *target)
{
	if (!target)
		return;
	ring_reader_close(target->reader);
	free(target);
}

/*
 * Which probes the targets can fire. Buffered io_uring, or any where pointers are hidden, needs a look at every
 * submission. So does a target whose devices are not known yet: its first requests do not wait for us to know them.
 */
static void watch_probes(struct session *session)
{
	const bool pointers = kernel_source_follows_pointers(session->kernel);
	const struct vbt_trace_info *info = &session->info;
	bool submissions = false, kvm = false;

	for (uint32_t i = 0; i < info->targets; i++) {
		const struct target *target = session->targets[i];

		submissions |= target->pid && !target->known;
		kvm |= target->pid && !target->no_kvm;
	}
	for (uint32_t i = 0; i < info->devices; i++) {
		const struct vbt_shm_device *device = &info->device[i].shm;

		submissions |= device->present && strncmp(device->method, "io_uring", 7) == 0 &&
			       !(pointers && device->flags & VBT_DEVICE_DIRECT);
	}
	kernel_source_watch(session->kernel, VBT_PROBES_submission, submissions);
	if (kvm)
		kernel_source_watch(session->kernel, VBT_PROBES_kvm, true);
}

static void update_marks(struct session *session, unsigned index)
{
	struct vbt_target entry = *vbt_trace_info_target(&session->info, index);
	char reason[80];

	/* What is wrong, without what to do about it. */
	snprintf(reason, sizeof(reason), "%.*s", (int)strcspn(session->problem, ";"),
		 session->problem);
	session_info_marks(&entry, session->targets[index]->pid ? session->kernel : NULL,
			   session->targets[index]->pid ? reason : "recorded by the VMM alone",
			   session->targets[index]->no_kvm);
	entry.points |= (session->options.snapshots ? 1u << VBT_AUX_ring : 0) |
			(session->options.data ? 1u << VBT_AUX_data : 0);
	vbt_trace_info_set_target(&session->info, index, &entry);
}

/* Read the device table if it changed: into the trace's information and the kernel's filters. */
static void update_devices(struct session *session, unsigned index)
{
	struct target *target = session->targets[index];
	const bool filters = session->kernel && !session->detached && target->pid;
	struct vbt_shm_device devices[VBT_SHM_MAX_DEVICES] = {0};
	bool no_kvm = true, known = false, whole = true;
	uint32_t generation;
	unsigned count;

	if (!target->reader)
		return;
	/* The VMM waits for these where a doorbell moves. Asked before the table is read, which may be newer. */
	generation = ring_reader_generation(target->reader);
	if (target->primed && generation == target->generation) {
		if (filters)
			ring_reader_follows(target->reader, generation);
		return;
	}
	count = ring_reader_devices(target->reader);
	for (unsigned d = 0; d < count; d++) {
		struct vbt_device entry = {
		    .target = (uint8_t)index, .index = (uint8_t)d, .generation = generation};

		/* It is being changed just now: as it was, until the next look. */
		if (!ring_reader_device(target->reader, d, &devices[d])) {
			const struct vbt_device *old =
			    vbt_trace_info_device(&session->info, index, d);

			whole = false;
			if (old)
				devices[d] = old->shm;
			continue;
		}
		no_kvm &= (devices[d].flags & VBT_DEVICE_NO_KVM) != 0;
		known = true;
		/* Gone: how it was while it ran stays; one that lived between two polls is all news. */
		if (!devices[d].present && vbt_trace_info_device(&session->info, index, d))
			continue;
		entry.shm = devices[d];
		vbt_trace_info_set_device(&session->info, &entry);
	}
	if (!target->changed_ns || generation != target->generation)
		target->changed_ns = vbt_now_ns();
	target->primed = whole;
	target->generation = generation;
	target->no_kvm = known && no_kvm;
	target->known |= known;
	if (filters) {
		kernel_source_set_devices(session->kernel, index, devices, count);
		watch_probes(session);
		if (whole)
			ring_reader_follows(target->reader, generation);
	}
	update_marks(session, index);
}

/* No doorbell can have been rung yet, so the kernel's count of kicks will be the VMM's. */
static bool before_first_kick(struct ring_reader *reader)
{
	struct vbt_shm_device device;

	for (unsigned d = 0; reader && d < ring_reader_devices(reader); d++)
		if (ring_reader_device(reader, d, &device) && device.present &&
		    (device.pio_notify || device.mmio_notify))
			return false;
	return reader != NULL;
}

/* A VMM that was just started may have no table of devices yet. */
static void look_for_devices(struct session *session, unsigned index)
{
	struct target *target = session->targets[index];
	struct vbt_target entry;
	char ignored[256];

	if (target->reader || !target->usdt || !target->looks)
		return;
	target->looks--;
	target->reader = ring_reader_open_pid(target->pid, ignored, sizeof(ignored));
	if (!target->reader || !before_first_kick(target->reader))
		return;
	entry = *vbt_trace_info_target(&session->info, index);
	entry.from_start = session->kernel != NULL;
	vbt_trace_info_set_target(&session->info, index, &entry);
}

/* A VMM that we started does not go on before we are attached; its rings tell that only who reads them. */
static void let_go(struct target *target)
{
	if (!target->held || !target->reader)
		return;
	ring_reader_say_ready(target->reader);
	target->held = false;
}

static void update_clock(struct session *session, unsigned index)
{
	struct target *target = session->targets[index];
	struct vbt_shm_clock_pair pairs[VBT_SHM_CLOCKS];
	struct vbt_target entry;
	uint64_t error;
	size_t count;

	if (!target->reader)
		return;
	count = ring_reader_clocks(target->reader, pairs);
	for (size_t i = 0; i < count; i++)
		if (pairs[i].tsc > target->last_tsc) {
			vbt_clock_add(&target->clock, &pairs[i]);
			target->last_tsc = pairs[i].tsc;
		}
	error = vbt_clock_error(&target->clock);
	entry = *vbt_trace_info_target(&session->info, index);
	if (entry.clock_error_ns != error) {
		entry.clock_error_ns = error;
		vbt_trace_info_set_target(&session->info, index, &entry);
	}
}

/* All its devices are known, and none of them is a virtual machine's. */
static bool never_enters_kvm(struct ring_reader *reader)
{
	struct vbt_shm_device device;
	bool known = false;

	for (unsigned d = 0; reader && d < ring_reader_devices(reader); d++) {
		if (!ring_reader_device(reader, d, &device))
			continue;
		if (!(device.flags & VBT_DEVICE_NO_KVM))
			return false;
		known = true;
	}
	return known;
}

/* Enter a target into all tables. Its index, or -errno. The target is taken over. */
static int enter(struct session *session, struct target *target)
{
	struct vbt_target entry = {.clock = VBT_CLOCK_MONOTONIC};
	unsigned index = session->info.targets;
	struct ring_info info = {.clock = VBT_CLOCK_MONOTONIC};
	int ret;

	if (target->reader)
		ring_reader_info(target->reader, &info);
	entry.clock = info.clock;
	if (target->pid)
		session_info_process(&entry, target->pid);
	else {
		entry.pid = (uint32_t)info.pid;
		snprintf(entry.comm, sizeof(entry.comm), "%.15s", info.program);
		snprintf(entry.cmdline, sizeof(entry.cmdline), "%s", info.program);
	}
	entry.from_start = session->kernel && target->pid && before_first_kick(target->reader);
	vbt_clock_init(&target->clock, target->usdt ? VBT_CLOCK_MONOTONIC : info.clock,
		       info.tsc_khz);
	ret = vbt_trace_info_set_target(&session->info, index, &entry);
	if (ret < 0)
		return ret;
	session->targets[index] = target;
	return (int)index;
}

/* Open the process's ring as far as the road needs it. 0 or -errno with a sentence. */
static int choose_road(struct session *session, struct target *target, char *err, size_t err_size)
{
	target->reader = ring_reader_open_pid(target->pid, err, err_size);
	if (session->options.road == SESSION_USDT) {
		/* The table of devices is welcome, also later, but not needed. */
		target->usdt = true;
		target->looks = LOOKS;
		return target->reader || errno == ENOENT || errno == EPROTO ? 0 : -errno;
	}
	if (target->reader)
		return 0;
	if (session->options.road == SESSION_AUTO && session->kernel && errno == ENOENT) {
		target->usdt = true;
		return 0;
	}
	return errno ? -errno : -EIO;
}

/* What not every reader gets. 0, or -EOPNOTSUPP with a sentence: this VMM does not have it. */
static int ask_for_extras(const struct session *session, struct target *target, char *err,
			  size_t err_size)
{
	const char *what = NULL;

	if (session->options.snapshots && !ring_reader_want_rings(target->reader))
		what = "snapshots of the rings";
	else if (session->options.data &&
		 !ring_reader_want_data(target->reader, session->options.data))
		what = "data of requests";
	if (!what)
		return 0;
	snprintf(err, err_size,
		 "process %d records into a flight recorder, which takes no %s: start it without",
		 (int)target->pid, what);
	return -EOPNOTSUPP;
}

int session_add(struct session *session, pid_t pid, char *err, size_t err_size)
{
	struct target *target;
	int index, ret;

	if (session->info.targets == VBT_MAX_TARGETS) {
		snprintf(err, err_size, "cannot trace more than %d processes at once",
			 VBT_MAX_TARGETS);
		return -ENOSPC;
	}
	target = calloc(1, sizeof(*target));
	if (!target) {
		snprintf(err, err_size, "cannot trace process %d: out of memory", (int)pid);
		return -ENOMEM;
	}
	target->pid = pid;
	ret = choose_road(session, target, err, err_size);
	target->no_kvm = never_enters_kvm(target->reader);
	if (ret == 0 && target->usdt && (session->options.snapshots || session->options.data)) {
		snprintf(
		    err, err_size,
		    "process %d has no ring of stage points: snapshots and data come by it only",
		    (int)pid);
		ret = -EOPNOTSUPP;
	}
	if (ret == 0 && session->kernel && !target->no_kvm)
		kernel_source_watch(session->kernel, VBT_PROBES_kvm, true);
	/* A program without the probes must not leave an entry behind: this comes first. */
	if (ret == 0 && target->usdt)
		ret = kernel_source_attach_usdt(session->kernel, session->info.targets, pid, err,
						err_size);
	if (ret == -ENOENT)
		snprintf(err, err_size,
			 "process %d offers no stage points: it is not a VMM that vbtrace knows",
			 (int)pid);
	if (ret < 0)
		goto fail;
	index = ret = enter(session, target);
	if (ret < 0)
		goto fail;
	/* The kernel's side first: what follows it in a request's life finds it there. */
	if (session->kernel) {
		kernel_source_set_target(session->kernel, (unsigned)index, pid);
		update_devices(session, (unsigned)index);
		watch_probes(session);
	}
	update_marks(session, (unsigned)index);
	update_devices(session, (unsigned)index);
	if (!target->usdt) {
		ret = ask_for_extras(session, target, err, err_size);
		if (ret < 0) {
			target->ended = true;
			return ret;
		}
		ret = ring_reader_start(target->reader, session->options.history, START_MS, err,
					err_size);
		if (ret < 0) {
			target->ended = true;
			return ret;
		}
	}
	update_clock(session, (unsigned)index);
	target->held = target->usdt && session->options.unknown;
	let_go(target);
	return index;
fail:
	if (session->kernel && target->usdt)
		kernel_source_set_target(session->kernel, session->info.targets, 0);
	session_target_free(target);
	return ret;
}

int session_add_file(struct session *session, const char *path, char *err, size_t err_size)
{
	struct target *target = calloc(1, sizeof(*target));
	int ret = -ENOMEM;

	if (!target) {
		snprintf(err, err_size, "cannot read '%s': out of memory", path);
		return ret;
	}
	target->reader = ring_reader_open_file(path, err, err_size);
	if (!target->reader)
		ret = errno ? -errno : -EIO;
	else if ((ret = enter(session, target)) < 0)
		snprintf(err, err_size, "cannot read '%s': too many targets", path);
	if (ret < 0) {
		session_target_free(target);
		return ret;
	}
	update_marks(session, (unsigned)ret);
	update_devices(session, (unsigned)ret);
	ring_reader_start(target->reader, true, 0, err, err_size);
	update_clock(session, (unsigned)ret);
	return ret;
}

void session_target_update(struct session *session, unsigned index)
{
	look_for_devices(session, index);
	update_devices(session, index);
	update_clock(session, index);
	let_go(session->targets[index]);
}

bool session_target_settled(const struct target *target, uint64_t now)
{
	return !target->reader || !target->pid || now > target->changed_ns + SETTLED_NS;
}

bool session_target_runs(const struct target *target)
{
	if (target->reader && target->pid)
		return ring_reader_alive(target->reader);
	return target->pid && kill(target->pid, 0) == 0;
}
