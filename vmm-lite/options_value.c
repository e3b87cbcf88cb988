/* SPDX-License-Identifier: MIT */
#include "vmm-lite/options_value.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "vmm-lite/disk/disk.h"
#include "vmm-lite/features.h"
#include "vmm-lite/options.h"
#include "vmm-lite/value.h"

int option_refuse(struct option_context *ctx, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(ctx->err, ctx->err_size, format, args);
	va_end(args);
	return OPTION_USAGE;
}

static int refuse_range(struct option_context *ctx, const struct option_row *row, const char *value,
			bool bytes)
{
	char low[32], high[32];

	if (bytes) {
		value_show_size(row->min, low, sizeof(low));
		value_show_size(row->max, high, sizeof(high));
	} else {
		snprintf(low, sizeof(low), "%" PRIu64, row->min);
		snprintf(high, sizeof(high), "%" PRIu64, row->max);
	}
	if (row->max >= UINT64_MAX / 2)
		return option_refuse(ctx, "%s'%s' is out of range; allowed: at least %s",
				     ctx->subject, value, low);
	return option_refuse(ctx, "%s'%s' is out of range; allowed: %s to %s", ctx->subject, value,
			     low, high);
}

int option_refuse_choice(struct option_context *ctx, const char *choices, const char *value)
{
	char list[160] = "", similar[64] = "", word[32];

	while (*choices) {
		size_t n = strcspn(choices, "|");

		snprintf(word, sizeof(word), "%.*s", (int)n, choices);
		if (*list)
			strncat(list, ", ", sizeof(list) - strlen(list) - 1);
		strncat(list, word, sizeof(list) - strlen(list) - 1);
		if (!*similar && value_similar(value, word))
			snprintf(similar, sizeof(similar), "; did you mean '%s'?", word);
		choices += n + (choices[n] == '|');
	}
	return option_refuse(ctx, "%s'%s' is not known; allowed: %s%s", ctx->subject, value, list,
			     similar);
}

static int parse_size(struct option_context *ctx, const struct option_row *row, const char *value,
		      uint64_t *out)
{
	int err = value_size(value, out);

	if (err == -EINVAL)
		return option_refuse(
		    ctx, "%s'%s' is no size; allowed: bytes, or a number with K, M, G or T",
		    ctx->subject, value);
	if (err || *out < row->min || *out > row->max)
		return refuse_range(ctx, row, value, true);
	return 0;
}

static int parse_time(struct option_context *ctx, const char *value, uint64_t *out)
{
	if (value_time(value, out))
		return option_refuse(ctx,
				     "%s'%s' is no time; allowed: a number with ns, us, ms or s",
				     ctx->subject, value);
	return 0;
}

static int parse_delay(struct option_context *ctx, struct fault_options *fault, const char *value)
{
	char low[32];
	size_t n = strcspn(value, "-");

	if (n >= sizeof(low))
		return parse_time(ctx, value, &fault->delay_ns);
	snprintf(low, sizeof(low), "%.*s", (int)n, value);
	if (parse_time(ctx, low, &fault->delay_ns))
		return OPTION_USAGE;
	fault->delay_max_ns = fault->delay_ns;
	if (!value[n])
		return 0;
	if (parse_time(ctx, value + n + 1, &fault->delay_max_ns))
		return OPTION_USAGE;
	if (fault->delay_max_ns < fault->delay_ns)
		return option_refuse(ctx,
				     "%s'%s' ends before it begins; write the shorter time first",
				     ctx->subject, value);
	return 0;
}

static int parse_error_sectors(struct option_context *ctx, struct fault_options *fault,
			       const char *value)
{
	char first[32];
	const char *range = value + strlen("sector:");
	size_t n = strcspn(range, "-");

	snprintf(first, sizeof(first), "%.*s", (int)(n < 31 ? n : 31), range);
	if (value_number(first, &fault->error_first) ||
	    value_number(range[n] ? range + n + 1 : first, &fault->error_last))
		return option_refuse(ctx,
				     "%s'%s' is no sector range; allowed: sector:A or sector:A-B",
				     ctx->subject, value);
	if (fault->error_last < fault->error_first)
		return option_refuse(ctx,
				     "%s'%s' ends before it begins; write the lower sector first",
				     ctx->subject, value);
	fault->error_sectors = true;
	return 0;
}

static int parse_error(struct option_context *ctx, struct fault_options *fault, const char *value)
{
	static const char kinds[] = "all|read|write|flush|stuck";
	char rate[32];
	size_t n = strcspn(value, ":");
	int kind = FAULT_ALL;

	if (!strncmp(value, "sector:", 7))
		return parse_error_sectors(ctx, fault, value);
	snprintf(rate, sizeof(rate), "%.*s", (int)(n < 31 ? n : 31), value);
	if (value_rate(rate, &fault->error_rate))
		return option_refuse(
		    ctx,
		    "%s'%s' is no rate; allowed: 0 to 1 as in 0.01 or 0.01:read, or "
		    "sector:A-B",
		    ctx->subject, value);
	if (value[n])
		kind = value_choice(kinds, value + n + 1);
	if (kind < 0)
		return option_refuse_choice(ctx, kinds, value + n + 1);
	fault->error_kind = (enum fault_kind)kind;
	return 0;
}

static int parse_features(struct option_context *ctx, struct disk_options *disk, const char *value)
{
	for (const char *at = value; *at;) {
		size_t n = strcspn(at, ":");
		char word[40];
		int bit;

		snprintf(word, sizeof(word), "%.*s", (int)(n < 39 ? n : 39), at);
		if (word[0] != '+' && word[0] != '-')
			return option_refuse(
			    ctx,
			    "%s'%s' has no sign; write +%s to offer the feature, -%s to "
			    "hide it",
			    ctx->subject, word, word, word);
		bit = feature_bit(word + 1, strlen(word + 1));
		if (bit < 0) {
			const char *similar = NULL;

			for (size_t i = 0; i < feature_count && !similar; i++)
				if (value_similar(word + 1, feature_names[i].name))
					similar = feature_names[i].name;
			return option_refuse(ctx, "%s'%s' is no virtio-blk feature; %s%s%s",
					     ctx->subject, word, similar ? "did you mean '" : "",
					     similar ? similar
						     : "allowed: names such as +mq:-event-idx",
					     similar ? "'?" : "");
		}
		disk->features_on &= ~(1ull << bit);
		disk->features_off &= ~(1ull << bit);
		*(word[0] == '+' ? &disk->features_on : &disk->features_off) |= 1ull << bit;
		at += n + (at[n] == ':');
	}
	return 0;
}

static int parse_lifetime(struct option_context *ctx, struct disk_options *disk, const char *value)
{
	static const uint64_t max[] = {DISK_PRE_EOL_MAX, DISK_ESTIMATE_MAX, DISK_ESTIMATE_MAX};
	const char *at = value;

	for (unsigned i = 0; i < 3; i++) {
		size_t n = strcspn(at, ":");
		char word[8];
		uint64_t number;

		snprintf(word, sizeof(word), "%.*s", (int)(n < 7 ? n : 7), at);
		if (value_number(word, &number) || number > max[i] || (at[n] == ':') != (i < 2))
			return option_refuse(
			    ctx,
			    "%s'%s' is no lifetime; allowed: EOL:A:B with EOL 0 to %d, A "
			    "and B 0 to %d",
			    ctx->subject, value, DISK_PRE_EOL_MAX, DISK_ESTIMATE_MAX);
		disk->lifetime[i] = (uint16_t)number;
		at += n + 1;
	}
	disk->lifetime_given = true;
	return 0;
}

static int parse_recorder(struct option_context *ctx, struct options *options, const char *value)
{
	static const struct option_row size = {.min = 64 << 10, .max = 64ull << 30};
	const char *comma = strrchr(value, ',');

	if (comma && strncmp(comma, ",size=", 6) != 0)
		comma = NULL;
	free(options->storage);
	options->storage = comma ? strndup(value, (size_t)(comma - value)) : strdup(value);
	if (!options->storage)
		return option_refuse(ctx, "%sout of memory", ctx->subject);
	options->flight_recorder = options->storage;
	if (!*options->storage)
		return option_refuse(ctx, "%s'%s' names no file", ctx->subject, value);
	return comma ? parse_size(ctx, &size, comma + 6, &options->flight_recorder_size) : 0;
}

static int parse_text(struct option_context *ctx, const struct option_row *row, const char *value,
		      const char **out)
{
	if (strlen(value) > row->max)
		return option_refuse(
		    ctx, "%s'%.20s...' is too long; allowed: up to %" PRIu64 " characters",
		    ctx->subject, value, row->max);
	if (strlen(value) < row->min)
		return option_refuse(ctx, "%s'' is empty; give it a value", ctx->subject);
	*out = value;
	return 0;
}

int option_parse_value(struct option_context *ctx, const struct option_row *row, void *base,
		       const char *value)
{
	uint8_t none[8];
	void *at = row->at == SIZE_MAX ? (void *)none : (uint8_t *)base + row->at;
	uint64_t number = 0;
	int choice;

	switch (row->kind) {
	case OPTION_FLAG: *(bool *)at = true; return 0;
	case OPTION_TEXT: return parse_text(ctx, row, value, at);
	case OPTION_TIME:
		if (parse_time(ctx, value, &number))
			return OPTION_USAGE;
		if (number < row->min)
			return option_refuse(ctx,
					     "%s'%s' is too short; allowed: from %" PRIu64 "ns",
					     ctx->subject, value, row->min);
		*(uint64_t *)at = number;
		return 0;
	case OPTION_DELAY: return parse_delay(ctx, at, value);
	case OPTION_ERROR: return parse_error(ctx, at, value);
	case OPTION_FEATURES: return parse_features(ctx, base, value);
	case OPTION_LIFETIME: return parse_lifetime(ctx, base, value);
	case OPTION_RECORDER: return parse_recorder(ctx, base, value);
	case OPTION_DISK: {
		struct options *options = base;

		if (options->disk_count == OPTIONS_MAX_DISKS)
			return option_refuse(ctx, "%s'%s' is one too many; allowed: %d disks",
					     ctx->subject, value, OPTIONS_MAX_DISKS);
		return options_parse_disk(&options->disks[options->disk_count++], value, ctx->err,
					  ctx->err_size);
	}
	case OPTION_SWITCH:
	case OPTION_WORD:
	case OPTION_CHOICE:
		choice = value_choice(row->choices, value);
		if (choice < 0)
			return option_refuse_choice(ctx, row->choices, value);
		if (row->kind == OPTION_SWITCH)
			*(bool *)at = choice == 0;
		else if (row->kind == OPTION_WORD)
			*(const char **)at = value;
		else
			*(int *)at = choice;
		return 0;
	case OPTION_NUMBER:
	case OPTION_UNSIGNED:
	case OPTION_POWER2:
		choice = value_number(value, &number);
		if (choice == -EINVAL)
			return option_refuse(ctx, "%s'%s' is no number", ctx->subject, value);
		if (choice || number < row->min || number > row->max)
			return refuse_range(ctx, row, value, false);
		if (row->kind == OPTION_POWER2 && (number & (number - 1)))
			return option_refuse(
			    ctx, "%s'%s' is no power of two; allowed: 1, 2, 4 ... %" PRIu64,
			    ctx->subject, value, row->max);
		if (row->kind == OPTION_NUMBER)
			*(uint64_t *)at = number;
		else
			*(unsigned *)at = (unsigned)number;
		return 0;
	case OPTION_SIZE:
		if (parse_size(ctx, row, value, at))
			return OPTION_USAGE;
		number = *(uint64_t *)at;
		if (number % 512)
			return option_refuse(ctx, "%s'%s' is no multiple of 512 bytes",
					     ctx->subject, value);
		return 0;
	case OPTION_SIZE32:
		if (parse_size(ctx, row, value, &number))
			return OPTION_USAGE;
		if (number & (number - 1))
			return option_refuse(ctx, "%s'%s' is no power of two", ctx->subject, value);
		*(uint32_t *)at = (uint32_t)number;
		return 0;
	}
	return OPTION_USAGE;
}

const struct option_row *option_find(const struct option_row *rows, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(rows[i].name, name))
			return &rows[i];
	return NULL;
}

int option_refuse_name(struct option_context *ctx, const struct option_row *rows, size_t count,
		       unsigned commands, const char *prefix, const char *name, const char *hint)
{
	for (size_t i = 0; i < count; i++)
		if ((!commands || rows[i].commands & commands) && value_similar(name, rows[i].name))
			return option_refuse(ctx, "%s'%s' is not known; did you mean '%s'?", prefix,
					     name, rows[i].name);
	return option_refuse(ctx, "%s'%s' is not known; %s", prefix, name, hint);
}
