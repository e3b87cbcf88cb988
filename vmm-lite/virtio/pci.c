/* SPDX-License-Identifier: MIT */
#include "vmm-lite/virtio/pci.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <stdio.h>

#include "lib/stage.h"

static bool has_legacy(const struct virtio_pci *pci)
{
	return pci->transport != TRANSPORT_MODERN;
}

static bool has_modern(const struct virtio_pci *pci)
{
	return pci->transport != TRANSPORT_LEGACY;
}

uint64_t virtio_pci_pio_notify(const struct virtio_pci *pci)
{
	uint64_t base = pci->bar_base[BAR_LEGACY];

	return base ? base + LEGACY_NOTIFY : 0;
}

uint64_t virtio_pci_mmio_notify(const struct virtio_pci *pci)
{
	uint64_t base = pci->bar_base[BAR_MODERN];

	return base ? base + MODERN_NOTIFY : 0;
}

/*
 * Where a queue's doorbell is to be now. On the modern BAR each queue has an address of its own
 * and the address decides, whatever is written and however wide, unless the driver asked for values
 * to write; on the legacy one the value does.
 */
static bool wanted_doorbell(const struct virtio_pci *pci, unsigned queue, struct doorbell *bell)
{
	uint64_t pio = virtio_pci_pio_notify(pci), mmio = virtio_pci_mmio_notify(pci);

	*bell = (struct doorbell){.eventfd = pci->kick_fds[queue]};
	if (!pci->ioeventfd || !pci->dev->queues[queue].live)
		return false;
	/* Half of what is written is to be compared, which an ioeventfd cannot do. */
	if (pci->cookies && pci->dev->features & FEATURE(F_NOTIFICATION_DATA))
		return false;
	if (pci->dev->legacy) {
		bell->space = BUS_PIO;
		bell->addr = pio;
		bell->size = 2;
		bell->match_data = true;
		bell->data = queue;
	} else {
		bell->space = BUS_MMIO;
		bell->addr = mmio ? mmio + NOTIFY_STRIDE * queue : 0;
		bell->size = pci->cookies ? 2 : 0;
		bell->match_data = pci->cookies;
		bell->data = pci->cookies ? NOTIFY_COOKIE(queue) : 0;
	}
	return bell->addr;
}

/*
 * Register, move or unregister a queue's doorbell. Where that fails kicks arrive as exits, which
 * the BAR's handlers serve in the same way.
 */
static void update_doorbell(struct virtio_pci *pci, unsigned queue)
{
	struct doorbell *old = &pci->doorbells[queue], bell;
	bool want = wanted_doorbell(pci, queue, &bell);

	if (pci->doorbell_on[queue] && want && old->addr == bell.addr && old->space == bell.space &&
	    old->match_data == bell.match_data)
		return;
	if (pci->doorbell_on[queue])
		pci->wires.ops->remove_doorbell(pci->wires.ctx, old);
	*old = bell;
	pci->doorbell_on[queue] =
	    want && !pci->wires.ops->add_doorbell(pci->wires.ctx, &pci->doorbells[queue]);
}

static void queue_live(void *transport, unsigned queue, bool live)
{
	struct virtio_pci *pci = transport;
	bool cookies = pci->dev->features & FEATURE(F_NOTIF_CONFIG_DATA);

	__atomic_store_n(&pci->cookies, cookies, __ATOMIC_RELAXED);
	update_doorbell(pci, queue);
}

static void bar_changed(struct pci_function *fn, unsigned bar)
{
	struct virtio_pci *pci = fn->opaque;
	const struct bus_range *range = &fn->bars[bar].range;

	virtio_device_lock(pci->dev);
	pci->bar_base[bar] = range->active ? range->base : 0;
	if (bar != BAR_MSIX)
		for (unsigned i = 0; i < pci->dev->queue_count; i++)
			update_doorbell(pci, i);
	pci->dev->ops->changed(pci->dev);
	virtio_device_unlock(pci->dev);
}

/* Interrupts. */

static unsigned msix_decide_irq(struct virtio_pci *pci, uint16_t vector, struct irq_shot *shot)
{
	struct msix_shot inner;

	shot->vector = (uint8_t)vector;
	shot->line = false;
	switch (msix_decide(&pci->msix, vector, &inner)) {
	case MSIX_SEND:
		shot->eventfd = inner.eventfd;
		shot->address = inner.message.address;
		shot->data = inner.message.data;
		return VBT_SIGNAL_sent;
	case MSIX_PENDING: return VBT_SIGNAL_masked;
	default: return VBT_SIGNAL_no_vector;
	}
}

static unsigned irq_decide(void *transport, unsigned queue, struct irq_shot *shot)
{
	struct virtio_pci *pci = transport;

	if (msix_enabled(&pci->msix))
		return msix_decide_irq(
		    pci, __atomic_load_n(&pci->dev->queues[queue].vector, __ATOMIC_RELAXED), shot);
	*shot = (struct irq_shot){.vector = 0xff, .line = true};
	intx_set_isr(&pci->intx, ISR_QUEUE);
	return intx_disabled(&pci->intx) ? VBT_SIGNAL_intx_disabled : VBT_SIGNAL_sent;
}

static int irq_fire(void *transport, const struct irq_shot *shot)
{
	struct virtio_pci *pci = transport;
	struct msix_shot inner = {.eventfd = shot->eventfd,
				  .message = {.address = shot->address, .data = shot->data}};

	return shot->line ? intx_update(&pci->intx) : msix_fire(&pci->msix, &inner);
}

static void config_irq(void *transport)
{
	struct virtio_pci *pci = transport;
	struct irq_shot shot;

	intx_set_isr(&pci->intx, ISR_CONFIG);
	if (!msix_enabled(&pci->msix))
		intx_update(&pci->intx);
	else if (msix_decide_irq(pci, pci->dev->config_vector, &shot) == VBT_SIGNAL_sent)
		irq_fire(pci, &shot);
}

static void transport_reset(void *transport)
{
	struct virtio_pci *pci = transport;

	intx_take_isr(&pci->intx);
}

static const struct virtio_transport_ops transport_ops = {
    .irq_decide = irq_decide,
    .irq_fire = irq_fire,
    .config_irq = config_irq,
    .queue_live = queue_live,
    .reset = transport_reset,
};

/* Something of MSI-X changed: the trace's device table shows the messages. */
static void msix_changed(void *opaque)
{
	struct virtio_pci *pci = opaque;

	virtio_device_lock(pci->dev);
	pci->dev->ops->changed(pci->dev);
	virtio_device_unlock(pci->dev);
}

/* Configuration space. */

static void apply_command(struct virtio_pci *pci)
{
	uint16_t command = pci_config_get16(&pci->fn, PCI_COMMAND);

	msix_config_written(&pci->msix, &pci->fn);
	intx_set_enabled(&pci->intx, command & PCI_COMMAND_INTX_DISABLE, msix_enabled(&pci->msix));
	virtio_device_set_dma(pci->dev, command & PCI_COMMAND_MASTER);
}

static bool asks_for_reset(struct virtio_pci *pci, unsigned offset, unsigned size)
{
	unsigned control = pci->af_capability + PCI_AF_CTRL;

	return pci_touches(offset, size, control, 1) && pci->fn.config[control] & PCI_AF_CTRL_FLR;
}

static void config_written(struct pci_function *fn, unsigned offset, unsigned size)
{
	struct virtio_pci *pci = fn->opaque;

	if (asks_for_reset(pci, offset, size)) {
		pci_function_reset(fn);
		/* What firmware had switched on is off, too: that is for the driver to restore. */
		pci_function_write(fn, PCI_COMMAND, 2, 0);
		return;
	}
	if (pci_touches(offset, size, PCI_COMMAND, 2) ||
	    (pci->msix.capability && pci_touches(offset, size, pci->msix.capability, 4)))
		apply_command(pci);
	virtio_modern_config_written(pci, offset, size);
}

static void config_reading(struct pci_function *fn, unsigned offset, unsigned size)
{
	struct virtio_pci *pci = fn->opaque;

	if (pci_touches(offset, size, PCI_STATUS, 1)) {
		fn->config[PCI_STATUS] &= (uint8_t)~PCI_STATUS_INTERRUPT;
		if (intx_peek_isr(&pci->intx))
			fn->config[PCI_STATUS] |= PCI_STATUS_INTERRUPT;
	}
	virtio_modern_config_reading(pci, offset, size);
}

static void function_reset(struct pci_function *fn)
{
	struct virtio_pci *pci = fn->opaque;

	intx_set_gsi(&pci->intx, fn->gsi);
	virtio_device_lock(pci->dev);
	virtio_device_reset(pci->dev, true);
	virtio_device_unlock(pci->dev);
	msix_reset(&pci->msix);
	apply_command(pci);
}

static const struct pci_function_ops function_ops = {
    .config_written = config_written,
    .config_reading = config_reading,
    .bar_changed = bar_changed,
    .reset = function_reset,
};

/* Function reset: on a conventional bus it is a matter of the Advanced Features capability. */
static void plug_function_reset(struct virtio_pci *pci)
{
	static const uint8_t body[PCI_CAP_AF_SIZEOF - 2] = {PCI_CAP_AF_SIZEOF,
							    PCI_AF_CAP_TP | PCI_AF_CAP_FLR};

	pci->af_capability =
	    pci_function_add_capability(&pci->fn, PCI_CAP_ID_AF, body, PCI_CAP_AF_SIZEOF);
	pci->fn.writable[pci->af_capability + PCI_AF_CTRL] = PCI_AF_CTRL_FLR;
}

static struct pci_identity identity_of(enum disk_transport transport)
{
	struct pci_identity id = {
	    .vendor = VIRTIO_VENDOR,
	    .device = VIRTIO_BLK_TRANSITIONAL,
	    .subsystem_vendor = VIRTIO_VENDOR,
	    .subsystem = VIRTIO_BLK_SUBSYSTEM,
	    .class_code = 0x018000, /* a mass storage controller of no other kind */
	    .interrupt_pin = 1,
	};

	if (transport == TRANSPORT_MODERN) {
		id.device = VIRTIO_BLK_MODERN;
		id.subsystem = VIRTIO_MODERN_SUBSYSTEM;
		id.revision = 1;
	}
	return id;
}

int virtio_pci_init(struct virtio_pci *pci, struct virtio_device *dev,
		    const struct disk_options *options, const struct wires *wires,
		    const int *kick_fds)
{
	struct pci_identity identity = identity_of(options->transport);
	bool irqfd = options->signal == SIGNAL_IRQFD;
	int err;

	*pci = (struct virtio_pci){
	    .dev = dev,
	    .wires = *wires,
	    .transport = options->transport,
	    .ioeventfd = options->notify == NOTIFY_IOEVENTFD,
	    .kick_fds = kick_fds,
	};
	snprintf(pci->bar_name, sizeof(pci->bar_name), "%s", dev->name);
	dev->transport = pci;
	dev->transport_ops = &transport_ops;
	dev->vectors = options->irq == IRQ_MSIX ? (uint16_t)(dev->queue_count + 1) : 0;
	err = msix_init(&pci->msix, dev->vectors, irqfd, wires, msix_changed, pci);
	if (!err)
		err = intx_init(&pci->intx, irqfd, wires);
	if (err)
		return err;

	pci_function_init(&pci->fn, &identity, &function_ops, pci);
	if (has_legacy(pci))
		pci_function_set_bar(&pci->fn, BAR_LEGACY, BUS_PIO, LEGACY_BAR_SIZE, false,
				     &virtio_legacy_ops, pci, pci->bar_name);
	if (dev->vectors)
		msix_plug(&pci->msix, &pci->fn, BAR_MSIX, pci->bar_name);
	if (has_modern(pci))
		virtio_modern_plug(pci);
	plug_function_reset(pci);
	return 0;
}

void virtio_pci_release(struct virtio_pci *pci)
{
	msix_release(&pci->msix);
	intx_release(&pci->intx);
}
