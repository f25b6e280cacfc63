/* SPDX-License-Identifier: MIT */
/* More names for an image that is there. */
#include <stdio.h>
#include <stdlib.h>

#include "cli/command.h"
#include "cli/tree.h"
#include "found.h"
#include "oci/name.h"
#include "store/layout.h"
#include "store/manifest_store.h"
#include "store/tag.h"

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

/*
 * The same leases and the same look behind as for a push by digest: a
 * collector, or who deletes the manifest, may be at work.
 */
static int set_tag(const struct store *store, const struct found *found,
                   const char *tag, struct err *err)
{
    const char *name = found->reference.name;
    char digest[DIGEST_TEXT_MAX];

    manifest_lease(store, name, &found->digest);
    if (manifest_check(store, name, &found->digest, err) < 0 ||
        tag_set(store, name, tag, &found->digest, err) < 0)
        return -1;
    digest_format(&found->digest, digest);
    if (manifest_check(store, name, &found->digest, err) < 0) {
        struct layout_path link = layout_revision_link(name, &found->digest);
        struct err ignored = {0};

        (void)!tag_delete_all(store, name, &found->digest, link.text, &ignored);
        return err_set(err, ERR_MANIFEST_UNKNOWN,
                       "%s: %s was deleted meanwhile", name, digest);
    }
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
