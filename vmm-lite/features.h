/* SPDX-License-Identifier: MIT */
/*
 * The feature bits of a virtio-blk device by name, as people write them: features=+mq:-discard.
 * (virtio 1.3, 5.2.3 and 6)
 */
#ifndef VMM_FEATURES_H
#define VMM_FEATURES_H

#include <stddef.h>
#include <stdint.h>

#define VIRTIO_BLK_FEATURES(X)                     \
	X(0, "barrier") /* legacy only */          \
	X(1, "size-max")                           \
	X(2, "seg-max")                            \
	X(4, "geometry")                           \
	X(5, "ro")                                 \
	X(6, "blk-size")                           \
	X(7, "scsi") /* legacy only */             \
	X(9, "flush")                              \
	X(10, "topology")                          \
	X(11, "config-wce")                        \
	X(12, "mq")                                \
	X(13, "discard")                           \
	X(14, "write-zeroes")                      \
	X(15, "lifetime")                          \
	X(16, "secure-erase")                      \
	X(17, "zoned")                             \
	X(24, "notify-on-empty") /* legacy only */ \
	X(27, "any-layout")      /* legacy only */ \
	X(28, "indirect-desc")                     \
	X(29, "event-idx")                         \
	X(32, "version-1")                         \
	X(33, "access-platform")                   \
	X(34, "ring-packed")                       \
	X(35, "in-order")                          \
	X(36, "order-platform")                    \
	X(37, "sr-iov")                            \
	X(38, "notification-data")                 \
	X(39, "notif-config-data")                 \
	X(40, "ring-reset")                        \
	X(41, "admin-vq")

struct feature_name {
	unsigned bit;
	const char *name;
};

extern const struct feature_name feature_names[];
extern const size_t feature_count;

/* The bit called `name` (an underscore counts as a hyphen), or -1. */
int feature_bit(const char *name, size_t len);

/* The name of a bit, or NULL. */
const char *feature_name(unsigned bit);

#endif
