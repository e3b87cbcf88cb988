/* SPDX-License-Identifier: MIT */
#include "cli/attach.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/options.h"
#include "lib/now.h"
#include "probes/host_facts.h"
#include "probes/ring_find.h"

#define STEP_NS    500000      /* between two looks at a command that starts */
#define SCAN_STEPS 40          /* looks at all processes are dearer, so they are rarer */
#define START_NS   15000000000 /* a command that offers nothing until then is no VMM */

int attach_parse_pids(const char *text, void *at, char *why, size_t why_size)
{
	struct pid_list *list = at;

	while (*text) {
		size_t length = strcspn(text, ",");
		char one[16];
		uint64_t pid;

		snprintf(one, sizeof(one), "%.*s", length > 15 ? 15 : (int)length, text);
		if (length > 10 || parse_number(one, &pid) || !pid || pid > INT32_MAX) {
			snprintf(why, why_size, "is not the number of a process");
			return -1;
		}
		if (list->count == VBT_MAX_TARGETS) {
			snprintf(why, why_size, "is one too many: at most %d", VBT_MAX_TARGETS);
			return -1;
		}
		list->pid[list->count++] = (pid_t)pid;
		text += length;
		text += *text == ',';
	}
	return 0;
}

static void none_to_be_seen(unsigned denied, char *err, size_t err_size)
{
	char lack[HOST_LACK_SIZE];

	host_lack(HOST_TO_LOOK, lack);
	snprintf(err, err_size,
		 "found no VMM that offers stage points, and may not look into %u processes: %s",
		 denied, lack);
}

static int attach_all(struct session *session, char *err, size_t err_size)
{
	struct ring_found *found = NULL;
	size_t count = 0;
	unsigned denied = 0, attached = 0;
	int error = ring_find(&found, &count, &denied);

	if (error) {
		snprintf(err, err_size, "cannot look for VMMs in /proc: %s", strerror(-error));
		return -1;
	}
	err[0] = '\0';
	/* One that ends meanwhile, or is of another version, does not stop the others. */
	for (size_t i = 0; i < count; i++) {
		char why[640];

		if (session_add(session, found[i].pid, why, sizeof(why)) >= 0)
			attached++;
		else if (attached || i + 1 < count)
			complain("%s", why);
		else
			snprintf(err, err_size, "%s", why);
	}
	free(found);
	if (attached)
		return 0;
	if (!count && denied)
		none_to_be_seen(denied, err, err_size);
	else if (!count)
		snprintf(err, err_size,
			 "no VMM that offers stage points is running: start one, or "
			 "have it started by 'vbtrace record -- COMMAND'");
	else if (!err[0])
		snprintf(err, err_size, "none of the VMMs that run could be attached to");
	return -1;
}

int attach_running(struct session *session, const struct pid_list *pids, char *err, size_t err_size)
{
	if (!pids->count)
		return attach_all(session, err, err_size);
	for (unsigned i = 0; i < pids->count; i++)
		if (session_add(session, pids->pid[i], err, err_size) < 0)
			return -1;
	return 0;
}

/* A process below the command that offers a ring; 0 if there is none. */
static pid_t find_descendant(pid_t command)
{
	struct ring_found *found = NULL;
	size_t count = 0;
	unsigned denied;
	pid_t pid = 0;

	if (ring_find(&found, &count, &denied))
		return 0;
	for (size_t i = 0; i < count && !pid; i++)
		if (spawn_descends(found[i].pid, command))
			pid = found[i].pid;
	free(found);
	return pid;
}

static bool offers_ring(pid_t pid)
{
	bool flight;
	int fd = ring_find_open(pid, &flight);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* Which process to attach to now; 0: none yet. */
static pid_t choose(const struct spawn *spawn, bool usdt, unsigned step)
{
	pid_t below;

	if (offers_ring(spawn->pid))
		return spawn->pid;
	below = step % SCAN_STEPS == SCAN_STEPS - 1 ? find_descendant(spawn->pid) : 0;
	/* Probes may be there without a ring. */
	return below || !usdt ? below : spawn->pid;
}

int attach_command(struct session *session, struct spawn *spawn, bool usdt, const sigset_t *signals,
		   char *err, size_t err_size)
{
	const struct timespec pause = {.tv_nsec = STEP_NS};
	char why[640] =
	    "it offered no stage points"; /* or why one that did could not be attached to */
	const uint64_t start = vbt_now_ns();
	bool offered = false;

	for (unsigned step = 0; vbt_now_ns() - start < START_NS; step++) {
		pid_t pid;
		int error;

		if (spawn_ended(spawn)) {
			if (spawn_succeeded(spawn, err, err_size))
				snprintf(err, err_size,
					 "'%s' ended before it could be recorded: %s", spawn->name,
					 why);
			return -1;
		}
		pid = choose(spawn, usdt, step);
		error = pid ? session_add(session, pid, why, sizeof(why)) : -ENOENT;
		if (error >= 0)
			return 0;
		/* A ring that is being made is refused at first. One that does not answer was waited for already. */
		offered |= pid && !usdt;
		if (error == -ETIMEDOUT && kill(pid, 0) == 0)
			break;
		if (sigtimedwait(signals, NULL, &pause) > 0) {
			snprintf(err, err_size, "interrupted before '%s' could be recorded",
				 spawn->name);
			return -1;
		}
	}
	if (offered)
		snprintf(err, err_size, "%s", why);
	else
		snprintf(err, err_size,
			 "'%s' offers no stage points: it is not a VMM that vbtrace knows",
			 spawn->name);
	return -1;
}
