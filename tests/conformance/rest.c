/* SPDX-License-Identifier: MIT */
/*
 * When has the device done all that it will do by itself? Its threads sleep. This is looked up
 * rather than waited for, so that a test which says "nothing happens" holds on a slow machine too.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/conformance/world.h"

#define LOOKS 3 /* times in a row that all have to be found asleep */

/* The letter behind "(name) " in a thread's stat file; 'S' also if it is gone. */
static char state_of(const char *thread)
{
	char path[64], text[256];
	const char *end;
	ssize_t length;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/task/%.20s/stat", thread);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 'S';
	length = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (length <= 0)
		return 'S';
	text[length] = 0;
	end = strrchr(text, ')');
	return end && end[1] ? end[2] : 'S';
}

static bool others_sleep(void)
{
	DIR *threads = opendir("/proc/self/task");
	bool all = true;
	const struct dirent *entry;

	while (threads && all && (entry = readdir(threads)))
		if (entry->d_name[0] != '.' && atoi(entry->d_name) != gettid())
			all = state_of(entry->d_name) == 'S';
	if (threads)
		closedir(threads);
	return all;
}

void settle(void)
{
	uint64_t end = test_now_ms() + PATIENCE_MS;
	unsigned looks = 0;

	while (looks < LOOKS) {
		test_pause();
		looks = others_sleep() ? looks + 1 : 0;
		if (test_now_ms() > end)
			FAIL("the device does not come to rest");
	}
}
