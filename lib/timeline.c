/* SPDX-License-Identifier: MIT */
#include "lib/timeline.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NONE     UINT32_MAX
#define FIRST    1024u /* entries of each array at first */
#define IO_MARKS (1u << VBT_MARK_queue | 1u << VBT_MARK_issue | 1u << VBT_MARK_complete)
#define OF_QUEUE (1u << VBT_MARK_wake | 1u << VBT_MARK_signal)

struct entry {
	struct vbt_event event;
	uint32_t link; /* the first; NONE */
};

/* An event's reference to a request; free ones are chained by `next`. */
struct link {
	uint32_t request, next;
};

/* A request and how many events refer to it; free ones are chained by `refs`. */
struct kept {
	struct vbt_request request;
	uint32_t refs;
};

struct vbt_timeline {
	vbt_timeline_fn *fn;
	void *context;
	struct vbt_timeline_stats stats;

	struct entry *entry; /* a ring of `room`, a power of two; first to first + count - 1 */
	uint64_t first;
	uint32_t count, room, max;

	struct link *link;
	uint32_t links, link_room, free_link;
	struct kept *kept;
	uint32_t keeps, keep_room, free_kept;

	const struct vbt_request **found; /* of the event that goes out */
	uint32_t found_room;
};

struct vbt_timeline *vbt_timeline_new(vbt_timeline_fn *fn, void *context, uint32_t max_events)
{
	struct vbt_timeline *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->fn = fn;
	t->context = context;
	t->max = max_events ? max_events : VBT_TIMELINE_EVENTS;
	t->free_link = t->free_kept = NONE;
	return t;
}

void vbt_timeline_free(struct vbt_timeline *t)
{
	if (!t)
		return;
	free(t->entry);
	free(t->link);
	free(t->kept);
	free(t->found);
	free(t);
}

static struct entry *at(const struct vbt_timeline *t, uint64_t index)
{
	return &t->entry[index & (t->room - 1)];
}

static int grow(void **array, uint32_t count, uint32_t *room, size_t size)
{
	uint32_t more = *room ? *room * 2 : FIRST;
	void *bigger;

	if (count < *room)
		return 0;
	bigger = realloc(*array, (size_t)more * size);
	if (!bigger)
		return -ENOMEM;
	*array = bigger;
	*room = more;
	return 0;
}

static int grow_ring(struct vbt_timeline *t)
{
	uint32_t room = t->room ? t->room * 2 : FIRST < t->max ? FIRST : t->max;
	struct entry *bigger = malloc((size_t)room * sizeof(*bigger));

	if (!bigger)
		return -ENOMEM;
	for (uint32_t i = 0; i < t->count; i++)
		bigger[(t->first + i) & (room - 1)] = *at(t, t->first + i);
	free(t->entry);
	t->entry = bigger;
	t->room = room;
	return 0;
}

/* --- out ------------------------------------------------------------------------------------ */

static int compare_ids(const void *a, const void *b)
{
	const struct vbt_request *const *x = a, *const *y = b;

	return (*x)->id < (*y)->id ? -1 : (*x)->id > (*y)->id;
}

/* The requests of an event, into t->found. Their number, or -ENOMEM. */
static int find_requests(struct vbt_timeline *t, const struct entry *entry)
{
	uint32_t count = 0;

	for (uint32_t i = entry->link; i != NONE; i = t->link[i].next) {
		if (grow((void **)&t->found, count, &t->found_room, sizeof(*t->found)))
			return -ENOMEM;
		t->found[count++] = &t->kept[t->link[i].request].request;
	}
	if (count > 1)
		qsort(t->found, count, sizeof(*t->found), compare_ids);
	return (int)count;
}

static void unlink_requests(struct vbt_timeline *t, const struct entry *entry)
{
	for (uint32_t i = entry->link, next; i != NONE; i = next) {
		struct kept *kept = &t->kept[t->link[i].request];

		if (!--kept->refs) {
			kept->refs = t->free_kept;
			t->free_kept = t->link[i].request;
		}
		next = t->link[i].next;
		t->link[i].next = t->free_link;
		t->free_link = i;
	}
}

/* The oldest event goes out. */
static int let_go(struct vbt_timeline *t)
{
	const struct entry *entry = at(t, t->first);
	int count = find_requests(t, entry), error;
	const struct vbt_linked_event out = {&entry->event, t->found, (unsigned)count};

	if (count < 0)
		return count;
	t->stats.events++;
	t->stats.links += (unsigned)count;
	error = t->fn(t->context, &out);
	unlink_requests(t, entry);
	t->first++;
	t->count--;
	return error;
}

int vbt_timeline_release(struct vbt_timeline *t, uint64_t before)
{
	int error = 0;

	while (!error && t->count && (before == UINT64_MAX || at(t, t->first)->event.time < before))
		error = let_go(t);
	return error;
}

/* --- in ------------------------------------------------------------------------------------- */

int vbt_timeline_events(struct vbt_timeline *t, const struct vbt_event *events, size_t count)
{
	int error = 0;

	for (size_t i = 0; i < count && !error; i++) {
		uint64_t place;

		if (t->count == t->max)
			error = let_go(t);
		else if (t->count == t->room)
			error = grow_ring(t);
		if (error)
			break;
		/* The few that come late go to where they belong. */
		place = t->first + t->count++;
		for (; place > t->first && at(t, place - 1)->event.time > events[i].time; place--)
			*at(t, place) = *at(t, place - 1);
		*at(t, place) = (struct entry){events[i], NONE};
	}
	return error;
}

/* The first event that is not earlier than a time. */
static uint64_t search(const struct vbt_timeline *t, uint64_t time)
{
	uint64_t low = t->first, high = t->first + t->count;

	while (low < high) {
		uint64_t middle = low + (high - low) / 2;

		if (at(t, middle)->event.time < time)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Is this event, which has the time of the request's mark, that mark? */
static bool is_mark(const struct vbt_event *event, const struct vbt_request *request, unsigned mark)
{
	if (event->point != mark || event->target != request->target)
		return false;
	if (!vbt_point_is_vmm(mark))
		return true;
	if (event->device != request->device || event->queue != request->queue)
		return false;
	return OF_QUEUE >> mark & 1 || event->seq == request->seq;
}

/* Is it one of another queue or I/O, as far as it says or its other requests do? */
static bool is_foreign(const struct vbt_timeline *t, const struct entry *entry,
		       const struct vbt_request *request)
{
	const struct vbt_request *other;

	if (entry->event.point == VBT_MARK_kick && (entry->event.arg & 0xffff) != request->queue)
		return true;
	if (IO_MARKS >> entry->event.point & 1 && entry->event.key != request->cookie)
		return true;
	if (entry->link == NONE)
		return false;
	other = &t->kept[t->link[entry->link].request].request;
	return other->device != request->device || other->queue != request->queue;
}

static struct entry *find_event(struct vbt_timeline *t, const struct vbt_request *request,
				unsigned mark)
{
	uint64_t end = t->first + t->count, time = request->mark[mark], start = search(t, time);
	struct entry *loose = NULL;

	for (uint64_t i = start; i < end && at(t, i)->event.time == time; i++) {
		struct entry *entry = at(t, i);

		if (!is_mark(&entry->event, request, mark))
			continue;
		if (vbt_point_is_vmm(mark) || !is_foreign(t, entry, request))
			return entry;
		/* A line or a doorbell may be shared, a request be part of another's I/O. */
		if (!loose)
			loose = entry;
	}
	return loose;
}

static int add_link(struct vbt_timeline *t, struct entry *entry, uint32_t request)
{
	uint32_t i = t->free_link;

	if (i != NONE) {
		t->free_link = t->link[i].next;
	} else {
		if (grow((void **)&t->link, t->links, &t->link_room, sizeof(*t->link)))
			return -ENOMEM;
		i = t->links++;
	}
	t->link[i] = (struct link){request, entry->link};
	entry->link = i;
	t->kept[request].refs++;
	return 0;
}

int vbt_timeline_request(struct vbt_timeline *t, const struct vbt_request *request)
{
	uint32_t index = t->free_kept;
	int error = 0;

	if (index != NONE) {
		t->free_kept = t->kept[index].refs;
	} else {
		if (grow((void **)&t->kept, t->keeps, &t->keep_room, sizeof(*t->kept)))
			return -ENOMEM;
		index = t->keeps++;
	}
	t->kept[index].request = *request;
	t->kept[index].refs = 0;
	for (unsigned left = request->present; left && !error; left &= left - 1) {
		unsigned mark = (unsigned)__builtin_ctz(left);
		struct entry *entry = find_event(t, request, mark);

		if (entry)
			error = add_link(t, entry, index);
		else
			t->stats.unlinked++;
	}
	if (!t->kept[index].refs) {
		t->kept[index].refs = t->free_kept;
		t->free_kept = index;
	}
	return error;
}

const struct vbt_timeline_stats *vbt_timeline_stats(const struct vbt_timeline *t)
{
	return &t->stats;
}
