/* SPDX-License-Identifier: MIT */
#include "vmm-lite/options.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "vmm-lite/features.h"
#include "vmm-lite/options_table.h"
#include "vmm-lite/value.h"

#define USAGE 2

/* One message under way: where it goes and what it is about, e.g. "--disk aio=". */
struct context {
	char *err;
	size_t err_size;
	char subject[64];
};

static int refuse(struct context *ctx, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static int refuse(struct context *ctx, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(ctx->err, ctx->err_size, format, args);
	va_end(args);
	return USAGE;
}

static int refuse_range(struct context *ctx, const struct option_row *row, const char *value,
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
		return refuse(ctx, "%s'%s' is out of range; allowed: at least %s", ctx->subject,
			      value, low);
	return refuse(ctx, "%s'%s' is out of range; allowed: %s to %s", ctx->subject, value, low,
		      high);
}

static int refuse_choice(struct context *ctx, const char *choices, const char *value)
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
	return refuse(ctx, "%s'%s' is not known; allowed: %s%s", ctx->subject, value, list,
		      similar);
}

static int parse_size(struct context *ctx, const struct option_row *row, const char *value,
		      uint64_t *out)
{
	int err = value_size(value, out);

	if (err == -EINVAL)
		return refuse(ctx,
			      "%s'%s' is no size; allowed: bytes, or a number with K, M, G or T",
			      ctx->subject, value);
	if (err || *out < row->min || *out > row->max)
		return refuse_range(ctx, row, value, true);
	return 0;
}

static int parse_time(struct context *ctx, const char *value, uint64_t *out)
{
	if (value_time(value, out))
		return refuse(ctx, "%s'%s' is no time; allowed: a number with ns, us, ms or s",
			      ctx->subject, value);
	return 0;
}

static int parse_delay(struct context *ctx, struct fault_options *fault, const char *value)
{
	char low[32];
	size_t n = strcspn(value, "-");

	if (n >= sizeof(low))
		return parse_time(ctx, value, &fault->delay_ns);
	snprintf(low, sizeof(low), "%.*s", (int)n, value);
	if (parse_time(ctx, low, &fault->delay_ns))
		return USAGE;
	fault->delay_max_ns = fault->delay_ns;
	if (!value[n])
		return 0;
	if (parse_time(ctx, value + n + 1, &fault->delay_max_ns))
		return USAGE;
	if (fault->delay_max_ns < fault->delay_ns)
		return refuse(ctx, "%s'%s' ends before it begins; write the shorter time first",
			      ctx->subject, value);
	return 0;
}

static int parse_error_sectors(struct context *ctx, struct fault_options *fault, const char *value)
{
	char first[32];
	const char *range = value + strlen("sector:");
	size_t n = strcspn(range, "-");

	snprintf(first, sizeof(first), "%.*s", (int)(n < 31 ? n : 31), range);
	if (value_number(first, &fault->error_first) ||
	    value_number(range[n] ? range + n + 1 : first, &fault->error_last))
		return refuse(ctx, "%s'%s' is no sector range; allowed: sector:A or sector:A-B",
			      ctx->subject, value);
	if (fault->error_last < fault->error_first)
		return refuse(ctx, "%s'%s' ends before it begins; write the lower sector first",
			      ctx->subject, value);
	fault->error_sectors = true;
	return 0;
}

static int parse_error(struct context *ctx, struct fault_options *fault, const char *value)
{
	static const char kinds[] = "all|read|write|flush|stuck";
	char rate[32];
	size_t n = strcspn(value, ":");
	int kind = FAULT_ALL;

	if (!strncmp(value, "sector:", 7))
		return parse_error_sectors(ctx, fault, value);
	snprintf(rate, sizeof(rate), "%.*s", (int)(n < 31 ? n : 31), value);
	if (value_rate(rate, &fault->error_rate))
		return refuse(ctx,
			      "%s'%s' is no rate; allowed: 0 to 1 as in 0.01 or 0.01:read, or "
			      "sector:A-B",
			      ctx->subject, value);
	if (value[n])
		kind = value_choice(kinds, value + n + 1);
	if (kind < 0)
		return refuse_choice(ctx, kinds, value + n + 1);
	fault->error_kind = (enum fault_kind)kind;
	return 0;
}

static int parse_features(struct context *ctx, struct disk_options *disk, const char *value)
{
	for (const char *at = value; *at;) {
		size_t n = strcspn(at, ":");
		char word[40];
		int bit;

		snprintf(word, sizeof(word), "%.*s", (int)(n < 39 ? n : 39), at);
		if (word[0] != '+' && word[0] != '-')
			return refuse(ctx,
				      "%s'%s' has no sign; write +%s to offer the feature, -%s to "
				      "hide it",
				      ctx->subject, word, word, word);
		bit = feature_bit(word + 1, strlen(word + 1));
		if (bit < 0) {
			const char *similar = NULL;

			for (size_t i = 0; i < feature_count && !similar; i++)
				if (value_similar(word + 1, feature_names[i].name))
					similar = feature_names[i].name;
			return refuse(ctx, "%s'%s' is no virtio-blk feature; %s%s%s", ctx->subject,
				      word, similar ? "did you mean '" : "",
				      similar ? similar : "allowed: names such as +mq:-event-idx",
				      similar ? "'?" : "");
		}
		disk->features_on &= ~(1ull << bit);
		disk->features_off &= ~(1ull << bit);
		*(word[0] == '+' ? &disk->features_on : &disk->features_off) |= 1ull << bit;
		at += n + (at[n] == ':');
	}
	return 0;
}

static int parse_lifetime(struct context *ctx, struct disk_options *disk, const char *value)
{
	static const uint64_t max[] = {3, 11, 11};
	const char *at = value;

	for (unsigned i = 0; i < 3; i++) {
		size_t n = strcspn(at, ":");
		char word[8];
		uint64_t number;

		snprintf(word, sizeof(word), "%.*s", (int)(n < 7 ? n : 7), at);
		if (value_number(word, &number) || number > max[i] || (at[n] == ':') != (i < 2))
			return refuse(ctx,
				      "%s'%s' is no lifetime; allowed: EOL:A:B with EOL 0 to 3, A "
				      "and B 0 to 11",
				      ctx->subject, value);
		disk->lifetime[i] = (uint16_t)number;
		at += n + 1;
	}
	disk->lifetime_given = true;
	return 0;
}

static int parse_recorder(struct context *ctx, struct options *options, const char *value)
{
	static const struct option_row size = {.min = 64 << 10, .max = 64ull << 30};
	const char *comma = strrchr(value, ',');

	if (comma && strncmp(comma, ",size=", 6) != 0)
		comma = NULL;
	free(options->storage);
	options->storage = comma ? strndup(value, (size_t)(comma - value)) : strdup(value);
	if (!options->storage)
		return refuse(ctx, "%sout of memory", ctx->subject);
	options->flight_recorder = options->storage;
	if (!*options->storage)
		return refuse(ctx, "%s'%s' names no file", ctx->subject, value);
	return comma ? parse_size(ctx, &size, comma + 6, &options->flight_recorder_size) : 0;
}

static int parse_text(struct context *ctx, const struct option_row *row, const char *value,
		      const char **out)
{
	if (strlen(value) > row->max)
		return refuse(ctx,
			      "%s'%.20s...' is too long; allowed: up to %" PRIu64 " characters",
			      ctx->subject, value, row->max);
	if (strlen(value) < row->min)
		return refuse(ctx, "%s'' is empty; give it a value", ctx->subject);
	*out = value;
	return 0;
}

/* Store one value where its row says; base is a struct options or a struct disk_options. */
static int parse_value(struct context *ctx, const struct option_row *row, void *base,
		       const char *value)
{
	uint8_t none[8];
	void *at = row->at == SIZE_MAX ? (void *)none : (uint8_t *)base + row->at;
	uint64_t number = 0;
	int choice;

	switch (row->kind) {
	case OPTION_FLAG: *(bool *)at = true; return 0;
	case OPTION_TEXT: return parse_text(ctx, row, value, at);
	case OPTION_TIME: return parse_time(ctx, value, at);
	case OPTION_DELAY: return parse_delay(ctx, at, value);
	case OPTION_ERROR: return parse_error(ctx, at, value);
	case OPTION_FEATURES: return parse_features(ctx, base, value);
	case OPTION_LIFETIME: return parse_lifetime(ctx, base, value);
	case OPTION_RECORDER: return parse_recorder(ctx, base, value);
	case OPTION_DISK: {
		struct options *options = base;

		if (options->disk_count == OPTIONS_MAX_DISKS)
			return refuse(ctx, "%s'%s' is one too many; allowed: %d disks",
				      ctx->subject, value, OPTIONS_MAX_DISKS);
		return options_parse_disk(&options->disks[options->disk_count++], value, ctx->err,
					  ctx->err_size);
	}
	case OPTION_SWITCH:
	case OPTION_WORD:
	case OPTION_CHOICE:
		choice = value_choice(row->choices, value);
		if (choice < 0)
			return refuse_choice(ctx, row->choices, value);
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
			return refuse(ctx, "%s'%s' is no number", ctx->subject, value);
		if (choice || number < row->min || number > row->max)
			return refuse_range(ctx, row, value, false);
		if (row->kind == OPTION_POWER2 && (number & (number - 1)))
			return refuse(ctx,
				      "%s'%s' is no power of two; allowed: 1, 2, 4 ... %" PRIu64,
				      ctx->subject, value, row->max);
		if (row->kind == OPTION_NUMBER)
			*(uint64_t *)at = number;
		else
			*(unsigned *)at = (unsigned)number;
		return 0;
	case OPTION_SIZE:
		if (parse_size(ctx, row, value, at))
			return USAGE;
		number = *(uint64_t *)at;
		if (number % 512)
			return refuse(ctx, "%s'%s' is no multiple of 512 bytes", ctx->subject,
				      value);
		return 0;
	case OPTION_SIZE32:
		if (parse_size(ctx, row, value, &number))
			return USAGE;
		if (number & (number - 1))
			return refuse(ctx, "%s'%s' is no power of two", ctx->subject, value);
		*(uint32_t *)at = (uint32_t)number;
		return 0;
	}
	return USAGE;
}

static const struct option_row *find_row(const struct option_row *rows, size_t count,
					 const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(rows[i].name, name))
			return &rows[i];
	return NULL;
}

static int refuse_name(struct context *ctx, const struct option_row *rows, size_t count,
		       unsigned commands, const char *prefix, const char *name, const char *hint)
{
	for (size_t i = 0; i < count; i++)
		if ((!commands || rows[i].commands & commands) && value_similar(name, rows[i].name))
			return refuse(ctx, "%s'%s' is not known; did you mean '%s'?", prefix, name,
				      rows[i].name);
	return refuse(ctx, "%s'%s' is not known; %s", prefix, name, hint);
}

#define GIVEN(key) (given & (1ull << (find_row(disk_rows, disk_row_count, key) - disk_rows)))

static int check_host_managed(struct context *ctx, struct disk_options *disk, uint64_t given)
{
	const uint64_t discard = 1ull << 13, zoned = 1ull << 17;

	if (disk->features_on & discard)
		return refuse(ctx,
			      "--disk zoned='host-managed' and features='+discard' exclude each "
			      "other: a discard leaves the write pointer where it is; the guest "
			      "resets zones instead");
	if (disk->features_off & zoned)
		return refuse(ctx,
			      "--disk zoned='host-managed' needs feature 'zoned': a driver that "
			      "knows no zones could not write; use zoned=host-aware or none");
	if (GIVEN("transport") && disk->transport != TRANSPORT_MODERN)
		return refuse(ctx,
			      "--disk zoned='host-managed' needs transport=modern: the legacy "
			      "interface cannot tell a driver of zones; or use zoned=host-aware");
	disk->transport = TRANSPORT_MODERN;
	return 0;
}

static int check_zones(struct context *ctx, struct disk_options *disk, uint64_t given)
{
	static const char *const keys[] = {"zone-size", "zone-capacity", "zone-conventional",
					   "zone-max-open", "zone-max-active"};
	uint64_t size = disk->zone_size;

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]) && disk->zoned == ZONED_NONE; i++)
		if (GIVEN(keys[i]))
			return refuse(ctx,
				      "--disk %s= needs zoned=host-aware or zoned=host-managed",
				      keys[i]);
	if (size & (size - 1))
		return refuse(ctx, "--disk zone-size= has to be a power of two");
	if (disk->zone_capacity > (size ? size : 64ull << 20))
		return refuse(ctx, "--disk zone-capacity= is larger than the zone");
	if (disk->zoned == ZONED_HOST_AWARE &&
	    (disk->zone_max_open || disk->zone_max_active || disk->zone_capacity))
		return refuse(ctx,
			      "--disk zone-capacity=, zone-max-open= and zone-max-active= need "
			      "zoned=host-managed: host-aware zones are written anywhere, by "
			      "drivers that know no limits");
	return disk->zoned == ZONED_HOST_MANAGED ? check_host_managed(ctx, disk, given) : 0;
}

/* What cannot work together, whatever is on the disk. `given`: bit n is set if row n was there. */
static int check_disk(struct context *ctx, struct disk_options *disk, uint64_t given)
{
	const uint64_t packed = 1ull << 34, version_1 = 1ull << 32;

	if (!disk->iothread) {
		if (GIVEN("notify") && disk->notify == NOTIFY_IOEVENTFD)
			return refuse(ctx,
				      "--disk iothread='off' serves kicks on the vCPU's thread, "
				      "notify='ioeventfd' elsewhere; use notify=exit");
		if (!GIVEN("notify"))
			disk->notify = NOTIFY_EXIT;
		if (!GIVEN("signal"))
			disk->signal = SIGNAL_IOCTL;
	}
	if (disk->aio == AIO_NULL && strcmp(disk->path, "null") != 0)
		return refuse(ctx,
			      "--disk '%s' is a file, and aio='null' uses none; write "
			      "--disk null,aio=null",
			      disk->path);
	if (GIVEN("size") && disk->aio != AIO_NULL)
		return refuse(ctx, "--disk size= is for aio=null only; '%s' has the size it has",
			      disk->path);
	if (check_zones(ctx, disk, given))
		return USAGE;
	if (disk->transport == TRANSPORT_LEGACY && disk->ring == RING_PACKED)
		return refuse(ctx, "--disk ring='packed' needs virtio 1.x; use transport=modern or "
				   "transitional, or ring=split");
	if (disk->transport == TRANSPORT_LEGACY && disk->features_on >> 32)
		return refuse(
		    ctx,
		    "--disk transport='legacy' has no feature bits from 32 on, such "
		    "as '+%s'; use transport=modern",
		    feature_name((unsigned)__builtin_ctzll(disk->features_on >> 32) + 32));
	if (disk->transport == TRANSPORT_MODERN && disk->features_off & version_1)
		return refuse(ctx, "--disk features='-version-1' leaves transport='modern' nothing "
				   "to offer; use transport=legacy");
	if (disk->ring == RING_SPLIT && disk->features_on & packed)
		return refuse(ctx, "--disk features='+ring-packed' contradicts ring='split'; use "
				   "ring=packed or both");
	if (disk->ring == RING_PACKED && disk->features_off & packed)
		return refuse(ctx, "--disk features='-ring-packed' contradicts ring='packed'");
	return 0;
}
#undef GIVEN

/* Cut the next part off at a single comma; a doubled one stands for itself. */
static char *next_part(char **rest)
{
	char *part = *rest, *to = part, *from = part;

	if (!part)
		return NULL;
	while (*from) {
		if (from[0] == ',' && from[1] != ',')
			break;
		from += from[0] == ',';
		*to++ = *from++;
	}
	*rest = *from ? from + 1 : NULL;
	*to = 0;
	return part;
}

int options_parse_disk(struct disk_options *disk, const char *text, char *err, size_t err_size)
{
	struct context ctx = {.err = err, .err_size = err_size};
	uint64_t given = 0;
	char *rest, *part;

	*disk = (struct disk_options){
	    .queues = 1,
	    .queue_size = 256,
	    .ring = RING_SPLIT,
	    .iothread = true,
	    .size = 1ull << 30,
	    .serial = "",
	    .storage = strdup(text),
	};
	if (!disk->storage)
		return refuse(&ctx, "--disk: out of memory");
	rest = disk->storage;
	disk->path = next_part(&rest);
	if (!*disk->path)
		return refuse(&ctx, "--disk '%s' names no file; write --disk PATH[,key=value...]",
			      text);
	if (strlen(disk->path) > 4095)
		return refuse(&ctx, "--disk '%.20s...' is too long for a path", disk->path);
	while ((part = next_part(&rest))) {
		char *value = strchr(part, '=');
		const struct option_row *row;

		if (value)
			*value++ = 0;
		row = find_row(disk_rows, disk_row_count, part);
		if (!row)
			return refuse_name(&ctx, disk_rows, disk_row_count, 0, "--disk key ", part,
					   "'vmm-lite run --help' lists the keys");
		if (!value)
			return refuse(&ctx, "--disk key '%s' has no value; write %s=%s", part, part,
				      row->argument ? row->argument : row->choices);
		/* error= may be given as a rate and as sectors; the rest twice is a slip. */
		if (given & (1ull << (row - disk_rows)) && row->kind != OPTION_ERROR)
			return refuse(&ctx, "--disk key '%s' is given twice", part);
		given |= 1ull << (row - disk_rows);
		snprintf(ctx.subject, sizeof(ctx.subject), "--disk %s=", part);
		if (parse_value(&ctx, row, disk, value))
			return USAGE;
	}
	return check_disk(&ctx, disk, given);
}

void options_release_disk(struct disk_options *disk)
{
	free(disk->storage);
	disk->storage = NULL;
}

static int check(struct context *ctx, const struct options *o)
{
	if (o->command == VMM_RUN) {
		if (!o->kernel && !o->payload)
			return refuse(ctx, "nothing to run; give --kernel FILE or --payload ELF");
		if (o->kernel && o->payload)
			return refuse(ctx, "--kernel '%s' and --payload '%s' exclude each other",
				      o->kernel, o->payload);
		if (o->initrd && !o->kernel)
			return refuse(ctx, "--initrd '%s' needs --kernel", o->initrd);
		if (o->append && !o->kernel)
			return refuse(ctx, "--append '%s' needs --kernel", o->append);
	}
	if (o->memory % (1 << 20))
		return refuse(ctx, "--memory has to be a multiple of 1 MiB");
	if (o->command == VMM_QTEST && !o->disk_count)
		return refuse(ctx, "qtest needs a --disk PATH[,key=value...]");
	if (o->command == VMM_BENCH && o->disk_count != 1)
		return refuse(ctx, "bench takes exactly one --disk, not %u", o->disk_count);
	if (o->command == VMM_BENCH && o->disks[0].zoned)
		return refuse(ctx, "bench writes anywhere, which zones do not allow; leave zoned= "
				   "out");
	for (unsigned i = 0; i < o->disk_count; i++)
		for (unsigned j = 0; j < i; j++)
			if (!strcmp(o->disks[i].path, o->disks[j].path) &&
			    o->disks[i].aio != AIO_NULL &&
			    !(o->disks[i].read_only && o->disks[j].read_only))
				return refuse(ctx,
					      "--disk '%s' is given twice; two disks may share "
					      "an image only if both are readonly=on",
					      o->disks[i].path);
	return 0;
}

static int parse_command(struct context *ctx, struct options *options, const char *word)
{
	static const char names[] = "run|bench|qtest|help";
	static const enum vmm_command commands[] = {VMM_RUN, VMM_BENCH, VMM_QTEST, VMM_HELP};
	int index;

	if (!strcmp(word, "--version") || !strcmp(word, "version")) {
		options->command = VMM_VERSION;
		return 0;
	}
	if (!strcmp(word, "--help") || !strcmp(word, "-h"))
		word = "help";
	index = value_choice(names, word);
	if (index < 0) {
		snprintf(ctx->subject, sizeof(ctx->subject), "command ");
		return refuse_choice(ctx, names, word);
	}
	options->command = commands[index];
	options->help_for = VMM_HELP;
	return 0;
}

int options_parse(struct options *options, int argc, char **argv, char *err, size_t err_size)
{
	struct context ctx = {.err = err, .err_size = err_size};
	uint64_t given = 0;

	*options = (struct options){
	    .cpus = 1,
	    .memory = 256ull << 20,
	    .bench = {.rw = "randread", .block_size = 4096, .depth = 32, .seed = 1},
	};
	if (argc < 2)
		return refuse(&ctx, "no command; try 'vmm-lite --help'");
	if (parse_command(&ctx, options, argv[1]))
		return USAGE;
	if (options->command == VMM_HELP || options->command == VMM_VERSION)
		return 0;

	for (int i = 2; i < argc; i++) {
		char name[32], *equals;
		const struct option_row *row;
		const char *value = NULL;

		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) {
			options->help_for = options->command;
			options->command = VMM_HELP;
			return 0;
		}
		if (strncmp(argv[i], "--", 2) != 0)
			return refuse(&ctx, "'%s' is no option; options begin with --", argv[i]);
		equals = strchr(argv[i], '=');
		snprintf(name, sizeof(name), "%.*s",
			 equals ? (int)(equals - argv[i] - 2) : (int)sizeof(name), argv[i] + 2);
		row = find_row(option_rows, option_row_count, name);
		if (!row || !(row->commands & (1u << options->command)))
			return refuse_name(&ctx, option_rows, option_row_count,
					   1u << options->command, "option --", name,
					   options->command == VMM_RUN ? "try 'vmm-lite run --help'"
					   : options->command == VMM_BENCH
					       ? "try 'vmm-lite bench --help'"
					       : "try 'vmm-lite qtest --help'");
		if (row->kind == OPTION_FLAG && equals)
			return refuse(&ctx, "--%s takes no value, not '%s'", name, equals + 1);
		if (row->kind != OPTION_FLAG) {
			value = equals ? equals + 1 : argv[++i];
			if (!value)
				return refuse(&ctx, "--%s needs a value: %s", name,
					      row->argument ? row->argument : row->choices);
		}
		if (given & (1ull << (row - option_rows)) && row->kind != OPTION_DISK)
			return refuse(&ctx, "--%s is given twice", name);
		given |= 1ull << (row - option_rows);
		snprintf(ctx.subject, sizeof(ctx.subject), "--%s ", name);
		if (parse_value(&ctx, row, options, value))
			return USAGE;
	}
	if (!options->bench.count && !options->bench.time_ns)
		options->bench.time_ns = 5000000000ull;
	return check(&ctx, options);
}

void options_release(struct options *options)
{
	for (unsigned i = 0; i < options->disk_count; i++)
		options_release_disk(&options->disks[i]);
	free(options->storage);
	options->storage = NULL;
}
