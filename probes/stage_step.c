/* SPDX-License-Identifier: MIT */
/*
 * Slow motion: at each mark the VMM's thread says where it is on a socket and stands still until it
 * is answered. Whoever is connected sees lines like "at pop disk 0 queue 0 request 3" and answers
 * each with a line of its own. When it hangs up, the VMM runs on as if nobody had ever been there.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "probes/stage_point.h"
#include "probes/stage_shm.h"

#define LOOK_MS 100 /* how often a VMM that waits for its learner looks whether it shall end */

/* One learner at a time; the lock lets one thread stand at a time. */
static struct {
	pthread_mutex_t lock;
	int fd;
	bool asked; /* atomic: an answer is awaited */
} learner = {PTHREAD_MUTEX_INITIALIZER, -1, false};

/* An answer is a line. False: the learner is gone. */
static bool wait_answer(int fd)
{
	char byte = 0;
	ssize_t got;

	do
		got = read(fd, &byte, 1);
	while ((got < 0 && errno == EINTR) || (got == 1 && byte != '\n'));
	return got == 1;
}

static bool say(int fd, const char *text)
{
	return send(fd, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text);
}

static void hang_up(void)
{
	stage_point_step(false);
	close(learner.fd);
	learner.fd = -1;
}

void stage_step(unsigned mark, uint8_t device, uint16_t queue, uint32_t seq, uint8_t code)
{
	static const char *const names[] = {
#define X(id, letter, origin, meaning) [VBT_MARK_##id] = #id,
	    VBT_STAGES(X)
#undef X
	};
	char text[96];

	/* No kick yet: whoever stood here would make the guest's first one late, and lost. */
	if (mark == VBT_MARK_wake && code == VBT_WAKE_start)
		return;
	STAGE_POINT(pause, device, queue, 0, 0, 0, 0, (uint8_t)mark, 1);
	pthread_mutex_lock(&learner.lock);
	snprintf(text, sizeof(text), "at %s disk %u queue %u request %u\n", names[mark], device,
		 queue, seq);
	__atomic_store_n(&learner.asked, true, __ATOMIC_RELEASE);
	if (learner.fd >= 0 && (!say(learner.fd, text) || !wait_answer(learner.fd)))
		hang_up();
	__atomic_store_n(&learner.asked, false, __ATOMIC_RELEASE);
	pthread_mutex_unlock(&learner.lock);
	STAGE_POINT(pause, device, queue, 0, 0, 0, 0, (uint8_t)mark, 0);
}

bool stage_step_stands(void)
{
	return __atomic_load_n(&learner.asked, __ATOMIC_ACQUIRE);
}

/* Signals may be blocked, to be read later by whoever handles them: then they are pending. */
static bool asked_to_end(void)
{
	sigset_t pending;

	sigpending(&pending);
	return sigismember(&pending, SIGINT) || sigismember(&pending, SIGTERM) ||
	       sigismember(&pending, SIGHUP);
}

/* The first who comes and says that it goes on; who hangs up before was not the one. */
static int wait_learner(int listener)
{
	struct pollfd p = {.fd = listener, .events = POLLIN};

	for (;;) {
		int fd;

		if (asked_to_end())
			return -EINTR;
		if (poll(&p, 1, LOOK_MS) <= 0)
			continue;
		fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		if (fd < 0)
			return -errno;
		if (say(fd, "at start\n") && wait_answer(fd))
			return fd;
		close(fd);
	}
}

int stage_step_init(const char *path, char *err, size_t err_size)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), fd = -1;
	struct stat st;

	if (strlen(path) >= sizeof(address.sun_path)) {
		snprintf(err, err_size, "the path of a socket has at most %zu letters: '%s'",
			 sizeof(address.sun_path) - 1, path);
		fd = -ENAMETOOLONG;
		goto end;
	}
	memcpy(address.sun_path, path, strlen(path));
	/* A socket that an earlier VMM left behind; nothing else is removed. */
	if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode))
		unlink(path);
	if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof(address)) ||
	    listen(listener, 1)) {
		fd = -errno;
		snprintf(err, err_size, "cannot make the socket '%s': %s", path, strerror(-fd));
		goto end;
	}
	fd = wait_learner(listener);
	unlink(path);
	if (fd < 0) {
		snprintf(err, err_size, "nobody came to step: %s", strerror(-fd));
		goto end;
	}
	learner.fd = fd;
	stage_point_step(true);
end:
	if (listener >= 0)
		close(listener);
	return fd < 0 ? fd : 0;
}

void stage_step_exit(void)
{
	/* Whoever stands there holds the lock: this lets it go. */
	if (learner.fd >= 0)
		shutdown(learner.fd, SHUT_RDWR);
}
