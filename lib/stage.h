/* SPDX-License-Identifier: MIT */
/*
 * The stage table: the 14 marks of a request's life, declared once.
 *
 * Everything that names a mark is generated from VBT_STAGES: the enum, the letters, the USDT
 * probe names, the attach table, column headings, the teaching text and the documentation.
 */
#ifndef VBT_STAGE_H
#define VBT_STAGE_H

/*
 * X(id, letter, origin, meaning)
 *   id       lower-case name; also the USDT probe name and the JSON key
 *   letter   one upper-case letter, as btt uses them; segments are named by two: P2S
 *   origin   KERNEL (tracepoint) or VMM (stage point in the VMM)
 *   meaning  one sentence for people
 * The order is the order of a request's life; code relies on it (mark n is before mark n + 1).
 */
#define VBT_STAGES(X)                                                                       \
	X(kick, 'K', KERNEL, "the guest wrote the queue's notify register")                 \
	X(wake, 'W', VMM, "the VMM starts to serve that notification")                      \
	X(pop, 'P', VMM, "the chain's head is taken from the available ring")               \
	X(parse, 'R', VMM, "the request header is read and validated: type, sector, bytes") \
	X(submit, 'S', VMM, "the request is handed to the host's I/O interface")            \
	X(queue, 'Q', KERNEL, "the host's block layer got it")                              \
	X(issue, 'D', KERNEL, "the host's disk driver got it")                              \
	X(complete, 'C', KERNEL, "the host's disk finished it")                             \
	X(reap, 'E', VMM, "the VMM saw the host's completion")                              \
	X(push, 'U', VMM, "the used element is visible to the guest")                       \
	X(signal, 'N', VMM, "the VMM decided to interrupt, or why not")                     \
	X(msi, 'M', KERNEL, "the interrupt entered KVM")                                    \
	X(inject, 'J', KERNEL, "the vector was delivered to a vCPU")                        \
	X(eoi, 'O', KERNEL, "the guest finished its handler")

enum vbt_mark {
#define X(id, letter, origin, meaning) VBT_MARK_##id,
	VBT_STAGES(X)
#undef X
	    VBT_MARK_COUNT /* 14 */
};

/*
 * Auxiliary points: they carry context that links the marks, and are no marks of a request.
 * Numbered behind the marks so that one byte names either. The numbers are in files: new points go
 * to the end.
 */
#define VBT_AUX_POINTS(X)                                                                      \
	X(signal_done, VMM, "the interrupt call returned; ends the task window of `signal`")   \
	X(device, VMM, "a device (re)configured: status, doorbells or vectors changed")        \
	X(apic_accept, KERNEL, "a local APIC accepted the message: names its vCPU and vector") \
	X(mark_clock, VMM, "a calibration pair of TSC and CLOCK_MONOTONIC")                    \
	X(ring, VMM, "a part of a snapshot of the rings, only on request (ring_item.h)")       \
	X(pause, VMM, "the VMM stands still for a learner: its begin, or its end")             \
	X(lost, NOBODY, "a source lost events: its statement, no point anywhere (event.h)")    \
	X(data, VMM, "a part of the data of a request, only on request (record.h)")

enum vbt_aux {
	VBT_AUX_FIRST_ = VBT_MARK_COUNT - 1,
#define X(id, origin, meaning) VBT_AUX_##id,
	VBT_AUX_POINTS(X)
#undef X
	    VBT_POINT_COUNT
};

/* Why a notification or a mark did not happen; stored in the record's code byte. */
#define VBT_WAKE_REASONS(X)                                                                   \
	X(ioeventfd, "the eventfd that KVM writes was read")                                  \
	X(exit,                                                                               \
	  "the exit returned on a vCPU and was handed to the queue's thread or served there") \
	X(recheck, "the queue was looked at again and found not empty: no kick of its own")   \
	X(start, "the device was started and looked at its queues")

#define VBT_SIGNAL_REASONS(X)                                                      \
	X(sent, "an interrupt was sent")                                           \
	X(no_interrupt, "suppressed: the guest set the no-interrupt flag")         \
	X(event_idx, "suppressed: the guest's event index is not reached")         \
	X(no_vector, "suppressed: the queue has no MSI-X vector")                  \
	X(masked, "held back: the MSI-X vector is masked, the pending bit is set") \
	X(intx_disabled, "held back: INTx is disabled in the command register")    \
	X(stopped, "suppressed: the device is being reset")                        \
	X(failed, "the host refused the interrupt")

enum vbt_wake_reason {
#define X(id, meaning) VBT_WAKE_##id,
	VBT_WAKE_REASONS(X)
#undef X
	    VBT_WAKE_REASON_COUNT
};

enum vbt_signal_reason {
#define X(id, meaning) VBT_SIGNAL_##id,
	VBT_SIGNAL_REASONS(X)
#undef X
	    VBT_SIGNAL_REASON_COUNT
};

/* How a request was handed to the host; the op byte of submit and reap. */
#define VBT_IO_METHODS(X)                                                     \
	X(none, "answered by the VMM itself, no host I/O")                    \
	X(io_uring, "io_uring submission; the cookie is the SQE's user_data") \
	X(sync, "preadv/pwritev/fdatasync in the submitting thread")          \
	X(null, "the null disk: completes at once")

enum vbt_io_method {
#define X(id, meaning) VBT_IO_##id,
	VBT_IO_METHODS(X)
#undef X
	    VBT_IO_METHOD_COUNT
};

#endif
