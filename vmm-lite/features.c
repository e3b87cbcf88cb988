/* SPDX-License-Identifier: MIT */
#include "vmm-lite/features.h"

#include <stdbool.h>

const struct feature_name feature_names[] = {
#define X(bit, name) {bit, name},
    VIRTIO_BLK_FEATURES(X)
#undef X
};
const size_t feature_count = sizeof(feature_names) / sizeof(feature_names[0]);

static bool same_name(const char *name, const char *text, size_t len)
{
	size_t i;

	for (i = 0; i < len && name[i]; i++)
		if (name[i] != (text[i] == '_' ? '-' : text[i]))
			return false;
	return i == len && !name[i];
}

int feature_bit(const char *name, size_t len)
{
	for (size_t i = 0; i < feature_count; i++)
		if (same_name(feature_names[i].name, name, len))
			return (int)feature_names[i].bit;
	return -1;
}

const char *feature_name(unsigned bit)
{
	for (size_t i = 0; i < feature_count; i++)
		if (feature_names[i].bit == bit)
			return feature_names[i].name;
	return NULL;
}
