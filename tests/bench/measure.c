/* SPDX-License-Identifier: MIT */
/*
 * Runs a command and says what it cost, by the system's own accounting of the finished process:
 *
 *	measure [-c CPU] [-o FILE] COMMAND [ARG...]
 *
 * writes `user_s sys_s wall_s peak_kib status start_ns` to FILE (standard error without -o): the processor's
 * time, the peak of its resident memory, and when it was started (CLOCK_MONOTONIC). The exit status is the
 * command's. -c runs it on one processor.
 */
#include <errno.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/now.h"

static double seconds(struct timeval tv)
{
	return (double)tv.tv_sec + (double)tv.tv_usec / 1e6;
}

static void run(char **command, int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	if (cpu >= 0) {
		CPU_SET(cpu, &set);
		sched_setaffinity(0, sizeof(set), &set);
	}
	execvp(command[0], command);
	fprintf(stderr, "measure: cannot run '%s': %s\n", command[0], strerror(errno));
	_exit(127);
}

int main(int argc, char **argv)
{
	const char *path = NULL;
	struct rusage usage;
	FILE *out = stderr;
	uint64_t start;
	int option, cpu = -1, status, code;
	pid_t pid;

	while ((option = getopt(argc, argv, "+c:o:")) != -1)
		switch (option) {
		case 'c': cpu = atoi(optarg); break;
		case 'o': path = optarg; break;
		default: return 2;
		}
	if (optind == argc) {
		fprintf(stderr, "usage: measure [-c CPU] [-o FILE] COMMAND [ARG...]\n");
		return 2;
	}
	start = vbt_now_ns();
	pid = fork();
	if (!pid)
		run(argv + optind, cpu);
	if (pid < 0 || wait4(pid, &status, 0, &usage) != pid) {
		perror("measure");
		return 1;
	}
	code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	if (path)
		out = fopen(path, "w");
	if (!out) {
		perror(path);
		return 1;
	}
	fprintf(out, "%.6f %.6f %.6f %ld %d %llu\n", seconds(usage.ru_utime),
		seconds(usage.ru_stime), (double)(vbt_now_ns() - start) / 1e9, usage.ru_maxrss,
		code, (unsigned long long)start);
	return code;
}
