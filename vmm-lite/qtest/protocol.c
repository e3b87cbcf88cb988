/* SPDX-License-Identifier: MIT */
#include "vmm-lite/qtest/protocol.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm-lite/qtest/base64.h"

#define MAX_WORDS 4

/* A device's registers are reached byte by byte; nothing has as many as this. */
#define MAX_DEVICE_BYTES 65536u

struct command {
	const char *name;
	unsigned least, most; /* arguments */
	void (*run)(struct qtest_protocol *p, const struct command *command, char **words,
		    unsigned count);
	enum bus_space space;
	unsigned size; /* of the access */
};

/* --- answers ------------------------------------------------------------------------- */

static char *make_room(struct qtest_protocol *p, size_t size)
{
	char *text;

	if (size <= p->capacity)
		return p->answer.text;
	text = realloc(p->answer.text, size);
	if (text) {
		p->answer.text = text;
		p->capacity = size;
	}
	return text;
}

static void say(struct qtest_protocol *p, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void say(struct qtest_protocol *p, const char *format, ...)
{
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(p->answer.text, p->capacity, format, args);
	va_end(args);
	p->answer.length = length < 0                     ? 0
			   : (size_t)length < p->capacity ? (size_t)length
							  : p->capacity - 1;
}

/* "OK " and then `length` characters to be filled in, and a newline. NULL: it failed and said so. */
static char *say_data(struct qtest_protocol *p, const char *prefix, size_t length)
{
	size_t before = strlen(prefix);
	char *text = make_room(p, before + length + 2);

	if (!text) {
		say(p, "FAIL out of memory\n");
		return NULL;
	}
	memcpy(text, prefix, before);
	text[before + length] = '\n';
	text[before + length + 1] = 0;
	p->answer.length = before + length + 1;
	return text + before;
}

/* --- memory -------------------------------------------------------------------------- */

static bool is_memory(const struct qtest_protocol *p, uint64_t addr, uint64_t size)
{
	struct iovec iov[GUEST_MEM_MAX_REGIONS];

	return guest_mem_iov(p->mem, GPA(addr), size, GUEST_READ, iov, GUEST_MEM_MAX_REGIONS) > 0;
}

static uint64_t load(struct qtest_protocol *p, enum bus_space space, uint64_t addr, unsigned size)
{
	uint64_t value = 0;

	if (space == BUS_MMIO && is_memory(p, addr, size))
		guest_mem_read(p->mem, GPA(addr), &value, size);
	else
		bus_read(p->bus, space, addr, size, &value);
	return size < 8 ? value & ((1ull << (8 * size)) - 1) : value;
}

static void store(struct qtest_protocol *p, enum bus_space space, uint64_t addr, unsigned size,
		  uint64_t value)
{
	if (size < 8)
		value &= (1ull << (8 * size)) - 1;
	if (space == BUS_MMIO && is_memory(p, addr, size))
		guest_mem_write(p->mem, GPA(addr), &value, size);
	else
		bus_write(p->bus, space, addr, size, value);
}

/* A range is all memory, or short enough to be registers. Says so if it is neither. */
static bool check_range(struct qtest_protocol *p, uint64_t addr, uint64_t size)
{
	if (size > QTEST_MAX_BYTES)
		say(p, "FAIL more than %u bytes at once\n", QTEST_MAX_BYTES);
	else if (addr + size < addr)
		say(p, "FAIL the range wraps\n");
	else if (!is_memory(p, addr, size) && size > MAX_DEVICE_BYTES)
		say(p, "FAIL 0x%" PRIx64 " and %" PRIu64 " bytes are not memory\n", addr, size);
	else
		return true;
	return false;
}

static void read_range(struct qtest_protocol *p, uint64_t addr, uint8_t *data, uint64_t size)
{
	if (!guest_mem_read(p->mem, GPA(addr), data, size))
		return;
	for (uint64_t i = 0; i < size; i++)
		data[i] = (uint8_t)load(p, BUS_MMIO, addr + i, 1);
}

static void write_range(struct qtest_protocol *p, uint64_t addr, const uint8_t *data, uint64_t size)
{
	if (!guest_mem_write(p->mem, GPA(addr), data, size))
		return;
	for (uint64_t i = 0; i < size; i++)
		store(p, BUS_MMIO, addr + i, 1, data[i]);
}

/* --- commands ------------------------------------------------------------------------ */

static bool number(struct qtest_protocol *p, const char *word, uint64_t *value)
{
	char *end;

	errno = 0;
	*value = strtoull(word, &end, 0);
	if (!errno && *end == 0 && end != word && *word != '-')
		return true;
	say(p, "FAIL '%.40s' is no number\n", word);
	return false;
}

static bool numbers(struct qtest_protocol *p, char **words, unsigned count, uint64_t *values)
{
	for (unsigned i = 0; i < count; i++)
		if (!number(p, words[i], &values[i]))
			return false;
	return true;
}

static void run_in(struct qtest_protocol *p, const struct command *c, char **words, unsigned count)
{
	uint64_t addr;

	if (!number(p, words[0], &addr))
		return;
	if (c->space == BUS_PIO)
		say(p, "OK 0x%04" PRIx64 "\n", load(p, c->space, addr & 0xffff, c->size));
	else
		say(p, "OK 0x%016" PRIx64 "\n", load(p, c->space, addr, c->size));
}

static void run_out(struct qtest_protocol *p, const struct command *c, char **words, unsigned count)
{
	uint64_t args[2];

	if (!numbers(p, words, 2, args))
		return;
	store(p, c->space, c->space == BUS_PIO ? args[0] & 0xffff : args[0], c->size, args[1]);
	say(p, "OK\n");
}

static void run_read(struct qtest_protocol *p, const struct command *c, char **words,
		     unsigned count)
{
	static const char hex[] = "0123456789abcdef";
	uint64_t args[2];
	uint8_t *data;
	char *text;

	if (!numbers(p, words, 2, args) || !check_range(p, args[0], args[1]))
		return;
	text = say_data(p, "OK 0x", 2 * args[1]);
	if (!text)
		return;
	/* Read to the end of the room and spread out from the front: it never catches up. */
	data = (uint8_t *)text + args[1];
	read_range(p, args[0], data, args[1]);
	for (uint64_t i = 0; i < args[1]; i++) {
		uint8_t byte = data[i];

		text[2 * i] = hex[byte >> 4];
		text[2 * i + 1] = hex[byte & 15];
	}
}

static int nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "0x" and two digits a byte, in place. Fewer bytes than `size` are filled up with zeroes. */
static bool parse_hex(struct qtest_protocol *p, char *text, uint8_t *data, uint64_t size)
{
	size_t length = strlen(text);

	if (length < 2 || text[0] != '0' || (text[1] | 0x20) != 'x' || length % 2 ||
	    (length - 2) / 2 > size) {
		say(p, "FAIL data has to be 0x and two digits a byte, no more than SIZE of them\n");
		return false;
	}
	memset(data, 0, size);
	for (size_t i = 2; i < length; i += 2) {
		int high = nibble(text[i]), low = nibble(text[i + 1]);

		if (high < 0 || low < 0) {
			say(p, "FAIL data with something that is no digit\n");
			return false;
		}
		data[i / 2 - 1] = (uint8_t)(high << 4 | low);
	}
	return true;
}

static bool parse_base64(struct qtest_protocol *p, const char *text, uint8_t *data, uint64_t size)
{
	size_t length = strlen(text);

	/* Nothing is decoded that has no place. */
	if (length != BASE64_LENGTH(size) || base64_decode(data, text, length) != (ssize_t)size) {
		say(p, "FAIL data is no base64 of SIZE bytes\n");
		return false;
	}
	return true;
}

static void write_parsed(struct qtest_protocol *p, char **words, bool base64)
{
	uint64_t args[2];
	uint8_t *data;

	if (!numbers(p, words, 2, args) || !check_range(p, args[0], args[1]))
		return;
	data = malloc(args[1] + 3);
	if (!data)
		say(p, "FAIL out of memory\n");
	else if (base64 ? parse_base64(p, words[2], data, args[1])
			: parse_hex(p, words[2], data, args[1])) {
		write_range(p, args[0], data, args[1]);
		say(p, "OK\n");
	}
	free(data);
}

static void run_write(struct qtest_protocol *p, const struct command *c, char **words,
		      unsigned count)
{
	write_parsed(p, words, false);
}

static void run_b64write(struct qtest_protocol *p, const struct command *c, char **words,
			 unsigned count)
{
	write_parsed(p, words, true);
}

static void run_b64read(struct qtest_protocol *p, const struct command *c, char **words,
			unsigned count)
{
	uint64_t args[2];
	uint8_t *data;
	char *text;

	if (!numbers(p, words, 2, args) || !check_range(p, args[0], args[1]))
		return;
	data = malloc(args[1] ? args[1] : 1);
	text = data ? say_data(p, "OK ", BASE64_LENGTH(args[1])) : NULL;
	if (!data)
		say(p, "FAIL out of memory\n");
	if (text) {
		read_range(p, args[0], data, args[1]);
		base64_encode(text, data, args[1]);
	}
	free(data);
}

static void run_memset(struct qtest_protocol *p, const struct command *c, char **words,
		       unsigned count)
{
	uint64_t args[3];

	if (!numbers(p, words, 3, args))
		return;
	/* Memory of any size: the only command whose work is not in proportion to its line. */
	if (args[1] && guest_mem_fill(p->mem, GPA(args[0]), (uint8_t)args[2], args[1])) {
		if (!check_range(p, args[0], args[1]))
			return;
		for (uint64_t i = 0; i < args[1]; i++)
			store(p, BUS_MMIO, args[0] + i, 1, (uint8_t)args[2]);
	}
	say(p, "OK\n");
}

/*
 * There are no timers: the device works in real time. The clock only counts what it is told, and
 * moving it is when the machine looks after what it else looks after once a second.
 */
static void tick(struct qtest_protocol *p)
{
	if (p->tick)
		p->tick(p->opaque);
}

static void run_clock_step(struct qtest_protocol *p, const struct command *c, char **words,
			   unsigned count)
{
	uint64_t step = 0;

	if (count && !number(p, words[0], &step))
		return;
	p->clock_ns += step;
	tick(p);
	say(p, "OK %" PRIu64 "\n", p->clock_ns);
}

static void run_clock_set(struct qtest_protocol *p, const struct command *c, char **words,
			  unsigned count)
{
	uint64_t now;

	if (!number(p, words[0], &now))
		return;
	if (now > p->clock_ns)
		p->clock_ns = now;
	tick(p);
	say(p, "OK %" PRIu64 "\n", p->clock_ns);
}

static void run_endianness(struct qtest_protocol *p, const struct command *c, char **words,
			   unsigned count)
{
	say(p, "OK little\n");
}

/* Any name is taken: whatever a PC calls its interrupt controller, there is one set of lines. */
static void run_intercept(struct qtest_protocol *p, const struct command *c, char **words,
			  unsigned count)
{
	if (!p->intercepted && p->intercept)
		p->intercept(p->opaque);
	p->intercepted = true;
	say(p, "OK\n");
}

static const struct command commands[] = {
    {"outb", 2, 2, run_out, BUS_PIO, 1},
    {"outw", 2, 2, run_out, BUS_PIO, 2},
    {"outl", 2, 2, run_out, BUS_PIO, 4},
    {"inb", 1, 1, run_in, BUS_PIO, 1},
    {"inw", 1, 1, run_in, BUS_PIO, 2},
    {"inl", 1, 1, run_in, BUS_PIO, 4},
    {"writeb", 2, 2, run_out, BUS_MMIO, 1},
    {"writew", 2, 2, run_out, BUS_MMIO, 2},
    {"writel", 2, 2, run_out, BUS_MMIO, 4},
    {"writeq", 2, 2, run_out, BUS_MMIO, 8},
    {"readb", 1, 1, run_in, BUS_MMIO, 1},
    {"readw", 1, 1, run_in, BUS_MMIO, 2},
    {"readl", 1, 1, run_in, BUS_MMIO, 4},
    {"readq", 1, 1, run_in, BUS_MMIO, 8},
    {"read", 2, 2, run_read, BUS_MMIO, 0},
    {"write", 3, 3, run_write, BUS_MMIO, 0},
    {"b64read", 2, 2, run_b64read, BUS_MMIO, 0},
    {"b64write", 3, 3, run_b64write, BUS_MMIO, 0},
    {"memset", 3, 3, run_memset, BUS_MMIO, 0},
    {"clock_step", 0, 1, run_clock_step, BUS_MMIO, 0},
    {"clock_set", 1, 1, run_clock_set, BUS_MMIO, 0},
    {"endianness", 0, 0, run_endianness, BUS_MMIO, 0},
    {"irq_intercept_in", 1, 1, run_intercept, BUS_MMIO, 0},
    {"irq_intercept_out", 1, 1, run_intercept, BUS_MMIO, 0},
};

static const struct command *find(const char *name)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}

void qtest_protocol_init(struct qtest_protocol *p, const struct guest_mem *mem, struct bus *bus)
{
	*p = (struct qtest_protocol){.mem = mem, .bus = bus};
	make_room(p, 512);
}

void qtest_protocol_release(struct qtest_protocol *p)
{
	free(p->answer.text);
	p->answer.text = NULL;
	p->capacity = 0;
}

/* What came from the other side goes back only in printable form. */
static char *printable(char *word)
{
	for (char *c = word; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
	return word;
}

const struct qtest_answer *qtest_protocol_line(struct qtest_protocol *p, char *line, size_t length)
{
	static const struct qtest_answer no_memory = {(char *)"FAIL out of memory\n", 19};
	char *words[MAX_WORDS + 1], *save = NULL, *word;
	const struct command *command;
	unsigned count = 0;

	if (!p->answer.text)
		return &no_memory;
	p->answer.length = 0;
	if (memchr(line, 0, length)) {
		say(p, "FAIL a line with a zero byte\n");
		return &p->answer;
	}
	for (word = strtok_r(line, " \t\r", &save); word && count <= MAX_WORDS;
	     word = strtok_r(NULL, " \t\r", &save))
		words[count++] = printable(word);
	command = count ? find(words[0]) : NULL;
	if (!count)
		say(p, "FAIL an empty line\n");
	else if (!command)
		say(p, "FAIL Unknown command '%.40s'\n", words[0]);
	else if (count - 1 < command->least || count - 1 > command->most)
		say(p, "FAIL %s takes %u arguments\n", command->name, command->least);
	else
		command->run(p, command, words + 1, count - 1);
	return &p->answer;
}
