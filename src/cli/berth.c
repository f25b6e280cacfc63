/* SPDX-License-Identifier: MIT */
/* The administrator's command; see berth(1). */
#include <config.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "command.h"

/*
 * A way to use a command, in alphabetical order. Several may begin with the
 * same word, by which the function is found; it gets the words behind that.
 * Completion (etc/completion) reads options from the synopsis, as
 * `berth COMMAND --help` prints it.
 */
static const struct {
    const char *name; /* one word or more: "token key" */
    const char *synopsis;
    const char *summary; /* what it does, in less than 56 letters */
    command_function *run;
} commands[] = {
    {"adopt", "[-c FILE] [--user USER[:GROUP]] [--dry-run] [--undo]",
     "give the tree of a registry:2 to Berth, or back", command_adopt},
    {"backup", "[-c FILE] [--link] [--data] [--json] [--yes] DIR",
     "copy the registry while it is in use", command_backup},
    {"check",
     "[-c FILE] [--data [--rate BYTES]] [--repair [--yes]] "
     "[--older-than AGE] [--json] [REPOSITORY...]",
     "find what is damaged in the tree, and mend it", command_check},
    {"check --distribution", "[-c FILE]",
     "tell what would stop the collector of registry:2", command_check},
    {"check --shared", "[-c FILE] [--wait TIME]",
     "test whether two hosts may serve one tree", command_check},
    {"check --web", "URL [--user NAME] [--ca FILE | --insecure] [--body SIZE]",
     "test a live web server from outside", command_check},
    {"configtest", "[-c FILE]", "print the settings in force",
     command_configtest},
    {"export",
     "[-c FILE] [--referrers] [--json] REPOSITORY[:TAG|@DIGEST]... TO",
     "write images to an OCI image layout", command_export},
    {"gc",
     "[-c FILE] [--dry-run | --verbose] [--json] [--grace AGE] "
     "[--untagged AGE [--yes]] [--empty-trash] [--deep] [--no-other-writer]",
     "collect what nothing refers to", command_gc},
    {"import", "[-c FILE] [--json] FROM [REPOSITORY[:TAG]]",
     "take images from a layout or an archive", command_import},
    {"import --tree", "DIR [-c FILE] [--link] [--json] [REPOSITORY...]",
     "take repositories from the tree of a registry:2", command_import},
    {"import-config", "FILE", "turn a config.yml of registry:2 into settings",
     command_import_config},
    {"inspect", "[-c FILE] [--json | --raw] REPOSITORY[:TAG|@DIGEST]...",
     "show what an image is made of", command_inspect},
    {"list", "[-c FILE] [--json] [-l | -1] [PATTERN|REPOSITORY...]",
     "list repositories, or the tags of one", command_list},
    {"policy check", "[-c FILE] [--policy FILE] [USER REPOSITORY]",
     "tell what a user may do, and why", command_policy},
    {"prune", "[-c FILE] [--dry-run] [--yes] [--json] [REPOSITORY|PATTERN...]",
     "delete the tags and manifests that no rule keeps", command_prune},
    {"purge", "[-c FILE] [--older-than AGE] [--dry-run] [--deep]",
     "remove unfinished uploads and litter", command_purge},
    {"quota", "[-c FILE] [--json] [--recount]",
     "show how much of their quotas teams have used", command_quota},
    {"restore",
     "[-c FILE] [--keep | --yes] [--data] [--json] DIR [REPOSITORY...]",
     "bring back what a backup has", command_restore},
    {"rm", "[-c FILE] [--json] [--yes] [--now] REPOSITORY[:TAG|@DIGEST]...",
     "delete tags, images, whole repositories", command_rm},
    {"tag", "[-c FILE] REPOSITORY[:TAG|@DIGEST] NEWTAG...",
     "give an image more tags", command_tag},
    {"token key", "[-c FILE] [--algorithm ES256|RS256|HS256]",
     "make a key that signs bearer tokens", command_token},
    {"token robot",
     "add NAME [--replace] | list | revoke NAME [--file HTPASSWD] "
     "[-c FILE]",
     "give a program a password, or take it back", command_token},
    {"usage", "[-c FILE] [--json] [--depth COMPONENTS] [PATTERN...]",
     "tell what room repositories and namespaces take", command_usage},
};

/* Whether it is the first word of the row's name. */
static bool row_matches(size_t row, const char *word)
{
    size_t len = strcspn(commands[row].name, " ");

    return strlen(word) == len && strncmp(commands[row].name, word, len) == 0;
}

static int print_overview(FILE *to)
{
    fputs("usage: berth COMMAND [WORD...]\n\n", to);
    for (size_t row = 0; row < ARRAY_SIZE(commands); row++)
        fprintf(to, "  %-20s  %s\n", commands[row].name, commands[row].summary);
    fputs("\nberth COMMAND --help prints the words of a command, and\n"
          "berth --version the version. The manual is berth(1).\n",
          to);
    return to == stdout ? EXIT_SUCCESS : COMMAND_USAGE;
}

static int print_usage(FILE *to, const char *command)
{
    const char *before = "usage:";

    for (size_t row = 0; row < ARRAY_SIZE(commands); row++) {
        if (!row_matches(row, command))
            continue;
        fprintf(to, "%-6s berth %s %s\n", before, commands[row].name,
                commands[row].synopsis);
        before = "";
    }
    return to == stdout ? EXIT_SUCCESS : COMMAND_USAGE;
}

static bool asks_for_help(char **words)
{
    const char *last = NULL;

    for (; *words != NULL; words++)
        last = *words;
    return last != NULL && strcmp(last, "--help") == 0;
}

/* What was printed and did not arrive is a failure of whatever it was. */
static int finish(int status)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    perror("berth: standard output");
    return status == EXIT_SUCCESS ? EXIT_FAILURE : status;
}

static int run_command(size_t row, char **words)
{
    int status;

    if (asks_for_help(words))
        return print_usage(stdout, words[-1]);
    status = commands[row].run(words);
    return status == COMMAND_USAGE ? print_usage(stderr, words[-1])
                                   : finish(status);
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--version") == 0)
        return puts("berth " PACKAGE_VERSION) < 0;
    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return print_overview(stdout);
    for (size_t row = 0; argc >= 2 && row < ARRAY_SIZE(commands); row++) {
        if (row_matches(row, argv[1]))
            return run_command(row, argv + 2);
    }
    return print_overview(stderr);
}
