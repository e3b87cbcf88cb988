/* SPDX-License-Identifier: MIT */
#include "tui/top_state.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* What is kept, each a number below a bound. */
enum kept {
	KEPT_VIEW,
	KEPT_LIST,
	KEPT_PERCENTILE,
	KEPT_LEVEL,
	KEPT_SORT,
	KEPT_ASCENDING,
	KEPT_COUNT
};

static const struct {
	const char *name;
	unsigned bound;
} kept[KEPT_COUNT] = {
    [KEPT_VIEW] = {"view", VIEW_HEAT + 1},
    [KEPT_LIST] = {"list", LIST_COUNT},
    [KEPT_PERCENTILE] = {"percentile", VBT_PERCENTILE_COUNT},
    [KEPT_LEVEL] = {"level", VBT_NODE_LEVELS},
    [KEPT_SORT] = {"sort", TOP_COLUMNS},
    [KEPT_ASCENDING] = {"ascending", 2},
};

static void set(struct top *top, enum kept what, unsigned value)
{
	switch (what) {
	case KEPT_VIEW: top->view = value; break;
	case KEPT_LIST: top->list = value; break;
	case KEPT_PERCENTILE: top->percentile = value; break;
	case KEPT_LEVEL: top->level = value; break;
	case KEPT_SORT: top->sort = value; break;
	case KEPT_ASCENDING: top->ascending = value; break;
	case KEPT_COUNT: break;
	}
}

static unsigned get(const struct top *top, enum kept what)
{
	switch (what) {
	case KEPT_VIEW: return top->view <= VIEW_HEAT ? top->view : VIEW_TABLE;
	case KEPT_LIST: return top->list;
	case KEPT_PERCENTILE: return top->percentile;
	case KEPT_LEVEL: return top->level;
	case KEPT_SORT: return top->sort;
	case KEPT_ASCENDING: return top->ascending;
	case KEPT_COUNT: break;
	}
	return 0;
}

void top_state_read(struct top *top, const char *path)
{
	FILE *file = fopen(path, "re");
	char line[64], name[33];
	unsigned value;

	if (!file)
		return;
	while (fgets(line, sizeof(line), file))
		for (unsigned i = 0; i < KEPT_COUNT; i++)
			if (sscanf(line, "%32[a-z]=%8u", name, &value) == 2 &&
			    !strcmp(name, kept[i].name) && value < kept[i].bound)
				set(top, i, value);
	fclose(file);
}

int top_state_write(const struct top *top, const char *path)
{
	FILE *file = fopen(path, "we");
	int error = 0;

	if (!file)
		return -errno;
	for (unsigned i = 0; i < KEPT_COUNT; i++)
		fprintf(file, "%s=%u\n", kept[i].name, get(top, i));
	if (fflush(file))
		error = -errno;
	fclose(file);
	return error;
}
