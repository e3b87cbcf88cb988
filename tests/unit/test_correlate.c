/* SPDX-License-Identifier: MIT */
/* The correlator against schedules whose truth is known: no link is wrong, and none is missing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "lib/correlate.h"
#include "lib/reorder.h"
#include "tests/unit/schedule.h"

#define SCHEDULES   5000
#define CLOCK_LIMIT 1001 /* ns: clock errors are below that */
#define WINDOW      3000 /* ns: how far kernel events of several CPUs are out of order */

struct run {
	struct schedule schedule;
	struct vbt_trace_info info;
	struct vbt_correlator *correlator;
	struct vbt_reorder *reorder;
	uint64_t seed, requests, complete, exact, inferred;
	bool lossy;
	bool blurred;   /* the clocks are so wrong that some links can only be inferred */
	uint64_t wrong; /* inferred, and not so */
	bool emitted[QUEUES][MAX_SEQ + 1];
};

static struct run run;

#define CHECK(condition, ...)                                                         \
	do {                                                                          \
		if (!(condition)) {                                                   \
			print_error("schedule %llu: ", (unsigned long long)run.seed); \
			print_error(__VA_ARGS__);                                     \
			print_error("\n");                                            \
			fail();                                                       \
		}                                                                     \
	} while (0)

static void check_marks(const struct vbt_request *r, const struct truth *truth)
{
	for (unsigned mark = 0; mark < VBT_MARK_COUNT; mark++) {
		bool exact = !(r->inferred >> mark & 1);

		/* Held back several times: with losses, the last time may be unseen. */
		if (run.lossy && mark == VBT_MARK_signal && truth->held &&
		    r->signal_reason == VBT_SIGNAL_masked)
			continue;
		if (vbt_request_has(r, mark)) {
			run.wrong += !exact && r->mark[mark] != truth->mark[mark];
			CHECK(r->mark[mark] == truth->mark[mark] || (run.blurred && !exact),
			      "queue %u request %u: %s is %llu, not %llu (%s)", r->queue, r->seq,
			      vbt_point_name(mark), (unsigned long long)r->mark[mark],
			      (unsigned long long)truth->mark[mark], exact ? "exact" : "inferred");
			CHECK(!r->absent[mark], "present, with a reason for its absence");
		} else {
			CHECK(r->absent[mark], "queue %u request %u: %s: no reason", r->queue,
			      r->seq, vbt_point_name(mark));
			CHECK(run.lossy || run.blurred || !truth->mark[mark],
			      "queue %u request %u: %s is missing: %s", r->queue, r->seq,
			      vbt_point_name(mark), vbt_absent_text(r->absent[mark]));
		}
	}
	CHECK(!(r->inferred & ~r->present), "inferred and not present");
}

static void check_layers(const struct vbt_request *r)
{
	struct vbt_segment segment[VBT_MARK_COUNT - 1];
	uint64_t layer[VBT_LAYER_COUNT], sum = 0, steps = 0, first = 0, last = 0;
	unsigned count = vbt_request_segments(r, segment);

	vbt_request_layers(r, layer);
	for (unsigned i = 0; i < VBT_LAYER_COUNT; i++)
		sum += layer[i];
	for (unsigned i = 0; i < count; i++)
		steps += segment[i].ns;
	CHECK(sum == vbt_request_total(r) && steps == sum, "layers %llu, steps %llu, total %llu",
	      (unsigned long long)sum, (unsigned long long)steps,
	      (unsigned long long)vbt_request_total(r));
	/* A merged request has its leader's I/O, which may have begun before it was popped. */
	for (unsigned mark = VBT_MARK_COUNT; mark-- > 0;) {
		if (!vbt_request_has(r, mark))
			continue;
		first = r->mark[mark];
		last = r->mark[mark] > last ? r->mark[mark] : last;
	}
	CHECK(sum == last - first, "the total is not last minus first");
}

static void on_request(void *context, const struct vbt_request *r)
{
	const struct truth *truth;

	CHECK(r->queue < QUEUES && r->seq && r->seq <= run.schedule.queue[r->queue].seq,
	      "queue %u request %u never was", r->queue, r->seq);
	CHECK(!run.emitted[r->queue][r->seq], "queue %u request %u: twice", r->queue, r->seq);
	run.emitted[r->queue][r->seq] = true;
	truth = &run.schedule.queue[r->queue].request[r->seq];
	check_marks(r, truth);
	check_layers(r);
	if (vbt_request_has(r, VBT_MARK_pop))
		CHECK(r->kick_seq == truth->kick_seq, "kick_seq");
	if (vbt_request_has(r, VBT_MARK_kick) && !(run.blurred && r->inferred >> VBT_MARK_kick & 1))
		CHECK(r->vcpu == truth->vcpu, "queue %u request %u: vCPU %d, not %d", r->queue,
		      r->seq, r->vcpu, truth->vcpu);
	CHECK(!r->irq_seq || r->irq_seq == truth->irq_seq, "irq_seq");
	if (!run.lossy) {
		CHECK(run.blurred || r->complete, "queue %u request %u: incomplete", r->queue,
		      r->seq);
		CHECK(r->irq_seq == truth->irq_seq, "irq_seq");
		CHECK(r->merged == !!truth->leader, "merged");
	}
	run.requests++;
	run.complete += r->complete;
	run.inferred += (unsigned)__builtin_popcount(r->inferred);
	run.exact += (unsigned)__builtin_popcount(r->present & ~r->inferred);
}

static int on_events(void *context, const struct vbt_event *events, size_t count)
{
	for (size_t i = 0; i < count; i++)
		assert_false(events[i].late);
	return vbt_correlator_events(run.correlator, events, count);
}

/* Of the same threads as the sources of their rings: what is lost of those when they cannot be read. */
#define UNREADABLE (QUEUE_RING + QUEUES + VCPUS)

static void make_info(bool from_start)
{
	struct vbt_target target = {.pid = 7, .points = UINT32_MAX, .from_start = from_start};
	struct vbt_source source = {.kind = VBT_SOURCE_KERNEL, .name = "kernel"};
	struct vbt_device device = {.shm = {.present = 1,
					    .queues = QUEUES,
					    .flags = VBT_DEVICE_MSIX | VBT_DEVICE_IOEVENTFD,
					    .mmio_notify = DOORBELL,
					    .mmio_stride = 4}};

	vbt_trace_info_init(&run.info);
	assert_int_equal(vbt_trace_info_set_target(&run.info, 0, &target), 0);
	assert_int_equal(vbt_trace_info_set_source(&run.info, KERNEL, &source), 0);
	for (unsigned i = 0; i < QUEUES + VCPUS + QUEUES; i++) {
		bool vcpu = i >= QUEUES && i < QUEUES + VCPUS;

		source = (struct vbt_source){
		    .kind = VBT_SOURCE_RING,
		    .tid = vcpu ? VCPU_TID + i - QUEUES : QUEUE_TID + i % (QUEUES + VCPUS),
		};
		snprintf(source.name, sizeof(source.name), vcpu ? "vcpu%u" : "disk0-q%u",
			 vcpu ? i - QUEUES : i);
		assert_int_equal(vbt_trace_info_set_source(&run.info, QUEUE_RING + i, &source), 0);
	}
	assert_int_equal(vbt_trace_info_set_device(&run.info, &device), 0);
}

static void begin(uint64_t seed, bool lossy)
{
	struct vbt_correlator_options options = {.info = &run.info, .request = on_request};

	memset(&run, 0, sizeof(run));
	run.seed = seed;
	run.lossy = lossy;
	schedule_make(&run.schedule, seed);
	make_info(seed & 1);
	run.correlator = vbt_correlator_new(&options);
	run.reorder = vbt_reorder_new(0, on_events, NULL);
	assert_true(run.correlator && run.reorder);
}

/* Each window's events by source, the kernel's in any order: CPUs share one buffer. */
static void feed(void)
{
	struct schedule *s = &run.schedule;
	unsigned from = 0, to;

	for (; from < s->events; from = to) {
		uint64_t until = s->event[from].time + WINDOW;

		for (to = from; to < s->events && s->event[to].time <= until; to++)
			;
		for (unsigned source = KERNEL; source < UNREADABLE + QUEUES; source++) {
			struct vbt_event *list[MAX_EVENTS];
			unsigned count = 0;

			for (unsigned i = from; i < to; i++)
				if (s->event[i].source == source)
					list[count++] = &s->event[i];
			for (unsigned i = 0; i < count; i++) {
				unsigned j = i + (unsigned)draw(s, count - i);
				struct vbt_event *one = list[i];

				if (source != KERNEL || run.lossy)
					break;
				list[i] = list[j];
				list[j] = one;
			}
			for (unsigned i = 0; i < count; i++)
				assert_int_equal(vbt_reorder_push(run.reorder, source, list[i], 1),
						 0);
		}
		assert_int_equal(vbt_reorder_drain(run.reorder, until), 0);
	}
	assert_int_equal(vbt_reorder_drain(run.reorder, UINT64_MAX), 0);
	vbt_correlator_finish(run.correlator);
}

/* Sum of the queues' last numbers, as far as they were emitted. */
static uint64_t numbers(void)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < QUEUES; i++) {
		unsigned last = MAX_SEQ;

		while (last && !run.emitted[i][last])
			last--;
		sum += last;
	}
	return sum;
}

static void end(void)
{
	const struct vbt_correlator_stats *stats = vbt_correlator_stats(run.correlator);
	uint64_t popped = 0;

	for (unsigned i = 0; i < QUEUES; i++)
		popped += run.schedule.queue[i].seq;
	CHECK(stats->requests == run.requests, "requests");
	CHECK(stats->complete == run.complete, "complete");
	CHECK(stats->complete + stats->incomplete == stats->requests, "the counts do not add up");
	CHECK(stats->exact == run.exact && stats->inferred == run.inferred, "links");
	CHECK(!stats->in_flight && !stats->invalid && !stats->late && !stats->evicted, "left");
	if (run.lossy) {
		CHECK(stats->requests + stats->unseen <= popped, "more than there were");
		/* Recorded from the start, each number up to the last one seen is accounted for. */
		CHECK(!(run.seed & 1) || stats->requests + stats->unseen == numbers(),
		      "%llu requests and %llu unseen are not %llu numbers",
		      (unsigned long long)stats->requests, (unsigned long long)stats->unseen,
		      (unsigned long long)numbers());
	} else {
		CHECK(stats->requests == popped && !stats->unseen, "%llu requests of %llu",
		      (unsigned long long)stats->requests, (unsigned long long)popped);
		CHECK(run.blurred || !stats->stray, "%llu stray", (unsigned long long)stats->stray);
	}
	vbt_reorder_free(run.reorder);
	vbt_correlator_free(run.correlator);
	vbt_trace_info_release(&run.info);
}

static void test_every_link(void **state)
{
	for (uint64_t seed = 1; seed <= SCHEDULES; seed++) {
		begin(seed, false);
		feed();
		end();
	}
}

/* Take a run of a source's events out, and let another one say so, as the sources do. */
static void lose_as(unsigned source, unsigned point, unsigned says)
{
	struct schedule *s = &run.schedule;
	unsigned first = (unsigned)draw(s, s->events), most = 1 + (unsigned)draw(s, 30);
	unsigned lost = 0, kept = 0, place = UINT32_MAX;
	uint64_t before = FIRST_TIME - 1, after = 0;
	struct vbt_event statement;

	for (unsigned i = 0; i < s->events; i++) {
		struct vbt_event *e = &s->event[i];
		bool its = e->source == source && (point == VBT_POINT_LOST || e->point == point);

		if (its && i >= first && lost < most) {
			if (!lost++)
				place = kept;
			continue;
		}
		if (e->source == source && !lost)
			before = e->time;
		if (e->source == source && lost == most && !after)
			after = e->time;
		s->event[kept++] = *e;
	}
	s->events = kept;
	if (!lost)
		return;
	vbt_event_lost(&statement, (uint16_t)says, before, after ? after : UINT64_MAX / 2, lost);
	statement.val = point;
	/* By time, so that a window finds it; at its place that is the time before. */
	while (place && s->event[place - 1].time > before)
		place--;
	memmove(&s->event[place + 1], &s->event[place], (s->events - place) * sizeof(*s->event));
	s->event[place] = statement;
	s->events++;
}

static void lose(unsigned source, unsigned point)
{
	lose_as(source, point, source);
}

static void test_vmm_losses(void **state)
{
	uint64_t all = 0, complete = 0;

	for (uint64_t seed = 1; seed <= SCHEDULES; seed++) {
		begin(seed, true);
		for (unsigned i = 0; i <= seed % 3; i++) {
			unsigned q = (unsigned)draw(&run.schedule, QUEUES);

			lose_as(QUEUE_RING + q, VBT_POINT_LOST,
				(seed % 2 ? QUEUE_RING : UNREADABLE) + q);
		}
		feed();
		all += run.requests;
		complete += run.complete;
		end();
	}
	assert_true(complete > all / 2);
}

static void test_kernel_losses(void **state)
{
	uint64_t all = 0, complete = 0;

	for (uint64_t seed = 1; seed <= SCHEDULES; seed++) {
		begin(seed, true);
		lose(KERNEL, VBT_POINT_LOST);
		feed();
		all += run.requests;
		complete += run.complete;
		end();
	}
	assert_true(complete > all / 2);
}

static void test_kernel_losses_by_point(void **state)
{
	static const uint8_t points[] = {
	    VBT_MARK_kick, VBT_MARK_queue, VBT_MARK_issue,      VBT_MARK_complete,
	    VBT_MARK_msi,  VBT_MARK_eoi,   VBT_AUX_apic_accept, VBT_MARK_inject,
	};

	for (uint64_t seed = 1; seed <= SCHEDULES; seed++) {
		begin(seed, true);
		lose(KERNEL, points[seed % sizeof(points)]);
		feed();
		end();
	}
}

/* A recording that begins and ends in the middle of it all. */
static void test_cut_out(void **state)
{
	for (uint64_t seed = 1; seed <= SCHEDULES; seed++) {
		struct schedule *s = &run.schedule;
		unsigned from, to;

		begin(seed & ~1ull, true);
		from = (unsigned)draw(s, s->events / 2);
		to = from + (unsigned)draw(s, s->events - from);
		memmove(s->event, s->event + from, (to - from) * sizeof(*s->event));
		s->events = to - from;
		feed();
		end();
	}
}

/* Put the VMM's clock off by up to an error below `limit` ns, which the trace states. */
static void misclock(uint64_t limit)
{
	struct schedule *s = &run.schedule;
	int64_t error = (int64_t)draw(s, limit);
	int64_t off = (int64_t)draw(s, 2 * (uint64_t)error + 1) - error;

	run.info.target[0].clock_error_ns = (uint64_t)error;
	for (unsigned i = 0; i < s->events; i++)
		if (vbt_point_is_vmm(s->event[i].point))
			s->event[i].time += (uint64_t)off;
	for (unsigned i = 0; i < QUEUES; i++)
		for (uint32_t seq = 1; seq <= s->queue[i].seq; seq++)
			for (unsigned mark = 0; mark < VBT_MARK_COUNT; mark++) {
				uint64_t *time = &s->queue[i].request[seq].mark[mark];

				if (vbt_point_is_vmm(mark) && *time)
					*time += (uint64_t)off;
			}
	qsort(s->event, s->events, sizeof(s->event[0]), by_time);
}

/* Some tens of ns, as calibration states: kernel events come before what caused them. */
static void test_clock_error(void **state)
{
	for (uint64_t seed = 1; seed <= SCHEDULES; seed++) {
		begin(seed, false);
		misclock(120);
		feed();
		end();
	}
}

/*
 * The most that calibration may state. Whole lives of interrupts and of bios are shorter than that here: what
 * cannot be told is inferred, and no exact link is wrong.
 */
static void test_clock_error_limit(void **state)
{
	uint64_t exact = 0, inferred = 0, wrong = 0;

	for (uint64_t seed = 1; seed <= SCHEDULES; seed++) {
		begin(seed, false);
		run.blurred = true;
		misclock(CLOCK_LIMIT);
		feed();
		exact += run.exact;
		inferred += run.inferred;
		wrong += run.wrong;
		end();
	}
	assert_true(exact > inferred);
	assert_true(wrong < inferred / 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_every_link),        cmocka_unit_test(test_vmm_losses),
	    cmocka_unit_test(test_kernel_losses),     cmocka_unit_test(test_kernel_losses_by_point),
	    cmocka_unit_test(test_cut_out),           cmocka_unit_test(test_clock_error),
	    cmocka_unit_test(test_clock_error_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
