/* SPDX-License-Identifier: MIT */
/*
 * The words behind `berth token`: a file each, and their table in token.c. See
 * command.h for what they get and return.
 */
#ifndef BERTH_CLI_TOKEN_COMMAND_H
#define BERTH_CLI_TOKEN_COMMAND_H

#include "cli/command.h"

command_function token_key;   /* what we sign tokens with */
command_function token_robot; /* the programs that may log in */

#endif
