/* SPDX-License-Identifier: MIT */
/*
 * The colour of each layer, wherever it is drawn: on a terminal of 256 colours or of 8, and on a page.
 * Numbers are those of the 256-colour palette, for a dark ground, a light one, and black with high
 * contrast; then one of the first 8.
 */
#ifndef VBT_LAYER_COLOUR_H
#define VBT_LAYER_COLOUR_H

#include <stdint.h>

#include "lib/request.h"

/* X(id, dark, light, contrast, of eight) */
#define VBT_LAYER_COLOURS(X)      \
	X(exit, 179, 136, 226, 3) \
	X(vmm, 73, 30, 51, 6)     \
	X(host, 75, 26, 39, 4)    \
	X(disk, 140, 97, 213, 5)  \
	X(irq, 107, 64, 46, 2)    \
	X(guest, 173, 166, 208, 1)

struct vbt_layer_colour {
	uint8_t dark, light, contrast, eight;
};

static const struct vbt_layer_colour vbt_layer_colours[VBT_LAYER_COUNT] = {
#define X(id, dark, light, contrast, eight) [VBT_LAYER_##id] = {dark, light, contrast, eight},
    VBT_LAYER_COLOURS(X)
#undef X
};

/* 0xRRGGBB of a number of the palette's cube (16 to 231). */
static inline uint32_t vbt_palette_rgb(unsigned number)
{
	static const uint8_t steps[] = {0, 95, 135, 175, 215, 255};
	const unsigned n = number - 16;

	return (uint32_t)steps[n / 36 % 6] << 16 | (uint32_t)steps[n / 6 % 6] << 8 | steps[n % 6];
}

#endif
