/* SPDX-License-Identifier: MIT */
/*
 * From a popped chain to a block request, or to a named error. Parsing is pure: it reads guest
 * memory once, touches no disk, allocates nothing and writes nothing. (virtio 1.3, 5.2.6)
 *
 * The bytes of header, data and status may be cut into descriptors in any way. (2.6.4)
 */
#ifndef VMM_VIRTIO_BLK_REQUEST_H
#define VMM_VIRTIO_BLK_REQUEST_H

#include <stdbool.h>
#include <sys/uio.h>

#include "vmm-lite/virtio/queue.h"
#include "vmm-lite/virtio/spec.h"

#define BLK_MAX_RANGES 16

/* X(id, status, text): what can be wrong with a request, and what the guest is told. */
#define BLK_ERRORS(X)                                                                 \
	X(none, BLK_S_OK, "nothing")                                                  \
	X(no_status, BLK_S_IOERR, "no writable byte in memory for the status")        \
	X(too_long, BLK_S_IOERR, "more descriptors or bytes than a request may have") \
	X(address, BLK_S_IOERR, "a buffer outside of memory")                         \
	X(header, BLK_S_IOERR, "less than 16 readable bytes of header")               \
	X(type, BLK_S_UNSUPP, "a type that is unknown or was not offered")            \
	X(length, BLK_S_IOERR, "a data length that is no multiple of 512")            \
	X(range, BLK_S_IOERR, "sectors beyond the end of the disk")                   \
	X(read_only, BLK_S_IOERR, "a change to a read-only disk")                     \
	X(segments, BLK_S_IOERR, "no, too many or incomplete segments")               \
	X(segment_size, BLK_S_IOERR, "a segment above the maximum of sectors")        \
	X(flags, BLK_S_UNSUPP, "segment flags that are not supported")                \
	X(room, BLK_S_IOERR, "too few writable bytes for the answer")                 \
	X(zone, BLK_S_ZONE_INVALID_CMD, "no zone of this disk, or not all of one")    \
	X(append_size, BLK_S_ZONE_INVALID_CMD, "more data than an append may have")   \
	X(no_append, BLK_S_UNSUPP, "an append, which this device does not offer")

enum blk_error {
#define X(id, status, text) BLK_ERROR_##id,
	BLK_ERRORS(X)
#undef X
	    BLK_ERROR_COUNT
};

enum blk_action {
	BLK_REFUSE, /* see error */
	BLK_READ,
	BLK_WRITE,
	BLK_FLUSH,
	BLK_GET_ID,
	BLK_DISCARD,
	BLK_WRITE_ZEROES,
	BLK_SECURE_ERASE,
	BLK_GET_LIFETIME,
	BLK_ZONE_REPORT,
	BLK_ZONE_APPEND,
	BLK_ZONE_OPEN,
	BLK_ZONE_CLOSE,
	BLK_ZONE_FINISH,
	BLK_ZONE_RESET,
	BLK_ZONE_RESET_ALL,
};

/* What the parser has to know of the device. */
struct blk_rules {
	uint64_t capacity; /* sectors */
	uint64_t features; /* whose request types exist */
	bool read_only;
	uint32_t max_discard, max_write_zeroes, max_secure_erase; /* sectors a segment */
	uint32_t max_append;                                      /* sectors; 0: no appends */
	uint32_t zone_sectors;                                    /* 0: no zones */
};

struct blk_request {
	uint32_t type; /* as the guest wrote it; 0xffffffff if there was no header */
	enum blk_action action;
	enum blk_error error;
	uint64_t sector;
	uint8_t *status;    /* where the result goes; NULL: nowhere */
	struct iovec *data; /* the data, without header and status, on the side that counts */
	int data_count;
	uint64_t data_length;
	uint64_t room;                     /* writable bytes before the status byte */
	uint8_t *append[BLK_APPEND_BYTES]; /* where the bytes of append_sector go */
	unsigned range_count;
	struct blk_range ranges[BLK_MAX_RANGES];
};

/* `iov` is the request's storage; data points into it. */
void blk_request_parse(struct blk_request *request, const struct blk_rules *rules,
		       const struct guest_mem *mem, const struct queue_chain *chain,
		       struct iovec *iov, int iov_max);

/*
 * The used length when `written` bytes of data, from the first writable byte on, were written:
 * only what is initialised without a gap counts, so the status byte counts if all before it is.
 */
uint32_t blk_request_used(const struct blk_request *request, uint64_t written);

uint8_t blk_error_status(enum blk_error error);
const char *blk_error_text(enum blk_error error);

#endif
