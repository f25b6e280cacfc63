/* SPDX-License-Identifier: MIT */
/* One check of the damaged tree, and what it said, as text. */
#ifndef BERTH_TESTS_TREE_CHECKED_H
#define BERTH_TESTS_TREE_CHECKED_H

#include <stdbool.h>

#include "store/damages.h"
#include "store/tree_check.h"

#define SAID_MAX 4096

/*
 * What was found, as in struct damage, but for the quarantine, of which is
 * told for ever; the outcome of each by a letter: left, (to be) mended by a
 * repair (a), mended, young, failed; the images with a tag that are hurt,
 * between blanks; and the last reason that was given.
 */
struct checked {
    char found[SAID_MAX];
    char outcomes[SAID_MAX];
    char hurt[SAID_MAX];
    char reason[SAID_MAX];
    unsigned int quarantined;
    struct tree_check_result result;
};
extern struct checked checked;

void check(bool repair, bool data);
void check_with(const struct tree_check_options *options,
                const char *const *names, size_t count);

/* A cutoff that spares what is younger than an hour. */
int64_t hour_ago_ns(void);

/* Whether `images`, separated by blanks, has this one; NULL has none. */
bool has_image(const char *images, const char *image);

/* All damages; `which` runs over the lists. */
extern const struct damage_list *const damage_lists[];
extern const size_t damage_list_count;

#endif
