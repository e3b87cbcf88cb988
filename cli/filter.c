/* SPDX-License-Identifier: MIT */
#include "cli/filter.h"

#include <stdio.h>
#include <string.h>

#include "cli/options.h"

static bool in_range(const struct range *range, uint64_t value)
{
	return !range->given || (value >= range->first && value <= range->last);
}

/* A request without data, as a flush, has no sectors. */
static bool touches(const struct range *range, const struct vbt_request *request)
{
	uint64_t sectors = ((uint64_t)request->bytes + 511) / 512;

	if (!range->given)
		return true;
	if (!vbt_request_has(request, VBT_MARK_parse) || !sectors)
		return false;
	return request->sector <= range->last &&
	       (request->sector >= range->first || range->first - request->sector < sectors);
}

static bool is_device(const char *wanted, const struct vbt_request *request,
		      const struct vbt_trace_info *info)
{
	uint64_t number;
	char name[24];

	if (!parse_number(wanted, &number))
		return number == request->device;
	return !strcmp(wanted,
		       vbt_trace_info_device_name(info, request->target, request->device, name));
}

bool filter_given(const struct filter *filter)
{
	return filter->id.given || filter->queue.given || filter->sector.given ||
	       filter->op.given || filter->device || filter->min_latency_ns || filter->incomplete ||
	       filter->errors;
}

bool filter_matches(const struct filter *filter, const struct vbt_request *request,
		    const struct vbt_trace_info *info)
{
	if (!in_range(&filter->id, request->id) || !in_range(&filter->queue, request->queue))
		return false;
	if (filter->op.given &&
	    (!vbt_request_has(request, VBT_MARK_parse) || request->op != filter->op.type))
		return false;
	if (filter->incomplete && request->complete)
		return false;
	if (filter->errors && !(vbt_request_has(request, VBT_MARK_push) && request->status))
		return false;
	if (filter->min_latency_ns && vbt_request_total(request) < filter->min_latency_ns)
		return false;
	if (filter->device && !is_device(filter->device, request, info))
		return false;
	return touches(&filter->sector, request);
}

int filter_parse_op(const char *text, void *at, char *why, size_t why_size)
{
	struct op *op = at;
	char names[256] = "";
	size_t used = 0;
	const char *meant;
	char buf[32];

	op->type = vbt_op_type(text);
	op->given = true;
	if (op->type >= 0)
		return 0;
	for (unsigned type = 0; type < 256; type++)
		if (vbt_op_type(vbt_op_name(type)) == (int)type)
			used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s",
						 used ? "|" : "", vbt_op_name(type));
	meant = suggest_choice(text, names, buf, sizeof(buf));
	if (meant)
		snprintf(why, why_size, "is no operation: did you mean '%s'?", meant);
	else
		snprintf(why, why_size, "is none of %s", names);
	return -1;
}
