/* SPDX-License-Identifier: MIT */
#include "vmm-lite/qtest/base64.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(char *text, const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < size; i += 3) {
		size_t left = size - i;
		uint32_t bits = (uint32_t)data[i] << 16 | (left > 1 ? data[i + 1] << 8 : 0) |
				(left > 2 ? data[i + 2] : 0);

		*text++ = digits[bits >> 18];
		*text++ = digits[bits >> 12 & 63];
		*text++ = left > 1 ? digits[bits >> 6 & 63] : '=';
		*text++ = left > 2 ? digits[bits & 63] : '=';
	}
}

static int value_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

ssize_t base64_decode(uint8_t *data, const char *text, size_t length)
{
	uint8_t *to = data;

	if (length % 4)
		return -1;
	for (size_t i = 0; i < length; i += 4) {
		unsigned padding = 0;
		uint32_t bits = 0;

		if (i + 4 == length)
			padding = (text[i + 3] == '=') + (text[i + 3] == '=' && text[i + 2] == '=');
		for (unsigned k = 0; k < 4; k++) {
			int value = k >= 4 - padding ? 0 : value_of(text[i + k]);

			if (value < 0)
				return -1;
			bits = bits << 6 | (unsigned)value;
		}
		for (unsigned k = 0; k < 3 - padding; k++)
			*to++ = (uint8_t)(bits >> (16 - 8 * k));
	}
	return to - data;
}
