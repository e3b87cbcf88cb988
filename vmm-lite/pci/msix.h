/* SPDX-License-Identifier: MIT */
/*
 * MSI-X: the vector table, the pending bits, and how a vector leaves the device: as a message
 * sent by the caller's thread, or through an eventfd that is bound to the message (irqfd).
 * (PCI 3.0, 6.8.2)
 *
 * One lock of its own, a leaf: nothing else is locked under it but what the wires do. Any thread.
 */
#ifndef VMM_PCI_MSIX_H
#define VMM_PCI_MSIX_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "vmm-lite/pci/function.h"
#include "vmm-lite/wires.h"

#define MSIX_NO_VECTOR   0xffff
#define MSIX_MAX_VECTORS 128
#define MSIX_BAR_SIZE    0x1000
#define MSIX_PBA_OFFSET  0x800

struct msix_vector {
	struct msi_message message;
	bool masked;
	bool pending;
	int eventfd;              /* -1: messages are sent directly */
	int handle;               /* of the irqfd binding; 0: not bound */
	struct msi_message bound; /* what it is bound to */
};

struct msix {
	pthread_mutex_t lock;
	unsigned count;
	struct msix_vector *vectors;
	bool enabled;    /* by the control word */
	bool masked;     /* all of them, by the control word */
	bool bus_master; /* a message is a memory write: none without it */
	bool irqfd;
	struct wires wires;
	unsigned capability; /* offset in configuration space */
	/* Something that decides where messages go has changed. Called without the lock. */
	void (*changed)(void *opaque);
	void *opaque;
};

/* An interrupt that was decided and is still to be sent. */
struct msix_shot {
	int eventfd; /* -1: send `message` */
	struct msi_message message;
};

enum msix_verdict { MSIX_SEND, MSIX_PENDING, MSIX_UNMAPPED };

/* Create `count` vectors, with an eventfd each if `irqfd`. 0 or -errno. */
int msix_init(struct msix *msix, unsigned count, bool irqfd, const struct wires *wires,
	      void (*changed)(void *opaque), void *opaque);
void msix_release(struct msix *msix);

/* Add capability and BAR to the function. */
void msix_plug(struct msix *msix, struct pci_function *fn, unsigned bar, const char *name);

/* From the function's config_written: control word and bus mastering. */
void msix_config_written(struct msix *msix, const struct pci_function *fn);
/* From the function's reset: the table is as after power-on. */
void msix_reset(struct msix *msix);

/*
 * What is to become of an interrupt on `vector`. MSIX_SEND fills the shot, which msix_fire then
 * sends: two steps, so that the caller can say what it is about to do. MSIX_PENDING: held back,
 * delivered once when the guest unmasks.
 */
enum msix_verdict msix_decide(struct msix *msix, unsigned vector, struct msix_shot *shot);
/* 0 or -errno. */
int msix_fire(struct msix *msix, const struct msix_shot *shot);

bool msix_enabled(struct msix *msix);
/* The message of a vector as the table has it; zeroes if there is no such vector. */
struct msi_message msix_message(struct msix *msix, unsigned vector);

#endif
