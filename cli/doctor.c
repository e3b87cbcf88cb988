/* SPDX-License-Identifier: MIT */
/* vbtrace doctor: what this host can and cannot show, and the command that would change it. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "cli/doctor.h"
#include "cli/options.h"
#include "cli/screen.h"
#include "lib/event.h"
#include "lib/json.h"
#include "probes/stage_tsc.h"

struct doctor_options {
	bool json;
};

void verdict_text(struct verdict *verdict, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	vsnprintf(verdict->text, sizeof(verdict->text), format, list);
	va_end(list);
}

void verdict_remedy(struct verdict *verdict, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	vsnprintf(verdict->remedy, sizeof(verdict->remedy), format, list);
	va_end(list);
}

static void check_capabilities(struct verdict *v, const struct doctor_facts *facts)
{
	char missing[128];

	v->good = !host_missing_capabilities(HOST_TO_LOAD, missing, sizeof(missing));
	if (v->good) {
		verdict_text(v, "all that probes need");
		return;
	}
	verdict_text(v, "missing: %s; no kernel marks without", missing);
	host_capability_remedy(v->remedy);
}

static void check_processes(struct verdict *v, const struct doctor_facts *facts)
{
	char missing[128];

	v->good = !host_missing_capabilities(HOST_TO_LOOK, missing, sizeof(missing));
	if (v->good) {
		verdict_text(v, "VMMs of all users can be looked into");
		return;
	}
	verdict_text(v, "missing: %s; only VMMs of your own without", missing);
	host_capability_remedy(v->remedy);
}

static void check_btf(struct verdict *v, const struct doctor_facts *facts)
{
	v->good = facts->tracepoints.btf;
	verdict_text(v, v->good ? "the kernel describes its types"
				: "none: marks that follow kernel structures are absent");
	if (!v->good)
		verdict_remedy(v, "boot a kernel with CONFIG_DEBUG_INFO_BTF=y");
}

static void check_addresses(struct verdict *v, const struct doctor_facts *facts)
{
	struct vbt_symbols symbols;

	host_symbols(&symbols);
	/* Nothing is lost by it: direct I/O is then told by its submission. */
	v->good = true;
	verdict_text(v, symbols.io_complete_rw
			    ? "of kernel functions are known: direct I/O is followed by pointers"
			    : "of kernel functions are hidden: each submission is looked at, which "
			      "costs a little more");
	if (!symbols.io_complete_rw)
		verdict_remedy(v, "sudo sysctl kernel.kptr_restrict=1, and run with CAP_SYSLOG");
}

static void check_probes(struct verdict *v, const struct doctor_facts *facts)
{
	unsigned bad = 0;

	for (unsigned i = 0; i < VBT_KERNEL_PROBE_COUNT; i++) {
		struct verdict one = {0};

		doctor_check_probe(facts, i, &one);
		bad += !one.good;
		if (!one.good && !v->remedy[0])
			memcpy(v->remedy, one.remedy, sizeof(v->remedy));
	}
	v->good = !bad;
	if (bad)
		verdict_text(v, "%u of %d are missing, see below", bad, VBT_KERNEL_PROBE_COUNT);
	else
		verdict_text(v, "all can be attached");
}

static void check_kvm(struct verdict *v, const struct doctor_facts *facts)
{
	int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	v->good = fd >= 0 && host_virtualizes();
	if (v->good)
		verdict_text(v, "usable");
	else if (fd >= 0)
		verdict_text(v, "runs only guests that were made for it: the processor has neither "
				"vmx nor svm");
	else
		verdict_text(v, "cannot open /dev/kvm: %s", strerror(errno));
	if (fd < 0 && errno == EACCES)
		verdict_remedy(v, "sudo usermod -aG kvm $USER, then log in again");
	else if (fd < 0)
		verdict_remedy(
		    v, "sudo modprobe kvm_intel or kvm_amd; where there is none: lab/run COMMAND");
	else if (!v->good)
		verdict_remedy(v, "lab/run COMMAND has one for any guest");
	if (fd >= 0)
		close(fd);
}

static void check_interrupts(struct verdict *v, const struct doctor_facts *facts)
{
	const char *parameter = host_apicv();

	v->good = !parameter;
	if (v->good) {
		verdict_text(v, "delivery and end-of-interrupt pass through KVM");
		return;
	}
	verdict_text(v, "not observable: %s lets hardware deliver them", parameter);
	verdict_remedy(v, "unload and load the module with '%s=0'", parameter);
}

static void check_clock(struct verdict *v, const struct doctor_facts *facts)
{
	char source[64];

	host_read_line("/sys/devices/system/clocksource/clocksource0/current_clocksource", source,
		       sizeof(source));
	v->good = stage_tsc_usable();
	if (v->good)
		verdict_text(v, "TSC (the kernel's is '%s'): a stage record costs some 10 ns",
			     source);
	else
		verdict_text(v,
			     "the kernel keeps time by '%s': stage records need clock_gettime, "
			     "which costs more",
			     source);
}

static const struct {
	const char *name;
	void (*check)(struct verdict *verdict, const struct doctor_facts *facts);
} checks[] = {
    {"capabilities", check_capabilities}, {"processes", check_processes}, {"btf", check_btf},
    {"addresses", check_addresses},       {"probes", check_probes},       {"kvm", check_kvm},
    {"interrupts", check_interrupts},     {"clock", check_clock},
};

/* What doctor prints: the host as a whole, then each mark, then each probe. */
static void judge_check(const struct doctor_facts *facts, unsigned i, const char **name,
			struct verdict *v)
{
	*name = checks[i].name;
	checks[i].check(v, facts);
}

static void judge_mark(const struct doctor_facts *facts, unsigned i, const char **name,
		       struct verdict *v)
{
	*name = vbt_point_name(i);
	doctor_check_mark(facts, i, v);
}

static void judge_probe(const struct doctor_facts *facts, unsigned i, const char **name,
			struct verdict *v)
{
	*name = doctor_probe_name(i);
	doctor_check_probe(facts, i, v);
}

static const struct {
	const char *key, *title;
	unsigned count;
	void (*judge)(const struct doctor_facts *facts, unsigned i, const char **name,
		      struct verdict *v);
} sections[] = {
    {"checks", "This host", sizeof(checks) / sizeof(*checks), judge_check},
    {"marks", "Marks, and what shows them", VBT_MARK_COUNT, judge_mark},
    {"probes", "Probes of the kernel, and what they show", VBT_KERNEL_PROBE_COUNT, judge_probe},
};

/* `before`: the last remedy that was printed; what mends many things is said once a section. */
static void print_text(const struct screen *screen, const char *name, const struct verdict *v,
		       char before[HOST_REMEDY_SIZE])
{
	printf("%s%-8s%s %-20s %s\n", screen_colour(screen, v->good ? COLOUR_GREEN : COLOUR_YELLOW),
	       v->good ? "ok" : "limited", screen_colour(screen, COLOUR_NONE), name, v->text);
	if (v->remedy[0] && strcmp(v->remedy, before) != 0)
		printf("%29s -> %s\n", "", v->remedy);
	if (v->remedy[0])
		memcpy(before, v->remedy, HOST_REMEDY_SIZE);
}

static void print_json(struct vbt_json *json, const char *name, const struct verdict *v)
{
	vbt_json_object(json, NULL);
	vbt_json_string(json, "name", name);
	vbt_json_bool(json, "ok", v->good);
	vbt_json_string(json, "text", v->text);
	vbt_json_string(json, "remedy", v->remedy);
	vbt_json_end(json, '}');
}

static void print_section(const struct doctor_facts *facts, unsigned section, struct vbt_json *json)
{
	char before[HOST_REMEDY_SIZE] = "";
	struct screen screen;

	screen_init(&screen, stdout);
	if (json)
		vbt_json_array(json, sections[section].key);
	else
		printf("%s%s%s%s\n", section ? "\n" : "", screen_colour(&screen, COLOUR_BOLD),
		       sections[section].title, screen_colour(&screen, COLOUR_NONE));
	for (unsigned i = 0; i < sections[section].count; i++) {
		struct verdict verdict = {0};
		const char *name;

		sections[section].judge(facts, i, &name, &verdict);
		if (json)
			print_json(json, name, &verdict);
		else
			print_text(&screen, name, &verdict, before);
	}
	if (json)
		vbt_json_end(json, ']');
}

static int run_doctor(const void *values, const struct arguments *arguments)
{
	const struct doctor_options *options = values;
	struct doctor_facts facts = {0};
	struct vbt_json json;

	host_tracepoints(&facts.tracepoints);
	facts.source = kernel_source_open(0, facts.problem, sizeof(facts.problem));
	if (facts.source) {
		kernel_source_watch(facts.source, VBT_PROBES_kvm, true);
		kernel_source_watch(facts.source, VBT_PROBES_submission, true);
	}
	vbt_json_init(&json, stdout, true);
	if (options->json)
		vbt_json_object(&json, NULL);
	for (unsigned i = 0; i < sizeof(sections) / sizeof(*sections); i++)
		print_section(&facts, i, options->json ? &json : NULL);
	if (options->json) {
		vbt_json_end(&json, '}');
		putchar('\n');
	}
	kernel_source_close(facts.source);
	return CLI_SUCCESS;
}

static const struct option_row doctor_rows[] = {
    {.name = "json",
     .kind = OPTION_FLAG,
     .at = offsetof(struct doctor_options, json),
     .help = "as one JSON object"},
    {0},
};

const struct command command_doctor = {
    .name = "doctor",
    .purpose = "say what this host can and cannot show, and what would change it",
    .arguments = "",
    .options = doctor_rows,
    .size = sizeof(struct doctor_options),
    .run = run_doctor,
};
