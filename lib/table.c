/* SPDX-License-Identifier: MIT */
#include "lib/table.h"

#define MIN_ENTRIES 64

static bool rebuild(struct vbt_table *table, vbt_table_alive_fn *alive, void *context)
{
	struct vbt_table bigger = {0};
	uint32_t size = MIN_ENTRIES, keep = 0;

	for (uint32_t i = 0; table->entry && i <= table->mask; i++) {
		const struct vbt_table_entry *entry = &table->entry[i];

		keep += entry->value && (!alive || alive(context, entry->key, entry->value - 1));
	}
	while (size / 4 <= keep)
		size *= 2;
	bigger.entry = calloc(size, sizeof(*bigger.entry));
	if (!bigger.entry)
		return false;
	bigger.mask = size - 1;
	bigger.count = keep;
	for (uint32_t i = 0; table->entry && i <= table->mask; i++) {
		const struct vbt_table_entry *entry = &table->entry[i];

		if (entry->value && (!alive || alive(context, entry->key, entry->value - 1)))
			*vbt_table_at(&bigger, entry->key) = *entry;
	}
	free(table->entry);
	*table = bigger;
	return true;
}

bool vbt_table_set(struct vbt_table *table, uint64_t key, uint64_t value, uint32_t limit,
		   vbt_table_alive_fn *alive, void *context)
{
	struct vbt_table_entry *entry;

	if (table->entry) {
		entry = vbt_table_at(table, key);
		if (entry->value) {
			entry->value = value + 1;
			return true;
		}
	}
	if (!table->entry || table->count >= table->mask / 2) {
		if (!rebuild(table, alive, context))
			return false;
		entry = vbt_table_at(table, key);
	}
	if (table->count >= limit)
		return false;
	table->count++;
	entry->key = key;
	entry->value = value + 1;
	return true;
}
