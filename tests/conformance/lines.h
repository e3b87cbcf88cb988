/* SPDX-License-Identifier: MIT */
/*
 * What is demanded: one line each of the virtio 1.3 device requirements that concern a block device
 * over PCI, and of the catalogue of hostile input. X(id, level, section, text)
 *
 * Level: M must, S should, Y may (tolerated), D described without a keyword, A a place where the
 * specification is unclear, H hostile input (the section column then holds the reaction demanded:
 * ERR the request fails, DROP0 the chain comes back with length 0, BRK the device needs a reset,
 * IGN nothing happens, OK it works).
 */
#ifndef TESTS_CONFORMANCE_LINES_H
#define TESTS_CONFORMANCE_LINES_H

/* clang-format off */
#define CONFORMANCE_LINES(X) \
	X("INIT-01", "M", "Device Status Field", "not take buffers from any queue before DRIVER_OK is set") \
	X("INIT-02", "M", "Device Status Field", "not send used-buffer notifications before DRIVER_OK") \
	X("INIT-03", "S", "Device Status Field", "set DEVICE_NEEDS_RESET (64) when it enters an error that only a reset cures") \
	X("INIT-04", "M", "Device Status Field", "when it sets NEEDS_RESET while DRIVER_OK is set, also send a configuration-change notification") \
	X("INIT-05", "D", "Device Status Field", "start with status 0, return to 0 on reset") \
	X("INIT-06", "M", "Device Reset", "reinitialise status to 0 once it got a reset") \
	X("INIT-07", "M", "Device Reset", "after status reads 0, not touch the queues or send any notification until re-initialised") \
	X("INIT-08", "M", "Device Configuration Space", "let any device-specific field be read before FEATURES_OK, including fields that depend on offered features") \
	X("INIT-09", "D", "Device Configuration Space", "little-endian, natural alignment; may have tail padding") \
	X("INIT-10", "D", "Device Init. step order", "honour FEATURES_OK as a question: bit reads back set only if the feature subset is acceptable") \
	X("INIT-11", "D", "Device Status Field", "keep status bits the driver wrote readable; FAILED (128) is only recorded") \
	X("INIT-12", "D", "Notif. of Device Config Changes", "send config-change notification after a device-triggered config change (e.g. capacity)") \
	X("INIT-13", "D", "Device Cleanup", "after reset no queue is live; another full initialisation works") \
	X("INIT-14", "S", "Feature Bits", "not refuse, after reset, a feature set that it once accepted") \
	X("FEAT-01", "M", "Feature Bits", "not offer a feature whose prerequisite it does not offer") \
	X("FEAT-02", "S", "Feature Bits", "accept any valid subset") \
	X("FEAT-03", "M", "Feature Bits", "if a subset is not acceptable, leave FEATURES_OK clear when the driver writes it") \
	X("FEAT-04", "M", "Feature Bits", "not offer bits it could not serve (undefined, reserved, wrong transport, wrong device type)") \
	X("FEAT-05", "M", "Reserved Feature Bits", "offer VERSION_1 (32)") \
	X("FEAT-06", "Y", "Reserved Feature Bits", "may refuse to work if VERSION_1 is not accepted on the modern interface") \
	X("FEAT-07", "M", "Reserved Feature Bits", "with IN_ORDER negotiated, use buffers in the order made available") \
	X("FEAT-08", "S", "Reserved Feature Bits", "offer ACCESS_PLATFORM when it reaches memory through translated addresses; may refuse to run without it") \
	X("FEAT-09", "Y", "Reserved Feature Bits", "may fail or slow down if ORDER_PLATFORM (36) offered but not accepted") \
	X("FEAT-10", "M", "Reserved Feature Bits", "not offer SR_IOV (37) without an SR-IOV capability") \
	X("FEAT-11", "M", "CC", "show offered features at device_feature for the selected 32-bit window; windows without features read 0") \
	X("FEAT-12", "M", "CC", "show in driver_feature the valid bits the driver wrote, per driver_feature_select window (invalid bits may or may not be mirrored)") \
	X("FEAT-13", "D", "Device Initialization", "ignore new feature bits after FEATURES_OK (driver is forbidden to change them)") \
	X("FEAT-14", "D", "CC", "windows are independent and rewritable before FEATURES_OK (overwrite, not OR)") \
	X("FEAT-15", "D", "Device Reset", "forget acked features on reset") \
	X("FEAT-16", "M", "Legacy: Note on Feature Bits", "detect a legacy driver by VERSION_1 not being acknowledged, and then follow the legacy sections") \
	X("FEAT-17", "M", "blk Device Initialization", "offer FLUSH (9) if it offers CONFIG_WCE (11)") \
	X("FEAT-18", "S", "blk Device Initialization", "always offer FLUSH") \
	X("FEAT-19", "M", "blk Device Initialization", "with a host-managed zoned model, refuse FEATURES_OK if the driver did not accept ZONED (17)") \
	X("FEAT-20", "S", "blk Device Initialization", "not offer ZONED on a non-zoned device") \
	X("FEAT-21", "M", "blk Device Initialization (driver text constrains the pair)", "not pair host-managed ZONED with DISCARD (spec wording is on the driver side; the safe device does not offer DISCARD)") \
	X("FEAT-22", "S/M", "blk Device Operation", "offer LIFETIME (15) if the storage gives such metrics; never offer it if it does not") \
	X("FEAT-23", "D", "Legacy: Reserved Feature Bits + Feature Bits", "on a transitional function keep legacy-only bits (0, 7, 24, 27, 30) out of the modern device_feature window") \
	X("SPLIT-01", "M", "Message Framing", "make no assumption about how bytes are cut into descriptors") \
	X("SPLIT-02", "Y", "Message Framing", "may limit chain length reasonably") \
	X("SPLIT-03", "M", "The Virtqueue Descriptor Table", "not write to device-readable buffers") \
	X("SPLIT-04", "S", "The Virtqueue Descriptor Table", "not read device-writable buffers") \
	X("SPLIT-05", "M", "The Virtqueue Descriptor Table", "not write into the descriptor table (nor indirect tables)") \
	X("SPLIT-06", "M", "Used Ring", "write the used element's len before the new used idx is visible") \
	X("SPLIT-07", "M", "Used Ring", "have written at least `len` bytes, starting at the first writable byte, before used idx moves") \
	X("SPLIT-08", "Y", "Used Ring", "may report less than it wrote, never more than it wrote contiguously from the start") \
	X("SPLIT-09", "D", "Used Ring", "id = head descriptor index of the chain, as le32") \
	X("SPLIT-10", "D", "Used Ring", "used idx free-runs mod 65536, slot = idx mod size; starts at 0 after (re)enable") \
	X("SPLIT-11", "M", "Used Buffer Notif. Suppression", "without EVENT_IDX ignore used_event") \
	X("SPLIT-12", "M", "Used Buffer Notif. Suppression", "without EVENT_IDX and avail flags = 0, notify after using buffers") \
	X("SPLIT-13", "S", "Used Buffer Notif. Suppression", "without EVENT_IDX and flags = 1, not notify") \
	X("SPLIT-14", "M", "Used Buffer Notif. Suppression", "with EVENT_IDX ignore the low flag bit") \
	X("SPLIT-15", "M", "Used Buffer Notif. Suppression", "with EVENT_IDX notify when the written slot index equals used_event (i.e. when idx passes used_event+1), also inside a batch that jumps over it") \
	X("SPLIT-16", "S", "Used Buffer Notif. Suppression", "with EVENT_IDX otherwise stay silent") \
	X("SPLIT-17", "M", "Avail Buffer Notif. Suppression", "without EVENT_IDX keep used flags at 0 or 1 only") \
	X("SPLIT-18", "M", "Avail Buffer Notif. Suppression", "with EVENT_IDX keep used flags = 0") \
	X("SPLIT-19", "D", "Avail Buffer Notif. Suppression", "(if it uses avail_event) never lose a kick: re-check avail idx after re-arming") \
	X("SPLIT-20", "M", "Avail Buffer Notif. Suppression", "survive spurious kicks") \
	X("SPLIT-21", "D", "In-order use of descriptors", "with IN_ORDER may write one used element for a batch (id of the last buffer), placing it at the slot of the batch's first buffer and adding the batch size to idx") \
	X("SPLIT-22", "D", "Virtqueues (table)", "accept desc 16-, avail 2-, used 4-byte aligned addresses, anywhere in guest RAM incl. above 4 GiB, parts not contiguous") \
	X("SPLIT-23", "D", "Virtqueues", "size any power of two up to the maximum, down to 1") \
	X("SPLIT-24", "D", "Available Ring", "process entries from where it stopped, wrap at 65536") \
	X("SPLIT-25", "D", "Updating idx", "read ring entries/descriptors only after observing idx (acquire order)") \
	X("SPLIT-26", "D", "Virtqueue Descriptor Table", "treat flags bits other than NEXT/WRITE/INDIRECT as unknown and ignore them or fail the request; `next` is meaningless without NEXT") \
	X("PACKED-01", "M", "Packed Virtqueues", "start processing available descriptors in ring order") \
	X("PACKED-02", "M", "Packed Virtqueues", "start writing used descriptors in completion order (individual writes may be reordered once started)") \
	X("PACKED-03", "M", "Packed: Descriptor Table", "not write readable buffers; (S) not read writable ones") \
	X("PACKED-04", "M", "Packed: Descriptor Table", "use a descriptor only after seeing its AVAIL bit change (AVAIL = wrap counter, USED = inverse)") \
	X("PACKED-05", "M", "Packed: Descriptor Table", "not alter a descriptor after flipping its USED bit") \
	X("PACKED-06", "M", "Packed: Scatter-Gather", "use the descriptors of a NEXT-chained list in the order made available") \
	X("PACKED-07", "Y", "Packed: Scatter-Gather", "may limit list length") \
	X("PACKED-08", "D", "Wrap Counters", "keep one-bit wrap counters starting at 1; toggle after the last slot") \
	X("PACKED-09", "D", "Wrap Counters", "mark used with AVAIL = USED = device wrap counter") \
	X("PACKED-10", "D", "Write Flag", "set WRITE in a used descriptor iff it wrote anything into the buffer (blk: practically always, the status byte)") \
	X("PACKED-11", "D", "Element Address and Length", "len in used slot = bytes written (same rule as SPLIT-07/08); reserved if WRITE clear") \
	X("PACKED-12", "D", "Next Flag", "take Buffer ID from the *last* descriptor of the list and return that one") \
	X("PACKED-13", "D", "Next Flag", "write exactly one used slot per list, then skip the list's length") \
	X("PACKED-14", "D", "Next Flag", "write that used slot at the device's current used position (for in-order completion the head slot), not necessarily the list's own head") \
	X("PACKED-15", "D", "Packed: In-order", "with IN_ORDER may write one used slot for a batch, id of the last buffer") \
	X("PACKED-16", "D", "Structure Size and Alignment", "desc ring 16-aligned, both event areas 4-aligned, 4 bytes each; parts anywhere") \
	X("PACKED-17", "D", "Structure Size and Alignment", "accept any ring size 1…32768, also not a power of two") \
	X("PACKED-18", "D", "Driver and Device Event Suppression", "treat queue_driver as Driver area (device reads) and queue_device as Device area (device writes)") \
	X("PACKED-19", "D", "Event Suppression", "DISABLE (1) in the driver area: no used notification") \
	X("PACKED-20", "D", "Event Suppression", "ENABLE (0): notify on used") \
	X("PACKED-21", "D", "Event Suppression", "DESC (2) with EVENT_IDX: notify when the slot with that offset and wrap bit gets used, also if a batch/list skips across it") \
	X("PACKED-22", "D", "Event Suppression", "own Device area: flags only 0/1, or 2 when EVENT_IDX negotiated; reserved bits 0") \
	X("PACKED-23", "D", "Event Suppression", "never lose a kick when re-arming") \
	X("PACKED-24", "D", "Virtqueue Reset/CC", "wrap counters and positions back to (1, 0) after device or queue reset") \
	X("PACKED-25", "M", "Packed (feature)", "use the packed layout only if RING_PACKED (34) was negotiated, else split") \
	X("PACKED-26", "D", "Polling", "look only at the next slot; must not scan ahead for AVAIL bits") \
	X("IND-01", "M", "Split Indirect", "ignore WRITE on the descriptor that points to the table") \
	X("IND-02", "M", "Split Indirect", "handle N ≥ 0 direct descriptors followed by one INDIRECT") \
	X("IND-03", "D", "Split Indirect", "start at table index 0, follow `next` inside the table (any order), stop at NEXT clear") \
	X("IND-04", "D", "Split Indirect", "table has len/16 entries, anywhere in RAM, no alignment beyond what memory access needs") \
	X("IND-05", "D", "Split Indirect", "a table can hold both readable and writable descriptors") \
	X("IND-06", "D", "Split Indirect", "one ring slot per indirect request: size-1 queue can carry full requests") \
	X("IND-07", "D", "Packed Indirect", "table entries are consecutive; only WRITE counts in their flags; NEXT/AVAIL/USED/INDIRECT bits and Buffer ID in the table are ignored") \
	X("IND-08", "D", "Packed Indirect", "number of elements = len/16, all of them used (no NEXT to stop earlier)") \
	X("IND-09", "D", "Packed Indirect", "ignore WRITE on the referring descriptor; Buffer ID comes from the ring descriptor") \
	X("IND-10", "D", "Packed: Scatter-Gather", "allow ring to mix direct lists and single indirect descriptors (not inside one list)") \
	X("IND-11", "D", "Reserved Feature Bits", "treat INDIRECT only if bit 28 was negotiated") \
	X("IND-12", "D", "Split Indirect (driver MUST)", "chain total (direct + table) is limited by Queue Size for a conforming driver; the device may accept longer tables (Linux relies on seg_max only)") \
	X("NOTIF-01", "D", "Available Buffer Notifications (PCI)", "without NOTIFICATION_DATA take a 16-bit write of the queue index at cap.offset + notify_off×multiplier") \
	X("NOTIF-02", "D", "same", "act on the queue, whatever thread/path (ioeventfd or exit) serves it") \
	X("NOTIF-03", "D", "Driver Notifications", "with NOTIFICATION_DATA take a 32-bit write: index in low 16, next offset in 15 bits, wrap / top idx bit in bit 31") \
	X("NOTIF-04", "D", "Driver Notifications", "treat next_off/next_wrap as a hint only (identical repeats are legal)") \
	X("NOTIF-05", "D", "NOTIF_CONFIG_DATA", "expose queue_notif_config_data per queue and accept that value instead of the index, in both 16- and 32-bit forms") \
	X("NOTIF-06", "M", "Notification capability", "(DATA not offered) cap.offset 2-byte aligned") \
	X("NOTIF-07", "M", "Notification capability", "(DATA not offered) multiplier 0 or a power of two (text says \"even power\"; choose 4)") \
	X("NOTIF-08", "M", "Notification capability", "(DATA not offered) cap.length ≥ max(notify_off)×multiplier + 2 for every queue in every configuration") \
	X("NOTIF-09", "M", "Notification capability", "(DATA offered) multiplier 0 or power of two that is a multiple of 4") \
	X("NOTIF-10", "M", "Notification capability", "(DATA offered) cap.offset 4-byte aligned") \
	X("NOTIF-11", "M", "Notification capability", "(DATA offered) cap.length ≥ max(notify_off)×multiplier + 4") \
	X("NOTIF-12", "M", "Notification capability", "present at least one notify capability; several allowed, best first") \
	X("NOTIF-13", "D", "Reserved Feature Bits", "with NOTIFICATION_DATA *not* negotiated although offered, 16-bit kicks work") \
	X("NOTIF-14", "D", "CC", "queue_notif_config_data readable only meaningfully when bit 39 negotiated; otherwise reads as 0") \
	X("PCI-01", "M", "Virtio Over PCI Bus", "behave as a legal PCI / PCIe function") \
	X("PCI-02", "M", "PCI Device Discovery", "vendor 0x1AF4") \
	X("PCI-03", "M", "PCI Device Discovery", "device id 0x1042 (modern) or 0x1001 (transitional)") \
	X("PCI-04", "S", "PCI Device Discovery", "non-transitional: device id 0x1040–0x107f, revision ≥ 1, subsystem device id ≥ 0x40") \
	X("PCI-05", "M", "PCI Device Layout", "allow the two 32-bit halves of a 64-bit field to be accessed independently") \
	X("PCI-06", "M", "Virtio Structure PCI Capabilities", "count all extra data in cap_len (notify 20, cfg-access 20, cap64 24)") \
	X("PCI-07", "S", "Virtio Structure PCI Capabilities", "order several caps of one type best first") \
	X("PCI-08", "D", "Virtio Structure PCI Capabilities", "capability fields are read-only except those of the PCI_CFG cap") \
	X("PCI-09", "M", "CC", "at least one common cap; offset 4-byte aligned") \
	X("PCI-10", "M", "ISR status capability", "at least one ISR cap (no alignment demanded)") \
	X("PCI-11", "M", "Device-specific configuration", "at least one device cap (blk has config); offset 4-byte aligned") \
	X("PCI-12", "M", "PCI config access capability", "at least one PCI_CFG cap, and it works") \
	X("PCI-13", "M", "PCI config access capability", "a write to pci_cfg_data performs a cap.length-byte write at cap.bar/cap.offset") \
	X("PCI-14", "M", "PCI config access capability", "a read of pci_cfg_data performs the read first and returns its bytes (ISR read side effect included)") \
	X("PCI-15", "D", "PCI config access capability", "cap.bar, cap.offset, cap.length, pci_cfg_data are read-write") \
	X("PCI-16", "M", "Vendor data capability", "if present: vendor id ≠ 0x1AF4, size multiple of 4, reads without side effects") \
	X("PCI-17", "M", "Shared memory capability", "if present: unique id, region inside its BAR") \
	X("PCI-18", "S", "Non-transitional Device With Legacy Driver", "(modern-only, I/O BAR0 variant) on a 1-byte zero write to BAR0+18, show zeroes on every BAR and ignore writes") \
	X("PCI-19", "M", "CC", "reset on writing 0 to device_status and read 0 when finished") \
	X("PCI-20", "M", "CC", "queue_enable reads 0 after reset, for every queue") \
	X("PCI-21", "M", "CC", "queue_size reads 0 for a queue that does not exist") \
	X("PCI-22", "M", "CC", "without RING_PACKED negotiated queue_size is 0 or a power of two") \
	X("PCI-23", "D", "CC", "queue_size after reset = the maximum; a driver may lower it and the device then uses the lower value") \
	X("PCI-24", "M", "CC", "config_generation differs after the driver has read a config value that changed since the previous config read") \
	X("PCI-25", "D", "CC", "num_queues = number of request queues (16-bit), read-only") \
	X("PCI-26", "D", "CC", "device_feature, num_queues, config_generation, queue_notify_off, queue_notif_config_data ignore writes") \
	X("PCI-27", "D", "CC", "queue_desc/driver/device, queue_msix_vector, config_msix_vector, selects are readable back") \
	X("PCI-28", "D", "CC", "per-queue fields are banked by queue_select") \
	X("PCI-29", "D", "CC", "a queue never enabled is skipped although DRIVER_OK is set") \
	X("PCI-30", "D", "CC", "writing 0 to queue_enable is forbidden to drivers: ignoring it is safe; must not crash") \
	X("PCI-31", "M", "CC", "(ADMIN_VQ only) admin_queue_index ≥ num_queues and range fits in 16 bits") \
	X("PCI-32", "M", "CC", "queue_reset reads 0 after device reset") \
	X("PCI-33", "M", "CC", "writing 1 resets the selected queue; reads 1 as long as it is going on") \
	X("PCI-34", "M", "CC", "when finished both queue_reset and queue_enable read 0") \
	X("PCI-35", "M", "CC", "queue_reset reads 0 once the queue is enabled again") \
	X("PCI-36", "M", "Virtqueue Reset", "after the reset run no requests from it and send no notification for it") \
	X("PCI-37", "M", "Virtqueue Reset", "all queue state back to default (avail/used position, wrap counters, size to max, vector per \"default state\")") \
	X("PCI-38", "M", "Virtqueue Re-enable", "honour changed parameters (size, addresses, vector) at re-enable") \
	X("PCI-39", "D", "Virtqueue Reset", "other queues go on undisturbed") \
	X("PCI-40", "D", "CC", "queue_reset exists only if RING_RESET (40) negotiated; else ignore") \
	X("PCI-41", "M", "ISR status capability", "set ISR bit 1 before a config-change notification") \
	X("PCI-42", "M", "ISR status capability", "MSI-X off: set ISR bit 0 before a queue notification") \
	X("PCI-43", "M", "ISR status capability", "MSI-X off: PCI Status register Interrupt bit (cfg 0x06 bit 3) = OR of ISR bits") \
	X("PCI-44", "M", "ISR status capability", "reading ISR returns bits and clears them, INTx goes low") \
	X("PCI-45", "D", "ISR status capability", "INTx is level: stays high until ISR read; honours Interrupt Disable (command bit 10)") \
	X("PCI-46", "M", "Used Buffer Notifications", "MSI-X on and queue vector NO_VECTOR: no interrupt of any kind for that queue") \
	X("PCI-47", "M", "Notif. of Device Config Changes", "MSI-X on and config vector NO_VECTOR: no interrupt for config changes") \
	X("PCI-48", "S", "MSI-X Vector Configuration", "support 2…0x800 vectors") \
	X("PCI-49", "M", "MSI-X Vector Configuration", "report the number in Table Size (N−1 coded)") \
	X("PCI-50", "M", "MSI-X Vector Configuration", "map any event to any valid vector; several events may share one") \
	X("PCI-51", "M", "MSI-X Vector Configuration", "support unmapping (write 0xffff)") \
	X("PCI-52", "M", "MSI-X Vector Configuration", "read returns the mapped vector, or NO_VECTOR if unmapped or failed (incl. out-of-range vector)") \
	X("PCI-53", "M", "MSI-X Vector Configuration", "all events unmapped on reset") \
	X("PCI-54", "S", "MSI-X Vector Configuration", "not fail a mapping that it can satisfy") \
	X("PCI-55", "D", "PCI (MSI-X)", "function mask / per-vector mask hold back the message, PBA bit set, delivered once on unmask") \
	X("PCI-56", "D", "PCI (MSI-X)", "table readable/writable as dwords and qwords; changing address/data takes effect for later messages") \
	X("PCI-57", "D", "Used Buffer Notifications", "switching MSI-X off returns to INTx/ISR behaviour and vice versa") \
	X("PCI-58", "D", "PCI", "with Bus Master Enable clear the function must not do DMA or send MSI") \
	X("PCI-59", "D", "PCI", "MMIO/IO decode follows command bits 0/1; BARs relocate while decode is off") \
	X("LEG-01", "M", "Legacy: PCI Device Discovery", "revision 0, subsystem device id 2, device id 0x1001") \
	X("LEG-02", "M", "Legacy: PCI Device Layout / Layout Detection", "show the legacy register block in BAR0, I/O space") \
	X("LEG-03", "D", "Legacy: PCI Device Layout", "offsets: 0 host features(32,R) 4 guest features(32) 8 queue PFN(32) 12 queue size(16,R) 14 queue select(16) 16 notify(16) 18 status(8) 19 ISR(8,R)") \
	X("LEG-04", "D", "Legacy: PCI Device Layout", "MSI-X on: config vector at 20, queue vector at 22, device config at 24; off: device config at 20; moves back and forth") \
	X("LEG-05", "M", "Legacy: PCI Device Layout", "device config readable with any access width with same bytes") \
	X("LEG-06", "M", "Legacy: PCI Device Layout", "show device config directly behind the headers") \
	X("LEG-07", "M", "Legacy: PCI Device Layout", "treat feature bits 32–63 as not accepted when used through BAR0") \
	X("LEG-08", "M", "Legacy: Reserved Feature Bits", "offer ANY_LAYOUT (27) on the legacy interface") \
	X("LEG-09", "M", "Legacy: Reserved Feature Bits", "if NOTIFY_ON_EMPTY (24) negotiated: notify when it runs out of available buffers despite suppression") \
	X("LEG-10", "D", "Legacy: Reserved Feature Bits", "not negotiate bit 30") \
	X("LEG-11", "M", "Legacy: Device Initialization", "accept config-space writes before feature acknowledgment") \
	X("LEG-12", "M", "Legacy: Device Initialization", "work before DRIVER_OK is set (also before any feature write)") \
	X("LEG-13", "D", "Legacy: Device Initialization", "have no FEATURES_OK handshake; legacy drivers never set bit 8") \
	X("LEG-14", "M", "Legacy: Virtqueue Layout", "locate desc, avail, used in one block: used starts at next 4096 boundary after avail (avail counts 3 + size u16, i.e. with used_event)") \
	X("LEG-15", "D", "Legacy: Virtqueue Configuration", "take PFN×4096; PFN 0 disables the queue; no size negotiation (size register read-only)") \
	X("LEG-16", "M", "Legacy: Virtqueue Endianness", "ring fields in guest-native endian (x86: LE)") \
	X("LEG-17", "M", "Legacy: blk config layout / Device Operation", "config and request headers in guest-native endian") \
	X("LEG-18", "D", "Legacy: Message Framing", "ANY_LAYOUT not negotiated: driver uses header/data…/status split; still must work. Negotiated: any framing") \
	X("LEG-19", "M", "Legacy: blk Device Initialization", "not change cache mode on status writes, except on DRIVER_OK when CONFIG_WCE was not acked") \
	X("LEG-20", "M", "Legacy: blk Device Initialization", "not change cache mode on feature writes") \
	X("LEG-21", "M", "blk Device Initialization", "not offer ZONED on the legacy interface") \
	X("LEG-22", "D", "Legacy: blk Device Operation", "treat type 5 (FLUSH_OUT) as FLUSH") \
	X("LEG-23", "D", "Legacy: blk Device Operation", "with BARRIER (0) offered, high bit of type orders requests; not offered: the bit is no part of a type") \
	X("LEG-24", "D", "Legacy: blk Device Operation", "SCSI commands (types 2, 3) only if SCSI (7) offered; otherwise UNSUPP") \
	X("LEG-25", "D", "Legacy: Device Config Space", "there is no generation counter; capacity change is notified by ISR bit 1") \
	X("LEG-26", "D", "ISR/MSI-X rules", "PCI-41…57 hold for the legacy register file too") \
	X("LEG-27", "D", "Legacy + modern on one function", "both views share status, features, queues; reset through either resets all") \
	X("BLK-01", "D", "blk config layout", "capacity (offset 0, 64-bit) in 512-byte sectors, always present") \
	X("BLK-02", "D", "blk config layout", "SIZE_MAX→size_max(8), SEG_MAX→seg_max(12), GEOMETRY→16–19, BLK_SIZE→20, TOPOLOGY→24–31, CONFIG_WCE→writeback(32), MQ→num_queues(34), DISCARD→36/40/44, WRITE_ZEROES→48/52/56, SECURE_ERASE→60/64/68, ZONED→72–95 (model at 92)") \
	X("BLK-03", "M", "blk Device Initialization", "padding unused0 (33) and unused1 (57–59) are 0; unused2 (93–95) 0 for HM/HA") \
	X("BLK-04", "M", "blk Device Initialization", "if CONFIG_WCE negotiated but FLUSH not: writeback initialised to 0") \
	X("BLK-05", "D", "blk Device Initialization", "writeback writable (0/1) if CONFIG_WCE negotiated; other fields are not") \
	X("BLK-06", "D", "blk Device Initialization", "blk_size/topology never change protocol units") \
	X("BLK-07", "D", "blk Virtqueues", "MQ not negotiated: one queue; negotiated: num_queues queues, all equal") \
	X("BLK-08", "S", "blk Device Operation", "notify when capacity changes") \
	X("BLK-09", "S", "blk Device Operation", "write_zeroes_may_unmap is 0 iff write zeroes can never deallocate; notify if it changes") \
	X("BLK-10", "D", "blk config layout", "max_discard_sectors, discard_sector_alignment, max_write_zeroes_sectors, max_secure_erase_sectors, secure_erase_sector_alignment in 512-byte units") \
	X("BLK-11", "S", "blk Device Initialization", "ZONED offered but not accepted (HA/NONE model): go on, zoned fields all 0") \
	X("BLK-12", "D", "blk config layout", "zoned fields are read-only") \
	X("REQ-01", "D", "blk Device Operation", "header 16 bytes (type, reserved, sector), data, status = *last* writable byte") \
	X("REQ-02", "D", "blk Device Operation", "IN (0): fill data with sectors, any multiple of 512") \
	X("REQ-03", "D", "blk Device Operation", "OUT (1): store data") \
	X("REQ-04", "D", "blk Device Operation", "FLUSH (4): sector ignored; no data needed; completes when earlier *completed* writes are stable") \
	X("REQ-05", "D", "blk Device Operation", "GET_ID (8): 20 bytes, NUL-padded, no NUL if 20 long") \
	X("REQ-06", "D", "blk Device Operation", "GET_LIFETIME (10): three le16, only if LIFETIME offered, else UNSUPP") \
	X("REQ-07", "M", "blk Device Operation", "GET_LIFETIME: no reserved values (pre_eol 0–3, estimates 0–11)") \
	X("REQ-08", "D", "blk Device Operation", "DISCARD (11): array of 16-byte segments up to max_discard_seg") \
	X("REQ-09", "Y", "blk Device Operation", "DISCARD may deallocate or do nothing; content afterwards unspecified") \
	X("REQ-10", "M", "blk Device Operation", "WRITE_ZEROES (13): range reads back zero, with and without unmap") \
	X("REQ-11", "Y", "blk Device Operation", "WRITE_ZEROES with unmap may deallocate; without unmap must not be turned into deallocation that weakens \"allocated\" expectation") \
	X("REQ-12", "D", "blk Device Operation", "SECURE_ERASE (14): segments like DISCARD, limits of its own") \
	X("REQ-13", "M", "blk Device Operation", "(stability 1) neither CONFIG_WCE nor FLUSH negotiated while FLUSH offered: every completed write is already stable") \
	X("REQ-14", "M", "blk Device Operation", "(stability 2) CONFIG_WCE negotiated, writeback = 0 during the whole request: completed write is stable") \
	X("REQ-15", "M", "blk Device Operation", "(stability 3) after a completed FLUSH all writes completed before it was sent are stable") \
	X("REQ-16", "D", "Virtqueues", "requests may complete in any order, none is lost, each completes exactly once") \
	X("REQ-17", "D", "blk Device Operation", "sector is ignored for FLUSH, GET_ID, GET_LIFETIME, DISCARD, WRITE_ZEROES, SECURE_ERASE, ZONE_RESET_ALL") \
	X("REQ-18", "D", "blk Device Operation", "request with data across > seg_max/size_max: driver error; device may fail with IOERR but must complete it") \
	X("REQ-19", "D", "blk Device Operation", "`reserved` header word ignored (legacy ioprio)") \
	X("REQ-20", "D", "Virtqueues (MQ)", "same disk view from every queue; FLUSH on one queue covers writes completed on the others") \
	X("STAT-01", "M", "blk Device Operation", "write to an RO device: IOERR and no data changed") \
	X("STAT-02", "M", "blk Device Operation", "DISCARD / WRITE_ZEROES / SECURE_ERASE with unknown flag bits: UNSUPP") \
	X("STAT-03", "M", "blk Device Operation", "DISCARD with unmap set: UNSUPP") \
	X("STAT-04", "D", "blk Device Operation", "unknown or not offered type: UNSUPP (2), completed, used len ≥ 1 at status position rule") \
	X("STAT-05", "M", "blk Device Operation", "ZONED not negotiated: types 15,16,18,20,22,24,26 → UNSUPP") \
	X("STAT-06", "D", "blk Device Operation", "read/write past capacity: IOERR, no partial effect visible past the end") \
	X("STAT-07", "D", "blk Device Operation", "length not a multiple of 512 for IN/OUT: IOERR") \
	X("STAT-08", "D", "blk Device Operation", "segment count above max, data not a multiple of 16, num_sectors above max, range past capacity: IOERR") \
	X("STAT-09", "D", "blk Device Operation", "GET_ID buffer: conforming drivers give 20 bytes; shorter → IOERR or truncated; longer → first 20 (or zero pad rest)") \
	X("STAT-10", "D", "Used Ring", "used len on error must not claim bytes that were not written: 1 only if the status byte is the first writable byte, otherwise 0…n") \
	X("STAT-11", "D", "blk Device Operation", "backend failure (EIO, ENOSPC) → IOERR, queue goes on") \
	X("STAT-12", "D", "blk Device Operation", "per-segment result after IOERR in multi-segment DWZ is indeterminate, but nothing outside the ranges changes") \
	X("ZONE-01", "M", "blk Device Initialization", "model 0/1/2 = NONE/HM/HA as operated") \
	X("ZONE-02", "M", "blk Device Initialization", "zone_sectors = zone size; all zones equal but the last may be smaller") \
	X("ZONE-03", "M", "blk Device Initialization", "max_open_zones, max_active_zones (0 = no limit)") \
	X("ZONE-04", "M", "blk Device Initialization", "max_append_sectors ≤ seg_max×size_max (units: compare in bytes), 0 = append unsupported") \
	X("ZONE-05", "M", "blk Device Initialization", "write_granularity in bytes") \
	X("ZONE-06", "D", "blk Device Operation", "REPORT (16): 64-byte header with number of *fully transferred* 64-byte descriptors, starting with the zone containing `sector`; reserved bytes 0") \
	X("ZONE-07", "D", "blk Device Operation", "descriptor: capacity ≤ zone_sectors, start, wp, type 1/2/3, state") \
	X("ZONE-08", "D", "blk Device Operation", "conventional zone always state 0 (NOT_WP), normal I/O") \
	X("ZONE-09", "M", "blk Device Operation", "OPEN/CLOSE/FINISH/RESET on a conventional zone → ZONE_INVALID_CMD (3)") \
	X("ZONE-10", "M", "blk Device Operation", "APPEND to a zone that is not SWR → INVALID_CMD") \
	X("ZONE-11", "M", "blk Device Operation", "OPEN: to explicit open; impossible → INVALID_CMD; resources short → OPEN_RESOURCE(5)/ACTIVE_RESOURCE(6), state unchanged") \
	X("ZONE-12", "M", "blk Device Operation", "CLOSE: to closed (or to empty if explicit-open with wp at start); impossible → INVALID_CMD") \
	X("ZONE-13", "M", "blk Device Operation", "FINISH: to full; impossible → INVALID_CMD, unchanged") \
	X("ZONE-14", "M", "blk Device Operation", "RESET: to empty; impossible → INVALID_CMD, unchanged; on empty: OK") \
	X("ZONE-15", "D", "blk Device Operation", "RESET_ALL: all implicit/explicit open, closed, full sequential zones to empty; `sector` unused") \
	X("ZONE-16", "M", "blk Device Operation", "OUT/APPEND to empty or closed SWR zone: implicit open first; lacking resources → 5 or 6") \
	X("ZONE-17", "M", "blk Device Operation", "APPEND with sector not the zone's first sector → INVALID_CMD") \
	X("ZONE-18", "M", "blk Device Operation", "OUT/APPEND beyond remaining writable capacity → INVALID_CMD") \
	X("ZONE-19", "M", "blk Device Operation", "successful APPEND: append_sector (le64 before status) = first written sector") \
	X("ZONE-20", "Y", "blk Device Operation", "failed APPEND: append_sector undefined") \
	X("ZONE-21", "M", "blk Device Operation", "APPEND larger than max_append_sectors: UNSUPP if that is 0, else INVALID_CMD") \
	X("ZONE-22", "M", "blk Device Operation", "APPEND, IN or OUT on SWR zone crossing a zone boundary → INVALID_CMD") \
	X("ZONE-23", "M", "blk Device Operation", "OUT not at the write pointer of an SWR zone → UNALIGNED_WP (4)") \
	X("ZONE-24", "D", "blk Device Operation", "SWR write whose end is not a multiple of write_granularity → UNALIGNED_WP") \
	X("ZONE-25", "M", "blk Device Operation", "OUT/APPEND to read-only zone → INVALID_CMD") \
	X("ZONE-26", "M", "blk Device Operation", "any request to an offline zone → INVALID_CMD") \
	X("ZONE-27", "M", "blk Device Operation", "read above the write pointer: pattern fill (preferred) or failure") \
	X("ZONE-28", "M", "blk Device Operation", "both limits exceeded at once → ACTIVE_RESOURCE") \
	X("ZONE-29", "D", "blk Device Operation", "at max_open, opening another zone may implicitly close an implicit-open one") \
	X("ZONE-30", "D", "blk Device Operation", "all other zone errors → INVALID_CMD") \
	X("ZONE-31", "M", "blk Device Operation", "with SECURE_ERASE too: its alignment and data range multiples of zone_sectors; handled like RESET of those zones") \
	X("ZONE-32", "D", "blk Device Operation", "idempotent: OPEN on explicit open, CLOSE on closed, FINISH on full → OK") \
	X("ZONE-33", "D", "blk Device Operation", "HA (SWP) zones accept random writes; APPEND still only for SWR") \
	X("SUSP-01", "M", "Device Suspend", "ignore the SUSPEND bit until fully initialised") \
	X("SUSP-02", "M", "Device Suspend", "on SUSPEND either suspend (SUSPEND=1, DRIVER_OK=0) or set NEEDS_RESET") \
	X("SUSP-03", "S", "Device Suspend", "before that: stop taking buffers, finish those taken, send their notifications") \
	X("SUSP-04", "M", "Device Suspend", "while suspended: no notifications, no queue access, no config change visible") \
	X("SUSP-05", "S", "Device Suspend", "ignore config writes (but status) while suspended") \
	X("SUSP-06", "M", "Device Suspend", "defer config-change notification until resumed") \
	X("SUSP-07", "M", "Device Suspend", "on DRIVER_OK=1 resume (SUSPEND=0) or NEEDS_RESET") \
	X("AMB-01", "A", "blk legacy framing", "speaks of one 8-byte descriptor for type+reserved+sector, which is 16 bytes: 16") \
	X("AMB-02", "A", "blk legacy, FLUSH_OUT", "says the *driver* must treat it as FLUSH: device does") \
	X("AMB-03", "A", "Legacy layout formula", "ALIGN as printed only works with a mask value: used ring at next 4096 multiple") \
	X("AMB-04", "A", "PCI Available Buffer Notifications", "second bullet names NOTIFICATION_DATA where NOTIF_CONFIG_DATA is meant: use bit 39") \
	X("AMB-05", "A", "Notification capability", "\"even power of 2\" (even exponent? or just even?): multiplier 4 satisfies every reading and the NOTIFICATION_DATA rule") \
	X("AMB-06", "A", "MSI-X", "\"vector 0 to Table Size\" with N−1 coding: inclusive, N vectors") \
	X("AMB-07", "A", "Zoned", "max_append_sectors (sectors) compared with seg_max×size_max (bytes): convert; needs SIZE_MAX and SEG_MAX offered") \
	X("AMB-08", "A", "Packed events", "no device-normative block for event suppression: treat as M") \
	X("AMB-09", "A", "Packed indirect", "split demands direct-then-indirect, packed forbids NEXT+INDIRECT: packed: fail request") \
	X("AMB-10", "A", "Zoned ALIGN text", "UNALIGNED_WP rule mixes \"ending sector × 512\" and granularity: end offset in bytes mod granularity") \
	X("AMB-11", "A", "Queue reset", "whether vector and size return to default is only implied (\"any state\"): size = max, vector = NO_VECTOR") \
	X("AMB-12", "A", "RO + discard", "text says \"write request\"; DWZ/secure erase not named: IOERR, nothing changed") \
	X("AMB-13", "A", "blk Device Operation, RO sentence", "has \"if … if offered\": rule applies when RO is *offered*, negotiated or not") \
	X("AMB-14", "A", "Conformance clause", "blk \"Legacy Interface: Framing Requirements\" is not listed in conformance.tex: still follow it") \
	X("AMB-15", "A", "Used len vs status byte", "spec counts from the first writable byte; status is last, so a failing IN cannot honestly report \"1\" unless data was written: report 0, or fill the data with zeroes and report all")

#define HOSTILE_LINES(X) \
	X("HR-01", "H", "BRK", "avail idx jumps ahead by more than queue size") \
	X("HR-02", "H", "BRK (looks like a jump > size)", "avail idx moves backwards") \
	X("HR-03", "H", "OK, but bound work per pass (≤ queue size), re-arm, yield", "avail idx increments forever while the device drains (never-ending loop in one kick)") \
	X("HR-04", "H", "BRK", "avail ring entry ≥ queue size") \
	X("HR-05", "H", "BRK (or ERR second); track in-flight bit per head", "same head made available twice while in flight") \
	X("HR-06", "H", "BRK", "more heads in flight than queue size") \
	X("HR-07", "H", "OK: keep private shadow, never read used idx back", "guest writes used idx / used flags itself") \
	X("HR-08", "H", "OK (entry read once)", "guest rewrites avail ring entries already consumed") \
	X("HR-09", "H", "OK: read once, at worst spurious or missing irq for that guest", "used_event set to nonsense / flipped during evaluation") \
	X("HR-10", "H", "OK", "ring index arithmetic at size 32768 (u16 overflow)") \
	X("HR-11", "H", "OK for the host; guest sees garbage; no re-reads that assume stability", "desc, avail, used areas overlap each other or the data buffers") \
	X("HR-12", "H", "as HR-11", "data buffer overlaps used ring / indirect table / avail ring") \
	X("HR-13", "H", "BRK or OK, consistent bookkeeping", "IN_ORDER negotiated but guest uses `next` out of sequence or random heads") \
	X("HR-14", "H", "refuse at enable (see HQ-09) or IGN the store", "EVENT_IDX on, avail_event area just past used ring is outside RAM") \
	X("HR-15", "H", "OK", "NO_INTERRUPT toggled continuously") \
	X("HR-16", "H", "OK, no log flood, no lost vCPU progress", "kick storm (millions of notifies, empty ring)") \
	X("HR-17", "H", "OK: single aligned atomic 16-bit load", "avail idx (or packed flags) changes while the device loads it bytewise") \
	X("HP-01", "H", "OK: not available, ignore", "AVAIL/USED bits both equal to wrap, or inverted nonsense") \
	X("HP-02", "H", "BRK or ERR after queue-size elements", "list with NEXT on every slot of the ring") \
	X("HP-03", "H", "treat as complete list per spec (driver promise) or BRK; no stall forever without status", "first slot available, later slots of the list not yet marked available") \
	X("HP-04", "H", "OK for host (opaque 16 bits) but any table indexed by ID must be bounds-checked → BRK", "Buffer ID ≥ queue size") \
	X("HP-05", "H", "OK or BRK; nothing indexed by ID may be freed twice", "duplicate Buffer ID in flight") \
	X("HP-06", "H", "ERR/BRK", "INDIRECT together with NEXT") \
	X("HP-07", "H", "OK: ignore bits", "indirect table entries with NEXT/INDIRECT/AVAIL bits") \
	X("HP-08", "H", "OK: treat as ENABLE", "driver event flags = 3 (reserved) or DESC without EVENT_IDX") \
	X("HP-09", "H", "OK: plain modular compare", "event offset ≥ queue size") \
	X("HP-10", "H", "copy slot once with flags read first (acquire)", "guest rewrites a slot between availability check and read of addr/len") \
	X("HP-11", "H", "bounded by ring size per pass", "ring wraps: guest makes more slots available than free") \
	X("HP-12", "H", "OK", "queue size 1, or size not a power of two, list length = size") \
	X("HP-13", "H", "OK: layout follows negotiation only", "RING_PACKED not negotiated but packed-looking memory given (and reverse)") \
	X("HP-14", "H", "see HA-08", "desc ring changes after enable to point to device BAR (by BAR move over RAM address)") \
	X("HD-01", "H", "BRK or DROP0 after size steps", "descriptor loop (next → itself or cycle)") \
	X("HD-02", "H", "BRK", "chain longer than queue size (direct)") \
	X("HD-03", "H", "BRK", "`next` ≥ queue size / ≥ table length") \
	X("HD-04", "H", "BRK/ERR", "NEXT set in last table entry, next = table length") \
	X("HD-05", "H", "BRK/ERR", "INDIRECT inside an indirect table") \
	X("HD-06", "H", "BRK/ERR", "INDIRECT without feature negotiated") \
	X("HD-07", "H", "ERR/BRK", "INDIRECT + NEXT (split)") \
	X("HD-08", "H", "BRK/ERR", "table length 0") \
	X("HD-09", "H", "BRK/ERR (accepting len/16 is tolerated by text)", "table length not multiple of 16") \
	X("HD-10", "H", "ERR; cap elements (e.g. 1024/IOV_MAX) before allocation", "table length huge (4 GiB−16), 268 M entries") \
	X("HD-11", "H", "BRK/ERR", "table partly outside RAM / crossing end of RAM / crossing region hole") \
	X("HD-12", "H", "BRK/ERR, no device register read", "table in MMIO/BAR") \
	X("HD-13", "H", "OK", "table at unaligned address") \
	X("HD-14", "H", "BRK or ERR", "writable descriptors before readable ones") \
	X("HD-15", "H", "OK: skip", "zero-length descriptor anywhere") \
	X("HD-16", "H", "DROP0", "chain of only zero-length descriptors") \
	X("HD-17", "H", "ERR (or cut); used len must not wrap", "total length > 4 GiB") \
	X("HD-18", "H", "ERR/OK without allocating the nominal total", "many descriptors aliasing one page, nominal total ≈ 4 GiB, with small RAM") \
	X("HD-19", "H", "ERR (outside RAM) / split", "one descriptor len 0xffffffff") \
	X("HD-20", "H", "OK by splitting, or ERR", "> IOV_MAX elements in a valid request") \
	X("HD-21", "H", "IGN or ERR, same answer always", "reserved flag bits in descriptors set") \
	X("HD-22", "H", "DROP0 / ERR if status fits", "head-only chain (one descriptor, no NEXT)") \
	X("HD-23", "H", "snapshot every entry once", "indirect table modified while walked") \
	X("HD-24", "H", "snapshot first", "table aliasing the request's own writable data buffer (device overwrites table while reading it)") \
	X("HD-25", "H", "walker must return \"malformed\", not \"end of chain\"", "malformed tail hidden by silent truncation (bad `next`, bad address) so that the remaining prefix still looks like a valid shorter request") \
	X("HA-01", "H", "ERR (data) / DROP0 (status) / ERR (header)", "addr outside RAM") \
	X("HA-02", "H", "ERR", "addr + len wraps 2^64") \
	X("HA-03", "H", "ERR, no partial host access", "range starts in RAM, ends past it") \
	X("HA-04", "H", "ERR; if adjacent, OK by splitting", "range spans the PCI hole (3–4 GiB) or two non-adjacent regions") \
	X("HA-05", "H", "ERR", "range in ROM / read-only memory slot as write target") \
	X("HA-06", "H", "ERR (RAM-only DMA policy)", "data buffer in another device's MMIO") \
	X("HA-07", "H", "ERR, RAM-only policy makes it impossible", "data buffer in the device's own notify/common BAR (DMA re-enters device)") \
	X("HA-08", "H", "refuse enable / BRK", "ring placed in MMIO / own BAR") \
	X("HA-09", "H", "BRK at enable/DRIVER_OK", "ring area outside RAM or crossing end") \
	X("HA-10", "H", "BRK (or refuse enable)", "misaligned ring address (desc not 16, avail odd, used not 4)") \
	X("HA-11", "H", "BRK", "ring address high half only written, 64-bit garbage") \
	X("HA-12", "H", "quiesce first", "RAM region removed/added while queue live (hotplug)") \
	X("HA-13", "H", "OK (it is guest RAM)", "kernel/bzImage or boot-params pages as DMA target") \
	X("HA-14", "H", "EFAULT from io_uring → ERR", "dirty/guarded pages (memfd hole, userfault)") \
	X("HA-15", "H", "OK; bounded CPU per request", "huge page count of distinct tiny segments (1-byte descriptors)") \
	X("HQ-01", "H", "IGN write or refuse enable; no divide by zero", "queue_size = 0 then enable") \
	X("HQ-02", "H", "IGN write / BRK at enable", "queue_size not a power of two (split)") \
	X("HQ-03", "H", "IGN (keep old) or clamp, and read back the truth", "queue_size > maximum") \
	X("HQ-04", "H", "IGN", "queue_size changed after enable / DRIVER_OK") \
	X("HQ-05", "H", "IGN (latched at enable)", "ring addresses changed after enable / DRIVER_OK") \
	X("HQ-06", "H", "BRK/refuse; GPA 0 is RAM on x86, so still safe", "enable before any address is written (addresses 0)") \
	X("HQ-07", "H", "IGN second", "enable twice") \
	X("HQ-08", "H", "IGN or BRK", "queue_enable values other than 0/1") \
	X("HQ-09", "H", "BRK at enable", "used ring (incl. avail_event) or avail ring (incl. used_event) ends outside RAM by 2 bytes") \
	X("HQ-10", "H", "IGN (driver must not)", "queue_enable = 0 while running") \
	X("HQ-11", "H", "reads 0 (vector NO_VECTOR), writes IGN", "queue_select out of range, then read/write of all per-queue fields") \
	X("HQ-12", "H", "IGN", "legacy queue_select out of range + PFN write") \
	X("HQ-13", "H", "IGN", "vring align / geometry zero (legacy/mmio)") \
	X("HQ-14", "H", "IGN or accept; never activate with unset queues", "DRIVER_OK without FEATURES_OK, bits in odd order, bits cleared") \
	X("HQ-15", "H", "IGN", "DRIVER_OK written twice / toggled") \
	X("HQ-16", "H", "IGN", "features written after FEATURES_OK or DRIVER_OK") \
	X("HQ-17", "H", "refuse FEATURES_OK", "features not offered are acked") \
	X("HQ-18", "H", "reads 0, writes IGN; no shift by ≥ 64", "driver_feature_select / device_feature_select ≥ 2 up to 2^32−1") \
	X("HQ-19", "H", "stop or go on, no crash", "FAILED written, then I/O continues") \
	X("HQ-20", "H", "IGN the bit", "NEEDS_RESET bit (64) written by the guest") \
	X("HQ-21", "H", "IGN; process at DRIVER_OK", "kick before DRIVER_OK (modern)") \
	X("HQ-22", "H", "BRK + config irq, no abort", "activation failure (resources) on DRIVER_OK") \
	X("HQ-23", "H", "IGN, reads 0", "queue_reset on non-existing, not enabled, or already resetting queue") \
	X("HQ-24", "H", "hold enable until reset ended or IGN", "queue_reset while I/O in flight, then immediate re-enable without waiting") \
	X("HQ-25", "H", "IGN", "queue_reset without RING_RESET negotiated") \
	X("HQ-26", "H", "memory bounded per device", "size 32768 on all queues × MQ max") \
	X("HQ-27", "H", "store NO_VECTOR", "config vector/queue vector ≥ table size") \
	X("HQ-28", "H", "OK for the host", "two queues sharing ring memory") \
	X("HC-01", "H", "defined value or IGN; no assert", "1/2/4/8-byte accesses at every offset of the common cfg, misaligned, straddling fields") \
	X("HC-02", "H", "IGN / zeros", "access straddling end of common/ISR/notify/device region") \
	X("HC-03", "H", "IGN / all-ones", "device config offset + size overflow") \
	X("HC-04", "H", "IGN", "odd write lengths to device config (3, 5, 8 bytes)") \
	X("HC-05", "H", "IGN; only `writeback` is writable", "writes to capacity, num_queues, seg_max, …") \
	X("HC-06", "H", "IGN or treat as 1, read back 0/1", "writeback = 2…255") \
	X("HC-07", "H", "IGN", "writes to read-only common fields (num_queues, config_generation, notify_off, device_feature)") \
	X("HC-08", "H", "no access performed; reads return defined bytes", "PCI_CFG cap: length 0, 3, 8, 0xffffffff") \
	X("HC-09", "H", "IGN", "PCI_CFG cap: bar 6, 255, or unimplemented BAR") \
	X("HC-10", "H", "IGN", "PCI_CFG cap: offset unaligned to length, or beyond BAR, or offset+len overflow") \
	X("HC-11", "H", "IGN or normal access; must not deadlock on device lock", "PCI_CFG window pointing to the MSI-X BAR") \
	X("HC-12", "H", "normal reset, no lock inversion", "PCI_CFG used to write device_status = 0 (re-entrant reset)") \
	X("HC-13", "H", "defined result", "cfg access through 0xcfc+1…3 with 2/4 bytes straddling the dword") \
	X("HC-14", "H", "no overlap crash; region unmapped or shadowed; ioeventfds follow", "BAR moved onto RAM, onto another BAR, onto LAPIC/IOAPIC, to 0, to top of address space") \
	X("HC-15", "H", "kicks at old address no longer work; in-flight I/O finishes", "BAR moved / decode disabled while I/O and ioeventfd live") \
	X("HC-16", "H", "finish or hold; no DMA started after off", "command register: BME off with I/O in flight") \
	X("HC-17", "H", "IGN / partial allowed, no assert", "MSI-X table writes: 1/2-byte, unaligned, beyond table, into PBA") \
	X("HC-18", "H", "KVM_SIGNAL_MSI/irq route fails: IGN + rate-limited log", "MSI-X address pointing anywhere (RAM, own BAR, not 0xFEExxxxx)") \
	X("HC-19", "H", "no lost, no stuck PBA", "unmask/mask storms; mask while irqfd fires") \
	X("HC-20", "H", "route updated atomically", "MSI-X enable toggled with I/O in flight; vector fields rewritten with irqfd attached") \
	X("HC-21", "H", "no lost interrupt (atomic exchange)", "ISR read storms racing completion") \
	X("HC-22", "H", "IGN", "writes to capability bytes, vendor id, cap pointers") \
	X("HC-23", "H", "defined bytes", "legacy BAR0: 1/2/4-byte access to each register, straddling 20/24 border while MSI-X toggles") \
	X("HC-24", "H", "BRK or queue invalid", "legacy PFN = 0xffffffff, PFN of RAM end, PFN of MMIO") \
	X("HC-25", "H", "treat as queue reset + new address, or IGN", "legacy PFN rewritten while queue live") \
	X("HC-26", "H", "latch interface at first status write, or consistent shared state", "legacy and modern interface used together (features from one, queues from other)") \
	X("HC-27", "H", "KVM splits; handler sees ≤ 8 bytes; loop over data", "`rep outs`/`rep ins`, MMIO via `movs`, AVX 32-byte stores on BAR") \
	X("HC-28", "H", "0 / IGN", "MMIO read of notify region / write of ISR") \
	X("HN-01", "H", "IGN", "notify for queue ≥ num_queues (PIO, MMIO)") \
	X("HN-02", "H", "IGN", "notify for existing but disabled / not configured queue") \
	X("HN-03", "H", "low 16 bits or IGN, same with and without ioeventfd", "notify with wrong width (8-, 32-, 64-bit)") \
	X("HN-04", "H", "hint only", "NOTIFICATION_DATA with next_off beyond ring / stale / mismatching wrap") \
	X("HN-05", "H", "IGN", "NOTIF_CONFIG_DATA value not handed out by the device") \
	X("HN-06", "H", "IGN", "notify at an offset inside the region that belongs to no queue") \
	X("HN-07", "H", "one documented rule (value wins or address wins) in both paths", "value ≠ queue number at that queue's address (multiplier ≠ 0)") \
	X("HN-08", "H", "IGN, no use after free", "kick right after reset / during teardown of ioeventfd") \
	X("HB-01", "H", "ERR if a status byte exists, else DROP0", "readable part < 16 bytes (no full header)") \
	X("HB-02", "H", "ERR/DROP0", "header in a writable descriptor") \
	X("HB-03", "H", "DROP0, nothing written", "no writable byte at all (status missing / read-only)") \
	X("HB-04", "H", "OK: last byte", "status descriptor longer than 1 byte, or status shares descriptor with data") \
	X("HB-05", "H", "ERR", "sector × 512 overflows 64 bits") \
	X("HB-06", "H", "ERR, no partial", "sector ≥ capacity; last sector + length > capacity") \
	X("HB-07", "H", "ERR", "length not multiple of 512") \
	X("HB-08", "H", "ERR (IN w/o space) or data from the right side only", "IN with readable data / OUT with writable data descriptors") \
	X("HB-09", "H", "OK or ERR, completed", "IN/OUT with no data (zero sectors)") \
	X("HB-10", "H", "as HB-09", "IN: writable area is exactly the status byte") \
	X("HB-11", "H", "OK or ERR", "data > size_max per segment or > seg_max segments") \
	X("HB-12", "H", "ERR UNSUPP", "unknown type, types ≥ 2^31, legacy barrier bit") \
	X("HB-13", "H", "ERR UNSUPP", "SCSI_CMD (2,3), with and without SCSI feature, short sense/inhdr") \
	X("HB-14", "H", "ERR or truncate; never reads past the 20-byte source", "GET_ID with 0, 1, 19, > 20 bytes; multi-descriptor") \
	X("HB-15", "H", "ERR", "GET_LIFETIME with short buffer") \
	X("HB-16", "H", "ERR", "DISCARD/WZ/erase: 0 segments, or length not multiple of 16") \
	X("HB-17", "H", "ERR", "segments > max") \
	X("HB-18", "H", "OK (no-op) or ERR", "num_sectors = 0") \
	X("HB-19", "H", "ERR", "num_sectors > max_…_sectors") \
	X("HB-20", "H", "ERR, nothing changed outside", "sector + num_sectors overflows or > capacity") \
	X("HB-21", "H", "ERR UNSUPP", "reserved flags, unmap on DISCARD") \
	X("HB-22", "H", "OK", "overlapping or duplicate segments") \
	X("HB-23", "H", "OK", "segment array split over odd descriptor borders, in several pages") \
	X("HB-24", "H", "copy once (HT-03)", "segment array rewritten during validation") \
	X("HB-25", "H", "async, bounded in flight, cancellable", "huge multi-segment WRITE_ZEROES of the full disk repeated (host time/space DoS)") \
	X("HB-26", "H", "OK", "FLUSH with data, with garbage sector") \
	X("HB-27", "H", "coalesce/limit", "FLUSH flood") \
	X("HB-28", "H", "ERR, used len ≤ written prefix, no stale host data", "IN fails half-way (EIO at 2nd segment)") \
	X("HB-29", "H", "≤ really written", "used len on any error path") \
	X("HB-30", "H", "ERR, file unchanged", "OUT on RO disk; discard etc. on RO disk") \
	X("HB-31", "H", "EOF read → zeros or ERR; no SIGBUS", "backend shrinks (truncate) below capacity") \
	X("HB-32", "H", "format fixed by configuration, never probed", "write an image-format header to sector 0 of a raw disk, reboot") \
	X("HB-33", "H", "IGN", "FUA/priority words in `reserved`") \
	X("HB-34", "H", "bounce, bounded", "O_DIRECT backend with 1-byte aligned guest buffers") \
	X("HB-35", "H", "no leak of request objects / fds", "request error paths repeated 10^6 times") \
	X("HB-36", "H", "any order, no host fault", "MQ: same sectors written from all queues at once") \
	X("HZ-01", "H", "UNSUPP", "zone ops without negotiation") \
	X("HZ-02", "H", "ERR / 0 zones / fitting number; no allocation by nominal size", "REPORT buffer < 64, or 64 ≤ n < 128, or not multiple of 64, or 4 GiB") \
	X("HZ-03", "H", "INVALID_CMD", "REPORT sector ≥ capacity") \
	X("HZ-04", "H", "INVALID_CMD", "OPEN/CLOSE/… with sector inside zone, ≥ capacity, 2^64−1") \
	X("HZ-05", "H", "ERR/DROP0", "APPEND without room for append_sector (writable part < 9 bytes)") \
	X("HZ-06", "H", "INVALID_CMD/UNALIGNED_WP", "APPEND data length 0, not multiple of granularity, > max") \
	X("HZ-07", "H", "OK", "RESET_ALL with garbage sector") \
	X("HZ-08", "H", "serialised per zone, write pointer consistent", "concurrent appends/resets on one zone from several queues") \
	X("HZ-09", "H", "writes fail or finish before; wp consistent", "RESET while writes to that zone are in flight") \
	X("HZ-10", "H", "OPEN_RESOURCE/ACTIVE_RESOURCE", "zone limits: open max+1 zones explicitly") \
	X("HZ-11", "H", "refuse FEATURES_OK (DISCARD not offered)", "driver accepts ZONED + DISCARD on HM") \
	X("HT-01", "H", "copy header once", "header (type/sector) changed after validation") \
	X("HT-02", "H", "copy descriptor once into private memory", "descriptor changed between length check and use") \
	X("HT-03", "H", "copy array once", "discard segment array changed during processing") \
	X("HT-04", "H", "OK: file gets one of the versions; never used for control decisions (no checksum/compare-after-read)", "OUT data changed while being written") \
	X("HT-05", "H", "OK", "status byte polled/overwritten by guest during I/O") \
	X("HT-06", "H", "cancel or wait; status reads 0 only when no more DMA/irq can come; bounded time", "device_status = 0 with I/O in flight") \
	X("HT-07", "H", "one lock order; no UAF", "reset on vCPU 0 while vCPU 1 kicks, vCPU 2 reads ISR, vCPU 3 moves BAR") \
	X("HT-08", "H", "impossible by RAM-only DMA", "reset from inside DMA (ring in status register)") \
	X("HT-09", "H", "generation tag: drop, free resources, no guest write", "late io_uring CQE after reset or queue reset") \
	X("HT-10", "H", "generation tag per request", "reset → re-init → old requests' heads reused") \
	X("HT-11", "H", "no fd/thread leak, no dead worker", "rapid enable/DRIVER_OK/reset cycles (10^5)") \
	X("HT-12", "H", "all defaults", "reset must drop vectors, selects, features, ISR, NEEDS_RESET") \
	X("HT-13", "H", "same as reset", "guest triple-faults/reboots with I/O in flight") \
	X("HT-14", "H", "drain first", "pause/snapshot during I/O") \
	X("HT-15", "H", "generation changes", "config change (resize) racing config read") \
	X("HT-16", "H", "ERR; no SIGBUS", "resize smaller while requests target the cut area") \
	X("HT-17", "H", "full barrier between used idx store and event read", "completion thread vs driver changing used_event/flags") \
	X("HT-18", "H", "level state recomputed", "irqfd fires while INTx disabled/mask changes") \
	X("HT-19", "H", "per-vCPU threads, no global sleep under lock", "KVM_EXIT storms from one vCPU starve others") \
	X("HX-01", "H", "bounded memory: Σ queue size × fixed request + capped bounce", "all queues full of max-size requests") \
	X("HX-02", "H", "timeout or cancel; HT-06", "requests that never finish in backend (slow disk) + reset") \
	X("HX-03", "H", "rate limit", "log-triggering input in a loop") \
	X("HX-04", "H", "back-pressure, no lost CQE", "io_uring SQ/CQ overflow") \
	X("HX-05", "H", "ENOSPC → ERR", "memory-backed by sparse file, host full") \
	X("HX-06", "H", "probes print numbers only, fixed size, never dereference guest pointers", "trace probes active with hostile data")
/* clang-format on */

#endif
