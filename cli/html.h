/* SPDX-License-Identifier: MIT */
/*
 * A report as one HTML file that needs nothing else: no network, no other file. Its size depends on
 * how many groups there are, not on how many requests.
 */
#ifndef CLI_HTML_H
#define CLI_HTML_H

#include <stdio.h>

#include "cli/absence.h"
#include "cli/groups.h"
#include "cli/headline.h"
#include "cli/html_chart.h"
#include "cli/selection.h"
#include "lib/breakdown.h"

#define HTML_SLOWEST 20 /* requests that are drawn in whole */

struct html_report {
	const struct vbt_breakdown *breakdown; /* sorted */
	const struct vbt_group *sum;           /* of all groups */
	const struct absence *absence;
	const struct selection *slowest; /* sorted */
	const struct heat_map *heat;
	const struct headline *headline;
};

/* Errors are those of the stream. */
void html_print(FILE *out, const struct html_report *report);

#endif
