/* SPDX-License-Identifier: MIT */
#include "vmm-lite/virtio/queue.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/stage.h"
#include "vmm-lite/virtio/ring.h"

struct queue *queue_new(const struct guest_mem *mem, uint16_t max_size)
{
	size_t words = (max_size + 63u) / 64;
	struct queue *queue = calloc(1, sizeof(*queue) + words * sizeof(queue->busy[0]));

	if (!queue)
		return NULL;
	queue->mem = mem;
	queue->max_size = max_size;
	return queue;
}

void queue_free(struct queue *queue)
{
	free(queue);
}

int queue_enable(struct queue *queue, const struct queue_layout *layout, const char **why)
{
	queue_disable(queue);
	queue->layout = *layout;
	if (!layout->size || layout->size > queue->max_size)
		*why = "its size is 0 or above the maximum";
	else
		*why =
		    layout->packed ? ring_packed_ops.enable(queue) : ring_split_ops.enable(queue);
	if (*why)
		return -EINVAL;
	queue->ops = layout->packed ? &ring_packed_ops : &ring_split_ops;
	return 0;
}

void queue_disable(struct queue *queue)
{
	size_t words = (queue->max_size + 63u) / 64;

	queue->ops = NULL;
	queue->why = NULL;
	queue->in_flight = 0;
	memset(&queue->layout, 0, sizeof(queue->layout));
	memset(&queue->split, 0, sizeof(queue->split));
	memset(&queue->packed, 0, sizeof(queue->packed));
	memset(queue->busy, 0, words * sizeof(queue->busy[0]));
}

bool queue_enabled(const struct queue *queue)
{
	return queue->ops;
}

enum queue_status queue_pop(struct queue *queue, struct queue_chain *chain,
			    struct queue_segment *segments)
{
	enum queue_status status;

	if (!queue->ops)
		return QUEUE_EMPTY;
	if (queue->why)
		return QUEUE_BROKEN;
	*chain = (struct queue_chain){.segments = segments, .slots = 1};
	status = queue->ops->pop(queue, chain);
	if (status == QUEUE_CHAIN)
		queue->in_flight++;
	return status;
}

const char *queue_why(const struct queue *queue)
{
	return queue->why;
}

void queue_push(struct queue *queue, const struct queue_chain *chain, uint32_t written)
{
	queue->in_flight--;
	queue->ops->push(queue, chain, written);
}

void queue_publish(struct queue *queue)
{
	queue->ops->publish(queue);
}

unsigned queue_needs_signal(struct queue *queue)
{
	/*
	 * The guest's wish is read after what it may be waiting for became visible; otherwise both
	 * sides could look at the other's old value and nobody would act. (2.7.7, 2.8.21.3)
	 */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return queue->ops->needs_signal(queue);
}

void queue_suppress_kicks(struct queue *queue)
{
	if (queue->ops)
		queue->ops->suppress(queue);
}

bool queue_rearm_kicks(struct queue *queue)
{
	if (!queue->ops || queue->why)
		return false;
	return queue->ops->rearm(queue);
}
