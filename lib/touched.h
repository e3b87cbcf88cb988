/* SPDX-License-Identifier: MIT */
/*
 * Memory that the system gives at once and not page by page as it is first written: what a program
 * that runs for days occupies is then seen when it starts, and stays. Internal.
 */
#ifndef VBT_TOUCHED_H
#define VBT_TOUCHED_H

#include <stddef.h>
#include <stdlib.h>

#define VBT_TOUCH_STEP 4096 /* no page is smaller */

/* As calloc. */
static inline void *vbt_calloc_touched(size_t count, size_t size)
{
	volatile char *memory = calloc(count, size);

	/* Written through volatile: a memset() of what calloc() gave would be left out. */
	for (size_t at = 0; memory && at < count * size; at += VBT_TOUCH_STEP)
		memory[at] = 0;
	if (memory && count && size)
		memory[count * size - 1] = 0;
	return (void *)memory;
}

#endif
