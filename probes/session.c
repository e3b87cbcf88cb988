/* SPDX-License-Identifier: MIT */
#include "probes/session.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/touched.h"
#include "probes/kernel_source.h"
#include "probes/ring_find.h"
#include "probes/ring_reader.h"
#include "probes/session_info.h"

#define SECOND_NS     1000000000u
#define SETTLE_NS     2000000u /* a record may be stamped this long before it is visible */
#define SETTLE_PAUSES 20       /* of 5 ms, for the last bios of a process that ended */
#define START_MS      2000
#define LAST_ROUNDS   1000 /* of 1 ms, for what was under way when the probes went */
#define LOOKS         400  /* polls for which a VMM that starts may have no table of devices */
#define BATCH         4096
#define RING_BATCHES  64 /* of one ring in a poll, so that no ring starves the others */
#define BUSY_FILL     16 /* 256ths of a buffer; twice this a poll later is still far from full */
#define KERNEL_SOURCE 0  /* its index in the trace's source table */

struct target {
	struct ring_reader *reader; /* NULL: USDT without a device table */
	pid_t pid;
	bool usdt, ended, no_kvm, primed;
	bool held;      /* it waits for us, and has not been let go */
	bool known;     /* a device of it was seen */
	unsigned looks; /* for a table of devices that may be made yet */
	uint32_t generation;
	struct vbt_clock clock;
	uint64_t last_tsc;                   /* of the newest calibration pair */
	uint16_t sources[VBT_SHM_MAX_RINGS]; /* by ring; 0: none yet */
	uint64_t last_ns[VBT_SHM_MAX_RINGS];
	uint16_t unplaced;    /* the source of what is in no ring; 0: none yet */
	uint64_t unplaced_ns; /* when that was asked for */
};

struct session {
	struct session_options options;
	struct kernel_source *kernel;
	char problem[512];
	struct vbt_trace_info info;
	struct target *targets[VBT_MAX_TARGETS];
	bool detached;
	uint64_t watermark, last_second;
	uint64_t pause; /* until the next poll */

	/* Losses of the kernel's side at their last statement. */
	uint64_t lost[VBT_POINT_COUNT], lost_time;

	/* For the duration of a poll. */
	vbt_event_fn *sink;
	void *context;
	long delivered;
	int stopped; /* what the sink returned, if negative */
	size_t kernel_count, usdt_count;
	struct vbt_event kernel_batch[BATCH], usdt_batch[BATCH], ring_batch[BATCH];
};

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * SECOND_NS + (uint64_t)ts.tv_nsec;
}

static void deliver(struct session *session, const struct vbt_event *events, size_t count)
{
	if (count == 0 || session->stopped < 0)
		return;
	session->stopped = session->sink(session->context, events, count);
	session->delivered += (long)count;
}

static void state_loss(struct session *session, uint16_t source, unsigned point, uint64_t from,
		       uint64_t to, uint64_t count)
{
	struct vbt_source entry = *vbt_trace_info_source(&session->info, source);
	struct vbt_event event;

	entry.lost += count;
	vbt_trace_info_set_source(&session->info, source, &entry);
	vbt_event_lost(&event, source, from, to, count);
	event.val = point;
	deliver(session, &event, 1);
}

struct session *session_new(const struct session_options *options, char *err, size_t err_size)
{
	const struct vbt_source kernel = {.kind = VBT_SOURCE_KERNEL, .name = "kernel"};
	struct session *session = vbt_calloc_touched(1, sizeof(*session));

	if (!session) {
		snprintf(err, err_size, "cannot start a session: out of memory");
		return NULL;
	}
	session->options = *options;
	vbt_trace_info_init(&session->info);
	session_info_host(&session->info.host);
	if (vbt_trace_info_set_source(&session->info, KERNEL_SOURCE, &kernel) < 0) {
		snprintf(err, err_size, "cannot start a session: out of memory");
		session_free(session);
		return NULL;
	}
	if (options->no_kernel)
		snprintf(session->problem, sizeof(session->problem), "not asked for");
	else
		session->kernel =
		    kernel_source_open(options->buffer, session->problem, sizeof(session->problem));
	if (!session->kernel && options->road == SESSION_USDT) {
		snprintf(err, err_size, "%s", session->problem);
		session_free(session);
		return NULL;
	}
	if (session->kernel && options->unknown)
		kernel_source_watch(session->kernel, VBT_PROBES_kvm, true);
	session->lost_time = session->last_second = now_ns();
	session->pause = SESSION_POLL_NS;
	return session;
}

static void free_target(struct target *target)
{
	if (!target)
		return;
	ring_reader_close(target->reader);
	free(target);
}

void session_free(struct session *session)
{
	if (!session)
		return;
	session_detach(session);
	kernel_source_close(session->kernel);
	for (unsigned i = 0; i < VBT_MAX_TARGETS; i++)
		free_target(session->targets[i]);
	vbt_trace_info_release(&session->info);
	free(session);
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
	struct vbt_shm_device devices[VBT_SHM_MAX_DEVICES] = {0};
	bool no_kvm = true, known = false;
	uint32_t generation;
	unsigned count;

	if (!target->reader)
		return;
	generation = ring_reader_generation(target->reader);
	if (target->primed && generation == target->generation)
		return;
	count = ring_reader_devices(target->reader);
	for (unsigned d = 0; d < count; d++) {
		struct vbt_device entry = {
		    .target = (uint8_t)index, .index = (uint8_t)d, .generation = generation};

		if (!ring_reader_device(target->reader, d, &devices[d]))
			continue;
		no_kvm &= (devices[d].flags & VBT_DEVICE_NO_KVM) != 0;
		known = true;
		/* Gone: how it was while it ran stays; one that lived between two polls is all news. */
		if (!devices[d].present && vbt_trace_info_device(&session->info, index, d))
			continue;
		entry.shm = devices[d];
		vbt_trace_info_set_device(&session->info, &entry);
	}
	target->primed = true;
	target->generation = generation;
	target->no_kvm = known && no_kvm;
	target->known |= known;
	if (session->kernel && !session->detached && target->pid) {
		kernel_source_set_devices(session->kernel, index, devices, count);
		watch_probes(session);
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
	ring_find_say_ready(target->pid);
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
	free_target(target);
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
		free_target(target);
		return ret;
	}
	update_marks(session, (unsigned)ret);
	update_devices(session, (unsigned)ret);
	ring_reader_start(target->reader, true, 0, err, err_size);
	update_clock(session, (unsigned)ret);
	return ret;
}

static void on_kernel(void *context, const struct vbt_kernel_record *record)
{
	struct session *session = context;

	if (vbt_event_from_kernel(&session->kernel_batch[session->kernel_count], record,
				  KERNEL_SOURCE))
		session->kernel_count++;
}

/* The source of a thread's USDT events; made when the first one comes. */
static uint16_t usdt_source(struct session *session, unsigned target, uint32_t tid)
{
	struct vbt_source entry = {.kind = VBT_SOURCE_USDT, .target = (uint8_t)target, .tid = tid};
	const struct vbt_trace_info *info = &session->info;
	char path[64], name[sizeof(entry.name)] = "";
	FILE *file;

	for (uint32_t i = 1; i < info->sources; i++)
		if (info->source[i].tid == tid && info->source[i].target == target &&
		    info->source[i].kind == VBT_SOURCE_USDT)
			return (uint16_t)i;
	snprintf(path, sizeof(path), "/proc/%d/task/%u/comm", (int)info->target[target].pid, tid);
	file = fopen(path, "re");
	if (file && fgets(name, sizeof(name), file))
		name[strcspn(name, "\n")] = '\0';
	if (file)
		fclose(file);
	snprintf(entry.name, sizeof(entry.name), "%s", name);
	if (vbt_trace_info_set_source(&session->info, info->sources, &entry) < 0)
		return KERNEL_SOURCE;
	return (uint16_t)(info->sources - 1);
}

static void on_usdt(void *context, const struct vbt_usdt_record *record)
{
	struct session *session = context;
	struct vbt_event *event = &session->usdt_batch[session->usdt_count];

	if (record->target < session->info.targets &&
	    vbt_event_from_record(event, &record->record, record->record.time,
				  usdt_source(session, record->target, record->tid),
				  (uint8_t)record->target, record->tid))
		session->usdt_count++;
}

/*
 * State what the kernel's side lost since the last time; before the events that came after it. Where none came
 * it can wait: asking costs a system call for each program.
 */
static void state_kernel_losses(struct session *session)
{
	uint64_t lost[VBT_POINT_COUNT], now = now_ns();

	kernel_source_losses(session->kernel, lost);
	for (unsigned point = 0; point < VBT_POINT_COUNT; point++)
		if (lost[point] > session->lost[point]) {
			state_loss(session, KERNEL_SOURCE, point, session->lost_time, now,
				   lost[point] - session->lost[point]);
			session->lost[point] = lost[point];
		}
	session->lost_time = now;
}

static void deliver_usdt(struct session *session)
{
	const struct vbt_event *events = session->usdt_batch;
	size_t start = 0;

	for (size_t i = 1; i <= session->usdt_count; i++)
		if (i == session->usdt_count || events[i].source != events[start].source) {
			deliver(session, &events[start], i - start);
			start = i;
		}
}

/* true if everything was read that was there at the start, when `reserved` was asked for. */
static bool poll_kernel(struct session *session, uint64_t reserved)
{
	const struct kernel_source_sink sink = {
	    .kernel = on_kernel, .usdt = on_usdt, .context = session};
	size_t count = BATCH;

	for (int i = 0; i < RING_BATCHES && count == BATCH && session->stopped >= 0; i++) {
		session->kernel_count = session->usdt_count = 0;
		count = kernel_source_read(session->kernel, &sink, BATCH);
		if (count || session->detached)
			state_kernel_losses(session);
		deliver(session, session->kernel_batch, session->kernel_count);
		deliver_usdt(session);
	}
	return count < BATCH && kernel_source_reached(session->kernel, reserved);
}

static uint16_t ring_source(struct session *session, unsigned index, const struct ring_batch *batch)
{
	struct target *target = session->targets[index];
	uint16_t source = target->sources[batch->ring];
	struct vbt_source entry = {
	    .kind = VBT_SOURCE_RING, .target = (uint8_t)index, .tid = batch->tid};
	char name[16];

	/* A ring that went to another thread is another source. */
	if (source && session->info.source[source].tid == batch->tid)
		return source;
	snprintf(entry.name, sizeof(entry.name), "%s",
		 ring_reader_ring_name(target->reader, batch->ring, name));
	if (vbt_trace_info_set_source(&session->info, session->info.sources, &entry) < 0)
		return source;
	return target->sources[batch->ring] = (uint16_t)(session->info.sources - 1);
}

/*
 * What another reader asked for is not for us: data is the guest's, and a recording has as much of it
 * as its user wanted, or none.
 */
static bool is_asked_for(const struct session *session, struct vbt_record *record)
{
	const unsigned place = record->head * VBT_DATA_STEP;
	uint8_t bytes[VBT_DATA_STEP];
	unsigned room;

	if (record->point != VBT_AUX_data)
		return true;
	if (place >= session->options.data)
		return false;
	room = session->options.data - place;
	if (room >= VBT_DATA_STEP || record->op <= room)
		return true;
	memcpy(bytes, &record->arg, 8);
	memcpy(bytes + 8, &record->val, 4);
	memset(bytes + room, 0, sizeof(bytes) - room);
	memcpy(&record->arg, bytes, 8);
	memcpy(&record->val, bytes + 8, 4);
	record->op = (uint8_t)room;
	return true;
}

static void deliver_ring(struct session *session, unsigned index, const struct ring_batch *batch)
{
	struct target *target = session->targets[index];
	uint16_t source = ring_source(session, index, batch);
	uint64_t last = target->last_ns[batch->ring];
	size_t count = 0, others = 0;

	for (size_t i = 0; i < batch->count; i++) {
		struct vbt_record record = batch->records[i];
		uint64_t ns = vbt_clock_ns(&target->clock, record.time);

		if (!is_asked_for(session, &record))
			others++;
		else if (vbt_event_from_record(&session->ring_batch[count], &record, ns, source,
					       (uint8_t)index, batch->tid))
			count++;
	}
	if (batch->lost)
		state_loss(session, source, VBT_POINT_LOST, last,
			   count ? session->ring_batch[0].time : now_ns(), batch->lost);
	/* What is no record of a VMM at all is as good as lost. */
	if (count + others < batch->count)
		state_loss(session, source, VBT_POINT_LOST, last, now_ns(),
			   batch->count - count - others);
	if (count)
		target->last_ns[batch->ring] = session->ring_batch[count - 1].time;
	deliver(session, session->ring_batch, count);
}

/* State what threads fired that found no ring. */
static void state_unplaced(struct session *session, unsigned index)
{
	const struct vbt_source entry = {
	    .kind = VBT_SOURCE_RING, .target = (uint8_t)index, .name = "no ring"};
	struct target *target = session->targets[index];
	uint64_t lost = ring_reader_unplaced(target->reader), now = now_ns();

	if (lost && !target->unplaced &&
	    vbt_trace_info_set_source(&session->info, session->info.sources, &entry) == 0)
		target->unplaced = (uint16_t)(session->info.sources - 1);
	if (lost)
		state_loss(session, target->unplaced, VBT_POINT_LOST,
			   target->unplaced_ns ? target->unplaced_ns : now, now, lost);
	target->unplaced_ns = now;
}

static bool poll_rings(struct session *session, unsigned index, unsigned *fill)
{
	struct target *target = session->targets[index];
	unsigned rings = ring_reader_rings(target->reader);
	struct ring_batch batch;
	bool drained = true;

	for (unsigned ring = 0; ring < rings; ring++) {
		bool more = true;

		for (int i = 0; i < RING_BATCHES && more && session->stopped >= 0; i++) {
			more = ring_reader_next(target->reader, ring, BATCH, &batch);
			if (more && batch.fill > *fill)
				*fill = batch.fill;
			if (more)
				deliver_ring(session, index, &batch);
			more = more && batch.count == BATCH;
		}
		drained &= !more;
	}
	state_unplaced(session, index);
	return drained;
}

/* What need not be done at every poll. */
static void each_second(struct session *session, uint64_t now)
{
	if (now - session->last_second < SECOND_NS)
		return;
	session->last_second = now;
	for (unsigned i = 0; i < session->info.targets; i++)
		if (session->targets[i]->reader && !session->targets[i]->usdt &&
		    !session->targets[i]->ended)
			ring_reader_keepalive(session->targets[i]->reader);
}

static bool runs(const struct target *target)
{
	if (target->reader && target->pid)
		return ring_reader_alive(target->reader);
	return target->pid && kill(target->pid, 0) == 0;
}

long session_poll(struct session *session, vbt_event_fn *sink, void *context)
{
	uint64_t start = now_ns(), reserved = 0;
	unsigned fill = 0;
	bool drained = true, alive[VBT_MAX_TARGETS] = {false};

	session->sink = sink;
	session->context = context;
	session->delivered = session->stopped = 0;
	if (session->kernel) {
		reserved = kernel_source_reserved(session->kernel);
		fill = kernel_source_fill(session->kernel);
	}
	if (!session->detached)
		each_second(session, start);
	for (unsigned i = 0; i < session->info.targets; i++) {
		alive[i] = runs(session->targets[i]); /* asked before its last records are read */
		look_for_devices(session, i);
		update_devices(session, i);
		update_clock(session, i);
		let_go(session->targets[i]);
	}
	if (session->kernel)
		drained &= poll_kernel(session, reserved);
	for (unsigned i = 0; i < session->info.targets; i++)
		if (session->targets[i]->reader && !session->targets[i]->usdt)
			drained &= poll_rings(session, i, &fill);
	/* Less often while little comes: waking up is most of what that costs. */
	session->pause = fill >= BUSY_FILL ? SESSION_POLL_NS : session->pause * 2;
	if (session->pause > SESSION_IDLE_NS)
		session->pause = SESSION_IDLE_NS;
	for (unsigned i = 0; i < session->info.targets && drained; i++)
		session->targets[i]->ended |= !alive[i];
	if (drained && session->detached)
		session->watermark = UINT64_MAX;
	else if (drained && start - SETTLE_NS > session->watermark)
		session->watermark = start - SETTLE_NS;
	return session->stopped < 0 ? session->stopped : session->delivered;
}

uint64_t session_pause(const struct session *session)
{
	return session->pause;
}

uint64_t session_watermark(const struct session *session)
{
	return session->watermark;
}

const struct vbt_trace_info *session_info(const struct session *session)
{
	return &session->info;
}

bool session_alive(const struct session *session)
{
	for (unsigned i = 0; i < session->info.targets; i++)
		if (!session->targets[i]->ended)
			return true;
	return false;
}

bool session_target_alive(const struct session *session, unsigned index)
{
	return index < session->info.targets && !session->targets[index]->ended;
}

const char *session_kernel_problem(const struct session *session)
{
	return session->kernel ? NULL : session->problem;
}

const char *session_missing_probe(const struct session *session, unsigned n)
{
	for (int probe = 0; session->kernel && probe < VBT_KERNEL_PROBE_COUNT; probe++) {
		const char *missing =
		    kernel_source_missing(session->kernel, (enum vbt_kernel_probe)probe);

		/* One name or the other, depending on the kernel's version. */
		if (probe == VBT_PROBE_io_uring_submit_sqe &&
		    !kernel_source_missing(session->kernel, VBT_PROBE_io_uring_submit_req))
			continue;
		if (probe == VBT_PROBE_io_uring_submit_req &&
		    !kernel_source_missing(session->kernel, VBT_PROBE_io_uring_submit_sqe))
			continue;
		if (missing && n-- == 0)
			return missing;
	}
	return NULL;
}

/*
 * A process that ended has no I/O left, but its last bios may take a moment. What is left then
 * completed without being seen: the kernel does not run programs everywhere, and says so nowhere.
 */
static void settle_bios(struct session *session)
{
	const struct timespec pause = {.tv_nsec = 5000000};

	for (unsigned i = 0; i < session->info.targets; i++) {
		if (runs(session->targets[i]))
			continue;
		for (int wait = 0; wait < SETTLE_PAUSES; wait++) {
			if (kernel_source_bios(session->kernel, i, false) == 0)
				break;
			nanosleep(&pause, NULL);
		}
		kernel_source_bios(session->kernel, i, true);
	}
}

void session_detach(struct session *session)
{
	if (session->detached)
		return;
	session->detached = true;
	/* The VMM's side first: else it would go on, unread, for as long as the kernel's takes. */
	for (unsigned i = 0; i < session->info.targets; i++)
		if (session->targets[i]->reader)
			ring_reader_stop(session->targets[i]->reader);
	if (session->kernel) {
		settle_bios(session);
		kernel_source_detach(session->kernel);
	}
}

/*
 * One round takes a bounded number of events, and a CPU may be held up with a record half written: until
 * the watermark says that it was all.
 */
int session_finish(struct session *session, int (*round)(void *context), void *context)
{
	const struct timespec pause = {.tv_nsec = 1000000};
	int error = 0;

	session_detach(session);
	for (int i = 0; i < LAST_ROUNDS && !error; i++) {
		error = round(context);
		if (session_watermark(session) == UINT64_MAX)
			break;
		nanosleep(&pause, NULL);
	}
	return error;
}
