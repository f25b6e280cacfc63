/* SPDX-License-Identifier: MIT */
/* How a policy is kept; for the files policy_*.c and their tests alone. */
#ifndef BERTH_ACCESS_POLICY_INTERNAL_H
#define BERTH_ACCESS_POLICY_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"
#include "base/err.h"
#include "base/span.h"

/* In the order in which they are looked at, and sorted. */
enum policy_rule_kind {
    RULE_USER,
    RULE_GROUP,
    RULE_AUTHENTICATED,
    RULE_ANONYMOUS,
};

/* A line of a section. */
struct policy_rule {
    enum policy_rule_kind kind;
    const char *name;      /* of the user or group; else "" */
    const char *principal; /* as the file has it */
    unsigned rights;
    int line;
};

struct policy_section {
    const char *pattern;
    size_t prefix;       /* bytes before the first wildcard */
    size_t literals;     /* characters that are no wildcards */
    size_t first, count; /* of its rules, which are sorted by kind and name */
    int line;
};

struct policy_group {
    const char *name;
    size_t first, count; /* in `ancestors`: itself and all it is in */
    int line;
};

/* A user who is named in a group. */
struct policy_membership {
    const char *user;
    size_t group;
};

struct policy {
    char *texts;                     /* all names and patterns are in here */
    struct policy_section *sections; /* in the order of compare_sections */
    size_t section_count, exact_count;
    struct policy_rule *rules;
    size_t rule_count;
    struct policy_group *groups;
    size_t group_count;
    struct policy_membership *memberships; /* sorted by user */
    size_t membership_count;
    size_t *ancestors; /* numbers of groups */
};

/* Room for one more behind `count` elements of `size` bytes. */
void *policy_grow(void *array, size_t count, size_t size);

/* --- words: policy_word.c --- */

struct policy_word {
    char sign;        /* '@', '$' or '\0' */
    const char *text; /* as the file has it */
    const char *name; /* without the sign, quotes and escapes */
};

/*
 * Takes the first word of `rest`, which ends before `end` or with the text, and
 * what ends it; `rest` then is NULL if nothing did. Texts are written to
 * `*room`, which moves on, by less than two bytes for each byte of the file.
 */
int policy_word_take(struct span *rest, char end, char **room,
                     struct policy_word *out, struct err *err) WARN_UNUSED;

/* The text with a NUL behind it, written as above. */
const char *policy_word_keep(char **room, struct span text);

/* --- patterns: policy_pattern.c --- */

/* Checks the pattern, and says how specific it is. */
int policy_pattern_check(struct span pattern, struct policy_section *out,
                         struct err *err) WARN_UNUSED;

/* True for one that names a repository. */
static inline bool policy_pattern_is_exact(const struct policy_section *section)
{
    return section->pattern[section->prefix] == '\0';
}

/* Takes at most the product of the lengths. */
bool policy_pattern_matches(const char *pattern, const char *name);

/* --- groups: policy_groups.c --- */

/* A group that is named in a group, which is one by its number. */
struct policy_inclusion {
    const char *name;
    size_t inner; /* filled in */
    size_t outer;
    int line;
};

/* Names that are there once, sorted. */
struct policy_entry {
    const char *name;
    size_t number;
    int line;
};

/*
 * Sorts; ERR_SYNTAX, with the line in front, when a name is there twice. `what`
 * says of what, for "the group x".
 */
int policy_entries_sort(struct policy_entry *entries, size_t count,
                        const char *what, const char *file,
                        struct err *err) WARN_UNUSED;

const struct policy_entry *
policy_entries_find(const struct policy_entry *entries, size_t count,
                    const char *name);

/*
 * Finds out which groups each group is in, and sorts the memberships.
 * ERR_SYNTAX, with the line in front, for an unknown group in a group or a
 * rule, and for a group that is in itself.
 */
int policy_groups_resolve(struct policy *policy,
                          struct policy_inclusion *inclusions,
                          size_t inclusion_count, const char *file,
                          struct err *err) WARN_UNUSED;

#endif
