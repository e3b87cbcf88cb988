/* SPDX-License-Identifier: MIT */
/*
 * A hash table from 64-bit keys to 64-bit values, for the correlator: open addressing, linear
 * probing, no deletion. Stale entries are weeded out when it would grow, so its size follows what
 * is alive. Internal to lib/.
 */
#ifndef VBT_TABLE_H
#define VBT_TABLE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

struct vbt_table {
	struct vbt_table_entry {
		uint64_t key;
		uint64_t value; /* stored plus 1: 0 marks a free entry */
	} * entry;
	uint32_t mask; /* entries - 1 */
	uint32_t count;
};

#define VBT_TABLE_NONE UINT64_MAX

/* Is the entry still worth keeping? */
typedef bool vbt_table_alive_fn(void *context, uint64_t key, uint64_t value);

static inline uint32_t vbt_table_slot(const struct vbt_table *table, uint64_t key)
{
	return (uint32_t)((key * 0x9e3779b97f4a7c15ULL) >> 32) & table->mask;
}

/* The entry that has the key or is free for it. The table has been grown at least once. */
static inline struct vbt_table_entry *vbt_table_at(const struct vbt_table *table, uint64_t key)
{
	uint32_t slot = vbt_table_slot(table, key);

	while (table->entry[slot].value && table->entry[slot].key != key)
		slot = (slot + 1) & table->mask;
	return &table->entry[slot];
}

static inline uint64_t vbt_table_get(const struct vbt_table *table, uint64_t key)
{
	if (!table->entry)
		return VBT_TABLE_NONE;
	return vbt_table_at(table, key)->value - 1;
}

/* Set a key's value (below UINT64_MAX). false if memory is short or `limit` keys are alive. */
bool vbt_table_set(struct vbt_table *table, uint64_t key, uint64_t value, uint32_t limit,
		   vbt_table_alive_fn *alive, void *context);

static inline void vbt_table_release(struct vbt_table *table)
{
	free(table->entry);
	*table = (struct vbt_table){0};
}

#endif
