/* SPDX-License-Identifier: MIT */
/*
 * Facts about the host that decide what can be seen: what its kernel describes, what we are
 * allowed to, what hides interrupts. Reads files under /proc and /sys, changes nothing.
 */
#ifndef VBT_HOST_FACTS_H
#define VBT_HOST_FACTS_H

#include <stdbool.h>
#include <stddef.h>

#include "probes/probe_table.h"

struct host_tracepoints {
	bool btf;    /* the kernel describes its types at all */
	bool hidden; /* but the types of its modules only to CAP_SYS_ADMIN */
	bool has
	    [VBT_KERNEL_PROBE_COUNT]; /* typed tracepoints and functions, of the kernel and of module kvm */
};
void host_tracepoints(struct host_tracepoints *described);

/* Addresses of the functions in struct vbt_symbols; 0 where hidden or absent. */
void host_symbols(struct vbt_symbols *symbols);

/*
 * Capabilities, by what they are needed for. Loading programs: that. Looking into a VMM: only one of another
 * user. Reading the types of kernel modules: of kvm's end-of-interrupt, where kvm is a module.
 */
enum host_need { HOST_TO_LOAD = 1, HOST_TO_LOOK = 2, HOST_TO_READ_MODULES = 4 };

/* Is kvm a module with types of its own? They are read while programs are loaded. */
bool host_kvm_is_module(void);

/* Is kvm there at all; and was it loaded, as a module with types or without? */
bool host_kvm_is_there(void);
bool host_kvm_was_loaded(void);

/* "CAP_BPF, CAP_PERFMON" into text, those that we lack for `needs`. false: none lacks. */
bool host_missing_capabilities(unsigned needs, char *text, size_t size);

/* What to do about it: "run as root, or: sudo setcap cap_bpf,...+ep /usr/bin/vbtrace" */
#define HOST_REMEDY_SIZE 320
void host_capability_remedy(char text[HOST_REMEDY_SIZE]);

/* Both in one: "CAP_BPF missing; run as root, or: ..."; false, and "a right missing; ...", if none lacks. */
#define HOST_LACK_SIZE (HOST_REMEDY_SIZE + 144)
bool host_lack(unsigned needs, char text[HOST_LACK_SIZE]);

/* First line of a small file, without its end; false if it cannot be read. */
bool host_read_line(const char *path, char *line, size_t size);

/*
 * Has the processor virtualization, vmx or svm? A /dev/kvm on one that has not is for guests that were made
 * for it.
 */
bool host_virtualizes(void);

/*
 * Does hardware deliver the guests' interrupts, so that KVM's inject and end-of-interrupt
 * tracepoints do not fire? NULL if not, else the module parameter to change: "kvm_amd avic".
 */
const char *host_apicv(void);

#endif
