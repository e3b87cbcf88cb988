/* SPDX-License-Identifier: MIT */
/*
 * The command line: every row of the tables takes what it says, its limits included, and refuses all
 * else with status 2 and one line that has the option, the value and what is allowed.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "vmm-lite/features.h"
#include "vmm-lite/options.h"
#include "vmm-lite/options_table.h"

#define MAX_WORDS 32

static char message[512];

/* Parse a command line written as one text; words end at a space. */
static int parse(struct options *options, const char *line)
{
	static char copy[8192], program[] = "vmm-lite";
	static char *words[MAX_WORDS + 1];
	int count = 1;

	snprintf(copy, sizeof(copy), "%s", line);
	memset(words, 0, sizeof(words));
	words[0] = program;
	for (char *word = strtok(copy, " "); word && count < MAX_WORDS; word = strtok(NULL, " "))
		words[count++] = word;
	message[0] = 0;
	return options_parse(options, count, words, message, sizeof(message));
}

static void good(const char *line)
{
	struct options options;
	int status = parse(&options, line);

	options_release(&options);
	if (status)
		fail_msg("'%s' is refused with %d: %s", line, status, message);
}

/* Refused with 2, and one line that has all of these, of which the later ones may be NULL. */
static void bad(const char *line, const char *a, const char *b, const char *c)
{
	const char *needed[] = {a, b, c};
	struct options options;
	int status = parse(&options, line);

	options_release(&options);
	if (status != 2)
		fail_msg("'%s' gives %d, not 2: %s", line, status, message);
	for (size_t i = 0; i < 3; i++)
		if (needed[i] && !strstr(message, needed[i]))
			fail_msg("'%s': no \"%s\" in: %s", line, needed[i], message);
	if (strchr(message, '\n') || !message[0])
		fail_msg("'%s': not one line: %s", line, message);
}

/* --- every row ------------------------------------------------------------------------- */

/* What has to be around a value for it to make sense: %s is "--memory VALUE" or "size=VALUE". */
static const struct {
	const char *name, *frame;
} option_frames[] = {
    {"initrd", "run --kernel k %s"},
    {"append", "run --kernel k %s"},
    {"kernel", "run %s"},
    {"payload", "run %s"},
    {"disk", "run --kernel k %s"},
    {"cpus", "run --kernel k %s"},
    {"memory", "run --kernel k %s"},
    {"exit-on-reboot", "run --kernel k %s"},
    {"stats", "run --kernel k %s"},
    {"flight-recorder", "run --kernel k %s"},
    {"step", "run --kernel k %s"},
    {"socket", "qtest --disk d %s"},
    {"rw", "bench --disk d %s"},
    {"block-size", "bench --disk d %s"},
    {"depth", "bench --disk d %s"},
    {"time", "bench --disk d %s"},
    {"count", "bench --disk d %s"},
    {"verify", "bench --disk d %s"},
    {"seed", "bench --disk d %s"},
    {"json", "bench --disk d %s"},
};
static const struct {
	const char *name, *frame;
} key_frames[] = {
    {"aio", "run --kernel k --disk null,%s"},
    {"size", "run --kernel k --disk null,aio=null,%s"},
    {"zone-size", "run --kernel k --disk d,zoned=host-managed,%s"},
    {"zone-capacity", "run --kernel k --disk d,zoned=host-managed,zone-size=1T,%s"},
    {"zone-conventional", "run --kernel k --disk d,zoned=host-managed,%s"},
    {"zone-max-open", "run --kernel k --disk d,zoned=host-managed,%s"},
    {"zone-max-active", "run --kernel k --disk d,zoned=host-managed,%s"},
};

struct value_of {
	const struct option_row *row;
	const char *frame;
	bool is_key;
	char subject[64]; /* how messages call it */
};

static void compose(const struct value_of *v, const char *value, char *line, size_t size)
{
	char setting[4300];

	snprintf(setting, sizeof(setting), "%s%s%s%s", v->is_key ? "" : "--", v->row->name,
		 v->is_key || v->row->kind != OPTION_FLAG ? "=" : "",
		 v->row->kind == OPTION_FLAG ? "" : value);
	snprintf(line, size, v->frame, setting);
}

static void takes(const struct value_of *v, const char *value)
{
	char line[8192];

	compose(v, value, line, sizeof(line));
	good(line);
}

static void refuses(const struct value_of *v, const char *value, const char *allowed)
{
	char line[8192], quoted[64];

	snprintf(quoted, sizeof(quoted), "'%.*s", 20, value);
	compose(v, value, line, sizeof(line));
	bad(line, v->subject, quoted, allowed);
}

static void takes_number(const struct value_of *v, uint64_t number)
{
	char text[32];

	snprintf(text, sizeof(text), "%" PRIu64, number);
	takes(v, text);
}

static void refuses_number(const struct value_of *v, uint64_t number)
{
	char text[32];

	snprintf(text, sizeof(text), "%" PRIu64, number);
	refuses(v, text, "allowed");
}

static void check_numbers(const struct value_of *v)
{
	const struct option_row *row = v->row;
	bool any = row->max >= UINT64_MAX / 2;

	takes_number(v, row->min);
	if (row->min)
		refuses_number(v, row->min - 1);
	if (!any) {
		takes_number(v, row->max);
		refuses_number(v, row->max + 1);
	}
	refuses(v, "99999999999999999999999", any ? "at least" : " to ");
	refuses(v, "x", NULL);
	refuses(v, "-1", NULL);
	refuses(v, "", NULL);
	refuses(v, "1x", NULL);
}

static void check_choices(const struct value_of *v, const char *choices)
{
	const char *at = choices;
	char word[32], wrong[34];

	while (*at) {
		size_t n = strcspn(at, "|");

		snprintf(word, sizeof(word), "%.*s", (int)n, at);
		takes(v, word);
		/* A slip of the finger: all words are named, and this one once more. */
		snprintf(wrong, sizeof(wrong), "%sx", word);
		refuses(v, wrong, word);
		assert_non_null(strstr(message, "allowed: "));
		assert_non_null(strstr(message, "did you mean '"));
		at += n + (at[n] == '|');
	}
	refuses(v, "zzzzzzzzzz", "allowed: ");
	assert_null(strstr(message, "did you mean"));
	refuses(v, "", "allowed: ");
}

static void check_text(const struct value_of *v)
{
	static char text[4200];

	memset(text, 'a', sizeof(text) - 1);
	text[v->row->max] = 0;
	takes(v, text);
	text[v->row->max] = 'a';
	text[v->row->max + 1] = 0;
	refuses(v, text, "is too long; allowed: up to");
	if (v->row->min)
		refuses(v, "", "is empty");
}

static void check_row(const struct value_of *v)
{
	switch (v->row->kind) {
	case OPTION_FLAG: takes(v, ""); break;
	case OPTION_SWITCH:
	case OPTION_WORD:
	case OPTION_CHOICE: check_choices(v, v->row->choices); break;
	case OPTION_TEXT: check_text(v); break;
	case OPTION_NUMBER:
	case OPTION_UNSIGNED:
	case OPTION_POWER2:
	case OPTION_SIZE:
	case OPTION_SIZE32: check_numbers(v); break;
	case OPTION_TIME:
		takes(v, "1ns");
		takes(v, "1.5s");
		refuses(v, "1", "no time; allowed: a number with ns, us, ms or s");
		refuses(v, "1m", "allowed");
		if (v->row->min)
			refuses(v, "0s", "too short; allowed: from");
		refuses(v, "-1s", "allowed");
		break;
	/* These have a grammar of their own, and tests of their own below. */
	case OPTION_DISK:
	case OPTION_RECORDER:
	case OPTION_DELAY:
	case OPTION_ERROR:
	case OPTION_LIFETIME:
	case OPTION_FEATURES: break;
	}
}

static void test_every_option(void **state)
{
	assert_int_equal(option_row_count, sizeof(option_frames) / sizeof(option_frames[0]));
	for (size_t i = 0; i < option_row_count; i++) {
		struct value_of v = {.row = &option_rows[i]};

		for (size_t j = 0; j < sizeof(option_frames) / sizeof(option_frames[0]); j++)
			if (!strcmp(option_frames[j].name, v.row->name))
				v.frame = option_frames[j].frame;
		assert_non_null(v.frame);
		snprintf(v.subject, sizeof(v.subject), "--%s ", v.row->name);
		check_row(&v);
	}
}

static void test_every_key(void **state)
{
	for (size_t i = 0; i < disk_row_count; i++) {
		struct value_of v = {
		    .row = &disk_rows[i], .is_key = true, .frame = "run --kernel k --disk d,%s"};

		for (size_t j = 0; j < sizeof(key_frames) / sizeof(key_frames[0]); j++)
			if (!strcmp(key_frames[j].name, v.row->name))
				v.frame = key_frames[j].frame;
		snprintf(v.subject, sizeof(v.subject), "--disk %s=", v.row->name);
		/* The null disk has no file, and only null can be it: its words are tried below. */
		if (strcmp(v.row->name, "aio") != 0)
			check_row(&v);
	}
}

/* An option that belongs to another command is as good as none. */
static void test_commands(void **state)
{
	static const char *const frames[] = {"run --kernel k", "bench --disk d", "qtest --disk d"};
	char line[200];

	for (unsigned command = VMM_RUN; command <= VMM_QTEST; command++)
		for (size_t i = 0; i < option_row_count; i++) {
			const struct option_row *row = &option_rows[i];

			if (row->commands & (1u << command))
				continue;
			snprintf(line, sizeof(line), "%s --%s 1", frames[command], row->name);
			bad(line, "option --'", row->name, "is not known");
		}
	bad("", "no command", "--help", NULL);
	bad("runn", "command 'runn' is not known", "allowed: run, bench, qtest, help",
	    "did you mean 'run'?");
	bad("--kernel k", "command '--kernel'", "allowed", NULL);
	bad("run k", "'k' is no option; options begin with --", NULL, NULL);
	good("run --help");
	good("bench -h");
	good("help");
	good("--help");
	good("--version");
}

/* --- what is stored -------------------------------------------------------------------- */

static void test_defaults(void **state)
{
	struct options o;
	const struct disk_options *d = &o.disks[0];

	assert_int_equal(parse(&o, "run --kernel vmlinuz --disk image"), 0);
	assert_int_equal(o.command, VMM_RUN);
	assert_string_equal(o.kernel, "vmlinuz");
	assert_null(o.initrd);
	assert_null(o.append);
	assert_null(o.flight_recorder);
	assert_int_equal(o.cpus, 1);
	assert_int_equal(o.memory, 256 << 20);
	assert_false(o.exit_on_reboot);
	assert_int_equal(o.disk_count, 1);
	assert_string_equal(d->path, "image");
	assert_int_equal(d->aio, AIO_IO_URING);
	assert_false(d->direct);
	assert_int_equal(d->queues, 1);
	assert_int_equal(d->queue_size, 256);
	assert_int_equal(d->ring, RING_SPLIT);
	assert_false(d->read_only);
	assert_int_equal(d->cache, CACHE_WRITEBACK);
	assert_string_equal(d->serial, "");
	assert_int_equal(d->transport, TRANSPORT_TRANSITIONAL);
	assert_int_equal(d->irq, IRQ_MSIX);
	assert_int_equal(d->notify, NOTIFY_IOEVENTFD);
	assert_int_equal(d->signal, SIGNAL_IRQFD);
	assert_true(d->iothread);
	assert_int_equal(d->fault.delay_ns, 0);
	assert_int_equal(d->features_on | d->features_off, 0);
	options_release(&o);
}

static void test_stored(void **state)
{
	struct options o;
	const struct disk_options *d = o.disks;

	assert_int_equal(
	    parse(&o, "run --kernel=a=b --initrd i --append x=1 --cpus 8 --memory 0x200M "
		      "--exit-on-reboot --stats --flight-recorder f,g,size=1M --disk "
		      "a,,b,format=raw,aio=sync,direct=on,queues=64,queue-size=32768,ring=both,"
		      "readonly=on,cache=writethrough,serial=s=1,transport=modern,irq=intx,"
		      "notify=exit,signal=ioctl,merge=on,zoned=host-aware,zone-size=1M,"
		      "block-size=4K,features=+event_idx:-mq:-event-idx,delay=1ms-2ms,"
		      "error=0.5:read,error=sector:7-9 --disk null,aio=null,size=4G,iothread=off"),
	    0);
	assert_string_equal(o.kernel, "a=b");
	assert_string_equal(o.append, "x=1");
	assert_int_equal(o.cpus, 8);
	assert_int_equal(o.memory, 512 << 20);
	assert_true(o.exit_on_reboot && o.stats);
	assert_string_equal(o.flight_recorder, "f,g");
	assert_int_equal(o.flight_recorder_size, 1 << 20);
	assert_int_equal(o.disk_count, 2);
	assert_string_equal(d[0].path, "a,b");
	assert_int_equal(d[0].aio, AIO_SYNC);
	assert_true(d[0].direct && d[0].read_only && d[0].merge && d[0].iothread);
	assert_int_equal(d[0].queues, 64);
	assert_int_equal(d[0].queue_size, 32768);
	assert_int_equal(d[0].ring, RING_BOTH);
	assert_int_equal(d[0].cache, CACHE_WRITETHROUGH);
	assert_string_equal(d[0].serial, "s=1");
	assert_int_equal(d[0].transport, TRANSPORT_MODERN);
	assert_int_equal(d[0].irq, IRQ_INTX);
	assert_int_equal(d[0].notify, NOTIFY_EXIT);
	assert_int_equal(d[0].signal, SIGNAL_IOCTL);
	assert_int_equal(d[0].zoned, ZONED_HOST_AWARE);
	assert_int_equal(d[0].zone_size, 1 << 20);
	assert_int_equal(d[0].block_size, 4096);
	assert_int_equal(d[0].features_on, 0);
	assert_int_equal(d[0].features_off, 1 << 12 | 1 << 29);
	assert_int_equal(d[0].fault.delay_ns, 1000000);
	assert_int_equal(d[0].fault.delay_max_ns, 2000000);
	assert_true(d[0].fault.error_rate == 0.5);
	assert_int_equal(d[0].fault.error_kind, FAULT_READ);
	assert_true(d[0].fault.error_sectors);
	assert_int_equal(d[0].fault.error_first, 7);
	assert_int_equal(d[0].fault.error_last, 9);
	/* Served on the vCPU's own thread, a queue is kicked and signalled there, too. */
	assert_int_equal(d[1].aio, AIO_NULL);
	assert_int_equal(d[1].size, 4ull << 30);
	assert_int_equal(d[1].notify, NOTIFY_EXIT);
	assert_int_equal(d[1].signal, SIGNAL_IOCTL);
	options_release(&o);

	assert_int_equal(parse(&o, "bench --disk d --rw randrw --block-size 512 --depth 7 --count "
				   "9 --verify --seed 0 --json"),
			 0);
	assert_string_equal(o.bench.rw, "randrw");
	assert_int_equal(o.bench.block_size, 512);
	assert_int_equal(o.bench.depth, 7);
	assert_int_equal(o.bench.count, 9);
	assert_int_equal(o.bench.time_ns, 0);
	assert_int_equal(o.bench.seed, 0);
	assert_true(o.bench.verify && o.bench.json);
	options_release(&o);
}

/* Every choice becomes its own enum value: order and words of the tables belong together. */
static void test_choices_are_stored(void **state)
{
	for (size_t i = 0; i < disk_row_count; i++) {
		const struct option_row *row = &disk_rows[i];
		const char *at = row->choices;

		if (row->kind != OPTION_CHOICE || row->at == SIZE_MAX)
			continue;
		for (int value = 0; *at; value++) {
			size_t n = strcspn(at, "|");
			struct disk_options disk;
			char text[64];

			snprintf(text, sizeof(text), "%s,%s=%.*s",
				 strncmp(at, "null", n) ? "d" : "null", row->name, (int)n, at);
			assert_int_equal(options_parse_disk(&disk, text, message, sizeof(message)),
					 0);
			assert_int_equal(*(int *)((uint8_t *)&disk + row->at), value);
			options_release_disk(&disk);
			at += n + (at[n] == '|');
		}
	}
}

/* --- grammars of their own ------------------------------------------------------------- */

#define DISK(keys) "run --kernel k --disk " keys

static void test_numbers(void **state)
{
	bad("run --kernel k --memory 1", "--memory '1' is out of range", "2 MiB to 1 TiB", NULL);
	bad("run --kernel k --memory 999999999T", "--memory '999999999T' is out of range", NULL,
	    NULL);
	bad("run --kernel k --memory 1.5G", "--memory '1.5G' is no size",
	    "allowed: bytes, or a number with K, M, G or T", NULL);
	bad("run --kernel k --memory 3M512", "is no size", NULL, NULL);
	bad("run --kernel k --memory 2097664", "--memory", "multiple of 1 MiB", NULL);
	bad("run --kernel k --cpus 0", "--cpus '0' is out of range; allowed: 1 to 64", NULL, NULL);
	bad("run --kernel k --cpus", "--cpus needs a value: N", NULL, NULL);
	bad("run --kernel k --stats=on", "--stats takes no value, not 'on'", NULL, NULL);
	bad("run --kernel k --cpus 1 --cpus 2", "--cpus is given twice", NULL, NULL);
	bad(DISK("d,queue-size=48"), "--disk queue-size='48' is no power of two",
	    "allowed: 1, 2, 4 ... 32768", NULL);
	bad(DISK("d,block-size=1000"), "--disk block-size='1000' is no power of two", NULL, NULL);
	bad(DISK("null,aio=null,size=513"), "--disk size='513' is no multiple of 512", NULL, NULL);
	bad("bench --disk d --time 10", "--time '10' is no time", "ns, us, ms or s", NULL);
	bad("run --kernel k --flight-recorder f,size=1K", "--flight-recorder '1K' is out of range",
	    "64 KiB to 64 GiB", NULL);
	bad("run --kernel k --flight-recorder ,size=1M", "names no file", NULL, NULL);
}

static void test_delay(void **state)
{
	good(DISK("d,delay=0"));
	good(DISK("d,delay=1us-1us"));
	bad(DISK("d,delay=5"), "--disk delay='5' is no time; allowed", NULL, NULL);
	bad(DISK("d,delay=2ms-1ms"), "--disk delay='2ms-1ms' ends before it begins",
	    "shorter time first", NULL);
	bad(DISK("d,delay=1ms-"), "--disk delay=''", "allowed", NULL);
	bad(DISK("d,delay=99999999999999999999s"), "is no time", NULL, NULL);
}

static void test_error(void **state)
{
	good(DISK("d,error=0"));
	good(DISK("d,error=1:stuck"));
	good(DISK("d,error=.5:flush"));
	good(DISK("d,error=sector:5"));
	bad(DISK("d,error=1.1"), "--disk error='1.1' is no rate; allowed: 0 to 1", NULL, NULL);
	bad(DISK("d,error=nan"), "is no rate", NULL, NULL);
	bad(DISK("d,error=1e-3"), "is no rate", NULL, NULL);
	bad(DISK("d,error=0.1:reed"), "--disk error='reed' is not known",
	    "allowed: all, read, write, flush, stuck", "did you mean 'read'?");
	bad(DISK("d,error=sector:9-7"), "'sector:9-7' ends before it begins", NULL, NULL);
	bad(DISK("d,error=sector:"), "is no sector range; allowed: sector:A or sector:A-B", NULL,
	    NULL);
}

static void test_lifetime(void **state)
{
	struct disk_options disk;

	assert_int_equal(options_parse_disk(&disk, "d,lifetime=3:0:11", message, sizeof(message)),
			 0);
	assert_true(disk.lifetime_given);
	assert_int_equal(disk.lifetime[0], 3);
	assert_int_equal(disk.lifetime[1], 0);
	assert_int_equal(disk.lifetime[2], 11);
	options_release_disk(&disk);
	bad(DISK("d,lifetime=4:0:0"), "--disk lifetime='4:0:0' is no lifetime; allowed: EOL:A:B",
	    NULL, NULL);
	bad(DISK("d,lifetime=0:12:0"), "is no lifetime", NULL, NULL);
	bad(DISK("d,lifetime=1:1"), "is no lifetime", NULL, NULL);
	bad(DISK("d,lifetime=1:1:1:1"), "is no lifetime", NULL, NULL);
	bad(DISK("d,lifetime=1"), "is no lifetime", NULL, NULL);
	bad(DISK("d,lifetime="), "is no lifetime", NULL, NULL);
}

static void test_features(void **state)
{
	char line[100];

	for (size_t i = 0; i < feature_count; i++) {
		snprintf(line, sizeof(line), DISK("d,ring=both,features=+%s"),
			 feature_names[i].name);
		good(line);
	}
	good(DISK("d,features="));
	bad(DISK("d,features=mq"), "--disk features='mq' has no sign; write +mq", "-mq", NULL);
	bad(DISK("d,features=+flsh"), "features='+flsh' is no virtio-blk feature",
	    "did you mean 'flush'?", NULL);
	bad(DISK("d,features=+zzzzzzzzzzzz"), "allowed: names such as", NULL, NULL);
}

static void test_disks(void **state)
{
	char names[OPTIONS_MAX_DISKS + 1][16];
	char run[] = "run", kernel[] = "--kernel=k";
	char *argv[OPTIONS_MAX_DISKS + 5] = {run, run, kernel};
	struct options o;
	int argc = 3;

	bad(DISK(",aio=sync"), "--disk ',aio=sync' names no file", "PATH[,key=value...]", NULL);
	bad(DISK("d,aoi=sync"), "--disk key 'aoi' is not known; did you mean 'aio'?", NULL, NULL);
	bad(DISK("d,colour=red"), "--disk key 'colour' is not known", "run --help", NULL);
	bad(DISK("d,direct"), "--disk key 'direct' has no value; write direct=on|off", NULL, NULL);
	bad(DISK("d,"), "--disk key '' is not known", NULL, NULL);
	bad(DISK("d,queues=1,queues=1"), "--disk key 'queues' is given twice", NULL, NULL);
	bad(DISK("d,aio=snyc"), "--disk aio='snyc' is not known; allowed: io_uring, sync, null",
	    "did you mean 'sync'?", NULL);
	/* As many as there are PCI slots for, and no more. */
	for (int i = 0; i <= OPTIONS_MAX_DISKS; i++) {
		snprintf(names[i], sizeof(names[i]), "--disk=d%d", i);
		argv[argc++] = names[i];
	}
	assert_int_equal(options_parse(&o, argc - 1, argv, message, sizeof(message)), 0);
	assert_int_equal(o.disk_count, OPTIONS_MAX_DISKS);
	options_release(&o);
	assert_int_equal(options_parse(&o, argc, argv, message, sizeof(message)), 2);
	assert_string_equal(message, "--disk 'd16' is one too many; allowed: 16 disks");
	options_release(&o);
}

/* What is right by itself and cannot be together is refused before anything is looked at. */
static void test_combinations(void **state)
{
	bad("run", "nothing to run; give --kernel FILE or --payload ELF", NULL, NULL);
	bad("run --kernel k --payload p", "--kernel 'k' and --payload 'p' exclude each other", NULL,
	    NULL);
	bad("run --payload p --initrd i", "--initrd 'i' needs --kernel", NULL, NULL);
	bad("run --payload p --append x", "--append 'x' needs --kernel", NULL, NULL);
	bad("bench", "bench takes exactly one --disk, not 0", NULL, NULL);
	bad("bench --disk a --disk b", "bench takes exactly one --disk, not 2", NULL, NULL);
	bad("qtest", "qtest needs a --disk", NULL, NULL);
	bad("run --kernel k --disk a --disk a", "--disk 'a' is given twice", "readonly=on", NULL);
	bad("run --kernel k --disk a,readonly=on --disk a", "'a' is given twice", NULL, NULL);
	good("run --kernel k --disk a,readonly=on --disk a,readonly=on");
	good("run --kernel k --disk null,aio=null --disk null,aio=null");
	bad(DISK("d,iothread=off,notify=ioeventfd"), "iothread='off'", "use notify=exit", NULL);
	bad(DISK("d,aio=null"), "--disk 'd' is a file, and aio='null' uses none",
	    "--disk null,aio=null", NULL);
	bad(DISK("d,size=1G"), "--disk size= is for aio=null only", "'d'", NULL);
	bad(DISK("d,zone-size=1M"), "--disk zone-size= needs zoned=", NULL, NULL);
	bad(DISK("d,zoned=host-managed,zone-size=3M"), "power of two", NULL, NULL);
	bad(DISK("d,zone-max-open=1"), "--disk zone-max-open= needs zoned=", NULL, NULL);
	bad(DISK("d,zoned=host-managed,zone-size=1M,zone-capacity=2M"), "larger than the zone",
	    NULL, NULL);
	bad(DISK("d,zoned=host-aware,zone-max-active=1"), "need zoned=host-managed", NULL, NULL);
	bad(DISK("d,zoned=host-managed,transport=legacy"), "transport=modern", NULL, NULL);
	bad(DISK("d,zoned=host-managed,features=+discard"), "zoned='host-managed'", "'+discard'",
	    NULL);
	bad(DISK("d,zoned=host-managed,features=-zoned"), "zoned='host-managed'", "'zoned'", NULL);
	bad("bench --disk d,zoned=host-aware", "leave zoned= out", NULL, NULL);
	bad(DISK("d,transport=legacy,ring=packed"), "--disk ring='packed' needs virtio 1.x",
	    "ring=split", NULL);
	bad(DISK("d,transport=legacy,features=+in-order"), "transport='legacy'", "'+in-order'",
	    "transport=modern");
	bad(DISK("d,transport=modern,features=-version-1"), "features='-version-1'",
	    "transport='modern'", NULL);
	bad(DISK("d,features=+ring-packed"), "features='+ring-packed' contradicts ring='split'",
	    NULL, NULL);
	bad(DISK("d,ring=packed,features=-ring-packed"),
	    "features='-ring-packed' contradicts ring='packed'", NULL, NULL);
}

/* --help tells of every row. */
static void test_help(void **state)
{
	static char text[65536];
	FILE *out = fmemopen(text, sizeof(text), "w");

	options_print_help(out, VMM_HELP);
	fclose(out);
	for (size_t i = 0; i < option_row_count; i++) {
		char name[40];

		snprintf(name, sizeof(name), "  --%s", option_rows[i].name);
		assert_non_null(strstr(text, name));
		assert_non_null(strstr(text, option_rows[i].help));
	}
	for (size_t i = 0; i < disk_row_count; i++) {
		char name[40];

		snprintf(name, sizeof(name), "\n  %s=", disk_rows[i].name);
		assert_non_null(strstr(text, name));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_every_option), cmocka_unit_test(test_every_key),
	    cmocka_unit_test(test_commands),     cmocka_unit_test(test_defaults),
	    cmocka_unit_test(test_stored),       cmocka_unit_test(test_choices_are_stored),
	    cmocka_unit_test(test_numbers),      cmocka_unit_test(test_delay),
	    cmocka_unit_test(test_error),        cmocka_unit_test(test_lifetime),
	    cmocka_unit_test(test_features),     cmocka_unit_test(test_disks),
	    cmocka_unit_test(test_combinations), cmocka_unit_test(test_help),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
