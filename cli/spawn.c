/* SPDX-License-Identifier: MIT */
#include "cli/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* In the child. Whatever fails is told through the pipe, which a successful exec closes. */
static _Noreturn void become(char **argv, bool output_to_error, int pipe)
{
	sigset_t none;
	int error;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	if (!output_to_error || dup2(STDERR_FILENO, STDOUT_FILENO) >= 0)
		execvp(argv[0], argv);
	error = errno;
	if (write(pipe, &error, sizeof(error)) < 0)
		_exit(126);
	_exit(127);
}

int spawn_start(struct spawn *spawn, char **argv, bool output_to_error, char *err, size_t err_size)
{
	const char *slash = strrchr(argv[0], '/');
	int ends[2], error = 0;

	memset(spawn, 0, sizeof(*spawn));
	snprintf(spawn->name, sizeof(spawn->name), "%s", slash ? slash + 1 : argv[0]);
	if (pipe2(ends, O_CLOEXEC) < 0) {
		snprintf(err, err_size, "cannot start '%s': %s", argv[0], strerror(errno));
		return -1;
	}
	spawn->pid = fork();
	if (!spawn->pid) {
		close(ends[0]);
		become(argv, output_to_error, ends[1]);
	}
	close(ends[1]);
	if (spawn->pid < 0)
		error = errno;
	else if (read(ends[0], &error, sizeof(error)) != sizeof(error))
		error = 0;
	else
		waitpid(spawn->pid, NULL, 0);
	close(ends[0]);
	if (!error)
		return 0;
	spawn->pid = 0;
	snprintf(err, err_size, "cannot start '%s': %s", argv[0], strerror(error));
	return -1;
}

bool spawn_ended(struct spawn *spawn)
{
	if (spawn->pid > 0 && waitpid(spawn->pid, &spawn->status, WNOHANG) == spawn->pid) {
		spawn->pid = 0;
		spawn->ended = true;
	}
	return spawn->ended;
}

void spawn_signal(const struct spawn *spawn, int signal)
{
	if (spawn->pid > 0)
		kill(spawn->pid, signal);
}

bool spawn_succeeded(const struct spawn *spawn, char *text, size_t size)
{
	text[0] = '\0';
	if (!spawn->ended || (WIFEXITED(spawn->status) && !WEXITSTATUS(spawn->status)))
		return true;
	if (WIFEXITED(spawn->status))
		snprintf(text, size, "'%s' exited with status %d", spawn->name,
			 WEXITSTATUS(spawn->status));
	else
		snprintf(text, size, "'%s' was ended by signal %d (%s)", spawn->name,
			 WTERMSIG(spawn->status), strsignal(WTERMSIG(spawn->status)));
	return false;
}

static pid_t parent_of(pid_t pid)
{
	char path[64], stat[512], *end;
	int parent = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	file = fopen(path, "re");
	if (!file)
		return 0;
	/* The name in parentheses may hold anything: what follows the last one counts. */
	if (fgets(stat, sizeof(stat), file) && (end = strrchr(stat, ')')) &&
	    sscanf(end + 1, " %*c %d", &parent) != 1)
		parent = 0;
	fclose(file);
	return parent;
}

bool spawn_descends(pid_t pid, pid_t ancestor)
{
	/* The chain ends at 0; the bound is for a /proc that changes meanwhile. */
	for (int i = 0; pid > 1 && i < 256; i++, pid = parent_of(pid))
		if (pid == ancestor)
			return true;
	return false;
}
