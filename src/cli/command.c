/* SPDX-License-Identifier: MIT */
#include "command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool command_flag(char ***words, const char *name, bool *flag)
{
    if (strcmp((*words)[0], name) != 0)
        return false;
    *flag = true;
    *words += 1;
    return true;
}

bool command_value(char ***words, const char *name, const char **value)
{
    if (strcmp((*words)[0], name) != 0 || (*words)[1] == NULL)
        return false;
    *value = (*words)[1];
    *words += 2;
    return true;
}

bool command_word(char ***words, char ***kept)
{
    if ((*words)[0][0] == '-' && (*words)[0][1] != '\0')
        return false;
    *(*kept)++ = *(*words)++;
    return true;
}

int command_failed(const struct err *err)
{
    fprintf(stderr, "berth: %s\n", err->text);
    return EXIT_FAILURE;
}

int command_no_tree(const struct err *err)
{
    if (err->code != ERR_NOT_FOUND)
        return command_failed(err);
    puts(err->text);
    return EXIT_SUCCESS;
}
