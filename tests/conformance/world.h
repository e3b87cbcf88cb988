/* SPDX-License-Identifier: MIT */
/*
 * A device under test and everything it is plugged into: guest memory with its corners, the two
 * buses, the PCI host, wires that remember, a disk that can be looked into. And the driver's raw
 * tools: configuration space, registers, rings, requests. Nothing here hides a mistake: what a
 * driver may not do is as easy as what it may.
 */
#ifndef TESTS_CONFORMANCE_WORLD_H
#define TESTS_CONFORMANCE_WORLD_H

#include <stddef.h>
#include <string.h>

#include "tests/conformance/suite.h"
#include "tests/driver/ram_disk.h"
#include "vmm-lite/bus.h"
#include "vmm-lite/disk/zones.h"
#include "vmm-lite/guest_mem.h"
#include "vmm-lite/options.h"
#include "vmm-lite/pci/host.h"
#include "vmm-lite/virtio/blk.h"
#include "vmm-lite/virtio/spec.h"
#include "vmm-lite/wires.h"

/* Guest memory: two neighbours at 0, a read-only piece below 4 GiB, more above it. */
#define RAM_SIZE        (32ull << 20)
#define RAM2_BASE       RAM_SIZE
#define RAM2_SIZE       (2ull << 20)
#define RAM_END         (RAM2_BASE + RAM2_SIZE)
#define ROM_BASE        0xf0000000ull
#define ROM_SIZE        0x10000ull
#define HIGH_BASE       0x100000000ull
#define HIGH_SIZE       (4ull << 20)
#define HIGH_END        (HIGH_BASE + HIGH_SIZE)

#define NONE            0xffffu
#define MAX_TEST_QUEUES 16
#define MAX_VECTORS     128
#define WORLD_DISK_SIZE (8ull << 20)
#define POISON          0xa5

/* --- wires --------------------------------------------------------------------------- */

#define MSI_BASE       0xfee00000ull
#define MSI_DATA(v)    (0x40u + (v))
#define TEST_DOORBELLS 64
#define TEST_BINDINGS  64

struct recorder {
	pthread_mutex_t lock;
	unsigned messages[MAX_VECTORS]; /* by data - MSI_DATA(0), with address MSI_BASE */
	unsigned total;                 /* all messages */
	unsigned strange;               /* of them, those with another address or data */
	struct msi_message last;
	bool level;
	unsigned raised, lowered;
	struct doorbell doorbells[TEST_DOORBELLS];
	bool doorbell_used[TEST_DOORBELLS];
	struct {
		int eventfd; /* -1: free */
		struct msi_message message;
	} bindings[TEST_BINDINGS];
	bool shortcuts; /* offers ioeventfd and irqfd */
	int msi_error;  /* what sending gives */
	/* If set: called with each message, on the device's thread, as an interrupt handler is. */
	void (*handler)(struct world *w);
	struct world *world;
	struct bus *bus;
};

/* --- rings --------------------------------------------------------------------------- */

#define D_NEXT     1u
#define D_WRITE    2u
#define D_INDIRECT 4u
#define D_AVAIL    0x80u
#define D_USED     0x8000u

struct desc {
	uint64_t addr;
	uint32_t len;
	uint16_t a; /* split: flags; packed: id */
	uint16_t b; /* split: next; packed: flags */
};

struct piece {
	uint64_t addr;
	uint32_t len;
	bool write; /* by the device */
};

struct vq {
	struct world *w;
	unsigned index;
	bool packed;
	uint16_t size;
	uint64_t desc, driver, device; /* where its parts are */
	uint16_t vector;

	uint16_t avail;  /* split: shadow of avail idx; packed: next slot */
	bool avail_wrap; /* packed */
	uint16_t used;   /* split: used idx up to which was looked; packed: next slot to look at */
	bool used_wrap;  /* packed */
	uint16_t free_slots;
	uint16_t *lengths; /* of the list, by id (packed); chain length (split) */
	uint16_t *next;    /* free list (split: descriptors, packed: ids) */
	uint16_t free_first;
	bool *done;            /* by id: came back */
	uint32_t *written;     /* by id */
	uint16_t order[65536]; /* ids in the order in which they came back */
	uint32_t returned;
};

/* --- the world ----------------------------------------------------------------------- */

struct world {
	unsigned variant;
	bool packed, legacy, msix, inline_mode;
	struct guest_mem mem;
	uint64_t next_free; /* of guest memory */
	struct bus *bus;
	struct pci_host *pci;
	struct recorder wires;
	struct disk_options options;
	struct ram_disk *ram; /* NULL if the disk is another one */
	/* If set: called with the disk before the device is made, to put its zones into a state. */
	void (*prepare)(struct zones *zones);
	struct disk *disk;
	struct virtio_blk *blk;

	unsigned slot, gsi;
	uint64_t bar[6];
	uint8_t cap_common, cap_notify, cap_isr, cap_device, cap_window, cap_msix, cap_af;
	uint64_t common, notify, isr, device; /* addresses */
	uint32_t notify_length, device_length, notify_multiplier;
	unsigned vectors;
	uint64_t negotiated;
	unsigned queue_count;
	struct vq q[MAX_TEST_QUEUES];
	unsigned acked[MAX_VECTORS];
};

struct world *world_new(unsigned variant);
void world_free(struct world *w);

/*
 * Make the device. `keys` are those of --disk, or NULL. The variant's own keys come first; a
 * queue has 64 descriptors unless they say otherwise. Finds the device on the PCI bus, switches
 * bus mastering on, and MSI-X if the variant wants it, with every vector unmasked.
 */
void world_open(struct world *w, const char *keys);
/* The same over a disk in memory of the test's making, which the world then owns. */
void world_open_ram(struct world *w, struct ram_disk *ram, const char *keys);
/* With a real file as the disk: path and keys as on the command line. */
void world_open_file(struct world *w, const char *path, const char *keys);
/* An empty file of that size to be one, read and write; the caller closes it and removes its name. */
#define TEMPORARY_PATH 40
int temporary_file(char path[TEMPORARY_PATH], uint64_t size);
/* NULL, or why it cannot be made. */
const char *world_try_open(struct world *w, const char *keys);
/* Take the device away; another can be opened. */
void world_close(struct world *w);

/* Find BARs and capabilities, where they are now. */
void world_probe(struct world *w);

/* Driver side initialisation, in steps and as a whole. */
uint64_t offered(struct world *w);
void set_features(struct world *w, uint64_t features);
uint64_t usual_features(struct world *w); /* of what is offered: no EVENT_IDX, no oddities */
void negotiate(struct world *w, uint64_t features);
void setup_queue(struct world *w, unsigned queue, uint16_t size); /* 0: the largest */
void driver_ok(struct world *w);
/* All of it: usual features plus `add` minus `drop`, all queues. */
void start(struct world *w, uint64_t add, uint64_t drop);
/* One queue of `size`, usual features plus `add`. */
void start_sized(struct world *w, uint64_t add, uint16_t size);
void open_and_start(struct world *w, const char *keys, uint64_t add, uint64_t drop);

/* Write 0 and wait until it is over. */
void reset(struct world *w);
uint8_t status(struct world *w);
void set_status(struct world *w, uint8_t status);
bool needs_reset(struct world *w);
/* The ring or the device has to be found broken, and the driver told. */
void expect_broken(struct world *w);
/* And never looked at again, while registers still answer. */
void expect_broken_and_quiet(struct world *w);

/* --- configuration space and registers ----------------------------------------------- */

uint32_t cfg_read(struct world *w, unsigned offset, unsigned size);
void cfg_write(struct world *w, unsigned offset, unsigned size, uint32_t value);
/* Through the access window in configuration space; `at` is an address inside a BAR. */
uint32_t window_read(struct world *w, uint64_t at, unsigned size);
void window_write(struct world *w, uint64_t at, unsigned size, uint32_t value);
uint64_t mmio_read(struct world *w, uint64_t addr, unsigned size);
void mmio_write(struct world *w, uint64_t addr, unsigned size, uint64_t value);
uint32_t pio_read(struct world *w, uint64_t port, unsigned size);
void pio_write(struct world *w, uint64_t port, unsigned size, uint32_t value);

/* Common configuration: offset and size of each field, as one number for the two helpers. */
enum {
	C_DEVICE_FEATURE_SELECT = 0x0004,
	C_DEVICE_FEATURE = 0x0404,
	C_DRIVER_FEATURE_SELECT = 0x0804,
	C_DRIVER_FEATURE = 0x0c04,
	C_CONFIG_VECTOR = 0x1002,
	C_NUM_QUEUES = 0x1202,
	C_STATUS = 0x1401,
	C_GENERATION = 0x1501,
	C_QUEUE_SELECT = 0x1602,
	C_QUEUE_SIZE = 0x1802,
	C_QUEUE_VECTOR = 0x1a02,
	C_QUEUE_ENABLE = 0x1c02,
	C_NOTIFY_OFF = 0x1e02,
	C_QUEUE_DESC = 0x2008,
	C_QUEUE_DRIVER = 0x2808,
	C_QUEUE_DEVICE = 0x3008,
	C_NOTIF_DATA = 0x3802,
	C_QUEUE_RESET = 0x3a02,
};
uint64_t c_read(struct world *w, unsigned field);
void c_write(struct world *w, unsigned field, uint64_t value);
/* A per-queue field. */
uint64_t cq_read(struct world *w, unsigned queue, unsigned field);
void cq_write(struct world *w, unsigned queue, unsigned field, uint64_t value);

/* The legacy block. */
enum {
	L_HOST_FEATURES = 0x0004,
	L_GUEST_FEATURES = 0x0404,
	L_PAGE = 0x0804,
	L_SIZE = 0x0c02,
	L_SELECT = 0x0e02,
	L_NOTIFY = 0x1002,
	L_STATUS = 0x1201,
	L_ISR = 0x1301,
	L_CONFIG_VECTOR = 0x1402,
	L_QUEUE_VECTOR = 0x1602,
};
uint32_t l_read(struct world *w, unsigned field);
void l_write(struct world *w, unsigned field, uint32_t value);

/* Device configuration through the variant's view. */
uint64_t config_read(struct world *w, unsigned offset, unsigned size);
void config_write(struct world *w, unsigned offset, unsigned size, uint64_t value);
uint8_t isr_read(struct world *w);
void set_command(struct world *w, uint16_t value);
uint16_t command(struct world *w);
void msix_control(struct world *w, uint16_t bits); /* 0x8000 enable, 0x4000 mask */
void msix_entry(struct world *w, unsigned vector, uint64_t address, uint32_t data, bool masked);
bool msix_pending_bit(struct world *w, unsigned vector);
uint16_t queue_vector(struct world *w, unsigned queue);
void set_queue_vector(struct world *w, unsigned queue, uint16_t vector);
uint16_t config_vector(struct world *w);
void set_config_vector(struct world *w, uint16_t vector);

/* --- interrupts ---------------------------------------------------------------------- */

/* Since the last irq_ack. For INTx: is the line high? */
bool irq_pending(struct world *w, unsigned queue);
bool config_irq_pending(struct world *w);
unsigned irq_messages(struct world *w, unsigned vector); /* MSI-X */
void irq_ack(struct world *w);
void expect_irq(struct world *w, unsigned queue);
/* After a pause in which it would have come. */
void expect_no_irq(struct world *w, unsigned queue);
void expect_no_irq_at_all(struct world *w);
void settle(void); /* until the device has nothing left to do */

/* --- memory -------------------------------------------------------------------------- */

uint64_t galloc(struct world *w, uint64_t size, uint64_t align);
uint8_t *gptr(struct world *w, uint64_t addr, uint64_t size);
void gset(struct world *w, uint64_t addr, uint8_t byte, uint64_t size);
bool gall(struct world *w, uint64_t addr, uint8_t byte, uint64_t size); /* all bytes are */
uint8_t *gcopy(struct world *w, uint64_t addr, uint64_t size);
bool gsame(struct world *w, uint64_t addr, const uint8_t *copy, uint64_t size);
uint16_t g16(struct world *w, uint64_t addr);
uint32_t g32(struct world *w, uint64_t addr);
uint64_t g64(struct world *w, uint64_t addr);
void s16(struct world *w, uint64_t addr, uint16_t value);
void s32(struct world *w, uint64_t addr, uint32_t value);
void s64(struct world *w, uint64_t addr, uint64_t value);
/* A pattern that depends on the seed; and does memory hold it? */
void gpattern(struct world *w, uint64_t addr, uint64_t size, unsigned seed);
bool gpattern_is(struct world *w, uint64_t addr, uint64_t size, unsigned seed);
void pattern(uint8_t *at, uint64_t size, unsigned seed);

/* --- rings ---------------------------------------------------------------------------- */

/* Allocate the parts and forget everything; registers are not touched. */
void vq_init(struct world *w, struct vq *q, unsigned index, uint16_t size, bool packed);
/* Write the parts' addresses and size into the registers, and enable (modern) or set the page. */
void vq_enable(struct vq *q);
void vq_place(struct vq *q); /* modern: all but the enable */

/* Raw: a descriptor of the table or ring; `a` and `b` as in struct desc. */
void put_desc(struct vq *q, unsigned at, uint64_t addr, uint32_t len, uint16_t a, uint16_t b);
struct desc get_desc(struct vq *q, unsigned at);
/* Split: one more entry, and the index moves on. */
void avail_put(struct vq *q, uint16_t head);
void avail_set_idx(struct vq *q, uint16_t idx);
void avail_set_flags(struct vq *q, uint16_t flags);
void set_used_event(struct vq *q, uint16_t event);
uint16_t avail_event(struct vq *q);
uint16_t used_idx(struct vq *q);
uint16_t used_flags(struct vq *q);
uint32_t used_id(struct vq *q, uint16_t at);
uint32_t used_len(struct vq *q, uint16_t at);
/* Packed: flags that make the next slot available, or used. */
uint16_t packed_avail_flags(struct vq *q);
void packed_event(struct vq *q, uint32_t area); /* the driver's event area */
uint32_t packed_device_event(struct vq *q);
#define EVENT(flags, wrap, offset) ((uint32_t)(flags) << 16 | (uint32_t)(wrap) << 15 | (offset))

/* A chain or list of any ring. Returns its id. No kick. */
uint16_t vq_add(struct vq *q, const struct piece *pieces, unsigned count);
/* The same through one indirect descriptor. */
uint16_t vq_add_indirect(struct vq *q, const struct piece *pieces, unsigned count);
void vq_kick(struct vq *q);
/* Make the ring senseless, and kick. */
void vq_break(struct vq *q);
/* Overwrite all of its memory. */
void vq_poison(struct vq *q);
bool vq_is_poisoned(struct vq *q);
/* Does the device want to be told of what was added since the queue had `before` added? */
bool vq_kick_wanted(struct vq *q, uint16_t before, bool before_wrap);
/* `times` flushes, many at once, with a kick only where the device asks for one. */
void obey_kicks(struct vq *q, unsigned times);
/* Flushes in batches, each kicked for; `check` looks at the first queue all the time. */
void watch_flushes(struct world *w, void (*check)(struct vq *q, unsigned argument),
		   unsigned argument);
/* Take note of what came back. Number of chains in this call. */
unsigned vq_poll(struct vq *q);
/* Want, or do not want, an interrupt for anything used (without EVENT_IDX). */
void vq_interrupts(struct vq *q, bool on);
/* With EVENT_IDX: interrupt when `after` more chains of `slots` slots each have come back. */
void vq_event_after(struct vq *q, unsigned after, unsigned slots);

/* --- requests ------------------------------------------------------------------------- */

struct req {
	struct vq *q;
	uint64_t header, data, status;
	uint32_t length;
	uint16_t id;
	uint32_t written; /* as the device said */
};

/* What a type does with its data: true if the device reads it. */
bool type_reads(uint32_t type);
uint64_t put_header(struct world *w, uint32_t type, uint64_t sector);
/* Header, data (if any), status, in three pieces; added and kicked. */
struct req *submit(struct vq *q, uint32_t type, uint64_t sector, uint64_t data, uint32_t length);
struct req *submit_quietly(struct vq *q, uint32_t type, uint64_t sector, uint64_t data,
			   uint32_t length); /* no kick */
bool is_done(struct req *r);
uint8_t finish(struct req *r); /* wait; the status byte */
uint8_t blk(struct vq *q, uint32_t type, uint64_t sector, uint64_t data, uint32_t length);
/* A read of one sector that has to work. */
void fence(struct vq *q);
/* Any pieces; waits; `written` may be NULL. The used length, or fails. */
uint32_t run_pieces(struct vq *q, const struct piece *pieces, unsigned count);
/* `times` flushes, one after the other, all in the same memory. */
void spin(struct vq *q, unsigned times);
/* Without EVENT_IDX: silent when asked to be, whatever stands where an event index would. */
void expect_flags_rule(struct world *w);
/* Writes and reads whose bytes are cut into descriptors in many ways. */
void expect_framings(struct world *w);

/* One request of each kind, good and bad ones, for an 8 MiB disk. */
struct sample {
	uint32_t type, length;
	uint64_t sector;
	uint8_t status;
};
extern const struct sample samples[];
extern const unsigned sample_count;
/* Added, with its data prepared (what the device writes: POISON); not kicked. */
struct req *add_sample(struct vq *q, const struct sample *sample);

/* Does the queue still serve: write and read back. */
void expect_alive(struct world *w);
uint8_t status_at(struct world *w, uint64_t addr);

/* One segment of discard, write zeroes, secure erase, in guest memory. */
void put_range(struct world *w, uint64_t addr, uint64_t sector, uint32_t sectors, uint32_t flags);

#endif
