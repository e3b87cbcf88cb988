/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "vmm-lite/bench/lane.h"

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ull + now.tv_nsec;
}

static uint64_t next_random(struct lane *lane)
{
	uint64_t x = lane->random;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return lane->random = x;
}

/* Only the first complaint of a kind is told; all are counted. */
static void complain(struct lane *lane, const struct blk_slot *slot, const char *text)
{
	if (!lane->result.complaint[0])
		snprintf(lane->result.complaint, sizeof(lane->result.complaint),
			 "queue %u, request of type %u at sector %llu: %s",
			 lane->queue->doorbell.value, slot->type, (unsigned long long)slot->sector,
			 text);
}

int lane_init(struct lane *lane, unsigned number, struct driver *driver, struct arena *arena,
	      const struct job_options *options, char *err, size_t err_size)
{
	uint64_t all = driver->capacity / (options->block_size / BLK_SECTOR);
	unsigned i, lanes = driver->queue_count;
	uint64_t seed = options->seed + number;

	*lane = (struct lane){.options = options,
			      .driver = driver,
			      .queue = &driver->queues[number],
			      .first_block = all / lanes * number,
			      .blocks = all / lanes,
			      .random = (seed * 2 + 1) * 0x9e3779b97f4a7c15ull,
			      .budget = UINT64_MAX};
	if (options->count)
		lane->budget = options->count / lanes + (number < options->count % lanes);
	if (options->verify && lane->blocks > VERIFY_MAX_BLOCKS)
		lane->blocks = VERIFY_MAX_BLOCKS;
	if (!lane->blocks || (options->verify && lane->blocks < options->depth)) {
		snprintf(err, err_size, "the disk is too small for %u queues of %u x %u bytes",
			 lanes, options->verify ? options->depth : 1, options->block_size);
		return -1;
	}
	lane->slots = calloc(options->depth, sizeof(*lane->slots));
	if (!lane->slots || (options->verify && verify_init(&lane->verify, seed, lane->blocks))) {
		snprintf(err, err_size, "no memory for queue %u", number);
		return -1;
	}
	for (i = 0; i < options->depth; i++) {
		if (!blk_slot_init(&lane->slots[i], arena, options->block_size))
			continue;
		snprintf(err, err_size, "no guest memory for %u requests of %u bytes",
			 options->depth, options->block_size);
		return -1;
	}
	return 0;
}

void lane_release(struct lane *lane)
{
	verify_release(&lane->verify);
	free(lane->slots);
	lane->slots = NULL;
}

/* The lane's next block to read or write; when verifying, none that is in flight. */
static uint64_t choose_block(struct lane *lane)
{
	uint64_t block = lane->options->random ? next_random(lane) % lane->blocks
					       : lane->next_block++ % lane->blocks;

	while (lane->verify.busy && lane->verify.busy[block])
		block = (block + 1) % lane->blocks;
	return block;
}

/* Compare the next block whose content is known. */
static bool next_check(struct lane *lane, uint64_t *block)
{
	if (!lane->options->verify)
		return false;
	while (lane->next_block < lane->blocks) {
		*block = lane->next_block++;
		if (lane->verify.generations[*block])
			return true;
	}
	return false;
}

/* What this slot is to do next in this phase. False: nothing. */
static bool next_request(struct lane *lane, struct blk_slot *slot, uint64_t now, uint32_t *type)
{
	const struct job_options *options = lane->options;
	uint64_t block = 0;

	switch (lane->phase) {
	case LANE_RUN:
		if (!lane->budget || now >= lane->end_ns)
			return false;
		lane->budget--;
		*type = options->write_percent == 100 ||
				(options->write_percent &&
				 next_random(lane) % 100 < options->write_percent)
			    ? BLK_T_OUT
			    : BLK_T_IN;
		block = choose_block(lane);
		break;
	case LANE_FLUSH:
		if (!lane->flush_due)
			return false;
		lane->flush_due = false;
		*type = BLK_T_FLUSH;
		break;
	case LANE_CHECK:
		if (!next_check(lane, &block))
			return false;
		*type = BLK_T_IN;
		break;
	default: return false;
	}
	slot->job = block;
	return true;
}

static bool start_slot(struct lane *lane, struct blk_slot *slot, uint64_t now)
{
	uint32_t length = lane->options->block_size, type;
	uint64_t sector;

	if (!next_request(lane, slot, now, &type))
		return false;
	if (type == BLK_T_FLUSH)
		length = 0;
	sector = length ? (lane->first_block + slot->job) * (length / BLK_SECTOR) : 0;
	if (lane->verify.busy && length) {
		lane->verify.busy[slot->job] = true;
		if (type == BLK_T_OUT)
			verify_fill(&lane->verify, slot->job, sector, slot->data, length);
	}
	slot->start_ns = now;
	/* There is room: depth is what fits. */
	driver_submit(lane->queue, slot, type, sector, length);
	lane->in_flight++;
	return true;
}

/* What the device has to have said: after a failure less, down to nothing. (2.7.8.2) */
static void check_answer(struct lane *lane, const struct blk_slot *slot, uint8_t status)
{
	uint32_t full = slot->type == BLK_T_IN ? slot->length + 1 : 1;
	const char *text = NULL;

	if (status > BLK_S_UNSUPP)
		text = "the device wrote no valid status";
	else if (status == BLK_S_OK ? slot->written != full : slot->written > full)
		text = "the used length is wrong";
	if (!text)
		return;
	lane->result.protocol_errors++;
	complain(lane, slot, text);
}

static void verify_answer(struct lane *lane, const struct blk_slot *slot, bool ok)
{
	char text[120];

	lane->verify.busy[slot->job] = false;
	if (slot->type == BLK_T_OUT) {
		verify_written(&lane->verify, slot->job, ok);
	} else if (ok) {
		lane->result.verified += lane->verify.generations[slot->job] != 0;
		if (!verify_check(&lane->verify, slot->job, slot->sector, slot->data, slot->length,
				  text, sizeof(text))) {
			lane->result.verify_errors++;
			complain(lane, slot, text);
		}
	}
}

static void finish_slot(struct lane *lane, struct blk_slot *slot, uint64_t now)
{
	uint8_t status = __atomic_load_n(slot->status, __ATOMIC_RELAXED);
	struct job_result *result = &lane->result;

	lane->in_flight--;
	__atomic_store_n(&lane->answered, lane->answered + 1, __ATOMIC_RELAXED);
	check_answer(lane, slot, status);
	result->io_errors += status == BLK_S_IOERR;
	result->unsupported += status == BLK_S_UNSUPP;
	if (lane->verify.busy && slot->length)
		verify_answer(lane, slot, status == BLK_S_OK);
	if (lane->phase != LANE_RUN)
		return;
	result->bytes += status == BLK_S_OK ? slot->length : 0;
	vbt_histogram_add(&result->latency, now - slot->start_ns);
	vbt_histogram_add(slot->type == BLK_T_IN ? &result->read : &result->write,
			  now - slot->start_ns);
}

/* The phase is over when nothing is in flight any more: begin the next one that has work. */
static void next_phase(struct lane *lane, uint64_t now)
{
	bool wrote = lane->result.write.count != 0;
	unsigned i;

	while (!lane->in_flight && lane->phase != LANE_END) {
		if (lane->phase == LANE_RUN)
			lane->run_ended_ns = now;
		lane->phase++;
		lane->next_block = 0;
		lane->flush_due = wrote && lane->driver->features & FEATURE(F_FLUSH);
		for (i = 0; i < lane->options->depth && start_slot(lane, &lane->slots[i], now); i++)
			;
	}
}

void lane_begin(struct lane *lane, uint64_t end_ns)
{
	uint64_t now = now_ns();
	unsigned i;

	lane->end_ns = end_ns;
	driver_ring_disable_interrupts(&lane->queue->ring);
	for (i = 0; i < lane->options->depth && start_slot(lane, &lane->slots[i], now_ns()); i++)
		;
	next_phase(lane, now);
	driver_kick(lane->driver, lane->queue);
}

bool lane_turn(struct lane *lane, const bool *stop)
{
	struct blk_slot *slot;
	uint64_t now = 0;

	while ((slot = driver_reap(lane->queue))) {
		now = now_ns();
		finish_slot(lane, slot, now);
		if (__atomic_load_n(stop, __ATOMIC_RELAXED))
			lane->budget = 0;
		start_slot(lane, slot, now);
	}
	if (!now)
		return false;
	next_phase(lane, now);
	driver_kick(lane->driver, lane->queue);
	return true;
}
