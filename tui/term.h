/* SPDX-License-Identifier: MIT */
/*
 * The terminal: ncurses begins and ends here, and what comes from the user or from outside (keys,
 * mouse, a new size, a signal to end) is waited for here, in one place.
 *
 * Whatever ends the program, the terminal is given back as it was found: by term_stop, by exit(),
 * and on a crash by a handler that needs nothing but write() and tcsetattr(). A process has one
 * terminal, so there is one struct term at a time; all calls are made by one thread.
 *
 *	if (!term_usable())
 *		... print plain text instead
 *	if (term_start(&term, err, sizeof(err)))
 *		... say err
 *	while ((event = term_wait(&term, 100, &input)) != TERM_END)
 *		...
 *	term_stop(&term);
 */
#ifndef TUI_TERM_H
#define TUI_TERM_H

#include <stdbool.h>
#include <stddef.h>

struct term {
	int rows, columns; /* as of the last TERM_RESIZE, or of term_start */
	int colours;       /* 256, 8, or 0 where there are none; NO_COLOR makes it 0 */
	bool utf8;         /* the locale's letters are UTF-8, else ASCII is all that may be used */
};

enum term_event {
	TERM_IDLE,   /* nothing came within the time */
	TERM_KEY,    /* input->key: a letter (Unicode) or one of ncurses' KEY_…; KEY_ESC */
	TERM_CLICK,  /* input->row, input->column; input->twice: a double click */
	TERM_RESIZE, /* term->rows, term->columns are new, the screen is empty */
	TERM_END     /* SIGINT, SIGTERM, SIGHUP, or the terminal went away */
};

struct term_input {
	int key;
	int row, column;
	bool twice;
};

#define KEY_ESC 27

/* Are standard input and output a terminal that can do more than a typewriter? */
bool term_usable(void);

/* Take the terminal. 0, or -1 with one line in err (the terminal is then as it was). */
int term_start(struct term *term, char *err, size_t err_size);

/* Give it back. May be called twice. */
void term_stop(struct term *term);

/* Wait for the next event, at most timeout_ms (0: only look). After TERM_END every call says
 * TERM_END again. */
enum term_event term_wait(struct term *term, int timeout_ms, struct term_input *input);

#endif
