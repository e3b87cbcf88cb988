/* SPDX-License-Identifier: MIT */
/*
 * The test rig: a virtio-blk device on a bus, with memory, a disk in memory and wires that record
 * what comes out. Everything a guest could do is possible, sensible or not.
 */
#ifndef TESTS_RIG_H
#define TESTS_RIG_H

#include <pthread.h>

#include "tests/driver/ram_disk.h"
#include "vmm-lite/bus.h"
#include "vmm-lite/guest_mem.h"
#include "vmm-lite/options.h"
#include "vmm-lite/pci/host.h"
#include "vmm-lite/virtio/blk.h"
#include "vmm-lite/virtio/spec.h"

#define RIG_MEMORY       (16u << 20)
#define RIG_DISK         (8u << 20)
#define RIG_SECTORS      (RIG_DISK / 512)
#define RIG_HIGH         GUEST_MEM_HIGH_START /* a little memory above 4 GiB, too */
#define RIG_HIGH_SIZE    (1u << 20)
#define RIG_MAX_BELLS    128
#define RIG_MAX_BINDS    128
#define RIG_MAX_MESSAGES 4096

/* Offsets in the modern BAR and in the common configuration. */
enum {
	COMMON_DFSELECT = 0,
	COMMON_DF = 4,
	COMMON_GFSELECT = 8,
	COMMON_GF = 12,
	COMMON_MSIX = 16,
	COMMON_NUMQ = 18,
	COMMON_STATUS = 20,
	COMMON_GENERATION = 21,
	COMMON_QSELECT = 22,
	COMMON_QSIZE = 24,
	COMMON_QMSIX = 26,
	COMMON_QENABLE = 28,
	COMMON_QNOFF = 30,
	COMMON_QDESC = 32,
	COMMON_QDRIVER = 40,
	COMMON_QDEVICE = 48,
	COMMON_QNDATA = 56,
	COMMON_QRESET = 58,
	ISR_AT = 0x1000,
	CONFIG_AT = 0x2000,
	NOTIFY_AT = 0x3000,
};

struct rig {
	struct bus *bus;
	struct pci_host *host;
	struct guest_mem mem;
	struct ram_disk *ram;
	struct disk *disk; /* the RAM disk, or the zones that the options put over it */
	struct disk_options options;
	struct virtio_blk *blk;
	struct pci_function *fn;
	unsigned slot;

	/* What came out; under the lock. */
	pthread_mutex_t lock;
	struct msi_message messages[RIG_MAX_MESSAGES];
	unsigned message_count;
	bool level;
	unsigned raises;
	struct doorbell bells[RIG_MAX_BELLS];
	unsigned bell_count;
	struct {
		int fd, resample;
		bool used, line;
		struct msi_message message;
	} binds[RIG_MAX_BINDS];
	bool refuse_msi; /* fail messages, as KVM does with senseless ones */
};

/* A queue as the driver sees it. Free to be misused. */
struct rig_queue {
	struct rig *rig;
	unsigned index;
	uint16_t size;
	bool packed;
	uint64_t desc, driver, device; /* guest-physical */
	uint16_t avail_idx, used_idx;  /* split: free-running; packed: ring positions */
	bool avail_wrap, used_wrap;
	uint16_t next_desc; /* split: where the next chain is written */
};

struct rig_seg {
	uint64_t addr;
	uint32_t len;
	bool write;
};

struct rig_used {
	uint32_t id, len;
	uint16_t flags;
};

/* Sane options: one queue of 16, sync, transitional, MSI-X, exits, ioctl, no thread. */
struct disk_options rig_options(void);
struct rig *rig_new(const struct disk_options *options);
struct rig *rig_new_on(const struct disk_options *options, struct ram_disk *ram);
/* With so many bytes of memory at 0 and above 4 GiB. */
struct rig *rig_new_in(const struct disk_options *options, struct ram_disk *ram, uint64_t low,
		       uint64_t high);
void rig_free(struct rig *rig);

/* Configuration space through the ports, BARs through the bus. */
uint32_t rig_cfg_read(struct rig *rig, unsigned offset, unsigned size);
void rig_cfg_write(struct rig *rig, unsigned offset, unsigned size, uint32_t value);
uint64_t rig_bar(struct rig *rig, unsigned bar); /* its address */
uint64_t rig_bar_read(struct rig *rig, unsigned bar, uint64_t offset, unsigned size);
void rig_bar_write(struct rig *rig, unsigned bar, uint64_t offset, unsigned size, uint64_t value);
#define rig_get(rig, offset, size)           rig_bar_read((rig), 4, (offset), (size))
#define rig_set(rig, offset, size, value)    rig_bar_write((rig), 4, (offset), (size), (value))
#define rig_io_get(rig, offset, size)        rig_bar_read((rig), 0, (offset), (size))
#define rig_io_set(rig, offset, size, value) rig_bar_write((rig), 0, (offset), (size), (value))
void rig_bus_master(struct rig *rig, bool on);

/* MSI-X: enable it, with entry i sending data 0x40 + i, unmasked. */
void rig_msix_enable(struct rig *rig);
void rig_msix_entry(struct rig *rig, unsigned vector, uint64_t address, uint32_t data, bool masked);
void rig_msix_control(struct rig *rig, bool enable, bool mask_all);
/* Messages so far with that data; also takes what irqfds were signalled. */
unsigned rig_messages(struct rig *rig, uint32_t data);
unsigned rig_all_messages(struct rig *rig);

/* Initialisation. */
uint64_t rig_offered(struct rig *rig);
/* Reset, acknowledge, negotiate: true if FEATURES_OK sticks. */
bool rig_negotiate(struct rig *rig, uint64_t features);
void rig_reset(struct rig *rig);
uint8_t rig_status(struct rig *rig);
/* Lay out a queue at its standard place (or where q says) and enable it. */
struct rig_queue rig_queue_plan(struct rig *rig, unsigned index, uint16_t size, bool packed);
void rig_queue_enable(struct rig_queue *q);
void rig_driver_ok(struct rig *rig);
/* All of it: features (VERSION_1 is added), queue 0, vector 1 for queues, 0 for configuration. */
struct rig_queue rig_start(struct rig *rig, uint64_t features, uint16_t size);
/* The same through the legacy registers. */
struct rig_queue rig_start_legacy(struct rig *rig, uint32_t features);

/* Memory. */
void *rig_mem(struct rig *rig, uint64_t addr);
void rig_desc(struct rig_queue *q, unsigned i, uint64_t addr, uint32_t len, uint16_t flags,
	      uint16_t next);
uint16_t *rig_avail_flags(struct rig_queue *q);
uint16_t *rig_avail_idx(struct rig_queue *q);
uint16_t *rig_avail_entry(struct rig_queue *q, unsigned i);
uint16_t *rig_used_event(struct rig_queue *q);
uint16_t *rig_used_flags(struct rig_queue *q);
uint16_t rig_used_index(struct rig_queue *q);
uint16_t *rig_avail_event(struct rig_queue *q);

/* Put a chain into the ring: direct, or through an indirect table at `table`. Its head or id. */
uint16_t rig_add(struct rig_queue *q, const struct rig_seg *segs, unsigned count);
uint16_t rig_add_indirect(struct rig_queue *q, uint64_t table, const struct rig_seg *segs,
			  unsigned count);
/* Make a head available without touching descriptors (split). */
void rig_make_available(struct rig_queue *q, uint16_t head);
void rig_kick(struct rig_queue *q);
/* Take a used element; false: none there. */
bool rig_used(struct rig_queue *q, struct rig_used *used);
/* The same, waiting up to 5 s for the queue's thread. */
bool rig_wait_used(struct rig_queue *q, struct rig_used *used);
bool rig_eventually(bool (*condition)(void *opaque), void *opaque);

/*
 * A request in the usual framing: header at 0x8000, data, status at 0x9000. Returns its status,
 * or 0xee if the device did not write one; *used (may be NULL) gets the used element, with
 * id 0xffffffff if there was none.
 */
uint8_t rig_request(struct rig_queue *q, uint32_t type, uint64_t sector, uint64_t data,
		    uint32_t len, bool write, struct rig_used *used);
#define RIG_HEADER 0x8000
#define RIG_STATUS 0x9000
#define RIG_DATA   0x400000
#define RIG_TABLE  0xa000
void rig_put_header(struct rig *rig, uint64_t addr, uint32_t type, uint64_t sector);

#endif
