/* SPDX-License-Identifier: MIT */
/* Composes a machine without a CPU: memory, bus, PCI host, one disk, and the driver. */
#include <stdio.h>
#include <string.h>

#include "probes/stage_point.h"
#include "vmm-lite/bench/bench.h"
#include "vmm-lite/bench/report.h"
#include "vmm-lite/log.h"
#include "vmm-lite/pci/host.h"
#include "vmm-lite/virtio/blk.h"

#define PATIENCE_NS       30000000000ull
#define PATIENCE_STUCK_NS 1000000000ull /* where requests are made to hang */
#define MEMORY_SPARE      (2ull << 20)
#define RING_BYTES        160ull /* of one entry, indirect table included */
#define DIRECT_PIECES     3      /* descriptors of a request without an indirect table */

struct bench {
	const struct options *options;
	const struct disk_options *disk_options;
	struct job_options job;
	struct guest_mem mem;
	struct arena arena;
	struct bus *bus;
	struct bench_wires wires;
	bool wired;
	struct pci_host *host;
	struct disk *disk;
	struct virtio_blk *blk;
	struct driver driver;
	char err[512];
};

static const struct {
	const char *name;
	bool random;
	unsigned write_percent;
} patterns[] = {
    {"read", false, 0},       {"write", false, 100}, {"randread", true, 0},
    {"randwrite", true, 100}, {"randrw", true, 50},
};

static bool faults_asked_for(const struct fault_options *fault)
{
	return fault->error_rate > 0 || fault->error_sectors;
}

/* From the options to a job. NULL, or what is wrong with them. */
static const char *plan(struct bench *bench)
{
	const struct bench_options *options = &bench->options->bench;
	const struct fault_options *fault = &bench->disk_options->fault;
	unsigned i;

	for (i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
		if (strcmp(options->rw, patterns[i].name))
			continue;
		bench->job.random = patterns[i].random;
		bench->job.write_percent = patterns[i].write_percent;
	}
	bench->job.block_size = options->block_size;
	bench->job.depth = options->depth;
	bench->job.time_ns = options->time_ns;
	bench->job.count = options->count;
	bench->job.verify = options->verify;
	bench->job.seed = options->seed;
	bench->job.patience_ns = PATIENCE_NS;
	if (faults_asked_for(fault) && fault->error_kind == FAULT_STUCK)
		bench->job.patience_ns = PATIENCE_STUCK_NS;
	bench->job.patience_ns +=
	    fault->delay_max_ns > fault->delay_ns ? fault->delay_max_ns : fault->delay_ns;
	if (!options->block_size || options->block_size % BLK_SECTOR)
		return "--block-size has to be a multiple of 512";
	if (bench->job.write_percent && bench->disk_options->read_only)
		return "--rw writes, but the disk is readonly=on";
	if (options->verify && !bench->job.write_percent)
		return "--verify compares what was written before: use --rw write, randwrite or "
		       "randrw";
	if (options->verify && bench->disk_options->aio == AIO_NULL)
		return "--verify needs a disk that keeps data, not aio=null";
	return NULL;
}

/* What the rings and the requests take; more than fits below 3 GiB is not possible here. */
static int make_memory(struct bench *bench)
{
	uint64_t slot = ((uint64_t)bench->job.block_size + 4095) / 4096 * 4096 + 4096;
	uint64_t queue =
	    bench->disk_options->queue_size * RING_BYTES + 3 * 4096 + bench->job.depth * slot;
	uint64_t size = bench->disk_options->queues * queue + MEMORY_SPARE;
	int result;

	size = (size + (2ull << 20) - 1) & ~((2ull << 20) - 1);
	if (size > GUEST_MEM_LOW_LIMIT) {
		snprintf(
		    bench->err, sizeof(bench->err),
		    "queues x depth x block size is more than 3 GiB: make one of them smaller");
		return -1;
	}
	result = guest_mem_init(&bench->mem, size);
	if (result)
		snprintf(bench->err, sizeof(bench->err), "no guest memory of %llu bytes: %s",
			 (unsigned long long)size, strerror(-result));
	return result;
}

static int make_board(struct bench *bench)
{
	int result = -1;

	bench->bus = bus_new();
	if (bench->bus)
		result = bench_wires_init(&bench->wires, bench->bus);
	bench->wired = !result;
	if (!result)
		bench->host = pci_host_new(bench->bus);
	if (bench->host)
		return 0;
	snprintf(bench->err, sizeof(bench->err), "cannot set up bus and wires: %s",
		 result < -1 ? strerror(-result) : "no memory");
	return -1;
}

/* Before anything is created: what is wrong with the disk, and with the job on such a disk. */
static int open_disk(struct bench *bench)
{
	const struct disk_options *o = bench->disk_options;
	unsigned pieces = o->features_off & FEATURE(F_INDIRECT_DESC) ? DIRECT_PIECES : 1;
	const struct disk_info *info;

	bench->disk = disk_open(o, bench->err, sizeof(bench->err));
	if (!bench->disk)
		return -1;
	info = disk_info(bench->disk);
	if (info->alignment && bench->job.block_size % info->alignment)
		snprintf(bench->err, sizeof(bench->err),
			 "direct I/O of --disk '%s' needs a --block-size that is a multiple of %u",
			 o->path, info->alignment);
	else if (bench->job.depth > o->queue_size / pieces)
		snprintf(bench->err, sizeof(bench->err),
			 "--depth '%u' is more than the %u requests that fit into a queue: use a "
			 "smaller depth or a greater queue-size=",
			 bench->job.depth, o->queue_size / pieces);
	else
		return virtio_blk_check(o, info, bench->err, sizeof(bench->err));
	return -1;
}

static int make_device(struct bench *bench)
{
	struct virtio_blk_config config = {
	    .options = bench->disk_options,
	    .disk = bench->disk,
	    .mem = &bench->mem,
	    .wires = bench_wires_plug(&bench->wires),
	    .name = "disk0",
	};

	bench->blk = virtio_blk_new(&config, bench->err, sizeof(bench->err));
	if (!bench->blk)
		return -1;
	if (!pci_host_add(bench->host, virtio_blk_function(bench->blk)))
		return 0;
	snprintf(bench->err, sizeof(bench->err), "there is no free PCI slot");
	return -1;
}

static int start_driver(struct bench *bench)
{
	arena_init(&bench->arena, &bench->mem);
	return driver_init(&bench->driver, &bench->wires, &bench->arena,
			   bench->disk_options->queues, bench->err, sizeof(bench->err));
}

static void take_down(struct bench *bench)
{
	driver_release(&bench->driver);
	/* The host bridge first: it unplugs the device's function from the bus. */
	pci_host_free(bench->host);
	virtio_blk_free(bench->blk);
	disk_close(bench->disk);
	if (bench->wired)
		bench_wires_release(&bench->wires);
	bus_free(bench->bus);
	guest_mem_release(&bench->mem);
}

/* 0 if everything that was wrong was ordered with error=. */
static int verdict(const struct bench *bench, const struct job_result *result)
{
	if (result->protocol_errors || result->verify_errors)
		return 1;
	if (faults_asked_for(&bench->disk_options->fault))
		return 0;
	return result->io_errors || result->unsupported || result->unanswered;
}

int bench_run(const struct options *options)
{
	struct stage_ring_options rings = {
	    .program = "vmm-lite " VBTRACE_VERSION " bench",
	    .flight_recorder = options->flight_recorder,
	    .size = options->flight_recorder_size,
	};
	static struct job_result result;
	static struct bench bench;
	struct report report;
	const char *why;
	int status = 1;

	bench = (struct bench){.options = options, .disk_options = &options->disks[0]};
	why = plan(&bench);
	if (why) {
		log_line("bench: %s", why);
		return 2;
	}
	if (make_memory(&bench) || open_disk(&bench) ||
	    stage_ring_init(&rings, bench.err, sizeof(bench.err)) ||
	    (options->step && stage_step_init(options->step, bench.err, sizeof(bench.err))))
		goto fail;
	stage_thread_begin("bench");
	if (make_board(&bench) || make_device(&bench) || start_driver(&bench) ||
	    job_run(&bench.driver, &bench.arena, &bench.job, &result, bench.err, sizeof(bench.err)))
		goto fail;
	report = (struct report){options, &bench.driver, &bench.job, &result};
	if (options->bench.json)
		report_json(stdout, &report);
	else
		report_text(stdout, &report);
	status = verdict(&bench, &result);
	if (fflush(stdout)) {
		log_line("cannot write the result to standard output");
		status = 1;
	}
fail:
	if (bench.err[0])
		log_line("%s", bench.err);
	take_down(&bench);
	stage_thread_end();
	stage_ring_exit();
	return status;
}
