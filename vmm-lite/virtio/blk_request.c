/* SPDX-License-Identifier: MIT */
#include "vmm-lite/virtio/blk_request.h"

#include <string.h>

static const struct {
	uint8_t status;
	const char *text;
} errors[] = {
#define X(id, status, text) {status, text},
    BLK_ERRORS(X)
#undef X
};

/* The types there are. `feature`: the bit that makes it exist; 0: always there. */
static const struct type_row {
	uint32_t type;
	enum blk_action action;
	unsigned feature;
	bool changes; /* the disk */
} types[] = {
    {BLK_T_IN, BLK_READ, 0, false},
    {BLK_T_OUT, BLK_WRITE, 0, true},
    {BLK_T_FLUSH, BLK_FLUSH, F_FLUSH, false},
    {BLK_T_FLUSH_OUT, BLK_FLUSH, F_FLUSH, false},
    {BLK_T_GET_ID, BLK_GET_ID, 0, false},
    {BLK_T_DISCARD, BLK_DISCARD, F_DISCARD, true},
    {BLK_T_WRITE_ZEROES, BLK_WRITE_ZEROES, F_WRITE_ZEROES, true},
    {BLK_T_SECURE_ERASE, BLK_SECURE_ERASE, F_SECURE_ERASE, true},
    {BLK_T_GET_LIFETIME, BLK_GET_LIFETIME, F_LIFETIME, false},
    {BLK_T_ZONE_REPORT, BLK_ZONE_REPORT, F_ZONED, false},
    {BLK_T_ZONE_APPEND, BLK_ZONE_APPEND, F_ZONED, true},
    {BLK_T_ZONE_OPEN, BLK_ZONE_OPEN, F_ZONED, true},
    {BLK_T_ZONE_CLOSE, BLK_ZONE_CLOSE, F_ZONED, true},
    {BLK_T_ZONE_FINISH, BLK_ZONE_FINISH, F_ZONED, true},
    {BLK_T_ZONE_RESET, BLK_ZONE_RESET, F_ZONED, true},
    {BLK_T_ZONE_RESET_ALL, BLK_ZONE_RESET_ALL, F_ZONED, true},
};

uint8_t blk_error_status(enum blk_error error)
{
	return errors[error].status;
}

const char *blk_error_text(enum blk_error error)
{
	return errors[error].text;
}

/* A run of iovecs. */
struct span {
	struct iovec *iov;
	int count;
	uint64_t length;
};

/*
 * Translate segments into span->iov, joining those that are neighbours in host memory: the fewer
 * pieces, the less work for the host. false if one of them is not RAM or they are too many.
 */
static bool translate(struct span *span, int max, const struct guest_mem *mem,
		      const struct queue_segment *segments, unsigned count,
		      enum guest_access access)
{
	for (unsigned i = 0; i < count; i++) {
		struct iovec *to = span->iov + span->count;
		int n = guest_mem_iov(mem, segments[i].addr, segments[i].len, access, to,
				      max - span->count);

		if (n <= 0)
			return false;
		span->length += segments[i].len;
		if (n == 1 && span->count &&
		    (uint8_t *)to[-1].iov_base + to[-1].iov_len == to->iov_base)
			to[-1].iov_len += to->iov_len;
		else
			span->count += n;
	}
	return true;
}

/*
 * The last writable byte, or NULL: found also where the descriptors before its own are no memory,
 * and where they have more pieces than there is room for.
 */
static uint8_t *find_status(const struct guest_mem *mem, const struct queue_chain *chain)
{
	struct iovec iov[GUEST_MEM_MAX_REGIONS];
	const struct queue_segment *last;
	int n;

	if (!chain->writable)
		return NULL;
	last = &chain->segments[chain->readable + chain->writable - 1];
	n = guest_mem_iov(mem, last->addr, last->len, GUEST_WRITE, iov, GUEST_MEM_MAX_REGIONS);
	return n > 0 ? (uint8_t *)iov[n - 1].iov_base + iov[n - 1].iov_len - 1 : NULL;
}

/*
 * Writable bytes before the status byte, as the driver counts them: those that are no memory are
 * bytes that were not written, too.
 */
static uint64_t find_room(const struct queue_chain *chain)
{
	uint64_t bytes = 0;

	if (chain->oversize) /* not all of it is known */
		return UINT64_MAX;
	for (unsigned i = 0; i < chain->writable; i++)
		bytes += chain->segments[chain->readable + i].len;
	return bytes ? bytes - 1 : 0;
}

/* Take `size` bytes off the front, copying them to `dst`. There are that many. */
static void take_front(struct span *span, void *dst, size_t size)
{
	uint8_t *to = dst;

	span->length -= size;
	while (size) {
		size_t part = span->iov->iov_len < size ? span->iov->iov_len : size;

		memcpy(to, span->iov->iov_base, part);
		to += part;
		size -= part;
		span->iov->iov_base = (uint8_t *)span->iov->iov_base + part;
		span->iov->iov_len -= part;
		if (!span->iov->iov_len) {
			span->iov++;
			span->count--;
		}
	}
	/* Decisions are made on the copy: the compiler must not read guest memory again. */
	__asm__ volatile("" ::: "memory");
}

/* Take the last byte off and say where it is. There is one. */
static uint8_t *take_last(struct span *span)
{
	struct iovec *last = &span->iov[span->count - 1];

	span->length--;
	last->iov_len--;
	if (!last->iov_len)
		span->count--;
	return (uint8_t *)last->iov_base + last->iov_len;
}

static bool in_range(const struct blk_rules *rules, uint64_t sector, uint64_t sectors)
{
	return sector <= rules->capacity && sectors <= rules->capacity - sector;
}

static enum blk_error parse_transfer(struct blk_request *r, const struct blk_rules *rules,
				     const struct span *data)
{
	r->data = data->iov;
	r->data_count = data->count;
	r->data_length = data->length;
	if (data->length % BLK_SECTOR)
		return BLK_ERROR_length;
	if (!in_range(rules, r->sector, data->length / BLK_SECTOR))
		return BLK_ERROR_range;
	return BLK_ERROR_none;
}

/* What the device answers into the writable bytes: as many as there are, `least` at least. */
static enum blk_error parse_answer(struct blk_request *r, const struct span *writable,
				   uint64_t least)
{
	r->data = writable->iov;
	r->data_count = writable->count;
	r->data_length = writable->length;
	return writable->length < least ? BLK_ERROR_room : BLK_ERROR_none;
}

static enum blk_error parse_append(struct blk_request *r, const struct blk_rules *rules,
				   const struct span *data, struct span *writable)
{
	if (writable->length < BLK_APPEND_BYTES)
		return BLK_ERROR_room;
	for (unsigned i = BLK_APPEND_BYTES; i--;)
		r->append[i] = take_last(writable);
	r->data = data->iov;
	r->data_count = data->count;
	r->data_length = data->length;
	if (!rules->max_append)
		return BLK_ERROR_no_append;
	if (data->length % BLK_SECTOR)
		return BLK_ERROR_length;
	if (data->length / BLK_SECTOR > rules->max_append)
		return BLK_ERROR_append_size;
	return r->sector < rules->capacity ? BLK_ERROR_none : BLK_ERROR_zone;
}

/* Discard, write zeroes, secure erase: the segments are copied before any is looked at. */
static enum blk_error parse_ranges(struct blk_request *r, const struct blk_rules *rules,
				   struct span *data, struct span *writable)
{
	uint32_t allowed = r->action == BLK_WRITE_ZEROES ? BLK_RANGE_UNMAP : 0;
	uint32_t max = r->action == BLK_DISCARD        ? rules->max_discard
		       : r->action == BLK_WRITE_ZEROES ? rules->max_write_zeroes
						       : rules->max_secure_erase;
	uint64_t count;

	/*
	 * Linux takes the lowest bit of a type for its direction. That of SECURE_ERASE is 0, so
	 * its driver hands the segments over as if the device had to write them. The device may
	 * read them there (2.7.5: it should not, as a rule); refusing would mean that no Linux
	 * guest can erase. Segments on the right side win, and nothing is ever written over them.
	 */
	if (r->action == BLK_SECURE_ERASE && !data->length)
		data = writable;
	count = data->length / sizeof(struct blk_range);
	if (!count || data->length % sizeof(struct blk_range) || count > BLK_MAX_RANGES)
		return BLK_ERROR_segments;
	r->range_count = (unsigned)count;
	r->data_length = data->length;
	take_front(data, r->ranges, count * sizeof(struct blk_range));
	for (unsigned i = 0; i < r->range_count; i++)
		if (r->ranges[i].flags & ~allowed)
			return BLK_ERROR_flags;
	for (unsigned i = 0; i < r->range_count; i++) {
		if (r->ranges[i].sectors > max)
			return BLK_ERROR_segment_size;
		if (!in_range(rules, r->ranges[i].sector, r->ranges[i].sectors))
			return BLK_ERROR_range;
	}
	return BLK_ERROR_none;
}

static const struct type_row *find_type(uint32_t type)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (types[i].type == type)
			return &types[i];
	return NULL;
}

static bool exists(const struct type_row *row, const struct blk_rules *rules)
{
	return !row->feature || rules->features & FEATURE(row->feature);
}

static enum blk_error parse_body(struct blk_request *r, const struct blk_rules *rules,
				 struct span *readable, struct span *writable)
{
	const struct type_row *row = find_type(r->type);

	if (!row)
		return BLK_ERROR_type;
	/*
	 * A read-only disk refuses changes of every kind as such, also those that it does not offer
	 * because it is read-only. Zones are no such case: without them their types are unknown.
	 */
	if (row->changes && rules->read_only && (row->feature != F_ZONED || exists(row, rules)))
		return BLK_ERROR_read_only;
	if (!exists(row, rules))
		return BLK_ERROR_type;
	r->action = row->action;
	switch (row->action) {
	case BLK_READ: return parse_transfer(r, rules, writable);
	case BLK_WRITE: return parse_transfer(r, rules, readable);
	case BLK_GET_ID: return parse_answer(r, writable, 0);
	case BLK_GET_LIFETIME: return parse_answer(r, writable, sizeof(struct blk_lifetime));
	case BLK_ZONE_REPORT:
		if (r->sector >= rules->capacity)
			return BLK_ERROR_zone;
		return parse_answer(r, writable, sizeof(struct blk_zone_report));
	case BLK_ZONE_APPEND: return parse_append(r, rules, readable, writable);
	case BLK_ZONE_OPEN:
	case BLK_ZONE_CLOSE:
	case BLK_ZONE_FINISH:
	case BLK_ZONE_RESET: return r->sector < rules->capacity ? BLK_ERROR_none : BLK_ERROR_zone;
	case BLK_DISCARD:
	case BLK_WRITE_ZEROES:
	case BLK_SECURE_ERASE: return parse_ranges(r, rules, readable, writable);
	default: return BLK_ERROR_none;
	}
}

void blk_request_parse(struct blk_request *r, const struct blk_rules *rules,
		       const struct guest_mem *mem, const struct queue_chain *chain,
		       struct iovec *iov, int iov_max)
{
	struct span readable = {.iov = iov}, writable;
	struct blk_header header;
	bool in_memory;

	r->type = UINT32_MAX;
	r->action = BLK_REFUSE;
	r->sector = 0;
	r->status = find_status(mem, chain);
	r->room = find_room(chain);
	r->data_count = 0;
	r->data_length = 0;
	r->range_count = 0;

	in_memory =
	    translate(&readable, iov_max, mem, chain->segments, chain->readable, GUEST_READ);
	writable = (struct span){.iov = iov + readable.count};
	in_memory &= translate(&writable, iov_max - readable.count, mem,
			       chain->segments + chain->readable, chain->writable, GUEST_WRITE);

	if (!r->status)
		r->error = BLK_ERROR_no_status;
	else if (chain->oversize)
		r->error = BLK_ERROR_too_long;
	else if (!in_memory)
		r->error = BLK_ERROR_address;
	else if (readable.length < sizeof(header))
		r->error = BLK_ERROR_header;
	else if (readable.length > UINT32_MAX || writable.length > UINT32_MAX)
		r->error = BLK_ERROR_too_long; /* a used length has 32 bits */
	else {
		take_last(&writable); /* the status byte */
		take_front(&readable, &header, sizeof(header));
		r->type = header.type;
		r->sector = header.sector;
		r->error = parse_body(r, rules, &readable, &writable);
	}
	if (r->error)
		r->action = BLK_REFUSE;
}

uint32_t blk_request_used(const struct blk_request *r, uint64_t written)
{
	if (!r->status)
		return 0;
	return (uint32_t)(written >= r->room ? r->room + 1 : written);
}
