/* SPDX-License-Identifier: MIT */
/* A VMM whose doorbell moves waits for the reader that counts its rings, for that one only, and once for a dead one. */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "probes/ring_reader.h"
#include "probes/stage_point.h"
#include "probes/stage_shm.h"

#define MOVES 200

struct world {
	char path[32]; /* of a flight recorder; empty: there is none */
	uint8_t device;
	uint64_t address;
	struct ring_reader *reader;
	pthread_t thread;
	bool stop; /* atomic */
};

static uint32_t seen(void)
{
	return __atomic_load_n(&stage_shm.header->seen, __ATOMIC_ACQUIRE);
}

static uint32_t generation(void)
{
	return __atomic_load_n(&stage_shm.header->device_generation, __ATOMIC_ACQUIRE);
}

/* The guest moves a BAR, and is let go. Returns how many readers have not answered by then. */
static uint32_t move(struct world *w)
{
	stage_device_edit(w->device)->mmio_notify = w->address += 0x1000;
	stage_device_publish(w->device);
	stage_device_settle();
	return stage_shm.unanswered;
}

static struct ring_reader *open_reader(const struct world *w)
{
	struct ring_reader *reader;
	char err[256];

	reader = ring_reader_open_pid(getpid(), err, sizeof(err));
	assert_non_null(reader);
	return reader;
}

static void *follow(void *context)
{
	const struct timespec pause = {.tv_nsec = 200000};
	struct world *w = context;

	while (!__atomic_load_n(&w->stop, __ATOMIC_ACQUIRE)) {
		ring_reader_follows(w->reader, ring_reader_generation(w->reader));
		nanosleep(&pause, NULL);
	}
	ring_reader_close(w->reader);
	return NULL;
}

static void start_follower(struct world *w)
{
	w->reader = open_reader(w);
	ring_reader_follows(w->reader, ring_reader_generation(w->reader));
	w->stop = false;
	assert_int_equal(pthread_create(&w->thread, NULL, follow, w), 0);
}

static void stop_follower(struct world *w)
{
	__atomic_store_n(&w->stop, true, __ATOMIC_RELEASE);
	pthread_join(w->thread, NULL);
}

static void begin(struct world *w, bool flight)
{
	struct stage_ring_options options = {.program = "test", .size = 256 << 10};
	char err[256];

	if (flight) {
		int fd;

		snprintf(w->path, sizeof(w->path), "/tmp/seen-XXXXXX");
		fd = mkstemp(w->path);
		assert_true(fd >= 0);
		close(fd);
		options.flight_recorder = w->path;
	}
	assert_int_equal(stage_ring_init(&options, err, sizeof(err)), 0);
	w->device = stage_device_add("disk0");
	stage_device_edit(w->device)->queues = 1;
	stage_device_publish(w->device);
}

static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	begin(w, false);
	*state = w;
	return 0;
}

static int set_up_flight(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	begin(w, true);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	stage_ring_exit();
	if (*w->path)
		unlink(w->path);
	free(w);
	return 0;
}

static void test_nobody(void **state)
{
	struct world *w = *state;

	assert_int_equal(seen(), 0);
	assert_int_equal(move(w), 0);
}

/*
 * Whenever the guest goes on, the reader has what it needs, or had all its time on a machine that is too busy for its
 * thread: that is counted. It was waited for, and did answer.
 */
static void moves_with(struct world *w)
{
	unsigned answered = 0;

	for (unsigned i = 0; i < MOVES; i++) {
		uint32_t before = stage_shm.unanswered;

		if (move(w) != before)
			continue;
		/* Not waited for, since it had not answered the last time. */
		if (stage_shm.deaf == seen())
			continue;
		assert_true((int32_t)(seen() - 1 - generation()) >= 0);
		answered++;
	}
	assert_true(answered > 0);
}

static void test_follower(void **state)
{
	struct world *w = *state;

	uint32_t unanswered;

	start_follower(w);
	moves_with(w);
	stop_follower(w);
	assert_int_equal(seen(), 0);
	unanswered = stage_shm.unanswered;
	assert_int_equal(move(w), unanswered);
}

/* A reader that only looks, as one of a recording, or one without filters in the kernel, is not waited for. */
static void test_onlooker(void **state)
{
	struct world *w = *state;
	char err[256];

	w->reader = *w->path ? ring_reader_open_file(w->path, err, sizeof(err)) : open_reader(w);
	assert_non_null(w->reader);
	if (*w->path)
		ring_reader_follows(w->reader, ring_reader_generation(w->reader));
	assert_int_equal(ring_reader_start(w->reader, true, 2000, err, sizeof(err)), 0);
	assert_int_equal(seen(), 0);
	assert_int_equal(move(w), 0);
	ring_reader_close(w->reader);
}

static void in_a_child(void (*live)(void))
{
	int status;
	pid_t child = fork();

	assert_true(child >= 0);
	if (!child) {
		live();
		_exit(1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
}

/* A reader in a process of its own, killed. */
static void die_while_following(void)
{
	char err[256];
	struct ring_reader *reader = ring_reader_open_pid(getppid(), err, sizeof(err));

	if (reader)
		ring_reader_follows(reader, ring_reader_generation(reader));
	raise(reader ? SIGKILL : SIGTERM);
}

static void test_dead_reader(void **state)
{
	struct world *w = *state;
	uint32_t unanswered;

	in_a_child(die_while_following);
	assert_int_equal(seen(), generation() + 1);
	assert_int_equal(move(w), 1);
	for (unsigned i = 0; i < MOVES; i++)
		assert_int_equal(move(w), 1);
	/* The next one is waited for again, and answers. */
	start_follower(w);
	moves_with(w);
	stop_follower(w);
	unanswered = stage_shm.unanswered;
	assert_int_equal(move(w), unanswered);
	/* And so is one that dies in its turn. */
	in_a_child(die_while_following);
	assert_int_equal(move(w), unanswered + 1);
	assert_int_equal(move(w), unanswered + 1);
}

/* What changes nothing about how the device is rung is no reason to wait for a reader that does not answer. */
static void test_other_changes(void **state)
{
	struct world *w = *state;
	struct vbt_shm_device *entry;

	move(w);
	in_a_child(die_while_following);
	entry = stage_device_edit(w->device);
	entry->msi_address[0] = 0xfee00000;
	entry->queue_size[0] = 16;
	entry->flags = VBT_DEVICE_MSIX;
	stage_device_publish(w->device);
	stage_device_settle();
	assert_int_equal(stage_shm.unanswered, 0);
	/* Decoding is off. */
	stage_device_edit(w->device)->mmio_notify = 0;
	stage_device_publish(w->device);
	stage_device_settle();
	assert_int_equal(stage_shm.unanswered, 0);
	/* No virtual machine's: nobody can see its rings. */
	entry = stage_device_edit(w->device);
	entry->flags = VBT_DEVICE_NO_KVM;
	entry->mmio_notify = w->address;
	stage_device_publish(w->device);
	stage_device_settle();
	assert_int_equal(stage_shm.unanswered, 0);
	/* Back where it was: meanwhile the reader may have taken the address for gone. */
	stage_device_edit(w->device)->flags = 0;
	stage_device_publish(w->device);
	stage_device_settle();
	assert_int_equal(stage_shm.unanswered, 1);
}

/* Of two the one that is further counts; when one leaves, the other is still waited for. */
static void test_two_readers(void **state)
{
	struct world *w = *state;
	struct ring_reader *other = open_reader(w);
	const uint32_t old = ring_reader_generation(other);
	uint32_t unanswered;

	ring_reader_follows(other, old);
	start_follower(w);
	moves_with(w);
	while (seen() != generation() + 1)
		usleep(1000);
	ring_reader_follows(other, old);
	assert_int_equal(seen(), generation() + 1);
	stop_follower(w);
	ring_reader_follows(other, ring_reader_generation(other));
	assert_int_equal(seen(), generation() + 1);
	unanswered = stage_shm.unanswered;
	assert_int_equal(move(w), unanswered + 1);
	ring_reader_close(other);
	assert_int_equal(seen(), 0);
}

static void *stand(void *context)
{
	STAGE_POINT(pop, 0, 0, 1, 0, 0, 0, 0, 0);
	return NULL;
}

static void *learn(void *context)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", (const char *)context);
	while (connect(fd, (struct sockaddr *)&address, sizeof(address)))
		usleep(1000);
	if (write(fd, "\n", 1) != 1)
		_exit(1);
	return (void *)(intptr_t)fd;
}

/* A learner reads his page: whoever else moves a BAR meanwhile goes on. */
static void test_step(void **state)
{
	struct world *w = *state;
	pthread_t learner, thread;
	char path[64], err[256];
	void *fd;

	snprintf(path, sizeof(path), "/tmp/seen-step-%d", (int)getpid());
	assert_int_equal(pthread_create(&learner, NULL, learn, path), 0);
	assert_int_equal(stage_step_init(path, err, sizeof(err)), 0);
	pthread_join(learner, &fd);
	w->reader = open_reader(w);
	ring_reader_follows(w->reader, ring_reader_generation(w->reader));
	assert_int_equal(pthread_create(&thread, NULL, stand, NULL), 0);
	while (!stage_step_stands())
		usleep(1000);
	assert_int_equal(move(w), 0);
	close((int)(intptr_t)fd);
	pthread_join(thread, NULL);
	assert_int_equal(move(w), 1);
	ring_reader_close(w->reader);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_nobody, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_follower, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_follower, set_up_flight, tear_down),
	    cmocka_unit_test_setup_teardown(test_onlooker, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_onlooker, set_up_flight, tear_down),
	    cmocka_unit_test_setup_teardown(test_dead_reader, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_dead_reader, set_up_flight, tear_down),
	    cmocka_unit_test_setup_teardown(test_other_changes, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_two_readers, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_step, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
