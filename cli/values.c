/* SPDX-License-Identifier: MIT */
/* Values as people write them on a command line: text in, number out. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/options.h"

int parse_number(const char *text, uint64_t *out)
{
	char *end;

	/* strtoull would take a sign and white space */
	if (!isdigit((unsigned char)*text))
		return -1;
	errno = 0;
	*out = strtoull(text, &end, 0);
	return *end || errno ? -1 : 0;
}

int parse_size(const char *text, uint64_t *out)
{
	static const char units[] = "KMGT";
	const char *unit;
	char *end;

	if (!isdigit((unsigned char)*text))
		return -1;
	errno = 0;
	*out = strtoull(text, &end, 10);
	if (errno)
		return -1;
	if (!*end)
		return 0;
	unit = strchr(units, toupper((unsigned char)*end));
	if (!unit || end[1] || *out >> (64 - 10 * (unit - units + 1)))
		return -1;
	*out <<= 10 * (unit - units + 1);
	return 0;
}

int parse_time(const char *text, uint64_t *out_ns)
{
	static const struct {
		const char *name;
		double ns;
	} units[] = {{"ns", 1},  {"us", 1e3}, {"\302\265s", 1e3}, {"\316\274s", 1e3}, {"ms", 1e6},
		     {"s", 1e9}, {"m", 60e9}, {"min", 60e9},      {"h", 3600e9}};
	char *end;
	double value;

	if (!strcmp(text, "0")) {
		*out_ns = 0;
		return 0;
	}
	if (!isdigit((unsigned char)*text) || text[strcspn(text, "xX")])
		return -1;
	value = strtod(text, &end);
	while (*end == ' ')
		end++;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		double ns = value * units[i].ns;

		if (strcmp(end, units[i].name))
			continue;
		if (!(ns >= 0 && ns < 9e18))
			return -1;
		*out_ns = (uint64_t)(ns + 0.5);
		return 0;
	}
	return -1;
}

int parse_range(const char *text, struct range *out)
{
	const char *dash = strchr(text, '-');
	char first[32];
	size_t length = dash ? (size_t)(dash - text) : strlen(text);

	if (length >= sizeof(first))
		return -1;
	memcpy(first, text, length);
	first[length] = '\0';
	if (parse_number(first, &out->first))
		return -1;
	out->last = out->first;
	if (dash && !dash[1])
		out->last = UINT64_MAX;
	else if (dash && parse_number(dash + 1, &out->last))
		return -1;
	out->given = true;
	return out->last < out->first ? -1 : 0;
}

/* Letters to add, drop, change or swap to get from a to b. */
static unsigned distance(const char *a, const char *b)
{
	unsigned row[3][32], n = (unsigned)strlen(a), m = (unsigned)strlen(b);

	if (n > 31 || m > 31)
		return 99;
	for (unsigned j = 0; j <= m; j++)
		row[0][j] = j;
	for (unsigned i = 1; i <= n; i++) {
		unsigned *now = row[i % 3], *before = row[(i + 2) % 3], *two = row[(i + 1) % 3];

		now[0] = i;
		for (unsigned j = 1; j <= m; j++) {
			unsigned best = before[j - 1] + (a[i - 1] != b[j - 1]);

			if (before[j] + 1 < best)
				best = before[j] + 1;
			if (now[j - 1] + 1 < best)
				best = now[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    two[j - 2] + 1 < best)
				best = two[j - 2] + 1;
			now[j] = best;
		}
	}
	return row[n % 3][m];
}

bool similar(const char *typed, const char *known)
{
	size_t length = strlen(typed);
	unsigned allowed = length < 3 ? 0 : length < 6 ? 1 : 2;

	/* a beginning counts as well: "rep" for "report" */
	if (length >= 2 && !strncmp(typed, known, length))
		return true;
	return distance(typed, known) <= allowed;
}

const char *suggest_choice(const char *typed, const char *choices, char *buf, size_t size)
{
	for (const char *at = choices; *at;) {
		size_t length = strcspn(at, "|,");

		if (length < size) {
			memcpy(buf, at, length);
			buf[length] = '\0';
			if (similar(typed, buf))
				return buf;
		}
		at += length;
		at += *at != '\0';
	}
	return NULL;
}
