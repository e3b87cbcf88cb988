/* SPDX-License-Identifier: MIT */
/*
 * MSI-X over the rig: every interrupt comes out once, as the table says at that moment, and what is
 * masked in whatever way waits as a pending bit. (PCI 3.0, 6.8.2) Each test runs for messages that
 * the device sends itself, and for irqfds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/driver/rig.h"
#include "vmm-lite/pci/msix.h"

#define ADDRESS 0xfee00000u
#define QUEUES  3

static struct rig *rig;

static void start(bool irqfd)
{
	struct disk_options o = rig_options();

	o.queues = QUEUES;
	o.signal = irqfd ? SIGNAL_IRQFD : SIGNAL_IOCTL;
	rig = rig_new(&o);
	assert_non_null(rig);
}

/* Run a body once per way to signal. */
static void both(void (*body)(void))
{
	for (int irqfd = 0; irqfd < 2; irqfd++) {
		start(irqfd);
		body();
		rig_free(rig);
	}
}

static unsigned capability(void)
{
	unsigned at = rig_cfg_read(rig, 0x34, 1);

	while (at && rig_cfg_read(rig, at, 1) != 0x11)
		at = rig_cfg_read(rig, at + 1, 1);
	return at;
}

static bool pending(unsigned vector)
{
	return rig_bar_read(rig, 1, MSIX_PBA_OFFSET, 8) >> vector & 1;
}

/* A queue whose interrupts go to vector 1, and one request on it. */
static struct rig_queue queue(void)
{
	return rig_start(rig, 0, 16);
}

static void request(struct rig_queue *q)
{
	assert_int_equal(rig_request(q, BLK_T_IN, 0, RIG_DATA, 512, true, NULL), BLK_S_OK);
}

static void registers(void)
{
	unsigned cap = capability();

	/* As many vectors as queues and one for the configuration; the size field says one less. */
	assert_true(cap);
	assert_int_equal(rig_cfg_read(rig, cap + 2, 2), QUEUES);
	/* Table at offset 0 and pending bits behind it, both in BAR 1. */
	assert_int_equal(rig_cfg_read(rig, cap + 4, 4), 1);
	assert_int_equal(rig_cfg_read(rig, cap + 8, 4), MSIX_PBA_OFFSET | 1);
	/* Enable and function mask can be written, nothing else. */
	rig_cfg_write(rig, cap + 2, 2, 0xffff);
	assert_int_equal(rig_cfg_read(rig, cap + 2, 2), 0xc000 | QUEUES);
	rig_cfg_write(rig, cap + 4, 4, 0xffffffff);
	assert_int_equal(rig_cfg_read(rig, cap + 4, 4), 1);
	rig_cfg_write(rig, cap + 2, 2, 0);

	/* After power-on every vector is masked and zero. */
	for (unsigned v = 0; v <= QUEUES; v++) {
		assert_int_equal(rig_bar_read(rig, 1, 16 * v, 8), 0);
		assert_int_equal(rig_bar_read(rig, 1, 16 * v + 8, 8), 1ull << 32);
	}
	/* The two low bits of the address are zero, the control word has its mask bit alone. */
	rig_bar_write(rig, 1, 16, 4, 0xffffffff);
	rig_bar_write(rig, 1, 20, 4, 0x12345678);
	rig_bar_write(rig, 1, 24, 4, 0xdeadbeef);
	rig_bar_write(rig, 1, 28, 4, 0xfffffffe);
	assert_int_equal(rig_bar_read(rig, 1, 16, 8), 0x12345678fffffffcull);
	assert_int_equal(rig_bar_read(rig, 1, 24, 8), 0xdeadbeef);
	rig_bar_write(rig, 1, 24, 8, 0x1cafef00dull);
	assert_int_equal(rig_bar_read(rig, 1, 24, 4), 0xcafef00d);
	assert_int_equal(rig_bar_read(rig, 1, 28, 4), 1);
	/* Any width can be read; only whole dwords and qwords can be written. */
	assert_int_equal(rig_bar_read(rig, 1, 25, 1), 0xf0);
	assert_int_equal(rig_bar_read(rig, 1, 26, 2), 0xcafe);
	rig_bar_write(rig, 1, 24, 2, 0);
	rig_bar_write(rig, 1, 25, 4, 0);
	assert_int_equal(rig_bar_read(rig, 1, 24, 4), 0xcafef00d);
	/* Behind the last vector, and in the pending bits, nothing can be written. */
	rig_bar_write(rig, 1, 16 * (QUEUES + 1), 4, 0xffffffff);
	assert_int_equal(rig_bar_read(rig, 1, 16 * (QUEUES + 1), 4), 0);
	rig_bar_write(rig, 1, MSIX_PBA_OFFSET, 8, UINT64_MAX);
	assert_int_equal(rig_bar_read(rig, 1, MSIX_PBA_OFFSET, 8), 0);
}

static void test_registers(void **state)
{
	both(registers);
}

static void sent(void)
{
	struct rig_queue q;

	rig_msix_enable(rig);
	q = queue();
	for (unsigned i = 1; i <= 3; i++) {
		request(&q);
		assert_int_equal(rig_messages(rig, 0x41), i);
	}
	assert_int_equal(rig_all_messages(rig), 3);
	assert_int_equal(rig->messages[0].address, ADDRESS);
	assert_false(pending(1));
	/* The message is that of the table at the time; 64-bit addresses are whole. */
	rig_msix_entry(rig, 1, 0x1fee01000ull, 0x99, false);
	request(&q);
	assert_int_equal(rig_messages(rig, 0x99), 1);
	assert_int_equal(rig->messages[rig->message_count - 1].address, 0x1fee01000ull);
	/* With MSI-X on, the line stays low and the ISR register empty. */
	assert_false(rig->level);
	assert_int_equal(rig->raises, 0);
	assert_int_equal(rig_get(rig, ISR_AT, 1), 0);
}

static void test_sent(void **state)
{
	both(sent);
}

/* While `mask` holds, interrupts become one pending bit; `unmask` lets out one message. */
static void held(void (*mask)(bool on))
{
	struct rig_queue q;

	rig_msix_enable(rig);
	q = queue();
	request(&q);
	assert_int_equal(rig_all_messages(rig), 1);
	mask(true);
	assert_false(pending(1));
	for (int i = 0; i < 3; i++)
		request(&q);
	assert_true(pending(1));
	assert_false(pending(0));
	assert_false(pending(2));
	assert_int_equal(rig_all_messages(rig), 1);
	assert_false(rig->level);
	mask(false);
	assert_int_equal(rig_messages(rig, 0x41), 2);
	assert_int_equal(rig_all_messages(rig), 2);
	assert_false(pending(1));
	request(&q);
	assert_int_equal(rig_all_messages(rig), 3);
}

static void mask_vector(bool on)
{
	rig_bar_write(rig, 1, 16 + 12, 4, on);
}

static void mask_function(bool on)
{
	rig_msix_control(rig, true, on);
}

static void mask_master(bool on)
{
	rig_bus_master(rig, !on);
}

static void vector_mask(void)
{
	held(mask_vector);
}

static void function_mask(void)
{
	held(mask_function);
}

static void test_vector_mask(void **state)
{
	both(vector_mask);
}

static void test_function_mask(void **state)
{
	both(function_mask);
}

/* Masked twice, it takes both to let go. */
static void both_masks(void)
{
	struct rig_queue q;

	rig_msix_enable(rig);
	q = queue();
	mask_vector(true);
	mask_function(true);
	request(&q);
	mask_vector(false);
	assert_true(pending(1));
	assert_int_equal(rig_all_messages(rig), 0);
	mask_vector(true);
	mask_function(false);
	assert_true(pending(1));
	assert_int_equal(rig_all_messages(rig), 0);
	/* The message goes where the table says when it goes, not when it was due. */
	rig_msix_entry(rig, 1, ADDRESS + 0x1000, 0x77, true);
	mask_vector(false);
	assert_int_equal(rig_messages(rig, 0x77), 1);
	assert_int_equal(rig_all_messages(rig), 1);
}

static void test_both_masks(void **state)
{
	both(both_masks);
}

/* A message is a write to memory: none without bus mastering, and none is lost by that. */
static void bus_master(void)
{
	struct rig_queue q;

	rig_msix_enable(rig);
	q = queue();
	mask_vector(true);
	request(&q);
	mask_master(true);
	mask_vector(false);
	assert_true(pending(1));
	assert_int_equal(rig_all_messages(rig), 0);
	mask_master(false);
	assert_false(pending(1));
	assert_int_equal(rig_all_messages(rig), 1);
}

static void test_bus_master(void **state)
{
	both(bus_master);
}

/* Off, there is no vector to wait for: interrupts go out by the line. */
static void off(void)
{
	struct rig_queue q = queue();

	request(&q);
	assert_int_equal(rig_all_messages(rig), 0);
	assert_true(rig->level);
	assert_int_equal(rig_get(rig, ISR_AT, 1), ISR_QUEUE);
	/* An irqfd is lowered by KVM, at the end of interrupt, and not by us. */
	if (rig->options.signal == SIGNAL_IOCTL)
		assert_false(rig->level);
	rig->level = false;
	assert_false(pending(1));
	/* A queue without a vector tells nobody once MSI-X is on. */
	rig_msix_enable(rig);
	rig_set(rig, COMMON_QSELECT, 2, 0);
	rig_set(rig, COMMON_QMSIX, 2, MSIX_NO_VECTOR);
	request(&q);
	assert_int_equal(rig_all_messages(rig), 0);
	assert_false(rig->level);
	assert_int_equal(rig_bar_read(rig, 1, MSIX_PBA_OFFSET, 8), 0);
}

static void test_off(void **state)
{
	both(off);
}

/* A vector that does not exist reads back as none. (4.1.4.3) */
static void no_such_vector(void)
{
	rig_set(rig, COMMON_MSIX, 2, QUEUES + 1);
	assert_int_equal(rig_get(rig, COMMON_MSIX, 2), MSIX_NO_VECTOR);
	rig_set(rig, COMMON_MSIX, 2, QUEUES);
	assert_int_equal(rig_get(rig, COMMON_MSIX, 2), QUEUES);
}

static void test_no_such_vector(void **state)
{
	both(no_such_vector);
}

/* The machine's reset forgets table, masks and what is pending. */
static void reset(void)
{
	struct rig_queue q;

	rig_msix_enable(rig);
	q = queue();
	mask_function(true);
	request(&q);
	assert_true(pending(1));
	virtio_blk_reset(rig->blk);
	pci_host_reset(rig->host);
	rig_cfg_write(rig, 4, 2, 7);
	assert_int_equal(rig_cfg_read(rig, capability() + 2, 2), QUEUES);
	assert_int_equal(rig_bar_read(rig, 1, MSIX_PBA_OFFSET, 8), 0);
	assert_int_equal(rig_bar_read(rig, 1, 16, 8), 0);
	assert_int_equal(rig_bar_read(rig, 1, 28, 4), 1);
	rig_msix_enable(rig);
	assert_int_equal(rig_all_messages(rig), 0);
	q = queue();
	request(&q);
	assert_int_equal(rig_all_messages(rig), 1);
}

static void test_reset(void **state)
{
	both(reset);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_registers),   cmocka_unit_test(test_sent),
	    cmocka_unit_test(test_vector_mask), cmocka_unit_test(test_function_mask),
	    cmocka_unit_test(test_both_masks),  cmocka_unit_test(test_bus_master),
	    cmocka_unit_test(test_off),         cmocka_unit_test(test_no_such_vector),
	    cmocka_unit_test(test_reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
