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
	bool btf;                         /* the kernel describes its types at all */
	bool has[VBT_KERNEL_PROBE_COUNT]; /* typed tracepoints, of the kernel and of module kvm */
};
void host_tracepoints(struct host_tracepoints *described);

/* Addresses of the functions in struct vbt_symbols; 0 where hidden or absent. */
void host_symbols(struct vbt_symbols *symbols);

/* "CAP_BPF and CAP_PERFMON" into text, the capabilities that we lack. false: none lacks. */
bool host_missing_capabilities(char *text, size_t size);

/* First line of a small file, without its end; false if it cannot be read. */
bool host_read_line(const char *path, char *line, size_t size);

/*
 * Does hardware deliver the guests' interrupts, so that KVM's inject and end-of-interrupt
 * tracepoints do not fire? NULL if not, else the module parameter to change: "kvm_amd avic".
 */
const char *host_apicv(void);

#endif
