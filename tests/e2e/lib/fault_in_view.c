/* SPDX-License-Identifier: MIT */
/*
 * To be preloaded into `vbtrace top`: as soon as a view writes the text FAULT_AT, it does what FAULT
 * names, in the middle of its drawing.
 */
#include <curses.h>
#include <dlfcn.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

static volatile int *volatile nowhere;
static volatile int zero;

static int deeper(int depth)
{
	volatile char room[4096];

	room[0] = (char)depth;
	return deeper(depth + 1) + room[0];
}

static void fault(const char *kind)
{
	if (!strcmp(kind, "null"))
		*nowhere = 1;
	else if (!strcmp(kind, "abort"))
		abort();
	else if (!strcmp(kind, "stack"))
		zero = deeper(1);
	else if (!strcmp(kind, "division"))
		zero = 1000 / zero;
	else if (!strcmp(kind, "exit"))
		exit(3);
}

int waddnwstr(WINDOW *window, const wchar_t *text, int count)
{
	int (*next)(WINDOW *, const wchar_t *, int) =
	    (int (*)(WINDOW *, const wchar_t *, int))dlsym(RTLD_NEXT, "waddnwstr");
	wchar_t at[64] = L"";

	mbstowcs(at, getenv("FAULT_AT"), 63);
	if (wcsstr(text, at))
		fault(getenv("FAULT"));
	return next(window, text, count);
}
