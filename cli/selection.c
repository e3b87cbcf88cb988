/* SPDX-License-Identifier: MIT */
#include "cli/selection.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void selection_init(struct selection *selection, size_t limit, bool slowest)
{
	memset(selection, 0, sizeof(*selection));
	selection->limit = limit && limit < SELECTION_MAX ? limit : SELECTION_MAX;
	selection->slowest = slowest;
}

void selection_release(struct selection *selection)
{
	free(selection->entry);
	free(selection->by_kick);
	memset(selection, 0, sizeof(*selection));
}

/* Is a slower than b? Of equals the earlier one counts as slower, so that the choice is stable. */
static bool slower(const struct selected *a, const struct selected *b)
{
	return a->total != b->total ? a->total > b->total : a->request.id < b->request.id;
}

static void swap(struct selected *a, struct selected *b)
{
	struct selected keep = *a;

	*a = *b;
	*b = keep;
}

static void sift_up(struct selected *heap, size_t at)
{
	for (; at && slower(&heap[(at - 1) / 2], &heap[at]); at = (at - 1) / 2)
		swap(&heap[(at - 1) / 2], &heap[at]);
}

static void sift_down(struct selected *heap, size_t count)
{
	for (size_t at = 0;;) {
		size_t least = at, child = 2 * at + 1;

		if (child < count && slower(&heap[least], &heap[child]))
			least = child;
		if (child + 1 < count && slower(&heap[least], &heap[child + 1]))
			least = child + 1;
		if (least == at)
			return;
		swap(&heap[least], &heap[at]);
		at = least;
	}
}

static int make_room(struct selection *selection)
{
	size_t room = selection->room ? selection->room * 2 : 16;
	void *bigger;

	if (selection->count < selection->room)
		return 0;
	bigger = realloc(selection->entry, room * sizeof(*selection->entry));
	if (!bigger)
		return -ENOMEM;
	selection->entry = bigger;
	selection->room = room;
	return 0;
}

int selection_add(struct selection *selection, const struct vbt_request *request)
{
	struct selected entry = {*request, vbt_request_total(request), 0};
	int error;

	if (selection->count == selection->limit) {
		if (!selection->slowest)
			return -ENOSPC;
		if (slower(&entry, &selection->entry[0])) {
			selection->entry[0] = entry;
			sift_down(selection->entry, selection->count);
		}
		return 0;
	}
	error = make_room(selection);
	if (error)
		return error;
	selection->entry[selection->count++] = entry;
	if (selection->slowest)
		sift_up(selection->entry, selection->count - 1);
	return 0;
}

static int compare_slowness(const void *a, const void *b)
{
	return slower(a, b) ? -1 : 1;
}

void selection_sort(struct selection *selection)
{
	if (selection->slowest && selection->count)
		qsort(selection->entry, selection->count, sizeof(*selection->entry),
		      compare_slowness);
}

static int compare_kicks(const struct vbt_request *a, const struct vbt_request *b)
{
#define ORDER(field)              \
	if (a->field != b->field) \
		return a->field < b->field ? -1 : 1;
	ORDER(target)
	ORDER(device)
	ORDER(queue)
	ORDER(kick_seq)
#undef ORDER
	return 0;
}

static int compare_indices(const void *a, const void *b, void *context)
{
	const struct selection *selection = context;
	const size_t *x = a, *y = b;

	return compare_kicks(&selection->entry[*x].request, &selection->entry[*y].request);
}

int selection_index(struct selection *selection)
{
	if (!selection->count)
		return 0;
	selection->by_kick = calloc(selection->count, sizeof(*selection->by_kick));
	if (!selection->by_kick)
		return -ENOMEM;
	for (size_t i = 0; i < selection->count; i++)
		selection->by_kick[i] = i;
	qsort_r(selection->by_kick, selection->count, sizeof(*selection->by_kick), compare_indices,
		selection);
	return 0;
}

void selection_count(struct selection *selection, const struct vbt_request *request)
{
	size_t low = 0, high = selection->count;

	if (!request->kicks)
		return;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare_kicks(&selection->entry[selection->by_kick[middle]].request, request) <
		    0)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < selection->count; low++) {
		struct selected *entry = &selection->entry[selection->by_kick[low]];

		if (compare_kicks(&entry->request, request))
			break;
		entry->kick_shared++;
	}
}
