/* SPDX-License-Identifier: MIT */
#include "command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "access/policy.h"
#include "oci/name.h"
#include "store/settings.h"

struct words {
    const char *settings; /* a file; NULL = the usual one */
    const char *policy;   /* NULL = that of the settings */
    const char *user;     /* NULL = only see whether the file is right */
    const char *repository;
};

static bool take_position(char ***words, const char **value)
{
    if (*value != NULL || (*words)[0][0] == '-')
        return false;
    *value = (*words)[0];
    *words += 1;
    return true;
}

static int parse_words(char **words, struct words *out)
{
    if (words[0] == NULL || strcmp(words[0], "check") != 0)
        return -1;
    words++;
    while (*words != NULL) {
        if (!command_value(&words, "-c", &out->settings) &&
            !command_value(&words, "--policy", &out->policy) &&
            !take_position(&words, &out->user) &&
            !take_position(&words, &out->repository))
            return -1;
    }
    if (out->user == NULL)
        return 0;
    if (out->repository == NULL)
        return -1;
    if (!user_name_is_valid(span_of(out->user))) {
        fputs("berth: this can be the name of no user\n", stderr);
        return -1;
    }
    if (!name_is_valid(span_of(out->repository))) {
        fputs("berth: this can be the name of no repository\n", stderr);
        return -1;
    }
    return 0;
}

/* The line that decided, or what there was none for. */
static void print_reason(const struct policy_reason *reason, unsigned rights,
                         const char *file, const struct words *words,
                         struct buf *into)
{
    if (reason->pattern == NULL) {
        buf_add_format(into, "%s: no section is for %s", file,
                       words->repository);
        return;
    }
    if (reason->principal == NULL) {
        buf_add_format(into, "%s:%d: no line in [%s] is for %s", file,
                       reason->section_line, reason->pattern, words->user);
        return;
    }
    buf_add_format(into, "%s:%d: %s =%s", file, reason->line, reason->principal,
                   reason->rights != 0 ? " " : "");
    rights_print(reason->rights, into);
    if (reason->rights != rights)
        buf_add(into, SPAN(", and lines of other groups"));
    buf_add_format(into, ", in [%s] of line %d", reason->pattern,
                   reason->section_line);
}

static int print_decision(const struct policy *policy, const char *file,
                          const struct words *words)
{
    CLEANUP(buf) struct buf text = BUF_INIT(8 * 1024);
    bool nobody = strcmp(words->user, "$anonymous") == 0;
    struct policy_reason reason;
    unsigned rights = policy_rights(policy, nobody ? "" : words->user,
                                    words->repository, &reason);

    if (rights == 0)
        buf_add(&text, SPAN("nothing"));
    rights_print(rights, &text);
    buf_add(&text, SPAN(": "));
    print_reason(&reason, rights, file, words, &text);
    puts(buf_text(&text));
    return rights != 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* Says what a policy grants, and why. */
int command_policy(char **argv)
{
    CLEANUP(policy) struct policy *policy = NULL;
    struct words words = {0};
    struct settings settings;
    const char *file;
    struct err err = {0};

    if (parse_words(argv, &words) < 0)
        return COMMAND_USAGE;
    file = words.policy;
    if (file == NULL) {
        if (settings_load(words.settings, &settings, &err) < 0)
            return command_failed(&err);
        file = settings.policy;
    }
    if (file[0] == '\0') {
        fputs("berth: the configuration names no policy\n", stderr);
        return EXIT_FAILURE;
    }
    if (policy_read(file, &policy, &err) < 0)
        return command_failed(&err);
    if (words.user != NULL)
        return print_decision(policy, file, &words);
    printf("%s has no mistakes\n", file);
    return EXIT_SUCCESS;
}
