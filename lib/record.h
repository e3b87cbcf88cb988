/* SPDX-License-Identifier: MIT */
/*
 * The 32-byte record of a stage point, and the shared-memory file that the records live in.
 *
 * This is the whole of what a VMM and the toolkit have to agree on. A VMM writes, a reader maps
 * the file (a memfd reached through /proc/PID/fd, or the file of --flight-recorder) and reads.
 * The reader does not trust the writer: every count and offset is checked against the file size.
 */
#ifndef VBT_RECORD_H
#define VBT_RECORD_H

#include <stdint.h>

/*
 * What the fields mean at each point, which is also what its USDT probe's arguments mean: device, queue,
 * and these. `seq` is the request's number in its queue, from 1, low 32 bits, 0 where no request is meant.
 * All sequence numbers count from the device's creation and never restart at a reset.
 *
 * X(point, seq, head, arg: 64 bits, val: 32 bits, op, code)
 *
 * The count of kicks is the sum of all eventfd counts read, or of all exits: the exact identity of the last
 * kick served, also when an eventfd coalesced several. A pop has it as of the wake in whose pass the chain
 * was popped. The virtio type is the low 8 bits of the request's; 255 if it does not fit. The interrupt
 * count is of those sent; a suppressed signal repeats the last number. One that is suppressed because the
 * device is reset ends all requests of the queue that were popped and not pushed. ring_item.h has the items of `ring`.
 *
 * `data` has the first bytes of what a request moves, 12 a record, in little-endian order: after the parse of
 * a write what the guest gave, after the reap of a read what it is about to get. Only when a reader asked for
 * it, and never in a flight recorder: it is the guest's data.
 */
#define VBT_POINT_FIELDS(X)                                                                        \
	X(wake, "0", "0", "kicks seen in all", "kicks by this wake", "0", "wake reason")           \
	X(pop, "request", "head", "kicks seen at its wake", "available index", "0", "0")           \
	X(parse, "request", "head", "sector", "data bytes", "virtio type", "status if refused")    \
	X(submit, "request", "head", "cookie", "bytes", "I/O method", "1: merged into the leader") \
	X(reap, "request", "head", "cookie", "0 or errno", "I/O method", "0")                      \
	X(push, "request", "head", "push count", "used length", "0", "virtio status")              \
	X(signal, "0", "0", "interrupt count", "push count covered", "MSI-X vector",               \
	  "signal reason")                                                                         \
	X(signal_done, "0", "0", "interrupt count", "0 or errno", "MSI-X vector", "0")             \
	X(device, "0", "0", "generation of the device table", "0", "0", "0")                       \
	X(mark_clock, "0", "0", "ns of CLOCK_MONOTONIC", "error bound in ns", "0", "0")            \
	X(ring, "by the item", "by the item", "by the item", "by the item", "item", "by the item") \
	X(pause, "0", "0", "0", "0", "the mark", "1 begin, 0 end")                                 \
	X(data, "request", "place, in steps of 12 bytes", "bytes 0 to 7", "bytes 8 to 11",         \
	  "bytes that count", "1: by the guest, 0: for it")

struct vbt_record {
	uint64_t time; /* raw TSC, or ns of CLOCK_MONOTONIC if the ring header says so */
	uint64_t arg;
	uint32_t seq;
	uint32_t val;
	uint16_t head;
	uint16_t queue;
	uint8_t device; /* index in the device table */
	uint8_t point;  /* enum vbt_mark or enum vbt_aux */
	uint8_t op;
	uint8_t code;
};
_Static_assert(sizeof(struct vbt_record) == 32, "two records fill a cache line");

#define VBT_SHM_MAGIC       0x3130676e69725456ULL /* "VTring01" little-endian */
#define VBT_SHM_VERSION     2u
#define VBT_SHM_NAME        "vbtrace-ring" /* memfd name: /proc/PID/fd shows /memfd:vbtrace-ring */
#define VBT_SHM_MAX_DEVICES 32
#define VBT_SHM_MAX_RINGS   96
#define VBT_SHM_MAX_QUEUES  64 /* doorbells and vectors described per device */
#define VBT_SHM_CLOCKS      64

#define VBT_DATA_MAX        4096u /* bytes of a request's data that can be had */
#define VBT_DATA_STEP       12u   /* bytes in a record */

enum vbt_shm_clock { VBT_CLOCK_TSC = 1, VBT_CLOCK_MONOTONIC = 2 };

/* In the environment of a VMM that `vbtrace record -- COMMAND` started: the PID of a reader that comes. */
#define VBT_ATTACH_ENV "VBTRACE_ATTACH"

/* One calibration pair; the reader interpolates between them. error_ns bounds |pair| error. */
struct vbt_shm_clock_pair {
	uint64_t tsc;
	uint64_t monotonic_ns;
	uint32_t error_ns;
	uint32_t reserved;
};

/* One device, so that kernel events can be told apart. Guarded by a seqlock: odd while written. */
struct vbt_shm_device {
	uint32_t lock;       /* seqlock */
	uint32_t present;    /* 1: describes a live device */
	char name[16];       /* "vda"-like name: disk0, disk1, … */
	char backend[100];   /* path, cut at the front if longer; "null" */
	char method[12];     /* "io_uring", "sync", "null": matches enum vbt_io_method */
	uint32_t host_major; /* of the block device or of the file's file system */
	uint32_t host_minor;
	uint64_t host_inode; /* 0 for a block device */
	uint64_t capacity;   /* sectors of 512 */
	uint32_t queues;
	uint32_t flags;       /* VBT_DEVICE_* */
	uint64_t pio_notify;  /* port of the legacy notify register, 0 if none or decode is off */
	uint64_t mmio_notify; /* guest-physical address of queue 0's doorbell, 0 if none */
	uint32_t mmio_stride; /* bytes between two queues' doorbells */
	uint32_t gsi;         /* of INTx */
	uint64_t msi_address[VBT_SHM_MAX_QUEUES]; /* by queue; 0 where unmapped */
	uint32_t msi_data[VBT_SHM_MAX_QUEUES];
	uint16_t queue_size[VBT_SHM_MAX_QUEUES];
};

#define VBT_DEVICE_IOEVENTFD 0x1u  /* kicks come through an eventfd, else by exit */
#define VBT_DEVICE_IRQFD     0x2u  /* interrupts leave through an eventfd, else by ioctl */
#define VBT_DEVICE_MSIX      0x4u  /* MSI-X is enabled now, else INTx */
#define VBT_DEVICE_PACKED    0x8u  /* packed ring negotiated */
#define VBT_DEVICE_INLINE    0x10u /* iothread=off: served on the vCPU's thread */
#define VBT_DEVICE_DIRECT    0x20u /* host I/O bypasses the page cache */
#define VBT_DEVICE_READONLY  0x40u
#define VBT_DEVICE_LEGACY    0x80u  /* the driver uses the legacy interface */
#define VBT_DEVICE_NO_KVM    0x100u /* bench or qtest: no kernel marks of KVM can exist */

/* One thread's ring. Single producer; `head` counts records ever written. */
struct vbt_shm_ring {
	uint64_t head;   /* atomic; stored with release after the record */
	uint64_t offset; /* of the first record in the file */
	uint64_t size;   /* records, a power of two */
	uint32_t tid;    /* kernel thread id; 0: slot unused */
	uint32_t live;   /* 1: the thread runs */
	char name[16];   /* "disk0-q0", "vcpu0" */
	uint64_t first;  /* the thread's first record; those before it are its predecessor's */
	uint8_t pad[8];  /* one ring header per cache line */
};
_Static_assert(sizeof(struct vbt_shm_ring) == 64, "one cache line, no false sharing");

struct vbt_shm_header {
	uint64_t magic;
	uint32_t version;
	uint32_t header_size; /* sizeof(struct vbt_shm_header) */
	uint64_t file_size;
	uint32_t pid;
	uint32_t clock;   /* enum vbt_shm_clock */
	uint64_t tsc_khz; /* nominal; the pairs decide */
	char program[32]; /* "vmm-lite 1.0 run" */

	/* A reader switches recording on: adds itself to `want`, FUTEX_WAKEs it, waits for `on`. */
	uint32_t want;       /* futex word: number of readers */
	uint32_t on;         /* 1 while the VMM records */
	uint32_t reader_pid; /* the last reader, so that a dead one can be noticed */
	uint32_t always;     /* 1: --flight-recorder, recording whatever `want` says */

	uint32_t ring_count;        /* slots ever used; grows only */
	uint32_t device_count;      /* likewise */
	uint32_t device_generation; /* bumped after each change of the device table */
	uint32_t clock_count;       /* pairs ever written; slot = count mod VBT_SHM_CLOCKS */
	uint64_t unplaced;   /* records of threads that found no free slot: lost, all of them */
	uint32_t want_rings; /* of the readers, those that want snapshots of the rings too */
	uint32_t ready;      /* 1: a reader is there that takes the USDT probes and no records */
	struct vbt_shm_clock_pair clocks[VBT_SHM_CLOCKS];
	struct vbt_shm_device devices[VBT_SHM_MAX_DEVICES];
	uint16_t want_data;  /* of the readers, those that want the data of requests too */
	uint16_t data_bytes; /* of each request: the most that one of them wants */
	/*
	 * 1 + the generation of the device table that a reader has taken over, its filters in the kernel included;
	 * 0: nobody follows the table so. Futex word: where a doorbell comes or moves, the VMM lets the guest go on
	 * only when this is past it, or nobody answers (probes/stage_device.c). Of several readers the first counts.
	 * It was padding once, so no other version is needed: who does not know it leaves it 0, or is not waited for.
	 */
	uint32_t seen;
	struct vbt_shm_ring rings[VBT_SHM_MAX_RINGS] __attribute__((aligned(64)));
};

#endif
