/* SPDX-License-Identifier: MIT */
/*
 * Patterns for names, and the order in which those of a file are tried.
 *
 * '*' stands for any characters, also none and also '/'; '?' for one. Of the
 * patterns that match the name of a repository, the most specific comes
 * first: the name itself; then those with the most characters before their
 * first wildcard; of these the one with the most characters that are no
 * wildcards; of these the one that comes first in the file.
 */
#ifndef BERTH_OCI_PATTERN_H
#define BERTH_OCI_PATTERN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"
#include "base/err.h"

/* Takes at most the product of the lengths. */
bool pattern_matches(const char *pattern, const char *name);

/* A pattern for names of repositories. */
struct pattern {
    const char *text; /* borrowed */
    size_t prefix;    /* bytes before the first wildcard */
    size_t literals;  /* characters that are no wildcards */
    int line;         /* where it stands in the file */
    size_t number;    /* the caller's: what it is the pattern of */
};

/* ERR_SYNTAX when no repository can have such a name, or for "**". */
int pattern_parse(const char *text, struct pattern *out,
                  struct err *err) WARN_UNUSED;

/* ERR_SYNTAX when no tag can have such a name, or for "**". */
int pattern_check_tag(const char *text, struct err *err) WARN_UNUSED;

struct pattern_list {
    struct pattern *items; /* freed by free() */
    size_t count;
    size_t exact_count; /* of those that name a repository; they come first */
};

/* Puts it behind the others, before they are sorted. */
void pattern_list_add(struct pattern_list *list, const struct pattern *pattern);

/*
 * Makes it ready to be searched. ERR_SYNTAX, with "FILE:LINE: " in front, when
 * a pattern is there twice.
 */
int pattern_list_sort(struct pattern_list *list, const char *file,
                      struct err *err) WARN_UNUSED;

/*
 * Visits those that match a name, the most specific first:
 *
 *     struct pattern_search search = {.list = &list, .name = name};
 *
 *     while ((pattern = pattern_next(&search)) != NULL)
 *
 * Goes by their beginnings: a thousand teams with a pattern each shall not
 * make a thousand comparisons for each name in a catalog. Allocates nothing.
 */
struct pattern_search {
    const struct pattern_list *list;
    const char *name;
    bool has_begun;
    size_t prefix, next; /* of what is to be looked at */
};

const struct pattern *pattern_next(struct pattern_search *search);

#endif
