/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "vmm-lite/disk/transfer.h"

#ifndef IOV_MAX
#define IOV_MAX 1024
#endif

#define ZEROES_BYTES (64u << 10)
#define ZEROES_IOVS  16

struct transfer {
	struct transfer *next;
	uint8_t *bounce; /* allocated when first needed, stays with the slot */
	bool bounced;    /* this request goes through it */
	struct iovec iov[IOV_MAX];
};

/* Never written; not const, since struct iovec cannot say so. */
static uint8_t zeroes[ZEROES_BYTES] __attribute__((aligned(4096)));

static struct transfer *slot_of(const struct disk_request *request)
{
	return (struct transfer *)(uintptr_t)request->backend[0];
}

void transfer_pool_init(struct transfer_pool *pool, const struct disk_file *file)
{
	*pool = (struct transfer_pool){.file = file, .waiting_last = &pool->waiting};
}

void transfer_pool_release(struct transfer_pool *pool)
{
	while (pool->free) {
		struct transfer *slot = pool->free;

		pool->free = slot->next;
		free(slot->bounce);
		free(slot);
	}
}

/* 0, EAGAIN or ENOMEM. */
static int take_slot(struct transfer_pool *pool, struct disk_request *request)
{
	struct transfer *slot = pool->free;

	if (slot) {
		pool->free = slot->next;
	} else if (pool->live < TRANSFER_SLOTS) {
		slot = malloc(sizeof(*slot));
		if (slot) {
			slot->bounce = NULL;
			pool->live++;
		}
	}
	if (!slot) {
		if (!pool->live)
			return ENOMEM;
		request->next = NULL;
		*pool->waiting_last = request;
		pool->waiting_last = &request->next;
		return EAGAIN;
	}
	slot->bounced = false;
	request->backend[0] = (uintptr_t)slot;
	return 0;
}

static void give_slot(struct transfer_pool *pool, struct disk_request *request)
{
	struct transfer *slot = slot_of(request);

	if (!slot)
		return;
	slot->next = pool->free;
	pool->free = slot;
	request->backend[0] = 0;
}

struct disk_request *transfer_resume(struct transfer_pool *pool)
{
	struct disk_request *request = pool->waiting;

	if (!request || (!pool->free && pool->live == TRANSFER_SLOTS))
		return NULL;
	pool->waiting = request->next;
	if (!pool->waiting)
		pool->waiting_last = &pool->waiting;
	return request;
}

static bool host_takes(const struct disk_file *file, const struct disk_request *request)
{
	uintptr_t mem = file->mem_align - 1, io = file->io_align - 1, bad = 0;
	int i;

	if (!file->direct)
		return true;
	for (i = 0; i < request->iov_count; i++)
		bad |= ((uintptr_t)request->iov[i].iov_base & mem) | (request->iov[i].iov_len & io);
	return !bad;
}

/*
 * The part of the request's iovecs from byte `skip` on, at most `max` pieces and `limit` bytes.
 * Number of pieces.
 */
static int cut(const struct disk_request *request, uint64_t skip, uint64_t limit, struct iovec *out,
	       int max)
{
	int i, count = 0;

	for (i = 0; i < request->iov_count && count < max && limit; i++) {
		const struct iovec *iov = &request->iov[i];
		uint64_t len;

		if (skip >= iov->iov_len) {
			skip -= iov->iov_len;
			continue;
		}
		len = iov->iov_len - skip < limit ? iov->iov_len - skip : limit;
		out[count++] = (struct iovec){(uint8_t *)iov->iov_base + skip, len};
		limit -= len;
		skip = 0;
	}
	return count;
}

/* Copy between the bounce buffer and the request's memory at its current position. */
static void bounce_copy(struct transfer *slot, const struct disk_request *request, uint64_t bytes)
{
	uint64_t at = 0;

	while (at < bytes) {
		struct iovec iov[16];
		int i, count = cut(request, request->done + at, bytes - at, iov, 16);

		for (i = 0; i < count; i++) {
			if (request->op == DISK_READ)
				memcpy(iov[i].iov_base, slot->bounce + at, iov[i].iov_len);
			else
				memcpy(slot->bounce + at, iov[i].iov_base, iov[i].iov_len);
			at += iov[i].iov_len;
		}
		if (!count)
			break; /* the iovecs are shorter than length: the rest stays as it is */
	}
}

static int zeroes_next(struct transfer *slot, uint64_t left)
{
	int count = 0;

	while (left && count < ZEROES_IOVS) {
		uint64_t len = left < ZEROES_BYTES ? left : ZEROES_BYTES;

		slot->iov[count++] = (struct iovec){zeroes, len};
		left -= len;
	}
	return count;
}

static int bounce_next(struct transfer *slot, const struct disk_request *request, uint64_t left)
{
	uint64_t bytes = left < TRANSFER_BOUNCE_BYTES ? left : TRANSFER_BOUNCE_BYTES;

	if (!slot->bounce)
		slot->bounce = aligned_alloc(4096, TRANSFER_BOUNCE_BYTES);
	if (!slot->bounce)
		return -ENOMEM;
	slot->bounced = true;
	if (request->op == DISK_WRITE)
		bounce_copy(slot, request, bytes);
	slot->iov[0] = (struct iovec){slot->bounce, bytes};
	return 1;
}

static bool sends_zeroes(const struct disk_request *request)
{
	return request->op == DISK_WRITE_ZEROES || request->op == DISK_SECURE_ERASE;
}

int transfer_next(struct transfer_pool *pool, struct disk_request *request,
		  struct transfer_piece *piece)
{
	uint64_t left = request->length - request->done;
	struct transfer *slot = slot_of(request);
	int count, error;

	piece->offset = request->offset + request->done;
	if (!slot && !request->done && !sends_zeroes(request) && request->iov_count <= IOV_MAX &&
	    host_takes(pool->file, request)) {
		piece->iov = request->iov;
		piece->count = request->iov_count;
		return 0;
	}
	if (!slot) {
		error = take_slot(pool, request);
		if (error)
			return error;
		slot = slot_of(request);
	}
	if (sends_zeroes(request))
		count = zeroes_next(slot, left);
	else if (!host_takes(pool->file, request))
		count = bounce_next(slot, request, left);
	else
		count = cut(request, request->done, left, slot->iov, IOV_MAX);
	if (count < 0) {
		give_slot(pool, request);
		return -count;
	}
	piece->iov = slot->iov;
	piece->count = count;
	return 0;
}

bool transfer_result(struct transfer_pool *pool, struct disk_request *request, int64_t result,
		     int *error)
{
	struct transfer *slot = slot_of(request);

	*error = 0;
	if (result == -EINTR || result == -EAGAIN)
		return true;
	/* Direct I/O ends in the middle of a block at the end of a file only. */
	if (result > 0 && pool->file->direct)
		result -= result % pool->file->io_align;
	if (result > 0) {
		if (slot && slot->bounced && request->op == DISK_READ)
			bounce_copy(slot, request, result);
		request->done += result;
		if (request->done < request->length)
			return true;
	} else {
		*error = result ? (int)-result : EIO;
	}
	give_slot(pool, request);
	return false;
}
