/* SPDX-License-Identifier: MIT */
/*
 * The wires between a device and whatever it is plugged into: interrupts out, doorbells in.
 *
 * virtio/ and pci/ know this interface and no KVM. Implemented by kvm/wires.c, by the in-process
 * driver of bench and tests, and by the qtest mode. All functions may be called from any thread.
 */
#ifndef VMM_WIRES_H
#define VMM_WIRES_H

#include <stdbool.h>
#include <stdint.h>

#include "vmm-lite/bus.h"

struct msi_message {
	uint64_t address;
	uint32_t data;
};

/* A doorbell that is answered by signalling an eventfd instead of an exit. */
struct doorbell {
	enum bus_space space;
	uint64_t addr;
	unsigned size;   /* bytes of the access that match: 1, 2, 4, 8; 0: any (MMIO only) */
	bool match_data; /* only writes of `data` match */
	uint64_t data;
	int eventfd;
};

struct wires_ops {
	/* Send a message now, in the caller's thread. 0 or -errno (a bad address is -EINVAL). */
	int (*msi)(void *ctx, const struct msi_message *message);
	/* Drive a level-triggered line. */
	int (*line)(void *ctx, unsigned gsi, bool level);

	/*
	 * Let writes to `eventfd` send `message` (irqfd). A positive handle, or -errno: -EOPNOTSUPP
	 * where there is no such thing. rebind changes the message atomically: a write before or
	 * after it sends the old or the new one, none is lost.
	 */
	int (*bind_msi)(void *ctx, int eventfd, const struct msi_message *message);
	int (*rebind_msi)(void *ctx, int handle, const struct msi_message *message);
	void (*unbind_msi)(void *ctx, int handle);

	/*
	 * Let writes to `eventfd` raise `gsi`; KVM lowers it at the guest's EOI and signals
	 * `resample`, upon which the device raises it again if it still wants to (irqfd, level).
	 */
	int (*bind_line)(void *ctx, int eventfd, int resample, unsigned gsi);
	void (*unbind_line)(void *ctx, int handle);

	/* Register and unregister an ioeventfd. 0 or -errno. */
	int (*add_doorbell)(void *ctx, const struct doorbell *doorbell);
	int (*remove_doorbell)(void *ctx, const struct doorbell *doorbell);
};

struct wires {
	const struct wires_ops *ops;
	void *ctx;
	bool kvm; /* a real vCPU is behind it: the kernel marks of KVM can exist */
};

#endif
