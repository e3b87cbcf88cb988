/* SPDX-License-Identifier: MIT */
/*
 * The kernel's events: loads the BPF programs, attaches what this kernel offers, and reads their
 * ring buffer. A probe that is missing costs its own marks and is reported by name.
 *
 * Belongs to one thread.
 */
#ifndef VBT_KERNEL_SOURCE_H
#define VBT_KERNEL_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/kernel_record.h"
#include "lib/record.h"
#include "lib/stage.h"
#include "probes/probe_table.h"

struct kernel_source;

/*
 * Load all, attach VBT_PROBES_block; `buffer` bytes of ring buffer (0: 8 MiB; rounded up to a power of two).
 * NULL with a sentence in err that names the missing capability or kernel feature.
 */
struct kernel_source *kernel_source_open(size_t buffer, char *err, size_t err_size);
void kernel_source_close(struct kernel_source *source);

/* Take the probes away; what is in the buffer can still be read. */
void kernel_source_detach(struct kernel_source *source);

/* What a probe lacks, for which reason it is missing: each has its sentence, and whoever knows a way out may go by it. */
enum kernel_lack {
	KERNEL_LACKS_nothing,
	KERNEL_LACKS_btf,        /* the kernel does not describe its types at all */
	KERNEL_LACKS_right,      /* it does not describe those of its modules to us */
	KERNEL_LACKS_types,      /* it does not describe those of its modules */
	KERNEL_LACKS_module,     /* kvm is not loaded */
	KERNEL_LACKS_tracepoint, /* this version has none of that name */
	KERNEL_LACKS_function,   /* nor such a function */
	KERNEL_LACKS_program,    /* it refuses the program */
	KERNEL_LACKS_attachment, /* it has loaded the program, and does not attach it */
};
enum kernel_lack kernel_source_lacks(const struct kernel_source *source,
				     enum vbt_kernel_probe probe);

/* NULL if the probe is attached, or its group is not asked for; else why not. */
const char *kernel_source_missing(const struct kernel_source *source, enum vbt_kernel_probe probe);

/* Of a group of which one will do, the name of another one that is not missing; NULL: there is none. */
const char *kernel_source_stand_in(const struct kernel_source *source, enum vbt_kernel_probe probe);

/* Trace a process as target `index`; pid 0 ends it. */
void kernel_source_set_target(struct kernel_source *source, unsigned index, pid_t pid);

/* Which doorbells and lines are a target's. Counts of doorbells that stay go on. 0 or -errno. */
int kernel_source_set_devices(struct kernel_source *source, unsigned index,
			      const struct vbt_shm_device *devices, unsigned count);

/*
 * Attach or detach a group of probes; VBT_PROBES_block is attached from the start. I/O through io_uring that is
 * buffered, or whose pointers cannot be followed, can only be told by the request that its task works on:
 * VBT_PROBES_submission, on every submission of the host. Of this group the first that can be had is attached.
 */
void kernel_source_watch(struct kernel_source *source, enum vbt_probe_group group, bool on);

/*
 * Can a direct I/O's bio be followed to its request by pointers? That takes the addresses of a few kernel
 * functions, which kernel.kptr_restrict or a missing CAP_SYSLOG hide. Else its submission must be watched.
 */
bool kernel_source_follows_pointers(const struct kernel_source *source);

/*
 * Attach the target's USDT points. 0, or -errno with a sentence in err. Detached by
 * kernel_source_detach, or when the target's slot is emptied.
 */
int kernel_source_attach_usdt(struct kernel_source *source, unsigned index, pid_t pid, char *err,
			      size_t err_size);

struct kernel_source_sink {
	void (*kernel)(void *context, const struct vbt_kernel_record *record);
	void (*usdt)(void *context, const struct vbt_usdt_record *record);
	void *context;
};

/* Read at most `max` records now. Number read. Does not wait. */
size_t kernel_source_read(struct kernel_source *source, const struct kernel_source_sink *sink,
			  size_t max);

/*
 * Where the ring buffer is reserved up to now, and whether all in front of such a position was
 * read. A CPU that is held up inside a program holds up all records behind its own; those that
 * are reserved after a call of kernel_source_reserved() are no older than the call.
 */
uint64_t kernel_source_reserved(const struct kernel_source *source);
bool kernel_source_reached(const struct kernel_source *source, uint64_t position);

/* How full the ring buffer is, in 256ths. */
unsigned kernel_source_fill(const struct kernel_source *source);

/*
 * How many bios of target `index` have not completed as far as the programs saw. `give_up`: forget
 * them, and count each as a completion that was lost. For a process that ended: it has no I/O left.
 */
size_t kernel_source_bios(struct kernel_source *source, unsigned index, bool give_up);

/* Events lost so far, by point, whatever the reason. */
void kernel_source_losses(const struct kernel_source *source, uint64_t lost[VBT_POINT_COUNT]);

#endif
