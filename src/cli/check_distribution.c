/* SPDX-License-Identifier: MIT */
#include "command.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "store/catalog.h"
#include "store/distribution_check.h"
#include "tree.h"

struct walk {
    const struct store *store;
    const char *name;
    size_t findings;
    size_t failures; /* repositories that could not be read to the end */
};

static const char *effect_text(enum distribution_effect effect)
{
    switch (effect) {
    case DISTRIBUTION_STOPS:
        return "stops";
    case DISTRIBUTION_MAY_STOP:
        return "may stop";
    case DISTRIBUTION_DELETES:
        return "deletes what is needed";
    }
    return "";
}

static int print_finding(void *context,
                         const struct distribution_finding *finding,
                         struct err *err UNUSED)
{
    struct walk *walk = context;

    walk->findings++;
    printf("%s %s: the collector of %s %s: %s\n", walk->name, finding->where,
           finding->releases, effect_text(finding->effect), finding->reason);
    return 0;
}

/* What cannot be read hides nothing of the others. */
static int visit_repository(void *context, const char *name,
                            struct err *err UNUSED)
{
    struct walk *walk = context;
    struct err failure = {0};

    walk->name = name;
    if (distribution_check_repository(walk->store, name, print_finding, walk,
                                      &failure) < 0) {
        fprintf(stderr, "berth: %s: %s\n", name, failure.text);
        walk->failures++;
    }
    return 0;
}

/* `*clean` when there is nothing to tell. */
static int check_distribution(const char *file, bool *clean, struct err *err)
{
    CLEANUP(tree) struct tree tree = {0};
    struct walk walk = {.store = &tree.store};

    if (tree_open(file, &tree, err) < 0 ||
        catalog_list(&tree.store, "", visit_repository, &walk, err) < 0)
        return -1;
    *clean = walk.findings == 0 && walk.failures == 0;
    return 0;
}

/* Lists where the collector of registry:2 or 3 would stop or do harm. */
int command_check_distribution(char **words)
{
    struct err err = {0};
    const char *file = NULL;
    bool distribution = false, clean;

    while (*words != NULL) {
        if (!command_flag(&words, "--distribution", &distribution) &&
            !command_value(&words, "-c", &file))
            return COMMAND_USAGE;
    }
    if (!distribution)
        return COMMAND_USAGE;
    if (check_distribution(file, &clean, &err) < 0)
        return command_failed(&err);
    return clean ? EXIT_SUCCESS : EXIT_FAILURE;
}
