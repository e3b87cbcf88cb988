/* SPDX-License-Identifier: MIT */
#include "lib/buffer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int vbt_buffer_reserve(struct vbt_buffer *buffer, size_t more)
{
	size_t room = buffer->room ? buffer->room : 256;
	uint8_t *bigger;

	if (buffer->room - buffer->size >= more)
		return 0;
	while (room - buffer->size < more)
		room *= 2;
	bigger = realloc(buffer->data, room);
	if (!bigger)
		return -ENOMEM;
	buffer->data = bigger;
	buffer->room = room;
	return 0;
}

int vbt_buffer_add(struct vbt_buffer *buffer, const void *data, size_t size)
{
	int error = vbt_buffer_reserve(buffer, size);

	if (!error && size) {
		memcpy(buffer->data + buffer->size, data, size);
		buffer->size += size;
	}
	return error;
}
