/* SPDX-License-Identifier: MIT */
/*
 * The tests' side of the runner: how a test is declared and how it fails.
 *
 * A test is named by the line it proves (SPLIT_13 for "SPLIT-13"; further tests of a line have a
 * small letter behind it). It runs once for each combination of ring, transport and interrupts
 * that it names, each time in a process of its own with a time limit; the line passes if all do.
 */
#ifndef TESTS_CONFORMANCE_SUITE_H
#define TESTS_CONFORMANCE_SUITE_H

#include <stdbool.h>
#include <stdint.h>

struct world;

enum {
	SPLIT = 1,
	PACKED = 2,
	MODERN = 4,
	LEGACY = 8,
	MSIX = 16,
	INTX = 32,
	INLINE = 64,    /* served on the thread that kicks */
	THREADED = 128, /* the default */
	RINGS = SPLIT | PACKED,
	VIEWS = MODERN | LEGACY,
	IRQS = MSIX | INTX,
	MODES = THREADED | INLINE,
	ALL = RINGS | VIEWS | IRQS,
};

struct test_case {
	const char *name;
	unsigned axes;
	void (*run)(struct world *w);
	const char *not_applicable; /* the reason, if the test passes */
};

/* Cases are collected by the linker, in the order of files and lines. */
#define CASE(name_, axes_, reason_)                                                         \
	static void run_##name_(struct world *w);                                           \
	static const struct test_case case_##name_ = {#name_, axes_, run_##name_, reason_}; \
	static const struct test_case *const entry_##name_                                  \
	    __attribute__((used, section("conformance_cases"))) = &case_##name_;            \
	static void run_##name_(struct world *w)

/* TEST(SPLIT_13, RINGS | VIEWS) { … } An axis that is left out takes its first value. */
#define TEST(name_, axes_) CASE(name_, axes_, NULL)

/* The line is about a feature that is not offered, which the body proves. */
#define NOT_APPLICABLE(name_, reason_) CASE(name_, 0, reason_)

/* End the test. */
void test_fail(const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4), noreturn));

#define FAIL(...) test_fail(__FILE__, __LINE__, __VA_ARGS__)
#define CHECK(condition)                        \
	do {                                    \
		if (!(condition))               \
			FAIL("%s", #condition); \
	} while (0)
#define CHECK_EQ(got_, want_)                                                            \
	do {                                                                             \
		uint64_t got__ = (uint64_t)(got_), want__ = (uint64_t)(want_);           \
		if (got__ != want__)                                                     \
			FAIL("%s is %#llx, not %#llx", #got_, (unsigned long long)got__, \
			     (unsigned long long)want__);                                \
	} while (0)

/* Milliseconds after which something that has to happen counts as not happening (--patience). */
extern uint64_t test_patience_ms;
#define PATIENCE_MS test_patience_ms

void test_pause(void); /* a fraction of a millisecond */
uint64_t test_now_ms(void);

#define EVENTUALLY(condition)                                    \
	do {                                                     \
		uint64_t end__ = test_now_ms() + PATIENCE_MS;    \
		while (!(condition)) {                           \
			if (test_now_ms() > end__)               \
				FAIL("in vain: %s", #condition); \
			test_pause();                            \
		}                                                \
	} while (0)

#endif
