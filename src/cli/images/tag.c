/* SPDX-License-Identifier: MIT */
/* More names for an image that is there. */
#include <stdio.h>
#include <stdlib.h>

#include "cli/command.h"
#include "cli/tree.h"
#include "found.h"
#include "oci/name.h"
#include "store/intake.h"

static int parse_words(char **words, const char **file, char ***kept_words)
{
    char **kept = words;

    *kept_words = words;
    while (*words != NULL) {
        if (!command_value(&words, "-c", file) && !command_word(&words, &kept))
            return -1;
    }
    *kept = NULL;
    return (*kept_words)[0] == NULL || (*kept_words)[1] == NULL ? -1 : 0;
}

/* All of them, before anything is changed. */
static int check_tags(char **tags, struct err *err)
{
    for (; *tags != NULL; tags++)
        if (!tag_is_valid(span_of(*tags)))
            return err_set(err, ERR_TAG_INVALID,
                           "\"%s\" is no tag: a letter, a digit or _, then "
                           "those, . and -, at most 128 together",
                           *tags);
    return 0;
}

static int set_tag(const struct store *store, const struct found *found,
                   const char *tag, struct err *err)
{
    const char *name = found->reference.name;
    char digest[DIGEST_TEXT_MAX];

    if (intake_tag(store, name, tag, &found->digest, err) < 0)
        return err_wrap(err, "%s", name);
    digest_format(&found->digest, digest);
    printf("%s:%s %s\n", name, tag, digest);
    return 0;
}

int command_tag(char **argv)
{
    CLEANUP(tree) struct tree tree = {0};
    const char *file = NULL;
    struct found found;
    struct err err = {0};
    char **words;

    if (parse_words(argv, &file, &words) < 0)
        return COMMAND_USAGE;
    if (tree_open(file, &tree, &err) < 0 || check_tags(words + 1, &err) < 0 ||
        found_image(&tree.store, words[0], &found, &err) < 0)
        return command_failed(&err);
    for (char **tag = words + 1; *tag != NULL; tag++)
        if (set_tag(&tree.store, &found, *tag, &err) < 0)
            return command_failed(&err);
    return EXIT_SUCCESS;
}
