/* SPDX-License-Identifier: MIT */
/*
 * The constants of the `.vbt` format, versions 3 and 4, and little-endian access. docs/TRACE_FORMAT.md
 * describes every byte. Internal to lib/.
 */
#ifndef VBT_TRACE_FORMAT_H
#define VBT_TRACE_FORMAT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "lib/event.h"

#define VBT_FILE_MAGIC        "\x89VBT\r\n\x1a\n" /* 8 bytes: no text file, and not mangled as one */
#define VBT_FILE_VERSION      3u                  /* 3: the points ring and pause */
#define VBT_FILE_VERSION_DATA 4u /* 4: the point data as well; only where there is any */
#define VBT_FILE_HEADER_SIZE  32
#define VBT_CHUNK_MAGIC       "VBT\xc7"
#define VBT_CHUNK_HEADER_SIZE 64
#define VBT_CHUNK_MAX_STORED  (2u << 20)
#define VBT_CHUNK_MAX_EVENTS  16384
#define VBT_CHUNK_MAX_RAW     (4u << 20) /* all columns of a chunk together */
#define VBT_MAX_SHAPES        8192
#define VBT_SHAPE_SIZE        32

enum vbt_chunk_type { VBT_CHUNK_META = 1, VBT_CHUNK_EVENTS = 2, VBT_CHUNK_END = 3 };
enum vbt_meta_type {
	VBT_META_HOST = 1,
	VBT_META_TARGET = 2,
	VBT_META_SOURCE = 3,
	VBT_META_DEVICE = 4,
	VBT_META_OPTION = 5,
};

enum vbt_column_codec { VBT_COLUMN_RAW = 0, VBT_COLUMN_ZSTD = 1 };
enum vbt_column {
	VBT_COLUMN_SHAPES,
	VBT_COLUMN_KINDS,
	VBT_COLUMN_KINDS_HIGH,
	VBT_COLUMN_LONG_TIMES,
	VBT_COLUMN_KEY,
	VBT_COLUMN_ARG,
	VBT_COLUMN_SEQ,
	VBT_COLUMN_VAL,
	VBT_COLUMN_HEAD,
	VBT_COLUMN_SECTOR,
	VBT_COLUMN_TIME = 16, /* + 2 * point: low bytes; + 2 * point + 1: high bytes */
	VBT_COLUMN_COUNT = VBT_COLUMN_TIME + 2 * VBT_POINT_COUNT,
};
#define VBT_COLUMN_ENTRY_SIZE 12

/* Which fields of an event are not as predicted; the low bits of a shape's mask. */
enum vbt_field {
	VBT_FIELD_KEY = 1,
	VBT_FIELD_ARG = 2,
	VBT_FIELD_SEQ = 4,
	VBT_FIELD_VAL = 8,
	VBT_FIELD_HEAD = 16,
	VBT_FIELD_BACK = 32, /* the time goes back */
};

#define VBT_TIME_LONG 0xffffu /* the step is in the column of long times */

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the format is little-endian");

static inline void vbt_put16(uint8_t *p, uint16_t v)
{
	memcpy(p, &v, sizeof(v));
}

static inline void vbt_put32(uint8_t *p, uint32_t v)
{
	memcpy(p, &v, sizeof(v));
}

static inline void vbt_put64(uint8_t *p, uint64_t v)
{
	memcpy(p, &v, sizeof(v));
}

static inline uint16_t vbt_get16(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint32_t vbt_get32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint64_t vbt_get64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* A chunk's header, decoded. */
struct vbt_chunk_header {
	uint8_t type;
	uint64_t number;
	uint32_t stored, count;
	uint64_t first, time_first, time_last, sum;
};

void vbt_chunk_header_encode(uint8_t out[VBT_CHUNK_HEADER_SIZE],
			     const struct vbt_chunk_header *header);
/* 0, or -EINVAL if it is none or damaged. */
int vbt_chunk_header_decode(const uint8_t in[VBT_CHUNK_HEADER_SIZE],
			    struct vbt_chunk_header *header);

#endif
