/* SPDX-License-Identifier: MIT */
/* Diagnostics: one line on standard error, with the program's name in front. Any thread. */
#ifndef VMM_LOG_H
#define VMM_LOG_H

void log_line(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
