/* SPDX-License-Identifier: MIT */
/* The shared file as a whole, and each thread's ring in it. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "probes/stage_point.h"
#include "probes/stage_shm.h"

#define PAGE           4096u
#define DEFAULT_SIZE   (128u << 20) /* of a memfd, which takes memory only as it is written */
#define DEFAULT_FLIGHT (64u << 20)  /* of a flight recorder, whose blocks are reserved */
#define SMALLEST_SIZE  (256u << 10)
#define LARGEST_SIZE   (1ULL << 40)
#define SHARES         16   /* a ring gets this share of the file, while there is room */
#define SMALLEST_RING  512  /* records */
#define CONTROL_RING   1024 /* records; a calibration a second, and the devices */

struct stage_shm stage_shm = {.fd = -1};

static pthread_mutex_t slots_lock = PTHREAD_MUTEX_INITIALIZER;

static uint64_t header_bytes(void)
{
	return (sizeof(struct vbt_shm_header) + PAGE - 1) & ~(uint64_t)(PAGE - 1);
}

/* The child of a fork has the mapping, but no business writing into its parent's rings. */
static void forget_in_child(void)
{
	stage_point_ring(false, false, 0);
	memset(&stage_thread, 0, sizeof(stage_thread));
	stage_shm.header = NULL;
	stage_control_forked();
}

int stage_ring_init(const struct stage_ring_options *options, char *err, size_t err_size)
{
	static bool fork_handled;
	uint64_t size = options->size              ? options->size
			: options->flight_recorder ? DEFAULT_FLIGHT
						   : DEFAULT_SIZE;
	struct vbt_shm_header *header = MAP_FAILED;
	int fd, ret;

	if (stage_shm.header) {
		snprintf(err, err_size, "stage records are already switched on in this process");
		return -EALREADY;
	}
	if (size < SMALLEST_SIZE || size > LARGEST_SIZE) {
		snprintf(err, err_size, "size of the stage records must be 256K to 1T, not %llu",
			 (unsigned long long)size);
		return -EINVAL;
	}
	size = header_bytes() + ((size + PAGE - 1) & ~(uint64_t)(PAGE - 1));
	fd = options->flight_recorder
		 ? stage_file_flight(options->flight_recorder, size, err, err_size)
		 : stage_file_memfd(size, err, err_size);
	if (fd < 0)
		return fd;
	header = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (header == MAP_FAILED) {
		ret = -errno;
		snprintf(err, err_size, "cannot map %llu bytes of stage records: %s",
			 (unsigned long long)size, strerror(errno));
		goto fail;
	}
	header->version = VBT_SHM_VERSION;
	header->header_size = sizeof(*header);
	header->file_size = size;
	header->pid = (uint32_t)getpid();
	header->always = options->flight_recorder != NULL;
	snprintf(header->program, sizeof(header->program), "%s",
		 options->program ? options->program : "");
	stage_shm = (struct stage_shm){.header = header, .next = header_bytes(), .fd = fd};
	stage_clock_init(header);
	/* Last, so that a reader that finds the file finds it whole. */
	__atomic_store_n(&header->magic, VBT_SHM_MAGIC, __ATOMIC_RELEASE);
	if (header->always) {
		stage_point_ring(true, false, 0);
		__atomic_store_n(&header->on, 1, __ATOMIC_RELEASE);
	}
	ret = stage_control_start();
	if (ret < 0) {
		snprintf(err, err_size, "cannot start the stage control thread: %s",
			 strerror(-ret));
		goto fail;
	}
	if (!fork_handled)
		fork_handled = pthread_atfork(NULL, NULL, forget_in_child) == 0;
	if (getenv(VBT_ATTACH_ENV))
		stage_control_await_reader();
	return 0;
fail:
	stage_point_ring(false, false, 0);
	stage_shm = (struct stage_shm){.fd = -1};
	if (header != MAP_FAILED)
		munmap(header, size);
	close(fd);
	return ret;
}

void stage_ring_exit(void)
{
	if (!stage_shm.header)
		return;
	stage_control_stop();
	stage_point_ring(false, false, 0);
	__atomic_store_n(&stage_shm.header->on, 0, __ATOMIC_RELEASE);
	stage_thread_end();
	/* The mapping stays: a thread may be inside a point. The process is about to end. */
	stage_shm.header = NULL;
	close(stage_shm.fd);
	stage_shm.fd = -1;
}

/* Records for a new ring: a share of the file, less when it fills up, 0 when it is full. */
static uint64_t ring_records(uint64_t wanted)
{
	struct vbt_shm_header *header = stage_shm.header;
	uint64_t all = (header->file_size - header_bytes()) / sizeof(struct vbt_record);
	uint64_t left = (header->file_size - stage_shm.next) / sizeof(struct vbt_record);
	uint64_t limit = all / SHARES < wanted ? all / SHARES : wanted, size = SMALLEST_RING;

	/* Leave room for as many again, so that late threads find something. */
	if (limit > left / 2)
		limit = left / 2;
	while (size * 2 <= limit)
		size *= 2;
	return size <= left ? size : 0;
}

/*
 * A slot for this thread: a new one, or that of a thread that ended. New ones first: what an
 * ended thread wrote last is kept for readers as long as possible. A reused slot keeps counting
 * its head, so that a reader of the old records sees how many it missed.
 */
static struct vbt_shm_ring *take_slot(uint64_t wanted)
{
	struct vbt_shm_header *header = stage_shm.header;
	struct vbt_shm_ring *ring, *best = NULL;
	uint32_t count = header->ring_count;
	uint64_t size = count < VBT_SHM_MAX_RINGS ? ring_records(wanted) : 0;

	if (size) {
		ring = &header->rings[count];
		ring->offset = stage_shm.next;
		ring->size = size;
		stage_shm.next += size * sizeof(struct vbt_record);
		return ring;
	}
	for (ring = header->rings; ring < header->rings + count; ring++)
		if (!ring->live && (!best || ring->size > best->size))
			best = ring;
	return best;
}

static void begin_thread(const char *name, uint64_t wanted)
{
	struct vbt_shm_header *header = stage_shm.header;
	struct vbt_shm_ring *ring;
	uint32_t index;

	if (!header || stage_thread.records)
		return;
	pthread_mutex_lock(&slots_lock);
	ring = take_slot(wanted);
	if (ring) {
		snprintf(ring->name, sizeof(ring->name), "%s", name);
		ring->tid = (uint32_t)syscall(SYS_gettid);
		__atomic_store_n(&ring->first, ring->head, __ATOMIC_RELEASE);
		__atomic_store_n(&ring->live, 1, __ATOMIC_RELEASE);
		index = (uint32_t)(ring - header->rings);
		if (index == header->ring_count)
			__atomic_store_n(&header->ring_count, index + 1, __ATOMIC_RELEASE);
	}
	pthread_mutex_unlock(&slots_lock);
	if (!ring)
		return;
	stage_thread = (struct stage_thread){
	    .ring = ring,
	    .records = (struct vbt_record *)((char *)header + ring->offset),
	    .mask = ring->size - 1,
	    .head = ring->head,
	    .quick = stage_clock_is_tsc,
	};
}

void stage_thread_begin(const char *name)
{
	begin_thread(name, strcmp(name, "control") == 0 ? CONTROL_RING : UINT64_MAX);
}

void stage_thread_end(void)
{
	struct vbt_shm_ring *ring = stage_thread.ring;

	memset(&stage_thread, 0, sizeof(stage_thread));
	if (ring)
		__atomic_store_n(&ring->live, 0, __ATOMIC_RELEASE);
}

void stage_thread_lost(void)
{
	if (stage_shm.header)
		__atomic_fetch_add(&stage_shm.header->unplaced, 1, __ATOMIC_RELAXED);
}
