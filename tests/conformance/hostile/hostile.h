/* SPDX-License-Identifier: MIT */
/*
 * Tools of the hostile guest: chains laid down raw, what came of them, memory that must not have
 * changed, threads that write while the device reads.
 */
#ifndef TESTS_CONFORMANCE_HOSTILE_H
#define TESTS_CONFORMANCE_HOSTILE_H

#include "tests/conformance/world.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Addresses that are no memory. */
#define NOWHERE   0x80000000ull
#define TOP       0xffffffffffffff00ull
#define NO_STATUS 0xffu /* what status bytes hold before the device writes them */

/* What may come of a chain, as a set. */
enum reaction {
	IS_OK = 1,       /* status 0 */
	IS_ERR = 2,      /* status 1 */
	IS_UNSUPP = 4,   /* status 2 */
	IS_DROP0 = 8,    /* back with length 0, status untouched */
	IS_BRK = 16,     /* the device needs a reset, and the driver was told */
	IS_INVALID = 32, /* status 3 and above: those of zones */
};

/* A request whose parts lie apart, with a canary behind the data. */
struct bait {
	uint64_t header, data, status;
	uint32_t length;
};

/* Data: POISON if the device writes it, a pattern otherwise. */
struct bait bait_new(struct world *w, uint32_t type, uint64_t sector, uint32_t length);

/* A raw descriptor. `next` counts on a split ring only. */
struct link {
	uint64_t addr;
	uint32_t len;
	uint16_t flags, next;
};

/* What came of it. */
struct result {
	enum reaction reaction;
	uint32_t written;
};

/* Start anew with what was negotiated: the ring is empty and begins at 0. */
void fresh(struct world *w);

/*
 * Lay the links down from the ring's first slot on, which has to be fresh, make them available as
 * one chain and kick. Waits for what comes of it; `status` is where a status byte might appear.
 */
struct result try_links(struct vq *q, const struct link *links, unsigned count, uint64_t status);
/* The same through one descriptor that refers to a table of the links. */
struct result try_table(struct vq *q, const struct link *links, unsigned count, uint64_t status);
/* The same for descriptors as a driver makes them. */
struct result try_pieces(struct vq *q, const struct piece *pieces, unsigned count, uint64_t status);

/* Write the links as a table. */
void put_table(struct world *w, uint64_t table, const struct link *links, unsigned count);

/*
 * The reaction has to be in the set, no more may be said to be written than `most`, and the device
 * has to work afterwards: at once, or after the reset that it asked for. Leaves a fresh ring.
 */
void expect_reaction(struct world *w, struct result result, unsigned allowed, uint32_t most);

/* All memory below what is allocated, and above it a while. */
struct snapshot {
	uint64_t size;
	uint8_t *bytes;
};
struct snapshot snapshot_take(struct world *w);
/* Nothing but the rings and [addr, addr + length) has changed since. Frees it. */
void snapshot_check(struct world *w, struct snapshot *before, uint64_t addr, uint64_t length);

/* A thread that does something over and over while the device works. */
struct meddler {
	pthread_t thread;
	void (*step)(struct world *w, unsigned turn);
	struct world *w;
	bool stop;
};
void meddle(struct meddler *m, struct world *w, void (*step)(struct world *w, unsigned turn));
void meddle_end(struct meddler *m);

/* What the device says from here on, and how many lines it was. */
void log_begin(void);
unsigned log_lines(void);

/* Open file descriptors, and threads, of this process. */
unsigned open_files(void);
unsigned running_threads(void);
/* Memory of this process that is its own, in KiB. */
unsigned long private_kib(void);

/* Requests that wait in the held disk. */
void hold(struct world *w, struct req **r, unsigned count, uint32_t type);

#endif
