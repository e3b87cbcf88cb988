/* SPDX-License-Identifier: MIT */
/* vbtrace teach: from a trace to one request and the pictures of its rings. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/input.h"
#include "cli/teach.h"

#define MAX_REQUESTS 20000u

struct loading {
	uint64_t id; /* 0: the best */
	struct vbt_request *request;
	unsigned requests, request_room;
	struct teach_views views;
	bool short_of_memory;
};

static void on_request(void *context, const struct vbt_request *request)
{
	struct loading *l = context;

	if (l->id ? l->id != request->id : !request->complete || l->requests >= MAX_REQUESTS)
		return;
	if (l->requests == l->request_room) {
		unsigned more = l->request_room ? l->request_room * 2 : 64;
		struct vbt_request *bigger = realloc(l->request, more * sizeof(*bigger));

		if (!bigger) {
			l->short_of_memory = true;
			return;
		}
		l->request = bigger;
		l->request_room = more;
	}
	l->request[l->requests++] = *request;
}

static int read_all(struct loading *l, struct input *input)
{
	const struct vbt_correlator_options options = {
	    .info = input_info(input), .request = on_request, .context = l};
	struct vbt_correlator *correlator = vbt_correlator_new(&options);
	const struct vbt_event *events;
	int error = correlator ? 0 : -ENOMEM;
	long count;

	while (!error && (count = input_next(input, &events)) != 0) {
		error = count < 0 ? (int)count
				  : vbt_correlator_events(correlator, events, (size_t)count);
		for (long i = 0; i < count; i++)
			l->short_of_memory |= teach_views_event(&l->views, &events[i]) < 0;
		if (l->short_of_memory)
			error = -ENOMEM;
	}
	if (correlator)
		vbt_correlator_finish(correlator);
	vbt_correlator_free(correlator);
	return error ? complain("cannot read '%s': %s", input_name(input), strerror(-error))
		     : CLI_SUCCESS;
}

static const struct vbt_request *choose(const struct loading *l)
{
	const struct vbt_request *best = NULL;
	int most = 0;

	for (unsigned i = 0; i < l->requests; i++) {
		const struct vbt_request *r = &l->request[i];
		int marks = __builtin_popcount(r->present);

		if (!l->id && (marks <= most || !teach_views_has(&l->views, r)))
			continue;
		best = r;
		most = marks;
	}
	return best;
}

int teach_load(const char *path, uint64_t id, struct teach_subject *subject)
{
	struct input *input = input_open(path);
	struct loading l = {.id = id};
	const struct vbt_request *chosen;
	int status = CLI_FAILURE;

	if (!input)
		return CLI_FAILURE;
	if (read_all(&l, input))
		goto end;
	memset(subject, 0, sizeof(*subject));
	chosen = choose(&l);
	if (!chosen && id)
		complain("%s: there is no request %llu; 'vbtrace show' lists them",
			 input_name(input), (unsigned long long)id);
	else if (!chosen)
		complain("%s: no complete request with pictures of the rings. Only the VMM's ring "
			 "brings them, neither USDT nor a flight recorder: record with --source "
			 "ring --snapshot rings, or leave the file out to use the sample",
			 input_name(input));
	if (!chosen)
		goto end;
	subject->request = *chosen;
	teach_views_take(&l.views, subject);
	teach_describe(subject, input_info(input));
	status = CLI_SUCCESS;
end:
	free(l.request);
	teach_views_release(&l.views);
	input_close(input);
	return status;
}
