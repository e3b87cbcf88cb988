/* SPDX-License-Identifier: MIT */
#include "lib/export.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define X(name) extern const struct vbt_exporter vbt_exporter_##name;
VBT_EXPORTERS(X)
#undef X

static const struct vbt_exporter *const exporters[] = {
#define X(name) &vbt_exporter_##name,
    VBT_EXPORTERS(X)
#undef X
};

struct vbt_export_run {
	struct vbt_export export;
	const struct vbt_exporter *exporter;
	struct vbt_export_options options;
	struct vbt_correlator *correlator;
	struct vbt_timeline *timeline; /* NULL: requests only */
	uint64_t requests;
	uint32_t changes; /* of the info when the offset was made */
	bool begun;
	int error;
};

const struct vbt_exporter *vbt_exporter_at(unsigned index)
{
	return index < sizeof(exporters) / sizeof(exporters[0]) ? exporters[index] : NULL;
}

const struct vbt_exporter *vbt_exporter_find(const char *name)
{
	for (unsigned i = 0; i < sizeof(exporters) / sizeof(exporters[0]); i++)
		if (!strcmp(exporters[i]->name, name))
			return exporters[i];
	return NULL;
}

static int take_event(void *context, const struct vbt_linked_event *event)
{
	struct vbt_export_run *run = context;

	/* Of a selection of requests only what belongs to one of them. */
	if (run->options.wanted && !event->requests)
		return 0;
	return run->exporter->event(&run->export, event);
}

/* Nobody will ask for the data of a request that is not wanted. */
static void forget_data(struct vbt_export_run *run, const struct vbt_request *request)
{
	struct vbt_payload payload;

	for (int given = 0; run->export.payloads && given < 2; given++)
		vbt_payloads_take(run->export.payloads, request, given, &payload);
}

static void take_request(void *context, const struct vbt_request *request)
{
	struct vbt_export_run *run = context;

	if (run->error)
		return;
	if (run->options.wanted && !run->options.wanted(run->options.context, request)) {
		forget_data(run, request);
		return;
	}
	run->requests++;
	if (run->timeline)
		run->error = vbt_timeline_request(run->timeline, request);
	else
		run->error = run->exporter->request(&run->export, request);
}

struct vbt_export_run *vbt_export_new(const struct vbt_export_options *options, FILE *out,
				      const struct vbt_trace_info *info)
{
	const struct vbt_exporter *exporter = options->exporter;
	struct vbt_export_run *run = calloc(1, sizeof(*run));
	struct vbt_correlator_options correlator = {
	    .info = info, .request = take_request, .context = run};

	if (!run)
		return NULL;
	run->exporter = exporter;
	run->options = *options;
	run->export = (struct vbt_export){
	    .out = out,
	    .info = info,
	    .unit = options->unit ? options->unit : exporter->unit,
	    .state = calloc(1, exporter->state_size ? exporter->state_size : 1),
	};
	run->changes = info->changes - 1;
	run->correlator = vbt_correlator_new(&correlator);
	if (exporter->needs_events & run->export.unit)
		run->timeline = vbt_timeline_new(take_event, run, 0);
	if (options->payload && exporter->data)
		run->export.payloads = vbt_payloads_new(options->payload);
	if (run->export.state && run->correlator &&
	    (run->export.payloads || !options->payload || !exporter->data) &&
	    (run->timeline || !(exporter->needs_events & run->export.unit)))
		return run;
	vbt_export_free(run);
	return NULL;
}

void vbt_export_free(struct vbt_export_run *run)
{
	if (!run)
		return;
	if (run->exporter->release && run->export.state)
		run->exporter->release(&run->export);
	vbt_timeline_free(run->timeline);
	vbt_correlator_free(run->correlator);
	vbt_payloads_free(run->export.payloads);
	free(run->export.state);
	free(run);
}

/* The description of the trace comes before its first event. */
static void begin(struct vbt_export_run *run)
{
	const struct vbt_host *host = &run->export.info->host;

	if (run->changes != run->export.info->changes) {
		run->changes = run->export.info->changes;
		run->export.realtime_offset =
		    host->start_realtime_ns
			? (int64_t)(host->start_realtime_ns - host->start_monotonic_ns)
			: 0;
	}
	if (!run->begun && run->exporter->begin)
		run->error = run->exporter->begin(&run->export);
	run->begun = true;
}

static void take_run(struct vbt_export_run *run, const struct vbt_event *events, size_t count)
{
	int error;

	if (run->timeline)
		run->error = vbt_timeline_events(run->timeline, events, count);
	if (!run->error) {
		error = vbt_correlator_events(run->correlator, events, count);
		run->error = run->error ? run->error : error;
	}
}

int vbt_export_events(struct vbt_export_run *run, const struct vbt_event *events, size_t count)
{
	size_t start = 0;

	begin(run);
	/* Data is no event of anybody's row or frame: who wants it asks for it. */
	for (size_t i = 0; i <= count && !run->error; i++) {
		if (i < count && events[i].point != VBT_AUX_data)
			continue;
		if (i > start)
			take_run(run, events + start, i - start);
		if (i < count && run->export.payloads)
			vbt_payloads_event(run->export.payloads, &events[i]);
		start = i + 1;
	}
	if (!run->error && run->timeline)
		run->error =
		    vbt_timeline_release(run->timeline, vbt_correlator_horizon(run->correlator, 0));
	return run->error;
}

int vbt_export_time(struct vbt_export_run *run, uint64_t ns)
{
	begin(run);
	if (!run->error && run->timeline)
		run->error = vbt_timeline_release(run->timeline,
						  vbt_correlator_horizon(run->correlator, ns));
	return run->error;
}

int vbt_export_finish(struct vbt_export_run *run)
{
	begin(run);
	if (!run->error)
		vbt_correlator_finish(run->correlator);
	if (!run->error && run->timeline)
		run->error = vbt_timeline_release(run->timeline, UINT64_MAX);
	if (!run->error && run->exporter->end)
		run->error = run->exporter->end(&run->export);
	return run->error;
}

const struct vbt_correlator *vbt_export_correlator(const struct vbt_export_run *run)
{
	return run->correlator;
}

uint64_t vbt_export_unlinked(const struct vbt_export_run *run)
{
	return run->timeline ? vbt_timeline_stats(run->timeline)->unlinked : 0;
}

uint64_t vbt_export_payloads(const struct vbt_export_run *run)
{
	return run->export.taken;
}

uint64_t vbt_export_payloads_pushed_out(const struct vbt_export_run *run)
{
	return run->export.payloads ? vbt_payloads_pushed_out(run->export.payloads) : 0;
}

uint64_t vbt_export_requests(const struct vbt_export_run *run)
{
	return run->requests;
}
