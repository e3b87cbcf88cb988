/* SPDX-License-Identifier: MIT */
/*
 * Values as people write them on a command line. Pure: text in, number out, -errno if it is none.
 */
#ifndef VMM_VALUE_H
#define VMM_VALUE_H

#include <stddef.h>
#include <stdint.h>

/* A decimal or 0x number, all of the text. -EINVAL no number, -ERANGE too large. */
int value_number(const char *text, uint64_t *out);

/* Bytes: a number with K, M, G or T (powers of 1024) or nothing behind it. */
int value_size(const char *text, uint64_t *out);

/* Nanoseconds: a number, fraction allowed, with ns, us, ms or s behind it; 0 needs no unit. */
int value_time(const char *text, uint64_t *out_ns);

/* 0 to 1, plain decimal notation. */
int value_rate(const char *text, double *out);

/* Index of text in "one|two|three", or -1. */
int value_choice(const char *choices, const char *text);

/* How many single-letter edits turn a into b (swapped neighbours count as one); at most 255. */
unsigned value_distance(const char *a, const char *b);

/* Close enough to be a slip of the finger? */
int value_similar(const char *typed, const char *known);

/* "64 KiB", "512 B": a size for people, into buf (which is returned). */
const char *value_show_size(uint64_t bytes, char *buf, size_t size);

#endif
