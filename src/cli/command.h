/* SPDX-License-Identifier: MIT */
/*
 * The commands of berth(1): a file each, and their table in berth.c.
 *
 * A command gets the words behind its name, with NULL at their end, and
 * returns the exit status: 0 when all is well, 1 when something is wrong, or
 * one of those below. What was found goes to standard output, what went wrong
 * to standard error after "berth: ".
 */
#ifndef BERTH_CLI_COMMAND_H
#define BERTH_CLI_COMMAND_H

#include <stdbool.h>

#include "base/err.h"

#define COMMAND_USAGE 2  /* no such words; the caller prints how to use it */
#define COMMAND_PARTLY 3 /* it did its work; something is left to people */
#define COMMAND_BUSY 4   /* another one is at work; it did nothing */
#define COMMAND_INTERRUPTED 130 /* by Ctrl-C, see interrupt.h */

typedef int command_function(char **words);

command_function command_adopt;
command_function command_backup;
command_function command_check;
command_function command_check_distribution; /* check --distribution */
command_function command_check_shared;       /* check --shared */
command_function command_check_web;          /* check --web */
command_function command_configtest;
command_function command_export;
command_function command_gc;
command_function command_import;
command_function command_import_config;
command_function command_inspect;
command_function command_list;
command_function command_policy;
command_function command_prune;
command_function command_purge;
command_function command_quota;
command_function command_restore;
command_function command_rm;
command_function command_tag;
command_function command_token;
command_function command_usage;

/*
 * Words, one after the other: each takes `**words` if it is `name`, and what
 * belongs to it, and goes on to the next; false when it is something else.
 * The array ends with NULL.
 */
bool command_flag(char ***words, const char *name, bool *flag);
bool command_value(char ***words, const char *name, const char **value);

/*
 * A word that is no option ("-" is none): it is put where `*kept` stands, which
 * goes on, too. `kept` begins as `words`; what is before it at the end was
 * kept.
 */
bool command_word(char ***words, char ***kept);

/* Prints the error and returns EXIT_FAILURE. */
int command_failed(const struct err *err);

/*
 * The same after tree_open: that there is no registry yet (ERR_NOT_FOUND) is
 * said on standard output, and nothing went wrong.
 */
int command_no_tree(const struct err *err);

#endif
