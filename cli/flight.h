/* SPDX-License-Identifier: MIT */
/*
 * Events of a flight recorder's file, in the order of their times: what a VMM's stage points left
 * there, the VMM alive or not. Memory depends on the number of rings, not on their size.
 */
#ifndef CLI_FLIGHT_H
#define CLI_FLIGHT_H

#include <stddef.h>

#include "lib/event.h"
#include "lib/trace_info.h"

struct flight;

/* NULL with a sentence in err. */
struct flight *flight_open(const char *path, char *err, size_t err_size);
void flight_close(struct flight *flight); /* NULL is fine */

/* As vbt_trace_reader_next. */
long flight_next(struct flight *flight, const struct vbt_event **events);
const struct vbt_trace_info *flight_info(const struct flight *flight);

#endif
