/* SPDX-License-Identifier: MIT */
/* Times of a VMM that was killed right after its start: what a flight recorder's file says of them. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/clock.h"
#include "lib/now.h"
#include "lib/record.h"
#include "probes/stage_point.h"
#include "probes/stage_shm.h"

#define RECORDS 8
#define STEP_NS 2000000

/* What the child and its parent both see. */
struct shared {
	/* What a death right after the start would leave, whatever came later. */
	uint32_t pairs;
	struct vbt_shm_clock_pair pair[VBT_SHM_CLOCKS];
	uint64_t tsc_khz;
	uint64_t bounds[RECORDS][2];
};

/* In the child: some records, each between two looks at the clock, and dead. */
static _Noreturn void be_killed(const char *path, struct shared *shared)
{
	const struct stage_ring_options options = {
	    .program = "test", .flight_recorder = path, .size = 256 << 10};
	const struct timespec step = {.tv_nsec = STEP_NS};
	char err[256];

	if (stage_ring_init(&options, err, sizeof(err)))
		_exit(1);
	shared->pairs = stage_shm.header->clock_count;
	memcpy(shared->pair, stage_shm.header->clocks, sizeof(shared->pair));
	shared->tsc_khz = stage_shm.header->tsc_khz;
	stage_thread_begin("test");
	for (unsigned i = 0; i < RECORDS; i++) {
		shared->bounds[i][0] = vbt_now_ns();
		STAGE_POINT(pop, 0, 0, i + 1, 0, 0, 0, 0, 0);
		shared->bounds[i][1] = vbt_now_ns();
		nanosleep(&step, NULL);
	}
	kill(getpid(), SIGKILL);
	_exit(1);
}

static const struct vbt_shm_ring *find_ring(const struct vbt_shm_header *header, const char *name)
{
	for (uint32_t i = 0; i < header->ring_count; i++)
		if (!strcmp(header->rings[i].name, name))
			return &header->rings[i];
	return NULL;
}

static void test_killed_at_once(void **state)
{
	struct shared *shared =
	    mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	char path[] = "/tmp/vbt-flight-XXXXXX";
	int fd = mkstemp(path), status = 0;
	const struct vbt_shm_header *header;
	const struct vbt_record *records;
	const struct vbt_shm_ring *ring;
	struct vbt_clock clock;
	pid_t child = fork();

	assert_true(fd >= 0 && shared != MAP_FAILED && child >= 0);
	if (!child)
		be_killed(path, shared);
	waitpid(child, &status, 0);
	assert_true(WIFSIGNALED(status));
	header = mmap(NULL, (size_t)lseek(fd, 0, SEEK_END), PROT_READ, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(header, MAP_FAILED);

	vbt_clock_init(&clock, header->clock, shared->tsc_khz);
	for (uint32_t i = 0; i < shared->pairs; i++)
		assert_true(vbt_clock_add(&clock, &shared->pair[i]));
	ring = find_ring(header, "test");
	assert_non_null(ring);
	assert_int_equal(ring->head, RECORDS);
	records = (const void *)((const char *)header + ring->offset);
	for (unsigned i = 0; i < RECORDS; i++) {
		uint64_t ns = vbt_clock_ns(&clock, records[i].time);
		/* One in a thousand of the distance, whatever held the child up, and 2 us. */
		uint64_t slack = (shared->bounds[i][1] - shared->bounds[0][0]) / 1000 + 2000;

		assert_int_equal(records[i].seq, i + 1);
		assert_in_range(ns, shared->bounds[i][0] - slack, shared->bounds[i][1] + slack);
	}
	close(fd);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_killed_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
