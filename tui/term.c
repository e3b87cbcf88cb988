/* SPDX-License-Identifier: MIT */
#include "tui/term.h"

#include <curses.h>
#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "lib/now.h"

#define ESCAPE_MS    25 /* a lone Esc is one after so long */
#define WHEEL_UP     BUTTON4_PRESSED
#define WHEEL_DOWN   BUTTON5_PRESSED
#define MOUSE_EVENTS (BUTTON1_PRESSED | WHEEL_UP | WHEEL_DOWN)
#define TWICE_NS     400000000u /* two clicks on one place within this time are a double click */

/* A process has one terminal, and signal handlers have no argument: this is theirs. */
static struct {
	struct termios before;
	char reset[512]; /* the sequences that bring the terminal back */
	size_t reset_length;
	int pipe[2]; /* signals come out here as bytes */
	atomic_bool active;
	bool ended, at_exit;
	SCREEN *screen;
	MEVENT mouse[8]; /* as many as ncurses keeps; the oldest is the last */
	size_t mice;
	uint64_t clicked; /* when the mouse was pressed last, and where */
	int click_row, click_column;
} here = {.pipe = {-1, -1}};

static const int caught[] = {SIGINT, SIGTERM, SIGHUP, SIGWINCH, SIGCONT};
/* What else ends a process, from inside or from outside. */
static const int crashes[] = {SIGSEGV, SIGBUS,  SIGILL,  SIGFPE,  SIGABRT, SIGSYS,  SIGTRAP,
			      SIGQUIT, SIGPIPE, SIGALRM, SIGUSR1, SIGUSR2, SIGXCPU, SIGXFSZ};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

bool term_usable(void)
{
	const char *name = getenv("TERM");

	return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && name && *name &&
	       strcmp(name, "dumb") != 0;
}

static void on_signal(int number)
{
	const char byte = (char)number;
	int saved = errno;

	/* A full pipe has enough of them. */
	if (write(here.pipe[1], &byte, 1) < 0)
		errno = saved;
	errno = saved;
}

/* Safe inside a signal handler. */
static void restore_raw(void)
{
	size_t done = 0;

	if (!atomic_exchange(&here.active, false))
		return;
	while (done < here.reset_length) {
		ssize_t n = write(STDOUT_FILENO, here.reset + done, here.reset_length - done);

		if (n <= 0)
			break;
		done += (size_t)n;
	}
	tcsetattr(STDIN_FILENO, TCSANOW, &here.before);
}

static void on_crash(int number)
{
	restore_raw();
	/* The handler is gone by SA_RESETHAND: this time it ends as it would have. */
	raise(number);
}

/* A capability that the terminal lacks is NULL or -1. */
static void add_reset(const char *text)
{
	size_t length = text && text != (char *)-1 ? strlen(text) : 0;

	if (!length || here.reset_length + length > sizeof(here.reset))
		return;
	memcpy(here.reset + here.reset_length, text, length);
	here.reset_length += length;
}

static void stop_at_exit(void)
{
	restore_raw();
}

static void take_signals(void)
{
	static char stack[32768];
	const stack_t alternative = {.ss_sp = stack, .ss_size = sizeof(stack)};
	struct sigaction action = {.sa_handler = on_signal};
	sigset_t open;

	sigemptyset(&open);
	for (size_t i = 0; i < COUNT(caught); i++) {
		sigaction(caught[i], &action, NULL);
		sigaddset(&open, caught[i]);
	}
	sigprocmask(SIG_UNBLOCK, &open, NULL);
	/* On a stack of its own, so that an overflow of the other one is survived. */
	sigaltstack(&alternative, NULL);
	action.sa_handler = on_crash;
	action.sa_flags = (int)(SA_ONSTACK | SA_RESETHAND);
	for (size_t i = 0; i < COUNT(crashes); i++)
		sigaction(crashes[i], &action, NULL);
}

static void leave_signals(void)
{
	for (size_t i = 0; i < COUNT(caught); i++)
		signal(caught[i],
		       caught[i] == SIGWINCH || caught[i] == SIGCONT ? SIG_DFL : SIG_IGN);
	for (size_t i = 0; i < COUNT(crashes); i++)
		signal(crashes[i], SIG_DFL);
}

static int count_colours(void)
{
	const char *no_color = getenv("NO_COLOR");

	if ((no_color && *no_color) || !has_colors() || start_color() == ERR)
		return 0;
	use_default_colors();
	return COLORS >= 256 ? 256 : COLORS >= 8 ? 8 : 0;
}

int term_start(struct term *term, char *err, size_t err_size)
{
	memset(term, 0, sizeof(*term));
	here.ended = false;
	here.reset_length = 0;
	if (tcgetattr(STDIN_FILENO, &here.before) ||
	    (here.pipe[0] < 0 && pipe2(here.pipe, O_CLOEXEC | O_NONBLOCK))) {
		snprintf(err, err_size, "cannot use the terminal: %s", strerror(errno));
		return -1;
	}
	here.screen = newterm(NULL, stdout, stdin);
	if (!here.screen) {
		snprintf(err, err_size, "the terminal '%s' is not known here: set TERM",
			 getenv("TERM"));
		return -1;
	}
	add_reset("\033[?1000l\033[?1002l\033[?1003l\033[?1006l");
	add_reset(tigetstr("sgr0"));
	add_reset(tigetstr("rmkx"));
	add_reset(tigetstr("cnorm"));
	add_reset(tigetstr("rmcup"));
	add_reset("\r");
	atomic_store(&here.active, true);
	if (!here.at_exit)
		here.at_exit = !atexit(stop_at_exit);
	take_signals();
	cbreak();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	set_escdelay(ESCAPE_MS);
	curs_set(0);
	mouseinterval(0); /* ncurses would wait for the second click before it tells of the first */
	mousemask(MOUSE_EVENTS, NULL);
	term->colours = count_colours();
	term->utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8");
	getmaxyx(stdscr, term->rows, term->columns);
	return 0;
}

void term_stop(struct term *term)
{
	if (!here.screen)
		return;
	endwin();
	restore_raw();
	leave_signals();
	delscreen(here.screen);
	here.screen = NULL;
}

static enum term_event resize(struct term *term)
{
	struct winsize size;

	if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_row && size.ws_col)
		resizeterm(size.ws_row, size.ws_col);
	getmaxyx(stdscr, term->rows, term->columns);
	clear();
	return TERM_RESIZE;
}

/* What the signals said; TERM_IDLE: nothing. */
static enum term_event look_at_signals(struct term *term)
{
	enum term_event event = TERM_IDLE;
	char byte;

	while (read(here.pipe[0], &byte, 1) == 1) {
		/* While it was stopped nobody told it of a new size, and others wrote there. */
		if (byte == SIGWINCH || byte == SIGCONT)
			event = resize(term);
		else
			here.ended = true;
	}
	return here.ended ? TERM_END : event;
}

/* What the mouse did: of what ncurses has of it, the newest comes first, so it is turned round. */
static void take_mouse(void)
{
	here.mice = 0;
	while (here.mice < COUNT(here.mouse) && getmouse(&here.mouse[here.mice]) == OK)
		here.mice++;
}

static enum term_event next_mouse(struct term_input *input)
{
	const MEVENT *mouse;
	uint64_t now;

	if (!here.mice)
		return TERM_IDLE;
	mouse = &here.mouse[--here.mice];
	if (mouse->bstate & (WHEEL_UP | WHEEL_DOWN)) {
		input->key = mouse->bstate & WHEEL_UP ? KEY_UP : KEY_DOWN;
		return TERM_KEY;
	}
	now = vbt_now_ns();
	input->row = mouse->y;
	input->column = mouse->x;
	input->twice = here.click_row == mouse->y && here.click_column == mouse->x &&
		       now - here.clicked < TWICE_NS;
	/* A third one begins anew. */
	here.clicked = input->twice ? 0 : now;
	here.click_row = mouse->y;
	here.click_column = mouse->x;
	return TERM_CLICK;
}

/* A key that waits already. */
static enum term_event look_at_keys(struct term *term, struct term_input *input)
{
	wint_t letter;
	int kind;

	if (here.mice)
		return next_mouse(input);
	kind = get_wch(&letter);
	if (kind == ERR)
		return TERM_IDLE;
	input->key = (int)letter;
	if (kind != KEY_CODE_YES)
		return TERM_KEY;
	if (letter == KEY_RESIZE)
		return TERM_IDLE; /* of our own resizeterm() */
	if (letter != KEY_MOUSE)
		return TERM_KEY;
	take_mouse();
	return next_mouse(input);
}

enum term_event term_wait(struct term *term, int timeout_ms, struct term_input *input)
{
	struct pollfd fds[] = {{.fd = STDIN_FILENO, .events = POLLIN},
			       {.fd = here.pipe[0], .events = POLLIN}};
	enum term_event event = look_at_signals(term);

	memset(input, 0, sizeof(*input));
	if (event == TERM_IDLE)
		event = look_at_keys(term, input);
	if (event != TERM_IDLE || timeout_ms <= 0)
		return event;
	if (poll(fds, 2, timeout_ms) <= 0)
		return look_at_signals(term);
	if (fds[0].revents & (POLLHUP | POLLERR | POLLNVAL))
		here.ended = true;
	event = look_at_signals(term);
	return event == TERM_IDLE ? look_at_keys(term, input) : event;
}
