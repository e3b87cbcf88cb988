/* SPDX-License-Identifier: MIT */
/* Requests that the device answers itself: what it refuses, its identity, wear, zones, and nothing at all. */
#ifndef VMM_VIRTIO_BLK_ANSWER_H
#define VMM_VIRTIO_BLK_ANSWER_H

#include "vmm-lite/virtio/blk_queue.h"

/*
 * If this request needs no I/O: true, with its status; the answer is in the guest's buffers, and
 * io->written says how long it is. With the queue's lock.
 */
bool blk_answer(struct blk_queue *q, struct blk_io *io, uint8_t *status);

#endif
