/* SPDX-License-Identifier: MIT */
/*
 * One request queue of the block device and whoever serves it: a thread of its own, or the thread
 * that kicks (iothread=off). blk_queue.c is about serving, blk_io.c about the requests.
 *
 * The lock guards the ring, the channel and the requests. A thread that serves holds it for a
 * pass at a time, and lets whoever waits at the gate go first before it begins another. Whatever
 * needs the device's lock happens after it was released.
 */
#ifndef VMM_VIRTIO_BLK_QUEUE_H
#define VMM_VIRTIO_BLK_QUEUE_H

#include <pthread.h>

#include "vmm-lite/disk/disk.h"
#include "vmm-lite/options.h"
#include "vmm-lite/virtio/blk_request.h"
#include "vmm-lite/virtio/device.h"

#define BLK_SMALL_IOV 16 /* pieces that most requests do with */
#define BLK_BIG_IOV   (QUEUE_MAX_SEGMENTS + 16)
#define BLK_BIG_COUNT 64 /* requests with more pieces that a queue has under way at once */
#define BLK_BATCH     64

/*
 * The kick eventfd counts the guest's kicks in its low half and the device's own wake-ups in its
 * high half, so that the number of kicks is exact.
 */
#define BLK_OWN_WAKE (1ull << 32)

struct blk_big_iov {
	struct blk_big_iov *next;
	struct iovec iov[BLK_BIG_IOV];
};

/* A request under way. */
struct blk_io {
	struct disk_request disk; /* its address is the cookie of the trace */
	struct blk_io *next; /* free; in order of arrival (IN_ORDER); or merged after another */
	struct blk_io *last; /* of those merged behind this one */
	struct blk_big_iov *big;
	struct queue_chain chain;
	uint32_t seq;
	unsigned range;   /* of the request's ranges, the one the disk has */
	uint64_t written; /* bytes into the guest's buffers */
	uint8_t status;
	bool finished; /* waits for its turn (IN_ORDER) */
	struct blk_request request;
	struct iovec small[BLK_SMALL_IOV];
};

/* Pushed, and to be reported once visible. */
struct blk_pushed {
	uint32_t seq, used;
	uint16_t head, index, slots;
	uint8_t status;
	const uint8_t *status_at; /* NULL: nowhere */
};

struct blk_queue {
	pthread_mutex_t lock, gate;
	struct virtio_device *dev;
	unsigned index;
	uint8_t trace;  /* device index of stage points */
	uint8_t method; /* enum vbt_io_method of the disk */
	bool threaded;
	bool merge;
	bool kick_by_exit;
	bool in_order;
	const bool *stable; /* atomic: writes have to be stable when they complete */
	const char *serial;
	struct disk *disk;
	const struct guest_mem *mem;
	struct queue *ring;
	struct disk_channel *channel;
	struct blk_rules rules;

	int kick_fd;
	bool live;        /* atomic for readers without the lock */
	bool stop;        /* atomic: let go as soon as possible */
	bool quit;        /* atomic: end the thread */
	bool starved;     /* chains were left in the ring for want of memory */
	bool unasked;     /* the pass began without a kick, and has taken nothing yet */
	const char *why;  /* the ring broke; to be reported without the lock */
	uint32_t epoch;   /* counts enables: which life a report belongs to */
	bool thread_runs; /* with the device's lock */
	pthread_t thread;
	char name[16];

	struct blk_io *ios, *free;
	struct blk_big_iov *bigs, *free_big;
	unsigned free_bigs;
	unsigned busy;                  /* requests under way */
	struct blk_io *plugged;         /* a write that waits for others to be merged with it */
	struct blk_io *first, **last;   /* in order of arrival (IN_ORDER) */
	struct queue_segment *segments; /* of the chain being popped */

	uint64_t kicks, push_seq, irq_seq;
	uint64_t
	    seen; /* when the disk gave back what is being finished; 0: somebody may ask the clock */
	uint32_t seq;
	struct blk_pushed batch[BLK_BATCH];
	unsigned batched;
	bool unsignalled;
	bool dropped; /* requests that a reset or a failure ended were not given back */
};

struct blk_queue_config {
	struct virtio_device *dev;
	unsigned index;
	uint8_t trace;
	const struct disk_options *options;
	struct disk *disk;
	const struct guest_mem *mem;
	const bool *stable;
};

/* 0 or -errno with a sentence in err. */
int blk_queue_init(struct blk_queue *q, const struct blk_queue_config *config, char *err,
		   size_t err_size);
/* The queue is stopped. Ends its thread. */
void blk_queue_release(struct blk_queue *q);

/* As in struct virtio_device_ops. */
int blk_queue_enable(struct blk_queue *q, const struct queue_layout *layout, bool in_order,
		     const char **why);
int blk_queue_start(struct blk_queue *q, const char **why);
bool blk_queue_stop(struct blk_queue *q);
void blk_queue_kick(struct blk_queue *q, bool guest);

void blk_queue_set_rules(struct blk_queue *q, const struct blk_rules *rules);

/* With the queue's lock: what is taken now has no kick of its own. */
void blk_queue_unasked(struct blk_queue *q);

/* blk_io.c; all with the queue's lock held. */

/* Take chains from the ring and hand them to the disk. At most *budget, which is counted down. */
unsigned blk_io_take(struct blk_queue *q, unsigned *budget);
/* Give what has finished back to the guest, and tell it. Returns how many. */
unsigned blk_io_reap(struct blk_queue *q);
/* Take back what has finished, without a trace in the guest. */
void blk_io_drop(struct blk_queue *q);
/* The queue is stopped, all is dropped: those who watch are told that what was not pushed never will be. */
void blk_io_stopped(struct blk_queue *q);

#endif
