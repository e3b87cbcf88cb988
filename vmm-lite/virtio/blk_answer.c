/* SPDX-License-Identifier: MIT */
#include "vmm-lite/virtio/blk_answer.h"

#include <string.h>

/* Put the next bytes of an answer behind those that are there; what finds no room is cut off. */
static void reply(struct blk_io *io, const void *bytes, size_t size)
{
	const struct blk_request *r = &io->request;
	uint64_t skip = io->written, room = r->data_length - io->written;
	const uint8_t *from = bytes;

	size = size < room ? size : (size_t)room;
	io->written += size;
	for (const struct iovec *iov = r->data; size; iov++) {
		size_t part;

		if (skip >= iov->iov_len) {
			skip -= iov->iov_len;
			continue;
		}
		part = iov->iov_len - (size_t)skip;
		part = part < size ? part : size;
		memcpy((uint8_t *)iov->iov_base + skip, from, part);
		from += part;
		size -= part;
		skip = 0;
	}
}

static uint8_t get_id(struct blk_queue *q, struct blk_io *io)
{
	char id[BLK_ID_BYTES] = {0};

	if (q->serial)
		memcpy(id, q->serial, strnlen(q->serial, sizeof(id)));
	reply(io, id, sizeof(id));
	return BLK_S_OK;
}

static uint8_t get_lifetime(struct blk_queue *q, struct blk_io *io)
{
	struct disk_lifetime lifetime;
	struct blk_lifetime answer;

	if (!disk_lifetime(q->disk, &lifetime))
		return BLK_S_IOERR;
	/* Never a reserved value. (5.2.6.2) */
	answer.pre_eol = lifetime.pre_eol <= DISK_PRE_EOL_MAX ? lifetime.pre_eol : 0;
	answer.typ_a = lifetime.typ_a <= DISK_ESTIMATE_MAX ? lifetime.typ_a : 0;
	answer.typ_b = lifetime.typ_b <= DISK_ESTIMATE_MAX ? lifetime.typ_b : 0;
	reply(io, &answer, sizeof(answer));
	return BLK_S_OK;
}

#define REPORT_BATCH 64

/* As many zones as there is room for, in pieces: nothing here is as large as the guest wants it. */
static uint8_t report_zones(struct blk_queue *q, struct blk_io *io)
{
	const struct blk_request *r = &io->request;
	uint64_t zone_size = (uint64_t)q->rules.zone_sectors, first = r->sector / zone_size;
	uint64_t left = (q->rules.capacity + zone_size - 1) / zone_size - first;
	uint64_t room = r->data_length / sizeof(struct blk_zone_descriptor) - 1;
	struct blk_zone_report header = {.count = left < room ? left : room};
	struct disk_zone zones[REPORT_BATCH];

	reply(io, &header, sizeof(header));
	for (uint64_t i = 0; i < header.count;) {
		uint64_t want = header.count - i;
		int got = disk_zones(q->disk, (first + i) * zone_size * BLK_SECTOR, zones,
				     want < REPORT_BATCH ? (unsigned)want : REPORT_BATCH);

		if (got <= 0)
			return BLK_S_IOERR;
		for (int k = 0; k < got; k++, i++) {
			struct blk_zone_descriptor d = {
			    .capacity = zones[k].capacity / BLK_SECTOR,
			    .start = zones[k].start / BLK_SECTOR,
			    .wp = zones[k].wp / BLK_SECTOR,
			    .type = zones[k].type,
			    .state = zones[k].state,
			};

			reply(io, &d, sizeof(d));
		}
	}
	return BLK_S_OK;
}

bool blk_answer(struct blk_queue *q, struct blk_io *io, uint8_t *status)
{
	const struct blk_request *r = &io->request;

	switch (r->action) {
	case BLK_REFUSE: *status = blk_error_status(r->error); return true;
	case BLK_GET_ID: *status = get_id(q, io); return true;
	case BLK_GET_LIFETIME: *status = get_lifetime(q, io); return true;
	case BLK_ZONE_REPORT: *status = report_zones(q, io); return true;
	case BLK_READ:
	case BLK_WRITE: *status = BLK_S_OK; return !r->data_length;
	default: return false;
	}
}
