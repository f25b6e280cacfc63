/* SPDX-License-Identifier: MIT */
/* The administrator's command; see berth(1). */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "command.h"

static const struct {
    const char *name;
    const char *synopsis; /* of its words */
    command_function *run;
} commands[] = {
    {"adopt", "[-c FILE] [--user USER[:GROUP]] [--dry-run] [--undo]",
     command_adopt},
    {"check", "--distribution [-c FILE]", command_check},
    {"check", "--web URL [--user NAME] [--ca FILE | --insecure] [--body SIZE]",
     command_check},
    {"configtest", "[-c FILE]", command_configtest},
    {"import-config", "FILE", command_import_config},
    {"policy", "check [-c FILE] [--policy FILE] [USER REPOSITORY]",
     command_policy},
    {"purge", "[-c FILE] [--older-than AGE] [--dry-run] [--deep]",
     command_purge},
    {"token", "key [-c FILE] [--algorithm ES256|RS256|HS256]", command_token},
    {"token",
     "robot add NAME [--replace] | list | revoke NAME [--file HTPASSWD] "
     "[-c FILE]",
     command_token},
};

static int print_usage(FILE *to)
{
    const char *before = "usage:";

    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        fprintf(to, "%-6s berth %s %s\n", before, commands[i].name,
                commands[i].synopsis);
        before = "";
    }
    fputs("       berth --version | --help\n", to);
    return to == stdout ? EXIT_SUCCESS : COMMAND_USAGE;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--version") == 0)
        return puts("berth " PACKAGE_VERSION) < 0;
    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return print_usage(stdout);
    for (size_t i = 0; argc >= 2 && i < ARRAY_SIZE(commands); i++) {
        int status;

        if (strcmp(argv[1], commands[i].name) != 0)
            continue;
        status = commands[i].run(argv + 2);
        return status == COMMAND_USAGE ? print_usage(stderr) : status;
    }
    return print_usage(stderr);
}
