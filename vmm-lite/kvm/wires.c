/* SPDX-License-Identifier: MIT */
#include "vmm-lite/kvm/wires.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "probes/stage_point.h"

#define IRQCHIP_GSIS  24 /* IOAPIC pins; GSIs from here on are messages */
#define MAX_BINDINGS  1024
#define MAX_DOORBELLS 1024

/* An eventfd that KVM turns into an interrupt. Its handle is its index + 1. */
struct binding {
	bool used;
	bool line;
	int eventfd, resample;
	unsigned gsi;
	struct msi_message message;
};

struct kvm_wires {
	pthread_mutex_t lock; /* all below, but for reading fd */
	int fd;               /* of the VM, or -1; atomic */
	struct binding bindings[MAX_BINDINGS];
	struct doorbell doorbells[MAX_DOORBELLS];
	unsigned doorbell_count;
	struct kvm_irq_routing *routing; /* room for everything */
};

static int vm_fd(struct kvm_wires *w)
{
	return __atomic_load_n(&w->fd, __ATOMIC_ACQUIRE);
}

/* A message that a local APIC understands; KVM itself would ignore the wrong bits. */
static bool good_address(const struct msi_message *m)
{
	return m->address >> 20 == 0xfee && m->address >> 32 == 0;
}

static int wires_msi(void *ctx, const struct msi_message *m)
{
	struct kvm_wires *w = ctx;
	struct kvm_msi msi = {
	    .address_lo = (uint32_t)m->address,
	    .address_hi = (uint32_t)(m->address >> 32),
	    .data = m->data,
	};

	if (!good_address(m))
		return -EINVAL;
	/* 0: the guest has that CPU's APIC off, so nobody is there to be interrupted. */
	return ioctl(vm_fd(w), KVM_SIGNAL_MSI, &msi) < 0 ? -errno : 0;
}

static int wires_line(void *ctx, unsigned gsi, bool level)
{
	struct kvm_irq_level irq = {.irq = gsi, .level = level};

	if (gsi >= IRQCHIP_GSIS)
		return -EINVAL;
	return ioctl(vm_fd(ctx), KVM_IRQ_LINE, &irq) ? -errno : 0;
}

static void route_pin(struct kvm_irq_routing *r, unsigned gsi, unsigned chip, unsigned pin)
{
	r->entries[r->nr++] = (struct kvm_irq_routing_entry){
	    .gsi = gsi,
	    .type = KVM_IRQ_ROUTING_IRQCHIP,
	    .u.irqchip = {.irqchip = chip, .pin = pin},
	};
}

/* The whole table goes to KVM each time: it has no call to change one entry. Locked. */
static int set_routing(struct kvm_wires *w)
{
	struct kvm_irq_routing *r = w->routing;

	r->nr = 0;
	r->flags = 0;
	for (unsigned gsi = 0; gsi < IRQCHIP_GSIS; gsi++) {
		if (gsi < 8)
			route_pin(r, gsi, KVM_IRQCHIP_PIC_MASTER, gsi);
		else if (gsi < 16)
			route_pin(r, gsi, KVM_IRQCHIP_PIC_SLAVE, gsi - 8);
		/* The PIT is wired to pin 2, as the MADT's override says; pin 0 is not wired. */
		if (gsi != 2)
			route_pin(r, gsi, KVM_IRQCHIP_IOAPIC, gsi == 0 ? 2 : gsi);
	}
	for (unsigned i = 0; i < MAX_BINDINGS; i++) {
		const struct binding *b = &w->bindings[i];

		if (!b->used || b->line)
			continue;
		r->entries[r->nr++] = (struct kvm_irq_routing_entry){
		    .gsi = b->gsi,
		    .type = KVM_IRQ_ROUTING_MSI,
		    .u.msi =
			{
			    .address_lo = (uint32_t)b->message.address,
			    .address_hi = (uint32_t)(b->message.address >> 32),
			    .data = b->message.data,
			},
		};
	}
	return ioctl(w->fd, KVM_SET_GSI_ROUTING, r) ? -errno : 0;
}

static int set_irqfd(struct kvm_wires *w, const struct binding *b, bool assign)
{
	struct kvm_irqfd irqfd = {
	    .fd = (uint32_t)b->eventfd,
	    .gsi = b->gsi,
	    .flags = assign ? (b->line ? KVM_IRQFD_FLAG_RESAMPLE : 0) : KVM_IRQFD_FLAG_DEASSIGN,
	    .resamplefd = assign && b->line ? (uint32_t)b->resample : 0,
	};

	STAGE_SITE(msi); /* from now on writing that eventfd is an interrupt */
	return ioctl(w->fd, KVM_IRQFD, &irqfd) ? -errno : 0;
}

static int set_doorbell(struct kvm_wires *w, const struct doorbell *d, bool assign)
{
	struct kvm_ioeventfd io = {
	    .addr = d->addr,
	    .len = d->size,
	    .fd = d->eventfd,
	    .datamatch = d->data,
	    .flags = (assign ? 0 : KVM_IOEVENTFD_FLAG_DEASSIGN) |
		     (d->space == BUS_PIO ? KVM_IOEVENTFD_FLAG_PIO : 0) |
		     (d->match_data ? KVM_IOEVENTFD_FLAG_DATAMATCH : 0),
	};

	STAGE_SITE(kick); /* from now on that write of the guest is a kick */
	return ioctl(w->fd, KVM_IOEVENTFD, &io) ? -errno : 0;
}

/* Locked. A free slot with its message route's GSI, or NULL. */
static struct binding *new_binding(struct kvm_wires *w)
{
	for (unsigned i = 0; i < MAX_BINDINGS; i++) {
		if (w->bindings[i].used)
			continue;
		w->bindings[i] = (struct binding){.used = true, .gsi = IRQCHIP_GSIS + i};
		return &w->bindings[i];
	}
	return NULL;
}

static struct binding *binding_of(struct kvm_wires *w, int handle)
{
	if (handle < 1 || handle > MAX_BINDINGS || !w->bindings[handle - 1].used)
		return NULL;
	return &w->bindings[handle - 1];
}

/* Bring a new binding to life, or take it back. Locked. */
static int establish(struct kvm_wires *w, struct binding *b)
{
	int err = b->line ? 0 : set_routing(w);

	if (!err)
		err = set_irqfd(w, b, true);
	if (err) {
		b->used = false;
		return err;
	}
	return (int)(b - w->bindings) + 1;
}

static int wires_bind_msi(void *ctx, int eventfd, const struct msi_message *message)
{
	struct kvm_wires *w = ctx;
	struct binding *b;
	int handle = -ENOSPC;

	if (!good_address(message))
		return -EINVAL;
	pthread_mutex_lock(&w->lock);
	b = new_binding(w);
	if (b) {
		b->eventfd = eventfd;
		b->message = *message;
		handle = establish(w, b);
	}
	pthread_mutex_unlock(&w->lock);
	return handle;
}

static int wires_rebind_msi(void *ctx, int handle, const struct msi_message *message)
{
	struct kvm_wires *w = ctx;
	struct binding *b;
	int err = -EINVAL;

	if (!good_address(message))
		return -EINVAL;
	pthread_mutex_lock(&w->lock);
	b = binding_of(w, handle);
	if (b && !b->line) {
		struct msi_message old = b->message;

		b->message = *message;
		err = set_routing(w);
		if (err)
			b->message = old;
	}
	pthread_mutex_unlock(&w->lock);
	return err;
}

static int wires_bind_line(void *ctx, int eventfd, int resample, unsigned gsi)
{
	struct kvm_wires *w = ctx;
	struct binding *b;
	int handle = -ENOSPC;

	if (gsi >= IRQCHIP_GSIS)
		return -EINVAL;
	pthread_mutex_lock(&w->lock);
	b = new_binding(w);
	if (b) {
		b->line = true;
		b->eventfd = eventfd;
		b->resample = resample;
		b->gsi = gsi;
		handle = establish(w, b);
	}
	pthread_mutex_unlock(&w->lock);
	return handle;
}

static void wires_unbind(void *ctx, int handle)
{
	struct kvm_wires *w = ctx;
	struct binding *b;

	pthread_mutex_lock(&w->lock);
	b = binding_of(w, handle);
	if (b) {
		/* Fails only when there is no VM any more, and then the irqfd is gone with it. */
		set_irqfd(w, b, false);
		b->used = false;
		if (!b->line)
			set_routing(w);
	}
	pthread_mutex_unlock(&w->lock);
}

static int wires_add_doorbell(void *ctx, const struct doorbell *doorbell)
{
	struct kvm_wires *w = ctx;
	int err = -ENOSPC;

	pthread_mutex_lock(&w->lock);
	if (w->doorbell_count < MAX_DOORBELLS) {
		err = set_doorbell(w, doorbell, true);
		if (!err)
			w->doorbells[w->doorbell_count++] = *doorbell;
	}
	pthread_mutex_unlock(&w->lock);
	return err;
}

static bool same_doorbell(const struct doorbell *a, const struct doorbell *b)
{
	return a->space == b->space && a->addr == b->addr && a->size == b->size &&
	       a->match_data == b->match_data && (!a->match_data || a->data == b->data) &&
	       a->eventfd == b->eventfd;
}

static int wires_remove_doorbell(void *ctx, const struct doorbell *doorbell)
{
	struct kvm_wires *w = ctx;
	int err = -ENOENT;

	pthread_mutex_lock(&w->lock);
	for (unsigned i = 0; i < w->doorbell_count; i++) {
		if (!same_doorbell(&w->doorbells[i], doorbell))
			continue;
		err = set_doorbell(w, doorbell, false);
		w->doorbells[i] = w->doorbells[--w->doorbell_count];
		break;
	}
	pthread_mutex_unlock(&w->lock);
	return err;
}

struct kvm_wires *kvm_wires_new(void)
{
	const size_t routes = 3 * IRQCHIP_GSIS + MAX_BINDINGS;
	struct kvm_wires *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->routing = calloc(1, sizeof(*w->routing) + routes * sizeof(w->routing->entries[0]));
	if (!w->routing) {
		free(w);
		return NULL;
	}
	pthread_mutex_init(&w->lock, NULL);
	w->fd = -1;
	return w;
}

void kvm_wires_free(struct kvm_wires *w)
{
	if (!w)
		return;
	pthread_mutex_destroy(&w->lock);
	free(w->routing);
	free(w);
}

int kvm_wires_attach(struct kvm_wires *w, struct kvm_vm *vm)
{
	int err = 0;

	pthread_mutex_lock(&w->lock);
	__atomic_store_n(&w->fd, vm ? vm->fd : -1, __ATOMIC_RELEASE);
	if (vm)
		err = set_routing(w);
	for (unsigned i = 0; vm && !err && i < MAX_BINDINGS; i++)
		if (w->bindings[i].used)
			err = set_irqfd(w, &w->bindings[i], true);
	for (unsigned i = 0; vm && !err && i < w->doorbell_count; i++)
		err = set_doorbell(w, &w->doorbells[i], true);
	pthread_mutex_unlock(&w->lock);
	return err;
}

struct wires kvm_wires_interface(struct kvm_wires *w)
{
	static const struct wires_ops ops = {
	    .msi = wires_msi,
	    .line = wires_line,
	    .bind_msi = wires_bind_msi,
	    .rebind_msi = wires_rebind_msi,
	    .unbind_msi = wires_unbind,
	    .bind_line = wires_bind_line,
	    .unbind_line = wires_unbind,
	    .add_doorbell = wires_add_doorbell,
	    .remove_doorbell = wires_remove_doorbell,
	};

	return (struct wires){.ops = &ops, .ctx = w, .kvm = true};
}
