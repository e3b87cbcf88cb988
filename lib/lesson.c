/* SPDX-License-Identifier: MIT */
#include "lib/lesson.h"

#include <stddef.h>

#define PAGE(mark) [VBT_PAGE_OF(VBT_MARK_##mark)]

static const struct vbt_lesson lessons[] = {
    [0] =
	{VBT_CHAPTER_fill, VBT_ACTOR_guest,
	 "The disk of a virtual machine, the guest, is a program on the host: the VMM. It sees all "
	 "of the guest's memory, and requests pass through a ring there. For each the guest's driver "
	 "writes three things: a header (type and sector), room for the data, and a status byte. "
	 "One descriptor for each names its guest-physical address, its length, and who may write "
	 "it; together they are a chain, and the first is its head. Last it offers the chain: in a "
	 "split ring by its head in the available ring and then the index, in a packed ring by the "
	 "flags of the first descriptor. None of this leaves the guest, so nobody outside can see "
	 "when it happens: there is no mark.",
	 "Not known: there is no mark to measure from.",
	 "2.7.13 Supplying Buffers to The Device; 2.7.5 descriptor table; 2.7.6 available ring",
	 "2.8.21 Supplying Buffers to The Device; 2.8.1 wrap counters",
	 "virtio_queue_rq, virtblk_add_req (drivers/block/virtio_blk.c); virtqueue_add_split or "
	 "virtqueue_add_packed (drivers/virtio/virtio_ring.c)",
	 "none: this is the guest's side"},
    PAGE(kick) =
	{VBT_CHAPTER_kick, VBT_ACTOR_guest,
	 "The driver writes the queue's number to the notify register: a port on the legacy "
	 "interface, an address in a BAR on the modern one. Nothing answers there: the write "
	 "makes the CPU leave the guest, and KVM, the part of the host's kernel that runs guests, "
	 "looks at who registered that address.",
	 "A request's life is counted from here.",
	 "2.7.13.4 Notifying The Device; 4.1.5.2 Available Buffer Notifications",
	 "2.8.21.2 Sending Available Buffer Notifications; 4.1.5.2 Available Buffer Notifications",
	 "virtqueue_kick, vp_notify (drivers/virtio/virtio_pci_common.c)",
	 "none: this is the guest's side"},
    PAGE(wake) =
	{VBT_CHAPTER_intercept, VBT_ACTOR_vmm,
	 "The VMM learns of the kick. With an ioeventfd KVM only adds one to an eventfd, a counter "
	 "that a thread can sleep on, and lets the guest go on; the queue's thread wakes up. "
	 "Otherwise the "
	 "exit returns to the VMM on the vCPU's own thread, and the guest waits.",
	 "The exit from the guest, KVM's search for the address, the write to the eventfd, and the "
	 "time until the host's scheduler runs the thread that waits for it.",
	 "4.1.4.4 Notification structure layout", "4.1.4.4 Notification structure layout",
	 "KVM: kvm_fast_pio for a port, kvm_mmu_page_fault or handle_ept_misconfig for an address; "
	 "kvm_io_bus_write, ioeventfd_write (virt/kvm/eventfd.c)",
	 "virtio_queue_host_notifier_read (hw/virtio/virtio.c); without ioeventfd "
	 "virtio_ioport_write, virtio_queue_notify"},
    PAGE(pop) =
	{VBT_CHAPTER_take, VBT_ACTOR_vmm,
	 "The device finds that the ring holds more than it has taken, takes the next chain and "
	 "moves on its own position. The addresses in the descriptors are guest-physical: each is "
	 "checked to be RAM and translated to where the VMM has mapped the guest's memory.",
	 "Asking the guest not to kick again, reading the index, and for later requests of a batch "
	 "the work on those before.",
	 "2.7.6 available ring; 2.7.5 descriptor table; 2.7.5.3 indirect descriptors",
	 "2.8.6 descriptor chaining; 2.8.7 Indirect Flag; 2.8.1 wrap counters",
	 "none: this is the device's side", "virtqueue_pop (hw/virtio/virtio.c)"},
    PAGE(parse) =
	{VBT_CHAPTER_take, VBT_ACTOR_vmm,
	 "The header is copied once, then validated: is the type known and offered, is the range "
	 "on the disk, is there a writable byte for the status? Decisions are made on the copy, "
	 "because the guest can change its memory at any time.",
	 "Walking the chain, translating each address, copying the sixteen bytes of the header.",
	 "5.2.6 Device Operation", "5.2.6 Device Operation", "none: this is the device's side",
	 "virtio_blk_handle_request (hw/block/virtio-blk.c)"},
    PAGE(submit) =
	{VBT_CHAPTER_handle, VBT_ACTOR_vmm,
	 "The request becomes one of the host: a read writes into the device-writable "
	 "descriptors, a write reads from the device-readable ones, directly in the guest's "
	 "memory. Adjacent writes can be merged into one. What needs no disk is answered here.",
	 "Building the host's request; for later ones of a batch, waiting for those before.",
	 "5.2.6 Device Operation", "5.2.6 Device Operation", "none: this is the device's side",
	 "virtio_blk_submit_multireq, blk_aio_preadv; once do_multiwrite"},
    PAGE(queue) =
	{VBT_CHAPTER_handle, VBT_ACTOR_host,
	 "The host's block layer gets a bio, a piece of I/O for a disk: the file or block device "
	 "behind the guest's disk is now involved. If the host's page cache has the data, this and the next two marks do "
	 "not happen.",
	 "Entering the kernel, the file system or block device that finds the place, pinning the "
	 "guest's pages.",
	 "none: behind the device", "none: behind the device",
	 "submit_bio, submit_bio_noacct (block/blk-core.c)", "luring_co_submit (block/io_uring.c)"},
    PAGE(issue) =
	{VBT_CHAPTER_handle, VBT_ACTOR_host,
	 "The host's disk driver gets the request. With a scheduler or a plug it may have waited "
	 "for others to be merged with.",
	 "Plugging, merging and the I/O scheduler of the host.", "none: behind the device",
	 "none: behind the device", "blk_mq_start_request (block/blk-mq.c)",
	 "none: the host's kernel"},
    PAGE(complete) = {VBT_CHAPTER_handle, VBT_ACTOR_disk,
		      "The host's disk has done it and its interrupt was served.",
		      "The disk itself. Here a slow disk shows.", "none: behind the device",
		      "none: behind the device",
		      "blk_mq_end_request, blk_update_request (block/blk-mq.c)",
		      "none: the host's kernel"},
    PAGE(reap) =
	{VBT_CHAPTER_handle, VBT_ACTOR_vmm,
	 "The VMM sees the completion: an entry in io_uring's completion ring, or the return of the "
	 "system call. The data is in the guest's memory by now, but the guest does not know.",
	 "From the disk's interrupt to the completion entry, and the wake-up of the VMM's thread.",
	 "none: behind the device", "none: behind the device",
	 "io_complete_rw (io_uring/rw.c), io_uring's completion ring",
	 "luring_process_completions, in newer ones luring_cqe_handler (block/io_uring.c); "
	 "virtio_blk_rw_complete"},
    PAGE(push) =
	{VBT_CHAPTER_complete, VBT_ACTOR_vmm,
	 "First the status byte, then the used element with the chain's head and the number of "
	 "bytes written, then, after a barrier, the index (split) or the flags of the used "
	 "descriptor (packed). From then on the guest may see it, interrupt or not.",
	 "Writing status and used element; with a batch, the others of the batch.",
	 "2.7.8 used ring; 5.2.6 Device Operation",
	 "2.8.22 Receiving Used Buffers; 5.2.6 Device Operation", "none: this is the device's side",
	 "virtio_blk_req_complete, virtqueue_push (hw/virtio/virtio.c)"},
    PAGE(signal) =
	{VBT_CHAPTER_interrupt, VBT_ACTOR_vmm,
	 "Does the guest want to be told? The device looks at the flag in the available ring, or "
	 "at the event index, or at the driver's event area; then at whether the queue has a "
	 "vector and whether it is masked. One interrupt may tell of many requests.",
	 "A barrier, and reading the guest's wish.",
	 "2.7.7 Used Buffer Notification Suppression; 4.1.5.3 Used Buffer Notifications",
	 "2.8.10 Driver and Device Event Suppression; 4.1.5.3 Used Buffer Notifications",
	 "none: this is the device's side",
	 "virtio_should_notify, virtio_notify, virtio_pci_notify (hw/virtio/virtio-pci.c)"},
    PAGE(msi) =
	{VBT_CHAPTER_interrupt, VBT_ACTOR_kvm,
	 "The interrupt enters KVM: by a write to an eventfd that KVM watches (irqfd), or by an ioctl. "
	 "MSI-X is a message, an address and a vector; INTx is a line that goes up.",
	 "The system call, and KVM's look-up of the route.",
	 "4.1.5.1.2 MSI-X Vector Configuration; 4.1.4.5 ISR status",
	 "4.1.5.1.2 MSI-X Vector Configuration; 4.1.4.5 ISR status",
	 "KVM: irqfd_wakeup (virt/kvm/eventfd.c), kvm_set_msi (arch/x86/kvm)",
	 "msix_notify, kvm_irqchip_send_msi; INTx: pci_set_irq"},
    PAGE(inject) =
	{VBT_CHAPTER_interrupt, VBT_ACTOR_kvm,
	 "The vector is delivered to a vCPU. If that one was halted it is woken first; if it ran, it "
	 "had to leave the guest, unless the hardware posts interrupts by itself.",
	 "Waking or kicking the vCPU's thread, and the entry into the guest.", "outside of virtio",
	 "outside of virtio",
	 "KVM: kvm_check_and_inject_events, svm_inject_irq or vmx_inject_irq; in the guest "
	 "vring_interrupt, virtblk_done",
	 "none: KVM does it"},
    PAGE(eoi) =
	{VBT_CHAPTER_interrupt, VBT_ACTOR_guest,
	 "The guest's handler has looked at the used ring and tells its interrupt controller that it "
	 "is done. The request's life ends here.",
	 "The guest's interrupt handler.", "outside of virtio", "outside of virtio",
	 "apic_eoi in the guest; KVM: apic_set_eoi, kvm_apic_set_eoi_accelerated "
	 "(arch/x86/kvm/lapic.c)",
	 "none: KVM does it"},
};

_Static_assert(sizeof(lessons) / sizeof(lessons[0]) == VBT_PAGE_COUNT, "a page for each mark");

static const struct vbt_question questions[VBT_CHAPTER_COUNT][VBT_CHAPTER_QUESTIONS] = {
    [VBT_CHAPTER_fill] =
	{{"Why does the driver write the head first and the index last?",
	  "The index hands the chain over. A device that sees the new index must find "
	  "everything before it complete; a barrier between the two sees to that. In a packed "
	  "ring the first descriptor's flags are written last, for the same reason."},
	 {"Who may write a descriptor's buffer?",
	  "The device if the flag WRITE is set, else nobody but the driver. All "
	  "device-readable parts come before the device-writable ones."}},
    [VBT_CHAPTER_kick] =
	{{"What does the value that is written mean?",
	  "It is the queue's number; on the modern interface each queue can also have an "
	  "address of its own. The request itself is not in it: the ring is."},
	 {"May the driver leave the kick out?",
	  "Yes, if the device has said so: by the flag NO_NOTIFY, or by an event index "
	  "that is not reached. A driver that just forgets it waits forever."}},
    [VBT_CHAPTER_intercept] =
	{{"Two kicks come before the thread wakes. How often does it wake?",
	  "Once: the eventfd has counted two, and one pass over the ring takes all "
	  "that is there."},
	 {"What does an ioeventfd save?",
	  "The return to the VMM's user space on the vCPU's thread: the guest goes on "
	  "while another thread serves the queue."}},
    [VBT_CHAPTER_take] =
	{{"Can the device use an address from a descriptor as it is?",
	  "No. It is guest-physical and written by a guest that may be hostile: it is "
	  "checked to be RAM, as a whole range and without overflow, then translated."},
	 {"Why is the header copied before it is checked?",
	  "The guest could change it between the check and the use."}},
    [VBT_CHAPTER_handle] =
	{{"Which marks are missing if the host's page cache has the data?",
	  "Q, D and C: no bio, no request of a driver, no completion of a disk."},
	 {"A slow disk and a busy host: which segments tell them apart?",
	  "D to C is the disk. S to D and C to E are the host above it."}},
    [VBT_CHAPTER_complete] =
	{{"What is the length in the used element of a read of 512 bytes?",
	  "513: the data and the status byte, all that the device has written."},
	 {"Must requests be used in the order in which they were offered?",
	  "No, unless IN_ORDER was negotiated. That is why the used element names the "
	  "chain: by its head, in a packed ring by its buffer id."}},
    [VBT_CHAPTER_interrupt] =
	{{"Can a driver see a request as used before the interrupt?",
	  "Yes. The used ring decides; the interrupt only says that it is worth a "
	  "look."},
	 {"Why does an INTx handler read the ISR byte?",
	  "To learn whose interrupt it is, and because reading it lowers the line."}},
};

static const char *const chapter_titles[] = {
#define X(id, title) [VBT_CHAPTER_##id] = title,
    VBT_CHAPTERS(X)
#undef X
};

static const char *const actor_names[] = {
#define X(id, name) [VBT_ACTOR_##id] = name,
    VBT_ACTORS(X)
#undef X
};

const struct vbt_lesson *vbt_lesson(unsigned page)
{
	return page < VBT_PAGE_COUNT ? &lessons[page] : NULL;
}

const char *vbt_chapter_title(unsigned chapter)
{
	return chapter < VBT_CHAPTER_COUNT ? chapter_titles[chapter] : NULL;
}

const char *vbt_actor_name(unsigned actor)
{
	return actor < VBT_ACTOR_COUNT ? actor_names[actor] : NULL;
}

const struct vbt_question *vbt_chapter_questions(unsigned chapter)
{
	return chapter < VBT_CHAPTER_COUNT ? questions[chapter] : NULL;
}
