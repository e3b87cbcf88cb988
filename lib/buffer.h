/* SPDX-License-Identifier: MIT */
/* Bytes that grow. All zero is an empty one; `data` is the owner's to free. Internal to lib/. */
#ifndef VBT_BUFFER_H
#define VBT_BUFFER_H

#include <stddef.h>
#include <stdint.h>

struct vbt_buffer {
	uint8_t *data;
	size_t size, room;
};

/* -ENOMEM, or 0 with room for `more` bytes behind the end. */
int vbt_buffer_reserve(struct vbt_buffer *buffer, size_t more);
int vbt_buffer_add(struct vbt_buffer *buffer, const void *data, size_t size);

#endif
