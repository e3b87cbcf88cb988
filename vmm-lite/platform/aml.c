/* SPDX-License-Identifier: MIT */
#include "vmm-lite/platform/aml.h"

#include <string.h>

enum {
	NAME_OP = 0x08,
	BYTE_PREFIX = 0x0a,
	WORD_PREFIX = 0x0b,
	DWORD_PREFIX = 0x0c,
	QWORD_PREFIX = 0x0e,
	SCOPE_OP = 0x10,
	BUFFER_OP = 0x11,
	PACKAGE_OP = 0x12,
	DUAL_NAME = 0x2e,
	MULTI_NAME = 0x2f,
	EXT_OP = 0x5b,
	DEVICE_OP = 0x82,
};

void aml_bytes(struct aml *aml, const void *bytes, size_t len)
{
	if (aml->overflow || len > aml->size - aml->len) {
		aml->overflow = true;
		return;
	}
	memcpy(aml->data + aml->len, bytes, len);
	aml->len += len;
}

void aml_byte(struct aml *aml, uint8_t byte)
{
	aml_bytes(aml, &byte, 1);
}

static void little(struct aml *aml, uint64_t value, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		aml_byte(aml, (uint8_t)(value >> (8 * i)));
}

void aml_name(struct aml *aml, const char *path)
{
	unsigned segments = 1;

	if (*path == '\\')
		aml_byte(aml, (uint8_t)*path++);
	for (const char *p = path; *p; p++)
		segments += *p == '.';
	if (segments == 2) {
		aml_byte(aml, DUAL_NAME);
	} else if (segments > 2) {
		aml_byte(aml, MULTI_NAME);
		aml_byte(aml, (uint8_t)segments);
	}
	while (*path) {
		size_t n = strcspn(path, ".");

		for (size_t i = 0; i < 4; i++)
			aml_byte(aml, i < n ? (uint8_t)path[i] : '_');
		path += n + (path[n] == '.');
	}
}

void aml_integer(struct aml *aml, uint64_t value)
{
	if (value <= 1) {
		aml_byte(aml, (uint8_t)value); /* ZeroOp, OneOp */
	} else if (value <= 0xff) {
		aml_byte(aml, BYTE_PREFIX);
		little(aml, value, 1);
	} else if (value <= 0xffff) {
		aml_byte(aml, WORD_PREFIX);
		little(aml, value, 2);
	} else if (value <= 0xffffffff) {
		aml_byte(aml, DWORD_PREFIX);
		little(aml, value, 4);
	} else {
		aml_byte(aml, QWORD_PREFIX);
		little(aml, value, 8);
	}
}

static unsigned hex_digit(char c)
{
	return c <= '9' ? (unsigned)(c - '0') : (unsigned)(c - 'A' + 10);
}

void aml_eisa_id(struct aml *aml, const char *id)
{
	uint32_t value = 0;

	for (int i = 0; i < 3; i++)
		value = value << 5 | (uint32_t)(id[i] - '@');
	for (int i = 3; i < 7; i++)
		value = value << 4 | hex_digit(id[i]);
	aml_byte(aml, DWORD_PREFIX);
	for (int i = 3; i >= 0; i--)
		aml_byte(aml, (uint8_t)(value >> (8 * i))); /* big-endian, alone here */
}

void aml_name_decl(struct aml *aml, const char *name)
{
	aml_byte(aml, NAME_OP);
	aml_name(aml, name);
}

size_t aml_scope(struct aml *aml, const char *path)
{
	size_t at;

	aml_byte(aml, SCOPE_OP);
	at = aml->len;
	aml_name(aml, path);
	return at;
}

size_t aml_device(struct aml *aml, const char *name)
{
	size_t at;

	aml_byte(aml, EXT_OP);
	aml_byte(aml, DEVICE_OP);
	at = aml->len;
	aml_name(aml, name);
	return at;
}

size_t aml_package(struct aml *aml, uint8_t elements)
{
	size_t at;

	aml_byte(aml, PACKAGE_OP);
	at = aml->len;
	aml_byte(aml, elements);
	return at;
}

/* Make room at `at` and put bytes there. */
static void insert(struct aml *aml, size_t at, const uint8_t *bytes, size_t len)
{
	if (aml->overflow || len > aml->size - aml->len) {
		aml->overflow = true;
		return;
	}
	memmove(aml->data + at + len, aml->data + at, aml->len - at);
	memcpy(aml->data + at, bytes, len);
	aml->len += len;
}

/* PkgLength counts itself: one byte below 64, else a nibble and one to three bytes. */
void aml_close(struct aml *aml, size_t opened)
{
	size_t body = aml->len - opened, extra = 0, total;
	uint8_t bytes[4];

	if (body + 1 < 64)
		extra = 0;
	else if (body + 2 < 1u << 12)
		extra = 1;
	else if (body + 3 < 1u << 20)
		extra = 2;
	else
		extra = 3;
	total = body + 1 + extra;
	if (extra == 0) {
		bytes[0] = (uint8_t)total;
	} else {
		bytes[0] = (uint8_t)(extra << 6 | (total & 0xf));
		for (size_t i = 0; i < extra; i++)
			bytes[1 + i] = (uint8_t)(total >> (4 + 8 * i));
	}
	insert(aml, opened, bytes, 1 + extra);
}

size_t aml_resources(struct aml *aml)
{
	aml_byte(aml, BUFFER_OP);
	return aml->len;
}

void aml_resources_close(struct aml *aml, size_t opened)
{
	struct aml head = {.data = (uint8_t[16]){0}, .size = 16};

	aml_byte(aml, 0x79); /* end tag, with a checksum of 0: not checked */
	aml_byte(aml, 0);
	aml_integer(&head, aml->len - opened);
	insert(aml, opened, head.data, head.len);
	aml_close(aml, opened);
}

void aml_io(struct aml *aml, uint16_t base, uint8_t size)
{
	aml_byte(aml, 0x47); /* I/O port descriptor */
	aml_byte(aml, 1);    /* decodes 16 bits */
	little(aml, base, 2);
	little(aml, base, 2);
	aml_byte(aml, 1);
	aml_byte(aml, size);
}

void aml_irq(struct aml *aml, unsigned irq)
{
	aml_byte(aml, 0x22); /* edge, active high */
	little(aml, 1u << irq, 2);
}

void aml_bus_window(struct aml *aml, uint16_t first, uint16_t last)
{
	static const uint8_t head[] = {0x88, 13, 0, 2 /* bus */, 0x0c /* fixed */, 0};

	aml_bytes(aml, head, sizeof(head));
	little(aml, 0, 2);
	little(aml, first, 2);
	little(aml, last, 2);
	little(aml, 0, 2);
	little(aml, (uint64_t)last - first + 1, 2);
}

void aml_io_window(struct aml *aml, uint16_t base, uint16_t size)
{
	static const uint8_t head[] = {0x88, 13, 0, 1 /* I/O */, 0x0c /* fixed */, 3 /* all */};

	aml_bytes(aml, head, sizeof(head));
	little(aml, 0, 2);
	little(aml, base, 2);
	little(aml, (uint64_t)base + size - 1, 2);
	little(aml, 0, 2);
	little(aml, size, 2);
}

void aml_memory_window(struct aml *aml, uint32_t base, uint32_t size)
{
	static const uint8_t head[] = {0x87, 23, 0, 0 /* memory */, 0x0c /* fixed */,
				       1 /* read-write, not cacheable */};

	aml_bytes(aml, head, sizeof(head));
	little(aml, 0, 4);
	little(aml, base, 4);
	little(aml, (uint64_t)base + size - 1, 4);
	little(aml, 0, 4);
	little(aml, size, 4);
}
