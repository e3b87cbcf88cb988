/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "probes/stage_point.h"
#include "vmm-lite/bench/lane.h"

#define WATCH_NS 50000000l /* how often the watchdog looks */

struct worker {
	struct job *job;
	pthread_t thread;
	unsigned number;
	struct lane *lanes;
	unsigned lane_count;
	bool started;
};

struct job {
	struct driver *driver;
	const struct job_options *options;
	struct lane lanes[DRIVER_MAX_QUEUES];
	struct worker workers[DRIVER_MAX_QUEUES];
	unsigned lane_count, worker_count;
	uint64_t start_ns;
	unsigned running; /* atomic: workers that are not done */
	bool stop;        /* atomic: submit nothing more */
	bool abandon;     /* atomic: do not wait for answers any more */
};

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
	interrupted = 1;
}

static uint64_t clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ull + now.tv_nsec;
}

static unsigned in_flight(const struct worker *worker)
{
	unsigned i, sum = 0;

	for (i = 0; i < worker->lane_count; i++)
		sum += worker->lanes[i].in_flight;
	return sum;
}

static bool turn_all(struct worker *worker)
{
	bool progress = false;
	unsigned i;

	for (i = 0; i < worker->lane_count; i++)
		progress |= lane_turn(&worker->lanes[i], &worker->job->stop);
	return progress;
}

/* As a driver's interrupt handler leaves: interrupts on, and a last look at the rings. */
static bool enable_all(struct worker *worker)
{
	bool more = false;
	unsigned i;

	for (i = 0; i < worker->lane_count; i++)
		more |= driver_ring_enable_interrupts(&worker->lanes[i].queue->ring);
	return more;
}

static void disable_all(struct worker *worker)
{
	unsigned i;

	for (i = 0; i < worker->lane_count; i++)
		driver_ring_disable_interrupts(&worker->lanes[i].queue->ring);
}

static void *worker_main(void *arg)
{
	struct worker *worker = arg;
	struct job *job = worker->job;
	struct lane *first = &worker->lanes[0];
	uint64_t time = job->options->time_ns;
	uint64_t end = time ? job->start_ns + time : UINT64_MAX;
	char name[16];
	unsigned i;

	snprintf(name, sizeof(name), "driver%u", worker->number);
	stage_thread_begin(name);
	for (i = 0; i < worker->lane_count; i++)
		lane_begin(&worker->lanes[i], end);
	while (in_flight(worker) && !__atomic_load_n(&job->abandon, __ATOMIC_ACQUIRE)) {
		if (turn_all(worker))
			continue;
		if (!enable_all(worker)) {
			driver_sleep(job->driver, first->queue);
			first->result.interrupts++;
		}
		disable_all(worker);
	}
	stage_thread_end();
	__atomic_fetch_sub(&job->running, 1, __ATOMIC_RELEASE);
	return NULL;
}

/* Requests answered so far, by all lanes. */
static uint64_t answered(struct job *job)
{
	uint64_t sum = 0;
	unsigned i;

	for (i = 0; i < job->lane_count; i++)
		sum += __atomic_load_n(&job->lanes[i].answered, __ATOMIC_RELAXED);
	return sum;
}

static void abandon(struct job *job)
{
	unsigned i;

	__atomic_store_n(&job->abandon, true, __ATOMIC_RELEASE);
	for (i = 0; i < job->lane_count; i++)
		driver_wake(job->driver, job->lanes[i].queue);
}

/* The main thread's part: ends a job that hangs, or that the user has had enough of. */
static void watch(struct job *job)
{
	uint64_t last = 0, since = clock_ns(), count;
	struct timespec pause = {0, 1000000};

	while (__atomic_load_n(&job->running, __ATOMIC_ACQUIRE)) {
		nanosleep(&pause, NULL);
		pause.tv_nsec = pause.tv_nsec * 2 < WATCH_NS ? pause.tv_nsec * 2 : WATCH_NS;
		if (interrupted)
			__atomic_store_n(&job->stop, true, __ATOMIC_RELAXED);
		count = answered(job);
		if (count != last) {
			last = count;
			since = clock_ns();
		} else if (clock_ns() - since > job->options->patience_ns) {
			abandon(job);
		}
	}
}

static void add_result(struct job_result *sum, const struct job_result *part)
{
	sum->bytes += part->bytes;
	sum->io_errors += part->io_errors;
	sum->unsupported += part->unsupported;
	sum->protocol_errors += part->protocol_errors;
	sum->verify_errors += part->verify_errors;
	sum->verified += part->verified;
	sum->interrupts += part->interrupts;
	vbt_histogram_merge(&sum->latency, &part->latency);
	vbt_histogram_merge(&sum->read, &part->read);
	vbt_histogram_merge(&sum->write, &part->write);
	if (!sum->complaint[0])
		memcpy(sum->complaint, part->complaint, sizeof(sum->complaint));
}

static uint64_t ns_of(const struct timeval *time)
{
	return time->tv_sec * 1000000000ull + time->tv_usec * 1000ull;
}

static void collect(struct job *job, const struct rusage *before, const struct rusage *after,
		    struct job_result *result)
{
	uint64_t end = 0;
	unsigned i;

	memset(result, 0, sizeof(*result));
	for (i = 0; i < job->lane_count; i++) {
		struct lane *lane = &job->lanes[i];
		const char *broken = lane->queue->ring.broken;

		if (broken) {
			lane->result.protocol_errors++;
			snprintf(lane->result.complaint, sizeof(lane->result.complaint),
				 "queue %u: %s", i, broken);
		}
		add_result(result, &lane->result);
		result->unanswered += lane->in_flight;
		result->kicks += lane->queue->kicks;
		if (lane->run_ended_ns > end)
			end = lane->run_ended_ns;
		if (lane->in_flight)
			end = clock_ns();
	}
	result->duration_ns = end - job->start_ns;
	result->cpu_user_ns = ns_of(&after->ru_utime) - ns_of(&before->ru_utime);
	result->cpu_system_ns = ns_of(&after->ru_stime) - ns_of(&before->ru_stime);
}

/* With MSI-X each queue has an interrupt, and so a thread, of its own. */
static void divide(struct job *job)
{
	unsigned i;

	job->worker_count = job->driver->msix ? job->lane_count : 1;
	for (i = 0; i < job->worker_count; i++)
		job->workers[i] = (struct worker){
		    .job = job,
		    .number = i,
		    .lanes = &job->lanes[i],
		    .lane_count = job->driver->msix ? 1 : job->lane_count,
		};
}

static int start_workers(struct job *job, char *err, size_t err_size)
{
	unsigned i;
	int error;

	job->running = job->worker_count;
	for (i = 0; i < job->worker_count; i++) {
		error =
		    pthread_create(&job->workers[i].thread, NULL, worker_main, &job->workers[i]);
		if (error) {
			snprintf(err, err_size, "cannot start a thread: %s", strerror(error));
			__atomic_fetch_sub(&job->running, job->worker_count - i, __ATOMIC_RELAXED);
			return -1;
		}
		job->workers[i].started = true;
	}
	return 0;
}

int job_run(struct driver *driver, struct arena *arena, const struct job_options *options,
	    struct job_result *result, char *err, size_t err_size)
{
	struct sigaction action = {.sa_handler = on_signal}, old_int, old_term;
	struct job *job = calloc(1, sizeof(*job));
	struct rusage before, after;
	int status = -1;
	unsigned i;

	if (!job) {
		snprintf(err, err_size, "no memory for the job");
		return -1;
	}
	job->driver = driver;
	job->options = options;
	for (i = 0; i < driver->queue_count; i++) {
		job->lane_count = i + 1;
		if (lane_init(&job->lanes[i], i, driver, arena, options, err, err_size))
			goto out;
	}
	divide(job);
	interrupted = 0;
	sigaction(SIGINT, &action, &old_int);
	sigaction(SIGTERM, &action, &old_term);
	getrusage(RUSAGE_SELF, &before);
	job->start_ns = clock_ns();
	status = start_workers(job, err, err_size);
	if (status)
		__atomic_store_n(&job->stop, true, __ATOMIC_RELAXED);
	watch(job);
	for (i = 0; i < job->worker_count; i++)
		if (job->workers[i].started)
			pthread_join(job->workers[i].thread, NULL);
	getrusage(RUSAGE_SELF, &after);
	sigaction(SIGINT, &old_int, NULL);
	sigaction(SIGTERM, &old_term, NULL);
	collect(job, &before, &after, result);
out:
	for (i = 0; i < job->lane_count; i++)
		lane_release(&job->lanes[i]);
	free(job);
	return status;
}
