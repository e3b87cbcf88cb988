/* SPDX-License-Identifier: MIT */
#include "lib/json.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

void vbt_json_init(struct vbt_json *json, FILE *out, bool pretty)
{
	*json = (struct vbt_json){.out = out, .pretty = pretty};
}

/* Length of the UTF-8 sequence at text, 0 if it is none (overlong, surrogate, cut off). */
static unsigned utf8_length(const unsigned char *text)
{
	unsigned length, code;

	if (text[0] < 0x80)
		return 1;
	if (text[0] >= 0xc2 && text[0] <= 0xdf)
		length = 2;
	else if (text[0] >= 0xe0 && text[0] <= 0xef)
		length = 3;
	else if (text[0] >= 0xf0 && text[0] <= 0xf4)
		length = 4;
	else
		return 0;
	code = text[0] & (0xffu >> (length + 1));
	for (unsigned i = 1; i < length; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (text[i] & 0x3f);
	}
	if (length == 3 && (code < 0x800 || (code >= 0xd800 && code <= 0xdfff)))
		return 0;
	if (length == 4 && (code < 0x10000 || code > 0x10ffff))
		return 0;
	return length;
}

/* Letters of ASCII that stand for themselves: how many there are from here on. */
static size_t plain_length(const unsigned char *text)
{
	size_t length = 0;

	while (text[length] >= 0x20 && text[length] < 0x7f && text[length] != '"' &&
	       text[length] != '\\')
		length++;
	return length;
}

static void put_text(FILE *out, const char *value)
{
	const unsigned char *text = (const unsigned char *)value;

	putc('"', out);
	while (*text) {
		size_t plain = plain_length(text);
		unsigned length = utf8_length(text + plain);

		fwrite(text, 1, plain, out);
		text += plain;
		if (!*text)
			break;
		if (!length) {
			fputs("\\ufffd", out);
			length = 1;
		} else if (*text == '"' || *text == '\\') {
			putc('\\', out);
			putc(*text, out);
		} else if (*text < 0x20 || *text == 0x7f) {
			fprintf(out, "\\u%04x", *text);
		} else {
			fwrite(text, 1, length, out);
		}
		text += length;
	}
	putc('"', out);
}

static void new_line(struct vbt_json *json)
{
	if (!json->pretty)
		return;
	putc('\n', json->out);
	for (unsigned i = 0; i < json->depth; i++)
		fputs("  ", json->out);
}

static void begin(struct vbt_json *json, const char *key)
{
	if (json->comma)
		putc(',', json->out);
	if (json->depth)
		new_line(json);
	json->comma = true;
	if (key) {
		put_text(json->out, key);
		fputs(json->pretty ? ": " : ":", json->out);
	}
}

static void open_bracket(struct vbt_json *json, const char *key, char bracket)
{
	begin(json, key);
	putc(bracket, json->out);
	json->depth++;
	json->comma = false;
}

void vbt_json_object(struct vbt_json *json, const char *key)
{
	open_bracket(json, key, '{');
}

void vbt_json_array(struct vbt_json *json, const char *key)
{
	open_bracket(json, key, '[');
}

void vbt_json_end(struct vbt_json *json, char bracket)
{
	json->depth--;
	if (json->comma)
		new_line(json);
	putc(bracket, json->out);
	json->comma = true;
	if (!json->depth) {
		putc('\n', json->out);
		json->comma = false;
	}
}

void vbt_json_string(struct vbt_json *json, const char *key, const char *value)
{
	begin(json, key);
	put_text(json->out, value);
}

void vbt_json_uint(struct vbt_json *json, const char *key, uint64_t value)
{
	char digits[20], *at = digits + sizeof(digits);

	begin(json, key);
	do
		*--at = (char)('0' + value % 10);
	while (value /= 10);
	fwrite(at, 1, (size_t)(digits + sizeof(digits) - at), json->out);
}

void vbt_json_int(struct vbt_json *json, const char *key, int64_t value)
{
	begin(json, key);
	fprintf(json->out, "%" PRId64, value);
}

void vbt_json_double(struct vbt_json *json, const char *key, double value)
{
	if (!isfinite(value)) {
		vbt_json_null(json, key);
		return;
	}
	begin(json, key);
	fprintf(json->out, "%.6g", value);
}

void vbt_json_bool(struct vbt_json *json, const char *key, bool value)
{
	begin(json, key);
	fputs(value ? "true" : "false", json->out);
}

void vbt_json_null(struct vbt_json *json, const char *key)
{
	begin(json, key);
	fputs("null", json->out);
}
