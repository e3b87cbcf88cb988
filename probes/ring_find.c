/* SPDX-License-Identifier: MIT */
#include "probes/ring_find.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MEMFD_LINK "/memfd:" VBT_SHM_NAME

/* Text of a small file of a process; empty if there is none. */
static void read_proc(pid_t pid, const char *name, char *text, size_t size)
{
	char path[64];
	ssize_t n;
	int fd;

	text[0] = '\0';
	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	n = read(fd, text, size - 1);
	text[n > 0 ? n : 0] = '\0';
	close(fd);
}

pid_t ring_find_own_pid(pid_t pid)
{
	char status[2048], *line, *last;

	read_proc(pid, "status", status, sizeof(status));
	if (!status[0])
		return -1;
	line = strstr(status, "\nNSpid:");
	if (!line)
		return pid;
	line[strcspn(line + 1, "\n") + 1] = '\0';
	last = strrchr(line, '\t');
	return last ? (pid_t)atoi(last + 1) : pid;
}

bool ring_find_stopped(pid_t pid)
{
	char stat[512], *state;

	read_proc(pid, "stat", stat, sizeof(stat));
	/* The name in parentheses may hold anything: the state is behind it. */
	state = strrchr(stat, ')');
	return state && (!strncmp(state, ") T", 3) || !strncmp(state, ") t", 3));
}

/* The start of a ring file, as far as it is needed to know one. */
static bool is_ring_file(int fd, pid_t own, char program[33])
{
	struct vbt_shm_header start;
	const size_t size = offsetof(struct vbt_shm_header, want);

	if (pread(fd, &start, size, 0) != (ssize_t)size || start.magic != VBT_SHM_MAGIC)
		return false;
	for (size_t i = 0; i < 32; i++)
		program[i] = isprint((unsigned char)start.program[i]) || !start.program[i]
				 ? start.program[i]
				 : '?';
	program[32] = '\0';
	/* A child that inherited the descriptor is not the one that records. */
	return own < 0 || start.pid == (uint32_t)own;
}

/* A path that a flight recorder could have; device and proc files must not be opened. */
static bool may_be_flight_file(const char *link)
{
	static const char *const never[] = {"/dev/", "/proc/", "/sys/"};

	if (link[0] != '/' || strncmp(link, "/memfd:", 7) == 0)
		return false;
	if (strncmp(link, "/dev/shm/", 9) == 0)
		return true;
	for (size_t i = 0; i < sizeof(never) / sizeof(*never); i++)
		if (strncmp(link, never[i], strlen(never[i])) == 0)
			return false;
	return true;
}

/* Open the descriptor's file anew: -1 unless it is a ring file of this process. */
static int open_candidate(const char *path, pid_t own, bool flight, char program[33])
{
	struct stat st;
	int fd;

	if (stat(path, &st) < 0 || !S_ISREG(st.st_mode) ||
	    st.st_size < (off_t)sizeof(struct vbt_shm_header))
		return -1;
	fd = open(path, (flight ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NONBLOCK);
	if (fd >= 0 && is_ring_file(fd, own, program))
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

struct scan {
	int fd; /* found, or -1 */
	bool flight;
	char program[33];
	char path[256];
};

/* Look through one process's descriptors. 0, or -errno if they cannot be seen. */
static int scan_process(pid_t pid, bool flight_too, struct scan *scan)
{
	pid_t own = ring_find_own_pid(pid);
	struct dirent *entry;
	char path[320], link[256];
	bool denied = false;
	DIR *dir;

	scan->fd = -1;
	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	dir = opendir(path);
	if (!dir)
		return errno == ENOENT ? -ESRCH : -EACCES;
	while (scan->fd < 0 && (errno = 0, entry = readdir(dir))) {
		ssize_t n;

		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		snprintf(path, sizeof(path), "/proc/%d/fd/%s", (int)pid, entry->d_name);
		n = readlink(path, link, sizeof(link) - 1);
		/* Who may read the directory need not be allowed to see what is in it. */
		denied |= n < 0 && (errno == EACCES || errno == EPERM);
		if (n <= 0)
			continue;
		link[n] = '\0';
		scan->flight = strncmp(link, MEMFD_LINK, strlen(MEMFD_LINK)) != 0;
		if (scan->flight && !(flight_too && may_be_flight_file(link)))
			continue;
		scan->fd = open_candidate(path, own, scan->flight, scan->program);
		snprintf(scan->path, sizeof(scan->path), "%s", scan->flight ? link : "");
	}
	closedir(dir);
	return denied && scan->fd < 0 ? -EACCES : 0;
}

int ring_find_open(pid_t pid, bool *flight)
{
	struct scan scan;
	int ret = scan_process(pid, true, &scan);

	if (ret < 0)
		return ret;
	*flight = scan.flight;
	return scan.fd >= 0 ? scan.fd : -ENOENT;
}

static bool is_vmm_lite(pid_t pid)
{
	char comm[32];

	read_proc(pid, "comm", comm, sizeof(comm));
	return strncmp(comm, "vmm-lite", 8) == 0;
}

int ring_find(struct ring_found **found, size_t *count, unsigned *denied)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	int ret = 0;

	*found = NULL;
	*count = 0;
	*denied = 0;
	if (!proc)
		return -errno;
	while (ret == 0 && (entry = readdir(proc))) {
		pid_t pid = (pid_t)atoi(entry->d_name);
		struct ring_found *grown;
		struct scan scan;

		if (pid <= 0)
			continue;
		if (scan_process(pid, is_vmm_lite(pid), &scan) == -EACCES)
			(*denied)++;
		else if (scan.fd >= 0) {
			close(scan.fd);
			grown = realloc(*found, (*count + 1) * sizeof(**found));
			if (!grown) {
				ret = -ENOMEM;
				break;
			}
			*found = grown;
			grown[*count] = (struct ring_found){.pid = pid, .flight = scan.flight};
			memcpy(grown[*count].program, scan.program, sizeof(scan.program));
			memcpy(grown[*count].path, scan.path, sizeof(scan.path));
			(*count)++;
		}
	}
	closedir(proc);
	if (ret < 0) {
		free(*found);
		*found = NULL;
		*count = 0;
	}
	return ret;
}
