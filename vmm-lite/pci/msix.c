/* SPDX-License-Identifier: MIT */
#include "vmm-lite/pci/msix.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define ENTRY_SIZE   16
#define CONTROL_MASK 0x1u

static bool live(const struct msix *msix, const struct msix_vector *v)
{
	return msix->enabled && !msix->masked && !v->masked && msix->bus_master;
}

static int send_message(struct msix *msix, const struct msi_message *message)
{
	return msix->wires.ops->msi(msix->wires.ctx, message);
}

static int ring_eventfd(int fd)
{
	uint64_t one = 1;

	return write(fd, &one, sizeof(one)) == sizeof(one) ? 0 : -errno;
}

/* A signal that slipped into the eventfd while nothing was bound to it becomes a pending bit. */
static void collect_stray(struct msix_vector *v)
{
	uint64_t count;

	if (v->eventfd >= 0 && !v->handle && read(v->eventfd, &count, sizeof(count)) > 0)
		v->pending = true;
}

static void unbind(struct msix *msix, struct msix_vector *v)
{
	if (!v->handle)
		return;
	msix->wires.ops->unbind_msi(msix->wires.ctx, v->handle);
	v->handle = 0;
	collect_stray(v);
}

/*
 * Bring the binding of a vector in line with what the guest wants, and deliver what was held
 * back. Where binding fails (no irqfd, or a message that KVM refuses) messages go out directly,
 * and their failure is reported there.
 */
static void update(struct msix *msix, struct msix_vector *v)
{
	bool same = v->bound.address == v->message.address && v->bound.data == v->message.data;

	if (!live(msix, v)) {
		unbind(msix, v);
		return;
	}
	if (v->handle && !same &&
	    msix->wires.ops->rebind_msi(msix->wires.ctx, v->handle, &v->message))
		unbind(msix, v);
	if (msix->irqfd && !v->handle) {
		int handle;

		collect_stray(v);
		handle = msix->wires.ops->bind_msi(msix->wires.ctx, v->eventfd, &v->message);
		v->handle = handle > 0 ? handle : 0;
	}
	v->bound = v->message;
	if (v->pending) {
		v->pending = false;
		if (v->handle)
			ring_eventfd(v->eventfd);
		else
			send_message(msix, &v->message);
	}
}

static void update_all(struct msix *msix)
{
	for (unsigned i = 0; i < msix->count; i++)
		update(msix, &msix->vectors[i]);
}

static void tell(struct msix *msix)
{
	if (msix->changed)
		msix->changed(msix->opaque);
}

int msix_init(struct msix *msix, unsigned count, bool irqfd, const struct wires *wires,
	      void (*changed)(void *opaque), void *opaque)
{
	*msix =
	    (struct msix){.irqfd = irqfd, .wires = *wires, .changed = changed, .opaque = opaque};
	pthread_mutex_init(&msix->lock, NULL);
	msix->vectors = calloc(count ? count : 1, sizeof(*msix->vectors));
	if (!msix->vectors)
		return -ENOMEM;
	for (; msix->count < count; msix->count++) {
		struct msix_vector *v = &msix->vectors[msix->count];

		v->masked = true;
		v->eventfd = irqfd ? eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) : -1;
		if (irqfd && v->eventfd < 0)
			return -errno;
	}
	return 0;
}

void msix_release(struct msix *msix)
{
	for (unsigned i = 0; i < msix->count; i++) {
		struct msix_vector *v = &msix->vectors[i];

		unbind(msix, v);
		if (v->eventfd >= 0)
			close(v->eventfd);
	}
	free(msix->vectors);
	msix->vectors = NULL;
	msix->count = 0;
	pthread_mutex_destroy(&msix->lock);
}

/* One dword of the table. Writes take the lock around several of them. */
static uint32_t table_read(struct msix *msix, unsigned dword)
{
	const struct msix_vector *v = &msix->vectors[dword / 4];

	switch (dword % 4) {
	case 0: return (uint32_t)v->message.address;
	case 1: return (uint32_t)(v->message.address >> 32);
	case 2: return v->message.data;
	default: return v->masked ? CONTROL_MASK : 0;
	}
}

static void table_write(struct msix *msix, unsigned dword, uint32_t value)
{
	struct msix_vector *v = &msix->vectors[dword / 4];

	switch (dword % 4) {
	case 0: v->message.address = (v->message.address & ~0xffffffffull) | (value & ~3u); break;
	case 1: v->message.address = (uint32_t)v->message.address | (uint64_t)value << 32; break;
	case 2: v->message.data = value; break;
	default: v->masked = value & CONTROL_MASK; break;
	}
}

static uint32_t pending_read(struct msix *msix, unsigned dword)
{
	uint32_t bits = 0;

	for (unsigned i = 0; i < 32 && dword * 32 + i < msix->count; i++) {
		struct msix_vector *v = &msix->vectors[dword * 32 + i];

		collect_stray(v);
		bits |= (uint32_t)v->pending << i;
	}
	return bits;
}

static uint32_t read_dword(struct msix *msix, uint64_t offset)
{
	if (offset < msix->count * ENTRY_SIZE)
		return table_read(msix, (unsigned)(offset / 4));
	if (offset >= MSIX_PBA_OFFSET && offset - MSIX_PBA_OFFSET < (msix->count + 31) / 32 * 4)
		return pending_read(msix, (unsigned)(offset - MSIX_PBA_OFFSET) / 4);
	return 0;
}

/* Any width works, also where it is not aligned: bytes are picked out of the dwords. */
static uint64_t bar_read(void *opaque, uint64_t offset, unsigned size)
{
	struct msix *msix = opaque;
	uint64_t value = 0;

	pthread_mutex_lock(&msix->lock);
	for (unsigned i = 0; i < size; i++) {
		uint64_t at = offset + i;
		uint64_t byte = read_dword(msix, at & ~3ull) >> (8 * (at & 3)) & 0xff;

		value |= byte << (8 * i);
	}
	pthread_mutex_unlock(&msix->lock);
	return value;
}

/* Aligned dwords and qwords only, as PCI allows; anything else, and the PBA, is ignored. */
static void bar_write(void *opaque, uint64_t offset, unsigned size, uint64_t value)
{
	struct msix *msix = opaque;

	if ((size != 4 && size != 8) || offset % size || offset >= msix->count * ENTRY_SIZE)
		return;
	pthread_mutex_lock(&msix->lock);
	for (unsigned i = 0; i < size / 4; i++)
		table_write(msix, (unsigned)offset / 4 + i, (uint32_t)(value >> (32 * i)));
	update(msix, &msix->vectors[offset / ENTRY_SIZE]);
	pthread_mutex_unlock(&msix->lock);
	tell(msix);
}

static const struct bus_ops bar_ops = {.read = bar_read, .write = bar_write};

void msix_plug(struct msix *msix, struct pci_function *fn, unsigned bar, const char *name)
{
	uint16_t control = (uint16_t)(msix->count - 1);
	uint8_t body[PCI_CAP_MSIX_SIZEOF - 2] = {
	    (uint8_t)control,
	    (uint8_t)(control >> 8),
	    (uint8_t)bar, /* table at offset 0 */
	    0,
	    0,
	    0,
	    (uint8_t)bar, /* the low three bits of the PBA's offset are the BAR's number */
	    MSIX_PBA_OFFSET >> 8,
	};

	msix->capability = pci_function_add_capability(fn, PCI_CAP_ID_MSIX, body, sizeof(body) + 2);
	fn->writable[msix->capability + PCI_MSIX_FLAGS + 1] =
	    (PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL) >> 8;
	pci_function_set_bar(fn, bar, BUS_MMIO, MSIX_BAR_SIZE, false, &bar_ops, msix, name);
}

void msix_config_written(struct msix *msix, const struct pci_function *fn)
{
	uint16_t control, command = pci_config_get16(fn, PCI_COMMAND);
	bool enabled, masked, bus_master = command & PCI_COMMAND_MASTER, different;

	if (!msix->capability)
		return;
	control = pci_config_get16(fn, msix->capability + PCI_MSIX_FLAGS);
	enabled = control & PCI_MSIX_FLAGS_ENABLE;
	masked = control & PCI_MSIX_FLAGS_MASKALL;

	pthread_mutex_lock(&msix->lock);
	different =
	    enabled != msix->enabled || masked != msix->masked || bus_master != msix->bus_master;
	if (different) {
		msix->masked = masked;
		msix->bus_master = bus_master;
		msix->enabled = enabled;
		update_all(msix);
	}
	pthread_mutex_unlock(&msix->lock);
	if (different)
		tell(msix);
}

void msix_reset(struct msix *msix)
{
	pthread_mutex_lock(&msix->lock);
	msix->enabled = msix->masked = msix->bus_master = false;
	for (unsigned i = 0; i < msix->count; i++) {
		struct msix_vector *v = &msix->vectors[i];

		unbind(msix, v);
		collect_stray(v);
		v->pending = false;
		v->masked = true;
		v->message = (struct msi_message){0};
	}
	pthread_mutex_unlock(&msix->lock);
	tell(msix);
}

enum msix_verdict msix_decide(struct msix *msix, unsigned vector, struct msix_shot *shot)
{
	enum msix_verdict verdict = MSIX_UNMAPPED;
	struct msix_vector *v;

	pthread_mutex_lock(&msix->lock);
	if (vector >= msix->count || !msix->enabled)
		goto out;
	v = &msix->vectors[vector];
	if (!live(msix, v)) {
		v->pending = true;
		verdict = MSIX_PENDING;
		goto out;
	}
	/* A guest that masks between now and msix_fire finds the stray in the eventfd. */
	shot->eventfd = v->handle ? v->eventfd : -1;
	shot->message = v->message;
	verdict = MSIX_SEND;
out:
	pthread_mutex_unlock(&msix->lock);
	return verdict;
}

int msix_fire(struct msix *msix, const struct msix_shot *shot)
{
	if (shot->eventfd >= 0)
		return ring_eventfd(shot->eventfd);
	return send_message(msix, &shot->message);
}

bool msix_enabled(struct msix *msix)
{
	return __atomic_load_n(&msix->enabled, __ATOMIC_ACQUIRE);
}

struct msi_message msix_message(struct msix *msix, unsigned vector)
{
	struct msi_message message = {0};

	pthread_mutex_lock(&msix->lock);
	if (vector < msix->count)
		message = msix->vectors[vector].message;
	pthread_mutex_unlock(&msix->lock);
	return message;
}
