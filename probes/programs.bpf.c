/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * The BPF programs: one object, loaded by probes/session.c through its generated skeleton. Each
 * program is independent; the session leaves out those that this kernel cannot take.
 */
#include <linux/bpf.h>
#include <linux/ptrace.h>
#include <stdbool.h>
#include <stdint.h>

/* bpf_core_read.h uses bpf_helpers.h. */
/* clang-format off */
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
/* clang-format on */
#include <bpf/bpf_tracing.h>
#include <bpf/usdt.bpf.h>

#include "lib/kernel_record.h"
#include "lib/record.h"
#include "lib/stage.h"
#include "probes/probe_table.h"

#ifndef NULL
#define NULL ((void *)0)
#endif

/* Each of these uses the ones above it. */
/* clang-format off */
#include "probes/kernel_types.h"
#include "probes/bpf_common.h"
#include "probes/bpf_kvm.h"
#include "probes/bpf_block.h"
#include "probes/bpf_usdt.h"
/* clang-format on */

const char LICENSE[] SEC("license") = "Dual MIT/GPL";
