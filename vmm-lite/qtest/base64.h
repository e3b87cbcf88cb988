/* SPDX-License-Identifier: MIT */
/* Base64 of RFC 4648, with padding. Pure. */
#ifndef VMM_QTEST_BASE64_H
#define VMM_QTEST_BASE64_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Characters for `size` bytes, without a terminating 0. */
#define BASE64_LENGTH(size) (((size) + 2) / 3 * 4)

void base64_encode(char *text, const uint8_t *data, size_t size);

/* Bytes written to `data`, which has room for length / 4 * 3; -1 if it is no base64. */
ssize_t base64_decode(uint8_t *data, const char *text, size_t length);

#endif
