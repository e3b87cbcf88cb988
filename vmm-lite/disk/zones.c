/* SPDX-License-Identifier: MIT */
#include "vmm-lite/disk/zones.h"

#include <stdlib.h>

static bool is_open(unsigned state)
{
	return state == ZONE_IMPLICIT_OPEN || state == ZONE_EXPLICIT_OPEN;
}

static bool is_active(unsigned state)
{
	return is_open(state) || state == ZONE_CLOSED;
}

/* The one place where states change: counts resources. */
static void enter(struct zones *zones, struct zone *zone, enum zone_state state)
{
	zones->open += is_open(state) - is_open(zone->state);
	zones->active += is_active(state) - is_active(zone->state);
	zone->state = state;
}

bool zones_init(struct zones *zones, const struct zones_shape *shape)
{
	uint64_t count = (shape->disk_size + shape->zone_size - 1) / shape->zone_size;

	*zones = (struct zones){.shape = *shape};
	if (!count || count > ZONES_MAX)
		return false;
	zones->zone = calloc(count, sizeof(zones->zone[0]));
	if (!zones->zone)
		return false;
	zones->count = (unsigned)count;
	for (unsigned i = 0; i < zones->count; i++) {
		struct zone *zone = &zones->zone[i];

		if (i < shape->conventional)
			*zone = (struct zone){.type = ZONE_CONVENTIONAL, .state = ZONE_NOT_WP};
		else
			*zone = (struct zone){
			    .type = shape->preferred ? ZONE_PREFERRED : ZONE_SEQUENTIAL,
			    .state = ZONE_EMPTY,
			};
		zone->capacity = zones_length(zones, i);
		if (i >= shape->conventional && zone->capacity > shape->capacity)
			zone->capacity = shape->capacity;
	}
	return true;
}

void zones_release(struct zones *zones)
{
	free(zones->zone);
	zones->zone = NULL;
	zones->count = 0;
}

unsigned zones_index(const struct zones *zones, uint64_t offset)
{
	return (unsigned)(offset / zones->shape.zone_size);
}

uint64_t zones_start(const struct zones *zones, unsigned index)
{
	return index * zones->shape.zone_size;
}

uint64_t zones_length(const struct zones *zones, unsigned index)
{
	uint64_t left = zones->shape.disk_size - zones_start(zones, index);

	return left < zones->shape.zone_size ? left : zones->shape.zone_size;
}

uint64_t zones_capacity(const struct zones *zones, unsigned index)
{
	return zones->zone[index].capacity;
}

bool zones_set(struct zones *zones, unsigned index, const struct zone *zone)
{
	struct zone *mine = &zones->zone[index];
	uint64_t capacity = zone->capacity;
	bool fits;

	if (!capacity || capacity > zones_length(zones, index) || zone->wp > capacity ||
	    zone->written > capacity || zone->written > zone->wp)
		return false;
	switch (zone->state) {
	case ZONE_NOT_WP: fits = zone->type == ZONE_CONVENTIONAL; break;
	case ZONE_EMPTY: fits = !zone->wp; break;
	case ZONE_IMPLICIT_OPEN:
	case ZONE_EXPLICIT_OPEN:
	case ZONE_CLOSED: fits = zone->wp < capacity; break;
	case ZONE_FULL: fits = zone->wp == capacity; break;
	case ZONE_READ_ONLY:
	case ZONE_OFFLINE: fits = true; break;
	default: fits = false;
	}
	if (!fits || zone->type < ZONE_CONVENTIONAL || zone->type > ZONE_PREFERRED ||
	    (zone->type == ZONE_CONVENTIONAL && zone->state != ZONE_NOT_WP &&
	     zone->state != ZONE_READ_ONLY && zone->state != ZONE_OFFLINE))
		return false;
	mine->capacity = capacity;
	mine->wp = zone->wp;
	mine->written = zone->written;
	mine->type = zone->type;
	enter(zones, mine, zone->state);
	return true;
}

/* Let go of an implicitly open zone, so that another can be opened. */
static bool close_another(struct zones *zones, const struct zone *but)
{
	for (unsigned i = 0; i < zones->count; i++) {
		struct zone *zone = &zones->zone[(zones->victim + i) % zones->count];

		if (zone == but || zone->state != ZONE_IMPLICIT_OPEN)
			continue;
		enter(zones, zone, zone->wp ? ZONE_CLOSED : ZONE_EMPTY);
		zones->victim = (zones->victim + i + 1) % zones->count;
		return true;
	}
	return false;
}

/* Make room for an open zone. Where both limits are exceeded the active one is named. (5.2.6) */
static enum zone_error claim(struct zones *zones, const struct zone *zone)
{
	const struct zones_shape *shape = &zones->shape;

	if (!is_active(zone->state) && shape->max_active && zones->active >= shape->max_active)
		return ZONE_ACTIVE_RESOURCE;
	if (!is_open(zone->state) && shape->max_open && zones->open >= shape->max_open &&
	    !close_another(zones, zone))
		return ZONE_OPEN_RESOURCE;
	return ZONE_OK;
}

/* Does the range stay within one zone, or at least out of those where it has to? */
static bool crosses(const struct zones *zones, uint64_t offset, uint64_t length)
{
	unsigned first = zones_index(zones, offset), last;

	last = length ? zones_index(zones, offset + length - 1) : first;
	if (first == last)
		return false;
	for (unsigned i = first; i <= last; i++)
		if (zones->zone[i].type == ZONE_SEQUENTIAL)
			return true;
	return false;
}

enum zone_error zones_read(const struct zones *zones, uint64_t offset, uint64_t length)
{
	unsigned last = length ? zones_index(zones, offset + length - 1) : 0;

	if (crosses(zones, offset, length))
		return ZONE_INVALID;
	for (unsigned i = zones_index(zones, offset); i <= last; i++)
		if (zones->zone[i].state == ZONE_OFFLINE)
			return ZONE_INVALID;
	return ZONE_OK;
}

static void advance(struct zones *zones, struct zone *zone, uint64_t to, uint64_t capacity)
{
	zone->wp = zone->written = to;
	if (to == capacity)
		enter(zones, zone, ZONE_FULL);
	else if (!is_open(zone->state))
		enter(zones, zone, ZONE_IMPLICIT_OPEN);
}

/* At the write pointer of a sequential zone. */
static enum zone_error write_sequential(struct zones *zones, unsigned index, uint64_t at,
					uint64_t length)
{
	struct zone *zone = &zones->zone[index];
	uint64_t capacity = zones_capacity(zones, index);
	enum zone_error error;

	if (zone->state == ZONE_FULL)
		return ZONE_INVALID;
	if (at != zone->wp)
		return ZONE_UNALIGNED;
	if (length > capacity - at)
		return ZONE_INVALID;
	if (length % zones->shape.granularity)
		return ZONE_UNALIGNED;
	error = claim(zones, zone);
	if (!error)
		advance(zones, zone, at + length, capacity);
	return error;
}

/* Anywhere: what is written behind the write pointer moves it. */
static void write_preferred(struct zones *zones, unsigned index, uint64_t at, uint64_t length)
{
	struct zone *zone = &zones->zone[index];

	if (at + length > zone->written && zone->state == ZONE_FULL)
		zone->written = at + length;
	else if (at + length > zone->wp)
		advance(zones, zone, at + length, zones_capacity(zones, index));
}

enum zone_error zones_write(struct zones *zones, uint64_t offset, uint64_t length)
{
	unsigned first = zones_index(zones, offset), last;

	if (!length)
		return ZONE_OK;
	last = zones_index(zones, offset + length - 1);
	if (crosses(zones, offset, length))
		return ZONE_INVALID;
	for (unsigned i = first; i <= last; i++)
		if (zones->zone[i].state == ZONE_OFFLINE || zones->zone[i].state == ZONE_READ_ONLY)
			return ZONE_INVALID;
	if (zones->zone[first].type == ZONE_SEQUENTIAL)
		return write_sequential(zones, first, offset - zones_start(zones, first), length);
	for (unsigned i = first; i <= last; i++) {
		uint64_t start = zones_start(zones, i), at = offset - start, part;

		part = zones_length(zones, i) - at;
		part = part < length ? part : length;
		if (zones->zone[i].type == ZONE_PREFERRED)
			write_preferred(zones, i, at, part);
		offset += part;
		length -= part;
	}
	return ZONE_OK;
}

void zones_write_failed(struct zones *zones, uint64_t offset, uint64_t length, uint64_t done)
{
	unsigned index = zones_index(zones, offset);
	struct zone *zone = &zones->zone[index];
	uint64_t start = offset - zones_start(zones, index);

	if (zone->type != ZONE_SEQUENTIAL || zone->wp != start + length ||
	    zone->written != zone->wp || zone->state == ZONE_READ_ONLY ||
	    zone->state == ZONE_OFFLINE)
		return;
	/* A zone that the write filled up goes back to closed, if it may be active again. */
	if (zone->state == ZONE_FULL) {
		if (zones->shape.max_active && zones->active >= zones->shape.max_active)
			return;
		enter(zones, zone, ZONE_CLOSED);
	}
	zone->wp = zone->written = start + done - done % zones->shape.granularity;
	if (!zone->wp && zone->state == ZONE_CLOSED)
		enter(zones, zone, ZONE_EMPTY);
}

/* The zone that a request names, if it names one by its start and it is no conventional one. */
static struct zone *named(const struct zones *zones, uint64_t offset)
{
	struct zone *zone;

	if (offset >= zones->shape.disk_size || offset % zones->shape.zone_size)
		return NULL;
	zone = &zones->zone[zones_index(zones, offset)];
	return zone->type == ZONE_CONVENTIONAL ? NULL : zone;
}

enum zone_error zones_append(struct zones *zones, uint64_t offset, uint64_t length, uint64_t *at)
{
	struct zone *zone = named(zones, offset);
	uint64_t wp;
	enum zone_error error;

	if (!zone || zone->type != ZONE_SEQUENTIAL || !length || zone->state == ZONE_OFFLINE ||
	    zone->state == ZONE_READ_ONLY)
		return ZONE_INVALID;
	wp = zone->wp;
	error = write_sequential(zones, zones_index(zones, offset), wp, length);
	*at = offset + wp;
	return error;
}

enum zone_error zones_open(struct zones *zones, uint64_t offset)
{
	struct zone *zone = named(zones, offset);
	enum zone_error error;

	if (!zone || !(is_active(zone->state) || zone->state == ZONE_EMPTY))
		return ZONE_INVALID;
	error = claim(zones, zone);
	if (!error)
		enter(zones, zone, ZONE_EXPLICIT_OPEN);
	return error;
}

enum zone_error zones_close(struct zones *zones, uint64_t offset)
{
	struct zone *zone = named(zones, offset);

	if (!zone || !is_active(zone->state))
		return ZONE_INVALID;
	enter(zones, zone, zone->wp ? ZONE_CLOSED : ZONE_EMPTY);
	return ZONE_OK;
}

enum zone_error zones_can_finish(const struct zones *zones, uint64_t offset)
{
	const struct zone *zone = named(zones, offset);

	return !zone || zone->state == ZONE_READ_ONLY || zone->state == ZONE_OFFLINE ? ZONE_INVALID
										     : ZONE_OK;
}

enum zone_error zones_finish(struct zones *zones, uint64_t offset)
{
	enum zone_error error = zones_can_finish(zones, offset);
	unsigned index = zones_index(zones, offset);

	if (error)
		return error;
	/* What was not written stays unwritten. */
	zones->zone[index].wp = zones_capacity(zones, index);
	enter(zones, &zones->zone[index], ZONE_FULL);
	return ZONE_OK;
}

enum zone_error zones_can_reset(const struct zones *zones, uint64_t offset)
{
	return zones_can_finish(zones, offset);
}

enum zone_error zones_reset(struct zones *zones, uint64_t offset)
{
	enum zone_error error = zones_can_reset(zones, offset);
	struct zone *zone;

	if (error)
		return error;
	zone = &zones->zone[zones_index(zones, offset)];
	zone->wp = zone->written = 0;
	enter(zones, zone, ZONE_EMPTY);
	return ZONE_OK;
}

bool zones_reset_all_means(const struct zones *zones, unsigned index)
{
	unsigned state = zones->zone[index].state;

	return is_active(state) || state == ZONE_FULL;
}

bool zones_unwritten(const struct zones *zones, uint64_t *offset, uint64_t *length)
{
	uint64_t end = *offset + *length, from = *offset;

	while (from < end) {
		unsigned index = zones_index(zones, from);
		const struct zone *zone = &zones->zone[index];
		uint64_t start = zones_start(zones, index), limit, hole;

		limit = start + zones_length(zones, index);
		hole = zone->type == ZONE_CONVENTIONAL ? limit : start + zone->written;
		limit = limit < end ? limit : end;
		hole = hole > from ? hole : from;
		if (hole < limit) {
			*offset = hole;
			*length = limit - hole;
			return true;
		}
		from = limit;
	}
	return false;
}
