/* SPDX-License-Identifier: MIT */
#include "vmm-lite/value.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The digits at *text; strtoull alone would also take a sign and leading space. */
static int digits(const char **text, uint64_t *out)
{
	bool hex = (*text)[0] == '0' && ((*text)[1] | 0x20) == 'x' && isxdigit((*text)[2]);
	char *end;

	if (!isdigit((unsigned char)**text))
		return -EINVAL;
	errno = 0;
	*out = strtoull(*text, &end, hex ? 16 : 10);
	if (errno)
		return -ERANGE;
	*text = end;
	return 0;
}

int value_number(const char *text, uint64_t *out)
{
	int err = digits(&text, out);

	return err ? err : *text ? -EINVAL : 0;
}

int value_size(const char *text, uint64_t *out)
{
	static const char units[] = "KMGT";
	unsigned shift = 0;
	const char *unit;
	int err = digits(&text, out);

	if (err)
		return err;
	if (*text) {
		unit = strchr(units, toupper((unsigned char)*text));
		if (!unit || text[1])
			return -EINVAL;
		shift = 10 * (unsigned)(unit - units + 1);
	}
	if (*out > UINT64_MAX >> shift)
		return -ERANGE;
	*out <<= shift;
	return 0;
}

int value_time(const char *text, uint64_t *out_ns)
{
	static const struct {
		const char *name;
		uint64_t ns;
	} units[] = {{"ns", 1}, {"us", 1000}, {"ms", 1000000}, {"s", 1000000000}};
	uint64_t fraction = 0, scale = 1;
	int err = digits(&text, out_ns);

	if (err)
		return err;
	if (*text == '.') {
		if (!isdigit((unsigned char)*++text))
			return -EINVAL;
		for (; isdigit((unsigned char)*text); text++) {
			if (scale == 1000000000)
				return -EINVAL; /* finer than a nanosecond */
			fraction = fraction * 10 + (uint64_t)(*text - '0');
			scale *= 10;
		}
	}
	if (!*text)
		return *out_ns || fraction ? -EINVAL : 0;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(text, units[i].name) != 0)
			continue;
		if (__builtin_mul_overflow(*out_ns, units[i].ns, out_ns) ||
		    __builtin_add_overflow(*out_ns, fraction * units[i].ns / scale, out_ns))
			return -ERANGE;
		return 0;
	}
	return -EINVAL;
}

int value_rate(const char *text, double *out)
{
	char *end;

	if (!*text || strspn(text, "0123456789.") != strlen(text))
		return -EINVAL;
	*out = strtod(text, &end);
	if (*end)
		return -EINVAL;
	return *out > 1.0 ? -ERANGE : 0;
}

int value_choice(const char *choices, const char *text)
{
	size_t len = strlen(text);

	for (int i = 0; *choices; i++) {
		size_t n = strcspn(choices, "|");

		if (n == len && !memcmp(choices, text, n))
			return i;
		choices += n + (choices[n] == '|');
	}
	return -1;
}

unsigned value_distance(const char *a, const char *b)
{
	enum { MAX = 32 };
	unsigned d[MAX + 1][MAX + 1];
	size_t la = strlen(a), lb = strlen(b);

	if (la > MAX || lb > MAX)
		return 255;
	for (size_t i = 0; i <= la; i++)
		d[i][0] = (unsigned)i;
	for (size_t j = 0; j <= lb; j++)
		d[0][j] = (unsigned)j;
	for (size_t i = 1; i <= la; i++) {
		for (size_t j = 1; j <= lb; j++) {
			unsigned best = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);

			if (d[i - 1][j] + 1 < best)
				best = d[i - 1][j] + 1;
			if (d[i][j - 1] + 1 < best)
				best = d[i][j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    d[i - 2][j - 2] + 1 < best)
				best = d[i - 2][j - 2] + 1;
			d[i][j] = best;
		}
	}
	return d[la][lb];
}

int value_similar(const char *typed, const char *known)
{
	size_t len = strlen(known);

	return value_distance(typed, known) <= (len < 4 ? 1 : len < 8 ? 2 : 3);
}

const char *value_show_size(uint64_t bytes, char *buf, size_t size)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	unsigned u = 0;

	while (bytes >= 1024 && bytes % 1024 == 0) {
		bytes /= 1024;
		u++;
	}
	snprintf(buf, size, "%" PRIu64 " %s", bytes, units[u]);
	return buf;
}
