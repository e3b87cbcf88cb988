/* SPDX-License-Identifier: MIT */
#include "vmm-lite/platform/console.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#define CTRL_A 1

const char console_help[] = "\r\nCtrl-A x  end the machine\r\n"
			    "Ctrl-A s  print the KVM exits by reason\r\n"
			    "Ctrl-A a  send Ctrl-A\r\n"
			    "Ctrl-A h  this list\r\n";

/* The one terminal of the process, where handlers of atexit and of fatal signals find it. */
static struct termios saved;
static volatile sig_atomic_t switched;

static void restore(void)
{
	if (switched)
		tcsetattr(STDIN_FILENO, TCSANOW, &saved);
	switched = 0;
}

static void fatal(int signal)
{
	restore();
	raise(signal); /* SA_RESETHAND: now with its default action */
}

void console_open(struct console *console)
{
	static const int fatals[] = {SIGSEGV, SIGBUS, SIGABRT, SIGILL, SIGFPE};
	struct sigaction action = {.sa_handler = fatal, .sa_flags = SA_RESETHAND};
	struct termios raw;
	bool tty = isatty(STDIN_FILENO);

	*console = (struct console){.readable = true};
	if (!tty)
		return;
	/* In the background, reading or switching the terminal would only stop us. */
	console->readable = tcgetpgrp(STDIN_FILENO) == getpgrp();
	if (!console->readable || tcgetattr(STDIN_FILENO, &saved))
		return;
	raw = saved;
	cfmakeraw(&raw);
	raw.c_oflag |= OPOST; /* our own messages end in a bare newline */
	atexit(restore);
	for (size_t i = 0; i < sizeof(fatals) / sizeof(fatals[0]); i++)
		sigaction(fatals[i], &action, NULL);
	switched = 1;
	console->raw = tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
}

void console_close(struct console *console)
{
	restore();
	console->raw = false;
}

enum console_command console_filter(struct console *console, uint8_t *data, size_t *len)
{
	size_t out = 0;

	if (!console->raw)
		return CONSOLE_NONE;
	for (size_t i = 0; i < *len; i++) {
		enum console_command command = CONSOLE_NONE;

		if (!console->prefix) {
			if (data[i] == CTRL_A)
				console->prefix = true;
			else
				data[out++] = data[i];
			continue;
		}
		console->prefix = false;
		switch (data[i]) {
		case 'x': command = CONSOLE_QUIT; break;
		case 's': command = CONSOLE_STATS; break;
		case 'a':
		case CTRL_A: data[out++] = CTRL_A; break;
		default: command = CONSOLE_HELP; break;
		}
		if (command != CONSOLE_NONE) {
			*len = out;
			return command;
		}
	}
	*len = out;
	return CONSOLE_NONE;
}

bool console_write(struct console *console, const uint8_t *data, size_t len)
{
	while (len && !console->output_gone) {
		ssize_t n;

		if (__atomic_load_n(&console->hurry, __ATOMIC_ACQUIRE)) {
			struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};

			if (poll(&out, 1, 0) != 1)
				return true;
		}
		n = write(STDOUT_FILENO, data, len);

		if (n >= 0) {
			data += n;
			len -= (size_t)n;
		} else if (errno == EAGAIN) {
			/* Somebody made it non-blocking; wait as a blocking write would. */
			struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};

			poll(&out, 1, 1000);
		} else if (errno != EINTR) {
			console->output_gone = true;
		}
	}
	return !console->output_gone;
}
