/* SPDX-License-Identifier: MIT */
#include "token_command.h"

#include <stddef.h>
#include <string.h>

#include "base/compiler.h"

static const struct {
    const char *name;
    command_function *run;
} words_of_token[] = {
    {"key", token_key},
    {"robot", token_robot},
};

int command_token(char **words)
{
    for (size_t i = 0; *words != NULL && i < ARRAY_SIZE(words_of_token); i++) {
        if (strcmp(*words, words_of_token[i].name) == 0)
            return words_of_token[i].run(words + 1);
    }
    return COMMAND_USAGE;
}
