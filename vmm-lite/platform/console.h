/* SPDX-License-Identifier: MIT */
/*
 * The user's side of the serial port: standard input and output. On a terminal every key goes to
 * the guest, but for those after Ctrl-A; the terminal is put back on every way out.
 */
#ifndef VMM_PLATFORM_CONSOLE_H
#define VMM_PLATFORM_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum console_command { CONSOLE_NONE, CONSOLE_QUIT, CONSOLE_HELP, CONSOLE_STATS };

struct console {
	bool raw;         /* the terminal was switched */
	bool readable;    /* standard input has not ended, and is ours to read */
	bool prefix;      /* Ctrl-A was typed */
	bool output_gone; /* standard output cannot be written any more */
	bool hurry;       /* set by anybody: drop output rather than wait for a stuck reader */
};

/* Switch the terminal, if there is one. */
void console_open(struct console *console);
void console_close(struct console *console);

/*
 * Take the escapes out of what was typed, in place; *len becomes what is left for the guest. The
 * first command in it, if any, ends the scan; the rest is dropped. Only on a terminal.
 */
enum console_command console_filter(struct console *console, uint8_t *data, size_t *len);

/* Write all of it to standard output. false: it is gone (a closed pipe, a full disk). */
bool console_write(struct console *console, const uint8_t *data, size_t len);

extern const char console_help[];

#endif
