/* SPDX-License-Identifier: MIT */
/*
 * What the command line says. Parsing is pure (options.c): it touches no file and starts nothing;
 * every option and disk key is one row of a table that also yields --help, the man page and the
 * shell completion.
 */
#ifndef VMM_OPTIONS_H
#define VMM_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define OPTIONS_MAX_DISKS  16
#define OPTIONS_MAX_QUEUES 64
#define OPTIONS_MAX_CPUS   64

enum disk_aio { AIO_IO_URING, AIO_SYNC, AIO_NULL };
enum disk_cache { CACHE_WRITEBACK, CACHE_WRITETHROUGH };
enum disk_ring { RING_SPLIT, RING_PACKED, RING_BOTH };
enum disk_transport { TRANSPORT_TRANSITIONAL, TRANSPORT_MODERN, TRANSPORT_LEGACY };
enum disk_irq { IRQ_MSIX, IRQ_INTX };
enum disk_notify { NOTIFY_IOEVENTFD, NOTIFY_EXIT };
enum disk_signal { SIGNAL_IRQFD, SIGNAL_IOCTL };
enum disk_zoned { ZONED_NONE, ZONED_HOST_AWARE, ZONED_HOST_MANAGED };

/* error=RATE[:kind]: which operations fail, and how. */
enum fault_kind { FAULT_ALL, FAULT_READ, FAULT_WRITE, FAULT_FLUSH, FAULT_STUCK };

struct fault_options {
	uint64_t delay_ns; /* delay=TIME */
	uint64_t
	    delay_max_ns;  /* delay=TIME-TIME: random between them; equal to delay_ns if fixed */
	double error_rate; /* error=RATE: 0 to 1 */
	enum fault_kind error_kind;
	uint64_t error_first, error_last; /* error=sector:A-B: sectors that always fail */
	bool error_sectors;
};

struct disk_options {
	char *storage;    /* owns the strings; freed by options_release_disk */
	const char *path; /* "null" with aio=null needs no file */
	enum disk_aio aio;
	bool direct;
	unsigned queues;
	unsigned queue_size;
	enum disk_ring ring;
	bool read_only;
	enum disk_cache cache;
	const char *serial;
	enum disk_transport transport;
	enum disk_irq irq;
	enum disk_notify notify;
	enum disk_signal signal;
	bool iothread;
	bool merge; /* adjacent writes popped together become one host write */
	enum disk_zoned zoned;
	uint64_t zone_size, zone_capacity; /* bytes; emulated zones; 0: the default */
	unsigned zone_conventional, zone_max_open, zone_max_active;
	bool lifetime_given;
	uint16_t lifetime[3];               /* lifetime=EOL:A:B */
	uint64_t size;                      /* bytes; null disk only */
	uint32_t block_size;                /* logical block shown to the guest; 0: the host's */
	uint64_t features_on, features_off; /* features=+a:-b as virtio feature bits */
	struct fault_options fault;
};

enum vmm_command { VMM_RUN, VMM_BENCH, VMM_QTEST, VMM_HELP, VMM_TABLES, VMM_VERSION };

struct bench_options {
	const char *rw; /* read write randread randwrite randrw */
	uint64_t block_size;
	unsigned depth;   /* per queue */
	uint64_t time_ns; /* 0: until `count` */
	uint64_t count;
	bool verify;
	uint64_t seed;
	bool json;
};

struct options {
	enum vmm_command command;
	const char *kernel, *initrd, *append, *payload;
	struct disk_options disks[OPTIONS_MAX_DISKS];
	unsigned disk_count;
	unsigned cpus;
	uint64_t memory;
	bool exit_on_reboot;
	bool stats; /* count the exits by reason and print them at the end */
	const char *step;
	const char *flight_recorder;
	uint64_t flight_recorder_size;
	const char *qtest_socket; /* NULL: stdio */
	struct bench_options bench;
	enum vmm_command help_for; /* VMM_HELP: of this command; VMM_HELP itself: all */
	char *storage;             /* owns what is not in argv */
};

/*
 * Parse argv, which must outlive the options. 0, or the exit status to leave with (2 usage) with
 * one line in err that names the option, the value and what is allowed. Also refuses impossible
 * combinations. options_release is right in either case.
 */
int options_parse(struct options *options, int argc, char **argv, char *err, size_t err_size);
void options_release(struct options *options);

/*
 * One --disk value, "PATH[,key=value...]", as options_parse does it: for tests and the qtest mode.
 * A comma in PATH is written twice. Defaults are set first. 0 or 2 as above.
 */
int options_parse_disk(struct disk_options *disk, const char *text, char *err, size_t err_size);
void options_release_disk(struct disk_options *disk);

/* --help of a command, or of all with VMM_HELP. */
void options_print_help(FILE *out, enum vmm_command command);

/* All rows, a line each with tabs between the fields: docs/generate makes manual and completion of it. */
void options_print_tables(FILE *out);

#endif
