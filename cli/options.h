/* SPDX-License-Identifier: MIT */
/* Parsing a command line by the table of a command. Pure: touches no file and prints nothing. */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include "cli/command.h"

/*
 * Parse argv[0..argc-1], what follows the command's name, into `options` (command->size bytes,
 * defaults set here) and `arguments`, whose `plain` is malloc'ed. *help is set if --help is among
 * them. 0, or CLI_USAGE with one line in err that names the option, the value and what is allowed.
 */
int options_parse_command(const struct command *command, int argc, char **argv, void *options,
			  struct arguments *arguments, bool *help, char *err, size_t err_size);

/* --help of a command, and of all. */
void options_help(FILE *out, const struct command *command);
void options_help_all(FILE *out);

/* All of it for docs/generate; `vbtrace help --tables`. */
void options_tables(FILE *out);

/* Values as people write them. 0 or -1; text in whole. */
int parse_number(const char *text, uint64_t *out);
int parse_time(const char *text, uint64_t *out_ns); /* fractions allowed; 0 needs no unit */
int parse_size(const char *text, uint64_t *out);    /* bytes, or with K, M, G, T */
int parse_range(const char *text, struct range *out);

/* The name in "a|b|c" (or in names[], NULL at the end) that was probably meant; NULL if none is
 * close. The former writes into buf. */
const char *suggest_choice(const char *typed, const char *choices, char *buf, size_t size);
bool similar(const char *typed, const char *known);

#endif
