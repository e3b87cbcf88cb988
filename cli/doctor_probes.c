/* SPDX-License-Identifier: MIT */
/* What this host shows of each mark, and by which of its probes. */
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "cli/doctor.h"
#include "lib/event.h"
#include "probes/kernel_probe.h"

const char *doctor_probe_name(unsigned probe)
{
	return kernel_probes[probe].name;
}

/* NULL: it is attached, or can be. Else why not; `text` is for what has to be put together. */
static const char *missing(const struct doctor_facts *facts, unsigned probe, char *text,
			   size_t size)
{
	if (facts->source)
		return kernel_source_missing(facts->source, (enum vbt_kernel_probe)probe);
	snprintf(text, size, "%.*s", (int)strcspn(facts->problem, ";"), facts->problem);
	return text;
}

/* The version whose kernels take all programs: earlier ones lack what some of them use. */
#define OLDEST_KERNEL "5.15"

/* Earlier versions may know too little for a program; a later one says what it has against it. */
static const char *after_refusal(void)
{
	unsigned major = 0, minor = 0;
	struct utsname host;

	if (uname(&host) == 0 && sscanf(host.release, "%u.%u", &major, &minor) == 2 &&
	    (major < 5 || (major == 5 && minor < 15)))
		return "boot a kernel of version " OLDEST_KERNEL " or later";
	return "VBTRACE_LIBBPF_LOG=1 vbtrace doctor shows what the kernel has against it";
}

static void find_remedy(const struct doctor_facts *facts, unsigned probe, struct verdict *v)
{
	static const char *const remedies[] = {
	    [KERNEL_LACKS_btf] = "boot a kernel with CONFIG_DEBUG_INFO_BTF=y",
	    [KERNEL_LACKS_right] = "run as root: only CAP_SYS_ADMIN may read the types of modules",
	    [KERNEL_LACKS_types] = "boot a kernel of version " OLDEST_KERNEL
				   " or later with CONFIG_DEBUG_INFO_BTF_MODULES=y",
	    [KERNEL_LACKS_module] = "sudo modprobe kvm_intel, or kvm_amd",
	    [KERNEL_LACKS_attachment] = NULL, /* nothing is known that helps; as for a tracepoint */
	};
	enum kernel_lack lacks;
	char capabilities[128];

	if (!facts->source) {
		if (host_missing_capabilities(HOST_TO_LOAD, capabilities, sizeof(capabilities)))
			host_capability_remedy(v->remedy);
		return;
	}
	lacks = kernel_source_lacks(facts->source, (enum vbt_kernel_probe)probe);
	if (lacks == KERNEL_LACKS_program)
		verdict_remedy(v, "%s", after_refusal());
	else if (remedies[lacks])
		verdict_remedy(v, "%s", remedies[lacks]);
}

static bool serves_mark(unsigned probe, unsigned mark)
{
	return kernel_probes[probe].point == mark;
}

void doctor_check_probe(const struct doctor_facts *facts, unsigned probe, struct verdict *v)
{
	const unsigned point = kernel_probes[probe].point;
	char text[200];
	const char *why = missing(facts, probe, text, sizeof(text));
	const char *other =
	    why && facts->source
		? kernel_source_stand_in(facts->source, (enum vbt_kernel_probe)probe)
		: NULL;

	v->good = !why || other;
	if (other) {
		verdict_text(v, "%s: %s%s", why, other,
			     probe == VBT_PROBE_io_issue_sqe
				 ? " instead, and buffered I/O of io_uring is inferred"
				 : " instead");
	} else if (why) {
		verdict_text(v, "%s", why);
		find_remedy(facts, probe, v);
	} else {
		verdict_text(v, "%s%s", point < VBT_MARK_COUNT ? "" : "context for ",
			     point < VBT_MARK_COUNT    ? vbt_point_name(point)
			     : point < VBT_POINT_COUNT ? "inject"
						       : "queue");
	}
}

static void hidden_by_hardware(const char *parameter, struct verdict *v)
{
	v->good = false;
	verdict_text(v, "not observable: %s lets hardware do it", parameter);
	verdict_remedy(v, "unload the module, and load it with '%s=0'", parameter);
}

void doctor_check_mark(const struct doctor_facts *facts, unsigned mark, struct verdict *v)
{
	const char *parameter = host_apicv();
	unsigned have = 0, first = VBT_KERNEL_PROBE_COUNT;
	char by[300] = "", text[200];
	size_t used = 0;

	if (vbt_point_is_vmm(mark)) {
		v->good = true;
		verdict_text(v, "any VMM with stage points, by its ring or by USDT");
		return;
	}
	for (unsigned i = 0; i < VBT_KERNEL_PROBE_COUNT && used < sizeof(by); i++) {
		if (!serves_mark(i, mark))
			continue;
		if (first == VBT_KERNEL_PROBE_COUNT)
			first = i;
		if (missing(facts, i, text, sizeof(text)))
			continue;
		used += (size_t)snprintf(by + used, sizeof(by) - used, "%s%s", have ? ", " : "",
					 kernel_probes[i].name);
		have++;
	}
	v->good = have > 0;
	if (have && mark == VBT_MARK_eoi && parameter)
		hidden_by_hardware(parameter, v);
	else if (have)
		verdict_text(v, "%s", by);
	else
		doctor_check_probe(facts, first, v);
}
