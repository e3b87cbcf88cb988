/* SPDX-License-Identifier: MIT */
/* The snapshot that `top` shows: from requests whose truth is known, and from events through a monitor. */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/monitor.h"
#include "tests/unit/life.h"

#define SECOND 1000000000ull

struct world {
	struct life life; /* a correlator without events, as long as none are given */
	struct vbt_snapshot *snapshot;
	uint64_t now;
};

static void begin(struct world *world)
{
	life_begin(&world->life, 0);
	world->snapshot = vbt_snapshot_new(0);
	world->now = 10 * SECOND;
	assert_int_equal(vbt_snapshot_tick(world->snapshot, world->life.correlator, world->now), 0);
}

static void end(struct world *world)
{
	vbt_snapshot_free(world->snapshot);
	life_release(&world->life);
}

static void tick(struct world *world)
{
	world->now += SECOND;
	assert_int_equal(vbt_snapshot_tick(world->snapshot, world->life.correlator, world->now), 0);
}

/* A request whose submit to reap takes `host` ns, and all else 100 ns a mark. */
static struct vbt_request request(unsigned device, unsigned queue, unsigned op, uint64_t host)
{
	static const unsigned marks[] = {VBT_MARK_kick,  VBT_MARK_wake,   VBT_MARK_pop,
					 VBT_MARK_parse, VBT_MARK_submit, VBT_MARK_reap,
					 VBT_MARK_push,  VBT_MARK_signal, VBT_MARK_msi};
	struct vbt_request r = {.device = (uint8_t)device,
				.queue = (uint16_t)queue,
				.op = (uint8_t)op,
				.bytes = 4096,
				.kick_seq = 1,
				.pushes = 1,
				.complete = true};
	uint64_t now = 5 * SECOND;

	for (unsigned i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		now += marks[i] == VBT_MARK_reap ? host : 100;
		r.mark[marks[i]] = now;
		r.present |= (uint16_t)(1u << marks[i]);
	}
	return r;
}

static void add(struct world *world, unsigned device, unsigned queue, unsigned op, uint64_t host)
{
	struct vbt_request r = request(device, queue, op, host);

	assert_int_equal(vbt_snapshot_request(world->snapshot, &r), 0);
}

static struct vbt_node *node(struct world *world, int device, int queue, int op)
{
	const struct vbt_group_key key = {0, device, queue, op, -1, -1};
	struct vbt_node *found = vbt_snapshot_find(world->snapshot, &key);

	assert_non_null(found);
	return found;
}

static void a_request_counts_in_its_operation_queue_and_device(void **state)
{
	struct world world;

	begin(&world);
	for (unsigned i = 0; i < 10; i++)
		add(&world, 0, i % 2, i % 2, 10000);
	add(&world, 1, 0, 4, 10000);
	assert_int_equal(world.snapshot->requests, 11);
	/* Nothing is shown before its interval has ended. */
	assert_int_equal(node(&world, 0, -1, -1)->now->group.count, 0);
	tick(&world);
	assert_int_equal(node(&world, 0, -1, -1)->now->group.count, 10);
	assert_int_equal(node(&world, 0, -1, -1)->now->group.bytes, 40960);
	assert_int_equal(node(&world, 0, -1, -1)->now->ns, SECOND);
	assert_int_equal(node(&world, 0, 0, -1)->now->group.count, 5);
	assert_int_equal(node(&world, 0, 1, 1)->now->group.count, 5);
	assert_int_equal(node(&world, 1, 0, 4)->now->group.count, 1);
	assert_int_equal(node(&world, 1, -1, -1)->now->size[4].count, 1);
	assert_int_equal(world.snapshot->nodes, 8);
	/* An interval without requests is empty, what has been stays in the sum. */
	tick(&world);
	assert_int_equal(node(&world, 0, -1, -1)->now->group.count, 0);
	assert_int_equal(node(&world, 0, -1, -1)->now->group.total.count, 0);
	assert_int_equal(node(&world, 0, -1, -1)->all->group.count, 10);
	assert_int_equal(node(&world, 0, -1, -1)->all->ns, 2 * SECOND);
	assert_int_equal(vbt_node_point(node(&world, 0, -1, -1), 1)->requests, 10);
	assert_int_equal(vbt_node_point(node(&world, 0, -1, -1), 0)->requests, 0);
	assert_null(vbt_node_point(node(&world, 0, -1, -1), 2));
	end(&world);
}

static void layers_sum_to_the_total(void **state)
{
	struct world world;
	uint64_t layer[VBT_LAYER_COUNT], sum = 0;
	const struct vbt_group *group;

	begin(&world);
	for (unsigned i = 0; i < 100; i++)
		add(&world, 0, i % 3, i % 2, 1000 * i);
	tick(&world);
	group = &node(&world, 0, -1, -1)->now->group;
	vbt_group_layer_sums(group, layer);
	for (unsigned i = 0; i < VBT_LAYER_COUNT; i++)
		sum += layer[i];
	assert_int_equal(sum, (uint64_t)group->total.sum);
	assert_int_equal(vbt_layer_largest(layer), VBT_LAYER_host);
	assert_int_equal(layer[VBT_LAYER_exit], 100 * 200);
	end(&world);
}

static void it_is_known_since_when_a_layer_costs_most(void **state)
{
	struct world world;
	uint64_t since = 0;

	begin(&world);
	for (unsigned i = 0; i < 5; i++) {
		add(&world, 0, 0, 0, 10); /* the vmm is slower than that */
		tick(&world);
	}
	assert_int_equal(vbt_node_since(node(&world, 0, -1, -1), &since), 5);
	for (unsigned i = 0; i < 3; i++) {
		add(&world, 0, 0, 0, 5000000);
		tick(&world);
		tick(&world); /* a pause is no change */
		add(&world, 0, 0, 0, 5000000);
		tick(&world);
	}
	assert_int_equal(vbt_node_since(node(&world, 0, -1, -1), &since), 9);
	assert_int_equal(since, 15 * SECOND);
	tick(&world);
	assert_int_equal(vbt_node_since(node(&world, 0, -1, -1), &since), 0);
	end(&world);
}

static void history_is_a_ring(void **state)
{
	struct world world;

	begin(&world);
	for (unsigned i = 0; i < VBT_SNAPSHOT_POINTS + 50; i++) {
		add(&world, 0, 0, 0, i * 1000);
		tick(&world);
	}
	assert_non_null(vbt_node_point(node(&world, 0, -1, -1), VBT_SNAPSHOT_POINTS - 1));
	assert_null(vbt_node_point(node(&world, 0, -1, -1), VBT_SNAPSHOT_POINTS));
	assert_int_equal(vbt_node_point(node(&world, 0, -1, -1), 7)->percentile[VBT_PERCENTILE_max],
			 (VBT_SNAPSHOT_POINTS + 50 - 1 - 7) * 1000 + 700);
	assert_non_null(vbt_heat_column(node(&world, 0, -1, -1)->heat, 0, VBT_HEAT_COLUMNS - 1));
	assert_null(vbt_heat_column(node(&world, 0, -1, -1)->heat, 0, VBT_HEAT_COLUMNS));
	end(&world);
}

static void heat_maps_have_each_request_once(void **state)
{
	struct world world;
	const struct vbt_heat *heat;
	char buf[16];

	begin(&world);
	for (unsigned i = 0; i < 1000; i++)
		add(&world, 0, 0, 0, (uint64_t)i * i);
	tick(&world);
	heat = node(&world, 0, -1, -1)->heat;
	/* The total, five layers (no disk), eight stages */
	for (unsigned series = 0; series < heat->count; series++) {
		const uint16_t *column = vbt_heat_column(heat, series, 0);
		unsigned sum = 0;

		for (unsigned bin = 0; column && bin < VBT_HEAT_BINS; bin++)
			sum += column[bin];
		assert_int_equal(sum, column ? 1000 : 0);
		assert_int_equal(!column,
				 series == 1 + VBT_LAYER_disk || series == 1 + VBT_LAYER_guest);
	}
	assert_int_equal(heat->count, 1 + VBT_LAYER_COUNT + 8);
	assert_string_equal(vbt_heat_name(heat, 0, buf), "total");
	assert_string_equal(vbt_heat_name(heat, 1, buf), "exit");
	assert_string_equal(vbt_heat_name(heat, 1 + VBT_LAYER_COUNT, buf), "K2W");
	end(&world);
}

static void bins_are_half_octaves(void **state)
{
	for (unsigned bin = 1; bin < VBT_HEAT_BINS; bin++) {
		assert_int_equal(vbt_heat_bin(vbt_heat_low(bin)), bin);
		assert_int_equal(vbt_heat_bin(vbt_heat_low(bin) - 1), bin - 1);
	}
	assert_int_equal(vbt_heat_bin(0), 0);
	assert_int_equal(vbt_heat_bin(UINT64_MAX), VBT_HEAT_BINS - 1);
}

static void slowest_come_first_and_are_bounded(void **state)
{
	struct world world;

	begin(&world);
	for (unsigned i = 0; i < 1000; i++)
		add(&world, 0, 0, 0, (i * 7919 % 1000) * 1000);
	assert_int_equal(world.snapshot->slow, VBT_SNAPSHOT_SLOWEST);
	for (unsigned i = 0; i < VBT_SNAPSHOT_SLOWEST; i++)
		assert_int_equal(vbt_request_total(&world.snapshot->slowest[i]),
				 (999 - i) * 1000 + 700);
	end(&world);
}

static void fan_outs_are_counted(void **state)
{
	struct world world;
	struct vbt_window *window;

	begin(&world);
	for (unsigned kick = 1; kick <= 50; kick++)
		for (unsigned i = 0; i < 4; i++) {
			struct vbt_request r = request(0, 0, 0, 1000);

			r.kick_seq = kick;
			r.pushes = 2;
			/* The last of each was popped because the queue was being served. */
			r.absent[VBT_MARK_kick] = i == 3 ? VBT_ABSENT_suppressed : VBT_ABSENT_none;
			vbt_snapshot_request(world.snapshot, &r);
		}
	tick(&world);
	window = node(&world, 0, -1, -1)->now;
	/* Of the last ones it is not known yet whether there are more. */
	assert_int_equal(window->kick_fan[vbt_fan_class(3)], 50 - VBT_FAN_KICKS);
	assert_int_equal(window->irq_fan[vbt_fan_class(2)], 200);
	assert_int_equal(window->own_kick, 150);
	assert_int_equal(window->no_kick, 50);
	assert_int_equal(vbt_fan_class(1), 0);
	assert_int_equal(vbt_fan_class(4), 2);
	assert_int_equal(vbt_fan_class(5), 3);
	assert_int_equal(vbt_fan_class(64), 6);
	assert_int_equal(vbt_fan_class(65), 7);
	assert_int_equal(vbt_fan_class(UINT64_MAX), VBT_FAN_CLASSES - 1);
	end(&world);
}

static void memory_is_bounded(void **state)
{
	struct world world;

	begin(&world);
	for (unsigned i = 0; i < 4 * VBT_SNAPSHOT_NODES; i++)
		add(&world, i % 32, i, 0, 1000);
	tick(&world);
	assert_int_equal(world.snapshot->nodes, VBT_SNAPSHOT_NODES);
	assert_true(world.snapshot->ungrouped > 3 * VBT_SNAPSHOT_NODES);
	end(&world);
}

static void a_copy_stays_as_it_is(void **state)
{
	struct world world;
	struct vbt_snapshot *copy;
	const struct vbt_group_key key = {0, 0, -1, -1, -1, -1};

	begin(&world);
	add(&world, 0, 0, 0, 1000);
	tick(&world);
	copy = vbt_snapshot_copy(world.snapshot);
	for (unsigned i = 0; i < 10; i++) {
		add(&world, 0, 0, 0, 5000);
		add(&world, 1, 0, 0, 5000);
		tick(&world);
	}
	assert_int_equal(copy->nodes, 3);
	assert_int_equal(copy->requests, 1);
	assert_int_equal(vbt_snapshot_find(copy, &key)->all->group.count, 1);
	assert_int_equal(vbt_snapshot_find(copy, &key)->all->group.total.max, 1700);
	assert_int_equal(vbt_snapshot_find(copy, &key)->points, 1);
	vbt_snapshot_free(copy);
	end(&world);
}

/* --- through the correlator ----------------------------------------------------------------- */

static void a_request_that_never_comes_back_is_stuck_at_submit(void **state)
{
	struct world world;

	begin(&world);
	world.life.clock = world.now;
	life_submit(&world.life, 0, 1, 0, 4096);
	tick(&world);
	assert_int_equal(world.snapshot->stuck_count, 0);
	tick(&world);
	assert_int_equal(world.snapshot->stuck_count, 1);
	assert_int_equal(world.snapshot->stuck[0].mark, VBT_MARK_submit);
	assert_int_equal(world.snapshot->stuck[0].request.seq, 1);
	assert_false(world.snapshot->stuck[0].gave_up);
	assert_int_equal(node(&world, 0, -1, -1)->in_flight, 1);
	/* It comes back after all. */
	life_push(&world.life, 0, 1);
	life_signal(&world.life, 0);
	life_signal_done(&world.life, 0);
	tick(&world);
	assert_int_equal(node(&world, 0, -1, -1)->in_flight, 0);
	end(&world);
}

static void one_that_is_pushed_and_not_told_of_waits_there(void **state)
{
	struct world world;

	begin(&world);
	world.life.clock = world.now;
	life_submit(&world.life, 0, 1, 0, 4096);
	life_push(&world.life, 0, 1);
	tick(&world);
	tick(&world);
	assert_int_equal(world.snapshot->stuck_count, 1);
	assert_int_equal(world.snapshot->stuck[0].mark, VBT_MARK_push);
	assert_string_equal(vbt_wait_text(VBT_MARK_push), "pushed, no interrupt seen");
	/* Its process ends: nobody waits any more. */
	world.snapshot->alive = 0;
	tick(&world);
	assert_int_equal(world.snapshot->stuck_all, 0);
	end(&world);
}

static void what_a_recording_ends_on_is_stuck_too(void **state)
{
	struct world world;

	begin(&world);
	world.life.clock = world.now;
	life_submit(&world.life, 0, 1, 0, 4096);
	tick(&world);
	tick(&world);
	life_end(&world.life);
	vbt_snapshot_request(world.snapshot, &world.life.request[0][1]);
	tick(&world);
	assert_int_equal(world.snapshot->stuck_count, 1);
	assert_int_equal(world.snapshot->stuck[0].mark, VBT_MARK_submit);
	assert_true(world.snapshot->stuck[0].gave_up);
	end(&world);
}

struct ticks {
	unsigned count;
	struct vbt_monitor *monitor;
};

static void on_tick(void *context)
{
	((struct ticks *)context)->count++;
}

static struct vbt_event event(uint64_t time, unsigned point, uint32_t seq)
{
	return (struct vbt_event){
	    .time = time,
	    .point = (uint8_t)point,
	    .seq = seq,
	    .source = 1,
	    .tid = LIFE_TASK(0),
	    .op = point == VBT_MARK_submit || point == VBT_MARK_reap ? VBT_IO_null : 0,
	    .arg = seq};
}

/* Intervals are cut by the events' own times, however the events are handed over. */
static void intervals_do_not_depend_on_how_events_come(void **state)
{
	static const unsigned points[] = {VBT_MARK_pop, VBT_MARK_parse, VBT_MARK_submit,
					  VBT_MARK_reap, VBT_MARK_push};
	struct life life;
	struct vbt_event events[500];
	unsigned runs[] = {1, 7, 500};
	uint64_t counts[3][8] = {{0}};

	life_begin(&life, VBT_DEVICE_NO_KVM);
	for (unsigned i = 0; i < 500; i++)
		events[i] = event(SECOND + i * 10000000ull, points[i % 5], 1 + i / 5);
	for (unsigned r = 0; r < 3; r++) {
		struct ticks ticks = {0};
		const struct vbt_monitor_options options = {
		    .info = &life.info, .tick = on_tick, .context = &ticks};
		struct vbt_monitor *monitor = vbt_monitor_new(&options);
		const struct vbt_node *node;

		for (unsigned i = 0; i < 500; i += runs[r])
			assert_int_equal(vbt_monitor_events(monitor, events + i,
							    i + runs[r] > 500 ? 500 - i : runs[r]),
					 0);
		assert_int_equal(ticks.count, 4);
		assert_int_equal(vbt_monitor_finish(monitor), 0);
		assert_int_equal(ticks.count, 5);
		node = vbt_monitor_snapshot(monitor)->node[0];
		for (unsigned i = 0; i < 5; i++)
			counts[r][i] = vbt_node_point(node, i)->requests;
		vbt_monitor_free(monitor);
	}
	assert_memory_equal(counts[0], counts[1], sizeof(counts[0]));
	assert_memory_equal(counts[0], counts[2], sizeof(counts[0]));
	life_release(&life);
}

/* Memory is for what is under way and for what is remembered, which is bounded: not for time. */
static void memory_does_not_grow_with_time(void **state)
{
	static const unsigned points[] = {VBT_MARK_pop,  VBT_MARK_parse, VBT_MARK_submit,
					  VBT_MARK_reap, VBT_MARK_push,  VBT_MARK_signal};
	const unsigned last = 10 * (VBT_SNAPSHOT_POINTS + 20);
	struct life life;
	struct ticks ticks = {0};
	struct vbt_monitor_options options = {
	    .info = &life.info, .interval_ns = 1000000, .tick = on_tick, .context = &ticks};
	struct vbt_monitor *monitor;
	size_t early = 0;

	life_begin(&life, VBT_DEVICE_NO_KVM);
	monitor = vbt_monitor_new(&options);
	for (unsigned i = 0; i < last; i++) {
		struct mallinfo2 now;

		/* Each interval has twenty requests, ten at a time, as slow as never before. */
		for (unsigned at = 0; at < 2 * (5 * 10 + 1); at++) {
			const unsigned ten = at / 51, in = at % 51, seq = i * 20 + ten * 10;
			struct vbt_event e = event(SECOND + i * 1000000ull + at * (1000 + i),
						   points[in / 10], seq + in % 10 + 1);

			if (in == 50) {
				e.seq = 0;
				e.val = seq + 10;
				e.arg = i * 2 + ten + 1;
				e.code = VBT_SIGNAL_sent;
			}
			assert_int_equal(vbt_monitor_events(monitor, &e, 1), 0);
		}
		now = mallinfo2();
		if (i == last / 10)
			early = now.uordblks + now.hblkhd;
		if (i > last / 10)
			assert_int_equal(now.uordblks + now.hblkhd, early);
	}
	assert_int_equal(vbt_monitor_snapshot(monitor)->requests, last * 20);
	assert_int_equal(vbt_correlator_stats(vbt_monitor_correlator(monitor))->in_flight, 0);
	assert_true(ticks.count >= last - 1);
	vbt_monitor_free(monitor);
	life_release(&life);
}

/* A trace may name any times. */
static void impossible_times_end(void **state)
{
	static const uint64_t times[] = {1, SECOND, 1ull << 62, UINT64_MAX, 5, UINT64_MAX - 1};
	struct life life;
	struct ticks ticks = {0};
	const struct vbt_monitor_options options = {
	    .interval_ns = 1000000, .tick = on_tick, .context = &ticks};
	struct vbt_monitor *monitor = vbt_monitor_new(&options);

	life_begin(&life, 0);
	for (unsigned i = 0; i < 6; i++) {
		struct vbt_event e = event(times[i], VBT_MARK_pop, 1 + i);

		assert_int_equal(vbt_monitor_events(monitor, &e, 1), 0);
	}
	assert_int_equal(vbt_monitor_time(monitor, UINT64_MAX), 0);
	assert_int_equal(vbt_monitor_finish(monitor), 0);
	assert_true(ticks.count < 5 * VBT_SNAPSHOT_POINTS);
	vbt_monitor_free(monitor);
	life_release(&life);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_request_counts_in_its_operation_queue_and_device),
	    cmocka_unit_test(layers_sum_to_the_total),
	    cmocka_unit_test(it_is_known_since_when_a_layer_costs_most),
	    cmocka_unit_test(history_is_a_ring),
	    cmocka_unit_test(heat_maps_have_each_request_once),
	    cmocka_unit_test(bins_are_half_octaves),
	    cmocka_unit_test(slowest_come_first_and_are_bounded),
	    cmocka_unit_test(fan_outs_are_counted),
	    cmocka_unit_test(memory_is_bounded),
	    cmocka_unit_test(a_copy_stays_as_it_is),
	    cmocka_unit_test(a_request_that_never_comes_back_is_stuck_at_submit),
	    cmocka_unit_test(one_that_is_pushed_and_not_told_of_waits_there),
	    cmocka_unit_test(what_a_recording_ends_on_is_stuck_too),
	    cmocka_unit_test(intervals_do_not_depend_on_how_events_come),
	    cmocka_unit_test(memory_does_not_grow_with_time),
	    cmocka_unit_test(impossible_times_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
