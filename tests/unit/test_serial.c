/* SPDX-License-Identifier: MIT */
/* The serial port: when a guest waits for input, what it gets of it, and what clearing the FIFOs drops. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <linux/serial_reg.h>

#include "vmm-lite/platform/serial.h"

static struct bus *bus;
static struct serial *serial;
static char printed[64];
static size_t printed_len;
static bool line_level;

static int set_line(void *ctx, unsigned gsi, bool level)
{
	assert_int_equal(gsi, SERIAL_COM1_GSI);
	line_level = level;
	return 0;
}

static void output(void *opaque, const uint8_t *data, size_t len)
{
	assert_true(printed_len + len < sizeof(printed));
	memcpy(printed + printed_len, data, len);
	printed_len += len;
}

static int setup(void **state)
{
	static const struct wires_ops ops = {.line = set_line};
	struct serial_config config = {
	    .wires = {.ops = &ops},
	    .port = SERIAL_COM1_PORT,
	    .gsi = SERIAL_COM1_GSI,
	    .output = output,
	};

	memset(printed, 0, sizeof(printed));
	printed_len = 0;
	line_level = false;
	config.bus = bus = bus_new();
	serial = serial_new(&config);
	return serial ? 0 : -1;
}

static int teardown(void **state)
{
	serial_free(serial);
	bus_free(bus);
	return 0;
}

static uint8_t in(unsigned offset)
{
	uint64_t value = 0;

	bus_read(bus, BUS_PIO, SERIAL_COM1_PORT + offset, 1, &value);
	return (uint8_t)value;
}

static void out(unsigned offset, uint8_t value)
{
	bus_write(bus, BUS_PIO, SERIAL_COM1_PORT + offset, 1, value);
}

static void say(const char *text)
{
	for (; *text; text++) {
		assert_true(in(UART_LSR)&UART_LSR_THRE);
		out(UART_TX, (uint8_t)*text);
	}
}

static void test_output_is_no_listening(void **state)
{
	assert_false(serial_listening(serial));
	say("boot\n");
	in(UART_LSR);
	in(UART_RX);
	in(UART_LSR);
	assert_string_equal(printed, "boot\n");
	assert_false(serial_listening(serial));
}

static void test_asking_again_is(void **state)
{
	in(UART_LSR);
	in(UART_LSR);
	assert_true(serial_listening(serial));
	say("still\n");
	assert_true(serial_listening(serial));
	serial_reset(serial);
	assert_false(serial_listening(serial));
}

static void test_interrupt_is(void **state)
{
	/* A probe: on and off again. */
	out(UART_IER, 0x0f);
	assert_true(serial_listening(serial));
	out(UART_IER, 0);
	assert_false(serial_listening(serial));

	out(UART_MCR, UART_MCR_OUT2);
	out(UART_IER, UART_IER_RDI);
	assert_true(serial_listening(serial));
	assert_int_equal(serial_input(serial, (const uint8_t *)"ab", 2), 2);
	assert_true(line_level);
	assert_int_equal(in(UART_IIR)&UART_IIR_ID, UART_IIR_RDI);
	assert_int_equal(in(UART_RX), 'a');
	assert_int_equal(in(UART_RX), 'b');
	assert_false(line_level);
	assert_false(in(UART_LSR)&UART_LSR_DR);
}

static void test_clearing(void **state)
{
	size_t room = serial_input_room(serial);

	serial_input(serial, (const uint8_t *)"lost", 4);
	assert_int_equal(serial_input_room(serial), room - 4);
	out(UART_FCR, UART_FCR_ENABLE_FIFO | UART_FCR_CLEAR_RCVR);
	assert_int_equal(serial_input_room(serial), room);
	assert_false(in(UART_LSR)&UART_LSR_DR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_output_is_no_listening, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_asking_again_is, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_interrupt_is, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_clearing, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
