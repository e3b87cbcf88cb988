/* SPDX-License-Identifier: MIT */
/* vbtrace doctor: what this host can and cannot show, and the command that would change it. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "cli/options.h"
#include "cli/screen.h"
#include "lib/json.h"
#include "probes/host_facts.h"

struct doctor_options {
	bool json;
};

struct verdict {
	bool good;
	char text[256];
	char remedy[256]; /* empty: nothing to do, or nothing that would help */
};

static void say(char *to, size_t size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void say(char *to, size_t size, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	vsnprintf(to, size, format, list);
	va_end(list);
}

#define TEXT(v, ...)   say((v)->text, sizeof((v)->text), __VA_ARGS__)
#define REMEDY(v, ...) say((v)->remedy, sizeof((v)->remedy), __VA_ARGS__)

static void check_capabilities(struct verdict *v, const struct host_tracepoints *tracepoints)
{
	char missing[128];

	v->good = !host_missing_capabilities(missing, sizeof(missing));
	if (v->good) {
		TEXT(v, "all that probes need");
		return;
	}
	TEXT(v, "missing: %s; no kernel marks without", missing);
	REMEDY(v, "sudo vbtrace, or: sudo setcap cap_bpf,cap_perfmon,cap_sys_ptrace+ep "
		  "$(command -v vbtrace)");
}

static void check_btf(struct verdict *v, const struct host_tracepoints *tracepoints)
{
	v->good = tracepoints->btf;
	TEXT(v, v->good ? "the kernel describes its types"
			: "none: marks that follow kernel structures are absent");
	if (!v->good)
		REMEDY(v, "boot a kernel with CONFIG_DEBUG_INFO_BTF=y");
}

static void check_probes(struct verdict *v, const struct host_tracepoints *tracepoints)
{
	static const char *const names[] = {
#define X(tracepoint, point, pointers) #tracepoint,
	    VBT_KERNEL_PROBES(X)
#undef X
	};
	unsigned have = 0;
	bool kvm = false;

	for (unsigned i = 0; i < VBT_KERNEL_PROBE_COUNT; i++) {
		size_t used = strlen(v->text);

		have += tracepoints->has[i];
		if (tracepoints->has[i] && !strncmp(names[i], "kvm_", 4))
			kvm = true;
		if (!tracepoints->has[i])
			say(v->text + used, sizeof(v->text) - used, "%s%s",
			    used ? ", " : "not in this kernel: ", names[i]);
	}
	/* The other name of io_uring's tracepoint is always missing: kernels have one of the two. */
	v->good = have + 1 >= VBT_KERNEL_PROBE_COUNT;
	if (have == VBT_KERNEL_PROBE_COUNT)
		TEXT(v, "all there");
	if (!kvm)
		REMEDY(v, "sudo modprobe kvm");
}

static void check_kvm(struct verdict *v, const struct host_tracepoints *tracepoints)
{
	int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	v->good = fd >= 0;
	TEXT(v, v->good ? "usable" : "cannot open /dev/kvm: %s", strerror(errno));
	if (fd >= 0)
		close(fd);
	else if (errno == EACCES)
		REMEDY(v, "sudo usermod -aG kvm $USER, then log in again");
	else
		REMEDY(v,
		       "sudo modprobe kvm_intel or kvm_amd; where there is none: lab/run COMMAND");
}

static void check_interrupts(struct verdict *v, const struct host_tracepoints *tracepoints)
{
	const char *parameter = host_apicv();

	v->good = !parameter;
	if (v->good) {
		TEXT(v, "delivery and end-of-interrupt pass through KVM");
		return;
	}
	TEXT(v, "not observable: %s lets hardware deliver them", parameter);
	REMEDY(v, "unload and load the module with '%s=0'", parameter);
}

static void check_clock(struct verdict *v, const struct host_tracepoints *tracepoints)
{
	char source[64];

	host_read_line("/sys/devices/system/clocksource/clocksource0/current_clocksource", source,
		       sizeof(source));
	v->good = !strcmp(source, "tsc");
	if (v->good)
		TEXT(v, "TSC: a stage record costs some 10 ns");
	else
		TEXT(v,
		     "the kernel keeps time by '%s': stage records may need clock_gettime, which "
		     "costs more",
		     source);
}

static const struct {
	const char *name;
	void (*check)(struct verdict *verdict, const struct host_tracepoints *tracepoints);
} checks[] = {
    {"capabilities", check_capabilities},
    {"btf", check_btf},
    {"probes", check_probes},
    {"kvm", check_kvm},
    {"interrupts", check_interrupts},
    {"clock", check_clock},
};

static void print_text(const struct screen *screen, const char *name, const struct verdict *v)
{
	printf("%s%-8s%s %-13s %s\n", screen_colour(screen, v->good ? COLOUR_GREEN : COLOUR_YELLOW),
	       v->good ? "ok" : "limited", screen_colour(screen, COLOUR_NONE), name, v->text);
	if (v->remedy[0])
		printf("%22s -> %s\n", "", v->remedy);
}

static int run_doctor(const void *values, const struct arguments *arguments)
{
	const struct doctor_options *options = values;
	struct host_tracepoints tracepoints; /* reading the kernel's BTF takes longest: once */
	struct vbt_json json;
	struct screen screen;

	host_tracepoints(&tracepoints);
	screen_init(&screen, stdout);
	vbt_json_init(&json, stdout, true);
	if (options->json) {
		vbt_json_object(&json, NULL);
		vbt_json_array(&json, "checks");
	}
	for (size_t i = 0; i < sizeof(checks) / sizeof(*checks); i++) {
		struct verdict verdict = {0};

		checks[i].check(&verdict, &tracepoints);
		if (!options->json) {
			print_text(&screen, checks[i].name, &verdict);
			continue;
		}
		vbt_json_object(&json, NULL);
		vbt_json_string(&json, "name", checks[i].name);
		vbt_json_bool(&json, "ok", verdict.good);
		vbt_json_string(&json, "text", verdict.text);
		vbt_json_string(&json, "remedy", verdict.remedy);
		vbt_json_end(&json, '}');
	}
	if (options->json) {
		vbt_json_end(&json, ']');
		vbt_json_end(&json, '}');
		putchar('\n');
	}
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
