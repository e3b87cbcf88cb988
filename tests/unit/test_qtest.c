/* SPDX-License-Identifier: MIT */
/* The qtest protocol: what each command answers, what bad lines get, and a request driven by it. */
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "vmm-lite/pci/host.h"
#include "vmm-lite/qtest/link.h"
#include "vmm-lite/qtest/protocol.h"
#include "vmm-lite/qtest/wires.h"
#include "vmm-lite/virtio/blk.h"

struct world {
	struct guest_mem mem;
	struct bus *bus;
	struct pci_host *pci;
	struct qtest_wires wires;
	struct qtest_protocol protocol;
	struct disk_options options;
	struct disk *disk;
	struct virtio_blk *blk;
	int level; /* of the last line that changed; -1: none yet */
};

static void line_changed(void *opaque, unsigned gsi, bool level)
{
	struct world *w = opaque;

	assert_int_equal(gsi, PCI_GSI_BASE + 1);
	w->level = level;
}

static void report(void *opaque)
{
	struct world *w = opaque;

	qtest_wires_report(&w->wires);
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct virtio_blk_config config = {.options = &w->options, .mem = &w->mem, .name = "disk0"};
	char err[256];

	w->level = -1;
	assert_int_equal(guest_mem_init(&w->mem, 8 << 20), 0);
	w->bus = bus_new();
	w->pci = pci_host_new(w->bus);
	qtest_wires_init(&w->wires, &w->mem, line_changed, w);
	qtest_protocol_init(&w->protocol, &w->mem, w->bus);
	w->protocol.intercept = report;
	w->protocol.opaque = w;
	assert_int_equal(options_parse_disk(&w->options,
					    "null,aio=null,iothread=off,notify=exit,signal=ioctl",
					    err, sizeof(err)),
			 0);
	w->disk = config.disk = disk_open(&w->options, err, sizeof(err));
	config.wires = qtest_wires_interface(&w->wires);
	w->blk = virtio_blk_new(&config, err, sizeof(err));
	assert_non_null(w->blk);
	assert_int_equal(pci_host_add(w->pci, virtio_blk_function(w->blk)), 0);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	pci_host_remove(w->pci, virtio_blk_function(w->blk));
	virtio_blk_free(w->blk);
	disk_close(w->disk);
	options_release_disk(&w->options);
	qtest_protocol_release(&w->protocol);
	qtest_wires_release(&w->wires);
	pci_host_free(w->pci);
	bus_free(w->bus);
	guest_mem_release(&w->mem);
	free(w);
	return 0;
}

/* Say it; the answer without its newline. */
static const char *ask(struct world *w, const char *format, ...)
{
	static char answer[1024];
	const struct qtest_answer *a;
	char line[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	a = qtest_protocol_line(&w->protocol, line, strlen(line));
	assert_true(a->length > 1 && a->length < sizeof(answer));
	assert_int_equal(a->text[a->length - 1], '\n');
	assert_null(memchr(a->text, '\n', a->length - 1));
	memcpy(answer, a->text, a->length - 1);
	answer[a->length - 1] = 0;
	return answer;
}

static uint64_t ask_number(struct world *w, const char *line)
{
	const char *answer = ask(w, "%s", line);

	assert_memory_equal(answer, "OK 0x", 5);
	return strtoull(answer + 3, NULL, 16);
}

static void test_memory(void **state)
{
	struct world *w = *state;

	assert_string_equal(ask(w, "endianness"), "OK little");
	assert_string_equal(ask(w, "writeq 0x1000 0x1122334455667788"), "OK");
	assert_string_equal(ask(w, "read 0x1000 0x8"), "OK 0x8877665544332211");
	assert_string_equal(ask(w, "readb 0x1001"), "OK 0x0000000000000077");
	assert_string_equal(ask(w, "readw 0x1000"), "OK 0x0000000000007788");
	assert_string_equal(ask(w, "writew 0x1000 0x1ffff"), "OK");
	assert_string_equal(ask(w, "readl 4096"), "OK 0x000000005566ffff");
	assert_string_equal(ask(w, "writeb 0x1000 0"), "OK");
	assert_string_equal(ask(w, "writel 0x1004 1"), "OK");
	assert_string_equal(ask(w, "readq 0x1000"), "OK 0x000000015566ff00");
	assert_string_equal(ask(w, "b64read 0x1000 8"), "OK AP9mVQEAAAA=");
	assert_string_equal(ask(w, "b64write 0x1000 3 AAEC"), "OK");
	assert_string_equal(ask(w, "write 0x1003 0x3 0xabcD"), "OK");
	assert_string_equal(ask(w, "read 0x1000 6"), "OK 0x000102abcd00");
	assert_string_equal(ask(w, "memset 0x1001 2 0xee"), "OK");
	assert_string_equal(ask(w, "read 0x1000 4"), "OK 0x00eeeeab");
	assert_string_equal(ask(w, "read 0x1000 0"), "OK 0x");
	/* Across the end of RAM: what is nobody's reads as ones. */
	assert_string_equal(ask(w, "read 0x7ffffe 4"), "OK 0x0000ffff");
}

static void test_clock(void **state)
{
	struct world *w = *state;

	assert_string_equal(ask(w, "clock_step"), "OK 0");
	assert_string_equal(ask(w, "clock_step 1000"), "OK 1000");
	assert_string_equal(ask(w, "clock_set 5000"), "OK 5000");
	assert_string_equal(ask(w, "clock_set 1"), "OK 5000");
}

static void test_bad_lines(void **state)
{
	static const char *const lines[] = {
	    "",
	    "   ",
	    "nonsense",
	    "readq",
	    "readq 1 2",
	    "readq x",
	    "readq -1",
	    "readq 0x1ffffffffffffffff",
	    "writeq 1",
	    "read 0 0xffffffffffffffff",
	    "read 0xffffffffffffffff 2",
	    "read 0 4194305",
	    "read 0x10000000 100000",
	    "write 0 1 00",
	    "write 0 1 0x0",
	    "write 0 1 0x0g",
	    "write 0 1 0x0000",
	    "b64write 0 3 AAE",
	    "b64write 0 3 AA=C",
	    "b64write 0 3 AAECAAEC",
	    "b64write 0 4194305 AAEC",
	    "memset 0 0xffffffffffff 1",
	    "memset 0xfffffffffffffff0 0x20 1",
	    "clock_step soon",
	    "irq_intercept_in",
	    "a b c d e f g h i j k l m n o p q r s t u v w x y z",
	};
	struct world *w = *state;
	char zero[] = "endianness\0x";

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		assert_memory_equal(ask(w, "%s", lines[i]), "FAIL ", 5);
	assert_memory_equal(qtest_protocol_line(&w->protocol, zero, sizeof(zero) - 1)->text,
			    "FAIL ", 5);
	assert_string_equal(ask(w, "\x01\x02"), "FAIL Unknown command '?\?'");
	assert_string_equal(ask(w, "endianness"), "OK little");
}

static uint32_t config(struct world *w, unsigned offset)
{
	ask(w, "outl 0xcf8 0x%x", 0x80000800 | offset);
	return (uint32_t)ask_number(w, "inl 0xcfc");
}

/* A read through the legacy interface at `port`: header, data and status in one page each. */
static void one_request(struct world *w, unsigned port)
{
	ask(w, "memset 0x10000 0x10000 0");
	/* Header at 0x20000, data at 0x21000, status at 0x22000. */
	ask(w, "memset 0x20000 0x3000 0xff");
	ask(w, "memset 0x20000 16 0");
	ask(w, "writeq 0x10000 0x20000");
	ask(w, "writeq 0x10008 0x0001000100000010");
	ask(w, "writeq 0x10010 0x21000");
	ask(w, "writeq 0x10018 0x0002000300000200");
	ask(w, "writeq 0x10020 0x22000");
	ask(w, "writeq 0x10028 0x0000000200000001");
	ask(w, "outb 0x%x 3", port + 18);
	ask(w, "outw 0x%x 0", port + 14);
	ask(w, "outl 0x%x 0x10", port + 8);
	ask(w, "outb 0x%x 7", port + 18);
	/* The available ring of a queue of 256. */
	ask(w, "writew 0x11004 0");
	ask(w, "writew 0x11002 1");
	ask(w, "outw 0x%x 0", port + 16);
	assert_int_equal(ask_number(w, "readb 0x22000"), 0);
	assert_int_equal(ask_number(w, "readw 0x12002"), 1);
	assert_int_equal(ask_number(w, "readl 0x12008"), 513);
}

static void test_intx_is_reported(void **state)
{
	struct world *w = *state;
	unsigned port = config(w, 0x10) & ~3u;

	assert_int_equal(config(w, 0) & 0xffff, 0x1af4);
	ask(w, "outl 0xcf8 0x80000804");
	ask(w, "outw 0xcfc 7");
	one_request(w, port);
	/* The line is high already when the interception begins: it is reported then. */
	assert_int_equal(w->level, -1);
	assert_string_equal(ask(w, "irq_intercept_in ioapic"), "OK");
	assert_int_equal(w->level, 1);
	ask(w, "inb 0x%x", port + 19);
	assert_int_equal(w->level, 0);
}

static void test_message_lands_in_memory(void **state)
{
	struct world *w = *state;
	unsigned port = config(w, 0x10) & ~3u, table = config(w, 0x14) & ~15u, at = config(w, 0x34);

	while ((config(w, at) & 0xff) != 0x11)
		at = config(w, at) >> 8 & 0xff;
	ask(w, "outl 0xcf8 0x80000804");
	ask(w, "outw 0xcfc 7");
	ask(w, "outl 0xcf8 0x%x", 0x80000800 | at);
	ask(w, "outw 0xcfe 0x8000");
	ask(w, "writeq 0x%x 0x30000", table);
	ask(w, "writeq 0x%x 0xcafe", table + 8);
	ask(w, "outw 0x%x 0", port + 14);
	ask(w, "outw 0x%x 0", port + 22);
	assert_int_equal(ask_number(w, "readl 0x30000"), 0);
	one_request(w, port);
	assert_int_equal(ask_number(w, "readl 0x30000"), 0xcafe);
	assert_int_equal(w->level, -1);
}

static void test_long_lines(void **state)
{
	struct qtest_link link = {0};
	size_t length, size = QTEST_MAX_LINE + 4096;
	bool too_long;
	char name[] = "/tmp/vmm-lite-qtest-XXXXXX", *big = malloc(size);
	int fd = mkstemp(name);

	unlink(name);
	memset(big, 'x', size);
	assert_int_equal(write(fd, "first\n", 6), 6);
	assert_int_equal(write(fd, big, size), size);
	assert_int_equal(write(fd, "\nlast\nrest", 10), 10);
	lseek(fd, 0, SEEK_SET);
	assert_int_equal(qtest_link_open(&link, NULL, big, size), 0);
	link.in = fd;
	assert_string_equal(qtest_link_line(&link, &length, &too_long), "first");
	assert_null(qtest_link_line(&link, &length, &too_long));
	assert_true(too_long);
	assert_string_equal(qtest_link_line(&link, &length, &too_long), "last");
	/* A line without an end is none. */
	assert_null(qtest_link_line(&link, &length, &too_long));
	assert_false(too_long);
	qtest_link_close(&link);
	free(big);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_memory, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_clock, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_bad_lines, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_intx_is_reported, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_message_lands_in_memory, setup, teardown),
	    cmocka_unit_test(test_long_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
