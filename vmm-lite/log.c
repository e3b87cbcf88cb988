/* SPDX-License-Identifier: MIT */
#include "vmm-lite/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

void log_line(const char *format, ...)
{
	char line[1024] = "vmm-lite: ";
	int prefix = 10, len;
	va_list args;

	va_start(args, format);
	len = vsnprintf(line + prefix, sizeof(line) - (size_t)prefix - 1, format, args);
	va_end(args);
	if (len < 0)
		return;
	len += prefix;
	if (len > (int)sizeof(line) - 2)
		len = (int)sizeof(line) - 2;
	/* What a message quotes may hold anything; it stays one line, and no terminal obeys it. */
	for (int i = prefix; i < len; i++)
		if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
			line[i] = '?';
	line[len++] = '\n';
	/* One write, so that lines of several threads do not mix. */
	if (write(STDERR_FILENO, line, (size_t)len) < 0)
		return;
}
