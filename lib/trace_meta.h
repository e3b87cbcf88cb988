/* SPDX-License-Identifier: MIT */
/*
 * Metadata records: the content of a metadata chunk. Internal to lib/.
 */
#ifndef VBT_TRACE_META_H
#define VBT_TRACE_META_H

#include "lib/trace_codec.h"
#include "lib/trace_info.h"

/* Append a record. 0 or -ENOMEM. */
int vbt_meta_host(struct vbt_buffer *out, const struct vbt_host *host);
int vbt_meta_target(struct vbt_buffer *out, uint32_t index, const struct vbt_target *target);
int vbt_meta_source(struct vbt_buffer *out, uint32_t index, const struct vbt_source *source);
int vbt_meta_device(struct vbt_buffer *out, const struct vbt_device *device);
int vbt_meta_option(struct vbt_buffer *out, const struct vbt_option *option);

/*
 * Read the records of a chunk into info. Records of unknown types are skipped, records that are
 * longer than we know are read as far as we know them. 0, -EBADMSG, -ENOMEM.
 */
int vbt_meta_decode(const uint8_t *in, size_t size, struct vbt_trace_info *info);

#endif
