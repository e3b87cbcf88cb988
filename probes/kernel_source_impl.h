/* SPDX-License-Identifier: MIT */
/* What the files of the kernel's source share among themselves. */
#ifndef VBT_KERNEL_SOURCE_IMPL_H
#define VBT_KERNEL_SOURCE_IMPL_H

#include <stdarg.h>

#include <bpf/libbpf.h>

#include "probes/host_facts.h"
#include "probes/kernel_source.h"

#define REASON_SIZE 96
#define USDT_POINTS 16

struct probe {
	struct bpf_program *program, *end; /* `end`: of a function's exit; NULL: there is none */
	struct bpf_link *link, *end_link;
	bool ran; /* it was attached at least once */
	enum kernel_lack lacks;
	char missing[REASON_SIZE]; /* why it is not attached; empty: it is */
};

/* A target's device table as the filters have it. */
struct known {
	struct vbt_shm_device devices[VBT_SHM_MAX_DEVICES];
};

struct kernel_source {
	struct vbt_programs *skeleton;
	struct ring_buffer *ring;
	/* Positions in the ring buffer, in pages of the kernel's. */
	const uint64_t *consumed, *reserved;
	struct probe probes[VBT_KERNEL_PROBE_COUNT];
	struct bpf_link *usdt[VBT_BPF_TARGETS][USDT_POINTS];

	struct known known[VBT_BPF_TARGETS];

	/* For the duration of kernel_source_read. */
	const struct kernel_source_sink *sink;
	size_t left;
};

/* kernel_programs.c: libbpf's log function while programs are loaded and attached. */
int kernel_programs_log(enum libbpf_print_level level, const char *format, va_list args);

/*
 * Load, and when the kernel refuses one program, again without it. 0, or -errno of a failure
 * that leaving programs out does not mend.
 */
int kernel_programs_load(struct kernel_source *source, size_t buffer,
			 const struct host_tracepoints *described,
			 const struct vbt_symbols *symbols, int types);

/* Types for a kernel without BTF: a descriptor, or -errno. */
int kernel_programs_types(void);

/* Attach a probe, with its end if it has one, or say why not. */
void kernel_programs_attach(struct probe *probe, const char *name);
void kernel_programs_detach(struct probe *probe);

/* The sentence for an error of loading. */
void kernel_programs_explain(int error, char *err, size_t err_size);

#endif
